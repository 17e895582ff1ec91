"""What an experiment reports: rows that put the paper's number beside ours, and the series its figure is drawn from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from ..engine.training import PROGRESS_SECONDS, Progress

DIGITS = 6  # significant digits of a series: more than a figure shows


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what: the quantity or the claim.
        against: "paper" or "theory": where `reference` comes from.
        reference, here: two numbers; or two short texts where the claim is one of kind.
        tolerance: which difference counts as agreement, and why that one.
        agrees: whether it does.
    """

    what: str
    against: str
    reference: float | str
    here: float | str
    tolerance: str
    agrees: bool

    @property
    def difference(self) -> float | None:
        """Here minus the reference; None between texts."""
        if isinstance(self.reference, str) or isinstance(self.here, str):
            return None
        return self.here - self.reference

    @property
    def verdict(self) -> str:
        """Agreement in a number, or in kind."""
        return ("agrees" if self.agrees else "differs") + (" in kind" if self.difference is None else "")


def near(what: str, reference: float, here: float, tolerance: float, why: str, against: str = "paper") -> Row:
    """A number that agrees within plus or minus `tolerance`."""
    words = f"± {tolerance:.2g}: {why}"
    agrees = abs(here - reference) <= tolerance
    return Row(what, against, float(reference), float(here), words, bool(agrees))


def within(what: str, reference: float, here: float, between: Sequence[float], why: str) -> Row:
    """A number of the paper that agrees when it lies in a range of ours."""
    low, high = (float(end) for end in between)
    return Row(
        what, "paper", float(reference), float(here), f"{low:.2g} to {high:.2g}: {why}", bool(low <= reference <= high)
    )


def in_kind(what: str, reference: str, here: str, agrees: bool, why: str) -> Row:
    """A claim without a number."""
    return Row(what, "paper", reference, here, why, bool(agrees))


@dataclass(frozen=True)
class Result:
    """One experiment's outcome, ready for JSON but for numbers that are not finite, which `to_dict` makes None.

    Attributes:
        rows: the comparisons.
        series: what the figure is drawn from, by name; numbers, texts, and lists of them.
        seconds: what the run took.
    """

    rows: tuple[Row, ...]
    series: Mapping[str, object]
    seconds: float

    @property
    def agreeing(self) -> int:
        """Rows that agree."""
        return sum(row.agrees for row in self.rows)

    @property
    def differing(self) -> tuple[Row, ...]:
        """Rows that do not."""
        return tuple(row for row in self.rows if not row.agrees)

    def to_frame(self) -> pd.DataFrame:
        """One row a comparison."""
        columns = ("what", "against", "reference", "here", "difference", "tolerance", "verdict")
        return pd.DataFrame([{name: getattr(row, name) for name in columns} for row in self.rows], columns=columns)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "seconds": round(self.seconds, 1),
            "rows": [{name: _plain(value) for name, value in asdict(row).items()} for row in self.rows],
            "series": _plain(self.series),
        }

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> Result:
        """The result that `to_dict` wrote."""
        return cls(
            rows=tuple(Row(**row) for row in mapping["rows"]), series=mapping["series"], seconds=mapping["seconds"]
        )


def _plain(value: object) -> object:
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
    """Progress of an experiment in several stages, told as thousandths of the whole, at most every 0.1 s.

    Args:
        on_progress: as in `train`; what it raises ends the experiment. None tells nobody.
        weights: what share of the work each stage is, in any unit.
    """

    WHOLE = 1000

    def __init__(self, on_progress: Progress | None, weights: Sequence[float]):
        self.on_progress = on_progress
        self.ends = np.concatenate([[0], np.cumsum(weights)]) / sum(weights)
        self.start = self.told = time.monotonic()

    def stage(self, index: int) -> Progress:
        """What to call with (done, total) of one stage, counted from 0."""
        first, last = self.ends[index], self.ends[index + 1]

        def tell(done: int, total: int) -> None:
            now = time.monotonic()
            if self.on_progress is not None and now - self.told >= PROGRESS_SECONDS:
                self.told = now
                self.on_progress(int(self.WHOLE * (first + (last - first) * min(done / total, 1))), self.WHOLE)

        return tell

    @property
    def seconds(self) -> float:
        """Since the experiment began."""
        return time.monotonic() - self.start


Experiment = Callable[..., Result]


def thinned(values: Sequence[float], most: int = 400) -> list[float]:
    """Evenly chosen values, the first and the last among them."""
    values = np.asarray(values)
    return values[np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))].tolist()


def first_below(steps: np.ndarray, losses: np.ndarray, level: float, over: int = 1) -> int | None:
    """The step at which the mean of the last `over` losses first is below a level; None if it never is."""
    means = np.convolve(losses, np.ones(over) / over, "valid")
    below = np.flatnonzero(means < level)
    return int(steps[below[0] + over - 1]) if below.size else None
