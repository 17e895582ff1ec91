"""A visitor's own table as the data of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import sha256

import streamlit as st

from core import ConfigError
from core.data.datasets import TASKS
from core.tables import Prepared, Table, prepare, read_table
from ui.runtime import limits
from ui.runtime.progress import stop_if_superseded
from ui.runtime.services import services
from ui.text import as_text


@dataclass(frozen=True, eq=False)
class Given:
    """A visitor's data, prepared for training, and the key under which the server stores them."""

    prepared: Prepared
    digest: str


def table_controls() -> Given | ConfigError | None:
    """Draws the upload and the choices for the table.

    Returns:
        The data; the reason why the table cannot be used; or None before there is a table.
    """
    max_bytes = limits.value("MAX_UPLOAD")
    file = st.file_uploader(
        "Your table",
        type=["csv", "tsv", "txt"],
        key="table_file",
        max_upload_size=math.ceil(max_bytes / 1_000_000),
        help="A CSV file with one sample per row and one column for the target. It stays in memory and is removed "
        "after your visit.",
    )
    if file is None:
        return None
    raw, name = file.getvalue(), file.name
    try:
        if len(raw) > max_bytes:
            raise ConfigError("data", f"{len(raw):,} bytes", f"this server allows {max_bytes:,} bytes a table")
        digest = sha256(raw).hexdigest()
        table = services().tables.get_or_compute(digest, lambda: read_table(raw, name), stop_if_superseded)
        choices = _choices(table)
        # A digest of the file alone and one of its choices have lengths of their own, so that no file stands for both.
        digest = f"{digest}:{sha256(repr(choices).encode()).hexdigest()}"
        prepared = services().prepared.get_or_compute(digest, lambda: prepare(table, *choices), stop_if_superseded)
        given = Given(prepared, digest)
    except ConfigError as error:
        return error
    st.caption(as_text(" ".join(given.prepared.notes)))
    return given


def _choices(table: Table) -> tuple[str, bool, str | None, tuple[str, ...]]:
    """(target, drop rows with missing values, task or None, columns left out), as `core.tables.prepare` takes them."""
    names = [column.name for column in table.columns]
    st.caption(
        f"{table.rows:,} rows, {len(names)} columns; {table.delimiter}, {table.encoding}, "
        f"{'the first line names the columns' if table.header else 'no header line'}."
    )
    target = st.selectbox("Target", names, index=len(names) - 1, key="table_target", help="The column to learn.")
    task = st.selectbox(
        "Task",
        list(TASKS),
        index=None,
        placeholder="inferred from the target",
        key="table_task",
        help="Regression, two classes or several classes; inferred from the target unless you choose.",
    )
    others = [name for name in names if name != target]
    left_out = st.multiselect(
        "Leave out",
        others,
        key="table_left_out",
        placeholder="no column",
        help="Columns that are not inputs, such as a row number.",
    )
    drop = False
    if table.missing_rows:
        n_missing = len(table.missing_rows)
        drop = st.checkbox(
            f"Drop the {n_missing:,} rows with a missing value"
            if n_missing > 1
            else "Drop the row with a missing value",
            key="table_drop",
            help="Otherwise missing values are an error. You can also leave out the columns with missing values.",
        )
    return target, drop, task, tuple(left_out)
