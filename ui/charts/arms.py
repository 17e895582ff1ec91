"""One arm in a chart: its name, its style, its line and its bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.comparison.arm_statistics import ArmSummary
from core.comparison.arms import Comparison
from core.families.activations import ACTIVATIONS
from ui.charts import style
from ui.charts.style import Mark

NAME_LENGTH = 26  # characters of a name in a legend
NARROWEST = 270  # pixels of a legend on a screen of 390
ROOM_ABOVE = 8  # decades an axis goes above an arm's start when that arm diverges
# opacity of the bands
OUTER = 0.12
INNER = 0.2


@dataclass(frozen=True, eq=False)
class StyledArm:
    """One arm to draw: its name, its summary and its style."""

    name: str
    record: ArmSummary
    mark: Mark

    @property
    def label(self) -> str:
        """Its name in a legend."""
        return self.name if len(self.name) <= NAME_LENGTH else self.name[: NAME_LENGTH - 1] + "…"


def arm_marks(activations: Sequence[str | Sequence[str]]) -> list[Mark]:
    """Styles of the arms: of their activations where these all differ, so that one has one color on every page."""
    names = [name for name in activations if isinstance(name, str)]  # not those with an activation for each layer
    if len(set(names)) == len(activations) and set(names) <= set(ACTIVATIONS):
        return [style.activation_mark(name) for name in names]
    return [style.arm_mark(index) for index in range(len(activations))]


def style_arms(comparison: Comparison, records: dict[str, ArmSummary]) -> list[StyledArm]:
    """The arms with records, each in the style that it has among all arms."""
    marks = arm_marks([arm.config(comparison.base).activation for arm in comparison.arms])
    styles = dict(zip([arm.name for arm in comparison.arms], marks, strict=True))
    return [StyledArm(name, record, styles[name]) for name, record in records.items()]


def safe(text: str) -> str:
    """A visitor's words in a figure, which takes some tags and the %{} of its templates for its own."""
    return text.translate({ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("%"): "&#37;"})


def line(arm: StyledArm, x: ArrayLike, y: ArrayLike, dark: bool) -> dict:
    color = arm.mark.color(dark)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": safe(arm.label),
        "x": x,
        "y": y,
        "line": {"color": color, "width": 2.5, "dash": arm.mark.dash},
        "marker": {"symbol": arm.mark.symbol, "size": 9, "color": color},
    }


def shading(color: str, opacity: float) -> dict:
    return {
        "type": "scatter",
        "mode": "lines",
        "fill": "toself",
        "fillcolor": style.fade(color, opacity),
        "line": {"width": 0, "color": color},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def polygon(x: np.ndarray, low: np.ndarray, high: np.ndarray, foot: float) -> dict:
    """Around the band once; what has no place on the axis is cut off at its foot or left out."""
    there = np.isfinite(low) & np.isfinite(high) & (high >= foot)
    x = x[there]
    low = np.maximum(low[there], foot)
    high = high[there]
    return {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([low, high[::-1]])}


def broke(arm: StyledArm, step: float, value: float, dark: bool) -> dict:
    marker = {"symbol": "x", "size": 12, "color": arm.mark.color(dark)}
    marker["line"] = {"width": 1.5, "color": style.theme(dark).text}
    drawing = {"type": "scatter", "mode": "markers", "x": [int(step)], "y": [float(value)], "marker": marker}
    return drawing | {"showlegend": False, "hovertemplate": f"{safe(arm.label)} breaks here<extra></extra>"}


def legend_room(arms: Sequence[StyledArm]) -> tuple[int, dict]:
    """Pixels under the data, and the legend's entry width: rows are computed for the narrowest screen."""
    width = 52 + 7 * max(len(arm.label) for arm in arms)
    a_row = max(1, NARROWEST // width)
    rows = -(-len(arms) // a_row)
    return 56 + style.rows_height(rows), {"entrywidth": width - 44, "entrywidthmode": "pixels"}
