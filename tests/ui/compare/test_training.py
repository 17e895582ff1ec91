"""Arms of a comparison are trained on its own seeds, cached by what they hang on, and reported seed by seed."""

import numpy as np
import pytest

from core import RunConfig, train
from core.comparison.arm_statistics import summarize_arm
from core.comparison.arms import Arm, Comparison
from core.data.datasets import DATASETS
from ui.compare import training
from ui.compare.training import ArmProgressReporter, key_of, records
from ui.runtime import jobs
from ui.runtime.jobs import Run
from ui.runtime.services import start_services

BASE = RunConfig(hidden=(3,), samples=8, steps=3, seed=5)
ARMS = (Arm("a", {"activation": "tanh"}), Arm("b", {"activation": "relu"}))


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Caches of its own, and trainings here: to start a process takes longer than all of them."""
    monkeypatch.setattr(training, "train", train_here)
    start_services()
    yield
    start_services()


def train_here(configs, *, data, on_progress, executor, on_trace):
    for i, config in enumerate(configs):
        on_trace(i, train([config])[0])


class Reporter(ArmProgressReporter):
    """Keeps what a visitor would read."""

    def __init__(self, seeds):
        super().__init__(None, seeds)
        self.texts = []

    def _show(self, share, text):
        self.texts.append(text)


@pytest.mark.parametrize("seeds", [1, 3])
def test_every_arm_is_trained_on_the_seeds_from_that_of_the_base_on(seeds):
    found = records(Comparison(BASE, "activation", ARMS, seeds), None, Reporter(seeds), lambda arms: None)
    assert list(found) == ["a", "b"]
    for arm in ARMS:
        config = arm.config(BASE)
        wanted = summarize_arm(train([config.replace(seed=5 + k) for k in range(seeds)]))
        assert found[arm.name].seeds == seeds and found[arm.name].summary == pytest.approx(wanted.summary, nan_ok=True)
        np.testing.assert_array_equal(found[arm.name].curves["loss"].median, wanted.curves["loss"].median)


def test_an_arm_of_more_seeds_or_of_another_table_is_another_arm():
    few, many = (Comparison(BASE, "activation", ARMS, seeds) for seeds in (2, 3))
    own = BASE.replace(dataset="custom")
    assert key_of(few, BASE, None) != key_of(many, BASE, None)
    assert key_of(few, BASE, "one") == key_of(few, BASE, "two")  # a dataset is the same whatever table there is
    assert key_of(few, own, "one") != key_of(few, own, "two")
    for name in DATASETS:
        same = key_of(few, BASE.replace(dataset=name), "one") == key_of(few, BASE.replace(dataset=name), "two")
        assert same == (name != "custom"), name
    assert records(few, None, Reporter(2), lambda arms: None)["a"].seeds == 2
    assert records(many, None, Reporter(3), lambda arms: None)["a"].seeds == 3


def test_progress_counts_the_seeds_that_are_done():
    reporter = Reporter(4)
    reporter.missing("a", 3)
    reporter.missing("b", 0)
    reporter.on_progress(1, 8)
    assert "a 1 of 4 seeds, b done" in reporter.texts[0]


def test_all_runs_that_are_missing_count_against_the_limit_and_no_others(monkeypatch):
    counted = []
    monkeypatch.setattr(training.limits, "check_work", counted.append)
    jobs.get_trace(Run(ARMS[0].config(BASE)))
    records(Comparison(BASE, "activation", ARMS, 2), None, Reporter(2), lambda arms: None)
    one = jobs.run_cost(Run(BASE)).multiply_adds
    assert counted == [3 * one]  # of four, one is there
    records(Comparison(BASE, "activation", ARMS, 2), None, Reporter(2), lambda arms: None)
    assert counted == [3 * one]


def test_an_arm_that_is_done_is_shown_while_another_one_is_not():
    shown = []
    comparison = Comparison(BASE, "activation", (*ARMS, Arm("a again", {"activation": "tanh"})), 2)
    found = records(comparison, None, Reporter(2), lambda arms: shown.append(list(arms)))
    assert shown == [["a", "a again"]] and list(found) == ["a", "b", "a again"]
    assert found["a"] is found["a again"]


@pytest.mark.parametrize("losses", [1, 2])
def test_what_a_lost_worker_left_undone_is_trained_once_more_and_nothing_else(losses, monkeypatch):
    sent = []

    def train_some(configs, *, on_trace, **options):
        sent.append([(config.activation, config.seed) for config in configs])
        done = configs[1:2] if len(sent) <= losses else configs
        for config in done:
            on_trace(configs.index(config), train([config])[0])
        if len(sent) <= losses:
            raise ConnectionResetError

    monkeypatch.setattr(training, "train", train_some)
    monkeypatch.setattr(training.workers, "worker_lost_errors", lambda: ConnectionResetError)
    comparison = Comparison(BASE, "activation", ARMS, 2)
    if losses == 1:
        found = records(comparison, None, Reporter(2), lambda arms: None)
        wanted = summarize_arm(train([ARMS[1].config(BASE).replace(seed=seed) for seed in (5, 6)]))
        assert found["b"].summary == pytest.approx(wanted.summary, nan_ok=True)
    else:
        with pytest.raises(ConnectionResetError):
            records(comparison, None, Reporter(2), lambda arms: None)
    every = [("tanh", 5), ("tanh", 6), ("relu", 5), ("relu", 6)]
    assert sent == [every, [every[0], *every[2:]]]
