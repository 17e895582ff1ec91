"""Curves of a run over its steps: loss, accuracy, global norm, updates, weights, saturation, dead units."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core import Trace
from core.wording import percent
from ui.charts import style
from ui.charts.heatmap import share_heatmap
from ui.charts.pooling import envelope_rows
from ui.charts.style import Chart, number

HEIGHT = 302  # pixels, without the legend
MAX_POINTS = 400  # of one curve: as many as a chart has columns of pixels
MAX_LAYER_POINTS = 120  # of one of a dozen curves
MAX_MARKS = 40
MAX_LAYERS = 12  # curves side by side, one a layer, that an eye can follow
LEVEL_UPDATE = 1e-3  # the usual guide: a step should change weights by about a thousandth


class CurvesData(NamedTuple):
    """Curves over the recorded steps of a run.

    Attributes:
        step: (rows,) updates made.
        curves: by name, (rows,) each, in the order of the legend.
        guides: by name, a height that is drawn as a level line.
        finding: a sentence with numbers.
        layers: of curves that are one layer each, its number from 1 by name; empty for others.
    """

    step: np.ndarray
    curves: dict[str, np.ndarray]
    guides: dict[str, float]
    finding: str
    layers: dict[str, int]


def loss_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Loss of the data, the loss with penalties where it differs, and the loss on the samples held out."""
    return _over_steps(trace, "Loss", "loss", loss_data(trace), dark=dark)


def loss_data(trace: Trace) -> CurvesData:
    """The data step of `loss_chart`."""
    curves = {"loss": trace.loss}
    if not np.allclose(trace.total_loss, trace.loss, rtol=1e-12, atol=0, equal_nan=True):
        curves["with penalties"] = trace.total_loss
    curves |= _held_out("held out", trace.holdout_loss)
    finding = _change(trace, number(trace.loss[0], 3), number(trace.loss[trace.last_row], 3))
    return _recorded(trace, curves, finding)


def accuracy_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Share of samples classified correctly, and of those held out; a sentence for a regression."""
    if not np.isfinite(trace.accuracy).any():
        regression = trace.task == "regression"
        why = "A regression has no accuracy; see the loss." if regression else "The run diverged at step 0."
        return style.empty("Accuracy", why, x="step", y="accuracy", dark=dark)
    axis = style.share_axis("accuracy", dark)
    return _over_steps(trace, "Accuracy", "accuracy", accuracy_data(trace), axis=axis, dark=dark)


def accuracy_data(trace: Trace) -> CurvesData:
    """The data step of `accuracy_chart`."""
    curves = {"training": trace.accuracy} | _held_out("held out", trace.holdout_accuracy)
    finding = _change(trace, percent(trace.accuracy[0]), percent(trace.accuracy[trace.last_row]))
    return _recorded(trace, curves, finding)


def global_norm_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Norm of all parameters' gradient before and after clipping; with the threshold where it is of that norm."""
    data = global_norm_data(trace)
    axis = style.axis("norm of all parameters", dark, decades=log_ends(*data.curves.values(), *data.guides.values()))
    return _over_steps(trace, "Global gradient norm", "norm", data, axis=axis, dark=dark)


def global_norm_data(trace: Trace) -> CurvesData:
    """The data step of `global_norm_chart`."""
    before = trace.global_grad_norm
    guides = {}
    finding = _change(trace, number(before[0]), number(before[trace.last_row]))
    if trace.config.clip == "none":
        return _recorded(trace, {"gradient norm": before}, finding)
    finding += f" Clipping binds on {percent(trace.summary()['clipped_share'])} of the steps."
    if trace.config.clip == "global_norm":
        guides["threshold"] = trace.config.clip_threshold
    curves = {"before clipping": before, "after clipping": before * trace.clip_scale}
    return _recorded(trace, curves, finding, guides)


def update_ratio_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """||step|| / ||W|| of each layer, with the usual guide of 1e-3."""
    title = "Size of a step against the weights"
    y = "‖step‖ / ‖W‖"
    if not np.isfinite(trace.update_ratio).any():
        return style.empty(title, "No step was finished in this run.", x="step", y=y, dark=dark)
    axis = style.axis(y, dark, decades=log_ends(trace.update_ratio, LEVEL_UPDATE))
    return _by_layer(trace, title, update_ratio_data(trace), axis=axis, dark=dark)


def update_ratio_data(trace: Trace) -> CurvesData:
    """The data step of `update_ratio_chart`."""
    median = number(float(np.median(trace.update_ratio[np.isfinite(trace.update_ratio)])))
    finding = f"Median {median}; about 10⁻³ is the usual guide."
    return _layer_curves(trace, trace.update_ratio, finding, {"guide 10⁻³": LEVEL_UPDATE})


