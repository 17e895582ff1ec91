"""Turns of scripts: few draw at once, the patient first, and a click is never lost."""

import threading
from types import SimpleNamespace

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.exceptions import StopException
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from core import ConfigError
from tests.support.waiting import SOON, never
from ui.runtime import turns
from ui.runtime.queue import FairQueue
from ui.runtime.turns import Impatience, Turn, aside

HONEST, STRANGER = ("", "browser", "honest"), ("", "another browser", "stranger")


def turn(queue, visitor=HONEST, weight=0, keeps=False):
    return Turn(queue, visitor, weight=weight, keeps=keeps)


@pytest.fixture
def queue():
    return FairQueue(1)


@pytest.fixture
def own(queue):
    """A turn of this thread's script, held; work aside takes it up again."""
    held = turn(queue)
    held.begin(never)
    turns._thread.turn = held
    yield held
    turns._thread.turn = None
    held.end()


def begun(pool, waiting):
    """A call that begins a turn in another thread, once that one waits for it."""
    seen = threading.Event()
    call = pool.submit(waiting.begin, lambda _: seen.set())
    assert seen.wait(SOON)
    return call


def test_of_one_address_the_patient_one_goes_first_and_others_by_arrival(pool, queue):
    first, impatient, patient = turn(queue), turn(queue, STRANGER, weight=3), turn(queue)
    first.begin(never)
    calls = begun(pool, impatient), begun(pool, patient)
    first.end()
    calls[1].result(SOON)
    assert patient.is_held and not impatient.is_held
    patient.end()
    calls[0].result(SOON)
    assert impatient.is_held


def test_the_impatient_hold_a_quarter_of_the_turns_at_most(pool):
    queue = FairQueue(8)
    many = [turn(queue, ("", "browser", f"page {i}"), weight=1) for i in range(3)]
    for one in many[:2]:
        one.begin(never)
    call, patient = begun(pool, many[2]), turn(queue)
    patient.begin(never)  # at once
    assert not many[2].is_held
    many[0].end()
    call.result(SOON)
    assert many[2].is_held and queue.free == 5


