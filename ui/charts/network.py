"""A small network drawn with its nodes, edges and numbers, as it answers one sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from plotly.colors import sample_colorscale

from core.lecture.small_network import SmallNetwork
from ui.charts import style
from ui.charts.style import Chart, number

ROW = 98  # pixels from one node to the next below it
NODE = 44  # pixels across
BELOW = 44
ROOM = 0.95  # rows above the topmost and below the lowest node, together
MAX_LABELS = 3  # nodes of a layer up to which each edge has room for its weight
DASHES = {False: "solid", True: "6px,3px"}  # of a weight, by whether it is below 0
PALEST = 0.35  # share of the color scale's arm that even a weight of 0 has, to be seen on the page
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def indexed(letter: str, *indices: int) -> str:
    """A letter with its indices, counted from 1: x₁, w₁₂."""
    return letter + "".join(str(index + 1) for index in indices).translate(_SUBSCRIPT)


class NetworkData(NamedTuple):
    """A network's answer to one sample: the values and, but for the inputs, the net inputs of each layer's nodes.

    `heights` are the nodes' positions and `largest` is the size of the largest weight.
    """

    values: list[np.ndarray]
    nets: list[np.ndarray | None]
    heights: list[np.ndarray]
    largest: float


def network_data(net: SmallNetwork, sample: int) -> NetworkData:
    """The data step of `network`."""
    values = [net.x[sample], *(layer[sample] for layer in net.values.activation)]
    nets = [None, *(layer[sample] for layer in net.values.net)]
    heights = [(len(layer) - 1) / 2 - np.arange(len(layer)) for layer in values]
    return NetworkData(values, nets, heights, max(np.abs(net.w01).max(), np.abs(net.w12).max()) or 1.0)


def network(net: SmallNetwork, sample: int, *, dark: bool = False) -> Chart:
    """The network's answer to one sample; a node shows its output and its net input, an edge its weight.

    Args:
        sample: row of the training set, from 0.
    """
    layers, nets, heights, largest = network_data(net, sample)
    x, hidden, output = layers
    half = (max(map(len, layers)) - 1 + ROOM) / 2
    answers = ", ".join(f"{indexed('o', k)} = {number(value, 3)}" for k, value in enumerate(output))
    finding = f"Sample {sample + 1}: {answers}."
    frame = style.layout(
        "The network",
        finding,
        xaxis={"range": [-0.2, 2.2], "visible": False, "fixedrange": True},
        yaxis={"range": [-half, half], "visible": False, "fixedrange": True},
        dark=dark,
        height=69 + BELOW + round(2 * half * ROW),
        below=BELOW,
        hovermode="closest",
    )
    frame |= {"margin": frame["margin"] | {"l": 8, "r": 8}}
    data = []
    labels = []
    for layer, W in enumerate((net.w01, net.w12)):
        edges, weights = _edges(layer, W, largest=largest, left=heights[layer], right=heights[layer + 1], dark=dark)
        data += edges
        labels += weights
    data += [_nodes(net, k, layers=layers, nets=nets[k], heights=heights[k], dark=dark) for k in range(3)]
    data += _key(dark)
    frame["annotations"] = labels + _captions(nets, heights, dark)
    net_inputs: list[Any] = list(nets)
    nodes: list[dict[str, Any]] = [
        {"node": indexed(letter, i), "net input": None if nets[k] is None else net_inputs[k][i], "output": value}
        for k, letter in enumerate("xyo")
        for i, value in enumerate(layers[k])
    ]
    words = ", ".join(f"{node['node']} {number(node['output'], 3)}" for node in nodes)
    alt = f"Network of {len(x)} inputs, {len(hidden)} hidden nodes and {len(output)} outputs. {finding} Nodes: {words}."
    return Chart(spec={"data": data, "layout": frame}, alt=alt, make_table=lambda: pd.DataFrame(nodes))


def formula(
    letter: str, node: int, source: str, inputs: np.ndarray, weights: np.ndarray, net: float, out: float
) -> str:
    """Text that computes the output of a node, such as y₁, from those of the layer before, with its numbers."""
    symbols = " + ".join(f"{indexed('w', i, node)} {indexed(source, i)}" for i in range(len(inputs)))
    products = " + ".join(f"{_bracketed(w)}·{_bracketed(value)}" for w, value in zip(weights, inputs, strict=True))
    lines = [f"net = {symbols}", f"= {products}", f"= {number(net, 3)}"]
    return "<br>".join([*lines, f"{indexed(letter, node)} = S({number(net, 3)}) = {number(out, 3)}"])


def _bracketed(value: float) -> str:
    shown = number(float(value), 3)
    return f"({shown})" if value < 0 else shown


def _edges(
    layer: int, W: np.ndarray, *, largest: float, left: np.ndarray, right: np.ndarray, dark: bool
) -> tuple[list[dict], list[dict]]:
    """The edges between two layers, with words on each, and their weights written on them where there is room.

    Args:
        largest: size of the largest weight of the whole network, which is the thickest.
    """
    theme = style.theme(dark)
    traces = []
    labels = []
    middle = {"x": [], "y": [], "text": []}
    roomy = max(W.shape) <= MAX_LABELS
    for (i, j), entry in np.ndenumerate(W):
        w = float(entry)
        size = abs(w) / largest
        line = {"color": edge_color(w, largest, dark), "width": 1.5 + 5 * size, "dash": DASHES[w < 0]}
        stroke = {"type": "scatter", "mode": "lines", "line": line, "hoverinfo": "skip", "showlegend": False}
        traces.append(stroke | {"x": [layer, layer + 1], "y": [left[i], right[j]]})
        for share in (0.3, 0.5, 0.7):
            middle["x"].append(layer + share)
            middle["y"].append(left[i] + share * (right[j] - left[i]))
            middle["text"].append(f"{indexed('w', i, j)}<sup>({layer},{layer + 1})</sup> = {number(w, 3)}")
        if roomy:
            share = 1 / (max(W.shape) + 1)  # where the edges of all nodes are equally far apart
            where = {"x": layer + share, "y": left[i] + share * (right[j] - left[i]), "text": number(w, 2)}
            paint = {"bgcolor": theme.page, "borderpad": 1, "font": {"size": 12, "color": theme.text}}
            labels.append({"showarrow": False} | where | paint)
    unseen = {"type": "scatter", "mode": "markers", "marker": {"size": 14, "opacity": 0}, "showlegend": False}
    traces.append(unseen | middle | {"hovertemplate": "%{text}<extra></extra>"})
    return traces, labels


def edge_color(weight: float, largest: float, dark: bool) -> str:
    """Blue below 0, red above it, fuller for a larger weight; the muted gray at 0 itself."""
    if weight == 0:
        return style.theme(dark).muted
    strength = PALEST + (1 - PALEST) * min(abs(weight) / largest, 1)
    return sample_colorscale(style.gradient_colors(dark), [0.5 + 0.5 * strength * (1 if weight >= 0 else -1)])[0]


def _nodes(
    net: SmallNetwork,
    layer: int,
    layers: Sequence[np.ndarray],
    nets: np.ndarray | None,
    heights: np.ndarray,
    dark: bool,
) -> dict[str, Any]:
    """The nodes of a layer, colored by their output."""
    theme = style.theme(dark)
    values = layers[layer]
    shares = np.clip(values, 0, 1)
    if nets is None:  # the inputs
        words = [f"{indexed('x', i)} = {number(value, 3)}" for i, value in enumerate(values)]
    else:
        letter, source, W = (("y", "x", net.w01), ("o", "y", net.w12))[layer - 1]
        words = [formula(letter, j, source, layers[layer - 1], W[:, j], nets[j], values[j]) for j in range(len(values))]
    marker = {"size": NODE, "color": sample_colorscale(style.share_colors(dark), list(shares)), "opacity": 1}
    marker["line"] = {"color": theme.muted, "width": 1.5}
    font = {"size": 14, "color": [theme.page if share > 0.6 else theme.text for share in shares]}
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": np.full(len(values), layer),
        "y": heights,
        "text": [number(float(value), 2) for value in values],
        "textfont": font,
        "marker": marker,
        "hovertext": words,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "showlegend": False,
    }


def _captions(nets: Sequence[np.ndarray | None], heights: Sequence[np.ndarray], dark: bool) -> list[dict]:
    """The name above each node, and its net input below it."""
    theme = style.theme(dark)
    notes = []
    small = {"showarrow": False, "font": {"size": 12, "color": theme.muted}}
    for k, letter in enumerate("xyo"):
        for i, height in enumerate(heights[k]):
            notes.append(small | {"x": k, "y": height, "yshift": NODE / 2 + 9, "text": f"<b>{indexed(letter, i)}</b>"})
            net = nets[k]
            if net is not None:
                words = f"net {number(float(net[i]), 2)}"
                paint = {"bgcolor": style.fade(theme.page, 0.75), "borderpad": 0}
                notes.append(small | paint | {"x": k, "y": height, "yshift": -NODE / 2 - 9, "text": words})
    return notes


def _key(dark: bool) -> list[dict]:
    """Legend of the strokes."""
    entries = []
    for name, weight, dash in (("weight above 0", 1.0, DASHES[False]), ("below 0", -1.0, DASHES[True])):
        line = {"color": edge_color(weight, 1.0, dark), "width": 4, "dash": dash}
        entries.append({"type": "scatter", "x": [None], "y": [None], "mode": "lines", "name": name, "line": line})
    return entries