def weight_norm_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """||W|| of each layer."""
    axis = style.value_axis("‖W‖", dark, trace.weight_norm)
    return _by_layer(trace, "Weight norm by layer", weight_norm_data(trace), axis=axis, dark=dark)


def weight_norm_data(trace: Trace) -> CurvesData:
    """The data step of `weight_norm_chart`."""
    # hypot, since squares of weights that explode overflow
    first, last = (number(float(np.hypot.reduce(trace.weight_norm[row])), 3) for row in (0, trace.last_row))
    return _layer_curves(trace, trace.weight_norm, f"All weights: {_change(trace, first, last)}", {})


def saturation_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Share of (sample, unit) pairs of each layer whose slope is below a twentieth of the largest."""
    return _share(trace, trace.saturation, "Saturation", "of slopes below 5 % of the largest", dark)


def dead_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Share of units of each layer that are saturated on every sample."""
    return _share(trace, trace.dead, "Dead units", "of units saturated on every sample", dark)


# -- the data step ----------------------------------------------------------------------------------------------


def _recorded(trace: Trace, curves: dict, finding: str, guides: dict | None = None) -> CurvesData:
    rows = trace.rows_recorded
    return CurvesData(trace.step[:rows], {name: y[:rows] for name, y in curves.items()}, guides or {}, finding, {})


def _layer_curves(trace: Trace, values: np.ndarray, finding: str, guides: dict[str, float]) -> CurvesData:
    """One curve a layer of (rows, layers); evenly spread ones, the first and the last among them, of many."""
    rows = trace.rows_recorded
    layers = trace.layers
    shown = np.unique(np.rint(np.linspace(1, layers, min(layers, MAX_LAYERS))).astype(int))
    if layers > len(shown):
        finding += f" Drawn: {len(shown)} of {layers} layers."
    numbers = {"output" if layer == layers else f"layer {layer}": int(layer) for layer in shown}
    curves = {name: values[:rows, layer - 1] for name, layer in numbers.items()}
    return CurvesData(trace.step[:rows], curves, guides, finding, numbers)


def log_ends(*drawn: np.ndarray | float) -> tuple[float, float]:
    """The ends of a logarithmic axis; with room for zeros at its foot where there are any."""
    low, high = style.log_range(*map(np.asarray, drawn))
    zeros = any((np.asarray(values) == 0).any() for values in drawn)
    return (low - 0.1 * (high - low) if zeros else low), high


def _change(trace: Trace, first: str, last: str) -> str:
    step = trace.step[trace.last_row]
    return f"{first} at step 0, {last} at step {step:,}." if step else f"{first} at step 0."


def _held_out(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values} if np.isfinite(values).any() else {}


# -- the figure step --------------------------------------------------------------------------------------------


def _share(trace: Trace, values: np.ndarray, title: str, of: str, dark: bool) -> Chart:
    end = values[trace.last_row]
    if not np.isfinite(end).any():
        return style.empty(f"{title} by layer", "This was not computed in this run.", x="step", y="layer", dark=dark)
    largest = int(np.nanargmax(end))
    finding = f"At most {number(100 * end[largest])} %, at layer {largest + 1}, at step {trace.step[trace.last_row]:,}."
    if end[largest] == 0:
        finding = f"0 % in every layer at step {trace.step[trace.last_row]:,}."
    return share_heatmap(trace, values, f"{title} by layer", finding, f"share {of}", dark=dark)


def _over_steps(trace: Trace, title: str, y: str, data: CurvesData, *, axis: dict | None = None, dark: bool) -> Chart:
    return over_steps(title, y, data, axis=axis, diverged_at=trace.diverged_at, dark=dark)


def _by_layer(trace: Trace, title: str, data: CurvesData, *, axis: dict, dark: bool) -> Chart:
    return by_layer(title, data, axis=axis, layers=trace.layers, diverged_at=trace.diverged_at, dark=dark)


def over_steps(
    title: str,
    y: str,
    data: CurvesData,
    *,
    axis: dict | None = None,
    diverged_at: int | None = None,
    dark: bool,
) -> Chart:
    """Named curves over the steps recorded, each thinned to what a screen can show."""
    theme = style.theme(dark)
    if not any(np.isfinite(values).any() for values in data.curves.values()):
        return style.empty(title, f"The run diverged at step {diverged_at}.", x="step", y=y, dark=dark)
    colors = (theme.text, style.MARKS[1].color(dark), theme.accent)
    dashes = ("solid", "dash", "dot")
    drawn = [
        _curve(data.step, values, name, {"color": color, "width": 2, "dash": dash})
        for (name, values), color, dash in zip(data.curves.items(), colors, dashes, strict=False)
    ]
    axis = axis or style.value_axis(y, dark, *data.curves.values())
    return _chart(title, data, drawn, axis=axis, diverged_at=diverged_at, dark=dark)


