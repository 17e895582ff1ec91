"""Figures of the paper about recurrent networks: the wall in the error surface, and gradients by time step."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ui.charts import style
from ui.charts.papers import HEIGHT, Curve, Series, log_axis, plot
from ui.charts.style import Chart, number


def pascanu_2013(series: Series, dark: bool) -> list[Chart]:
    """The error surface with two descents, and gradients through time against the bound and against theory."""
    return [_surface(series, dark), _bound(series["bound"], dark), _mean_field(series["mean_field"], dark)]


def _surface(series: Series, dark: bool) -> Chart:
    """Figure 6: the error over w and b from above, a step from the wall, and a clipped descent."""
    theme = style.theme(dark)
    w = np.array(series["w"])
    b = np.array(series["b"])
    start, jump, path = (np.array(series[name]) for name in ("start", "jump", "clipped"))
    # the arrow of the long step ends at the border of the picture
    reach = [(low - s, high - s) for s, low, high in zip(start, (w[0], b[0]), (w[-1], b[-1]), strict=True)]
    step = jump - start
    shares = [max(room[0] / d, room[1] / d) for room, d in zip(reach, step, strict=True) if d != 0]
    tip = start + min(1.0, *shares) * step
    wide = {"width": 3}
    marks = [style.arm_mark(0), style.arm_mark(1)]
    data = [
        {
            "type": "heatmap",
            "x": w,
            "y": b,
            "z": np.array(series["errors"]),
            "colorscale": style.share_colors(dark),
            "showscale": False,
            "hovertemplate": "w = %{x:.2f}, b = %{y:.2f}: E = %{z:.3f}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "one step, not clipped",
            "x": [start[0], tip[0]],
            "y": [start[1], tip[1]],
            "line": wide | {"color": marks[1].color(dark), "dash": "dash"},
            "marker": {"symbol": ["circle", "arrow"], "angleref": "previous", "size": [9, 14],
                       "color": marks[1].color(dark)},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "steps, clipped",
            "x": path[:, 0],
            "y": path[:, 1],
            "line": {"color": theme.text, "width": 1.5},
            "marker": {"symbol": "circle", "size": 5, "color": theme.text},
            "hoverinfo": "skip",
        },
    ]  # fmt: skip
    length = float(np.linalg.norm(step))
    finding = (
        f"From the wall at w = {start[0]:g} one step leads {number(length, 3)} away; {len(path) - 1} clipped steps "
        "stay near it."
    )
    xaxis = style.axis("w", dark, range=[w[0], w[-1]], showgrid=False)
    yaxis = style.axis("b", dark, range=[b[0], b[-1]], showgrid=False)
    legend = style.legend_height(2)
    frame = style.layout(
        "Error surface of one recurrent unit",
        finding,
        xaxis=xaxis,
        yaxis=yaxis,
        dark=dark,
        height=HEIGHT + legend,
        below=56 + legend,
    )
    table = pd.DataFrame({"step": np.arange(len(path)), "w": path[:, 0], "b": path[:, 1]})
    return Chart(
        spec={"data": data, "layout": frame},
        alt=f"Error surface of one recurrent unit. {finding}",
        make_table=lambda: table,
    )


def _bound(series: Series, dark: bool) -> Chart:
    """Gradient norms of networks below the bound of the theorem."""
    theme = style.theme(dark)
    curves = []
    for k, (activation, norms) in enumerate(zip(series["activations"], series["norms"], strict=True)):
        time = np.arange(1, len(norms) + 1)
        curves.append(
            Curve(name=activation, x=time, y=norms, color=style.arm_mark(k).color(dark), dash=("solid", "dash")[k])
        )
    bound = series["eta"] ** (len(time) - time)
    curves.append(Curve(name=f"bound, {series['eta']:g} a step", x=time, y=bound, color=theme.text, dash="dot"))
    finding = (
        f"Medians after {len(time)} steps: {number(series['norms'][0][0])} with tanh, "
        f"{number(series['norms'][1][0])} with the sigmoid; the bound is {number(float(bound[0]))}."
    )
    xaxis = style.axis("time step, from the first to the last", dark, range=[0, len(time) + 1], showgrid=False)
    yaxis = log_axis("‖dE/dx‖, of the last’s", dark, *(curve.y for curve in curves))
    return plot("Largest singular value below 1/γ", finding, curves, xaxis, yaxis, dark=dark)


def _mean_field(series: Series, dark: bool) -> Chart:
    """Gradient norms of tanh networks at several scales, with the line of theory."""
    theme = style.theme(dark)
    curves = []
    words = []
    for k, (scale, norms, factor) in enumerate(zip(series["scales"], series["norms"], series["factors"], strict=True)):
        time = np.arange(1, len(norms) + 1)
        color = style.arm_mark(k).color(dark)
        curves.append(
            Curve(
                name=f"σ<sub>w</sub> = {scale:g}", x=time, y=norms, color=color, dash=("solid", "dash", "longdash")[k]
            )
        )
        theory = factor ** (len(time) - time)
        curves.append(
            Curve(name="theory, √χ a step", x=time, y=theory, color=theme.muted, dash="dot", width=1.5, entry=k == 0)
        )
        words.append(f"{factor:.2f}")
    finding = f"Each time step multiplies the gradient by {', '.join(words[:-1])} or {words[-1]}, by mean field theory."
    xaxis = style.axis("time step, from the first to the last", dark, range=[0, len(time) + 1], showgrid=False)
    yaxis = log_axis("‖dE/dx‖, of the last’s", dark, *(curve.y for curve in curves))
    return plot("A tanh network through time", finding, curves, xaxis, yaxis, dark=dark)
