"""The network above a chart over layers: a block for each layer, and a pulse that goes back through them.

A block's height is its number of units and its color the layer's gradient; the input's block has no gradient. The
pulse has the size of the gradient in each layer at step 0, so that it shrinks or grows by each layer's own factor; it
is unseen until a page animates it with the styles of `pulse_styles`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ui.charts import style
from ui.charts.layer_lines import UNDIMMED, Mover

HEIGHT = 46  # pixels
AXIS = "y3"
INPUT = -0.7  # where the layers' axis begins, so that the block of the input, at 0, is seen whole
# pixels of the widest and of the narrowest layer
MAX_BLOCK = 30
MIN_BLOCK = 5
MAX_PULSE = 34  # pixels across where the gradient is largest
MAX_PULSES = 60  # layers in which the pulse is seen: every k-th of more
# on its way back, and in one layer
PULSE_SECONDS = 1.6
FLASH_SECONDS = 0.5


def draw_strip(
    units: np.ndarray, norms: np.ndarray, shades: np.ndarray, *, scale: dict, dark: bool
) -> list[tuple[dict, Mover | None]]:
    """The drawings of the strip, each with what a frame changes of it, if anything.

    Args:
        units: (layers + 1,) units of the input and of every layer.
        norms: (frames, layers) gradient norms.
        shades: (frames, layers) colors, in the units of `scale`.
        scale: `colorscale`, `cmin` and `cmax` of Plotly.
    """
    theme = style.theme(dark)
    layers = len(units) - 1
    heights = block_heights(units)
    thick = max(2, min(14, 240 // (layers + 1)))
    at: dict[str, Any] = {
        "type": "scatter",
        "x": np.arange(layers + 1, dtype=np.int16),
        "y": np.zeros(layers + 1),
        "yaxis": AXIS,
    }
    at |= {"showlegend": False, "cliponaxis": False} | UNDIMMED
    symbol = {"symbol": "line-ns", "opacity": 1}
    edge = {"size": heights + 2, "line": {"width": thick + 2, "color": theme.muted}}
    # The edges of all blocks, the input's too, are one drawing, which takes the pointer for those above it.
    edges = at | {"name": "units", "mode": "lines+markers", "marker": symbol | edge}
    edges |= {"line": {"color": theme.muted, "width": 1}, "customdata": units, "hovertemplate": "%{customdata}"}
    unseen = {"hoverinfo": "skip"}
    inside = {"size": heights[1:], "line": scale | {"width": thick, "color": shades[0]}}
    blocks = at | {"name": "blocks", "mode": "markers", "marker": symbol | inside, "x": at["x"][1:], "y": at["y"][1:]}
    page = {"size": heights[:1], "line": {"width": thick, "color": theme.panel}}
    source = at | {"name": "input", "mode": "markers", "marker": symbol | page, "x": at["x"][:1], "y": at["y"][:1]}
    return [
        (edges, None),
        (source | unseen, None),
        (blocks | unseen, lambda k: {"marker": {"line": {"color": shades[k]}}}),
        (at | _pulse(norms[0], dark), None),
    ]


def block_heights(units: np.ndarray) -> np.ndarray:
    """Pixels of each block, in proportion to its units, but never too low to be seen."""
    return np.maximum(MIN_BLOCK, MAX_BLOCK * units / units.max())


def pulse_layers(layers: int) -> np.ndarray:
    """The layers in which the pulse is seen, counted from 1."""
    return np.unique(np.linspace(1, layers, min(layers, MAX_PULSES)).round().astype(np.int16))


def pulse_sizes(norms: np.ndarray) -> np.ndarray:
    """Pixels across the pulse in each layer, in proportion to its gradient; 0 where there is none."""
    good = np.where(np.isfinite(norms), norms, 0.0)
    return MAX_PULSE * good / max(float(good.max()), np.finfo(float).tiny)


def pulse_styles(layers: int, key: str) -> str:
    """CSS that lets the pulse of the chart with this key run once, where motion is welcome."""
    shown = pulse_layers(layers)
    points = f".st-key-{key} .xy3 .trace:last-child path.point"
    delays = "".join(
        f"{points}:nth-of-type({place}) {{animation-delay: {PULSE_SECONDS * (layers - layer) / layers:.2f}s}}"
        for place, layer in enumerate(shown, 1)
    )
    return (
        "<style>@keyframes pulse {0%, 100% {opacity: 0} 30% {opacity: 1}}"
        f"@media (prefers-reduced-motion: no-preference) {{{points} {{animation: pulse {FLASH_SECONDS}s ease-out both}}"
        f"{delays}}}</style>"
    )


def _pulse(norms: np.ndarray, dark: bool) -> dict:
    shown = pulse_layers(len(norms))
    marker = {"symbol": "circle", "size": pulse_sizes(norms)[shown - 1], "color": style.theme(dark).accent}
    marker |= {"opacity": 0, "line": {"width": 0}}
    pulse = {"name": "pulse", "mode": "markers", "x": shown, "y": np.zeros(len(shown)), "marker": marker}
    unseen = {"marker": {"opacity": 0}}
    return pulse | {"hoverinfo": "skip", "selected": unseen, "unselected": unseen}
