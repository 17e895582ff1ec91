"""Checks the address of a new visit: drops invalid parameters and explains each in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ui.session import session, session_by_name
from ui.text import as_text
from ui.urls import link

MAX_WARNINGS = 12
MAX_SHOWN = 60  # characters of a value


def drop_invalid_params(rules: Mapping[str, link.Rule], free: Sequence[str] = ()) -> None:
    """Removes invalid parameters (see `link.find_invalid_params`) from the URL of a new visit and remembers them.

    Streamlit would drop most of them silently, and would accept 3.7 steps, which the config then refuses. A page
    calls this before it draws any control.
    """
    session["address_page"] = ""  # the page has no parameters that `sync` keeps
    if "invalid_params" in session:
        return
    given = {name: st.query_params.get_all(name) for name in st.query_params}
    invalid = session["invalid_params"] = link.find_invalid_params(given, rules, free)
    session["checked_params"] = (*rules, *free)
    known = [name for name in invalid if name in session["checked_params"]]
    for name in known:
        del st.query_params[name]
    if known:
        st.rerun()


def show_param_warnings(rules: Mapping[str, link.Rule], free: Sequence[str] = ()) -> None:
    """Explains the invalid parameters on the page that was requested, until one of its controls changes."""
    invalid = session["invalid_params"]
    names = (*rules, *free)
    if not invalid or session["checked_params"] != names:
        return
    values = [session_by_name.get(name) for name in names]
    if session.setdefault("first", values) != values:
        invalid.clear()
    for name, sentence in list(invalid.items())[:MAX_WARNINGS]:
        is_control = name in names and name in session_by_name
        used = f"; {_format_value(session_by_name[name])} is used instead" if is_control else ""
        st.warning(as_text(f"{sentence}{used}."), icon=":material/link_off:")
    if len(invalid) > MAX_WARNINGS:
        more = f"{len(invalid) - MAX_WARNINGS:,} more parameters of the address are ignored."
        st.warning(more, icon=":material/link_off:")


def _format_value(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(value)
    text = f"{value:.10g}" if isinstance(value, float) else link.to_query_value(value)
    return "an empty value" if value in (None, "") else text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
