"""A refused setting in the words of the page: by its control's label, its options' labels and no Python."""

from __future__ import annotations

from typing import Any

from core import ConfigError
from ui.controls import fields
from ui.text import to_page_words

MAX_SHOWN = 120  # characters of a value


def describe_refusal(error: ConfigError) -> str:
    """One sentence on a setting that is not allowed; others than a run's keep their own, in the page's spelling."""
    control = fields.CONTROLS.get(error.field)
    if control is None:
        return to_page_words(str(error))
    shown = _describe_value(error.field, error.value)
    return f"{control.label} = {shown} is not allowed: {to_page_words(error.allowed)}"


def _describe_value(field: str, value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:,.10g}".replace("inf", "infinity").replace("nan", "not a number")
    parts = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(part, str | int) for part in parts):
        return "this"
    shown = ", ".join(_describe_part(field, part) for part in parts)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 1]}…"


def _describe_part(field: str, part: str | int) -> str:
    if isinstance(part, int):
        return f"{part:,}"
    member = fields.REGISTRIES.get(field, {}).get(part)
    return f"“{part}”" if member is None else member.label
