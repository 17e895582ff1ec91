"""What a run did over its steps: loss, accuracy, global norm, updates, weights, saturation, dead units."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core import Trace
from ui.charts import style
from ui.charts.heatmap import share_heatmap
from ui.charts.pooling import envelope_rows
from ui.charts.style import Chart, number

HEIGHT = 302  # pixels, without the legend
MAX_POINTS = 500  # of one curve: more than a screen has columns
MAX_MARKS = 40
MAX_LAYERS = 12  # curves side by side, one a layer, that an eye can follow
LEVEL_UPDATE = 1e-3  # the usual guide: a step should change weights by about a thousandth


def loss_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Loss of the data, the loss with penalties where it differs, and the loss on the samples held out."""
    curves = {"loss": trace.loss}
    if not np.allclose(trace.total_loss, trace.loss, rtol=1e-12, atol=0, equal_nan=True):
        curves["with penalties"] = trace.total_loss
    curves |= _held_out("held out", trace.holdout_loss)
    finding = _change(trace, number(trace.loss[0], 3), number(trace.loss[trace.last_row], 3))
    return _over_steps(trace, "Loss", "loss", curves, finding, dark=dark)


def accuracy_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Share of samples classified rightly, and of those held out; a sentence for a regression."""
    if not np.isfinite(trace.accuracy).any():
        regression = trace.task == "regression"
        why = "A regression has no accuracy; see the loss." if regression else "The run diverged at step 0."
        return style.empty("Accuracy", why, x="step", y="accuracy", dark=dark)
    curves = {"training": trace.accuracy} | _held_out("held out", trace.holdout_accuracy)
    finding = _change(trace, f"{trace.accuracy[0]:.0%}", f"{trace.accuracy[trace.last_row]:.0%}")
    axis = style.axis("accuracy", dark, range=[0, 1.03], tickformat=".0%")
    return _over_steps(trace, "Accuracy", "accuracy", curves, finding, axis=axis, dark=dark)


def global_norm_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Norm of all parameters' gradient before and after clipping; with the threshold where it is of that norm."""
    before = trace.global_grad_norm
    curves, guides = {"before clipping": before}, {}
    finding = _change(trace, number(before[0]), number(before[trace.last_row]))
    if trace.config.clip == "none":
        curves = {"gradient norm": before}
    else:
        curves["after clipping"] = before * trace.clip_scale
        finding += f" Clipping binds on {trace.summary()['clipped_share']:.0%} of the steps."
        if trace.config.clip == "global_norm":
            guides["threshold"] = trace.config.clip_threshold
    axis = style.axis("norm of all parameters", dark, decades=_decades(*curves.values(), *guides.values()))
    return _over_steps(trace, "Global gradient norm", "norm", curves, finding, guides, axis=axis, dark=dark)


def update_ratio_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """||step|| / ||W|| of each layer, with the usual guide of 1e-3."""
    title, y = "Size of a step against the weights", "‖step‖ / ‖W‖"
    finite = trace.update_ratio[np.isfinite(trace.update_ratio)]
    if not finite.size:
        return style.empty(title, "No step was finished in this run.", x="step", y=y, dark=dark)
    finding = f"Median {number(float(np.median(finite)))}; about 10⁻³ is the usual guide."
    axis = style.axis(y, dark, decades=_decades(trace.update_ratio, LEVEL_UPDATE))
    return _by_layer(trace, title, trace.update_ratio, finding, {"guide 10⁻³": LEVEL_UPDATE}, axis=axis, dark=dark)


def weight_norm_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """||W|| of each layer."""
    # hypot, since squares of weights that explode overflow
    first, last = (number(float(np.hypot.reduce(trace.weight_norm[row])), 3) for row in (0, trace.last_row))
    finding = f"All weights: {_change(trace, first, last)}"
    axis = style.value_axis("‖W‖", dark, trace.weight_norm)
    return _by_layer(trace, "Weight norm by layer", trace.weight_norm, finding, {}, axis=axis, dark=dark)


