"""What a network answers over its input: a decision boundary for two inputs, a fitted curve for one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ui.charts import style
from ui.charts.style import Chart, number

MAX_SAMPLES = 1_000  # drawn; of more, every k-th
HEIGHT = 460
FLAT = 0.005  # outputs that differ by less look the same in the picture


def grid(X: np.ndarray, resolution: int = 80) -> np.ndarray:
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
    return np.stack([along.ravel() for along in np.meshgrid(*axes)], axis=1)


def decision_boundary(
    X: np.ndarray, D: np.ndarray, points: np.ndarray, outputs: np.ndarray, *, task: str, dark: bool = False
) -> Chart:
    """The answer over two inputs with the samples on it: output of two classes, winning class, or fitted value.

    Args:
        X, D: (samples, 2) and (samples, outputs), as trained on.
        points: of `grid`.
        outputs: (points, outputs), the network's answer there.
        task: "two-class", "multi-class" or "regression".
    """
    title = "Fitted surface" if task == "regression" else "Decision boundary"
    if not np.isfinite(outputs).all():
        why = "The network's output is not finite: the run diverged."
        return style.empty(title, why, x="input 1", y="input 2", dark=dark)
    x, y = np.unique(points[:, 0]), np.unique(points[:, 1])
    shown = slice(None, None, -(-len(X) // MAX_SAMPLES))
    X, D = X[shown], D[shown]
    draw = {"two-class": _two_classes, "multi-class": _classes, "regression": _surface}[task]
    answer, samples, finding = draw(x, y, X, D, outputs, dark)
    legend = style.legend_height(len(samples))
    frame = style.layout(
        title,
        finding,
        xaxis=style.axis("input 1 (standardized)", dark, range=[x[0], x[-1]], showgrid=False),
        yaxis=style.axis("input 2 (standardized)", dark, range=[y[0], y[-1]], showgrid=False),
        dark=dark,
        height=HEIGHT if "colorbar" in answer else HEIGHT - 68 + legend,
        below=124 if "colorbar" in answer else 56 + legend,
        above=0 if "colorbar" not in answer else 22,
    )
    if "colorbar" in answer:
        answer["colorbar"] = style.color_key(*answer["colorbar"], frame, dark)
        frame["legend"] |= {"y": 1, "yanchor": "bottom"}
    table = pd.DataFrame({"input_1": points[:, 0], "input_2": points[:, 1]} | _columns(outputs))
    figure = {"data": [answer, *samples], "layout": frame}
    return Chart(figure, f"{title}. {finding}", table)


def fit(X: np.ndarray, D: np.ndarray, points: np.ndarray, outputs: np.ndarray, *, dark: bool = False) -> Chart:
    """The answer over one input, with the samples.

    Args:
        X, D: (samples, 1) and (samples, outputs).
        points, outputs: (points, 1) of `grid`, and (points, outputs), the network's answer there.
    """
    title = "Fit"
    if not np.isfinite(outputs).all():
        why = "The network's output is not finite: the run diverged."
        return style.empty(title, why, x="input", y="output", dark=dark)
    shown, data = slice(None, None, -(-len(X) // MAX_SAMPLES)), []
    many = D.shape[1] > 1
    for k in range(D.shape[1]):
        mark = style.arm_mark(k)
        spot = {"color": style.faded(mark.color(dark), 0.55), "symbol": mark.symbol, "size": 7}
        sample = {"type": "scatter", "mode": "markers", "x": X[shown, 0], "y": D[shown, k], "marker": spot}
        line = {"color": style.theme(dark).text if not many else mark.color(dark), "width": 2.5, "dash": mark.dash}
        curve = {"type": "scatter", "mode": "lines", "x": points[:, 0], "y": outputs[:, k], "line": line}
        of = f", output {k + 1}" if many else ""
        data += [sample | {"name": f"samples{of}"}, curve | {"name": f"network{of}"}]
    finding = f"Targets span {_span(D)}, the network’s answers {_span(outputs)}."
    frame = style.layout(
        title,
        finding,
        xaxis=style.axis("input (standardized)", dark),
        yaxis=style.axis("output", dark),
        dark=dark,
        height=350 + style.legend_height(len(data)),
        below=56 + style.legend_height(len(data)),
    )
    table = pd.DataFrame({"input": points[:, 0]} | _columns(outputs))
    return Chart({"data": data, "layout": frame}, f"{title}. {finding}", table)


# -- one answer for each task: the picture behind, the samples, the finding ------------------------------------


def _two_classes(x, y, X, D, outputs, dark):
    first, second = style.MARKS[2], style.MARKS[1]
    page = style.theme(dark).page
    scale = [[0, first.color(dark)], [0.5, page], [1, second.color(dark)]]
    answer = {
        "type": "contour",
        "x": x,
        "y": y,
        "z": np.clip(outputs[:, 0], 0, 1).reshape(len(y), len(x)).astype(np.float32),
        "zmin": 0,
        "zmax": 1,
        "colorscale": scale,
        "opacity": 0.75,
        "contours": {"coloring": "heatmap", "start": 0.5, "end": 0.5, "size": 1, "showlines": True},
        "line": {"color": style.theme(dark).text, "width": 2},
        "colorbar": ("output; the line is at 0.5", [0, 0.5, 1], ["≤ 0", "0.5", "≥ 1"]),
        "hovertemplate": "(%{x:.2f}, %{y:.2f})<br>output %{z:.3f}<extra></extra>",
    }
    label = (D[:, 0] > 0.5).astype(int)
    samples = [_spots(X[label == k], f"class {k}", mark, dark) for k, mark in enumerate((first, second))]
    share = float(np.mean(outputs[:, 0] > 0.5))
    finding = f"Class 1 on {share:.0%} of the area; {label.mean():.0%} of the samples are."
    if np.ptp(outputs[:, 0]) < FLAT:
        finding = f"The output is {number(float(outputs[0, 0]))} everywhere: the same answer to every input."
    return answer, samples, finding


def _classes(x, y, X, D, outputs, dark):
    winner, label, count = outputs.argmax(axis=1), D.argmax(axis=1), D.shape[1]
    marks = [style.MARKS[(k + 1) % len(style.MARKS)] for k in range(count)]
    colors = [style.faded(mark.color(dark), 0.42) for mark in marks]
    steps = [[(k + side) / count, color] for k, color in enumerate(colors) for side in (0, 1)]
    answer = {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": winner.reshape(len(y), len(x)).astype(np.uint8),
        "zmin": -0.5,
        "zmax": count - 0.5,
        "colorscale": steps,
        "showscale": False,
        "hovertemplate": "(%{x:.2f}, %{y:.2f})<br>class %{z}<extra></extra>",
    }
    samples = [_spots(X[label == k], f"class {k}", mark, dark) for k, mark in enumerate(marks)]
    won = np.bincount(winner, minlength=count)
    largest = int(won.argmax())
    finding = f"{(won > 0).sum()} of {count} classes win somewhere; class {largest} on {won[largest] / won.sum():.0%}."
    return answer, samples, finding


def _surface(x, y, X, D, outputs, dark):
    low, high = float(min(D[:, 0].min(), outputs[:, 0].min())), float(max(D[:, 0].max(), outputs[:, 0].max()))
    high = high if high > low else low + 1
    scale = {"colorscale": style.depth_colors(dark)}
    answer = {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": outputs[:, 0].reshape(len(y), len(x)).astype(np.float32),
        "zmin": low,
        "zmax": high,
        "colorbar": ("first output, and the samples’ targets", [low, high], [number(low), number(high)]),
        "hovertemplate": "(%{x:.2f}, %{y:.2f})<br>output %{z:.3g}<extra></extra>",
    }
    spots = _spots(X, "samples", style.MARKS[0], dark)
    spots["marker"] |= {"color": D[:, 0], "cmin": low, "cmax": high} | scale
    return answer | scale, [spots], f"Targets span {_span(D)}, the network’s answers {_span(outputs)}."


def _spots(X, name, mark, dark) -> dict:
    look = {"color": mark.color(dark), "symbol": mark.symbol, "size": 8}
    look["line"] = {"color": style.theme(dark).page, "width": 1}
    return {"type": "scatter", "x": X[:, 0], "y": X[:, 1], "mode": "markers", "name": name, "marker": look}


def _span(values: np.ndarray) -> str:
    return f"{number(float(values.min()))} to {number(float(values.max()))}"


def _columns(outputs: np.ndarray) -> dict[str, np.ndarray]:
    return {f"output_{k + 1}": outputs[:, k] for k in range(outputs.shape[1])}
