"""Frames of other sites and compact addresses: what is asked for is what the address states."""

import pytest

from ui import sharing
from ui.embedding import ROWS
from ui.sharing import FRAMES, frame_code, frame_query


@pytest.mark.parametrize("hide", [[], ["depth"], ["depth", "activation"]])
@pytest.mark.parametrize("lock", [[], ["init_scale"]])
@pytest.mark.parametrize("words", [True, False])
def test_a_frame_states_what_is_hidden_what_is_fixed_and_whether_there_are_words(hide, lock, words):
    given = {"depth": ["20"], "hide": ["width"], "lock": ["all"], "text": ["off"]}  # those of another frame
    query = frame_query(given, hide=hide, lock=lock, words=words)
    wanted = {"embed": ["true"], "depth": ["20"]}
    wanted |= {"hide": [",".join(hide)]} if hide else {}
    wanted |= {"lock": [",".join(lock)]} if lock else {}
    wanted |= {} if words else {"text": ["off"]}
    assert query == wanted


@pytest.mark.parametrize("size", FRAMES)
def test_a_frame_is_as_wide_and_as_high_as_its_name_says(size):
    width, height = map(int, size.split(" × "))
    assert FRAMES[size] == (width, height) and width > height
    code = frame_code("http://x/?a=1&b=2", width=width, height=height)
    assert f'width="{width}" height="{height}"' in code and "a=1&amp;b=2" in code


def test_a_compact_address_is_the_packed_query_and_none_without_settings(monkeypatch):
    monkeypatch.setattr(sharing, "to_address", lambda query: query)
    assert sharing.compact_address({"depth": ["20"], "activation": ["relu"]}) == {"s": ["C20A3"]}
    assert sharing.compact_address({}) == {}


def test_no_row_of_a_frame_is_higher_where_the_frame_is_low():
    assert all(tall >= low for tall, low in ROWS.values())
