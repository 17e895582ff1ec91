"""Lines and texts over layers, as Plotly's dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ui.charts import style

Mover = Callable[[int], dict]  # frame -> what that frame changes of a drawing
UNDIMMED = {"unselected": {"marker": {"opacity": 1}}}  # by default Plotly dims all markers but the clicked one
# Plotly gives a click to the first of all lines under the pointer, and selects nothing on a line without markers.
_UNSEEN = {"marker": {"opacity": 0}}
_CLICKABLE = {"marker": {"opacity": 0, "size": 1, "maxdisplayed": 1}, "selected": _UNSEEN, "unselected": _UNSEEN}


def draw_line(name: str, y: np.ndarray, line: dict | None, marker: dict | None) -> dict:
    """A line or markers over layers 1, 2, ..., with a value each.

    Every layer can be clicked, on a line without markers too; the others then stay as they are.
    """
    drawing: dict[str, Any] = {
        "type": "scatter",
        "x": np.arange(1, len(y) + 1, dtype=np.int16),
        "y": y,
        "name": name,
        "mode": "lines+markers" if line else "markers",
        "hovertemplate": "%{y}",
    }
    drawing |= {"line": line} if line else {}
    return drawing | ({"marker": marker} | UNDIMMED if marker else _CLICKABLE)


def gaps(values: np.ndarray) -> np.ndarray:
    """Float64 with NaN, which Plotly draws as a gap, wherever a logarithmic axis has no place for the value."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def draw_text(name: str, text: str, x: float, y: float, position: str, color: str) -> dict:
    """A text beside a point; it takes no hover and no click."""
    font = {"size": style.TEXT_SIZE, "color": color}
    drawing: dict[str, Any] = {
        "type": "scatter",
        "mode": "text",
        "x": [x],
        "y": [y],
        "text": [text],
        "textposition": position,
    }
    drawing |= {"name": name, "textfont": font, "unselected": {"textfont": {"color": color}}}
    return drawing | {"hoverinfo": "skip", "showlegend": False, "cliponaxis": False}
