"""Curves of several arms over their steps: medians over seeds with their bands, on shared axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.comparison.arm_statistics import ArmSummary
from core.wording import percent
from ui.charts import style
from ui.charts.arms import INNER, OUTER, ROOM_ABOVE, StyledArm, broke, legend_room, line, polygon, safe, shading
from ui.charts.pooling import thin_rows
from ui.charts.style import Chart, number

MAX_POINTS = 160  # rows of one curve
HEIGHT = 234  # without what stands below the data
SYMBOLS_ON_A_CURVE = 7
OUT_OF_SIGHT = 1e6  # times the top of the axis: nothing is placed higher, since no browser finds pixel 1e191


def compare_loss(arms: Sequence[StyledArm], *, dark: bool = False) -> Chart:
    """Loss of the data."""
    return _curves(arms, "Loss", "loss", "loss", dark)


def compare_accuracy(arms: Sequence[StyledArm], *, dark: bool = False) -> Chart:
    """Share of samples classified correctly."""
    return _curves(arms, "Accuracy", "accuracy", "accuracy", dark, share=True)


def compare_global_norm(arms: Sequence[StyledArm], *, dark: bool = False) -> Chart:
    """Norm of all parameters' gradient after clipping; before it as a thin line where clipping changes it."""
    return _curves(arms, "Global gradient norm", "norm of all parameters", "norm_after", dark, before="norm_before")


def compare_weight_norm(arms: Sequence[StyledArm], *, dark: bool = False) -> Chart:
    """Norm of all weights."""
    return _curves(arms, "Norm of all weights", "‖W‖", "weight_norm", dark)


def compare_saturation(arms: Sequence[StyledArm], *, dark: bool = False) -> Chart:
    """Share of slopes in hidden layers that are below a twentieth of the largest."""
    return _curves(arms, "Saturation of hidden layers", "share of slopes", "saturation", dark, share=True)


def compare_dead(arms: Sequence[StyledArm], *, dark: bool = False) -> Chart:
    """Share of hidden units that are saturated on every sample."""
    return _curves(arms, "Dead units of hidden layers", "share of units", "dead", dark, share=True)


class ArmCurve(NamedTuple):
    """One arm's curve at the drawn rows.

    Attributes:
        step: (points,) updates made.
        median, low50, high50, low80, high80: (points,) over the seeds; NaN where fewer than half of them run.
        before: (points,) of the norm before clipping where clipping changes it, or None.
        narrow: whether there is no band to draw.
        end: (step, value) of the last finite median.
        complete: whether the arm comes to its last step.
    """

    step: np.ndarray
    median: np.ndarray
    low50: np.ndarray
    high50: np.ndarray
    low80: np.ndarray
    high80: np.ndarray
    before: np.ndarray | None
    narrow: bool
    end: tuple[int, float]
    complete: bool


class CompareCurvesData(NamedTuple):
    """Data of a chart with one curve an arm.

    Attributes:
        arms: those that have such a curve, with what is drawn of each.
        ranges: what the axis must hold.
        share: whether values are shares from 0 to 1.
    """

    arms: tuple[tuple[StyledArm, ArmCurve], ...]
    ranges: tuple[np.ndarray, ...]
    share: bool


def compare_curves_data(
    arms: Sequence[StyledArm], name: str, *, share: bool = False, before: str | None = None
) -> CompareCurvesData:
    """The data step of every chart here.

    Args:
        name: of the curves of an ArmSummary.
        before: name of the curve before clipping.
    """
    curves = []
    ranges = []
    for arm in arms:
        band = arm.record.curves[name]
        if not np.isfinite(band.median).any():
            continue
        rows = thin_rows(len(arm.record.step), MAX_POINTS)
        last = int(np.flatnonzero(np.isfinite(band.median))[-1])
        unclipped = None
        if before is not None and _differ(arm.record.curves[before].median, band.median):
            unclipped = arm.record.curves[before].median
            ranges.append(unclipped)
        ranges.append(_tamed(band.median, arm.record))
        edges = (getattr(band, part)[rows] for part in ("median", "low50", "high50", "low80", "high80"))
        curve = ArmCurve(
            arm.record.step[rows],
            *edges,
            None if unclipped is None else unclipped[rows],
            band.narrow,
            (int(arm.record.step[last]), float(band.median[last])),
            last == len(arm.record.step) - 1,
        )
        curves.append((arm, curve))
    return CompareCurvesData(tuple(curves), tuple(ranges), share)


