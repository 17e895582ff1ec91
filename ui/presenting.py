"""The presenting mode: one scene at a time, large enough for the last row, led by keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import ConfigError
from core.config import Number
from core.diagnosis.recordings import RECORDING_VERDICTS
from core.diagnosis.rules import VERDICTS, diagnose
from core.sweeps.maps import compute_cells
from ui import panels
from ui.charts.animation import open_at
from ui.charts.arms import style_arms
from ui.charts.compare import compare_profile
from ui.charts.filling import fill
from ui.charts.profile import gradient_profile
from ui.charts.recordings import recording_profile
from ui.charts.style import Chart
from ui.charts.sweep import sweep_map
from ui.compare import cards, state, training
from ui.compare.training import ArmProgressReporter
from ui.controls.fields import LAB_PARAMETERS
from ui.lab import theory
from ui.lab.verdict import ICONS
from ui.lecture.links import address
from ui.runs import controls as runs_controls
from ui.runs.files import NONE, get_example
from ui.runs.theory import typical_network
from ui.runtime import jobs
from ui.runtime.jobs import Run
from ui.runtime.progress import ProgressReporter
from ui.runtime.services import services
from ui.scenes import MAX_SCENES, Scene
from ui.sweep import controls as sweep_controls
from ui.sweep import training as sweep_training
from ui.sweep.training import SweepProgressReporter
from ui.text import as_text, typeset
from ui.urls import link, scenes, views
from ui.urls.link import Text
from ui.urls.sync import Parameters, read_query

TEXT_SIZE = 26  # pixels of most type in a chart, of which the smallest is then 24

MAX_LINK = 4000  # characters
RULES = {
    "lesson": Text(r"[^/]{0,100}", "it must be the name of a lesson"),
    "scene": Number(1, MAX_SCENES, integer=True),
    "link": Text(rf"[\s\S]{{0,{MAX_LINK}}}", f"it must be a link of at most {MAX_LINK:,} characters"),
}
PARAMETERS = Parameters(page="present", rules=RULES, free=(), defaults={"lesson": "", "scene": 1.0, "link": ""})

STYLE = """<style>
[data-testid=stHeader], [data-testid=stSidebar], [data-testid=stExpandSidebarButton] {display: none}
.st-key-glossary {display: none}
.stMainBlockContainer {padding: .8rem 2rem 0 !important; max-width: none}
.stMainBlockContainer .stVerticalBlock {gap: .4rem}
.st-key-present :is(p, li, button, button p, label) {font-size: 24px !important; line-height: 1.35}
.st-key-present h1 {font-size: 38px; padding: 0}
.st-key-present h2 {font-size: 30px; padding: 0}
.st-key-present [data-testid=stHeading] [data-testid=stMarkdownContainer] {margin-bottom: 0}
.st-key-present .st-key-present-question p {font-size: 36px !important; max-width: 30em}
.st-key-present-bar {position: fixed; bottom: .5rem; left: 2rem; right: 2rem}
.st-key-present-bar kbd, .st-key-present-bar [data-testid*=hortcut] {display: none}
PICTURE {height: calc(100vh - ROWSpx) !important; flex: none !important}
.st-key-present iframe {zoom: ZOOM; border: 0; height: calc((100vh - ROWSpx) / ZOOM) !important}
</style>"""
BLANK = "<style>.stApp, .stMain, body {background: #000 !important} .st-key-present-bar {opacity: 0}</style>"
_PICTURE = (
    ":is(:has(> .st-key-present-picture), .st-key-present-picture, .st-key-present-picture > *, "
    ".st-key-present-picture :is([data-testid=stFullScreenFrame], [data-testid=stPlotlyChart]))"
)
ROWS = {"title": 60, "verdict": 100, "bar": 76}  # pixels beside the picture
ZOOM = 1.9  # of a page in a frame, whose smallest type is 13 pixels
WITH_VERDICT = ("", "compare", "runs")  # pages whose picture has a verdict above it


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The picture of a scene with its verdict.

    Attributes:
        headline: the verdict, as Markdown.
        sentence: with its numbers, as Markdown.
        chart: the picture; None for a page that is shown in a frame.
        steps: of the picture's slider.
        step: at which it opens.
    """

    headline: str
    sentence: str = ""
    chart: Chart | None = None
    steps: tuple[int, ...] = ()
    step: int = 0


def make_picture(scene: Scene, step: int | None, slot: DeltaGenerator) -> Picture:
    """Trains what the scene shows, or takes it from the cache.

    Args:
        step: at which the picture opens; None for the scene's own.
        waiting: the `st.empty()` in which progress is shown.

    Raises:
        ConfigError: settings of the scene that are not allowed.
    """
    maker = _MAKERS.get(scene.page)
    return maker(scene, step, slot) if maker else Picture(headline="")


def _of_lab(scene: Scene, step: int | None, waiting: DeltaGenerator) -> Picture:
    query = scenes.expand(scene.query)
    values = read_query(query, LAB_PARAMETERS)
    run = Run(link.to_config(values))
    reporter = ProgressReporter(waiting)
    trace = jobs.get_trace(run, reporter)
    diagnosis = diagnose(trace)
    quantity = str(values["quantity"])
    lines = theory.guides(theory.expected(run, waiting), quantity, trace)
    chart = gradient_profile(trace, quantity, relative=bool(values["relative"]), guides=lines, judged=diagnosis.step,
                             dark=panels.dark())  # fmt: skip
    reporter.clear()
    gravest = diagnosis.findings[0]
    return Picture(
        headline=f"{ICONS[gravest.severity]} {VERDICTS[diagnosis.verdict][0]}",
        sentence=as_text(typeset(gravest.what)),
        **_at(chart, values, step, diagnosis.step),
    )


