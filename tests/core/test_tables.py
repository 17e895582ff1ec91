"""A visitor's table: what is detected, what is refused and in which words, and what becomes of each column."""

import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import tables
from core.data.datasets import check_targets, infer_task, recommended_losses, split
from core.errors import ConfigError
from core.tables import Prepared, Table, prepare, read_table

PEOPLE = b"age,color,score,group\n31,red,1.5,a\n42,blue,2.5,b\n53,red,-3e1,a\n64,green,.5,b\n"


def table(text):
    return read_table(text.encode())


def kinds(read):
    return {column.name: column.kind for column in read.columns}


def refused(call, *arguments, **named):
    """The message of the ConfigError that the call must raise: one sentence, whatever the names hold."""
    with pytest.raises(ConfigError) as caught:
        call(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 700
    return message


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
    ("encoding", "said"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("cp1252", "cp1252"), ("latin-1", "cp1252")],
)
def test_encodings_are_told_apart(encoding, said):
    read = read_table("größe,naïve\n1,é\n2,ß\n".encode(encoding))
    assert read.encoding == said
    assert kinds(read) == {"größe": "numeric", "naïve": "category"}


def test_utf_16_of_either_byte_order_is_read():
    assert read_table(b"\xfe\xff" + "a,ü\n1,2\n".encode("utf-16-be")).columns[1].name == "ü"
    assert read_table(b"\xff\xfe" + "a,ü\n1,2\n".encode("utf-16-le")).columns[1].name == "ü"


def test_bytes_that_windows_leaves_out_are_read_as_latin_1():
    assert read_table(b"a,b\n1,\x81\xe9\n").encoding == "latin-1"


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
def test_the_first_line_that_tells_excel_the_delimiter_is_no_data(line, newline, encoding):
    rest = "a,b;c\n1;2\n3;4\n"
    read = read_table((line + "\n" + rest).replace("\n", newline).encode(encoding))
    assert read.delimiter == "semicolon" and read.header and read.rows == 2
    assert read.to_frame().equals(table(rest).to_frame())


@pytest.mark.parametrize(("delimiter", "word"), tables.DELIMITERS.items())
def test_what_the_first_line_tells_goes_before_what_the_others_look_like(delimiter, word):
    # every line has as many fields by any of the four
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
        ("country,2019,2020\n1,2,3\n4,5,6\n", True),  # years as names: a text above numbers tells
        ("x,1\ny,2\n", False),
        ("NA,1\n2,3\n", False),
        ("10 %,90 %\n1,2\n3,4\n", True),  # quantiles as names
        (",b\n1,2\n", True),
    ],
)
def test_a_header_is_told_by_texts_above_numbers(text, header):
    assert table(text).header is header


def test_columns_without_a_name_are_numbered():
    assert list(kinds(table(",b,\n1,2,3\n"))) == ["column 1", "b", "column 3"]


def test_blank_lines_and_spaces_around_cells_do_not_count():
    read = table("\n a , b \n\n 1 , x y \n\n2,  z\n\n")
    assert list(kinds(read)) == ["a", "b"] and read.rows == 2
    assert read.columns[1].values.tolist() == ["x y", "z"]


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "#N/A", "NaN", "null", "NULL", "?"])
def test_missing_values_are_known_in_their_usual_spellings(cell):
    read = table(f"a,b\n1,x\n{cell},y\n3,{cell}\n")
    assert read.missing_rows == (2, 3)
    assert np.isnan(read.columns[0].values[1]) and read.columns[1].values[2] is None


def test_a_short_row_lacks_its_last_values():
    assert table("a,b\n1,2\n3\n").missing_rows == (2,)


def test_an_empty_column_makes_no_row_incomplete():
    read = table("a,b,\n1,2,\n3,4,\n")
    assert kinds(read)["column 3"] == "empty" and read.missing_rows == ()


