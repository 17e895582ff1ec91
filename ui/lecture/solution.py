"""The exercise, part (c): the numbers of one exercise, a check of one's own gradients, and the solution."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from core import ConfigError
from core.config import Choice, Flag
from core.exercise import ENTRY, Solution, by_engine, central_differences, misprinted
from core.families.activations import ACTIVATIONS
from core.lecture.instances import NUMBER
from ui import panels
from ui.charts.factors import contributions
from ui.charts.style import number
from ui.lecture import check, drawing, exercise, sheet
from ui.lecture.exercise import MAX_SAMPLES, Given, format_numbers
from ui.lecture.formulas import formula_table, tex
from ui.lecture.symbols import (
    WEIGHTS,
    D,
    E,
    Factor,
    O,
    Symbol,
    chain,
    net01,
    product,
    w01,
    w12,
    with_formulas,
    x,
    y,
)
from ui.lecture.tables import edit_table
from ui.session import session
from ui.urls import views

INPUTS = ("x₁", "x₂", "d")
WEIGHT_NAMES = tuple("".join(map(str, weight.indices)) + "_" + weight.layers[0] for weight in WEIGHTS)
ADDRESS = {"exercise_weight": Choice(WEIGHT_NAMES), "exercise_solution": Flag()} | check.ADDRESS
DEFAULTS = {"exercise_weight": WEIGHT_NAMES[0], "exercise_solution": False} | check.DEFAULTS


def section() -> None:
    """The network with its numbers, the check of gradients, the tables, and the solution."""
    picture, controls, checks, tables = (st.container() for _ in range(4))
    with controls:
        _choose_number()
    try:
        given = exercise.given()
    except ConfigError as error:
        panels.show_error(error)
        return
    fault: ConfigError | None = None
    with tables:
        try:
            given = _edit(given)
        except ConfigError as error:
            fault = error
    with picture:
        _draw_given(given)
    with checks:
        check.section(given)
    if fault is not None:
        panels.show_error(fault)
        st.caption("Your answers and steps are saved. Correct the table, and the solution returns.")
        return
    box = st.expander("The solution: every factor, and every gradient three ways", key="exercise_solution",
                      on_change="rerun")  # fmt: skip
    if box.open:
        with box:
            solution = given.solve()
            _one_gradient(given, solution)
            _factors(given, solution)
            _all_gradients(given, solution)


def _choose_number() -> None:
    """The number of the exercise, the next one, and its sheets."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        draw_number(150)
        st.button("Next exercise", icon=":material/casino:", key="exercise_next", on_click=_choose_next)
        chosen = exercise.instance()  # a file is made in a thread without the session
        for label, make, name in (
            ("Sheet", sheet.exercise_sheet, f"exercise-{chosen.number}.html"),
            ("Solution", sheet.solution_sheet, f"exercise-{chosen.number}-solution.html"),
        ):
            st.download_button(
                f"{label} to print", lambda make=make: make(chosen), name, "text/html",
                key=f"exercise_{label.lower()}_file", on_click="ignore", icon=":material/print:",
            )  # fmt: skip


def draw_number(width: int | Literal["stretch"] = "stretch") -> None:
    """Draws the field for the number of the exercise."""
    st.number_input(
        "Exercise",
        float(NUMBER.low),
        float(NUMBER.high),
        step=1.0,
        format="%.0f",
        key="exercise",
        width=width,
        help="The same number gives the same exercise to everyone; 0 is the exercise of the lecture.",
        on_change=_start_over,
        disabled=views.is_locked("exercise"),
    )


def draw_weight() -> None:
    """Draws the choice of one of the six weights."""
    names = dict(zip(WEIGHT_NAMES, WEIGHTS, strict=True))
    st.segmented_control("The gradient by", list(names), required=True, key="exercise_weight",
                         format_func=lambda name: f"${names[name].latex}$",
                         disabled=views.is_locked("exercise_weight"))  # fmt: skip


def _choose_next() -> None:
    session["exercise"] = (session["exercise"] + 1) % (NUMBER.high + 1)
    _start_over()


def _start_over() -> None:
    """Takes back numbers, steps and own gradients, which belong to another exercise."""
    session["exercise_numbers"] = session["walk"] = ""
    check.clear()
    session["exercise_version"] = session.get("exercise_version", 0) + 1


def _draw_given(given: Given) -> None:
    """The network with its weights, its samples beside it, and what is asked."""
    hidden = ACTIVATIONS[given.activation].label.lower()
    with st.grid(2, min_column_width=340, gap="medium"):
        with st.container():
            draw_network(given)
        with st.container():
            st.markdown(
                f"The hidden units are **{hidden}**, the output is a sigmoid, there are no biases. Find the six "
                "gradients $\\partial E / \\partial w$ by hand, then check each below."
            )
            st.latex(list_samples(given))
            st.latex(r"E = \tfrac{1}{N} \textstyle\sum_{n=1}^{N} (o_n - d_n)^2")


