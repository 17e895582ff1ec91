"""Figures of the papers: the numbers they draw are the stored ones, in both themes and with nothing left unsaid."""

import copy
import json
import math

import numpy as np
import pytest

from core.papers import stored
from core.papers.registry import PAPERS
from tests.support.pictures import check_picture
from ui.charts import style
from ui.charts.paper_figures import FIGURES
from ui.charts.papers import Curve, plot
from ui.charts.style import number

STORED = {name: kept.result.series for name, kept in stored.read().items()}

# What goes on beyond the picture: high densities, a step from the wall, theory's lowest singular values.
LEAVING = {
    "he_2015": ("He", "Xavier"),
    "pascanu_2013": ("one step, not clipped",),
    "pennington_2017": (
        "ReLU, Gaussian, theory",
        "ReLU, orthogonal, theory",
        "tanh, Gaussian, theory",
        "tanh, orthogonal, theory",
    ),
}


@pytest.fixture(params=PAPERS)
def name(request):
    return request.param


def draw(name, dark=False):
    return FIGURES[name](STORED[name], dark)


def curve(chart, name):
    return [trace for trace in chart.figure.data if trace.name == name]


def test_every_paper_has_a_figure():
    assert set(FIGURES) == set(PAPERS)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_figure_has_axes_with_titles_a_height_and_a_finding_with_numbers(name, dark):
    for chart in draw(name, dark):
        layout = chart.figure.layout
        assert layout.title.text and layout.height >= 280
        assert layout.xaxis.title.text and layout.yaxis.title.text
        assert any(letter.isdigit() for letter in chart.alt) and chart.alt.endswith(".")
        assert layout.paper_bgcolor == style.theme(dark).page
        assert not chart.table.empty and chart.table.columns.is_unique and json.loads(chart.figure.to_json())
        check_picture(chart.spec, beyond=LEAVING.get(name, ()))


def test_every_curve_has_points_in_the_picture(name):
    for chart in draw(name):
        x_low, x_high = ends(chart.figure.layout.xaxis, chart, "x")
        y_low, y_high = ends(chart.figure.layout.yaxis, chart, "y")
        for trace in chart.figure.data:
            if trace.type != "scatter":
                continue
            x, y = np.array(trace.x, float), np.array(trace.y, float)
            inside = (x >= x_low) & (x <= x_high) & (y >= y_low) & (y <= y_high)
            assert inside.any(), trace.name


def ends(axis, chart, letter):
    """Limits of an axis in data."""
    if axis.range is None:
        return -math.inf, math.inf
    low, high = axis.range
    return (10.0**low, 10.0**high) if axis.type == "log" else (low, high)


def test_what_is_drawn_is_left_as_it_was(name):
    before = copy.deepcopy(STORED[name])
    draw(name)
    assert STORED[name] == before


def test_names_in_a_legend_stand_once(name):
    for chart in draw(name):
        named = [trace.name for trace in chart.figure.data if trace.showlegend]
        assert len(named) == len(set(named))


def test_curves_that_are_named_differ_in_color_and_in_dash_or_symbol(name):
    for chart in draw(name):
        looks = [
            (trace.line.color or trace.marker.color, trace.line.dash if "lines" in trace.mode else None,
             trace.marker.symbol if "markers" in trace.mode else None)
            for trace in chart.figure.data
            if trace.type == "scatter" and trace.showlegend
        ]  # fmt: skip
        assert len(looks) == len(set(looks))


def test_a_table_names_curves_without_markup(name):
    for chart in draw(name):
        texts = [*chart.table.columns, *(text for text in chart.table.to_numpy().ravel() if isinstance(text, str))]
        assert not [text for text in texts if "<" in text]


def test_the_books_numbers_stand_beside_ours():
    (chart,) = draw("nielsen_ch5")
    drawn = [list(np.round(trace.y, 6)) for trace in curve(chart, "the book’s network")]
    assert drawn == [[0.07, 0.31], [0.012, 0.06, 0.283], [0.003, 0.017, 0.07, 0.285]]
    median = curve(chart, "4 hidden layers, here")[0]
    np.testing.assert_array_equal(median.y, STORED["nielsen_ch5"]["median"][2])
    np.testing.assert_allclose(median.y - median.error_y.arrayminus, STORED["nielsen_ch5"]["low"][2])
    np.testing.assert_allclose(median.y + median.error_y.array, STORED["nielsen_ch5"]["high"][2])


def test_densities_integrate_to_one():
    for chart in draw("glorot_2010"):
        for trace in chart.figure.data:
            area = np.sum(trace.y) * (trace.x[1] - trace.x[0])
            assert area == pytest.approx(1, abs=1e-3)


