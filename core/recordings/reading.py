"""A file of any of the forms that recordings lie on disks in -> a Recording.

Read are this project's own recordings (JSON lines, CSV, Parquet, also gzipped), TensorBoard event files, tables with a
column for each logged name (Lightning's CSVLogger, Weights & Biases exports), long tables (tag, step, value or step,
layer, grad_norm), and JSON lines with an object a step. Text is never evaluated.
"""

from __future__ import annotations

import io
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyarrow import ArrowException, parquet

from ..errors import ConfigError
from .keys import is_bound, parse_key
from .recording import ROW_FIELDS, VALUE_FIELDS, Parameter, Recording, assemble, describe, natural_key
from .tensorboard import is_event_file, read_scalars

FORMAT = "gradient-flow-lab-recording"
MAX_BYTES = 200_000_000  # of a file, also after it was unpacked
MAX_VALUES = 50_000_000  # steps times tensors times fields
STEP_NAMES = ("step", "global_step", "iteration", "iter", "_step", "trainer/global_step", "epoch")
PARAMETER_NAMES = ("parameter", "param", "name", "layer", "tensor", "tag")
TAG_NAMES = ("tag", "metric", "name", "key", "parameter", "variable")


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
        return _from_own_table(table, name, head)
    if is_event_file(raw):
        return _from_events(raw, name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            "recording", name, f"line {line} is not UTF-8 text, and the file is no known format"
        ) from None
    if text.lstrip()[0] in "{[":
        return _from_json_lines(text, name)
    return _from_table(_read_csv(text, name), name)


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
    while raw and len(out) < limit:
        member = zlib.decompressobj(wbits=31)
        out += member.decompress(raw, limit - len(out))
        raw = member.unused_data
    return bytes(out)


# -- our own ---------------------------------------------------------------------------------------------------------


def _read_parquet(raw: bytes, name: str) -> tuple[pd.DataFrame, dict]:
    """The table, and what the recorder wrote of the run; empty where another program wrote the file."""
    try:
        table = parquet.read_table(io.BytesIO(raw))
        head = json.loads((table.schema.metadata or {}).get(FORMAT.encode(), b"{}"))
        return table.to_pandas(), head if isinstance(head, dict) else {}
    except (ValueError, OSError, ArrowException) as error:
        raise ConfigError("recording", name, f"it is not a Parquet file that can be read: {_brief(error)}") from None


def _details(head: Mapping) -> dict:
    return {key: head[key] for key in ("framework", "dtype", "chain", "optimizer") if key in head}


def _own_source(head: Mapping) -> str:
    return f"Gradient Flow Lab's recorder, {head.get('framework', 'framework not named')}"


def _from_own_table(table: pd.DataFrame, name: str, head: Mapping | None = None) -> Recording:
    """A tidy table with the columns that the recorder writes; `Trace.to_frame()` has them too, without the names."""
    if "grad_norm" not in table or "step" not in table:
        raise _no_gradients(name, table.columns)
    if "parameter" not in table:
        return _from_long(table, name)
    listed = table.drop_duplicates("parameter")
    rows: Iterable[Any] = listed.itertuples()
    names = listed["parameter"].astype(str).tolist()
    guessed = describe(names)
    parameters = [
        Parameter(
            name=p.name,
            layer=int(row.layer) if _is_whole(getattr(row, "layer", None)) else p.layer,
            kind=row.kind if hasattr(row, "kind") and isinstance(row.kind, str) else p.kind,
            size=int(row.size) if _is_whole(getattr(row, "size", None)) else None,
        )
        for p, row in zip(guessed, rows, strict=True)
    ]
    index = {name: i for i, name in enumerate(names)}
    table = table.assign(parameter=table["parameter"].astype(str).map(index))
    fields = [field for field in VALUE_FIELDS if field in table]
    observed = _melt(table, ["step", "parameter"], fields, name)
    rows = _melt(table.drop_duplicates("step"), ["step"], [f for f in ROW_FIELDS if f in table], name)
    return assemble(
        name=name,
        source=_own_source(head) if head else "Gradient Flow Lab's recorder",
        observed=observed,
        rows=rows,
        parameters=parameters,
        details=_details(head or {}),
    )


