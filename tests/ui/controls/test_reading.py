"""The reading of a table: each control shows what was recognized under its own name, and gives its own argument."""

import pytest

from core.tables import read_table
from tests.support.nothing import anything
from ui.controls import reading

ARGUMENTS = {
    "table_delimiter": ("delimiter", "semicolon"), "table_encoding": ("encoding", "latin-1"),
    "table_decimal": ("decimal", ","), "table_day_first": ("day_first", False), "table_skip": ("skip_lines", 3),
    "table_skip_footer": ("skip_footer", 2), "table_sheet": ("sheet", "two"),
}  # fmt: skip
HEADERS = {True: ("header", True), False: ("header", False), "two": ("header_lines", 2)}


@pytest.mark.parametrize("key", [*ARGUMENTS, "table_header"])
def test_every_choice_is_its_own_argument_and_a_new_file_forgets_it(key, monkeypatch):
    assert key in reading.READ_KEYS and len(reading.READ_KEYS) == len(set(reading.READ_KEYS)) == len(ARGUMENTS) + 1
    for choice, argument in HEADERS.items() if key == "table_header" else [(ARGUMENTS[key][1], ARGUMENTS[key])]:
        monkeypatch.setattr(reading, "session", {key: choice})
        assert reading.reading_choices() == (argument,)
    monkeypatch.setattr(reading, "session", {key: None})
    assert reading.reading_choices() == ()


def drawn(table, monkeypatch, session):
    """(options by label, empty text) of each box, by its key, and the captions."""
    boxes, captions = {}, []

    def select(label, options, *, format_func, placeholder, key, **_):
        boxes[key] = {option: format_func(option) for option in options}, placeholder

    def number(label, *, placeholder, key, **_):
        boxes[key] = None, placeholder

    monkeypatch.setattr(reading, "session_by_name", session)
    monkeypatch.setattr(reading, "st", anything(selectbox=select, number_input=number, caption=captions.append))
    reading.draw_reading(table)
    return boxes, captions


ROWS = "".join(f"{n},5;1{n}/01/2026;{n % 2}\n" for n in range(1, 9))
TABLES = {
    0: (ROWS, "is a row", "no line of names"),
    1: ("a;b;c\n" + ROWS, "names the columns", "the first line names the columns"),
    2: ("a;b;c\nm;day;kind\n" + ROWS, "names the columns with the second", "the first two lines name the columns"),
}


@pytest.mark.parametrize("lines", TABLES)
def test_what_was_recognized_is_said_in_each_empty_box_until_something_is_chosen(lines, monkeypatch):
    text, header, caption = TABLES[lines]
    table = read_table(text.encode(), "t.csv", day_first=True, **({"header_lines": 2} if lines == 2 else {}))
    assert table.header_lines == lines
    boxes, captions = drawn(table, monkeypatch, {})
    assert captions[0].replace("\\", "").endswith(f"; {table.delimiter}, {table.encoding}, {caption}.")
    assert captions[0].startswith("8 rows, 3 columns")
    assert boxes["table_header"][1] == f"{header} (recognized)"
    assert boxes["table_delimiter"][1] == f"{table.delimiter} (recognized)"
    assert boxes["table_encoding"][1] == f"{table.encoding} (recognized)"
    assert boxes["table_decimal"][1] == "comma, as in 1,5 (recognized)"
    assert boxes["table_skip"][1] == boxes["table_skip_footer"][1] == "0 (recognized)"
    assert boxes["table_day_first"][0] == {
        True: "day first, as in 31/1/2026", False: "month first, as in 1/31/2026"
    }  # fmt: skip
    chosen, _ = drawn(table, monkeypatch, {"table_header": True, "table_decimal": "."})
    assert chosen["table_header"][1] == chosen["table_decimal"][1] == "recognized"
