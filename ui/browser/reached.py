"""Drawing of what lies below the screen once a visitor comes near it."""

from __future__ import annotations

import streamlit as st

from ui.browser import components


def is_reached(key: str, height: int) -> bool:
    """Return whether a visitor has come near this place; draws a stand-in of some pixels until then.

    Call it in a fragment, which runs again when the place is reached. Once reached, a place stays so for the session:
    its charts then change with the others.
    """
    flag = f"{key}_reached"
    if st.session_state.get(flag):
        return True
    components.mount("reached", f"{key}_place", lambda: st.session_state.update({flag: True}))
    st.skeleton(height)
    return False
