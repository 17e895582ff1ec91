"""Papers: the experiments that the field rests on, run again here, their numbers beside ours."""

import streamlit as st

from ui.navigation import through_the_router
from ui.papers import sections
from ui.urls import address

through_the_router()
address.sift({}, sections.FREE)
st.title("Papers, run again")
st.markdown(
    "Eight results that the field rests on: what each paper says, what this engine measures, and the difference. "
    "Stored numbers come first; each experiment can be run here."
)
address.remarks({}, sections.FREE)
sections.overview()
paper = sections.chosen()
sections.section(paper)
