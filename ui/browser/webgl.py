"""Pictures in three dimensions, which only a browser with WebGL can draw."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.browser import components

_FLAG = "without_webgl"


def has_webgl(key: str) -> bool:
    """Return whether the browser can draw in three dimensions: True until it says otherwise.

    Args:
        key: of the script that asks the browser.
    """
    if st.session_state.get(_FLAG):
        return False
    components.mount("webgl", key, partial(st.session_state.update, {_FLAG: True}))
    return True
