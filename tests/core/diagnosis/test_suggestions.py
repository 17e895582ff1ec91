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
    "schedule": ["constant learning rate"],
    "warmup_steps": ["no warm-up"],
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
    "l1": ("l1", "penalties"),
    "l2": ("l2", "penalties"),
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
    for one in balance(sigmoid):
        assert one.changes["activation"] in ("relu", "tanh")
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