@pytest.mark.parametrize("cell", ["1_000", "0x10", "1 000", "1,000.0", "12€", "1e", "--1", "१", "=1+1", "1.2.3", "1j"])
def test_only_plain_decimal_numbers_are_numbers(cell):
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
        (b"a b\n1 2\n", "single column"),
        (b"title\n\na,b\n1,2\n", "single column"),
        (b"a,b\n1,2\n3,4,5\n", "its line 3 has 3 columns where the first has 2"),
        (b'a,b\n"1,2\n3,4\n', "a quotation mark is opened in it and not closed"),
        (b"sep=;\n", "it is empty"),
        (b"sep=;\na,b\n1,2\n", "single column"),
        (b"sep=;\na;b\n1;2\n3;4;5\n", "its line 4 has 3 columns where the first has 2"),
        (b"sep=:\na:b\n1:2\n", "its first line says that ':' divides it; what may divide it is tab, semicolon, vert"),
        (b"a,b,a\n1,2,3\n", "two of its columns are named 'a'"),
        (b"a, a \n1,2\n", "two of its columns are named 'a'"),
        (b",column 1\n1,2\n", "two of its columns are named 'column 1'"),
        (b"x" * 201 + b",b\n1,2\n", "the name of its column 1 is longer than 200"),
        (b"a,b\n1,\x00\n", "bytes that no text has"),
        ("a,b\n1,2\n".encode("utf-16-le"), "bytes that no text has"),  # without its mark
        ("a,b\n1,2\n".encode("utf-32"), "bytes that no text has"),
        (b"\xff\xfea,b\n1", "marked as UTF-16 but broken"),
        (bytes(range(256)) * 4, "bytes that no text has"),
        (b"\x89PNG\r\n\x1a\n1,2", "it is an image"),
        (b"\xff\xd8\xff\xe0,1", "it is an image"),
        (b"%PDF-1.7,1", "it is a PDF"),
        (archive(), "it is an Excel workbook or a zip archive"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "it is a gzip archive"),
        (b"a" * 70_000, "no complete line"),
        (b"," * 70_000, "no complete line"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(raw, reason):
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
    assert "at most 5,000,000" in refused(read_table, b"PK\x03\x04" + bytes(5_000_000))


def test_a_table_without_a_file_name_is_called_this_table():
    assert refused(read_table, b"").startswith("data = 'this table'")


def test_a_name_cannot_break_out_of_its_message():
    assert "'a\\nb.csv'" in refused(read_table, b"", "a\nb.csv")
    assert len(refused(read_table, b"", "x" * 100_000)) < 300


# --- preparing ---


def test_inputs_are_numbers_and_one_hot_categories_standardized():
    ready = prepare(read_table(PEOPLE), "score", drop_missing=False)
    assert ready.input_names == (
        "age",
        "color = blue",
        "color = green",
        "color = red",
        "group = a",
        "group = b",
    )
    raw = np.array([[31, 0, 0, 1, 1, 0], [42, 1, 0, 0, 0, 1], [53, 0, 0, 1, 1, 0], [64, 0, 1, 0, 0, 1]], dtype=float)
    # rounding of four values of order 1
    np.testing.assert_allclose(ready.X, (raw - raw.mean(axis=0)) / raw.std(axis=0), rtol=1e-14, atol=1e-15)
    score = np.array([1.5, 2.5, -30, 0.5])
    np.testing.assert_allclose(ready.D[:, 0], (score - score.mean()) / score.std(), rtol=1e-14)
    assert ready.task == "regression" and ready.output_names == ("score",) and ready.dropped_rows == ()
    assert f"mean {score.mean():.6g} and standard deviation {score.std():.6g}" in ready.notes[0]
    assert "6 inputs" in ready.notes[-1] and "4 rows" in ready.notes[-1]


def column_of(values):
    return table("t,x\n" + "".join(f"{value},{i}\n" for i, value in enumerate(values)))


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b", "a", "b"], "two-class"),
        (["a", "b", "c", "a"], "multi-class"),
        ([0, 1, 1, 0], "two-class"),
        ([3.5, -1, 3.5, -1], "two-class"),
        ([1, 2, 3] * 2, "multi-class"),
        ([1, 2, 3, 4, 5], "regression"),  # every number once: a quantity, not a class
        ([1.5, 2, 3] * 2, "regression"),
        (list(range(20)) * 2, "multi-class"),
        (list(range(21)) * 2, "regression"),
        ([f"n{i}" for i in range(50)], "multi-class"),
    ],
)
def test_the_task_is_inferred_from_the_target_and_told(values, task):
    ready = prepare(column_of(values), "t", drop_missing=False)
    assert ready.task == task
    assert task in ready.notes[0] and f"has {len(set(values))} different" in ready.notes[0]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([1, 2, 3] * 2, "regression"),
        ([1, 2, 3, 4, 5], "multi-class"),
        ([0, 1, 1, 0], "multi-class"),
        ([0, 1, 1], "regression"),
    ],
)
def test_a_task_that_is_asked_for_overrides_the_inference(values, task):
    ready = prepare(column_of(values), "t", drop_missing=False, task=task)
    assert ready.task == task == infer_task(ready.D)
    assert ready.D.shape[1] == (1 if task == "regression" else len(set(values)))


def test_two_classes_are_0_and_1_in_order():
    ready = prepare(column_of([7, 3, 3, 7]), "t", drop_missing=False)
    assert ready.D.tolist() == [[1], [0], [0], [1]]
    assert ready.output_names == ("t = 7",) and "3' is 0 and '7' is 1" in ready.notes[0]


