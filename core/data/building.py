"""Inputs and targets built of the selected columns and rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..choices import TaskName
from ..errors import ConfigError
from . import selection as limits
from .columns import MAX_CATEGORIES, MAX_WHOLE, Column
from .datasets import one_hot
from .dates import date_part
from .messages import count, join_first, shorten, table_error
from .prepared import Prepared
from .selection import MAX_SAMPLES, MIN_SAMPLES, Choices, Selection, describe_missing

if TYPE_CHECKING:
    from ..tables import Table

# D, the task, the names of the outputs, a sentence about them, and what a sample is stratified by
Targets = tuple[np.ndarray, TaskName, tuple[str, ...], str, np.ndarray]
Inputs = tuple[np.ndarray, tuple[str, ...], tuple[tuple[int, int], ...], list[str]]


def build(table: Table, choices: Choices, selection: Selection) -> Prepared:
    notes = []
    rows = np.flatnonzero(~selection.missing)
    dropped = tuple(table.lines[selection.missing].tolist())
    if dropped:
        used = [*selection.targets, *([] if choices.fill_missing else selection.inputs)]
        notes.append(f"{describe_missing(table, used, choices, selection.missing)}; they are dropped.")
    D, task, output_names, note, strata = build_targets(selection.targets, rows, choices, bool(dropped))
    notes.insert(0, note)
    width = D.shape[1] + sum(_width(column, choices) for column in selection.inputs)
    limit = min(choices.max_rows or MAX_SAMPLES, MAX_SAMPLES, max(limits.MAX_VALUES // max(width, 1), MIN_SAMPLES))
    if len(rows) > limit:
        chosen = _sample(strata, limit, choices.seed)
        how = "over the range of the target" if task == "regression" else "in proportion to the classes"
        notes.append(f"{limit:,} of {len(rows):,} rows are used: sampled {how}, with seed {choices.seed}.")
        rows = rows[chosen]
        D = D[chosen]
        D, output_names = _drop_unused_classes(D, output_names, task)
    X, names, groups, constant = _build_inputs(selection.inputs, rows, choices)
    if not names:
        raise table_error(table.name, "no column is left to be an input: all others are constant, empty or left out")
    categories = [c.name for c in selection.inputs if c.kind == "category" and c.name not in constant]
    dates = [c.name for c in selection.inputs if c.kind == "date" and c.name not in constant]
    for title, columns in (
        ("Taken as categories", categories),
        ("Dates used as days", dates),
        ("Left out because it counts the rows", selection.counters),
        ("Dropped because constant", constant),
        ("Dropped because empty", selection.empty),
    ):
        if columns:
            notes.append(f"{title}: {join_first([shorten(name) for name in columns])}.")
    gaps = int(np.isnan(X).any(axis=1).sum())
    if gaps:
        notes.append(f"Missing inputs of {count(gaps, 'row')} are filled in from the training rows.")
    notes.append(f"{count(len(names), 'input')} over {len(D):,} rows.")
    return Prepared(
        X=X,
        D=D,
        task=task,
        input_names=names,
        output_names=output_names,
        dropped_rows=dropped,
        notes=tuple(notes),
        groups=groups,
    )


def _width(column: Column, choices: Choices) -> int:
    if column.kind == "category":
        return column.distinct
    return 1 + (len(choices.date_parts) if column.kind == "date" else 0)


def _sample(strata: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Returns `size` positions in order, spread evenly over the sorted strata, so that each keeps its share."""
    shuffled = np.random.default_rng([seed, 7]).permutation(len(strata))
    ordered = shuffled[np.argsort(strata[shuffled], kind="stable")]
    return np.sort(ordered[(np.arange(size) * len(strata)) // size])


def _drop_unused_classes(D: np.ndarray, names: tuple[str, ...], task: TaskName) -> tuple[np.ndarray, tuple[str, ...]]:
    if task != "multi-class":
        return D, names
    used = np.flatnonzero(D.any(axis=0))
    return D[:, used], tuple(names[i] for i in used)


def _levels(column: Column, rows: np.ndarray, spelled: bool = False) -> tuple[list[str], np.ndarray]:
    """Returns the different values in order, as words (3 rather than 3.0), and which of them each row has."""
    if column.kind in ("numeric", "date"):
        levels, codes = np.unique(column.values[rows], return_inverse=True)
        return [repr(level.item()).removesuffix(".0") for level in levels], codes
    codes = column.codes[rows]
    missing = np.zeros(len(rows), bool) if spelled else column.missing[rows]
    used = np.unique(codes[~missing])
    texts = [column.data.dictionary[int(code)].as_py() or "(empty)" for code in used]
    order = np.argsort(np.array(texts, dtype=object), kind="stable")
    position = np.full(len(column.data.dictionary), -1)
    position[used[order]] = np.arange(len(used))
    codes = position[codes]
    codes[missing] = -1
    return [texts[i] for i in order], codes


def _infer_task(column: Column, labels: Sequence[str], values: np.ndarray) -> TaskName:
    """Returns two-class for two values, multi-class for few whole numbers or texts, and regression otherwise."""
    if len(labels) == 2:
        return "two-class"
    if column.kind in ("numeric", "date"):
        few = len(labels) <= MAX_WHOLE and 2 * len(labels) <= len(values)
        return "multi-class" if few and (values == np.round(values)).all() else "regression"
    return "multi-class"


def build_targets(targets: Sequence[Column], rows: np.ndarray, choices: Choices, dropped: bool) -> Targets:
    """Returns D, the task, the names of the outputs, a sentence about them, and what a sample is stratified by."""
    if len(targets) > 1:
        return _build_several_targets(targets, rows, choices, dropped)
    (column,) = targets
    name = column.name
    spelled = column.name in choices.missing_as_class
    levels, codes = _levels(column, rows, spelled)
    labels = [shorten(label) for label in levels[:MAX_CATEGORIES]]
    numeric = column.kind in ("numeric", "date")
    if len(levels) == 1:
        which = "every row left after dropping" if dropped else "every row"
        raise ConfigError("target", name, f"{which} has {labels[0]} there; a target must vary")
    if choices.one_class is not None:
        if choices.one_class not in levels:
            known = join_first(labels)
            raise ConfigError("one_class", choices.one_class, f"it must be a class of {shorten(name)}: {known}")
        D = (codes == levels.index(choices.one_class))[:, None].astype(float)
        label = shorten(choices.one_class)
        note = f"The target {shorten(name)}: two-class, {label} is 1 and all others are 0."
        return D, "two-class", (f"{name} = {choices.one_class}",), note, D[:, 0]
    values = column.values[rows] if numeric else codes
    task = choices.task or _infer_task(column, levels, values)
    about = f"the target {shorten(name)}"
    kind = "numbers" if numeric else "texts"
    if task == "regression" and not numeric:
        raise ConfigError("task", choices.task, f"{about} holds texts such as {labels[0]}, not numbers")
    if task == "two-class" and len(levels) != 2:
        raise ConfigError("task", choices.task, f"{about} has {len(levels):,} different values, not two")
    if task == "multi-class" and len(levels) > MAX_CATEGORIES:
        raise ConfigError("task", choices.task, f"{about} has {len(levels):,} different values, above {MAX_CATEGORIES}")
    summary = f"T{about[1:]} has {len(levels):,} different {kind}: {task}"
    if task == "regression":
        note = f"{summary}, {_moments(values)}."
        return values[:, None], task, (name,), note, values
    names = tuple(f"{name} = {level}" for level in levels)
    if task == "two-class":
        note = f"{summary}, {labels[0]} is 0 and {labels[1]} is 1."
        return codes[:, None].astype(float), task, names[1:], note, codes
    return one_hot(codes, len(levels)), task, names, f"{summary}, one output each ({join_first(labels)}).", codes


def _moments(values: np.ndarray) -> str:
    size = np.abs(values).max() or 1.0  # so that no square underflows
    return f"mean {values.mean():.6g} and standard deviation {(values / size).std() * size:.6g}"


def _build_several_targets(targets: Sequence[Column], rows: np.ndarray, choices: Choices, dropped: bool) -> Targets:
    for column in targets:
        if column.kind not in ("numeric", "date"):
            raise ConfigError("target", column.name, "it holds texts; several targets must be numeric")
        if len(np.unique(column.values[rows])) < 2:
            which = "every row left after dropping" if dropped else "every row"
            raise ConfigError("target", column.name, f"{which} has the same value there; a target must vary")
    if choices.task not in (None, "regression"):
        raise ConfigError("task", choices.task, "several targets are a regression")
    D = np.column_stack([column.values[rows] for column in targets])
    names = tuple(column.name for column in targets)
    note = f"{len(names)} targets, {join_first([shorten(name) for name in names])}: regression."
    return D, "regression", names, note, D[:, 0]


def _build_inputs(columns: Sequence[Column], rows: np.ndarray, choices: Choices) -> Inputs:
    """Returns X, the names of its columns, the groups of categories, and the constant columns, which X leaves out."""
    blocks = []
    names = []
    groups = []
    constant = []
    width = 0
    for column in columns:
        block, labels = _build_input(column, rows, choices)
        if block is None:
            constant.append(column.name)
            continue
        if column.kind == "category":
            groups.append((width, width + block.shape[1]))
        blocks.append(block)
        names += labels
        width += block.shape[1]
    X = np.hstack(blocks) if blocks else np.empty((len(rows), 0))
    return X, tuple(names), tuple(groups), constant


def _build_input(column: Column, rows: np.ndarray, choices: Choices) -> tuple[np.ndarray | None, list[str]]:
    if column.kind == "category":
        levels, codes = _levels(column, rows, column.name in choices.missing_as_class)
        if len(levels) < 2:
            return None, []
        block = np.where(codes[:, None] < 0, np.nan, one_hot(np.maximum(codes, 0), len(levels)))
        return block, [f"{column.name} = {level}" for level in levels]
    values = column.values[rows]
    known = values[~np.isnan(values)]
    if not len(known) or known.min() == known.max():
        return None, []
    parts = [values]
    names = [column.name]
    for part in choices.date_parts if column.kind == "date" else ():
        numbers = date_part(values, part)
        if np.nanmin(numbers) != np.nanmax(numbers):
            parts.append(numbers)
            names.append(f"{column.name}: {part}")
    return np.column_stack(parts), names
