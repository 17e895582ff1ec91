"""The exercise, part (c): the solution for the student's own numbers, every factor of it, checked twice."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from core import ConfigError
from core.exercise import ENTRY, Solution, by_engine, central_differences, misprinted, solve
from ui import panels
from ui.charts.factors import contributions
from ui.charts.style import number
from ui.lecture import steps
from ui.lecture.formulas import tex
from ui.lecture.symbols import WEIGHTS, E, Factor, Symbol, chain, net01, product, w01, w12, x, y
from ui.text import as_text

MAX_SAMPLES = 8
INPUTS = ("x₁", "x₂", "d")
FIRST = pd.DataFrame([[0.5, -1.0], [1.0, 0.5]], ["from x₁", "from x₂"], ["to y₁", "to y₂"])
SECOND = pd.DataFrame([[1.0], [-1.0]], ["from y₁", "from y₂"], ["to o"])
SAMPLES = pd.DataFrame([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], columns=list(INPUTS))
TABLES = ("exercise_w01", "exercise_w12", "exercise_samples")

Given = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def read(first: pd.DataFrame, second: pd.DataFrame, samples: pd.DataFrame) -> Given:
    """(w01, w12, x, d) from the three tables.

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
    return np.array(weights[:2]), np.ravel(weights[2:]), values[:, :2], values[:, 2]


def _cell(value: object, name: str) -> float:
    """A cell as a number; one that was typed as text may hold one."""
    allowed = "it must be a number from −1,000,000 to 1,000,000"
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)) or value == "":
        raise ConfigError(name, "empty", allowed)
    try:
        return float(ENTRY.validate(name, float(value)))
    except (TypeError, ValueError):  # a ConfigError too, whose own words are for callers of core
        raise ConfigError(name, value, allowed) from None


@st.fragment
def section() -> None:
    """Tables, factors, sums and checks; then the steps from there."""
    st.subheader("(c) Solve it with your own numbers", anchor=False)
    st.markdown(
        f"Change any cell; add or remove samples, 1 to {MAX_SAMPLES}. Every number below follows at once, each "
        "gradient computed three ways: by the chain of factors, by a central difference, and by the engine that trains "
        "all networks of this app."
    )
    with st.grid(3, min_column_width=260, gap="medium"):
        first = _table("Weights W(0,1)", FIRST, "exercise_w01", "fixed")
        second = _table("Weights W(1,2)", SECOND, "exercise_w12", "fixed")
        samples = _table("Training set: one row a sample", SAMPLES, "exercise_samples", "dynamic")
    st.button("Back to the first numbers", icon=":material/restart_alt:", on_click=_restore, key="exercise_restore")
    try:
        given = read(first, second, samples)
        solution = solve(*given)
    except ConfigError as error:
        panels.show_error(error)
        st.caption("Answers and steps are kept: correct the table, and the solution is here again.")
        return
    _factors(given, solution)
    _one_gradient(given, solution)
    _all_gradients(given, solution)
    steps.section(given)


def _table(title: str, start: pd.DataFrame, key: str, rows: str) -> pd.DataFrame:
    """One table, as it was left when the visitor comes back from another page: edits alone do not outlast that."""
    with st.container():
        st.caption(title)
        columns = dict.fromkeys(start, st.column_config.NumberColumn(format="%.6g"))
        version = st.session_state.get("exercise_version", 0)  # a new key is what empties a table of its edits
        if f"{key}_{version}" not in st.session_state:
            st.session_state[f"{key}_start"] = st.session_state.get(f"{key}_left", start)
        left = st.session_state[f"{key}_left"] = st.data_editor(
            st.session_state[f"{key}_start"],
            key=f"{key}_{version}",
            num_rows=rows,
            column_config=columns,
            alt=title,
            hide_index=rows == "dynamic",
        )
        return left


def _restore() -> None:
    st.session_state["exercise_version"] = st.session_state.get("exercise_version", 0) + 1
    for key in TABLES:
        st.session_state.pop(f"{key}_left", None)


