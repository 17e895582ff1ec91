"""The frame around every page: its styles, scripts and marks, by theme, by page, and within another site."""

from contextlib import nullcontext

import pytest
import streamlit as st
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core.errors import ConfigError
from tests.support.checkout import HOUSE
from ui import glossary, navigation, panels, printing
from ui.embedding import BARE
from ui.margins import LAYOUT, page_style
from ui.runtime import event_log, limits, visitors, widget_states
from ui.urls import history, picture_script

PAGES = {"": True, "compare": True, "sweep": True, "runs": True, "papers": False, "lecture": False, "present": False}


@pytest.fixture
def noted(monkeypatch):
    """Opens a page that draws nothing; returns what the frame does around it, in its order, its HTML, and the page."""
    done = []

    def page():
        done.append("page")

    def pages():
        return [st.Page(page, title=path or "Lab", url_path=path or None, default=not path) for path in PAGES]

    monkeypatch.setattr(navigation, "pages", pages)
    for owner, name in ((visitors, "show_lost_session"), (widget_states, "show_refused"), (glossary, "draw")):
        monkeypatch.setattr(owner, name, lambda name=name: done.append(name))
    monkeypatch.setattr(event_log, "timed", lambda event, **facts: nullcontext(done.append((event, facts))))

    def open_at(path, *, dark=False, embedded=False):
        done.clear()
        monkeypatch.setattr(panels, "dark", lambda: dark)
        monkeypatch.setattr(ContextProxy, "is_embedded", embedded)
        app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=120)
        app._page_hash = calc_hash(path)
        app.run()
        assert not app.exception
        return list(done), "".join(element.proto.body for element in app.get("html")), app

    return open_at


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_its_styles_and_scripts_and_what_stands_around_it_in_order(path, embedded, noted):
    done, html, _ = noted(path, embedded=embedded)
    word = [] if embedded else ["draw"]  # of the glossary
    assert done == [*word, "show_lost_session", ("page", {"page": path}), "page", "show_refused"]
    assert LAYOUT in html and printing.STYLE in html
    assert history.SCRIPT in html and picture_script.SCRIPT in html
    assert (BARE in html) == embedded
    assert (page_style(path) in html) == (PAGES[path] and not embedded)


@pytest.mark.parametrize("dark", [False, True])
def test_buttons_of_the_accent_have_dark_letters_in_the_dark_theme_only(dark, noted):
    _, html, _ = noted("papers", dark=dark)
    assert ("color: #0d1620 !important" in html) == dark


def test_a_wrong_setting_is_said_in_a_sentence_and_no_page_is_drawn(noted, monkeypatch):
    def refuse():
        raise ConfigError("GRADIENT_LAB_MAX_COST", "x", "it must be a whole number")

    monkeypatch.setattr(limits, "check", refuse)
    done, _, app = noted("")
    assert done == [] and "GRADIENT_LAB_MAX_COST" in app.error[0].value


def test_the_pages_are_those_of_the_navigation_and_have_a_sidebar_as_they_say():
    files = {path.stem for path in (HOUSE / "pages").glob("*.py")}
    assert {path or "lab" for path in PAGES} == files
    assert set(navigation.SIDEBAR_PAGES) == {path for path, has_sidebar in PAGES.items() if has_sidebar}
