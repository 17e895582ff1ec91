"""The cells of a column: read as numbers, taken as categories, or found to be slips in a column of numbers."""

import numpy as np
import pytest

from core.data.columns import MAX_CATEGORIES, number_like, present, typed


def read(*cells, decimal_comma=False):
    return typed("c", cells, decimal_comma)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "2.5", "-3e1", ".5"], [1, 2.5, -30, 0.5]),
        (["0,5", "0,25"], [0.5, 0.25]),
        (["0,5", "2", ",75", "-1,5e2"], [0.5, 2, 0.75, -150]),
        (["1,234", "0,500"], [1.234, 0.5]),  # the second cannot part thousands
        (["1,234", "12,5"], [1.234, 12.5]),
        (["\u22121.5", "2e\u22123"], [-1.5, 2e-3]),
        (["\u22121,5", "2"], [-1.5, 2]),
        (["inf", "-Infinity"], [np.inf, -np.inf]),
    ],
)
def test_numbers_are_read_with_point_or_comma_and_either_minus(cells, values):
    column = read(*cells)
    assert column.kind == "numeric" and column.misfit is None
    assert column.values.tolist() == values


def test_thousands_or_decimals_is_told_only_where_the_comma_is_certain():
    assert read("1,000", "2,500", decimal_comma=True).values.tolist() == [1.0, 2.5]
    column = read("500", "1,000", "2,500")
    assert column.kind == "category" and column.misfit == 2


@pytest.mark.parametrize(
    ("cells", "misfit"),
    [
        (["1.5", "2.5", "3,5", "4.5"], 3),
        (["1,5", "2,5", "3.5", "4,5"], 3),
        (["1.5", "2,5"], 2),
        (["10%", "20%", "30 %"], 1),
        (["1,000,000", "2,500,000"], 1),
        (["1.000,5", "2.500,5"], 1),
        (["1 000", "2\u00a0500", "3'000"], 1),
        (["12\u20ac", "\u20ac 3.5", "$7"], 1),
        (["", "5.5", "NA", "6.5", "7.5", "8.5", "about 9"], 7),  # 4 of 5
        ([str(n) for n in range(39)] + ["~70"], 40),
        (["1", "2", "3"] * 5 + ["~2"], 16),  # few, but no class is named so
    ],
)
@pytest.mark.parametrize("decimal_comma", [False, True])
def test_a_column_of_numbers_names_the_row_of_its_first_slip(cells, misfit, decimal_comma):
    assert read(*cells, decimal_comma=decimal_comma).misfit == misfit


@pytest.mark.parametrize(
    "cells",
    [
        ["red", "blue"],
        ["a1", "b2"],
        ["1", "2", "3"] * 3 + ["other"],  # labels: few whole numbers that come again
        [str(n) for n in range(19)] * 2 + ["other"] * 2,
        ["1.5", "2.5", "3.5", "x"],  # 3 of 4 are no large majority
        ["<18", "18-30", ">30"],
        ["2020-01-02", "2020-01-03"],
        ["12:30", "13:45"],
        ["1.2.3", "1.2.4"],
        ["\u0967"],  # a digit, but not one of ours
    ],
)
def test_texts_and_labels_are_categories(cells):
    column = read(*cells)
    assert column.kind == "category" and column.misfit is None
    assert column.values.tolist() == cells


@pytest.mark.parametrize(
    "cells",
    [
        [str(n) for n in range(20)] * 2 + ["other"] * 2,  # one label more than a target may have
        ["1", "2", "3", "4", "other"],  # nothing comes again
        ["1.5", "2.5"] * 5 + ["other"],  # no whole numbers
    ],
)
def test_beyond_few_whole_numbers_that_come_again_a_text_is_a_slip(cells):
    assert read(*cells).misfit == cells.index("other") + 1


def test_a_slip_does_not_depend_on_how_many_categories_it_would_make():
    column = read(*[str(n) for n in range(MAX_CATEGORIES + 9)], "?!")
    assert column.kind == "text" and column.misfit == MAX_CATEGORIES + 10


def test_a_column_without_values_is_empty():
    assert read("", " NA ", "?").kind == "empty" and present(["", " a ", "NA"]) == ["a"]


@pytest.mark.parametrize("unit", ["1", "1 000", "1,000", "1,", "~", "1e", " ", "\u2212"])
def test_long_cells_are_scanned_once(unit):
    # a megabyte: were it scanned once for each of its characters, this would take a day
    assert not number_like(unit * (1_000_000 // len(unit)) + "x")
