"""A cluster whose workers or scheduler fall silent, played without Dask."""

import threading
import time
from concurrent.futures import Executor, Future, wait

import pytest

from core.engine import cluster
from core.engine.cluster import Cluster, ClusterLostError


class Client(Executor):
    """The parts of a Dask client that an executor uses: the test says who is alive and what ends."""

    status = "running"

    def __init__(self, *workers):
        self.scheduler, self.alive, self.frozen = self, list(workers), []
        self.calls = {}  # key: (workers that may do it, future)
        self.processing_by = {}
        self.answers = True

    def get_executor(self, pure):
        assert not pure
        return self

    def submit(self, fn, *args, key, workers=(), allow_other_workers=False):
        assert allow_other_workers == bool(workers)
        self.calls[key] = tuple(workers), Future()
        worker = (*workers, *self.frozen, *self.alive)[0]
        self.processing_by.setdefault(worker, []).append(key)
        return self.calls[key][1]

    def sync(self, call, callback_timeout, **options):
        if not self.answers:
            raise TimeoutError
        return call(**options)

    def identity(self, n_workers):
        signs = {name: time.monotonic() for name in self.alive} | dict.fromkeys(self.frozen, 0.0)
        return {"workers": {name: {"last_seen": sign} for name, sign in signs.items()}}

    def processing(self, workers):
        return self.processing_by

    def close(self, timeout):
        self.status = "closed"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Silence is noticed at once."""
    for name, seconds in {"SILENT_SECONDS": 0.05, "START_SECONDS": 0.1, "LOOK_SECONDS": 0.01}.items():
        monkeypatch.setattr(cluster, name, seconds)


def until(is_so):
    """Waits for something that another thread does."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_results_and_errors_come_back_and_a_cancelled_call_is_taken_back():
    client = Client("a")
    executor = Cluster(client)
    futures = [executor.submit(str, i) for i in range(3)]
    done, failed, dropped = (future for _, future in client.calls.values())
    done.set_result("0")
    failed.set_exception(ValueError("no"))
    assert futures[2].cancel()
    assert futures[0].result(30) == "0" and dropped.cancelled()
    with pytest.raises(ValueError, match="no"):
        futures[1].result(30)
    executor.shutdown()


def test_what_dask_cancels_by_itself_ends_as_cancelled():
    client = Client("a")
    executor = Cluster(client)
    future = executor.submit(str)
    ((_, sent),) = client.calls.values()
    sent.cancel()
    sent.set_running_or_notify_cancel()
    assert wait([future], 30).done and future.cancelled()
    executor.shutdown()


def test_work_of_a_silent_worker_goes_to_the_others_once_and_its_late_answer_is_ignored():
    client = Client("a")
    client.frozen = ["b"]
    executor = Cluster(client)
    future = executor.submit(str, 1)
    (first,) = client.calls
    until(lambda: len(client.calls) == 2)
    (_, late), (workers, sent) = client.calls.values()
    assert workers == ("a",) and late.cancelled()
    looks = []
    identity, client.identity = client.identity, lambda n_workers: looks.append(n_workers) or identity(n_workers)
    until(lambda: len(looks) > 5)
    assert len(client.calls) == 2 and not future.done()  # it moves once
    sent.set_result("1")
    assert future.result(30) == "1"
    assert client.calls[first][1] is late
    executor.submit(str, 2)
    assert list(client.calls.values())[-1][0] == ("a",)  # nor does new work go there
    executor.shutdown()


def test_work_that_dask_gives_to_a_silent_worker_after_all_goes_to_the_others_again():
    client = Client("a")
    client.frozen = ["b"]
    executor = Cluster(client)
    future = executor.submit(str, 1)
    until(lambda: len(client.calls) == 2)
    client.processing_by = {"a": [], "b": [list(client.calls)[1]]}  # it seemed to have nothing to do
    until(lambda: len(client.calls) == 3)
    *_, (workers, sent) = client.calls.values()
    assert workers == ("a",)
    sent.set_result("1")
    assert future.result(30) == "1"
    executor.shutdown()


def test_work_of_responsive_workers_stays_where_it_is():
    client = Client("a", "b")
    executor = Cluster(client)
    executor.submit(str, 1)
    client.frozen = ["c"]
    future = executor.submit(str, 2)
    until(lambda: len(client.calls) == 3)
    assert [workers for workers, _ in client.calls.values()] == [(), (), ("a", "b")]
    assert not future.done()
    executor.shutdown()


@pytest.mark.parametrize("workers", [["b"], []], ids=["all silent", "none"])
def test_without_a_worker_all_work_fails_in_one_sentence_and_no_more_is_taken(workers):
    client = Client("a")
    executor = Cluster(client)
    futures = [executor.submit(str, i) for i in range(2)]
    client.frozen, client.alive = workers, []
    for future in futures:
        with pytest.raises(
            ClusterLostError, match=r"^No worker of the Dask cluster has shown a sign of life for 0 s\.$"
        ):
            future.result(30)
    with pytest.raises(ClusterLostError, match="No worker"):
        executor.submit(str)
    until(lambda: client.status == "closed")
    assert not executor.is_open


def test_without_an_answer_of_the_scheduler_all_work_fails_in_one_sentence():
    client = Client("a")
    executor = Cluster(client)
    future = executor.submit(str)
    client.answers = False
    with pytest.raises(ClusterLostError, match=r"^The scheduler of the Dask cluster has not answered for 0 s\.$"):
        future.result(30)


def test_a_cluster_without_work_is_left_alone_and_its_watch_ends_with_it():
    client = Client("a")
    client.answers = False
    before = set(threading.enumerate())
    executor = Cluster(client)
    (watch,) = set(threading.enumerate()) - before
    time.sleep(0.2)  # four times as long as silence lasts
    assert executor.is_open
    executor.shutdown()
    watch.join(30)
    assert not watch.is_alive()
