"""Every set-up and ready comparison is held to its claim, each over eight seeds (depth 50 over four)."""

import numpy as np
import pytest

from core import diagnose, train
from core.presets.comparisons import COMPARISON_PRESETS
from core.presets.setups import PRESETS

VERDICT = {
    "sigmoid": "vanishing",
    "tanh": "healthy",
    "relu": "healthy",
    "underflow": "underflow",
    "exploding": "diverged",
    "large_weights": "diverged",
}


def over_seeds(config, seeds=8):
    return train([config.replace(seed=seed) for seed in range(seeds)])


@pytest.mark.parametrize("name", VERDICT)
def test_a_setup_gets_the_verdict_it_is_named_for(name):
    (trace,) = train([PRESETS[name].config])
    assert diagnose(trace).verdict == VERDICT[name]


@pytest.mark.parametrize("name", ["tanh", "relu", "clipped", "max_norm"])
@pytest.mark.slow
def test_setups_that_are_said_to_learn_reach_accuracy_one_on_every_seed(name):
    for trace in over_seeds(PRESETS[name].config):
        assert trace.diverged_at is None
        assert trace.accuracy[-1] >= 0.98


@pytest.mark.slow
def test_the_deep_sigmoid_vanishes_and_learns_no_more_than_the_mean_on_every_seed():
    for trace in over_seeds(PRESETS["sigmoid"].config):
        assert trace.grad_norm[0, 0] < 1e-6 * trace.grad_norm[0, -1]
        assert trace.layer_factor() < 0.3
        assert trace.loss[-1] == pytest.approx(0.25, abs=0.01)  # the variance of targets 0 and 1


@pytest.mark.parametrize("name", ["exploding", "large_weights"])
@pytest.mark.slow
def test_setups_that_are_said_to_diverge_do_so_within_ten_steps_on_every_seed(name):
    assert all(trace.diverged_at is not None and trace.diverged_at <= 10 for trace in over_seeds(PRESETS[name].config))


@pytest.mark.parametrize(
    "clip, threshold",
    [("value", 0.1), ("global_norm", 1), ("per_layer_norm", 1), ("adaptive", 0.1)],
)
@pytest.mark.slow
def test_every_clipping_rule_rescues_the_exploding_setup(clip, threshold):
    for trace in over_seeds(PRESETS["exploding"].config.replace(clip=clip, clip_threshold=threshold)):
        assert trace.diverged_at is None and trace.accuracy[-1] >= 0.95


@pytest.mark.parametrize("weak", [{"l1": 0.001}, {"l2": 0.001}, {"weight_decay": 0.1}])
@pytest.mark.slow
def test_penalties_and_decay_cannot_hold_the_explosion_that_max_norm_holds(weak):
    for trace in over_seeds(PRESETS["large_weights"].config.replace(**weak)):
        assert trace.diverged_at is not None or trace.accuracy[-1] < 0.9


@pytest.mark.slow
def test_depth_fifty_vanishes_plain_trains_with_residuals_and_is_level_or_explodes_when_normalized():
    plain, residual, layer, batch = (
        over_seeds(PRESETS[name].config, 4) for name in ("deep", "deep_residual", "deep_layer_norm", "deep_batch_norm")
    )
    for trace in plain:
        assert trace.grad_norm[0].max() < 1e-45
        assert trace.delta_norm[0, 0] < 1e-20 * trace.delta_norm[0, -1]
    for trace in residual:
        assert trace.loss[-1] < 0.5 * trace.loss[0]
    for trace in layer:
        assert np.ptp(np.log10(trace.grad_norm[0])) < 2.5
        assert trace.loss[-1] > 0.5 * trace.loss[0]
    for trace in batch:
        assert trace.grad_norm[0, 0] > 1e2 * trace.grad_norm[0, -1]


def final(name):
    """By arm of a ready comparison: traces over its seeds."""
    comparison = COMPARISON_PRESETS[name].comparison
    configs = comparison.configs()
    traces = train(configs)
    seeds = comparison.seeds
    arms = [arm.name for arm in comparison.arms]
    return {arm: traces[i * seeds : (i + 1) * seeds] for i, arm in enumerate(arms)}


@pytest.mark.slow
def test_ready_activations_sigmoid_vanishes_and_the_others_learn():
    sigmoid, tanh, relu = final("activations").values()
    assert all(trace.layer_factor() < 0.35 and trace.accuracy[-1] < 0.9 for trace in sigmoid)
    assert all(trace.accuracy[-1] >= 0.98 for trace in tanh + relu)


@pytest.mark.slow
def test_ready_init_scale_the_factor_grows_with_the_scale():
    arms = [[trace.layer_factor() for trace in traces] for traces in final("init_scale").values()]
    assert all((np.diff(factors) > 0).all() for factors in np.array(arms).T)


@pytest.mark.slow
def test_ready_clipping_only_the_unclipped_arm_diverges():
    for arm, traces in final("clipping").items():
        assert all((trace.diverged_at is not None) == (arm == "no clipping") for trace in traces), arm


@pytest.mark.slow
def test_ready_weight_growth_every_regularization_ends_below_none():
    arms = final("weight_growth")
    growth = {arm: np.median([t.summary()["weight_growth"] for t in traces]) for arm, traces in arms.items()}
    assert all(value < growth["none"] for arm, value in growth.items() if arm != "none")


@pytest.mark.slow
def test_ready_he_trains_at_thirty_layers_where_glorot_stands_still():
    arms = final("he_glorot")
    assert np.median([t.accuracy[-1] for t in arms["He 30 layers"]]) >= 0.98
    assert all(t.loss[-1] > 0.2 for t in arms["Glorot 30 layers"])


@pytest.mark.slow
def test_ready_optimizers_move_the_weights_and_the_gradient_still_vanishes():
    for traces in final("optimizers").values():
        assert all(trace.delta_norm[0, 0] < 1e-4 * trace.delta_norm[0, -1] for trace in traces)