def saturation_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Share of (sample, unit) pairs of each layer whose slope is below a twentieth of the largest."""
    return _share(trace, trace.saturation, "Saturation", "of slopes below 5% of the largest", dark)


def dead_chart(trace: Trace, *, dark: bool = False) -> Chart:
    """Share of units of each layer that are saturated on every sample."""
    return _share(trace, trace.dead, "Dead units", "of units saturated on every sample", dark)


def _decades(*drawn: np.ndarray | float) -> tuple[float, float]:
    """The ends of a logarithmic axis; with room for zeros at its foot where there are any."""
    low, high = style.log_range(*map(np.asarray, drawn))
    zeros = any((np.asarray(values) == 0).any() for values in drawn)
    return (low - 0.1 * (high - low) if zeros else low), high


# -- how they are drawn -----------------------------------------------------------------------------------------


def _change(trace: Trace, first: str, last: str) -> str:
    step = trace.step[trace.last_row]
    return f"{first} at step 0, {last} at step {step:,}." if step else f"{first} at step 0."


def _held_out(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values} if np.isfinite(values).any() else {}


def _share(trace: Trace, values: np.ndarray, title: str, of: str, dark: bool) -> Chart:
    end = values[trace.last_row]
    if not np.isfinite(end).any():
        return style.empty(f"{title} by layer", "This was not computed in this run.", x="step", y="layer", dark=dark)
    worst = int(np.nanargmax(end))
    finding = f"At most {number(100 * end[worst])}%, at layer {worst + 1}, at step {trace.step[trace.last_row]:,}."
    if end[worst] == 0:
        finding = f"0% in every layer at step {trace.step[trace.last_row]:,}."
    return share_heatmap(trace, values, f"{title} by layer", finding, f"share {of}", dark=dark)


def _over_steps(trace, title, y, curves, finding, guides=None, *, axis=None, dark) -> Chart:
    """Named curves (rows,) over the steps recorded, each thinned to what a screen can show."""
    look, rows = style.theme(dark), trace.rows_recorded
    recorded = {name: values[:rows] for name, values in curves.items()}
    if not any(np.isfinite(values).any() for values in recorded.values()):
        return style.empty(title, f"The run diverged at step {trace.diverged_at}.", x="step", y=y, dark=dark)
    colors = (look.text, style.MARKS[1].color(dark), look.accent)
    dashes = ("solid", "dash", "dot")
    data = [
        _curve(trace.step, values, name, {"color": color, "width": 2, "dash": dash})
        for (name, values), color, dash in zip(recorded.items(), colors, dashes, strict=False)
    ]
    axis = axis or style.value_axis(y, dark, *recorded.values())
    return _chart(trace, title, finding, data, recorded, guides or {}, axis, dark)


def _by_layer(trace, title, values, finding, guides, *, axis, dark) -> Chart:
    """One curve a layer, (rows, layers), colored along the network; some layers only where there are many."""
    rows, layers = trace.rows_recorded, trace.layers
    shown = np.unique(np.rint(np.linspace(1, layers, min(layers, MAX_LAYERS))).astype(int))
    if layers > len(shown):
        finding += f" Drawn: {len(shown)} of {layers} layers."
    named = {1, int(shown[len(shown) // 2]), layers}
    data, recorded = [], {}
    for layer in shown:
        name = "output" if layer == layers else f"layer {layer}"
        recorded[name] = values[:rows, layer - 1]
        color = style.depth_color((layer - 1) / max(layers - 1, 1), dark)
        line = {"color": color, "width": 3 if layer in (1, layers) else 1.5}
        line["dash"] = "dash" if layer == 1 < layers else "solid"
        curve = _curve(trace.step, recorded[name], name, line, MAX_POINTS // 2)
        data.append(curve | {"showlegend": layer in named})
    return _chart(trace, title, finding, data, recorded, guides, axis, dark)


def _curve(step: np.ndarray, values: np.ndarray, name: str, line: dict, most: int = MAX_POINTS) -> dict:
    rows = envelope_rows(values, most)
    few = np.isfinite(values[rows]).sum() <= 12
    return {
        "type": "scatter",
        "x": step[rows].astype(np.int32),
        "y": np.where(np.isfinite(values[rows]), values[rows], np.nan),
        "name": name,
        "mode": "lines+markers" if few else "lines",
        "line": line,
        "marker": {"size": 7},
        "hovertemplate": "%{y:.4~g}",
    }


def _zeros(step, recorded, decades, dark) -> list[dict]:
    """Marks at the foot of a logarithmic axis wherever a curve is exactly zero, which it cannot show."""
    rows = np.flatnonzero(np.any([values == 0 for values in recorded.values()], axis=0))
    if not rows.size:
        return []
    color, rows = style.theme(dark).text, rows[:: -(-rows.size // MAX_MARKS)]
    foot = 10.0 ** (decades[0] + 0.04 * (decades[1] - decades[0]))
    marker = {"symbol": "x-thin", "size": 8, "color": color, "line": {"color": color, "width": 1.5}}
    places = {"x": step[rows].astype(np.int32), "y": np.full(len(rows), foot)}
    drawn = {"type": "scatter", "mode": "markers", "name": "exactly 0", "marker": marker, "hovertemplate": "exactly 0"}
    return [drawn | places]


def _chart(trace, title, finding, data, recorded, guides, axis, dark) -> Chart:
    look, step = style.theme(dark), trace.step[: trace.rows_recorded]
    xaxis = style.steps_axis(step, dark)
    for name, height in guides.items():
        line = {"color": look.muted, "width": 1.5, "dash": "longdashdot"}
        ends = {"x": [float(end) for end in xaxis["range"]], "y": [height, height]}
        data.append({"type": "scatter", "mode": "lines", "name": name, "line": line, "hoverinfo": "skip"} | ends)
    above = 0 if trace.diverged_at is None else 22
    if axis.get("type") == "log":
        data += _zeros(step, recorded, axis["range"], dark)
    legend = style.legend_height(sum(drawn.get("showlegend", True) for drawn in data))
    frame = style.layout(
        title,
        finding,
        xaxis=xaxis,
        yaxis=axis,
        dark=dark,
        height=HEIGHT + above + legend,
        below=56 + legend,
        above=above,
        hovermode="x unified",
        showlegend=legend > 0,
    )
    frame |= style.broken(trace.diverged_at, dark)
    broke = "" if trace.diverged_at is None else f" The run diverged at step {trace.diverged_at}."
    table = pd.DataFrame({"step": step} | recorded | {name: np.full(len(step), y) for name, y in guides.items()})
    return Chart({"data": data, "layout": frame}, f"{title}. {finding}{broke}", table)
