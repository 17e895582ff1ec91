"""How a quantity is spread within each layer, at one step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.trace import Snapshot
from ui.charts import style
from ui.charts.style import Chart

SPREADS = {
    "net": "net input",
    "activation": "activation",
    "delta": "delta ∂E/∂net",
    "weight_gradient": "weight gradient ∂E/∂W",
}
QUANTILES = (1, 25, 50, 75, 99)


def distributions(snapshot: Snapshot, quantity: str = "activation", *, dark: bool = False) -> Chart:
    """How `quantity` (a name of SPREADS) is spread within each layer, and its share of exact zeros."""
    values = getattr(snapshot, quantity)
    cuts = np.array([np.percentile(v, QUANTILES) for v in values])
    layers = np.arange(1, len(values) + 1)
    data = [
        {"type": "scatter", "x": layers, "y": cuts[:, k], "name": f"{q} %"} for k, q in enumerate(QUANTILES)
    ]
    frame = style.layout(
        f"Spread of {SPREADS[quantity]} by layer",
        "",
        xaxis=style.layers_axis(len(values), dark),
        yaxis=style.axis(SPREADS[quantity], dark),
        dark=dark,
    )
    table = pd.DataFrame(cuts, columns=[f"{q} %" for q in QUANTILES]).assign(layer=layers)
    return Chart(go.Figure({"data": data, "layout": frame}), "distributions", table)
