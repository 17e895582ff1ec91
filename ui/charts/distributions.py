"""Distributions of a quantity within each layer, at one step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.trace import Snapshot
from core.wording import percent
from ui.charts import style
from ui.charts.style import Chart, number

BINS = 64
MAX_VALUES = 200_000  # of one layer that are binned: every k-th of more
MAX_CELLS = 20_000
QUANTILES = (5, 50, 95)
HEIGHT = 420
BELOW = 108


SPREADS = {  # field of a Snapshot -> its name
    "net": "net input",
    "activation": "activation",
    "delta": "delta",
    "weight_gradient": "weight gradient",
}
AXES = {"net": "net", "activation": "y", "delta": "∂E/∂net", "weight_gradient": "∂E/∂w"}
MAGNITUDES = {"delta", "weight_gradient"}  # their decades tell more than their sign


class DistributionData(NamedTuple):
    """Distributions of values within each layer.

    Attributes:
        quantiles: (layers, 3) at QUANTILES of what is finite and not 0; of sizes where `by_size`; NaN without any.
        zeros: (layers,) share of exact zeros.
        by_size: whether sizes are shown on a logarithmic axis.
        density: (bins, layers) percent of the layer's mode.
        edges: (bins + 1,) of the bins, as drawn.
    """

    quantiles: np.ndarray
    zeros: np.ndarray
    by_size: bool
    density: np.ndarray
    edges: np.ndarray


def distribution_data(snapshot: Snapshot, quantity: str) -> DistributionData | None:
    """The data step of `distributions`; None where no value is finite and not 0."""
    values = [np.ravel(layer) for layer in getattr(snapshot, quantity)]
    zeros = np.array([np.mean(layer == 0) for layer in values])
    thin = [layer[:: -(-layer.size // MAX_VALUES)] for layer in values]
    nonzero = [layer[np.isfinite(layer) & (layer != 0)] for layer in thin]
    if not any(layer.size for layer in nonzero):
        return None
    # a float32 could not be compared with 1e300
    largest = float(max(np.abs(layer).max() for layer in nonzero if layer.size))
    by_size = quantity in MAGNITUDES or _decades_of(nonzero) > 3 or largest > 1e300  # differences would overflow
    quantiles = [
        np.percentile(np.abs(layer) if by_size else layer, QUANTILES) if layer.size else [np.nan] * len(QUANTILES)
        for layer in nonzero
    ]
    density, edges = _columns([np.log10(np.abs(layer)) if by_size else layer for layer in nonzero])
    edges = 10.0 ** np.clip(edges, -323, 308) if by_size else edges  # within the range of float64
    return DistributionData(np.array(quantiles), zeros, by_size, density, edges)


def distributions(snapshot: Snapshot, quantity: str = "activation", *, dark: bool = False) -> Chart:
    """Distribution of `quantity` (a name of SPREADS) within each layer, with its quantiles and share of exact zeros.

    Each layer is one column of color, scaled to its own mode. Deltas and gradients are shown by size on a
    logarithmic axis, as are nets and activations when they spread over more than three decades.
    """
    label = SPREADS[quantity]
    name = AXES[quantity]
    title = f"{label.capitalize()} of each layer, step {snapshot.step:,}"
    data = distribution_data(snapshot, quantity)
    if data is None:
        all_zero = all((layer == 0).all() for layer in getattr(snapshot, quantity))
        why = "Every value is exactly 0." if all_zero else "No value is finite."
        return style.empty(title, why, x="layer", y=name, dark=dark)
    layers = np.arange(1, len(data.zeros) + 1)
    finding = _finding(data)
    drawn = [
        {
            "type": "heatmap",
            "x": layers,
            "y": data.edges,
            "z": data.density,
            "zmin": 0,
            "zmax": 100,
            "colorscale": style.density_colors(dark),
            "showscale": False,
            "hoverinfo": "skip",
        }
    ]
    for k, (quantile, dash) in enumerate(zip(QUANTILES, ("dot", "solid", "dash"), strict=True)):
        which = "median" if quantile == 50 else f"{quantile} %"
        line = {"color": style.theme(dark).text, "width": 1.8 if quantile == 50 else 1.2, "dash": dash}
        curve: dict[str, Any] = {"type": "scatter", "x": layers, "y": data.quantiles[:, k], "name": which, "line": line}
        curve["mode"] = "lines+markers" if len(layers) == 1 else "lines"
        drawn.append(curve | {"hovertemplate": "%{y}"})
    if data.zeros.any():
        bars = {"type": "bar", "x": layers, "y": data.zeros, "yaxis": "y2", "name": "exactly 0"}
        drawn.append(bars | {"marker": {"color": style.theme(dark).muted}, "hovertemplate": "%{y:.1%}"})
    columns = {"layer": layers} | {f"{quantile}%": data.quantiles[:, k] for k, quantile in enumerate(QUANTILES)}
    frame = _frame(data, title, finding, name, dark)
    alt = f"{title}. {finding}"
    return Chart(
        spec={"data": drawn, "layout": frame},
        alt=alt,
        make_table=lambda: pd.DataFrame(columns | {"exactly_0": data.zeros}),
    )


def _decades_of(values: list[np.ndarray]) -> float:
    """Number of powers of ten that lie between the layers' typical sizes."""
    typical = [np.median(np.abs(v)) for v in values if v.size]
    return float(np.log10(max(typical)) - np.log10(min(typical)))


