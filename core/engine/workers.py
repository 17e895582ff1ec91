"""Executors that train in other processes: a pool of one process a core, started when first needed and kept
alive; or a Dask cluster."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
import threading
import time
import types
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any

from ..errors import ConfigError
from .cluster import Cluster, ClusterLostError

SCHEDULER = "GRADIENT_LAB_SCHEDULER"  # the environment setting that names a Dask cluster, as tcp://host:port
CONNECT_SECONDS = 20.0  # for the scheduler of a cluster to answer
LOSS_SECONDS = 2.0  # for a pool to find by itself that a process of it has ended
NICENESS = 10  # workers give way to the server's own threads, which answer every visitor
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_lost_errors() -> tuple[type[BaseException], ...]:
    """Errors that work ends with when its worker does, of a pool or of a Dask cluster; for an except clause."""
    dask = sys.modules.get("distributed")  # where this process has Dask at all
    return (BrokenExecutor,) if dask is None else (BrokenExecutor, dask.KilledWorker)


def describe_loss(error: BaseException) -> str:
    """Say in a sentence or two why work has no result, for one of `worker_lost_errors`, and what to do."""
    if isinstance(error, ClusterLostError):
        why = (
            error.__cause__ if isinstance(error.__cause__, ClusterLostError) else error
        )  # a sweep adds words for callers
        return f"{why} Try again in a minute."
    lost = "workers of the Dask cluster" if os.environ.get(SCHEDULER, "").strip() else "worker processes"
    return (
        f"The {lost} ended unexpectedly, and again at the second attempt; they may be short of memory. Choose fewer "
        "layers, units, samples or seeds, and try again."
    )


def get_result(future: Future) -> Any:
    """The result of work that nobody here has cancelled.

    Raises:
        BrokenExecutor: the executor dropped it by itself.
        BaseException: what the work raised.
    """
    try:
        return future.result()
    except CancelledError:
        message = "The executor dropped work by itself: it was shut down, or its scheduler is gone."
        raise BrokenExecutor(message) from None


class Workers(Executor):
    """A pool of spawned processes that outlives a broken one: the next job after a crash starts a new pool.

    Every process has one BLAS thread, a low priority, and ends by itself when this process does, however it ends.

    Args:
        count: processes; None for one a core.
        niceness: how far they give way to others.
    """

    def __init__(self, count: int | None = None, niceness: int = NICENESS):
        self._count = count or cores()
        self._niceness = niceness
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Sends one call; the future fails with BrokenProcessPool if its process dies meanwhile."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the workers have been shut down")
            if self._pool is not None:
                try:
                    return self._pool.submit(fn, *args, **kwargs)
                except BrokenProcessPool:
                    self._pool.shutdown(wait=False)
            self._pool = _start(self._count, self._niceness)
            threading.Thread(target=_end_broken_results, args=(self._pool,), name="pool-watch", daemon=True).start()
            return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends every process once its job is done; no more jobs are taken."""
        with self._lock:
            self._closed = True
            pool = self._pool
            self._pool = None
        if pool is not None:
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)


def _start(count: int, niceness: int) -> ProcessPoolExecutor:
    """A pool whose processes all exist.

    A spawned process reads two things from its parent at its start, so both are changed for that moment only: the
    environment, from which BLAS takes its threads, and `__main__`, which it would run again. Under Streamlit that is
    the page script.
    """
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_settle, initargs=(niceness,))
    main = sys.modules["__main__"]
    before = {name: os.environ.get(name) for name in _THREADS}
    sys.modules["__main__"] = types.ModuleType("__main__")
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        for _ in range(count):  # the pool starts a process for a job as long as none is idle; each takes a while
            pool.submit(_settled)
    finally:
        sys.modules["__main__"] = main
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    return pool


def _end_broken_results(pool: Any) -> None:
    """Lets a pool fail whose process ended while it sent a result.

    The pool would read on for good: it holds an end of the pipe for writing itself. With every end closed, its reader
    comes to the end of the file, and all work of the pool fails as with any other lost process.
    """
    processes = list((pool._processes or {}).values())
    connection.wait([process.sentinel for process in processes])
    time.sleep(LOSS_SECONDS)
    if pool._broken or pool._shutdown_thread:
        return
    for process in processes:
        process.kill()
    pool._result_queue._writer.close()


def _settle(niceness: int) -> None:
    """Start of a worker: it gives way to others, imports the engine, and watches for the end of its parent."""
    if hasattr(os, "nice"):
        os.nice(niceness)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    from .. import train  # noqa: F401  so that the first job does not wait for it


def _leave_with_parent() -> None:
    parent: Any = multiprocessing.parent_process()  # a worker has one
    parent.join()  # a parent that was killed could not say goodbye
    os._exit(0)


def _settled() -> None:
    """The job that makes the pool start a process."""


class LazyExecutor:
    """The executor for long work, made when it is first asked for: a pool of one process a core, or a Dask cluster.

    A server or a command makes one of these and hands it on. What it has made ends with this process.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._executor: Workers | Cluster | None = None
        # The last to connect to a cluster: its address, and the client.
        self._attempt: tuple[str, Future] | None = None

    def get(self) -> Executor:
        """Return the executor, the same one for every caller, or another cluster's where that one was lost.

        Raises:
            ConfigError: GRADIENT_LAB_SCHEDULER names a cluster that does not answer, or Dask is not installed.
        """
        address = os.environ.get(SCHEDULER, "").strip()
        with self._lock:
            if isinstance(self._executor, Cluster) and not self._executor.is_open:
                self._executor = None
            if self._executor is None:
                self._executor = self._connect(address) if address else Workers()
                atexit.register(self._executor.shutdown, cancel_futures=True)
            return self._executor

    def _connect(self, address: str) -> Cluster:
        """Return the Dask cluster at this address."""
        try:
            import distributed  # noqa: F401
        except ImportError:
            raise ConfigError(SCHEDULER, address, "it needs Dask: pip install -r requirements-dask.txt") from None
        if self._attempt is None or self._attempt[0] != address or self._attempt[1].done():
            self._attempt = address, Future()
            threading.Thread(target=_open_client, args=self._attempt, name="dask-connect", daemon=True).start()
        try:
            return Cluster(self._attempt[1].result(CONNECT_SECONDS))
        except (OSError, ValueError) as error:
            why = " ".join(str(error).split())[:200] or f"no answer within {CONNECT_SECONDS:.0f} s"
            raise ConfigError(SCHEDULER, address, f"a Dask scheduler must answer there ({why})") from None


def _open_client(address: str, client: Future) -> None:
    """Connects to a scheduler, for which Dask waits without end where it takes the connection and says nothing."""
    from distributed import Client

    try:
        client.set_result(Client(address, timeout=CONNECT_SECONDS / 2, set_as_default=False))
    except Exception as error:  # noqa: BLE001  for the thread that waits
        client.set_exception(error)