def draw_network(given: Given) -> None:
    """Draws the network with its weights."""
    symbols = [x(1), x(2), y(1), y(2), O]

    def fill(position: int) -> None:
        if position < len(symbols):
            st.badge(f"${symbols[position].latex}$", color="gray")
        else:
            st.badge(f"${tex(float(given.weights[position - len(symbols)]))}$", color="primary")

    weights = ", ".join(f"{w.spoken} is {number(float(v), 4)}" for w, v in zip(WEIGHTS, given.weights, strict=True))
    drawing.draw("numbered", f"The network with its weights: {weights}.", fill, range(len(drawing.PLACES)))


def list_samples(given: Given) -> str:
    """LaTeX of the samples, a row each."""
    rows = [rf"{n} & {tex(a)} & {tex(b)} & {tex(t)}" for n, ((a, b), t) in
            enumerate(zip(given.x.tolist(), given.d.tolist(), strict=True), 1)]  # fmt: skip
    head = rf"\begin{{array}}{{c|ccc}} n & {x(1).latex} & {x(2).latex} & {D.latex} \\ \hline "
    return head + r" \\ ".join(rows) + r"\end{array}"


def _edit(given: Given) -> Given:
    """The numbers as a visitor changes them in the tables, which the address then holds."""
    version = session.setdefault("exercise_version", 0)  # another key is a table without its edits
    own = bool(session["exercise_numbers"])
    if session.get("exercise_shown") not in (None, (version, session["exercise_numbers"])):
        version = session["exercise_version"] = version + 1  # the address has other numbers
    first = pd.DataFrame(given.w01, ["from x₁", "from x₂"], ["to y₁", "to y₂"])
    second = pd.DataFrame(given.w12[:, None], ["from y₁", "from y₂"], ["to o"])
    rows = pd.DataFrame(np.column_stack([given.x, given.d]), columns=list(INPUTS))
    box = st.expander("Use numbers of your own", icon=":material/edit:", expanded=own, key="exercise_tables")
    with box, st.grid(3, min_column_width=260, gap="medium"):
        tables = []
        for title, start, key, mode in (
            ("Weights $W^{(0,1)}$", first, "exercise_w01", "fixed"),
            ("Weights $W^{(1,2)}$", second, "exercise_w12", "fixed"),
            (f"Training set: 1 to {MAX_SAMPLES} rows", rows, "exercise_samples", "dynamic"),
        ):
            columns = dict.fromkeys(start, st.column_config.NumberColumn(format="%.6g"))
            with st.container():
                tables.append(edit_table(title, start, f"{key}_{version}", rows=mode, column_config=columns))
    with box:
        st.button("Back to the numbers of the exercise", icon=":material/restart_alt:", on_click=_start_over,
                  key="exercise_restore")  # fmt: skip
    edited = read(*tables, activation=given.activation)
    chosen = exercise.instance()
    of_exercise = Given(w01=chosen.w01, w12=chosen.w12, x=chosen.x, d=chosen.d)
    text = format_numbers(edited)
    text = "" if text == format_numbers(of_exercise) else text
    if text != session["exercise_numbers"]:  # steps belong to the numbers from which they were taken
        session["exercise_numbers"] = text
        session["walk"] = ""
    session["exercise_shown"] = version, session["exercise_numbers"]
    return edited


def read(first: pd.DataFrame, second: pd.DataFrame, samples: pd.DataFrame, *, activation: str = "sigmoid") -> Given:
    """The numbers of the three tables.

    Raises:
        ConfigError: a cell that is empty or no number, or too few or too many samples.
    """
    weights = [
        [_cell(table.iat[i, j], symbol(i + 1, j + 1).text) for j in range(table.shape[1])]
        for table, symbol in ((first, w01), (second, w12))
        for i in range(len(table))
    ]
    if not 1 <= len(samples) <= MAX_SAMPLES:
        allowed = f"the table needs 1 to {MAX_SAMPLES} rows; add or remove some"
        raise ConfigError("samples", f"{len(samples)} rows", allowed)
    rows = [
        [_cell(row[column], f"{column} of sample {n}") for column in INPUTS]
        for n, (_, row) in enumerate(samples.iterrows(), 1)
    ]
    values = np.array(rows)
    return Given(
        w01=np.array(weights[:2]), w12=np.ravel(weights[2:]), x=values[:, :2], d=values[:, 2], activation=activation
    )


def _cell(value: Any, name: str) -> float:
    """A cell as a number; one that was typed as text may hold one."""
    allowed = "it must be a number from −1,000,000 to 1,000,000"
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)) or value == "":
        raise ConfigError(name, "empty", allowed)
    try:
        return float(ENTRY.validate(name, float(value)))
    except (TypeError, ValueError):  # a ConfigError too, whose own words are for callers of core
        raise ConfigError(name, value, allowed) from None


