"""Hypothesis strategies that several test files share."""

import numpy as np
from hypothesis import strategies as st

from core.config import RULES, Choice, Flag, Number, RunConfig
from core.families.losses import LOSSES, OUTPUT_ACTIVATIONS


def values(name):
    """Any value that the rule of a field allows by itself."""
    rule = RULES[name]
    if isinstance(rule, Choice):
        return st.sampled_from(rule.names)
    if isinstance(rule, Flag):
        return st.booleans()
    if isinstance(rule, Number):
        high = None if rule.high == np.inf else rule.high
        if rule.whole:
            number = st.integers(int(rule.low), high if high is None else int(high))
            number = number.filter(lambda value: value < 1e308)  # a whole number that is no float is refused
        else:
            number = st.floats(
                rule.low, high, exclude_min=rule.low_open, exclude_max=rule.high_open, allow_infinity=False
            )
        return st.none() | number if rule.optional else number
    return st.lists(st.integers(1, rule.units), max_size=20).map(tuple)


@st.composite
def configs(draw):
    """Any valid RunConfig, its contradictions resolved."""
    fields = {name: draw(values(name)) for name in RULES}
    needed = LOSSES[fields["loss"]].output_activation
    plain = [name for name in OUTPUT_ACTIVATIONS if name != "softmax"]
    fields["output_activation"] = needed or draw(st.sampled_from(plain))
    if fields["batch_size"] is not None:
        fields["batch_size"] = min(fields["batch_size"], fields["samples"])
    return RunConfig(**fields)


def arrays(shape, low=-10.0, high=10.0, dtype=np.float64):
    """Arrays of that shape, drawn from a seed: Hypothesis varies the seed and the scale, which shrink well."""

    def make(seed, exponent):
        draws = np.random.default_rng(seed).uniform(low, high, shape)
        return (draws * 10.0**exponent).astype(dtype)

    return st.builds(make, st.integers(0, 2**32 - 1), st.integers(-6, 6))
