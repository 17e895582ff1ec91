"""Logs of other programs -> a Recording: TensorBoard, Lightning, Weights & Biases, tables and JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..errors import ConfigError
from .cells import LINE, brief, check_size, check_steps, find_column, no_gradients, read_numbers, to_number
from .keys import Key, is_bound, parse_key, run_of
from .recording import ROW_FIELDS, VALUE_FIELDS, Recording, describe, natural_key
from .tensorboard import read_scalars

STEP_NAMES = ("step", "global_step", "iteration", "iter", "_step", "trainer/global_step", "epoch")
PARAMETER_NAMES = ("parameter", "param", "name", "layer", "tensor", "tag")
TAG_NAMES = ("tag", "metric", "name", "key", "parameter", "variable")
_BY_LAYER = ("per_layer", "layers", "per_parameter", "by_layer")


class Entries(NamedTuple):
    """Logged values, one an entry.

    Attributes:
        tag: (entries,) indices into `tags`.
        step: (entries,).
        value: (entries,); NaN is a value that was logged as such.
        tags: (field, tensor) of each; the tensor is None for a number of the whole step.
    """

    tag: np.ndarray
    step: np.ndarray
    value: np.ndarray
    tags: list[tuple[str, str | None]]


def read_events(raw: bytes, name: str) -> Recording:
    """A TensorBoard event file, or several of one run after each other.

    Raises:
        ConfigError: it is damaged, or has no gradients.
    """
    try:
        scalars = list(read_scalars(raw))
    except ValueError as error:
        raise ConfigError("recording", name, f"the event file is damaged: {error}") from None
    tags = pd.Series([tag for tag, _, _ in scalars], dtype=object)
    step, value = (np.array([row[i] for row in scalars], dtype=float) for i in (1, 2))
    return _from_tags(tags, step, value, name, "a TensorBoard event file")


def read_csv(text: str, name: str) -> pd.DataFrame:
    """A table of text whose delimiter is the most frequent one of its first line; cells that are no numbers stay texts.

    Raises:
        ConfigError: it is no table.
    """
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max(",\t;", key=first.count)
    # between semicolons a number may have a decimal comma; one with a point is read as well
    options: dict[str, Any] = {
        "sep": delimiter,
        "decimal": "," if delimiter == ";" else ".",
        "keep_default_na": False,
        "na_values": [""],
        "skip_blank_lines": True,
    }
    try:
        table = pd.read_csv(io.StringIO(text), low_memory=False, **options)
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise ConfigError("recording", name, f"it is not a table that can be read: {brief(error)}") from None
    if "\n\n" in text or "\n\r\n" in text:
        lines = [number for number, line in enumerate(io.StringIO(text), start=1) if line.strip()][1:]
        if len(lines) == len(table):  # and so no cell has a line end
            table.index = pd.Index(lines, name=LINE)
    return table


def read_long(table: pd.DataFrame, name: str) -> Recording:
    """(tag, step, value), or (step, layer, grad_norm)."""
    columns = {str(column).strip().lower(): column for column in table.columns}
    step_column = find_column(columns, STEP_NAMES, name, "a step")
    step, _ = read_numbers(table[step_column], name)
    if "value" in columns:
        tag = find_column(columns, TAG_NAMES, name, "a tag")
        value, is_nan = read_numbers(table[columns["value"]], name)
        given = (~np.isnan(value) | is_nan) & ~np.isnan(step)
        tags = table[tag].astype(str)[given]
        return _from_tags(tags, step[given], value[given], name, "a table of logged values")
    parameter = find_column(columns, PARAMETER_NAMES, name, "a layer or a parameter")
    codes, uniques = pd.factorize(table[parameter].map(_plain_name))
    parts = []
    tags = []
    for field in (*VALUE_FIELDS, *ROW_FIELDS):
        if field not in columns:
            continue
        value, is_nan = read_numbers(table[columns[field]], name)
        given = np.flatnonzero((~np.isnan(value) | is_nan) & ~np.isnan(step))
        is_row = field in ROW_FIELDS
        tag = np.full(len(given), len(tags)) if is_row else codes[given] + len(tags)
        parts.append((tag, step[given], value[given]))
        tags += [(field, None)] if is_row else [(field, str(parameter)) for parameter in uniques]
    tag, step, value = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return to_recording(Entries(tag.astype(int), step, value, tags), name, "a table of gradient norms")


def read_wide(table: pd.DataFrame, name: str) -> Recording:
    """A column for each logged name, a row for each step; rows may have gaps."""
    columns = {str(column).strip().lower(): column for column in table.columns}
    step_column = next((columns[s] for s in STEP_NAMES if s in columns), None)
    keys = {c: parse_key(str(c)) for c in table.columns if not is_bound(str(c)) and c != step_column}
    known = {column: key for column, key in keys.items() if key is not None}
    known, notes = _of_first_run(known)
    if not [key for key in known.values() if key.field == "grad_norm"]:
        raise no_gradients(name, table.columns)
    if step_column is None:
        step = np.arange(len(table), dtype=float)
        notes = (*notes, "The table has no step, so its rows are counted from 0.")
    else:
        step, _ = read_numbers(table[step_column], name)
    parts = []
    for i, column in enumerate(known):
        value, is_nan = read_numbers(table[column], name)
        given = np.flatnonzero((~np.isnan(value) | is_nan) & ~np.isnan(step))
        parts.append((np.full(len(given), i), step[given], value[given]))
    tag, step, value = (np.concatenate([part[i] for part in parts]) for i in range(3))
    source = "a table with a column for each logged value"
    return to_recording(Entries(tag, step, value, list(known.values())), name, source, notes)


def _of_first_run(known: dict[Any, Key]) -> tuple[dict[Any, Key], tuple[str, ...]]:
    """The columns of one run, with a note where an export has those of several."""
    runs = list(dict.fromkeys(run_of(str(column)) for column, key in known.items() if key.field == "grad_norm"))
    if len(runs) < 2:
        return known, ()
    note = f"The file holds {len(runs)} runs, of which the first is read: {runs[0]}. Export one run for a file."
    return {column: key for column, key in known.items() if run_of(str(column)) == runs[0]}, (note,)


def read_json_rows(rows: Iterator[tuple[int, dict]], name: str) -> Recording:
    """Objects of JSON, one a step or one a logged value, with their line numbers."""
    tags: list[str] = []
    steps: list[float] = []
    values: list[float] = []
    for count, (number, row) in enumerate(rows):
        raw_step = next((row[s] for s in STEP_NAMES if isinstance(row.get(s), (int, float))), count)
        step = to_number(raw_step, name, number, "step")
        if "value" in row and any(isinstance(row.get(t), str) for t in TAG_NAMES):
            tag = next(row[t] for t in TAG_NAMES if isinstance(row.get(t), str))
            logged = [(tag, row["value"])]
        else:
            logged = [(key, value) for key, value in _flatten(row) if _is_number(value) and key not in STEP_NAMES]
        for key, value in logged:
            if value is not None:
                tags.append(key)
                steps.append(step)
                values.append(to_number(value, name, number, key))
    source = "JSON lines with an object a step"
    return _from_tags(pd.Series(tags, dtype=object), np.array(steps), np.array(values), name, source)


def _from_tags(tags: pd.Series, step: np.ndarray, value: np.ndarray, name: str, source: str) -> Recording:
    """Logged values by tag, of which those that are gradients, weights or losses are taken."""
    codes, uniques = pd.factorize(tags)
    keys = [None if is_bound(str(tag)) else parse_key(str(tag)) for tag in uniques]
    if not [key for key in keys if key and key.parameter is not None and "grad_norm" in key.field]:
        raise no_gradients(name, uniques)
    index = np.cumsum([key is not None for key in keys]) - 1
    given = np.array([key is not None for key in keys])[codes]
    return to_recording(Entries(index[codes[given]], step[given], value[given], [k for k in keys if k]), name, source)


def to_recording(entries: Entries, name: str, source: str, notes: Sequence[str] = ()) -> Recording:
    """A recording of entries; of two for the same tensor and step, the later one counts.

    Raises:
        ConfigError: no gradient is a number, a step is none, or there are too many.
    """
    names = sorted({name for field, name in entries.tags if name is not None}, key=natural_key)
    of_tensor = np.array([name is not None for _, name in entries.tags])[entries.tag]
    check_steps(entries.step, name)
    steps, row = np.unique(entries.step, return_inverse=True)
    recorded = np.unique(row[of_tensor])
    steps, moved = steps[recorded], np.full(len(steps), -1)
    moved[recorded] = np.arange(len(recorded))
    row = moved[row]
    fields = list(dict.fromkeys(field for field, name in entries.tags if name is not None))
    check_size(len(steps), len(names), len(fields), name)
    index = {name: i for i, name in enumerate(names)}
    shape = (len(steps), len(names))
    tensor = np.array([-1 if name is None else index[name] for _, name in entries.tags])[entries.tag]
    field_of = np.array([field for field, _ in entries.tags], dtype=object)[entries.tag]
    values: dict[str, np.ndarray] = {}
    for field in fields:
        chosen = (field_of == field) & of_tensor
        values[field] = np.full(shape, np.nan)
        values[field][row[chosen], tensor[chosen]] = entries.value[chosen]
    rows: dict[str, np.ndarray] = {}
    for field in dict.fromkeys(field for field, name in entries.tags if name is None):
        chosen = (field_of == field) & ~of_tensor & (row >= 0)
        if chosen.any():
            rows[field] = np.full(len(steps), np.nan)
            rows[field][row[chosen]] = entries.value[chosen]
    if "grad_norm" not in values or np.isnan(values["grad_norm"]).all():
        raise ConfigError("recording", name, "no gradient norm in it is a number")
    logged_nan = (field_of == "grad_norm") & of_tensor & np.isnan(entries.value)
    if logged_nan.any() and "nonfinite" not in values:
        values["nonfinite"] = np.zeros(shape)
        values["nonfinite"][row[logged_nan], tensor[logged_nan]] = 1.0
        values["nonfinite"][np.isfinite(values["grad_norm"])] = 0.0
    return Recording(
        name=name,
        source=source,
        parameters=describe(names),
        step=steps.astype(np.int64) if np.all(steps == np.round(steps)) else steps,
        values=values,
        rows=rows,
        notes=(*notes, "Layers are in the order of the numbers in their names."),
    )


def json_objects(text: str, name: str) -> Iterator[tuple[int, dict]]:
    """(line, object) of each line; a last line that a killed process left unfinished is left out.

    Raises:
        ConfigError: a line that is no object, with its number.
    """
    if text.lstrip().startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError("recording", name, f"it is not JSON: {brief(error)}") from None
        if not listed or not all(isinstance(one, dict) for one in listed):
            raise ConfigError("recording", name, "the list must hold an object for each step")
        yield from enumerate(listed, 1)
        return
    listed = _listed_in_object(text)
    if listed:
        yield from enumerate(listed, 1)
        return
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines) and number > 1:
                return
            raise ConfigError("recording", name, f"line {number} is not a JSON object") from None
        if not isinstance(row, dict):
            raise ConfigError("recording", name, f"line {number} is not a JSON object")
        yield number, row


def _listed_in_object(text: str) -> list[dict]:
    """The objects that a single JSON document lists, as trainer_state.json does; empty for lines of JSON."""
    if not text.lstrip().startswith("{"):
        return []
    try:
        whole = json.loads(text)  # fails at the second line of JSON lines
    except (ValueError, RecursionError):
        return []
    if {"format", "step"} & whole.keys():  # a recording without steps, or a single one
        return []
    lists = (value for value in whole.values() if isinstance(value, list) and value)
    return next((listed for listed in lists if all(isinstance(one, dict) for one in listed)), [])


def _flatten(row: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    """The numbers of nested objects, under joined names; {"per_layer": {"0": 1.2}} gives grad_norm/0."""
    for key, value in row.items():
        key = str(key)
        inner = "grad_norm" if key in _BY_LAYER and not prefix else key
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{inner}/")
        elif isinstance(value, list) and value and all(map(_is_number, value)):
            yield from ((f"{prefix}{inner}/{i}", one) for i, one in enumerate(value))
        else:
            yield prefix + key, value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain_name(value: Any) -> str:
    """A layer's number as a name: 3.0, as a float column has it, is 3."""
    text = str(value).strip()
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text