def _from_own_lines(head: Mapping, lines: Iterator[tuple[int, dict]], name: str) -> Recording:
    if head.get("version") != 1:
        raise ConfigError("recording", name, f"it has version {head.get('version')!r} of the format; this reads 1")
    listed = head.get("parameters")
    if not isinstance(listed, list) or not all(isinstance(p, dict) and "parameter" in p for p in listed):
        raise ConfigError("recording", name, "line 1 must list the parameters, each with its name")
    guessed = describe([str(p["parameter"]) for p in listed])
    parameters = [
        Parameter(
            name=g.name, layer=int(p.get("layer") or g.layer), kind=str(p.get("kind") or g.kind), size=p.get("size")
        )
        for p, g in zip(listed, guessed, strict=True)
    ]
    steps, values, rows = [], {}, {}
    for number, row in lines:
        if "step" not in row:
            raise ConfigError("recording", name, f"line {number} has no step")
        steps.append(_to_number(row["step"], name, number, "step"))
        for field in VALUE_FIELDS:
            if field not in row:
                continue
            column = row[field]
            if not isinstance(column, list) or len(column) != len(parameters):
                raise ConfigError("recording", name, f"line {number}: {field} needs {len(parameters)} numbers")
            values.setdefault(field, {})[len(steps) - 1] = [_to_number(v, name, number, field) for v in column]
        for field in ROW_FIELDS:
            if row.get(field) is not None:
                rows.setdefault(field, {})[len(steps) - 1] = _to_number(row[field], name, number, field)
    if not steps or "grad_norm" not in values:
        raise ConfigError("recording", name, "it holds no recorded step yet")
    _check_size(len(steps), len(parameters), len(values), name)
    order = np.argsort(np.array(steps), kind="stable")

    def table(given: dict[int, list[float]]) -> np.ndarray:
        full = np.full((len(steps), len(parameters)), np.nan)
        for row, numbers in given.items():
            full[row] = numbers
        return full[order]

    def series(given: dict[int, float]) -> np.ndarray:
        return np.array([given.get(row, np.nan) for row in range(len(steps))])[order]

    return Recording(
        name=name,
        source=_own_source(head),
        details=_details(head),
        parameters=tuple(parameters),
        step=np.array(steps)[order].astype(np.int64),
        values={field: table(given) for field, given in values.items()},
        rows={field: series(given) for field, given in rows.items()},
    )


# -- other loggers ----------------------------------------------------------------------------------------------------


def _from_events(raw: bytes, name: str) -> Recording:
    try:
        scalars = list(read_scalars(raw))
    except ValueError as error:
        raise ConfigError("recording", name, f"the event file is damaged: {error}") from None
    tags = pd.DataFrame(scalars, columns=["tag", "step", "value"])
    return _from_logged(tags, name, "a TensorBoard event file")


def _read_csv(text: str, name: str) -> pd.DataFrame:
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max(",\t;", key=first.count)
    try:
        return pd.read_csv(io.StringIO(text), sep=delimiter, dtype=str, keep_default_na=False, skip_blank_lines=True)
    except (pd.errors.ParserError, ValueError) as error:
        raise ConfigError("recording", name, f"it is not a table that can be read: {_brief(error)}") from None


def _from_table(table: pd.DataFrame, name: str) -> Recording:
    columns = {str(column).strip().lower(): column for column in table.columns}
    if "step" in columns and "grad_norm" in columns and "parameter" in columns:
        return _from_own_table(_numeric(table, name, but=("parameter", "kind")), name)
    if "grad_norm" in columns or {"value"} & set(columns):
        return _from_long(table, name)
    return _from_wide(table, name)


def _from_long(table: pd.DataFrame, name: str) -> Recording:
    """(tag, step, value), or (step, layer, grad_norm)."""
    columns = {str(column).strip().lower(): column for column in table.columns}
    step = _find(columns, STEP_NAMES, name, "a step")
    if "value" in columns:
        tag = _find(columns, TAG_NAMES, name, "a tag")
        logged = pd.DataFrame({"tag": table[tag], "step": table[step], "value": table[columns["value"]]})
        logged = _numeric(logged, name, but=("tag",))
        return _from_logged(logged.dropna(subset=["value"]), name, "a table of logged values")
    parameter = _find(columns, PARAMETER_NAMES, name, "a layer or a parameter")
    fields = [field for field in VALUE_FIELDS if field in columns]
    numbers = _numeric(table[[columns[f] for f in fields] + [step]], name)
    names = [_plain_name(value) for value in table[parameter]]
    logged = pd.concat(
        [
            pd.DataFrame({"parameter": names, "step": numbers[step], "field": f, "value": numbers[columns[f]]})
            for f in fields
        ]
    )
    ordered = sorted(dict.fromkeys(names), key=natural_key)
    return _assemble_named(logged.dropna(subset=["value"]), ordered, _no_rows(), name, "a table of gradient norms")


