"""Values of controls that say nothing new: a browser sends all it shows with every request, whoever asked for it.

A press sets controls on the server. Until the browser has drawn them, its other requests (a place on the page is
reached, a fragment asks by itself each second) still hold the values from before, and Streamlit would take them for
choices of the visitor: the press would be lost.
"""

from __future__ import annotations

import time
from typing import Any

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner_utils.script_requests import _has_active_trigger_value
from streamlit.runtime.state.safe_session_state import SafeSessionState

KEPT_SECONDS = 5.0  # in which a browser has drawn what was set, or its line is down
ASKED_BY_ITSELF = "asked-by-itself"  # in place of a control, among the values of a request that no visitor made
LAST = "last_values"  # of a session: when its last request was run, and the values that it had

_begin = SafeSessionState.on_script_will_rerun
_request = AppSession.request_rerun


def without_old(sent: WidgetStates, before: WidgetStates | None) -> WidgetStates:
    """Return the values of a request without those that the one before it had too, if it was made for another reason.

    A request that neither a press nor an event of the page nor a timer has caused was made by the change of a value.

    Args:
        sent: the values of all controls.
        before: those of the last request of this session; None where it was too long ago.
    """
    values = [state for state in sent.widgets if state.id != ASKED_BY_ITSELF]
    is_change = len(values) == len(sent.widgets) and not any(map(_has_active_trigger_value, values))
    if before is not None and not is_change:
        known = {state.id: state for state in before.widgets}
        values = [state for state in values if _has_active_trigger_value(state) or known.get(state.id) != state]
    return WidgetStates(widgets=values)


def _begin_with_new(self: SafeSessionState, fresh_widget_states: WidgetStates | None, **others: Any) -> None:
    sent = fresh_widget_states
    if sent is not None:
        now = time.monotonic()
        then, before = self[LAST] if LAST in self else (now, None)
        self[LAST] = now, sent
        sent = without_old(sent, before if now - then < KEPT_SECONDS else None)
    _begin(self, sent, **others)


def _request_marked(self: AppSession, client_state: ClientState | None) -> None:
    if client_state is not None and client_state.is_auto_rerun:
        client_state.widget_states.widgets.add(id=ASKED_BY_ITSELF)
    _request(self, client_state)


def install() -> None:
    """Have Streamlit pass over such values; a second time changes nothing."""
    SafeSessionState.on_script_will_rerun = _begin_with_new
    AppSession.request_rerun = _request_marked
