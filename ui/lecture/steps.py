"""The exercise, part (d): gradient descent from the student's own numbers, step by step or to the end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from core import ConfigError
from core.exercise import RATE, descend, solve, update
from ui import panels
from ui.charts.factors import error_over_steps
from ui.charts.style import number
from ui.lecture.symbols import WEIGHTS
from ui.text import as_text

ENOUGH = 1e-3  # norm of the gradient at which a step hardly changes E; with the first numbers about 11,000 steps away
RUN, MOST = 20_000, 40_000  # steps of one run to the end, which take about a second, and of all


@dataclass(frozen=True, eq=False)
class DescentState:
    """Where gradient descent has come from the numbers in the tables.

    Attributes:
        start: those numbers, as bytes; others begin another walk.
        weights, before: (6,) now and before the last step or run.
        errors: E after each step, from the start.
        taken: steps of the last press of a button.
    """

    start: bytes
    weights: np.ndarray
    errors: np.ndarray
    before: np.ndarray | None = None
    taken: int = 0


def section(given: tuple[np.ndarray, ...]) -> None:
    """Learning rate, buttons, and what they did."""
    st.subheader("(d) Take a step", anchor=False)
    st.latex(r"w \;\leftarrow\; w + \Delta w, \qquad \Delta w = -\eta\, \frac{\partial E}{\partial w}")
    st.caption("In words: every weight changes by minus the learning rate times its gradient, all six at once.")
    walk, data = _walk(given), given[2:]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        eta = st.number_input(
            "Learning rate η", value=1.0, step=0.5, format="%.6g", key="exercise_eta", width=170,
            persist_state="session",
        )  # fmt: skip
        full = len(walk.errors) > MOST
        for label, icon, steps, key, about in (
            ("One step", "step", 1, "exercise_step", None),
            ("Run to the end", "fast_forward", RUN, "exercise_run",
             f"Until the norm of the gradient is {ENOUGH:g}, or {RUN:,} steps."),
        ):  # fmt: skip
            st.button(label, icon=f":material/{icon}:", on_click=_press, args=(data, steps), key=key, help=about,
                      disabled=full)  # fmt: skip
        st.button("Back to the start", icon=":material/restart_alt:", on_click=_forget, key="exercise_back")
    refused, fault = st.session_state.get("exercise_fault") or (None, None)
    if fault is None or refused != eta:  # what was said of one learning rate does not stay beside another
        fault = None
        try:
            RATE.validate("learning_rate", eta)
        except ConfigError as error:
            fault = error
    if fault is not None:
        panels.show_error(fault)
    s = solve(*_parts(walk.weights), *data)
    st.markdown(as_text(describe(walk, s.error, float(np.linalg.norm(s.gradient)))))
    with st.grid(2, min_column_width=380, gap="medium"):
        with st.container():
            rows = table(walk, data)
            shapes = dict.fromkeys(rows.columns[1:], st.column_config.NumberColumn(format="%.5g"))
            panels.table(rows, hide_index=True, column_config=shapes, alt="Weights before and after")
        with st.container():
            panels.show(error_over_steps(walk.errors, dark=panels.dark()), "exercise-errors", numbers=True)


def _walk(given: tuple[np.ndarray, ...]) -> DescentState:
    """The walk under way, or a new one where the tables hold other numbers."""
    start = b"".join(part.tobytes() for part in given)
    walk = st.session_state.get("exercise_walk")
    if walk is None or walk.start != start:
        weights = np.concatenate([given[0].ravel(), given[1]])
        walk = DescentState(start, weights, np.array([solve(*given).error]))
        st.session_state["exercise_walk"] = walk
        st.session_state["exercise_fault"] = None
    return walk


def _parts(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return weights[:4].reshape(2, 2), weights[4:]


def _press(data: tuple[np.ndarray, np.ndarray], steps: int) -> None:
    """One step, or many; a refusal leaves the walk where it was."""
    walk, eta = st.session_state["exercise_walk"], st.session_state["exercise_eta"]
    try:
        st.session_state["exercise_walk"] = onward(walk, data, eta, steps)
        st.session_state["exercise_fault"] = None
    except ConfigError as error:
        st.session_state["exercise_fault"] = eta, error


def onward(walk: DescentState, data: tuple[np.ndarray, np.ndarray], eta: float, steps: int) -> DescentState:
    """The walk after one step, or after many by the engine.

    Raises:
        ConfigError: a learning rate that is not allowed, or with which a weight would leave the limits.
    """
    now = _parts(walk.weights)
    if steps == 1:
        new = update(*now, *data, eta)
        errors = np.array([solve(*new, *data).error])
    else:
        *new, errors = descend(*now, *data, eta, steps, ENOUGH)
        errors = errors[1:]
    weights = np.concatenate([new[0].ravel(), new[1]])
    errors = np.concatenate([walk.errors, errors])
    return replace(walk, weights=weights, errors=errors, before=walk.weights, taken=len(errors) - len(walk.errors))


def _forget() -> None:
    st.session_state["exercise_walk"] = None


def describe(walk: DescentState, error: float, norm: float) -> str:
    """Where the walk stands, in a sentence or two."""
    steps = len(walk.errors) - 1
    where = f"E = {number(error, 5)}, and the norm of the gradient is {number(norm, 3)}"
    if steps == 0:
        words = f"Before the first step {where}."
    else:
        first = number(float(walk.errors[0]), 5)
        words = f"After {steps:,} {'step' if steps == 1 else 'steps'} {where}; E was {first} at first."
    if norm <= ENOUGH:
        return f"{words} The gradient is so small that a step hardly changes E any more: this is the end of the run."
    if steps >= MOST:
        return f"{words} That is far enough: go back to the start for more."
    return words


def table(walk: DescentState, data: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
    """The weights before and after the last press; before the first, where a step would lead."""
    names = [weight.text for weight in WEIGHTS]
    if walk.before is None:
        gradient = solve(*_parts(walk.weights), *data).gradient
        return pd.DataFrame({"weight": names, "w": walk.weights, "∂E/∂w": gradient})
    change = walk.weights - walk.before
    columns = {"weight": names, "before": walk.before}
    if walk.taken == 1:
        columns["∂E/∂w"] = solve(*_parts(walk.before), *data).gradient
    return pd.DataFrame(columns | {"Δw": change, "after": walk.weights})
