"""The verdict of the Lab: one line above the picture; below it the numbers, the mechanism and what to try."""

from __future__ import annotations

import streamlit as st

from core import RunConfig
from core.diagnosis.rules import VERDICTS, Diagnosis
from ui.lab.suggestions import draw_suggestions
from ui.text import as_text, typeset

ICONS = {"bad": ":red[:material/error:]", "warning": ":orange[:material/warning:]", "note": ":blue[:material/info:]",
         "good": ":green[:material/check_circle:]"}  # fmt: skip


def draw_verdict(diagnosis: Diagnosis) -> None:
    """Draws the verdict with its icon, and what happened in a sentence with its numbers."""
    gravest = diagnosis.findings[0]
    with st.container(key="verdict", gap="xxsmall"):
        st.header(f"{ICONS[gravest.severity]} {VERDICTS[diagnosis.verdict][0]}", anchor=False)
        st.markdown(as_text(typeset(gravest.what)))


def draw_details(diagnosis: Diagnosis, theory: str) -> None:
    """Draws three numbers and the mechanism.

    Args:
        theory: a sentence on what theory predicted.
    """
    gravest = diagnosis.findings[0]
    with st.container(key="measures", horizontal=True):
        for metric in diagnosis.numbers:
            st.metric(metric.label, typeset(metric.value), help=metric.help, border=True, height="stretch")
    details = diagnosis.sentence.removeprefix(gravest.what).strip()
    st.markdown(" ".join(as_text(typeset(words)) for words in (details, gravest.why, theory) if words))


def draw_findings(diagnosis: Diagnosis, config: RunConfig) -> None:
    """Draws what to try, and the other findings in a group."""
    gravest, *others = diagnosis.findings
    draw_suggestions(gravest, config)
    if diagnosis.trial:
        st.caption(diagnosis.trial)
    if others:
        with st.expander("Also: " + ", ".join(VERDICTS[finding.name][0].lower() for finding in others)):
            for finding in others:
                st.markdown(f"{ICONS[finding.severity]} {as_text(typeset(finding.what))} {as_text(finding.why)}")
                draw_suggestions(finding, config)
