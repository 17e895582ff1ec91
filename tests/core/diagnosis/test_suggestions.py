"""Cures: valid for any config, and each proposed one really helps when it is trained."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import diagnose, train
from core.diagnosis.rules import EXPLODED, VANISHED
from core.diagnosis.statistics import TraceStats
from core.diagnosis.suggestions import (
    balance,
    for_clipping,
    for_dead_units,
    for_divergence,
    for_large_steps,
    for_penalty,
    for_saturation,
    for_small_steps,
    for_underflow,
    keeps_level,
    round_down,
    safe_learning_rate,
)
from core.families.activations import ACTIVATIONS
from tests.support.strategies import configs
from tests.support.troubles import RELU, TANH, TROUBLES

pytestmark = pytest.mark.claims

SEEDS = 8


@cache
def runs(name, index, seeds):
    """A troubled config's runs, what is to try in each that has the finding, and those runs again with every try."""
    before = train([TROUBLES[name][index].replace(seed=seed) for seed in range(seeds)])
    suggestions = [next((f.suggestions for f in diagnose(trace).findings if f.name == name), ()) for trace in before]
    trials = [(trace, k, one) for trace, found in zip(before, suggestions, strict=True) for k, one in enumerate(found)]
    after = train([trace.config.replace(**one.changes) for trace, _, one in trials])
    return [(trace, k, one, cured) for (trace, k, one), cured in zip(trials, after, strict=True)]


def harmful(trace):
    return {finding.name for finding in diagnose(trace).findings if finding.severity in ("bad", "warning")}


def relieved(name, before, after):
    """Whether a finding is gone, or its number is better by a clear factor."""
    if name not in harmful(after):
        return True
    old, new = TraceStats(before), TraceStats(after)
    if name in ("vanishing", "exploding"):  # half the decades: the square root of the ratio
        return abs(new.decades[0]) <= 0.5 * abs(old.decades[0])
    if name == "small_steps":
        return np.nanmax(new.early) >= 10 * np.nanmax(old.early)
    return False


def trains_no_worse(before, after):
    """Whether the cured run ends with at least the accuracy or the loss it had; instead of a divergence, with progress.

    2 % of the loss and of the accuracy, two or three samples of 128, are noise between two ways of training.
    """
    if after.diverged_at is not None:
        return False
    if before.diverged_at is not None:
        return after.loss[-1] < after.loss[0]
    return after.loss[-1] <= 1.02 * before.loss[-1] or after.accuracy[-1] >= before.accuracy[-1] - 0.02


def check(name, index, seeds, may_fail):
    trials = runs(name, index, seeds)
    assert trials, "nothing was proposed"
    for label in {(k, one.label.split(" to ")[0].split(":")[0]) for _, k, one, _ in trials}:
        mine = [t for t in trials if (t[1], t[2].label.split(" to ")[0].split(":")[0]) == label]
        helped = [relieved(name, before, after) for before, _, _, after in mine]
        kept = [trains_no_worse(before, after) for before, _, _, after in mine]
        assert len(mine) - sum(helped) <= may_fail, (label, helped)
        assert len(mine) - sum(kept) <= may_fail, (label, kept)


@pytest.mark.parametrize("name", TROUBLES)
def test_each_proposed_change_helps_when_trained(name):
    check(name, 0, seeds=2, may_fail=0)


EVERY = [(name, index) for name, troubled in TROUBLES.items() for index in range(len(troubled))]


@pytest.mark.slow
@pytest.mark.parametrize("name, index", EVERY)
def test_each_proposed_change_helps_over_eight_seeds(name, index):
    check(name, index, seeds=SEEDS, may_fail=1)  # one seed in eight may draw badly


CLIPPED = [
    base.replace(hidden=(32,) * depth, learning_rate=rate, clip=clip, clip_threshold=threshold)
    for clip, threshold, depths in (
        ("global_norm", 1e-3, (4, 10)),
        ("adaptive", 1e-3, (4, 10)),
        ("value", 1e-4, (4,)),  # ten layers deep, these two learn all the same, or something else is to blame
        ("per_layer_norm", 1e-3, (4,)),
    )
    for base in (TANH, RELU)
    for depth in depths
    for rate in (0.5, 1.0)
]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(
            config,
            id=f"{config.activation}-{len(config.hidden)}-{config.learning_rate}-{config.clip}",
            marks=[] if config.clip == "global_norm" and len(config.hidden) == 4 else [pytest.mark.slow],
        )
        for config in CLIPPED
    ],
)
def test_where_clipping_held_a_high_learning_rate_together_the_cure_trains_too(config):
    before = train([config.replace(seed=seed) for seed in range(SEEDS)])
    suggestions = [
        next((f.suggestions for f in diagnose(trace).findings if f.name == "clipping"), ()) for trace in before
    ]
    cured = [(trace, found[0]) for trace, found in zip(before, suggestions, strict=True) if found]
    assert len(cured) >= SEEDS // 2
    assert all(one.label.endswith(", learning rate 0.1") for _, one in cured)
    after = train([trace.config.replace(**one.changes) for trace, one in cured])
    for (trace, _), new in zip(cured, after, strict=True):
        assert trains_no_worse(trace, new) and relieved("clipping", trace, new)


@given(
    config=configs(),
    ratio=st.floats(0, allow_infinity=False),
    share=st.floats(0, 1),
    step=st.integers(0, 10**6),
    at_initialization=st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_every_try_is_valid_and_changes_only_what_it_names(config, ratio, share, step, at_initialization):
    suggestions = [
        *balance(config),
        *for_underflow(config),
        *for_divergence(config, step, ratio),
        *for_dead_units(config, at_initialization),
        *for_saturation(config, at_initialization),
        *for_large_steps(config),
        *for_clipping(config, share),
        *(for_small_steps(config, ratio) if ratio else ()),
        *for_penalty(config, 1 + ratio),
    ]
    assert suggestions
    for one in suggestions:
        apply_changes = config.replace(**one.changes)  # validated: loss and output activation still agree
        assert all(getattr(config, field) != value for field, value in one.changes.items())
        assert all(getattr(apply_changes, field) == value for field, value in one.changes.items())
        assert one.label and one.changes
        assert not {"dataset", "samples", "loss", "output_activation", "steps", "seed"} & one.changes.keys()


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


def test_learning_rates_are_only_ever_lowered_to_the_calm_one():
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
    config = RELU.replace(activation=name, init=init, init_scale=scale, hidden=(64,) * 30, steps=0)
    decades = [TraceStats(trace).decades[0] for trace in train([config.replace(seed=seed) for seed in range(SEEDS)])]
    if keeps_level(ACTIVATIONS[name]):
        assert VANISHED < np.median(decades) < EXPLODED
    else:
        assert np.median(decades) < VANISHED
