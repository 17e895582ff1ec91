"""What visitors share: results kept by config, places to train, and the line in front of them."""

from __future__ import annotations

import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields, is_dataclass
from typing import Generic, TypeVar

import numpy as np
import streamlit as st

from core import ConfigError, RunConfig, Snapshot, Trace, snapshot, train
from core.config import check_cost, cost
from core.engine import workers
from core.engine.training import Data
from core.tables import Prepared, Table
from ui.runtime import event_log, limits

POLL_SECONDS = 0.1  # how often one who waits looks up, and can be stopped
PATIENCE_SECONDS = 0.5  # no progress is shown before
INSTANT_COST = 1e8  # multiply-adds of about 10 ms, for which nobody needs to wait in line
SHORT_COST, SHORT_STEPS = 5e9, 20_000  # of about half a second: multiply-adds, and steps times layers

Value = TypeVar("Value")


class LRUCache(Generic[Value]):
    """Values by key, bounded in number and in bytes: what was asked for longest ago goes first.

    The newest value stays whatever its size, because the page that asked for it draws from it.
    """

    def __init__(self, most: int, most_bytes: int, size: Callable[[Value], int]):
        self._most, self._most_bytes, self._size = most, most_bytes, size
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._bytes = 0
        self._making: dict[Hashable, threading.Event] = {}

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """Bytes of all values kept."""
        return self._bytes

    def get(self, key: Hashable) -> Value | None:
        """The value kept under this key, or None."""
        with self._lock:
            return self._find(key)

    def get_or_compute(self, key: Hashable, make: Callable[[], Value], wait: Callable[[], None]) -> Value:
        """The value kept under this key, made if there is none; who comes while it is made waits for it.

        A maker that raises ends its own call only: one of those who wait makes the value then.

        Args:
            wait: called every 0.1 s by one who waits; what it raises ends the waiting.
        """
        while True:
            with self._lock:
                found = self._find(key)
                if found is not None:
                    return found
                done = self._making.get(key)
                if done is None:
                    mine = self._making[key] = threading.Event()
            if done is None:
                try:
                    value = make()
                    self._keep(key, value)
                    return value
                finally:
                    with self._lock:
                        del self._making[key]
                    mine.set()
            while not done.wait(POLL_SECONDS):
                wait()

    def _find(self, key: Hashable) -> Value | None:
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def _keep(self, key: Hashable, value: Value) -> None:
        size = self._size(value)
        with self._lock:
            self._kept[key] = value, size
            self._bytes += size
            while len(self._kept) > 1 and (len(self._kept) > self._most or self._bytes > self._most_bytes):
                self._bytes -= self._kept.popitem(last=False)[1][1]


class FairQueue:
    """A few places to work in, and a line in front of them: first come, first served."""

    def __init__(self, places: int):
        self._free = places
        self._moved = threading.Condition()
        self._waiting: list[object] = []
        self._held: dict[int, tuple[float, float]] = {}  # by thread: when its work got on last, and how far it was

    def progress(self, cache_budget: float) -> None:
        """How far the work of this thread is, if it holds a place."""
        thread = threading.get_ident()
        if thread in self._held and self._held[thread][1] != cache_budget:
            self._held[thread] = time.monotonic(), cache_budget

    def state(self) -> tuple[int, int, float]:
        """(places held, how many wait, longest time in seconds that one of the held has shown no progress)."""
        with self._moved:
            now = time.monotonic()
            still = max((now - seen for seen, _ in self._held.values()), default=0.0)
            return len(self._held), len(self._waiting), still

    @contextmanager
    def slot(self, wait: Callable[[int], None], work: str = "training") -> Iterator[None]:
        """Holds a place; `wait(ahead)` is called every 0.1 s until there is one, and may raise to leave the line.

        Args:
            work: what the journal calls it.
        """
        ticket, entered, came = object(), False, time.monotonic()
        with self._moved:
            self._waiting.append(ticket)
        try:
            while not (entered := self._enter(ticket)):
                wait(self._ahead(ticket))
        finally:
            if not entered:
                with self._moved:
                    self._waiting.remove(ticket)
                    self._moved.notify_all()
        waited = round(time.monotonic() - came, 3)
        try:
            with event_log.timed(work, waited=waited):
                yield
        finally:
            with self._moved:
                self._held.pop(threading.get_ident(), None)
                self._free += 1
                self._moved.notify_all()

    def _enter(self, ticket: object) -> bool:
        with self._moved:
            first = self._moved.wait_for(lambda: self._free > 0 and self._waiting[0] is ticket, POLL_SECONDS)
            if first:
                self._waiting.remove(ticket)
                self._held[threading.get_ident()] = time.monotonic(), 0.0
                self._free -= 1
                self._moved.notify_all()
            return first

    def _ahead(self, ticket: object) -> int:
        with self._moved:
            return self._waiting.index(ticket)