def _from_wide(table: pd.DataFrame, name: str) -> Recording:
    """A column for each logged name, a row for each step; rows may have gaps."""
    columns = {str(column).strip().lower(): column for column in table.columns}
    step = next((columns[s] for s in STEP_NAMES if s in columns), None)
    keep = [c for c in table.columns if not is_bound(str(c)) and parse_key(str(c)) is not None]
    keys = [parse_key(str(c)) for c in keep]
    if not [key for key in keys if key is not None and key.field == "grad_norm"]:
        raise _no_gradients(name, table.columns)
    numbers = _numeric(table[keep + ([step] if step is not None else [])], name)
    steps = numbers[step] if step is not None else pd.Series(np.arange(len(table), dtype=float))
    parts = [pd.DataFrame({"tag": str(c), "step": steps, "value": numbers[c]}) for c in keep if c != step]
    logged = pd.concat(parts).dropna(subset=["value", "step"])
    return _from_logged(logged, name, "a table with a column for each logged value", notes=() if step else (
        "The table has no step, so its rows are counted from 0.",))  # fmt: skip


def _from_logged(logged: pd.DataFrame, name: str, source: str, notes: Sequence[str] = ()) -> Recording:
    """Logged values by tag, of which those that are gradients, weights or losses are taken."""
    keys = {tag: parse_key(tag) for tag in dict.fromkeys(logged["tag"].astype(str))}
    taken = {tag: key for tag, key in keys.items() if key is not None and not is_bound(tag)}
    named = {tag: key for tag, key in taken.items() if key.parameter is not None}
    if not [key for key in named.values() if key.field in ("grad_norm", "clipped_grad_norm")]:
        raise _no_gradients(name, keys)
    logged = logged[logged["tag"].isin(taken)].drop_duplicates(["tag", "step"], keep="last")
    each = logged[logged["tag"].isin(named)]
    each = pd.DataFrame(
        {
            "parameter": each["tag"].map(lambda tag: named[tag].parameter),
            "step": each["step"],
            "field": each["tag"].map(lambda tag: named[tag].field),
            "value": each["value"],
        }
    )
    rest = logged[~logged["tag"].isin(named)]
    rows = pd.DataFrame(
        {"step": rest["step"], "field": rest["tag"].map(lambda t: taken[t].field), "value": rest["value"]}
    )
    rows = rows.drop_duplicates(["step", "field"])
    ordered = sorted(dict.fromkeys(each["parameter"]), key=natural_key)
    return _assemble_named(each, ordered, rows, name, source, notes)


def _assemble_named(
    logged: pd.DataFrame, names: list[str], rows: pd.DataFrame, name: str, source: str, notes: Sequence[str] = ()
) -> Recording:
    if logged.empty:
        raise ConfigError("recording", name, "no gradient norm in it is a number")
    _check_size(logged["step"].nunique(), len(names), logged["field"].nunique(), name)
    index = {parameter: i for i, parameter in enumerate(names)}
    observed = logged.assign(parameter=logged["parameter"].map(index)).drop_duplicates(["parameter", "step", "field"])
    notes = (*notes, "Layers are in the order of the numbers in their names.")
    return assemble(name=name, source=source, observed=observed, rows=rows, parameters=describe(names), notes=notes)


def _from_json_lines(text: str, name: str) -> Recording:
    lines = _json_objects(text, name)
    _, head = next(lines)
    if head.get("format") == FORMAT:
        return _from_own_lines(head, lines, name)
    logged = []
    for count, (number, row) in enumerate([(1, head), *lines]):
        step = next((row[s] for s in STEP_NAMES if isinstance(row.get(s), (int, float))), count)
        if "value" in row and any(isinstance(row.get(t), str) for t in TAG_NAMES):
            tag = next(row[t] for t in TAG_NAMES if isinstance(row.get(t), str))
            logged.append((tag, step, _to_number(row["value"], name, number, tag)))
            continue
        for key, value in _flatten(row):
            if isinstance(value, (int, float)) and not isinstance(value, bool) and key not in STEP_NAMES:
                logged.append((key, step, float(value)))
    table = pd.DataFrame(logged, columns=["tag", "step", "value"])
    return _from_logged(table, name, "JSON lines with an object a step")


