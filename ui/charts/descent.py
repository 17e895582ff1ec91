"""A function of two variables with a descent on it: from above, as a surface, and its value over the steps."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from plotly.colors import sample_colorscale

from core.lecture.descent import Path, Surface, grid
from ui.charts import style
from ui.charts.style import Chart, number

CLICKS = 31  # points along each variable that can be clicked
HEIGHT = 580
BELOW = 154
ARROW = 0.17  # length of the gradient's arrow, in boxes
AXIS = 0.2  # half length of the longer eigen-direction, in boxes
SHORTEST = 0.25  # of the shorter one, as a share of the longer: a narrower ellipse could not be seen
MAX_POINTS = 400  # of a path that are drawn
EYES = {"2-2-1 network’s error": (1.1, 1.5)}  # where the eye stands over a surface, by its label
EYE = (1.2, -1.4)  # where it stands over the others
SHADES = np.linspace(0, 0.62, 9)  # of the color scale that are used


def html(name: str) -> str:
    """A variable's LaTeX name as Plotly writes it: w_{1} -> w<sub>1</sub>."""
    return re.sub(r"\^\{(.*?)\}", r"<sup>\1</sup>", re.sub(r"_\{(.*?)\}", r"<sub>\1</sub>", name))


def to_plain_text(name: str) -> str:
    """A variable's LaTeX name in plain letters: w_{11}^{(0,1)} -> w11(0,1)."""
    return re.sub(r"[_^{}]", "", name)


def contours(surface: Surface, path: Path, step: int, *, dark: bool = False) -> Chart:
    """Level lines with the path, and at its point of `step` the negative gradient and the Hessian's eigen-directions.

    A grid of invisible points lies over it, so that a click anywhere returns an x and a y.
    """
    theme = style.theme(dark)
    x, y, values = grid(surface, surface.resolution)
    finding = _finding(surface, path, step)
    # Fixed, since on a chart that can be clicked Streamlit lets a finger pan, which then could not scroll the page.
    fixed: dict[str, Any] = {"showgrid": False, "constrain": "domain", "fixedrange": True}
    frame = style.layout(
        "From above",
        finding,
        xaxis=style.axis(html(surface.names[0]), dark, range=list(surface.box[0]), **fixed),
        yaxis=style.axis(html(surface.names[1]), dark, range=list(surface.box[1]), **fixed),
        dark=dark,
        height=HEIGHT,
        below=BELOW,
        above=8,
        hovermode="closest",
    )
    frame["yaxis"] |= {"scaleanchor": "x", "constraintoward": "top"}
    frame["legend"] |= {"entrywidth": 0.5, "entrywidthmode": "fraction"}
    lines: dict[str, Any] = {
        "type": "contour",
        "x": x,
        "y": y,
        "z": _levels(surface, values),
        "hoverinfo": "skip",
        "showscale": False,
    }
    lines |= {"colorscale": _colors(dark), "ncontours": 16, "contours": {"coloring": "heatmap"}}
    lines |= {"line": {"width": 1, "color": style.fade(theme.text, 0.3)}}
    data = [lines, _clickable(surface), *_path(surface, path, step, dark), *_here(surface, path, step, dark)]
    alt = f"Level lines of the function {surface.label}, with the path on them. {finding}"
    return Chart(spec={"data": data, "layout": frame}, alt=alt, make_table=lambda: _table(surface, path))


