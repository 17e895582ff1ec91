"""The Lecture: from gradient descent to the chain rule, every symbol computed."""

import streamlit as st

from ui.lecture import descent, error, exercise, network, sigmoid, vanishing
from ui.navigation import ensure_navigation
from ui.urls import address

ensure_navigation()
RULES = descent.ADDRESS | network.ADDRESS | sigmoid.ADDRESS | vanishing.ADDRESS
address.drop_invalid_params(RULES)
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
    address.show_param_warnings(RULES)
