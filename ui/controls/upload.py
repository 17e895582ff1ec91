"""A visitor's own table as the data of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import sha256

import streamlit as st

from core import ConfigError
from core.data.datasets import TASKS
from core.tables import Prepared, Table, prepare, read_table
from ui.runtime import limits, sessions
from ui.text import as_text


@dataclass(frozen=True, eq=False)
class Given:
    """A visitor's data, ready to train on, and the key under which they are kept."""

    prepared: Prepared
    digest: str


def table_controls() -> Given | ConfigError | None:
    """A place for a CSV file and the choices it asks for; why it cannot be used, or None before there is one."""
    most = limits.value("MAX_UPLOAD")
    file = st.file_uploader(
        "Your table",
        type=["csv", "tsv", "txt"],
        key="table_file",
        max_upload_size=math.ceil(most / 1_000_000),
        help="A CSV file: one row a sample, one column the target. It stays in memory, and only while you are here.",
    )
    if file is None:
        return None
    raw, name = file.getvalue(), file.name
    try:
        if len(raw) > most:
            raise ConfigError("data", f"{len(raw):,} bytes", f"this server allows {most:,} bytes a table")
        table = _kept(_digest(raw), lambda: read_table(raw, name))
        choices = _choices(table)
        digest = _digest(raw + repr(choices).encode())
        given = Given(_kept(digest, lambda: prepare(table, *choices)), digest)
    except ConfigError as error:
        return error
    st.caption(as_text(" ".join(given.prepared.notes)))
    return given


def _digest(raw: bytes) -> str:
    return sha256(raw).hexdigest()


def _kept(key, make):
    return sessions.services().tables.get_or_compute(key, make, lambda: len(st.session_state))


def _choices(table: Table) -> tuple[str, bool, str | None, tuple[str, ...]]:
    """(target, drop rows with missing values, task or None, columns left out), as `core.tables.prepare` takes them."""
    names = [column.name for column in table.columns]
    st.caption(
        f"{table.rows:,} rows, {len(names)} columns; {table.delimiter}, {table.encoding}, "
        f"{'first line names the columns' if table.header else 'no line of names'}."
    )
    target = st.selectbox("Target", names, index=len(names) - 1, key="table_target", help="The column to learn.")
    task = st.selectbox(
        "Task",
        list(TASKS),
        index=None,
        placeholder="told from the target",
        key="table_task",
        help="Regression, two classes or several; told from the target unless you choose.",
    )
    others = [name for name in names if name != target]
    left_out = st.multiselect(
        "Leave out",
        others,
        key="table_left_out",
        placeholder="no column",
        help="Columns that are no input, such as a running number.",
    )
    drop = False
    if table.missing_rows:
        many = len(table.missing_rows)
        drop = st.checkbox(
            f"Drop the {many:,} rows that lack a value" if many > 1 else "Drop the row that lacks a value",
            key="table_drop",
            help="Otherwise they are an error; leaving out the columns they lack is the other way.",
        )
    return target, drop, task, tuple(left_out)
