"""Garbage of scripts: collected soon after the last of them, once for many, and for a small share of the time."""

import resource
import threading
from pathlib import Path

import pytest
from streamlit import config
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from tests.support.waiting import SOON
from ui.runtime import garbage


@pytest.fixture
def collections(monkeypatch):
    """Counts collections, each of which waits to be let go: (begun, go)."""
    begun, go = threading.Semaphore(0), threading.Semaphore(0)

    def collect():
        begun.release()
        assert go.acquire(timeout=SOON)

    monkeypatch.setattr(garbage.gc, "collect", collect)
    monkeypatch.setattr(garbage, "MIN_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(garbage, "MAX_SHARE", 1.0)
    return begun, go


def test_many_who_ask_share_a_collection_and_the_last_has_one_after_him(collections):
    begun, go = collections
    collector = garbage.GarbageCollector()
    collector.ask()
    assert begun.acquire(timeout=SOON)
    for _ in range(100):
        collector.ask()  # while the first is under way, which may have passed their garbage by
    go.release()
    assert begun.acquire(timeout=SOON)
    go.release()
    assert not begun.acquire(timeout=0.2)


def test_free_memory_is_returned_after_a_collection(collections, monkeypatch):
    begun, go = collections
    returned = threading.Event()
    monkeypatch.setattr(garbage, "return_memory", returned.set)
    garbage.GarbageCollector().ask()
    assert begun.acquire(timeout=SOON) and not returned.is_set()
    go.release()
    assert returned.wait(SOON)


def test_memory_that_is_free_between_what_is_in_use_goes_back_to_the_system():
    blocks = [bytearray(20_000) for _ in range(5_000)]
    del blocks[:-1]  # the last one keeps the heap from shrinking by itself
    held = _resident_bytes()
    garbage.return_memory()
    assert held - _resident_bytes() > 50e6


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("seconds, pause", [(0.0, 1.0), (0.01, 1.0), (0.2, 3.8), (1.0, 19.0)])
def test_collections_take_a_twentieth_of_the_time_at_most(seconds, pause):
    assert garbage.pause_after(seconds) == pytest.approx(pause)
    assert seconds / (seconds + garbage.pause_after(seconds)) <= garbage.MAX_SHARE + 1e-12


@pytest.fixture
def streamlit_option():
    """The option as Streamlit sets it; undone afterwards."""
    before = config.get_option(garbage._OPTION)
    config.set_option(garbage._OPTION, True, "<default>")
    yield garbage._OPTION
    config.set_option(garbage._OPTION, before, "<default>")


def test_a_script_that_ends_asks_and_streamlit_collects_no_more(collections, streamlit_option, monkeypatch):
    begun, go = collections
    ran = []
    monkeypatch.setattr(ScriptRunner, "_run_script_thread", lambda self: ran.append(self))
    garbage.install()
    garbage.install()  # once is enough
    assert config.get_option(streamlit_option) is False
    ScriptRunner._run_script_thread("runner")
    assert ran == ["runner"] and begun.acquire(timeout=SOON)
    go.release()


def test_an_operators_own_setting_stays(streamlit_option, monkeypatch):
    run = ScriptRunner._run_script_thread
    config.set_option(streamlit_option, True, "environment variable")
    garbage.install()
    assert config.get_option(streamlit_option) is True and ScriptRunner._run_script_thread is run
