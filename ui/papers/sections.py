"""Sections of the Papers page: the overview, and one paper with its claim, its figure, its numbers and a run here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import ConfigError
from core.engine import workers
from core.papers.entry import Formula, Paper
from core.papers.registry import PAPERS
from core.papers.report import Result, Row, Stages
from core.papers.stored import StoredResult, fingerprint, read
from core.wording import percent
from ui import embedding, panels
from ui.charts import style
from ui.charts.paper_figures import FIGURES
from ui.charts.style import number
from ui.runtime import jobs
from ui.runtime.progress import ProgressReporter
from ui.runtime.services import services
from ui.session import session, session_by_name
from ui.text import as_text, curl_apostrophes, format_duration
from ui.urls import link, views

FIRST = next(iter(PAPERS))
FREE_TEXT_PARAMS = ("paper", "figure")  # of the address: their texts are refused where they are read


@dataclass(frozen=True)
class Shown:
    """The result on the page, and whether this session has just made it."""

    result: Result
    is_new: bool


class PaperProgressReporter(ProgressReporter):
    """Shows the progress of an experiment."""

    def on_progress(self, done: int, total: int) -> None:
        words = f"Running on this server: {percent(done / total)}. Leaving this paper or this page stops it."
        self._show(done / total, words)


@st.cache_resource(show_spinner=False)
def stored() -> dict[str, StoredResult]:
    """The results that come with this version."""
    return read()


def get_new_results() -> dict[str, Result]:
    """The results that this session has made, by paper."""
    return session.setdefault("fresh_papers", {})


def shown(paper: Paper) -> Shown | None:
    """The newest results of a paper."""
    if paper.name in get_new_results():
        return Shown(get_new_results()[paper.name], True)
    entry = stored().get(paper.name)
    return Shown(entry.result, False) if entry else None


def chosen() -> Paper:
    """The paper of the address, held there; a sentence where the address names none that there is."""
    asked = st.query_params.get("paper")
    if asked in PAPERS:
        session["paper_shown"] = asked
    elif asked is not None:
        panels.show_error(ConfigError("paper", asked, "it must be one of " + ", ".join(PAPERS)))
    name = st.pills(
        "Paper",
        list(PAPERS),
        default=None if "paper_shown" in session else FIRST,
        required=True,
        format_func=lambda name: PAPERS[name].label,
        key="paper_shown",
        label_visibility="collapsed",
        on_change=_turn,
    )
    return PAPERS[name or FIRST]


def _turn() -> None:
    st.query_params["paper"] = session["paper_shown"]
    st.query_params.pop("figure", None)


def scene() -> dict[str, list[str]]:
    """The parameters that state what the page shows now."""
    query = {name: st.query_params.get_all(name) for name in FREE_TEXT_PARAMS if name in st.query_params}
    return {"paper": [session.get("paper_shown", FIRST)]} | query


def draw_frame() -> None:
    """Draws what a frame shows: the subject, how our numbers agree, and one figure."""
    for parameter, default in views.FRAME_DEFAULTS.items():
        session_by_name[parameter] = st.query_params.get(parameter, default)
    name = st.query_params.get("paper", FIRST)
    paper = PAPERS.get(name)
    there = None if paper is None else shown(paper)
    if paper is None or there is None:
        panels.show_error(ConfigError("paper", name, "it must be one of " + ", ".join(PAPERS)))
        return
    charts = FIGURES[paper.name](there.result.series, panels.dark())
    count = len(charts)
    asked = st.query_params.get("figure", "1")
    if asked not in map(str, range(1, count + 1)):
        panels.show_error(ConfigError("figure", asked, f"it must be from 1 to {count}"))
        return
    key = f"figure_{paper.name}"
    index = int(session_by_name.setdefault(key, int(asked)))

    def choose() -> None:
        st.segmented_control("Figure", list(range(1, count + 1)), required=True, key=key,
                             disabled=views.is_locked("figure"))  # fmt: skip

    sentence = f"{_agreement(there.result)} {as_text(paper.authors)} ({paper.year}): {as_text(paper.title)}"
    embedding.draw(
        charts[index - 1],
        f"paper-{paper.name}-{index - 1}",
        verdict=lambda: embedding.draw_words(as_text(paper.subject), sentence),
        controls={"figure": choose} if count > 1 else {},
    )


def overview() -> None:
    """All papers with their verdicts."""
    st.subheader("All papers", anchor=False)
    lines = []
    for paper in PAPERS.values():
        there = shown(paper)
        if there is None:
            verdict = "not run yet"
        elif there.result.differing:
            verdict = f"≠ {len(there.result.differing)} of {len(there.result.rows)} differ"
        else:
            verdict = f"✓ all {there.result.agreeing} agree"
        if there is not None and there.result.unchecked:
            verdict += f", {len(there.result.unchecked)} unchecked"
        lines.append({"Paper": as_text(paper.label), "About": as_text(paper.subject), "Verdict": verdict})
    st.table(pd.DataFrame(lines), border="horizontal", hide_index=True, alt="The papers and how our numbers agree")
    st.caption(
        "Results are shown as they were stored; each experiment can be run here. Where training is chaotic, its end "
        "depends on the processor, whose rounding differs in the last digit. Verdicts depend only on what is the same "
        "on every processor, such as the step at which learning starts."
    )


def section(paper: Paper) -> None:
    """One paper: its subject, how our numbers agree and the picture first; then its claims, numbers and sources."""
    with st.container(key="verdict", gap="xxsmall"):
        st.header(as_text(paper.subject), anchor=False)
        there = shown(paper)
        agreement = "" if there is None else f"{_agreement(there.result)} "
        source = f"{as_text(paper.authors)} ({paper.year}): [{as_text(paper.title)}]({paper.link})"
        st.markdown(agreement + source)
    slot = st.empty()
    if there is not None:
        _figures(paper, there.result)
    claims = (f"- {_words(claim)} *({_words(checked)})*" for claim, checked in paper.claims)
    st.markdown("**What it says**\n" + "\n".join(claims))
    if there is not None:
        _differences(there.result)
    _origin(paper, there, slot)
    if there is None:
        return
    st.subheader("Their numbers and ours", anchor=False)
    st.html(table(there.result, panels.dark()))
    with st.expander("When a row agrees"):
        for row in there.result.rows:
            st.markdown(f"**{_words(row.what)}.** {_words(row.tolerance)}")
    alone = len(FIGURES[paper.name](there.result.series, panels.dark())) == 1
    with st.grid(2, min_column_width=420, gap="large"):
        if not alone:
            _settings(paper)
        with st.container():
            for formula in paper.formulas:
                _formula(formula)


def _figures(paper: Paper, result: Result) -> None:
    """Draws the charts of a paper; a single one has the settings beside it."""
    charts = FIGURES[paper.name](result.series, panels.dark())
    with st.grid(2, min_column_width=420, gap="medium"):
        for i, chart in enumerate(charts):
            with st.container():
                panels.show(chart, f"paper-{paper.name}-{i}", numbers=True)
        if len(charts) == 1:
            _settings(paper)


def _settings(paper: Paper) -> None:
    with st.container():
        st.subheader("Settings here", anchor=False)
        st.markdown("\n".join(f"- {_words(line)}" for line in paper.settings))
        st.markdown(_words(paper.caveat))
        data = ", on data of the Lab’s own" if paper.own_data else ""
        st.markdown(f"**The same network in the Lab**{data}")
        with st.container(horizontal=True, gap="small"):
            for label, config in paper.networks:
                st.link_button(as_text(label), f"./?{link.to_query(config)}", icon=":material/open_in_new:")


def _formula(formula: Formula) -> None:
    """Its symbols are Markdown of our own, with formulas in them."""
    with st.container():
        st.latex(formula.latex)
        st.markdown(formula.symbols)
        st.caption(f"Source: {as_text(formula.source)}")


def _words(text: str) -> str:
    """A text of an entry or a row as Markdown, its two indexed symbols as formulas."""
    shown = as_text(curl_apostrophes(text))
    for letter in "wb":
        shown = shown.replace(f"σ_{letter}²", rf"$\sigma_{letter}^2$")
    return shown


def _agreement(result: Result) -> str:
    """The number of agreements, with its icon."""
    compared = len(result.rows) - len(result.unchecked)
    if result.differing:
        return f":orange[:material/info:] {result.agreeing} of {compared} comparisons agree."
    return f":green[:material/check_circle:] All {compared} comparisons agree."


def _differences(result: Result) -> None:
    """Each difference in plain words, and what is not counted."""
    if result.differing:
        lines = "".join(f"\n- {_words(_sentence(row))}" for row in result.differing)
        st.warning(f"Ours differs here:{lines}", icon=":material/info:")
    if result.unchecked:
        names = "; ".join(row.what for row in result.unchecked)
        st.caption(_words(f"Not counted, because the figure could not be checked in the paper’s text: {names}."))


def _sentence(row: Row) -> str:
    return f"{row.what}. In the {row.against}: {format_value(row.reference)}. Here: {format_value(row.here)}."


def format_value(value: float | str | None, sign: bool = False) -> str:
    """A value of the table: a text as it is, a number in three digits, nothing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return ("+" if sign and value > 0 else "") + number(value, 3)