def _factors(given: Given, s: Solution) -> None:
    """The forward pass and every factor, a row a sample."""
    inputs = given.x
    d = given.d
    n = np.arange(1, len(d) + 1)
    forward = {"n": n, x(1).latex: inputs[:, 0], x(2).latex: inputs[:, 1]}
    forward |= {net01(j).latex: s.net01[:, j - 1] for j in (1, 2)} | {y(j).latex: s.y[:, j - 1] for j in (1, 2)}
    forward |= {r"\mathit{net}_{n1}^{(1,2)}": s.net12, O.latex: s.o, D.latex: d, "(o_n - d_n)^2": (s.o - d) ** 2}
    backward = {"n": n, Factor(E, O).inline: s.dE_do, r"o_n\,(1 - o_n)": s.do_dnet12}
    backward |= {Factor(O, y(j)).inline: s.do_dy[:, j - 1] for j in (1, 2)}
    backward |= {Factor(y(j), net01(j)).inline: s.dy_dnet01[:, j - 1] for j in (1, 2)}
    for title, columns in (("Forward: net inputs and outputs", forward), ("Backward: every factor", backward)):
        st.markdown(f"**{title}**")
        formula_table(columns, title)
    st.latex(rf"E = \tfrac{{1}}{{{len(d)}}} \textstyle\sum_n (o_n - d_n)^2 = {tex(s.error, 5)}")


def _one_gradient(given: Given, s: Solution) -> None:
    """One gradient written out, sample by sample."""
    names = dict(zip(WEIGHT_NAMES, WEIGHTS, strict=True))
    picture = st.container()
    draw_weight()
    weight = names[session["exercise_weight"]]
    with picture, st.grid(2, min_column_width=380, gap="medium"):
        with st.container():
            st.latex(rf"\small {Factor(E, weight).latex} = \sum_n {product(f.latex for f in chain(weight))}")
            st.latex(written_out(weight, given, s))
        with st.container():
            panels.show(contributions(terms(s), dark=panels.dark()), "exercise-terms", numbers=True)


def terms(s: Solution) -> np.ndarray:
    """Contribution of each sample to the six gradients, (N, 6)."""
    return np.hstack([s.terms_w01.reshape(len(s.o), 4), s.terms_w12])


def written_out(weight: Symbol, given: Given, s: Solution) -> str:
    """LaTeX of the sum over the samples, with the number of every factor."""
    factors, total = sheet.number_factors(weight, given.x, s)
    if weight.layers == "1,2":  # here do/dw is one factor
        factors = np.stack([factors[:, 0], factors[:, 1] * factors[:, 2]], axis=1)
    lines = []
    for n, row in enumerate(factors):
        numbers = product(f"({tex(value)})" if value < 0 else tex(value) for value in row)
        sign = r"\phantom{+}" if n == 0 else "+"
        lines.append(rf"{sign}\; {numbers} & = {tex(float(np.prod(row)))}")
    lines.append(rf"\textstyle\sum_n & = {tex(total, 4)}")
    return r"\small \begin{array}{rl}" + r" \\ ".join(lines) + r"\end{array}"


def _all_gradients(given: Given, s: Solution) -> None:
    """The six gradients beside two other ways to find them."""
    differences = central_differences(**given.arguments())
    engine = by_engine(**given.arguments())
    st.markdown("**All six gradients, three ways**")
    columns = {
        "w": [weight.latex for weight in WEIGHTS],
        r"\text{chain of factors}": s.gradient,
        r"\text{central difference}": differences,
        r"\text{engine}": engine,
    }
    formula_table(columns, "Six gradients, three ways", 9)
    with st.container(horizontal=True):
        for label, other, about in (
            ("Against the engine", engine, "Both are exact; they differ by rounding."),
            ("Against the central difference", differences, r"$\frac{E(w+h) - E(w-h)}{2h}$: good to about 1e-11."),
        ):
            st.metric(label, number(relative(s.gradient, other)), border=True,
                      help=f"Largest difference, as a share of the largest gradient. {about}")  # fmt: skip
    st.markdown(with_formulas(against_misprint(given, s, differences)))


def relative(ours: np.ndarray, other: np.ndarray) -> float:
    """The largest difference as a share of the largest gradient; 0 where both are zero throughout."""
    largest = np.abs(ours).max()
    difference = np.abs(ours - other).max()
    return float(difference / largest) if largest > 0 else float(difference)


def against_misprint(given: Given, s: Solution, differences: np.ndarray) -> str:
    """Sentence on the misprinted chain where it is furthest off."""
    wrong = misprinted(**given.arguments()).ravel()
    k = int(np.abs(wrong - s.gradient[:4]).argmax())
    if wrong[k] == s.gradient[k]:
        return "With these numbers the misprinted chain gives the same by chance, since every term of both is equal."
    return (
        f"The misprinted chain, with ∂oₙ/∂{w12(WEIGHTS[k].indices[1]).text} in place of "
        f"∂oₙ/∂{y(WEIGHTS[k].indices[1]).text}, would give {number(float(wrong[k]), 4)} for ∂E/∂{WEIGHTS[k].text}; "
        f"the central difference, which does not use the chain rule, gives {number(float(differences[k]), 4)}, as the "
        "right chain does."
    )
