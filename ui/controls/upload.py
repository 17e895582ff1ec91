"""A visitor's own table as the data of a run: the file, how it is read, its columns, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pandas as pd
import streamlit as st

from core import ConfigError, RunConfig
from core.config import cost
from core.data.dates import DATE_PARTS
from core.data.selection import KINDS
from core.data.spreadsheet import escape_formulas
from core.data.targets import TASKS
from core.sweeps.chunks import LAYER_STEP_SECONDS, MULTIPLY_ADD_SECONDS
from core.tables import (
    Fix,
    Obstacle,
    Prepared,
    Table,
    find_missing_rows,
    find_obstacles,
    prepare,
    read_table,
)
from ui.controls.kept_files import draw_uploader
from ui.controls.reading import READ_KEYS, draw_reading, reading_choices
from ui.runtime import jobs, limits
from ui.runtime.progress import ProgressReporter, stop_if_superseded
from ui.runtime.services import services
from ui.session import session, session_by_name
from ui.text import as_text, to_page_words

DEFAULT_VALUES = 2_000_000  # numbers of inputs that are trained on unless a visitor asks for more
LONG_SECONDS = 60  # a run that is expected to take longer starts only when a visitor says so
# of the preview
SHOWN_ROWS = 3
SHOWN_COLUMNS = 200
KIND_LABELS = {
    "numeric": "number",
    "category": "category",
    "date": "date",
    "text": "text",
    "empty": "empty",
    "ignored": "ignored",
    "target": "target",
}
# The state of the controls of a table's use, which a new file resets as it does those of its reading.
_USE_KEYS = (
    *("table_target", "table_more_targets", "table_task", "table_left_out", "table_kinds", "table_drop", "table_fill"),
    *("table_classes", "table_index", "table_one_class", "table_date_parts", "table_rows", "table_confirmed"),
)
# The control that holds each argument which a button may change.
_KEY_OF_CHOICE = {
    "leave_out": "table_left_out",
    "drop_missing": "table_drop",
    "fill_missing": "table_fill",
    "missing_as_class": "table_classes",
    "kinds": "table_kinds",
    "decimal": "table_decimal",
    "day_first": "table_day_first",
    "max_rows": "table_rows",
    "confirmed": "table_confirmed",
}
EXAMPLE_NAME = "iris.csv"


@dataclass(frozen=True, eq=False)
class Given:
    """A visitor's data, ready to train on, and the key under which they are cached."""

    prepared: Prepared
    digest: str


class FileProgressReporter(ProgressReporter):
    """Shows that a file is read."""

    def on_busy(self) -> None:
        self._show(0.0, "Reading the file …")


class TableRefused(ConfigError):
    """The first of the obstacles that keep a table from being used; all of them are attached."""

    def __init__(self, obstacles: Sequence[Obstacle]):
        first = obstacles[0].error
        super().__init__(first.field, first.value, first.allowed)
        self.obstacles = tuple(obstacles)


def table_controls() -> Given | ConfigError | None:
    """Draws the controls of a table; returns the data, the reason why it cannot be used, or None without a file."""
    max_bytes = limits.value("MAX_UPLOAD")
    files = draw_uploader(
        "Your table",
        "table_file",
        help="CSV, TSV or other text (also gzip), Excel (.xlsx) or Parquet, with one sample per row and one column for "
        "the target. It stays in memory and is removed after your visit.",
    )
    if not files:
        st.download_button(
            "Example file",
            data=example_table,
            file_name=EXAMPLE_NAME,
            mime="text/csv",
            key="table_example",
            on_click="ignore",
            icon=":material/download:",
            help="The 150 irises that Fisher published in 1936: four measurements and the species, as CSV.",
        )
        return None
    raw = files[0].getvalue()
    name = files[0].name
    if len(raw) > max_bytes:
        return ConfigError("data", f"{len(raw):,} bytes", f"this server allows {max_bytes:,} bytes a table")
    digest = sha256(raw).hexdigest()
    _reset_for(digest)
    reading = reading_choices()
    reporter = FileProgressReporter(st.empty())

    def read() -> Table:
        return jobs.read_in_turn(read_table, raw, reporter=reporter, name=name, max_bytes=max_bytes, **dict(reading))

    try:
        table = services().tables.get_or_compute((digest, reading), read, reporter.on_shared)
        reporter.clear()
    except ConfigError as error:
        draw_reading(None)
        return error
    draw_reading(table)
    choices = _draw_use(table)
    # A digest of the file alone and one of its choices have lengths of their own, so that no file stands for both.
    digest = f"{digest}:{sha256(repr((reading, choices)).encode()).hexdigest()}"
    try:
        prepared = services().prepared.get_or_compute(digest, lambda: prepare(table, **choices), stop_if_superseded)
    except ConfigError:
        return TableRefused(find_obstacles(table, **choices))
    st.caption(as_text(to_page_words(" ".join((*table.notes, *prepared.notes)))))
    return Given(prepared, digest)


