"""The router: page setup and navigation."""

from pathlib import Path

import streamlit as st

from ui.navigation import pages

ICON = str(Path(__file__).parent / "ui" / "icon.svg")


def main() -> None:
    st.set_page_config(page_title="Gradient Flow Lab", page_icon=ICON, layout="wide", initial_sidebar_state=330)
    st.session_state["routed"] = True  # a page that finds nothing here was started by itself
    st.navigation(pages(), position="top").run()


if __name__ == "__main__":  # worker processes that spawn import this file again
    main()
