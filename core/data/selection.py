"""The choices of a visitor about a table, and the columns that they select."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..choices import TaskName
from ..errors import ConfigError
from .columns import Column, as_category, as_date, as_numeric
from .messages import count, join_first, shorten

if TYPE_CHECKING:
    from ..tables import Table

MAX_NUMBER = 1e100  # larger ones would overflow when squared
MAX_VALUES = 10_000_000  # numbers in inputs and targets together; of more, rows are sampled
MAX_SAMPLES = 100_000  # that a run may have
MIN_SAMPLES = 2
KINDS = ("numeric", "category", "date", "ignored")


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The arguments of `prepare`, with several targets as a tuple."""

    targets: tuple[str, ...]
    drop_missing: bool
    task: TaskName | None
    leave_out: tuple[str, ...]
    kinds: Mapping[str, str]
    fill_missing: bool
    missing_as_class: tuple[str, ...]
    keep_index: bool
    one_class: str | None
    date_parts: tuple[str, ...]
    max_rows: int | None
    seed: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Selection:
    """The columns that are used, after the choices, and the rows that lack a value in them."""

    targets: list[Column]
    inputs: list[Column]
    empty: list[str]
    counters: list[str]
    missing: np.ndarray


def select_columns(table: Table, choices: Choices) -> Selection:
    targets = {}
    inputs = []
    empty = []
    counters = []
    for column in table.columns:
        kind = choices.kinds.get(column.name)
        if column.name in choices.leave_out or kind == "ignored":
            continue
        if column.counts and column.name not in choices.targets and not (choices.keep_index or kind):
            counters.append(column.name)
            continue
        if column.kind == "empty":
            if column.name in choices.targets:
                raise ConfigError("target", column.name, "the column is empty")
            empty.append(column.name)
            continue
        if kind == "category" and column.kind in ("numeric", "date"):
            column = as_category(column)
        elif kind == "numeric" and column.kind in ("category", "text"):
            column = as_numeric(column)
        elif kind == "date" and column.kind != "date":
            dates = as_date(column)
            if dates is None:
                raise ConfigError("kinds", f"{column.name}: date", "none of its cells is a date such as 2026-01-31")
            column = dates
        if column.name in choices.targets:
            targets[column.name] = column
        else:
            inputs.append(column)
    chosen = [targets[name] for name in choices.targets]
    missing = np.zeros(table.rows, bool)
    for column in [*chosen, *([] if choices.fill_missing else inputs)]:
        if column.kind != "text" and column.name not in choices.missing_as_class:
            missing |= column.missing
    return Selection(targets=chosen, inputs=inputs, empty=empty, counters=counters, missing=missing)


def describe_missing(table: Table, used: Sequence[Column], choices: Choices, missing: np.ndarray) -> str:
    lacking = [c for c in used if c.kind != "text" and c.name not in choices.missing_as_class and c.missing.any()]
    order = [column.name for column in table.columns]
    lacking.sort(key=lambda column: order.index(column.name))
    names = join_first([shorten(column.name) for column in lacking])
    lines = table.lines[missing].tolist()
    where = f"{'lines' if len(lines) > 1 else 'line'} {join_first(lines)}"
    spelled = {}
    for column in lacking:
        for text, cells in column.spellings:
            spelled[text] = spelled.get(text, 0) + cells
    read = [f"{count(cells, 'cell')} read{'s' if cells == 1 else ''} {text}" for text, cells in spelled.items()]
    spellings = f"; {join_first(read, 3)}" if read else ""
    return f"{len(lines):,} of {table.rows:,} rows lack a value in {names} ({where}{spellings})"
