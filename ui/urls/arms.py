"""The arms of a comparison as one line of text, which a visitor can type and which is the URL's `arms`.

    sigmoid,tanh,relu                     values of the field that varies
    first try~0.5,2                       a name of one's own before a ~
    relu;init=he_normal                   more fields that differ, after a ;
    plain~,deep~depth=50                  where no field varies, every arm says which it changes
    mine~!activation=relu;depth=20        a ! pins settings of its own: what is not said has its default

In names and values the marks , ; ~ = % and a leading ! are written as in a URL, such as %2C for a comma.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from core.comparison.arms import MAX_NAME_LENGTH, Arm, arm_name, check_change, recommended_arms
from core.config import RULES, Flag, Number
from core.errors import ConfigError
from ui.urls.link import CONTROL_RULES, parse_widths, written

NOTHING = "none"  # a field without a value, such as no max-norm
MAX_CHARACTERS = 8000
_RESERVED = re.compile(r"[,;~=%\x00-\x1f]|^!")


def write_arms(arms: Sequence[Arm], vary: str | None) -> str:
    """The line that stands for these arms; empty where they are the ones that `vary` starts from."""
    return "" if tuple(arms) == recommended_arms(vary) else spell_arms(arms, vary)


def spell_arms(arms: Sequence[Arm], vary: str | None) -> str:
    """The same with every arm spelled out, whatever they are."""
    return ",".join(_write(arm, vary) for arm in arms)


def body_of(arm: Arm, vary: str | None) -> str:
    """What one arm says after its name."""
    return _write(arm, vary).rpartition("~")[2]


def told_name(changes: Mapping[str, object]) -> str:
    """What an arm is called that was not given a name."""
    return "; ".join(arm_name(field, value) for field, value in changes.items())[:MAX_NAME_LENGTH]


def read_arms(text: str, vary: str | None) -> tuple[Arm, ...]:
    """The arms that a line stands for; an empty one stands for those that `vary` starts from.

    Raises:
        ConfigError: an arm that names no field where none varies, an unknown field, or a bad value.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError("arms", f"{len(text):,} characters", f"it has at most {MAX_CHARACTERS:,} characters")
    if not text.strip():
        return recommended_arms(vary)
    return tuple(_read(item, vary) for item in text.split(","))


def _write(arm: Arm, vary: str | None) -> str:
    changes = dict(arm.changes)
    parts = []
    if not arm.pinned and vary in changes:
        value = changes.pop(vary)
        parts.append(_write_value(value))
        named = not changes and arm.name == arm_name(vary, value)
    else:
        named = False
    parts += [f"{name}={_write_value(value)}" for name, value in changes.items()]
    return ("" if named else f"{_quote(arm.name)}~") + ("!" if arm.pinned else "") + ";".join(parts)


def _read(item: str, vary: str | None) -> Arm:
    name, told, body = item.rpartition("~")
    name, body = unquote(name.rpartition("~")[2]).strip(), body.strip()
    pinned = body.startswith("!")
    changes = {}
    for part in filter(None, map(str.strip, body.removeprefix("!").split(";"))):
        field, equals, value = part.partition("=")
        if not equals:
            field, value = vary, part
            if vary is None or pinned:
                raise ConfigError("arms", item, "every part must be field=value, as in l2=0.01")
        field = field.strip()
        changes[field] = _read_value(field, unquote(value).strip())
    if not told:
        name = told_name(changes)
    return Arm(name, changes, pinned)


def _quote(text: str) -> str:
    return _RESERVED.sub(lambda mark: f"%{ord(mark[0]):02X}", text)


def _write_value(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or NOTHING
    return _quote(written(value))


def _read_value(field: str, text: str) -> object:
    """The value a text stands for, as the field's rule wants it; its refusal where it stands for none."""
    if field == "hidden":
        return parse_widths("" if text == NOTHING else text)
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
    """The values of a field that has few; None for a number."""
    rule = RULES.get(vary)
    if isinstance(rule, Flag):
        return ("false", "true")
    return getattr(rule, "names", None)
