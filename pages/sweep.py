"""Sweep: two settings as axes, thousands of networks, one map of where gradients vanish, survive and explode."""

from concurrent.futures import BrokenExecutor

import streamlit as st

from core import ConfigError
from core.export import to_csv
from core.sweeps.files import flatten_hidden, to_parquet
from core.sweeps.maps import QUANTITIES, SweepMap, compute_cells
from core.sweeps.table import SweepTable
from ui import panels
from ui.charts.profile import gradient_profile
from ui.charts.style import number
from ui.charts.sweep import field_label, said, sweep_map, told
from ui.navigation import ensure_navigation
from ui.runtime import limits, sessions
from ui.runtime.sessions import ProgressReporter, Run
from ui.sweep import controls, training
from ui.sweep.training import SweepProgressReporter
from ui.text import as_text
from ui.urls import address, link
from ui.urls.sync import sync_address


def refuse(error: ConfigError) -> None:
    """The page without a map: why, and the way back."""
    st.header("No map with these settings", anchor=False)
    panels.show_error(error)
    st.button("Start over with tanh’s order and chaos", on_click=controls.apply, args=(controls.OPENING,),
              key="start_over", icon=":material/restart_alt:")  # fmt: skip
    st.stop()


def within_limit(chart: SweepMap) -> None:
    """Refuses a sweep that is larger than this server allows."""
    most = limits.value("MAX_SWEEP")
    if most is not None and chart.grid.networks > most:
        shape = f"{chart.grid.networks:,} networks"
        words = f"this server allows {most:,} in one sweep; take fewer values, or fewer networks in a cell"
        raise ConfigError("sweep", shape, words)


def ask(chart: SweepMap) -> None:
    """Goes on where a sweep is quick, kept, or asked for; else says what it takes, and waits for a word."""
    grid = chart.grid
    seconds = training.expected(grid)
    stopped, started = st.session_state.get("sweep_stopped"), st.session_state.get("sweep_started")
    place = st.empty()  # so that the button is gone as soon as the sweep runs
    if training.kept().get(grid) is not None or started == grid or (seconds <= training.AT_ONCE and stopped != grid):
        return
    price = grid.cost()
    with place.container():
        st.markdown(
            f"**{grid.networks:,} networks**, {number(price.multiply_adds)} multiply-adds: about {seconds:,.0f} s on "
            "this server when nobody else trains."
        )
        st.button("Run this sweep", key="run_sweep", on_click=_start, args=(grid,), icon=":material/play_arrow:")
    st.stop()


def _start(grid) -> None:
    st.session_state["sweep_started"], st.session_state["sweep_stopped"] = grid, None


def _stop(grid) -> None:
    st.session_state["sweep_started"], st.session_state["sweep_stopped"] = None, grid


def computed(chart: SweepMap, show: str) -> SweepTable:
    """The table, with its map as far as it is known while it is filled."""
    grid = chart.grid
    table = training.kept().get(grid)
    if table is not None and (training.known(chart) or "depth" not in (chart.x.field, chart.y.field)):
        return table
    tables, drawn = [table] if table else [], []
    slot, stop, preview = st.empty(), st.empty(), st.skeleton(520)

    def on_part() -> None:
        drawn.append(len(drawn))
        with preview.container():
            draw(chart, tables[0], show, len(drawn))

    reporter = SweepProgressReporter(slot, on_part)
    stop.button("Stop", key="stop_sweep", on_click=_stop, args=(grid,), icon=":material/stop:")
    try:
        table = table or training.found(grid, reporter, tables.append)
    except ConfigError as error:
        refuse(error)
    except BrokenExecutor:
        st.error("The processes that train are lost, and no others could be had. Try again in a minute.")
        st.stop()
    if not training.known(chart) and "depth" in (chart.x.field, chart.y.field):
        tables[:] = [table]
        on_part()  # the line of depth scales takes a while, so the map is shown without it
        for activation in chart.activations:
            training.theory(chart, activation)
    for place in (slot, stop, preview):
        place.empty()
    return table


def draw(chart: SweepMap, table: SweepTable, show: str, part: int = 0, chosen: dict[str, tuple] | None = None) -> None:
    """The map of every activation.

    Args:
        part: of one that is not yet done, the how-manieth picture it is: one script draws a key once.
        chosen: by activation, the values of the cell that is marked.
    """
    partial = part > 0
    values = compute_cells(table, show)
    with st.grid(len(chart.activations), min_column_width=280, gap="small"):
        for k, activation in enumerate(chart.activations):
            key = f"sweep-map-{activation}" + f"-part-{part}" * partial
            lines = () if partial else training.theory(chart, activation)
            mark = (chosen or {}).get(activation)
            drawn = sweep_map(
                chart, activation, values[k], show, lines, chosen=mark, partial=partial, dark=panels.dark()
            )
            with st.container():
                if partial:
                    panels.show(drawn, key)
                else:
                    panels.show(drawn, key, numbers=True, picked=lambda key=key: pick(key))


