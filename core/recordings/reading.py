"""A file of any of the forms that recordings lie on disks in -> a Recording.

Read are this project's own recordings (JSON lines, CSV, Parquet, also gzipped), TensorBoard event files, tables with a
column for each logged name (Lightning's CSVLogger, Weights & Biases exports), long tables (tag, step, value or step,
layer, grad_norm), and JSON lines with an object a step. Text is never evaluated.
"""

from __future__ import annotations

import codecs
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np
import pandas as pd
from pyarrow import ArrowException, parquet

from ..data.text import SIGNATURES
from ..errors import ConfigError
from .cells import brief, check_size, check_steps, is_whole, no_gradients, read_numbers, to_number
from .logs import json_objects, read_csv, read_events, read_json_rows, read_long, read_wide
from .recording import KINDS, ROW_FIELDS, VALUE_FIELDS, Parameter, Recording, describe
from .tensorboard import is_event_file

FORMAT = "gradient-flow-lab-recording"
MAX_BYTES = 200_000_000  # of a file, also after it was unpacked
GZIP_BLOCK = 4096  # bytes unpacked at once: what follows a member is copied, and a file may have many


def read_recording(raw: bytes, name: str = "recording", *, max_bytes: int = MAX_BYTES) -> Recording:
    """The recording that a file holds.

    Args:
        raw: the file's bytes.
        name: of the file, for messages and titles; the content decides the format.
        max_bytes: of the file and of what it unpacks to.

    Raises:
        ConfigError: too large, of no known form, without gradients, or with a value that is no number (the message
            names its line and column).
    """
    raw = _unpack(raw, name, max_bytes)
    if not raw.strip():
        raise ConfigError("recording", name, "the file is empty")
    if raw[:4] == b"PAR1":
        table, head = _read_parquet(raw, name)
        return _from_own_table(table, name, head) if head else _from_table(table, name)
    if is_event_file(raw):
        return read_events(raw, name)
    kind = next((kind for signature, kind in SIGNATURES.items() if raw.startswith(signature)), None)
    if kind is not None:
        forms = "a recording is JSON lines, CSV, Parquet or an event file of TensorBoard"
        raise ConfigError("recording", name, f"it is {kind}, not UTF-8 text; {forms}")
    try:
        text = raw.decode("utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            "recording", name, f"line {line} is not UTF-8 text, and the file is no known format"
        ) from None
    if text.lstrip()[:1] in ("{", "["):
        return _from_json(text, name)
    return _from_table(read_csv(text, name), name)


def _unpack(raw: bytes, name: str, max_bytes: int) -> bytes:
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = _gunzip(raw, max_bytes + 1)
        except zlib.error:
            raise ConfigError("recording", name, "it looks gzipped, and cannot be unpacked") from None
    if len(raw) > max_bytes:
        raise ConfigError("recording", name, f"it has more than {max_bytes:,} bytes, which is the most that is read")
    return raw


def _gunzip(raw: bytes, limit: int) -> bytes:
    """As much as there is, up to `limit` bytes: the file of a killed process ends without its last block."""
    out = bytearray()
    member = zlib.decompressobj(wbits=31)
    for start in range(0, len(raw), GZIP_BLOCK):
        block = raw[start : start + GZIP_BLOCK]
        while block and len(out) < limit:
            out += member.decompress(block, limit - len(out))
            block = member.unused_data
            if member.eof:
                member = zlib.decompressobj(wbits=31)
    return bytes(out)


# -- our own ---------------------------------------------------------------------------------------------------------


def _read_parquet(raw: bytes, name: str) -> tuple[pd.DataFrame, dict]:
    """The table, and what the recorder wrote of the run; empty where another program wrote the file."""
    try:
        table = parquet.read_table(io.BytesIO(raw))
        head = json.loads((table.schema.metadata or {}).get(FORMAT.encode(), b"{}"))
        return table.to_pandas(), head if isinstance(head, dict) else {}
    except (ValueError, OSError, ArrowException) as error:
        raise ConfigError("recording", name, f"it is not a Parquet file that can be read: {brief(error)}") from None


def _details(head: Mapping) -> dict:
    return {key: head[key] for key in ("framework", "dtype", "chain", "optimizer") if key in head}


def _own_source(head: Mapping) -> str:
    return f"Gradient Flow Lab’s recorder, {head.get('framework', 'framework not named')}"


def _from_table(table: pd.DataFrame, name: str) -> Recording:
    columns = {str(column).strip().lower(): column for column in table.columns}
    if {"step", "grad_norm", "parameter"} <= set(columns):
        return _from_own_table(table.rename(columns={column: low for low, column in columns.items()}), name)
    if "grad_norm" in columns or "value" in columns:
        return read_long(table, name)
    return read_wide(table, name)