def example_table() -> bytes:
    """Returns the example file."""
    from sklearn.datasets import load_iris

    bunch = load_iris(as_frame=True)
    names = [name.removesuffix(" (cm)").replace(" ", "_") + "_cm" for name in bunch.feature_names]
    frame = bunch.data.set_axis(names, axis=1).assign(species=bunch.target_names[bunch.target])
    return frame.to_csv(index=False).encode()


def _reset_for(digest: str) -> None:
    """Forgets the choices made for another file."""
    if session.get("table_digest") != digest:
        for key in (*READ_KEYS, *_USE_KEYS):
            session_by_name.pop(key, None)
        session["table_digest"] = digest


# -- use --------------------------------------------------------------------------------------------------------------


def _draw_use(table: Table) -> dict[str, Any]:
    """Draws which column is learned from which others; returns the arguments of `prepare`."""
    names = [column.name for column in table.columns]
    kinds = session.setdefault("table_kinds", {})
    session.setdefault("table_target", table.default_target)
    _draw_columns(table, kinds)
    target = st.selectbox("Target", names, key="table_target", persist_state="session", help="The column to learn.")
    column = table.columns[names.index(target)]
    targets: tuple[str, ...] = (target,)
    numeric = [c.name for c in table.columns if c.kind in ("numeric", "date") and c.name != target]
    if column.kind in ("numeric", "date") and numeric:
        more = st.multiselect(
            "More targets",
            numeric,
            key="table_more_targets",
            persist_state="session",
            placeholder="none",
            help="Several numeric targets make a regression with as many outputs.",
        )
        targets += tuple(more)
    task = st.selectbox(
        "Task",
        list(TASKS),
        index=None,
        placeholder="inferred from the target",
        key="table_task",
        persist_state="session",
        help="Regression, two classes or several classes.",
    )
    one_class = None
    if column.kind == "category" and column.distinct > 2:
        labels = column.texts
        one_class = st.selectbox(
            "One class against the rest",
            labels,
            index=None,
            placeholder="all classes",
            key="table_one_class",
            persist_state="session",
            help="Learns to tell this class from all others.",
        )
    others = [name for name in names if name not in targets]
    stale = [name for name in session.get("table_left_out", ()) if name not in others]
    if stale:
        session["table_left_out"] = [name for name in session["table_left_out"] if name in others]
    left_out = st.multiselect(
        "Leave out",
        others,
        key="table_left_out",
        persist_state="session",
        placeholder="no column",
        help="Columns that are not inputs.",
    )
    choices: dict[str, Any] = {
        "target": targets if len(targets) > 1 else target,
        "drop_missing": False,
        "task": task,
        "leave_out": tuple(left_out),
        "kinds": {name: kind for name, kind in kinds.items() if name in names},
        "one_class": one_class,
    }
    if any(c.counts for c in table.columns):
        choices["keep_index"] = st.checkbox(
            "Use the column that counts the rows",
            key="table_index",
            persist_state="session",
            help="It has no name, so it is left out.",
        )
    if any(c.kind == "date" for c in table.columns):
        parts = st.multiselect(
            "Parts of dates",
            DATE_PARTS,
            key="table_date_parts",
            persist_state="session",
            placeholder="days only",
            help="Inputs beside the days.",
        )
        choices["date_parts"] = tuple(parts)
    _draw_missing(table, choices)
    _draw_sample(table, choices)
    return choices


def _draw_columns(table: Table, kinds: dict[str, str]) -> None:
    """The first rows, one line a column, with the type of each, which can be changed."""
    left_out = set(session.get("table_left_out", ()))
    target = session["table_target"]
    rows = []
    for column in table.columns[:SHOWN_COLUMNS]:
        kind = kinds.get(column.name) or column.kind
        if column.name in left_out or (column.counts and not session.get("table_index")):
            kind = "ignored"
        if column.name == target:
            kind = "target"
        first = [_cell_text(value) for value in column.head(SHOWN_ROWS)]
        rows.append({"Column": column.name, "Type": KIND_LABELS[kind], "First rows": " · ".join(first)})
    with st.expander("Columns and their types", key="table_preview"):
        version = session.setdefault("table_version", 0)
        st.data_editor(
            escape_formulas(pd.DataFrame(rows)),
            key=f"table_columns_{version}",
            hide_index=True,
            disabled=["Column", "First rows"],
            column_config={
                "Column": st.column_config.TextColumn(width="small"),
                "Type": st.column_config.SelectboxColumn(
                    options=list(KIND_LABELS.values()), required=True, width="small"
                ),
            },
            on_change=_change_kinds,
            args=([column.name for column in table.columns[:SHOWN_COLUMNS]], version),
        )
        if len(table.columns) > SHOWN_COLUMNS:
            st.caption(f"The first {SHOWN_COLUMNS} of {len(table.columns):,} columns.")


