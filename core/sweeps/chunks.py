"""Chunks of a sweep: cut by the time they take, trained as stacks, sent back as numbers."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..config import RunConfig, cost
from ..engine.cancellation import CancelToken
from ..engine.training import train
from ..trace import Trace
from .grid import Grid, configured

SECONDS = 0.25  # that a chunk should take; one that takes twice as long is still half a second
MAX_NETWORKS = 2_000  # of one chunk
MAX_BYTES = 200_000_000  # of the traces and weights that a worker holds until a chunk is done
# What a network is expected to take on one core: fixed, for each layer, each parameter drawn, each multiply-add, and
# each layer of each step (the loop itself). Only the first chunks rely on it; see Pace.
FIXED, LAYER, PARAMETER, MULTIPLY_ADD, STEP = 1.5e-4, 2.5e-5, 1.5e-8, 1.5e-10, 3e-6
# What a run can end with by itself. A worker that is lost, or a caller who has enough, is none of it.
FAILURES = (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class Chunk:
    """Some networks of a grid.

    Attributes:
        places: of the networks in the grid.
        expected: seconds by the estimate.
    """

    places: tuple[int, ...]
    expected: float


@dataclass(frozen=True, eq=False)
class Rows:
    """What a chunk found.

    Attributes:
        values: (networks, fields) the summaries' numbers, in the order of `summary_fields`; NaN where a run failed.
        errors: position in the chunk -> why that run failed.
        seconds: that it took.
        worker: who did it.
    """

    values: np.ndarray
    errors: dict[int, str]
    seconds: float
    worker: tuple


class ThroughputEstimate:
    """Seconds really taken over those expected, from the chunks done so far.

    A slow or busy machine so gets smaller chunks, a fast one larger ones. The numbers do not depend on it.
    """

    def __init__(self):
        self.factor = 1.0

    def update(self, taken: float, expected: float) -> None:
        self.factor += 0.2 * (min(max(taken / expected, 0.01), 100.0) - self.factor)


def expected_seconds(config: RunConfig) -> float:
    """What a network is expected to take, among others in a stack."""
    price, layers = cost(config), len(config.hidden) + 1
    parameters = sum(m * n for m, n in zip(config.hidden, config.hidden[1:], strict=False))
    looping = layers * (config.steps + 1) * STEP
    return FIXED + LAYER * layers + PARAMETER * parameters + MULTIPLY_ADD * price.multiply_adds + looping


def iter_chunks(grid: Grid, pace: ThroughputEstimate, done: np.ndarray | None = None) -> Iterator[Chunk]:
    """All chunks, each made when it is asked for.

    Args:
        done: (networks,) True for those to leave out.
    """
    places, expected, held = [], 0.0, 0
    for config, members in grid.kinds():
        each, size = expected_seconds(config), cost(config).bytes
        for locate in members if done is None else members[~done[members]]:
            over = (expected + each) * pace.factor > SECONDS or held + size > MAX_BYTES
            if places and (over or len(places) == MAX_NETWORKS):
                yield Chunk(tuple(places), expected)
                places, expected, held = [], 0.0, 0
            places.append(int(locate))
            expected, held = expected + each, held + size
    if places:
        yield Chunk(tuple(places), expected)


class SweepAborted(BaseException):
    """Carries what the caller raised (its cause) past those who handle a run that fails."""


def run_chunk(
    base: RunConfig, names: tuple[str, ...], points: list[tuple], check: Callable[..., None] | CancelToken
) -> Rows:
    """Trains some networks; one that fails is a row with its error, and the others go on.

    Args:
        points: of each network the axes' values and the seed.
        look: called every 0.1 s or more often; what it raises comes out as the cause of Stopped. Or a lease to watch.
    """
    start, check = time.monotonic(), check.checker() if isinstance(check, CancelToken) else check

    def stop_or_go_on(*_: object) -> None:
        try:
            check()
        except BaseException as error:  # whatever it is, it ends the sweep, and no handler of a failed run may take it
            raise SweepAborted from error

    values, errors = np.full((len(points), len(summary_fields())), np.nan), {}

    def attempt(positions: Iterable[int]) -> None:
        stop_or_go_on()
        configs = [configured(base, names, points[i]) for i in positions]
        for i, trace in zip(positions, train(configs, on_progress=stop_or_go_on), strict=True):
            values[i] = _numbers(trace)

    try:
        attempt(range(len(points)))
    except FAILURES:  # whose fault it was shows when each runs alone
        for i in range(len(points)):
            try:
                attempt([i])
            except FAILURES as error:
                values[i], errors[i] = np.nan, described(error)
    worker = platform.node(), os.getpid(), threading.get_ident()
    return Rows(values, errors, time.monotonic() - start, worker)


def described(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _numbers(trace: Trace) -> list[float]:
    return [np.nan if value is None else float(value) for value in trace.summary().values()]


@cache
def summary_fields() -> tuple[str, ...]:
    """The names in a trace's summary."""
    (trace,) = train([RunConfig(samples=2, hidden=(), steps=0)])
    return tuple(trace.summary())
