"""Drawing of what lies below the screen once a visitor comes near it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.browser import components

AHEAD_PIXELS = 300  # below the screen, where a chart is drawn before it is seen


def is_reached(key: str, height: int = 0, *, ahead: int = AHEAD_PIXELS) -> bool:
    """Return whether a visitor has come near this place; leaves some pixels free until then.

    Call it in a fragment, which runs again when the place is reached. Once reached, a place stays so for the session:
    what is there then changes with all else.

    Args:
        ahead: pixels below the screen that count as near.
    """
    flag = f"{key}_reached"
    if st.session_state.get(flag):
        return True
    reach = partial(st.session_state.update, {flag: True})
    components.mount("reached", f"{key}_place", reach, data={"ahead": ahead, "height": height})
    return False
