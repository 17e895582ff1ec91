"""Curves of theory on maps: where factors pass 1, and which crossing is drawn."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig
from core.families.activations import ACTIVATIONS
from core.sweeps import critical_lines
from core.sweeps.critical_lines import _across, critical, crossings, effective_scale, lines
from core.sweeps.maps import Axis, SweepMap


def test_the_first_of_several_upward_crossings_is_drawn():
    x = np.arange(7.0)
    # up between 1 and 2, down between 3 and 4, up again between 5 and 6
    row = np.exp(np.array([-1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 3.0]))
    assert crossings(x, row[None])[0] == 1.5


def test_a_downward_crossing_is_none():
    assert np.isnan(crossings(np.arange(3.0), np.exp([[2.0, 1.0, -1.0]]))).all()


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12))
def test_a_crossing_lies_where_the_line_through_its_neighbors_is_0_and_none_comes_before(logs):
    logs = np.array(logs)
    x = np.arange(len(logs), dtype=float) ** 2
    (at,) = crossings(x, np.exp(logs)[None])
    rising = [i for i in range(len(logs) - 1) if np.log(np.exp(logs))[i] < 0 <= np.log(np.exp(logs))[i + 1]]
    if not rising:
        assert np.isnan(at)
        return
    i = rising[0]
    assert x[i] <= at <= x[i + 1]
    np.testing.assert_allclose(np.interp(at, x[i : i + 2], logs[i : i + 2]), 0, atol=1e-9)


def test_rows_are_read_one_by_one_and_holes_are_passed_over():
    factors = np.exp([[-1.0, 1.0, 2.0], [np.nan, -1.0, 1.0], [-1.0, np.nan, 1.0]])
    np.testing.assert_array_equal(crossings(np.array([0.0, 2.0, 4.0]), factors), [1.0, 3.0, np.nan])


@pytest.mark.parametrize("name, square", [("linear", 1.0), ("relu", 2.0), ("leaky_relu", 2 / (1 + 0.01**2))])
def test_two_rays_are_critical_at_one_weight_scale_whatever_the_biases(name, square):
    assert ACTIVATIONS[name].piecewise_slopes is not None
    found, biases = critical(name)
    np.testing.assert_allclose(found**2, square, rtol=1e-12)
    assert biases[0] == 0 and biases[-1] >= 100


@pytest.mark.parametrize("scale", ["init_scale", "bias_std"])
def test_in_the_chaotic_phase_the_depth_that_signals_reach_is_asked_of_theory_at_the_maps_own_scales(
    scale, monkeypatch
):
    asked = []

    def answer(activation, sigma_w, sigma_b):
        asked.append((sigma_w, sigma_b))
        return SimpleNamespace(xi_c=2 + sigma_w + 10 * sigma_b)

    monkeypatch.setattr(critical_lines, "correlation", answer)
    monkeypatch.setattr(critical_lines, "FINE", 25)
    base = RunConfig(activation="tanh", hidden=(8, 8), init="lecun_normal", init_scale=1.6, bias_std=0.2, samples=8)
    spec = SweepMap(base, ("tanh",), Axis(scale, 0.1, 3.0, 4), Axis("depth", 2, 40, 4))
    unit = effective_scale(spec, "tanh")
    (line,) = (line for line in lines(spec, "tanh") if "six depth scales" in line.name)
    assert len(asked) >= 3
    for sigma_w, sigma_b in asked:
        at, fixed = (sigma_w / unit, sigma_b == 0.2) if scale == "init_scale" else (sigma_b, sigma_w == unit * 1.6)
        assert fixed and 0.1 <= at <= 3.0
        assert np.interp(at, line.x, line.y) == pytest.approx(6 * (2 + sigma_w + 10 * sigma_b), rel=1e-6)


@pytest.mark.parametrize("low, high, is_logarithmic", [(0.5, 8.0, True), (1.0, 5.0, False)])
def test_a_straight_line_of_theory_goes_on_beyond_both_ends_of_the_map(low, high, is_logarithmic):
    other = Axis("learning_rate", low, high, 5, is_logarithmic)
    spec = SweepMap(RunConfig(hidden=(8, 8), samples=8), ("tanh",), Axis("init_scale", 0.5, 2, 4), other)
    line = _across(spec, "init_scale", "theory", 1.25)
    assert set(line.x) == {1.25}
    expected = [low / 10, high * 10] if is_logarithmic else [low - (high - low), high + (high - low)]
    np.testing.assert_allclose(line.y, expected)
