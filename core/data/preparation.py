"""A table prepared for training: its inputs and targets, or what keeps it from being used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..choices import TaskName
from ..errors import ConfigError
from .building import build
from .dates import DATE_PARTS
from .messages import join_first, shorten
from .obstacles import Obstacle, list_obstacles
from .prepared import Prepared
from .selection import KINDS, MIN_SAMPLES, Choices, select_columns
from .targets import TASKS

if TYPE_CHECKING:
    from ..tables import Table


def prepare(
    table: Table,
    target: str | Sequence[str],
    drop_missing: bool,
    task: TaskName | None = None,
    leave_out: Collection[str] = (),
    *,
    kinds: Mapping[str, str] | None = None,
    fill_missing: bool = False,
    missing_as_class: Collection[str] = (),
    keep_index: bool = False,
    one_class: str | None = None,
    date_parts: Collection[str] = (),
    max_rows: int | None = None,
    seed: int = 0,
) -> Prepared:
    """Makes inputs and targets for training of a table.

    Numbers are inputs as they are, dates are days since 1970, categories are one-hot. Empty and constant inputs, and an
    unnamed first column that counts the rows, are left out and named.

    Args:
        table: from `read_table`.
        target: the column to learn; several numeric columns for a regression with several outputs.
        drop_missing: True to leave out rows with a missing value; otherwise they are an error unless filled.
        task: "regression", "two-class" or "multi-class"; None infers it from the target.
        leave_out: columns that are not inputs.
        kinds: column -> "numeric", "category", "date" or "ignored", where it is to be another than was recognized.
        fill_missing: True to fill in missing inputs by the median or the most frequent category of the training rows.
        missing_as_class: columns of categories in which a spelling such as NA or None is a category.
        keep_index: True to use a column that counts the rows.
        one_class: a class of the target, against all others.
        date_parts: of DATE_PARTS; each date column becomes these inputs beside its days.
        max_rows: more rows are sampled, in proportion to the classes or over the range of a numeric target.
        seed: of that sample.

    Raises:
        ConfigError: the first of `find_obstacles`.
    """
    choices = _check_choices(
        table, target, drop_missing, task, leave_out, kinds, fill_missing, missing_as_class, keep_index, one_class,
        date_parts, max_rows, seed,
    )  # fmt: skip
    selection = select_columns(table, choices)
    for obstacle in list_obstacles(table, choices, selection):
        raise obstacle.error
    return build(table, choices, selection)


def find_missing_rows(
    table: Table, target: str | Sequence[str], drop_missing: bool = False, *arguments, **choices
) -> tuple[int, ...]:
    """Returns the lines of the rows that `prepare` would drop with the same arguments."""
    checked = _check_choices(table, target, drop_missing, *_positional(arguments, choices))
    return tuple(table.lines[select_columns(table, checked).missing].tolist())


def find_obstacles(
    table: Table, target: str | Sequence[str], drop_missing: bool, *arguments, **choices
) -> list[Obstacle]:
    """Returns all that keeps `prepare` from using the table with the same arguments, each with its remedies."""
    try:
        checked = _check_choices(table, target, drop_missing, *_positional(arguments, choices))
        selection = select_columns(table, checked)
        obstacles = list(list_obstacles(table, checked, selection))
        if not obstacles:
            build(table, checked, selection)
        return obstacles
    except ConfigError as error:
        return [Obstacle(error)]


_DEFAULTS = {
    "task": None,
    "leave_out": (),
    "kinds": None,
    "fill_missing": False,
    "missing_as_class": (),
    "keep_index": False,
    "one_class": None,
    "date_parts": (),
    "max_rows": None,
    "seed": 0,
}


def _positional(arguments: tuple, choices: Mapping[str, Any]) -> list[Any]:
    given = dict(zip(_DEFAULTS, arguments, strict=False)) | dict(choices)
    return [given.get(name, default) for name, default in _DEFAULTS.items()]


def _check_choices(
    table: Table,
    target: str | Sequence[str],
    drop_missing: bool,
    task: TaskName | None,
    leave_out: Collection[str],
    kinds: Mapping[str, str] | None,
    fill_missing: bool,
    missing_as_class: Collection[str],
    keep_index: bool,
    one_class: str | None,
    date_parts: Collection[str],
    max_rows: int | None,
    seed: int,
) -> Choices:
    targets = (target,) if isinstance(target, str) else tuple(target)
    kinds = dict(kinds or {})
    names = [column.name for column in table.columns]
    pairs = [("target", name) for name in targets]
    pairs += [("leave_out", name) for name in leave_out]
    pairs += [("kinds", name) for name in kinds]
    pairs += [("missing_as_class", name) for name in missing_as_class]
    for field, name in pairs:
        if name not in names:
            known = join_first([shorten(known) for known in names])
            raise ConfigError(field, name, f"it must be a column of the table: {known}")
    if not targets:
        raise ConfigError("target", "none", "a table needs a column to learn")
    for name in targets:
        if name in leave_out or kinds.get(name) == "ignored":
            raise ConfigError("leave_out", name, "it is the target")
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise ConfigError("kinds", f"{name}: {kind}", "a column is one of " + ", ".join(KINDS))
    for part in date_parts:
        if part not in DATE_PARTS:
            raise ConfigError("date_parts", part, "it must be one of " + ", ".join(DATE_PARTS))
    if task is not None and task not in TASKS:
        raise ConfigError("task", task, "it must be one of " + ", ".join(TASKS) + ", or None to infer it")
    if max_rows is not None and max_rows < MIN_SAMPLES:
        raise ConfigError("max_rows", max_rows, f"it must be at least {MIN_SAMPLES}")
    return Choices(
        targets=targets,
        drop_missing=bool(drop_missing),
        task=task,
        leave_out=tuple(leave_out),
        kinds=kinds,
        fill_missing=bool(fill_missing),
        missing_as_class=tuple(missing_as_class),
        keep_index=bool(keep_index),
        one_class=one_class,
        date_parts=tuple(date_parts),
        max_rows=max_rows,
        seed=seed,
    )
