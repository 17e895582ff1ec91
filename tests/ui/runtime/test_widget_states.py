"""Values that no control takes: passed over, the control keeps its own, and a script that failed leaves none behind."""

import math
import threading
from types import SimpleNamespace

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import WStates
from streamlit.testing.v1 import AppTest

from ui.runtime import widget_states
from ui.runtime.old_values import LAST

OPTIONS = ["a", "b"]


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    monkeypatch.setattr(WStates, "__getitem__", widget_states._getitem)


def states(kind, **values):
    """The state of one control as a browser sends it."""
    readers = {"double_value": lambda value: 1.0 if value is None else value,
               "int_array_value": lambda value: [OPTIONS[i] for i in value or []],
               "string_value": lambda value: value, "string_array_value": list}  # fmt: skip
    made = WStates()
    options = OPTIONS if kind.startswith("string") else None
    made.set_widget_metadata(
        WidgetMetadata(
            id="$$ID-0-key", deserializer=readers[kind], serializer=lambda value: value, value_type=kind,
            formatted_options=options,
        )
    )  # fmt: skip
    sent = WidgetState(id="$$ID-0-key")
    for name, value in values.items():
        if name.endswith("array_value"):
            getattr(sent, name).data.extend(value)
        else:
            setattr(sent, name, value)
    made.set_widget_from_proto(sent)
    return made


@pytest.mark.parametrize(
    "kind, values, read",
    [
        ("double_value", {"double_value": 2.5}, 2.5),
        ("double_value", {}, 1.0),  # cleared: the control's own default
        ("double_value", {"string_value": "2.5"}, None),
        ("double_value", {"double_value": math.nan}, None),
        ("double_value", {"double_value": math.inf}, None),
        ("int_array_value", {"int_array_value": [1]}, ["b"]),
        ("int_array_value", {"int_array_value": [7]}, None),
        ("int_array_value", {"double_array_value": [1.0]}, None),
        ("int_array_value", {"json_value": "{"}, None),
        ("string_value", {"string_value": "a"}, "a"),
        ("string_value", {"string_value": "../a"}, None),
        ("string_array_value", {"string_array_value": ["a", "b"]}, ["a", "b"]),
        ("string_array_value", {"string_array_value": ["a", "zz"]}, None),
    ],
)
def test_a_value_is_read_if_its_control_takes_it_and_is_missing_otherwise(kind, values, read):
    made = states(kind, **values)
    for _ in range(2):  # a second look gives the same
        assert made.get("$$ID-0-key") == read
        assert ("$$ID-0-key" in made) == (read is not None)


def page():
    def script():
        import streamlit as st

        from ui.runtime import widget_states

        st.number_input("rate", 0.0, 10.0, 4.0, key="rate")
        st.segmented_control("kind", ["a", "b"], default="a", key="kind")
        widget_states.show_refused()

    return AppTest.from_function(script).run()


def send(app, key, **values):
    """Runs the script again with this state of one control, as a stranger may send it."""
    whole = app._tree.get_widget_states()
    for sent in whole.widgets:
        if sent.id.endswith(f"-{key}"):
            sent.ClearField(sent.WhichOneof("value"))
            for name, value in values.items():
                setattr(sent, name, value)
    return app._run(whole)


def test_a_control_keeps_its_value_and_the_page_says_so_once():
    app = page()
    app.number_input[0].set_value(7.0).run()
    send(app, "rate", string_value="many")
    assert not app.exception and app.number_input[0].value == 7.0
    (said,) = app.warning
    assert "rate" in said.value and "many" not in said.value
    assert not app.run().warning


@pytest.fixture
def session(monkeypatch):
    """A session whose browser has sent values for two controls, one of them for the first time."""
    new, old = {"a": 1, "b": 2}, {"a": 0, "kept": 3, LAST: 4}
    state = SimpleNamespace(
        _new_widget_state=SimpleNamespace(states=new), _old_state=old, _new_session_state={LAST: 5, "kept": 6}
    )
    held = SimpleNamespace(_lock=threading.Lock(), _state=state)
    context = SimpleNamespace(session_id="session", session_state=held)
    monkeypatch.setattr(widget_states, "get_script_run_ctx", lambda suppress_warning: context)
    yield state
    widget_states._refused.clear()


def test_what_a_failed_script_was_sent_is_forgotten_and_what_it_held_before_too(session):
    widget_states._refused["session"].add("rate")
    widget_states.forget()
    assert session._new_widget_state.states == {} and session._old_state == {"kept": 3}
    assert session._new_session_state == {"kept": 6}
    assert not widget_states._refused


@pytest.mark.parametrize("count", [1, 4, 5, 6])
def test_five_controls_are_named_and_more_are_others(count, session, monkeypatch):
    said = []
    monkeypatch.setattr(widget_states.st, "warning", lambda text, icon: said.append(text))
    names = [f"name {k}" for k in range(count)]
    widget_states._refused["session"].update(names)
    widget_states.show_refused()
    widget_states.show_refused()  # once is enough
    [words] = said
    assert [name in words for name in names] == [k < 5 for k in range(count)]
    assert ("and others" in words) == (count > 5)
