"""Marks at the ends of a logarithmic axis over layers, for values that have no place on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ui.charts import style
from ui.charts.layer_lines import Mover, draw_line


def draw_edge_marks(values: np.ndarray, low: float, high: float, *, dark: bool) -> Iterator[tuple[dict, Mover]]:
    """Marks for what the axis cannot hold: zeros at its foot, and norms beyond its ends.

    Args:
        values: (frames, layers).
        low, high: powers of ten at the ends of the axis.
    """
    theme = style.theme(dark)
    span = high - low
    ends = style.gradient_colors(dark)
    for name, where, power, symbol, color in (
        ("exactly 0", values == 0, low + 0.035 * span, "x-thin", theme.text),
        ("not finite", np.isinf(values), high - 0.03 * span, "asterisk-open", ends[-2][1]),
        (
            "above the axis",
            np.isfinite(values) & (values > 10.0**high),
            high - 0.03 * span,
            "triangle-up",
            ends[-2][1],
        ),
        (
            "below the axis",
            (values > 0) & (values < 10.0**low),
            low + 0.03 * span,
            "triangle-down",
            ends[1][1],
        ),
    ):
        if where.any():
            drawn = np.where(where, 10.0**power, np.nan)
            marker = {"symbol": symbol, "size": 9, "color": color, "line": {"color": color, "width": 2}}
            drawing = draw_line(name, drawn[0], None, marker)
            yield drawing | {"hovertemplate": name}, lambda k, drawn=drawn: {"y": drawn[k]}