def _factors(given: Given, s: Solution) -> None:
    """The forward pass and every factor, a row a sample."""
    _, _, inputs, d = given
    n = np.arange(1, len(d) + 1)
    forward = {"n": n, x(1).text: inputs[:, 0], x(2).text: inputs[:, 1]}
    forward |= {net01(j).text: s.net01[:, j - 1] for j in (1, 2)} | {y(j).text: s.y[:, j - 1] for j in (1, 2)}
    forward |= {"netₙ⁽¹’²⁾": s.net12, "oₙ": s.o, "dₙ": d, "(oₙ − dₙ)²": (s.o - d) ** 2}
    backward = {"n": n, "∂E/∂oₙ": s.dE_do, "oₙ(1 − oₙ)": s.do_dnet12}
    backward |= {f"∂oₙ/∂{y(j).text}": s.do_dy[:, j - 1] for j in (1, 2)}
    backward |= {f"{y(j).text}(1 − {y(j).text})": s.dy_dnet01[:, j - 1] for j in (1, 2)}
    shape = st.column_config.NumberColumn(format="%.4g")
    for title, columns in (("Forward: net inputs and outputs", forward), ("Backward: every factor", backward)):
        st.markdown(f"**{title}**")
        told = {name: shape for name in columns if name != "n"}
        panels.table(pd.DataFrame(columns), hide_index=True, column_config=told, alt=title)
    st.latex(rf"E = \tfrac{{1}}{{{len(d)}}} \textstyle\sum_n (o_n - d_n)^2 = {tex(s.error, 5)}")


def _one_gradient(given: Given, s: Solution) -> None:
    """One gradient written out, sample by sample."""
    names = {weight.text: weight for weight in WEIGHTS}
    chosen = st.segmented_control(
        "Write out the gradient by",
        list(names),
        default=WEIGHTS[0].text,
        required=True,
        key="exercise_weight",
        persist_state="session",
    )
    weight = names[chosen]
    with st.grid(2, min_column_width=380, gap="medium"):
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
    if weight.layers == "0,1":
        i, j = (index - 1 for index in weight.indices)
        factors = np.stack([s.dE_do, s.do_dy[:, j], s.dy_dnet01[:, j], given[2][:, i]], axis=1)
        total = s.grad_w01[i, j]
    else:
        j = weight.indices[0] - 1
        factors = np.stack([s.dE_do, s.do_dnet12 * s.y[:, j]], axis=1)
        total = s.grad_w12[j]
    lines = []
    for n, row in enumerate(factors):
        numbers = product(f"({tex(value)})" if value < 0 else tex(value) for value in row)
        sign = r"\phantom{+}" if n == 0 else "+"
        lines.append(rf"{sign}\; {numbers} & = {tex(float(np.prod(row)))}")
    lines.append(rf"\textstyle\sum_n & = {tex(float(total), 4)}")
    return r"\small \begin{array}{rl}" + r" \\ ".join(lines) + r"\end{array}"


def _all_gradients(given: Given, s: Solution) -> None:
    """The six gradients beside two other ways to find them."""
    differences, engine = central_differences(*given), by_engine(*given)
    table = {
        "weight": [weight.text for weight in WEIGHTS],
        "chain of factors": s.gradient,
        "central difference": differences,
        "engine": engine,
    }
    shapes = dict.fromkeys(list(table)[1:], st.column_config.NumberColumn(format="%.9g"))
    st.markdown("**All six gradients, three ways**")
    panels.table(pd.DataFrame(table), hide_index=True, column_config=shapes, alt="Six gradients, three ways")
    with st.container(horizontal=True):
        for label, other, about in (
            ("Against the engine", engine, "Both are exact; they differ by rounding."),
            ("Against the central difference", differences, r"$\frac{E(w+h) - E(w-h)}{2h}$: good to about 1e-11."),
        ):
            st.metric(label, number(relative(s.gradient, other)), border=True,
                      help=f"Largest difference, as a share of the largest gradient. {about}")  # fmt: skip
    st.markdown(as_text(against_misprint(given, s, differences)))


def relative(ours: np.ndarray, other: np.ndarray) -> float:
    """The largest difference as a share of the largest gradient; 0 where both are zero throughout."""
    largest, difference = np.abs(ours).max(), np.abs(ours - other).max()
    return float(difference / largest) if largest > 0 else float(difference)


def against_misprint(given: Given, s: Solution, differences: np.ndarray) -> str:
    """Sentence on the misprinted chain where it is furthest off."""
    wrong = misprinted(*given).ravel()
    k = int(np.abs(wrong - s.gradient[:4]).argmax())
    if wrong[k] == s.gradient[k]:
        return "With these numbers the misprinted chain gives the same by chance, since every term of both is equal."
    return (
        f"The misprinted chain, with ∂oₙ/∂{w12(WEIGHTS[k].indices[1]).text} in place of ∂oₙ/∂"
        f"{y(WEIGHTS[k].indices[1]).text}, would give {number(float(wrong[k]), 4)} for ∂E/∂{WEIGHTS[k].text}; the "
        f"central difference, which knows no chain, gives {number(float(differences[k]), 4)}, as the right chain does."
    )
