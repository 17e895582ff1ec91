"""A visitor's table: how a file is read, and which files are refused in which words."""

import csv
import gzip
import io
import os
import pickle
import re
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import RunConfig, tables
from core.data.datasets import split
from core.data.spellings import NUMBER_MISSING
from core.data.targets import check_targets, recommended_losses
from core.errors import ConfigError
from core.tables import Prepared, Table, find_obstacles, prepare, read_table
from tests.support.checkout import HOUSE
from tests.support.refusals import refused

PEOPLE = b"age,color,score,group\n31,red,1.5,a\n42,blue,2.5,b\n53,red,-3e1,a\n64,green,.5,b\n"


def table(text):
    return read_table(text.encode())


def kinds(read):
    return {column.name: column.kind for column in read.columns}


def archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", "0" * 10_000_000)
    return buffer.getvalue()


# --- reading ---


def test_a_plain_table_is_read_as_written():
    read = read_table(PEOPLE, "people.csv")
    assert (read.name, read.rows, read.delimiter, read.encoding, read.header) == (
        "people.csv",
        4,
        "comma",
        "utf-8",
        True,
    )
    assert kinds(read) == {"age": "numeric", "color": "category", "score": "numeric", "group": "category"}
    assert read.columns[2].values.tolist() == [1.5, 2.5, -30.0, 0.5]
    assert read.columns[1].values.tolist() == ["red", "blue", "red", "green"]
    assert [column.distinct for column in read.columns] == [4, 3, 4, 2]
    assert read.missing_rows == ()


@pytest.mark.parametrize(("delimiter", "word"), tables.DELIMITERS.items())
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_end_change_nothing(delimiter, word, newline):
    text = PEOPLE.decode().replace(",", delimiter).replace("\n", newline)
    read, plain = table(text), read_table(PEOPLE)
    assert read.delimiter == word
    assert read.to_frame().equals(plain.to_frame())


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("cp1252", "cp1252"), ("latin-1", "cp1252")],
)
def test_the_encoding_of_western_text_is_recognized(encoding, name):
    read = read_table("größe,naïve\n1,é\n2,ß\n".encode(encoding))
    assert read.encoding == name
    assert kinds(read) == {"größe": "numeric", "naïve": "category"}


def test_utf_16_of_either_byte_order_is_read():
    assert read_table(b"\xfe\xff" + "a,ü\n1,2\n".encode("utf-16-be")).columns[1].name == "ü"
    assert read_table(b"\xff\xfe" + "a,ü\n1,2\n".encode("utf-16-le")).columns[1].name == "ü"


def test_with_semicolons_a_comma_is_a_decimal_comma():
    read = table("x;y\n1,5;2\n-2,25e1;,5\n3;4,\n")
    assert read.columns[0].values.tolist() == [1.5, -22.5, 3.0]
    assert read.columns[1].values.tolist() == [2.0, 0.5, 4.0]


@pytest.mark.parametrize("delimiter", ["\t", "|", ";"])
def test_a_decimal_comma_needs_no_semicolons(delimiter):
    text = "x,y,z\n0*5,0*25,a\n-1*5,3,b\n".replace(",", delimiter).replace("*", ",")
    read = table(text)
    assert kinds(read) == {"x": "numeric", "y": "numeric", "z": "category"} and read.header
    assert read.columns[0].values.tolist() == [0.5, -1.5] and read.columns[1].values.tolist() == [0.25, 3]


def test_a_decimal_comma_may_stand_in_quotation_marks_between_commas():
    read = table('x,y\n"0,5",1\n"-2,25",2\n3,4\n')
    assert read.columns[0].values.tolist() == [0.5, -2.25, 3.0]


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=; "])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_first_line_that_declares_the_delimiter_is_not_data(line, newline, encoding):
    rest = "a,b;c\n1;2\n3;4\n"
    read = read_table((line + "\n" + rest).replace("\n", newline).encode(encoding))
    assert read.delimiter == "semicolon" and read.header and read.rows == 2
    assert read.to_frame().equals(table(rest).to_frame())


