"""The sigmoid and its slope, with a point that moves, beside the other activations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.config import Number
from core.engine.batch import SATURATED
from core.families.activations import ACTIVATIONS
from core.wording import percent
from ui import panels
from ui.charts.slopes import REACH, activations, saturated_beyond, sigmoid_and_slope
from ui.charts.style import number
from ui.session import session
from ui.text import as_text
from ui.urls.link import Subset

LAYERS = 10
ADDRESS = {"sigmoid_z": Number(-REACH, REACH), "sigmoid_beside": Subset(tuple(ACTIVATIONS))}
DEFAULTS = {"sigmoid_z": 2.0, "sigmoid_beside": ["sigmoid", "tanh", "relu"]}


def section() -> None:
    """The movable point, what it says, and the comparison."""
    st.markdown(
        "$S(z) = \\frac{1}{1 + e^{-z}}$ has the slope $S'(z) = S(z)\\,(1 - S(z))$. **Move the point by the slider or "
        "by a click.**"
    )
    picture = st.container(key="pictures-sigmoid")
    z = draw_slider()
    with picture:
        panels.show(sigmoid_and_slope(z, dark=panels.dark()), "lecture-sigmoid", numbers=True, picked=move)
    st.markdown(as_text(describe(z)))
    st.subheader("Beside other activations", anchor=False)
    pictures = st.container()
    names = st.pills(
        "Activations",
        list(ACTIVATIONS),
        selection_mode="multi",
        format_func=lambda name: ACTIVATIONS[name].label,
        key="sigmoid_beside",
        label_visibility="collapsed",
    )
    with pictures, st.grid(2, min_column_width=420, gap="medium"):
        for key, slopes in (("lecture-activations", False), ("lecture-slopes", True)):
            with st.container():
                panels.show(activations(names, z, slopes=slopes, dark=panels.dark()), key, numbers=True)
    if names:
        panels.table(_table(names, z), hide_index=True)


def draw_slider(disabled: bool = False) -> float:
    """Draws the slider of the point, and returns its net input."""
    return st.slider("Net input $z$", -REACH, REACH, step=0.05, format="z = %.2f", key="sigmoid_z", disabled=disabled)


def move() -> None:
    """A click on the picture moves the point there."""
    points = session["lecture-sigmoid"].selection.points
    if points:
        session["sigmoid_z"] = round(points[0]["x"], 2)


def describe(z: float) -> str:
    """Words for the meaning of the slope at z."""
    slope = slope_at(z)
    state = "is saturated" if slope < SATURATED / 4 else "is not saturated"
    bound = f"A unit counts as saturated where the slope is below {percent(SATURATED)} of that"
    product = f"{LAYERS} slopes like this one, multiplied, make {number(slope**LAYERS)}"
    return (
        f"The slope is never above 1/4, which it has at z = 0 only. {bound}, beyond ±{number(saturated_beyond(), 3)}: "
        f"this one {state}. {product}; at best (1/4) to the power {LAYERS} is {number(0.25**LAYERS)}."
    )


def slope_at(z: float) -> float:
    """The slope of the sigmoid at z."""
    return float(ACTIVATIONS["sigmoid"].slope(np.array([z]))[0])


def _table(names: list[str], z: float) -> pd.DataFrame:
    rows = []
    for name in names:
        activation = ACTIVATIONS[name]
        value, slope = (float(a[0]) for a in activation.evaluate(np.array([z])))
        flat = abs(slope) < SATURATED * activation.sup_slope
        rows.append(
            {
                "activation": activation.label,
                "φ(z)": value,
                "φ′(z)": slope,
                "largest |φ′|": activation.sup_slope,
                "share of it": abs(slope) / activation.sup_slope,
                "saturated": "yes" if flat else "no",
            }
        )
    return pd.DataFrame(rows)
