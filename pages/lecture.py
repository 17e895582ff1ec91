"""The Lecture: from gradient descent to the chain rule, every symbol computed, one section at a time."""

import streamlit as st

from ui import embedding, panels
from ui.lecture import outline
from ui.navigation import ensure_navigation
from ui.session import session
from ui.urls import address
from ui.urls.sync import sync_address, update_address

ensure_navigation()
sync_address(outline.PARAMETERS)
section = outline.SECTIONS[session["section"]]
if st.context.is_embedded:
    st.html(embedding.BARE)
else:
    outline.draw_bar()
    with panels.page_header(section.title):
        outline.draw_turn("top")
address.show_param_warnings(outline.RULES)
with st.container(key="lecture"):
    section.draw()
if st.context.is_embedded:
    st.markdown(f"[Open the full page]({embedding.full_page()})")
else:
    with st.container(horizontal=True, key="section-turn"):
        outline.draw_turn("bottom")
update_address(outline.PARAMETERS)
