"""Tables for a spreadsheet."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.spreadsheet import escape_formulas

MARKS = "=+-@＝＋－＠"


@pytest.mark.parametrize("text, shown", [
    ("=1+1", "'=1+1"),
    ("+1 x", "'+1 x"),
    ("-2+3", "'-2+3"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1", "'\t=1"),
    ("a;=1+1", "a;'=1+1"),
    ("a,@SUM(A1),b", "a,'@SUM(A1),b"),
    ("＝1+1", "'＝1+1"),
])  # fmt: skip
def test_a_formula_gets_an_apostrophe_where_it_begins(text, shown):
    assert escape_formulas(pd.DataFrame({"a": [text]}))["a"].tolist() == [shown]


@pytest.mark.parametrize("text", ["", "-", "=", "-0.5", "+2e-3", "a=b", "x-1", "init scale 2", "∂E/∂w", "−3", "a, -b"])
def test_numbers_single_marks_and_plain_text_stay(text):
    assert escape_formulas(pd.DataFrame({"a": [text]}))["a"].tolist() == [text]


def test_names_of_columns_and_rows_count_too_and_their_axis_keeps_its_name():
    table = pd.DataFrame({"=a": [1.5], "b": [2]}, index=pd.Index(["@c"], name="arm"))
    found = escape_formulas(table)
    assert (list(found.columns), list(found.index), found.index.name) == (["'=a", "b"], ["'@c"], "arm")
    assert found["'=a"].tolist() == [1.5]
    assert (list(table.columns), list(table.index)) == (["=a", "b"], ["@c"]), "the table given is not changed"


@given(st.text(max_size=30))
def test_no_text_begins_a_formula_and_what_is_harmless_stays(text):
    (found,) = escape_formulas(pd.DataFrame({"a": pd.Series([text], dtype=object)}))["a"]
    cells = found.replace(";", ",").split(",")
    for cell in cells if len(text) > 1 and not is_number(text) else []:
        assert not cell.startswith(tuple(MARKS))
    assert escape_formulas(pd.DataFrame({"a": pd.Series([found], dtype=object)}))["a"].tolist() == [found]


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
