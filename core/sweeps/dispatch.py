"""Runs the chunks of a sweep on an executor or in this process; the chunk of a lost worker is tried once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait

import numpy as np

from ..engine.cancellation import CancelToken, cancel_token
from ..engine.training import PROGRESS_SECONDS, Progress, ProgressCount
from ..engine.workers import get_result, worker_lost_errors
from .chunks import (
    Chunk,
    ChunkResult,
    SweepAborted,
    ThroughputEstimate,
    describe_error,
    iter_chunks,
    run_chunk,
    summary_fields,
)
from .grid import Grid

MIN_CHUNKS_AHEAD = 16  # chunks submitted in advance, so that no worker waits; four a worker once workers are known
LOST_WORKER_ERROR = "its worker process ended twice while it ran, perhaps because memory ran out"

OnResult = Callable[[Chunk, ChunkResult], None]


def run_grid(
    grid: Grid,
    on_result: OnResult,
    executor: Executor | None = None,
    on_progress: Progress | None = None,
    done: np.ndarray | None = None,
) -> None:
    """Runs every network of a grid.

    Args:
        grid: the sweep.
        on_result: called with each chunk and its result, in the order in which chunks finish.
        executor, on_progress: as in `core.sweep.sweep`.
        done: (networks,) True for those that need not run.

    Raises:
        BrokenExecutor: the executor lost a worker and takes no more work, or dropped work by itself.
    """
    throughput = ThroughputEstimate()
    progress = ProgressCount(on_progress, grid.networks)
    if done is not None:
        progress.finish(int(done.sum()))

    def finish(chunk: Chunk, result: ChunkResult) -> None:
        on_result(chunk, result)
        if result.seconds > 0:
            throughput.update(result.seconds, chunk.expected)
        progress.finish(len(chunk.indices))

    chunks = iter_chunks(grid, throughput, done)
    if executor is not None:
        _on_executor(executor, grid, chunks, finish, progress.tick)
        return
    for chunk in chunks:
        try:
            result = run_chunk(*_chunk_arguments(grid, chunk), progress.tick)
        except SweepAborted as aborted:
            raise aborted.__cause__ or aborted from None
        finish(chunk, result)


def _chunk_arguments(grid: Grid, chunk: Chunk) -> tuple:
    return grid.base, grid.names, [grid.values(index) for index in chunk.indices]


def _on_executor(
    executor: Executor, grid: Grid, chunks: Iterator[Chunk], finish: OnResult, tick: Callable[[], None]
) -> None:
    """Keeps enough chunks submitted for the workers to stay busy; an exception cancels those waiting and running.

    When a process pool breaks, all its chunks are lost, not only the one that broke it. Each is therefore tried again
    with no other beside it, and only one that breaks the pool a second time is reported as failed.
    """
    with cancel_token() as token:
        pending: dict[Future, Chunk] = {}
        lost_chunks: list[Chunk] = []
        workers = set()
        retried = set()
        try:
            while True:
                if lost_chunks and not pending:
                    _submit(executor, grid, lost_chunks.pop(), token, pending)
                alone = lost_chunks or retried.intersection(pending.values())
                while not alone and len(pending) < max(MIN_CHUNKS_AHEAD, 4 * len(workers)):
                    chunk = next(chunks, None)
                    if chunk is None:
                        break
                    _submit(executor, grid, chunk, token, pending)
                if not pending and not lost_chunks:
                    return
                ready, _ = wait(pending, timeout=PROGRESS_SECONDS, return_when=FIRST_COMPLETED)
                for future in ready:
                    chunk = pending.pop(future)
                    error = CancelledError() if future.cancelled() else future.exception()
                    if error is None:
                        result = future.result()
                        workers.add(result.worker)
                        finish(chunk, result)
                    elif isinstance(error, CancelledError):
                        get_result(future)  # raises BrokenExecutor
                    elif not isinstance(error, worker_lost_errors()):
                        finish(chunk, _failed_result(chunk, describe_error(error)))
                    elif chunk in retried:
                        finish(chunk, _failed_result(chunk, LOST_WORKER_ERROR))
                    else:
                        retried.add(chunk)
                        lost_chunks.append(chunk)
                tick()
        finally:
            for future in pending:
                future.cancel()


def _submit(executor: Executor, grid: Grid, chunk: Chunk, token: CancelToken, pending: dict[Future, Chunk]) -> None:
    try:
        pending[executor.submit(run_chunk, *_chunk_arguments(grid, chunk), token)] = chunk
    except BrokenExecutor as error:
        raise type(error)(f"The executor takes no more work; give the sweep another one. {error}") from error


def _failed_result(chunk: Chunk, reason: str) -> ChunkResult:
    """The result of a chunk that was lost: every run failed for the same reason."""
    count = len(chunk.indices)
    return ChunkResult(
        values=np.full((count, len(summary_fields())), np.nan),
        errors=dict.fromkeys(range(count), reason),
        seconds=0.0,
        worker=(),
    )
