"""Sweep: two settings as axes, thousands of networks, one map of where gradients vanish, survive and explode."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core import ConfigError
from core.engine import workers
from core.export import to_csv
from core.sweeps.files import flatten_layers, to_parquet
from core.sweeps.grid import Grid
from core.sweeps.maps import QUANTITIES, SweepMap, compute_cells
from core.sweeps.table import SweepTable
from core.wording import name_field
from ui import embedding, panels, sharing
from ui.charts.profile import gradient_profile
from ui.charts.style import Chart, number
from ui.charts.sweep import format_axis_value, format_cell, sweep_map
from ui.compare.labels import field_label, value_label
from ui.navigation import ensure_navigation
from ui.runtime import jobs
from ui.runtime.jobs import Run
from ui.runtime.progress import ProgressReporter
from ui.runtime.services import services
from ui.session import session, session_by_name
from ui.sweep import controls, training
from ui.sweep.training import SweepProgressReporter
from ui.text import as_text, format_duration, typeset
from ui.urls import address, link
from ui.urls.sync import current_query, sync_address, update_address

CLAIMS = "Sweep two settings", "Each cell of the map is one or several networks; its color is one number of them."


def refuse(error: ConfigError) -> None:
    """Ends the page without a map, with the reason and a way back."""
    st.header("No map with these settings", anchor=False)
    panels.show_error(error)
    st.button("Open the sweep of order and chaos", on_click=controls.apply, args=(controls.OPENING,),
              key="start_over", icon=":material/restart_alt:")  # fmt: skip
    st.stop()


def confirm(spec: SweepMap) -> None:
    """Continues where a sweep is short, computed, or started; otherwise states its cost and ends the page."""
    grid = spec.grid
    seconds = training.expected_duration(grid)
    stopped = session.get("sweep_stopped")
    started = session.get("sweep_started")
    slot = st.empty()  # emptied as soon as the sweep starts
    is_short = seconds <= training.AUTOMATIC_SECONDS and stopped != grid
    if services().sweeps.get(grid) is not None or started == grid or is_short:
        return
    with slot.container():
        st.markdown(
            f"**{grid.networks:,} networks**, {number(grid.cost().multiply_adds)} multiply-adds: about "
            f"{format_duration(seconds)} on this server when it is idle."
        )
        st.button("Run this sweep", key="run_sweep", on_click=_start, args=(grid,), icon=":material/play_arrow:")
    st.stop()


def _start(grid: Grid) -> None:
    session["sweep_started"] = grid
    session["sweep_stopped"] = None


def _stop(grid: Grid) -> None:
    session["sweep_started"] = None
    session["sweep_stopped"] = grid


def compute(spec: SweepMap, show: str) -> SweepTable:
    """Returns the table; draws the known part of its map while it is filled."""
    grid = spec.grid
    table = services().sweeps.get(grid)
    is_known = training.has_theory(spec) or "depth" not in (spec.x.field, spec.y.field)
    if table is not None and is_known:
        return table
    tables = [table] if table else []
    n_previews = 0
    slot = st.empty()
    stop = st.empty()
    preview = st.skeleton(520)

    def draw_preview() -> None:
        nonlocal n_previews
        n_previews += 1
        with preview.container():
            draw(spec, tables[0], show, n_previews)

    reporter = SweepProgressReporter(slot, draw_preview)
    stop.button("Stop", key="stop_sweep", on_click=_stop, args=(grid,), icon=":material/stop:")
    try:
        table = table or training.get_table(grid, reporter, tables.append)
    except ConfigError as error:
        refuse(error)
    except workers.worker_lost_errors() as error:
        st.error(workers.describe_loss(error))
        st.stop()
    if not is_known:
        tables[:] = [table]
        draw_preview()  # the curve of depth scales takes a while, so the map appears without it first
        for activation in spec.activations:
            training.get_theory(spec, activation)
    for element in (slot, stop, preview):
        element.empty()
    return table


def draw(spec: SweepMap, table: SweepTable, show: str, part: int = 0, cell: dict[str, tuple] | None = None) -> None:
    """Draws the map of every activation.

    Args:
        part: the number of the preview, since a script may use a key only once; 0 for the finished map.
        cell: by activation, the values of the marked cell.
    """
    partial = part > 0
    values = compute_cells(table, show)
    with st.grid(len(spec.activations), min_column_width=280, gap="small"):
        for k, activation in enumerate(spec.activations):
            key = f"sweep-map-{activation}" + f"-part-{part}" * partial
            lines = () if partial else training.get_theory(spec, activation)
            mark = (cell or {}).get(activation)
            picture = sweep_map(
                spec, activation, values[k], show, lines, chosen=mark, partial=partial, dark=panels.dark()
            )
            with st.container():
                if partial:
                    panels.show(picture, key)
                else:
                    panels.show(picture, key, numbers=True, picked=lambda key=key: pick(key))


def pick(key: str) -> None:
    """Chooses the cell that was clicked; for use in callbacks."""
    points = session_by_name[key]["selection"]["points"]
    if points and points[0].get("customdata"):
        activation, i, j = points[0]["customdata"][:3]
        choose_cell(activation, int(i), int(j))


def choose_cell(activation: str, i: int, j: int) -> None:
    """Chooses a cell, which the address then holds; for use in callbacks."""
    session["at"] = f"{activation},{i},{j}"
    update_address(controls.PARAMETERS)


def cell_of_address() -> tuple[str | None, int, int]:
    """The cell that the address names; none where it names none."""
    activation, i, j = (session["at"] or ",-1,-1").split(",")
    return activation or None, int(i), int(j)


@st.fragment
def picture(spec: SweepMap, table: SweepTable, show: str) -> None:
    """Draws the map and the network of the chosen cell beside it; below it where there are several maps."""
    activation, i, j = cell_of_address()
    x = spec.x.values()
    y = spec.y.values()
    if activation not in spec.activations:
        activation = spec.activations[0]
    if not (0 <= i < len(x) and 0 <= j < len(y)):
        if session["at"]:
            st.caption(f"This map has no cell {i}, {j}: it has {len(x)} by {len(y)}. Its middle is shown.")
        i = len(x) // 2
        j = len(y) // 2
    if len(spec.activations) == 1:
        with st.container(key="sweep-picture"):  # on a narrow screen one below the other
            left, right = st.columns([3, 2], gap="medium")
    else:
        left = st.container()
        right = st.container()
    with left:
        draw(spec, table, show, cell={activation: (x[i], y[j])})
    with right:
        draw_cell(spec, table, show, (activation, i, j))


def draw_cell(spec: SweepMap, table: SweepTable, show: str, cell: tuple[str, int, int]) -> None:
    """Draws the choice of a cell, its number, and the gradient of its first network."""
    activation, i, j = cell
    x = spec.x.values()
    y = spec.y.values()
    st.subheader("One cell, layer by layer", anchor=False)
    st.caption("Click a cell of the map, or choose it here.")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if len(spec.activations) > 1:
            choice(0, "Activation", spec.activations, cell)
        choice(1, field_label(spec.x.field), x, cell)
        choice(2, field_label(spec.y.field), y, cell)
    config = spec.config(activation, x[i], y[j])
    value = compute_cells(table, show)[spec.activations.index(activation), j, i]
    of_seeds = f", the median of {spec.seeds} networks; the first of them is shown" if spec.seeds > 1 else ""
    number_of_cell = format_cell(value, QUANTITIES[show].kind)
    st.markdown(f"{as_text(controls.quantity_label(show))}: **{as_text(number_of_cell)}**{of_seeds}.")
    st.caption(as_text(panels.summary_line(config)))
    st.link_button("Open in the Lab", f"./?{link.to_query(config)}", icon=":material/open_in_new:")
    reporter = ProgressReporter(st.empty())
    try:
        trace = jobs.get_trace(Run(config), reporter)
    except ConfigError as error:  # one network of a sweep may be more than a visitor may train
        panels.show_error(error)
        return
    reporter.clear()
    panels.show(gradient_profile(trace, dark=panels.dark()), "cell-profile", numbers=True)


def choice(part: int, label: str, options: tuple, cell: tuple[str, int, int]) -> None:
    """Draws the box of one part of the chosen cell: 0 the activation, 1 and 2 the positions."""
    key = f"cell_{part}"
    session_by_name[key] = options[cell[part]] if part else cell[part]
    st.selectbox(
        label,
        options,
        key=key,
        format_func=format_axis_value if part else partial(value_label, "activation"),
        width=180,
        on_change=choose,
        args=(part, options, cell),
    )


def choose(part: int, options: tuple, cell: tuple[str, int, int]) -> None:
    """Chooses another cell by its box; for use in callbacks."""
    option = session_by_name[f"cell_{part}"]
    if option in options:  # a browser may send any text
        chosen = options.index(option) if part else option
        choose_cell(*cell[:part], chosen, *cell[part + 1 :])


def first_map(spec: SweepMap, table: SweepTable, show: str, *, dark: bool) -> Chart:
    """The map of the first activation."""
    first = spec.activations[0]
    return sweep_map(spec, first, compute_cells(table, show)[0], show, training.get_theory(spec, first), dark=dark)


def table_files(table: SweepTable) -> None:
    """Draws the table as files, for the menu to share."""
    panels.download("Table (CSV)", lambda: to_csv(flatten_layers(table.to_frame())), "sweep.csv", "text/csv")
    panels.download(
        "Table (Parquet)", lambda: to_parquet(table.to_frame()), "sweep.parquet", "application/vnd.apache.parquet"
    )
    panels.choose_picture()


ensure_navigation()
sync_address(controls.PARAMETERS)
embedded = st.context.is_embedded
chosen = controls.read() if embedded else controls.choose()
title, claim = CLAIMS
if chosen.preset:
    title = chosen.preset.label
    claim = chosen.preset.claim
elif chosen.map:
    axes = " × ".join(name_field(axis.field) for axis in (chosen.map.y, chosen.map.x))
    title = axes[0].upper() + axes[1:]
actions = st.empty() if embedded else panels.page_header(title, claim)
address.show_param_warnings(controls.RULES, controls.FREE_TEXT_PARAMS)
if chosen.refused:
    refuse(chosen.refused)
try:
    training.check_limit(chosen.map)
except ConfigError as error:
    refuse(error)
if not embedded:
    controls.draw_quantity()
confirm(chosen.map)
table = compute(chosen.map, chosen.show)
if embedded:
    map_picture = first_map(chosen.map, table, chosen.show, dark=panels.dark())
    embedding.draw(map_picture, "sweep-map", verdict=lambda: st.header(title, anchor=False))
    st.stop()


def make_handout(link: str) -> Callable[[], str]:
    """Returns what makes the sheet of the map of the first activation."""
    spec = chosen.map
    show = chosen.show
    corner = spec.config(spec.activations[0], spec.x.values()[0], spec.y.values()[0])
    settings = f"{field_label(spec.y.field)} over {name_field(spec.x.field)}; the cell at the lower left: "
    lines = [typeset(claim), settings + panels.summary_line(corner)]
    draw_map = partial(first_map, spec, table, show, dark=False)  # light: it is for paper
    return lambda: sharing.make_handout(title, lines, draw_map(), link)


with actions:
    scene = partial(current_query, controls.PARAMETERS)
    sharing.present_button("sweep", scene)
    sharing.draw_menu("sweep", scene, partial(table_files, table), make_handout)
if training.describe_failures(table):
    st.warning(as_text(training.describe_failures(table)), icon=":material/error:")
picture(chosen.map, table, chosen.show)
