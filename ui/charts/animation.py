"""A play button and a step slider under a figure with frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ui.charts import style
from ui.charts.pooling import thin_rows
from ui.charts.style import Chart

FRAME_MS = 80
# Marks of the slider: of 13, 11, 10, ... labels every second or third one can be shown, and the last is still among
# them. A slider of 100 marks took 70 % of the time that drawing a profile takes (measured).
MARK_COUNTS = (13, 11, 10, 9, 7, 6, 5, 4, 3, 2)
ENOUGH_MARKS = 4  # from which on fewer even marks are better than more uneven ones
MAX_UNEVENNESS = 1.3  # of the largest distance between marks to the smallest, above which it is said
UNEVEN = "uneven marks"  # the name of the note that says so
NOTE_BELOW = 46  # pixels from the slider's top to that note


def choose_frames(step: np.ndarray, max_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to draw as frames, more of the early ones, and those of them that are marks of the slider.

    Args:
        step: (rows,) ascending.

    Returns:
        rows: at most `max_frames`, ascending, the first and the last among them.
        marks: indices into `rows`, evenly spaced in steps where recorded rows allow it for four or more.
    """
    counts = [count for count in MARK_COUNTS if count <= min(len(step), max_frames)] or [1]
    choices = [_nearest_to_even(step, count) for count in counts]
    even = (rows for rows in choices if len(rows) >= ENOUGH_MARKS and is_even(step[rows]))
    marked = next(even, choices[0])
    rows = thin_rows(len(step), max(2, max_frames - len(marked))) if len(step) > max_frames else np.arange(len(step))
    rows = np.union1d(rows, marked)
    return rows, np.searchsorted(rows, marked)


def _nearest_to_even(step: np.ndarray, count: int) -> np.ndarray:
    """The rows nearest to `count` evenly spaced steps, each once."""
    even = np.linspace(step[0], step[-1], count)
    after = np.clip(np.searchsorted(step, even), 0, len(step) - 1)
    before = np.maximum(after - 1, 0)
    return np.unique(np.where(even - step[before] < step[after] - even, before, after))


def is_even(marks: Sequence[float] | np.ndarray) -> bool:
    """True where marks, drawn at equal distances, are about as many steps apart."""
    gaps = np.diff(marks)
    return len(gaps) < 2 or bool(gaps.max() <= MAX_UNEVENNESS * gaps.min())


def choose_frames_with(step: np.ndarray, max_frames: int, judged: int) -> tuple[np.ndarray, np.ndarray]:
    """As `choose_frames`, with the last row up to the judged step among the rows."""
    rows, marks = choose_frames(step, max_frames)
    row = max(int(np.searchsorted(step, judged, side="right")) - 1, 0)
    with_judged = np.union1d(rows, row)
    return with_judged, np.searchsorted(with_judged, rows[marks])


def open_at(chart: Chart, step: int | None, axis: tuple[float, float] | None = None, *, judged: int = 0) -> Chart:
    """The chart as it opens at a step, the last frame up to it, and with these powers of ten at its axis's ends.

    Its layout's `meta` says for the address which mark of the slider it opens on, which one needs no step there, and
    the step that the address states: a list, since Plotly takes a copy of a dictionary for a change and draws again.

    Args:
        chart: with a slider, or without one.
        step: named by the address; None for `judged`.
        axis: None for the ends that fit the data.
        judged: the step that the page's verdict judges.
    """
    spec = dict(chart.spec)
    opened = judged if step is None else step
    frames = spec.get("frames", ())
    if frames:
        drawings = list(spec["data"])
        frame = frames[max(sum(float(frame["name"]) <= opened for frame in frames) - 1, 0)]
        indices = frame.get("traces", range(len(frame["data"])))
        for index, change in zip(indices, frame["data"], strict=True):
            drawings[index] = _merged(drawings[index], change)
        spec["data"] = drawings
        slider = spec["layout"]["sliders"][0]
        slider = slider | {"steps": _with_mark(slider["steps"], frame["name"])}
        marks = [float(mark["args"][0][0]) for mark in slider["steps"]]
        active, of_judged = (max(sum(mark <= at for mark in marks) - 1, 0) for at in (opened, judged))
        meta = [active, of_judged, "" if step is None else str(step)]
        notes = [note for note in spec["layout"].get("annotations", ()) if note.get("name") != UNEVEN]
        notes += _note_of_uneven(marks, slider)
        changes = {"sliders": [slider | {"active": active}], "annotations": notes, "meta": meta}
        spec["layout"] = spec["layout"] | changes
    if axis is not None:
        spec["layout"] = spec["layout"] | {"yaxis": spec["layout"]["yaxis"] | {"range": list(axis)}}
    return replace(chart, spec=spec)


