"""The parts of the exercise together: its number, its numbers, and the count of right answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from core import ConfigError
from core.exercise import ENTRY, Solution, solve
from core.lecture.instances import NUMBER, Instance, make_instance
from ui.lecture import answers, blanks, chain
from ui.session import session
from ui.urls.link import Text

ANSWERS = len(blanks.BLANKS) + len(chain.QUESTIONS) + len(chain.CHAIN_KEYS)
MAX_SAMPLES = 8
_NUMBER = r"-?[0-9.]+(?:e[+-]?[0-9]+)?"
_ROW = rf"{_NUMBER},{_NUMBER},{_NUMBER}"
# The six weights, then a row a sample: x1, x2, d.
NUMBERS_RULE = Text(
    rf"(?:{_ROW},{_ROW}(?:;{_ROW}){{1,{MAX_SAMPLES}}})?",
    f"it must be six weights, then 1 to {MAX_SAMPLES} samples of three numbers, as in 1,0,0,1,1,-1;0,1,1",
)
ADDRESS = {"exercise": NUMBER, "exercise_numbers": NUMBERS_RULE, answers.KEY: answers.RULE}
DEFAULTS = {"exercise": 0.0, "exercise_numbers": "", answers.KEY: ""}


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """The numbers of an exercise, its own or a visitor's.

    Attributes:
        w01, w12, x, d: (2, 2), (2,), (N, 2) and (N,) as in `core.exercise.solve`.
        activation: of the hidden units.
    """

    w01: np.ndarray
    w12: np.ndarray
    x: np.ndarray
    d: np.ndarray
    activation: str = "sigmoid"

    @property
    def weights(self) -> np.ndarray:
        """(6,) in the order of `core.exercise.WEIGHTS`."""
        return np.concatenate([self.w01.ravel(), self.w12])

    def arguments(self) -> dict[str, Any]:
        """The arguments of `core.exercise.solve` and its relatives."""
        return {"w01": self.w01, "w12": self.w12, "x": self.x, "d": self.d, "activation": self.activation}

    def solve(self) -> Solution:
        """Every value and gradient."""
        return solve(**self.arguments())


def instance() -> Instance:
    """The exercise of the number that is chosen."""
    return make_instance(int(session["exercise"]))


def given() -> Given:
    """The numbers that are chosen: those of the exercise, unless the visitor's own stand in the address.

    Raises:
        ConfigError: a number of the address from outside -1e6 to 1e6.
    """
    chosen = instance()
    if session["exercise_numbers"]:
        return parse_numbers(session["exercise_numbers"], chosen.activation)
    return Given(w01=chosen.w01, w12=chosen.w12, x=chosen.x, d=chosen.d, activation=chosen.activation)


def format_numbers(numbers: Given) -> str:
    """The numbers as text, as `parse_numbers` reads them."""
    rows = [numbers.weights, *np.column_stack([numbers.x, numbers.d])]
    return ";".join(",".join(f"{value:.10g}" for value in row) for row in rows)


def parse_numbers(text: str, activation: str) -> Given:
    """The numbers of a text.

    Raises:
        ConfigError: an entry that is no number from -1e6 to 1e6.
    """
    try:
        weights, *rows = [[float(entry) for entry in row.split(",")] for row in text.split(";")]
    except ValueError:
        raise ConfigError("exercise_numbers", text, NUMBERS_RULE.allowed) from None
    for entry in (*weights, *(entry for row in rows for entry in row)):
        ENTRY.validate("exercise_numbers", entry)
    samples = np.array(rows)
    w01 = np.reshape(weights[:4], (2, 2))
    w12 = np.array(weights[4:])
    return Given(w01=w01, w12=w12, x=samples[:, :2], d=samples[:, 2], activation=activation)


def draw_progress() -> None:
    """Draws the count of right answers of parts (a) and (b), and a button that clears them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = blanks.right() + chain.right()
        st.progress(count / ANSWERS, text=f"{count} of {ANSWERS} answers right")
        st.button("Clear the answers", icon=":material/restart_alt:", on_click=answers.clear, key="exercise_clear")
    if count == ANSWERS:
        st.success("All answers are right. Now with numbers.", icon=":material/celebration:")


def fill_in() -> None:
    """Part (a): the network with its blanks."""
    answers.restore()
    blanks.section(answers.remember)
    draw_progress()


def chain_rule() -> None:
    """Part (b): the factors and chains of the gradients."""
    answers.restore()
    chain.section(answers.remember)
    draw_progress()
