"""Papers: the experiments that the field rests on, run again here, with their numbers beside ours."""

import streamlit as st

from ui import embedding, panels
from ui.navigation import ensure_navigation
from ui.papers import sections
from ui.urls import address

ensure_navigation()
if st.context.is_embedded:
    st.html(embedding.BARE)
address.drop_invalid_params({}, sections.FREE_TEXT_PARAMS)
panels.page_header(
    "Papers, run again",
    "Results that the field rests on: what each paper says, what this engine measures, and the difference.",
)
address.show_param_warnings({}, sections.FREE_TEXT_PARAMS)
sections.section(sections.chosen())
sections.overview()
if st.context.is_embedded:
    st.markdown(f"[Open the full page]({embedding.full_page()})")
