"""The error of each sample, as bars."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ui.charts import style
from ui.charts.network import indexed
from ui.charts.style import Chart, number

PATTERNS = ("", "/", ".", "x", "-")  # so that outputs differ without color too


class ErrorData(NamedTuple):
    """Errors of the samples: `squared` (samples, outputs), `each` (samples,) its sums, and `mean` E of these."""

    squared: np.ndarray
    each: np.ndarray
    mean: float


def error_data(squared: np.ndarray) -> ErrorData:
    """The data step of `error_bars`."""
    each = squared.sum(axis=1)
    return ErrorData(squared, each, float(each.mean()))


def error_bars(squared: np.ndarray, outputs: list[int], *, dark: bool = False) -> Chart:
    """E_n = sum_k (o_nk - d_nk)^2 of each sample as a stack of its outputs, and their mean E as a line.

    Args:
        squared: (N, K), (o_nk - d_nk)^2 of the outputs counted.
        outputs: the index of each of these K outputs, from 0.
    """
    data = error_data(squared)
    theme = style.theme(dark)
    samples = np.arange(1, len(squared) + 1)
    largest = int(np.argmax(data.each))
    finding = f"E = {number(data.mean, 3)}. Largest: {indexed('E', largest)} = {number(data.each[largest], 3)}."
    legend = style.legend_height(len(outputs) + 1)
    frame = style.layout(
        "Error of each sample",
        finding,
        xaxis=style.axis("sample n", dark, dtick=1, showgrid=False, range=[0.4, len(squared) + 0.6]),
        yaxis=style.axis("(o − d)²", dark, rangemode="tozero"),
        dark=dark,
        height=300 + legend,
        below=56 + legend,
        barmode="stack",
        bargap=0.45,
    )
    frame["legend"]["traceorder"] = "normal"  # Plotly reverses it for bars that are stacked
    traces = []
    for column, k in enumerate(outputs):
        color = style.arm_mark(k).color(dark)
        pattern = {"shape": PATTERNS[k], "fgcolor": theme.page, "bgcolor": color, "size": 7, "solidity": 0.25}
        bars: dict[str, Any] = {"type": "bar", "x": samples, "y": data.squared[:, column], "name": f"output {k + 1}"}
        bars |= {"marker": {"color": color, "pattern": pattern}}
        traces.append(bars | {"hovertemplate": f"sample %{{x}}, output {k + 1}: %{{y}}<extra></extra>"})
    line = {"color": theme.text, "width": 2, "dash": "dash"}
    ends = {"x": frame["xaxis"]["range"], "y": [data.mean] * 2, "mode": "lines", "name": "their mean, E"}
    traces.append({"type": "scatter", "line": line, "hovertemplate": "E = %{y}<extra></extra>"} | ends)
    alt = f"Error of each sample. {finding}"
    return Chart(
        spec={"data": traces, "layout": frame},
        alt=alt,
        make_table=lambda: pd.DataFrame({"sample": samples, "E_n": data.each}),
    )
