"""Papers: the experiments that the field rests on, run again here, with their numbers beside ours."""

import streamlit as st

from ui.navigation import ensure_navigation
from ui.papers import sections
from ui.urls import address

ensure_navigation()
address.drop_invalid_params({}, sections.FREE_TEXT_PARAMS)
st.title("Papers, run again")
st.markdown(
    "Results that the field rests on: what each paper says, what this engine measures, and the difference. "
    "Stored numbers come first; each experiment can be run here."
)
st.caption(
    "Where training is chaotic, its end depends on the processor, whose rounding differs in the last digit. Verdicts "
    "rest on what does not, such as the step at which learning starts."
)
address.show_param_warnings({}, sections.FREE_TEXT_PARAMS)
sections.overview()
paper = sections.chosen()
sections.section(paper)
