"""Pictures in three dimensions, which only a browser with WebGL can draw."""

from __future__ import annotations

from functools import partial

from ui.browser import components
from ui.session import session_by_name

_FLAG = "without_webgl"


def has_webgl(key: str) -> bool:
    """Return whether the browser can draw in three dimensions: True until it says otherwise.

    Args:
        key: of the script that asks the browser.
    """
    if session_by_name.get(_FLAG):
        return False
    components.mount("webgl", key, partial(session_by_name.update, {_FLAG: True}))
    return True
