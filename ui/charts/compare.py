"""Gradient norms of several arms on shared axes: medians over seeds with their bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.comparison.arm_statistics import Band
from ui.charts import style
from ui.charts.animation import player
from ui.charts.arms import INNER, OUTER, ROOM_ABOVE, StyledArm, legend_room, line, polygon, safe, shading
from ui.charts.pooling import bin_rows, thin_rows
from ui.charts.quantities import QUANTITIES, reference
from ui.charts.style import Chart, number

MAX_FRAMES = 60
MAX_VALUES = 30_000  # numbers sent of all frames: eight arms of fifty layers take fewer frames
MAX_COLUMNS = 120  # of one small heatmap
PROFILE_HEIGHT, SMALL_HEIGHT = 430, 250  # that of the profile without what stands below the data
PLAYER = 76  # pixels of the play button and the slider


def compare_profile(arms: Sequence[StyledArm], quantity: str = "grad_norm", *, dark: bool = False) -> Chart:
    """Norm over layers of every arm, logarithmic; opens at step 0, with play and a slider over the steps.

    A median that is exactly zero has a mark at the foot of the axes. Axes are the same in every frame; an arm whose
    steps are over, or of which fewer than half the seeds still run, has no line from there on.

    Args:
        quantity: a name of QUANTITIES.
    """
    chosen = QUANTITIES[quantity]
    title = f"{chosen.label[0].upper()}{chosen.label[1:]} by layer"
    bands = [arm.record.layers[quantity] for arm in arms]
    if not any(np.isfinite(band.median[0]).any() for band in bands):
        return style.empty(title, "No arm has a gradient at step 0.", x="layer", y=chosen.axis, dark=dark)
    steps = np.unique(np.concatenate([arm.record.step for arm in arms]))
    layers = max(band.median.shape[1] for band in bands)
    numbers = sum((1 if band.narrow else 9) * band.median.shape[1] for band in bands)
    steps = steps[thin_rows(len(steps), max(2, min(MAX_FRAMES, MAX_VALUES // numbers)))]
    rows = [_rows_at(arm.record.step, steps) for arm in arms]
    low, high, floor = _profile_range(arms, bands, rows)
    pictures = []
    for arm, band, row in zip(arms, bands, rows, strict=True):
        pictures += _profile_of(arm, band, row, 10.0**low, dark)
    pictures += _zeros(arms, bands, rows, floor, dark)
    said = [
        f"Step {step:,}. {_profile_finding(arms, quantity, [row[k] for row in rows])}" for k, step in enumerate(steps)
    ]
    below, legend = legend_room(arms)
    below += PLAYER if len(steps) > 1 else 0
    height = PROFILE_HEIGHT + below
    frame = style.layout(
        title,
        said[0],
        xaxis=style.layers_axis(layers, dark),
        yaxis=style.axis(chosen.axis, dark, decades=(low, high)),
        dark=dark,
        height=height,
        below=below,
        hovermode="x unified",
    )
    # the finding of another step may take another line, and nothing may move
    frame["margin"]["t"] = max(frame["margin"]["t"], 52 + 17 * max(len(style.wrapped(words)) for words in said))
    frame["legend"] |= legend
    figure = {"data": [picture for picture, _ in pictures], "layout": frame}
    if len(steps) > 1:
        figure["frames"] = [
            {
                "name": str(step),
                "data": [moves(k) for _, moves in pictures],
                "layout": {"title": {"subtitle": {"text": "<br>".join(style.wrapped(words))}}},
            }
            for k, (step, words) in enumerate(zip(steps, said, strict=True))
        ]
        frame |= player([str(step) for step in steps], height, frame["margin"], dark)
        down = 52 + PLAYER
    else:
        down = 52
    frame["legend"]["y"] = -style.below_data(down, height, frame["margin"]["t"], below)
    alt = f"{title} of {len(arms)} arms. {said[0]} {said[-1] if len(said) > 1 else ''}".strip()
    return Chart(figure, alt, _profile_table(arms, bands, rows, steps, quantity))


def _rows_at(step: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The last row at or before each step; -1 after an arm's end."""
    rows = np.searchsorted(step, steps, side="right") - 1
    return np.where(steps <= step[-1], rows, -1)


def _taken(values: np.ndarray, row: int) -> np.ndarray:
    return values[row] if row >= 0 else np.full_like(values[0], np.nan)


def _profile_range(arms, bands, rows):
    """Powers of ten of the axis, and where the mark of a zero stands."""
    shown = [band.median[row[row >= 0]] for band, row in zip(bands, rows, strict=True)]
    edges = [edge[:1] for band in bands for edge in (band.low80, band.high80)]
    low, high = style.log_range(*shown, *edges)
    if any(arm.record.summary["diverged"] for arm in arms):
        high = min(high, style.log_range(*(band.median[:1] for band in bands), *edges)[1] + ROOM_ABOVE)
    if any((values == 0).any() for values in shown):
        low -= 0.08 * (high - low)
    return low, high, 10.0 ** (low + 0.03 * (high - low))


