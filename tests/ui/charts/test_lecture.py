"""Charts of the lecture: what they draw, for awkward inputs too."""

import json

import numpy as np
import pytest

from core.engine.batch import SATURATED
from core.families.activations import ACTIVATIONS
from core.lecture.descent import SURFACES, bowl, descend
from core.lecture.small_network import SmallNetwork, draw
from tests.support.pictures import check_picture
from ui.charts import style
from ui.charts.descent import MAX_POINTS, contours, from_the_side, html, to_plain_text, value_over_steps
from ui.charts.errors import error_bars
from ui.charts.network import edge_color, indexed, network
from ui.charts.slopes import REACH, _of_bound, activations, saturated_beyond, sigmoid_and_slope

DESCENTS = {"contours": contours, "surface": from_the_side, "values": value_over_steps}
PATHS = {  # start, learning rate, momentum, steps
    "plain": ((-1.0, 0.5), 0.01, 0.0, 20),
    "no step": ((-1.0, 0.5), 0.01, 0.0, 0),
    "divergent": ((-1.0, 0.5), 1e6, 0.99, 2000),
    "from far away": ((1000.0, -1000.0), 1e-9, 0.0, 5),
    "at rest": ((0.0, 0.0), 0.1, 0.0, 3),
    "long": ((-1.0, 0.5), 1e-4, 0.5, 2000),
}


def checked(chart):
    """A chart that can be sent, has a title and a height, is told in words, and holds no number that is none."""
    text = chart.figure.to_json()
    json.loads(text)
    assert "Infinity" not in text
    assert chart.figure.layout.title.text and chart.figure.layout.height
    assert chart.alt.strip() and "nan" not in chart.alt.lower() and "not a number" not in chart.alt
    names = [drawn.get("name") for drawn in chart.spec["data"]]
    check_picture(chart.spec, beyond=names)  # a path may leave the box
    return chart.figure


def named(figure, name):
    (found,) = [drawn for drawn in figure.data if drawn.name == name]
    return found


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("name", SURFACES)
def test_every_path_on_every_function_is_drawn_at_its_first_and_last_step(name, kind):
    surface = SURFACES[name]()
    path = descend(surface, *PATHS[kind])
    for step, dark in ((0, False), (len(path.points) - 1, True)):
        for draw_it in DESCENTS.values():
            chart = draw_it(surface, path, step, dark=dark)
            checked(chart)
            assert len(chart.table) == len(path.points)
            np.testing.assert_array_equal(chart.table["E"], path.values)


def test_arrow_points_against_the_gradient_and_is_absent_without_one():
    surface = bowl(10, 30)
    path = descend(surface, (-2.0, 1.0), 0.1, steps=3)
    arrow = named(contours(surface, path, 2).figure, "negative gradient")
    direction = np.array([arrow.x[1] - arrow.x[0], arrow.y[1] - arrow.y[0]])
    gradient = surface.gradient(path.points[2])
    np.testing.assert_allclose([arrow.x[0], arrow.y[0]], path.points[2])
    cosine = direction @ gradient / np.linalg.norm(direction) / np.linalg.norm(gradient)
    assert cosine == pytest.approx(-1)
    rest = descend(surface, (0.0, 0.0), 0.1, steps=3)
    assert np.isnan(named(contours(surface, rest, 0).figure, "negative gradient").x[1])


def test_eigen_directions_are_drawn_through_the_point_with_their_eigenvalues():
    surface = bowl(10, 0)
    path = descend(surface, (1.0, 2.0), 0.1, steps=1)
    figure = contours(surface, path, 0).figure
    steep, flat = (named(figure, f"curves {name}") for name in ("most, λ<sub>max</sub>", "least, λ<sub>min</sub>"))
    assert (steep.text[1], flat.text[1]) == ("λ = 10", "λ = 1")
    np.testing.assert_allclose([np.mean(steep.x), np.mean(steep.y)], [1, 2])
    np.testing.assert_allclose(np.diff(steep.x), 0, atol=1e-12)  # the steep one stands upright
    np.testing.assert_allclose(np.diff(flat.y), 0, atol=1e-12)
    # level lines of the bowl: their axes are as 1 to sqrt(10)
    assert abs(np.diff(flat.x)[0] / np.diff(steep.y)[0]) == pytest.approx(np.sqrt(10))