def test_normal_densities_have_the_variance_that_theory_says():
    (chart,) = draw("hanin_nica")
    for beta in STORED["hanin_nica"]["beta"]:
        (trace,) = curve(chart, f"N(0, {beta:.2f})")
        # cut off at four deviations
        assert np.trapezoid(trace.y * trace.x**2, trace.x) == pytest.approx(beta, rel=0.01)


def test_the_words_on_one_step_give_the_gradients_spread_before_it_and_after():
    words = draw("yang_2019")[1].alt
    before, after = (max(row) / min(row) for row in STORED["yang_2019"]["steps"])
    assert f"{before:.0f} before one step of training, {after:.0f} after it" in words


def test_sharpness_has_its_limit_beside_it():
    charts = draw("edge_of_stability")
    for chart, rate in zip(charts[::2], STORED["edge_of_stability"]["rates"], strict=True):
        (limit,) = curve(chart, f"2 / learning rate = {2 / rate:g}")
        assert set(limit.y) == {2 / rate} and len(curve(chart, "sharpness")) == 4


def test_cells_of_the_depth_map_hold_the_losses_and_the_rule_runs_through_them():
    chart = draw("schoenholz_2017")[1]
    series, cells = STORED["schoenholz_2017"], chart.figure.data[0]
    np.testing.assert_allclose(cells.z, np.minimum(np.array(series["losses"]).T, math.log(10)))
    assert len(chart.figure.layout.annotations) == np.size(series["losses"]) == len(chart.table)
    below = sum(loss < 1 for row in series["losses"] for loss in row if loss is not None)
    assert f"{below} of {np.size(series['losses'])} networks learn" in chart.alt
    ordered = next(trace for trace in chart.figure.data if trace.type == "scatter")
    # it starts in the first column, between the depths that 6 xi lies between
    low = max(i for i, depth in enumerate(series["depths"]) if depth <= series["reach"][0])
    assert ordered.x[0] == 0 and low <= ordered.y[0] <= low + 1


def test_theory_falls_by_chi_a_layer_from_the_top_and_what_was_measured_is_relative_to_it():
    series = STORED["schoenholz_2017"]
    measured, theory = draw("schoenholz_2017")[0].figure.data[::2], draw("schoenholz_2017")[0].figure.data[1::2]
    for chi, norms, found, line in zip(series["chi"], series["norms"], measured, theory, strict=True):
        back = np.arange(len(norms))[::-1]  # layers between each one and the top
        np.testing.assert_allclose(found.y, np.array(norms) / norms[-1], rtol=1e-6)
        np.testing.assert_allclose(line.y, chi**back, rtol=1e-6)


def back(count):
    """Layers or time steps between each one and the last."""
    return np.arange(count)[::-1]


def shares_of_last(rows):
    return [np.array(row) / row[-1] for row in rows]


def above(values, least):
    return [value if value > least else math.nan for value in values]


def in_turn(*lists):
    return [one for together in zip(*lists, strict=True) for one in together]


# What each chart of a paper draws as curves, in their order, of its series.
DRAWN = {
    "nielsen_ch5": lambda s: [in_turn(s["median"], s["paper"])],
    "glorot_2010": lambda s: [
        s[init][quantity]["densities"]
        for quantity in ("activations", "deltas", "weight_gradients") for init in s["inits"]
    ],
    "he_2015": lambda s: [
        [*(losses for init in s["inits"] for entry in s["curves"] if (entry["depth"], entry["init"]) == (depth, init)
           for losses in entry["losses"]), [s["guess"]] * 2]
        for depth in s["depths"]
    ],
    "pascanu_2013": lambda s: [
        [None, np.array(s["clipped"])[:, 1]],
        [*s["bound"]["norms"], s["bound"]["eta"] ** back(len(s["bound"]["norms"][0]))],
        in_turn(s["mean_field"]["norms"],
                [factor ** back(len(s["mean_field"]["norms"][0])) for factor in s["mean_field"]["factors"]]),
    ],
    "saxe": lambda s: [[s["orthogonal"], s["gaussian"], s["expected"]]],
    "pennington_2017": lambda s: [
        in_turn([above(row, 0) for row in s["densities"]], [line["density"] for line in s["theory"]]),
        in_turn(s["variances"], s["expected"]),
    ],
    "yang_2019": lambda s: [
        [*shares_of_last(s["norms"]), s["factor"] ** back(len(s["norms"][0]))], s["steps"],
    ],
    "prince_ch11": lambda s: [[s[way][name] for name, _ in s["kinds"]] for way in ("forward", "backward")],
    "balduzzi_2017": lambda s: [
        [above(row, 1e-3) for row in s["correlations"].values()], [entry["slope"] for entry in s["curves"]],
    ],
    "edge_of_stability": lambda s: in_turn(
        [[*rows, [2 / rate] * 2] for rows, rate in zip(s["sharpness"], s["rates"], strict=True)], s["losses"],
    ),
    "hanin_nica": lambda s: [in_turn(s["densities"], [None] * len(s["beta"]))],
}  # fmt: skip


