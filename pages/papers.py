"""Papers: the experiments that the field rests on, run again here, with their numbers beside ours."""

import streamlit as st

from ui import panels, sharing
from ui.navigation import ensure_navigation
from ui.papers import sections
from ui.urls import address, views

ensure_navigation()
address.drop_invalid_params(views.FRAME, sections.FREE_TEXT_PARAMS)
if st.context.is_embedded:
    sections.draw_frame()
    st.stop()
with panels.page_header(
    "Papers, run again",
    "Results that the field rests on: what each paper says, what this engine measures, and the difference.",
):
    sharing.present_button("papers", sections.scene)
    sharing.draw_menu("papers", sections.scene, panels.choose_picture)
address.show_param_warnings(views.FRAME, sections.FREE_TEXT_PARAMS)
sections.section(sections.chosen())
sections.overview()
