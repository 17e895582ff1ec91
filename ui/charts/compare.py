"""Gradient norms of several arms on shared axes: medians over seeds with their bands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.comparison.arm_statistics import Band
from core.layer_norms import JUDGED, LAYER_NORMS, MAX_DECADES, LayerNorm, decades, fitting_span, reference_norm
from core.wording import format_number
from ui.charts import style
from ui.charts.animation import choose_frames_with, player
from ui.charts.arms import INNER, OUTER, StyledArm, legend_room, line, polygon, safe, shading
from ui.charts.heatmap import HeatmapData, heatmap_cells, heatmap_data
from ui.charts.style import Chart
from ui.text import typeset

MAX_FRAMES = 60
MAX_VALUES = 30_000  # numbers sent of all frames: eight arms of fifty layers take fewer frames
MAX_COLUMNS = 80  # of one small heatmap
# that of the profile without what stands below the data
PROFILE_HEIGHT = 430
SMALL_HEIGHT = 250
PLAYER = 76  # pixels of the play button and the slider
# pixels of the three lines of words above the data, and characters of one
WORDS = 56
WORDS_WIDTH = 38

Mover = Callable[[int], dict]  # frame -> what that frame changes of a drawing


class ArmProfile(NamedTuple):
    """One arm's norms, (frames, layers) each and NaN where it has none.

    Attributes:
        median, low50, high50, low80, high80: over its seeds.
        ratio: (frames,) median over the seeds of layer 1 over the last hidden layer.
        narrow: whether there is no band to draw.
    """

    median: np.ndarray
    low50: np.ndarray
    high50: np.ndarray
    low80: np.ndarray
    high80: np.ndarray
    ratio: np.ndarray
    narrow: bool


class CompareProfileData(NamedTuple):
    """Data of a profile with several arms.

    Attributes:
        norm: which norm.
        step: (frames,) updates made.
        marks: frames that are marks of the slider.
        arms: in their order.
        low, high: powers of ten at the ends of the axis.
        floor: where the mark of a zero stands.
        words: a sentence a frame.
    """

    norm: LayerNorm
    step: np.ndarray
    marks: np.ndarray
    arms: tuple[ArmProfile, ...]
    low: float
    high: float
    floor: float
    words: list[str]


def compare_profile(
    arms: Sequence[StyledArm], quantity: str = JUDGED, *, relative: bool = True, judged: int = 0, dark: bool = False
) -> Chart:
    """Norm over layers of every arm, logarithmic; opens at step 0, with play and a slider over the steps.

    Axes are the same in every frame and fit the start of an arm that diverges; a median that is exactly zero, or beyond
    them, has a mark at their end. An arm whose steps are over, or of which fewer than half the seeds still run, has no
    line from there on.

    Args:
        quantity: a name of LAYER_NORMS.
        relative: whether each line is relative to its own output layer's norm at the same step.
        judged: the step that the verdicts judge, which is among the frames.
    """
    norm = LAYER_NORMS[quantity]
    title = f"{norm.label[0].upper()}{norm.label[1:]} by layer: {norm.symbol}"
    data = compare_profile_data(arms, quantity, relative=relative, judged=judged)
    if data is None:
        return style.empty(title, "No arm has a gradient at step 0.", x="layer", y=norm.symbol, dark=dark)
    alt = f"{title} of {len(arms)} arms. {data.words[0]} {data.words[-1] if len(data.words) > 1 else ''}".strip()
    figure = _figure(data, arms, title, "relative to the output layer" if relative else norm.symbol, dark)
    return Chart(spec=figure, alt=alt, make_table=lambda: compare_profile_table(arms, quantity))


def compare_profile_data(
    arms: Sequence[StyledArm], quantity: str, *, relative: bool = True, judged: int = 0
) -> CompareProfileData | None:
    """The data step of `compare_profile`; None where no arm has a gradient at step 0."""
    bands = [arm.record.layers[quantity] for arm in arms]
    if not any(np.isfinite(band.median[0]).any() for band in bands):
        return None
    step, marks = _frames(arms, bands, judged)
    rows = [_rows_at(arm.record.step, step) for arm in arms]
    profiles = tuple(
        _arm_profile(arm, band, row, quantity, relative) for arm, band, row in zip(arms, bands, rows, strict=True)
    )
    norm = LAYER_NORMS[quantity]
    opening = int(np.searchsorted(step, judged))
    words = [f"Step {at:,}. {_finding(arms, profiles, k, norm.label)}" for k, at in enumerate(step)]
    return CompareProfileData(norm, step, marks, profiles, *_axis_ends(arms, profiles, opening), words)


def compare_profile_table(arms: Sequence[StyledArm], quantity: str) -> pd.DataFrame:
    """One row an arm, drawn step and layer: the norm's median and bands."""
    bands = [arm.record.layers[quantity] for arm in arms]
    step, _ = _frames(arms, bands)
    parts = []
    for arm, band in zip(arms, bands, strict=True):
        rows = _rows_at(arm.record.step, step)
        layers = band.median.shape[1]
        there = rows >= 0
        columns = {"arm": arm.name, "step": np.repeat(step[there], layers)}
        columns |= {"layer": np.tile(np.arange(1, layers + 1), there.sum())}
        columns |= {f"{quantity} {name}": getattr(band, name)[rows[there]].ravel() for name in vars(band)}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


