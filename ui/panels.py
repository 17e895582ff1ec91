"""Pieces of a page: the verdict with its cures, a chart with its text alternative, and what one takes away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit, urlunsplit

import pandas as pd
import streamlit as st

from core import ConfigError, RunConfig
from core.data.spreadsheet import escape_formulas
from core.diagnosis.rules import VERDICTS, Diagnosis, Finding
from core.export import from_json, to_csv, to_json, to_pytorch
from ui.charts.style import Chart, toolbar
from ui.controls import fields
from ui.runtime import event_log, sessions
from ui.runtime.sessions import Run
from ui.text import as_text, typeset
from ui.urls import link

MARKS = {"bad": ":material/error:", "warning": ":material/warning:", "note": ":material/info:",
         "good": ":material/check_circle:"}  # fmt: skip


def dark() -> bool:
    """Whether the visitor's page is dark."""
    return st.context.theme.type == "dark"


def show(chart: Chart, key: str, numbers: bool = False, picked: Callable[[], None] | None = None) -> None:
    """One chart under its own key, with its finding as text alternative, and perhaps its numbers to open.

    `picked` is called when a point is clicked; `st.session_state[key]` then says which.
    """
    config = toolbar(key, st.session_state.get("picture") or "png")
    click = {"on_select": picked, "selection_mode": "points"} if picked else {}
    st.plotly_chart(chart.raw_figure, key=key, theme=None, config=config, alt=chart.alt, **click)
    if numbers:
        # Not "tertiary": pressed and open, its words are 2:1 against a dark page.
        box = st.popover("Numbers", key=f"{key}-numbers", icon=":material/table:", on_change="rerun")
        if box.open:
            with box:
                table(chart.table, hide_index=True)


@st.fragment
def tables(charts: Mapping[str, Callable[[], Chart]], key: str) -> None:
    """Any chart of the page as a table, in an expander; each is drawn only when it is asked for."""
    box = st.expander("Numbers behind the charts", key=key, on_change="rerun")
    if box.open:
        with box:
            name = st.selectbox("Chart", list(charts), key=f"{key}_of")
            table(charts[name]().table, hide_index=True)


def table(frame: pd.DataFrame, **look: object) -> None:
    """A table to sort and search; its toolbar saves it as CSV, with whatever a visitor called things made harmless."""
    st.dataframe(escape_formulas(frame), **look)


def summary_line(config: RunConfig) -> str:
    """A run in one line."""
    widths = set(config.hidden)
    shape = f"{len(config.hidden)} × {widths.pop()}" if len(widths) == 1 else "-".join(map(str, config.hidden[:8]))
    network = f"{shape} {config.activation}" if config.hidden else "no hidden layer"
    training = f"{config.optimizer} {config.learning_rate:g}, {config.steps:,} steps" if config.steps else "untrained"
    return f"{network} · {config.init} × {config.init_scale:g} · {config.dataset} · {training}"


def verdict(diagnosis: Diagnosis, config: RunConfig, theory: str = "") -> None:
    """What happened in words, three numbers, and each cure as a button that applies it.

    Args:
        theory: a sentence on what theory expected.
    """
    gravest, *others = diagnosis.findings
    st.title(VERDICTS[diagnosis.verdict][0])
    st.markdown(" ".join(as_text(typeset(words)) for words in (diagnosis.sentence, gravest.why, theory) if words))
    with st.container(horizontal=True):
        for reading in diagnosis.numbers:
            st.metric(reading.label, typeset(reading.value), help=reading.help, border=True, height="stretch")
    _cures(gravest, config)
    if others:
        with st.expander("Also: " + ", ".join(VERDICTS[finding.name][0].lower() for finding in others)):
            for finding in others:
                st.markdown(f"{MARKS[finding.severity]} {as_text(typeset(finding.what))} {as_text(finding.why)}")
                _cures(finding, config)


def _cures(finding: Finding, config: RunConfig) -> None:
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        if finding.suggestions:
            st.markdown("**Try**", width="content")
        for i, cure in enumerate(finding.suggestions):
            st.button(
                cure.label,
                key=f"cure_{finding.name}_{i}",
                icon=":material/healing:",
                wrap=True,
                help="Sets " + ", ".join(f"`{field}` to `{value}`" for field, value in cure.changes.items()),
                on_click=fields.apply,
                args=(config.replace(**cure.changes),),
            )


def show_error(error: ConfigError) -> None:
    """Why there is no run, in one sentence."""
    event_log.refusal(error)
    st.error(as_text(error), icon=":material/block:")


def choose_picture() -> None:
    """The format in which the camera of every chart's toolbar saves: Plotly gives one button one format."""
    st.segmented_control(
        "Pictures",
        ["png", "svg"],
        default="png",
        required=True,
        format_func=str.upper,
        key="picture",
        persist_state="session",
        help="What the camera in a chart's toolbar saves: pixels, or lines that stay sharp in print.",
    )


def share_menu(config: RunConfig | None, run: Run | None = None) -> None:
    """The link to these settings, files of the run, and a file of settings to load."""
    with st.popover("Share and export", icon=":material/ios_share:"):
        if config is not None:
            table = "; your table is not in it" if config.dataset == "custom" else ""
            st.caption(f"Copy link: it opens the page with these settings{table}.")
            st.code(_address(config), language=None, wrap_lines=True)
            download("Settings (JSON)", lambda: to_json(config), "gradient-lab.json", "application/json")
        if run is not None:
            download("Record (CSV)", lambda: to_csv(sessions.get_trace(run)), "gradient-lab.csv", "text/csv")
            download("PyTorch script", lambda: to_pytorch(config, run.data), "gradient_lab.py", "text/x-python")
        choose_picture()
        st.file_uploader("Load settings (JSON)", type=["json"], key="config_file", on_change=_load, max_upload_size=1)
        if st.session_state.get("load_fault"):
            show_error(st.session_state["load_fault"])


def _address(config: RunConfig) -> str:
    page = urlsplit(st.context.url or "")
    return urlunsplit((page.scheme, page.netloc, page.path or "/", link.to_query(config), ""))


def download(label: str, make: Callable[[], str], name: str, mime: str) -> None:
    """A button for a file that is made when it is pressed."""
    st.download_button(
        label, make, name, mime, key=f"download_{name}", on_click="ignore", icon=":material/download:", width="stretch"
    )


def _load() -> None:
    file = st.session_state["config_file"]
    st.session_state["load_fault"] = None
    if file is None:
        return
    try:
        fields.apply(from_json(file.getvalue()))
    except ConfigError as error:
        st.session_state["load_fault"] = error