def _json_objects(text: str, name: str) -> Iterator[tuple[int, dict]]:
    """(line, object) of each line; a last line that a killed process left unfinished is left out."""
    lines = text.splitlines()
    if text.lstrip().startswith("["):
        try:
            listed = json.loads(text)
        except ValueError as error:
            raise ConfigError("recording", name, f"it is not JSON: {error}") from None
        if not listed or not all(isinstance(one, dict) for one in listed):
            raise ConfigError("recording", name, "the list must hold an object for each step")
        yield from enumerate(listed, 1)
        return
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            if number == len(lines) and number > 1:
                return
            raise ConfigError("recording", name, f"line {number} is not a JSON object") from None
        if not isinstance(row, dict):
            raise ConfigError("recording", name, f"line {number} is not a JSON object")
        yield number, row


def _flatten(row: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    """The numbers of nested objects, under joined names; {"per_layer": {"0": 1.2}} gives grad_norm/0."""
    for key, value in row.items():
        key = str(key)
        if isinstance(value, Mapping):
            inner = "grad_norm" if key in ("per_layer", "layers", "per_parameter", "by_layer") and not prefix else key
            yield from _flatten(value, f"{prefix}{inner}/")
        elif isinstance(value, list) and value and all(isinstance(v, (int, float)) for v in value):
            yield from ((f"{prefix}{key}/{i}", one) for i, one in enumerate(value))
        else:
            yield prefix + key, value


# -- small parts ------------------------------------------------------------------------------------------------------


def _numeric(table: pd.DataFrame, name: str, but: Sequence[str] = ()) -> pd.DataFrame:
    """The table with numbers for texts; empty cells are NaN.

    Raises:
        ConfigError: a cell that is no number, with its line and column.
    """
    columns = {}
    for column in table.columns:
        if str(column).strip().lower() in but or table[column].dtype.kind in "fiub":
            columns[column] = table[column]
            continue
        texts = table[column].astype(str).str.strip()
        missing = texts.str.lower().isin(["", "nan", "none", "null"])
        numbers = pd.to_numeric(texts.where(~missing), errors="coerce")
        wrong = np.flatnonzero(numbers.isna() & ~missing)
        if len(wrong):
            line, cell = int(wrong[0]) + 2, texts.iloc[wrong[0]][:40]
            raise ConfigError("recording", name, f"line {line}, column {column}: {cell!r} is not a number")
        columns[column] = numbers.astype(float)
    return pd.DataFrame(columns)


def _melt(table: pd.DataFrame, by: list[str], fields: list[str], name: str) -> pd.DataFrame:
    parts = [table[by].assign(field=field, value=pd.to_numeric(table[field], errors="coerce")) for field in fields]
    if not parts:
        return _no_rows()
    _check_size(table["step"].nunique(), len(table) // max(table["step"].nunique(), 1) + 1, len(fields), name)
    return pd.concat(parts).dropna(subset=["value"])


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"step": np.array([], float), "field": np.array([], str), "value": np.array([], float)})


def _find(columns: Mapping[str, Any], names: Sequence[str], name: str, what: str) -> object:
    for candidate in names:
        if candidate in columns:
            return columns[candidate]
    raise ConfigError("recording", name, f"no column holds {what}; columns are {_listed(columns)}")


def _check_size(rows: int, parameters: int, fields: int, name: str) -> None:
    if rows * parameters * fields > MAX_VALUES:
        size = f"{rows:,} steps of {parameters:,} tensors"
        raise ConfigError("recording", name, f"{size} are more than {MAX_VALUES:,} values; record every tenth step")


def _no_gradients(name: str, holds: Iterable[object]) -> ConfigError:
    return ConfigError("recording", name, f"it holds no gradient norms by layer; it holds {_listed(holds)}")


def _listed(names: Iterable[object], most: int = 8) -> str:
    texts = [str(one)[:40] for one in names]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "") or "nothing"


def _to_number(value: Any, name: str, line: int, column: str) -> float:
    if value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConfigError("recording", name, f"line {line}, {column}: {str(value)[:40]!r} is not a number") from None


def _is_whole(value: Any) -> bool:
    try:
        return float(value) == int(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _plain_name(value: object) -> str:
    """A layer's number as a name: 3.0, as a float column has it, is 3."""
    text = str(value).strip()
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