@pytest.mark.parametrize("paper", DRAWN)
def test_what_is_drawn_of_a_paper_is_what_was_given(paper):
    for chart, rows in zip(draw(paper), DRAWN[paper](STORED[paper]), strict=True):
        curves = [trace for trace in chart.figure.data if trace.type == "scatter"]
        assert len(curves) >= len(rows)
        for trace, row in zip(curves, rows, strict=False):
            if row is not None:
                y = np.array([math.nan if value is None else value for value in row], float)
                np.testing.assert_allclose(trace.y, y, rtol=1e-6, err_msg=trace.name)


def test_lines_beside_a_papers_own_are_the_formulas_they_are_named_for():
    first = draw("balduzzi_2017")[0]
    (half,), (root,), (theory,) = (curve(first, n) for n in ("1 / 2^L", "1 / √L", "theory, skip connections"))
    np.testing.assert_allclose(half.y, above(0.5 ** np.array(half.x), 1e-3), rtol=1e-6)
    np.testing.assert_allclose(root.y, np.array(root.x) ** -0.5, rtol=1e-6)
    np.testing.assert_allclose(theory.y, STORED["balduzzi_2017"]["expected"]["residual"], rtol=1e-6)
    surface = draw("pascanu_2013")[0].figure.data
    np.testing.assert_allclose(surface[0].z, STORED["pascanu_2013"]["errors"], rtol=1e-6)
    np.testing.assert_allclose(surface[2].x, np.array(STORED["pascanu_2013"]["clipped"])[:, 0], rtol=1e-6)


def luminance(color):
    """Relative luminance of "#rrggbb" or "rgb(r, g, b)". Source: WCAG 2.2."""
    if color.startswith("#"):
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    else:
        channels = [float(part) / 255 for part in color[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_numbers_in_cells_can_be_read_on_their_shade(dark):
    series = STORED["schoenholz_2017"] | {"losses": np.linspace(0, 2.4, 30).reshape(6, 5).tolist()}
    for note in FIGURES["schoenholz_2017"](series, dark)[1].figure.layout.annotations:
        low, high = sorted((luminance(note.font.color), luminance(note.bgcolor)))
        # 4.5 is WCAG's least contrast of text; no text has more than sqrt(21) = 4.58 on the middle gray
        assert (high + 0.05) / (low + 0.05) >= 4.5, (note.text, note.bgcolor)


def test_the_step_from_the_wall_leaves_the_picture_and_the_clipped_ones_stay():
    chart = draw("pascanu_2013")[0]
    series, layout = STORED["pascanu_2013"], chart.figure.layout
    (step,), (path,) = curve(chart, "one step, not clipped"), curve(chart, "steps, clipped")
    # the arrow points along the step and ends at the border
    direction = np.subtract(series["jump"], series["start"])
    drawn = np.array([step.x[1] - step.x[0], step.y[1] - step.y[0]])
    assert drawn @ direction == pytest.approx(np.linalg.norm(drawn) * np.linalg.norm(direction))
    at_border = [value == pytest.approx(end) for value, axis in ((step.x[1], layout.xaxis), (step.y[1], layout.yaxis))
                 for end in axis.range]  # fmt: skip
    assert any(at_border)
    assert len(path.x) == 101 and min(path.x) > layout.xaxis.range[0] and max(path.y) < layout.yaxis.range[1]


def test_gradients_through_time_lie_below_the_bound():
    chart = draw("pascanu_2013")[1]
    (bound,) = curve(chart, "bound, 0.95 a step")
    for activation in ("tanh", "sigmoid"):
        (norms,) = curve(chart, activation)
        assert (np.array(norms.y) <= np.array(bound.y) * (1 + 1e-5)).all()


def test_the_product_is_drawn_from_its_largest_singular_value_to_its_smallest():
    (chart,) = draw("saxe")
    (trace,) = curve(chart, "Gaussian")
    assert (np.diff(trace.y) <= 0).all() and number(float(np.median(trace.y))) in chart.alt


def test_a_gap_in_a_curve_is_drawn_as_one():
    axes = style.axis("step", False), style.axis("loss", False)
    chart = plot("t", "1.", [Curve(name="a", x=[0, 1, 2], y=[1.0, None, 2.0], color="#000000")], *axes, dark=False)
    assert math.isnan(chart.figure.data[0].y[1])
    assert list(chart.table.columns) == ["curve", "step", "loss"] and len(chart.table) == 3
