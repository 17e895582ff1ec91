"""What a network answers over its input: a decision boundary for two inputs, a fitted curve for one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.charts import style
from ui.charts.style import Chart


def grid(X: np.ndarray, resolution: int = 100) -> np.ndarray:
    """Points over the samples' range and a tenth beyond it, to evaluate a network on.

    Args:
        X: (samples, inputs) with one or two inputs.
        resolution: points along each input.

    Returns:
        (resolution ** inputs, inputs), the first input running fastest.
    """
    low, high = X.min(axis=0), X.max(axis=0)
    pad = np.where(high > low, 0.1 * (high - low), 1.0)
    axes = [np.linspace(a, b, resolution) for a, b in zip(low - pad, high + pad, strict=True)]
    return np.stack([g.ravel() for g in np.meshgrid(*axes)], axis=1)


def decision_boundary(
    X: np.ndarray, D: np.ndarray, points: np.ndarray, outputs: np.ndarray, *, task: str, dark: bool = False
) -> Chart:
    """The answer over two inputs, with the samples on it.

    Args:
        X, D: (samples, 2) and (samples, outputs), as trained on.
        points: of `grid`.
        outputs: (points, outputs), the network's answer there.
        task: "two-class", "multi-class" or "regression".
    """
    x, y = np.unique(points[:, 0]), np.unique(points[:, 1])
    z = (outputs[:, 0] if outputs.shape[1] == 1 else outputs.argmax(axis=1)).reshape(len(y), len(x))
    data = [
        {"type": "heatmap", "x": x, "y": y, "z": z.astype(np.float32)},
        {"type": "scatter", "x": X[:, 0], "y": X[:, 1], "mode": "markers"},
    ]
    frame = style.layout(
        "Decision boundary", "", xaxis=style.axis("input 1", dark), yaxis=style.axis("input 2", dark), dark=dark
    )
    return Chart(go.Figure({"data": data, "layout": frame}), "decision boundary", pd.DataFrame(points))


def fit(X: np.ndarray, D: np.ndarray, points: np.ndarray, outputs: np.ndarray, *, dark: bool = False) -> Chart:
    """The answer over one input, with the samples.

    Args:
        X, D: (samples, 1) and (samples, outputs).
        points, outputs: (points, 1) of `grid`, and the network's answer there.
    """
    data = [
        {"type": "scatter", "x": X[:, 0], "y": D[:, 0], "mode": "markers", "name": "samples"},
        {"type": "scatter", "x": points[:, 0], "y": outputs[:, 0], "mode": "lines", "name": "network"},
    ]
    frame = style.layout("Fit", "", xaxis=style.axis("input", dark), yaxis=style.axis("output", dark), dark=dark)
    return Chart(go.Figure({"data": data, "layout": frame}), "fit", pd.DataFrame({"input": points[:, 0]}))
