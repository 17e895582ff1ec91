"""The pages of the dashboard, in the order of the navigation."""

import streamlit as st


def pages() -> list[st.Page]:
    """Every page, the Lab first: it answers at the root."""
    return [
        st.Page("pages/lab.py", title="Lab", default=True),
        st.Page("pages/compare.py", title="Compare"),
        st.Page("pages/sweep.py", title="Sweep"),
        st.Page("pages/papers.py", title="Papers"),
        st.Page("pages/lecture.py", title="Lecture"),
    ]
