"""A Dask cluster as an executor that does not wait for workers, or a scheduler, that show no sign of life.

Dask notices a process that ended at once, and one that is frozen (stopped, swapped out, cut off from the network) after
five minutes (`distributed.scheduler.worker-ttl`); for a frozen scheduler its clients wait without end.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass, field
from typing import Any

SILENT_SECONDS = 30.0  # without a sign of life, after which a worker or the scheduler counts as lost
START_SECONDS = 300.0  # for a cluster that has no worker to get one
LOOK_SECONDS = 2.0  # between two looks, while work waits


class ClusterLostError(BrokenExecutor):
    """The cluster has been given up, for the reason in the message."""


@dataclass(eq=False)
class _Job:
    """One call: the future of its caller, and the one of the cluster, which another takes the place of if it moves."""

    call: Callable[..., Any]
    args: tuple
    options: dict[str, Any]
    future: Future = field(default_factory=Future)
    key: str = ""
    sent: Future = field(default_factory=Future)
    workers: frozenset[str] = frozenset()  # that may do it; empty for any


class Cluster(Executor):
    """The workers of a Dask cluster.

    Work of a worker that has been silent for SILENT_SECONDS is given to the others. All work fails with
    ClusterLostError, and no more is taken, once the scheduler has not answered, or no worker has shown a sign of life,
    for so long.

    Args:
        client: a `distributed.Client`, which this executor closes.
    """

    def __init__(self, client: Any):
        self._client = client
        self._executor = client.get_executor(pure=False)  # pure: an answer from before would be given again
        self._lock = threading.Lock()
        self._jobs: set[_Job] = set()
        self._responsive: frozenset[str] = frozenset()  # addresses of workers while others are silent; else empty
        self._why_closed = ""
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="dask-watch", daemon=True).start()

    @property
    def is_open(self) -> bool:
        """True as long as work is taken."""
        return not self._closed.is_set() and self._client.status in ("running", "connecting")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Send one call to a worker.

        Raises:
            ClusterLostError: the cluster has been given up.
        """
        job = _Job(fn, args, kwargs)
        with self._lock:
            if self._closed.is_set():
                raise ClusterLostError(self._why_closed)
            self._jobs.add(job)
        self._send(job)
        job.future.add_done_callback(lambda _: self._forget(job))
        return job.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Close the client; work that has not ended fails."""
        self._give_up("The executor was shut down.")

    def _send(self, job: _Job) -> None:
        job.key = f"gradient-flow-{uuid.uuid4().hex}"
        job.workers = self._responsive
        chosen = {"workers": sorted(job.workers), "allow_other_workers": True} if job.workers else {}
        sent = self._executor.submit(job.call, *job.args, key=job.key, **chosen, **job.options)
        job.sent = sent
        sent.add_done_callback(lambda _: self._settle(job, sent))

    def _settle(self, job: _Job, sent: Future) -> None:
        """Hand a result to its caller, unless the job has moved meanwhile."""
        with self._lock:
            if job.sent is not sent or job not in self._jobs:
                return
            self._jobs.discard(job)
        if sent.cancelled():  # by Dask, whose scheduler is gone
            job.future.cancel()
        if not job.future.set_running_or_notify_cancel():
            return
        error = sent.exception()
        if error is None:
            job.future.set_result(sent.result())
        else:
            job.future.set_exception(error)

    def _forget(self, job: _Job) -> None:
        """Take back what its caller has cancelled."""
        with self._lock:
            waits = job in self._jobs
            self._jobs.discard(job)
        if waits:
            job.sent.cancel()

    def _watch(self) -> None:
        """Look after the cluster as long as work waits for it."""
        heard: dict[str, tuple[float, float]] = {}  # by worker, the scheduler's time of its last sign, and ours
        answered = alive = time.monotonic()
        while not self._closed.wait(LOOK_SECONDS):
            if not self._jobs:
                answered = alive = time.monotonic()
                continue
            try:
                workers, working = self._ask()
            except (OSError, RuntimeError, AttributeError, CancelledError):  # no answer, or no connection just now
                if time.monotonic() - answered > SILENT_SECONDS:
                    self._give_up(f"The scheduler of the Dask cluster has not answered for {SILENT_SECONDS:.0f} s.")
                continue
            answered = now = time.monotonic()
            heard = {
                name: heard[name] if name in heard and heard[name][0] == sign else (sign, now)
                for name, sign in workers.items()
            }
            responsive = frozenset(name for name, (_, since) in heard.items() if now - since <= SILENT_SECONDS)
            if responsive:
                alive = now
                self._responsive = responsive if len(responsive) < len(heard) else frozenset()
                if self._responsive:
                    self._move(working)
            elif heard or now - alive > START_SECONDS:
                seconds = SILENT_SECONDS if heard else START_SECONDS
                self._give_up(f"No worker of the Dask cluster has shown a sign of life for {seconds:.0f} s.")

    def _ask(self) -> tuple[dict[str, float], dict[str, list[str]]]:
        """Return the last sign of life of each worker, in the scheduler's time, and the keys that it works on."""
        scheduler = self._client.scheduler
        ask = self._client.sync
        status = ask(scheduler.identity, n_workers=-1, callback_timeout=SILENT_SECONDS)
        working = ask(scheduler.processing, workers=None, callback_timeout=SILENT_SECONDS)
        return {name: worker["last_seen"] for name, worker in status["workers"].items()}, working

    def _move(self, working: dict[str, list[str]]) -> None:
        """Send once more every job that a silent worker has, or that waits and may still be given to one.

        Dask also gives a job to a worker that it was not sent to, where that one seems to have nothing to do.
        """
        has = {key: name for name, keys in working.items() for key in keys}
        with self._lock:
            moving = [job for job in self._jobs if self._is_lost(job, has.get(job.key))]
        for job in moving:
            old = job.sent
            self._send(job)
            old.cancel()  # not with the lock held: it waits for Dask's thread, which may be about to settle a job

    def _is_lost(self, job: _Job, worker: str | None) -> bool:
        """True where a silent worker has the job, or none has it and it was not sent to responsive ones alone."""
        if worker is not None:
            return worker not in self._responsive
        return not job.workers or not job.workers <= self._responsive

    def _give_up(self, why: str) -> None:
        with self._lock:
            if self._closed.is_set():
                return
            self._why_closed = why
            self._closed.set()
            jobs = self._jobs
            self._jobs = set()
        for job in jobs:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(ClusterLostError(why))
        self._client.close(timeout=LOOK_SECONDS)
