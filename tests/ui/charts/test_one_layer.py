"""The histograms of one layer count every value once, and the slope is drawn where the units lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, snapshot
from core.families.activations import ACTIVATIONS
from core.layer_slopes import activation_slopes
from ui.charts.one_layer import count, gradient_histogram, slope_chart, weight_histogram
from ui.charts.style import number

SMALL = RunConfig(hidden=(6, 5), samples=16, steps=4)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(0.0) | st.just(float("nan")), max_size=50), st.booleans())
def test_every_finite_value_is_counted_once(values, by_size):
    values = np.array(values, dtype=float)
    counted = count(values, by_size=by_size)
    finite = values[np.isfinite(values)]
    if (finite[finite != 0] if by_size else finite).size == 0:
        assert counted is None
        return
    assert counted.shares.sum() == pytest.approx(1)
    shown = np.log10(np.abs(finite[finite != 0])) if by_size else finite
    assert counted.edges[0] < shown.min() and shown.max() < counted.edges[-1]
    assert counted.zeros == np.mean(finite == 0)


def test_the_bins_hold_the_weights_of_the_layer():
    state = snapshot(SMALL, 0)
    chart = weight_histogram(state, 1)
    expected, _ = np.histogram(state.weights[1][0], np.append(chart.table["from"], chart.table["to"].iloc[-1]))
    np.testing.assert_allclose(chart.figure.data[0].y, expected / expected.sum())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_curve_is_the_slope_of_the_activation_and_its_mean_is_named(name):
    state = snapshot(SMALL.replace(activation=name), 0)
    chart = slope_chart(state, 0)
    curve = chart.figure.data[1]
    np.testing.assert_allclose(curve.y, ACTIVATIONS[name].slope(np.array(curve.x)))
    assert f"φ′ {number(float(activation_slopes(state, 0).mean()), 3)};" in chart.alt
    assert len(chart.table) == len(chart.figure.data[0].y)


@pytest.mark.parametrize("dark", [False, True])
def test_layers_without_a_slope_or_without_a_gradient_are_drawn_with_a_sentence(dark):
    blobs = SMALL.replace(dataset="blobs", loss="cross_entropy", output_activation="softmax")
    assert "no slope of its own" in slope_chart(snapshot(blobs, 0), 2, dark=dark).alt
    dead = SMALL.replace(activation="relu", init_scale=0.0)
    chart = gradient_histogram(snapshot(dead, 0), 0, dark=dark)
    assert "Every entry is exactly 0." in chart.alt
    assert not chart.figure.data


def test_sizes_of_a_gradient_stand_on_an_axis_of_decades():
    state = snapshot(SMALL, 0)
    chart = gradient_histogram(state, 0)
    sizes = np.abs(state.weight_gradient[0])
    assert chart.table["from"].iloc[0] < sizes.min() and sizes.max() < chart.table["to"].iloc[-1]
    assert number(float(np.median(sizes))) in chart.alt
    assert all(text.startswith("10<sup>") for text in chart.figure.layout.xaxis.ticktext)
