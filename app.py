"""The router: page setup and navigation."""

from pathlib import Path

import streamlit as st

from core import ConfigError
from core.compiled.preparation import is_prepared, prepare
from ui import glossary, panels, printing
from ui.browser import components
from ui.embedding import BARE
from ui.margins import SIDEBAR_PIXELS, SIZES, page_style
from ui.navigation import SIDEBAR_PAGES, pages
from ui.runtime import event_log, limits, visitors, widget_states
from ui.runtime.services import freeze_first_page
from ui.session import session
from ui.urls.history import join_page_switches
from ui.urls.picture_script import write_picture_to_address

STYLE = """<style>
.st-key-page-header h1, [class*=st-key-verdict] h2 {padding: 0}
.st-key-page-header, .st-key-verdict {margin-bottom: -.5rem}
[class*=st-key-verdict] [data-testid="stHeading"] [data-testid="stMarkdownContainer"] {margin-bottom: 0}
.st-key-beside-page {position: absolute; left: 0}
.st-key-beside-page, .st-key-beside-page :not(.st-key-glossary, .st-key-glossary *) {pointer-events: none}
:is(.st-key-x_from, .st-key-x_to, .st-key-x_count, .st-key-y_from, .st-key-y_to, .st-key-y_count) input::placeholder
  {color: inherit; opacity: 1}
.st-key-page-header .stHorizontalBlock .stHorizontalBlock > * {flex: none; width: auto}
[data-testid=stPopoverBody]:has([data-testid=stDataFrame]) {width: 36rem; max-width: 92vw}
.st-key-arm_chips {min-width: min(20rem, 100%)}
[data-tag] {background: rgba(66, 173, 163, .22) !important}
[data-tag], [data-tag] > span, [data-tag] button, [data-tag] svg {color: inherit !important}
.st-key-lecture [data-testid=stMarkdownContainer] :is(p, li) {max-width: 30em}
.st-key-lecture :is([data-testid=stButtonGroup] button, [data-testid=stTab]) {height: auto; padding-block: .35rem}
:has(> [class*=st-key-waiting]) {margin-bottom: -1rem}
:is(a, button, summary):focus-visible {outline: 2px solid #0b6e69 !important; outline-offset: 1px}
@media (max-width: 640px) {
  .stMainBlockContainer > .stVerticalBlock {gap: .7rem}
  :has(> [class*=st-key-waiting]) {margin-bottom: -.7rem}
  .st-key-present kbd {display: none}
  .st-key-paper_shown [data-testid=stButtonGroup] > div {flex-wrap: nowrap; overflow-x: auto}
  .st-key-paper_shown button {flex: none}
}
[class*=st-key-waiting] {position: absolute; z-index: 10; left: 0; right: 0; pointer-events: none}
[class*=st-key-waiting]:has([role=progressbar]) {padding: .25rem 1rem; backdrop-filter: blur(8px)}
</style>"""
# The accent of the dark theme is too light for white letters on it, that of the light theme too dark to mark a focus.
DARK = """<style>
:is(a, button, summary):focus-visible {outline-color: #42ada3 !important}
:is([data-testid=stBaseButton-primary], button[kind=primary]),
:is([data-testid=stBaseButton-primary], button[kind=primary]) * {color: #0d1620 !important}
</style>"""
ICON = str(Path(__file__).parent / "ui" / "icon.svg")


def main() -> None:
    st.set_page_config(
        page_title="Gradient Flow Lab", page_icon=ICON, layout="wide", initial_sidebar_state=SIDEBAR_PIXELS
    )
    try:
        limits.check()
    except ConfigError as error:  # asgi.py does not even start; here a visitor's own `make run` says why
        st.error(str(error))
        st.stop()
    if not is_prepared():  # asgi.py and make do this before; another way to start compiles for its first visitor
        slot = st.empty()
        prepare(slot.info)
        slot.empty()
    session["routed"] = True  # a page that finds nothing here was started by itself
    page = st.navigation(pages(), position="top")
    with st.container(key="beside-page"):  # one slot of the page for all that stands outside its flow
        if page.url_path in SIDEBAR_PAGES and not st.context.is_embedded:
            st.html(f"<style>{page_style()}</style>")
        st.html(
            f"<style>{SIZES}</style>"
            + STYLE
            + printing.STYLE
            + (DARK if panels.dark() else "")
            + (BARE if st.context.is_embedded else "")
        )
        join_page_switches()
        write_picture_to_address()
        components.mount("charts", "chart_helper", lambda: None)
        if not st.context.is_embedded:
            glossary.draw()
    visitors.show_lost_session()
    with event_log.timed("page", page=page.url_path):
        page.run()
    widget_states.show_refused()
    freeze_first_page()


if __name__ == "__main__":  # worker processes that spawn import this file again
    main()
