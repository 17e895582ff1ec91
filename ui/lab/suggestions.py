"""The suggestions of a finding: each is applied by one click, or compared with the present network by another."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import streamlit as st

from core import RunConfig
from core.comparison.arms import Arm, Comparison
from core.diagnosis.rules import Finding
from core.errors import ConfigError
from ui.compare.labels import field_label, value_label
from ui.compare.state import query
from ui.controls import fields
from ui.text import join_percent, typeset
from ui.urls import link

SEEDS = 3  # of a comparison before and after


def draw_suggestions(finding: Finding, config: RunConfig) -> None:
    """Draws a button for each suggestion of a finding, with a link to the comparison before and after it."""
    if not finding.suggestions:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("**Try**", width="content")
        for i, suggestion in enumerate(finding.suggestions):
            suggested = config.replace(**suggestion.changes)
            outcome = f": {join_percent(suggestion.outcome)}" if suggestion.outcome else ""
            with st.container(horizontal=True, width="content", gap="xxsmall", vertical_alignment="center"):
                st.button(
                    typeset(f"{suggestion.label}{outcome}"),
                    key=f"suggestion_{finding.name}_{i}",
                    icon=":material/healing:",
                    wrap=True,
                    help=typeset(f"Sets {describe(suggestion.changes)}."),
                    on_click=_apply,
                    args=(suggested,),
                )
                parameters = before_and_after(config, suggestion.changes)
                if parameters:
                    st.page_link(
                        "pages/compare.py",
                        label="Compare",
                        icon=":material/compare_arrows:",
                        query_params=parameters,
                        help="Shows the network before and after this change side by side.",
                        width="content",
                    )


def _apply(config: RunConfig) -> None:
    fields.apply(config)
    st.rerun()  # the buttons stand in a fragment, and the settings all over the page


def describe(changes: dict[str, Any]) -> str:
    """The changed settings in words: "Init to He normal and Activation to ReLU"."""
    parts = [f"{field_label(field)} to {value_label(field, value)}" for field, value in changes.items()]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def before_and_after(config: RunConfig, changes: dict[str, Any]) -> dict[str, str] | None:
    """The query parameters of a comparison of this network without and with some changes; None if there is none."""
    try:
        comparison = Comparison(config, None, (Arm("the old network"), Arm("the new network", changes)), SEEDS)
    except ConfigError:
        return None
    return dict(parse_qsl(link.to_query(config))) | {key: str(value) for key, value in query(comparison).items()}
