"""Drawing of what lies below the screen once a visitor comes near it."""

from __future__ import annotations

from functools import partial

from ui.browser import components
from ui.session import session_by_name

AHEAD_PIXELS = 300  # below the screen, where a chart is drawn before it is seen


def is_reached(key: str, height: int = 0, *, ahead: int = AHEAD_PIXELS) -> bool:
    """Return whether a visitor has come near this place; leaves some pixels free until then.

    Call it in a fragment, which runs again when the place is reached. Once reached, a place stays so for the session:
    what is there then changes with all else.

    Args:
        ahead: pixels below the screen that count as near.
    """
    flag = f"{key}_reached"
    if session_by_name.get(flag):
        return True
    reach = partial(session_by_name.update, {flag: True})
    components.mount("reached", f"{key}_place", reach, data={"ahead": ahead, "height": height})
    return False
