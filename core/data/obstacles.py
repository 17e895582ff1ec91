"""Everything that keeps a table from being used, each with the ways to remove it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError
from .building import build_targets
from .columns import MAX_CATEGORIES, Column
from .messages import count, shorten, table_error
from .selection import MAX_NUMBER, MIN_SAMPLES, Choices, Selection, describe_missing
from .spellings import MAX_TEXT

if TYPE_CHECKING:
    from ..tables import Table


@dataclass(frozen=True)
class Fix:
    """One way to remove an obstacle: a button's label, and the arguments of `prepare` or `read_table` to change."""

    label: str
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Obstacle:
    """Something that keeps a table from being used, and the ways to remove it."""

    error: ConfigError
    fixes: tuple[Fix, ...] = ()


def list_obstacles(table: Table, choices: Choices, selection: Selection) -> Iterator[Obstacle]:
    """Yields what stands in the way: columns that cannot be read or used, then missing values, then too few rows."""
    rows = ~selection.missing
    obstacles = [_check_column(table, column, choices, rows) for column in selection.targets]
    yield from filter(None, obstacles)
    if not any(obstacles) and rows.sum() >= MIN_SAMPLES:
        try:
            build_targets(selection.targets, np.flatnonzero(rows), choices, bool(selection.missing.any()))
        except ConfigError as error:
            yield Obstacle(error)
    blocked = [(column.name, _check_column(table, column, choices, rows)) for column in selection.inputs]
    blocked = [(name, obstacle) for name, obstacle in blocked if obstacle is not None]
    for i, (_, obstacle) in enumerate(blocked):
        if i == 0 and len(blocked) > 1:
            names = tuple(name for name, _ in blocked)
            every = Fix(f"Leave out all {len(names)}", {"leave_out": (*choices.leave_out, *names)})
            obstacle = replace(obstacle, fixes=(*obstacle.fixes, every))
        yield obstacle
    if selection.missing.any() and not choices.drop_missing:
        yield _missing_obstacle(table, choices, selection)
    elif rows.sum() < MIN_SAMPLES:
        reason = f"{rows.sum()} of its {table.rows:,} rows are complete; at least {MIN_SAMPLES} are needed"
        yield Obstacle(table_error(table.name, reason))


def _check_column(table: Table, column: Column, choices: Choices, rows: np.ndarray) -> Obstacle | None:
    """Returns what keeps one column from being used."""
    is_target = column.name in choices.targets
    name = column.name
    leave_out = () if is_target else (Fix(f"Leave out {name}", {"leave_out": (*choices.leave_out, name)}),)
    if column.unclear is not None and column.kind == "date":
        reason = f"its column {shorten(name)} has {shorten(column.unclear)}, in which day and month could be exchanged"
        day, month = re.findall(r"\d+", column.unclear)[:2]
        fixes = (
            Fix(f"{column.unclear} is day {day} of month {month}", {"day_first": True}),
            Fix(f"{column.unclear} is day {month} of month {day}", {"day_first": False}),
            Fix(f"Take {name} as categories", {"kinds": {**choices.kinds, name: "category"}}),
        )
        return Obstacle(table_error(table.name, f"{reason}; choose their order"), (*fixes, *leave_out))
    if column.unclear is not None:
        thousand = column.unclear.replace(",", "").replace(".", "")
        small = column.unclear.replace(",", ".")
        comma = "," in column.unclear
        fixes = (
            Fix(f"{column.unclear} is {thousand}", {"decimal": "." if comma else ","}),
            Fix(f"{column.unclear} is {small}", {"decimal": "," if comma else "."}),
        )
        reason = (
            f"its column {shorten(name)} has {shorten(column.unclear)}, which may be {thousand} or {small}; "
            "choose the decimal sign"
        )
        return Obstacle(table_error(table.name, reason), fixes)
    if column.kind in ("numeric", "date"):
        return _check_size(table, column, rows, leave_out)
    # classes that are asked for may be named like numbers
    if column.misfit is not None and not (is_target and choices.task in ("two-class", "multi-class")):
        other = ", or leave it empty" if is_target else ", leave it empty, or leave the column out"
        fix = Fix(f"Take {name} as numbers, others as missing", {"kinds": {**choices.kinds, name: "numeric"}})
        reason = (
            f"its column {shorten(name)} holds numbers, but line {table.lines[column.misfit]} holds "
            f"{shorten(column.misfit_text)}; correct it to a plain number such as 1234.5{other}"
        )
        return Obstacle(table_error(table.name, reason), (fix, *leave_out))
    if column.kind == "text":
        example = shorten(next(text for text in column.data.dictionary.slice(0, 1000).to_pylist() if text))
        number = f"more than {column.distinct - 1:,}" if column.is_more else f"{column.distinct:,}"
        example_text = f"{number} different texts such as {example}"
        if is_target:
            if column.misfit is None and choices.one_class is not None:
                return None
            classes = f"at most {MAX_CATEGORIES} classes, named in at most {MAX_TEXT} characters"
            reason = f"it holds {example_text}; a target is numeric or has {classes}"
            return Obstacle(ConfigError("target", name, reason))
        reason = (
            f"its column {shorten(name)} holds {example_text}; an input is numeric or has at most {MAX_CATEGORIES} "
            f"categories, named in at most {MAX_TEXT} characters, so leave this column out"
        )
        return Obstacle(table_error(table.name, reason), leave_out)
    return None


def _check_size(table: Table, column: Column, rows: np.ndarray, fixes: tuple[Fix, ...]) -> Obstacle | None:
    if column.data.dtype.kind != "f":
        return None
    beyond = rows & ~column.missing & ~(np.abs(column.values) <= MAX_NUMBER)
    if not beyond.any():
        return None
    row = int(np.argmax(beyond))
    reason = (
        f"its column {shorten(column.name)} has {column.data[row]:g} in line {table.lines[row]}; "
        f"numbers must be finite and at most {MAX_NUMBER:g} in magnitude"
    )
    return Obstacle(table_error(table.name, reason), fixes)


def _missing_obstacle(table: Table, choices: Choices, selection: Selection) -> Obstacle:
    used = [*selection.targets, *([] if choices.fill_missing else selection.inputs)]
    reason = f"{describe_missing(table, used, choices, selection.missing)}; drop these rows, leave the columns out, or "
    reason += "fill the values in"
    number = int(selection.missing.sum())
    fixes = []
    if table.rows - number >= MIN_SAMPLES:
        label = f"Drop the {count(number, 'row')}" if number > 1 else "Drop the row"
        fixes.append(Fix(label, {"drop_missing": True}))
    if not choices.fill_missing and any(column.missing.any() for column in selection.inputs):
        fixes.append(Fix("Fill in median and most frequent", {"fill_missing": True}))
    for column in used:
        if column.kind == "category" and column.spellings and column.name not in choices.missing_as_class:
            spelled = " and ".join(shorten(text) for text, _ in column.spellings)
            are = "is a category" if len(column.spellings) == 1 else "are categories"
            fix = {"missing_as_class": (*choices.missing_as_class, column.name)}
            fixes.append(Fix(f"{spelled} in {column.name} {are}", fix))
    return Obstacle(table_error(table.name, reason), tuple(fixes))
