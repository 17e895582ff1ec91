"""Spellings of numbers: with a point or a comma, in groups, and no longer than a number is."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.spellings import COMMA, MAX_TEXT, POINT, is_number, matches, to_numbers


@pytest.mark.parametrize("text, expected", [("1" * MAX_TEXT, True), ("1" * (MAX_TEXT + 1), False), ("", False)])
def test_a_number_has_two_hundred_characters_at_most(text, expected):
    assert is_number(text) == expected


@pytest.mark.parametrize("decimal, pattern, groups", [(".", POINT, ",' \u2019"), (",", COMMA, ".' \u2019")])
@given(number=st.integers(-(10**12), 10**12), digits=st.integers(0, 999), data=st.data())
def test_a_number_is_read_with_either_sign_and_any_mark_between_its_groups(
    decimal, pattern, groups, number, digits, data
):
    group = data.draw(st.sampled_from(["", *groups]))
    text = f"{number:,}".replace(",", group) + f"{decimal}{digits:03d}"
    assert is_number(text)
    cells = pa.array([text])
    mask = matches(cells, pattern)
    assert mask.to_pylist() == [True]
    sign = -1 if number < 0 else 1
    np.testing.assert_allclose(to_numbers(cells, mask, decimal), [number + sign * digits / 1000], rtol=1e-12)
