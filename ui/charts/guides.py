"""Lines of step 0 to compare a profile with, such as a theory's, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ui.charts import style
from ui.charts.layer_lines import draw_line, gaps
from ui.charts.line_labels import Box, Frame, Label, place_labels

DASHES = ("dashdot", "longdash", "dot")  # the same on every page: theory, then its limit


@dataclass(frozen=True, eq=False)
class Guide:
    """A line of step 0 to compare with, (layers,), such as a theory's; `low` and `high` make a band around it.

    Attributes:
        name, band_name: written at the end of the line and of the band.
        fits: whether the axis is made wide enough for it.
    """

    name: str
    values: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    band_name: str = ""
    fits: bool = True

    def divided_by(self, norm: float) -> Guide:
        """The same guide relative to a norm."""
        low, high = (None if edge is None else edge / norm for edge in (self.low, self.high))
        return Guide(self.name, self.values / norm, low, high, self.band_name, self.fits)


def draw_guide(guide: Guide, index: int, *, foot: float, dark: bool) -> list[dict]:
    """The line of a guide and, below it, its band.

    Args:
        index: counts the guides of a chart.
        foot: lower end of the axis, to which a band reaches where its lower edge is 0.
    """
    theme = style.theme(dark)
    traces = []
    line = {"color": theme.accent, "width": 1.5, "dash": DASHES[index % len(DASHES)]}
    if guide.low is not None and guide.high is not None:
        edge = {"color": theme.accent, "width": 0}
        band = {"showlegend": False, "mode": "lines", "hoverinfo": "skip", "hovertemplate": None}
        traces.append(draw_line(guide.name, gaps(_to_foot(guide.low, guide.high, foot)), edge, None) | band)
        fill = {"fill": "tonexty", "fillcolor": style.fade(theme.accent, 0.16)}
        traces.append(draw_line(guide.name, gaps(guide.high), edge, None) | band | fill)
    traces.append(draw_line(guide.name, gaps(guide.values), line, None) | {"showlegend": False})
    return traces


def _to_foot(low: np.ndarray, high: np.ndarray, foot: float) -> np.ndarray:
    """The lower edge of a band, at the foot of a logarithmic axis instead of at 0; there is none where both are 0."""
    return np.where((low == 0) & (high > 0), foot, low)


def name_guides(
    guides: Sequence[Guide], frame: Frame, row: np.ndarray, texts: Sequence[tuple[Box, ...]], dark: bool
) -> list[dict]:
    """The Plotly annotations with the names of the guides; the line of the network itself needs none.

    Args:
        row: (layers,) values of the network's line, which names should not hide.
        texts: rectangles taken already, as for `place_labels`.
    """
    color = style.theme(dark).accent
    labels = []
    for guide in guides:
        if guide.low is None or guide.high is None:
            labels.append(Label(name=guide.name, values=guide.values, color=color, at=0.2, above=True))
            continue
        below = guide.low if (guide.low > 0).all() else guide.values
        labels.append(Label(name=guide.name, values=below, color=color, at=0.3, above=False))
        if guide.band_name:
            labels.append(Label(name=guide.band_name, values=guide.high, color=color, at=0.6, above=True))
    labels = [label for label in labels if (label.values > 0).sum() > 1]  # no line is drawn of a single layer
    behind = {"bgcolor": style.fade(style.theme(dark).page, 0.8), "borderpad": 0}  # a later step's line may pass there
    return [note | behind for note in place_labels(labels, frame, [row, *(guide.values for guide in guides)], texts)]
