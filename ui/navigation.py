"""The pages of the dashboard, in the order of the navigation."""

import streamlit as st

from ui.session import session

SIDEBAR_PAGES = ("", "compare", "sweep", "runs")  # by their path


def pages() -> list[st.Page]:
    """Every page; the first, the Lab, is served at the root."""
    return [
        st.Page("pages/lab.py", title="Lab", default=True),
        st.Page("pages/compare.py", title="Compare"),
        st.Page("pages/sweep.py", title="Sweep"),
        st.Page("pages/runs.py", title="Your run"),
        st.Page("pages/papers.py", title="Papers"),
        st.Page("pages/lecture.py", title="Lecture"),
        st.Page("pages/present.py", title="Present", visibility="hidden"),
    ]


def ensure_navigation() -> None:
    """Restarts a page that did not run through app.py.

    The first visit to a page of a server that has just started runs the page's file alone, by Streamlit's older
    convention for a folder named pages. `st.navigation` ends that convention, and the next run goes through app.py.
    """
    if not session.get("routed"):
        st.navigation(pages(), position="top")
        st.rerun()
