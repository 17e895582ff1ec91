"""Figures of the papers, drawn like theirs: what an experiment measured -> charts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from plotly.colors import sample_colorscale

from core.wording import percent
from ui.charts import style
from ui.charts.style import Chart, number

HEIGHT = 360  # pixels, without the legend
SIGMA = "σ<sub>w</sub>²"
Series = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line or one set of marks.

    Attributes:
        name: in the legend and in the table.
        x, y: its points; None in y is a gap.
        color, dash, symbol: its style; without a symbol it is a line alone, without a dash marks alone.
        width: of the line.
        entry: whether the legend names it.
        low, high: ends of a whisker at every point.
    """

    name: str
    x: ArrayLike
    y: Any  # numbers, None where there is a gap
    color: str
    dash: str | None = "solid"
    symbol: str | None = None
    width: float = 2
    entry: bool = True
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    hollow: bool = False


def plot(
    title: str, finding: str, curves: Sequence[Curve], xaxis: dict, yaxis: dict, *, dark: bool, height: int = HEIGHT
) -> Chart:
    """Curves in one frame, the legend under them; the table has one row a point."""
    legend = style.legend_height(sum(curve.entry for curve in curves))
    frame = style.layout(
        title,
        finding,
        xaxis=xaxis,
        yaxis=yaxis,
        dark=dark,
        height=height + legend,
        below=56 + legend,
        showlegend=legend > 0,
    )
    figure = {"data": [_trace(curve) for curve in curves], "layout": frame}
    across, up = (axis["title"]["text"] for axis in (xaxis, yaxis))
    return Chart(spec=figure, alt=f"{title}. {finding}", make_table=lambda: curves_table(curves, across, up))


def curves_table(curves: Sequence[Curve], across: str, up: str) -> pd.DataFrame:
    """One row a point of every curve; names without markup, which a table would show: σ_w."""
    across, up = _without_markup(across), _without_markup(up)
    parts = [
        pd.DataFrame({"curve": _without_markup(curve.name), across: np.asarray(curve.x), up: list(curve.y)})
        for curve in curves
    ]
    return pd.concat(parts, ignore_index=True)


def _without_markup(name: str) -> str:
    return re.sub(r"<sub>(.*?)</sub>", r"_\1", name)


def _trace(curve: Curve) -> dict:
    y = np.array([math.nan if value is None else value for value in curve.y], float)
    mode = "+".join(part for part, there in (("lines", curve.dash), ("markers", curve.symbol)) if there)
    trace: dict[str, Any] = {
        "type": "scatter",
        "x": np.asarray(curve.x, float),
        "y": y,
        "name": curve.name,
        "mode": mode,
        "showlegend": curve.entry,
        "hovertemplate": "%{y:.3~g} at %{x:.4~g}",
    }
    if curve.dash:
        trace["line"] = {"color": curve.color, "width": curve.width, "dash": curve.dash}
    if curve.symbol:
        symbol = curve.symbol + "-open" * curve.hollow
        line = {"width": 2 if curve.hollow else 0, "color": curve.color}
        trace["marker"] = {"size": 11 if curve.hollow else 8, "symbol": symbol, "color": curve.color, "line": line}
    if curve.low is not None:
        trace["error_y"] = {
            "type": "data",
            "array": np.asarray(curve.high, float) - y,
            "arrayminus": y - np.asarray(curve.low, float),
            "color": curve.color,
            "thickness": 1.5,
            "width": 5,
        }
    return trace


def log_axis(title: str, dark: bool, *values: ArrayLike) -> dict:
    """A logarithmic axis over all these, in decades."""
    return style.axis(title, dark, decades=style.log_range(*(np.asarray(v, float) for v in values), least=1))


def nielsen_ch5(series: Series, dark: bool) -> list[Chart]:
    """Norm by hidden layer at initialization, with the book's numbers."""
    curves = []
    theme = style.theme(dark)
    for k, (median, low, high, paper) in enumerate(
        zip(series["median"], series["low"], series["high"], series["paper"], strict=True)
    ):
        mark = style.arm_mark(k)
        layers = np.arange(1, len(median) + 1)
        marker: dict[str, Any] = {"color": mark.color(dark), "symbol": mark.symbol}
        shift = 0.08 * (k - 1)  # whiskers beside each other
        name = f"{len(median)} hidden layers"
        curves.append(
            Curve(name=f"{name}, here", x=layers + shift, y=median, dash=mark.dash, low=low, high=high, **marker)
        )
        curves.append(
            Curve(
                name="the book’s network",
                x=layers + shift,
                y=paper,
                color=theme.text,
                dash=None,
                symbol="circle",
                entry=k == 2,
                hollow=True,
            )
        )
    finding = (
        f"Each sigmoid layer leaves about {percent(series['factor'])} of the gradient norm; marks are medians, "
        "whiskers nine in ten networks."
    )
    xaxis = style.axis("hidden layer, from the input", dark, dtick=1, range=[0.6, 4.4], showgrid=False)
    yaxis = log_axis("gradient norm at start", dark, *series["low"], *series["high"])
    return [plot("How fast each layer would learn", finding, curves, xaxis, yaxis, dark=dark)]


