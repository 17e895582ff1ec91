"""The report of an experiment: rows that compare the paper's numbers with ours, and the data of its figures."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..engine.training import PROGRESS_SECONDS, Progress

DIGITS = 6  # significant digits of a series: more than a figure shows


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        what: the quantity or the claim.
        against: "paper" or "theory": the source of `reference`.
        reference, here: two numbers; or two short texts where the claim is one of kind.
        tolerance: the difference that counts as agreement, and the reason for it.
        agrees: True when the difference is within the tolerance.
        checked: False when `reference` could not be checked in the text of the paper.
    """

    what: str
    against: str
    reference: float | str
    here: float | str
    tolerance: str
    agrees: bool
    checked: bool = True

    @property
    def difference(self) -> float | None:
        """Here minus the reference; None between texts."""
        if isinstance(self.reference, str) or isinstance(self.here, str):
            return None
        return self.here - self.reference

    @property
    def verdict(self) -> str:
        """Agreement in a number or in kind; none is stated against a figure that was not checked."""
        if not self.checked:
            return "unchecked figure"
        return ("agrees" if self.agrees else "differs") + (" in kind" if self.difference is None else "")


def near(
    what: str,
    reference: float,
    here: float,
    tolerance: float,
    why: str,
    *,
    against: str = "paper",
    checked: bool = True,
) -> Row:
    """Compare two numbers, which agree within plus or minus `tolerance`."""
    return Row(
        what=what,
        against=against,
        reference=float(reference),
        here=float(here),
        tolerance=f"± {tolerance:.2g}: {why}",
        agrees=bool(abs(here - reference) <= tolerance),
        checked=checked,
    )


def in_kind(
    what: str, reference: str, here: str, agrees: bool, why: str, *, against: str = "paper", checked: bool = True
) -> Row:
    """State a claim in words beside what happens here."""
    return Row(
        what=what, against=against, reference=reference, here=here, tolerance=why, agrees=bool(agrees), checked=checked
    )


@dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of one experiment, ready for JSON except for numbers that are not finite, which `to_dict` makes None.

    Attributes:
        rows: the comparisons.
        series: the data of the figures by name: numbers, texts, and lists of them.
        seconds: the duration of the run.
    """

    rows: tuple[Row, ...]
    series: Mapping[str, Any]
    seconds: float

    @property
    def agreeing(self) -> int:
        """Rows that agree with a checked reference."""
        return sum(row.agrees and row.checked for row in self.rows)

    @property
    def differing(self) -> tuple[Row, ...]:
        """Rows that differ from a checked reference."""
        return tuple(row for row in self.rows if row.checked and not row.agrees)

    @property
    def unchecked(self) -> tuple[Row, ...]:
        """Rows whose reference was not checked."""
        return tuple(row for row in self.rows if not row.checked)

    def to_frame(self) -> pd.DataFrame:
        """One row a comparison."""
        columns = ("what", "against", "reference", "here", "difference", "tolerance", "verdict")
        return pd.DataFrame([{name: getattr(row, name) for name in columns} for row in self.rows], columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "seconds": round(self.seconds, 1),
            "rows": [{name: _plain(value) for name, value in asdict(row).items()} for row in self.rows],
            "series": _plain(self.series),
        }

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Result:
        """The result that `to_dict` wrote."""
        return cls(
            rows=tuple(Row(**row) for row in mapping["rows"]), series=mapping["series"], seconds=mapping["seconds"]
        )


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(part) for part in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


class Stages:
    """Progress of an experiment in several stages, reported as thousandths of the whole, at most every 0.1 s.

    Args:
        on_progress: as in `train`; what it raises ends the experiment. None reports nothing.
        weights: the work of each stage, in any unit.
    """

    WHOLE = 1000

    def __init__(self, on_progress: Progress | None, weights: Sequence[float]):
        self.on_progress = on_progress
        self.ends = np.concatenate([[0], np.cumsum(weights)]) / sum(weights)
        self.start = self.reported_at = time.monotonic()

    def stage(self, index: int) -> Progress:
        """The callback of one stage, counted from 0; it takes (done, total)."""
        first = self.ends[index]
        last = self.ends[index + 1]

        def report(done: int, total: int) -> None:
            now = time.monotonic()
            if self.on_progress is not None and now - self.reported_at >= PROGRESS_SECONDS:
                self.reported_at = now
                self.on_progress(int(self.WHOLE * (first + (last - first) * min(done / total, 1))), self.WHOLE)

        return report

    @property
    def seconds(self) -> float:
        """Seconds since the experiment began."""
        return time.monotonic() - self.start


class Experiment(Protocol):
    """A paper's experiment, run again; its keywords beyond these make it smaller, for tests."""

    def __call__(self, on_progress: Progress | None = None, executor: Executor | None = None) -> Result: ...


def thinned(values: ArrayLike, max_points: int = 400) -> list[float]:
    """Evenly spaced values, including the first and the last."""
    given = np.asarray(values)
    return given[np.unique(np.linspace(0, len(given) - 1, max_points).round().astype(int))].tolist()


def first_below(steps: np.ndarray, losses: np.ndarray, level: float, window: int = 1) -> int | None:
    """The step at which the mean of the last `window` losses first is below a level; None if it never is."""
    means = np.convolve(losses, np.ones(window) / window, "valid")
    below = np.flatnonzero(means < level)
    return int(steps[below[0] + window - 1]) if below.size else None
