"""The router: page setup and navigation."""

from pathlib import Path

import streamlit as st

ICON = str(Path(__file__).parent / "ui" / "icon.svg")


def main() -> None:
    st.set_page_config(page_title="Gradient Flow Lab", page_icon=ICON, layout="wide", initial_sidebar_state=330)
    st.session_state["routed"] = True  # a page that finds nothing here was started by itself
    pages = [
        st.Page("pages/lab.py", title="Lab", default=True),
        st.Page("pages/compare.py", title="Compare"),
    ]
    st.navigation(pages, position="top").run()


if __name__ == "__main__":  # worker processes that spawn import this file again
    main()
