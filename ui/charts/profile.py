"""The norm of every layer's gradient, and how it moves over the steps: the main picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from core import Trace
from core.layer_norms import (
    JUDGED,
    LAYER_NORMS,
    LayerNorm,
    decades,
    fitting_span,
    reference_norm,
    relative_to_output,
)
from core.trace import first_to_last, last_compared, layer_factors
from core.wording import power_of_ten
from ui.charts import style
from ui.charts.animation import choose_frames_with, open_at, player
from ui.charts.edge_marks import draw_edge_marks
from ui.charts.guides import Guide, draw_guide, name_guides
from ui.charts.layer_lines import Mover, draw_line, draw_text, gaps
from ui.charts.line_labels import WIDTHS, Frame, text_box
from ui.charts.strip import HEIGHT as STRIP_HEIGHT
from ui.charts.strip import INPUT, draw_strip
from ui.charts.style import Chart, number
from ui.text import typeset

MAX_FRAMES = 100
MAX_VALUES = 30_000  # norms sent in all, so that 500 layers take fewer frames instead of megabytes
LATER_DECADES = 1.0  # powers of ten by which later steps may widen the axis of the first
SHADES = 20  # color steps a decade, so that a color is one signed byte
# pixels, of the whole and of what stands under the data, without the legend
HEIGHT = 492
BELOW = 122
MAX_LAYERS_BESIDE_INPUT = 12  # layers up to which "input" fits beside "1" on a phone
WORDS = 40  # pixels of the two lines of words above the data
WORDS_WIDTH = 38  # characters of one of them


class ProfileData(NamedTuple):
    """Data of a profile; the first axis of every two-dimensional array is the frame.

    Attributes:
        norm: which norm.
        relative: whether every frame is relative to the output layer's norm at its own step.
        step: (frames,) updates made.
        marks: frames that are marks of the slider.
        values: (frames, layers), as drawn: zeros and what is not finite included.
        color: (frames, layers) decades from level.
        span: decades of the color scale on either side of level.
        variants: by name, (frames, layers) of the norm with penalties and after clipping, where they differ.
        previous: (frames, layers) of another run at the same steps, or None.
        guides: as drawn.
        factors: (frames,) what a layer multiplies the norm by.
        low, high: powers of ten at the ends of the axis.
        words: a sentence a frame.
        units: (layers + 1,) of the input and of every layer, drawn above the data; None for nothing there.
        names: of the layers, shown where one is hovered; empty where its number is all.
        opened: the frame on which the chart opens.
    """

    norm: LayerNorm
    relative: bool
    step: np.ndarray
    marks: np.ndarray
    values: np.ndarray
    color: np.ndarray
    span: int
    variants: dict[str, np.ndarray]
    previous: np.ndarray | None
    guides: tuple[Guide, ...]
    factors: np.ndarray
    low: float
    high: float
    words: list[str]
    units: np.ndarray | None
    names: tuple[str, ...] = ()
    opened: int = 0

    @property
    def layers(self) -> int:
        """Layers of the network."""
        return self.values.shape[1]


def gradient_profile(
    trace: Trace,
    quantity: str = JUDGED,
    *,
    relative: bool = True,
    previous: Trace | None = None,
    guides: Sequence[Guide] = (),
    judged: int = 0,
    dark: bool = False,
) -> Chart:
    """Norm over layers, logarithmic, with play and a step slider over at most 100 recorded rows.

    A marker's color is its norm against the output layer's, like that of the layer's block in the network above. A zero
    is a gap with a mark at the foot of the axes; what leaves them has an arrow at their end. Axes are the same in every
    frame and fit the judged step, step 0 and its theory.

    Args:
        trace: the run.
        quantity: a name of LAYER_NORMS.
        relative: whether norms are relative to the output layer's at the same step. As a network learns, all of its
            gradients shrink; how much of the output's gradient reaches layer 1 shows only in their ratio.
        previous: another run, drawn faintly at the same step where it has as many layers.
        guides: lines of step 0, such as a theory's.
        judged: the recorded step that the verdict judges, which is among the frames.
    """
    norm = LAYER_NORMS[quantity]
    data = profile_data(trace, norm, relative=relative, previous=previous, guides=guides, judged=judged)
    title = f"{_capitalized(norm.label)} by layer: {norm.symbol}"
    if data is None:
        sentence = f"The run diverged at step {trace.step[0]}, before any gradient could be computed."
        return style.empty(title, sentence, x="layer", y=norm.symbol, dark=dark)
    alt = _alt(trace, title, data, guides)
    chart = Chart(
        spec=draw_profile(data, title, dark), alt=alt, make_table=lambda: profile_table(trace, quantity, guides)
    )
    return open_at(chart, None, judged=judged)


def profile_data(
    trace: Trace,
    norm: LayerNorm,
    *,
    relative: bool = True,
    previous: Trace | None = None,
    guides: Sequence[Guide] = (),
    judged: int = 0,
) -> ProfileData | None:
    """The data step of `gradient_profile`; None for a run without a gradient."""
    rows, marks = _choose_frames(trace, judged)
    norms = norm.values(trace, rows=rows)
    if not np.isfinite(norms[0]).any():
        return None
    relative = relative and bool(norms[0, -1] > 0 and np.isfinite(norms[0, -1]))
    output = norms[:, -1:] if relative else np.ones((len(rows), 1))
    values = relative_to_output(norms) if relative else norms
    variants = {name: _divide(variant, output) for name, variant in _variants(trace, norm, rows).items()}
    before = _at_steps(previous, trace, norm, trace.step[rows])
    if before is not None and relative:
        before = relative_to_output(before)
    shown = tuple(guide.divided_by(float(output[0, 0])) for guide in guides)
    color = decades(values, 1.0 if relative else reference_norm(norms))
    others = [*variants.values(), *([] if before is None else [before])]
    opened = int(np.searchsorted(trace.step[rows], judged))
    low, high = axis_ends(values, others, shown, opened)
    return ProfileData(
        norm,
        relative,
        trace.step[rows],
        marks,
        values,
        color,
        fitting_span(color),
        variants,
        before,
        shown,
        layer_factors(norms),
        low,
        high,
        _words(trace.step[rows], norms, norm, relative),
        np.array([trace.weights[0][0].shape[0], *(W.shape[1] for W, *_ in trace.weights)]),
        opened=opened,
    )


def profile_table(trace: Trace, quantity: str, guides: Sequence[Guide]) -> pd.DataFrame:
    """One row a drawn step and layer: the norm itself, its variants, and the guides of step 0."""
    norm = LAYER_NORMS[quantity]
    rows, _ = _choose_frames(trace)
    norms = norm.values(trace, rows=rows)
    columns = {"step": np.repeat(trace.step[rows], trace.layers)}
    columns |= {"layer": np.tile(np.arange(1, trace.layers + 1), len(rows))}
    columns |= {quantity: norms.ravel(), "relative to the output layer": relative_to_output(norms).ravel()}
    columns |= {name: norm.values(trace, field, rows).ravel() for field, name in norm.variants}
    for guide in guides:
        lines = {guide.name: guide.values, f"{guide.name}, low": guide.low, f"{guide.name}, high": guide.high}
        columns |= {name: np.tile(line, len(rows)) for name, line in lines.items() if line is not None}
    return pd.DataFrame(columns)


# -- the data step ----------------------------------------------------------------------------------------------


def _choose_frames(trace: Trace, judged: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a trace to draw as frames, the judged one among them, and those that are marks of the slider."""
    limit = max(2, min(MAX_FRAMES, MAX_VALUES // trace.layers))
    return choose_frames_with(trace.step[: trace.rows_recorded], limit, judged)


def _divide(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(by) & (by > 0), values / by, np.nan)


def _variants(trace: Trace, norm: LayerNorm, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The penalized and the clipped norm by name, each where it differs from the one before it."""
    before = norm.values(trace, rows=rows)
    differing = {}
    for field, name in norm.variants:
        values = norm.values(trace, field, rows)
        if not np.allclose(values, before, rtol=1e-9, atol=0, equal_nan=True):
            differing[name] = values
        before = values
    return differing


def _at_steps(previous: Trace | None, trace: Trace, norm: LayerNorm, steps: np.ndarray) -> np.ndarray | None:
    """The other run's norms, (len(steps), layers), in its last recorded row at or before each step."""
    if previous is None or previous.layers != trace.layers:
        return None
    rows = np.searchsorted(previous.step[: previous.rows_recorded], steps, side="right") - 1
    return norm.values(previous, rows=rows)


def axis_ends(
    values: np.ndarray, others: Sequence[np.ndarray], guides: Sequence[Guide], judged: int = 0
) -> tuple[float, float]:
    """Powers of ten that hold the first frame, the judged one and the guides, a little wider for what is later."""
    held = [0, judged]
    lines = [line for guide in guides if guide.fits for line in (guide.values, guide.low, guide.high)]
    low, high = style.log_range(values[held], *(other[held] for other in others), *(x for x in lines if x is not None))
    later_low, later_high = style.log_range(values, *others)
    low = min(low, max(later_low, low - LATER_DECADES))
    high = max(high, min(later_high, high + LATER_DECADES))
    return (low - 0.08 * (high - low) if (values == 0).any() else low), high


def _words(steps: np.ndarray, norms: np.ndarray, norm: LayerNorm, relative: bool) -> list[str]:
    """The finding of every frame; relative to the output, in the number that verdicts state."""
    layers = norms.shape[1]
    words = []
    for step, row, share, last in zip(steps, norms, first_to_last(norms), last_compared(norms), strict=True):
        if not np.isfinite(row).any():
            finding = "the run diverged; no norm is finite."
        elif layers == 1:
            finding = f"{number(row[0])} in the only layer."
        elif relative:
            ratio = "no share of" if np.isnan(share) else f"{typeset(power_of_ten(share))} times"
            ratio = "none of" if np.isneginf(share) else ratio
            finding = f"layer 1 has {ratio} layer {last}’s {norm.label}."
        else:
            finding = f"{norm.label} {number(row[0])} at layer 1, {number(row[-1])} at the output."
        words.append(f"Step {step:,}: {finding}")
    return words


def _alt(trace: Trace, title: str, data: ProfileData, guides: Sequence[Guide]) -> str:
    norms = data.norm.values(trace)
    sentences = [f"{title}."]
    for row in sorted({0, trace.last_row}):
        first = number(norms[row, 0])
        last = number(norms[row, -1])
        sentences.append(f"Step {trace.step[row]}: {first} at layer 1, {last} at the output, layer {trace.layers}.")
        zeros = int((norms[row] == 0).sum())
        sentences += [f"{zeros} of {trace.layers} layers are exactly 0."] if zeros else []
    if np.isfinite(data.factors[0]) and data.factors[0] > 0:
        sentences.append(f"At step 0 each layer multiplies it by {number(data.factors[0], 3)}, going back.")
    for guide in guides:
        ends = f"{number(guide.values[0])} at layer 1, {number(guide.values[-1])} at the output."
        sentences.append(f"{_capitalized(guide.name)}: {ends}")
    if trace.diverged_at is not None:
        sentences.append(f"The run diverged at step {trace.diverged_at}.")
    return " ".join(sentences)


def _capitalized(text: str) -> str:
    return text[0].upper() + text[1:]


# -- the figure step --------------------------------------------------------------------------------------------


def draw_profile(data: ProfileData, title: str, dark: bool) -> dict:
    """The figure step of `gradient_profile`, also for other runs than the Lab's own."""
    strip = [] if data.units is None else _strip(data, data.units, dark)
    axis = (_layers_from_input if strip else style.layers_axis)(data.layers, dark)
    moving = [
        *strip,
        *_previous(data, dark),
        *_varied(data, dark),
        _main(data, dark),
        *draw_edge_marks(data.values, data.low, data.high, dark=dark),
        _factor(data, dark),
        _words_above(data, axis["range"][0], dark),
    ]
    guides = [
        line for k, guide in enumerate(data.guides) for line in draw_guide(guide, k, foot=10.0**data.low, dark=dark)
    ]
    legend = style.legend_height(1 + sum(drawing.get("showlegend", True) for drawing, _ in moving))
    animated = len(data.step) > 1
    strip_height = STRIP_HEIGHT if strip else 0
    height = HEIGHT - STRIP_HEIGHT + strip_height + legend
    below = legend + (BELOW if animated else 54)
    unit = "relative to the output layer" if data.relative else data.norm.symbol
    frame = style.layout(
        title,
        "",
        # Fixed, since on a chart that can be clicked Streamlit lets a finger pan, which then could not scroll the page.
        xaxis=axis | {"fixedrange": True},
        yaxis=style.axis(unit, dark, decades=(data.low, data.high)) | {"fixedrange": True},
        dark=dark,
        height=height,
        below=below,
        hovermode="x unified",
        hoverdistance=-1,  # a click anywhere opens the layer that is nearest
        showlegend=legend > 0,
    )
    words = style.below_data(WORDS, height, frame["margin"]["t"], below)
    blocks = style.below_data(strip_height, height, frame["margin"]["t"], below)
    hidden = {"visible": False, "fixedrange": True}
    frame["yaxis"]["domain"] = [0, 1 - words - blocks]
    frame["yaxis2"] = {"domain": [1 - words, 1], "range": [0, 1]} | hidden
    if strip:
        frame["yaxis3"] = {"domain": [1 - words - blocks, 1 - words], "range": [-1, 1]} | hidden
    plot = frame["yaxis"]["domain"][1] * (height - frame["margin"]["t"] - below)
    frame["annotations"] = _names(data, Frame(*frame["xaxis"]["range"], data.low, data.high, plot), dark)
    figure = {"data": guides + [drawing for drawing, _ in moving], "layout": frame}
    if animated:
        movers = {place: move for place, (_, move) in enumerate(moving, len(guides)) if move}
        figure["frames"] = [
            {"name": str(step), "traces": list(movers), "data": [move(k) for move in movers.values()]}
            for k, step in enumerate(data.step)
        ]
        frame |= player([str(step) for step in data.step[data.marks]], height, frame["margin"], dark)
        frame["legend"]["y"] = -style.below_data(BELOW, height, frame["margin"]["t"], below)
    return figure


def _names(data: ProfileData, frame: Frame, dark: bool) -> list[dict]:
    """The names of the guides, clear of the line and its factor as the chart opens."""
    row = data.values[data.opened]
    middle = _middle(data.layers)
    factor = data.factors[data.opened]
    texts = []
    if np.isfinite(factor) and factor > 0:
        letters = len(f"   × {number(factor, 3)} a layer")
        above = data.factors[0] >= 1
        boxes = (text_box(frame, width, middle, row[middle - 1], letters, above=above, gap=16) for width in WIDTHS)
        texts.append(tuple(boxes))
    return name_guides(data.guides, frame, row, texts, dark)


def _layers_from_input(layers: int, dark: bool) -> dict:
    """The axis of layers with room for the input's block, which is named where its name has room."""
    frame = style.layers_axis(layers, dark)
    if layers <= MAX_LAYERS_BESIDE_INPUT:
        frame |= {"tickvals": [0, *frame["tickvals"]], "ticktext": ["input", *map(str, frame["tickvals"])]}
    return frame | {"range": [min(INPUT, frame["range"][0]), frame["range"][1]]}


def _strip(data: ProfileData, units: np.ndarray, dark: bool) -> list[tuple[dict, Mover | None]]:
    return draw_strip(units, data.values, _shades(data), scale=_color_scale(data, dark), dark=dark)


def _shades(data: ProfileData) -> np.ndarray:
    """(frames, layers) whole color steps from level."""
    return np.nan_to_num(np.rint(SHADES * np.clip(data.color, -data.span, data.span))).astype(np.int8)


def _color_scale(data: ProfileData, dark: bool) -> dict:
    return {"colorscale": style.gradient_colors(dark), "cmin": -SHADES * data.span, "cmax": SHADES * data.span}


def _main(data: ProfileData, dark: bool) -> tuple[dict, Mover]:
    theme = style.theme(dark)
    layers = data.layers
    shades = _shades(data)
    drawn = gaps(data.values)
    marker = _color_scale(data, dark) | {
        "color": shades[0],
        "size": 12 if layers <= 40 else 7 if layers <= 120 else 5,
        "line": {"color": theme.muted, "width": 1.2 if layers <= 40 else 0.6},
    }
    line = draw_line("this network", drawn[0], {"color": theme.muted, "width": 2}, marker) | {"showlegend": False}
    if data.names:
        line |= {"text": list(data.names), "hovertemplate": "%{y}<br>%{text}"}
    return line, lambda k: {"y": drawn[k], "marker": {"color": shades[k]}}


def _varied(data: ProfileData, dark: bool) -> Iterator[tuple[dict, Mover]]:
    styles = {
        "with penalties": ("dash", "square-open", style.MARKS[2].color(dark)),
        "after clipping": ("dot", "triangle-down-open", style.theme(dark).accent),
    }
    for name, values in data.variants.items():
        dash, symbol, color = styles[name]
        drawn = gaps(values)
        line = {"color": color, "width": 2, "dash": dash}
        drawing = draw_line(name, drawn[0], line, {"symbol": symbol, "size": 8, "color": color})
        yield drawing, lambda k, drawn=drawn: {"y": drawn[k]}


def _previous(data: ProfileData, dark: bool) -> Iterator[tuple[dict, Mover]]:
    if data.previous is None:
        return
    line = {"color": style.theme(dark).muted, "width": 1.5, "dash": "dash"}
    previous = gaps(data.previous)
    yield draw_line("previous run", previous[0], line, None) | {"opacity": 0.6}, lambda k: {"y": previous[k]}


def _factor(data: ProfileData, dark: bool) -> tuple[dict, Mover]:
    """The factor per layer, written beside the middle of the line."""
    middle = _middle(data.layers) - 1
    factor = data.factors[0]
    rising = factor < 1
    # Plotly sets a text right at its point: a line of its own keeps it off the marker.
    template = "<br>   × {} a layer" if rising else "× {} a layer<br> "
    # Where the gradient is lost on its way, no one factor describes the line that is left of it.
    texts = [template.format(number(each, 3)) if np.isfinite(each) and each > 0 else "" for each in data.factors]
    heights = np.clip(gaps(data.values[:, middle]), 10.0**data.low, 10.0**data.high)
    position = "bottom right" if rising else "top right"
    drawing = draw_text("factor", texts[0], middle + 1, heights[0], position, style.theme(dark).text)
    return drawing, lambda k: {"y": heights[k : k + 1], "text": [texts[k]]}


def _middle(layers: int) -> int:
    """The layer beside which the factor per layer is written."""
    return (layers + 1) // 2


def _words_above(data: ProfileData, left: float, dark: bool) -> tuple[dict, Mover]:
    texts = ["<br>".join(style.wrapped(words, WORDS_WIDTH)) for words in data.words]
    drawing = draw_text("words", texts[0], left, 0.5, "middle right", style.theme(dark).muted)
    return drawing | {"yaxis": "y2"}, lambda k: {"text": [texts[k]]}
