"""The choices of a comparison, three values of the session and of the URL: `vary`, `arms` and `seeds`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core import ConfigError, RunConfig
from core.comparison.arms import MAX_NAME_LENGTH, SEEDS, VARIES, Arm, Comparison
from core.config import Choice
from ui.controls import fields
from ui.session import session, session_by_name
from ui.urls import link, views
from ui.urls.arms import format_arms, parse_arms
from ui.urls.sync import Parameters

NO_FIELD = "none"  # of `vary`, where every arm lists its changes
DEFAULTS: dict[str, Any] = {"vary": "activation", "arms": "", "seeds": float(Comparison().seeds)}
ADDRESS_RULES = link.CONTROL_RULES | {"vary": Choice((*VARIES, NO_FIELD)), "seeds": SEEDS} | views.COMPARE
ADDRESS_FREE_TEXT_PARAMS = (*link.FREE_TEXT_PARAMS, "arms")  # validated where they are parsed
PARAMETERS = Parameters(
    page="compare",
    rules=ADDRESS_RULES,
    free=ADDRESS_FREE_TEXT_PARAMS,
    defaults=link.DEFAULTS | DEFAULTS | views.COMPARE_DEFAULTS,
    view=frozenset(views.COMPARE),
    of_run=views.OF_RUN,
)


def vary() -> str | None:
    """The field that varies; None where every arm lists its changes."""
    chosen = session.get("vary", DEFAULTS["vary"])
    return None if chosen == NO_FIELD else chosen


def arms_line() -> str:
    """The arms as one line of text, as in the URL."""
    return session.get("arms") or ""


def parse_line(line: str, field: str | None) -> tuple[Arm, ...]:
    """The arms of a line with this field varying; none where it cannot be parsed."""
    try:
        return parse_arms(line, field)
    except ConfigError:
        return ()


def current_arms() -> tuple[Arm, ...]:
    """The arms; none where their line cannot be parsed."""
    return parse_line(arms_line(), vary())


def set_arms(arms: Sequence[Arm]) -> None:
    """Replaces the arms; for use in callbacks."""
    session["arms"] = format_arms(arms, vary())


def build(base: RunConfig) -> Comparison:
    """The comparison of the choices.

    Raises:
        ConfigError: arms that cannot be parsed, too few or too many arms, or settings that contradict each other.
    """
    return make_comparison(base, vary(), arms_line(), int(session["seeds"]))


def try_build(base: RunConfig | None) -> tuple[Comparison | None, ConfigError | None]:
    """The comparison of the choices, or why there is none."""
    if base is None:
        return None, None
    try:
        return build(base), None
    except ConfigError as error:
        return None, error


def make_comparison(base: RunConfig, field: str | None, line: str, seeds: int) -> Comparison:
    """The comparison of a line of arms; errors as `build`."""
    return Comparison(base, field, parse_arms(line, field), seeds)


def query(comparison: Comparison) -> dict[str, Any]:
    """The query parameters of a comparison except those of its base; defaults are omitted."""
    values = {
        "vary": comparison.vary or NO_FIELD,
        "arms": format_arms(comparison.arms, comparison.vary),
        "seeds": comparison.seeds,
    }
    return {key: value for key, value in values.items() if value != DEFAULTS[key]}


def apply(comparison: Comparison) -> None:
    """Sets every control to this comparison; for use in callbacks."""
    fields.apply(comparison.base)
    values = DEFAULTS | query(comparison)
    session_by_name.update(values | {"seeds": float(values["seeds"])})


def use_recommended_arms() -> None:
    """Replaces the arms by the recommended ones; for use in callbacks."""
    session["arms"] = ""


def unique_name(name: str, used: set[str]) -> str:
    """The name, with a number appended where it is taken; adds it to `used`."""
    free = name
    count = 1
    while free in used:
        count += 1
        free = f"{name[: MAX_NAME_LENGTH - 3].rstrip()} {count}"
    used.add(free)
    return free
