"""Every named set-up, held to its claim over eight seeds (four where it is fifty layers deep)."""

import math
from functools import cache

import numpy as np
import pytest

from core import RunConfig, diagnose, train
from core.families.clipping import CLIPS
from core.presets.setups import PRESETS

CLIPPING = [name for name, clip in CLIPS.items() if clip.apply is not None]


@cache
def traces(name, **changes):
    """A set-up's runs, perhaps changed, over the seeds it is measured on."""
    config = PRESETS[name].config.replace(**dict(changes.items()))
    return train([config.replace(seed=seed) for seed in range(4 if len(config.hidden) == 50 else 8)])


def verdicts(runs):
    return {diagnose(trace).verdict for trace in runs}


def findings(trace):
    return {finding.name for finding in diagnose(trace).findings}


def accuracies(runs):
    return [trace.accuracy[-1] for trace in runs]


def first_to_last(trace):
    """||dE/dW|| of the first layer over the output layer's, at initialization."""
    return trace.grad_norm[0, 0] / trace.grad_norm[0, -1]


@pytest.mark.parametrize("name", PRESETS)
def test_every_setup_says_what_it_is(name):
    setup = PRESETS[name]
    assert setup.name == name and setup.label
    assert setup.description.endswith(".") and 1 <= setup.description.count(". ") + 1 <= 3


def test_no_two_setups_are_one():
    assert len({setup.config for setup in PRESETS.values()}) == len(PRESETS)
    assert len({setup.label for setup in PRESETS.values()}) == len(PRESETS)


def test_the_first_setup_is_what_the_page_opens_with():
    assert next(iter(PRESETS.values())).config == RunConfig()


def test_deep_sigmoid_vanishes_and_learns_the_mean_only():
    runs = traces("sigmoid")
    assert verdicts(runs) == {"vanishing"}
    assert max(first_to_last(trace) for trace in runs) < 1e-6
    assert all(trace.layer_factor(0) < 0.25 for trace in runs)
    # the best constant for half zeros and half ones is 1/2, with a mean squared error of 1/4
    assert [trace.loss[-1] for trace in runs] == pytest.approx([0.25] * 8, abs=0.001)


def test_deep_sigmoid_looks_level_later_by_weight_gradients_alone():
    for trace in traces("sigmoid"):
        row = np.abs(np.log10(trace.grad_norm[-1, :-1]))
        assert np.ptp(row) < 1.5  # decades, against six to seven in row 0
        assert trace.layer_factor(trace.last_row) < 0.25  # while delta falls as it did


def test_tanh_is_in_balance_and_learns():
    runs = traces("tanh")
    assert verdicts(runs) == {"healthy"}
    assert min(accuracies(runs)) >= 0.99


def test_relu_with_he_learns_every_sample():
    runs = traces("relu")
    assert verdicts(runs) == {"healthy"}
    assert accuracies(runs) == [1.0] * 8


def test_dead_relus_cut_the_gradient_and_the_loss_stands_at_ln_2():
    runs = traces("dead")
    assert verdicts(runs) == {"dead"}
    for trace in runs:
        assert (trace.dead[-1] == 1).any() and trace.delta_norm[-1, 0] == 0
        assert trace.dead[0, :-1].mean() < 0.3
        assert trace.loss[-1] == pytest.approx(math.log(2), abs=0.001)  # every answer 1/2


def test_float32_loses_gradients_that_float64_has():
    runs = traces("underflow")
    assert verdicts(runs) == {"underflow"}
    assert all(trace.grad_norm[0, 0] == 0 == trace.delta_norm[0, 0] for trace in runs)
    assert all((trace.grad_norm[0] > 0).all() for trace in traces("underflow", dtype="float64", steps=0))


def test_exploding_diverges_within_five_steps():
    runs = traces("exploding")
    assert verdicts(runs) == {"diverged"}
    assert max(trace.diverged_at for trace in runs) <= 5
    for trace in runs:
        assert "exploding" in findings(trace)
        assert trace.delta_norm[0, 0] > 10 * trace.delta_norm[0, -2]  # first hidden layer against the last


@pytest.mark.slow
@pytest.mark.parametrize("clip", CLIPPING)
def test_every_clipping_rule_rescues_the_explosion(clip):
    runs = traces("exploding", clip=clip, clip_threshold=CLIPS[clip].recommended)
    assert accuracies(runs) == [1.0] * 8
    assert max(trace.loss[-1] for trace in runs) < 0.001
    assert all({"exploding", "clipping"} <= findings(trace) for trace in runs)


def test_clipped_setup_is_the_exploding_one_with_one_of_these_rules():
    clipped, exploding = PRESETS["clipped"].config, PRESETS["exploding"].config
    assert clipped == exploding.replace(clip="global_norm", clip_threshold=CLIPS["global_norm"].recommended)
    assert [CLIPS[name].recommended for name in CLIPPING] == [0.1, 1, 1, 0.1]


def test_large_weights_diverge_at_step_three_or_thereabouts():
    steps = [trace.diverged_at for trace in traces("large_weights")]
    assert sorted(steps)[4] == 3 and set(steps) <= {2, 3, 4, 5}


def test_max_norm_holds_the_explosion_and_learns_every_sample():
    runs = traces("max_norm")
    assert accuracies(runs) == [1.0] * 8
    assert verdicts(runs) == {"healthy"}


@pytest.mark.slow
@pytest.mark.parametrize("penalty", ["l1", "l2", "weight_decay"])
def test_penalties_and_decay_of_no_strength_can(penalty):
    for strength in 10.0 ** np.arange(-4, 2.5, 0.5):
        learned = [trace.accuracy[-1] >= 0.9 for trace in traces("large_weights", **{penalty: strength})]
        assert sum(learned) <= 1  # diverged runs have no accuracy; max-norm has 1.0 on all eight


@pytest.mark.slow
def test_fifty_plain_layers_lose_signal_and_gradient():
    for trace in traces("deep"):
        assert trace.grad_norm[0, 0] < 1e-48 and trace.grad_norm[0, -1] < 1e-48
        assert 0.01 < first_to_last(trace) < 100  # the weight gradients are level,
        assert trace.delta_norm[0, 0] < 1e-45 * trace.delta_norm[0, -1]  # and yet the gradient vanishes
        assert diagnose(trace).verdict == "vanishing"
        assert trace.accuracy[-1] < 0.3


@pytest.mark.slow
def test_fifty_residual_layers_are_level_and_learn():
    runs = traces("deep_residual")
    assert accuracies(runs) == [1.0] * 4
    assert all(0.9 < trace.layer_factor(0) < 1.1 for trace in runs)


@pytest.mark.slow
def test_layer_norm_keeps_fifty_layers_within_two_decades_and_does_not_learn():
    for trace in traces("deep_layer_norm"):
        assert trace.grad_norm[0].max() < 100 * trace.grad_norm[0].min()
        assert trace.accuracy[-1] < 0.3
        assert trace.loss[-1] == pytest.approx(math.log(10), abs=0.02)  # ten classes, no knowledge


@pytest.mark.slow
def test_batch_norm_explodes_at_the_first_of_fifty_layers():
    for trace in traces("deep_batch_norm"):
        assert first_to_last(trace) > 1e4
        assert 1.15 < trace.layer_factor(0) < 1.3
        assert diagnose(trace).verdict == "exploding"
