"""The exercise on the 2-2-1 network: fill it in, find its gradients, solve it with one's own numbers, take a step."""

from __future__ import annotations

import streamlit as st

from ui.lecture import blanks, chain, solution

ANSWERS = len(blanks.BLANKS) + len(chain.QUESTIONS) + len(chain.CHAIN_KEYS)


def section() -> None:
    """All four parts."""
    st.header("5. The exercise", anchor="exercise")
    st.markdown(
        "One network small enough to work out by hand: two inputs, two hidden units and one output, all sigmoid, no "
        "biases. Fill it in, find the chain rule's factors, then check every number of your own."
    )
    _questions()
    solution.section()


@st.fragment
def _questions() -> None:
    """Parts (a) and (b), with the answers counted."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = blanks.right() + chain.right()
        st.progress(count / ANSWERS, text=f"{count} of {ANSWERS} answers right")
        st.button("Clear the answers", icon=":material/restart_alt:", on_click=_clear, key="exercise_clear")
    blanks.section()
    chain.section()
    if count == ANSWERS:
        st.success("All answers are right. Now with numbers.", icon=":material/celebration:")


def _clear() -> None:
    for key in (*blanks.KEYS, *(question.key for question in chain.QUESTIONS)):
        st.session_state[key] = None
    for key in chain.CHAIN_KEYS.values():
        st.session_state[key] = []