def from_the_side(surface: Surface, path: Path, step: int, *, dark: bool = False) -> Chart:
    """The function as a surface in space, with the path on it."""
    theme = style.theme(dark)
    x, y, values = grid(surface, surface.resolution)
    heights = _heights(surface, values)
    lift = 0.02 * heights.max()  # so that the path lies on the surface and not in it
    words = "Drag to turn it."
    if surface.logarithmic:
        words += " The heights are logarithmic, so that the valley’s floor shows."
    frame = style.layout("As a surface", words, xaxis={}, yaxis={}, dark=dark, height=HEIGHT, below=10)
    title = {"font": {"size": style.TEXT_SIZE, "color": theme.muted}}
    axis: dict[str, Any] = {
        "tickfont": {"size": 11, "color": theme.muted},
        "gridcolor": theme.grid,
        "showbackground": False,
    }
    axis |= {"nticks": 5, "showspikes": False, "zeroline": False}
    del frame["xaxis"], frame["yaxis"]
    frame["scene"] = {
        "xaxis": axis | {"title": title | {"text": html(surface.names[0])}, "range": list(surface.box[0])},
        "yaxis": axis | {"title": title | {"text": html(surface.names[1])}, "range": list(surface.box[1])},
        "zaxis": axis | {"title": title | {"text": "E"}} | _height_ticks(surface, values),
        "aspectmode": "manual",
        "aspectratio": {"x": 1, "y": 1, "z": 0.7},
        "camera": {
            "eye": dict(zip("xyz", (*EYES.get(surface.label, EYE), 0.95), strict=True)),
            "center": {"x": 0, "y": 0, "z": -0.15},
        },
        "dragmode": "turntable",
    }
    frame |= {"margin": frame["margin"] | {"l": 0, "r": 0}, "showlegend": False}
    sheet: dict[str, Any] = {"type": "surface", "x": x, "y": y, "z": heights, "showscale": False}
    sheet |= {"colorscale": _colors(dark), "hoverinfo": "skip", "lighting": {"ambient": 0.9, "specular": 0.03}}
    sheet["surfacecolor"] = _levels(surface, values)
    rows = _rows(path, step)
    inside = _inside(surface, path.points[rows])
    spots = np.where(inside[:, None], path.points[rows], np.nan)
    high = np.where(inside, _heights(surface, path.values[rows]), np.nan) + lift
    line = {"type": "scatter3d", "mode": "lines+markers", "x": spots[:, 0], "y": spots[:, 1], "z": high}
    line |= {"line": {"color": theme.text, "width": 4}, "marker": {"size": 2.5, "color": theme.text}}
    line |= {"customdata": path.values[rows], "text": [f"step {row}" for row in rows]}
    line |= {"hovertemplate": "%{text}<br>E = %{customdata:.4~g}<extra></extra>"}
    data = [sheet, line]
    here = path.points[step]
    if _inside(surface, here[None])[0]:
        locate = {"x": here[:1], "y": here[1:], "z": _heights(surface, path.values[[step]]) + 2 * lift}
        dot = {"size": 7, "color": _accent(dark), "line": {"color": theme.page, "width": 1}}
        data.append({"type": "scatter3d", "mode": "markers", "marker": dot, "hoverinfo": "skip"} | locate)
    alt = f"The function {surface.label} as a surface, with the path on it. {_finding(surface, path, step)}"
    return Chart(spec={"data": data, "layout": frame}, alt=alt, make_table=lambda: _table(surface, path))


class GapData(NamedTuple):
    """E above its lowest value: (points,) steps drawn and gaps there, NaN where there is none; and at `step`."""

    step: np.ndarray
    gap: np.ndarray
    gap_at_step: float


def gap_data(surface: Surface, path: Path, step: int) -> GapData:
    """The data step of `value_over_steps`."""
    gap = path.values - surface.lowest
    positive = np.where(gap > 0, gap, np.nan)
    rows = _rows(path, step)
    return GapData(rows, positive[rows], float(positive[step]))


def value_over_steps(surface: Surface, path: Path, step: int, *, dark: bool = False) -> Chart:
    """E above its lowest value at every step, on a logarithmic axis."""
    theme = style.theme(dark)
    steps = np.arange(len(path.points))
    data = gap_data(surface, path, step)
    finding = f"E is {number(path.values[0], 3)} at step 0 and {number(path.values[-1], 3)} at step {steps[-1]:,}."
    broken = style.broken(path.diverged_at, dark)
    above = 22 if broken else 0
    frame = style.layout(
        "The value, step by step",
        finding,
        xaxis=style.steps_axis(steps, dark),
        yaxis=style.axis("E above its lowest", dark, decades=style.log_range(data.gap)),
        dark=dark,
        height=286 + above,
        below=56,
        above=above,
        showlegend=False,
    )
    curve: dict[str, Any] = {"type": "scatter", "x": data.step.astype(np.int32), "y": data.gap, "mode": "lines"}
    curve |= {"line": {"color": theme.text, "width": 2}, "hovertemplate": "step %{x}: %{y}<extra></extra>"}
    dot: dict[str, Any] = {
        "type": "scatter",
        "x": [step],
        "y": [data.gap_at_step],
        "mode": "markers",
        "hoverinfo": "skip",
    }
    dot |= {"marker": {"size": 12, "color": _accent(dark), "line": {"color": theme.page, "width": 2}}}
    figure = {"data": [curve, dot], "layout": frame | broken}
    return Chart(spec=figure, alt=f"The value, step by step. {finding}", make_table=lambda: _table(surface, path))


