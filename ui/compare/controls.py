"""The controls of a comparison: ready comparisons, the field that varies, its values as chips, and the seeds."""

from __future__ import annotations

import streamlit as st

from core import ConfigError, RunConfig
from core.comparison.arms import MAX_ARMS, MIN_ARMS, SEEDS, VARIES, Arm, Comparison, arm_name, recommended_arms
from core.presets.comparisons import COMPARISON_PRESETS, Preset
from ui import panels
from ui.compare import pinned, state
from ui.compare.labels import field_label, value_label
from ui.controls import sidebar
from ui.session import session
from ui.urls.arms import choices, format_value, parse_value


def choose(base: RunConfig | None) -> tuple[Comparison | None, ConfigError | None]:
    """Draws the field that varies, its values and the seeds.

    Returns:
        The comparison and None; None and the reason where it is refused; None twice where there is no base.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Vary",
            [*VARIES, state.NO_FIELD],
            key="vary",
            format_func=field_label,
            on_change=_start_over,
            width=190,
            help="The setting in which the arms differ; they share the other settings of the sidebar. With several "
            "settings, every arm has its own changes.",
        )
        _draw_chips()
        st.number_input(
            "Seeds",
            float(SEEDS.low),
            float(SEEDS.high),
            step=1.0,
            format="%.0f",
            key="seeds",
            width=120,
            help="Each arm is trained once for every seed; all arms share the same seeds.",
        )
        st.toggle("Edit arms", key="arm_editor", width="content", help="Names, settings and order of the arms.")
    error = session.pop("arm_error", None)
    if error is not None:
        panels.show_error(error)
    session["varied"] = state.vary()
    session["compared"] = state.vary(), state.arms_line(), base
    pinned.offer()
    if base is None:
        return None, None
    try:
        return state.build(base), None
    except ConfigError as refused:
        return None, refused


def _draw_chips() -> None:
    """Draws the values of the arms as chips where each arm is one value of the field that varies."""
    field = state.vary()
    arms = state.current_arms()
    if field is None or not 0 < len(arms) <= MAX_ARMS or not all(_is_plain(arm, field) for arm in arms):
        return
    chosen = [format_value(dict(arm.changes)[field]) for arm in arms]
    if len(set(chosen)) < len(chosen):
        return
    few = choices(field)
    offered = few or [format_value(value) for value in VARIES[field]]
    session["arm_chips"] = chosen
    st.multiselect(
        "Arms",
        list(dict.fromkeys([*offered, *chosen])),
        key="arm_chips",
        format_func=lambda text: value_label(field, text),
        accept_new_options=few is None,
        max_selections=MAX_ARMS,
        placeholder="add a value",
        on_change=_use_chips,
        width="stretch",
        help=f"{MIN_ARMS} to {MAX_ARMS} values; each is one arm." + ("" if few else " Type a number to add it."),
    )


def _is_plain(arm: Arm, field: str) -> bool:
    changes = dict(arm.changes)
    return not arm.pinned and set(changes) == {field} and arm.name == arm_name(field, changes[field])


def _use_chips() -> None:
    field = state.vary() or state.NO_FIELD
    try:
        values = [parse_value(field, text.strip()) for text in session["arm_chips"]]
        arms = [Arm(arm_name(field, value), {field: value}) for value in dict.fromkeys(values)]
    except ConfigError as error:
        session["arm_error"] = error
    else:
        state.set_arms(arms)


def _start_over() -> None:
    """Replaces the arms for another field that varies; pinned arms stay, and without a field all arms do."""
    old = state.parse_line(state.arms_line(), session.get("varied", state.DEFAULTS["vary"]))
    field = state.vary()
    if field is not None:
        pins = tuple(arm for arm in old if arm.pinned)[: MAX_ARMS - MIN_ARMS]
        old = recommended_arms(field)[: MAX_ARMS - len(pins)] + pins
    state.set_arms(old)


# -- ready comparisons ------------------------------------------------------------------------------------------


def current_preset(comparison: Comparison | None) -> Preset | None:
    """The ready comparison that equals this one, if any."""
    return next((preset for preset in COMPARISON_PRESETS.values() if preset.comparison == comparison), None)


def start_from(base: RunConfig | None) -> None:
    """Draws the box of ready comparisons, Undo and Reset at the top of the sidebar."""
    try:
        comparison = state.build(base) if base is not None else None
    except ConfigError:
        comparison = None
    preset = current_preset(comparison)
    sidebar.draw_presets(
        "ready",
        COMPARISON_PRESETS,
        next((name for name, other in COMPARISON_PRESETS.items() if other is preset), None),
        apply=lambda chosen: state.apply(chosen.comparison),
        about="Ready comparisons. Each sets every control and shows one claim of the lecture.",
        otherwise="recommended activations" if comparison == Comparison() else "custom settings",
    )
    sidebar.draw_undo_and_reset(
        state.apply,
        Comparison(),
        is_default=comparison == Comparison(),
        about="Sets every control to the comparison with which the page opens.",
    )
