"""Maps of a sweep: cells where they belong, colors that end where they say, holes, theory's lines, and words."""

import numpy as np
import pytest

from core import RunConfig
from core.presets.sweeps import SWEEP_PRESETS
from core.sweeps.critical_lines import Curve, crossings, lines
from core.sweeps.dispatch import run_grid
from core.sweeps.maps import DEFAULT_RANGES, FIELDS, QUANTITIES, Axis, SweepMap, compute_cells
from core.sweeps.table import SweepTable
from core.theory.correlations import correlation
from core.theory.variance_map import critical_points
from core.wording import percent
from tests.support.pictures import check_picture
from ui.charts.sweep import format_cell, sweep_map

BASE = RunConfig(samples=8, hidden=(4, 4), steps=0)
SMALL = SweepMap(BASE, ("tanh",), Axis("init_scale", 0.5, 2, 4), Axis("bias_std", 0, 1, 5))
RAMP = np.linspace(0.5, 2, 20).reshape(5, 4)


def parts(chart, kind):
    return [part for part in chart.spec["data"] if part["type"] == kind]


def drawn(cells=RAMP, quantity="gradient factor", lines=(), spec=SMALL, **more):
    found = sweep_map(spec, spec.activations[0], cells, quantity, lines, **more)
    assert found.figure.to_dict()["data"]  # Plotly takes every part
    check_picture(found.spec, beyond=[line.name for line in lines])
    return found


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_is_drawn_with_numbers_a_key_and_a_finding(quantity, dark):
    chart = drawn(RAMP / 2, quantity, dark=dark)
    heat = parts(chart, "heatmap")[0]
    assert heat["z"].min() >= np.float32(heat["zmin"]) and heat["z"].max() <= np.float32(heat["zmax"])
    assert heat["zmin"] <= min(heat["colorbar"]["tickvals"]) and max(heat["colorbar"]["tickvals"]) <= heat["zmax"]
    assert len(chart.table) == 20 and any(letter.isdigit() for letter in chart.alt)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("fill", [np.nan, 0.0, 1.0, 1e300, np.inf])
def test_odd_values_are_drawn(quantity, fill):
    drawn(np.full((5, 4), fill), quantity)
    mixed = RAMP.copy()
    mixed[2, 1:3] = fill, np.nan
    assert any("no value" in part.get("name", "") for part in drawn(mixed, quantity).spec["data"])
    assert any("not run yet" in part.get("name", "") for part in drawn(mixed, quantity, partial=True).spec["data"])


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_an_axis_with_its_values_within(field):
    other = "bias_std" if field != "bias_std" else "init_scale"
    spec = SweepMap(BASE.replace(samples=600), ("relu",), Axis(field), Axis(other, 0, 1, 3))
    x = spec.x.values()
    found = drawn(np.ones((3, len(x))), spec=spec)
    heat, targets = parts(found, "heatmap")[0], parts(found, "scatter")[-1]
    edges = heat["x"]
    assert len(edges) == len(x) + 1 and (np.diff(edges) > 0).all()
    centers = np.asarray(targets["x"][: len(x)])
    assert ((edges[:-1] < centers) & (centers < edges[1:])).all()


def test_a_click_tells_activation_and_place_and_hovering_tells_the_numbers():
    targets = parts(drawn(), "scatter")[-1]
    assert targets["customdata"][6] == ["tanh", 2, 1, "1.5", "0.25", "0.974"]
    words = "init scale σ<sub>w</sub> %{customdata[3]}<br>bias std σ<sub>b</sub> %{customdata[4]}<br>"
    assert targets["hovertemplate"].startswith(words)
    layout = drawn().spec["layout"]
    assert (layout["hovermode"], layout["hoverdistance"]) == ("closest", -1)  # all of a cell, however large
    assert targets["marker"]["opacity"] == 0 == targets["selected"]["marker"]["opacity"]


def test_the_factors_finding_counts_both_sides_and_the_distance_to_theory_in_cells():
    factors = np.tile([0.5, 0.8, 1.25, 2.0], (5, 1))  # level half way between the second and the third column
    line = Curve(name="theory: χ = 1", x=np.full(2, 1.5), y=np.array([-1.0, 2.0]))
    assert "vanish in 50 % of the cells, explode in 50 %, and are level (to 5 % a layer) in 0 %" in drawn(factors).alt
    assert "lies 0.5 cells from theory’s in the median, 0.5 at most" in drawn(factors, lines=[line]).alt
    factors[:, 1] = 0.96
    assert "vanish in 25 % of the cells, explode in 50 %, and are level (to 5 % a layer) in 25 %" in drawn(factors).alt


