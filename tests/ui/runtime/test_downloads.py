"""Files that are made at a button's press: one at a time, one for a page, and only while the visitor is there."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from core import ConfigError
from ui.runtime import downloads

SOON = 20  # seconds; more than a busy machine needs


@pytest.fixture
def page(monkeypatch):
    """Makes the button of a page, by the name of its session."""
    desk = downloads.Downloads()

    def button(session, write, prepare=lambda watcher: "given"):
        context = SimpleNamespace(session_id=session)
        monkeypatch.setattr(downloads, "get_script_run_ctx", lambda suppress_warning: context)
        return desk.in_turn(write, prepare)

    return button


def test_a_file_is_written_from_what_was_prepared_for_it(page):
    assert page("a", lambda value: value + "!")() == "given!"


def test_a_page_waits_for_one_file_and_may_ask_again_afterwards(page):
    begun, enough = threading.Event(), threading.Event()

    def write(value):
        begun.set()
        assert enough.wait(SOON)
        return value

    make = page("a", write)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(make)
        assert begun.wait(SOON)
        with pytest.raises(ConfigError, match="one file at a time"):
            make()
        enough.set()
        assert first.result(SOON) == "given" == make()


def test_a_page_that_waits_for_its_file_is_not_let_in_again_by_the_file_of_another_page(page):
    begun, enough = threading.Event(), threading.Event()

    def prepare(watcher):
        begun.set()
        assert enough.wait(SOON)
        return "given"

    slow, quick = page("a", str, prepare), page("b", str)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(slow)
        assert begun.wait(SOON)
        assert quick() == "given"
        with pytest.raises(ConfigError, match="one file at a time"):
            slow()
        enough.set()
        assert first.result(SOON) == "given"


def test_files_of_many_pages_are_made_one_at_a_time(page):
    active, most, lock = [], [], threading.Lock()

    def write(value):
        active.append(1)
        most.append(len(active))
        lock.acquire(timeout=0.02)  # nobody gives it back: a pause
        active.pop()
        return value

    lock.acquire()
    makes = [page(f"{i}", write) for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert [job.result(SOON) for job in [pool.submit(make) for make in makes]] == ["given"] * 6
    assert most == [1] * 6


@pytest.mark.parametrize("report", [lambda w: w.on_queued(1), lambda w: w.on_shared(), lambda w: w.on_progress(1, 2)])
def test_work_for_a_file_ends_when_its_visitor_has_left(report, page, monkeypatch):
    here = {"a"}
    server = SimpleNamespace(is_active_session=lambda session: session in here)
    monkeypatch.setattr(downloads.runtime, "exists", lambda: True)
    monkeypatch.setattr(downloads.runtime, "get_instance", lambda: server)
    make = page("a", lambda value: "made", report)
    assert make() == "made"
    here.clear()
    with pytest.raises(ConfigError, match="visitor has left"):
        make()


def test_a_file_whose_visitor_left_while_another_one_was_made_is_not_made(page, monkeypatch):
    here = {"a", "b"}
    monkeypatch.setattr(downloads.runtime, "exists", lambda: True)
    server = SimpleNamespace(is_active_session=lambda session: session in here)
    monkeypatch.setattr(downloads.runtime, "get_instance", lambda: server)
    begun, enough, waiting, made = threading.Event(), threading.Event(), threading.Event(), []

    def write_slowly(value):
        begun.set()
        assert enough.wait(SOON)
        return value

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(page("a", write_slowly))
        assert begun.wait(SOON)
        second = pool.submit(page("b", made.append, lambda watcher: waiting.set()))
        assert waiting.wait(SOON)
        here.remove("b")
        enough.set()
        assert first.result(SOON) == "given"
        with pytest.raises(ConfigError, match="visitor has left"):
            second.result(SOON)
    assert not made


def test_a_file_that_cannot_be_made_does_not_keep_the_next_from_being_made(page):
    faults = [ValueError("no"), None]

    def write(value):
        if fault := faults.pop(0):
            raise fault
        return value

    make = page("a", write)
    with pytest.raises(ValueError, match="no"):
        make()
    assert make() == "given"