def test_a_script_hands_its_turn_over_to_a_more_patient_one_but_not_at_once(pool, queue, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(turns.time, "monotonic", lambda: now[0])
    impatient, patient = turn(queue, STRANGER, weight=3), turn(queue)
    impatient.begin(never)
    call = begun(pool, patient)
    impatient.pass_on()
    assert impatient.is_held
    now[0] = 2 * turns.SLICE_SECONDS
    passing = pool.submit(impatient.pass_on)
    call.result(SOON)
    patient.end()
    passing.result(SOON)
    assert impatient.is_held


def test_a_patient_script_draws_to_its_end(pool, queue, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(turns.time, "monotonic", lambda: now[0])
    patient, others = turn(queue), [turn(queue, STRANGER, weight=3), turn(queue, ("", "third", "session"))]
    patient.begin(never)
    calls = [begun(pool, other) for other in others]
    now[0] = 100.0
    patient.pass_on()
    assert patient.is_held and not any(other.is_held for other in others)
    for held, call in zip((patient, *reversed(others)), (*reversed(calls), None), strict=True):
        held.end()
        if call is not None:
            call.result(SOON)


def test_a_script_of_an_address_with_two_turns_hands_one_over_to_another_address(pool, monkeypatch):
    now, queue = [0.0], FairQueue(2)
    monkeypatch.setattr(turns.time, "monotonic", lambda: now[0])
    pages = [turn(queue, ("address", "browser", f"page {i}")) for i in range(2)]
    for page in pages:
        page.begin(never)
    other = turn(queue, ("other address", "browser", "page"), weight=5)
    call = begun(pool, other)
    now[0] = 1.0
    passing = pool.submit(pages[0].pass_on)
    call.result(SOON)
    now[0] = 2.0
    pages[1].pass_on()  # now each address has one
    assert other.is_held and pages[1].is_held
    other.end()
    passing.result(SOON)


def test_others_draw_while_a_script_waits_for_work(queue, own):
    with aside():
        assert queue.free == 1 and not own.is_held
        with aside():
            assert queue.free == 1
        assert queue.free == 1
    assert queue.free == 0 and own.is_held


def test_a_script_whose_work_is_refused_draws_why_in_its_turn(queue, own):
    with pytest.raises(ConfigError), aside():
        raise ConfigError("steps", 1, "no")
    assert queue.free == 0 and own.is_held


def test_a_script_that_is_stopped_at_work_waits_for_no_turn(queue, own):
    with pytest.raises(StopException), aside():
        raise StopException
    assert queue.free == 1 and not own.is_held


def test_work_has_the_weight_of_its_script(queue):
    assert turns.current_weight() == 0
    turns._thread.turn = turn(queue, STRANGER, weight=7)
    assert turns.current_weight() == 7
    turns._thread.turn = None


def test_without_a_turn_nothing_is_put_aside(queue):
    with aside():
        assert queue.free == 1


def test_impatience_is_forgotten_by_half_every_ten_seconds_and_bounded(monkeypatch):
    now, impatience = [0.0], Impatience()
    monkeypatch.setattr(turns.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(turns, "MAX_REMEMBERED", 10)
    for _ in range(8):
        impatience.note("a")
    assert impatience.weight("a") == 8 and impatience.weight("b") == 0
    now[0] = turns.HALF_LIFE_SECONDS
    assert impatience.weight("a") == 4
    for i in range(50):
        impatience.note(f"{i}")
    assert len(impatience._counts) == 10


def test_of_many_sessions_those_that_asked_last_are_remembered(monkeypatch):
    impatience = Impatience()
    monkeypatch.setattr(turns.time, "monotonic", lambda: 0.0)
    monkeypatch.setattr(turns, "MAX_REMEMBERED", 2)
    for session in "abac":
        impatience.note(session)
    assert [impatience.weight(session) for session in "abc"] == [2, 0, 1]


def test_a_script_under_way_keeps_its_place_when_a_newer_one_of_its_session_comes(pool, queue):
    under_way, other, newer = turn(queue), turn(queue, STRANGER), turn(queue)
    under_way.begin(never)
    under_way.end()  # it waits for work
    other.begin(never)
    call = begun(pool, under_way)
    later = begun(pool, newer)
    other.end()
    call.result(SOON)
    assert under_way.is_held and not newer.is_held
    under_way.end()
    later.result(SOON)
    newer.end()


@pytest.fixture
def runner(monkeypatch):
    """A script runner with turns whose script is only noted, in `.ran`."""
    ran = []
    monkeypatch.setattr(ScriptRunner, "_run_script", lambda self, data: ran.append(data))
    monkeypatch.setattr(ScriptRunner, "request_stop", lambda self: self._requests.request_stop())
    monkeypatch.setattr(ScriptRunner, "_enqueue_forward_msg", lambda self, msg: None)
    monkeypatch.setattr(turns, "SCRIPTS_AT_ONCE", 1)
    kept = []
    monkeypatch.setattr(turns, "FairQueue", lambda slots: kept.append(FairQueue(slots)) or kept[0])
    turns.install()
    turns.install()  # once is enough
    made = SimpleNamespace(_requests=ScriptRequests(), _session_id="session", ran=ran, queue=kept[0])
    assert len(kept) == 1
    return made


def click(number):
    """A request to run a script for a button that was pressed."""
    states = WidgetStates()
    states.widgets.add(id=f"button {number}", trigger_value=True)
    return RerunData(widget_states=states)


def test_a_few_clicks_of_a_page_wait_and_beyond_them_the_newest_only(runner, pool, monkeypatch):
    """Each that waits is a thread, and made-up clicks come twenty a second."""
    monkeypatch.setattr(turns, "current_visitor", lambda: STRANGER)
    monkeypatch.setattr(turns, "MAX_WAITING_CLICKS", 2)
    other, clicks = turn(runner.queue), [click(number) for number in range(5)]
    other.begin(never)
    calls = []
    for number, data in enumerate(clicks):
        calls.append(pool.submit(ScriptRunner._run_script, runner, data))
        for call in calls[2:-1]:
            call.result(SOON)  # its place is taken by the newer one
        while runner.queue.state()[1] < min(number + 1, 3):
            pass
    other.end()
    for call in calls:
        call.result(SOON)
    assert sorted(map(clicks.index, runner.ran)) == [0, 1, 4]
    assert runner.queue.free == 1


def test_a_click_that_no_longer_waits_makes_room_for_another(monkeypatch):
    monkeypatch.setattr(turns, "MAX_WAITING_CLICKS", 2)
    clicks = turns.WaitingClicks()
    assert [clicks.add("a"), clicks.add("a"), clicks.add("a"), clicks.add("b")] == [True, True, False, True]
    clicks.remove("a")
    assert clicks.add("a") and not clicks.add("a")
    for session in "aab":
        clicks.remove(session)
    assert not clicks._counts


@pytest.mark.parametrize("is_pressed", [False, True])
def test_a_script_stopped_before_its_turn_runs_only_for_a_click(is_pressed, runner, pool):
    states = WidgetStates()
    states.widgets.add(id="button", trigger_value=is_pressed)
    data, other = RerunData(widget_states=states), turn(runner.queue, STRANGER)
    other.begin(never)
    call = pool.submit(ScriptRunner._run_script, runner, data)
    while runner.queue.state()[1] == 0 and not call.done():
        pass
    assert not call.done()
    ScriptRunner.request_stop(runner)
    if is_pressed:
        other.end()
    call.result(SOON)
    other.end()
    assert runner.ran == ([data] if is_pressed else [])
    assert runner.queue.free == 1 and getattr(turns._thread, "turn", None) is None


def test_others_draw_while_a_browser_draws_the_first_picture_of_a_page(queue, own, monkeypatch):
    other = turn(queue, STRANGER)

    def sleep(seconds):
        assert 0 < seconds < 0.2 and not own.is_held
        other.begin(never)
        other.end()
        slept.append(seconds)

    slept = []
    monkeypatch.setattr(turns.time, "sleep", sleep)
    turns.let_browser_draw()
    assert slept and own.is_held