# -- the data step ----------------------------------------------------------------------------------------------


def _frames(arms: Sequence[StyledArm], bands: Sequence[Band], judged: int = 0) -> tuple[np.ndarray, np.ndarray]:
    steps = np.unique(np.concatenate([arm.record.step for arm in arms]))
    numbers = sum((1 if band.narrow else 9) * band.median.shape[1] for band in bands)
    rows, marks = choose_frames_with(steps, max(2, min(MAX_FRAMES, MAX_VALUES // numbers)), judged)
    return steps[rows], marks


def _rows_at(step: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The last row at or before each step; -1 after an arm's end."""
    rows = np.searchsorted(step, steps, side="right") - 1
    return np.where(steps <= step[-1], rows, -1)


def _arm_profile(arm: StyledArm, band: Band, rows: np.ndarray, quantity: str, relative: bool) -> ArmProfile:
    output = band.median[:, -1:]

    def at_frames(values: np.ndarray) -> np.ndarray:
        if relative:
            with np.errstate(all="ignore"):
                values = np.where(output > 0, values / output, np.nan)
        return np.where((rows >= 0).reshape(-1, *[1] * (values.ndim - 1)), values[rows], np.nan)

    edges = (at_frames(getattr(band, name)) for name in ("median", "low50", "high50", "low80", "high80"))
    ratio = np.where(rows >= 0, arm.record.ratios[quantity].median[rows], np.nan)
    return ArmProfile(*edges, ratio, band.narrow)


def _axis_ends(arms: Sequence[StyledArm], profiles: Sequence[ArmProfile], opening: int) -> tuple[float, float, float]:
    """Powers of ten of the axis, and where the mark of a zero stands.

    Of an arm that diverges only step 0 counts, and the frame on which the picture opens.
    """
    edges = [edge[:1] for profile in profiles for edge in (profile.low80, profile.high80)]
    rows = [[0, opening] if arm.record.summary["diverged"] else slice(None) for arm in arms]
    medians = (profile.median[of_arm] for profile, of_arm in zip(profiles, rows, strict=True))
    low, high = style.log_range(*medians, *edges)
    if any((profile.median == 0).any() for profile in profiles):
        low -= 0.08 * (high - low)
    return low, high, 10.0 ** (low + 0.03 * (high - low))


def _finding(arms: Sequence[StyledArm], profiles: Sequence[ArmProfile], frame: int, norm: str) -> str:
    """The arms in which layer 1 has the smallest and the largest share of the last hidden layer's norm."""
    ratios = {arm.label: profile.ratio[frame] for arm, profile in zip(arms, profiles, strict=True)}
    ratios = {label: ratio for label, ratio in ratios.items() if np.isfinite(ratio)}
    if not ratios:
        has_gradient = any((profile.median[frame] > 0).any() for profile in profiles)
        return "One layer has nothing to compare." if has_gradient else "No arm has a gradient any more."
    smallest = min(ratios, key=ratios.__getitem__)
    largest = max(ratios, key=ratios.__getitem__)
    last = "last hidden layer" if max(profile.median.shape[1] for profile in profiles) > 2 else "output"
    least, most = (typeset(format_number(ratios[name])) for name in (smallest, largest))
    words = f"Layer 1 has {least} times the {last}’s {norm} in {safe(smallest)}"
    return f"{words}." if smallest == largest else f"{words}, {most} in {safe(largest)}."


# -- the figure step --------------------------------------------------------------------------------------------


def _figure(data: CompareProfileData, arms: Sequence[StyledArm], title: str, unit: str, dark: bool) -> dict:
    moving = []
    for arm, profile in zip(arms, data.arms, strict=True):
        moving += _arm(arm, profile, 10.0**data.low, dark)
    moving += _marks(data, arms, dark)
    axis = style.layers_axis(max(profile.median.shape[1] for profile in data.arms), dark)
    moving.append(_words_above(data, axis["range"][0], dark))
    animated = len(data.step) > 1
    below, legend = legend_room(arms)
    below += PLAYER if animated else 0
    height = PROFILE_HEIGHT + below
    frame = style.layout(
        title,
        "",
        xaxis=axis,
        yaxis=style.axis(unit, dark, decades=(data.low, data.high)),
        dark=dark,
        height=height,
        below=below,
        hovermode="x unified",
    )
    share = WORDS / (height - frame["margin"]["t"] - below)
    frame["yaxis"]["domain"] = [0, 1 - share]
    frame["yaxis2"] = {"domain": [1 - share, 1], "range": [0, 1], "visible": False, "fixedrange": True}
    frame["legend"] |= legend
    figure = {"data": [drawing for drawing, _ in moving], "layout": frame}
    if animated:
        figure["frames"] = [
            {"name": str(step), "data": [move(k) for _, move in moving]} for k, step in enumerate(data.step)
        ]
        frame |= player([str(step) for step in data.step[data.marks]], height, frame["margin"], dark)
    down = 52 + (PLAYER if animated else 0)
    frame["legend"]["y"] = -style.below_data(down, height, frame["margin"]["t"], below)
    return figure


def _arm(arm: StyledArm, profile: ArmProfile, foot: float, dark: bool) -> Iterator[tuple[dict, Mover]]:
    """Two bands and a line, each with the function that gives its part of frame k."""
    color = arm.mark.color(dark)
    layers = np.arange(1, profile.median.shape[1] + 1, dtype=np.int16)
    group = {"legendgroup": arm.name}
    if not profile.narrow:
        for below, above, opacity in (
            (profile.low80, profile.high80, OUTER),
            (profile.low50, profile.high50, INNER),
        ):

            def shade(k: int, below: np.ndarray = below, above: np.ndarray = above) -> dict[str, Any]:
                return polygon(layers, below[k], above[k], foot)

            yield shading(color, opacity) | group | shade(0), shade
    shown = _gaps(profile.median)
    lines: dict[str, Any] = line(arm, layers, shown[0], dark) | group
    lines["marker"] |= {"size": 10 if len(layers) <= 40 else 6}
    yield lines | {"hovertemplate": f"{safe(arm.label)}: %{{y}}<extra></extra>"}, lambda k: {"y": shown[k]}


def _marks(data: CompareProfileData, arms: Sequence[StyledArm], dark: bool) -> Iterator[tuple[dict, Mover]]:
    """One mark for each median that has no place on the axis: exactly zero, or beyond its ends."""
    room = 0.03 * (data.high - data.low)
    above = 10.0**data.high
    below = 10.0**data.low
    yield from _mark("exactly 0", "x-thin", lambda norms: norms == 0, data.floor, data, arms, dark)
    for name, symbol, lies_there, at in (
        ("above the axis", "triangle-up", lambda norms: norms > above, 10.0 ** (data.high - room)),
        ("below the axis", "triangle-down", lambda norms: (norms > 0) & (norms < below), 10.0 ** (data.low + room)),
    ):
        for drawing, move in _mark(name, symbol, lies_there, at, data, arms, dark):
            yield drawing | {"showlegend": False}, move


def _mark(
    name: str,
    symbol: str,
    lies_there: Callable[[np.ndarray], np.ndarray],
    height: float,
    data: CompareProfileData,
    arms: Sequence[StyledArm],
    dark: bool,
) -> Iterator[tuple[dict, Mover]]:
    if not any(lies_there(profile.median).any() for profile in data.arms):
        return
    colors = [arm.mark.color(dark) for arm in arms]

    def marks(k: int) -> dict:
        x = [np.flatnonzero(lies_there(profile.median[k])) + 1 for profile in data.arms]
        own = [color for color, layers in zip(colors, x, strict=True) for _ in layers]
        layers = np.concatenate(x).astype(np.int16)
        return {"x": layers, "y": np.full(len(layers), height), "marker": {"color": own, "line": {"color": own}}}

    drawing = {"type": "scatter", "mode": "markers", "name": name, "hovertemplate": f"{name}<extra></extra>"}
    first = marks(0)
    first["marker"] |= {"symbol": symbol, "size": 9, "line": {"width": 2, **first["marker"]["line"]}}
    yield drawing | first, marks


def _words_above(data: CompareProfileData, left: float, dark: bool) -> tuple[dict, Mover]:
    texts = ["<br>".join(style.wrapped(words, WORDS_WIDTH)[:3]) for words in data.words]
    font = {"size": style.TEXT_SIZE, "color": style.theme(dark).muted}
    drawing: dict[str, Any] = {
        "type": "scatter",
        "mode": "text",
        "x": [left],
        "y": [0.5],
        "text": [texts[0]],
        "yaxis": "y2",
        "name": "words",
    }
    drawing |= {"textposition": "middle right", "textfont": font, "hoverinfo": "skip", "showlegend": False}
    return drawing | {"cliponaxis": False}, lambda k: {"text": [texts[k]]}


# -- small multiples --------------------------------------------------------------------------------------------


def compare_span(arms: Sequence[StyledArm], quantity: str = JUDGED) -> int:
    """Decades on either side of level of the color scale that the heatmaps of all arms share."""
    medians = [arm.record.layers[quantity].median for arm in arms]
    return fitting_span(*(decades(median, reference_norm(median)) for median in medians))


def arm_heatmap_data(arm: StyledArm, quantity: str) -> HeatmapData | None:
    """The data step of `compare_heatmap`: decades of the median against its output layer's at step 0.

    None where there is no gradient at step 0; columns end where fewer than half the seeds still run.
    """
    median = arm.record.layers[quantity].median
    recorded = np.any(np.isfinite(median), axis=1)
    if not recorded[0]:
        return None
    rows = int(np.flatnonzero(recorded)[-1]) + 1
    reference = reference_norm(median)
    data = heatmap_data(arm.record.step[:rows], median[:rows], max_columns=MAX_COLUMNS)
    z = np.clip(data.z - np.log10(reference), -MAX_DECADES, MAX_DECADES)
    return data._replace(z=z, level=0.0)


def compare_heatmap(
    arm: StyledArm, quantity: str = JUDGED, *, layers: int, span: int = MAX_DECADES, dark: bool = False
) -> Chart:
    """One arm's median norm, steps by layers, by decades from its output layer's at step 0; no key of its own.

    Args:
        layers: of the axis, so that all arms have the same.
        span: of `compare_span`, so that all arms have the same colors.
    """
    record = arm.record
    data = arm_heatmap_data(arm, quantity)
    if data is None:
        sentence = "No gradient at step 0."
        return style.empty(safe(arm.label), sentence, x="step", y="layer", dark=dark, height=SMALL_HEIGHT)
    ratio = record.ratios[quantity].median[0]
    median = record.layers[quantity].median
    last = "last hidden layer" if median.shape[1] > 2 else "output"
    if np.isfinite(ratio):
        finding = f"Step 0: layer 1 at {typeset(format_number(ratio))} of the {last}."
    else:
        finding = "Step 0: one layer." if (median[0] > 0).any() else "Step 0: no gradient."
    if data.last[-1] < record.step[-1]:
        finding = finding.replace("Step 0", f"Breaks at step {record.summary['diverged_at']:.10g}. Step 0")
    yaxis = style.layers_axis(layers, dark, cells=True)
    yaxis["title"]["text"] = "layer"
    frame = style.layout(
        safe(arm.label),
        finding,
        xaxis=style.steps_axis(record.step, dark),
        yaxis=yaxis,
        dark=dark,
        height=SMALL_HEIGHT + 17 * (len(style.wrapped(finding)) - 1),
        below=46,
        showlegend=False,
    )
    reference = reference_norm(median)
    label = LAYER_NORMS[quantity].label
    cells = heatmap_cells(data, f"{label} 10<sup>%{{z:.1f}}</sup> of level", reference * 10.0**data.z) | {
        "z": data.z,
        "zmin": -span,
        "zmax": span,
        "colorscale": style.gradient_colors(dark),
        "showscale": False,
    }
    alt = f"{LAYER_NORMS[quantity].label} of {arm.name} over the steps. {finding}"
    return Chart(spec={"data": [cells], "layout": frame}, alt=alt, make_table=lambda: _heatmap_table(data))


def _heatmap_table(data: HeatmapData) -> pd.DataFrame:
    columns = {f"layer {k}": row for k, row in enumerate(data.z, 1)}
    return pd.DataFrame({"step": data.first} | columns)


def _gaps(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)
