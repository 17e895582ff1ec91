"""The verdict on a recorded run: what happened, three numbers, and a line of code to try."""

from __future__ import annotations

import streamlit as st

from core.diagnosis.findings import Finding
from core.diagnosis.recordings import RECORDING_VERDICTS, describe_missing
from core.recordings.networks import recognize_mlp
from ui.lab.verdict import ICONS
from ui.runs.files import Shown
from ui.text import as_text, to_page_words, typeset
from ui.urls import link


def draw_verdict(shown: Shown, key: str, *, brief: bool = False) -> None:
    """Draws the verdict with its icon, and what happened in a sentence with its numbers.

    Args:
        shown: the recording.
        key: of the container.
        brief: whether the sentence is left out.
    """
    gravest = shown.diagnosis.findings[0]
    with st.container(key=key, gap="xxsmall"):
        st.header(f"{ICONS[gravest.severity]} {RECORDING_VERDICTS[shown.diagnosis.verdict]}", anchor=False)
        if not brief:
            st.markdown(as_text(typeset(gravest.what)))


def draw_details(shown: Shown, key: str) -> None:
    """Draws three numbers, the mechanism, the suggestions, and the other findings in a group.

    Args:
        key: distinguishes the parts of two recordings beside each other.
    """
    gravest, *others = shown.diagnosis.findings
    with st.container(horizontal=True):
        for metric in shown.diagnosis.numbers:
            st.metric(metric.label, typeset(metric.value), help=metric.help, border=True)
    st.markdown(as_text(typeset(gravest.why)))
    _draw_suggestions(gravest)
    _draw_recognized(shown, key)
    if others:
        label = "Also: " + ", ".join(RECORDING_VERDICTS[finding.name].lower() for finding in others)
        with st.expander(label, key=f"{key}-also"):
            for finding in others:
                words = f"{as_text(typeset(finding.what))} {as_text(typeset(finding.why))}"
                st.markdown(f"{ICONS[finding.severity]} {words}")
                _draw_suggestions(finding)
    notes = " ".join((*shown.recording.notes, describe_missing(shown.recording)))
    if notes.strip():
        st.caption(as_text(to_page_words(notes)))


def _draw_suggestions(finding: Finding) -> None:
    """Draws the suggestions as lines of code, with a button to copy them."""
    if not finding.suggestions:
        return
    st.markdown("**Try**")
    lines = [f"# {'or: ' * bool(i)}{s.label}\n{s.code}" for i, s in enumerate(finding.suggestions)]
    st.code("\n".join(lines), language=None, wrap_lines=True)  # the colors of code have too little contrast


def _draw_recognized(shown: Shown, key: str) -> None:
    mlp = recognize_mlp(shown.recording)
    if mlp is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-recognized"):
        st.link_button(
            "Open this network in the Lab",
            f"./?{link.to_query(mlp.config)}",
            icon=":material/science:",
            help="The Lab trains it, draws theory’s band around its gradient, and tries what helps.",
        )
        st.caption(as_text(f"Recognized: {mlp.same}. {mlp.different}"), width="stretch")
