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
# Whole pixels: Plotly reads the width of its place with two digits after the point, and where the place has more, as
# of 3 % of most screens, it takes the width that Streamlit names a moment later for a new one and draws again.
_SIDES = "clamp(1rem, 3vw, 3rem)"
_PADDING = f"padding: 3.5rem {_SIDES} 5rem; padding-inline: round({_SIDES}, 1px)"
# A browser looks at a rule on what an element contains (:has) whenever anything comes or goes within that element: on
# the page as a whole each letter that Plotly measures took some milliseconds. So charts.js takes the first style away.
FIRST_STYLE = "first-style"
_UNDRAWN = "html:not(:has(.stHtml))"  # app.py draws its styles before all else
# The server sends it with the page: what stands outside the flow must not take room until the script has drawn it.
# Until the script of an element is loaded, Streamlit draws a bar of 40 pixels and of any width: hence the least sizes.
LAYOUT = """
[data-testid=stSidebar] .stElementContainer:has([data-testid=stSkeleton]):not(.st-key-undo_last, .st-key-reset)
  {min-height: 68px}
:is(.st-key-vary, .st-key-seeds, .st-key-arm_chips, .st-key-show, .st-key-paper_shown) {min-height: 68px}
:is(.st-key-section, .st-key-quantity) [data-testid=stSkeleton] {height: 32px !important}
.st-key-quantity {min-width: min(336px, 100%)}
.st-key-measures > * {min-height: 92px}
html :is(.st-key-page-header h1, [class*=st-key-verdict] h2) {padding: 0}
html :is(.st-key-page-header, .st-key-verdict) {margin-bottom: -.5rem}
html [class*=st-key-verdict] [data-testid="stHeading"] [data-testid="stMarkdownContainer"] {margin-bottom: 0}
.st-key-beside-page {position: absolute; top: 0; left: 0}
.st-key-beside-page [data-testid=stSkeleton] {display: none}
.st-key-beside-page, .st-key-beside-page :not(.st-key-glossary, .st-key-glossary *) {pointer-events: none}
:is(.st-key-x_from, .st-key-x_to, .st-key-x_count, .st-key-y_from, .st-key-y_to, .st-key-y_count) input::placeholder
  {color: inherit; opacity: 1}
.st-key-page-header .stHorizontalBlock .stHorizontalBlock > * {flex: none; width: auto}
/* The word in the bar of the navigation; on a phone, where that is a menu, at the top right. */
html .st-key-glossary {position: fixed; top: .85rem; right: 1rem; z-index: 999991; width: auto}
.st-key-glossary p {white-space: nowrap; font-size: .875rem}
[data-testid=stPopoverBody]:has([data-testid=stDataFrame]) {width: 36rem; max-width: 92vw}
.st-key-arm_chips {min-width: min(20rem, 100%)}
[data-tag] {background: rgba(66, 173, 163, .22) !important}
[data-tag], [data-tag] > span, [data-tag] button, [data-tag] svg {color: inherit !important}
.st-key-lecture [data-testid=stMarkdownContainer] :is(p, li) {max-width: 30em}
.st-key-lecture :is([data-testid=stButtonGroup] button, [data-testid=stTab]) {height: auto; padding-block: .35rem}
[data-testid=stLayoutWrapper]:has(> [class*=st-key-waiting]) {margin-bottom: -1rem}
:is(a, button, summary):focus-visible {outline: 2px solid #0b6e69 !important; outline-offset: 1px}
@media (max-width: 1100px) {
  .st-key-sweep-picture > * > .stHorizontalBlock {flex-direction: column}
  .st-key-sweep-picture > * > .stHorizontalBlock > .stColumn {width: 100%; flex: none}
}
@media (max-width: 640px) {
  .stMainBlockContainer > .stVerticalBlock {gap: .7rem}
  [data-testid=stLayoutWrapper]:has(> [class*=st-key-waiting]) {margin-bottom: -.7rem}
  .st-key-present kbd {display: none}
  .st-key-page-header .stHorizontalBlock .stHorizontalBlock > .stElementContainer:has([data-testid=stSkeleton])
    {min-width: 5.6rem}
  /* Buttons that load late stand under the title from the start, as most do once they are there. */
  .st-key-page-header > * > .stHorizontalBlock > .stElementContainer {flex: 1 0 100%}
  .st-key-paper_shown [data-testid=stButtonGroup] > div {flex-wrap: nowrap; overflow-x: auto}
  .st-key-paper_shown button {flex: none}
}
/* A section of the Lecture is seen once its picture is drawn, or all of it: what stands below is drawn before. And once
   its formulas are there, which take a browser a moment more: they change the height of every text. */
.stApp[data-test-script-state=running] .stMainBlockContainer > .stVerticalBlock:not(:has(
    > [data-testid=stLayoutWrapper] > .st-key-section-turn,
    > [data-testid=stLayoutWrapper] > .st-key-lecture > [data-testid=stLayoutWrapper] > .st-key-formulas
      > [data-testid=stLayoutWrapper] > [class*=st-key-pictures-] .stElementContainer
  )) .st-key-formulas {display: none}
@keyframes unseen {from {visibility: hidden} to {visibility: hidden}}
.st-key-formulas:not(:has(.katex)) {animation: unseen 2s}
.st-key-lecture [class*=st-key-question_] {min-height: 7.5rem}
.st-key-lecture [class*=st-key-mine_] {min-height: 72px}
[class*=st-key-waiting] {position: absolute; z-index: 10; left: 0; right: 0; pointer-events: none}
[class*=st-key-waiting]:has([role=progressbar]) {padding: .25rem 1rem; backdrop-filter: blur(8px)}
"""
_RUNNING = ".stApp[data-test-script-state=running]"
# On a phone Compare's controls fill half the screen: they stand below the picture there, and not before it is drawn.
# Each level is named, so that a browser asks what a place contains only when something comes or goes on these.
_PLACES = ".stMainBlockContainer > .stVerticalBlock"
_PLACE = "[data-testid=stLayoutWrapper]"
PICTURE_FIRST = f"""
@media (max-width: 640px) {{
  {_PLACES} > {_PLACE}:has(> .st-key-compare-header) {{order: -3}}
  {_PLACES} > {_PLACE}:has(> .st-key-verdict) {{order: -2}}
  {_PLACES} > {_PLACE}:has(> .st-key-compare-story, > [class*=st-key-compare-preview]) {{order: -1}}
  {_RUNNING} {_PLACES}:not(:has(> {_PLACE} > .st-key-compare-more)) >
    {_PLACE}:has(> .stHorizontalBlock) {{display: none}}
}}"""


def _room_for_sidebar(page: str) -> str:
    beside = f"{page} [data-testid=stAppViewContainer] > div:not([data-testid=stSidebar] ~ *)"
    return f"@media (min-width: {_OVERLAY_PIXELS + 1}px) {{{beside} {{margin-left: {SIDEBAR_PIXELS}px}}}}"


def page_style(path: str) -> str:
    """The style of a page with a sidebar: its margins, and room for the sidebar until the script has drawn it."""
    return f".stMainBlockContainer {{{_PADDING}}}\n{_room_for_sidebar(_RUNNING)}" + _order(path)


def _order(path: str) -> str:
    return PICTURE_FIRST if path == "compare" else ""


def first_style(path: str, query: str) -> str:
    """The style of a page before its script has drawn anything, for the page that the server sends.

    Args:
        path: of the page, without slashes around it.
        query: of its address.
    """
    wide = f"{LAYOUT}{_UNDRAWN} .stMainBlockContainer {{max-width: none}}"
    if path not in SIDEBAR_PAGES or "true" in parse_qs(query).get("embed", ()):
        return wide
    return f"{wide}\n{_UNDRAWN} .stMainBlockContainer {{{_PADDING}}}\n{_room_for_sidebar(_UNDRAWN)}" + _order(path)