_GLOROT = {
    "activations": ("Activations (fig. 6)", "activation"),
    "deltas": ("Gradients at net inputs (fig. 7)", "delta"),
    "weight_gradients": ("Weight gradients (fig. 8)", "dE/dw"),
}


def glorot_2010(series: Series, dark: bool) -> list[Chart]:
    """Densities by layer, standard init beside the normalized one: figures 6 to 8."""
    charts = []
    spreads = {"activations": "activation", "deltas": "delta", "weight_gradients": "weight_gradient"}
    for quantity, (title, x) in _GLOROT.items():
        for init in series["inits"]:
            histograms = series[init][quantity]
            spread = series[init][spreads[quantity]]
            layers = len(histograms["densities"])
            curves = [
                Curve(
                    name=f"layer {layer + 1}",
                    x=histograms["centers"],
                    y=density,
                    color=style.depth_color(layer / (layers - 1), dark),
                    dash=("solid", "dash", "dot", "dashdot", "longdash")[layer % 5],
                )
                for layer, density in enumerate(histograms["densities"])
            ]
            finding = f"Standard deviation {number(spread[0])} in layer 1, {number(spread[-1])} in layer {layers}."
            xaxis = style.axis(x, dark, exponentformat="power")
            yaxis = style.axis("density", dark, rangemode="tozero", showticklabels=False)
            charts.append(plot(f"{title}: {init}", finding, curves, xaxis, yaxis, dark=dark, height=300))
    return charts


def he_2015(series: Series, dark: bool) -> list[Chart]:
    """Loss over the steps from both inits, one chart a depth: figures 2 and 3."""
    charts = []
    theme = style.theme(dark)
    for depth in series["depths"]:
        curves: list[Curve] = []
        starts = []
        for k, init in enumerate(series["inits"]):
            mark = style.arm_mark(k)
            entry = next(c for c in series["curves"] if (c["depth"], c["init"]) == (depth, init))
            below = []
            for seed, losses in enumerate(entry["losses"]):
                dash = ("solid", "dash")[k]
                curves.append(
                    Curve(name=init, x=entry["step"], y=losses, color=mark.color(dark), dash=dash, entry=seed == 0)
                )
                learned = (at for at, loss in zip(entry["step"], losses, strict=True) if loss is not None and loss < 1)
                below.append(next(learned, math.inf))
            first = float(np.median(below))
            starts.append(f"{init}’s at step {first:,.0f}" if math.isfinite(first) else f"{init}’s not yet")
        longest = max(entry["step"][-1] for entry in series["curves"] if entry["depth"] == depth)
        curves.append(
            Curve(
                name="a guess, ln 10", x=[0, longest], y=[series["guess"]] * 2, color=theme.muted, dash="dot", width=1.5
            )
        )
        finding = f"Median of {len(below)} networks with a loss below 1: " + ", ".join(starts) + "."
        yaxis = style.axis("loss", dark, range=[0, 3.2])
        xaxis = style.steps_axis(np.array([0, longest]), dark)
        charts.append(plot(f"{depth} layers", finding, curves, xaxis, yaxis, dark=dark))
    return charts


def schoenholz_2017(series: Series, dark: bool) -> list[Chart]:
    """(a) squared gradients by layer with the slope of theory; (b) the loss after training by depth and variance."""
    return [_gradients(series, dark), _trainable(series, dark)]


