"""Work for one visitor: taken from a cache, or done now in a slot of a queue, in another process where there is one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Executor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from core import ConfigError, RunConfig, Snapshot, Trace, snapshot, train
from core.config import Cost, check_cost, check_snapshot_cost, cost
from core.data.datasets import DATASETS
from core.engine import workers
from core.engine.cancellation import Cancelled, CancelToken, cancel_token
from core.engine.training import Data
from core.tables import Prepared
from ui.runtime import limits
from ui.runtime.progress import ProgressReporter, SilentReporter
from ui.runtime.queue import POLL_SECONDS
from ui.runtime.services import services
from ui.runtime.turns import aside, current_weight
from ui.runtime.visitors import current_visitor

PARTS = 1000  # of a computation in another process, for its progress
SHORT_FILE_BYTES = 500_000  # of a visitor's file, read in about half a second
INSTANT_COST = 1e8  # multiply-adds of about 10 ms, for which nobody needs to wait in the queue
# multiply-adds, and steps times layers, of about half a second
SHORT_COST = 5e9
SHORT_STEPS = 20_000

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
    return None if run.digest is None else _prepared(run.digest).scaled(run.config)


def _prepared(digest: str) -> Prepared:
    prepared = services().prepared.get(digest)
    if prepared is None:
        raise ConfigError("dataset", "custom", "its table is no longer in memory; upload it again")
    return prepared


def data_sizes(run: Run) -> tuple[int, int, int]:
    """Return (inputs, outputs, samples) of a run's data.

    Raises:
        ConfigError: as `get_data`.
    """
    if run.digest is not None:
        prepared = _prepared(run.digest)
        return prepared.X.shape[1], prepared.D.shape[1], len(prepared.X)
    data = DATASETS[run.config.dataset]
    return data.inputs or 1, data.outputs or 1, min(run.config.samples, data.available or run.config.samples)


def run_cost(run: Run) -> Cost:
    """Return the cost of a run on its own data.

    Raises:
        ConfigError: as `get_data`.
    """
    return cost(run.config, *data_sizes(run))


@contextmanager
def short_slot(wait_for: Callable[[int], None], work: str = "training") -> Generator[None]:
    """Hold a slot of the queue for work of about half a second, in the turn of the current visitor."""
    with aside(), services().short_queue.slot(wait_for, work, current_visitor(), current_weight()):
        yield


@contextmanager
def long_slot(wait_for: Callable[[int], None], work: str = "training") -> Generator[None]:
    """Hold a slot of the queue for longer work, in the turn of the current visitor."""
    with aside(), services().long_queue.slot(wait_for, work, current_visitor(), current_weight()):
        yield


def get_trace(run: Run, reporter: ProgressReporter | None = None) -> Trace:
    """Return the trace of this run: from the cache, or trained now, in turn with other visitors.

    Args:
        reporter: shows the progress; an exception from it ends the run. Without one nothing is shown.

    Raises:
        ConfigError: as `core.train`.
    """
    reporter = reporter or SilentReporter()

    def make() -> Trace:
        check_cost(run.config, *data_sizes(run))  # refused at once, not after waiting in the queue
        slot, executor = (short_slot, services().executor) if is_short(run) else (long_slot, None)
        with slot(reporter.on_queued):
            data = get_data(run)
            return retry_once(lambda: train([run.config], data, on_progress=reporter.on_progress, executor=executor))[0]

    return services().runs.get_or_compute(run, make, reporter.on_shared)


def get_snapshot(run: Run, step: int, reporter: ProgressReporter | None = None) -> Snapshot:
    """Return everything the network of this run holds at one step: from the cache, or trained again to that step.

    Args:
        reporter: as in `get_trace`.

    Raises:
        ConfigError: as `core.snapshot`.
    """
    reporter = reporter or SilentReporter()

    def make() -> Snapshot:
        up_to = Run(run.config.stop_at(step), run.digest)
        check_snapshot_cost(up_to.config, *data_sizes(up_to))
        instant = run_cost(up_to).multiply_adds <= INSTANT_COST
        slot = short_slot if is_short(up_to) else long_slot
        with nullcontext() if instant else slot(reporter.on_queued, "snapshot"):
            data = get_data(run)
            return snapshot(run.config, step, data, on_progress=reporter.on_progress)

    return services().snapshots.get_or_compute((run, step), make, reporter.on_shared)


def compute(
    call: Callable[..., Value],
    run: Run,
    *args: object,
    multiply_adds: int,
    work: str,
    reporter: ProgressReporter,
    **options: Any,
) -> Value:
    """Return `call(config, *args, data=..., on_progress=..., **options)`, computed in turn with other visitors.

    Short work takes a slot of the short queue, all other one of the long queue. On a server another process does it, so
    that no page waits; it ends soon after the visitor has left.

    Args:
        call: a function of core that calls `on_progress` often.
        run: whose config and table the function gets.
        multiply_adds: of the work, which may be refused for them.
        work: its name in the event log.
        reporter: shows the progress; an exception from it ends the work.

    Raises:
        ConfigError: the work is above GRADIENT_LAB_MAX_WORK, or as `call` raises it.
    """
    limits.check_work(multiply_adds)
    short = multiply_adds <= SHORT_COST
    options = {"data": get_data(run), **options}
    return _in_turn(call, run.config, *args, short=short, work=work, reporter=reporter, reports=True, **options)


def read_in_turn(call: Callable[..., Value], raw: bytes, *, reporter: ProgressReporter, **options: Any) -> Value:
    """Return `call(raw, **options)` for a visitor's file, read in turn with other visitors as `compute` does work.

    Raises:
        ConfigError: as `call`.
    """
    short = len(raw) <= SHORT_FILE_BYTES
    return _in_turn(call, raw, short=short, work="file", reporter=reporter, reports=False, **options)


def _in_turn(
    call: Callable[..., Value],
    *args: object,
    short: bool,
    work: str,
    reporter: ProgressReporter,
    reports: bool,
    **options: Any,
) -> Value:
    with (short_slot if short else long_slot)(reporter.on_queued, work):
        apart = services().executor
        if apart is None:
            return call(*args, **options, **({"on_progress": reporter.on_progress} if reports else {}))
        executor = apart if short else services().long_executor.get()
        return retry_once(lambda: _in_worker(executor, reporter, reports, call, *args, **options))


def _in_worker(
    executor: Executor, reporter: Any, reports: bool, call: Callable[..., Any], *args: Any, **options: Any
) -> Any:
    with cancel_token() as token:
        future = executor.submit(_supervised if reports else _unsupervised, token, call, *args, **options)
        try:
            while not wait([future], POLL_SECONDS).done:
                if reports:
                    reporter.on_progress(round(PARTS * token.share), PARTS)
                else:
                    reporter.on_busy()
            return workers.get_result(future)
        finally:
            future.cancel()


def _supervised(token: CancelToken, call: Callable[..., Value], *args, **options) -> Value:
    """Call a function in a worker, which ends when its caller no longer waits."""
    return call(*args, on_progress=token.checker(), **options)


def _unsupervised(token: CancelToken, call: Callable[..., Value], *args, **options) -> Value:
    """Call a function in a worker, unless its caller has left before it began."""
    if not token.is_waiting():
        raise Cancelled("the file is no longer asked for")
    return call(*args, **options)


def retry_once(work: Callable[[], Value]) -> Value:
    """Do the work once more when a worker process dies meanwhile: the next job finds new ones."""
    try:
        return work()
    except workers.worker_lost_errors():
        return work()


def is_short(run: Run) -> bool:
    """Tell whether a run takes about half a second at most; another process does not report its progress."""
    config = run.config
    return config.steps * (len(config.hidden) + 1) <= SHORT_STEPS and run_cost(run).multiply_adds <= SHORT_COST


def noop(n_ahead: int = 0) -> None:
    """Wait silently and without end."""