@pytest.mark.parametrize(("delimiter", "word"), tables.DELIMITERS.items())
def test_a_declared_delimiter_goes_before_all_others(delimiter, word):
    # every line has as many cells by each of the four
    read = table(f"sep={delimiter}\na,b;c|d\te\n1,2;3|4\t5\n")
    assert read.delimiter == word and len(read.columns) == 2


def test_with_semicolons_a_point_is_still_a_decimal_point():
    assert table("x;y\n1.5;2\n2.5;3\n").columns[0].values.tolist() == [1.5, 2.5]


def test_semicolons_win_over_decimal_commas_without_a_header():
    read = table("1,5;2,5;a\n2,5;3,5;b\n")
    assert read.delimiter == "semicolon" and not read.header
    assert kinds(read) == {"column 1": "numeric", "column 2": "numeric", "column 3": "category"}


def test_a_delimiter_inside_quotation_marks_divides_nothing():
    read = table('name,x\n"Doe; Jane, Dr.",1\n"a ""b"";c",2\n')
    assert read.columns[0].values.tolist() == ["Doe; Jane, Dr.", 'a "b";c']


def test_a_line_end_inside_quotation_marks_ends_no_row():
    read = table('"first\nname",x\n"a\nb",1\n')
    assert read.columns[0].name == "first name" and read.columns[0].values.tolist() == ["a\nb"]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a,b\n1,2\n", True),
        ("1,2\n3,4\n", False),
        ("a,b\nc,d\n", True),
        ("country,2019,2020\n1,2,3\n4,5,6\n", True),  # a text above numbers
        ("country,code,2019,2020\nAland,AL,1.5,2.5\nBorduria,BO,3.5,4.5\n", True),
        ("country,2019,2020\nAland,150,250\nBorduria,350,450\n", True),
        ("Aland,2019,2020\nBorduria,2018,2021\n", False),  # years below years
        (",1940,1945\nFood,22.2,44.5\n", True),
        ("no,left\nno,right\nyes,left\nno,left\nyes,right\n", False),  # the first cells recur
        ("1940,1945,1950\n1.5,2.5,3.5\n", True),
        ("1,2\n1.5,2.5\n", False),
        ("1,2,3\n4,5,6\n7,8,9\n", False),  # a run above whole numbers may be data
        ("1,2,3\n1.5,2.5,0.5\n", True),
        ("x,1\ny,2\n", False),
        ("NA,1\n2,3\n", False),
        ("10 %,90 %\n1,2\n3,4\n", True),  # quantiles as names
        (",b\n1,2\n", True),
    ],
)
def test_a_header_is_recognized(text, header):
    assert table(text).header is header


@given(st.lists(st.sampled_from(["1", "2.5", "-3", "x", "red"]), min_size=1, max_size=12))
def test_a_text_above_other_rows_is_a_header_only_over_numbers_in_every_row(cells):
    # the second column has no header of its own: its first cell recurs
    text = "name,y\n" + "".join(f"{cell},y\n" for cell in cells)
    numbers = all(cell not in ("x", "red") for cell in cells)
    assert table(text).header is numbers


def test_columns_without_a_name_are_numbered():
    assert list(kinds(table(",b,\n1,2,3\n"))) == ["column 1", "b", "column 3"]


def test_blank_lines_and_spaces_around_cells_do_not_count():
    read = table("\n a , b \n\n 1 , x y \n\n2,  z\n\n")
    assert list(kinds(read)) == ["a", "b"] and read.rows == 2
    assert read.columns[1].values.tolist() == ["x y", "z"]


SPELLINGS = [
    "",
    " ",
    "NA",
    "n/a",
    "#N/A",
    "NaN",
    "null",
    "NULL",
    "?",
    "None",
    "\\N",
    "#DIV/0!",
    "n.a.",
    "-nan",
    "#VALUE!",
]


@pytest.mark.parametrize("cell", SPELLINGS)
def test_missing_values_are_known_in_their_usual_spellings(cell):
    read = table(f"a,b\n1,x\n{cell},y\n3,{cell}\n")
    assert read.missing_rows == (3, 4)
    assert np.isnan(read.columns[0].values[1]) and read.columns[1].values[2] is None


def test_a_short_row_lacks_its_last_values():
    assert table("a,b\n1,2\n3\n").missing_rows == (3,)


