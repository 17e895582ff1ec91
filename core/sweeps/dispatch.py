"""Sends the chunks of a sweep through an executor, or runs them here; a lost worker's chunk is tried once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait

import numpy as np

from ..engine.cancellation import CancelToken, cancel_token
from ..engine.training import PROGRESS_SECONDS, Progress, ProgressCount
from ..engine.workers import lost as lost_worker
from .chunks import Chunk, Rows, SweepAborted, ThroughputEstimate, described, iter_chunks, run_chunk, summary_fields
from .grid import Grid

MIN_AHEAD = 16  # chunks sent before their turn, so that no worker waits; four for each worker once they are known
LOST = "its worker process ended twice while it ran, perhaps for want of memory"

OnRows = Callable[[Chunk, Rows], None]


def run(
    grid: Grid,
    on_rows: OnRows,
    executor: Executor | None = None,
    on_progress: Progress | None = None,
    done: np.ndarray | None = None,
) -> None:
    """Runs every network of a grid.

    Args:
        on_rows: called with each chunk and what it found, in whatever order they end.
        executor, on_progress: as in `core.sweep.sweep`.
        done: (networks,) True for those that need not run.

    Raises:
        BrokenExecutor: the executor lost a worker and takes no more work, or dropped work by itself.
    """
    pace, progress = ThroughputEstimate(), ProgressCount(on_progress, grid.networks)
    if done is not None:
        progress.finish(int(done.sum()))

    def settle(chunk: Chunk, rows: Rows) -> None:
        on_rows(chunk, rows)
        if rows.seconds > 0:
            pace.update(rows.seconds, chunk.expected)
        progress.finish(len(chunk.places))

    chunks = iter_chunks(grid, pace, done)
    if executor is not None:
        _on_executor(executor, grid, chunks, settle, progress.tick)
        return
    for chunk in chunks:
        try:
            rows = run_chunk(*_job(grid, chunk), progress.tick)
        except SweepAborted as stopped:
            raise stopped.__cause__ from None
        settle(chunk, rows)


def _job(grid: Grid, chunk: Chunk) -> tuple:
    return grid.base, grid.names, [grid.values(locate) for locate in chunk.places]


def _on_executor(executor: Executor, grid: Grid, chunks: Iterator[Chunk], settle: OnRows, tick) -> None:
    """As many chunks ahead as keep the workers busy; when the caller gives up, what waits is dropped, what runs stops.

    When a process pool breaks, all its chunks are lost, whichever of them it was. So each is tried again with no other
    beside it, and only the one that breaks the pool once more is given up.
    """
    with cancel_token() as held:
        waiting: dict[Future, Chunk] = {}
        lost: list[Chunk] = []
        seen, tried_again = set(), set()
        try:
            while True:
                if lost and not waiting:
                    _send(executor, grid, lost.pop(), held, waiting)
                alone = lost or tried_again.intersection(waiting.values())
                while not alone and len(waiting) < max(MIN_AHEAD, 4 * len(seen)):
                    chunk = next(chunks, None)
                    if chunk is None:
                        break
                    _send(executor, grid, chunk, held, waiting)
                if not waiting and not lost:
                    return
                ready, _ = wait(waiting, timeout=PROGRESS_SECONDS, return_when=FIRST_COMPLETED)
                for future in ready:
                    chunk = waiting.pop(future)
                    error = CancelledError() if future.cancelled() else future.exception()
                    if error is None:
                        rows = future.result()
                        seen.add(rows.worker)
                        settle(chunk, rows)
                    elif isinstance(error, CancelledError):
                        raise BrokenExecutor("The executor dropped work by itself: it was shut down, or the cluster's "
                                             "scheduler is gone.")  # fmt: skip
                    elif not isinstance(error, lost_worker()):
                        settle(chunk, _failed(chunk, described(error)))
                    elif chunk in tried_again:
                        settle(chunk, _failed(chunk, LOST))
                    else:
                        tried_again.add(chunk)
                        lost.append(chunk)
                tick()
        finally:
            for future in waiting:
                future.cancel()


def _send(executor: Executor, grid: Grid, chunk: Chunk, held: CancelToken, waiting: dict[Future, Chunk]) -> None:
    try:
        waiting[executor.submit(run_chunk, *_job(grid, chunk), held)] = chunk
    except BrokenExecutor as error:
        words = "The executor has lost a worker and takes no more work: give the sweep another one."
        raise type(error)(words) from error


def _failed(chunk: Chunk, why: str) -> Rows:
    """A chunk of which nothing came back."""
    count = len(chunk.places)
    return Rows(np.full((count, len(summary_fields())), np.nan), dict.fromkeys(range(count), why), 0.0, ())
