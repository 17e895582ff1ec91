"""Charts that fill the room they are given: a frame within another site, or the wall behind a lecturer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace

from ui.charts.style import TEXT_SIZE, Chart

ROOM_ABOVE = 12  # pixels above the data; a tick label at the end of the axis needs its half
# pixels below the data for text of the usual size
TICKS = 24
AXIS_TITLE = 24
PLAYER = 62
LEGEND = 20
LEFT = 62
LEFT_OF_PLAYER = 74
# shares of the height for the finding of a frame in one line, and for the strip of layers
WORDS = 0.14
STRIP = 0.26
STRIP_ON_WALL = 0.17  # the same where text is larger, and blocks are not
MAX_POWERS = 5  # of ten that the axis labels


def fill(chart: Chart, text_size: int = TEXT_SIZE) -> Chart:
    """The chart without a title and a height of its own, with text of at least this size.

    What stands below the data has its place in pixels, so that it stays in place at any height.
    """
    spec = dict(chart.spec)
    layout = spec["layout"] = deepcopy(spec["layout"])
    scale = text_size / TEXT_SIZE
    layout.pop("height", None)
    layout.pop("title", None)
    layout["autosize"] = True
    animated = bool(layout.get("sliders"))
    below = scale * (TICKS + AXIS_TITLE) + (PLAYER * min(scale, 1.4) if animated else 0)
    left = scale * (LEFT_OF_PLAYER if animated else LEFT)
    if not animated and layout.get("xaxis", {}).get("visible", True) is False:  # a drawing, without axes
        below = left = ROOM_ABOVE
    layout["margin"] = {"l": round(left), "r": round(22 * scale), "t": round(ROOM_ABOVE * scale), "b": round(below)}
    for player in (*layout.get("sliders", ()), *layout.get("updatemenus", ())):
        player["y"] = 0
        player["pad"] = player.get("pad", {}) | {"t": round(scale * (TICKS + AXIS_TITLE) + 4)}
    vertical = layout.get("yaxis", {})
    if vertical.get("type") == "log" and "range" in vertical:  # the room may be low
        vertical["dtick"] = max(1, math.ceil((vertical["range"][1] - vertical["range"][0]) / MAX_POWERS))
    legend = layout.get("legend", {})
    legend = {name: value for name, value in legend.items() if not name.startswith("entrywidth")}
    is_map = "scaleanchor" in layout.get("xaxis", {}) or "scaleanchor" in vertical
    if is_map:  # as high as wide: there is room beside it, and none above
        layout["legend"] = legend | {"x": 1.02, "xanchor": "left", "y": 1, "yanchor": "top", "orientation": "v"}
    else:
        layout["legend"] = legend | {"x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "orientation": "h"}
    if (
        not is_map
        and layout.get("showlegend", True)
        and sum(drawing.get("showlegend", True) for drawing in spec["data"]) > 1
    ):
        layout["margin"]["t"] += round(LEGEND * scale)
    if "yaxis2" in layout:
        strip = (STRIP_ON_WALL if scale > 1 else STRIP) if "yaxis3" in layout else 0.0
        vertical["domain"] = [0, 1 - WORDS - strip]
        layout["yaxis2"] |= {"domain": [1 - WORDS, 1]}
        if strip:
            layout["yaxis3"] |= {"domain": [1 - WORDS - strip, 1 - WORDS]}
        spec["data"] = [_on_one_line(drawing, drawing) for drawing in spec["data"]]
        spec["frames"] = [
            frame | {"data": [_on_one_line(spec["data"][k], drawing) for k, drawing in
                              zip(frame.get("traces", range(len(frame["data"]))), frame["data"], strict=True)]}
            for frame in spec.get("frames", ())
        ]  # fmt: skip
    if scale > 1:
        layout.update(_enlarged(layout, scale))
        spec["data"] = [_enlarged(drawing, scale) for drawing in spec["data"]]
    if scale > 1 and "frames" in spec:
        spec["frames"] = [
            frame | {"data": [_enlarged(drawing, scale) for drawing in frame["data"]]} for frame in spec["frames"]
        ]
    return replace(chart, spec=spec)


def _on_one_line(drawing: dict, update: dict) -> dict:
    """The change of a drawing, without line breaks where it is the finding of a frame."""
    if drawing.get("name") != "words":
        return update
    return update | {"text": [text.replace("<br>", " ") for text in update["text"]]}


def _enlarged(part: object, scale: float, key: str = "") -> object:
    """The part with every font and marker larger; numbers of the data stay."""
    if isinstance(part, Mapping):
        return {
            name: value * scale
            if name in ("size", "standoff") and isinstance(value, (int, float))
            else value * min(scale, 2)
            if name == "width" and key in ("line", "marker") and isinstance(value, (int, float))
            else _enlarged(value, scale, name)
            for name, value in part.items()
        }
    if isinstance(part, list) and part and isinstance(part[0], Mapping):
        return [_enlarged(value, scale, key) for value in part]
    return part