def test_an_empty_column_makes_no_row_incomplete():
    read = table("a,b,c\n1,2,\n3,4,\n")
    assert kinds(read)["c"] == "empty" and read.missing_rows == () and read.default_target == "b"


@pytest.mark.parametrize("cell", ["1_000", "0x10", "1 00", "1,00.0", "12€€", "1e", "--1", "१", "=1+1", "1.2.3"])
def test_only_decimal_numbers_are_numbers(cell):
    assert kinds(table(f'a,b\n"{cell}",1\n'))["a"] == "category"


@pytest.mark.parametrize("cell", ["1", "+1", "-1.", ".5", "1e5", "1E-5", "0.1", "inf", "-Infinity", "1e999"])
def test_numbers_are_read_to_the_last_bit(cell):
    assert table(f"a,b\n{cell},1\n").columns[0].values.tolist() == [float(cell)]


@pytest.mark.parametrize("cell", ["=HYPERLINK(1)", "@SUM(A1)", "<b>x</b>", "__import__('os')", "$x^2$"])
def test_formulas_and_markup_are_just_text(cell):
    read = table(f"{cell},b\n{cell},1\n")
    assert read.columns[0].name == cell and read.columns[0].values.tolist() == [cell]


def test_too_many_or_too_long_categories_are_text():
    rows = "".join(f"n{i},{'abc'[i % 3]},{'x' * 201},{'y' * 200}\n" for i in range(tables.MAX_CATEGORIES + 1))
    read = table("a,b,c,d\n" + rows)
    assert kinds(read) == {"a": "text", "b": "category", "c": "text", "d": "category"}


def test_a_table_survives_pickling_so_that_it_can_be_cached():
    assert pickle.loads(pickle.dumps(read_table(PEOPLE))).to_frame().equals(read_table(PEOPLE).to_frame())


