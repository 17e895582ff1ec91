"""Encodes the arms of a comparison as one line of text: the URL parameter `arms`.

    sigmoid,tanh,relu                     values of the varied field
    first try~0.5,2                       a custom name before a ~
    relu;init=he_normal                   further changed fields after a ;
    plain~,deep~depth=50                  without a varied field, every arm lists its changes
    mine~!activation=relu;depth=20        a ! pins a complete set of settings: omitted fields have their defaults

In names and values the characters , ; ~ = % and a leading ! are percent-encoded, such as %2C for a comma.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from core.comparison.arms import MAX_NAME_LENGTH, Arm, arm_name, check_change, recommended_arms
from core.config import RULES, Flag, Number
from core.errors import ConfigError
from ui.urls.link import CONTROL_RULES, parse_widths, to_query_value

NOTHING = "none"  # a field without a value, such as no max-norm
MAX_CHARACTERS = 8000
_RESERVED = re.compile(r"[,;~=%\x00-\x1f]|^!")


def format_arms(arms: Sequence[Arm], vary: str | None) -> str:
    """The line for these arms; empty for the recommended arms of `vary`."""
    return "" if tuple(arms) == recommended_arms(vary) else format_all_arms(arms, vary)


def format_all_arms(arms: Sequence[Arm], vary: str | None) -> str:
    """The line for these arms, with every arm spelled out."""
    return ",".join(_format_arm(arm, vary) for arm in arms)


def format_arm_settings(arm: Arm, vary: str | None) -> str:
    """The part of an arm's text that follows its name."""
    return _format_arm(arm, vary).rpartition("~")[2]


def default_arm_name(changes: Mapping[str, Any]) -> str:
    """The name of an arm that was not given one."""
    return "; ".join(arm_name(field, value) for field, value in changes.items())[:MAX_NAME_LENGTH]


def parse_arms(text: str, vary: str | None) -> tuple[Arm, ...]:
    """Parses a line of arms; an empty line gives the recommended arms of `vary`.

    Raises:
        ConfigError: a value without a field where no field varies, an unknown field, or a bad value.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError("arms", f"{len(text):,} characters", f"it has at most {MAX_CHARACTERS:,} characters")
    if not text.strip():
        return recommended_arms(vary)
    return tuple(_parse_arm(item, vary) for item in text.split(","))


def _format_arm(arm: Arm, vary: str | None) -> str:
    changes = dict(arm.changes)
    parts = []
    if not arm.pinned and vary is not None and vary in changes:
        value = changes.pop(vary)
        parts.append(format_value(value))
        has_default_name = not changes and arm.name == arm_name(vary, value)
    else:
        has_default_name = False
    parts += [f"{name}={format_value(value)}" for name, value in changes.items()]
    return ("" if has_default_name else f"{_quote(arm.name)}~") + ("!" if arm.pinned else "") + ";".join(parts)


def _parse_arm(item: str, vary: str | None) -> Arm:
    name, separator, body = item.rpartition("~")
    name = unquote(name.rpartition("~")[2]).strip()
    body = body.strip()
    pinned = body.startswith("!")
    changes: dict[str, Any] = {}
    for part in filter(None, map(str.strip, body.removeprefix("!").split(";"))):
        field, equals, value = part.partition("=")
        if not equals:
            if vary is None or pinned:
                raise ConfigError("arms", item, "every part must have the form field=value, as in l2=0.01")
            field = vary
            value = part
        field = field.strip()
        changes[field] = parse_value(field, unquote(value).strip())
    if not separator:
        name = default_arm_name(changes)
    return Arm(name, changes, pinned)


def _quote(text: str) -> str:
    return _RESERVED.sub(lambda character: f"%{ord(character[0]):02X}", text)


def format_value(value: Any) -> str:
    """The text of a value."""
    if value is None:
        return NOTHING
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or NOTHING
    return _quote(to_query_value(value))


def parse_value(field: str, text: str) -> object:
    """The value of a field from its text.

    Raises:
        ConfigError: the field does not allow it.
    """
    if field == "hidden":
        return parse_widths("" if text == NOTHING else text)
    if field == "activation" and " " in text:
        return check_change(field, tuple(text.split()))
    rule = CONTROL_RULES.get(field)
    if isinstance(rule, Flag):
        return check_change(field, {"true": True, "false": False, "on": True, "off": False}.get(text.lower(), text))
    if isinstance(rule, Number):
        if text == NOTHING and rule.optional:
            return None
        try:
            number = int(text) if rule.integer and text.isdecimal() and len(text) < 400 else float(text)
        except ValueError:
            raise ConfigError(field, text, rule.allowed) from None
        return check_change(field, number)
    return check_change(field, text)


def choices(vary: str) -> tuple[str, ...] | None:
    """The values of a categorical field; None for a number."""
    rule = RULES.get(vary)
    if isinstance(rule, Flag):
        return ("false", "true")
    return getattr(rule, "names", None)
