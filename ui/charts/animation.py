"""A play button and a step slider under a figure with frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ui.charts import style

FRAME_MS = 80


def player(steps: Sequence[str], height: int, margin: Mapping[str, int], dark: bool) -> dict:
    """`sliders` and `updatemenus` of a layout whose frames are named by `steps`.

    Streamlit's theme does not reach either, so both have their colors here. The buttons stand in the left margin,
    so that the slider has the data's width on any screen.
    """
    look = style.theme(dark)
    font = {"size": style.TEXT_SIZE, "color": look.text}

    def below(pixels):
        return -style.below_data(pixels, height, margin["t"], margin["b"])

    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    play = still | {"frame": {"duration": FRAME_MS, "redraw": True}, "fromcurrent": True}
    slider = {
        "active": 0,
        "x": 0,
        "xanchor": "left",
        "len": 1,
        "y": below(58),
        "yanchor": "top",
        "pad": {"t": 0, "b": 0, "l": 0, "r": 0},
        "currentvalue": {"prefix": "step ", "xanchor": "left", "font": font, "offset": 8},
        "font": {"size": style.TEXT_SIZE - 1, "color": look.muted},
        "bgcolor": look.panel,
        "activebgcolor": look.accent,
        "bordercolor": look.muted,
        "borderwidth": 1,
        "ticklen": 0,
        "minorticklen": 0,
        "tickcolor": look.muted,
        "transition": {"duration": 0},
        "steps": [{"label": step, "method": "animate", "args": [[step], still]} for step in steps],
    }
    buttons = {
        "type": "buttons",
        "direction": "down",
        "showactive": False,
        "x": 0,
        "xanchor": "right",
        "y": below(58),
        "yanchor": "top",
        "pad": {"t": 0, "r": 10},
        "bgcolor": look.panel,
        "bordercolor": look.muted,
        "borderwidth": 1,
        "font": font,
        "buttons": [
            {"label": "Play", "method": "animate", "args": [None, play]},
            {"label": "Stop", "method": "animate", "args": [[None], still]},
        ],
    }
    return {"sliders": [slider], "updatemenus": [buttons]}
