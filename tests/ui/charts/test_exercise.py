"""Charts of the exercise and of the stack of layers: what they draw and say, and awkward input."""

import json

import numpy as np
import pytest

from core import RunConfig
from core.exercise import solve
from core.lecture.paths import over_scales, trace_paths
from ui.charts.factors import contributions, error_over_steps
from ui.charts.paths import NAMES, factor_by_scale, product_of_layers
from ui.charts.style import number
from ui.lecture.solution import terms
from ui.lecture.symbols import WEIGHTS, Factor, Symbol, chain, w01, y

SCALES = np.array([0.25, 1.0, 4.0, 16.0])


def sound(chart):
    """Sends what a browser can read; has a height, a text alternative with a number, and titled axes or none."""
    assert json.loads(chart.figure.to_json())
    assert chart.figure.layout.height >= 240 and any(c.isdigit() for c in chart.alt)
    return chart


@pytest.mark.parametrize("samples", [1, 3, 8])
def test_bars_add_up_to_the_gradient_that_is_marked(samples):
    rng = np.random.default_rng(samples)
    s = solve(rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal(size=(samples, 2)), rng.uniform(size=samples))
    chart = sound(contributions(terms(s)))
    *bars, total = chart.figure.data
    assert len(bars) == samples and len({(bar.marker.color, bar.marker.pattern.shape) for bar in bars}) == samples
    np.testing.assert_allclose(np.sum([bar.y for bar in bars], axis=0), total.y, rtol=1e-12)
    np.testing.assert_allclose(total.y, s.gradient, rtol=1e-12)


@pytest.mark.parametrize("values", [np.zeros((1, 6)), np.full((8, 6), 1e-300), np.full((2, 6), -1e9)])
def test_gradients_of_any_size_are_drawn(values):
    sound(contributions(values))


@pytest.mark.parametrize("errors", [[0.25], [0.25, 0.2], [0.0, 0.0], np.linspace(1, 0, 20_001), [1e-12, 1.0, 1e12]])
def test_errors_over_steps_keep_their_first_and_last(errors):
    chart = error_over_steps(errors)
    assert json.loads(chart.figure.to_json()) and chart.alt
    if len(errors) > 1:
        (curve,) = chart.figure.data
        assert (curve.y[0], curve.y[-1]) == (errors[0], errors[-1]) and len(curve.x) <= 500
        assert len(chart.table) == len(errors)
    else:
        assert "No step" in chart.alt


def test_a_rise_of_the_error_is_said():
    assert "It rose in 1 of them" in error_over_steps([1, 0.5, 0.7, 0.6]).alt
    assert "rose" not in error_over_steps([1, 0.5, 0.4]).alt


AWKWARD = {
    "default": RunConfig(),
    "one layer": RunConfig(hidden=(8,)),
    "two layers": RunConfig(hidden=(8, 8), activation="relu"),
    "thirty layers": RunConfig(hidden=(8,) * 30, activation="tanh", init_scale=16.0),
    "zero": RunConfig(hidden=(4,) * 4, init_scale=0.0),
    "huge": RunConfig(hidden=(4,) * 8, activation="relu", init_scale=1e60),
    "no theory": RunConfig(hidden=(4,) * 4, init="orthogonal"),
}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", AWKWARD)
def test_stacks_of_any_kind_are_drawn(name, dark):
    paths = trace_paths(AWKWARD[name])
    chart = sound(product_of_layers(paths, dark=dark))
    assert len(chart.table) == len(paths.measured)
    drawn = {trace.name: np.array(trace.y, float) for trace in chart.figure.data}
    for key, curve in drawn.items():
        values = getattr(paths, next(k for k, label in NAMES.items() if label == key))
        shown = np.isfinite(curve)
        np.testing.assert_array_equal(curve[shown], values[shown])
        assert (curve[shown] > 0).all()  # a zero has no place on a logarithmic axis: the finding says so instead
    if name == "zero":
        assert "Exactly 0, and not drawn: worst case" in chart.alt


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_factors_by_scale_are_drawn_with_the_present_scale_and_level(layers):
    config = RunConfig(hidden=(8,) * layers)
    factors = over_scales(config, SCALES)
    chart = factor_by_scale(SCALES, factors, 2.0, "sigmoid", 10.149, dark=True)
    if layers == 1:
        assert "one hidden layer" in chart.alt
        return
    sound(chart)
    assert [trace.name for trace in chart.figure.data] == [NAMES[k] for k in ("worst", "typical", "measured")]
    np.testing.assert_array_equal(chart.figure.data[2].y, factors["measured"])
    level, now = chart.figure.layout.shapes
    assert level.y0 == 1 and now.x0 == 2.0 and "10.15" in chart.alt


def test_symbols_read_as_formula_text_label_and_words():
    assert w01(1, 2).latex == "w_{12}^{(0,1)}" and w01(1, 2).html == "w<sub>12</sub><sup>(0,1)</sup>"
    assert w01(1, 2).spoken == "w 1 2 of layers 0 to 1" and y(1).latex == "y_{n1}" and y(1).text == "yₙ₁"
    assert Factor(Symbol("E"), Symbol("o")).latex == r"\dfrac{\partial E}{\partial o_{n}}"


def test_each_factor_of_a_chain_begins_where_the_one_before_ends():
    for weight in WEIGHTS:
        links = chain(weight)
        assert links[0].top.letter == "E" and links[-1].bottom == weight
        assert all(one.bottom == other.top for one, other in zip(links, links[1:], strict=False))
        assert len(links) == (4 if weight.layers == "0,1" else 2)


@pytest.mark.parametrize("layers", [2, 3, 6])
def test_the_factor_of_each_way_is_told_as_its_own(layers):
    paths = trace_paths(RunConfig(hidden=(8,) * layers, activation="tanh", init_scale=1.4))
    alt = product_of_layers(paths).alt
    factors = {name: getattr(paths, name)[0] ** (1 / (layers - 1)) for name in ("measured", "worst", "typical")}
    assert len({number(value, 3) for value in factors.values()}) == 3
    share = number(float(paths.measured[0]))
    assert f"Layer 1 gets {share} of layer {layers}’s: {number(factors['measured'], 3)} a layer." in alt
    assert f"Worst case: {number(factors['worst'], 3)} a layer." in alt
    assert f"Typical: {number(factors['typical'], 3)} a layer." in alt
