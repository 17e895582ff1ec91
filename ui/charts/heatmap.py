"""The gradient norm of every layer at every step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core import Trace
from ui.charts import style
from ui.charts.pooling import pools
from ui.charts.quantities import QUANTITIES, reference
from ui.charts.style import Chart


def gradient_heatmap(trace: Trace, quantity: str = "grad_norm", *, dark: bool = False) -> Chart:
    """Steps by layers, coloured by decades from the output layer's norm at step 0."""
    chosen = QUANTITIES[quantity]
    norms = chosen.values(trace)[: trace.rows_recorded]
    groups = pools(len(norms), 250)
    with np.errstate(all="ignore"):
        z = np.array([np.median(np.log10(norms[g]), axis=0) for g in groups], dtype=np.float32).T
    step = np.array([trace.step[g.start] for g in groups])
    level = np.log10(reference(norms))
    data = [
        {
            "type": "heatmap",
            "x": step,
            "z": z,
            "y": np.arange(1, trace.layers + 1),
            "zmin": level - 6,
            "zmax": level + 6,
            "colorscale": style.gradient_colours(dark),
        }
    ]
    frame = style.layout(
        f"{chosen.label.capitalize()} over steps and layers",
        "",
        xaxis=style.axis("step", dark),
        yaxis=style.axis("layer", dark),
        dark=dark,
    )
    table = pd.DataFrame(10.0**z.T, index=pd.Index(step, name="step"), columns=np.arange(1, trace.layers + 1))
    return Chart(go.Figure({"data": data, "layout": frame}), "gradient heatmap", table)
