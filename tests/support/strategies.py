"""Hypothesis strategies that several test files share.

A strategy is made once and kept: to make forty again for each example takes longer than to draw from them.
"""

from functools import cache

import numpy as np
from hypothesis import strategies as st

from core.config import RULES, Choice, Flag, Number, RunConfig
from core.data.datasets import DATASETS, count_holdout
from core.data.targets import TASKS
from core.families.losses import LOSSES, OUTPUT_ACTIVATIONS


@cache
def values(name):
    """Any value that the rule of a field allows by itself."""
    rule = RULES[name]
    if isinstance(rule, Choice):
        return st.sampled_from(rule.names)
    if isinstance(rule, Flag):
        return st.booleans()
    if isinstance(rule, Number):
        high = None if rule.high == np.inf else rule.high
        if rule.integer:
            number = st.integers(int(rule.low), high if high is None else int(high))
            number = number.filter(lambda value: value < 1e308)  # a whole number that is no float is refused
        else:
            number = st.floats(
                rule.low, high, exclude_min=rule.low_open, exclude_max=rule.high_open, allow_infinity=False
            )
        return st.none() | number if rule.optional else number
    return st.lists(st.integers(1, rule.units), max_size=20).map(tuple)


PLAIN_OUTPUTS = st.sampled_from([name for name in OUTPUT_ACTIVATIONS if name != "softmax"])


@st.composite
def configs(draw):
    """Any valid RunConfig, its contradictions resolved."""
    fields = {name: draw(values(name)) for name in RULES}
    fields["output_activation"] = LOSSES[fields["loss"]].output_activation or draw(PLAIN_OUTPUTS)
    if fields["batch_size"] is not None:
        fields["batch_size"] = min(fields["batch_size"], fields["samples"])
    fields["activation"] = draw(activations(len(fields["hidden"])))
    return RunConfig(**fields)


@cache
def activations(layers):
    """One activation for so many hidden layers, or one for each."""
    one = values("activation")
    return one | st.lists(one, min_size=layers, max_size=layers) if layers else one


# Mostly ordinary, now and then far beyond what squares or float32 can hold.
SIZES = st.sampled_from([1e-3, 0.1, 1.0, 1.0, 1.0, 3.0, 1e-300, 1e-40, 1e5, 1e40, 1e300])
OFTEN_NONE = st.sampled_from([0.0, 0.0, 0.0, 1e-3, 0.1, 1e40, 1e300])


BUILT_IN = st.sampled_from([name for name in DATASETS if name != "custom"])
FEW_UNITS = st.lists(st.integers(1, 5), max_size=4)
SEEDS = st.integers(0, 2**32 - 1)
FEW_SAMPLES = st.integers(2, 12)
FEW_STEPS = st.integers(0, 8)
HOLDOUTS = st.sampled_from([0.0, 0.3])
NONE_OR_SIZE = st.none() | SIZES
RECORD_EVERY = st.integers(1, 3)
DROPOUTS = st.sampled_from([0.0, 0.0, 0.4])
BIAS_STDS = st.sampled_from([0.0, 1.0])
REGISTRIES = "normalization init optimizer schedule clip class_weight dtype bias residual".split()


@cache
def losses_of(dataset):
    return st.sampled_from(["mse", TASKS[DATASETS[dataset].task][0]])


@cache
def batch_sizes(samples):
    return st.none() | st.integers(1, samples)


@st.composite
def quick_runs(draw):
    """A run of milliseconds: any kind, few small layers, few samples and steps, numbers of any size."""
    dataset = draw(BUILT_IN)
    loss = draw(losses_of(dataset))
    hidden = draw(FEW_UNITS)
    samples = draw(FEW_SAMPLES)
    holdout = draw(HOLDOUTS)
    return RunConfig(
        dataset=dataset,
        samples=samples,
        holdout=holdout,
        hidden=hidden,
        activation=draw(activations(len(hidden))),
        loss=loss,
        output_activation=LOSSES[loss].output_activation or draw(PLAIN_OUTPUTS),
        batch_size=draw(batch_sizes(held_in(samples, holdout))),
        steps=draw(FEW_STEPS),
        record_every=draw(RECORD_EVERY),
        seed=draw(SEEDS),
        bias_std=draw(BIAS_STDS),
        max_norm=draw(NONE_OR_SIZE),
        **{name: draw(values(name)) for name in REGISTRIES},
        **{name: draw(SIZES) for name in ("init_scale", "learning_rate", "clip_threshold")},
        dropout=draw(DROPOUTS),
        norm_affine=draw(values("norm_affine")),
        **{name: draw(OFTEN_NONE) for name in ("l1", "l2", "weight_decay")},
    )


def held_in(samples, holdout):
    """Number of the samples that are trained on."""
    return samples - count_holdout(holdout, samples)
