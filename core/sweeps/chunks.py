"""Chunks of a sweep: sized by the time they take, trained as stacks, returned as numbers."""

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
from .grid import Grid, config_for

CHUNK_SECONDS = 0.25  # the time a chunk should take; one that takes twice as long is still half a second
MAX_CHUNK_NETWORKS = 2_000
MAX_CHUNK_BYTES = 200_000_000  # traces and weights that a worker holds until its chunk is done
# Seconds that a network is expected to take on one core. Only the first chunks depend on these numbers; from then on
# ThroughputEstimate corrects them.
NETWORK_SECONDS = 1.5e-4
LAYER_SECONDS = 2.5e-5
PARAMETER_SECONDS = 1.5e-8  # for each weight drawn
MULTIPLY_ADD_SECONDS = 1.5e-10
LAYER_STEP_SECONDS = 3e-6  # the loop over layers itself, in each step
# Errors that a run raises by itself. A lost worker and a caller that stops the sweep are not among them.
RUN_ERRORS = (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class Chunk:
    """Some networks of a grid.

    Attributes:
        indices: the networks' indices in the grid.
        expected: estimated seconds.
    """

    indices: tuple[int, ...]
    expected: float


@dataclass(frozen=True, eq=False, kw_only=True)
class ChunkResult:
    """The result of a chunk.

    Attributes:
        values: (networks, fields) the summaries' numbers, in the order of `summary_fields`; NaN where a run failed.
        errors: position in the chunk -> the error of that run.
        seconds: time taken.
        worker: identity of the worker: node, process and thread.
    """

    values: np.ndarray
    errors: dict[int, str]
    seconds: float
    worker: tuple


class ThroughputEstimate:
    """Ratio of measured to expected seconds, averaged over the chunks done so far.

    A slow or busy machine therefore gets smaller chunks, a fast one larger ones. The results do not depend on it.
    """

    def __init__(self):
        self.factor = 1.0

    def update(self, seconds: float, expected: float) -> None:
        self.factor += 0.2 * (min(max(seconds / expected, 0.01), 100.0) - self.factor)


def expected_seconds(config: RunConfig) -> float:
    """Seconds that a network is expected to take within a stack."""
    price = cost(config)
    layers = len(config.hidden) + 1
    parameters = sum(m * n for m, n in zip(config.hidden, config.hidden[1:], strict=False))
    loop = layers * (config.steps + 1) * LAYER_STEP_SECONDS
    draw = LAYER_SECONDS * layers + PARAMETER_SECONDS * parameters
    return NETWORK_SECONDS + draw + MULTIPLY_ADD_SECONDS * price.multiply_adds + loop


def iter_chunks(grid: Grid, throughput: ThroughputEstimate, done: np.ndarray | None = None) -> Iterator[Chunk]:
    """Yields all chunks, each made when it is requested.

    Args:
        grid: the sweep.
        throughput: corrects the expected seconds.
        done: (networks,) True for those to leave out.
    """
    indices = []
    expected = 0.0
    chunk_bytes = 0
    for config, members in grid.groups():
        each = expected_seconds(config)
        size = cost(config).bytes
        for index in members if done is None else members[~done[members]]:
            is_full = (expected + each) * throughput.factor > CHUNK_SECONDS or chunk_bytes + size > MAX_CHUNK_BYTES
            if indices and (is_full or len(indices) == MAX_CHUNK_NETWORKS):
                yield Chunk(tuple(indices), expected)
                indices = []
                expected = 0.0
                chunk_bytes = 0
            indices.append(int(index))
            expected = expected + each
            chunk_bytes = chunk_bytes + size
    if indices:
        yield Chunk(tuple(indices), expected)


class SweepAborted(BaseException):
    """Carries the caller's exception (its cause) past the handlers of a run that fails."""


def run_chunk(
    base: RunConfig, names: tuple[str, ...], points: list[tuple], check: Callable[..., None] | CancelToken
) -> ChunkResult:
    """Trains some networks; one that fails is a row with its error, and the others go on.

    Args:
        base: the settings that no axis changes.
        names: the fields of the axes.
        points: the axes' values and the seed of each network.
        check: called at least every 0.1 s; an exception that it raises becomes the cause of SweepAborted. A CancelToken
            stands for its own check.
    """
    start = time.monotonic()
    check = check.checker() if isinstance(check, CancelToken) else check

    def check_progress(*_: object) -> None:
        try:
            check()
        except BaseException as error:  # it ends the sweep, so no handler of a failed run may catch it
            raise SweepAborted from error

    values = np.full((len(points), len(summary_fields())), np.nan)
    errors = {}

    def attempt(positions: Iterable[int]) -> None:
        check_progress()
        configs = [config_for(base, names, points[i]) for i in positions]
        for i, trace in zip(positions, train(configs, on_progress=check_progress), strict=True):
            values[i] = _summary_values(trace)

    try:
        attempt(range(len(points)))
    except RUN_ERRORS:  # running each network alone shows which one failed
        for i in range(len(points)):
            try:
                attempt([i])
            except RUN_ERRORS as error:
                values[i] = np.nan
                errors[i] = describe_error(error)
    worker = platform.node(), os.getpid(), threading.get_ident()
    return ChunkResult(values=values, errors=errors, seconds=time.monotonic() - start, worker=worker)


def describe_error(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _summary_values(trace: Trace) -> list[float]:
    return [np.nan if value is None else float(value) for value in trace.summary().values()]


@cache
def summary_fields() -> tuple[str, ...]:
    """The names in a trace's summary."""
    (trace,) = train([RunConfig(samples=2, hidden=(), steps=0)])
    return tuple(trace.summary())
