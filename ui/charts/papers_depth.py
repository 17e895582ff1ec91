"""Figures of the papers about depth: batch normalization, residual blocks, shattered gradients."""

from __future__ import annotations

import numpy as np

from ui.charts import style
from ui.charts.papers import Curve, Series, log_axis, plot
from ui.charts.style import Chart, number

DASHES = ("solid", "dash", "dot", "dashdot")


def yang_2019(series: Series, dark: bool) -> list[Chart]:
    """Gradients by layer at initialization for each variance of the weights, and around one step of training."""
    theme = style.theme(dark)
    norms = np.array(series["norms"])
    layers = np.arange(1, norms.shape[1] + 1)
    curves = []
    for k, (variance, row) in enumerate(zip(series["variances"], norms, strict=True)):
        mark = style.arm_mark(k)
        name = f"σ<sub>w</sub>² = {variance:g}"
        curves.append(Curve(name=name, x=layers, y=row / row[-1], color=mark.color(dark), dash=DASHES[k]))
    theory = series["factor"] ** (len(layers) - layers)
    curves.append(Curve(name="theory, 1.211 a layer", x=layers, y=theory, color=theme.text, dash="longdash", width=1.5))
    finding = (
        f"The gradient grows {number(float(norms[0, 0] / norms[0, -1]), 3)}-fold over {len(layers)} layers, at every "
        "variance of the weights."
    )
    xaxis = style.layers_axis(len(layers), dark)
    yaxis = log_axis("‖delta‖, of the last’s", dark, theory)
    first = plot("Gradients with batch normalization", finding, curves, xaxis, yaxis, dark=dark)
    steps = np.array(series["steps"])
    ranges = [float(row.max() / row.min()) for row in steps]
    curves = [
        Curve(name=name, x=layers, y=row, color=style.arm_mark(k).color(dark), dash=DASHES[k])
        for k, (name, row) in enumerate(zip(("before the step", "after it"), steps, strict=True))
    ]
    finding = f"Largest over smallest gradient: {ranges[0]:.0f} before one step of training, {ranges[1]:.0f} after it."
    xaxis = style.layers_axis(len(layers), dark)
    yaxis = log_axis("‖dE/dW‖", dark, steps)
    return [first, plot("One step of training", finding, curves, xaxis, yaxis, dark=dark)]


def prince_ch11(series: Series, dark: bool) -> list[Chart]:
    """Mean squares of states and of gradients by block for each kind of block."""
    charts = []
    for quantity, title, label in (
        ("forward", "Variance of the states", "mean square of y"),
        ("backward", "Gradients at the states", "mean square of dE/dy, of the last’s"),
    ):
        curves = []
        for k, (name, kind) in enumerate(series["kinds"]):
            values = series[quantity][name]
            curves.append(
                Curve(
                    name=kind, x=np.arange(len(values)), y=values, color=style.arm_mark(k).color(dark), dash=DASHES[k]
                )
            )
        blocks = len(curves[0].y) - 1
        plain, normal = (series[quantity][name] for name in ("residual", "normalized"))
        ends = (max(plain[0], plain[-1]), max(normal[0], normal[-1]))
        finding = (
            f"Residual blocks multiply it by {number(ends[0])} over {blocks} blocks; with batch normalization by "
            f"{number(ends[1])}."
        )
        xaxis = style.axis("block, from the input to the output", dark, range=[0, blocks], showgrid=False)
        yaxis = log_axis(label, dark, *(curve.y for curve in curves))
        charts.append(plot(title, finding, curves, xaxis, yaxis, dark=dark))
    return charts