def _from_own_table(table: pd.DataFrame, name: str, head: Mapping | None = None) -> Recording:
    """A tidy table with the columns that the recorder writes; `Trace.to_frame()` has them too, without the names."""
    if "grad_norm" not in table or "step" not in table:
        raise no_gradients(name, table.columns)
    if "parameter" not in table:
        return read_long(table, name)
    tensor, uniques = pd.factorize(table["parameter"].astype(str))
    listed = table.iloc[np.unique(tensor, return_index=True)[1]].to_dict("records")
    parameters = _parameters([row | {"parameter": str(n)} for row, n in zip(listed, uniques, strict=True)])
    step, _ = read_numbers(table["step"], name)
    check_steps(step, name)
    steps, row = np.unique(step, return_inverse=True)
    fields = [field for field in VALUE_FIELDS if field in table]
    check_size(len(steps), len(parameters), len(fields), name)
    values = {}
    for field in fields:
        numbers = read_numbers(table[field], name)[0]
        if not np.isnan(numbers).all():
            values[field] = np.full((len(steps), len(parameters)), np.nan)
            values[field][row, tensor] = numbers
    if "grad_norm" not in values:
        raise ConfigError("recording", name, "no gradient norm in it is a number")
    rows = {}
    for field in (field for field in ROW_FIELDS if field in table):
        numbers = read_numbers(table[field], name)[0]
        known = ~np.isnan(numbers)
        if known.any():
            rows[field] = np.full(len(steps), np.nan)
            rows[field][row[known]] = numbers[known]
    return Recording(
        name=name,
        source=_own_source(head) if head else "Gradient Flow Lab’s recorder",
        parameters=parameters,
        step=steps.astype(np.int64) if np.all(steps == np.round(steps)) else steps,
        values=values,
        rows=rows,
        details=_details(head or {}),
    )


def _parameters(listed: list[dict]) -> tuple[Parameter, ...]:
    """Tensors as a file lists them; what it does not say, or says wrongly, is guessed from the names."""
    guessed = describe([str(row["parameter"]) for row in listed])
    return tuple(
        Parameter(
            name=guess.name,
            layer=int(row["layer"]) if is_whole(row.get("layer")) else guess.layer,
            kind=row["kind"] if row.get("kind") in KINDS else guess.kind,
            size=int(row["size"]) if is_whole(row.get("size")) and float(row["size"]) > 0 else None,
        )
        for guess, row in zip(guessed, listed, strict=True)
    )


def _from_json(text: str, name: str) -> Recording:
    rows = json_objects(text, name)
    number, head = next(rows, (1, {}))
    if head.get("format") == FORMAT:
        return _from_own_lines(head, rows, name)
    return read_json_rows(chain([(number, head)], rows), name)


def _from_own_lines(head: Mapping, lines: Iterator[tuple[int, dict]], name: str) -> Recording:
    if head.get("version") != 1:
        raise ConfigError("recording", name, f"it has version {head.get('version')!r} of the format; this reads 1")
    listed = head.get("parameters")
    if not isinstance(listed, list) or not all(isinstance(p, dict) and "parameter" in p for p in listed):
        raise ConfigError("recording", name, "line 1 must list the parameters, each with its name")
    parameters = _parameters(listed)
    steps: list[float] = []
    values: dict[str, dict[int, np.ndarray]] = {}
    rows: dict[str, dict[int, float]] = {}
    for number, row in lines:
        if "step" not in row:
            raise ConfigError("recording", name, f"line {number} has no step")
        steps.append(to_number(row["step"], name, number, "step"))
        for field in VALUE_FIELDS:
            if field in row:
                numbers = _read_list(row[field], len(parameters), name, number, field)
                values.setdefault(field, {})[len(steps) - 1] = numbers
        for field in ROW_FIELDS:
            if row.get(field) is not None:
                rows.setdefault(field, {})[len(steps) - 1] = to_number(row[field], name, number, field)
        if not len(steps) % 1000:
            check_size(len(steps), len(parameters), len(values), name)
    if not steps or "grad_norm" not in values:
        raise ConfigError("recording", name, "it holds no recorded step yet")
    check_size(len(steps), len(parameters), len(values), name)
    step = np.array(steps)
    check_steps(step, name)
    order = np.argsort(step, kind="stable")

    def table(given: dict[int, np.ndarray]) -> np.ndarray:
        full = np.full((len(steps), len(parameters)), np.nan)
        full[list(given)] = list(given.values())
        return full[order]

    def series(given: dict[int, float]) -> np.ndarray:
        return np.array([given.get(row, np.nan) for row in range(len(steps))])[order]

    return Recording(
        name=name,
        source=_own_source(head),
        details=_details(head),
        parameters=parameters,
        step=step[order].astype(np.int64),
        values={field: table(given) for field, given in values.items()},
        rows={field: series(given) for field, given in rows.items()},
    )


def _read_list(column: object, count: int, name: str, line: int, field: str) -> np.ndarray:
    if not isinstance(column, list) or len(column) != count:
        raise ConfigError("recording", name, f"line {line}: {field} needs {count} numbers")
    try:
        values = np.array(column, dtype=float)  # None is NaN, and "inf" infinite
    except (TypeError, ValueError, OverflowError):
        values = None
    if values is None or values.ndim > 1:  # one of them is no number, or a list
        return np.array([to_number(value, name, line, field) for value in column])
    return values
