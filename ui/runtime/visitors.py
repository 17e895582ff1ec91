"""Who asks: the address, the browser and the session of the script that runs, for turns in the queues."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.runtime.queue import Visitor


def current_visitor() -> Visitor:
    """Return (address, session) of the visitor whose script runs in this thread; () outside of one."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return ()
    return st.context.ip_address or "", context.session_id
