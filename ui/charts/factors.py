"""The exercise in pictures: what each sample adds to a gradient, and the error over steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ui.charts import style
from ui.charts.style import Chart, number
from ui.lecture.symbols import WEIGHTS

MAX_ERRORS = 400  # points of a curve over steps
PATTERNS = ("", "/", ".", "x", "-", "|", "+", "\\")  # of the samples, which differ without color too


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
    theme = style.theme(dark)
    samples = len(terms)
    data = contribution_data(terms)
    total = data.total
    finding = f"The largest is ∂E/∂{WEIGHTS[data.largest].text} = {number(float(total[data.largest]), 3)}."
    if data.opposed:
        finding += f" Samples pull against each other in {len(data.opposed)} of {len(total)}."
    names = [weight.text for weight in WEIGHTS]
    ticks: dict[str, Any] = {"tickvals": names, "ticktext": [weight.html for weight in WEIGHTS]}
    frame = style.layout(
        "What each sample adds to each gradient",
        finding,
        xaxis=style.axis("weight", dark, showgrid=False, tickangle=0, **ticks),
        yaxis=style.axis("term of ∂E/∂w", dark, zeroline=True, zerolinecolor=theme.muted, exponentformat="power",
                         nticks=6),
        dark=dark,
        height=330 + style.legend_height(samples + 1),
        below=56 + style.legend_height(samples + 1),
        barmode="relative",
        hovermode="closest",
    )  # fmt: skip
    traces = []
    for n, row in enumerate(terms):
        color = style.depth_color(n / max(samples - 1, 1), dark)
        shape = {"color": color, "pattern": {"shape": PATTERNS[n % len(PATTERNS)], "fillmode": "overlay"}}
        traces.append({"type": "bar", "name": f"sample {n + 1}", "x": names, "y": row, "marker": shape,
                     "hovertemplate": f"sample {n + 1}: %{{y:.4~g}}<extra></extra>"})  # fmt: skip
    marker = {"symbol": "diamond", "size": 11, "color": theme.page, "line": {"color": theme.text, "width": 2}}
    traces.append({"type": "scatter", "mode": "markers", "name": "sum over n", "x": names, "y": total, "marker": marker,
                 "hovertemplate": "sum: %{y:.4~g}<extra></extra>"})  # fmt: skip
    sums = ", ".join(f"{weight.text} {number(float(value), 3)}" for weight, value in zip(WEIGHTS, total, strict=True))
    alt = f"Gradients over {samples} samples: {sums}. {finding}"
    return Chart(spec={"data": traces, "layout": frame}, alt=alt, make_table=lambda: contribution_table(terms))


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
    errors = np.asarray(errors, float)
    theme = style.theme(dark)
    if len(errors) < 2:
        return style.empty("Error over steps", "No step has been taken yet.", x="step", y="E", dark=dark, height=330)
    data = descent_errors(errors)
    steps = np.arange(len(errors))
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
             "x": data.step, "y": data.error, "name": "E", "line": {"color": theme.accent, "width": 2.5},
             "marker": {"size": 7}, "hovertemplate": "%{y}"}  # fmt: skip
    columns = {"step": steps, "E": errors}
    return Chart(
        spec={"data": [curve], "layout": frame},
        alt=f"Error over steps. {finding}",
        make_table=lambda: pd.DataFrame(columns),
    )
