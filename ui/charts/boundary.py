"""Output of a network over its input: a decision boundary for two inputs, a fitted curve for one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from core.wording import percent
from ui.charts import style
from ui.charts.style import Chart, number

MAX_SAMPLES = 1_000  # drawn; of more, every k-th
HEIGHT = 560
FLAT = 0.005  # outputs that differ by less look the same in the picture


def grid(X: np.ndarray, resolution: int = 80) -> np.ndarray:
    """Points over the samples' range and a tenth beyond it, to evaluate a network on.

    Args:
        X: (samples, inputs) with one or two inputs.
        resolution: points along each input.

    Returns:
        (resolution ** inputs, inputs), the first input running fastest.
    """
    low = X.min(axis=0)
    high = X.max(axis=0)
    pad = np.where(high > low, 0.1 * (high - low), 1.0)
    axes = [np.linspace(a, b, resolution) for a, b in zip(low - pad, high + pad, strict=True)]
    return np.stack([along.ravel() for along in np.meshgrid(*axes)], axis=1)


class BoundaryData(NamedTuple):
    """An answer over two inputs, and the samples.

    Attributes:
        x, y: (columns,) and (rows,) the grid, of the first and the second input.
        z: (rows, columns) the output, the number of the winning class, or the fitted value; z[j, i] is at (x[i], y[j]).
        X: (samples, 2), those drawn.
        labels: (samples,) their class, or their target of a regression.
        classes: how many there are; 0 for a regression.
        constant: whether the answer is the same everywhere.
        finding: a sentence with numbers.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    X: np.ndarray
    labels: np.ndarray
    classes: int
    constant: bool
    finding: str