_LOOK = """
.their-numbers { width: 100%; border-collapse: collapse; font-size: 0.9rem; }
.their-numbers th { text-align: left; font-weight: 400; color: MUTED; padding: 0.4rem 0.9rem 0.4rem 0; }
.their-numbers td { padding: 0.45rem 0.9rem 0.45rem 0; border-top: 1px solid LINE; vertical-align: top; }
.their-numbers small { color: MUTED; font-size: 0.8rem; display: block; }
.their-numbers .differs { font-weight: 600; }
@media (max-width: 640px) {
  .their-numbers thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
  .their-numbers tr { display: grid; grid-template-columns: repeat(3, 1fr); }
  .their-numbers tr { border-top: 1px solid LINE; padding: 0.5rem 0; }
  .their-numbers td { border: 0; padding: 0.15rem 0.5rem 0.15rem 0; }
  .their-numbers td:first-child, .their-numbers td:last-child { grid-column: 1 / -1; }
  .their-numbers td.none { display: none; }
  .their-numbers td:has(+ .none) { grid-column: span 2; }
  .their-numbers td[data-name]::before { content: attr(data-name); display: block; color: MUTED; font-size: 0.8rem; }
}
"""


def table(result: Result, dark: bool) -> str:
    """The rows as HTML: a table, each row of which becomes a block on a narrow screen. All text is escaped."""
    theme = style.theme(dark)
    lines = []
    for row in result.rows:
        there = _indexed(format_value(row.reference)) + ("<small>theory</small>" if row.against == "theory" else "")
        style_class = "differs" if row in result.differing else "agrees"
        mark = "?" if not row.checked else "✓" if row.agrees else "≠"
        none = "" if row.difference is not None else ' class="none"'
        lines.append(
            f'<tr role="row"><td role="cell">{_indexed(row.what)}</td>'
            f'<td role="cell" data-name="There">{there}</td>'
            f'<td role="cell" data-name="Here">{_indexed(format_value(row.here))}</td>'
            f'<td role="cell" data-name="Difference"{none}>{escape(format_value(row.difference, sign=True))}</td>'
            f'<td role="cell" class="{style_class}">{mark} {row.verdict}</td></tr>'
        )
    heads = ("What", "There", "Here", "Difference", "Verdict")
    names = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in heads)
    css = _LOOK.replace("MUTED", theme.muted).replace("LINE", theme.grid)
    # roles, since a row that is laid out as a block is none for a screen reader any more
    body = f'<thead role="rowgroup"><tr role="row">{names}</tr></thead><tbody role="rowgroup">{"".join(lines)}</tbody>'
    return f'<style>{css}</style><table role="table" class="their-numbers">{body}</table>'


