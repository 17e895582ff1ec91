"""What visitors share: kept results, places to train, and the line in front of them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core import ConfigError, RunConfig, train
from core.tables import prepare, read_table
from ui.runtime import sessions
from ui.runtime.sessions import FairQueue, LRUCache, Run

SOON = 30  # seconds; a limit for what happens at once, so that a deadlock fails instead of hanging


class SweepAborted(BaseException):
    """As Streamlit's own: not one of Exception's."""


def never(*_):
    raise AssertionError("nobody should have to wait")


def patiently(*_):
    pass


@pytest.fixture
def pool():
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def shelf():
    return LRUCache(most=3, most_bytes=100, size=len)


def test_a_value_is_made_once(shelf):
    assert shelf.get_or_compute("a", lambda: "made", never) == "made"
    assert shelf.get_or_compute("a", never, never) == "made"
    assert shelf.get("a") == "made"
    assert shelf.get("b") is None


def test_the_number_kept_is_bounded_and_the_longest_unused_goes_first(shelf):
    for key in "abc":
        shelf.get_or_compute(key, lambda key=key: key, never)
    shelf.get("a")
    shelf.get_or_compute("d", lambda: "d", never)
    assert [shelf.get(key) for key in "abcd"] == ["a", None, "c", "d"]


def test_the_bytes_kept_are_bounded(shelf):
    for key, size in (("a", 60), ("b", 30), ("c", 50)):
        shelf.get_or_compute(key, lambda size=size: "x" * size, never)
    assert [key for key in "abc" if shelf.get(key)] == ["b", "c"]
    assert shelf.bytes == 80


def test_the_newest_stays_whatever_its_size(shelf):
    shelf.get_or_compute("a", lambda: "x", never)
    shelf.get_or_compute("big", lambda: "x" * 1000, never)
    assert (shelf.get("a"), len(shelf.get("big")), len(shelf)) == (None, 1000, 1)
    shelf.get_or_compute("b", lambda: "y", never)
    assert (shelf.get("big"), shelf.bytes) == (None, 1)


def test_calls_at_the_same_time_make_one_value(shelf, pool):
    made, started, go = [], threading.Event(), threading.Event()

    def make():
        made.append(1)
        started.set()
        assert go.wait(SOON)
        return "value"

    first = pool.submit(shelf.get_or_compute, "a", make, never)
    assert started.wait(SOON)
    waiting = threading.Semaphore(0)
    others = [pool.submit(shelf.get_or_compute, "a", make, waiting.release) for _ in range(5)]
    for _ in others:
        assert waiting.acquire(timeout=SOON)
    go.set()
    assert [call.result(SOON) for call in (first, *others)] == ["value"] * 6
    assert len(made) == 1


@pytest.mark.parametrize("fault", [SweepAborted, ConfigError("steps", 0, "no")], ids=["stopped", "refused"])
def test_a_maker_that_is_stopped_does_not_spoil_the_value_for_those_who_wait(shelf, pool, fault):
    started, go = threading.Event(), threading.Event()

    def break_off():
        started.set()
        assert go.wait(SOON)
        raise fault

    first = pool.submit(shelf.get_or_compute, "a", break_off, never)
    assert started.wait(SOON)
    waiting = threading.Event()
    second = pool.submit(shelf.get_or_compute, "a", lambda: "value", waiting.set)
    assert waiting.wait(SOON)
    go.set()
    assert isinstance(first.exception(SOON), (SweepAborted, ConfigError))
    assert second.result(SOON) == "value"


def test_one_who_waits_can_give_up_without_harm(shelf, pool):
    started, go = threading.Event(), threading.Event()

    def make():
        started.set()
        assert go.wait(SOON)
        return "value"

    def give_up():
        raise SweepAborted

    first = pool.submit(shelf.get_or_compute, "a", make, never)
    assert started.wait(SOON)
    assert isinstance(pool.submit(shelf.get_or_compute, "a", never, give_up).exception(SOON), SweepAborted)
    go.set()
    assert first.result(SOON) == "value"


def test_no_more_work_at_once_than_there_are_places(pool):
    line, inside, most, lock = FairQueue(2), 0, 0, threading.Lock()

    def work():
        nonlocal inside, most
        with line.slot(patiently):
            with lock:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.01)
            with lock:
                inside -= 1

    for call in [pool.submit(work) for _ in range(16)]:
        call.result(SOON)
    assert most == 2


def hold(pool, line):
    """Someone who holds a place until told to leave: (call, leave)."""
    inside, leave = threading.Event(), threading.Event()

    def work():
        with line.slot(patiently):
            inside.set()
            assert leave.wait(SOON)

    call = pool.submit(work)
    assert inside.wait(SOON)
    return call, leave


def queue(pool, line, order, name, quit_line=None):
    """Someone who comes to the line and is told his place: (call, what he was told)."""
    told, seen = [], threading.Event()

    def wait(ahead):
        told.append(ahead)
        seen.set()
        if quit_line is not None and quit_line.is_set():
            raise SweepAborted

    def work():
        with line.slot(wait):
            order.append(name)

    call = pool.submit(work)
    assert seen.wait(SOON)
    return call, told


def test_the_line_is_first_come_first_served_and_tells_ones_place(pool):
    line, order = FairQueue(1), []
    holder, leave = hold(pool, line)
    calls, told = zip(*[queue(pool, line, order, name) for name in range(5)], strict=True)
    assert [places[0] for places in told] == [0, 1, 2, 3, 4]
    leave.set()
    for call in (holder, *calls):
        call.result(SOON)
    assert order == [0, 1, 2, 3, 4]


def test_one_who_leaves_the_line_holds_nobody_up(pool):
    line, order, quit_line = FairQueue(1), [], threading.Event()
    holder, leave = hold(pool, line)
    first, _ = queue(pool, line, order, "first", quit_line)
    second, told = queue(pool, line, order, "second")
    quit_line.set()
    assert isinstance(first.exception(SOON), SweepAborted)
    leave.set()
    second.result(SOON)
    assert order == ["second"]
    with line.slot(never):  # the place is free again
        pass


def test_work_that_fails_gives_its_place_back():
    line = FairQueue(1)
    with pytest.raises(ZeroDivisionError), line.slot(never):
        raise ZeroDivisionError
    with line.slot(never):
        pass


def test_a_trace_is_reckoned_with_all_its_arrays():
    (trace,) = train([RunConfig(hidden=(4, 4), steps=3)])
    rows, layers = trace.grad_norm.shape
    weights = 2 * 4 + 4 + 4 * 4 + 4 + 4 + 1
    # at least its per-layer and per-row fields of 8 bytes each, and the weights; at most a few columns more
    assert sessions.array_bytes(trace) >= 8 * (8 * rows * layers + 8 * rows + weights)
    assert sessions.array_bytes(trace) <= 8 * (10 * rows * layers + 12 * rows + weights)


def test_what_holds_a_place_is_seen_to_get_on_or_to_stand_still(pool, monkeypatch):
    line, now = FairQueue(2), [0.0]
    monkeypatch.setattr(sessions.time, "monotonic", lambda: now[0])
    assert line.state() == (0, 0, 0)
    holder, leave = hold(pool, line)
    with line.slot(never):
        now[0] = 5.0
        assert line.state() == (2, 0, 5)
        line.progress(0.5)
        now[0] = 6.0
        assert line.state() == (2, 0, 6)  # the other one
        leave.set()
        holder.result(SOON)
        assert line.state() == (1, 0, 1)
        line.progress(0.5)  # told again, but no further
        assert line.state() == (1, 0, 1)
    assert line.state() == (0, 0, 0)


@pytest.fixture
def fresh():
    sessions.services.clear()
    yield
    sessions.services.clear()


def test_a_run_is_kept_by_its_config_and_its_table(fresh):
    config = RunConfig(hidden=(4,), steps=2)
    first = sessions.get_trace(Run(config))
    assert sessions.get_trace(Run(RunConfig(hidden=(4,), steps=2))) is first
    table = read_table(b"a,b\n1,2\n2,1\n4,4\n8,1\n")
    sessions.services().tables.get_or_compute("digest", lambda: prepare(table, "b", False), never)
    other = sessions.get_trace(Run(config, "digest"))
    assert other.task == "regression" != first.task
    assert sessions.get_trace(Run(config, "digest")) is other
    assert sessions.get_trace(Run(config)) is first


def test_a_table_that_is_no_longer_kept_is_asked_for(fresh):
    with pytest.raises(ConfigError, match="bring it again"):
        sessions.get_trace(Run(RunConfig(hidden=(4,), steps=2), "gone"))


def test_a_run_above_the_limit_is_refused_before_it_waits(fresh, monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", "10")
    monkeypatch.setattr(sessions.services().short_queue, "place", never)
    with pytest.raises(ConfigError, match="this server allows 10 multiply-adds"):
        sessions.get_trace(Run(RunConfig()))


def test_a_snapshot_is_kept_by_its_run_and_step(fresh):
    run = Run(RunConfig(hidden=(4,), steps=2))
    first = sessions.get_snapshot(run, 1)
    assert sessions.get_snapshot(run, 1) is first
    assert sessions.get_snapshot(run, 2).step == 2


def test_long_work_holds_no_short_run_up(fresh, pool):
    leaving = [hold(pool, sessions.services().long_queue) for _ in range(sessions.limits.value("MAX_TRAININGS"))]
    assert pool.submit(sessions.get_trace, Run(RunConfig(hidden=(4,), steps=2))).result(SOON).step[-1] == 2
    for call, leave in leaving:
        leave.set()
        call.result(SOON)
