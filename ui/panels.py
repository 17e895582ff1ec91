"""Pieces of a page: its header, a chart with its text alternative, tables, and the menu to share and export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import ConfigError, RunConfig
from core.data.spreadsheet import escape_formulas
from core.export import from_json, to_csv, to_json, to_pytorch
from core.trace import Snapshot
from ui.charts.style import Chart, number, toolbar
from ui.controls import fields
from ui.controls.refusals import describe_refusal
from ui.runtime import downloads, event_log, jobs, limits
from ui.runtime.jobs import Run
from ui.runtime.progress import ProgressReporter
from ui.runtime.services import services
from ui.session import session, session_by_name
from ui.text import as_text, typeset

MAX_FORMATTED_CELLS = 40_000  # a larger table takes too long to format
MAX_LISTED_LAYERS = 8  # of uneven widths in a line


def page_header(title: str, claim: str = "") -> DeltaGenerator:
    """Draws the title of a page with the claim of what it shows; returns the container for buttons at the top right."""
    with st.container(key="page-header", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
            st.title(title, anchor=False, width="content")
            actions = st.container(horizontal=True, width="content", vertical_alignment="center", gap="small")
        if claim:
            st.caption(as_text(typeset(claim)))
    return actions


def dark() -> bool:
    """Returns whether the visitor's page is dark."""
    return st.context.theme.type == "dark"


def load_snapshot(run: Run, step: int) -> Snapshot | None:
    """Returns what a network holds at a step, showing how its training advances; None after an error, also shown."""
    reporter = ProgressReporter(st.empty())
    try:
        snapshot = jobs.get_snapshot(run, step, reporter)
    except ConfigError as error:
        show_error(error)
        return None
    reporter.clear()
    return snapshot


def show(
    chart: Chart,
    key: str,
    numbers: bool = False,
    picked: Callable[[], None] | None = None,
    *,
    height: Literal["content", "stretch"] = "content",
) -> None:
    """Draws one chart with its finding as text alternative, and on request a popover with its numbers.

    Args:
        picked: called when a point is clicked; `st.session_state[key]` has the selection.
        height: "content", the figure's own, or "stretch", that of the container.
    """
    config = toolbar(key, session.get("picture") or "png")
    click: dict[str, Any] = {}
    if picked:
        chart = _clickable(chart)
        click = {"on_select": picked, "selection_mode": "points"}
    st.plotly_chart(chart.raw_figure, key=key, theme=None, config=config, alt=chart.alt, height=height, **click)
    if numbers:
        # Not "tertiary": while open, its label has a contrast of 2:1 on a dark page.
        box = st.popover("Numbers", key=f"{key}-numbers", icon=":material/table:", on_change="rerun")
        if box.open:
            with box:
                table(chart.table, hide_index=True)


def _clickable(chart: Chart) -> Chart:
    """The chart as Streamlit makes it for clicks on points: where it has to change this, Plotly draws all again."""
    layout = chart.spec["layout"]
    changes = {"clickmode": "event+select", "dragmode": layout.get("dragmode") or "pan"}
    return replace(chart, spec=chart.spec | {"layout": layout | changes})


@st.fragment
def tables(charts: Mapping[str, Callable[[], Chart]], key: str, on_change: Any = "rerun") -> None:
    """Draws an expander with a table of any chart of the page, computed when it is opened.

    Args:
        on_change: a callback for when it is opened or closed.
    """
    box = st.expander("Numbers behind the charts", key=key, on_change=on_change)
    if box.open:
        with box:
            name = st.selectbox("Chart", list(charts), key=f"{key}_of")
            table(charts[name]().table, hide_index=True)


def table(frame: pd.DataFrame, **options: Any) -> None:
    """Draws a table that can be sorted and searched; formulas in a visitor's names are escaped in its CSV file.

    Numbers are shown like those of the page, such as 4.3×10⁻⁸, and sorted by their value.
    """
    safe: Any = escape_formulas(frame)
    floats = safe.select_dtypes("float").columns
    if len(floats) and safe.size <= MAX_FORMATTED_CELLS and safe.columns.is_unique and safe.index.is_unique:
        safe = safe.style.format(dict.fromkeys(floats, lambda value: number(value, 4)), na_rep="–")
    st.dataframe(safe, **options)


