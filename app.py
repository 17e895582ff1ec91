"""The router: page setup and navigation."""

from pathlib import Path

import streamlit as st

from core import ConfigError
from core.compiled.preparation import is_prepared, prepare
from ui import glossary, panels, printing
from ui.browser import components
from ui.embedding import BARE
from ui.margins import LAYOUT, SIDEBAR_PIXELS, page_style
from ui.navigation import SIDEBAR_PAGES, pages
from ui.runtime import event_log, limits, old_values, unsent, visitors, widget_states
from ui.runtime.services import freeze_first_page
from ui.session import session
from ui.urls.history import join_page_switches
from ui.urls.picture_script import write_picture_to_address

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
    old_values.install()
    unsent.install()
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
            st.html(f"<style>{page_style(page.url_path)}</style>")
        st.html(
            f"<style>{LAYOUT}</style>"
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