def test_many_classes_are_one_hot_in_order():
    ready = prepare(column_of([10, 9, 2, 10, 9, 2]), "t", drop_missing=False)
    assert ready.D.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]] * 2
    assert ready.output_names == ("t = 2", "t = 9", "t = 10")


HOLES = "a,b,t\n1,x,1.5\n,y,2.5\n3,?,3.5\n4,y,NA\n5,x,5.5\n6,y,6.5\n"


def test_rows_with_missing_values_are_named_and_kept_from_training_only_on_request():
    message = refused(prepare, table(HOLES), "t", drop_missing=False)
    assert "3 of 6 rows lack a value in 'a', 'b', 't' (rows 2, 3, 4)" in message and "drop these rows" in message
    ready = prepare(table(HOLES), "t", drop_missing=True)
    assert ready.dropped_rows == (2, 3, 4) and len(ready.X) == len(ready.D) == 3
    assert any("rows 2, 3, 4" in note and "dropped" in note for note in ready.notes)
    integer = prepare(table("a,b,t\n1,x,1.5\n5,x,5.5\n6,y,6.5\n"), "t", drop_missing=False)
    np.testing.assert_array_equal(ready.X, integer.X)
    np.testing.assert_array_equal(ready.D, integer.D)


def test_many_missing_rows_are_counted_and_the_first_ones_named():
    text = "a,t\n" + "1,2\n2,3\n" + ",1\n" * 40
    message = refused(prepare, table(text), "t", drop_missing=False)
    assert "40 of 42 rows lack a value in 'a' (rows 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 30 more)" in message


def test_a_column_left_out_takes_its_missing_values_with_it():
    ready = prepare(table(HOLES), "a", drop_missing=True, leave_out=["b", "t"][:1])
    assert ready.dropped_rows == (2, 4) and ready.input_names == ("t",)


def test_constant_and_empty_inputs_are_dropped_and_named():
    ready = prepare(table("a,b,c,d,t\n1,x,5,,1\n2,x,5,,2\n4,x,5,,4\n"), "t", drop_missing=False)
    assert ready.input_names == ("a",)
    assert "Dropped because constant: 'b', 'c'." in ready.notes and "Dropped because empty: 'd'." in ready.notes


def test_an_input_that_becomes_constant_with_the_dropped_rows_is_dropped():
    ready = prepare(table("a,b,t\n1,x,1\n2,y,\n4,x,4\n"), "t", drop_missing=True)
    assert ready.input_names == ("a",) and "Dropped because constant: 'b'." in ready.notes


def heights(*others):
    """40 different heights with a weight each, and a cell of the visitor's in row 21 of both."""
    rows = [[f"{150 + i}.5", f"{50 + i}.25"] for i in range(40)]
    rows[20] = [text or cell for text, cell in zip(others, rows[20], strict=True)]
    return table("height,weight\n" + "".join(f'"{height}","{weight}"\n' for height, weight in rows))


SLIPS = ["~70", "ca. 160", "70 kg", "70*", "#DIV/0!", "-", "10%", "1,000", "2,5", "1 000", "x"]


@pytest.mark.parametrize("cell", SLIPS)
def test_one_cell_that_is_no_number_makes_no_classes_of_numbers(cell):
    said = f"holds numbers, but row 21 holds {cell!r}; correct it to a plain number such as 1234.5"
    for task in (None, "regression"):
        message = refused(prepare, heights("", cell), "weight", drop_missing=False, task=task)
        assert f"its column 'weight' {said}, or leave it empty" in message
    message = refused(prepare, heights(cell, ""), "weight", drop_missing=False)
    assert f"its column 'height' {said}, leave it empty, or leave the column out" in message


def test_a_cell_that_is_no_number_does_no_harm_in_a_column_left_out_or_where_classes_are_asked_for():
    several = table("a,b,t\n" + "".join(f"{i},{i * i},{i % 7}\n" for i in range(20)) + "~20,400,6\n")
    assert prepare(several, "t", drop_missing=False, leave_out=["a"]).input_names == ("b",)
    assert prepare(heights("", "~70"), "weight", drop_missing=False, task="multi-class").D.shape == (40, 40)


def test_columns_taken_as_categories_are_named():
    notes = prepare(read_table(PEOPLE), "score", drop_missing=False).notes
    assert "Taken as categories: 'color', 'group'." in notes
    constant = prepare(table("a,b,t\n1,x,1\n2,x,2\n4,x,4\n"), "t", drop_missing=False)
    assert not [note for note in constant.notes if "categories" in note]
    few = prepare(table("a,t\n" + "1,5\n2,6.5\n3,7\n1,8\n2,9\n3,1\n1,2\n2,3\n3,4\nother,0\n"), "t", drop_missing=False)
    assert few.X.shape[1] == 4 and "Taken as categories: 'a'." in few.notes