# --- what is refused ---


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "it is empty"),
        (b" \n\r\n \t", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b"a,b\n", "a header and no rows"),
        (b"a,b", "a header and no rows"),
        (b"a\n1\n2\n", "single column"),
        (b"a b c\n1 2\nthree more words here\n", "single column"),
        (b"a,b\n1,2\n3,4,5\n", "its line 3 has 3 columns where the first has 2"),
        (b'a,b\n"1,2\n3,4\n', "a quotation mark opens in its line 2 and does not close"),
        (b"sep=;\n", "single column"),
        (b"sep=;\na,b\n1,2\n", "single column"),
        (b"sep=;\na;b\n1;2\n3;4;5\n", "its line 4 has 3 columns where the first has 2"),
        (
            b"sep=:\na:b\n1:2\n",
            "its first line declares the delimiter ':'; the delimiters known are tab, semico",
        ),
        (b"a,b,a\n1,2,3\n", "two of its columns are named 'a'"),
        (b"a, a \n1,2\n", "two of its columns are named 'a'"),
        (b",column 1\n1,2\n", "two of its columns are named 'column 1'"),
        (b"x" * 201 + b",b\n1,2\n", "the name of its column 1 is longer than 200"),
        (b"a,b\n1,\x00\n", "its line 2 contains the control character U+0000"),
        ("a,b\n1,2\n".encode("utf-16-le"), "bytes that no text has"),  # without its mark
        ("a,b\n1,2\n".encode("utf-32"), "bytes that no text has"),
        (b"\xff\xfea,b\n1", "marked as UTF-16 but broken"),
        (bytes(range(256)) * 4, "bytes that no text has"),
        (b'{"a": 1, "b": 2}\n{"a": 2, "b": 3}\n', "it is JSON"),
        (b"<!doctype html><table><tr><td>1,2", "it is a web page"),
        (b"\x89PNG\r\n\x1a\n1,2", "it is an image"),
        (b"\xff\xd8\xff\xe0,1", "it is an image"),
        (b"%PDF-1.7,1", "it is a PDF"),
        (rb"{\rtf1\ansi a,b\par 1,2}", "a word processor’s text (.rtf)"),
        (b"% iris\n@RELATION iris\n@ATTRIBUTE a NUMERIC\n@DATA\n1,2\n3,4\n", "it is an ARFF file"),
        (b"PK\x03\x04 broken", "it is a zip archive"),
        (b"a" * 70_000, "single column"),
        (b"," * 70_000, "single column"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_with_the_reason(raw, reason):
    message = refused(read_table, raw, "mine.csv")
    assert message.startswith("data = 'mine.csv' is not allowed: ") and reason in message


def test_limits_are_named_with_what_was_found():
    assert "22 bytes; at most 21" in refused(read_table, b"a,b\n1,2\n3,4\n5,6\n7,8\n99"[:22], max_bytes=21)
    assert "more than 3 rows" in refused(read_table, b"a,b\n1,2\n3,4\n5,6\n7,8\n", max_rows=3)
    assert "more than 3 rows" in refused(read_table, b"1,2\n3,4\n5,6\n7,8\n", max_rows=3)
    assert "3 columns; at most 2" in refused(read_table, b"a,b,c\n1,2,3\n", max_columns=2)


def test_a_table_at_its_limits_is_read():
    raw = b"a,b\n1,2\n3,4\n5,6\n"
    assert read_table(raw, max_bytes=len(raw), max_rows=3, max_columns=2).rows == 3
    assert read_table(b"1,2\n3,4\n5,6\n", max_rows=3).rows == 3


def test_too_many_bytes_are_refused_unread():
    assert "at most 1,000" in refused(read_table, b"PK\x03\x04" + bytes(1_000), max_bytes=1_000)


def test_a_table_without_a_file_name_is_called_this_table():
    assert refused(read_table, b"").startswith("data = 'this table'")


def test_a_name_cannot_break_out_of_its_message():
    assert "'a\\nb.csv'" in refused(read_table, b"", "a\nb.csv")
    assert len(refused(read_table, b"", "x" * 100_000)) < 300


# --- whatever comes ---

CELLS = st.text(alphabet='ab01,;|\t"\n\r. -+eENA?=é−%~', max_size=40)
WORDS = st.sampled_from(["", "1", "2", "2.5", "-1e3", "1,5", "−2", "10 %", "~7", "a", "b c", "NA", "inf", '"x;y"'])
ROWS = st.one_of(
    st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(WORDS, min_size=width, max_size=width), max_size=12)),
    st.lists(st.lists(WORDS, max_size=5), max_size=12),
)
WRITTEN = st.builds(
    lambda rows, delimiter, newline: newline.join(delimiter.join(row) for row in rows),
    ROWS,
    st.sampled_from(list(tables.DELIMITERS)),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
RAW = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda text, encoding: text.encode(encoding, "replace"),
        st.one_of(CELLS, WRITTEN),
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    ),
)


@settings(max_examples=400)
@given(RAW)
@example(b'"')
@example(b"\xff\xfe")
@example(b'a,b\n"')
@example(b",\n,\n")
@example(b"\x0c,\x0c\n1,2")
def test_any_bytes_give_a_table_or_a_config_error(raw):
    try:
        read = read_table(raw, "any")
    except ConfigError:
        return
    assert isinstance(read, Table) and len(read.columns) >= 2 and read.rows >= 1
    assert len(set(kinds(read))) == len(read.columns)
    for column in read.columns:
        assert len(column.values) == len(column.missing) == read.rows
        lacking = np.isnan(column.values) if column.values.dtype == float else [v is None for v in column.values]
        np.testing.assert_array_equal(column.missing, lacking)
        assert column.kind in ("numeric", "category", "text", "empty")


@settings(max_examples=300)
@given(WRITTEN, st.booleans(), st.sampled_from([None, "regression", "two-class", "multi-class"]))
def test_any_target_of_any_table_gives_finite_numbers_or_a_config_error(text, drop_missing, task):
    try:
        read = table(text)
    except ConfigError:
        return
    for column in read.columns:
        try:
            ready = prepare(read, column.name, drop_missing, task)
        except ConfigError:
            continue
        assert isinstance(ready, Prepared) and len(ready.X) == len(ready.D) == read.rows - len(ready.dropped_rows)
        assert np.isfinite(ready.X).all() and np.isfinite(ready.D).all()
        assert len(ready.input_names) == ready.X.shape[1] and len(ready.output_names) == ready.D.shape[1]
        # what comes out is what training takes, as the same task and with the loss that suits it
        X, D = ready.scaled(RunConfig(dataset="custom"))
        assert split(X, D, 0.0, 0).task == ready.task
        check_targets(recommended_losses(ready.task)[0], D, ready.task)


