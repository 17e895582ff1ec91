"""The caches share the bytes of the server; what a first page loads is left out of the collections after each run."""

import gc
from dataclasses import fields

import pytest

from ui.runtime import services as module
from ui.runtime.cache import LRUCache
from ui.runtime.queue import FairQueue
from ui.runtime.services import create, freeze_first_page, services, start_services


def is_collected(thing):
    """Returns whether a collection walks through this object."""
    return any(other is thing for other in gc.get_objects())


def test_collections_leave_out_what_the_first_page_has_loaded_and_nothing_that_comes_later():
    freeze_first_page.cache_clear()
    loaded = [[]]
    assert is_collected(loaded)
    freeze_first_page()
    later = [[]]
    freeze_first_page()
    assert not is_collected(loaded)
    assert is_collected(later)


@pytest.mark.parametrize("n_bytes", [1e6, 3e8])
def test_the_shares_of_the_caches_add_up_to_the_bytes_of_the_server(n_bytes, monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_CACHE_BYTES", f"{n_bytes:.0f}")
    made = create()
    caches = {field.name: getattr(made, field.name) for field in fields(made)}
    caches = {name: cache for name, cache in caches.items() if isinstance(cache, LRUCache) and name != "trials"}
    shares = {name: cache._max_bytes / n_bytes for name, cache in caches.items()}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-4) and min(shares.values()) >= 0.0099
    assert made.trials._max_bytes / made.trials._size(None) >= made.trials._max_values / 2  # texts, which weigh little


def test_new_services_keep_the_processes_for_long_work_and_nothing_else():
    before = start_services()
    after = start_services()
    assert after is services() is not before and after.long_executor is before.long_executor
    for field in fields(after):
        if field.name not in ("long_executor", "executor"):
            assert getattr(after, field.name) is not getattr(before, field.name), field.name


@pytest.mark.parametrize("short, long", [((1, 2, 3.0), (4, 5, 9.0)), ((1, 2, 9.0), (4, 5, 3.0))])
def test_the_work_of_both_queues_is_counted_and_the_longest_silence_of_either(short, long, monkeypatch):
    made = create()
    states = {id(made.short_queue): short, id(made.long_queue): long}
    monkeypatch.setattr(FairQueue, "state", lambda self: states[id(self)])
    assert made.queue_stats() == (5, 7, 9.0)
    assert module.limits.value("MAX_TRAININGS") == made.long_queue.free
