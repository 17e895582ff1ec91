"""Messages that a stranger may send from one of these pages: messages that no page makes."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.support.visitor import Visitor


def rerun_with(visitor: Visitor, make: Callable[[WidgetState], None]) -> BackMsg:
    """A wish for the visitor's page in which `make` has set the state of every control that it has seen."""
    message = BackMsg()
    run = message.rerun_script
    run.query_string, run.page_name, run.page_script_hash = visitor.query, visitor._page, visitor._script
    for name in visitor._ids.values():
        state = run.widget_states.widgets.add()
        state.id = name
        make(state)
    return message
