"""The gradient norm of every layer, and how it moves over the steps: the main picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core import Trace
from ui.charts import style
from ui.charts.pooling import spread_rows
from ui.charts.quantities import QUANTITIES, reference
from ui.charts.style import Chart, number

MOST_FRAMES = 100


@dataclass(frozen=True, eq=False)
class Guide:
    """A line to compare with, (layers,), such as a theory's; with `low` and `high` a band around it."""

    name: str
    values: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def gradient_profile(
    trace: Trace,
    quantity: str = "grad_norm",
    *,
    previous: Trace | None = None,
    guides: Sequence[Guide] = (),
    dark: bool = False,
) -> Chart:
    """Norm over layers, logarithmic, opening at step 0, with play and a step slider.

    Args:
        trace: the run.
        quantity: a name of QUANTITIES.
        previous: another run, drawn faintly at the same step.
        guides: lines for step 0, such as the theory's.
    """
    chosen = QUANTITIES[quantity]
    rows = spread_rows(trace.rows_recorded, MOST_FRAMES)
    norms = chosen.values(trace)[rows]
    look, layers = style.theme(dark), np.arange(1, trace.layers + 1)
    level = reference(chosen.values(trace))
    low, high = style.log_range(norms)
    data = [
        {
            "type": "scatter",
            "x": layers,
            "y": norms[0],
            "mode": "lines+markers",
            "name": chosen.label,
            "line": {"color": look.muted},
            "marker": {
                "color": style.decades(norms[0], level),
                "colorscale": style.gradient_colours(dark),
                "cmin": -style.DECADES,
                "cmax": style.DECADES,
                "size": 11,
                "line": {"color": look.muted, "width": 1},
            },
        }
    ]
    frame = style.layout(
        f"{chosen.label.capitalize()} by layer",
        f"At step 0 layer 1 has {number(norms[0, 0])}, the output layer {number(norms[0, -1])}.",
        xaxis=style.layers_axis(trace.layers, dark),
        yaxis=style.axis(chosen.axis, dark, decades=(low, high)),
        dark=dark,
        height=460,
    )
    table = pd.DataFrame({"step": np.repeat(trace.step[rows], trace.layers), "layer": np.tile(layers, len(rows))})
    table[quantity] = norms.ravel()
    return Chart(go.Figure({"data": data, "layout": frame}), "gradient profile", table)