def _gradients(series: Series, dark: bool) -> Chart:
    curves = []
    words = []
    for k, (variance, norms, chi) in enumerate(zip(series["slopes"], series["norms"], series["chi"], strict=True)):
        mark = style.arm_mark(k)
        layers = np.arange(1, len(norms) + 1)
        name = f"{SIGMA} = {variance:.3g}"
        curves.append(Curve(name=name, x=layers, y=np.array(norms) / norms[-1], color=mark.color(dark), dash="solid"))
        theory = chi ** (len(norms) - layers)
        curves.append(
            Curve(
                name="theory, χ per layer",
                x=layers,
                y=theory,
                color=mark.color(dark),
                dash="dot",
                width=1.5,
                entry=k == 3,
            )
        )
        words.append(f"{chi:.2f}")
    xaxis = style.layers_axis(len(norms), dark)
    yaxis = log_axis("‖dE/dW‖², of the top’s", dark, *(curve.y for curve in curves))
    factors = f"{', '.join(words[:-1])} or {words[-1]}"
    finding = f"Every layer multiplies the square by {factors}: vanishing, level, exploding."
    return plot("(a) Gradients at initialization", finding, curves, xaxis, yaxis, dark=dark)


def _trainable(series: Series, dark: bool) -> Chart:
    theme = style.theme(dark)
    variances = series["variances"]
    depths = series["depths"]
    losses = np.array(series["losses"]).T
    worst = math.log(10)
    # even cells with their own labels: true distances would leave the ordered phase a sliver
    locate = lambda v: np.interp(v, variances, range(len(variances)))  # noqa: E731
    height = lambda d: np.interp(d, depths, range(len(depths)))  # noqa: E731
    curve = np.array(series["curve"], float)
    curve = curve[curve[:, 1] <= depths[-1] * 1.02]
    line = {"color": theme.text, "width": 3, "dash": "dash"}
    halves = [part for part in (curve[curve[:, 0] < 1.76], curve[curve[:, 0] > 1.76]) if len(part)]
    data: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "z": np.minimum(losses, worst),
            "x": list(range(len(variances))),
            "y": list(range(len(depths))),
            "colorscale": style.share_colors(dark),
            "zmin": 0,
            "zmax": worst,
            "xgap": 2,
            "ygap": 2,
            "customdata": [[[v, d] for v in variances] for d in depths],
            "hovertemplate": SIGMA + " = %{customdata[0]:.3g}, %{customdata[1]} layers: loss %{z:.2g}<extra></extra>",
            "showscale": False,
        }
    ]
    for i, part in enumerate(halves):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": locate(part[:, 0]),
                "y": height(part[:, 1]),
                "name": "6 ξ, the rule’s greatest depth",
                "line": line,
                "showlegend": i == 0,
                "hoverinfo": "skip",
            }
        )
    learned = int((losses < 1).sum())
    finding = f"{learned} of {losses.size} networks learn (loss below 1); a guess has {worst:.2f}."
    xaxis = style.axis(SIGMA, dark, tickvals=list(range(len(variances))), ticktext=[f"{v:.3g}" for v in variances],
                       showgrid=False, range=[-0.5, len(variances) - 0.5])  # fmt: skip
    yaxis = style.axis("hidden layers", dark, tickvals=list(range(len(depths))), ticktext=[str(d) for d in depths],
                       showgrid=False, range=[-0.5, len(depths) - 0.5])  # fmt: skip
    frame = style.layout("(b) Loss after training", finding, xaxis=xaxis, yaxis=yaxis, dark=dark, height=HEIGHT + 46,
                         below=102)  # fmt: skip
    shades = sample_colorscale(style.share_colors(dark), np.minimum(losses.ravel() / worst, 1).tolist())
    shades = np.reshape(shades, losses.shape)
    frame["annotations"] = [
        {
            "x": i,
            "y": j,
            "text": f"{losses[j, i]:.2g}",
            "showarrow": False,
            "font": {"size": style.TEXT_SIZE, "color": _text_on(shades[j, i])},
            # the cell's own color, so that the rule's line does not run through a number
            "bgcolor": str(shades[j, i]),
            "borderpad": 1,
        }
        for i in range(len(variances))
        for j in range(len(depths))
    ]
    cells = [(v, d, losses[j, i]) for i, v in enumerate(variances) for j, d in enumerate(depths)]
    columns = ["σ_w²", "hidden layers", "loss"]
    alt = f"(b) Loss after training. {finding}"
    return Chart(spec={"data": data, "layout": frame}, alt=alt, make_table=lambda: pd.DataFrame(cells, columns=columns))


def _text_on(shade: str) -> str:
    """Black or white text, whichever has more contrast on a color "rgb(r, g, b)"."""
    channels = np.array([float(part) for part in shade[4:-1].split(",")]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])  # WCAG 2.2
    # where (L + 0.05)^2 = 1.05 x 0.05 both have a contrast of 4.58, and nowhere is the better one below that
    return "#000000" if luminance > 0.179 else "#ffffff"


