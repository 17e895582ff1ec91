"""Names written beside lines over layers, in place of a legend."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ui.charts import style

LEVEL = 0.15  # of the axis' height: a line that rises or falls by less is level
OFFSET = 4  # pixels between a line and its name
ROOM = 0.12  # of the axis' height: a name above a line that is nearer to the top would leave the axis


class Label(NamedTuple):
    """A name for a line of (layers,) values on a logarithmic axis.

    Attributes:
        at: where along the layers it stands, from 0 to 1; the nearest layer whose value is on the axis is taken.
        above: whether it stands above the line.
    """

    name: str
    values: np.ndarray
    color: str
    at: float
    above: bool


def line_label(label: Label, low: float, high: float) -> dict | None:
    """The Plotly annotation of a name, on the side of the line where the picture is empty; None without a value.

    Above a rising line the name ends at its layer, since the line is lower to the left; above a falling one it begins
    there; below a line it is the other way round. A name above a line keeps away from the top of the axis. A line above
    the axis is named at the top, with an arrow.

    Args:
        low, high: powers of ten at the ends of the axis.
    """
    with np.errstate(all="ignore"):
        powers = np.log10(label.values)
    on_axis = np.flatnonzero(np.isfinite(powers) & (powers >= low) & (powers <= high))
    note: dict[str, Any] = {"showarrow": False, "font": {"size": style.TEXT_SIZE - 1, "color": label.color}}
    if not on_axis.size:
        if not (powers > high).any():
            return None
        return note | {"x": 1, "xanchor": "left", "y": high, "yanchor": "top", "text": f"{label.name} ↑"}
    roomy = on_axis[powers[on_axis] <= high - ROOM * (high - low)] if label.above else on_axis
    layers = roomy if roomy.size else on_axis
    layer = int(layers[np.abs(layers - label.at * (len(powers) - 1)).argmin()])
    rise = (powers[on_axis[-1]] - powers[on_axis[0]]) / (high - low)
    side = 0 if abs(rise) < LEVEL else int(math.copysign(1, rise)) * (1 if label.above else -1)
    note |= {"x": layer + 1, "xanchor": {1: "right", 0: "center", -1: "left"}[side], "y": float(powers[layer])}
    shift = OFFSET if label.above else -OFFSET
    return note | {"yanchor": "bottom" if label.above else "top", "yshift": shift, "text": label.name}