# --- numbers, names and lines as their owners mean them ---


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("umsatz;preis\n999;2,5\n1.500;3,25\n13.250;4,75", [[999, 1500, 13250], [2.5, 3.25, 4.75]]),
        ("a;b\n1,500;2.5\n13,250;3.25", [[1500, 13250], [2.5, 3.25]]),
        ('a,b\n"1,500",2\n"13,250",3', [[1500, 13250], [2, 3]]),
        ("a,b\n1.500,2\n13.250,3", [[1.5, 13.25], [2, 3]]),
        ('a,b\n"1,500,000",2\n7,3', [[1_500_000, 7], [2, 3]]),
        ("a;b\n1 500;2\n12 250,5;3", [[1500, 12250.5], [2, 3]]),
        ("a;b\n$1.50;10 %\n$20;2.5 %", [[1.5, 20], [10, 2.5]]),
        ("a;b\n1,50 €;2\n-1.200,25 €;3", [[1.5, -1200.25], [2, 3]]),
        ("a,b\n–3,1\n−4.5,2", [[-3, -4.5], [1, 2]]),
    ],
)
def test_numbers_are_read_as_their_owner_means_them(text, values):
    read = table(text)
    assert [column.values.tolist() for column in read.columns] == values
    assert all(column.unclear is None for column in read.columns)


def test_signs_that_are_removed_from_numbers_are_noted():
    notes = " ".join(table("price,share\n$1,10%\n$2,20%").notes)
    assert "The sign $ is removed from the numbers of 'price'." in notes and "The sign %" in notes
    assert kinds(table("a,b\n1%,1\n2,2\n"))["a"] == "category"  # a percent sign on some numbers only


@pytest.mark.parametrize(
    ("text", "cell", "point", "comma"),
    [
        ("a;b\n1.500;2\n2.750;3", "1.500", [1.5, 2.75], [1500, 2750]),
        ("a\tb\n1,500\t2\n2,750\t3", "1,500", [1500, 2750], [1.5, 2.75]),
        ("a|b|c|d\n1,500|2|2.5|1,5\n2,750|3|4.5|2,5", "1,500", [1500, 2750], [1.5, 2.75]),
    ],
)
def test_a_column_that_could_be_both_is_asked_about(text, cell, point, comma):
    read = table(text)
    assert read.columns[0].unclear == cell
    (obstacle,) = find_obstacles(read, "b", False)
    assert f"has {cell!r}, which may be" in str(obstacle.error) and "decimal sign" in str(obstacle.error)
    answers = {fix.changes["decimal"]: fix.label for fix in obstacle.fixes}
    for sign, values in ((".", point), (",", comma)):
        chosen = read_table(text.encode(), decimal=sign)
        assert chosen.columns[0].values.tolist() == values and not chosen.columns[0].unclear
        assert float(answers[sign].removeprefix(f"{cell} is ")) == values[0]


@pytest.mark.parametrize(
    "cell", ["-", ".", "--", "None", "\\N", "#VALUE!", "#DIV/0!", "-nan", "n.a.", "NULL", "–", "…"]
)
def test_placeholders_among_numbers_are_missing_however_many_there_are(cell):
    read = table("a,b\n1,x\n" + f"{cell},y\n" * 30 + "2.5,z\n")
    assert kinds(read)["a"] == "numeric" and read.columns[0].missing.sum() == 30
    assert read.columns[0].values[[0, -1]].tolist() == [1, 2.5]


def test_a_minus_alone_is_a_class_among_words():
    read = table("strand,x\n+,1\n-,2\n+,3\n")
    assert read.columns[0].values.tolist() == ["+", "-", "+"] and not read.missing_rows


