"""Papers: the experiments that the field rests on, run again here, their numbers beside ours."""

import streamlit as st

from ui import address, papers
from ui.navigation import pages

if not st.session_state.get("routed"):
    # A link straight to this page of a server that has just started runs this file alone, by Streamlit's older rule
    # for a folder of this name. st.navigation ends that rule for good, and the next run comes through app.py.
    st.navigation(pages(), position="top")
    st.rerun()
address.sift({}, papers.FREE)
st.title("Papers, run again")
st.markdown(
    "Eight results that the field rests on: what each paper says, what this engine measures, and the difference. "
    "Stored numbers come first; each experiment can be run here."
)
address.remarks({}, papers.FREE)
papers.overview()
paper = papers.chosen()
papers.section(paper)
