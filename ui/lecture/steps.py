"""The exercise, part (d): gradient descent from the student's own numbers, step by step or to the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core import ConfigError
from core.exercise import RATE, Solution, descend, solve, update
from ui import panels
from ui.charts.factors import error_over_steps
from ui.charts.style import number
from ui.lecture import exercise
from ui.lecture.exercise import Given
from ui.lecture.formulas import formula_table
from ui.lecture.symbols import WEIGHTS
from ui.session import session
from ui.text import as_text
from ui.urls import views
from ui.urls.link import Text

ENOUGH = 1e-3  # norm of the gradient at which a step hardly changes E; with the first numbers about 11,000 steps away
# steps of one run to the end, which take about a second, and of all
RUN = 20_000
MAX_STEPS = 40_000
_GRADIENT = r"\frac{\partial E}{\partial w}"
_PART = r"[0-9]{1,5}x[0-9.]+(?:e[+-]?[0-9]+)?"
ADDRESS = {
    "walk": Text(rf"(?:{_PART}(?:,{_PART}){{0,49}})?", "it must be at most 50 parts such as 20x0.5, steps x rate"),
    "exercise_eta": RATE,
}
DEFAULTS = {"walk": "", "exercise_eta": 1.0}


@dataclass(frozen=True, eq=False)
class DescentState:
    """Gradient descent from the numbers of the exercise, as far as it has come.

    Attributes:
        given: those numbers.
        weights, before: (6,) now and before the last step or run.
        errors: E after each step, from the start.
        n_taken: steps of the last press of a button.
        parts: (steps, learning rate) of each stretch with one learning rate; the address holds them.
    """

    given: Given
    weights: np.ndarray
    errors: np.ndarray
    before: np.ndarray | None = None
    n_taken: int = 0
    parts: tuple[tuple[int, float], ...] = ()

    @property
    def text(self) -> str:
        """The walk as the address holds it."""
        return ",".join(f"{steps}x{rate:.10g}" for steps, rate in self.parts)


def section() -> None:
    """The picture, learning rate and buttons, and what they did."""
    try:
        walk = current()
    except ConfigError as error:
        panels.show_error(error)
        _draw_back()
        return
    st.latex(r"w \;\leftarrow\; w + \Delta w, \qquad \Delta w = -\eta\, \frac{\partial E}{\partial w}")
    with st.container(key="pictures-steps"), st.grid(2, min_column_width=380, gap="medium"):
        with st.container():
            panels.show(error_over_steps(walk.errors, dark=panels.dark()), "exercise-errors", numbers=True)
        with st.container():
            formula_table(table(walk), "Weights before and after", 5)
    st.markdown(as_text(summarize(walk)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for draw in controls(walk).values():
            draw()
    st.caption("In words: every weight changes by minus the learning rate times its gradient, all six at once.")
    show_refusal()


def current() -> DescentState:
    """The walk as far as it has come, from the numbers that are chosen.

    Raises:
        ConfigError: a number of the exercise, or a learning rate of the address, that is not allowed.
    """
    return _walk(exercise.given())


def controls(walk: DescentState) -> dict[str, Callable[[], None]]:
    """By key, what draws each control."""
    locked = views.is_locked
    full = len(walk.errors) > MAX_STEPS

    def rate() -> None:
        st.number_input("Learning rate $\\eta$", step=0.5, format="%.6g", key="exercise_eta", width=170,
                        disabled=locked("exercise_eta"))  # fmt: skip

    def press(label: str, icon: str, steps: int, key: str, about: str | None = None) -> None:
        st.button(label, icon=f":material/{icon}:", on_click=_press, args=(steps,), key=key, help=about,
                  disabled=full or locked(key))  # fmt: skip

    about = f"Until the norm of the gradient is {ENOUGH:g}, or {RUN:,} steps."
    return {
        "exercise_eta": rate,
        "exercise_step": partial(press, "One step", "step", 1, "exercise_step"),
        "exercise_run": partial(press, "Run to the end", "fast_forward", RUN, "exercise_run", about),
        "exercise_back": _draw_back,
    }


def _draw_back() -> None:
    st.button("Back to the start", icon=":material/restart_alt:", on_click=_forget, key="exercise_back",
              disabled=views.is_locked("exercise_back"))  # fmt: skip


def show_refusal() -> None:
    """Draws the reason why the chosen learning rate, or the last step, is refused."""
    eta = session["exercise_eta"]
    refused, fault = session.get("exercise_fault") or (None, None)
    if fault is None or refused != eta:  # the refusal of one learning rate does not stay beside another
        fault = None
        try:
            RATE.validate("learning_rate", eta)
        except ConfigError as error:
            fault = error
    if fault is not None:
        panels.show_error(fault)


def summarize(walk: DescentState) -> str:
    """Where a walk stands, in a sentence or two."""
    s = _solve(walk.given, walk.weights)
    return describe(walk, s.error, float(np.linalg.norm(s.gradient)))


def _walk(given: Given) -> DescentState:
    """The walk of the address: the one under way, or computed again from these numbers.

    Raises:
        ConfigError: a learning rate of the address is not allowed, or leads too far.
    """
    walk = session.get("exercise_walk")
    text = session["walk"]
    same = walk is not None and exercise.format_numbers(walk.given) == exercise.format_numbers(given)
    if same and walk.given.activation == given.activation and walk.text == text:
        return walk
    walk = DescentState(given, given.weights, np.array([given.solve().error]))
    for part in filter(None, text.split(",")):
        steps, _, rate = part.partition("x")
        if len(walk.errors) + int(steps) > MAX_STEPS + RUN + 1:
            raise ConfigError("walk", text, f"it must have at most {MAX_STEPS + RUN:,} steps")
        walk = onward(walk, float(RATE.validate("walk", _number(rate))), int(steps), enough=0.0)
    session["exercise_walk"] = walk
    session["exercise_fault"] = None
    return walk


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _solve(given: Given, weights: np.ndarray) -> Solution:
    return solve(weights[:4].reshape(2, 2), weights[4:], given.x, given.d, activation=given.activation)


def _press(steps: int) -> None:
    """One step, or many; a refusal leaves the walk where it was."""
    walk = session["exercise_walk"]
    eta = session["exercise_eta"]
    try:
        walk = session["exercise_walk"] = onward(walk, eta, steps)
        session["walk"] = walk.text
        session["exercise_fault"] = None
    except ConfigError as error:
        session["exercise_fault"] = eta, error


def onward(walk: DescentState, eta: float, steps: int, *, enough: float = ENOUGH) -> DescentState:
    """The walk after one step, or after many by the engine.

    Args:
        enough: many steps end where the norm of the gradient is no larger.

    Raises:
        ConfigError: a learning rate that is not allowed, or with which a weight would leave the limits.
    """
    now = walk.weights[:4].reshape(2, 2), walk.weights[4:]
    data = (walk.given.x, walk.given.d)
    kind = {"activation": walk.given.activation}
    if steps == 1:
        new = update(*now, *data, eta, **kind)
        errors = np.array([solve(*new, *data, **kind).error])
    else:
        *new, errors = descend(*now, *data, eta, steps, enough, **kind)
        errors = errors[1:]
    parts = list(walk.parts)
    n_taken = len(errors)
    if parts and parts[-1][1] == eta:
        parts[-1] = parts[-1][0] + n_taken, eta
    elif n_taken:
        parts.append((n_taken, float(eta)))
    return replace(
        walk,
        weights=np.concatenate([new[0].ravel(), new[1]]),
        errors=np.concatenate([walk.errors, errors]),
        before=walk.weights,
        n_taken=n_taken,
        parts=tuple(parts),
    )


def _forget() -> None:
    session["walk"] = ""
    session.pop("exercise_walk", None)


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
    if steps >= MAX_STEPS:
        return f"{words} That is far enough: go back to the start for more."
    return words


def table(walk: DescentState) -> dict[str, Any]:
    """The weights before and after the last press, by heading; before the first, where a step would lead."""
    columns: dict[str, Any] = {"w": [weight.latex for weight in WEIGHTS]}
    if walk.before is None:
        return columns | {r"\text{now}": walk.weights, _GRADIENT: _solve(walk.given, walk.weights).gradient}
    columns[r"\text{before}"] = walk.before
    if walk.n_taken == 1:
        columns[_GRADIENT] = _solve(walk.given, walk.before).gradient
    return columns | {r"\Delta w": walk.weights - walk.before, r"\text{after}": walk.weights}
