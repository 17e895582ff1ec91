"""The line and the bar with which a visitor follows a run: shown late, and sent only with something new to read."""

import pytest
from streamlit.runtime.state import SafeSessionState, SessionState, session_state_proxy

from ui.runtime import progress
from ui.runtime.progress import ProgressReporter


class Slot:
    """Keeps what is sent to it."""

    def __init__(self):
        self.sent = []

    def progress(self, share, text):
        self.sent.append((share, text))

    def empty(self):
        self.sent.append("empty")


@pytest.fixture
def checks(monkeypatch):
    """Counts how often a script looks whether it is superseded."""
    calls = []
    monkeypatch.setattr(progress, "stop_if_superseded", lambda: calls.append(1))
    return calls


def test_a_script_that_is_superseded_ends_where_it_looks(monkeypatch):
    class Superseded(Exception):
        pass

    def end():
        raise Superseded

    state = SafeSessionState(SessionState(), yield_callback=end)
    monkeypatch.setattr(session_state_proxy, "get_session_state", lambda: state)
    progress.stop_if_superseded()  # a thread without a script has nothing to end
    monkeypatch.setattr(progress, "get_script_run_ctx", lambda suppress_warning: object())
    with pytest.raises(Superseded):
        progress.stop_if_superseded()


def test_nothing_is_sent_before_a_run_has_taken_half_a_second(checks):
    slot = Slot()
    reporter = ProgressReporter(slot)
    reporter.on_progress(1, 301)
    reporter.clear()
    assert slot.sent == [] and checks == [1]


def test_the_same_words_are_sent_once_and_the_script_still_looks_whether_it_is_superseded(checks, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0)
    slot = Slot()
    reporter = ProgressReporter(slot)
    for _ in range(50):
        reporter.on_shared()
    assert len(slot.sent) == 1 and len(checks) == 49
    reporter.on_queued(2)
    reporter.on_queued(1)
    reporter.on_queued(1)
    assert len(slot.sent) == 3
    reporter.clear()
    reporter.clear()
    assert slot.sent[3:] == ["empty"]
    reporter.on_shared()
    assert len(slot.sent) == 5


@pytest.mark.parametrize(
    "done, share, step", [(0, 0.0, "0"), (150, 0.5, "150"), (299, 299 / 300, "299"), (300, 1.0, "299")]
)
def test_the_bar_is_the_share_done_and_the_words_count_steps(done, share, step, checks, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0)
    slot = Slot()
    ProgressReporter(slot).on_progress(done, 300)  # the initialization counts too
    assert slot.sent == [(done / 300, f"Training: step {step} of 299. Changing a control stops it.")]


def test_a_run_is_shown_from_half_a_second_on(checks, monkeypatch):
    now, slot = [10.0], Slot()
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    reporter = ProgressReporter(slot)
    for seconds, sent in ((0.49, 0), (0.51, 1)):
        now[0] = 10.0 + seconds
        reporter.on_progress(int(100 * seconds), 300)
        assert len(slot.sent) == sent


@pytest.mark.parametrize(
    ("n_ahead", "words"),
    [(0, "yours is next"), (1, "one run is ahead of yours"), (2, "2 runs are ahead of yours"), (9, "9 runs are ahead")],
)
def test_one_who_waits_reads_how_many_are_ahead(n_ahead, words, checks, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0)
    slot = Slot()
    ProgressReporter(slot).on_queued(n_ahead)
    [(share, text)] = slot.sent
    assert share == 0 and text.startswith(f"Waiting for a free place to train: {words}")


def test_a_bar_is_never_longer_than_the_whole(checks, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0)
    slot = Slot()
    ProgressReporter(slot).on_progress(12, 10)  # a prediction may take fewer passes than it counts with, or more
    assert slot.sent[0][0] == 1.0
