"""Names written at the ends of lines, apart from each other, in place of a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ui.charts import style

GAP = 17  # pixels between the middles of two labels


class Label(NamedTuple):
    """A name, and the line it belongs to: (layers,) values of a logarithmic axis."""

    name: str
    values: np.ndarray
    color: str


def end_labels(labels: Sequence[Label], low: float, high: float, pixels: float) -> list[dict]:
    """Plotly annotations at the left ends of lines, where lines that meet at the output lie apart.

    A line that leaves the axis at its top has an arrow after its name.

    Args:
        low, high: powers of ten at the ends of the axis.
        pixels: height of the axis.
    """
    per_pixel = (high - low) / pixels
    placed = []
    for label in labels:
        first = next((value for value in label.values if np.isfinite(value) and value > 0), None)
        if first is None:
            continue
        power = math.log10(first)
        name = f"{label.name} ↑" if power > high else label.name
        placed.append((min(max(power, low), high - GAP / 2 * per_pixel), name, label.color))
    placed.sort(key=lambda item: -item[0])
    heights = spread([power for power, _, _ in placed], GAP * per_pixel, low)
    return [
        {
            "x": 0.006,
            "xref": "paper",
            "xanchor": "left",
            "y": height,
            "yanchor": "middle",
            "text": name,
            "showarrow": False,
            "font": {"size": style.TEXT_SIZE - 1, "color": color},
        }
        for height, (_, name, color) in zip(heights, placed, strict=True)
    ]


def spread(heights: Sequence[float], gap: float, low: float) -> list[float]:
    """Descending heights, moved down as far as needed to be `gap` apart, and back up from below `low`."""
    placed: list[float] = []
    for height in heights:
        placed.append(min(height, placed[-1] - gap) if placed else height)
    floor = low
    for k in range(len(placed) - 1, -1, -1):
        placed[k] = max(placed[k], floor)
        floor = placed[k] + gap
    return placed