def _note_of_uneven(marks: Sequence[float], slider: Mapping) -> list[dict]:
    """A line below the labels of a slider whose marks, drawn at equal distances, are not as many steps apart."""
    if is_even(marks):
        return []
    place = {"xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": slider["y"], "yanchor": "top"}
    words = {"text": "Marks are recorded steps, unevenly far apart.", "font": slider["font"]}
    return [{"name": UNEVEN, "showarrow": False, "yshift": -NOTE_BELOW} | place | words]


def _with_mark(steps: Sequence[dict], name: str) -> list[dict]:
    """The marks of a slider, with one for this frame in place of the nearest between the ends: the handle stands on it.

    Without a mark between the ends they stay as they are.
    """
    marked = np.array([float(mark["args"][0][0]) for mark in steps])
    if len(steps) < 3 or float(name) in marked:
        return list(steps)
    nearest = 1 + int(np.abs(marked[1:-1] - float(name)).argmin())
    shown = {"args": [[name], *steps[nearest]["args"][1:]], "label": f"{int(name):,}"}
    return [mark | shown if k == nearest else mark for k, mark in enumerate(steps)]


def _merged(drawing: dict, update: dict) -> dict:
    return drawing | {
        name: _merged(drawing[name], value) if isinstance(value, dict) and name in drawing else value
        for name, value in update.items()
    }


def player(steps: Sequence[str], height: int, margin: Mapping[str, int], dark: bool) -> dict:
    """`sliders` and `updatemenus` of a layout; `steps` are the names of the frames that are marks of the slider.

    Frames are drawn without a redraw, which takes a seventh of the time: points, lines, colors and texts of traces
    move, while titles and annotations stay. Streamlit's theme does not reach either control, so both have their colors
    here. The button plays, and pauses at the next press; it stands in the left margin, so that the slider has the
    data's width on any screen.
    """
    theme = style.theme(dark)
    font = {"size": style.TEXT_SIZE, "color": theme.text}

    def below(pixels: float) -> float:
        return -style.below_data(pixels, height, margin["t"], margin["b"])

    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
    play = still | {"frame": {"duration": FRAME_MS, "redraw": False}, "fromcurrent": True}
    slider = {
        "active": 0,
        "x": 0,
        "xanchor": "left",
        "len": 1,
        "y": below(58),
        "yanchor": "top",
        "pad": {"t": 0, "b": 0, "l": 0, "r": 0},
        "currentvalue": {"visible": False},
        "font": {"size": style.TEXT_SIZE - 1, "color": theme.muted},
        "bgcolor": theme.panel,
        "activebgcolor": theme.accent,
        "bordercolor": theme.muted,
        "borderwidth": 1,
        "ticklen": 4,
        "minorticklen": 4,
        "tickcolor": theme.muted,
        "transition": {"duration": 0},
        "steps": [{"label": f"{int(step):,}", "method": "animate", "args": [[step], still]} for step in steps],
    }
    buttons = {
        "type": "buttons",
        "direction": "down",
        "active": -1,  # nothing plays yet: Plotly takes `args2` at a press of the active button
        "showactive": False,
        "x": 0,
        "xanchor": "right",
        "y": below(52),
        "yanchor": "top",
        "pad": {"t": 0, "r": 10},
        "bgcolor": theme.panel,
        "bordercolor": theme.muted,
        "borderwidth": 1,
        "font": font,
        "buttons": [
            {"label": "Play", "method": "animate", "args": [None, play], "args2": [[None], still]},
        ],
    }
    return {"sliders": [slider], "updatemenus": [buttons]}
