"""Cells of a recording's file: numbers, gaps and words, and lists of names in a sentence."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.recordings.cells import LINE, MISSING, brief, is_whole, join_names, read_numbers, to_number


@given(st.lists(st.one_of(st.floats(allow_nan=False), st.sampled_from([*MISSING, "nan", "-NaN", " NULL ", None]))))
def test_a_cell_is_a_number_a_gap_or_a_nan(cells):
    column = pd.Series([repr(cell) if isinstance(cell, float) else cell for cell in cells], dtype=object, name="c")
    numbers, is_nan = read_numbers(column, "f")
    for cell, number, nan in zip(cells, numbers, is_nan, strict=True):
        if isinstance(cell, float):
            assert number == cell and not nan
        else:
            assert math.isnan(number) and nan == (cell is not None and "nan" in cell.lower())


@pytest.mark.parametrize("index, line", [(None, 4), (pd.Index([2, 5, 9], name=LINE), 9), (pd.Index([2, 5, 9]), 4)])
def test_a_word_is_refused_with_its_line_below_the_header(index, line):
    with pytest.raises(ConfigError, match=f"line {line}, column c: 'fast' is not a number"):
        read_numbers(pd.Series(["1", "2", "fast"], name="c", index=index), "f")


@pytest.mark.parametrize("count, ending", [(0, "nothing"), (1, "n0"), (8, "n6, n7"), (9, "n7 and 1 more"),
                                           (30, "n7 and 22 more")])  # fmt: skip
def test_the_first_eight_names_are_listed_and_the_others_counted(count, ending):
    text = join_names(f"n{i}" for i in range(count))
    assert text.endswith(ending) and text.count("n") - ending.count("nothing") * 2 >= min(count, 8)


@pytest.mark.parametrize("value, whole", [(3, True), (3.0, True), ("3", True), (3.5, False), (math.inf, False),
                                          (math.nan, False), (None, False), ("x", False), (-2.0, True)])  # fmt: skip
def test_a_whole_number_may_be_written_as_a_float(value, whole):
    assert is_whole(value) == whole


def test_null_is_no_number_and_another_value_is_refused_with_its_line():
    assert math.isnan(to_number(None, "f", 3, "loss")) and to_number("1e3", "f", 3, "loss") == 1000
    for value in ("fast", [1], 10**400):
        with pytest.raises(ConfigError, match="line 3, loss: .* is not a number"):
            to_number(value, "f", 3, "loss")


def test_of_an_error_the_first_line_is_said_or_its_kind():
    assert brief(ValueError("one\ntwo")) == "one" and brief(KeyError()) == "KeyError"
    assert len(brief(ValueError("x" * 500))) == 120


def test_a_column_of_numbers_is_taken_as_it_is():
    numbers, is_nan = read_numbers(pd.Series([1.0, np.nan, np.inf]), "f")
    np.testing.assert_array_equal(numbers, [1, np.nan, np.inf])
    assert not is_nan.any()