def _indexed(text: str) -> str:
    """A text as HTML, an index after an underscore set low."""
    return re.sub(r"_(\w)", r"<sub>\1</sub>", escape(curl_apostrophes(text)))


def _origin(paper: Paper, there: Shown | None, waiting: DeltaGenerator) -> None:
    """Where the numbers are from, and the button that makes them again."""
    kept: Any = stored().get(paper.name)
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button("Run it here", key=f"run_{paper.name}", icon=":material/play_arrow:")
        if there is None:
            words = "There is no stored result."
        elif there.is_new:
            words = f"Fresh: run on this server in {format_duration(there.result.seconds)}."
            if kept and there.result.to_dict()["rows"] == kept.result.to_dict()["rows"]:
                words += " Every number equals the stored one."
            elif kept:
                words += " Some numbers differ from the stored ones; both depend on this machine’s arithmetic."
        else:
            day = date.fromisoformat(kept.made)
            words = f"Stored result of version {kept.version}, {day.day} {day:%B %Y}"
            words += f". A run takes about {format_duration(there.result.seconds)}."
            if kept.fingerprint != fingerprint(paper):
                words += " The experiment has changed since: run it here to see its current numbers."
        st.caption(as_text(words), width="content")
    if asked:
        _run(paper, waiting)


def _run(paper: Paper, waiting: DeltaGenerator) -> None:
    reporter = PaperProgressReporter(waiting)
    try:
        with jobs.long_slot(reporter.on_queued, "paper"):
            reporter.on_progress(0, Stages.WHOLE)
            result = paper.run(on_progress=reporter.on_progress, executor=services().long_executor.get())
    except ConfigError as error:
        panels.show_error(error)
        return
    except workers.worker_lost_errors() as error:
        st.error(workers.describe_loss(error))
        return
    reporter.clear()
    get_new_results()[paper.name] = result
    st.rerun()
