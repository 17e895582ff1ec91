"""Numbers in a file of recorded gradients, and the messages about those that are none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ConfigError

MAX_VALUES = 50_000_000  # steps times tensors times fields
MAX_STEP = 2**31 - 1
LINE = "line"  # name of an index that holds the lines of a file
MISSING = ("", "none", "null", "na", "n/a")


def read_numbers(column: pd.Series, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) numbers of a column, NaN where a cell is empty, and (rows,) True where a cell says NaN.

    Raises:
        ConfigError: a cell that is no number, with its line and column.
    """
    if column.dtype.kind in "fiub":
        numbers = column.to_numpy(dtype=float)
        return numbers, np.zeros(len(numbers), dtype=bool)
    texts = column.astype(str).str.strip().str.lower()
    is_nan = texts.isin(["nan", "-nan"]).to_numpy() & ~column.isna().to_numpy()
    missing = texts.isin(MISSING).to_numpy() | column.isna().to_numpy()
    numbers = pd.to_numeric(texts.where(~(missing | is_nan)), errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    wrong = np.flatnonzero(np.isnan(numbers) & ~missing & ~is_nan)
    if len(wrong):
        line = int(column.index[wrong[0]]) if column.index.name == LINE else int(wrong[0]) + 2
        cell = str(column.iloc[wrong[0]])[:40]
        raise ConfigError("recording", name, f"line {line}, column {column.name}: {cell!r} is not a number")
    return numbers, is_nan


def check_steps(step: np.ndarray, name: str) -> None:
    """Refuses steps that are no counts.

    Raises:
        ConfigError: one that is not finite, negative or above 2^31 - 1.
    """
    bad = step[~((step >= 0) & (step <= MAX_STEP))]
    if bad.size:
        raise ConfigError("recording", name, f"step {bad[0]:g} is not a number from 0 to {MAX_STEP:,}")


def check_size(rows: int, parameters: int, fields: int, name: str) -> None:
    """Refuses a recording that takes too much memory.

    Raises:
        ConfigError: with its size.
    """
    if rows * parameters * fields > MAX_VALUES:
        size = f"{rows:,} steps of {parameters:,} tensors"
        raise ConfigError("recording", name, f"{size} are more than {MAX_VALUES:,} values; record every tenth step")


def no_gradients(name: str, holds: Iterable[object]) -> ConfigError:
    """The error about a file without gradients, with what it holds instead."""
    return ConfigError("recording", name, f"it holds no gradient norms by layer; it holds {join_names(holds)}")


def join_names(names: Iterable[object], max_names: int = 8) -> str:
    """The first names, and how many more there are."""
    texts = [str(one)[:40] for one in names]
    return (
        ", ".join(texts[:max_names]) + (f" and {len(texts) - max_names} more" if len(texts) > max_names else "")
        or "nothing"
    )


def find_column(columns: Mapping[str, Any], names: Sequence[str], name: str, what: str) -> Any:
    """The first column of one of some names.

    Raises:
        ConfigError: there is none; it says what is looked for and which columns there are.
    """
    for candidate in names:
        if candidate in columns:
            return columns[candidate]
    raise ConfigError("recording", name, f"no column holds {what}; columns are {join_names(columns)}")


def to_number(value: Any, name: str, line: int, column: str) -> float:
    """A number of a JSON line; NaN for null.

    Raises:
        ConfigError: it is none, with its line.
    """
    if value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError("recording", name, f"line {line}, {column}: {str(value)[:40]!r} is not a number") from None


def is_whole(value: Any) -> bool:
    """True for a whole number, also of floating point."""
    try:
        return float(value) == int(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def brief(error: Exception) -> str:
    """The first line of an error."""
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