PVGIS = (
    "Latitude (decimal degrees):\t45.0\nLongitude (decimal degrees):\t8.0\n"
    "Elevation (m):\t250\nDatabase:\tPVGIS-SARAH2\n\n\n"
    "time,P,G(i),H_sun\n" + "".join(f"2020010{i % 9 + 1}:0010,{i}.5,{i * 2},{i}.25\n" for i in range(60))
)


def test_a_delimiter_needs_most_lines_to_agree():
    read = table(PVGIS)
    assert (read.delimiter, read.skip_lines, read.rows) == ("comma", 6, 60)
    assert list(kinds(read)) == ["time", "P", "G(i)", "H_sun"] and read.lines[0] == 8


@pytest.mark.parametrize("head", ["# a comment\n#, another\n", "% of MATLAB\n", "A title\n\n", "\n\n", ",,\n"])
def test_lines_above_a_table_are_skipped_and_counted(head):
    read = table(head + "a,b,c\n1,2,3\n4,,6\n7,8,9\n")
    assert list(kinds(read)) == ["a", "b", "c"] and read.rows == 3
    assert read.missing_rows == (head.count("\n") + 3,)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'a,b\n"x\ny",1\n"u\nv",2\nz,3,4', "its line 6 has 3 columns where the first has 2"),
        (b'a,b\n1,2\n3,4\n"5,6\n7,8\n9,10\n', "a quotation mark opens in its line 4"),
        (b'a,b\n1,2\n3,"4""\n7,8\n9,10\n', "a quotation mark opens in its line 3"),
        (b"a,b\n1,2\n3,\x014\n", "its line 3 contains the control character U+0001"),
        ("ä,b\nü,2\nö,3\n".encode() + b"\xe9,4\n", "its line 4 contains the byte 0xE9, which is not UTF-8"),
    ],
)
def test_a_refusal_names_the_line_as_an_editor_counts(raw, words):
    assert words in refused(read_table, raw)
    if "control" not in words and "byte" not in words:  # with lines above the table that begin with a mark
        above, line = b"# one\n# two\n# three\n", int(re.search(r"line (\d+)", words)[1])
        moved = words.replace(f"line {line}", f"line {line + 3}")
        assert moved in refused(read_table, above + raw)


def test_the_lines_of_rows_count_line_ends_within_quotation_marks_and_blank_lines():
    read = table('a,b\n"x\ny",1\n\n,2\nz,3\n')
    assert read.lines.tolist() == [2, 5, 6] and read.missing_rows == (5,)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "длина,вес\nдом,2\nкот,3\n"),
        ("koi8_r", "длина,вес\nдом,2\nкот,3\n"),
        ("cp1253", "μήκος,βάρος\nένα,2\nδύο,3\n"),
        ("shift_jis", "テスト,値\nあ,1\nい,2\n"),
        ("gb18030", "长度,重量\n一,1\n二,2\n"),
        ("big5", "長度,重量\n一,1\n二,2\n"),
        ("cp949", "길이,무게\n하나,1\n둘,2\n"),
    ],
)
def test_other_encodings_are_asked_for_and_not_taken_for_western_ones(encoding, text):
    assert "choose" in refused(read_table, text.encode(encoding))
    assert list(kinds(read_table(text.encode(encoding), encoding=encoding))) == text.splitlines()[0].split(",")


def test_trailing_delimiters_make_no_column():
    for text in ("a,b,\n1,2,\n3,4,", "a,b\n1,2,\n3,4,\n"):
        read = table(text)
        assert list(kinds(read)) == ["a", "b"] and read.default_target == "b"
    assert table("a,b,c\n1,2,3\n,,\n4,5,6\n").rows == 2


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", ["", "rownames", "Unnamed: 0"])
def test_an_unnamed_first_column_that_counts_is_left_out_with_a_note_and_a_switch(start, name):
    read = table(f"{name},x,y\n" + "".join(f"{i + start},{i * i % 7},{i}.5\n" for i in range(9)))
    ready = prepare(read, "y", False)
    assert ready.input_names == ("x",)
    assert any(note.startswith("Left out because it counts the rows") for note in ready.notes)
    assert prepare(read, "y", False, keep_index=True).input_names == (read.columns[0].name, "x")
    unordered = table(f"{name},x,y\n2,1,1\n1,5,2\n3,4,3\n")
    assert len(prepare(unordered, "y", False).input_names) == 2


