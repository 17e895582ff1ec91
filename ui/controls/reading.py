"""Controls of the reading of a visitor's table, which show what was recognized until something else is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.tables import DELIMITER_NAMES, ENCODINGS, Table
from ui.session import session, session_by_name
from ui.text import as_text

# The state of the controls, which a new file resets.
READ_KEYS = (
    *("table_header", "table_delimiter", "table_encoding", "table_decimal", "table_day_first", "table_skip"),
    *("table_skip_footer", "table_sheet"),
)
# Choices of the control "First line": their words, and the arguments of `read_table`.
_HEADERS: dict[Any, tuple[str, dict[str, Any]]] = {
    True: ("names the columns", {"header": True}),
    False: ("is a row", {"header": False}),
    "two": ("names the columns with the second", {"header_lines": 2}),
}


def reading_choices() -> tuple[tuple[str, Any], ...]:
    """Returns the arguments of `read_table` that a visitor has chosen; the others are recognized."""
    chosen = {
        **_HEADERS.get(session.get("table_header"), ("", {}))[1],
        "delimiter": session.get("table_delimiter"),
        "encoding": session.get("table_encoding"),
        "decimal": session.get("table_decimal"),
        "day_first": session.get("table_day_first"),
        "skip_lines": session.get("table_skip"),
        "skip_footer": session.get("table_skip_footer"),
        "sheet": session.get("table_sheet"),
    }
    return tuple((name, value) for name, value in chosen.items() if value is not None)


def draw_reading(table: Table | None) -> None:
    """Draws how the file is read; each control shows what was recognized until another is chosen."""
    if table is not None:
        divided = f"; {table.delimiter}, {table.encoding}" if table.delimiter else f"; {table.encoding}"
        names = ("no line of names", "the first line names the columns", "the first two lines name the columns")
        st.caption(
            as_text(f"{table.rows:,} rows, {len(table.columns):,} columns{divided}, {names[table.header_lines]}.")
        )
    with st.expander("How the file is read", key="table_reading", expanded=table is None):
        is_text = table is None or bool(table.delimiter)
        header = None if table is None else (False, True, "two")[table.header_lines]
        words = {choice: label for choice, (label, _) in _HEADERS.items()}
        _choice("First line", "table_header", words, None if header is None else words[header])
        if is_text:
            _choice("Delimiter", "table_delimiter", DELIMITER_NAMES, table and table.delimiter)
            encodings = {name: f"{name}: {use}" for name, use in ENCODINGS.items()}
            _choice("Encoding", "table_encoding", encodings, table and table.encoding)
        signs = {".": "point, as in 1.5", ",": "comma, as in 1,5"}
        _choice("Decimal sign", "table_decimal", signs, table and signs[table.decimal])
        if table is None or any(column.kind == "date" for column in table.columns):
            orders = {True: "day first, as in 31/1/2026", False: "month first, as in 1/31/2026"}
            _choice("Dates that leave it open", "table_day_first", orders, None)
        if is_text:
            _count_lines(
                "Lines to skip", "table_skip", table.skip_lines if table else None, "above the table, such as a title"
            )
        if table is None or table.encoding != "parquet":
            below = "below the table, such as a source; blank ones do not count"
            skipped = table.skip_footer if table else None
            _count_lines("Lines to skip at the end", "table_skip_footer", skipped, below)
        if table is not None and len(table.sheets) > 1:
            _choice("Sheet", "table_sheet", {name: name for name in table.sheets}, table.sheet)


def _choice(label: str, key: str, options: Mapping[Any, str], recognized: Any) -> None:
    """A box whose empty state shows what was recognized."""
    shown = f"{recognized} (recognized)" if recognized and session_by_name.get(key) is None else "recognized"
    st.selectbox(
        label,
        list(options),
        index=None,
        format_func=options.__getitem__,
        placeholder=shown,
        key=key,
        persist_state="session",
    )


def _count_lines(label: str, key: str, recognized: int | None, where: str) -> None:
    """A number whose empty state shows what was recognized."""
    shown = "recognized" if recognized is None else f"{recognized} (recognized)"
    st.number_input(
        label,
        min_value=0,
        step=1,
        value=None,
        placeholder=shown,
        key=key,
        persist_state="session",
        help=f"Lines {where}.",
    )
