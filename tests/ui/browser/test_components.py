"""Components: their scripts are files of this server, and what a stranger makes them say sets no control."""

import pytest
from streamlit.testing.v1 import AppTest

from ui.browser import components


def page(name, **data):
    def script(name, data):
        from ui.browser import components

        components.mount(name, "key", lambda: None, data=data)

    return AppTest.from_function(script, kwargs={"name": name, "data": data}).run()


@pytest.mark.parametrize("name", [path.stem for path in (components._FOLDER / "assets").glob("*.js")])
def test_a_component_s_script_is_a_file_and_never_text_in_the_page(name):
    app = page(name, families=[])
    assert not app.exception
    (element,) = app.get("bidi_component")
    assert element.proto.js_source_path.startswith(f"{name}.js") and not element.proto.js_content


def test_a_place_below_the_screen_is_drawn_once_it_is_reached():
    def script():
        import streamlit as st

        from ui.browser.reached import is_reached

        if is_reached("place", 200):
            st.markdown("drawn")

    app = AppTest.from_function(script).run()
    assert not app.exception and not app.markdown
    app.session_state["place_reached"] = True
    assert [element.value for element in app.run().markdown] == ["drawn"]


def test_a_browser_draws_in_three_dimensions_until_it_says_that_it_cannot():
    def script():
        import streamlit as st

        from ui.browser.webgl import has_webgl

        st.markdown("in space" if has_webgl("asks") else "flat")

    app = AppTest.from_function(script).run()
    assert not app.exception and [element.value for element in app.markdown] == ["in space"]
    app.session_state["without_webgl"] = True
    assert [element.value for element in app.run().markdown] == ["flat"]
    assert not app.get("bidi_component")