def _profile_of(arm: StyledArm, band: Band, rows, foot: float, dark: bool):
    """Two bands and a line, each with the function that gives its part of frame k."""
    color, layers = arm.mark.color(dark), np.arange(1, band.median.shape[1] + 1, dtype=np.int16)
    group = {"legendgroup": arm.name}
    if not band.narrow:
        for below, above, opacity in ((band.low80, band.high80, OUTER), (band.low50, band.high50, INNER)):

            def shade(k, below=below, above=above):
                return polygon(layers, _taken(below, rows[k]), _taken(above, rows[k]), foot)

            yield shading(color, opacity) | group | shade(0), shade
    shown = [_gaps(_taken(band.median, row)) for row in rows]
    drawn = line(arm, layers, shown[0], dark) | group
    drawn["marker"] |= {"size": 10 if len(layers) <= 40 else 6}
    yield drawn | {"hovertemplate": f"{safe(arm.label)}: %{{y:.2e}}<extra></extra>"}, lambda k: {"y": shown[k]}


def _zeros(arms, bands, rows, floor: float, dark: bool):
    """One mark for each median that is exactly zero, which a logarithmic axis has no place for."""
    shown = [[_taken(band.median, row) == 0 for row in taken] for band, taken in zip(bands, rows, strict=True)]
    if not any(zero.any() for taken in shown for zero in taken):
        return
    colors = [arm.mark.color(dark) for arm in arms]

    def marks(k):
        x = [np.flatnonzero(taken[k]) + 1 for taken in shown]
        own = [color for color, layers in zip(colors, x, strict=True) for _ in layers]
        layers = np.concatenate(x).astype(np.int16)
        return {"x": layers, "y": np.full(len(layers), floor), "marker": {"color": own, "line": {"color": own}}}

    look = {"type": "scatter", "mode": "markers", "name": "exactly 0", "hovertemplate": "exactly 0<extra></extra>"}
    first = marks(0)
    first["marker"] |= {"symbol": "x-thin", "size": 9, "line": {"width": 2, **first["marker"]["line"]}}
    yield look | first, marks


def _profile_finding(arms, quantity, rows) -> str:
    """The arms in which layer 1 has least and most of the output layer's norm."""
    there = [(arm, row) for arm, row in zip(arms, rows, strict=True) if row >= 0]
    every = {arm.label: arm.record.ratios[quantity].median[row] for arm, row in there}
    ratios = {label: ratio for label, ratio in every.items() if np.isfinite(ratio)}
    if not ratios:
        return "No arm has a gradient any more."
    least, most = min(ratios, key=ratios.get), max(ratios, key=ratios.get)
    told = f"Layer 1 has {number(ratios[least])} of the output’s norm in {safe(least)}"
    return f"{told}." if least == most else f"{told}, {number(ratios[most])} in {safe(most)}."


def _profile_table(arms, bands, rows, steps, quantity) -> pd.DataFrame:
    parts = []
    for arm, band, taken in zip(arms, bands, rows, strict=True):
        layers = band.median.shape[1]
        kept = taken >= 0
        parts.append(
            pd.DataFrame(
                {
                    "arm": arm.name,
                    "step": np.repeat(steps[kept], layers),
                    "layer": np.tile(np.arange(1, layers + 1), kept.sum()),
                    **{f"{quantity} {name}": getattr(band, name)[taken[kept]].ravel() for name in vars(band)},
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


# -- small multiples --------------------------------------------------------------------------------------------


def compare_heatmap(arm: StyledArm, quantity: str = "grad_norm", *, layers: int, dark: bool = False) -> Chart:
    """One arm's median norm, steps by layers, by decades from its output layer's at step 0; no key of its own.

    Args:
        layers: of the axis, so that all arms have the same.
    """
    record, median = arm.record, arm.record.layers[quantity].median
    recorded = np.isfinite(median).any(axis=1)
    if not recorded[0]:
        sentence = "No gradient at step 0."
        return style.empty(safe(arm.label), sentence, x="step", y="layer", dark=dark, height=SMALL_HEIGHT)
    rows = int(np.flatnonzero(recorded)[-1]) + 1
    columns = bin_rows(rows, MAX_COLUMNS)
    decades = style.decades(median[:rows], reference(median))
    with np.errstate(all="ignore"):
        pooled = np.array([np.median(decades[c], axis=0) for c in columns], dtype=np.float32)
    ratio = record.ratios[quantity].median[0]
    finding = f"Step 0: layer 1 at {number(ratio)} of the output." if np.isfinite(ratio) else "Step 0: no gradient."
    if rows < len(record.step):
        finding = finding.replace("Step 0", f"Breaks at step {record.summary['diverged_at']:.10g}. Step 0")
    yaxis = style.layers_axis(layers, dark)
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
    cells = {
        "type": "heatmap",
        "x": record.step[[c.start for c in columns]].astype(np.int32),
        "y": np.arange(1, median.shape[1] + 1, dtype=np.int16),
        "z": pooled.T,
        "zmin": -style.DECADES,
        "zmax": style.DECADES,
        "colorscale": style.gradient_colors(dark),
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": "step %{x:,.0f}, layer %{y}<br>%{z:.1f} decades<extra></extra>",
    }
    table = pd.DataFrame(pooled, columns=[f"layer {k}" for k in range(1, median.shape[1] + 1)])
    table.insert(0, "step", record.step[[c.start for c in columns]])
    alt = f"Gradients of {arm.name} over the steps. {finding}"
    return Chart({"data": [cells], "layout": frame}, alt, table)


def _gaps(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)