def test_every_place_of_the_picture_can_be_clicked_and_nothing_else():
    surface = SURFACES["rosenbrock"]()
    figure = contours(surface, descend(surface, surface.start, 0.001, steps=5), 0).figure
    clickable = [drawn for drawn in figure.data if drawn.hoverinfo != "skip" and drawn.x[0] is not None]
    (grid,) = clickable
    assert (min(grid.x), max(grid.x)) == surface.box[0] and (min(grid.y), max(grid.y)) == surface.box[1]
    assert grid.marker.opacity == grid.selected.marker.opacity == grid.unselected.marker.opacity == 0
    assert grid.customdata[0] == pytest.approx(float(surface.value(grid.x[0], grid.y[0])))


def test_a_long_path_is_thinned_and_keeps_its_ends_and_its_step():
    surface = bowl()
    path = descend(surface, (-2.0, 1.0), 1e-4, steps=2000)
    line = named(contours(surface, path, 777).figure, "path")
    assert len(line.x) <= MAX_POINTS + 1
    for row in (0, 777, 2000):
        assert path.points[row, 0] in line.x


def test_a_path_outside_the_box_is_left_out_of_the_surface():
    surface = bowl()
    path = descend(surface, (-2.0, 1.0), 0.25, steps=40)
    assert np.abs(path.points).max() > 3
    line = from_the_side(surface, path, 0).figure.data[1]
    inside = np.isfinite(np.array(line.x, float))
    assert inside.any() and not inside.all() and np.abs(np.array(line.x, float)[inside]).max() <= 3


def test_names_of_variables_in_plotly_and_in_plain_letters():
    assert html("w_{11}^{(0,1)}") == "w<sub>11</sub><sup>(0,1)</sup>"
    assert to_plain_text("w_{11}^{(0,1)}") == "w11(0,1)"


# -- the network and its error --------------------------------------------------------------------------------------

SIZES = [(1, 1, 1, 1), (3, 3, 2, 4), (5, 5, 5, 6), (1, 5, 1, 2), (5, 1, 5, 2)]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_node_shows_its_output_and_every_edge_its_weight(sizes, dark):
    net = draw(*sizes, seed=4)
    chart = network(net, sizes[3] - 1, dark=dark)
    figure = checked(chart)
    inputs, hidden, outputs, _ = sizes
    nodes = [drawn for drawn in figure.data if drawn.mode == "markers+text"]
    assert [len(layer.x) for layer in nodes] == [inputs, hidden, outputs]
    assert list(nodes[2].text) == [style.number(value) for value in net.values.output[-1]]
    edges = [drawn for drawn in figure.data if drawn.mode == "lines" and drawn.x[0] is not None]
    assert len(edges) == inputs * hidden + hidden * outputs
    words = {text for drawn in figure.data if drawn.mode == "markers" for text in drawn.text}
    assert words == {
        f"{indexed('w', i, j)}<sup>({layer},{layer + 1})</sup> = {style.number(w, 3)}"
        for layer, W in enumerate((net.w01, net.w12))
        for (i, j), w in np.ndenumerate(W)
    }


def test_pointing_at_a_node_tells_its_formula_with_its_numbers():
    net = SmallNetwork(np.array([[2.0], [-0.5]]), np.array([[1.0]]), np.array([[1.0, -3.0]]), np.array([[1.0]]))
    figure = network(net, 0).figure
    hidden = [drawn for drawn in figure.data if drawn.mode == "markers+text"][1]
    # net = 2 * 1 + (-0.5) * (-3) = 3.5, S(3.5) = 0.971
    (told,) = hidden.hovertext
    assert told == "net = w₁₁ x₁ + w₂₁ x₂<br>= 2·1 + (−0.5)·(−3)<br>= 3.5<br>y₁ = S(3.5) = 0.971"


def test_weights_all_zero_and_very_large_ones_are_drawn():
    for size in (0.0, 1e6, -1e6):
        net = SmallNetwork(np.full((2, 2), size), np.full((2, 1), size), np.ones((1, 2)), np.ones((1, 1)))
        checked(network(net, 0))
        assert np.isfinite(net.squared).all()


def rgb(color):
    """Red, green and blue of "rgb(r, g, b)"."""
    return [float(part) for part in color[4:-1].split(",")]