NAMES = "".join(f"{i},name {i},{i * i}\n" for i in range(60))


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ("a,t\n1,2\n3,4\n", {"target": "u"}, ["target = 'u'", "a column of the table: 'a', 't'"]),
        ("a,t\n1,2\n3,2\n", {"target": "t"}, ["target = 't'", "every row has '2'", "must vary"]),
        ("a,t\n1,\n3,\n", {"target": "t"}, ["target = 't'", "empty"]),
        ("i,n,q\n" + NAMES, {"target": "n"}, ["target = 'n'", "60 different texts such as 'name 0'", "at most 50"]),
        ("i,n,q\n" + NAMES, {"target": "q"}, ["'n' holds 60 different texts", "leave this column out"]),
        ("a,t\n1,2\ninf,4\n", {"target": "t"}, ["column 'a' has inf in row 2", "finite"]),
        ("a,t\n1,2\n3,-1e101\n", {"target": "t"}, ["column 't' has -1e+101 in row 2", "at most 1e+100"]),
        ("a,t\n1,x\n3,y\n", {"target": "t", "task": "regression"}, ["task = 'regression'", "texts such as 'x'"]),
        ("a,t\n1,2\n3,4\n5,6", {"target": "t", "task": "two-class"}, ["task = 'two-class'", "3 different values"]),
        ("i,n,q\n" + NAMES, {"target": "q", "task": "multi-class"}, ["task = 'multi", "60 different", "above 50"]),
        ("a,t\n1,2\n3,4\n", {"target": "t", "task": "clustering"}, ["task = 'clustering'", "two-class"]),
        ("a,t\n1,2\n3,4\n", {"target": "t", "leave_out": ["z"]}, ["leave_out = 'z'", "'a', 't'"]),
        ("a,t\n1,2\n3,4\n", {"target": "t", "leave_out": ["t"]}, ["leave_out = 't'", "it is the target"]),
        ("a,t\n1,2\n3,4\n", {"target": "t", "leave_out": ["a"]}, ["no column is left to be an input"]),
        ("a,t\n1,2\n1,4\n", {"target": "t"}, ["no column is left to be an input", "constant"]),
        ("a,t\n1,2\n", {"target": "t"}, ["1 of its 1 rows are complete; at least 2"]),
        ("a,t\n1,\n,4\n", {"target": "t", "drop_missing": True}, ["0 of its 2 rows are complete"]),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_the_column_and_the_reason(text, arguments, words):
    message = refused(prepare, table(text), **{"drop_missing": False, **arguments})
    assert all(word in message for word in words), message


def test_leaving_a_column_out_makes_the_rest_usable():
    ready = prepare(table("i,n,q\n" + NAMES), "q", drop_missing=False, leave_out=["n"])
    assert ready.input_names == ("i",)


def test_an_infinity_in_a_dropped_row_does_no_harm():
    assert len(prepare(table("a,b,t\n1,1,1\ninf,,2\n3,3,3\n"), "t", drop_missing=True).X) == 2


def test_categories_cannot_blow_a_table_up(monkeypatch):
    monkeypatch.setattr(tables, "MAX_VALUES", 4 * 4 + 3)
    assert "more than 19 numbers" in refused(prepare, read_table(PEOPLE), "age", drop_missing=False)
    monkeypatch.setattr(tables, "MAX_VALUES", 4 * 7)
    assert prepare(read_table(PEOPLE), "age", drop_missing=False).X.size == 24


def test_names_are_kept_as_they_are():
    ready = prepare(table("<i>a</i>,=t()\n1,x*\n2,y_\n"), "=t()", drop_missing=False)
    assert ready.input_names == ("<i>a</i>",) and ready.output_names == ("=t() = y_",)


@pytest.mark.parametrize("scale", ["e-300", "e-150", "", "e90"])
def test_extreme_numbers_are_standardized_like_any_others(scale):
    ready = prepare(table(f"a,t\n1{scale},1{scale}\n2{scale},2{scale}\n4{scale},4{scale}\n"), "t", drop_missing=False)
    expected = (np.array([1, 2, 4]) - 7 / 3) / np.array([1, 2, 4]).std()
    # 1e-13: decimal inputs are rounded before they are scaled
    np.testing.assert_allclose(ready.X[:, 0], expected, rtol=1e-13)
    np.testing.assert_allclose(ready.D[:, 0], expected, rtol=1e-13)
    spread = float(ready.notes[0].split("standard deviation ")[1].rstrip("."))
    assert spread == pytest.approx(float("1" + scale) * np.array([1, 2, 4]).std(), rel=1e-5, abs=0)


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
        assert split(ready.X, ready.D, 0.0, 0).task == ready.task
        check_targets(recommended_losses(ready.task)[0], ready.D, ready.task)