def by_layer(
    title: str, data: CurvesData, *, axis: dict, layers: int, diverged_at: int | None = None, dark: bool
) -> Chart:
    """One curve a layer, colored along the network of so many layers."""
    shown = list(data.layers.values())
    named = {1, shown[len(shown) // 2], layers}
    drawn = []
    for name, layer in data.layers.items():
        color = style.depth_color((layer - 1) / max(layers - 1, 1), dark)
        line = {"color": color, "width": 3 if layer in (1, layers) else 1.5}
        line["dash"] = "dash" if layer == 1 < layers else "solid"
        curve = _curve(data.step, data.curves[name], name, line, MAX_LAYER_POINTS)
        drawn.append(curve | {"showlegend": layer in named})
    return _chart(title, data, drawn, axis=axis, diverged_at=diverged_at, dark=dark)


def _curve(step: np.ndarray, values: np.ndarray, name: str, line: dict, max_points: int = MAX_POINTS) -> dict:
    rows = envelope_rows(values, max_points)
    few = np.isfinite(values[rows]).sum() <= 12
    return {
        "type": "scatter",
        "x": step[rows].astype(np.int32),
        "y": np.where(np.isfinite(values[rows]), values[rows], np.nan),
        "name": name,
        "mode": "lines+markers" if few else "lines",
        "line": line,
        "marker": {"size": 7},
        "hovertemplate": "%{y}",
    }


def _zeros(data: CurvesData, decades: tuple[float, float], dark: bool) -> list[dict]:
    """Marks at the foot of a logarithmic axis wherever a curve is exactly zero, which it cannot show."""
    rows = np.flatnonzero(np.any([values == 0 for values in data.curves.values()], axis=0))
    if not rows.size:
        return []
    color = style.theme(dark).text
    rows = rows[:: -(-rows.size // MAX_MARKS)]
    foot = 10.0 ** (decades[0] + 0.04 * (decades[1] - decades[0]))
    marker = {"symbol": "x-thin", "size": 8, "color": color, "line": {"color": color, "width": 1.5}}
    points = {"x": data.step[rows].astype(np.int32), "y": np.full(len(rows), foot)}
    drawn = {"type": "scatter", "mode": "markers", "name": "exactly 0", "marker": marker, "hovertemplate": "exactly 0"}
    return [drawn | points]


def _chart(
    title: str, data: CurvesData, drawn: list[dict], *, axis: dict, diverged_at: int | None, dark: bool
) -> Chart:
    theme = style.theme(dark)
    xaxis = style.steps_axis(data.step, dark)
    for name, height in data.guides.items():
        line = {"color": theme.muted, "width": 1.5, "dash": "longdashdot"}
        ends = {"x": [float(end) for end in xaxis["range"]], "y": [height, height]}
        drawn.append({"type": "scatter", "mode": "lines", "name": name, "line": line, "hoverinfo": "skip"} | ends)
    if axis.get("type") == "log":
        drawn += _zeros(data, axis["range"], dark)
    frame = frame_over_steps(title, data.finding, drawn, xaxis=xaxis, yaxis=axis, diverged_at=diverged_at, dark=dark)
    alt = f"{title}. {data.finding}{say_broken(diverged_at)}"
    return Chart(spec={"data": drawn, "layout": frame}, alt=alt, make_table=lambda: curves_table(data))


def frame_over_steps(
    title: str, finding: str, drawn: list[dict], *, xaxis: dict, yaxis: dict, diverged_at: int | None, dark: bool
) -> dict[str, Any]:
    """The layout of curves over the steps, with a legend below them and a line where the run broke."""
    above = 0 if diverged_at is None else 22
    legend = style.legend_height(sum(drawing.get("showlegend", True) for drawing in drawn))
    frame = style.layout(
        title,
        finding,
        xaxis=xaxis,
        yaxis=yaxis,
        dark=dark,
        height=HEIGHT + above + legend,
        below=56 + legend,
        above=above,
        hovermode="x unified",
        showlegend=legend > 0,
    )
    return frame | style.broken(diverged_at, dark)


def say_broken(diverged_at: int | None) -> str:
    """A sentence, after a blank, on the step at which a run broke; empty where it did not."""
    return "" if diverged_at is None else f" The run diverged at step {diverged_at}."


def curves_table(data: CurvesData) -> pd.DataFrame:
    """One row a recorded step, whole, a column a curve and a guide."""
    guides = {name: np.full(len(data.step), height) for name, height in data.guides.items()}
    return pd.DataFrame({"step": data.step} | data.curves | guides)
