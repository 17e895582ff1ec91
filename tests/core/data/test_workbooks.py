"""Excel and Parquet files: the table that their CSV is; nothing in them is run, followed or unpacked without bound."""

import datetime
import io
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.workbook.defined_name import DefinedName

from core.data import workbooks
from core.errors import ConfigError
from core.tables import read_table

FRAME = pd.DataFrame({"size": [1.5, 2.0, -3e1], "color": ["red", "blue", "red"], "class": [0, 1, 1]})


def refused(raw, **choices):
    with pytest.raises(ConfigError) as caught:
        read_table(raw, "mine.xlsx", **choices)
    return str(caught.value)


def workbook(*sheets, edit=None):
    """A workbook of sheets, each a list of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, 1):
        page = book.create_sheet(f"sheet {number}")
        for row in rows:
            page.append(row)
    if edit:
        edit(book)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def rows_of(frame):
    return [list(frame), *frame.astype(object).to_numpy().tolist()]


def same(read, frame):
    pd.testing.assert_frame_equal(read.to_frame(), frame, check_dtype=False)


def test_a_sheet_is_the_table_that_its_csv_is():
    read = read_table(workbook(rows_of(FRAME)), "mine.xlsx")
    same(read, read_table(FRAME.to_csv(index=False).encode()).to_frame())
    assert (read.encoding, read.delimiter, read.sheet, read.rows) == ("xlsx", "", "sheet 1", 3)


def test_a_sheet_can_be_chosen_and_an_empty_first_one_is_passed_over():
    raw = workbook([], rows_of(FRAME), [["a", "b"], [1, 2], [3, 4]])
    assert read_table(raw).sheet == "sheet 2" and read_table(raw).sheets == ("sheet 1", "sheet 2", "sheet 3")
    assert read_table(raw, sheet="sheet 3").columns[0].name == "a"
    assert "sheet = 'none' is not allowed" in refused(raw, sheet="none") and "it is empty" in refused(workbook([]))


def test_dates_truth_values_and_gaps_of_a_sheet():
    rows = [["when", "day", "yes", "x"]]
    rows += [[datetime.datetime(1970, 1, 2, 6), datetime.date(1970, 1, 3), True, None], [None, None, False, 2.5], [], [
        datetime.datetime(1970, 1, 4), datetime.date(1970, 1, 5), True, 1]]  # fmt: skip
    read = read_table(workbook(rows))
    assert [column.kind for column in read.columns] == ["date", "date", "category", "numeric"]
    assert read.columns[0].values.tolist()[::2] == [1.25, 3] and read.columns[1].values.tolist()[::2] == [2, 4]
    assert read.lines.tolist() == [2, 3, 5] and read.missing_rows == (2, 3)  # the fourth row of the sheet is blank


def test_formulas_links_and_names_of_a_workbook_do_nothing():
    def edit(book):
        page = book.worksheets[0]
        page["A2"] = "=1+1"
        page["B2"] = '=HYPERLINK("http://127.0.0.1:9/", "x")'
        page["A3"].hyperlink = "http://127.0.0.1:9/"
        book.defined_names["evil"] = DefinedName("evil", attr_text="[1]other!$A$1")

    read = read_table(workbook(rows_of(FRAME), edit=edit))
    assert read.columns[0].missing.tolist() == [True, False, False]  # a formula without a stored value


def test_a_workbook_that_unpacks_beyond_the_limit_is_refused_before_it_is_unpacked(monkeypatch):
    raw = workbook([[n, "x" * 50] for n in range(2000)])
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_, **__: pytest.fail("it was unpacked"))
    assert "it unpacks to" in refused(raw, max_bytes=len(raw))


def test_a_workbook_that_claims_far_rows_and_columns_ends_early(monkeypatch):
    raw = workbook([["a", "b"], [1, 2], [3, 4]])
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            text = old.read(entry)
            if "sheet1" in entry.filename:
                text = text.replace(b'r="3"', b'r="999999999999"').replace(b'r="A3"', b'r="A999999999999"')
                text = text.replace(b'r="B3"', b'r="B999999999999"')
            new.writestr(entry.filename, text)
    monkeypatch.setattr(workbooks, "MAX_SHEET_ROWS", 1000)
    assert "more than 1,000 rows" in refused(buffer.getvalue())


@given(st.integers(-(10**7), 10**7))
def test_a_span_of_time_is_its_days(seconds):
    assert float(workbooks._to_text(datetime.timedelta(seconds=seconds))) == seconds / 86_400


@pytest.mark.parametrize("block", [2, 5, 2_000])
def test_cells_of_a_sheet_are_counted_row_by_row_in_blocks_of_any_size(block, monkeypatch):
    monkeypatch.setattr(workbooks, "_BLOCK_ROWS", block)
    raw = workbook([["a", "b", "c"], *[[1, 2, 3]] * 5])
    assert len(workbooks.read_workbook(raw, "x", None, 10**6, 18)[0].lines) == 6
    with pytest.raises(ConfigError, match="more than 17 cells"):
        workbooks.read_workbook(raw, "x", None, 10**6, 17)


@pytest.mark.parametrize("cut", [30, 200, 2000, -30])
def test_a_broken_workbook_is_refused_in_a_sentence(cut):
    assert "\n" not in refused(workbook(rows_of(FRAME))[:cut])


def parquet(frame, **choices):
    return frame.to_parquet(**choices)


def test_a_parquet_file_is_the_table_that_its_csv_is():
    read = read_table(parquet(FRAME, index=False), "mine.parquet")
    same(read, read_table(FRAME.to_csv(index=False).encode()).to_frame())
    assert read.encoding == "parquet" and read.header


@settings(max_examples=50)
@given(st.lists(st.floats(allow_infinity=False), min_size=2, max_size=9))
def test_numbers_of_a_parquet_file_are_read_to_the_last_bit(numbers):
    frame = pd.DataFrame({"x": numbers, "y": range(len(numbers))})
    column = read_table(parquet(frame, index=False)).columns[0]
    if column.name == "x":  # a column of nothing but NaN is empty
        np.testing.assert_array_equal(column.values, numbers)


def test_types_of_a_parquet_file():
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(["1970-01-02 12:00", "1970-01-03 00:00"]),
            "flag": [True, False],
            "kind": pd.Categorical(["a", "b"]),
            "list": [[1, 2], [3]],
            "n": pd.array([1, None], dtype="Int64"),
        },
        index=["r1", "r2"],
    )
    read = read_table(parquet(frame))
    assert [column.name for column in read.columns] == ["when", "flag", "kind", "list", "n"]
    assert read.columns[0].values.tolist() == [1.5, 2] and read.columns[4].missing.tolist() == [False, True]
    assert read.columns[3].values.tolist() == ["[1, 2]", "[3]"]


def test_a_parquet_file_of_too_many_cells_or_broken_is_refused():
    raw = parquet(pd.DataFrame({"a": np.zeros(10_000), "b": 1}), index=False)
    assert "cannot be read" in refused(raw[:-20]) and "cannot be read" in refused(b"PAR1" + bytes(50) + b"PAR1")
    with pytest.raises(ConfigError, match="10,000 rows of 2 columns; at most 10,000 cells"):
        read_table(raw, max_bytes=max(len(raw), 20_000))


def test_cells_that_a_few_bytes_repeat_are_counted_before_they_are_unpacked():
    """100,000 rows of 50 columns in 0.02 MB, and 100 MB of one repeated text."""
    ones = parquet(pd.DataFrame({f"c{i}": np.ones(100_000) for i in range(50)}), index=False)
    texts = parquet(pd.DataFrame({"a": ["x" * 1000] * 100_000, "b": 1}), index=False)
    assert len(ones) < 1_000_000 and len(texts) < 1_000_000
    for raw, reason in ((ones, "cells are read"), (texts, "unpacks to more than 20,000,000 bytes")):
        start = pa.total_allocated_bytes()
        with pytest.raises(ConfigError, match=reason):
            read_table(raw, max_bytes=5_000_000)
        assert pa.total_allocated_bytes() - start < 20_000_000
