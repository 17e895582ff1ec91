"""Rounding of what a page sends."""

import numpy as np
import pytest

from ui.charts.rounding import round_significant, rounded


def test_values_have_five_significant_digits_as_the_nearest_float():
    rng = np.random.default_rng(0)
    for power in range(-300, 301, 12):  # powers of ten that are exact as floats, and those that are not
        values = rng.uniform(-9.9, 9.9, 50) * 10.0**power
        (found,) = round_significant([values])
        for given, sent in zip(values, found, strict=True):
            assert sent == pytest.approx(given, rel=5.1e-5)
            assert sent == float(f"{sent:.5g}")


def test_values_that_are_nearly_alike_keep_what_tells_them_apart():
    values = 1 + 1e-8 * np.arange(5.0)
    (found,) = round_significant([values])
    np.testing.assert_allclose(np.diff(found), 1e-8, rtol=1e-3)


def test_arrays_are_rounded_each_for_itself():
    alike, apart = np.array([1.0000001, 1.0000002]), np.array([1.0000001, 2.0])
    found = round_significant([np.zeros(0), alike, apart, np.zeros((2, 0))])
    np.testing.assert_array_equal(found[1], alike)
    np.testing.assert_array_equal(found[2], [1, 2])
    assert [values.shape for values in found] == [(0,), (2,), (2,), (2, 0)]


def test_what_is_not_a_finite_number_stays():
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1.7976931348623157e308, 123456.0])
    (found,) = round_significant([values])
    np.testing.assert_array_equal(found[:6], values[:6])
    assert found[6] == 1.7977e308 or found[6] == np.inf
    assert found[7] == 123460
    np.testing.assert_array_equal(round_significant([np.full(3, np.nan)])[0], np.full(3, np.nan))


def test_a_figure_is_copied_where_it_has_floats_and_stays_as_it_was():
    y, x, words = np.array([[0.123456789, 2.0]]), np.arange(3), ["one"]
    spec = {"data": [{"x": x, "y": y, "text": words}], "frames": [{"data": [{"y": y[0]}]}], "layout": {}, "none": ()}
    found = rounded(spec)
    np.testing.assert_array_equal(found["data"][0]["y"], [[0.12346, 2.0]])
    np.testing.assert_array_equal(found["frames"][0]["data"][0]["y"], [0.12346, 2.0])
    assert found["data"][0]["x"] is x and found["data"][0]["text"] is words
    assert found["layout"] == {} and found["none"] == ()
    assert y[0, 0] == 0.123456789 and spec["data"][0]["y"] is y
