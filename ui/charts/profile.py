"""The gradient norm of every layer, and how it moves over the steps: the main picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import pandas as pd

from core import Trace
from ui.charts import style
from ui.charts.animation import player
from ui.charts.pooling import thin_rows
from ui.charts.quantities import QUANTITIES, Quantity, reference
from ui.charts.style import Chart, number

MAX_FRAMES = 100
MAX_VALUES = 30_000  # norms sent in all, so that 500 layers take fewer frames instead of megabytes
# Decades the axis goes above step 0 in a run that diverged, whose last steps may reach 1e200, and beyond this run's
# norms for a line to compare with: what it shows must not shrink to a flat line.
ROOM = 8
SHADES = 20  # color steps a decade, so that a color is one signed byte
HEIGHT, BELOW = 460, 128  # pixels, of the whole and of what stands under the data, without the legend


@dataclass(frozen=True, eq=False)
class Guide:
    """A line of step 0 to compare with, (layers,), such as a theory's; `low` and `high` make a band around it."""

    name: str
    values: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def gradient_profile(
    trace: Trace,
    quantity: str = "grad_norm",
    *,
    previous: Trace | None = None,
    guides: Sequence[Guide] = (),
    keep_guides: bool = False,
    dark: bool = False,
) -> Chart:
    """Norm over layers, logarithmic; opens at step 0, with play and a step slider over at most 100 recorded rows.

    A marker's color is its norm against the output layer's at step 0. A zero is a gap with a 0 at the foot of
    the axes; what leaves them at the top has an arrow there. Axes are the same in every frame.

    Args:
        trace: the run.
        quantity: a name of QUANTITIES.
        previous: another run, drawn faintly at the same step.
        guides: lines of step 0, such as a theory's.
        keep_guides: whether they stay at later steps, to compare with.
    """
    chosen = QUANTITIES[quantity]
    title = f"{chosen.label[0].upper()}{chosen.label[1:]} by layer"
    rows = thin_rows(trace.rows_recorded, max(2, min(MAX_FRAMES, MAX_VALUES // trace.layers)))
    norms = chosen.values(trace, rows=rows)
    if not np.isfinite(norms[0]).any():
        sentence = f"The run diverged at step {trace.step[0]}, before any gradient could be computed."
        return style.empty(title, sentence, x="layer", y=chosen.axis, dark=dark)
    before = _same_steps(previous, chosen, trace.step[rows])
    variants = _variants(trace, chosen, rows)
    compared = [line for guide in guides for line in (guide.values, guide.low, guide.high) if line is not None]
    low, high = _axis_range(trace, [norms, *variants.values()], [*before, *compared])
    pictures = [
        *_previous(before, dark),
        *_varied(variants, dark),
        _main(norms, chosen.label, dark),
        *_edges(norms, low, high, dark),
    ]
    lines = _guides(guides, dark)
    legend = style.legend_height(sum(drawn.get("showlegend", True) for drawn in lines) + len(pictures))
    height, below = HEIGHT + legend, legend + (BELOW if len(rows) > 1 else 54)
    said = [_finding(step, values) for step, values in zip(trace.step[rows], norms, strict=True)]
    frame = style.layout(
        title,
        said[0],
        xaxis=style.layers_axis(trace.layers, dark),
        yaxis=style.axis(chosen.axis, dark, decades=(low, high)),
        dark=dark,
        height=height,
        below=below,
        hovermode="x unified",
        showlegend=legend > 0,
    )
    figure = {"data": lines + [trace_of for trace_of, _ in pictures], "layout": frame}
    if len(rows) > 1:
        moving = [] if keep_guides else [lambda k, y=line["y"]: {"y": [] if k else y} for line in lines]
        moving += [moves for _, moves in pictures]
        places = list(range(0 if not keep_guides else len(lines), len(figure["data"])))
        figure["frames"] = [
            {
                "name": str(step),
                "traces": places,
                "data": [moves(k) for moves in moving],
                "layout": {"title": {"subtitle": {"text": words}}},
            }
            for k, (step, words) in enumerate(zip(trace.step[rows], said, strict=True))
        ]
        frame |= player([str(step) for step in trace.step[rows]], height, frame["margin"], dark)
        frame["legend"]["y"] = -style.below_data(BELOW, height, frame["margin"]["t"], below)
    table = _table(trace, chosen, quantity, rows, guides)
    return Chart(figure, _alt(trace, title, rows, norms, guides), table)


# -- traces of the figure, each with the function that gives its part of frame k --------------------------------


def _main(norms, name, dark):
    look, layers = style.theme(dark), norms.shape[1]
    shades = np.nan_to_num(np.rint(SHADES * style.decades(norms, reference(norms)))).astype(np.int8)
    drawn = _gaps(norms)

    def moves(k):
        return {"y": drawn[k], "marker": {"color": shades[k]}}

    marker = {
        "color": shades[0],
        "colorscale": style.gradient_colors(dark),
        "cmin": -SHADES * style.DECADES,
        "cmax": SHADES * style.DECADES,
        "size": 12 if layers <= 40 else 7 if layers <= 120 else 5,
        "line": {"color": look.muted, "width": 1.2 if layers <= 40 else 0.6},
    }
    return _line(name, drawn[0], {"color": look.muted, "width": 2}, marker) | {"legendrank": 1}, moves


def _variants(trace, chosen: Quantity, rows) -> dict[str, np.ndarray]:
    """The penalized and the clipped norm by name, each where it differs from the one before it."""
    before, found = chosen.values(trace, rows=rows), {}
    for field, name in chosen.variants:
        values = chosen.values(trace, field, rows)
        if not np.allclose(values, before, rtol=1e-9, atol=0, equal_nan=True):
            found[name] = values
        before = values
    return found


def _varied(variants: dict[str, np.ndarray], dark):
    looks = {
        "with penalties": ("dash", "square-open", style.MARKS[2].color(dark)),
        "after clipping": ("dot", "triangle-down-open", style.theme(dark).accent),
    }
    for name, values in variants.items():
        dash, symbol, color = looks[name]
        drawn = _gaps(values)
        line = {"color": color, "width": 2, "dash": dash}
        picture = _line(name, drawn[0], line, {"symbol": symbol, "size": 8, "color": color})
        yield picture, lambda k, drawn=drawn: {"y": drawn[k]}


def _same_steps(previous: Trace | None, chosen: Quantity, steps) -> list[np.ndarray]:
    """The other run's norms, (len(steps), layers), in its last recorded row at or before each step; [] without one."""
    if previous is None:
        return []
    rows = np.searchsorted(previous.step[: previous.rows_recorded], steps, side="right") - 1
    return [chosen.values(previous, rows=rows)]


def _previous(before: list[np.ndarray], dark):
    line = {"color": style.theme(dark).muted, "width": 1.5, "dash": "dash"}
    for values in before:
        drawn = _gaps(values)
        yield _line("previous run", drawn[0], line, None) | {"opacity": 0.6}, lambda k, drawn=drawn: {"y": drawn[k]}


def _edges(norms, low, high, dark):
    """Marks for what a logarithmic axis cannot hold: zeros at its foot, and norms beyond its end."""
    look, span = style.theme(dark), high - low
    places = (
        ("exactly 0", norms == 0, low + 0.035 * span, "x-thin", look.text),
        ("above the axis", norms > 10.0**high, high - 0.03 * span, "triangle-up", style.gradient_colors(dark)[-2][1]),
    )
    for name, where, power, symbol, color in places:
        if where.any():
            drawn = np.where(where, 10.0**power, np.nan)
            marker = {"symbol": symbol, "size": 9, "color": color, "line": {"color": color, "width": 2}}
            picture = _line(name, drawn[0], None, marker)
            yield picture | {"hovertemplate": name}, lambda k, drawn=drawn: {"y": drawn[k]}


def _guides(guides: Sequence[Guide], dark) -> list[dict]:
    look, drawn = style.theme(dark), []
    for guide, dash in zip(guides, cycle(("dashdot", "longdash", "dot"))):
        line = {"color": look.accent, "width": 1.5, "dash": dash}
        if guide.low is not None and guide.high is not None:
            edge = {"color": look.accent, "width": 0}
            band = {"showlegend": False, "hoverinfo": "skip", "legendgroup": guide.name}
            drawn.append(_line(guide.name, _gaps(guide.low), edge, None) | band)
            fill = {"fill": "tonexty", "fillcolor": style.faded(look.accent, 0.16)}
            drawn.append(_line(guide.name, _gaps(guide.high), edge, None) | band | fill)
        rank = {"legendgroup": guide.name, "legendrank": 1001}
        drawn.append(_line(guide.name, _gaps(guide.values), line, None) | rank)
    return drawn


def _line(name, y, line, marker) -> dict:
    drawn = {
        "type": "scatter",
        "x": np.arange(1, len(y) + 1, dtype=np.int16),
        "y": y,
        "name": name,
        "mode": "+".join(part for part, style in (("lines", line), ("markers", marker)) if style),
        "hovertemplate": "%{y:.3e}",
    }
    return drawn | ({"line": line} if line else {}) | ({"marker": marker} if marker else {})


def _gaps(values: np.ndarray) -> np.ndarray:
    """Float64 with NaN, which Plotly draws as a gap, wherever a logarithmic axis has no place for the value."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _axis_range(trace: Trace, own: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> tuple[float, float]:
    """Powers of ten that hold this run's norms in every frame, and others as far as these leave it room."""
    low, high = style.log_range(*own)
    start = _gaps(own[0][0])
    if trace.diverged_at is not None and np.isfinite(start).any():
        high = min(high, style.log_range(start)[1] + ROOM)
    if others:
        far_low, far_high = style.log_range(*others)
        low, high = min(low, max(far_low, low - ROOM)), max(high, min(far_high, high + ROOM))
    if any((norms == 0).any() for norms in own):
        low -= 0.08 * (high - low)
    return low, high


# -- words and numbers ------------------------------------------------------------------------------------------


def _finding(step: int, values: np.ndarray) -> str:
    if not np.isfinite(values).any():
        return f"Step {step}: the run broke here; no norm is finite."
    if len(values) == 1:
        return f"Step {step}: {number(values[0])} in the only layer."
    return f"Step {step}: {number(values[0])} at layer 1, {number(values[-1])} at the output."


def _alt(trace: Trace, title: str, rows: np.ndarray, norms: np.ndarray, guides: Sequence[Guide]) -> str:
    told = [f"{title}."]
    for k in sorted({0, int(np.flatnonzero(np.isfinite(norms).any(axis=1))[-1])}):
        step, first, last = trace.step[rows[k]], norms[k, 0], norms[k, -1]
        told.append(f"Step {step}: {first:.2g} at layer 1, {last:.2g} at the output, layer {trace.layers}.")
        zeros = int((norms[k] == 0).sum())
        told += [f"{zeros} of {trace.layers} layers are exactly 0."] if zeros else []
    for guide in guides:
        name = guide.name[0].upper() + guide.name[1:]
        told.append(f"{name}, at step 0: {guide.values[0]:.2g} at layer 1, {guide.values[-1]:.2g} at the output.")
    if trace.diverged_at is not None:
        told.append(f"The run diverged at step {trace.diverged_at}.")
    return " ".join(told)


def _table(trace: Trace, chosen: Quantity, quantity: str, rows: np.ndarray, guides: Sequence[Guide]) -> pd.DataFrame:
    columns = {"step": np.repeat(trace.step[rows], trace.layers)}
    columns |= {"layer": np.tile(np.arange(1, trace.layers + 1), len(rows))}
    columns |= {quantity: chosen.values(trace, rows=rows).ravel()}
    columns |= {name: chosen.values(trace, field, rows).ravel() for field, name in chosen.variants}
    for guide in guides:
        lines = {guide.name: guide.values, f"{guide.name}, low": guide.low, f"{guide.name}, high": guide.high}
        columns |= {name: np.tile(line, len(rows)) for name, line in lines.items() if line is not None}
    return pd.DataFrame(columns)
