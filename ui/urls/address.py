"""The address somebody comes with: what of it is not taken as it stands, and in one sentence each why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from ui.text import as_text
from ui.urls import link

MAX_REMARKS = 12


def drop_invalid_params(rules: Mapping[str, link.Rule], free: Sequence[str] = ()) -> None:
    """Takes what is odd (see `link.faults`) out of the URL of a new visit, before Streamlit reads it, and keeps it.

    Streamlit would drop most of it without a word, and take 3.7 steps, which the config then refuses. A page calls
    this before it draws a control.
    """
    if "odd" in st.session_state:
        return
    given = {name: st.query_params.get_all(name) for name in st.query_params}
    invalid = st.session_state["odd"] = link.faults(given, rules, free)
    st.session_state["odd_of"] = (*rules, *free)
    known = [name for name in invalid if name in st.session_state["odd_of"]]
    for name in known:
        del st.query_params[name]
    if known:
        st.rerun()


def show_param_warnings(rules: Mapping[str, link.Rule], free: Sequence[str] = ()) -> None:
    """Says what was odd, on the page that was asked for and until a control of it changes."""
    invalid, names = st.session_state["odd"], (*rules, *free)
    if st.session_state["odd_of"] != names:
        return
    values = [st.session_state.get(name) for name in names]
    if st.session_state.setdefault("first", values) != values:
        invalid.clear()
    for name, sentence in list(invalid.items())[:MAX_REMARKS]:
        drawn = name in names and name in st.session_state
        now = f"; it is {_shown(st.session_state[name])} now" if drawn else ""
        st.warning(as_text(f"{sentence}{now}."), icon=":material/link_off:")
    if len(invalid) > MAX_REMARKS:
        more = f"{len(invalid) - MAX_REMARKS:,} more parameters of the address are left out."
        st.warning(more, icon=":material/link_off:")


def _shown(value: object) -> str:
    if isinstance(value, list):
        value = ", ".join(value)
    return "empty" if value in (None, "") else f"{value:.10g}" if isinstance(value, float) else str(value)