def _cell_text(value: Any) -> str:
    if value is None or value != value:
        return "–"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 30 else text[:29] + "…"


def _change_kinds(names: Sequence[str], version: int) -> None:
    """Applies what a visitor changed in the list of columns."""
    of_label = {label: kind for kind, label in KIND_LABELS.items()}
    left_out = list(session.get("table_left_out", ()))
    kinds = session["table_kinds"]
    for position, changes in session_by_name[f"table_columns_{version}"]["edited_rows"].items():
        name = names[int(position)]
        kind = of_label[changes["Type"]]
        if name in left_out:
            left_out.remove(name)
        kinds.pop(name, None)
        if kind == "target":
            session["table_target"] = name
        elif kind == "ignored":
            left_out.append(name)
        elif kind in KINDS:
            kinds[name] = kind
    session["table_left_out"] = left_out
    session["table_version"] = version + 1


def _draw_missing(table: Table, choices: dict[str, Any]) -> None:
    """Draws what happens to missing values, where there are any in the columns used."""
    spelled = [c.name for c in table.columns if c.kind == "category" and c.spellings]
    if spelled:
        classes = st.multiselect(
            "NA is a category in",
            spelled,
            key="table_classes",
            persist_state="session",
            placeholder="no column",
            help="Columns in which NA, None and the like are a category instead of a missing value.",
        )
        choices["missing_as_class"] = tuple(classes)
    try:
        missing = find_missing_rows(table, **choices)
    except ConfigError:  # an obstacle says so
        return
    if not missing:
        return
    choices["fill_missing"] = st.checkbox(
        "Fill in missing inputs",
        key="table_fill",
        persist_state="session",
        help="By the median, or the most frequent category, of the training rows.",
    )
    missing = find_missing_rows(table, **choices)
    if missing:
        many = len(missing)
        choices["drop_missing"] = st.checkbox(
            f"Drop the {many:,} rows that lack a value" if many > 1 else "Drop the row that lacks a value",
            key="table_drop",
            persist_state="session",
            help="Otherwise they are an error; leaving out the columns that lack values is the other way.",
        )


def _draw_sample(table: Table, choices: dict[str, Any]) -> None:
    """Draws how many rows of a large table are used."""
    usual = max(DEFAULT_VALUES // len(table.columns), 100)
    if table.rows <= usual:
        return
    choices["max_rows"] = st.number_input(
        "Rows to use",
        min_value=2,
        max_value=min(table.rows, 100_000),
        value=None if "table_rows" in session else min(usual, table.rows, 100_000),
        step=100,
        key="table_rows",
        persist_state="session",
        help=f"Of {table.rows:,}: a sample in proportion to the classes, or over the range of a numeric target.",
    )
    choices["max_rows"] = choices["max_rows"] or min(usual, table.rows, 100_000)


# -- obstacles --------------------------------------------------------------------------------------------------------


def check_duration(config: RunConfig, given: Given) -> None:
    """Refuses a run on a table that is expected to take over a minute until a visitor confirms it.

    Raises:
        TableRefused: with the expected time.
    """
    if session.get("table_confirmed"):
        return
    rows, inputs = given.prepared.X.shape
    price = cost(config, inputs, given.prepared.D.shape[1], rows)
    loop = (len(config.hidden) + 1) * (config.steps + 1) * LAYER_STEP_SECONDS
    seconds = price.multiply_adds * MULTIPLY_ADD_SECONDS + loop
    if seconds <= LONG_SECONDS:
        return
    minutes = f"about {seconds / 60:,.0f} minutes" if seconds >= 90 else "over a minute"
    fewer = max(int(rows * 20 / seconds) // 100 * 100, 100)
    fixes = (Fix(f"Use {fewer:,} rows", {"max_rows": fewer}),) if fewer < rows and "table_rows" in session else ()
    reason = f"a run over {rows:,} rows of {inputs:,} inputs is expected to take {minutes} on one core"
    error = ConfigError("data", minutes, reason)
    raise TableRefused([Obstacle(error, (*fixes, Fix("Train anyway", {"confirmed": True})))])


def draw_obstacles(refused: TableRefused) -> None:
    """Draws a button for each remedy, and the obstacles after the first, which the page has shown."""
    for i, obstacle in enumerate(refused.obstacles):
        if i:
            reason = to_page_words(obstacle.error.allowed)
            st.error(as_text(reason[0].upper() + reason[1:] + "."), icon=":material/block:")
        with st.container(horizontal=True):
            for k, fix in enumerate(obstacle.fixes):
                st.button(
                    as_text(fix.label), key=f"table_fix_{i}_{k}", on_click=_apply, args=(dict(fix.changes),),
                    icon=":material/build:",
                )  # fmt: skip


def _apply(changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        session_by_name[_KEY_OF_CHOICE[name]] = list(value) if isinstance(value, tuple) else value
    session["table_version"] = session.get("table_version", 0) + 1
