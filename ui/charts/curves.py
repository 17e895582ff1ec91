"""What a run did over its steps: loss, accuracy, global norm, updates, weights, saturation, dead units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core import Trace
from ui.charts import style
from ui.charts.pooling import envelope_rows
from ui.charts.style import Chart

MOST_POINTS = 500


def loss_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Loss of the data, with penalties where they differ, and on the samples held out."""
    return _lines(trace, "Loss", "loss", {"loss": trace.loss}, dark)


def accuracy_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Share of samples classified rightly; a titled chart with a sentence for a regression."""
    return _lines(trace, "Accuracy", "accuracy", {"accuracy": trace.accuracy}, dark)


def global_norm_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Norm of all parameters' gradient, before and after clipping."""
    before = trace.global_grad_norm
    return _lines(trace, "Global gradient norm", "norm", {"before": before, "after": before * trace.clip_scale}, dark)


def update_ratio_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Each layer's step against its weights."""
    return _lines(trace, "Update ratio", "‖step‖ / ‖W‖", _by_layer(trace.update_ratio), dark)


def weight_norm_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Norm of each layer's weights."""
    return _lines(trace, "Weight norm", "‖W‖", _by_layer(trace.weight_norm), dark)


def saturation_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Share of (sample, unit) pairs whose slope is below 5 % of the largest."""
    return _lines(trace, "Saturation", "share", _by_layer(trace.saturation), dark)


def dead_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Share of units that are saturated on every sample."""
    return _lines(trace, "Dead units", "share", _by_layer(trace.dead), dark)


def _by_layer(values: np.ndarray) -> dict[str, np.ndarray]:
    return {f"layer {l + 1}": values[:, l] for l in range(values.shape[1])}


def _lines(trace: Trace, title: str, y: str, curves: dict[str, np.ndarray], dark: bool) -> Chart:
    data = []
    for name, values in curves.items():
        rows = envelope_rows(values[: trace.rows_recorded], MOST_POINTS)
        data.append({"type": "scatter", "x": trace.step[rows], "y": values[rows], "mode": "lines", "name": name})
    frame = style.layout(title, "", xaxis=style.axis("step", dark), yaxis=style.axis(y, dark), dark=dark)
    return Chart(go.Figure({"data": data, "layout": frame}), title, pd.DataFrame({"step": trace.step} | curves))
