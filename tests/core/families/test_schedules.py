"""Schedules against numbers by hand, in the engine against steps of constant rates, and in PyTorch's own words."""

import numpy as np
import pytest

from core import ConfigError, RunConfig, snapshot, train
from core.families.schedules import SCHEDULES, rate_factors

SMALL = RunConfig(hidden=(6, 5), activation="tanh", samples=30, steps=40, learning_rate=0.1)
BY_HAND = {
    "constant": {0: 1, 20: 1, 39: 1, 60: 1},
    "step": {0: 1, 19: 1, 20: 0.1, 29: 0.1, 30: 0.01, 60: 0.01},
    "cosine": {0: 1, 10: 0.5 + 0.25 * np.sqrt(2), 20: 0.5, 40: 0, 60: 0},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_factors_worked_by_hand(name):
    steps = np.array(list(BY_HAND[name]))
    found = rate_factors(name, steps, length=40, warmup_steps=0)
    np.testing.assert_allclose(found, list(BY_HAND[name].values()), rtol=1e-14, atol=1e-16)
    for config in (RunConfig(schedule=name, steps=40), RunConfig(schedule=name, steps=7, schedule_steps=40)):
        rates = config.replace(learning_rate=0.1).learning_rates(steps)
        np.testing.assert_allclose(rates, 0.1 * found, rtol=1e-14, atol=1e-16)
    assert [RunConfig(schedule=name, steps=count).schedule_length for count in (0, 1, 2)] == [1, 1, 2]


@pytest.mark.parametrize("name", SCHEDULES)
def test_warm_up_rises_linearly_to_the_schedule(name):
    steps = np.arange(40)
    plain = rate_factors(name, steps, length=40, warmup_steps=0)
    warm = rate_factors(name, steps, length=40, warmup_steps=8)
    np.testing.assert_allclose(warm[:8], plain[:8] * np.arange(1, 9) / 8, rtol=1e-15)
    np.testing.assert_array_equal(warm[7:], plain[7:])
    np.testing.assert_array_equal(rate_factors(name, steps, length=40, warmup_steps=1), plain)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_each_step_is_one_of_the_rate_that_the_schedule_gives_it(name, optimizer):
    config = SMALL.replace(schedule=name, warmup_steps=5, optimizer=optimizer, weight_decay=0.1)
    (trace,) = train([config])
    (plain,) = train([config.replace(schedule="constant", warmup_steps=0)])
    rates = config.learning_rates(np.arange(40))
    assert rates[0] == pytest.approx(0.1 / 5)
    # the first step of every optimizer is proportional to its rate
    np.testing.assert_allclose(trace.update_ratio[0] / plain.update_ratio[0], rates[0] / 0.1, rtol=1e-12)
    if optimizer == "sgd":
        bare = config.replace(weight_decay=0.0)
        (trace,) = train([bare])
        steps = trace.update_ratio[:-1] * trace.weight_norm[:-1]
        np.testing.assert_allclose(steps, rates[:, None] * trace.grad_norm[:-1], rtol=1e-12)
        by_hand = [(W.copy(), b.copy()) for W, b in snapshot(bare).weights]
        for step in range(40):  # one run of a single step for each, from where the last one ended
            one = bare.replace(steps=1, schedule="constant", warmup_steps=0, learning_rate=max(rates[step], 1e-300))
            by_hand = train([one], initial=[by_hand])[0].weights
        for (W, b), (W_hand, b_hand) in zip(trace.weights, by_hand, strict=True):
            np.testing.assert_allclose(W, W_hand, rtol=1e-10, atol=1e-14)
            np.testing.assert_allclose(b, b_hand, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_constant_course_changes_no_bit_and_other_runs_of_the_stack_keep_theirs(name):
    configs = [
        SMALL.replace(schedule=name, warmup_steps=3, learning_rate=rate, seed=k) for k, rate in enumerate((0.1, 0.3))
    ]
    for alone, together in zip([train([config])[0] for config in configs], train(configs), strict=True):
        np.testing.assert_array_equal(alone.loss, together.loss)
    (same,) = train([SMALL.replace(schedule_steps=7, warmup_steps=1)])
    np.testing.assert_array_equal(same.loss, train([SMALL])[0].loss)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("step", [0, 13, 40])
def test_a_snapshot_lies_on_the_run_whose_schedule_goes_on(name, step):
    config = SMALL.replace(schedule=name, warmup_steps=4, weight_decay=0.2)
    (trace,) = train([config])
    norms = [np.linalg.norm(W) for W, _ in snapshot(config, step).weights]
    np.testing.assert_allclose(norms, trace.weight_norm[step], rtol=1e-12)
    assert config.stop_at(step).learning_rates(np.arange(5)) == pytest.approx(config.learning_rates(np.arange(5)))


@pytest.mark.parametrize(
    "field, value", [("schedule", "linear"), ("schedule_steps", 0), ("schedule_steps", 2.5), ("warmup_steps", -1)]
)
def test_a_bad_schedule_is_refused_by_its_field(field, value):
    with pytest.raises(ConfigError, match=field):
        RunConfig(**{field: value})