@pytest.mark.parametrize("dark", [False, True])
def test_edges_of_either_sign_differ_in_color_and_dash(dark):
    for weight in (0.01, 1.0):
        red, blue = (rgb(edge_color(sign * weight, 1.0, dark)) for sign in (1, -1))
        assert red[0] > red[2] and blue[2] > blue[0]
    net = SmallNetwork(np.array([[1.0, -1.0]]), np.ones((2, 1)), np.ones((1, 1)), np.ones((1, 1)))
    edges = [drawn for drawn in network(net, 0, dark=dark).figure.data if drawn.mode == "lines"]
    assert edges[0].line.dash != edges[1].line.dash


@pytest.mark.parametrize("dark", [False, True])
def test_equal_weights_look_equal_in_both_matrices_and_zero_has_no_sign(dark):
    net = SmallNetwork(np.array([[1.0, 0.0]]), np.array([[4.0], [1.0]]), np.ones((1, 1)), np.ones((1, 1)))
    edges = [drawn.line for drawn in network(net, 0, dark=dark).figure.data if drawn.mode == "lines"]
    lower, zero, largest, upper = edges[:4]
    assert (lower.color, lower.width) == (upper.color, upper.width) != (largest.color, largest.width)
    assert zero.color not in (edge_color(1e-9, 4.0, dark), edge_color(-1e-9, 4.0, dark))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_bars_stack_up_to_the_error_of_each_sample_and_the_line_is_their_mean(sizes, dark):
    net = draw(*sizes, seed=4)
    figure = checked(error_bars(net.squared, list(range(sizes[2])), dark=dark))
    bars = [drawn for drawn in figure.data if drawn.type == "bar"]
    np.testing.assert_allclose(np.sum([bar.y for bar in bars], axis=0), net.squared.sum(axis=1), rtol=1e-15)
    assert named(figure, "their mean, E").y[0] == pytest.approx(net.engine_error(), rel=1e-14)
    assert len({bar.marker.pattern.shape for bar in bars}) == len(bars)  # told apart without color
    assert all(f", output {k}: " in bar.hovertemplate for k, bar in enumerate(bars, 1))


# -- slopes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("z", [-REACH, -0.0, 1e-9, 2.0, REACH])
def test_point_lies_on_both_curves_and_the_tangent_has_the_slope_there(z, dark):
    figure = checked(sigmoid_and_slope(z, dark=dark))
    value = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(figure.data[-1].y, [value, value * (1 - value)], rtol=1e-12)
    tangent = named(figure, "tangent at z")
    rise, run = np.diff(tangent.y)[0], np.diff(tangent.x)[0]
    assert rise / run == pytest.approx(value * (1 - value), rel=1e-9, abs=1e-12)
    assert max(named(figure, "slope S′(z)").y) == 0.25


def test_saturation_begins_where_core_counts_it():
    edge, sigmoid = saturated_beyond(), ACTIVATIONS["sigmoid"]
    low, high = sigmoid.slope(np.array([edge * (1 + 1e-9), edge * (1 - 1e-9)]))
    assert low < SATURATED * sigmoid.sup_slope < high
    bands = sigmoid_and_slope(0.0).figure.layout.shapes
    assert [(band.x0, band.x1) for band in bands] == [(-REACH, -edge), (edge, REACH)]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("slopes", [False, True])
