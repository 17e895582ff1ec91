"""The caches, queues and worker processes that all visitors of a server share: the one place that holds them.

They are kept in this module and not in Streamlit's caches, which any visitor's browser may ask to clear.
"""

from __future__ import annotations

import gc
import threading
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cache

import numpy as np

from core import Diagnosis, Snapshot, Trace
from core.comparison.arm_statistics import ArmSummary
from core.engine.workers import LazyExecutor
from core.recordings import Recording
from core.sweeps.critical_lines import Curve
from core.sweeps.table import SweepTable
from core.tables import Prepared, Table
from ui.runtime import limits, session_lookup
from ui.runtime.cache import LRUCache, array_bytes
from ui.runtime.downloads import Downloads
from ui.runtime.queue import FairQueue
from ui.runtime.tasks import TaskRegistry


@dataclass(frozen=True, eq=False, kw_only=True)
class Services:
    """Services that visitors share.

    Attributes:
        short_queue: for what takes about half a second.
        long_queue: for what takes longer: nobody's short run waits behind it.
        executor: runs short work in other processes, so that it takes another core than the pages; None at home.
            A thread of this process would wait for Python's lock after every operation on an array.
        long_executor: runs longer work, in other processes at home too.
        running_trials: trials of suggestions that have not ended; those that have are in `trials`.
        downloads: files that a visitor asks for by a button.
    """

    runs: LRUCache[Trace]
    snapshots: LRUCache[Snapshot]
    tables: LRUCache[Table]
    prepared: LRUCache[Prepared]
    theories: LRUCache[object]
    families: LRUCache[tuple]
    arms: LRUCache[ArmSummary]
    sweeps: LRUCache[SweepTable]
    curves: LRUCache[tuple[Curve, ...]]
    sharpness: LRUCache[np.ndarray]
    trials: LRUCache[Diagnosis]
    recordings: LRUCache[tuple[Recording, Diagnosis]]
    short_queue: FairQueue
    long_queue: FairQueue
    executor: Executor | None
    long_executor: LazyExecutor
    running_trials: TaskRegistry
    downloads: Downloads

    def queue_stats(self) -> tuple[int, int, float]:
        """Return (slots in use, tickets waiting, longest time in seconds without a sign of life) of both queues."""
        short = self.short_queue.state()
        long = self.long_queue.state()
        return short[0] + long[0], short[1] + long[1], max(short[2], long[2])


def create(executor: Executor | None = None, long_executor: LazyExecutor | None = None) -> Services:
    """Create empty caches and queues by the limits of this server, beside these executors."""
    slots = limits.value("MAX_TRAININGS")
    # The shares add up to one.
    return Services(
        runs=LRUCache(200, _cache_bytes(0.31), array_bytes),
        snapshots=LRUCache(20, _cache_bytes(0.1), array_bytes),
        tables=LRUCache(40, _cache_bytes(0.08), lambda table: table.nbytes),
        prepared=LRUCache(40, _cache_bytes(0.07), array_bytes),
        theories=LRUCache(400, _cache_bytes(0.04), array_bytes),
        families=LRUCache(200, _cache_bytes(0.01), array_bytes),
        arms=LRUCache(300, _cache_bytes(0.2), lambda record: record.nbytes),
        sweeps=LRUCache(100, _cache_bytes(0.1), lambda table: table.values.nbytes),
        curves=LRUCache(300, _cache_bytes(0.03), lambda curves: sum(c.x.nbytes + c.y.nbytes for c in curves)),
        sharpness=LRUCache(200, _cache_bytes(0.01), array_bytes),
        trials=LRUCache(400, 4_000_000, lambda diagnosis: 5_000),  # a few texts each: no share of the bytes
        recordings=LRUCache(20, _cache_bytes(0.05), lambda pair: pair[0].nbytes),
        # Twice as many where as many processes do the work: a run on its way there or back leaves none idle.
        short_queue=FairQueue(slots if executor is None else 2 * slots),
        long_queue=FairQueue(slots),
        executor=executor,
        long_executor=long_executor or LazyExecutor(),
        running_trials=TaskRegistry(),
        downloads=Downloads(),
    )


_services: Services | None = None
_lock = threading.Lock()


def start_services(executor: Executor | None = None) -> Services:
    """Replace the caches and queues of this process, as a server does once before its first visitor.

    The executor for long work stays, with the processes that it has started.
    """
    global _services
    session_lookup.install()
    with _lock:
        _services = create(executor, _services.long_executor if _services else None)
        _freeze()
        return _services


@cache
def freeze_first_page() -> None:
    """Exempt from collections what the first page of this process has loaded; later calls do nothing."""
    _freeze()


def _freeze() -> None:
    """Exempt all that is in memory from collections: Streamlit's own after every run would walk through it again."""
    gc.collect()
    gc.freeze()


def services() -> Services:
    """Return the services of this process; at home the first visitor's page starts them."""
    return _services or start_services()


def _cache_bytes(share: float) -> int:
    return int(share * limits.value("CACHE_BYTES"))
