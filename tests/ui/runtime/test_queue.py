"""The queue: slots, turns, and signs of life."""

import threading
from contextlib import nullcontext

import pytest

from core import ConfigError
from tests.support.waiting import SOON, never
from ui.runtime import queue as module
from ui.runtime.queue import FairQueue, touch


class Aborted(BaseException):
    """As Streamlit's own: not one of Exception's."""


def patiently(*_):
    pass


def hold(pool, queue, visitor=()):
    """Hold a slot until asked to leave: (call, leave)."""
    inside, leave = threading.Event(), threading.Event()

    def work():
        with queue.slot(patiently, visitor=visitor):
            inside.set()
            assert leave.wait(SOON)

    call = pool.submit(work)
    assert inside.wait(SOON)
    return call, leave


def join(pool, queue, order, name, leave=None, visitor=()):
    """Wait in the queue, and note the name once served: (call, the numbers ahead it was given)."""
    ahead, seen = [], threading.Event()

    def wait(n_ahead):
        ahead.append(n_ahead)
        seen.set()
        if leave is not None and leave.is_set():
            raise Aborted

    def work():
        with queue.slot(wait, visitor=visitor):
            order.append(name)

    call = pool.submit(work)
    assert seen.wait(SOON)
    return call, ahead


def test_no_more_work_runs_at_once_than_there_are_slots(pool):
    queue, inside, highest, lock = FairQueue(2), 0, 0, threading.Lock()

    def work():
        nonlocal inside, highest
        with queue.slot(patiently):
            with lock:
                inside += 1
                highest = max(highest, inside)
            threading.Event().wait(0.01)
            with lock:
                inside -= 1

    for call in [pool.submit(work) for _ in range(16)]:
        call.result(SOON)
    assert highest == 2


def test_without_visitors_the_queue_is_first_come_first_served(pool):
    queue, order = FairQueue(1), []
    holder, leave = hold(pool, queue)
    calls, ahead = zip(*[join(pool, queue, order, name) for name in range(5)], strict=True)
    assert [numbers[0] for numbers in ahead] == [0, 1, 2, 3, 4]
    leave.set()
    for call in (holder, *calls):
        call.result(SOON)
    assert order == [0, 1, 2, 3, 4]


def served_order(pool, held_by, arrivals, slots=1):
    """The order in which arrivals are served while `held_by` holds the slots before them."""
    queue, order = FairQueue(slots), []
    held = [hold(pool, queue, visitor) for visitor in held_by]
    calls = [join(pool, queue, order, visitor, visitor=visitor)[0] for visitor in arrivals]
    for call, leave in held:
        leave.set()
        call.result(SOON)
    for call in calls:
        call.result(SOON)
    return order


def test_a_visitor_with_eight_tabs_lets_another_in_after_one_turn(pool):
    tabs = [("many", f"tab {i}") for i in range(8)]
    order = served_order(pool, tabs[:1], [*tabs[1:], ("one", "tab")])
    assert order.index(("one", "tab")) <= 1


def test_sessions_of_one_address_share_a_turn_and_take_turns_among_themselves(pool):
    crowd = [("address", "a", f"{i}") for i in range(4)] + [("address", "b", "0")]
    order = served_order(pool, [("address", "a", "first")], [*crowd, ("other", "c", "0")])
    assert order.index(("other", "c", "0")) <= 1
    assert order.index(("address", "b", "0")) <= 2


def test_a_stranger_with_new_names_does_not_pass_one_who_waits(pool):
    names = [(f"new {i}", "s") for i in range(5)]
    order = served_order(pool, [("holder", "s")], [("honest", "s"), *names])
    assert order[0] == ("honest", "s")


def test_one_who_was_served_before_waits_for_no_stranger_who_comes_later(pool):
    """A name that was never served would pass him otherwise, and the next such name again."""
    names = [(f"new {i}", "s") for i in range(5)]
    order = served_order(pool, [("honest", "s")], [("honest", "another page"), *names])
    assert order[0] == ("honest", "another page")


def test_a_session_has_one_waiting_run_and_the_newer_takes_over(pool):
    queue, order = FairQueue(1), []
    holder, leave = hold(pool, queue)
    older, _ = join(pool, queue, order, "older", visitor=("address", "session"))
    newer, _ = join(pool, queue, order, "newer", visitor=("address", "session"))
    other, ahead = join(pool, queue, order, "other", visitor=("address", "another session"))
    with pytest.raises(ConfigError, match="only one run"):
        older.result(SOON)
    assert queue.state()[1] == 2 and ahead[0] == 1
    leave.set()
    for call in (holder, newer, other):
        call.result(SOON)
    assert order == ["newer", "other"]


def test_a_newer_run_of_a_session_has_the_place_of_the_older_and_leaves_one_that_keeps_its_own(pool):
    queue = FairQueue(1)
    holder, leave = hold(pool, queue)

    def take(name, **options):
        seen = threading.Event()
        call = pool.submit(queue.take, lambda _: seen.set(), ("address", name), **options)
        assert seen.wait(SOON)
        return call

    withdrawn, other, kept = take("page"), take("another"), take("page", keeps=True)
    newer = take("page")
    with pytest.raises(ConfigError, match="only one run"):
        withdrawn.result(SOON)
    leave.set()
    holder.result(SOON)
    for call in (kept, other, newer):  # the one that keeps its place came in that of the withdrawn one
        queue.give(call.result(SOON))
    assert queue.free == 1 and not queue._slots_held