def test_a_ratio_beyond_any_float_is_told_as_a_power_of_ten():
    assert (format_cell(-2.0, "decades"), format_cell(-412.3, "decades")) == ("0.01", "10⁻⁴¹²")


def test_equal_cells_are_not_told_as_one_best():
    assert "0 % in every cell with a value." in drawn(np.zeros((5, 4)), "final accuracy").alt
    some = np.zeros((5, 4))
    some[2:, 3] = 1.0
    assert "the first of 3 such cells." in drawn(some, "final accuracy").alt


def test_findings_name_the_best_cell():
    assert "Lowest: 0.5, at init scale 0.5, bias std 0." in drawn(RAMP, "final loss").alt
    assert "Highest: 100 %, at init scale 2, bias std 1." in drawn(RAMP / 2, "final accuracy").alt


def test_a_chosen_cell_is_marked_where_it_is():
    marks = [part for part in drawn(chosen=(1.5, 0.25)).spec["data"] if part.get("name") == "chosen cell"]
    assert [(mark["x"], mark["y"]) for mark in marks if mark["x"] != [None]] == [([1.5], [0.25])]
    assert drawn(chosen=(7.0, 0.25)).spec["data"][-1].get("name") != "chosen cell"


@pytest.mark.parametrize("holes", [1, 5, 13, 20])
def test_a_map_that_still_runs_tells_the_share_of_its_cells_that_wait(holes):
    cells = RAMP.copy()
    cells.flat[:holes] = np.nan
    assert f"{percent(holes / 20)} of the cells have not been run yet." in drawn(cells, partial=True).alt


# -- the numbers behind -------------------------------------------------------------------------------------------


def test_a_cell_is_the_median_over_seeds_of_shares_the_mean_and_of_what_there_is():
    table = SweepTable(SweepMap(BASE, ("tanh",), Axis("init_scale", 1, 2, 2), Axis("bias_std", 0, 1, 2), 3).grid)
    table.column("layer_factor")[:] = [1, 2, 9, 4, 5, 6, np.nan, 8, 10, np.nan, np.nan, np.nan]
    table.column("final_dead")[:] = [0, 0, 0.3, 1, 1, 1, np.nan, 0.5, 0.7, np.nan, np.nan, np.nan]
    np.testing.assert_allclose(compute_cells(table, "gradient factor")[0], [[2, 5], [9, np.nan]])
    np.testing.assert_allclose(compute_cells(table, "dead units")[0], [[0.1, 1], [0.6, np.nan]])


def test_crossings_are_found_between_columns_and_only_upwards():
    factors = np.array([[0.5, 2.0, 4.0], [2.0, 3.0, 4.0], [0.25, 0.5, 2.0], [2.0, 0.5, np.nan]])
    np.testing.assert_allclose(crossings(np.array([0.0, 1.0, 2.0]), factors), [0.5, np.nan, 1.5, np.nan])


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_theorys_lines_pass_through_its_own_numbers(activation):
    base = BASE.replace(hidden=(8,) * 3, bias_std=0.3)
    spec = SweepMap(base, (activation,), Axis("init_scale", 0.5, 3, 6), Axis("depth", 2, 60, 5))
    critical, six = lines(spec, activation)
    (point,) = critical_points(activation, 0.3)
    np.testing.assert_allclose(critical.x, point.sigma_w, rtol=1e-12)
    for sigma_w in (0.5, 0.9, 1.2):
        # chi is interpolated between nodes 0.1 apart, so that xi is right to a few per cent
        expected = 6 * correlation(activation, sigma_w, 0.3).xi_c
        assert np.interp(sigma_w, six.x, six.y) == pytest.approx(expected, rel=0.05)
    turned = lines(SweepMap(base, (activation,), spec.y, spec.x), activation)
    np.testing.assert_array_equal(turned[1].x, six.y)


def test_the_plane_of_scales_has_the_line_of_the_closed_form_and_he_counts_from_root_two():
    spec = SweepMap(BASE.replace(hidden=(8,) * 3, init="he_normal"), ("relu",), SMALL.x, SMALL.y)
    (line,) = lines(spec, "relu")
    np.testing.assert_allclose(line.x, 1.0)


