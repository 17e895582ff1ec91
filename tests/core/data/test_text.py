"""The encoding of a file is recognized by its bytes above 127: valid UTF-8, or Western letters that stand apart."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data import text
from core.data.text import _line_of, _recognize
from core.errors import ConfigError
from core.tables import read_table

ALONE, PAIR = "é".encode("cp1252"), "éè".encode("cp1252")


def spaced(parts):
    return b"a,b\n" + b" x ".join(parts) + b" 1\n"


@given(st.text(st.sampled_from("ab é,äß€\n漢字"), max_size=30))
def test_valid_utf_8_is_utf_8(text):
    assert _recognize(text.encode(), "f") == "utf-8"


@given(st.lists(st.sampled_from("éèäöüßñçÅø€"), min_size=1, max_size=20))
def test_western_letters_that_stand_apart_are_western_european(letters):
    assert _recognize(spaced([letter.encode("cp1252") for letter in letters]), "f") == "cp1252"


@pytest.mark.parametrize("alone, pairs, western", [(3, 1, True), (2, 1, False), (6, 2, True), (5, 2, False)])
def test_a_quarter_of_the_letters_may_stand_in_pairs(alone, pairs, western):
    raw = spaced([ALONE] * alone + [PAIR] * pairs)
    if western:
        assert _recognize(raw, "f") == "cp1252"
    else:
        with pytest.raises(ConfigError, match="the encoding of its line 2 is unknown"):
            _recognize(raw, "f")


def test_longer_runs_and_rare_bytes_are_not_western():
    for run in ("éèà".encode("cp1252"), b"\xd7", b"\x81", "привет".encode("cp1251")):
        with pytest.raises(ConfigError, match="line 2"):
            _recognize(spaced([ALONE] * 9 + [run]), "f")


@pytest.mark.parametrize("bad, encoding", [(1, "utf-8"), (2, "utf-8"), (7, "cp1252")])
def test_where_half_of_the_runs_are_utf_8_the_others_are_its_errors(bad, encoding):
    assert _recognize(spaced(["é".encode()] * 2 + [ALONE] * bad), "f") == encoding


def test_the_end_mark_of_dos_is_no_text_and_a_byte_more():
    raw = b"a,b\n1,2\n3,4\n"
    marked, plain = read_table(raw + b"\x1a"), read_table(raw)
    assert marked.to_frame().equals(plain.to_frame()) and marked.rows == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_ends_within_a_letter_is_refused(encoding):
    raw = "a,b\n1,2\n3,é".encode(encoding)
    assert read_table(raw).rows == 2
    with pytest.raises(ConfigError, match="not UTF-8 like the rest|broken"):
        read_table(raw[:-1])


@pytest.mark.parametrize("length", [63, 64, 128])
def test_half_a_letter_at_the_end_is_found_where_a_slice_ends_there_too(length, monkeypatch):
    monkeypatch.setattr(text, "_SLICE", 64)
    with pytest.raises(ConfigError, match="bytes that the encoding cp932 does not have"):
        text._to_utf8(b"a" * (length - 1) + b"\x81", "f", "cp932")
    assert text._first_bad_byte(b"a" * (length - 1) + "é".encode()[:1]) == length - 1
    assert text._first_bad_byte(b"a" * (length - 1) + "é".encode()) is None


@pytest.mark.parametrize("before", range(9))
@pytest.mark.parametrize("letter", ["é", "漢", "😀"])
def test_the_first_bad_byte_is_found_wherever_slices_end(before, letter, monkeypatch):
    raw = b"a" * before + 3 * letter.encode()
    monkeypatch.setattr(text, "_SLICE", 5)
    assert text._first_bad_byte(raw) is None
    for at in range(before, len(raw)):
        broken = raw[:at] + b"a" + raw[at + 1 :]
        try:
            broken.decode()
        except UnicodeDecodeError as error:
            assert text._first_bad_byte(broken) == error.start


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n"]), max_size=12))
def test_a_line_ends_at_either_character_or_at_both_together(parts):
    raw = b"".join(parts)
    for position in range(len(raw) + 1):
        assert _line_of(raw, position) == len(re.split(rb"\r\n|\r|\n", raw[:position]))