def _columns(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Histograms as percent of each layer's mode, (bins, layers) uint8, and the bins' edges.

    The edges hold the central 99 % of every layer, so that one stray value does not squeeze the rest.
    """
    ends = np.array([np.percentile(v, (0.5, 99.5)) for v in values if v.size])
    low = ends[:, 0].min()
    high = ends[:, 1].max()
    room = 0.04 * (high - low) or max(abs(high), 1) * 0.5
    bins = max(16, min(BINS, MAX_CELLS // len(values)))
    edges = np.linspace(low - room, high + room, bins + 1)
    counts = np.array([np.histogram(v, edges)[0] for v in values])
    return np.rint(100 * counts / np.maximum(counts.max(axis=1, keepdims=True), 1)).astype(np.uint8).T, edges


def _frame(data: DistributionData, title: str, finding: str, name: str, dark: bool) -> dict:
    if data.by_size:
        yaxis = style.axis(f"|{name}|", dark, decades=(np.log10(data.edges[0]), np.log10(data.edges[-1])))
    else:
        yaxis = style.axis(name, dark, range=[data.edges[0], data.edges[-1]])
    frame = style.layout(
        title,
        finding,
        xaxis=style.layers_axis(len(data.zeros), dark),
        yaxis=yaxis,
        dark=dark,
        height=HEIGHT,
        below=BELOW,
        hovermode="x unified",
        bargap=0.3,
    )
    if data.zeros.any():
        frame["xaxis"]["anchor"] = "y2"
        frame["yaxis"]["domain"] = [0.3, 1]
        ticks: dict[str, Any] = {"range": [0, 1], "tickvals": [0, 1], "ticktext": ["0 %", "100 %"], "domain": [0, 0.18]}
        frame["yaxis2"] = style.axis("zeros", dark, **ticks)
    return frame


def _finding(data: DistributionData) -> str:
    medians = data.quantiles[:, 1]
    zeros = data.zeros
    words = f"{'Median size' if data.by_size else 'Median'}: {number(medians[0])} in layer 1"
    words += f", {number(medians[-1])} in the output." if len(medians) > 1 else ", the only one."
    most_zeros = int(zeros.argmax())
    words += f" Most zeros: {percent(zeros[most_zeros])}, in layer {most_zeros + 1}." if zeros[most_zeros] else ""
    return f"{words} Stronger color: more values."
