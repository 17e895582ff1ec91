"""Singular values of the Jacobian between a network's hidden layers: what happens to each direction on its way."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ui.charts import style
from ui.charts.phase import fine_log_axis
from ui.charts.style import Chart, number

HEIGHT = 380  # pixels, without the legend
TITLE = "Directions kept between the hidden layers"
Y = "singular value"
ROUNDING = 1e-14  # of the largest: what is smaller is an error of rounding


class SpectrumData(NamedTuple):
    """By rank, largest first: median over samples and quartiles, (values,), NaN where it is rounding; the finding."""

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    finding: str


def spectrum_data(values: np.ndarray, layers: int) -> SpectrumData | None:
    """The data step of `spectrum_chart`; None where no value is finite and above 0."""
    finite = values[np.isfinite(values).all(axis=1)]
    if not finite.any():
        return None
    low, median, high = np.quantile(finite, (0.25, 0.5, 0.75), axis=0)
    kept = median > ROUNDING * median[0]
    if not kept.any():
        return None
    lost = int((~kept).sum())
    finding = f"Over {layers} layers: largest {number(median[kept][0])}, smallest {number(median[kept][-1])}"
    finding += f", and {lost} of {len(median)} vanish." if lost else "."
    parts = (np.where(kept, part, np.nan) for part in (median, np.maximum(low, ROUNDING * median[0]), high))
    return SpectrumData(*parts, finding)


def spectrum_chart(values: np.ndarray, layers: int, *, dark: bool = False) -> Chart:
    """Singular values by rank, with the line of isometry at 1.

    Args:
        values: (samples, values), by falling size.
        layers: that the Jacobian leads through.
    """
    data = spectrum_data(values, layers)
    if data is None:
        return style.empty(TITLE, "No direction gets through.", x="rank", y=Y, dark=dark)
    theme = style.theme(dark)
    rank = np.arange(1, len(data.median) + 1)
    color = style.MARKS[1].color(dark)
    kept = np.isfinite(data.median)
    x = rank[kept]
    low = data.low[kept]
    high = data.high[kept]
    both = {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]])}
    drawn: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "fill": "toself", "line": {"width": 0}, "name": "half of the samples"}
        | {"fillcolor": style.fade(color, 0.25), "hoverinfo": "skip"}
        | both,
        {"type": "scatter", "mode": "lines+markers", "x": rank, "y": data.median, "name": "median over samples"}
        | {"line": {"color": color, "width": 1.5}, "marker": {"size": 6, "color": color}, "hovertemplate": "%{y}"},
        {"type": "scatter", "mode": "lines", "x": [0.5, len(rank) + 0.5], "y": [1, 1], "name": "isometry: all at 1"}
        | {"line": {"color": theme.text, "width": 1, "dash": "dot"}, "hoverinfo": "skip"},
    ]
    decades = style.log_range(low, high, np.ones(1), least=1.0)
    frame = style.layout(
        TITLE,
        data.finding,
        xaxis=style.axis("rank, largest first", dark, range=[0.5, len(rank) + 0.5], showgrid=False),
        yaxis=fine_log_axis(Y, decades, dark),
        dark=dark,
        height=HEIGHT,
        hovermode="x unified",
    )
    columns = {"rank": rank, "median": data.median, "lower quartile": data.low, "upper quartile": data.high}
    return Chart(
        spec={"data": drawn, "layout": frame}, alt=f"{TITLE}. {data.finding}", make_table=lambda: pd.DataFrame(columns)
    )
