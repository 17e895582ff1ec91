"""The sections of the Lecture in their order, each a page of its own, and the address that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.config import Choice
from ui.lecture import descent, error, exercise, network, path, sigmoid, solution, steps, vanishing
from ui.session import session
from ui.urls import views
from ui.urls.sync import Parameters


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section.

    Attributes:
        label: on the bar of all sections.
        title: above the section.
        draw: draws it.
        formulas: whether it holds some: then it is seen once a browser has drawn them.
    """

    label: str
    title: str
    draw: Callable[[], None]
    formulas: bool = True


SECTIONS: dict[str, Section] = {
    "descent": Section(label="1 Descent", title="1. Gradient descent", draw=descent.section),
    "network": Section(label="2 Network", title="2. The network", draw=network.section),
    "error": Section(label="3 Error", title="3. The error", draw=error.section),
    "sigmoid": Section(label="4 Sigmoid", title="4. The sigmoid and its slope", draw=sigmoid.section),
    "fill": Section(label="5a Symbols", title="5. The exercise: (a) fill in the network", draw=exercise.fill_in),
    "chain": Section(label="5b Chain rule", title="5. The exercise: (b) find the gradients", draw=exercise.chain_rule),
    "numbers": Section(label="5c Numbers", title="5. The exercise: (c) numbers", draw=solution.section),
    "steps": Section(label="5d Steps", title="5. The exercise: (d) take a step", draw=steps.section),
    "vanishing": Section(label="6 Vanishing", title="6. Why it vanishes", draw=vanishing.section),
    "cures": Section(label="7 Cures", title="7. The cures", draw=vanishing.draw_cures, formulas=False),
    "path": Section(label="In 20 minutes", title="The lecture in twenty minutes", draw=path.section, formulas=False),
}
NAMES = tuple(SECTIONS)
KEY = "section"
_PARTS = (descent, network, error, sigmoid, exercise, solution, steps, vanishing)
RULES: dict[str, Any] = {KEY: Choice(NAMES)} | {name: rule for part in _PARTS for name, rule in part.ADDRESS.items()}
RULES |= views.FRAME
DEFAULTS = {KEY: NAMES[0]} | {name: value for part in _PARTS for name, value in part.DEFAULTS.items()}
DEFAULTS |= views.FRAME_DEFAULTS
PARAMETERS = Parameters(page="lecture", rules=RULES, free=(), defaults=DEFAULTS, view=frozenset(views.FRAME))


def draw_bar() -> None:
    """The bar of all sections."""
    st.segmented_control(
        "Section",
        NAMES,
        required=True,
        format_func=lambda name: SECTIONS[name].label,
        key=KEY,
        label_visibility="collapsed",
        wrap=False,
        width="stretch",
    )


def draw_turn(position: str) -> None:
    """Buttons to the section before and the one after.

    Args:
        position: distinguishes the buttons of one page, such as "top".
    """
    index = NAMES.index(session["section"])
    if index > 0:
        before = NAMES[index - 1]
        st.button("Back", key=f"section_back_{position}", icon=":material/arrow_back:", on_click=go, args=(before,),
                  help=SECTIONS[before].title)  # fmt: skip
    if index < len(NAMES) - 1:
        after = NAMES[index + 1]
        st.button("Next", key=f"section_next_{position}", icon=":material/arrow_forward:", icon_position="right",
                  type="primary", on_click=go, args=(after,), help=SECTIONS[after].title)  # fmt: skip


def go(name: str) -> None:
    """Opens a section; for a callback."""
    session["section"] = name
