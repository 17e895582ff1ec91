"""Tables that a visitor edits, which outlast a visit to another section or page."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
import streamlit as st

from ui.session import session_by_name


def edit_table(
    title: str, start: pd.DataFrame, key: str, *, rows: Literal["fixed", "dynamic"] = "fixed", **options: Any
) -> pd.DataFrame:
    """Draws one table and returns it as edited; it opens as it was left, since edits alone do not outlast a visit.

    Args:
        title: above the table; formulas in it are drawn.
        start: the table before any edit.
        key: another key is another table, without edits.
        rows: "fixed", or "dynamic" where rows can be added and removed.
        options: of `st.data_editor`.
    """
    st.markdown(title)
    if key not in session_by_name:
        session_by_name[f"{key}_start"] = session_by_name.get(f"{key}_left", start)
    plain_title = title.translate(str.maketrans("", "", "$^{}\\"))
    edited = st.data_editor(
        session_by_name[f"{key}_start"],
        key=key,
        num_rows=rows,
        alt=plain_title,
        hide_index=rows == "dynamic",
        **options,
    )
    session_by_name[f"{key}_left"] = edited
    return edited
