"""Gradient descent: choose a function, a start and a learning rate, and follow the path."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from core import ConfigError
from core.config import Choice
from core.lecture.descent import (
    ARRIVED,
    RULES,
    SURFACES,
    Outcome,
    Path,
    Surface,
    bowl,
    classify,
    descend,
    stability_limit,
    start_near,
)
from core.wording import percent
from ui import panels
from ui.browser.webgl import has_webgl
from ui.charts.descent import contours, from_the_side, value_over_steps
from ui.charts.style import number
from ui.controls.fields import number_options
from ui.lecture.formulas import matrix, tex
from ui.session import session, session_by_name
from ui.text import as_text

JUST_BELOW = 0.95
JUST_ABOVE = 1.05
_PARTS = (("eta", "learning_rate"), ("mu", "momentum"), ("x", "start"), ("y", "start"), ("steps", "steps"))
ADDRESS: dict[str, Any] = {
    "descent": Choice(tuple(SURFACES)),
    "bowl_condition": RULES["condition"],
    "bowl_rotation": RULES["rotation"],
    **{f"{name}_{short}": RULES[field] for name in SURFACES for short, field in _PARTS},
    **{f"{name}_step": RULES["steps"] for name in SURFACES},
}


def _defaults() -> dict[str, Any]:
    values: dict[str, Any] = {"descent": "bowl", "bowl_condition": 10.0, "bowl_rotation": 30.0}
    for name, make in SURFACES.items():
        surface = make()
        x, y = surface.start
        steps = float(surface.steps)
        starts = {"eta": surface.learning_rate, "mu": 0.0, "x": x, "y": y, "steps": steps, "step": 0.0}
        values |= {f"{name}_{short}": value for short, value in starts.items()}
    return values


DEFAULTS = _defaults()


def section() -> None:
    """The pictures, what they show in words, the controls, and the formulas with their numbers."""
    st.markdown(
        "The gradient $\\nabla E(w)$ points up the steepest way. Each step goes the other way, "
        "$w \\leftarrow w - \\eta\\, \\nabla E(w).$ The curvature, the Hessian $H$, decides how long a step may be. "
        "**Click on the level lines to start somewhere else.**"
    )
    pictures = st.container(key="pictures-descent")
    words = st.container()
    name = session["descent"]
    step_slider = st.container()
    controls = st.container()
    with controls:
        st.segmented_control("Function", list(SURFACES), required=True, key="descent")
        try:
            surface, start, rate, momentum, steps = _settings(name)
            n_steps: Any = steps  # a float from a widget; `descend` refuses one that is not whole
            path = descend(surface, start, rate, momentum, n_steps)
        except ConfigError as error:
            panels.show_error(error)
            return
        lowest = surface.nearest_minimum(path.points[-1])
        _limits(name, surface, lowest, momentum)
    with step_slider:
        step = draw_step(name, len(path.points) - 1)
    in_space = has_webgl("lecture-webgl")
    with pictures, st.grid(1 + in_space, min_column_width=420, gap="medium"):
        with st.container():
            chart = contours(surface, path, step, dark=panels.dark())
            panels.show(chart, "lecture-contours", numbers=True, picked=lambda: start_at(name))
        if in_space:
            with st.container():
                panels.show(from_the_side(surface, path, step, dark=panels.dark()), "lecture-surface", numbers=True)
        else:
            st.caption(
                "This browser cannot draw the function as a surface (it has no WebGL): its level lines are above."
            )
    with words:
        text = describe(classify(surface, path), path)
        limit = against_limit(surface, stability_limit(surface.hessian(lowest), momentum), rate)
        st.markdown(f"**{as_text(text)}** {as_text(limit)}")
    with st.grid(2, min_column_width=420, gap="medium"):
        with st.container():
            _written_out(surface, path.points[step], step, momentum)
        with st.container():
            chart = value_over_steps(surface, path, step, dark=panels.dark())
            panels.show(chart, "lecture-descent-values", numbers=True)


def _settings(name: str) -> tuple[Surface, tuple[float, float], float, float, float]:
    """The controls of a function; each function keeps its own."""
    with st.grid(5, min_column_width=150, gap="small"):
        if name == "bowl":
            surface = bowl(
                _number("Condition number", "bowl_condition", 5.0,
                        "Largest over smallest eigenvalue of $H$; the smallest is 1."),
                _number("Rotation", "bowl_rotation", 15.0,
                        "Degrees from the first axis to the flat direction."),
            )  # fmt: skip
        else:
            surface = SURFACES[name]()
        rate = _number("Learning rate $\\eta$", f"{name}_eta", surface.learning_rate / 10,
                       "It multiplies the gradient.")  # fmt: skip
        momentum = _number("Momentum $\\mu$", f"{name}_mu", 0.1,
                           r"Heavy ball: $v \leftarrow \mu v + \nabla E$, $w \leftarrow w - \eta v$.")  # fmt: skip
        x, y = (
            _number(f"Start ${variable}$", f"{name}_{axis}", 0.1, "Or click on the level lines.")
            for axis, variable in zip("xy", surface.names, strict=True)
        )
        steps = _number("Steps", f"{name}_steps", 10, "Updates made.")
    return surface, (x, y), rate, momentum, steps


def current() -> tuple[Surface, Path, int]:
    """The surface, the path on it and the step shown, as the controls have them.

    Raises:
        ConfigError: a control without a number.
    """
    name = session["descent"]
    surface = bowl(session["bowl_condition"], session["bowl_rotation"]) if name == "bowl" else SURFACES[name]()
    x, y, *rest = (session_by_name[f"{name}_{short}"] for short in ("x", "y", "eta", "mu", "steps"))
    path = descend(surface, (x, y), *rest)
    return surface, path, min(int(session_by_name[f"{name}_step"]), len(path.points) - 1)


def _number(label: str, key: str, step: float, about: str) -> float:
    return st.number_input(label, key=key, help=about, **number_options(ADDRESS[key], step))


def _limits(name: str, surface: Surface, lowest: np.ndarray, momentum: float) -> None:
    """Two buttons that set the learning rate on either side of the limit."""
    limit = stability_limit(surface.hessian(lowest), momentum)
    where = None if surface.quadratic else start_near(surface, lowest, momentum)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for share, words in ((JUST_BELOW, "Just below the limit"), (JUST_ABOVE, "Just above the limit")):
            to = float(f"{share * limit:.6g}")
            st.button(
                f"{words}: η = {number(to, 4)}",
                key=f"{name}_{'below' if share < 1 else 'above'}",
                on_click=_set_rate,
                args=(name, to, where),
                help=f"{share:g} times {'the limit' if surface.quadratic else 'the limit at the minimum'}.",
            )
        if where is not None:
            st.caption("Both start close to the minimum: farther away, the curvature and its limit are different.")


def _set_rate(name: str, rate: float, where: tuple[tuple[float, float], int] | None) -> None:
    """Sets the learning rate and, given a start and steps, these as well."""
    session_by_name[f"{name}_eta"] = rate
    if where is not None:
        (session_by_name[f"{name}_x"], session_by_name[f"{name}_y"]), steps = where
        session_by_name[f"{name}_steps"] = float(steps)
        session_by_name[f"{name}_step"] = 0


def start_at(name: str) -> None:
    """A click on the level lines moves the start there."""
    points = session["lecture-contours"].selection.points
    if points:
        session_by_name[f"{name}_x"], session_by_name[f"{name}_y"] = (round(points[0][axis], 6) for axis in "xy")
        session_by_name[f"{name}_step"] = 0


def draw_step(name: str, last: int, disabled: bool = False) -> int:
    """Draws the slider of the step whose point is shown, and returns the step."""
    key = f"{name}_step"
    if last == 0:
        return 0
    session_by_name[key] = min(int(session_by_name[key]), last)
    about = "The point on the path at which the arrow, the eigen-directions and the formulas are drawn."
    return st.slider("Step shown", 0, last, format="step %d", key=key, disabled=disabled, help=about)


def describe(outcome: Outcome, path: Path) -> str:
    """Words for the end of the path."""
    back = f"{percent(outcome.turning)} of its steps turn back on the one before"
    values = f"from {number(path.values[0], 3)} to {number(path.values[-1], 3)}"
    if outcome.kind == "swings":
        words = f"E is above its start for now: it has grown {values} at step {outcome.step:,}"
        return f"{words}. Momentum makes it swing; with more steps it comes down."
    if outcome.kind == "diverges":
        grown = "" if path.diverged_at is None else ", where it is far outside the picture"
        return f"It diverges: E has grown {values} at step {outcome.step:,}{grown}."
    if outcome.kind == "arrives":
        if outcome.step == 0:
            return "It starts at the minimum: the gradient is 0 there, and no step leads away."
        words = f"It converges: from step {outcome.step:,} on less than {percent(ARRIVED)} of the way down is left."
        return f"{words} It oscillates: {back}." if outcome.turning > 0.5 else words
    if outcome.kind == "stuck":
        return f"It is stuck: after {outcome.step:,} steps the gradient is almost 0, but this is not a minimum."
    if outcome.done < 0:
        words = f"It does not settle: after {outcome.step:,} steps E has grown {values}"
    else:
        words = f"After {outcome.step:,} steps it has come {number(100 * outcome.done, 3)} % of the way down"
    return f"{words}, and oscillates: {back}." if outcome.turning > 0.5 else f"{words}."


def against_limit(surface: Surface, limit: float, rate: float) -> str:
    """The learning rate as a share of the limit."""
    where = "" if surface.quadratic else " at the minimum"
    side = "below" if rate < limit else "above" if rate > limit else "exactly at"
    times = rate / limit
    share = f"{percent(times)} of it" if times <= 10 else f"{number(times, 3)} times it"
    given = f"the learning rate {number(rate, 4)} is {side} it, {share}"
    return f"The limit{where} is {number(limit, 4)}; {given}."


def _written_out(surface: Surface, point: np.ndarray, step: int, momentum: float) -> None:
    """Gradient, Hessian, eigenvalues and the limit at a point, with their numbers."""
    gradient = surface.gradient(point)
    hessian = surface.hessian(point)
    eigenvalues, directions = np.linalg.eigh(hessian)
    st.markdown(f"**At step {step:,}**, $w = ({tex(point[0])},\\; {tex(point[1])})$")
    st.latex(surface.formula)
    with st.grid(2, min_column_width=240, gap="small"):
        st.latex(rf"\nabla E = {matrix(gradient)}")
        st.latex(rf"H = {matrix(hessian)}")
        st.latex(rf"\lambda_{{\mathrm{{max}}}} = {tex(eigenvalues[1])},\; v = {matrix(directions[:, 1], 2)}")
        st.latex(rf"\lambda_{{\mathrm{{min}}}} = {tex(eigenvalues[0])},\; v = {matrix(directions[:, 0], 2)}")
    top = "2" if momentum == 0 else r"2\,(1 + \mu)"
    here = stability_limit(hessian, momentum)
    if math.isinf(here):
        st.markdown("No direction curves upward here, so no learning rate is too large.")
    else:
        st.latex(rf"\eta < {top} / \lambda_{{\mathrm{{max}}}} = {tex(here, 4)}")
    st.caption(as_text(_curved(surface, eigenvalues)))


def _curved(surface: Surface, eigenvalues: np.ndarray) -> str:
    low, high = eigenvalues
    if low < 0 < high:
        words = f"One eigenvalue is negative: that way E curves down ({number(low, 3)}), the other way up."
    elif low > 0:
        words = f"Both eigenvalues are positive: E curves {number(high / low, 3)} times as much one way as the other."
    else:
        words = "Neither direction curves upwards."
    return words if surface.quadratic else words + " The Hessian differs from point to point, so this limit is local."
