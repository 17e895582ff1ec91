"""Profile and maps of somebody's own run, drawn as the Lab draws its own, and pooled to what a screen shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.diagnosis.recording_statistics import fit_factors, profile
from core.layer_norms import LayerNorm, decades, fitting_span, reference_norm, relative_to_output
from core.recordings import Recording
from core.wording import format_number, percent
from ui.charts import style
from ui.charts.animation import choose_frames_with, open_at
from ui.charts.arms import safe
from ui.charts.guides import Guide
from ui.charts.heatmap import BELOW, HEIGHT, MAX_COLUMNS, ZERO, HeatmapData, heatmap_cells
from ui.charts.pooling import bin_rows
from ui.charts.profile import MAX_FRAMES, MAX_VALUES, ProfileData, axis_ends, draw_profile
from ui.charts.style import Chart, number
from ui.text import typeset

MAX_POINTS = 500  # tensors of a profile; more are pooled
MAX_NAME = 60  # characters
MAX_ROWS = 220  # tensors of a map: two pixels high
NOT_FINITE = {False: "#111111", True: "#ffffff"}

NORMS: dict[str, LayerNorm] = {
    "grad_norm": LayerNorm(label="gradient norm", symbol="‖g‖", field="grad_norm"),
    "rms": LayerNorm(label="gradient per weight", symbol="RMS of g", field="grad_norm", per_weight=True),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class TensorView:
    """Some tensors of a recording, in an order.

    Attributes:
        recording: the run.
        indices: of the tensors.
        is_depth: whether they stand in the order of the model, so that a slope over them means something.
    """

    recording: Recording
    indices: np.ndarray
    is_depth: bool = True

    @property
    def names(self) -> list[str]:
        """Names of the tensors."""
        return [self.recording.parameters[i].name for i in self.indices]

    def norms(self, quantity: str = "grad_norm", field: str = "grad_norm") -> np.ndarray:
        """(rows, tensors) of a key of NORMS; infinite where a gradient was not finite, NaN where none was recorded."""
        values = self.recording.values[field][:, self.indices].copy()
        if field == "grad_norm":
            values[self.recording.not_finite[:, self.indices]] = np.inf
        return values / self._roots if NORMS[quantity].per_weight else values

    @property
    def _roots(self) -> np.ndarray:
        sizes = [self.recording.parameters[i].size for i in self.indices]
        return np.sqrt([np.nan if size is None else max(size, 1) for size in sizes])

    @property
    def has_sizes(self) -> bool:
        """True if the file says how many entries every tensor has."""
        return all(self.recording.parameters[i].size is not None for i in self.indices)


# -- profile -----------------------------------------------------------------------------------------------------


def recording_profile(
    view: TensorView,
    quantity: str = "grad_norm",
    *,
    relative: bool = True,
    ends: tuple[float, float] | None = None,
    guides: Sequence[Guide] = (),
    judged: int = 0,
    dark: bool = False,
) -> Chart:
    """Norm over tensors, logarithmic, with play and a step slider; what is zero or not finite has a mark of its own.

    Args:
        view: the tensors.
        quantity: a key of NORMS.
        relative: whether norms are relative to the last tensor's at the same step.
        ends: powers of ten at the ends of the axis, where charts share one.
        guides: lines relative to the last tensor, such as a theory's; drawn where the norms are relative too.
        judged: the recorded step that the verdict judges, which is among the frames and on the axis.
    """
    norm = NORMS[quantity]
    title = f"{norm.label[0].upper()}{norm.label[1:]} by layer"
    data = recording_profile_data(view, quantity, relative=relative, guides=guides, judged=judged)
    if data is None:
        return style.empty(title, "No gradient was recorded here.", x="tensor", y=norm.symbol, dark=dark)
    if ends is not None:
        data = data._replace(low=ends[0], high=ends[1])
    figure = draw_profile(data, title, dark)
    figure["layout"]["xaxis"] |= _tensor_ticks(len(view.indices), data.layers, dark)
    figure["layout"]["yaxis"]["title"]["text"] = "relative to the last tensor" if data.relative else norm.symbol
    alt = _profile_alt(view, title)
    alt += "".join(f" {g.name[0].upper()}{g.name[1:]}: {number(g.values[0])} at the first." for g in data.guides)
    chart = Chart(spec=figure, alt=alt, make_table=lambda: _long_table(view, quantity))
    return open_at(chart, None, judged=judged)


def recording_profile_data(
    view: TensorView,
    quantity: str = "grad_norm",
    *,
    relative: bool = True,
    guides: Sequence[Guide] = (),
    judged: int = 0,
) -> ProfileData | None:
    """The data step of `recording_profile`; None without any gradient."""
    norms = view.norms(quantity)
    names = view.names
    slices = bin_rows(norms.shape[1], MAX_POINTS) if norms.shape[1] else []
    frames = max(2, min(MAX_FRAMES, MAX_VALUES // max(len(slices), 1)))
    rows, marks = choose_frames_with(view.recording.step, frames, judged)
    if not np.isfinite(norms).any() and not np.isinf(norms).any():
        return None
    norms = pool_tensors(norms[rows], slices)
    last = norms[:, -1:]
    relative = relative and is_relative(norms)
    values = relative_to_last(norms) if relative else norms
    variants = {}
    if "clipped_grad_norm" in view.recording.values:
        clipped = pool_tensors(view.norms(quantity, "clipped_grad_norm")[rows], slices)
        with np.errstate(all="ignore"):
            clipped = clipped / last if relative else clipped
        if not np.allclose(clipped, values, rtol=1e-9, atol=0, equal_nan=True):
            variants["after clipping"] = clipped
    color = decades(values, 1.0 if relative else reference_norm(norms))
    lines = tuple(guides) if relative and quantity == "grad_norm" and len(slices) == len(names) else ()
    opened = max(int(np.searchsorted(view.recording.step[rows], judged, side="right")) - 1, 0)
    low, high = axis_ends(values, list(variants.values()), lines, opened)
    groups = [names[pool.start] if pool.stop - pool.start == 1 else _pooled(names, pool) for pool in slices]
    steps = view.recording.step[rows]
    ends = _compared_ends(view) if len(slices) == len(names) else (0, len(slices) - 1)
    return ProfileData(
        NORMS[quantity],
        relative,
        steps,
        marks,
        values,
        color,
        fitting_span(color),
        variants,
        None,
        lines,
        fit_factors(norms, groups) if view.is_depth and len(slices) == len(names) else np.full(len(rows), np.nan),
        low,
        high,
        [_words(step, row, relative, ends) for step, row in zip(steps, norms, strict=True)],
        None,
        tuple(map(label, groups)),
        opened,
    )


def label(name: str) -> str:
    """A tensor's name in a figure: its ends where it is long, and no markup."""
    return safe(name if len(name) <= MAX_NAME else f"{name[: MAX_NAME // 2]}…{name[-MAX_NAME // 2 :]}")


