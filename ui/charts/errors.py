"""The error of each sample, as bars."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ui.charts import style
from ui.charts.network import indexed
from ui.charts.style import Chart, number

PATTERNS = ("", "/", ".", "x", "-")  # so that outputs are told apart without color


def error_bars(squared: np.ndarray, outputs: list[int], *, dark: bool = False) -> Chart:
    """E_n = sum_k (o_nk - d_nk)^2 of each sample as a stack of its outputs, and their mean E as a line.

    Args:
        squared: (N, K), (o_nk - d_nk)^2 of the outputs counted.
        outputs: the index of each of these K outputs, from 0.
    """
    look = style.theme(dark)
    samples, each = np.arange(1, len(squared) + 1), squared.sum(axis=1)
    mean = float(each.mean())
    worst = int(np.argmax(each))
    finding = f"E = {number(mean, 3)}. Largest: {indexed('E', worst)} = {number(each[worst], 3)}."
    entries = len(outputs) + 1
    legend = style.legend_height(entries)
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
    frame["legend"]["traceorder"] = "normal"  # Plotly turns it round for bars that are stacked
    data = []
    for locate, k in enumerate(outputs):
        color = style.arm_mark(k).color(dark)
        pattern = {"shape": PATTERNS[k], "fgcolor": look.page, "bgcolor": color, "size": 7, "solidity": 0.25}
        bars = {"type": "bar", "x": samples, "y": squared[:, locate], "name": f"output {k + 1}"}
        bars |= {"marker": {"color": color, "pattern": pattern}}
        data.append(bars | {"hovertemplate": f"sample %{{x}}, output {k + 1}: %{{y:.4~g}}<extra></extra>"})
    line = {"color": look.text, "width": 2, "dash": "dash"}
    ends = {"x": frame["xaxis"]["range"], "y": [mean, mean], "mode": "lines", "name": "their mean, E"}
    data.append({"type": "scatter", "line": line, "hovertemplate": "E = %{y:.4~g}<extra></extra>"} | ends)
    table = pd.DataFrame({"sample": samples, "E_n": each})
    return Chart({"data": data, "layout": frame}, f"Error of each sample. {finding}", table)