@pytest.mark.parametrize(
    "change, x", [({"normalization": "layer"}, "init_scale"), ({"residual": True}, "init_scale"), ({}, "width")]
)
def test_without_a_theory_there_is_no_line(change, x):
    base = BASE.replace(hidden=(8,) * 3, init="fixed_normal", **change)
    assert lines(SweepMap(base, ("tanh",), Axis(x), Axis("bias_std")), "tanh") == []


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
@pytest.mark.parametrize(
    "change, x, y",
    [
        ({}, Axis("init_scale", 0.5, 1e200, 5), Axis("bias_std")),
        ({}, Axis("bias_std", 0, 1e160, 5), Axis("depth", 2, 5, 3)),
        ({"bias_std": 1e160}, Axis("init_scale"), Axis("depth", 2, 5, 3)),
        ({"init_scale": 1e200}, Axis("bias_std"), Axis("depth", 2, 5, 3)),
        ({"bias": False}, Axis("init_scale", 1, 1, 1), Axis("bias_std", 0, 0, 1)),
        ({}, Axis("init_scale", 0, 3, 5), Axis("depth", 0, 5, 3)),
    ],
)
def test_odd_scales_and_shapes_have_lines_or_none(activation, change, x, y):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = lines(SweepMap(BASE.replace(**change), (activation,), x, y), activation)
    assert all(len(line.x) == len(line.y) for line in found)


def test_order_and_chaos_meets_theory_within_one_cell():
    ready = SWEEP_PRESETS["order_and_chaos"].map
    table = SweepTable(ready.grid)
    run_grid(ready.grid, table.add)
    x, y = np.array(ready.x.values()), np.array(ready.y.values())
    measured = crossings(x, compute_cells(table, "gradient factor")[0])
    (line,) = lines(ready, "tanh")
    good = np.isfinite(line.x)
    order = np.argsort(line.y[good])
    expected = np.interp(y, line.y[good][order], line.x[good][order])
    # A cell is 0.1 wide, a network only 32 units: the median over the rows is held to one cell. Without biases
    # the approach to the rest is a power law, and one row of 21 does not move a median.
    assert np.median(np.abs(measured - expected)) <= x[1] - x[0]


def test_ready_maps_are_different_and_their_fields_are_suited():
    assert len({ready.map for ready in SWEEP_PRESETS.values()}) == len(SWEEP_PRESETS)
    for field, (low, high, count, log) in DEFAULT_RANGES.items():
        values = Axis(field).values()
        assert len(values) <= count and (values[0], values[-1]) == (low, high)
        assert Axis(field).logarithmic == log


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_level_lines_and_holes_are_where_the_cells_have_them(quantity):
    rng = np.random.default_rng(3)
    cells = rng.uniform(0.2, 0.9, (5, 4)) if quantity != "first over last" else rng.normal(0, 2, (5, 4))
    holes = rng.random((5, 4)) < 0.2
    cells[holes] = np.nan
    chart = drawn(cells, quantity)
    heat, gray = parts(chart, "heatmap")
    z = heat["z"]
    np.testing.assert_array_equal(np.isfinite(gray["z"]), holes)
    np.testing.assert_array_equal(np.isnan(z), holes)
    for contour in parts(chart, "contour"):
        inside = np.isfinite(contour["z"]) & (contour["z"] >= heat["zmin"]) & (contour["z"] <= heat["zmax"])
        np.testing.assert_allclose(contour["z"][inside], z[inside])
        np.testing.assert_array_equal(np.isnan(contour["z"]), holes)
        np.testing.assert_array_equal(contour["x"], SMALL.x.values())
        np.testing.assert_array_equal(contour["y"], SMALL.y.values())


def test_the_critical_line_is_solid_and_the_depth_scales_are_dotted():
    lines_of_theory = [
        Curve(name=name, x=np.array([1.0, 1.5]), y=np.array([0.0, 1.0])) for name in ("theory: χ = 1", "six")
    ]
    found = {part["name"]: part["line"]["dash"] for part in drawn(lines=lines_of_theory).spec["data"]
             if part.get("name") in ("theory: χ = 1", "six")}  # fmt: skip
    assert found == {"theory: χ = 1": "solid", "six": "dot"}


def test_colors_of_a_loss_end_three_decades_above_its_median_and_span_six_at_most():
    cells = np.geomspace(1e-9, 1e9, 20).reshape(5, 4)
    heat = parts(drawn(cells, "final loss"), "heatmap")[0]
    assert (heat["zmin"], heat["zmax"]) == pytest.approx((-3, 3))
    heat = parts(drawn(RAMP, "final loss"), "heatmap")[0]
    assert (heat["zmin"], heat["zmax"]) == pytest.approx((np.log10(0.5), np.log10(2)))
