"""Papers: the experiments that the field rests on, run again here, their numbers beside ours."""

import streamlit as st

from ui import address, papers
from ui.navigation import through_the_router

through_the_router()
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