def pick(key: str) -> None:
    """A click on a cell; for a callback."""
    points = st.session_state[key]["selection"]["points"]
    if points and points[0].get("customdata"):
        activation, i, j = points[0]["customdata"][:3]
        st.session_state["cell"] = activation, int(i), int(j)


@st.fragment
def picture(chart: SweepMap, table: SweepTable, show: str) -> None:
    """The map, and the network of the cell that was clicked."""
    activation, i, j = st.session_state.get("cell", (None, -1, -1))
    x, y = chart.x.values(), chart.y.values()
    if activation not in chart.activations:
        activation = chart.activations[0]
    if not (0 <= i < len(x) and 0 <= j < len(y)):
        i, j = len(x) // 2, len(y) // 2
    draw(chart, table, show, chosen={activation: (x[i], y[j])})
    st.subheader("One cell: its gradient, layer by layer", anchor=False)
    st.caption("Click a cell of the map, or choose it here.")
    st.session_state["cell"] = activation, i, j
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        if len(chart.activations) > 1:
            choice(0, "activation", chart.activations, activation)
        choice(1, field_label(chart, chart.x.field), x, x[i])
        choice(2, field_label(chart, chart.y.field), y, y[j])
    config = chart.config(activation, x[i], y[j])
    value = compute_cells(table, show)[chart.activations.index(activation), j, i]
    chosen = QUANTITIES[show]
    several = f", the median of {chart.seeds} networks, of which the first is below" if chart.seeds > 1 else ""
    st.markdown(as_text(f"{chosen.label[0].upper()}{chosen.label[1:]}: {told(value, chosen.kind)}{several}. "
                        f"{panels.summary_line(config)}."))  # fmt: skip
    st.link_button("Open in the Lab", f"./?{link.to_query(config)}", icon=":material/open_in_new:")
    reporter = ProgressReporter(st.empty())
    trace = sessions.get_trace(Run(config), reporter)
    reporter.clear()
    panels.show(gradient_profile(trace, dark=panels.dark()), "cell-profile", numbers=True)


def choice(part: int, label: str, options: tuple, at: object) -> None:
    """A box for one part of the chosen cell."""
    key = f"cell_{part}"
    st.session_state[key] = at
    st.selectbox(label, options, key=key, format_func=said, width=180, on_change=choose, args=(part, options))


def choose(part: int, options: tuple) -> None:
    """Another cell by its box; for a callback."""
    cell, chosen = list(st.session_state["cell"]), st.session_state[f"cell_{part}"]
    cell[part] = options.index(chosen) if part else chosen
    st.session_state["cell"] = tuple(cell)


def share_menu(chart: SweepMap, show: str, table: SweepTable) -> None:
    """The table as a file, and the link to this map."""
    with st.popover("Share", icon=":material/ios_share:"):
        st.caption("Link to this map")
        page = (st.context.url or "").partition("?")[0]
        st.code("?".join(filter(None, (page, controls.query(chart, show)))), language=None, wrap_lines=True)
        panels.download("Table (CSV)", lambda: to_csv(flatten_hidden(table.to_frame())), "sweep.csv", "text/csv")
        panels.download(
            "Table (Parquet)", lambda: to_parquet(table.to_frame()), "sweep.parquet", "application/vnd.apache.parquet"
        )
        panels.choose_picture()


ensure_navigation()
sync_address(controls.PARAMETERS)
asked = controls.choose()
address.show_param_warnings(controls.RULES, controls.FREE_TEXT_PARAMS)
if asked.refused:
    refuse(asked.refused)
try:
    within_limit(asked.map)
except ConfigError as error:
    refuse(error)
ready = asked.ready
axes = " × ".join(field_label(asked.map, axis.field) for axis in (asked.map.y, asked.map.x))
st.title(ready.label if ready else axes[0].upper() + axes[1:], anchor=False)
if ready:
    st.markdown(as_text(ready.claim))
ask(asked.map)
table = computed(asked.map, asked.show)
if training.failed(table):
    st.warning(as_text(training.failed(table)), icon=":material/error:")
picture(asked.map, table, asked.show)
share_menu(asked.map, asked.show, table)
