"""A request that no change of a value has caused says nothing new with values that the browser had before."""

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.testing.v1 import AppTest

from ui.runtime import old_values
from ui.runtime.old_values import without_old


def states(*, pressed=(), by_itself=False, **values):
    sent = WidgetStates()
    for name, value in values.items():
        sent.widgets.add(id=name, double_value=value)
    for name in pressed:
        sent.widgets.add(id=name, trigger_value=True)
    if by_itself:
        sent.widgets.add(id=old_values.ASKED_BY_ITSELF)
    return sent


def names(sent):
    return [state.id for state in sent.widgets]


@pytest.mark.parametrize("cause", [{"pressed": ["go"]}, {"by_itself": True}])
def test_of_a_request_that_was_made_for_another_reason_new_values_alone_count(cause):
    before = states(rate=1.0, depth=3.0)
    kept = without_old(states(rate=1.0, depth=4.0, width=5.0, **cause), before)
    assert names(kept) == ["depth", "width", *cause.get("pressed", [])]
    assert names(without_old(states(rate=1.0, **cause), None)) == ["rate", *cause.get("pressed", [])]


def test_a_changed_value_brings_all_values_with_it():
    before = states(rate=1.0, depth=3.0)
    assert names(without_old(states(rate=1.0, depth=4.0), before)) == ["rate", "depth"]


def test_a_request_of_a_timer_is_marked_and_no_other_one(monkeypatch):
    sent = []
    monkeypatch.setattr(old_values, "_request", lambda session, client_state: sent.append(client_state))
    for by_itself in (True, False):
        old_values._request_marked(None, ClientState(is_auto_rerun=by_itself))
    old_values._request_marked(None, None)
    assert [names(state.widget_states) for state in sent[:2]] == [[old_values.ASKED_BY_ITSELF], []]
    assert sent[2] is None


def page():
    def script():
        import streamlit as st

        st.number_input("rate", 0.0, 10.0, 4.0, key="rate")
        st.button("set", key="set", on_click=lambda: st.session_state.update(rate=7.0))
        st.button("other", key="other")

    return AppTest.from_function(script).run()


@pytest.fixture
def installed(monkeypatch):
    for place, name in ((SafeSessionState, "on_script_will_rerun"), (AppSession, "request_rerun")):
        monkeypatch.setattr(place, name, getattr(place, name))  # as it was, afterwards
    old_values.install()


@pytest.mark.parametrize("seconds, rate", [(old_values.KEPT_SECONDS, 7.0), (-1.0, 4.0)])
def test_what_a_press_has_set_stays_beside_a_request_that_was_sent_before_it_was_drawn(
    installed, monkeypatch, seconds, rate
):
    monkeypatch.setattr(old_values, "KEPT_SECONDS", seconds)
    app = page()
    stale = app._tree.get_widget_states()
    app.button(key="set").click().run()
    assert app.number_input(key="rate").value == 7.0
    next(state for state in stale.widgets if state.id.endswith("-other")).trigger_value = True
    app._run(stale)
    assert app.number_input(key="rate").value == rate


def test_who_sets_a_value_back_by_hand_has_it(installed):
    app = page()
    app.button(key="set").click().run()
    app.number_input(key="rate").set_value(4.0).run()
    assert app.number_input(key="rate").value == 4.0
