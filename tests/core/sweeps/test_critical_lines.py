"""Curves of theory on maps: where factors pass 1, and which crossing is drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.families.activations import ACTIVATIONS
from core.sweeps.critical_lines import critical, crossings


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