def test_dates_and_times_are_days():
    read = table("day,time,when,x\n1970-01-02,12:00,1970-01-01 06:00:00,1\n1970-02-01,18:30,1970-01-02T00:00:00Z,2\n")
    assert [column.kind for column in read.columns[:3]] == ["date"] * 3
    assert read.columns[0].values.tolist() == [1, 31] and read.columns[2].values.tolist() == [0.25, 1]
    assert read.columns[1].values.tolist() == [0.5, 18.5 / 24]
    assert table("d,x\n13.1.1970,1\n2.2.1970,2\n").columns[0].values.tolist() == [12, 32]
    assert table("d,x\n1/13/1970,1\n2/2/1970,2\n").columns[0].values.tolist() == [12, 32]
    for cells in (
        "2 Jan 1970,1\n12 March 1970,2",
        "Jan. 2 1970,1\nMarch 12 1970,2",
        "1/2/1970 12:00 AM,1\n3/13/1970 0:00 AM,2",
    ):
        assert table(f"d,x\n{cells}\n").columns[0].values[0] == 1, cells
    assert table("d,x\n1970-02,1\n1970-01,2\n").columns[0].values.tolist() == [31, 0]
    assert table("d,x\n1/31/1970 5:30 PM,1\n2/1/1970 11:00 AM,2\n").columns[0].values[0] == 30 + 17.5 / 24
    (obstacle,) = find_obstacles(table("d,x\n1/2/1970,1\n2/3/1970,2\n"), "x", False)
    assert "day and month" in str(obstacle.error)


def test_the_target_at_first_is_the_last_column_that_has_values_and_does_not_count_the_rows():
    rows = range(1, 5)
    for name, cells, target in (("values", "{0},{0}.5,x{0},", "b"), ("no values", "{0},,,", "c")):
        read = table(",a,b,c\n" + "".join(cells.format(n) + "\n" for n in rows))
        assert [column.name for column in read.columns] == ["column 1", "a", "b", "c"] and read.columns[0].counts
        assert read.default_target == target, name


@pytest.mark.parametrize(
    "text",
    ["a b c\n1 2 3\n4 5 6\n", "  a   b \t c\n 1.0   2  3\n4 5 6  \n", '"a" "b" "c"\n"1" "2" "3"\n4 5 6\n'],
)
def test_columns_may_be_divided_by_blanks(text):
    read = table(text)
    assert read.delimiter == "blanks" and list(kinds(read)) == ["a", "b", "c"]
    assert read.columns[2].values.tolist() == [3, 6]


def test_the_header_of_an_r_table_is_one_name_short():
    read = table('"mpg" "cyl"\n"Mazda RX4" 21 6\n"Datsun 710" 22.8 4\n')
    assert list(kinds(read)) == ["column 1", "mpg", "cyl"]
    assert read.columns[0].values.tolist() == ["Mazda RX4", "Datsun 710"]


def test_gzip_is_unpacked_up_to_the_limit():
    raw = b"a,b\n" + b"1,2\n3,4\n" * 1000
    assert read_table(gzip.compress(raw)).rows == 2000
    for size in (len(raw), len(raw) + 1):  # an even and an odd limit
        packed = gzip.compress(raw + b"\n" * (size - len(raw)))
        assert read_table(packed, max_bytes=size).rows == 2000
        assert f"unpacks to more than {size - 1:,} bytes" in refused(read_table, packed, max_bytes=size - 1)
    assert "end is missing" in refused(read_table, gzip.compress(raw)[:-9])


