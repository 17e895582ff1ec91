"""A run begun while its page draws: the same results, and only where that keeps nobody waiting."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core import RunConfig, train
from core.theory.initialization import predict_initial_norms
from ui.lab import background, theory
from ui.runtime import jobs
from ui.runtime.jobs import Run
from ui.runtime.queue import FairQueue
from ui.runtime.services import start_services
from ui.session import session

CONFIG = RunConfig(hidden=(5, 7), samples=8, steps=3, learning_rate=0.5)


@pytest.fixture
def processes():
    """Services of a server with processes of its own, for which threads stand."""
    session.pop("begun", None)
    with ThreadPoolExecutor(2) as executor:
        yield start_services(executor)
    start_services()
    session.pop("begun", None)


def wait_for(threads):
    """Wait for all threads."""
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive()


def test_what_is_begun_is_what_the_page_shows(processes):
    run = Run(CONFIG)
    wait_for(background.begin(run))
    trace = processes.runs.get(run)
    assert trace is jobs.get_trace(run)
    np.testing.assert_array_equal(trace.grad_norm, train([CONFIG])[0].grad_norm)
    norms = processes.theories.get(theory.at_start(run))
    assert norms is theory.expected(run, None)
    np.testing.assert_array_equal(norms.grad.median, predict_initial_norms(CONFIG.replace(steps=0)).grad.median)


def test_only_what_is_missing_is_begun_and_a_page_that_asks_again_begins_nothing(processes):
    run = Run(CONFIG)
    threads = background.begin(run)
    assert background.begin(run) == []
    wait_for(threads)
    later = Run(CONFIG.replace(steps=4))
    (training,) = background.begin(later)
    wait_for([training])
    assert processes.runs.get(later) is not None
    assert background.begin(run) == []


def test_a_training_that_its_session_no_longer_wants_is_ended(processes, monkeypatch):
    monkeypatch.setattr(jobs, "SHORT_STEPS", 10**9)
    monkeypatch.setattr(jobs, "SHORT_COST", 10**15)
    endless = Run(RunConfig(samples=128, steps=200_000))
    threads = background.begin(endless)
    background.begin(Run(CONFIG))
    wait_for(threads)
    assert processes.runs.get(endless) is None


def test_nothing_is_begun_for_a_visitor_who_asks_again_before_the_last_answer(processes, monkeypatch):
    monkeypatch.setattr(background, "current_weight", lambda: 1)
    assert background.begin(Run(CONFIG)) == []
    monkeypatch.undo()
    wait_for(background.begin(Run(CONFIG)))
    assert processes.runs.get(Run(CONFIG)) is not None


def test_nothing_is_begun_at_home_or_where_others_may_want_the_slots(processes, monkeypatch):
    monkeypatch.setattr(FairQueue, "free", 2)
    assert background.begin(Run(CONFIG)) == []
    monkeypatch.undo()
    start_services()
    assert background.begin(Run(CONFIG)) == []


@pytest.mark.parametrize(
    "config",
    [
        CONFIG.replace(hidden=(4096,) * 40, samples=2000, steps=1),
        CONFIG.replace(steps=200_000),
        RunConfig(dataset="custom"),
    ],
)
def test_nothing_is_begun_for_a_run_that_is_long_or_refused(config, processes):
    assert background.begin(Run(config, "unknown" if config.dataset == "custom" else None)) == []


def test_a_run_that_cannot_be_trained_fails_where_the_page_asks(processes, monkeypatch):
    failures = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    monkeypatch.setattr(jobs, "train", lambda *_, **__: 1 / 0)
    run = Run(CONFIG)
    wait_for(background.begin(run))
    assert not failures
    with pytest.raises(ZeroDivisionError):
        jobs.get_trace(run)