def _curves(
    arms: Sequence[StyledArm],
    title: str,
    y: str,
    name: str,
    dark: bool,
    *,
    share: bool = False,
    before: str | None = None,
) -> Chart:
    data = compare_curves_data(arms, name, share=share, before=before)
    if not data.arms:
        return style.empty(title, f"No arm has {title.lower()} to show.", x="step", y=y, dark=dark)
    finding = _curve_finding(data)
    if any(curve.before is not None for _, curve in data.arms):
        finding += " Thin dotted lines: before clipping."
    below, legend = legend_room([arm for arm, _ in data.arms])
    longest = max((arm.record.step for arm, _ in data.arms), key=lambda step: step[-1])
    frame = style.layout(
        title,
        finding,
        xaxis=style.steps_axis(longest, dark),
        yaxis=_value_axis(y, dark, data.ranges, share),
        dark=dark,
        height=HEIGHT + below + 17 * (len(style.wrapped(finding)) - 1),
        below=below,
        hovermode="x unified",
    )
    frame["legend"] |= legend
    top = OUT_OF_SIGHT * np.fmax.reduce(np.concatenate([_tamed_start(arm, name) for arm, _ in data.arms]))
    lines = [line for arm, curve in data.arms for line in _arm(arm, curve, top, share, dark)]
    arms = [arm for arm, _ in data.arms]
    return Chart(
        spec={"data": lines, "layout": frame},
        alt=f"{title}. {finding}",
        make_table=lambda: _curve_table(arms, name, before),
    )


def _tamed_start(arm: StyledArm, name: str) -> np.ndarray:
    return _tamed(arm.record.curves[name].median, arm.record)


def _arm(arm: StyledArm, curve: ArmCurve, top: float, share: bool, dark: bool) -> Iterator[dict]:
    """An arm's bands, its norm before clipping, its line, and a cross where it ends early."""
    color = arm.mark.color(dark)
    group = {"legendgroup": arm.name}
    step = curve.step.astype(np.int32)
    if not curve.narrow:
        for below, above, opacity in ((curve.low80, curve.high80, OUTER), (curve.low50, curve.high50, INNER)):
            edges = polygon(step, np.minimum(below, top), np.minimum(above, top), 0)
            yield shading(color, opacity) | group | edges
    if curve.before is not None:
        thin: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines",
            "x": step,
            "y": _finite(np.minimum(curve.before, top)),
        }
        thin |= {"line": {"color": color, "width": 1, "dash": "dot"}, "showlegend": False}
        yield thin | group | {"hovertemplate": f"{safe(arm.label)}, before: %{{y}}<extra></extra>"}
    form = "%{y:.1%}" if share else "%{y}"
    drawn: dict[str, Any] = line(arm, step, _finite(np.minimum(curve.median, top)), dark) | group
    drawn["marker"]["maxdisplayed"] = SYMBOLS_ON_A_CURVE
    yield drawn | {"hovertemplate": f"{safe(arm.label)}: {form}<extra></extra>"}
    if not curve.complete:
        yield broke(arm, curve.end[0], min(curve.end[1], top), dark) | group


def _tamed(median: np.ndarray, record: ArmSummary) -> np.ndarray:
    """The part of a median that the axis must hold: an arm that diverges leaves it some decades above its start."""
    if not record.summary["diverged"] or not median[0] > 0:
        return median
    return np.where(median <= median[0] * 10.0**ROOM_ABOVE, median, np.nan)


def _value_axis(y: str, dark: bool, ranges: Sequence[np.ndarray], share: bool) -> dict[str, Any]:
    if share:
        return style.share_axis(y, dark, low=-0.03)
    axis = style.value_axis(y, dark, *ranges)
    finite = np.concatenate([values[np.isfinite(values)] for values in ranges])
    if axis.get("type") == "log" or not finite.size:
        return axis
    return axis | {"range": [0, 1.08 * float(finite.max()) or 1]}


def _curve_finding(data: CompareCurvesData) -> str:
    def text(value: float) -> str:
        return percent(value) if data.share else number(value)

    ends = {arm.label: curve.end[1] for arm, curve in data.arms if curve.complete}
    broken = [safe(arm.label) for arm, curve in data.arms if not curve.complete]
    breaks = f" Ended before: {', '.join(broken)}." if broken else ""
    if not ends:
        return breaks.strip()
    smallest = min(ends, key=ends.__getitem__)
    largest = max(ends, key=ends.__getitem__)
    if text(ends[smallest]) == text(ends[largest]):
        where = safe(smallest) if len(ends) == 1 and broken else f"every {'other ' if broken else ''}arm"
        return f"{text(ends[smallest])} in {where} at the end.{breaks}"
    return (
        f"At the end from {text(ends[smallest])} ({safe(smallest)}) to {text(ends[largest])} ({safe(largest)}).{breaks}"
    )


def _curve_table(arms: Sequence[StyledArm], name: str, before: str | None) -> pd.DataFrame:
    parts = []
    for arm in arms:
        band = arm.record.curves[name]
        columns = {"arm": arm.name, "step": arm.record.step, "seeds running": arm.record.running}
        columns |= {f"{name} {part}": values for part, values in vars(band).items()}
        columns |= {f"{before} median": arm.record.curves[before].median} if before else {}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)


def _differ(before: np.ndarray, after: np.ndarray) -> bool:
    return not np.allclose(before, after, rtol=1e-9, atol=0, equal_nan=True)
