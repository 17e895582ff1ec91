"""The 2-2-1 network as a drawing in which every node and edge is a place for a control or a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from urllib.parse import quote

import streamlit as st

from ui import panels
from ui.charts import style

# Shares of the drawing's width and height: inputs, hidden units, output; then the places of the six weights.
NODES = ((0.1, 0.2), (0.1, 0.8), (0.5, 0.2), (0.5, 0.8), (0.9, 0.5))
EDGES = ((0, 2), (0, 3), (1, 2), (1, 3), (2, 4), (3, 4))
CROSSING = 0.3  # share of an edge at which its label stands where two edges cross in their middles
LAYERS = ("layer 0", "layer 1", "layer 2")
# pixels
HEIGHT = 400
MAX_WIDTH = 680


def edge_place(edge: int) -> tuple[float, float]:
    """Where the label of an edge stands."""
    start, end = (NODES[node] for node in EDGES[edge])
    share = CROSSING if edge in (1, 2) else 0.5
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


PLACES = (*NODES, *(edge_place(edge) for edge in range(len(EDGES))))


def draw(key: str, alt: str, fill: Callable[[int], None], marked: Sequence[int] = ()) -> None:
    """Draws the network; `fill` draws what stands at a place, from 0: five nodes, then six edges.

    Args:
        key: of the container; a page may have several drawings.
        alt: the text alternative of the lines.
        marked: places that are drawn bold, such as blanks that are filled.
    """
    with st.container(key=key):
        with st.container(key=f"{key}_words"):
            st.html(f"<style>{_style(key, marked)}</style><p>{escape(alt)}</p>{_captions()}")
        for place in range(len(PLACES)):
            with st.container(key=f"{key}_{place}", width="content"):
                fill(place)


def _style(key: str, marked: Sequence[int]) -> str:
    def of(positions: range, part: str) -> str:
        return ",".join(f".st-key-{key}_{place} {part}" for place in positions)

    page = style.theme(panels.dark()).page
    nodes = range(len(NODES))
    edges = range(len(NODES), len(PLACES))
    positions = "".join(
        f".st-key-{key}_{place}{{position:absolute;left:{100 * x:g}%;top:{100 * y:g}%;"
        f"transform:translate(-50%,-50%);z-index:1;width:auto!important}}"
        for place, (x, y) in enumerate(PLACES)
    )
    # The alternative text is for screen readers; the arrow of a popover's button takes room that a phone lacks.
    return (
        f".st-key-{key}{{--height:{HEIGHT}px;position:relative;flex:none;height:var(--height);max-width:{MAX_WIDTH}px;"
        f"background:url({_lines(marked)}) 0 0/100% 100% no-repeat}}"
        f".st-key-{key}_words{{position:absolute;inset:0}}"
        f".st-key-{key}_words p{{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}"
        f".st-key-{key}_words span{{position:absolute;top:calc(var(--height) - 24px);transform:translateX(-50%);"
        "opacity:.75;white-space:nowrap}"
        f"{positions}{of(range(len(PLACES)), '[data-testid=stMarkdownContainer]:not(button *)')}{{background:{page}}}"
        f"{of(nodes, 'button')}{{border-radius:2rem;min-width:3.6rem;min-height:3.2rem;justify-content:center}}"
        f"{of(edges, 'button')}{{padding:.1rem .5rem;min-height:2.2rem;min-width:2.6rem;justify-content:center}}"
        f".st-key-{key} button *{{pointer-events:none}}"
        f".st-key-{key} button :has(> [data-testid=stIconMaterial]){{display:none}}"
    )


def _lines(marked: Sequence[int]) -> str:
    """The edges as a picture in the address of a style: solid where marked, in a gray that shows in both themes."""
    lines = "".join(
        "<line "
        + " ".join(f"{name}='{100 * value:g}'" for name, value in zip(("x1", "y1", "x2", "y2"), ends, strict=True))
        + " stroke='#7b8894' vector-effect='non-scaling-stroke' "
        + ("stroke-width='3'/>" if len(NODES) + edge in marked else "stroke-width='1.5' stroke-dasharray='6 4'/>")
        for edge, ends in enumerate((*NODES[start], *NODES[end]) for start, end in EDGES)
    )
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 100' preserveAspectRatio='none'>{lines}</svg>"
    return "data:image/svg+xml," + quote(picture)


def _captions() -> str:
    return "".join(
        f'<span style="left:{100 * x:g}%">{words}</span>' for x, words in zip((0.1, 0.5, 0.9), LAYERS, strict=True)
    )