def is_relative(norms: np.ndarray) -> bool:
    """True if norms, (rows, tensors), can be relative to the last: it is above 0 wherever another one is."""
    positive = np.isfinite(norms) & (norms > 0)
    return bool(positive.any() and positive[positive.any(axis=1), -1].all())


def relative_to_last(norms: np.ndarray) -> np.ndarray:
    """(rows, tensors) divided by the last; a zero stays a zero, and what is not finite stays so."""
    return np.where((norms == 0) | np.isinf(norms), norms, relative_to_output(norms))


def _pooled(names: list[str], pool: slice) -> str:
    return f"{names[pool.start]} to {names[pool.stop - 1]}"


def pool_tensors(norms: np.ndarray, slices: list[slice]) -> np.ndarray:
    """(rows, pools) medians over neighboring tensors; infinite where one of them is, 0 where most are."""
    if len(slices) == norms.shape[1]:
        return norms
    columns = []
    for pool in slices:
        part = norms[:, pool]
        median = _median(np.where(np.isinf(part), np.nan, part), axis=1)
        columns.append(np.where(np.isinf(part).any(axis=1), np.inf, median))
    return np.array(columns).T


def _median(values: np.ndarray, axis: int) -> np.ndarray:
    """The median of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values).all(axis=axis)
    median = np.full(known.shape, np.nan)
    if known.any():
        chosen = np.compress(known, values, axis=1 - axis)
        median[known] = np.nanmedian(chosen, axis=axis) if np.isnan(chosen).any() else np.median(chosen, axis=axis)
    return median


def _compared_ends(view: TensorView) -> tuple[int, int]:
    """The two tensors of a view that its verdict compares, or else the first and the last, counted from 0."""
    found = profile(view.recording)
    if view.is_depth and found is not None:
        at = [np.flatnonzero(view.indices == index) for index in found.ends]
        if all(map(len, at)) and at[0][0] < at[1][0]:
            return int(at[0][0]), int(at[1][0])
    return 0, len(view.indices) - 1


def _words(step: int, norms: np.ndarray, relative: bool, ends: tuple[int, int]) -> str:
    if np.isinf(norms).all():
        return f"Step {step:,}: no gradient is finite."
    if np.isnan(norms).all():
        return f"Step {step:,}: no gradient was recorded."
    if not (norms > 0).any():
        return f"Step {step:,}: every recorded gradient is exactly 0."
    if len(norms) == 1:
        return f"Step {step:,}: {number(norms[0])} in the only tensor."
    first, last = norms[list(ends)]
    names = (f"tensor {end + 1}" for end in ends)
    one, other = ("the first tensor", "the last") if ends == (0, len(norms) - 1) else names
    if relative and first == 0:
        return f"Step {step:,}: no gradient reaches {one}; {other}’s is {number(last)}."
    if relative and np.isfinite(first) and np.isfinite(last) and last > 0:
        share = typeset(format_number(first / last))
        return f"Step {step:,}: {one} gets {share} times {other}’s, {number(last)}."
    return f"Step {step:,}: {number(norms[0])} at the first tensor, {number(norms[-1])} at the last."


def _profile_alt(view: TensorView, title: str) -> str:
    norms = view.norms()
    step = view.recording.step
    names = view.names
    words = [f"{title}."]
    for row in sorted({0, len(step) - 1}):
        first = number(norms[row, 0])
        last = number(norms[row, -1])
        words.append(f"Step {step[row]:,}: {first} at {names[0]}, {last} at {names[-1]}, tensor {len(names)}.")
        zeros = int((norms[row] == 0).sum())
        broken = int(np.isinf(norms[row]).sum())
        words += [f"{zeros} of {len(names)} are exactly 0."] if zeros else []
        words += [f"{broken} of {len(names)} are not finite."] if broken else []
    return " ".join(words)


def _tensor_ticks(count: int, shown: int, dark: bool) -> dict:
    """The axis of tensors, of which `shown` stand for `count`."""
    title = {"title": style.axis("tensor, from the first to the last", dark)["title"]}
    unified = {"unifiedhovertitle": {"text": "tensor %{x}"}}
    if count == shown:
        return title | unified
    size = -(-count // shown)
    at = np.unique(np.linspace(1, shown, min(shown, 9)).round().astype(int))
    ticks = {"tickvals": at.tolist(), "ticktext": [f"{(i - 1) * size + 1:,}" for i in at]}
    return title | ticks | {"unifiedhovertitle": {"text": f"median of {size} tensors"}}


def _long_table(view: TensorView, quantity: str) -> pd.DataFrame:
    norms = view.norms(quantity)
    step = view.recording.step
    columns = {"step": np.repeat(step, norms.shape[1]), "tensor": np.tile(view.names, len(step))}
    return pd.DataFrame(columns | {quantity: norms.ravel()})


# -- maps of steps by tensors ------------------------------------------------------------------------------------


class MapData(NamedTuple):
    """A map pooled to the screen.

    Attributes:
        cells: as the Lab's; z is log10 of a norm, or a share.
        not_finite: (pools, columns) whether a gradient in the cell was not finite.
        groups: names of the tensors that each line pools.
        size: tensors a line.
    """

    cells: HeatmapData
    not_finite: np.ndarray
    groups: list[str]
    size: int


def map_data(view: TensorView, values: np.ndarray, *, logarithmic: bool) -> MapData:
    """The data step of the maps: (rows, tensors) as medians over blocks of neighboring steps and tensors."""
    step = view.recording.step
    columns = bin_rows(len(step), MAX_COLUMNS)
    slices = bin_rows(values.shape[1], MAX_ROWS)
    bad = np.isinf(values)
    z = np.array([_median(np.where(bad[c], np.nan, values[c]), axis=0) for c in columns])
    z = pool_tensors(z, slices).T
    broken = np.array([[bool(bad[c, p].any()) for c in columns] for p in slices])
    if logarithmic:
        with np.errstate(divide="ignore"):
            level = np.log10(reference_norm(np.where(bad, np.nan, values)))
            z = np.log10(z)
        cells = HeatmapData(*_edges(step, columns), z, float(level), fitting_span(z - level))
    else:
        cells = HeatmapData(*_edges(step, columns), z)
    names = view.names
    groups = [names[p.start] if p.stop - p.start == 1 else _pooled(names, p) for p in slices]
    return MapData(cells, broken, groups, slices[0].stop - slices[0].start)


def _edges(step: np.ndarray, columns: list[slice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first = step[[c.start for c in columns]]
    last = step[[c.stop - 1 for c in columns]]
    inner = (last[:-1] + first[1:]) / 2
    left = first[0] - (inner[0] - last[0] if len(inner) else 0.5)
    right = last[-1] + (first[-1] - inner[-1] if len(inner) else 0.5)
    return np.concatenate([[left], inner, [right]]), first, last


def recording_heatmap(
    view: TensorView, quantity: str = "grad_norm", *, relative: bool = False, dark: bool = False
) -> Chart:
    """Norm of every tensor at every step, by decades from the last tensor's.

    Cells that are exactly zero, and those with a gradient that is not finite, have colors of their own.

    Args:
        view: the tensors.
        quantity: a key of NORMS.
        relative: whether it is the last tensor's at the same step, and not at the first recorded one.
    """
    norm = NORMS[quantity]
    title = f"{norm.label[0].upper()}{norm.label[1:]} over the steps"
    norms = view.norms(quantity)
    if not np.isfinite(norms).any():
        return style.empty(title, "No gradient was recorded here.", x="step", y="tensor", dark=dark)
    relative = relative and is_relative(norms)
    data = map_data(view, relative_to_last(norms) if relative else norms, logarithmic=True)
    cells = data.cells
    z = data.cells.z
    zero = np.isneginf(z)
    finding = _map_finding(view, norms, data)
    frame = _map_frame(view, data, title, finding, key=bool(zero.any() or data.not_finite.any()), dark=dark)
    ends = [-cells.span, -cells.span / 2, 0, cells.span / 2, cells.span]
    labels = [style.power_of_ten(end) for end in ends]
    labels[0], labels[-1] = f"≤ {labels[0]}", f"≥ {labels[-1]}"
    key = "share of the last tensor’s at " + ("the same step" if relative else "the first recorded step")
    traces = [
        _cells(data, f"{'share' if relative else norm.label} 10<sup>%{{z:.2f}}</sup>")
        | {
            "z": np.where(np.isfinite(z), z, np.nan),
            "zmin": cells.level - cells.span,
            "zmax": cells.level + cells.span,
            "colorscale": style.gradient_colors(dark),
            "colorbar": style.color_key(key, [cells.level + end for end in ends], labels, frame, dark),
        }
    ]
    for name, where, color in (
        ("exactly 0", zero, ZERO[dark]),
        ("not finite", data.not_finite, NOT_FINITE[dark]),
    ):
        if where.any():
            mark = {"z": np.where(where, 0, np.nan), "colorscale": [[0, color], [1, color]], "showscale": False}
            traces.append(_cells(data, name) | mark)
            square = {"symbol": "square", "size": 12, "color": color}
            traces.append(
                {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "marker": square, "name": name}
            )
            frame["legend"] |= {"y": 1, "yanchor": "bottom"}
    return Chart(
        spec={"data": traces, "layout": frame}, alt=f"{title}. {finding}", make_table=lambda: _map_table(data, 10.0**z)
    )


def recording_shares(view: TensorView, field: str, title: str, key: str, *, dark: bool = False) -> Chart:
    """A share from 0 to 1 of every tensor or activation at every step, a field of the recording's values."""
    values = view.recording.values.get(field)
    if values is None or not len(view.indices) or not np.isfinite(values[:, view.indices]).any():
        return style.empty(title, "The file does not hold this.", x="step", y="module", dark=dark)
    values = values[:, view.indices]
    data = map_data(view, values, logarithmic=False)
    rows = np.flatnonzero(np.isfinite(values).any(axis=1))
    end = np.where(np.isfinite(values[rows[-1]]), values[rows[-1]], -1.0)
    worst = int(end.argmax())
    finding = f"At most {percent(end[worst])}, at {view.names[worst]}, at step {view.recording.step[rows[-1]]:,}."
    shown = finding.replace(view.names[worst], label(view.names[worst]))
    frame = _map_frame(view, data, title, shown, key=False, dark=dark)
    cells = _cells(data, "%{z:.1%}") | {
        "z": data.cells.z,
        "zmin": 0,
        "zmax": 1,
        "colorscale": style.share_colors(dark),
        "colorbar": style.color_key(key, [0, 0.5, 1], ["0 %", "50 %", "100 %"], frame, dark),
    }
    return Chart(
        spec={"data": [cells], "layout": frame},
        alt=f"{title}. {finding}",
        make_table=lambda: _map_table(data, data.cells.z),
    )


