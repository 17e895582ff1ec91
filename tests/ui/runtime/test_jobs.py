"""Work for a visitor: cached by its settings and its table, refused before it waits, short before long."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import streamlit as st

from core import ConfigError, RunConfig
from core.tables import prepare, read_table
from ui.runtime import jobs, limits
from ui.runtime.jobs import Run
from ui.runtime.services import services, start_services

SOON = 30  # seconds; a limit for what happens at once, so that a deadlock fails instead of hanging


def never(*_):
    raise AssertionError("nobody should have to wait")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def fresh():
    start_services()
    yield
    start_services()


def test_a_run_is_kept_by_its_config_and_its_table(fresh):
    config = RunConfig(hidden=(4,), steps=2)
    first = jobs.get_trace(Run(config))
    assert jobs.get_trace(Run(RunConfig(hidden=(4,), steps=2))) is first
    table = read_table(b"a,b\n1,2\n2,1\n4,4\n8,1\n")
    services().prepared.get_or_compute("digest", lambda: prepare(table, "b", False), never)
    other = jobs.get_trace(Run(config, "digest"))
    assert other.task == "regression" != first.task
    assert jobs.get_trace(Run(config, "digest")) is other
    assert jobs.get_trace(Run(config)) is first


def test_a_table_that_is_no_longer_kept_is_asked_for(fresh):
    with pytest.raises(ConfigError, match="upload it again"):
        jobs.get_trace(Run(RunConfig(hidden=(4,), steps=2), "gone"))


def test_a_run_above_the_limit_is_refused_before_it_waits(fresh, monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", "10")
    monkeypatch.setattr(services().short_queue, "slot", never)
    with pytest.raises(ConfigError, match="this server allows 10 multiply-adds"):
        jobs.get_trace(Run(RunConfig()))


def test_a_snapshot_is_kept_by_its_run_and_step(fresh):
    run = Run(RunConfig(hidden=(4,), steps=2))
    first = jobs.get_snapshot(run, 1)
    assert jobs.get_snapshot(run, 1) is first
    assert jobs.get_snapshot(run, 2).step == 2


def test_long_work_holds_no_short_run_up(fresh, pool):
    leave, calls = threading.Event(), []
    for _ in range(limits.value("MAX_TRAININGS")):
        inside = threading.Event()

        def work(inside=inside):
            with jobs.long_slot(never):
                inside.set()
                assert leave.wait(SOON)

        calls.append(pool.submit(work))
        assert inside.wait(SOON)
    assert pool.submit(jobs.get_trace, Run(RunConfig(hidden=(4,), steps=2))).result(SOON).step[-1] == 2
    leave.set()
    for call in calls:
        call.result(SOON)


def test_clearing_streamlits_caches_leaves_the_caches_and_queues_of_the_server(fresh):
    before = services()
    trace = jobs.get_trace(Run(RunConfig(hidden=(4,), steps=2)))
    st.cache_data.clear()
    st.cache_resource.clear()
    assert services() is before
    assert jobs.get_trace(Run(RunConfig(hidden=(4,), steps=2))) is trace