class ProgressReporter:
    """Tells a visitor how a run gets on, once it takes longer than half a second.

    Each call is also where Streamlit ends the script of a visitor who has changed a control or closed the tab.
    """

    def __init__(self, slot):
        self._slot, self._start, self._shown = slot, time.monotonic(), False

    def on_queued(self, ahead: int) -> None:
        """In line for a place, with so many before."""
        others = {0: "yours is next", 1: "one run is ahead of yours"}.get(ahead, f"{ahead} runs are ahead of yours")
        self._show(0.0, f"Waiting for a free place to train: {others}.")

    def on_shared(self) -> None:
        """Another visitor's run with the same settings is under way."""
        self._show(0.0, "Another visitor has asked for this very run: waiting for it.")

    def on_progress(self, done: int, total: int) -> None:
        words = f"Training: step {min(done, total - 1):,} of {total - 1:,}. A change of any control stops this run."
        self._show(done / total, words)

    def on_check(self, done: int, total: int) -> None:
        """The loss is measured again and again, beside the network."""
        self._show(done / total, f"Differences of the loss: {done:,} of {total:,}. A change of any control stops this.")

    def on_busy(self) -> None:
        """Something is reckoned whose progress is not known."""
        self._show(0.0, "Reckoning …")

    def _show(self, cache_budget: float, words: str) -> None:
        for short_queue in (services().short_queue, services().long_queue):
            short_queue.progress(cache_budget)
        if time.monotonic() - self._start >= PATIENCE_SECONDS:
            self._shown = True
            self._slot.progress(min(cache_budget, 1.0), text=words)
        else:
            len(st.session_state)  # touching it is enough for Streamlit to step in

    def clear(self) -> None:
        if self._shown:
            self._slot.empty()


@dataclass(frozen=True)
class Run:
    """One run as every visitor's session remembers it: its config, and the key of the table it runs on, if any."""

    config: RunConfig
    digest: str | None = None

    @property
    def data(self) -> Data | None:
        """(X, D) of a visitor's table; None for a dataset.

        Raises:
            ConfigError: the table is no longer kept.
        """
        if self.digest is None:
            return None
        prepared = services().tables.get(self.digest)
        if prepared is None:
            raise ConfigError("dataset", "custom", "its table is no longer in memory; bring it again")
        return prepared.X, prepared.D


@dataclass(frozen=True, eq=False)
class _Shared:
    runs: LRUCache[Trace]
    snapshots: LRUCache[Snapshot]
    tables: LRUCache[Table | Prepared]
    theories: LRUCache[object]
    short_queue: FairQueue
    long_queue: FairQueue  # for what takes longer than a moment: nobody's short run waits behind it


@st.cache_resource(show_spinner=False)
def services() -> _Shared:
    """The one set of shelves and places of this process."""
    # Streamlit collects garbage after every rerun; what is imported by now need not be walked through each time.
    gc.collect()
    gc.freeze()
    places = limits.value("MAX_TRAININGS")
    return _Shared(
        runs=LRUCache(200, cache_budget(0.4), array_bytes),
        snapshots=LRUCache(20, cache_budget(0.1), array_bytes),
        tables=LRUCache(40, cache_budget(0.15), array_bytes),
        theories=LRUCache(400, cache_budget(0.05), array_bytes),
        # Twice as many where as many processes do the work: a run that is on its way there or back leaves none idle.
        short_queue=FairQueue(2 * places if _worker_executor else places),
        long_queue=FairQueue(places),
    )


