"""A map in numbers: shares of the cells that have one, the best cell and its place, and the distance to theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import RunConfig
from core.sweeps.critical_lines import Curve
from core.sweeps.map_summary import axis_positions, best_cell, cell_edges, distance_to_theory, level_shares
from core.sweeps.maps import Axis, SweepMap

CHART = SweepMap(
    RunConfig(samples=8, hidden=(4, 4), steps=0), ("tanh",), Axis("init_scale", 0.5, 2, 4), Axis("bias_std", 0, 1, 5)
)
VALUES = st.one_of(st.floats(-10, 10), st.just(np.nan))
CELLS = arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=VALUES)


@given(CELLS, st.booleans())
def test_the_best_cell_is_the_first_of_the_lowest_or_the_highest(cells, lowest):
    if np.isnan(cells).all():
        return
    found = best_cell(cells, lowest)
    known = [value for value in cells.ravel().tolist() if value == value]
    best = min(known) if lowest else max(known)
    places = [place for place in np.ndindex(cells.shape) if cells[place] == best]
    assert (found.row, found.column) == places[0]
    assert found.value == best and found.ties == len(places)


@given(CELLS)
def test_shares_are_of_the_cells_that_have_a_value(cells):
    known = [value for value in cells.ravel().tolist() if value == value]
    if not known:
        return
    shares = level_shares(cells, "decades")
    below, above = (sum(test(value) for value in known) for test in (lambda v: v < -3, lambda v: v > 3))
    assert shares == pytest.approx((below / len(known), 1 - (below + above) / len(known), above / len(known)))
    factors = level_shares(10.0**cells, "factor")
    low, high = -np.log10(1.05), np.log10(1.05)
    below, above = (sum(test(value) for value in known) for test in (lambda v: v < low, lambda v: v > high))
    assert factors == pytest.approx((below / len(known), 1 - (below + above) / len(known), above / len(known)))


def test_the_distance_is_the_median_over_rows_in_cells_and_the_largest():
    line = Curve(name="theory: χ = 1", x=np.full(2, 1.25), y=np.array([-1.0, 2.0]))
    level = np.array([1.25, 1.0, 1.5, 0.75, 1.25 + 1e-12])  # by row, where the factor is 1
    x = np.array([0.5, 1.0, 1.5, 2.0])
    factors = np.exp(x - level[:, None])  # its logarithm is a straight line through 0 there
    found = distance_to_theory(CHART, factors, [Curve(name="six depth scales", x=x, y=x), line])
    # 0, 0.25, 0.25, 0.5 and 0 in units of init_scale; columns are 0.5 apart
    assert found == pytest.approx((0.5, 1.0), abs=1e-9)
    assert distance_to_theory(CHART, factors, []) is None
    turned = SweepMap(CHART.base, ("tanh",), CHART.y, CHART.x)
    assert distance_to_theory(turned, factors.T, [line]) is None  # theory's line is along the other axis


@pytest.mark.parametrize("axis, expected", [
    (Axis("init_scale", 1, 100, 3, True), [0, 1, 2]),
    (Axis("init_scale", 1, 3, 3), [1, 2, 3]),
    (Axis("residual"), [0, 1]),
])  # fmt: skip
def test_positions_are_numbers_their_logarithms_or_a_row(axis, expected):
    np.testing.assert_allclose(axis_positions(axis), expected, atol=1e-12)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=6))
def test_edges_lie_half_way_between_cells_and_as_far_beyond_the_outer_ones(gaps):
    centers = np.cumsum(gaps)
    edges = cell_edges(centers)
    np.testing.assert_allclose(edges[1:-1], (centers[:-1] + centers[1:]) / 2)
    if len(centers) > 1:
        assert centers[0] - edges[0] == pytest.approx(edges[1] - centers[0])
        assert edges[-1] - centers[-1] == pytest.approx(centers[-1] - edges[-2])
    else:
        np.testing.assert_allclose(edges, [centers[0] - 0.5, centers[0] + 0.5])
