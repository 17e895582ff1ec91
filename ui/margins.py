"""Room for what a page draws later, so that nothing moves aside for it: also before its script has drawn an element.

Streamlit centers a page, then widens it, and pushes it aside once a sidebar comes.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from ui.navigation import SIDEBAR_PAGES

SIDEBAR_PIXELS = 350
_OVERLAY_PIXELS = 768  # of the widest screen on which the sidebar lies over the page

# Streamlit's own margins leave a projector of 1280 x 720 pixels too little room for the picture.
# Where there is no sidebar, they stay: a style that comes after the first words would move them.
_PADDING = "padding: 3.5rem clamp(1rem, 3vw, 3rem) 5rem"
_UNDRAWN = "html:not(:has(.stHtml))"  # app.py draws its styles before all else
# Until the script of an element is loaded, Streamlit draws a bar of 40 pixels and of any width.
SIZES = """
[data-testid=stSidebar] .stElementContainer:has([data-testid=stSkeleton]):not(.st-key-undo_last, .st-key-reset)
  {min-height: 68px}
.st-key-quantity {min-width: min(336px, 100%)}
.st-key-measures > * {min-height: 92px}
"""
_RUNNING = ".stApp[data-test-script-state=running]"


def _room_for_sidebar(page: str) -> str:
    beside = f"{page}:not(:has([data-testid=stSidebar])) [data-testid=stAppViewContainer] > div"
    return f"@media (min-width: {_OVERLAY_PIXELS + 1}px) {{{beside} {{margin-left: {SIDEBAR_PIXELS}px}}}}"


def page_style() -> str:
    """The style of a page with a sidebar: its margins, and room for the sidebar until the script has drawn it."""
    return f".stMainBlockContainer {{{_PADDING}}}\n{_room_for_sidebar(_RUNNING)}"


def first_style(path: str, query: str) -> str:
    """The style of a page before its script has drawn anything, for the page that the server sends.

    Args:
        path: of the page, without slashes around it.
        query: of its address.
    """
    wide = f"{SIZES}{_UNDRAWN} .stMainBlockContainer {{max-width: none}}"
    if path not in SIDEBAR_PAGES or "true" in parse_qs(query).get("embed", ()):
        return wide
    return f"{wide}\n{_UNDRAWN} .stMainBlockContainer {{{_PADDING}}}\n{_room_for_sidebar(_UNDRAWN)}"
