"""A frame within another site: which rows and controls it has, and the address of its page without it."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from ui import embedding

NAMES = ("depth", "activation", "init_scale")
PIXELS = {"verdict": 34, "sentence": 46, "controls": 74, "link": 26, "margins": 26}
LOW = {"verdict": 32, "sentence": 0, "controls": 46, "link": 22, "margins": 26}


def framed(names):
    import streamlit as st

    from ui import embedding

    controls = {name: lambda name=name: st.button(name, key=name) for name in names}
    embedding.draw_frame(lambda: st.markdown("picture"), verdict=lambda: st.header("verdict"), controls=controls)


@pytest.mark.parametrize("hide", [(), ("depth",), ("depth", "init_scale"), NAMES])
@pytest.mark.parametrize("text", ["on", "off"])
def test_a_frame_has_what_is_not_hidden_and_a_picture_as_high_as_the_rows_leave_it(hide, text):
    app = AppTest.from_function(framed, args=(NAMES,))
    for name, value in {"hide": ",".join(hide), "lock": "depth,activation", "text": text}.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    left = [name for name in NAMES if name not in hide]
    assert [button.key for button in app.button] == left
    assert [header.value for header in app.header] == ["verdict"] * (text == "on")
    assert app.markdown[0].value == "picture"
    rows = ["link", "margins", *["controls"] * bool(left), *["verdict", "sentence"] * (text == "on")]
    [sheet] = [html.proto.body for html in app.get("html")]
    for pixels in (PIXELS, LOW):
        assert f"--picture: calc(100vh - {sum(pixels[row] for row in rows)}px)" in sheet


def test_the_full_page_has_all_that_the_address_states_but_the_frame(monkeypatch):
    given = {"depth": ["3"], "activations": ["tanh", "relu"], "hide": ["depth"], "lock": ["all"], "text": ["off"],
             "pattern": ["a b"], "step": ["7"]}  # fmt: skip

    class Query(dict):
        get_all = dict.__getitem__

    context = SimpleNamespace(url="https://lab.example.org/sub/runs?embed=true")
    monkeypatch.setattr(embedding, "st", SimpleNamespace(context=context, query_params=Query(given)))
    page = urlsplit(embedding.full_page())
    assert (page.scheme, page.netloc, page.path) == ("https", "lab.example.org", "/sub/runs")
    kept = {name: texts for name, texts in given.items() if name not in ("hide", "lock", "text")}
    assert parse_qs(page.query) == kept
