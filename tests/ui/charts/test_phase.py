"""Charts of theory: they draw the numbers they are given."""

from itertools import cycle

import numpy as np
import pytest

from core import RunConfig, snapshot
from core.families.activations import ACTIVATIONS
from core.theory.layer_means import LayerMeans, expected_means, measured_means
from core.theory.network import locate
from core.theory.plane import gradient_factors
from core.theory.variance_map import critical_points
from ui.charts.phase import layer_means, phase_plane
from ui.charts.singular_values import spectrum_chart
from ui.charts.style import number

SIGMA_W, SIGMA_B = np.linspace(0.1, 4, 12), np.linspace(0, 1.5, 7)
CONFIG = RunConfig(hidden=(8,) * 4, samples=16)


def named(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("quantity", ["q", "chi"])
def test_measured_and_expected_stand_beside_each_other(quantity, dark):
    measured, expected = measured_means(snapshot(CONFIG)), expected_means(CONFIG)
    chart = layer_means(measured, expected, quantity, dark=dark)
    np.testing.assert_array_equal(named(chart.figure, "measured").y, getattr(measured, quantity))
    np.testing.assert_array_equal(named(chart.figure, "theory").y, getattr(expected, quantity))
    np.testing.assert_array_equal(chart.table[f"{quantity}, measured"], getattr(measured, quantity))
    assert "Measured:" in chart.alt and "Theory:" in chart.alt


def test_without_theory_the_measured_means_stand_alone():
    chart = layer_means(measured_means(snapshot(CONFIG)), None, "q")
    assert "theory" not in [trace.name for trace in chart.figure.data]


@pytest.mark.parametrize("dark", [False, True])
def test_every_direction_is_drawn_by_rank_and_those_that_vanish_are_counted(dark):
    values = np.array([[4.0, 1.0, 0.1, 1e-17], [2.0, 1.0, 0.3, 0.0]])
    chart = spectrum_chart(values, 5, dark=dark)
    np.testing.assert_allclose(named(chart.figure, "median over samples").y, [3.0, 1.0, 0.2, np.nan])
    np.testing.assert_allclose(named(chart.figure, "half of the samples").y, [3.5, 1, 0.25, 0.15, 1, 2.5])
    assert set(named(chart.figure, "isometry: all at 1").y) == {1} and chart.table["rank"].tolist() == [1, 2, 3, 4]
    assert "Over 5 layers: largest 3, smallest 0.2, and 1 of 4 vanish." in chart.alt


@pytest.mark.parametrize("seed", range(3))
def test_the_band_of_a_direction_ends_at_the_rounding_of_the_largest_value(seed):
    values = -np.sort(-(10.0 ** np.random.default_rng(seed).uniform(-4, 3, (4, 12))), axis=1)
    values[:2, 5:] *= 1e-30
    values[:, -2:] *= 1e-30
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    kept = median > 1e-14 * median.max()
    assert kept.sum() == 10 and (low[kept] < 1e-14 * median.max()).sum() == 5
    drawn = named(spectrum_chart(values, 5).figure, "half of the samples").y
    np.testing.assert_allclose(drawn, [*high[kept], *np.maximum(low, 1e-14 * median.max())[kept][::-1]])


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_where_no_direction_gets_through_a_sentence_says_so(value):
    chart = spectrum_chart(np.full((2, 3), value), 2)
    assert not chart.figure.data and "No direction gets through." in chart.alt


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_nothing_to_draw_is_said_in_a_sentence(value):
    chart = layer_means(LayerMeans(q=np.full(3, value), chi=np.full(2, value)), None, "q")
    assert not chart.figure.data and "no finite value" in chart.alt


@pytest.mark.parametrize("activation, dark", [*zip(ACTIVATIONS, cycle([False, True]))])
def test_the_plane_holds_the_network_and_the_line_of_its_activation(activation, dark):
    here = locate(CONFIG.replace(activation=activation, bias_std=0.4), 2, 1)
    factors = gradient_factors(activation, SIGMA_W, SIGMA_B)
    chart = phase_plane(activation, here, factors, SIGMA_W, SIGMA_B, dark=dark)
    point = named(chart.figure, "this network")
    assert (point.x[0], point.y[0]) == (here.sigma_w, here.sigma_b)
    line = named(chart.figure, "critical line χ = 1")
    if activation == "softplus":
        assert np.isnan(np.asarray(line.x, float)).all()
    for critical in critical_points(activation):
        if critical.sigma_w <= SIGMA_W[-1]:
            assert np.nanmin(np.hypot(line.x - critical.sigma_w, line.y)) < 1e-6
    np.testing.assert_allclose(chart.table["factor per layer"], factors.ravel())


@pytest.mark.parametrize(
    "scale, words", [(0.5, "vanish"), (1.0, "critical line"), (2.0, "explode")], ids=["ordered", "critical", "chaotic"]
)
def test_the_plane_names_the_phase(scale, words):
    here = locate(CONFIG.replace(activation="tanh", init_scale=scale), 2, 1)
    chart = phase_plane("tanh", here, gradient_factors("tanh", SIGMA_W, SIGMA_B), SIGMA_W, SIGMA_B)
    assert words in chart.alt


@pytest.mark.parametrize("seed", range(3))
def test_everything_on_the_plane_is_the_factor_at_its_place_and_its_region_has_its_name(seed):
    rng = np.random.default_rng(seed)
    bound = rng.uniform(1.5, 2.5)  # from here on gradients explode; without symmetry in sigma_w and sigma_b
    factors = np.exp(SIGMA_W - bound)[None, :] * np.exp(-0.1 * SIGMA_B)[:, None]
    here = locate(CONFIG.replace(activation="tanh", init_scale=rng.uniform(0.5, 3), bias_std=0.4), 2, 1)
    chart = phase_plane("tanh", here, factors, SIGMA_W, SIGMA_B)
    heat, star = chart.spec["data"][0], named(chart.figure, "this network")
    np.testing.assert_array_equal(heat["customdata"], factors)
    np.testing.assert_allclose(heat["z"], np.clip(np.log10(factors), -0.5, 0.5))
    assert (heat["x"] is SIGMA_W) and (heat["y"] is SIGMA_B)
    assert f"factor per layer {number(here.chi**0.5)}<extra>" in star.hovertemplate
    assert f"σ_w = {number(here.sigma_w)}, σ_b = {number(here.sigma_b)}," in chart.alt
    for at, label in zip(heat["colorbar"]["tickvals"], heat["colorbar"]["ticktext"], strict=True):
        assert float(label.strip("≤≥ ")) == pytest.approx(10**at, rel=0.02)
    vanish, explode = (next(w for w in chart.spec["layout"]["annotations"] if word in w["text"]) for word in REGIONS)
    for words, where in ((vanish, factors < 0.98), (explode, factors > 1.02)):
        rows, columns = np.nonzero(where)
        middle = SIGMA_W[columns].mean()
        share = (middle - SIGMA_W[0]) / (SIGMA_W[-1] - SIGMA_W[0])
        beside = (
            (SIGMA_W[0], "left") if share < 0.25 else (SIGMA_W[-1], "right") if share > 0.75 else (middle, "center")
        )
        assert (words["x"], words["xanchor"]) == (pytest.approx(beside[0]), beside[1])  # a phone's edge cuts no name
        assert abs(words["y"] - SIGMA_B[rows].mean()) <= 0.12 * np.ptp(SIGMA_B) + 1e-12
    apart = abs(vanish["x"] - explode["x"]) / np.ptp(SIGMA_W), abs(vanish["y"] - explode["y"]) / np.ptp(SIGMA_B)
    assert apart[0] >= 0.8 or apart[1] >= 0.24 - 1e-12  # on a phone too they do not touch


REGIONS = ("gradients vanish", "gradients explode")
