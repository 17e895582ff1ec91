"""What several arms did over their steps: medians over seeds with their bands, on shared axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.comparison.arm_statistics import ArmSummary
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
    """Share of samples classified rightly."""
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


def _curves(arms, title, y, name, dark, *, share=False, before=None) -> Chart:
    arms = [arm for arm in arms if np.isfinite(arm.record.curves[name].median).any()]
    if not arms:
        return style.empty(title, f"No arm has {title.lower()} to show.", x="step", y=y, dark=dark)
    data, ends, ranges, clipped = [], {}, [], False
    tamed = np.concatenate([_tamed(arm.record.curves[name].median, arm.record) for arm in arms])
    most = OUT_OF_SIGHT * np.fmax.reduce(tamed)

    def placed(values):
        return np.minimum(values, most)

    for arm in arms:
        record, band = arm.record, arm.record.curves[name]
        rows = thin_rows(len(record.step), MAX_POINTS)
        step = record.step[rows].astype(np.int32)
        color, group = arm.mark.color(dark), {"legendgroup": arm.name}
        if not band.narrow:
            for below, above, opacity in ((band.low80, band.high80, OUTER), (band.low50, band.high50, INNER)):
                low, high = placed(below[rows]), placed(above[rows])
                data.append(shading(color, opacity) | group | polygon(step, low, high, 0))
        if before is not None and _differ(record.curves[before].median, band.median):
            clipped = True
            unclipped = _finite(placed(record.curves[before].median[rows]))
            thin = {"type": "scatter", "mode": "lines", "x": step, "y": unclipped, "showlegend": False}
            thin |= {"line": {"color": color, "width": 1, "dash": "dot"}}
            data.append(thin | group | {"hovertemplate": f"{safe(arm.label)}, before: %{{y:.3~g}}<extra></extra>"})
            ranges.append(record.curves[before].median)
        form = "%{y:.1%}" if share else "%{y:.3~g}"
        drawn = line(arm, step, _finite(placed(band.median[rows])), dark) | group
        drawn["marker"]["maxdisplayed"] = SYMBOLS_ON_A_CURVE
        data.append(drawn | {"hovertemplate": f"{safe(arm.label)}: {form}<extra></extra>"})
        ranges.append(_tamed(band.median, record))
        last = int(np.flatnonzero(np.isfinite(band.median))[-1])
        if last == len(record.step) - 1:
            ends[arm.label] = band.median[last]
        else:
            data.append(broke(arm, record.step[last], placed(band.median[last]), dark) | group)
    below, legend = legend_room(arms)
    axis = _value_axis(y, dark, ranges, share)
    finding = _curve_finding(arms, ends, share)
    if clipped:
        finding += " Thin dotted lines: before clipping."
    longest = max((arm.record.step for arm in arms), key=lambda step: step[-1])
    frame = style.layout(
        title,
        finding,
        xaxis=style.steps_axis(longest, dark),
        yaxis=axis,
        dark=dark,
        height=HEIGHT + below + 17 * (len(style.wrapped(finding)) - 1),
        below=below,
        hovermode="x unified",
    )
    frame["legend"] |= legend
    return Chart({"data": data, "layout": frame}, f"{title}. {finding}", _curve_table(arms, name, before))


def _tamed(median: np.ndarray, record: ArmSummary) -> np.ndarray:
    """What the axis must hold: an arm that diverges leaves it some decades above its start."""
    if not record.summary["diverged"] or not median[0] > 0:
        return median
    return np.where(median <= median[0] * 10.0**ROOM_ABOVE, median, np.nan)


def _value_axis(y, dark, ranges, share) -> dict:
    if share:
        return style.axis(y, dark, range=[-0.03, 1.03], tickformat=".0%")
    axis = style.value_axis(y, dark, *ranges)
    finite = np.concatenate([values[np.isfinite(values)] for values in ranges])
    if axis.get("type") == "log" or not finite.size:
        return axis
    return axis | {"range": [0, 1.08 * float(finite.max()) or 1]}


def _curve_finding(arms, ends: dict[str, float], share: bool) -> str:
    def said(value):
        return f"{value:.0%}" if share else number(value)

    broken = [safe(arm.label) for arm in arms if arm.label not in ends]
    breaks = f" Ended before: {', '.join(broken)}." if broken else ""
    if not ends:
        return breaks.strip()
    least, most = min(ends, key=ends.get), max(ends, key=ends.get)
    if said(ends[least]) == said(ends[most]):
        where = safe(least) if len(ends) == 1 and broken else f"every {'other ' if broken else ''}arm"
        return f"{said(ends[least])} in {where} at the end.{breaks}"
    return f"At the end from {said(ends[least])} ({safe(least)}) to {said(ends[most])} ({safe(most)}).{breaks}"


def _curve_table(arms, name, before) -> pd.DataFrame:
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