def boundary_data(X: np.ndarray, D: np.ndarray, points: np.ndarray, outputs: np.ndarray, task: str) -> BoundaryData:
    """The data step of `decision_boundary`."""
    x = np.unique(points[:, 0])
    y = np.unique(points[:, 1])
    shown = slice(None, None, -(-len(X) // MAX_SAMPLES))
    X = X[shown]
    D = D[shown]
    order = np.lexsort((points[:, 0], points[:, 1]))  # rows by the second input, columns by the first
    if task == "multi-class":
        answer = outputs.argmax(axis=1).astype(float)
        labels = D.argmax(axis=1)
        classes = D.shape[1]
        won = np.bincount(outputs.argmax(axis=1), minlength=classes)
        largest = int(won.argmax())
        constant = bool((won > 0).sum() == 1)
        share = percent(won[largest] / won.sum())
        finding = f"{(won > 0).sum()} of {classes} classes win somewhere; class {largest} on {share}."
    elif task == "two-class":
        answer = np.clip(outputs[:, 0], 0, 1)
        labels = (D[:, 0] > 0.5).astype(int)
        classes = 2
        constant = bool(np.ptp(outputs[:, 0]) < FLAT)
        area = percent(float(np.mean(outputs[:, 0] > 0.5)))
        samples = percent(labels.mean())
        finding = f"Class 1 on {area} of the area; {samples} of the samples are."
    else:
        answer = outputs[:, 0]
        labels = D[:, 0]
        classes = 0
        constant = False
        finding = f"Targets span {_span(D)}, the network’s answers {_span(outputs)}."
    if constant:
        same = number(float(outputs[0, 0])) if classes == 2 else f"class {int(answer[0])}"
        finding = f"The {'output' if classes == 2 else 'answer'} is {same} everywhere: the same answer to every input."
    return BoundaryData(x, y, answer[order].reshape(len(y), len(x)), X, labels, classes, constant, finding)


def decision_boundary(
    X: np.ndarray, D: np.ndarray, points: np.ndarray, outputs: np.ndarray, *, task: str, dark: bool = False
) -> Chart:
    """The answer over two inputs with the samples on it: output of two classes, winning class, or fitted value.

    Both inputs have one scale. A network that answers the same everywhere has no boundary: the samples stand alone.

    Args:
        X, D: (samples, 2) and (samples, outputs), as trained on.
        points: of `grid`.
        outputs: (points, outputs), the network's answer there.
        task: "two-class", "multi-class" or "regression".
    """
    title = "Fitted surface" if task == "regression" else "Decision boundary"
    if not np.isfinite(outputs).all():
        why = "The network’s output is not finite: the run diverged."
        return style.empty(title, why, x="input 1", y="input 2", dark=dark)
    data = boundary_data(X, D, points, outputs, task)
    answer = [] if data.constant else [_ANSWERS[task](data, dark)]
    samples = [_targets(data, dark)] if data.classes == 0 else _classes(data, dark)
    legend = style.legend_height(len(samples))
    keyed = bool(answer) and "colorbar" in answer[0]
    frame = style.layout(
        title,
        data.finding,
        xaxis=style.axis(
            "input 1 (standardized)", dark, range=[data.x[0], data.x[-1]], showgrid=False, constrain="domain"
        ),
        yaxis=style.axis(
            "input 2 (standardized)",
            dark,
            range=[data.y[0], data.y[-1]],
            showgrid=False,
            constrain="domain",
            scaleanchor="x",
        ),
        dark=dark,
        height=HEIGHT if keyed else HEIGHT - 68 + legend,
        below=124 if keyed else 56 + legend,
        above=22 if keyed else 0,
    )
    if keyed:
        answer[0]["colorbar"] = style.color_key(*answer[0]["colorbar"], frame, dark)
        frame["legend"] |= {"y": 1, "yanchor": "bottom"}
    columns = {"input_1": points[:, 0], "input_2": points[:, 1]} | _columns(outputs)
    figure = {"data": [*answer, *samples], "layout": frame}
    return Chart(spec=figure, alt=f"{title}. {data.finding}", make_table=lambda: pd.DataFrame(columns))


def fit(X: np.ndarray, D: np.ndarray, points: np.ndarray, outputs: np.ndarray, *, dark: bool = False) -> Chart:
    """The answer over one input, with the samples.

    Args:
        X, D: (samples, 1) and (samples, outputs).
        points, outputs: (points, 1) of `grid`, and (points, outputs), the network's answer there.
    """
    title = "Fit"
    if not np.isfinite(outputs).all():
        why = "The network’s output is not finite: the run diverged."
        return style.empty(title, why, x="input", y="output", dark=dark)
    shown = slice(None, None, -(-len(X) // MAX_SAMPLES))
    data = []
    many = D.shape[1] > 1
    for k in range(D.shape[1]):
        mark = style.arm_mark(k)
        spot = {"color": style.fade(mark.color(dark), 0.55), "symbol": mark.symbol, "size": 7}
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
    columns = {"input": points[:, 0]} | _columns(outputs)
    return Chart(
        spec={"data": data, "layout": frame}, alt=f"{title}. {finding}", make_table=lambda: pd.DataFrame(columns)
    )


# -- the figure step: the answer of each task, and the samples ---------------------------------------------------


def _two_class_answer(data: BoundaryData, dark: bool) -> dict:
    first, second = _marks(data)
    return {
        "type": "contour",
        "x": data.x,
        "y": data.y,
        "z": data.z,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, first.color(dark)], [0.5, style.theme(dark).page], [1, second.color(dark)]],
        "opacity": 0.75,
        "contours": {"coloring": "heatmap", "start": 0.5, "end": 0.5, "size": 1, "showlines": True},
        "line": {"color": style.theme(dark).text, "width": 2},
        "colorbar": ("output; the line is at 0.5", [0, 0.5, 1], ["≤ 0", "0.5", "≥ 1"]),
        "hovertemplate": "(%{x:.2f}, %{y:.2f})<br>output %{z:.3f}<extra></extra>",
    }


def _multi_class_answer(data: BoundaryData, dark: bool) -> dict:
    colors = [style.fade(mark.color(dark), 0.42) for mark in _marks(data)]
    return {
        "type": "heatmap",
        "x": data.x,
        "y": data.y,
        "z": data.z.astype(np.uint8),
        "zmin": -0.5,
        "zmax": data.classes - 0.5,
        "colorscale": [[(k + side) / data.classes, color] for k, color in enumerate(colors) for side in (0, 1)],
        "showscale": False,
        "hovertemplate": "(%{x:.2f}, %{y:.2f})<br>class %{z}<extra></extra>",
    }


def _fitted_answer(data: BoundaryData, dark: bool) -> dict:
    low, high = _value_range(data)
    return {
        "type": "heatmap",
        "x": data.x,
        "y": data.y,
        "z": data.z,
        "zmin": low,
        "zmax": high,
        "colorscale": style.depth_colors(dark),
        "colorbar": ("first output, and the samples’ targets", [low, high], [number(low), number(high)]),
        "hovertemplate": "(%{x:.2f}, %{y:.2f})<br>output %{z:.3g}<extra></extra>",
    }


_ANSWERS = {"two-class": _two_class_answer, "multi-class": _multi_class_answer, "regression": _fitted_answer}


def _value_range(data: BoundaryData) -> tuple[float, float]:
    low = float(min(data.labels.min(), data.z.min()))
    high = float(max(data.labels.max(), data.z.max()))
    return low, high if high > low else low + 1


def _marks(data: BoundaryData) -> list[style.Mark]:
    """Marks of the classes."""
    if data.classes == 2:
        return [style.MARKS[2], style.MARKS[1]]
    return [style.MARKS[(k + 1) % len(style.MARKS)] for k in range(data.classes)]


def _classes(data: BoundaryData, dark: bool) -> list[dict]:
    return [_spots(data.X[data.labels == k], f"class {k}", mark, dark) for k, mark in enumerate(_marks(data))]


def _targets(data: BoundaryData, dark: bool) -> dict:
    low, high = _value_range(data)
    spots = _spots(data.X, "samples", style.MARKS[0], dark)
    spots["marker"] |= {"color": data.labels, "cmin": low, "cmax": high, "colorscale": style.depth_colors(dark)}
    return spots


def _spots(X: np.ndarray, name: str, mark: style.Mark, dark: bool) -> dict:
    marker = {"color": mark.color(dark), "symbol": mark.symbol, "size": 8}
    marker["line"] = {"color": style.theme(dark).page, "width": 1}
    return {"type": "scatter", "x": X[:, 0], "y": X[:, 1], "mode": "markers", "name": name, "marker": marker}


def _span(values: np.ndarray) -> str:
    return f"{number(float(values.min()))} to {number(float(values.max()))}"


def _columns(outputs: np.ndarray) -> dict[str, np.ndarray]:
    return {f"output_{k + 1}": outputs[:, k] for k in range(outputs.shape[1])}
