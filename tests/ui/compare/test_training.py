"""Arms of a comparison are trained on its own seeds, cached by what they hang on, and reported seed by seed."""

import numpy as np
import pytest

from core import RunConfig, train
from core.comparison.arm_statistics import summarize_arm
from core.comparison.arms import Arm, Comparison
from core.data.datasets import DATASETS
from ui.compare.training import ArmProgressReporter, key_of, records
from ui.runtime.services import start_services

BASE = RunConfig(hidden=(3,), samples=8, steps=3, seed=5)
ARMS = (Arm("a", {"activation": "tanh"}), Arm("b", {"activation": "relu"}))


@pytest.fixture(autouse=True)
def fresh():
    start_services()
    yield
    start_services()


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
