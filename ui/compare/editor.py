"""The editor of the arms: a row for each arm with its name and its settings, and a control to add one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from core import ConfigError
from core.comparison.arms import MAX_ARMS, MAX_NAME_LENGTH, MIN_ARMS, VARIES, Arm, Comparison, arm_name
from ui.compare import state
from ui.compare.labels import change_label, field_label, value_label
from ui.session import session, session_by_name
from ui.text import as_text
from ui.urls import link
from ui.urls.arms import choices, default_arm_name, format_arm_settings, format_value, parse_value


def draw_editor(comparison: Comparison | None) -> None:
    """Draws a row for every arm and a control to add one."""
    arms = comparison.arms if comparison else state.current_arms()
    for i, arm in enumerate(arms):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"arm_row_{i}"):
            _draw_row(comparison, i, arm, len(arms))
    if not arms and state.arms_line():
        st.caption("The arms of this address cannot be read.")
    elif len(arms) < MAX_ARMS:
        _draw_adder(arms)
    else:
        st.caption(f"A comparison has at most {MAX_ARMS} arms.")


def _draw_row(comparison: Comparison | None, i: int, arm: Arm, count: int) -> None:
    field = state.vary()
    changes = dict(arm.changes)
    at = f"{i}_{arm.name}_{format_arm_settings(arm, field)}"  # an arm with other settings gets new widgets
    st.text_input(
        f"Name of arm {i + 1}",
        value=arm.name,
        key=f"arm_name_{at}",
        max_chars=MAX_NAME_LENGTH,
        on_change=_rename,
        args=(i, f"arm_name_{at}"),
        width=210,
    )
    if field is not None and field in changes and not arm.pinned:
        _draw_value(f"{field_label(field)} of arm {i + 1}", i, field, f"arm_value_{at}", changes.pop(field))
    if changes:
        st.multiselect(
            f"Settings of arm {i + 1}",
            list(changes),
            default=list(changes),
            key=f"arm_changes_{at}",
            format_func=lambda name: _shorten(change_label(name, changes.get(name))),
            on_change=_keep_changes,
            args=(i, f"arm_changes_{at}"),
            width="stretch",
        )
    with st.popover("Set", icon=":material/tune:", help=f"Changes a setting of {as_text(arm.name)}"):
        names = [name for name in VARIES if name != field or arm.pinned]
        name = st.selectbox("Setting", names, format_func=field_label, key=f"arm_set_{at}")
        present = dict(arm.changes).get(name, VARIES[name][0])
        _draw_value(f"New value of {field_label(name).lower()}", i, name, f"arm_set_{at}_{name}", present, is_new=True)
    _draw_buttons(comparison, i, arm, count, at)


def _draw_buttons(comparison: Comparison | None, i: int, arm: Arm, count: int, at: str) -> None:
    name = as_text(arm.name)
    st.button(
        "Up",
        key=f"arm_up_{at}",
        icon=":material/arrow_upward:",
        disabled=i == 0,
        on_click=_move_up,
        args=(i,),
        help=f"Moves {name} up",
        width="content",
    )
    st.button(
        "Remove",
        key=f"arm_remove_{at}",
        icon=":material/close:",
        disabled=count <= MIN_ARMS,
        on_click=_remove,
        args=(i,),
        help=f"Removes {name}",
        width="content",
    )
    if comparison is not None:
        url = f"./?{link.to_query(arm.config(comparison.base))}"
        st.link_button("Open in the Lab", url, icon=":material/open_in_new:", width="content")


def _draw_value(label: str, i: int, field: str, key: str, value: Any, *, is_new: bool = False) -> None:
    """Draws the widget of one setting of an arm: a box of its options, or a text for a number."""
    few = choices(field)
    text = format_value(value)
    common: dict[str, Any] = {"key": key, "on_change": _set_value, "args": (i, field, key), "width": 190}
    if few:
        index = None if is_new or text not in few else few.index(text)  # activations by layer are none of the options
        common["placeholder"] = "Choose an option" if is_new else value_label(field, value)
        st.selectbox(label, few, index=index, format_func=lambda name: value_label(field, name), **common)
    else:
        st.text_input(label, value="" if is_new else text, placeholder=text, **common)


def _draw_adder(arms: tuple[Arm, ...]) -> None:
    field = state.vary()
    if field is None:
        st.button("Add an arm", key="arm_add", icon=":material/add:", on_click=_add_copy)
        return
    few = choices(field)
    common: dict[str, Any] = {"key": "arm_added", "on_change": _add, "width": 230}
    if few is None:
        st.text_input("Add an arm", value="", placeholder=f"a value of {field_label(field).lower()}", **common)
        return
    used = [format_value(dict(arm.changes)[field]) for arm in arms if field in dict(arm.changes)]
    left = [value for value in few if value not in used]
    if left:
        st.selectbox(
            "Add an arm",
            left,
            index=None,
            format_func=lambda name: value_label(field, name),
            placeholder="choose a value",
            **common,
        )


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


# -- callbacks --------------------------------------------------------------------------------------------------


def _add() -> None:
    field = state.vary()
    text = session["arm_added"]
    session["arm_added"] = None if field is None or choices(field) else ""
    if field is None or not text:
        return
    try:
        value = parse_value(field, text.strip())
    except ConfigError as error:
        session["arm_error"] = error
        return
    arms = state.current_arms()
    name = state.unique_name(arm_name(field, value), {arm.name for arm in arms})
    state.set_arms([*arms, Arm(name, {field: value})])


def _add_copy() -> None:
    arms = state.current_arms()
    state.set_arms([*arms, Arm(state.unique_name("unchanged", {arm.name for arm in arms}))])


def _replace(i: int, changes: dict[str, Any]) -> None:
    """Gives an arm other changes; a default name follows them."""
    arms = list(state.current_arms())
    old = arms[i]
    name = arms[i].name
    if name == default_arm_name(dict(old.changes)) and changes:
        name = state.unique_name(default_arm_name(changes), {arm.name for arm in arms[:i] + arms[i + 1 :]})
    try:
        arms[i] = Arm(name, changes, old.pinned)
    except ConfigError as error:
        session["arm_error"] = error
    else:
        state.set_arms(arms)


def _set_value(i: int, field: str, key: str) -> None:
    text = session_by_name[key]
    if field is None or not text:
        return
    try:
        value = parse_value(field, text.strip())
    except ConfigError as error:
        session["arm_error"] = error
        return
    changes = dict(state.current_arms()[i].changes)
    if field == "depth" or field == "width":
        changes.pop("hidden", None)
    _replace(i, changes | {field: value})


def _keep_changes(i: int, key: str) -> None:
    field = state.vary()
    changes = dict(state.current_arms()[i].changes)
    _replace(i, {name: value for name, value in changes.items() if name in session_by_name[key] or name == field})


def _rename(i: int, key: str) -> None:
    arms = list(state.current_arms())
    name = session_by_name[key].strip()
    if name:
        other_names = {arm.name for arm in arms[:i] + arms[i + 1 :]}
        arms[i] = replace(arms[i], name=state.unique_name(name, other_names))
        state.set_arms(arms)


def _move_up(i: int) -> None:
    arms = list(state.current_arms())
    arms[i - 1], arms[i] = arms[i], arms[i - 1]
    state.set_arms(arms)


def _remove(i: int) -> None:
    arms = list(state.current_arms())
    del arms[i]
    state.set_arms(arms)
