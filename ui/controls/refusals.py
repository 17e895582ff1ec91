"""A refused setting in the words of the page: by its control's label, its options' labels and no Python."""

from __future__ import annotations

import numbers
from typing import Any

from core import ConfigError
from ui.controls import fields
from ui.text import to_page_words, typeset

MAX_SHOWN = 120  # characters of a value
MAX_DIGITS = 15  # of a whole number


def describe_refusal(error: ConfigError) -> str:
    """One sentence on a setting that is not allowed: its label or name, its value, and what is allowed."""
    control = fields.CONTROLS.get(error.field)
    name = error.named if control is None else control.label
    return f"{name} = {_describe_value(error.field, error.value)} is not allowed: {to_page_words(error.allowed)}"


def _describe_value(field: str, value: Any) -> str:
    parts = value if isinstance(value, tuple | list) else (value,)
    if not parts or not all(part is None or isinstance(part, str | numbers.Real) for part in parts):
        return f"an {'empty ' * (not parts)}entry of another kind"
    shown = ", ".join(_describe_part(field, part) for part in parts[:MAX_SHOWN])
    return shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 1]}…"


def _describe_part(field: str, part: Any) -> str:
    if part is None:
        return "nothing"
    if isinstance(part, bool):
        return "on" if part else "off"
    if isinstance(part, str):
        member = fields.REGISTRIES.get(field, {}).get(part)
        sendable = part.encode(errors="replace").decode()  # JSON can hold half of a character
        return f"“{sendable}”" if member is None else member.label
    if part != part:
        return "not a number"
    if abs(part) == float("inf"):
        return f"{'minus ' * (part < 0)}infinity"
    if isinstance(part, int):  # one of JSON may have more digits than a float or a text can hold
        return f"{part:,}" if abs(part) < 10**MAX_DIGITS else "a number of too many digits"
    return typeset(f"{float(part):,.10g}")
