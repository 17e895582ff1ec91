"""Causes by the bounds and layers that they name: unscaled data, targets out of reach, degenerate normalization."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig
from core.data.summary import output_range, summarize
from core.diagnosis.causes import find_degenerate_normalization, find_unreachable_targets, find_unscaled_data
from core.families.activations import ACTIVATIONS
from core.wording import format_number, name_layers


def find(inputs, targets, *, learned=True):
    data = SimpleNamespace(input_rms=inputs, target_rms=targets)
    trace = SimpleNamespace(data_summary=None, diverged_at=None)
    return find_unscaled_data(SimpleNamespace(data=data, trace=trace, learned=learned, config=RunConfig()))


CASES = [(9.99, 9.99, []), (10.01, 9.99, ["inputs"]), (9.99, 10.01, ["targets"]), (12, 13, ["inputs", "targets"])]


@pytest.mark.parametrize("inputs, targets, said", CASES)
@pytest.mark.parametrize("learned", [True, False])
def test_data_are_unscaled_from_ten_times_the_usual_size_on(inputs, targets, said, learned):
    found = find(inputs, targets, learned=learned)
    assert (found is not None) == bool(said)
    if found:
        assert [word for word in ("inputs", "targets") if f"{word} have a root mean square" in found.what] == said
        assert found.severity == ("note" if learned else "bad")


BOUNDED = {name: output_range(name) for name in ACTIVATIONS if np.isfinite(output_range(name)).any()}


@pytest.mark.parametrize("name", BOUNDED)
@given(st.integers(0, 10**6))
def test_targets_out_of_reach_are_told_with_both_ranges_and_the_loss_that_they_leave(name, seed):
    low, high = BOUNDED[name]
    D = np.random.default_rng(seed).uniform(-9.0, -2.0, (7, 3))
    D[0, 0] = 4.5
    config = RunConfig(output_activation=name)
    data = summarize(config, "regression", np.ones((7, 1)), D)
    found = find_unreachable_targets(SimpleNamespace(data=data, config=config, trace=SimpleNamespace(diverged_at=None)))
    nearest = [[min(max(target, low), high) for target in row] for row in D]
    floor = sum(math.dist(row, near) ** 2 for row, near in zip(D, nearest, strict=True)) / 7
    stays = f"stays between {low:.3g} and {high:.3g}" if math.isfinite(high) else f"never goes below {low:.3g}"
    ranges = f"go from {format_number(D.min())} to 4.5, but a {ACTIVATIONS[name].label} output {stays}"
    words = f"The targets {ranges.replace('-', '−')}: the loss cannot fall below {format_number(floor)}."
    assert found.what == words and found.severity == "bad"


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_of_layers_that_normalization_leaves_nothing_of_those_with_the_fewest_units_are_named(hidden):
    config = RunConfig(hidden=tuple(hidden), normalization="layer")
    trace = SimpleNamespace(weights=[(np.ones((2, hidden[0])), None)])
    found = find_degenerate_normalization(SimpleNamespace(config=config, trace=trace, learned=False))
    few = min(hidden)
    if few > 2:
        assert found is None
        return
    named = [layer for layer, units in enumerate(hidden, 1) if units == few]
    has = ("it has" if len(named) == 1 else "they have") + (" one unit" if few == 1 else " two units")
    ends = "0" if few == 1 else "−1 and 1"
    assert found.what == (
        f"Layer normalization turns the net input of {name_layers(np.array(named))}, since {has}, into {ends}."
    )
