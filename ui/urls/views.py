"""The view of a page beside its settings: the quantity, the step, which panels are open, which controls are hidden.

Each is a parameter of the address like the settings are, so that one link restores the whole picture (a scene).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import streamlit as st

from core.config import MAX_STEPS, SIZES, Choice, Flag, Number
from core.layer_norms import JUDGED, LAYER_NORMS
from ui.session import session, session_by_name
from ui.urls.link import Rule, Text

STEP = "step"
AXIS = "axis"
_POWER = r"-?\d{1,3}(?:\.\d{1,3})?"
_NAMES = Text(r"[a-z_0-9]*(?:,[a-z_0-9]+)*", "it must be names of controls separated by commas, as in depth,activation")
_STEP = Number(0, MAX_STEPS, integer=True)
_OPTIONAL_STEP = Number(0, MAX_STEPS, integer=True, optional=True)

# What belongs to the frame around a page: controls that are taken away or fixed, and whether words are shown.
FRAME: dict[str, Rule] = {"hide": _NAMES, "lock": _NAMES, "text": Choice(("on", "off"))}
FRAME_DEFAULTS: dict[str, Any] = {"hide": "", "lock": "", "text": "on"}

# A step and a range of the axis belong to one run: they return to their defaults when a setting changes.
OF_RUN = frozenset({STEP, AXIS})
_AXIS_RULE = Text(rf"(?:{_POWER},{_POWER})?", "it must be two powers of ten, as in -6,2")
PICTURE: dict[str, Rule] = {STEP: _OPTIONAL_STEP, AXIS: _AXIS_RULE}
PICTURE_DEFAULTS: dict[str, Any] = {STEP: None, AXIS: ""}  # without a step it opens where its verdict judges

# The views of the Lab by the keys of their controls; an expander is open where its value is true.
LAB_PANELS = ("live", "more", "inside", "why", "sharpness", "numbers", "how-we-know")
LAB: dict[str, Rule] = {
    "quantity": Choice(tuple(LAYER_NORMS)),
    "relative": Flag(),
    "open_layer": Number(1, SIZES.layers + 1, integer=True, optional=True),
    "layer_step": _STEP,
    **dict.fromkeys(LAB_PANELS, Flag()),
    "inside_step": _STEP,
    "inside_quantity": Choice(("net", "activation", "delta", "weight_gradient")),
    **PICTURE,
    **FRAME,
}
LAB_DEFAULTS: dict[str, Any] = {
    "quantity": JUDGED,
    "relative": True,
    "open_layer": None,
    "layer_step": 0.0,
    **dict.fromkeys(LAB_PANELS, False),
    "inside_step": 0.0,
    "inside_quantity": "net",
    **PICTURE_DEFAULTS,
    **FRAME_DEFAULTS,
}

COMPARE: dict[str, Rule] = {"compare_quantity": Choice(tuple(LAYER_NORMS)), "compare_more": Flag(), **PICTURE, **FRAME}
COMPARE_DEFAULTS: dict[str, Any] = {"compare_quantity": JUDGED, "compare_more": False}
COMPARE_DEFAULTS |= PICTURE_DEFAULTS | FRAME_DEFAULTS

SWEEP: dict[str, Rule] = {
    "at": Text(r"(?:[a-z_0-9]+,\d{1,3},\d{1,3})?", "it must be an activation and two positions, as in tanh,3,5"),
    **FRAME,
}
SWEEP_DEFAULTS: dict[str, Any] = {"at": "", **FRAME_DEFAULTS}


def use_whole_numbers() -> None:
    """Makes the values of sliders and lists of whole numbers whole: an address has them as fractional numbers."""
    for key in ("open_layer", "layer_step", "inside_step"):
        if session_by_name[key] is not None:
            session_by_name[key] = int(session_by_name[key])


def shown_step() -> int | None:
    """The step at which the address opens the picture, which writes it there; None for that of the verdict."""
    text = st.query_params.get(STEP, "")
    return int(text) if re.fullmatch(r"\d{1,7}", text) else None


def axis_range() -> tuple[float, float] | None:
    """The powers of ten at the ends of the picture's axis; None for those that fit the data."""
    return parse_axis(st.query_params.get(AXIS, ""))


def parse_axis(text: str) -> tuple[float, float] | None:
    """The powers of ten that an axis range states, as in -6,2; None for an empty text or a range without length."""
    low, high = map(float, text.split(",")) if re.fullmatch(_AXIS_RULE.pattern, text) and text else (0.0, 0.0)
    return (low, high) if low < high else None


def is_hidden(control: str) -> bool:
    """Tell whether the address takes this control away."""
    return control in _names("hide")


def is_locked(control: str) -> bool:
    """Tell whether the address fixes this control, or all."""
    return not _names("lock").isdisjoint((control, "all"))


def has_text() -> bool:
    """Tell whether sentences are shown beside the picture."""
    return session.get("text", "on") != "off"


def _names(parameter: str) -> frozenset[str]:
    return _split_names(session_by_name.get(parameter) or "")


@lru_cache(maxsize=64)
def _split_names(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z_0-9]+", text))
