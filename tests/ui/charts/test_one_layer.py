"""The histograms of one layer count every value once, and the slope is drawn where the units lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, snapshot
from core.engine.batch import SATURATED
from core.families.activations import ACTIVATIONS
from core.families.normalization import NORMALIZATIONS
from core.layer_slopes import activation_slopes
from core.wording import percent
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


@pytest.mark.parametrize("layer", range(3))
@pytest.mark.parametrize("activation", ["sigmoid", "relu", "elu"])
def test_the_numbers_of_every_layer_are_its_own(activation, layer):
    state = snapshot(SMALL.replace(activation=activation, init_scale=4.0), 2)
    weights, gradient = state.weights[layer][0], state.weight_gradient[layer]
    told = f"Mean {number(float(weights.mean()))}, standard deviation {number(float(weights.std()), 3)}."
    assert told in weight_histogram(state, layer).alt
    sizes = np.abs(gradient[gradient != 0])
    alt = gradient_histogram(state, layer).alt
    assert f"Median size {number(float(np.median(sizes)))}." in alt
    zeros = np.mean(gradient == 0)
    assert (f"{percent(zeros)} are exactly 0." in alt) == (zeros > 0)
    own = ACTIVATIONS[activation if layer < 2 else state.config.output_activation]
    slopes = own.slope(state.net[layer])
    saturated = np.mean(np.abs(slopes) < SATURATED * own.sup_slope)
    chart = slope_chart(state, layer)
    assert f"{percent(saturated)} of its units are saturated" in chart.alt
    table = chart.table
    np.testing.assert_allclose(table["slope"], own.slope((table["from"] + table["to"]).to_numpy() / 2), atol=1e-12)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_the_axis_says_normalized_in_hidden_layers_of_a_normalized_network_only(normalization):
    state = snapshot(SMALL.replace(normalization=normalization), 0)
    titles = [slope_chart(state, layer).figure.layout.xaxis.title.text for layer in range(3)]
    assert titles == (["net"] * 3 if normalization == "none" else ["net, normalized", "net, normalized", "net"])
