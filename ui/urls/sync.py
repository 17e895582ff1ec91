"""Keeps the controls of a page and its address in step: one address for one state, one history entry for one action.

The controls are ordinary keyed widgets. At the start of each run `sync_address` sets them from the address where it
states them (a first visit, a link, Back or Forward) and otherwise writes their values to the address, all at once, so
that an action with many changes is one entry of the browser's history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.config import Number
from ui.session import session, session_by_name
from ui.urls import link

MAX_UNDO = 50  # actions


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The parameters of one page's address.

    Attributes:
        page: the name of the page.
        rules: the rule of each parameter that has one.
        free: parameters that accept any text; they are validated where they are parsed.
        defaults: the value of each control where the address does not state it.
        view: those of them that are no settings: how the page shows them. They are not undone.
        of_run: those of the view that return to their defaults when a setting changes.
    """

    page: str
    rules: Mapping[str, link.Rule]
    free: Sequence[str]
    defaults: Mapping[str, Any]
    view: frozenset[str] = frozenset()
    of_run: frozenset[str] = frozenset()

    def settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values that are settings."""
        return {key: value for key, value in values.items() if key in self.defaults and key not in self.view}


def sync_address(parameters: Parameters) -> None:
    """Sets the controls of a page from its address or its address from the controls; call it before any control.

    An invalid parameter is ignored; `address.show_param_warnings` explains it.
    """
    state = session_by_name
    stored = session.setdefault("control_values", {})
    given = {name: st.query_params.get_all(name) for name in st.query_params}
    is_first = "address_page" not in session
    has_arrived = session.get("address_page") != parameters.page
    states_settings = is_first or (has_arrived and bool(given)) or _is_history_navigation()
    if states_settings and not has_arrived:  # the picture wrote its step: that is no way back to other settings
        stated = read_query(given, parameters)
        states_settings = any(stated[key] != stored.get(key) for key in stated.keys() - parameters.of_run)
    before = {key: stored[key] for key in parameters.defaults if key in stored}
    if states_settings:
        values = read_query(given, parameters)
        _remember_invalid(given, parameters)
    elif has_arrived:  # the navigation's link: a page shows the settings that it shares with the one before
        values = {key: stored.get(key, default) for key, default in parameters.defaults.items()}
    else:
        values = {key: state.get(key, stored.get(key, default)) for key, default in parameters.defaults.items()}
        has_changed = parameters.settings(before) != parameters.settings(values)
        stated = read_query({} if has_changed else given, parameters)  # the picture itself writes what is of the run
        of_run = {key: stated[key] for key in parameters.of_run}
        state.update(of_run)
        values |= of_run
    if states_settings or has_arrived:
        state.update(values)
    else:
        state.update({key: value for key, value in values.items() if key not in state})
    session["address_page"] = parameters.page
    stored.update(values)
    _record(parameters.page, *map(parameters.settings, (before if not has_arrived else values, values)))
    query = to_query(parameters, values)
    if query != given:
        st.query_params.from_dict(query)


def update_address(parameters: Parameters) -> None:
    """Writes to the address what was set since `sync_address`: at the end of a page, or in a fragment run alone."""
    query = current_query(parameters)
    session["control_values"].update(read_query(query, parameters))
    if query != {name: st.query_params.get_all(name) for name in st.query_params}:
        st.query_params.from_dict(query)


def current_query(parameters: Parameters) -> dict[str, list[str]]:
    """The parameters that state what the page shows now; the picture itself writes those of the run."""
    stored = session["control_values"]
    keys = parameters.defaults.keys() - parameters.of_run
    values = {key: session_by_name.get(key, stored.get(key, parameters.defaults[key])) for key in keys}
    of_run = {name: st.query_params.get_all(name) for name in parameters.of_run if name in st.query_params}
    return to_query(parameters, values) | of_run


def to_query(parameters: Parameters, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """The parameters that state these values; defaults, and what is not among the values, are omitted."""
    query = {}
    for key, default in parameters.defaults.items():
        value = values.get(key, default)
        if value != default:
            texts = list(value) if isinstance(value, (list, tuple)) else [value]
            query[key] = ["" if text is None else link.to_query_value(text) for text in texts] or [""]
    return link.join_activations(query)


def read_query(given: Mapping[str, Sequence[str]], parameters: Parameters) -> dict[str, Any]:
    """The values that a query string states; an invalid parameter has its default."""
    given = _by_control(given, parameters)
    invalid = link.find_invalid_params(given, parameters.rules, parameters.free)
    values = dict(parameters.defaults)
    for name, texts in given.items():
        if name in values and (name not in invalid or name in parameters.free):
            rule = parameters.rules.get(name)
            values[name] = texts[-1] if rule is None else _control_value(link.parse_texts(texts, rule), rule)
    return values


def _by_control(given: Mapping[str, Sequence[str]], parameters: Parameters) -> Mapping[str, Sequence[str]]:
    """The parameters of an address, each by the control that shows it."""
    return link.split_activations(given) if "layer_activations" in parameters.defaults else given


def _remember_invalid(given: Mapping[str, Sequence[str]], parameters: Parameters) -> None:
    given = _by_control(given, parameters)
    session["invalid_params"] = link.find_invalid_params(given, parameters.rules, parameters.free)
    session["checked_params"] = (*parameters.rules, *parameters.free)
    session.pop("first", None)


def _control_value(value: Any, rule: link.Rule) -> Any:
    return float(value) if isinstance(rule, Number) and value is not None else value


def _is_history_navigation() -> bool:
    """True if this run shows an entry of the browser's history, after Back or Forward."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


# -- undo -------------------------------------------------------------------------------------------------------


def _record(page: str, before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Adds one action to the undo list, or removes the last one where this state is the one before it."""
    undo = session.setdefault("undo", {}).setdefault(page, [])
    if not before or before == values:
        return
    if undo and undo[-1] == values:
        undo.pop()
    else:
        undo.append(dict(before))
        del undo[:-MAX_UNDO]


def can_undo() -> bool:
    """True if an action of this page can be undone."""
    return bool(session.get("undo", {}).get(session.get("address_page", "")))


def undo_last() -> None:
    """Restores the controls as they were before the last action; for a callback."""
    if can_undo():
        session_by_name.update(session["undo"][session["address_page"]][-1])