@pytest.mark.parametrize("z", [-REACH, 0.0, REACH])
@pytest.mark.parametrize("names", [[], ["relu"], list(ACTIVATIONS)], ids=len)
def test_activations_are_drawn_in_their_own_marks_with_their_point(names, z, slopes, dark):
    figure = checked(activations(names, z, slopes=slopes, dark=dark))
    lines = [drawn for drawn in figure.data if drawn.mode == "lines"]
    assert [line.name for line in lines] == [ACTIVATIONS[name].label for name in names]
    for name, line, point in zip(names, lines, [d for d in figure.data if d.mode == "markers"], strict=True):
        activation, mark = ACTIVATIONS[name], style.activation_mark(name)
        here = (activation.slope if slopes else activation)(np.array([z]))
        assert point.y[0] == here[0] and point.marker.symbol == mark.symbol
        assert line.line.color == mark.color(dark)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_edge_joins_its_two_nodes_and_its_number_stands_on_it(sizes):
    net = draw(*sizes, seed=5)
    chart = network(net, 0)
    nodes = [part for part in chart.spec["data"] if part.get("mode") == "markers+text"]
    edges = iter([part for part in chart.spec["data"] if part.get("mode") == "lines" and part["x"][0] is not None])
    captions = chart.spec["layout"]["annotations"]
    for part in nodes:  # the first on top, one apart, around the same middle as every layer
        np.testing.assert_allclose(np.diff(part["y"]), -1)
        assert np.sum(part["y"]) == pytest.approx(0, abs=1e-12)
    for layer, W in enumerate((net.w01, net.w12)):
        for (i, j), weight in np.ndenumerate(W):
            edge = next(edges)
            assert edge["y"] == [nodes[layer]["y"][i], nodes[layer + 1]["y"][j]] and edge["x"] == [layer, layer + 1]
            if max(W.shape) > 3:
                continue
            on_edge = [
                note
                for note in captions
                if "bgcolor" in note
                and layer < note["x"] < layer + 1
                and note["text"] == style.number(weight, 2)
                and note["y"] == pytest.approx(edge["y"][0] + (note["x"] - layer) * np.diff(edge["y"])[0])
            ]
            assert on_edge  # fmt: skip
    table = chart.table.set_index("node")
    for letter, nets, outputs in (("y", net.values.net[0], net.values.activation[0]),
                                  ("o", net.values.net[1], net.values.output)):  # fmt: skip
        for k in range(outputs.shape[1]):
            row = table.loc[indexed(letter, k)]
            assert (row["net input"], row["output"]) == (nets[0, k], outputs[0, k])
            below = [note["text"] for note in captions if note["text"] == f"net {style.number(float(nets[0, k]), 2)}"]
            assert below
    for part in nodes:  # dark numbers on pale nodes, and pale ones on dark nodes
        for value, ink in zip(part["text"], part["textfont"]["color"], strict=True):
            shown = float(value.replace("−", "-").replace(",", ""))
            if abs(shown - 0.6) > 0.01:
                assert ink == (style.LIGHT.page if shown > 0.6 else style.LIGHT.text)


@pytest.mark.parametrize("name", SURFACES)
def test_every_height_and_every_click_is_the_function_at_its_place(name):
    surface = SURFACES[name]()
    path = descend(surface, surface.start, surface.learning_rate, steps=6)
    sheet, *_ = (side := from_the_side(surface, path, 2)).spec["data"]

    def height(value):
        above = value - surface.lowest
        return np.log10(10 + above) - 1 if surface.logarithmic else above

    some = np.s_[::8, ::8]
    wanted = [[height(float(surface.value(x, y))) for x in sheet["x"][::8]] for y in sheet["y"][::8]]
    np.testing.assert_allclose(sheet["z"][some], wanted, atol=1e-9)
    axis = side.spec["layout"]["scene"]["zaxis"]
    for at, label in zip(axis["tickvals"], axis["ticktext"], strict=True):
        told = {style.number(value) for value in (surface.lowest, *np.atleast_1d(_value_at(surface, at)))}
        assert label in told
    levels = contours(surface, path, 2)
    grid = next(part for part in levels.spec["data"] if part.get("name") == "start here")
    told = [float(surface.value(x, y)) for x, y in zip(grid["x"][::31], grid["y"][::31], strict=True)]
    told += [float(surface.value(x, y)) for x, y in zip(grid["x"][:31], grid["y"][:31], strict=True)]
    np.testing.assert_allclose([*grid["customdata"][::31], *grid["customdata"][:31]], told)
    shades = np.asarray(levels.spec["data"][0]["z"])[some]
    np.testing.assert_allclose(shades if surface.logarithmic else shades**2, wanted, atol=1e-9)
    point = path.points[2]
    told = f"E = {style.number(path.values[2], 3)}, gradient norm "
    assert told + style.number(float(np.linalg.norm(surface.gradient(point))), 3) in levels.alt


def _value_at(surface, height):
    """E at a height of the picture."""
    return surface.lowest + (10 ** (height + 1) - 10 if surface.logarithmic else height)


@pytest.mark.parametrize("slope, words", [(0.25, "100% of 1/4"), (0.1, "40% of 1/4"), (0.0025, "1% of 1/4"),
                                          (0.0024, "0.0096 of 1/4")])  # fmt: skip
def test_a_slope_is_told_as_its_share_of_the_largest(slope, words):
    assert _of_bound(slope) == words