def hanin_nica(series: Series, dark: bool) -> list[Chart]:
    """Densities of ln |delta|^2 about their mean, with the normal density of variance beta."""
    curves = []
    words = []
    for k, (setting, centers, density, beta) in enumerate(
        zip(series["settings"], series["centers"], series["densities"], series["beta"], strict=True)
    ):
        mark = style.arm_mark(k)
        width, depth, _ = setting
        name = f"width {width}, {depth} layers"
        curves.append(Curve(name=name, x=centers, y=density, color=mark.color(dark), dash=None, symbol=mark.symbol))
        x = np.linspace(centers[0], centers[-1], 121)
        y = np.exp(-(x**2) / (2 * beta)) / math.sqrt(2 * math.pi * beta)
        curves.append(Curve(name=f"N(0, {beta:.2f})", x=x, y=y, color=mark.color(dark), dash=mark.dash))
        words.append(f"β = {beta:.2f}")
    finding = "Over draws of the weights the logarithm is close to normal, with " + ", ".join(words) + "."
    xaxis = style.axis("ln |delta|² of the first layer, minus its mean", dark)
    yaxis = style.axis("density", dark, rangemode="tozero")
    return [plot("The size of a gradient is log-normal", finding, curves, xaxis, yaxis, dark=dark)]


def edge_of_stability(series: Series, dark: bool) -> list[Chart]:
    """Sharpness with 2 / learning rate, and the loss, over the steps."""
    charts = []
    theme = style.theme(dark)
    for k, rate in enumerate(series["rates"]):
        at = series["steps"][k]
        mark = style.arm_mark(k)
        limit = 2 / rate
        values = series["sharpness"][k]
        curves = [
            Curve(name="sharpness", x=at, y=v, color=mark.color(dark), dash="solid", entry=i == 0)
            for i, v in enumerate(values)
        ]
        curves.append(
            Curve(
                name=f"2 / learning rate = {limit:g}", x=[at[0], at[-1]], y=[limit] * 2, color=theme.text, dash="dash"
            )
        )
        late = np.array(values)[:, -len(at) // 4 :]
        finding = f"Learning rate {rate:g}: from {np.min(values):.0f} to {np.median(late):.1f} in the last quarter."
        xaxis = style.steps_axis(np.array(at), dark)
        yaxis = style.axis("sharpness", dark, range=[0, 1.28 * limit])
        charts.append(plot("Sharpness", finding, curves, xaxis, yaxis, dark=dark))
        losses = series["losses"][k]
        steps = series["loss_steps"][k]
        curves = [
            Curve(name="loss", x=steps, y=v, color=mark.color(dark), dash="solid", width=1.5, entry=False)
            for v in losses
        ]
        finding = f"Learning rate {rate:g}: from {np.max(losses):.2g} to {np.median([v[-1] for v in losses]):.1g}."
        yaxis = log_axis("loss", dark, *losses)
        charts.append(plot("Loss", finding, curves, style.steps_axis(np.array(steps), dark), yaxis, dark=dark))
    return charts


def saxe(series: Series, dark: bool) -> list[Chart]:
    """Singular values of the product, from the largest on."""
    theme = style.theme(dark)
    rank = np.arange(1, len(series["gaussian"]) + 1)
    gaussian = style.arm_mark(0)
    orthogonal = style.arm_mark(1)
    curves = [
        Curve(
            name="orthogonal",
            x=rank,
            y=series["orthogonal"],
            color=orthogonal.color(dark),
            dash=None,
            symbol=orthogonal.symbol,
        ),
        Curve(
            name="Gaussian", x=rank, y=series["gaussian"], color=gaussian.color(dark), dash=None, symbol=gaussian.symbol
        ),
        Curve(name="theory", x=rank, y=series["expected"], color=theme.text, dash="solid", width=1.5),
    ]
    values = np.array(series["gaussian"])
    finding = (
        f"Gaussian: half of the singular values are below {number(float(np.median(values)))}; orthogonal: all are 1."
    )
    low = math.floor(math.log10(values.min()) / 20 - 0.2) * 20  # with room for the last marker
    yaxis = style.axis("singular value", dark, decades=(low, 6), dtick=20)
    xaxis = style.axis("rank, from the largest", dark, range=style.marker_range(1, len(values)), showgrid=False)
    return [plot(f"A product of {len(values)} matrices", finding, curves, xaxis, yaxis, dark=dark)]
