"""The scene of a page as a link, a QR code, a frame for another site, and a sheet for the class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

import segno
import streamlit as st

from ui import panels
from ui.charts.style import Chart
from ui.compare.printable import document
from ui.controls import fields
from ui.embedding import CONTROLS
from ui.session import session
from ui.urls import scenes, views

Query = dict[str, list[str]]  # parameters of an address
FRAMES = {"800 × 600": (800, 600), "640 × 400": (640, 400)}
SAFE = ",;~=!"  # characters that an address keeps as they are, for readers


def to_address(query: Query) -> str:
    """The address of this page with a query."""
    page = urlsplit(st.context.url or "")
    return urlunsplit((page.scheme, page.netloc, page.path or "/", urlencode(query, doseq=True, safe=SAFE), ""))


def compact_address(query: Query) -> str:
    """The compact address of a scene of the Lab."""
    return to_address({scenes.PARAMETER: [scenes.pack(query)]}) if query else to_address({})


def present_button(page: str, read_query: Callable[[], Query]) -> None:
    """Draws the button that shows the scene on a projector; its key is P.

    Args:
        page: its path; empty for the Lab.
        read_query: returns the parameters that state what the page shows now.
    """
    if st.button("Present", key="present", icon=":material/slideshow:", shortcut="P"):
        st.switch_page("pages/present.py", query_params={"link": f"{page}?{urlencode(read_query(), doseq=True)}"})


@st.fragment
def draw_menu(
    page: str,
    read_query: Callable[[], Query],
    more: Callable[[], None],
    handout: Callable[[str], Callable[[], str]] | None = None,
) -> None:
    """Draws the menu to share a page: its scene, and what the page adds.

    Args:
        page, read_query: as for `present_button`.
        more: draws the page's own entries, such as files.
        handout: given the scene's address, returns what makes its sheet as HTML; None where there is nothing to print.
    """
    menu = st.popover("Share", icon=":material/ios_share:", key="share", on_change="rerun")
    query = read_query()
    if session.pop("share_embed_asked", False):
        draw_embed_dialog(query, CONTROLS if page == "" else ())
    if not menu.open:
        return
    with menu:
        st.caption("This link opens the scene: page, settings, quantity, step, opened panels and range of the axis.")
        address = to_address(query)
        st.code(address, language=None, wrap_lines=True)
        if page == "":
            st.caption("Copy scene: the same, compact.")
            address = compact_address(query)
            st.code(address, language=None, wrap_lines=True)
        with st.expander("QR code", key="share_code", on_change="rerun") as box:
            if box.open:
                st.html(qr_code(address))
        if handout is not None:
            panels.download("Handout (HTML)", handout(address), "gradient-lab-handout.html", "text/html")
        st.button("Show in another site", key="share_embed", icon=":material/code:", width="stretch",
                  on_click=_ask_for_frame)  # fmt: skip
        more()


def _ask_for_frame() -> None:
    """Closes the menu, which would lie over the dialog, and opens the dialog."""
    session.update({"share": False, "share_embed_asked": True})


def qr_code(address: str) -> str:
    """A QR code as HTML, with its address as the alternative text; dark on light in either theme."""
    picture = segno.make(address, error="m").svg_data_uri(scale=5, border=4, dark="#000", light="#fff")
    return f'<img src="{picture}" alt="QR code of {escape(address)}" style="width: 100%; max-width: 22rem">'


def make_handout(title: str, lines: list[str], chart: Chart, address: str) -> str:
    """The sheet of a scene: verdict, settings, picture, link and QR code, as one HTML file that loads nothing."""
    page = document(title, [*lines, address], [chart], [])
    code = f'<figure style="width: 9rem">{qr_code(address)}</figure>'
    return page.replace("</body>", f"{code}</body>")


@st.dialog("Show in another site", width="large")
def draw_embed_dialog(query: Query, controls: Sequence[str]) -> None:
    """Builds the code of a frame, with the frame itself below.

    Args:
        query: of the scene.
        controls: fields of RunConfig that the frame has.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        size = st.segmented_control("Size", list(FRAMES), default=next(iter(FRAMES)), required=True, key="embed_size")
        words = st.toggle("Words", value=True, key="embed_words")
    labels = {field: fields.CONTROLS[field].label for field in controls}
    hidden = []
    locked = []
    if controls:
        with st.container(horizontal=True):
            hidden = st.pills(
                "Hidden controls", controls, selection_mode="multi", format_func=labels.__getitem__, key="embed_hide"
            )
            locked = st.pills(
                "Fixed controls", controls, selection_mode="multi", format_func=labels.__getitem__, key="embed_lock"
            )
    width, height = FRAMES[size]
    address = to_address(frame_query(query, hide=hidden, lock=locked, words=words))
    st.code(frame_code(address, width=width, height=height), language="html", wrap_lines=True)
    st.caption("The server must allow the site: GRADIENT_LAB_FRAME_ANCESTORS (docs/teaching.md).")
    st.iframe(address, width=width, height=height)


def frame_query(query: Query, *, hide: list[str], lock: list[str], words: bool) -> Query:
    """The parameters of a page within a frame."""
    query = {name: texts for name, texts in query.items() if name not in views.FRAME}
    frame = {"hide": ",".join(hide), "lock": ",".join(lock), "text": "" if words else "off"}
    return {"embed": ["true"]} | query | {name: [text] for name, text in frame.items() if text}


def frame_code(address: str, *, width: int, height: int) -> str:
    """The HTML of a frame."""
    return (
        f'<iframe src="{escape(address)}" width="{width}" height="{height}" style="border: 0" loading="lazy" '
        'title="Gradient Flow Lab"></iframe>'
    )