def queue_stats() -> tuple[int, int, float]:
    """(works under way, how many wait, longest time in seconds that one of the first has shown no progress)."""
    both = services().short_queue.state(), services().long_queue.state()
    return both[0][0] + both[1][0], both[0][1] + both[1][1], max(both[0][2], both[1][2])


def cache_budget(part: float) -> int:
    """A part of the bytes that all results together may take; `ui.comparing` and `ui.sweeping` keep the rest."""
    return int(part * limits.value("CACHE_BYTES"))


def array_bytes(value: object) -> int:
    """Bytes of all arrays in a trace, a snapshot, a table, or a list of such; a text is reckoned at 64."""
    if isinstance(value, np.ndarray):
        return 64 * value.size if value.dtype == object else value.nbytes
    if isinstance(value, (list, tuple)):
        return sum(map(array_bytes, value))
    return sum(array_bytes(getattr(value, field.name)) for field in fields(value)) if is_dataclass(value) else 0


def get_trace(run: Run, reporter: ProgressReporter | None = None) -> Trace:
    """The trace of this run: kept from before, or trained now, in turn with other visitors.

    Args:
        notice: is told how it gets on; whatever it raises ends the run.

    Raises:
        ConfigError: as `core.train`.
    """

    def make() -> Trace:
        data = run.data
        check_cost(run.config, *_sizes(data))  # refused at once, not after waiting in line
        short, tell = _short(run.config), reporter.on_progress if reporter else None
        short_queue, executor = (services().short_queue, _worker_executor) if short else (services().long_queue, None)
        with short_queue.slot(reporter.on_queued if reporter else noop):
            return retry_once(lambda: train([run.config], data, on_progress=tell, executor=executor))[0]

    return services().runs.get_or_compute(run, make, reporter.on_shared if reporter else noop)


def get_snapshot(run: Run, step: int, reporter: ProgressReporter | None = None) -> Snapshot:
    """Everything the network of this run held at one step, kept from before or trained again to there.

    Args:
        notice: as in `get_trace`.

    Raises:
        ConfigError: as `core.snapshot`.
    """

    def make() -> Snapshot:
        upto = run.config.replace(steps=step)
        at_once = cost(upto, *_sizes(run.data)).multiply_adds <= INSTANT_COST
        short_queue = services().short_queue if _short(upto) else services().long_queue
        with nullcontext() if at_once else short_queue.slot(reporter.on_queued if reporter else noop, "snapshot"):
            return snapshot(run.config, step, run.data, on_progress=reporter.on_progress if reporter else None)

    return services().snapshots.get_or_compute((run, step), make, reporter.on_shared if reporter else noop)


# Where short work is sent, so that it takes another core; on a public server only. A thread of this process would have
# to ask for Python's one lock after every operation on an array, and get it after the pages of other visitors.
_worker_executor: Executor | None = None


def set_worker_executor(executor: Executor) -> None:
    """From now on short trainings and theory are sent to this executor; a worker process takes a second to start."""
    global _worker_executor
    _worker_executor = executor


def run_in_worker(call: Callable[..., Value], *args: object, reporter: ProgressReporter) -> Value:
    """What a function of core returns, from another process if this server has some.

    Raises:
        BaseException: whatever `call` or the notice raises.
    """
    if _worker_executor is None:
        return call(*args)

    def ask() -> Value:
        future = _worker_executor.submit(call, *args)
        try:
            while not wait([future], POLL_SECONDS).done:
                reporter.on_busy()
        finally:
            future.cancel()
        return future.result()

    return retry_once(ask)


def retry_once(work: Callable[[], Value]) -> Value:
    """Once more when a worker died meanwhile: the next job finds new ones."""
    try:
        return work()
    except workers.lost():
        return work()


def _short(config: RunConfig) -> bool:
    """Whether a run takes about half a second at most; from another process a run does not tell how far it is."""
    return config.steps * (len(config.hidden) + 1) <= SHORT_STEPS and cost(config).multiply_adds <= SHORT_COST


def noop(ahead: int = 0) -> None:
    """Waits without a word, and without end."""


def _sizes(data: Data | None) -> tuple[int, ...]:
    return () if data is None else (data[0].shape[1], data[1].shape[1], len(data[0]))
