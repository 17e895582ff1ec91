"""Suggestions: valid for any config, each label says all that changes, and numbers a person would choose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import train
from core.diagnosis.fresh_start import start_over
from core.diagnosis.rules import EXPLODED, VANISHED
from core.diagnosis.statistics import TraceStats
from core.diagnosis.suggestions import (
    GUIDE_RATIO,
    balance,
    for_clipping,
    for_dead_output,
    for_dead_units,
    for_degenerate_normalization,
    for_divergence,
    for_identical_units,
    for_large_steps,
    for_penalty,
    for_saturation,
    for_small_steps,
    for_stuck,
    for_underflow,
    for_unequal_classes,
    for_unscaled_data,
    keeps_level,
    round_down,
    safe_learning_rate,
)
from core.families.activations import ACTIVATIONS
from tests.support.strategies import configs
from tests.support.troubles import RELU, TANH, TROUBLES

# How a label shows that a field changes.
WORDS = {
    "schedule": ("constant learning rate",),
    "warmup_steps": ("no warm-up", "constant learning rate"),
    "bias": ("with biases",),
    "hidden": ("units", "hidden layer", "3 layers of 32"),
    "max_norm": ("max norm",),
    "activation": tuple(member.label for member in ACTIVATIONS.values()),
    "init": ("init",),
    "init_scale": ("init scale",),
    "bias_std": ("bias",),
    "residual": ("residual",),
    "normalization": ("normalization",),
    "learning_rate": ("learning rate",),
    "optimizer": ("Adam",),
    "batch_size": ("Batches",),
    "dtype": ("float64",),
    "clip": ("Clip",),
    "clip_threshold": ("threshold", "Clip"),
    "l1": ("L1", "penalties"),
    "l2": ("L2", "penalties"),
    "weight_decay": ("weight decay", "penalties"),
    "output_activation": ("output",),
    "loss": ("Loss", "loss"),
    "scaling": ("Standardize",),
    "class_weight": ("classes",),
    "dropout": ("dropout",),
}


@given(
    config=configs(),
    ratio=st.floats(0, allow_infinity=False),
    share=st.floats(0, 1),
    step=st.integers(0, 10**6),
    at_initialization=st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_every_suggestion_is_valid_and_its_label_says_all_that_it_changes(
    config, ratio, share, step, at_initialization
):
    suggestions = [
        *balance(config),
        *for_underflow(config),
        *for_divergence(config, step, ratio),
        *for_dead_units(config, at_initialization),
        *for_saturation(config, at_initialization),
        *for_large_steps(config, ratio),
        *for_clipping(config, share),
        *(for_small_steps(config, ratio) if ratio else ()),
        *for_penalty(config, 1 + ratio),
        *for_stuck(config),
        *for_unequal_classes(config),
        *for_unscaled_data(config),
        *for_degenerate_normalization(config),
        *for_identical_units(config),
        *start_over(config),
        *for_dead_output(config, at_initialization),
    ]
    assert suggestions
    for one in suggestions:
        changed = config.replace(**one.changes)  # validated: loss and output activation still agree
        assert all(getattr(config, field) != value for field, value in one.changes.items())
        assert all(getattr(changed, field) == value for field, value in one.changes.items())
        assert one.label and one.changes and not one.outcome
        assert not {"dataset", "samples", "steps", "seed", "noise", "holdout"} & one.changes.keys()
        for field in one.changes:
            assert any(word.lower() in one.label.lower() for word in WORDS[field]), (field, one.label)


@given(configs())
def test_no_way_to_balance_is_proposed_twice(config):
    changes = [tuple(sorted(one.changes.items())) for one in balance(config)]
    assert len(set(changes)) == len(changes)


def test_a_network_in_balance_is_not_sent_to_itself():
    assert not [one for one in balance(RELU) if not {"activation", "residual"} & one.changes.keys()]
    assert not [one for one in balance(TANH) if "activation" not in one.changes]


def test_adam_layer_norm_or_a_residual_alone_are_not_proposed_to_a_deep_sigmoid():
    # measured: Adam and layer normalization leave it vanishing, a residual alone makes it explode
    (sigmoid, *_) = TROUBLES["vanishing"]
    assert {one.changes["activation"] for one in balance(sigmoid)} == {"relu", "tanh"}
    for one in balance(sigmoid):
        assert not {"optimizer", "normalization"} & one.changes.keys()


@pytest.mark.parametrize("activation, init", [("tanh", "glorot_normal"), ("relu", "he_normal"), ("gelu", "normal")])
@pytest.mark.parametrize("depth", [10, 20, 40])
def test_for_unscaled_residual_layers_the_first_suggestion_scales_the_branches(activation, init, depth):
    config = RELU.replace(activation=activation, init=init, hidden=(32,) * depth, residual=True)
    for suggestions in (balance(config), for_divergence(config, 3, 1.0), for_divergence(config, 0, 0.0)):
        first = suggestions[0]
        assert first.label.startswith("Scale the residual branches")
        assert not {"residual", "activation"} & first.changes.keys()
        assert first.changes["init_scale"] == pytest.approx(depth**-0.5, rel=0.05)


def test_the_learning_rate_falls_as_far_as_the_update_ratio_asks():
    slow, medium, fast = (for_large_steps(RELU.replace(learning_rate=0.1), ratio)[0] for ratio in (0.01, 0.1, 1.0))
    assert [one.changes["learning_rate"] for one in (slow, medium, fast)] == [0.02, 0.002, 2e-4]


def test_learning_rates_are_only_ever_lowered_to_the_safe_one():
    assert safe_learning_rate(RELU.replace(learning_rate=1.0)) == 0.02
    assert safe_learning_rate(RELU.replace(learning_rate=1.0, optimizer="adam")) == 0.002
    assert safe_learning_rate(RELU.replace(learning_rate=1e-6)) == 1e-6


@pytest.mark.parametrize(
    "value, rounded", [(1, 1), (1.99, 1), (2, 2), (4.9, 2), (5, 5), (9.9, 5), (0.0347, 0.02), (7e-9, 5e-9), (0, 1e-300)]
)
def test_numbers_are_rounded_down_to_what_a_person_would_choose(value, rounded):
    assert round_down(value) == rounded


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_levels_are_kept_by_those_activations_whose_deep_networks_measure_so(name):
    init, scale = ACTIVATIONS[name].recommended
    level = keeps_level(ACTIVATIONS[name])
    depth = 30 if level else 80  # far down, where GELU and SiLU have made the signal small
    config = RELU.replace(activation=name, init=init, init_scale=scale, hidden=(64,) * depth, steps=0)
    decades = [TraceStats(trace).decades[0] for trace in train([config.replace(seed=100 + k) for k in range(8)])]
    assert VANISHED < np.median(decades) < EXPLODED if level else np.median(decades) < VANISHED


# -- numbers of a suggestion, for any config --------------------------------------------------------------------------

STEP_DOWN = 2.5  # by which a number becomes smaller at most when it is rounded down to 1, 2 or 5
ORDINARY = st.floats(1e-6, 1e3)


def rates(suggestions):
    """The learning rates that these suggestions set."""
    return [one.changes["learning_rate"] for one in suggestions if "learning_rate" in one.changes]


@settings(max_examples=40)
@given(configs(), ORDINARY, ORDINARY)
def test_steps_that_are_too_long_are_shortened_to_three_times_the_guide_and_then_to_a_tenth(config, rate, ratio):
    config = config.replace(learning_rate=rate)
    aim = min(rate / 2, rate * 3 * GUIDE_RATIO / ratio)
    for found, wanted in zip(rates(for_large_steps(config, ratio)), (aim, aim / 10), strict=True):
        assert wanted / STEP_DOWN <= found * (1 + 1e-9) and found <= wanted * (1 + 1e-9)


@settings(max_examples=40)
@given(configs(), ORDINARY, st.floats(1e-6, 1e-2))
def test_steps_that_are_too_short_are_lengthened_to_the_guide_as_far_as_that_is_safe(config, rate, ratio):
    config = config.replace(learning_rate=rate)
    safe = max(safe_learning_rate(config.replace(learning_rate=1e9)), 10 * rate)
    aim = min(rate * GUIDE_RATIO / ratio, safe)
    raised = [one.changes["learning_rate"] for one in for_small_steps(config, ratio) if set(one.changes) == {
        "learning_rate"}]  # fmt: skip
    assert raised == ([round_down(aim)] if round_down(aim) > rate else [])


@settings(max_examples=40)
@given(configs(), ORDINARY, st.integers(1, 1000), st.floats(0, 1e6))
def test_after_a_divergence_the_first_step_moves_no_layer_by_more_than_a_twentieth(config, rate, step, ratio):
    config = config.replace(learning_rate=rate, clip="none")
    offered = for_divergence(config, step, ratio)
    (slower,) = [one.changes["learning_rate"] for one in offered if set(one.changes) == {"learning_rate"}]
    assert 0.05 / STEP_DOWN <= slower / rate * max(ratio, 1) * (1 + 1e-9) and slower / rate * ratio <= 0.05 * (1 + 1e-9)
    (clipped,) = [one.changes for one in offered if "clip" in one.changes]
    safe = safe_learning_rate(config.replace(learning_rate=1e9))
    assert clipped.get("learning_rate", rate) == min(5 * safe, rate)


@settings(max_examples=40)
@given(configs(), st.floats(1, 1e6), st.lists(st.floats(1e-6, 1.0), min_size=3, max_size=3))
def test_a_weakened_penalty_pulls_a_tenth_as_hard_as_the_data_do(config, weight, strengths):
    names = ("l1", "l2", "weight_decay")
    config = config.replace(**dict(zip(names, strengths, strict=True)))
    weaker, off = for_penalty(config, weight)
    for name, strength in zip(names, strengths, strict=True):
        pull = weaker.changes[name] / strength * weight
        assert 0.1 / STEP_DOWN <= pull * (1 + 1e-9) and pull <= 0.1 * (1 + 1e-9)
        assert off.changes[name] == 0


@settings(max_examples=40)
@given(configs(), ORDINARY, ORDINARY, st.floats(1e-6, 1))
def test_a_raised_threshold_would_have_bound_in_a_tenth_of_the_steps_and_leaves_a_clipped_step_as_long(
    config, rate, threshold, tenth
):
    config = config.replace(clip="global_norm", learning_rate=rate, clip_threshold=threshold)
    safe = safe_learning_rate(config.replace(learning_rate=1e9))
    for one in for_clipping(config, tenth):
        changed = config.replace(**one.changes)
        assert changed.learning_rate == min(5 * safe, rate)
        longest = changed.clip_threshold * changed.learning_rate
        assert longest == pytest.approx(threshold / tenth * rate, rel=0.5)  # the threshold has one digit


@settings(max_examples=40)
@given(configs(), ORDINARY)
def test_units_and_outputs_that_died_in_training_get_shorter_steps_and_those_dead_at_first_none(config, rate):
    config = config.replace(learning_rate=rate, activation="relu", output_activation="relu", loss="mse")
    for made in (for_dead_units, for_saturation):
        slower = [one.changes["learning_rate"] for one in made(config, False) if set(one.changes) == {"learning_rate"}]
        aim = min(safe_learning_rate(config), rate / 10)
        assert slower == [round_down(aim)]
    assert rates(for_dead_output(config, True)) == []
    assert set(rates(for_dead_output(config, False))) == {round_down(rate / 5)}


@settings(max_examples=40)
@given(configs())
def test_what_is_widened_is_never_narrowed(config):
    for one in [*for_dead_units(config, True), *for_stuck(config), *for_degenerate_normalization(config)]:
        wide = one.changes.get("hidden", config.hidden)
        if config.hidden:
            assert len(wide) == len(config.hidden)
            assert all(units >= before for units, before in zip(wide, config.hidden, strict=True))
        if "hidden" in one.changes:
            assert min(wide) >= 8


@settings(max_examples=40)
@given(configs(), st.sampled_from(["layer", "batch"]))
def test_degenerate_normalization_gets_more_values_of_the_kind_it_averages_over(config, normalization):
    config = config.replace(hidden=(2, 1), activation="tanh", normalization=normalization)
    config = config.replace(batch_size=1, samples=max(config.samples, 40))
    first = for_degenerate_normalization(config)[0].changes
    assert set(first) == ({"batch_size"} if normalization == "batch" else {"hidden"})
    few = config.replace(samples=5, normalization="batch", batch_size=1)
    assert for_degenerate_normalization(few)[0].changes["batch_size"] == 5


@settings(max_examples=20)
@given(configs(), st.floats(0.01, 10), st.integers(2, 40))
def test_scaled_branches_are_never_made_larger(config, scale, depth):
    config = config.replace(residual=True, hidden=(16,) * depth, activation="tanh", init="normal", init_scale=scale)
    for one in balance(config):
        if one.label.startswith("Scale the residual branches"):
            new = one.changes.get("init_scale", scale)
            assert new <= scale and new <= depth**-0.5 * 1.05  # which has two digits