# -- how they are drawn -----------------------------------------------------------------------------------------


def _accent(dark: bool) -> str:
    """Of the present point and its gradient: the one warm color on the cold function."""
    return style.MARKS[1].color(dark)


def _colors(dark: bool) -> list[list]:
    """The page's own color at the lowest value, never so full that the path could not be seen on it."""
    return [[k / 8, color] for k, color in enumerate(sample_colorscale(style.share_colors(dark), list(SHADES)))]


def _heights(surface: Surface, values: np.ndarray) -> np.ndarray:
    above = np.maximum(values - surface.lowest, 0)
    return np.log10(10 + above) - 1 if surface.logarithmic else above


def _levels(surface: Surface, values: np.ndarray) -> np.ndarray:
    """Values that level lines are drawn of: the root of a bowl has them equally far apart."""
    heights = _heights(surface, values)
    return heights if surface.logarithmic else np.sqrt(heights)


def _height_ticks(surface: Surface, values: np.ndarray) -> dict:
    """Labels of a vertical axis that tell E itself."""
    top = values.max() - surface.lowest
    ticks = np.linspace(0, top, 4)
    if surface.logarithmic:
        ticks = np.concatenate([[0.0], 10.0 ** np.arange(1, np.floor(np.log10(top)) + 1)])
    ticks += surface.lowest
    return {"tickvals": _heights(surface, ticks), "ticktext": [number(value) for value in ticks]}


def _rows(path: Path, step: int) -> np.ndarray:
    """Rows of a path that are drawn: all, or evenly spread ones of a long one, and that of `step`."""
    last = len(path.points) - 1
    return np.union1d(np.rint(np.linspace(0, last, min(last + 1, MAX_POINTS))).astype(int), [step])


def _inside(surface: Surface, points: np.ndarray, margin: float = 0.0) -> np.ndarray:
    lows, highs = np.array(surface.box).T
    return np.all((points >= lows + margin) & (points <= highs - margin), axis=1)


def _clickable(surface: Surface) -> dict:
    """Invisible points over the whole box: a contour reports no click of its own."""
    x, y, values = grid(surface, CLICKS)
    across, up = np.meshgrid(x, y)
    unseen = {"opacity": 0}
    points: dict[str, Any] = {"type": "scatter", "mode": "markers", "name": "start here", "showlegend": False}
    points |= {"x": across.ravel(), "y": up.ravel(), "customdata": values.ravel()}
    points |= {"marker": {"size": 14, "opacity": 0}, "selected": {"marker": unseen}, "unselected": {"marker": unseen}}
    first, second = map(html, surface.names)
    words = f"{first} = %{{x:.3~g}}, {second} = %{{y:.3~g}}<br>E = %{{customdata:.4~g}}"
    return points | {"hovertemplate": words + "<br>click to start here<extra></extra>"}