def test_gzip_of_several_members_is_one_file():
    assert read_table(gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n5,6\n")).rows == 3


def test_one_very_long_cell_is_text_and_names_no_columns():
    read = table("a,b\n" + "9" * 200_000 + "x,1\n2,3\n")
    assert kinds(read)["a"] == "text"


def test_more_cells_than_the_file_has_characters_are_refused_before_they_exist():
    names = ",".join(f"n{i}" for i in range(200))
    text = names + "\n" + "1\n" * 100_000
    assert "different numbers of cells" in refused(table, text)
    message = refused(read_table, text.encode(), delimiter=",")
    assert "fewer cells than its 200 columns" in message


def test_choices_replace_what_is_recognized():
    raw = b"a;b\n1,5;2,5\n3,5;4,5\n"
    assert read_table(raw, header=False).rows == 3
    assert read_table(raw, delimiter=",").delimiter == "comma"
    assert read_table(raw, skip_lines=1).columns[0].values.tolist() == [1.5, 3.5]
    assert read_table(b"1,2\n3,4\n", header=True).columns[0].name == "1"
    for choice in (
        {"delimiter": "x"},
        {"encoding": "utf-7"},
        {"decimal": "x"},
        {"skip_lines": -1},
        {"header": 2},
        {"day_first": 2},
    ):
        assert refused(read_table, raw, **choice).startswith(next(iter(choice)))


# --- any frame in any dialect ---

CELL_TEXTS = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12
).filter(lambda text: text.lower() not in NUMBER_MISSING)
FRAMES = st.builds(
    lambda whole, real, words: pd.DataFrame({"whole": whole, "real": real, "words": words, "ends": whole}),
    st.lists(st.integers(-(2**40), 2**40), min_size=6, max_size=6),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6),
    st.lists(CELL_TEXTS.map(lambda text: "w" + text), min_size=6, max_size=6),
)


@settings(max_examples=150)
@given(
    FRAMES,
    st.sampled_from(list(tables.DELIMITERS)),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.booleans(),
)
def test_a_frame_that_pandas_writes_in_any_dialect_is_read_back(frame, delimiter, newline, encoding, quoting, packed):
    text = frame.to_csv(index=False, sep=delimiter, lineterminator=newline, quoting=quoting)
    raw = text.encode(encoding)
    read = read_table(gzip.compress(raw) if packed else raw)
    assert read.header and read.rows == len(frame) and read.delimiter == tables.DELIMITERS[delimiter]
    for name in ("whole", "real", "ends"):
        column = read.columns[list(frame).index(name)]
        assert column.kind == "numeric" and not column.unclear
        np.testing.assert_array_equal(column.values, frame[name].astype(float))
    assert read.columns[2].values.tolist() == frame["words"].tolist()


@settings(max_examples=100)
@given(
    st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), min_size=3, max_size=9), st.sampled_from([";", "\t", "|"])
)
def test_a_frame_with_decimal_commas_is_read_back(numbers, delimiter):
    frame = pd.DataFrame({"a": numbers, "b": 0.25, "n": range(len(numbers))})
    read = table(frame.to_csv(index=False, sep=delimiter, decimal=","))
    assert read.decimal == "," and read.columns[0].values.tolist() == numbers
    assert read.columns[2].values.tolist() == list(range(len(numbers)))


# --- memory ---

MEASURE = """
import resource, sys
import numpy as np
from core.tables import read_table

read_table(b"a,b,c\\n1,x,2.5\\n3,y,4.5\\n")  # what the libraries take by themselves
pixels = np.random.default_rng(0).integers(0, 256, (100, 785))
pixels[np.random.default_rng(1).random(pixels.shape) > 0.19] = 0
block = "\\n".join(",".join(map(str, row)) for row in pixels.tolist()) + "\\n"
raw = (block * int(sys.argv[1])).encode()
del block, pixels
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = read_table(raw)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(raw), table.rows, (after - before) * 1024)
"""


@pytest.mark.slow
def test_a_table_like_mnist_is_read_within_six_times_its_bytes():
    command = [sys.executable, "-c", MEASURE, "600"]
    environment = os.environ | {"PYTHONPATH": str(HOUSE)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    size, rows, more = map(int, run.stdout.split())
    assert rows == 60_000 and size > 90_000_000
    assert size + more <= 6 * size


@pytest.mark.parametrize(
    "count, words", [(1, "1 unnamed empty column"), (2, "2 unnamed empty columns"), (3, "3 unnamed empty columns")]
)
def test_columns_without_a_name_and_a_value_are_counted(count, words):
    read = table("a,b" + "," * count + "\n1,2" + "," * count + "\n3,4" + "," * count)
    assert [column.name for column in read.columns] == ["a", "b"]
    assert f"{words} left out." in read.notes
