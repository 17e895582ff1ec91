"""Words about a point on the sigmoid, and the table of the activations at that point."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.families.activations import ACTIVATIONS
from ui.charts.style import number
from ui.lecture import sigmoid
from ui.lecture.sigmoid import _table, describe


@pytest.mark.parametrize("z", np.linspace(-10, 10, 21))
def test_every_activation_has_its_value_slope_and_share_of_the_largest_slope(z):
    for name, row in zip(ACTIVATIONS, _table(list(ACTIVATIONS), z).to_dict("records"), strict=True):
        activation = ACTIVATIONS[name]
        value, slope = activation(np.array([z]))[0], activation.slope(np.array([z]))[0]
        assert (row["activation"], row["φ(z)"], row["φ′(z)"]) == (activation.label, value, slope)
        assert row["share of it"] == abs(slope) / activation.sup_slope >= 0
        assert row["saturated"] == ("yes" if abs(slope) / activation.sup_slope < 0.05 else "no")


@pytest.mark.parametrize("z", [0.0, 1.0, 4.3, 4.4, -4.3, -4.4, 9.0])
def test_a_point_is_saturated_below_five_percent_of_a_quarter_and_ten_slopes_are_multiplied(z):
    slope = np.exp(-z) / (1 + np.exp(-z)) ** 2
    words = describe(z)
    assert ("this one is saturated" in words) == (slope < 0.05 / 4)
    assert f"multiplied, make {number(slope**10)}; at best" in words


@pytest.mark.parametrize("points, z", [([{"x": 1.234, "y": 0.5}], 1.23), ([{"x": -3.0, "y": 9.0}], -3.0), ([], 2.0)])
def test_a_click_moves_the_point_along_and_one_beside_the_curve_does_not(points, z, monkeypatch):
    clicked = SimpleNamespace(selection=SimpleNamespace(points=points))
    session = {"sigmoid_z": 2.0, "lecture-sigmoid": clicked}
    monkeypatch.setattr(sigmoid, "session", session)
    sigmoid.move()
    assert session["sigmoid_z"] == z
