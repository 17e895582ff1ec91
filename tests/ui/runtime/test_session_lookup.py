"""The session state, looked up: what Streamlit's own dictionary says, without making it for one key."""

from streamlit.runtime.state import SafeSessionState
from streamlit.testing.v1 import AppTest

from ui.runtime import session_lookup


def script():
    import streamlit as st

    from ui.runtime import session_lookup

    session_lookup.install()
    st.session_state.setdefault("own", 3)
    st.session_state.setdefault("number", 2.0)
    st.number_input("Number", 0.0, 9.0, key="number")
    st.number_input("Empty", 0.0, 9.0, value=None, key="empty")
    st.selectbox("Choice", ["a", "b"], key="choice")
    st.selectbox("Without a key", ["c"])
    st.session_state["seen"] = sorted(st.session_state)
    st.session_state["sizes"] = None
    st.session_state["sizes"] = len(st.session_state), len(list(st.session_state))


def test_the_state_has_the_same_keys_and_values_as_streamlit_s_own():
    app = AppTest.from_function(script).run()
    assert not app.exception
    assert set(app.session_state["seen"]) >= {"own", "number", "empty", "choice"}
    for _ in range(2):
        size, listed = app.session_state["sizes"]
        assert size == listed >= 6
        app.run()
    assert not any("ID" in key for key in app.session_state["seen"])
    assert (app.session_state["own"], app.session_state["number"], app.session_state["empty"]) == (3, 2.0, None)
    app.number_input(key="empty").set_value(4.0).run()
    assert app.session_state["empty"] == 4.0
    app.number_input(key="empty").set_value(None).run()
    assert app.session_state["empty"] is None


def test_a_look_up_of_one_key_makes_no_dictionary_of_all(monkeypatch):
    copies = []

    class State(dict):
        def _keys(self):
            copies.append(1)
            return set(self)

    session_lookup.install()
    safe = SafeSessionState(State(scale=1.5), lambda: None)
    view = safe.filtered_state
    assert "scale" in view and view["scale"] == 1.5 and "depth" not in view
    assert copies == []


def test_installing_twice_changes_nothing_more():
    session_lookup.install()
    once = SafeSessionState.filtered_state
    session_lookup.install()
    assert SafeSessionState.filtered_state is once