def _here(surface: Surface, path: Path, step: int, dark: bool) -> list[dict]:
    """The point of a step, its negative gradient, and the Hessian's eigen-directions through it.

    The latter are as long as a level line's axes, 1 / sqrt|eigenvalue|.
    """
    theme = style.theme(dark)
    point = path.points[step]
    box = surface.box[0][1] - surface.box[0][0]
    eigenvalues, directions = np.linalg.eigh(surface.hessian(point))
    curved = np.maximum(np.abs(eigenvalues), 1e-300) ** -0.5
    lengths = AXIS * box * np.maximum(curved / curved.max(), SHORTEST)
    lines = {"type": "scatter", "hoverinfo": "skip"}
    traces: list[dict] = []
    for k, dash, name in ((1, "solid", "curves most, λ<sub>max</sub>"), (0, "dash", "curves least, λ<sub>min</sub>")):
        half = lengths[k] * directions[:, k] * (1 if directions[1, k] >= 0 else -1)
        if not _inside(surface, (point + half)[None], margin=0.05 * box)[0]:
            half = -half
        ends = np.array([point - half, point + half])  # the label stands at the second: the upper, if it has room
        words = {"text": ["", f"λ = {number(eigenvalues[k], 3)}"], "textposition": "top center"}
        words["textfont"] = {"size": style.TEXT_SIZE, "color": theme.text}
        stroke = {"mode": "lines+text", "x": ends[:, 0], "y": ends[:, 1], "name": name} | words
        traces.append(lines | stroke | {"line": {"color": theme.accent, "width": 2.5, "dash": dash}})
    arrow = np.array([point, _arrow_tip(surface, point)])
    head = {"symbol": "arrow", "angleref": "previous", "size": [0, 15], "color": _accent(dark), "opacity": 1}
    shaft = {"mode": "lines+markers", "x": arrow[:, 0], "y": arrow[:, 1], "name": "negative gradient", "marker": head}
    traces.append(lines | shaft | {"line": {"color": _accent(dark), "width": 3}})
    now = {"size": 13, "color": _accent(dark), "line": {"color": theme.page, "width": 2}}
    here = {"mode": "markers", "x": point[:1], "y": point[1:], "name": f"step {step:,}", "marker": now}
    return [*traces, lines | here]


def _arrow_tip(surface: Surface, point: np.ndarray) -> np.ndarray:
    """Where the arrow along the negative gradient ends; nowhere if there is no gradient, or outside the picture."""
    gradient = surface.gradient(point)
    size = np.linalg.norm(gradient)
    if size == 0 or not _inside(surface, point[None])[0]:
        return np.full(2, np.nan)
    return point - ARROW * (surface.box[0][1] - surface.box[0][0]) * gradient / size


def _path(surface: Surface, path: Path, step: int, dark: bool) -> list[dict]:
    """The path, its start and the minima."""
    theme = style.theme(dark)
    rows = _rows(path, step)
    lines = {"type": "scatter", "hoverinfo": "skip"}
    spots = path.points[rows]
    dots = {"size": 4, "color": theme.text}
    integer = {"x": spots[:, 0], "y": spots[:, 1], "mode": "lines+markers", "name": "path", "marker": dots}
    integer |= {"line": {"color": theme.text, "width": 1.5}, "unselected": {"marker": {"opacity": 1}}}
    first = {"symbol": "diamond", "size": 11, "color": theme.page, "line": {"color": theme.text, "width": 2}}
    start = {"x": spots[:1, 0], "y": spots[:1, 1], "mode": "markers", "name": "start", "marker": first}
    lowest = np.array(surface.minima)
    star = {"symbol": "star", "size": 13, "color": theme.page, "line": {"color": theme.text, "width": 1.5}}
    marker = {"x": lowest[:, 0], "y": lowest[:, 1], "mode": "markers", "name": "minimum", "marker": star}
    halo = {"x": spots[:, 0], "y": spots[:, 1], "mode": "lines", "showlegend": False}
    halo |= {"line": {"color": style.fade(theme.page, 0.7), "width": 5}}
    return [lines | drawn for drawn in (halo, integer, start, marker)]


def _finding(surface: Surface, path: Path, step: int) -> str:
    size = float(np.linalg.norm(surface.gradient(path.points[step])))
    locate = ", ".join(number(float(coordinate), 3) for coordinate in path.points[step])
    return f"Step {step:,} at ({locate}): E = {number(path.values[step], 3)}, gradient norm {number(size, 3)}."


def _table(surface: Surface, path: Path) -> pd.DataFrame:
    first, second = map(to_plain_text, surface.names)
    columns = {first: path.points[:, 0], second: path.points[:, 1], "E": path.values}
    return pd.DataFrame({"step": np.arange(len(path.points))} | columns)
