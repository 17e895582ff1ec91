"""Norms at initialization in one call: the numbers of its parts, progress, cost, and the room that a server allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, snapshot
from core.config import cost
from core.theory import prediction
from core.theory.initialization import initial_norms_cost, predict_initial_norms
from core.theory.network import worst_case, worst_case_cost
from core.theory.prediction import predictions

SMALL = RunConfig(hidden=(6, 5), samples=40, steps=3)


def test_it_holds_the_predictions_and_the_worst_case_of_the_run():
    norms, (grad, delta) = predict_initial_norms(SMALL), predictions(SMALL)
    np.testing.assert_array_equal(norms.grad.median, grad.median)
    np.testing.assert_array_equal(norms.delta.high, delta.high)
    np.testing.assert_array_equal([norms.worst_grad, norms.worst_delta], worst_case(snapshot(SMALL)))


def test_training_settings_do_not_matter():
    norms = predict_initial_norms(SMALL.replace(steps=0))
    np.testing.assert_array_equal(predict_initial_norms(SMALL.replace(steps=1000)).grad.median, norms.grad.median)


def test_without_room_for_all_values_there_is_a_prediction_and_no_worst_case(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_BYTES", str(cost(SMALL.replace(steps=0)).bytes + 10))
    norms = predict_initial_norms(SMALL)
    assert np.isfinite(norms.grad.median).all()
    assert np.isnan(norms.worst_grad).all() and norms.worst_grad.shape == norms.grad.median.shape


@pytest.mark.parametrize(
    "samples, every, fewer", [(40, 40, 12), (100, 100, 12 + 24 + 48), (1000, 256, 12 + 24 + 48 + 96)]
)
def test_sixteen_networks_get_all_samples_each_smaller_number_that_is_tried_and_half_of_all(
    samples, every, fewer, monkeypatch
):
    monkeypatch.setattr(prediction, "_affordable", lambda widths, batch: 7)
    passes = prediction._max_passes(SMALL.replace(batch_size=None, samples=samples), (2, 4, 1), samples)
    assert passes == 16 * (every + fewer + every // 2) + 7 * every


@pytest.mark.parametrize(
    "fields",
    [{}, {"hidden": (150,) * 4}, {"batch_size": 10, "samples": 500}, {"samples": 1000}, {"hidden": ()}],
    ids=["small", "wide", "own batches", "many samples", "no hidden layer"],
)
def test_no_more_passes_are_made_than_its_cost_counts(fields, monkeypatch):
    config, passed = SMALL.replace(**fields), []
    sampler = prediction.NetworkSampler

    def counted(config, widths, deviations, networks, on_passed, **more):
        def count(passes):
            passed.append(passes)
            on_passed(passes)

        return sampler(config, widths, deviations, networks, count, **more)

    monkeypatch.setattr(prediction, "NetworkSampler", counted)
    predictions(config)
    drawn = prediction.narrowed((2, *config.hidden, 1))
    assert 0 < sum(passed) <= prediction._max_passes(config, drawn, config.samples)
    assert initial_norms_cost(config, 2, 1, config.samples) > sum(passed) * prediction._pass_work(drawn) // 2


SIZES = st.tuples(st.integers(1, 40), st.integers(1, 5), st.integers(2, 400))


@given(SIZES, st.integers(2, 400))
def test_its_cost_is_that_of_its_parts_on_the_data_given_whatever_samples_the_config_asks_for(sizes, own):
    inputs, outputs, samples = sizes
    once = cost(SMALL.replace(steps=0), *sizes).multiply_adds
    drawn = prediction.prediction_cost(SMALL, *sizes)
    bounds = worst_case_cost((inputs, *SMALL.hidden, outputs), samples)
    assert initial_norms_cost(SMALL.replace(samples=own), *sizes) == 2 * once + drawn + bounds
    assert prediction.prediction_cost(SMALL, inputs, outputs, samples + 1) >= drawn > 0


def test_what_its_progress_raises_ends_it(monkeypatch):
    monkeypatch.setattr("core.engine.training.PROGRESS_SECONDS", 0.0)

    def leave(done, total):
        assert 0 <= done <= total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_initial_norms(SMALL, on_progress=leave)
