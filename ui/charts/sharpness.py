"""Sharpness over the steps of a run, with the bound up to which its steps are stable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ui.charts import style
from ui.charts.curves import frame_over_steps, say_broken
from ui.charts.style import Chart, number

HEIGHT = 330  # pixels, without the legend
TITLE = "Sharpness over the steps"
Y = "largest eigenvalue"


class SharpnessData(NamedTuple):
    """Sharpness where it is finite: (points,) steps and values, the bound or None, and the finding."""

    steps: np.ndarray
    values: np.ndarray
    bound: float | None
    finding: str


def sharpness_data(steps: ArrayLike, values: ArrayLike, bound: float | None) -> SharpnessData | None:
    """The data step of `sharpness_chart`; None where no value is finite."""
    at = np.asarray(steps)
    sizes = np.asarray(values, float)
    finite = np.isfinite(sizes)
    if not finite.any():
        return None
    at = at[finite]
    sizes = sizes[finite]
    return SharpnessData(at, sizes, bound, _finding(at, sizes, bound))


def sharpness_chart(
    steps: Sequence[int],
    values: np.ndarray,
    bound: float | None = None,
    diverged_at: int | None = None,
    *,
    dark: bool = False,
) -> Chart:
    """Sharpness after each of these numbers of steps, and the bound as a line where the optimizer has one.

    Args:
        steps, values: equally long; NaN where the run had diverged.
        bound: `core.curvature.stability_bound`.
        diverged_at: the step at which the run broke.
    """
    data = sharpness_data(steps, values, bound)
    if data is None:
        return style.empty(TITLE, "The run diverged before any step.", x="step", y=Y, dark=dark)
    theme = style.theme(dark)
    xaxis = style.steps_axis(np.asarray(steps), dark)
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": data.steps,
            "y": data.values,
            "name": "sharpness",
            "line": {"color": theme.accent, "width": 2},
            "marker": {"size": 6, "color": theme.accent},
            "hovertemplate": "%{y}",
        }
    ]
    heights = [data.values]
    if bound is not None:
        heights.append(np.array([bound]))
        dashes = {"color": theme.text, "width": 1.5, "dash": "dash"}
        ends = {"x": [float(end) for end in xaxis["range"]], "y": [bound, bound]}
        name = f"stable up to {number(bound, 3)}"
        traces.append({"type": "scatter", "mode": "lines", "name": name, "line": dashes, "hoverinfo": "skip"} | ends)
    positive = data.values.min() > 0
    yaxis = style.value_axis(Y, dark, *heights) if positive else style.axis(Y, dark)
    frame = frame_over_steps(TITLE, data.finding, traces, xaxis=xaxis, yaxis=yaxis, diverged_at=diverged_at, dark=dark)
    alt = f"{TITLE}. {data.finding}{say_broken(diverged_at)}"
    columns = {"step": steps, "sharpness": values} | ({} if bound is None else {"stable up to": bound})
    return Chart(spec={"data": traces, "layout": frame}, alt=alt, make_table=lambda: pd.DataFrame(columns))


def _finding(steps: np.ndarray, values: np.ndarray, bound: float | None) -> str:
    way = f"{number(values[0], 3)} at step {steps[0]:,}"
    if len(values) > 1:
        way = f"From {way} to {number(values[-1], 3)} at step {steps[-1]:,}."
    else:
        way = f"It is {way}."
    if bound is None:
        return way
    exceeding = np.flatnonzero(values > bound)
    if not exceeding.size:
        return f"{way} It stays below the bound of {number(bound, 3)}: plain steps do not grow."
    at = f"{way} It is above the bound of {number(bound, 3)} at step {steps[exceeding[0]]:,}"
    return f"{at}: along its steepest direction steps overshoot and grow."