def summary_line(config: RunConfig) -> str:
    """The settings of a run in one line."""
    widths = set(config.hidden)
    if len(widths) == 1:
        shape = f"{len(config.hidden)} × {widths.pop()}"
    else:
        shape = "-".join(map(str, config.hidden[:MAX_LISTED_LAYERS]))
        shape += f"-… ({len(config.hidden)} layers)" * (len(config.hidden) > MAX_LISTED_LAYERS)
    activation, init, optimizer, dataset = (
        fields.option_label(field, getattr(config, field)) for field in ("activation", "init", "optimizer", "dataset")
    )
    network = f"{shape} {activation}" if config.hidden else "no hidden layer"
    rate = f"{optimizer}, learning rate {config.learning_rate:g}, {config.steps:,} steps"
    return f"{network} · {init} × {config.init_scale:g} · {dataset} · {rate if config.steps else 'untrained'}"


def show_error(error: ConfigError) -> None:
    """Explains in one sentence why settings are refused."""
    event_log.log_refusal(error)
    st.error(as_text(describe_refusal(error)), icon=":material/block:")


def choose_picture() -> None:
    """Draws the choice of the file format of every chart's camera button; Plotly gives one button one format."""
    st.segmented_control(
        "Pictures",
        ["png", "svg"],
        default="png",
        required=True,
        format_func=str.upper,
        key="picture",
        persist_state="session",
        on_change=st.rerun,  # the menu is a fragment, and every chart has the button
        help="The file format of the camera button of a chart: PNG is made of pixels; SVG stays sharp in print.",
    )


def settings_and_files(config: RunConfig | None, run: Run | None = None) -> None:
    """Draws the files of a run, and the upload of a settings file, for the menu to share."""
    if config is not None:
        if config.dataset == "custom":
            st.caption("The link does not contain your table.")
        download("Settings (JSON)", lambda: to_json(config), "gradient-lab.json", "application/json")
    if run is not None:
        rows = run.config.rows * (len(run.config.hidden) + 1)
        if is_writable(rows):
            download("Record (CSV)", to_csv, "gradient-lab.csv", "text/csv", partial(jobs.get_trace, run))
        download("PyTorch script", lambda: to_pytorch(run.config, jobs.get_data(run)), "gradient_lab.py",
                 "text/x-python")  # fmt: skip
    choose_picture()
    draw_settings_upload("config_file", _load)


def download(
    label: str,
    write: Callable[..., str | bytes],
    name: str,
    mime: str,
    prepare: Callable[[downloads.AbsenceWatcher], Any] | None = None,
) -> None:
    """Draws a button for a file that is made when the button is pressed.

    Args:
        prepare: gets the argument of `write`, which has none otherwise; see `Downloads.in_turn`.
    """
    in_turn = services().downloads.in_turn
    make = in_turn(write, prepare) if prepare else in_turn(lambda _: write(), lambda _: None)
    st.download_button(
        label, make, name, mime, key=f"download_{name}", on_click="ignore", icon=":material/download:", width="stretch"
    )


def is_writable(rows: int) -> bool:
    """Tells whether a record of so many rows may be downloaded here; says in a sentence where it may not."""
    limit = limits.value("MAX_RECORD")
    if limit is None or rows <= limit:
        return True
    st.caption(
        f"The record has {rows:,} rows, one a step and layer; this server writes files of {limit:,} at most. Record "
        "fewer steps to get a file."
    )
    return False


def _load(raw: bytes) -> None:
    fields.apply(from_json(raw))


def draw_settings_upload(key: str, take: Callable[[bytes], None]) -> None:
    """Draws the field for a file of settings; why one is refused stands below it until the next is chosen.

    Args:
        take: sets the controls to what a file holds; a ConfigError refuses it.
    """
    st.file_uploader(
        "Load settings (JSON)", type=["json"], key=key, on_change=_take_file, args=(key, take), max_upload_size=1
    )
    error = session_by_name.get(f"{key}_fault")
    if error is not None:
        show_error(error)


def _take_file(key: str, take: Callable[[bytes], None]) -> None:
    file = session_by_name[key]
    session_by_name[f"{key}_fault"] = None
    if file is None:
        return
    try:
        take(file.getvalue())
    except ConfigError as error:
        session_by_name[f"{key}_fault"] = error
        return
    st.rerun()  # the menu is a fragment, and the settings stand all over the page
