"""Settings that a visitor adds to the comparison in the Lab."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import streamlit as st

from core import RunConfig
from core.comparison.arms import MAX_ARMS, MAX_NAME_LENGTH, MIN_ARMS, Arm, arm_name, differing_changes
from ui.compare import state
from ui.session import session
from ui.urls import link
from ui.urls.arms import format_arms


def pinned_arms() -> list[Arm]:
    """The settings that were pinned in the Lab in this session."""
    return session.setdefault("pinned", [])


def pin(config: RunConfig) -> None:
    """Adds settings to the list that the Compare page offers; for use in callbacks."""
    if not is_pinned(config):
        names = {arm.name for arm in pinned_arms()}
        pinned_arms().append(Arm.pin(state.unique_name(_describe(config), names), config))


def is_pinned(config: RunConfig) -> bool:
    """Returns whether these settings are pinned; the seed does not count, since a comparison has its own."""
    return any(arm.config(config) == config for arm in pinned_arms())


def pin_button(config: RunConfig) -> None:
    """Draws the Lab's button that pins its settings, and the link to the Compare page with all that are pinned."""
    is_there = is_pinned(config)
    st.button(
        "Added to comparison" if is_there else "Add to comparison",
        key="pin",
        icon=":material/check:" if is_there else ":material/add_chart:",
        on_click=pin,
        args=(config,),
        disabled=is_there,
        help="Adds these settings as an arm of the Compare page.",
    )
    if pinned_arms():
        field, line, base = session.get("compared", (state.DEFAULTS["vary"], "", None))
        arms, field = _with_pinned(field, line)
        parameters = dict(parse_qsl(link.to_query(base or RunConfig())))
        parameters |= {"vary": field or state.NO_FIELD, "arms": format_arms(arms, field)}
        label = f"Compare {_counted(pinned_arms())}"
        st.page_link("pages/compare.py", label=label, icon=":material/arrow_forward:", query_params=parameters)


def offer() -> None:
    """Draws a button that adds the pinned settings that are not arms yet."""
    arms, _ = _with_pinned(state.vary(), state.arms_line())
    missing = [arm for arm in pinned_arms() if not _is_among(arm, state.current_arms())]
    if missing and len(arms) <= MAX_ARMS:
        st.button(f"Add {_counted(missing)} from the Lab", on_click=_take_pinned, icon=":material/add_chart:")


def _take_pinned() -> None:
    arms, field = _with_pinned(state.vary(), state.arms_line())
    session["vary"] = field or state.NO_FIELD
    session["arms"] = format_arms(arms, field)


def _with_pinned(field: str | None, line: str) -> tuple[tuple[Arm, ...], str | None]:
    """The arms of a line and the pinned ones; only the pinned ones where there are two and the line is empty."""
    arms = state.parse_line(line, field)
    new = [arm for arm in pinned_arms() if not _is_among(arm, arms)]
    if not line and len(new) >= MIN_ARMS:
        arms = ()
        field = None
    names = {arm.name for arm in arms}
    return arms + tuple(replace(arm, name=state.unique_name(arm.name, names)) for arm in new), field


def _is_among(arm: Arm, arms: tuple[Arm, ...]) -> bool:
    """Returns whether these settings are among the arms, under any name."""
    return any(other.pinned and dict(other.changes) == dict(arm.changes) for other in arms)


def _counted(arms: list[Arm]) -> str:
    return f"{len(arms)} setting{'s' * (len(arms) > 1)}"


def _describe(config: RunConfig) -> str:
    """Activation and shape, then the other settings that differ from the default."""
    changes = differing_changes(config, RunConfig())
    activation = arm_name("activation", changes.pop("activation", config.activation))
    widths = changes.pop("hidden", config.hidden)
    shape = f"{len(widths)} x {widths[0]}" if len(set(widths)) == 1 else f"{len(widths)} layers"
    names = [arm_name(field, value) for field, value in changes.items()]
    return ", ".join([f"{activation} {shape}", *names])[:MAX_NAME_LENGTH].rstrip(" ,")
