"""The Lecture: from gradient descent to the chain rule, every symbol computed, one section at a time."""

from functools import partial

import streamlit as st

from ui import panels, sharing
from ui.lecture import frames, outline
from ui.navigation import ensure_navigation
from ui.session import session
from ui.urls import address
from ui.urls.sync import current_query, sync_address, update_address

ensure_navigation()
sync_address(outline.PARAMETERS)
section = outline.SECTIONS[session["section"]]
if st.context.is_embedded:
    address.show_param_warnings(outline.RULES)
    frames.draw(session["section"])
    update_address(outline.PARAMETERS)
    st.stop()
outline.draw_bar()
with panels.page_header(section.title):
    outline.draw_turn("top")
    scene = partial(current_query, outline.PARAMETERS)
    sharing.present_button("lecture", scene)
    sharing.draw_menu("lecture", scene, panels.choose_picture)
address.show_param_warnings(outline.RULES)
with st.container(key="lecture"), st.container(key="formulas" if section.formulas else "in-order"):
    section.draw()
with st.container(horizontal=True, key="section-turn"):
    outline.draw_turn("bottom")
update_address(outline.PARAMETERS)
