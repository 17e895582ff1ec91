"""Pages within a frame of another site: the picture, its slider and the verdict, without navigation and scrolling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import streamlit as st

from core import ConfigError, RunConfig
from ui import panels
from ui.charts.filling import fill
from ui.charts.style import Chart
from ui.controls import fields
from ui.urls import views

CONTROLS = ("activation", "depth", "init_scale")  # of the Lab, in a frame
MAX_SHORT_PIXELS = 480  # pixels of a frame that is too low for sentences and labels of controls
# Pixels of the rows beside the picture, in a tall frame and in a short one.
ROWS = {"verdict": (34, 32), "sentence": (46, 0), "controls": (74, 46), "link": (26, 22), "margins": (26, 26)}

# The picture and all boxes around it have one height: of a flexible box Plotly would take its own of 450 pixels.
_PICTURE = (
    ":is(:has(> .st-key-frame-picture), .st-key-frame-picture, .st-key-frame-picture > *, "
    ".st-key-frame-picture :is([data-testid=stFullScreenFrame], [data-testid=stPlotlyChart]))"
)
# Of every page in a frame, also while it waits for its picture.
BARE = """<style>
[data-testid=stSidebar], [data-testid=stExpandSidebarButton], [data-testid=stHeader] {display: none}
.stMainBlockContainer {padding: .4rem .8rem !important; max-width: none}
</style>"""
_STYLE = """
.stMainBlockContainer .stVerticalBlock {{gap: .15rem}}
.st-key-frame-verdict h2 {{font-size: 1.1rem; padding: 0}}
.st-key-frame-verdict p {{font-size: .85rem; line-height: 1.3}}
.st-key-verdict {{margin: 0}}
.st-key-frame-verdict [data-testid=stHeading] [data-testid=stMarkdownContainer] {{margin-bottom: 0}}
.st-key-frame-link p {{font-size: .8rem}}
.st-key-frame-picture {{overflow: hidden auto}}
:root {{--picture: calc(100vh - {tall}px)}}
{picture} {{height: var(--picture) !important; flex: none !important}}
@media (max-height: {short}px) {{
  :root {{--picture: calc(100vh - {low}px)}}
  .st-key-frame-verdict p {{display: none}}
  .st-key-frame-verdict :is(h2, h2 *) {{white-space: nowrap; overflow: hidden; text-overflow: ellipsis}}
  .st-key-frame-controls [data-testid=stWidgetLabel] {{display: none}}
}}
"""


def draw(
    chart: Chart,
    key: str,
    *,
    verdict: Callable[[], None],
    controls: Mapping[str, Callable[[], object]] | None = None,
    picked: Callable[[], None] | None = None,
) -> None:
    """Draws a page's frame around a chart.

    Args:
        chart: the picture; it fills what the other rows leave of the frame.
        key: of the chart.
        verdict, controls: as for `draw_frame`.
        picked: called when a point of the chart is clicked.
    """

    def picture() -> None:
        panels.show(fill(chart), key, picked=picked, height="stretch")

    draw_frame(picture, verdict=verdict, controls=controls)


def draw_frame(
    picture: Callable[[], None],
    *,
    verdict: Callable[[], None],
    controls: Mapping[str, Callable[[], object]] | None = None,
) -> None:
    """Draws what a frame shows: verdict, controls, picture, and a link to the full page.

    Args:
        picture: draws the picture; its container has the height that the other rows leave of the frame.
        verdict: draws the verdict; not called where the address turns words off.
        controls: by key, what draws each; not called for those that the address hides.
    """
    shown = [draw for name, draw in (controls or {}).items() if not views.is_hidden(name)]
    rows = ["margins", "link"] + ["controls"] * bool(shown) + ["verdict", "sentence"] * views.has_text()
    tall, low = (sum(ROWS[row][size] for row in rows) for size in (0, 1))
    st.html(f"<style>{_STYLE.format(picture=_PICTURE, tall=tall, low=low, short=MAX_SHORT_PIXELS)}</style>")
    if views.has_text():
        with st.container(key="frame-verdict"):
            verdict()
    if shown:
        options: dict[str, Any] = {"min_column_width": 120, "gap": "small", "vertical_alignment": "bottom"}
        with st.container(key="frame-controls"), st.grid(len(shown), **options):
            for draw in shown:
                with st.container():
                    draw()
    with st.container(key="frame-picture", height="stretch"):
        picture()
    with st.container(key="frame-link"):
        st.markdown(f"[Open the full page]({full_page()})")


def fields_of_run() -> dict[str, Callable[[], None]]:
    """The controls of the Lab in a frame."""
    return {field: partial(fields.draw, field) for field in CONTROLS}


def draw_words(title: str, sentence: str = "") -> None:
    """Draws the verdict of a page that has none of its own: its title and a sentence.

    Args:
        title: as Markdown.
        sentence: as Markdown.
    """
    st.header(title, anchor=False)
    if sentence:
        st.markdown(sentence)


def read_config() -> tuple[RunConfig | None, ConfigError | None]:
    """The config of the address, or why there is none; without the sidebar."""
    try:
        return fields.read_config(), None
    except ConfigError as error:
        return None, error


def full_page() -> str:
    """The address of this page without a frame."""
    page = urlsplit(st.context.url or "")
    query = "&".join(
        f"{name}={value}" for name in st.query_params for value in st.query_params.get_all(name)
        if name not in views.FRAME
    )  # fmt: skip
    return urlunsplit((page.scheme, page.netloc, page.path or "/", query.replace(" ", "%20"), ""))
