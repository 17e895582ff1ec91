"""Laws of every picture: what is drawn lies on its axes, and ticks and colors lie in their order."""

import re

import numpy as np

LARGEST_HEIGHT = 1200  # pixels; more is a slip, as of a product for a sum
LAST_DECADE = 308  # where a logarithmic axis ends with the numbers
NARROWEST = 326  # pixels of the narrowest chart on a page: that of a cell beside the map, on a screen 1,280 wide


def check_picture(spec, *, beyond=()):
    """Checks axes, ticks, the legend and color keys of a chart's figure.

    Args:
        spec: of the chart.
        beyond: names of drawings that may leave the picture, such as lines of theory.
    """
    layout = spec["layout"]
    assert 60 <= layout["height"] <= LARGEST_HEIGHT
    for name, axis in layout.items():
        if name.startswith(("xaxis", "yaxis")):
            _check_ticks(axis, axis.get("range"), logarithmic=axis.get("type") == "log")
    _check_legend(spec)
    for drawn in spec["data"]:
        if "colorbar" in drawn:
            _check_ticks(drawn["colorbar"], [drawn["zmin"], drawn["zmax"]], logarithmic=False)
        if drawn.get("name") not in beyond:
            for letter in "xy":
                axis = layout.get(letter + "axis" + drawn.get(f"{letter}axis", letter)[1:], {})
                _check_drawn(drawn, letter, axis)
                _check_whole(drawn, letter, axis, layout)


def _check_legend(spec):
    """Each drawing in the legend has a name of its own."""
    shown = [drawn.get("name") for drawn in spec["data"] if drawn["type"] in ("scatter", "bar")
             and drawn.get("showlegend", True)]  # fmt: skip
    if spec["layout"].get("showlegend", len(shown) > 1):
        assert all(shown) and len(set(shown)) == len(shown), shown


def _check_ticks(axis, ends, *, logarithmic):
    """As many texts as ticks, which rise from one end to the other; a percentage says its tick's share."""
    if not len(axis.get("tickvals", ())):
        return
    ticks = np.array(axis["tickvals"], float)
    assert (np.diff(ticks) > 0).all(), ticks
    texts = axis.get("ticktext")
    assert texts is None or len(texts) == len(ticks)
    for tick, text in zip(ticks, texts or (), strict=False):
        assert not re.fullmatch(r"\d+ ?%", text) or round(100 * tick) == int(text.rstrip("% ")), (tick, text)
    if ends is not None and None not in ends:
        ticks = np.log10(ticks) if logarithmic else ticks
        assert min(ends) <= ticks[0] + 1e-9 and ticks[-1] - 1e-9 <= max(ends), (ticks, ends)


def _check_drawn(drawn, letter, axis):
    """Nothing lies beyond the range of its axis."""
    if "range" not in axis or None in axis["range"]:
        return
    values = _finite(drawn.get(letter))
    if axis.get("type") == "log":
        values = np.log10(values[values > 0])
    low, high = sorted(axis["range"])
    slack = 1e-6 * max(abs(low), abs(high), 1.0)  # some numbers are sent as float32
    assert low < high, drawn.get("name")
    outside = values[(values < low - slack) | (values > high + slack)]
    assert not outside.size, (drawn.get("name"), letter, outside[:3], axis["range"])


def _check_whole(drawn, letter, axis, layout):
    """No marker between the ends of its axis is cut at one of them."""
    marker = drawn.get("marker", {})
    is_seen = "markers" in drawn.get("mode", "") and marker.get("opacity", 1) > 0
    if not is_seen or drawn.get("cliponaxis") is False or "range" not in axis or None in axis["range"]:
        return
    margin = layout["margin"]
    whole = NARROWEST - margin["l"] - margin["r"] if letter == "x" else layout["height"] - margin["t"] - margin["b"]
    low, high = axis.get("domain", (0, 1))
    pixels = whole * (high - low)
    low, high = sorted(axis["range"])
    values = _finite(drawn[letter])
    values = np.log10(values[values > 0]) if axis.get("type") == "log" else values
    values = values[(values >= low) & (values <= high) & (np.abs(values) < LAST_DECADE)]
    size = np.max(marker.get("size", 6)) + np.max(marker.get("line", {}).get("width", 0))
    room = np.minimum(values - low, high - values) * pixels / (high - low)
    assert not values.size or room.min() >= size / 2 - 0.5, (drawn.get("name"), letter, room.min(), size)


def _finite(values):
    """The finite numbers of a drawing along one axis; names of categories are none."""
    try:
        numbers = np.array([np.nan if value is None else value for value in (() if values is None else values)], float)
    except (TypeError, ValueError):
        return np.empty(0)
    return numbers[np.isfinite(numbers)]