def _cells(data: MapData, value: str) -> dict:
    cells = heatmap_cells(data.cells, value)
    cells.pop("customdata", None)
    few = data.cells.z.size <= 12_000
    name = "%{customdata}" if few else "tensor %{y}"
    if few:
        cells["customdata"] = [[label(name)] * data.cells.z.shape[1] for name in data.groups]
    return cells | {"hovertemplate": f"step %{{x:,.0f}}, {name}<br>{value}<extra></extra>"}


def _map_frame(view: TensorView, data: MapData, title: str, finding: str, *, key: bool, dark: bool) -> dict:
    tensors = style.layers_axis(len(data.groups), dark, cells=True)
    tensors |= _tensor_ticks(len(view.indices), len(data.groups), dark)
    tensors |= {"title": style.axis("tensor (1 is the first)", dark)["title"]}
    for name in ("showspikes", "unifiedhovertitle"):
        tensors.pop(name, None)
    steps = style.steps_axis(view.recording.step, dark, range=[float(data.cells.edges[k]) for k in (0, -1)])
    above = 22 if key else 0
    return style.layout(
        title, finding, xaxis=steps, yaxis=tensors, dark=dark, height=HEIGHT + above, below=BELOW, above=above
    )


def _map_finding(view: TensorView, norms: np.ndarray, data: MapData) -> str:
    step = view.recording.step
    finding = (
        f"Steps {step[0]:,} to {step[-1]:,}: the first tensor from {number(norms[0, 0])} to {number(norms[-1, 0])}, "
        f"the last from {number(norms[0, -1])} to {number(norms[-1, -1])}."
    )
    pooled_steps = bool((data.cells.first != data.cells.last).any())
    if data.size > 1:
        finding += f" A cell is the median of {data.size} neighboring tensors" + " and steps." * pooled_steps
        finding += "." * (not pooled_steps)
    elif pooled_steps:
        finding += " A column is the median of neighboring recorded steps."
    zeros = (norms == 0).mean()
    return finding + (f" {percent(zeros)} of the norms are exactly 0." if zeros else "")


def _map_table(data: MapData, values: np.ndarray) -> pd.DataFrame:
    pooled = {"to step": data.cells.last} if (data.cells.first != data.cells.last).any() else {}
    named = {}
    for name, row in zip(data.groups, values, strict=True):
        named[name if name not in named else f"{name} ({len(named) + 1})"] = row
    return pd.DataFrame({"step": data.cells.first} | pooled | named)
