"""The cells of a column: numbers, dates, categories, and the slips in a column of numbers."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.columns import (
    MAX_CATEGORIES,
    as_category,
    as_numeric,
    compact,
    gather_evidence,
    read_column,
)
from core.data.spellings import is_number


def read(*cells, decimal="."):
    return read_column("c", pa.array(cells, pa.string()), decimal)


@pytest.mark.parametrize(
    ("cells", "decimal", "values"),
    [
        (["1", "2.5", "-3e1", ".5"], ".", [1, 2.5, -30, 0.5]),
        (["0,5", "2", ",75", "-1,5e2"], ",", [0.5, 2, 0.75, -150]),
        (["1,234", "12,5"], ",", [1.234, 12.5]),
        (["1,234", "12.5"], ".", [1234, 12.5]),
        (["1.234.567,5", "0,5"], ",", [1_234_567.5, 0.5]),
        (["1 234", "2\u00a0345.5", "3'456"], ".", [1234, 2345.5, 3456]),
        (["\u22121.5", "2e\u22123"], ".", [-1.5, 2e-3]),
        (["\u22121,5", "2"], ",", [-1.5, 2]),
        (["inf", "-Infinity"], ".", [np.inf, -np.inf]),
        (["$1", "$-2.50"], ".", [1, -2.5]),
        (["10 %", "2.5%"], ".", [10, 2.5]),
    ],
)
def test_numbers_are_read_with_point_or_comma_groups_and_marks(cells, decimal, values):
    column = read(*cells, decimal=decimal)
    assert column.kind == "numeric" and column.misfit is None and column.distinct == len(set(values))
    assert column.values.tolist() == values


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_any_number_that_python_writes_is_read_to_the_last_bit(numbers):
    column = read(*map(repr, numbers))
    assert column.kind == "numeric"
    np.testing.assert_array_equal(column.values, numbers)
    assert np.signbit(column.values).tolist() == np.signbit(numbers).tolist()


@given(st.lists(st.one_of(st.floats(), st.integers(-(2**40), 2**40).map(float)), max_size=20))
def test_compact_numbers_are_the_same_numbers(numbers):
    numbers = np.array(numbers, dtype=float)
    np.testing.assert_array_equal(compact(numbers).astype(float), numbers)


@pytest.mark.parametrize(
    "largest, dtype", [(255, "uint8"), (256, "int16"), (-1, "int16"), (32_767, "int16"), (32_768, "int32"),
                       (2**31 - 1, "int32"), (2**31, "float32"), (2.0**40 + 1, "float64"), (0.5, "float32"),
                       (0.1, "float64"), (np.nan, "float32"), (-0.0, "float64"), (np.inf, "float32")],
)  # fmt: skip
def test_numbers_take_the_smallest_type_that_holds_each_of_them(largest, dtype):
    assert compact(np.array([0.0, 3.0, largest])).dtype == dtype


@pytest.mark.parametrize(
    ("cells", "point", "comma", "either"),
    [
        (["2.5", "3"], True, False, None),
        (["2,5", "3"], False, True, None),
        (["0.125", "7"], True, False, None),  # no group of three digits starts with a zero
        (["1,234,567", "7"], True, False, None),
        (["1.234.567", "7"], False, True, None),
        (["1.234,5", "7"], False, True, None),
        (["1234.567", "7"], True, False, None),
        (["1,500", "13,250"], False, False, "1,500"),
        (["1.500", "13.250"], False, False, "1.500"),
        (["1.500", "2.5"], True, False, "1.500"),
    ],
)
def test_evidence_for_the_decimal_sign(cells, point, comma, either):
    evidence = gather_evidence(pa.array(cells))
    assert (evidence.point, evidence.comma, evidence.either) == (point, comma, either)


def test_words_and_whole_numbers_say_nothing_about_the_decimal_sign():
    assert gather_evidence(pa.array(["1", "2"])) is None
    assert gather_evidence(pa.array(["Dr. Who, M.D.", "2,5", "x.y"])) is None


@pytest.mark.parametrize(
    ("cells", "misfit"),
    [
        (["1.5", "2.5", "3,5", "4.5"], 3),
        (["10%", "20", "30 %"], 1),
        (["$5", "\u20ac6", "$7"], 1),
        (["", "5.5", "NA", "6.5", "7.5", "8.5", "about 9"], 7),  # 4 of 5
        ([str(n) for n in range(39)] + ["~70"], 40),
        (["1", "2", "3"] * 5 + ["~2"], 16),  # few, but no class is named so
        ([str(n) for n in range(20)] * 2 + ["other"] * 2, 41),  # one label more than a target may have
        (["1", "2", "3", "4", "other"], 5),  # nothing recurs
        (["1.5", "2.5"] * 5 + ["other"], 11),  # no whole numbers
        ([str(n) for n in range(MAX_CATEGORIES + 9)] + ["?!"], MAX_CATEGORIES + 10),
    ],
)
def test_a_column_of_numbers_knows_its_first_slip(cells, misfit):
    column = read(*cells)
    assert column.kind in ("category", "text") and column.misfit == misfit - 1
    assert column.misfit_text == cells[misfit - 1]


@pytest.mark.parametrize(
    "cells",
    [
        ["red", "blue"],
        ["a1", "b2"],
        ["1", "2", "3"] * 3 + ["other"],  # labels: few whole numbers that recur
        [str(n) for n in range(19)] * 2 + ["other"] * 2,
        ["1.5", "2.5", "3.5", "x"],  # 3 of 4 are no large majority
        ["<18", "18-30", ">30"],
        ["1.2.3", "1.2.4"],
        ["2020-13-45", "2020-01-01"],
        ["\u0967"],  # a digit, but not one of ours
    ],
)
def test_texts_and_labels_are_categories(cells):
    column = read(*cells)
    assert column.kind == "category" and column.misfit is None
    assert column.values.tolist() == cells


def test_a_column_without_values_is_empty():
    assert read("", "NA", "?").kind == "empty" and read().kind == "empty"


def test_spellings_of_missing_values_are_counted():
    assert dict(read("1", "NA", "NA", "", "-").spellings) == {"NA": 2, "-": 1}
    assert dict(read("red", "None", "", "-").spellings) == {"None": 1}


@pytest.mark.parametrize("unit", ["1", "1 000", "1,000", "1,", "~", "1e", " ", "\u2212", "$", "1-"])
def test_very_long_cells_are_texts(unit):
    cell = unit * (1_000_000 // len(unit)) + "x"  # a megabyte: scanned for each of its characters it would take a day
    assert read(cell, "1", "2").kind == "text" and not is_number(cell)


def test_hundreds_of_digits_are_a_text_and_no_infinite_number():
    assert read("1" * 200, "1.5").kind == "numeric"
    assert read("1" * 201, "1.5").kind == read("1" * 1_000_000, "1").kind == "text"


def test_types_change_both_ways():
    numbers = read("3", "1.5", "", "3")
    as_words = as_category(numbers)
    assert as_words.values.tolist() == ["3", "1.5", None, "3"] and as_words.kind == "category"
    slips = as_numeric(read("1.5", "2.5", "3.5", "4.5", "about 9"))
    assert slips.kind == "numeric" and slips.values[:4].tolist() == [1.5, 2.5, 3.5, 4.5] and np.isnan(slips.values[4])


@pytest.mark.parametrize("power", [0, 7, 8, 15, 31, 52, 53, 54, 62])
@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_of_any_size_are_read_exactly_or_as_floats_are_and_held_as_small_as_they_can_be(power, sign):
    values = [sign * (2**power + more) for more in (-1, 0, 1)]
    column = read(*map(str, values))
    assert column.kind == "numeric" and column.is_numbers
    np.testing.assert_array_equal(column.data.astype(float), np.array(values, float))
    if power >= 53:  # no whole number of these bits is any float's own
        assert column.data.dtype == compact(np.array(values, float)).dtype


VALUES = {"numeric": ["1", "2.5", "-3"], "category": ["red", "blue", "x1"], "date": ["2020-01-01", "2021-02-03"]}


@pytest.mark.parametrize("kind", VALUES)
@given(st.data())
def test_missing_cells_are_no_value_of_a_column_however_they_are_spelled(kind, data):
    cells = [*VALUES[kind], *data.draw(st.lists(st.sampled_from([*VALUES[kind], "", "NA", "None", "?"]), max_size=8))]
    column = read(*cells)
    present = [cell for cell in cells if cell in VALUES[kind]]
    assert (column.kind, column.distinct) == (kind, len(set(present)))
    assert column.missing.tolist() == [cell not in VALUES[kind] for cell in cells]
    changed = as_numeric(column) if kind == "category" else as_category(column)
    assert changed.distinct == (0 if kind == "category" else len(set(present)))
