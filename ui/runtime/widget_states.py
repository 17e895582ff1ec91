"""Values of controls that no control of these pages takes: each is passed over, and its control keeps the value it had.

Streamlit trusts what a browser sends. A value of another type ends the script, and every later one of that session too.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state import Serialized, WStates

from ui.runtime.old_values import LAST

_refused: dict[str, set[str]] = defaultdict(set)  # keys of controls by session, until a page has said so
_NO_VALUE = Serialized(WidgetState())  # in place of what was refused
_original = WStates.__getitem__


def _getitem(states: WStates, widget_id: str) -> object:
    """As Streamlit's own, which takes a KeyError for a control without a value."""
    state = states.states.get(widget_id)
    metadata = states.widget_metadata.get(widget_id)
    if state is _NO_VALUE:
        raise KeyError(widget_id)
    if not isinstance(state, Serialized) or metadata is None:
        return _original(states, widget_id)
    sent = state.value.WhichOneof("value")
    try:
        if sent is not None and sent != metadata.value_type:
            raise TypeError(f"{sent} for {metadata.value_type}")
        if metadata.formatted_options is not None and not _texts(state.value) <= set(metadata.formatted_options):
            raise ValueError("none of the options")
        value = _original(states, widget_id)
        if not _is_finite(value):
            raise ValueError("a number that is not finite")
    except Exception as error:  # noqa: BLE001  a control's own reader may fail in any way
        states.states[widget_id] = _NO_VALUE
        context = get_script_run_ctx(suppress_warning=True)
        if context is not None:
            _refused[context.session_id].add(widget_id.split("-", 2)[-1])
        raise KeyError(widget_id) from error
    return value


def _texts(state: WidgetState) -> set[str]:
    """Return the options that a state names."""
    kind = state.WhichOneof("value")
    if kind == "string_value":
        return {state.string_value}
    return set(state.string_array_value.data) if kind == "string_array_value" else set()


def _is_finite(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def show_refused() -> None:
    """Say in one sentence which controls were sent a value that they do not take."""
    context = get_script_run_ctx(suppress_warning=True)
    keys = _refused.pop(context.session_id, None) if context is not None else None
    if keys:
        names = ", ".join(sorted(keys)[:5]) + (" and others" if len(keys) > 5 else "")
        st.warning(
            f"A value was sent that its control does not accept: {names}. The previous value stays.",
            icon=":material/undo:",
        )


def forget() -> None:
    """Forget what was sent for the controls of this session, so that its next script starts without it."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return
    _refused.pop(context.session_id, None)
    with context.session_state._lock:
        state = context.session_state._state
        for widget_id in [*state._new_widget_state.states]:
            state._new_widget_state.states.pop(widget_id, None)
            state._old_state.pop(widget_id, None)
        for kept in (state._new_session_state, state._old_state):
            kept.pop(LAST, None)  # the values that come next are taken although they were there before


def install() -> None:
    """Have Streamlit read the values of controls here."""
    WStates.__getitem__ = _getitem  # ty: ignore[invalid-assignment]
