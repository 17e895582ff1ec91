"""The pages of the dashboard, in the order of the navigation."""

import streamlit as st

ROUTED = "routed"  # set in the session's state by app.py


def pages() -> list[st.Page]:
    """Every page, the Lab first: it answers at the root."""
    return [
        st.Page("pages/lab.py", title="Lab", default=True),
        st.Page("pages/compare.py", title="Compare"),
        st.Page("pages/sweep.py", title="Sweep"),
        st.Page("pages/papers.py", title="Papers"),
        st.Page("pages/lecture.py", title="Lecture"),
    ]


def ensure_navigation() -> None:
    """Starts the page over where it did not come through app.py.

    A link straight to a page of a server that has just started runs its file alone, by Streamlit's older rule for a
    folder named pages. st.navigation ends that rule for good, and the next run comes through app.py.
    """
    if not st.session_state.get(ROUTED):
        st.navigation(pages(), position="top")
        st.rerun()
