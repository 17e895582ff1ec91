"""The exercise in pictures: the network with its blanks, what each sample adds to a gradient, the error over steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ui.charts import style
from ui.charts.style import Chart, number
from ui.lecture.symbols import WEIGHTS, Symbol

PLACES = ((0, 1), (0, 0), (1, 1), (1, 0), (2, 0.5))  # of the five nodes: inputs, hidden units, output
MAX_ERRORS = 400  # points of a curve over steps
NODE = 50  # pixels across
PATTERNS = ("", "/", ".", "x", "-", "|", "+", "\\")  # of the samples, told apart without colors
CROSSING = 0.3  # share of an edge at which its label stands where two edges cross in their middles


def exercise_network(blanks: Sequence[Symbol], filled: Mapping[int, Symbol], *, dark: bool = False) -> Chart:
    """The 2-2-1 network; a blank shows its number, one filled rightly its symbol.

    Args:
        blanks: the symbols of the five nodes, then of the six edges.
        filled: those to show, by their number from 1.
    """
    look = style.theme(dark)
    left, total = len(blanks) - len(filled), len(blanks)
    finding = "Every symbol is in its place." if not left else f"{left} of {total} blanks are left."
    frame = style.layout(
        "The network to fill in",
        finding,
        xaxis={"range": [-0.25, 2.25], "visible": False, "fixedrange": True},
        yaxis={"range": [-0.35, 1.35], "visible": False, "fixedrange": True},
        dark=dark,
        height=400,
        below=44,
        showlegend=False,
        hovermode=False,
    )
    frame |= {"margin": frame["margin"] | {"l": 6, "r": 6}}
    data, notes = [], []
    for k, weight in enumerate(blanks[5:], 6):
        first = weight.layers == "0,1"
        i, j = weight.indices
        ends = np.array([PLACES[i - 1], PLACES[j + 1]] if first else [PLACES[i + 1], PLACES[4]])
        known = k in filled
        line = {"color": look.accent, "width": 3} if known else {"color": look.muted, "width": 1.5, "dash": "6px,4px"}
        data.append({"type": "scatter", "mode": "lines", "x": ends[:, 0], "y": ends[:, 1], "line": line})
        crossing = first and i != j
        spot = ends[0] + (CROSSING if crossing else 0.5) * (ends[1] - ends[0])
        words = {"x": spot[0], "y": spot[1], "text": filled[k].html if known else f"<b>{k}</b>", "showarrow": False}
        paint = {"bgcolor": look.page, "borderpad": 3, "font": {"size": 16 if known else 14, "color": look.text}}
        notes.append(words | paint | {"bordercolor": look.page if known else look.muted, "borderwidth": 1})
    for k, (x, y) in enumerate(PLACES, 1):
        known = k in filled
        marker = {"size": NODE, "color": look.panel, "opacity": 1}
        marker["line"] = {"color": look.accent if known else look.muted, "width": 3 if known else 1.5}
        words = filled[k].html if known else f"<b>{k}</b>"
        data.append({"type": "scatter", "mode": "markers+text", "x": [x], "y": [y], "text": [words], "marker": marker,
                     "textfont": {"size": 18 if known else 14, "color": look.text}})  # fmt: skip
    for layer, words in enumerate(("layer 0", "layer 1", "layer 2")):
        notes.append({"x": layer, "y": -0.08, "yref": "paper", "text": words, "showarrow": False,
                      "font": {"size": style.TEXT_SIZE, "color": look.muted}})  # fmt: skip
    frame["annotations"] = notes
    rows = [{"blank": k, "symbol": filled[k].text if k in filled else ""} for k in range(1, total + 1)]
    spoken = ", ".join(f"{k} is {filled[k].spoken}" for k in filled) or "none is filled yet"
    alt = (
        "Network of two inputs (blanks 1 and 2), two hidden units (3 and 4) and one output (5); blanks 6 to 9 are the "
        f"edges from input to hidden, 10 and 11 those to the output. {finding} Filled: {spoken}."
    )
    return Chart({"data": data, "layout": frame}, alt, lambda: pd.DataFrame(rows))


class ContributionData(NamedTuple):
    """Contributions of samples to gradients: `terms` (samples, weights), their `total` (weights,), and what that shows.

    `largest` is the weight with the largest gradient, `opposed` the weights whose terms have both signs.
    """

    terms: np.ndarray
    total: np.ndarray
    largest: int
    opposed: list[int]


def contribution_data(terms: np.ndarray) -> ContributionData:
    """The data step of `contributions`."""
    total = terms.sum(axis=0)
    opposed = np.flatnonzero((terms > 0).any(axis=0) & (terms < 0).any(axis=0)).tolist()
    return ContributionData(terms, total, int(np.abs(total).argmax()), opposed)


def contributions(terms: np.ndarray, *, dark: bool = False) -> Chart:
    """Contribution of each sample to each of the six gradients, and the sums.

    Args:
        terms: (N, 6), in the order of `core.exercise.WEIGHTS`.
    """
    look, samples = style.theme(dark), len(terms)
    data = contribution_data(terms)
    total = data.total
    finding = f"The largest is ∂E/∂{WEIGHTS[data.largest].text} = {number(float(total[data.largest]), 3)}."
    if data.opposed:
        finding += f" Samples pull against each other in {len(data.opposed)} of {len(total)}."
    names = [weight.text for weight in WEIGHTS]
    ticks = {"tickvals": names, "ticktext": [weight.html for weight in WEIGHTS]}
    frame = style.layout(
        "What each sample adds to each gradient",
        finding,
        xaxis=style.axis("weight", dark, showgrid=False, tickangle=0, **ticks),
        yaxis=style.axis("term of ∂E/∂w", dark, zeroline=True, zerolinecolor=look.muted, exponentformat="power",
                         nticks=6),
        dark=dark,
        height=330 + style.legend_height(samples + 1),
        below=56 + style.legend_height(samples + 1),
        barmode="relative",
        hovermode="closest",
    )  # fmt: skip
    drawn = []
    for n, row in enumerate(terms):
        color = style.depth_color(n / max(samples - 1, 1), dark)
        shape = {"color": color, "pattern": {"shape": PATTERNS[n % len(PATTERNS)], "fillmode": "overlay"}}
        drawn.append({"type": "bar", "name": f"sample {n + 1}", "x": names, "y": row, "marker": shape,
                     "hovertemplate": f"sample {n + 1}: %{{y:.4~g}}<extra></extra>"})  # fmt: skip
    marker = {"symbol": "diamond", "size": 11, "color": look.page, "line": {"color": look.text, "width": 2}}
    drawn.append({"type": "scatter", "mode": "markers", "name": "sum over n", "x": names, "y": total, "marker": marker,
                 "hovertemplate": "sum: %{y:.4~g}<extra></extra>"})  # fmt: skip
    sums = ", ".join(f"{weight.text} {number(float(value), 3)}" for weight, value in zip(WEIGHTS, total, strict=True))
    alt = f"Gradients over {samples} samples: {sums}. {finding}"
    return Chart({"data": drawn, "layout": frame}, alt, lambda: contribution_table(terms))


def contribution_table(terms: np.ndarray) -> pd.DataFrame:
    """One row a sample, a column a weight."""
    columns = {weight.text: terms[:, k] for k, weight in enumerate(WEIGHTS)}
    return pd.DataFrame({"n": range(1, len(terms) + 1)} | columns)


class DescentErrors(NamedTuple):
    """The error over steps: (points,) steps drawn and errors there, and how many steps of all raised it."""

    step: np.ndarray
    error: np.ndarray
    rises: int


def descent_errors(errors: np.ndarray) -> DescentErrors:
    """The data step of `error_over_steps`."""
    shown = np.unique(np.rint(np.linspace(0, len(errors) - 1, min(len(errors), MAX_ERRORS))).astype(int))
    return DescentErrors(shown, errors[shown], int((np.diff(errors) > 0).sum()))


def error_over_steps(errors: np.ndarray, *, dark: bool = False) -> Chart:
    """The error E after each step of gradient descent; errors[0] is before the first."""
    errors, look = np.asarray(errors, float), style.theme(dark)
    if len(errors) < 2:
        return style.empty("Error over steps", "No step has been taken yet.", x="step", y="E", dark=dark, height=330)
    data, steps = descent_errors(errors), np.arange(len(errors))
    last = len(errors) - 1
    first, end = (number(float(error), 4) for error in (errors[0], errors[-1]))
    finding = f"From {first} to {end} in {last:,} {'step' if last == 1 else 'steps'}."
    if data.rises:
        finding += f" It rose in {data.rises:,} of them: the learning rate is large."
    level = errors.min() > 0.5 * errors.max()  # from 0 on, a small change would look like none
    frame = style.layout(
        "Error over steps",
        finding,
        xaxis=style.steps_axis(steps, dark),
        yaxis=style.axis("E", dark, nticks=6) if level else style.value_axis("E", dark, errors),
        dark=dark,
        height=330,
        below=56,
        showlegend=False,
        hovermode="x unified",
    )
    curve = {"type": "scatter", "mode": "lines+markers" if last <= 30 else "lines",
             "x": data.step, "y": data.error, "name": "E", "line": {"color": look.accent, "width": 2.5},
             "marker": {"size": 7}, "hovertemplate": "%{y}"}  # fmt: skip
    columns = {"step": steps, "E": errors}
    return Chart({"data": [curve], "layout": frame}, f"Error over steps. {finding}", lambda: pd.DataFrame(columns))