def test_who_waits_is_sorted_at_a_change_and_not_whenever_somebody_asks(pool, monkeypatch):
    queue, order, polls, sorts = FairQueue(1), [], threading.Semaphore(0), []
    holder, leave = hold(pool, queue)
    groups = module._groups
    monkeypatch.setattr(module, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(module, "_groups", lambda visitor: sorts.append(visitor) or groups(visitor))

    def work(name):
        with queue.slot(lambda _: polls.release(), visitor=(name, "session")):
            order.append(name)

    calls = [pool.submit(work, f"{i}") for i in range(5)]
    while queue.state()[1] < 5:
        pass
    for _ in range(20):
        assert polls.acquire(timeout=SOON)
    before = len(sorts)
    for _ in range(50):
        assert polls.acquire(timeout=SOON)
    assert len(sorts) - before <= 2 * 5  # one order of five, at most
    leave.set()
    for call in (holder, *calls):
        call.result(SOON)
    assert sorted(order) == ["0", "1", "2", "3", "4"]


def test_one_who_leaves_the_queue_holds_nobody_up(pool):
    queue, order, leave_queue = FairQueue(1), [], threading.Event()
    holder, leave = hold(pool, queue)
    first, _ = join(pool, queue, order, "first", leave_queue)
    second, _ = join(pool, queue, order, "second")
    leave_queue.set()
    assert isinstance(first.exception(SOON), Aborted)
    leave.set()
    second.result(SOON)
    holder.result(SOON)
    assert order == ["second"]
    with queue.slot(never):  # the slot is free again
        pass


def test_work_that_fails_gives_its_slot_back():
    queue = FairQueue(1)
    with pytest.raises(ZeroDivisionError), queue.slot(never, visitor=("a", "b")):
        raise ZeroDivisionError
    with queue.slot(never, visitor=("a", "b")):
        assert queue.free == 0
    assert queue.free == 1 and not queue._slots_held


@pytest.mark.parametrize("slots, heavy_slots", [(1, 1), (4, 1), (8, 2), (13, 3)])
def test_those_with_a_weight_hold_a_quarter_of_the_slots_whoever_came_and_went_before(slots, heavy_slots):
    queue = FairQueue(slots)
    for weight in (0, 0, 1, 0, 2, 1, 0):
        queue.give(queue.take(never, (f"{weight}", "session"), weight))
    tickets = [queue._join((f"{i}", "session"), 1, False) for i in range(slots + 2)]
    assert sum(ticket.granted.is_set() for ticket in tickets) == heavy_slots
    assert queue.free == slots - heavy_slots


def test_the_memory_of_turns_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MAX_REMEMBERED", 10)
    queue = FairQueue(1)
    for i in range(50):
        with queue.slot(never, visitor=(f"{i}", "session")):
            pass
    assert len(queue._last_served) == 10 and not queue._slots_held


def test_work_without_a_sign_of_life_is_seen_and_work_with_one_is_not_stuck(pool, monkeypatch):
    queue, now = FairQueue(2), [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    assert queue.state() == (0, 0, 0)
    holder, leave = hold(pool, queue)
    with queue.slot(never):
        now[0] = 5.0
        assert queue.state() == (2, 0, 5)
        touch()  # of this thread's work
        now[0] = 6.0
        assert queue.state() == (2, 0, 6)  # the other one's
        leave.set()
        holder.result(SOON)
        assert queue.state() == (1, 0, 1)
        touch()  # a worker that is alive but reports no step
        assert queue.state() == (1, 0, 0)
    touch()  # without a slot, nothing
    assert queue.state() == (0, 0, 0)


def test_work_within_work_gives_its_life_signs_back_to_the_outer_one(monkeypatch):
    outer, inner, now = FairQueue(1), FairQueue(1), [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with outer.slot(never):
        with inner.slot(never):
            now[0] = 3.0
            touch()
            assert (outer.state()[2], inner.state()[2]) == (3.0, 0.0)
        now[0] = 5.0
        touch()
        assert outer.state()[2] == 0.0


def test_one_page_withdraws_no_run_of_another_page_of_the_same_browser(pool):
    queue, order = FairQueue(1), []
    holder, leave = hold(pool, queue)
    pages = [("address", "browser", page) for page in ("one", "two")]
    calls = [join(pool, queue, order, page, visitor=page)[0] for page in pages]
    assert queue.state()[1] == 2
    leave.set()
    for call in (holder, *calls):
        call.result(SOON)
    assert order == pages


def test_the_seconds_that_work_waited_are_written_down_with_its_name(monkeypatch):
    now, noted = [1_000.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module.event_log, "timed", lambda work, **facts: noted.append((work, facts)) or nullcontext())
    queue, take = FairQueue(1), FairQueue.take

    def take_late(*arguments, **options):
        now[0] += 2.5
        return take(*arguments, **options)

    monkeypatch.setattr(FairQueue, "take", take_late)
    with queue.slot(never, "snapshot"):
        pass
    assert noted == [("snapshot", {"waited": 2.5})]


@pytest.mark.parametrize("own", range(1, 6))
@pytest.mark.parametrize("other", range(5))
def test_a_slot_passes_only_to_a_group_that_would_hold_fewer_even_then(own, other):
    queue = FairQueue(own + other)
    tickets = [queue.take(patiently, ("one", str(i))) for i in range(own)]
    for i in range(other):
        queue.take(patiently, ("two", str(i)))
    assert not any(queue.is_passed(ticket) for ticket in tickets)
    queue._join(("two", "waits"), 0, False)
    assert [queue.is_passed(ticket) for ticket in tickets] == own * [other + 1 < own]
