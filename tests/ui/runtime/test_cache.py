"""The cache of results: one computation a key, bounded in number and in bytes."""

import threading

import numpy as np
import pytest

from core import ConfigError, RunConfig, train
from tests.support.waiting import SOON, never
from ui.runtime.cache import LRUCache, array_bytes


class Aborted(BaseException):
    """As Streamlit's own: not one of Exception's."""


@pytest.fixture
def cache():
    return LRUCache(max_values=3, max_bytes=100, size=len)


def test_a_value_is_made_once(cache):
    assert cache.get_or_compute("a", lambda: "made", never) == "made"
    assert cache.get_or_compute("a", never, never) == "made"
    assert cache.get("a") == "made"
    assert cache.get("b") is None


def test_the_number_kept_is_bounded_and_the_longest_unused_goes_first(cache):
    for key in "abc":
        cache.get_or_compute(key, lambda key=key: key, never)
    cache.get("a")
    cache.get_or_compute("d", lambda: "d", never)
    assert [cache.get(key) for key in "abcd"] == ["a", None, "c", "d"]


def test_the_bytes_kept_are_bounded(cache):
    for key, size in (("a", 60), ("b", 30), ("c", 50)):
        cache.get_or_compute(key, lambda size=size: "x" * size, never)
    assert [key for key in "abc" if cache.get(key)] == ["b", "c"]
    assert cache.bytes == 80


def test_the_newest_stays_above_the_bound(cache):
    cache.get_or_compute("a", lambda: "x", never)
    cache.get_or_compute("big", lambda: "x" * 1000, never)
    assert (cache.get("a"), len(cache.get("big")), len(cache)) == (None, 1000, 1)
    cache.get_or_compute("b", lambda: "y", never)
    assert (cache.get("big"), cache.bytes) == (None, 1)


def test_calls_at_the_same_time_make_one_value(cache, pool):
    made, started, go = [], threading.Event(), threading.Event()

    def make():
        made.append(1)
        started.set()
        assert go.wait(SOON)
        return "value"

    first = pool.submit(cache.get_or_compute, "a", make, never)
    assert started.wait(SOON)
    waiting = threading.Semaphore(0)
    others = [pool.submit(cache.get_or_compute, "a", make, waiting.release) for _ in range(5)]
    for _ in others:
        assert waiting.acquire(timeout=SOON)
    go.set()
    assert [call.result(SOON) for call in (first, *others)] == ["value"] * 6
    assert len(made) == 1


@pytest.mark.parametrize("fault", [Aborted, ConfigError("steps", 0, "no")], ids=["stopped", "refused"])
def test_a_maker_that_is_stopped_does_not_spoil_the_value_for_those_who_wait(cache, pool, fault):
    started, go = threading.Event(), threading.Event()

    def break_off():
        started.set()
        assert go.wait(SOON)
        raise fault

    first = pool.submit(cache.get_or_compute, "a", break_off, never)
    assert started.wait(SOON)
    waiting = threading.Event()
    second = pool.submit(cache.get_or_compute, "a", lambda: "value", waiting.set)
    assert waiting.wait(SOON)
    go.set()
    assert isinstance(first.exception(SOON), (Aborted, ConfigError))
    assert second.result(SOON) == "value"


def test_one_who_waits_can_give_up_without_harm(cache, pool):
    started, go = threading.Event(), threading.Event()

    def make():
        started.set()
        assert go.wait(SOON)
        return "value"

    def give_up():
        raise Aborted

    first = pool.submit(cache.get_or_compute, "a", make, never)
    assert started.wait(SOON)
    assert isinstance(pool.submit(cache.get_or_compute, "a", never, give_up).exception(SOON), Aborted)
    go.set()
    assert first.result(SOON) == "value"


def test_a_trace_counts_with_all_its_arrays():
    (trace,) = train([RunConfig(hidden=(4, 4), steps=3)])
    rows, layers = trace.grad_norm.shape
    weights = 2 * 4 + 4 + 4 * 4 + 4 + 4 + 1
    # at least its per-layer and per-row fields of 8 bytes each, and the weights; at most a few columns more
    assert array_bytes(trace) >= 8 * (8 * rows * layers + 8 * rows + weights)
    assert array_bytes(trace) <= 8 * (10 * rows * layers + 12 * rows + weights)


def test_a_text_counts_as_64_bytes_and_a_list_as_its_parts():
    assert array_bytes(np.array(["a", None, "ccc"], dtype=object)) == 3 * 64
    assert array_bytes([np.zeros(3), (np.zeros(2, np.float32), "text")]) == 24 + 8
