"""Work for one visitor: taken from a cache, or done now in a slot of a queue, in another process where there is one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeVar

from core import ConfigError, RunConfig, Snapshot, Trace, snapshot, train
from core.config import check_cost, cost
from core.engine import workers
from core.engine.training import Data
from ui.runtime.progress import ProgressReporter
from ui.runtime.queue import POLL_SECONDS
from ui.runtime.services import services
from ui.runtime.visitors import current_visitor

INSTANT_COST = 1e8  # multiply-adds of about 10 ms, for which nobody needs to wait in the queue
SHORT_COST, SHORT_STEPS = 5e9, 20_000  # multiply-adds, and steps times layers, of about half a second

Value = TypeVar("Value")


@dataclass(frozen=True)
class Run:
    """One run as every visitor's session remembers it: its config, and the key of its prepared table, if any."""

    config: RunConfig
    digest: str | None = None


def get_data(run: Run) -> Data | None:
    """Return (X, D) of a visitor's table; None for a dataset.

    Raises:
        ConfigError: the table is no longer cached.
    """
    if run.digest is None:
        return None
    prepared = services().prepared.get(run.digest)
    if prepared is None:
        raise ConfigError("dataset", "custom", "its table is no longer in memory; upload it again")
    return prepared.scaled(run.config)


def short_slot(wait_for: Callable[[int], None], work: str = "training"):
    """Hold a slot of the queue for work of about half a second, in the turn of the current visitor."""
    return services().short_queue.slot(wait_for, work, current_visitor())


def long_slot(wait_for: Callable[[int], None], work: str = "training"):
    """Hold a slot of the queue for longer work, in the turn of the current visitor."""
    return services().long_queue.slot(wait_for, work, current_visitor())


def get_trace(run: Run, reporter: ProgressReporter | None = None) -> Trace:
    """Return the trace of this run: from the cache, or trained now, in turn with other visitors.

    Args:
        reporter: shows the progress; an exception from it ends the run.

    Raises:
        ConfigError: as `core.train`.
    """

    def make() -> Trace:
        data = get_data(run)
        check_cost(run.config, *_sizes(data))  # refused at once, not after waiting in the queue
        short, on_progress = is_short(run.config), reporter.on_progress if reporter else None
        slot, executor = (short_slot, services().executor) if short else (long_slot, None)
        with slot(reporter.on_queued if reporter else noop):
            return retry_once(lambda: train([run.config], data, on_progress=on_progress, executor=executor))[0]

    return services().runs.get_or_compute(run, make, reporter.on_shared if reporter else noop)


def get_snapshot(run: Run, step: int, reporter: ProgressReporter | None = None) -> Snapshot:
    """Return everything the network of this run holds at one step: from the cache, or trained again to that step.

    Args:
        reporter: as in `get_trace`.

    Raises:
        ConfigError: as `core.snapshot`.
    """

    def make() -> Snapshot:
        data, up_to = get_data(run), run.config.replace(steps=step)
        instant = cost(up_to, *_sizes(data)).multiply_adds <= INSTANT_COST
        slot = short_slot if is_short(up_to) else long_slot
        with nullcontext() if instant else slot(reporter.on_queued if reporter else noop, "snapshot"):
            return snapshot(run.config, step, data, on_progress=reporter.on_progress if reporter else None)

    return services().snapshots.get_or_compute((run, step), make, reporter.on_shared if reporter else noop)


def run_in_worker(call: Callable[..., Value], *args: object, reporter: ProgressReporter) -> Value:
    """Return what a function of core returns, computed in another process if this server has some.

    Raises:
        BaseException: what `call` or the reporter raises.
    """
    executor = services().executor
    if executor is None:
        return call(*args)

    def ask() -> Value:
        future = executor.submit(call, *args)
        try:
            while not wait([future], POLL_SECONDS).done:
                reporter.on_busy()
        finally:
            future.cancel()
        return future.result()

    return retry_once(ask)


def retry_once(work: Callable[[], Value]) -> Value:
    """Do the work once more when a worker process dies meanwhile: the next job finds new ones."""
    try:
        return work()
    except workers.worker_lost_errors():
        return work()


def is_short(config: RunConfig) -> bool:
    """Tell whether a run takes about half a second at most; another process does not report its progress."""
    return config.steps * (len(config.hidden) + 1) <= SHORT_STEPS and cost(config).multiply_adds <= SHORT_COST


def noop(n_ahead: int = 0) -> None:
    """Wait silently and without end."""


def _sizes(data: Data | None) -> tuple[int, ...]:
    return () if data is None else (data[0].shape[1], data[1].shape[1], len(data[0]))
