"""Converts a config to the values of its controls and to a query string, and validates query strings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from core.config import MAX_STEPS, RULES, SIZES, Choice, Flag, Number, RunConfig
from core.errors import ConfigError
from core.families.activations import ACTIVATIONS
from ui.text import to_page_words


@dataclass(frozen=True)
class Subset:
    """A rule for any number of distinct names; a URL repeats the parameter for each."""

    names: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return "it must be a set of distinct names among " + ", ".join(self.names)

    def validate(self, field: str, value: Sequence[str]) -> tuple[str, ...]:
        if len(set(value)) < len(value) or not set(value) <= set(self.names):
            raise ConfigError(field, value, self.allowed)
        return tuple(value)


@dataclass(frozen=True)
class Text:
    """A rule for a text of one form.

    Attributes:
        pattern: a regular expression that matches the whole text.
        allowed: the form in words.
    """

    pattern: str
    allowed: str

    def validate(self, field: str, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ConfigError(field, value, self.allowed)
        return value


ACTIVATION_NAMES = tuple(ACTIVATIONS)
Rule = Number | Choice | Flag | Subset | Text
# `depth` and `width` stand for `hidden`, which overrides both when it is set; so does `layer_activations` `activation`.
CONTROL_RULES: dict[str, Any] = {
    "depth": Number(0, SIZES.layers, integer=True),
    "width": Number(1, SIZES.units, integer=True),
    **{field: rule for field, rule in RULES.items() if field != "hidden"},
    "activation": Choice(ACTIVATION_NAMES),
    # A browser is exact up to 2^53 only, and a value above the largest number of steps makes no difference.
    "record_every": Number(1, MAX_STEPS, integer=True),
}
FREE_TEXT_PARAMS = ("hidden", "layer_activations")  # validated where they are parsed, not as URL parameters
KEYS = (*CONTROL_RULES, *FREE_TEXT_PARAMS)
_SEPARATOR = re.compile(r"[,;\s]+")


def parse_widths(text: str) -> tuple[int, ...]:
    """Units of each hidden layer from text such as "64,32,16".

    Raises:
        ConfigError: a part is not a whole number or is outside the limits of `hidden`.
    """
    parts = [part for part in _SEPARATOR.split(text) if part]
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        raise ConfigError("hidden", text, f"{SIZES.allowed}, separated by commas, as in 64,32,16")
    return SIZES.validate("hidden", tuple(map(int, parts)))


def parse_activations(text: str) -> tuple[str, ...]:
    """The activation of each hidden layer from text such as "relu,tanh,sigmoid"; empty for a text without one.

    Raises:
        ConfigError: a name that no activation has.
    """
    names = tuple(part for part in _SEPARATOR.split(text) if part)
    if not set(names) <= set(ACTIVATION_NAMES):
        allowed = f"names among {', '.join(ACTIVATION_NAMES)}, separated by commas, as in relu,relu,tanh"
        raise ConfigError("activation", text, f"it must be {allowed}")
    return names


def to_values(config: RunConfig) -> dict[str, Any]:
    """The value of every control for this config."""
    values = config.to_dict()
    values["record_every"] = min(config.record_every, CONTROL_RULES["record_every"].high)
    values["layer_activations"] = ""
    if not isinstance(config.activation, str):
        values |= {"activation": RunConfig.activation, "layer_activations": ",".join(config.activation)}
    hidden = values.pop("hidden")
    uniform = len(set(hidden)) <= 1
    shape = {"depth": len(hidden), "width": hidden[0]} if uniform and hidden else {}
    if not hidden:
        shape = {"depth": 0}
    return {**_SHAPE, **values, **shape, "hidden": "" if uniform else ",".join(map(str, hidden))}


_SHAPE = {"depth": len(RunConfig().hidden), "width": RunConfig().hidden[0]}
DEFAULTS: dict[str, Any] = to_values(RunConfig())


def to_config(values: Mapping[str, Any]) -> RunConfig:
    """The config for these values of the controls.

    Raises:
        ConfigError: a value violates its rule, or values contradict each other.
    """
    settings = {field: values[field] for field in RULES if field != "hidden"}
    settings["activation"] = parse_activations(values["layer_activations"] or "") or settings["activation"]
    depth, width = (CONTROL_RULES[key].validate(key, values[key]) for key in ("depth", "width"))
    widths = parse_widths(values["hidden"] or "") or (width,) * depth
    return RunConfig(**settings, hidden=widths)


def to_query(config: RunConfig) -> str:
    """The query string that opens a page with these settings; defaults are omitted."""
    values = to_values(config)
    query = {key: [to_query_value(values[key])] for key in KEYS if values[key] != DEFAULTS[key]}
    return urlencode(join_activations(query), doseq=True, safe=",")


def join_activations(query: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The query with the activation of each layer as the value of `activation`, as in activation=tanh,relu,relu."""
    query = dict(query)
    if "," in query.get("layer_activations", [""])[-1]:
        query["activation"] = query.pop("layer_activations")
    return query


def split_activations(query: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The query by controls: what `join_activations` put together goes to `layer_activations`."""
    query = dict(query)
    if "," in (query.get("activation") or [""])[-1]:
        query["layer_activations"] = query.pop("activation")
    return query


def to_query_value(value: Any) -> str:
    """Formats a value for a URL: no trailing ".0", lower-case booleans."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def find_invalid_params(
    parameters: Mapping[str, Sequence[str]],
    rules: Mapping[str, Rule] = CONTROL_RULES,
    free: Sequence[str] = FREE_TEXT_PARAMS,
) -> dict[str, str]:
    """Finds the URL parameters that a page cannot use, and explains each in one sentence, by name.

    Args:
        parameters: all texts given for each name, in order.
        rules: the rule of each parameter of the page.
        free: parameters that accept any text; they are validated where they are parsed.
    """
    sentences = {}
    for name, texts in parameters.items():
        rule = rules.get(name)
        if rule is None and name not in free:
            shown = _shorten(name) or "A parameter without a name"
            sentences[name] = f"{shown} is not a setting of this page and is ignored"
            continue
        try:
            if rule is not None:
                read: Any = parse_texts(texts, rule)
                rule.validate(name, read)
        except ConfigError:
            shown = _shorten(",".join(texts))
            sentences[name] = f"{name} = “{shown}” is not allowed: {to_page_words(rule.allowed)}"
        else:
            if len(texts) > 1 and not isinstance(rule, Subset):
                sentences[name] = f"{name} is given {len(texts)} times and is ignored"
    return sentences


def _shorten(text: str, max_length: int = 60) -> str:
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def parse_texts(texts: Sequence[str], rule: Rule) -> object:
    """Parses a parameter; returns the text itself, which the rule then rejects, where it cannot be parsed."""
    if isinstance(rule, Subset):
        return [] if list(texts) == [""] else list(texts)
    text = texts[-1] if texts else ""
    if isinstance(rule, Flag):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(rule, (Choice, Text)):
        return text
    if rule.optional and not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text
