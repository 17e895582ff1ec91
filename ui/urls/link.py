"""A config as the values of its controls, and as a query string; and what is wrong with a query string."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from core.config import RULES, Choice, Flag, Number, RunConfig
from core.errors import ConfigError


@dataclass(frozen=True)
class Subset:
    """Any number of different names; a URL repeats the parameter for each."""

    names: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return "it must be different ones of " + ", ".join(self.names)

    def validate(self, field: str, value: Sequence[str]) -> tuple[str, ...]:
        if len(set(value)) < len(value) or not set(value) <= set(self.names):
            raise ConfigError(field, value, self.allowed)
        return tuple(value)


Rule = Number | Choice | Flag | Subset
_WIDTHS = RULES["hidden"]
# `depth` and `width` stand for `hidden`, which overrides both when it is typed.
CONTROL_RULES: dict[str, Number | Choice | Flag] = {
    "depth": Number(0, _WIDTHS.layers, integer=True),
    "width": Number(1, _WIDTHS.units, integer=True),
    **{field: rule for field, rule in RULES.items() if field != "hidden"},
    # A browser counts to 2^53 only, and beyond the most steps there are it makes no difference.
    "record_every": Number(1, RULES["steps"].high, integer=True),
}
FREE_TEXT_PARAMS = ("hidden",)  # a text that its control refuses
KEYS = (*CONTROL_RULES, *FREE_TEXT_PARAMS)
_SEPARATOR = re.compile(r"[,;\s]+")


def parse_widths(text: str) -> tuple[int, ...]:
    """Units of each hidden layer from text such as "64,32,16".

    Raises:
        ConfigError: something in it is not a whole number, or out of the limits of `hidden`.
    """
    parts = [part for part in _SEPARATOR.split(text) if part]
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        raise ConfigError("hidden", text, f"{_WIDTHS.allowed}, separated by commas, as in 64,32,16")
    return RULES["hidden"].validate("hidden", tuple(map(int, parts)))


def to_values(config: RunConfig) -> dict[str, object]:
    """The value of every control that stands for this config."""
    values = config.to_dict()
    values["record_every"] = min(config.record_every, CONTROL_RULES["record_every"].high)
    hidden = values.pop("hidden")
    uniform = len(set(hidden)) <= 1
    shape = {"depth": len(hidden), "width": hidden[0]} if uniform and hidden else {}
    if not hidden:
        shape = {"depth": 0}
    return {**_SHAPE, **values, **shape, "hidden": "" if uniform else ",".join(map(str, hidden))}


_SHAPE = {"depth": len(RunConfig().hidden), "width": RunConfig().hidden[0]}
DEFAULTS: dict[str, object] = to_values(RunConfig())


def to_config(values: Mapping[str, object]) -> RunConfig:
    """The config that the controls say.

    Raises:
        ConfigError: values outside their rule, or that contradict each other.
    """
    settings = {field: values[field] for field in RULES if field != "hidden"}
    depth, width = (CONTROL_RULES[key].validate(key, values[key]) for key in ("depth", "width"))
    widths = parse_widths(values["hidden"] or "") or (width,) * depth
    return RunConfig(**settings, hidden=widths)


def to_query(config: RunConfig) -> str:
    """The query string whose page has these settings; what has its default value is left out."""
    values = to_values(config)
    return urlencode({key: written(values[key]) for key in KEYS if values[key] != DEFAULTS[key]}, safe=",")


def written(value: object) -> str:
    """A value as it stands in a URL."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def faults(
    parameters: Mapping[str, Sequence[str]],
    rules: Mapping[str, Rule] = CONTROL_RULES,
    free: Sequence[str] = FREE_TEXT_PARAMS,
) -> dict[str, str]:
    """One sentence for every parameter of a URL that is not taken as it stands, by its name.

    Args:
        parameters: every text given for a name, in order.
        rules: what each name of the page may be.
        free: names whose text goes into a control whatever it is, and is refused there.
    """
    found = {}
    for name, texts in parameters.items():
        rule = rules.get(name)
        if rule is None and name not in free:
            shown = _cut(name) or "A parameter without a name"
            found[name] = f"{shown} is not a setting of this page, so it is left out"
            continue
        try:
            if rule is not None:
                rule.validate(name, _read(texts, rule))
        except ConfigError:
            found[name] = f"{name} = {_cut(','.join(texts))!r} is not allowed: {rule.allowed}"
        else:
            if len(texts) > 1 and not isinstance(rule, Subset):
                found[name] = f"{name} is given {len(texts)} times, so it is left out"
    return found


def _cut(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _read(texts: Sequence[str], rule: Rule) -> object:
    """The value a parameter stands for; the text itself, which the rule then refuses, where it stands for none."""
    if isinstance(rule, Subset):
        return [] if list(texts) == [""] else list(texts)
    text = texts[-1] if texts else ""
    if isinstance(rule, Flag):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(rule, Choice):
        return text
    if rule.optional and not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text
