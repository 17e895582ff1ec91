"""The Lecture: from gradient descent to the chain rule, every symbol computed."""

import streamlit as st

from ui import address
from ui.lecture import descent, error, exercise, network, sigmoid, vanishing
from ui.navigation import pages

if not st.session_state.get("routed"):
    # A link straight to this page of a server that has just started runs this file alone, by Streamlit's older rule
    # for a folder of this name. st.navigation ends that rule for good, and the next run comes through app.py.
    st.navigation(pages(), position="top")
    st.rerun()
RULES = descent.ADDRESS | network.ADDRESS | sigmoid.ADDRESS | vanishing.ADDRESS
address.sift(RULES)
st.title("The lecture, alive")
st.markdown(
    "How a network learns, and why its gradients vanish: every symbol has a number here, and every number is computed. "
    "[Gradient descent](#gradient-descent) · [The network](#network) · [The error](#error) · [The sigmoid](#sigmoid) · "
    "[The exercise](#exercise) · [Why it vanishes](#vanishing)"
)
odd = st.container()
descent.section()
error.section(network.section())
sigmoid.section()
exercise.section()
vanishing.section()
with odd:  # now that every control has its value
    address.remarks(RULES)
