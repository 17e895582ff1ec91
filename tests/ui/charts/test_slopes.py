"""The sigmoid and its slope: the tangent touches the curve, and ends where the picture does."""

import numpy as np
import pytest

from ui.charts.slopes import REACH, TANGENT, sigmoid_data


@pytest.mark.parametrize("z", [-10.0, -9.0, -3.5, 0.0, 0.25, 1.0, 4.0, 8.5, 10.0])
def test_the_tangent_touches_at_z_and_reaches_as_far_on_both_sides_within_the_picture(z):
    data = sigmoid_data(z)
    along, heights = data.tangent
    np.testing.assert_allclose(along, np.clip([z - TANGENT, z + TANGENT], -REACH, REACH))
    value = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(np.diff(heights) / np.diff(along), value * (1 - value), rtol=1e-6)
    np.testing.assert_allclose(np.interp(z, along, heights), value, rtol=1e-9)
