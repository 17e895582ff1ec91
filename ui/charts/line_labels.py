"""Names written beside lines over layers, in place of a legend, where no line or other name passes under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np

from ui.charts import style

OFFSET = 4  # pixels between a line and its name
WIDTHS = (260, 950)  # pixels of the data on a phone and on a wide screen: names are free of each other on both
# pixels
LETTER_WIDTH = 6.2
LETTER_HEIGHT = 15
MIN_SEEN = 0.1  # of a line's layers: with so few on the axis, and the others above, its name stands at the top
MAX_CANDIDATES = 25  # layers at which a name is tried
SAMPLES = np.linspace(0, 1, 9)  # where along a name it is compared with lines
# costs of a place; one as far from the wish as can be costs 1
HIDES_TEXT = 20.0
HIDES_LINE = 4.0
OTHER_SIDE = 0.5
ANCHORS = {0.0: "left", 0.5: "center", 1.0: "right"}  # share of a name before its layer -> Plotly's word


class Label(NamedTuple):
    """A name for a line of (layers,) values on a logarithmic axis.

    Attributes:
        at: where along the layers it would stand best, from 0 to 1.
        above: whether it would stand above the line.
    """

    name: str
    values: np.ndarray
    color: str
    at: float
    above: bool


class Box(NamedTuple):
    """A rectangle in pixels from the lower left corner of the data."""

    left: float
    right: float
    bottom: float
    top: float

    def overlaps(self, other: Box) -> bool:
        """Tells whether the two have a point in common."""
        across = self.left < other.right and other.left < self.right
        return across and self.bottom < other.top and other.bottom < self.top


class _Boxes(NamedTuple):
    """Many rectangles, each edge an array."""

    left: np.ndarray
    right: np.ndarray
    bottom: np.ndarray
    top: np.ndarray

    def overlap(self, other: Box) -> np.ndarray:
        across = (self.left < other.right) & (other.left < self.right)
        return across & (self.bottom < other.top) & (other.bottom < self.top)

    def are_outside(self, width: float, height: float) -> np.ndarray:
        return (self.left < 0) | (self.right > width) | (self.bottom < 0) | (self.top > height)


@dataclass(frozen=True)
class Frame:
    """The data's rectangle: layers from `first` to `last` across, powers of ten from `low` to `high` up.

    Attributes:
        height: pixels.
    """

    first: float
    last: float
    low: float
    high: float
    height: float

    @overload
    def across(self, layer: float, width: float) -> float: ...
    @overload
    def across(self, layer: np.ndarray, width: float) -> np.ndarray: ...
    def across(self, layer: float | np.ndarray, width: float) -> float | np.ndarray:
        """Pixels from the left, where the data are so many pixels wide."""
        return width * (layer - self.first) / (self.last - self.first)

    def up(self, values: np.ndarray) -> np.ndarray:
        """Pixels from the bottom; NaN where a value has no place on a logarithmic axis."""
        with np.errstate(all="ignore"):
            powers = np.log10(np.asarray(values, dtype=float))
        return np.where(np.isfinite(powers), self.height * (powers - self.low) / (self.high - self.low), np.nan)


class _Candidates(NamedTuple):
    """Places of a name, each attribute an array with one number a place.

    Attributes:
        layer: counted from 1.
        height: pixels of the line above the bottom.
        above: whether the name stands above the line.
        before: the share of the name that stands before its layer; a key of ANCHORS.
    """

    layer: np.ndarray
    height: np.ndarray
    above: np.ndarray
    before: np.ndarray

    def boxes(self, frame: Frame, width: float, letters: int) -> _Boxes:
        size = letters * LETTER_WIDTH
        left = frame.across(self.layer, width) - size * self.before
        bottom = np.where(self.above, self.height + OFFSET, self.height - OFFSET - LETTER_HEIGHT)
        return _Boxes(left, left + size, bottom, bottom + LETTER_HEIGHT)


def text_box(frame: Frame, width: float, layer: float, value: float, letters: int, *, above: bool, gap: float) -> Box:
    """The rectangle of a text to the right of a point, so many pixels above or below it."""
    left = frame.across(layer, width)
    height = float(np.nan_to_num(frame.up(np.array(value))))
    bottom = height + gap if above else height - gap - LETTER_HEIGHT
    return Box(left, left + letters * LETTER_WIDTH, bottom, bottom + LETTER_HEIGHT)


def place_labels(
    labels: Sequence[Label], frame: Frame, lines: Sequence[np.ndarray], texts: Sequence[tuple[Box, ...]] = ()
) -> list[dict]:
    """The Plotly annotations of names, each at its line and where it hides as little as can be on every width.

    A line that lies almost whole above the axis is named at its top, with an arrow; one below it is not named.

    Args:
        lines: (layers,) values of all that is drawn, which names should not hide.
        texts: rectangles taken already, one for each of WIDTHS.
    """
    heights = [frame.up(line) for line in lines]
    taken = list(texts)
    notes = []
    for label in sorted(labels, key=lambda label: not _is_above(label, frame)):
        note: dict[str, Any] = {"showarrow": False, "font": {"size": style.TEXT_SIZE - 1, "color": label.color}}
        if _is_above(label, frame):
            text = f"{label.name} ↑"
            size = len(text) * LETTER_WIDTH
            taken.append(
                tuple(Box(width - size, width, frame.height - LETTER_HEIGHT, frame.height) for width in WIDTHS)
            )
            note |= {"x": 1, "xref": "paper", "xanchor": "right", "y": frame.high, "yanchor": "top", "text": text}
            notes.append(note)
            continue
        candidates = _candidates(label, frame)
        if not len(candidates.layer):
            continue
        boxes = [candidates.boxes(frame, width, len(label.name)) for width in WIDTHS]
        best = int(_costs(candidates, boxes, label, frame, heights, taken).argmin())
        taken.append(tuple(Box(*(float(edge[best]) for edge in box)) for box in boxes))
        layer = int(candidates.layer[best])
        above = bool(candidates.above[best])
        note |= {"x": layer, "xanchor": ANCHORS[candidates.before[best]], "y": float(np.log10(label.values[layer - 1]))}
        shift = OFFSET if above else -OFFSET
        notes.append(note | {"yanchor": "bottom" if above else "top", "yshift": shift, "text": label.name})
    return notes


def _is_above(label: Label, frame: Frame) -> bool:
    """Returns whether a line has so little on the axis, and all else above it, that it is named at its top."""
    heights = frame.up(label.values)
    on_axis = int(((heights >= 0) & (heights <= frame.height)).sum())
    above = int((heights > frame.height).sum())
    return above > 0 and on_axis <= MIN_SEEN * (on_axis + above)


def _candidates(label: Label, frame: Frame) -> _Candidates:
    heights = frame.up(label.values)
    on_axis = np.flatnonzero((heights >= 0) & (heights <= frame.height))
    count = min(len(on_axis), MAX_CANDIDATES)
    tried = on_axis[np.linspace(0, len(on_axis) - 1, count).round().astype(int)]
    places, above, before = (each.ravel() for each in np.meshgrid(tried, (True, False), list(ANCHORS), indexing="ij"))
    return _Candidates(places + 1, heights[places], above, before)


def _costs(
    candidates: _Candidates,
    boxes: Sequence[_Boxes],
    label: Label,
    frame: Frame,
    heights: Sequence[np.ndarray],
    taken: Sequence[tuple[Box, ...]],
) -> np.ndarray:
    """The harm that a name does at each place: by texts and lines that it hides, and by its distance from the wish.

    Args:
        boxes: of the places, one for each of WIDTHS.
    """
    layers = np.arange(1, len(label.values) + 1)
    costs = np.abs(candidates.layer - 1 - label.at * (len(layers) - 1)) / len(layers)
    costs += OTHER_SIDE * (candidates.above != label.above)
    for i, (width, box) in enumerate(zip(WIDTHS, boxes, strict=True)):
        costs += HIDES_TEXT * box.are_outside(width, frame.height)
        for other in taken:
            costs += HIDES_TEXT * box.overlap(other[i])
        across = box.left[:, None] + SAMPLES * (box.right - box.left)[:, None]
        for line in heights:
            up = np.interp(across, frame.across(layers, width), line, left=np.nan, right=np.nan)
            hidden = ((up > box.bottom[:, None]) & (up < box.top[:, None])).mean(axis=1)
            costs += HIDES_LINE * (hidden > 0) + HIDES_LINE * hidden
    return costs
