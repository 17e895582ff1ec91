"""Frames of other sites and compact addresses: what is asked for is what the address states."""

import pytest

from tests.support.nothing import anything
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


def test_a_sheet_ends_with_its_link_in_letters_and_as_a_code(monkeypatch):
    given = []

    def document(title, lines, charts, tables):
        given.append((title, lines, charts, tables))
        return "<body>all</body>"

    monkeypatch.setattr(sharing, "document", document)
    page = sharing.make_handout("title", ["one", "two"], "chart", "http://x/?a=1&b=2")
    assert given == [("title", ["one", "two", "http://x/?a=1&b=2"], ["chart"], [])]
    assert page.startswith("<body>all<figure") and sharing.qr_code("http://x/?a=1&b=2") in page
    assert sharing.qr_code("http://x/?a=1&b=2") != sharing.qr_code("http://x/?a=1&b=3")
    assert 'alt="QR code of http://x/?a=1&amp;b=2"' in page


def test_the_dialog_to_embed_opens_once_and_closes_the_menu(monkeypatch):
    session = {"share": True}
    monkeypatch.setattr(sharing, "session", session)
    sharing._ask_for_frame()
    assert session == {"share": False, "share_embed_asked": True}
    assert session.pop("share_embed_asked", False)


@pytest.mark.parametrize("page, compact", [("", True), ("compare", False), ("sweep", False), ("runs", False)])
def test_only_the_lab_has_a_compact_address_and_controls_in_a_frame(page, compact, monkeypatch):
    codes, dialogs, sheets = [], [], []
    menu = anything(open=True)
    streamlit = anything(popover=lambda *_, **__: menu, code=lambda text, **_: codes.append(text))
    session = {"share_embed_asked": True}
    monkeypatch.setattr(sharing, "st", streamlit)
    monkeypatch.setattr(sharing, "session", session)
    monkeypatch.setattr(sharing, "to_address", lambda query: f"whole {query}")
    monkeypatch.setattr(sharing, "draw_embed_dialog", lambda query, controls: dialogs.append((query, controls)))
    monkeypatch.setattr(sharing.panels, "download", lambda *given: sheets.append(given[1]))
    query = {"depth": ["3"]}
    for _ in range(2):
        sharing.draw_menu.__wrapped__(
            page, lambda: query, lambda: codes.append("more"), lambda link: f"sheet of {link}"
        )
    packed = "whole {'s': ['C3']}"
    addresses = [f"whole {query}", packed] if compact else [f"whole {query}"]
    assert codes == [*addresses, "more"] * 2 and sheets == [f"sheet of {addresses[-1]}"] * 2
    assert dialogs == [(query, sharing.CONTROLS if compact else ())]  # once


@pytest.mark.parametrize("size", FRAMES)
@pytest.mark.parametrize("controls", [(), ("depth", "activation", "init_scale")])
def test_the_dialog_shows_the_frame_of_what_is_chosen_in_it_and_its_code(size, controls, monkeypatch):
    codes, frames = [], []
    answers = {"embed_size": size, "embed_words": False, "embed_hide": ["depth"], "embed_lock": ["activation"]}
    choose = lambda *_, key, **__: answers[key]  # noqa: E731
    streamlit = anything(segmented_control=choose, toggle=choose, pills=choose,
                         code=lambda text, **_: codes.append(text),
                         iframe=lambda address, **sizes: frames.append((address, sizes)))  # fmt: skip
    monkeypatch.setattr(sharing, "st", streamlit)
    monkeypatch.setattr(sharing, "to_address", lambda query: f"whole {query}")
    sharing.draw_embed_dialog.__wrapped__({"steps": ["3"]}, controls)
    hide, lock = (["depth"], ["activation"]) if controls else ([], [])
    address = f"whole {frame_query({'steps': ['3']}, hide=hide, lock=lock, words=False)}"
    width, height = FRAMES[size]
    assert frames == [(address, {"width": width, "height": height})]
    assert codes == [frame_code(address, width=width, height=height)]