def balduzzi_2017(series: Series, dark: bool) -> list[Chart]:
    """Correlation of gradients by depth, and the gradient along a line of inputs."""
    theme = style.theme(dark)
    depths = np.array(series["depths"])
    labels = series["labels"]
    correlations = series["correlations"]
    curves = []
    for k, (kind, values) in enumerate(correlations.items()):
        mark = style.arm_mark(k)
        shown = [value if value > 1e-3 else None for value in values]  # smaller ones are the noise of 64 inputs
        curves.append(
            Curve(name=labels[kind], x=depths, y=shown, color=mark.color(dark), dash=DASHES[k], symbol=mark.symbol)
        )
    grid = np.linspace(1, depths[-1], 200)
    halved = [value if value > 1e-3 else None for value in 0.5**grid]
    curves.append(Curve(name="1 / 2^L", x=grid, y=halved, color=theme.muted, dash="dot", width=1.5))
    theory = series["expected"]["residual"]
    curves.append(Curve(name="theory, skip connections", x=depths, y=theory, color=theme.text, dash="solid", width=1.5))
    curves.append(Curve(name="1 / √L", x=grid, y=grid**-0.5, color=theme.muted, dash="dashdot", width=1.5))
    last = correlations["residual"][-1]
    finding = (
        f"Without skip connections every layer halves the correlation; with them {number(last)} is left after "
        f"{depths[-1]} blocks."
    )
    xaxis = style.axis("layers or blocks", dark, range=[0, depths[-1] + 1], showgrid=False)
    yaxis = style.axis("correlation between inputs", dark, decades=(-3, 0.1))
    first = plot("Correlation of gradients", finding, curves, xaxis, yaxis, dark=dark)
    curves = []
    for k, entry in enumerate(series["curves"]):
        name = f"{entry['blocks']} {'block' if entry['blocks'] == 1 else 'blocks'}, {labels[entry['kind']]}"
        curves.append(
            Curve(
                name=name,
                x=series["x"],
                y=entry["slope"],
                color=style.arm_mark(k).color(dark),
                dash=DASHES[k],
                width=1.5,
            )
        )
    finding = "24 layers without skip connections: noise. With them, 50 blocks keep the structure."
    xaxis = style.axis("input x", dark, range=[-2, 2], showgrid=False)
    yaxis = style.axis("df/dx, of its largest", dark, range=[-1.1, 1.1])
    return [first, plot("The gradient along a line of inputs", finding, curves, xaxis, yaxis, dark=dark)]


def pennington_2017(series: Series, dark: bool) -> list[Chart]:
    """The spectra of the Jacobian beside theory, and their variance by depth."""
    labels = series["labels"]
    depths = np.array(series["depths"])
    marks = [style.arm_mark(k) for k in range(len(labels))]
    curves = []
    for name, mark, drawn, theory in zip(labels, marks, series["densities"], series["theory"], strict=True):
        shown = [value if value > 0 else None for value in drawn]
        curves.append(
            Curve(name=name, x=series["centers"], y=shown, color=mark.color(dark), dash=None, symbol=mark.symbol)
        )
        curves.append(
            Curve(name=f"{name}, theory", x=theory["value"], y=theory["density"], color=mark.color(dark), entry=False)
        )
    finding = f"After {depths[-1]} layers only tanh with orthogonal weights and a small q keeps all values near 1."
    xaxis = log_axis("singular value", dark, series["centers"])
    yaxis = style.axis("density of its logarithm", dark, decades=(-2.5, 1.3))
    first = plot("Singular values of the Jacobian; lines: theory", finding, curves, xaxis, yaxis, dark=dark)
    curves = []
    for name, mark, ours, theory in zip(labels, marks, series["variances"], series["expected"], strict=True):
        curves.append(Curve(name=name, x=depths, y=ours, color=mark.color(dark), dash=None, symbol=mark.symbol))
        curves.append(Curve(name=f"{name}, theory", x=depths, y=theory, color=mark.color(dark), entry=False))
    adds = [number(float(theory[-1] / depths[-1])) for theory in series["expected"]]
    finding = f"It grows in proportion to depth: a layer adds {adds[0]} for {labels[0]} and {adds[3]} for {labels[3]}."
    xaxis = log_axis("hidden layers", dark, depths)
    xaxis |= {"tickvals": depths.tolist(), "ticktext": [str(depth) for depth in series["depths"]]}
    yaxis = log_axis("variance / mean²", dark, series["variances"], series["expected"])
    return [first, plot("Variance of the squared singular values", finding, curves, xaxis, yaxis, dark=dark)]