def _of_compare(scene: Scene, step: int | None, waiting: DeltaGenerator) -> Picture:
    values = read_query(scene.query, state.PARAMETERS)
    vary = None if values["vary"] == state.NO_FIELD else str(values["vary"])
    comparison = state.make_comparison(link.to_config(values), vary, str(values["arms"]), int(values["seeds"]))
    reporter = ArmProgressReporter(waiting, comparison.seeds)
    records = training.records(comparison, None, reporter, lambda records: None)
    reporter.clear()
    judged = cards.judged_step(records)
    arms = style_arms(comparison, records)
    chart = compare_profile(arms, str(values["compare_quantity"]), judged=judged, dark=panels.dark())
    return Picture(
        headline=as_text(cards.headline(records)),
        **_at(chart, values, step, judged),
    )


def _of_sweep(scene: Scene, step: int | None, waiting: DeltaGenerator) -> Picture:
    values = read_query(scene.query, sweep_controls.PARAMETERS)
    spec = sweep_controls.to_map(values)
    sweep_training.check_limit(spec)
    known = services().sweeps.get(spec.grid) is not None
    if not known and sweep_training.expected_duration(spec.grid) > sweep_training.AUTOMATIC_SECONDS:
        raise ConfigError("scene", f"{spec.grid.networks:,} networks", "run this sweep on its own page first")
    reporter = SweepProgressReporter(waiting, lambda: None)
    table = sweep_training.get_table(spec.grid, reporter, lambda table: None)
    waiting.empty()
    activation = spec.activations[0]
    show = str(values["show"])
    cells = compute_cells(table, show)[0]
    lines = sweep_training.get_theory(spec, activation)
    return Picture(headline="", chart=sweep_map(spec, activation, cells, show, lines, dark=panels.dark()))


def _of_runs(scene: Scene, step: int | None, waiting: DeltaGenerator) -> Picture:
    values = read_query(scene.query, runs_controls.PARAMETERS)
    view = runs_controls.choose_tensors(get_example(values["example"]).recording, values)
    if values["beside"] != NONE or not len(view.indices):
        return Picture(headline="")  # two pictures, or none: as the page shows them in a frame
    diagnosis = get_example(values["example"]).diagnosis
    gravest = diagnosis.findings[0]
    norm = str(values["norm"])
    relative = bool(values["relative_norm"])
    lines = typical_network(view, waiting) if relative else ()
    chart = recording_profile(view, norm, relative=relative, guides=lines, judged=diagnosis.step,
                              dark=panels.dark())  # fmt: skip
    return Picture(
        headline=f"{ICONS[gravest.severity]} {RECORDING_VERDICTS[diagnosis.verdict]}",
        sentence=as_text(typeset(gravest.what)),
        **_at(chart, values, step, diagnosis.step),
    )


_MAKERS: dict[str, Callable[..., Picture]] = {
    "": _of_lab,
    "compare": _of_compare,
    "sweep": _of_sweep,
    "runs": _of_runs,
}


def _at(chart: Chart, values: Mapping[str, Any], step: int | None, judged: int = 0) -> dict[str, Any]:
    """The chart at the scene's step or the verdict's and the scene's axis range, or at another step."""
    named = values[views.STEP]
    opened = step if step is not None else judged if named is None else int(named)
    chart = open_at(chart, opened, views.parse_axis(str(values[views.AXIS])))
    return {"chart": chart, "steps": _steps(chart), "step": opened}


def _steps(chart: Chart) -> tuple[int, ...]:
    sliders = chart.spec["layout"].get("sliders") or ({"steps": ()},)
    return tuple(int(float(mark["args"][0][0])) for mark in sliders[0]["steps"])


def draw_scene(scene: Scene, step: int | None) -> tuple[tuple[int, ...], int]:
    """Draws verdict and picture of a scene; returns the steps of its slider, and the one it is at."""
    waiting = st.empty()
    try:
        picture = make_picture(scene, step, waiting)
    except ConfigError as error:
        panels.show_error(error)
        return (), 0
    if picture.headline:
        st.header(picture.headline, anchor=False)
    if picture.sentence:
        st.markdown(picture.sentence)
    with st.container(key="present-picture"):
        if picture.chart is None:
            words = {"text": ["off"]} if scene.title else {}  # the title of the scene stands above
            query = urlencode(words | scene.query | {"embed": ["true"]}, doseq=True)
            st.iframe(address(scene.page, query), height="stretch")
        else:
            panels.show(fill(picture.chart, TEXT_SIZE), "present-chart", height="stretch")
    return picture.steps, picture.step


def style(scene: Scene | None) -> str:
    """The style sheet of the mode for a scene, or for the list of lessons."""
    rows = ["title"] * (scene is None or bool(scene.title)) + ["bar"] * (scene is not None)
    rows += ["verdict"] * (scene is not None and scene.page in WITH_VERDICT)
    texts = {"PICTURE": _PICTURE, "ROWS": str(sum(ROWS[row] for row in rows)), "ZOOM": str(ZOOM)}
    sheet = STYLE
    for name, text in texts.items():
        sheet = sheet.replace(name, text)
    return sheet
