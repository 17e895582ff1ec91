"""A compact address of a scene of the Lab: settings and view in one parameter, at most 200 characters with the server.

    ?s=A3C20M0.5     activation relu, depth 20, learning rate 0.5

A setting is a capital letter, or Z and one or two more letters for the rarer ones, followed by its value: a number
as it is, t or f, a name by its position in `NAMES` (or written out, in lower case, where it is not listed). Positions
and letters never change, so that an old link opens the same scene: append, and do not reorder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import streamlit as st

from core.config import Choice, Flag
from core.errors import ConfigError
from ui.urls.link import CONTROL_RULES, Rule
from ui.urls.views import LAB

PARAMETER = "s"
CODES = {
    "activation": "A", "batch_size": "B", "depth": "C", "dataset": "D", "samples": "E", "noise": "F", "holdout": "G",
    "hidden": "H", "init": "I", "init_scale": "J", "bias_std": "K", "loss": "L", "learning_rate": "M",
    "normalization": "N", "optimizer": "O", "momentum": "P", "clip": "Q", "clip_threshold": "R", "seed": "S",
    "steps": "T", "width": "U", "output_activation": "V", "residual": "W", "l2": "X", "weight_decay": "Y",
    "l1": "Za", "max_norm": "Zb", "record_every": "Zc", "dtype": "Zd", "scaling": "Ze", "bias": "Zf",
    "quantity": "Zg", "relative": "Zh", "step": "Zi", "axis": "Zj", "more": "Zk", "inside": "Zl", "why": "Zm",
    "sharpness": "Zn", "numbers": "Zo", "how-we-know": "Zp", "inside_step": "Zq", "inside_quantity": "Zr",
    "hide": "Zs", "lock": "Zt", "text": "Zu", "open_layer": "Zv", "layer_step": "Zw",
    "live": "Zx", "schedule": "ZZa", "schedule_steps": "ZZb", "warmup_steps": "ZZc", "class_weight": "ZZd",
    "dropout": "ZZe", "norm_affine": "ZZf", "layer_activations": "ZZg",
}  # fmt: skip
NAMES: dict[str, Sequence[str]] = {
    "activation": ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus"),
    "output_activation": ("linear", "sigmoid", "softmax", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu",
                          "softplus"),
    "dataset": ("circles", "moons", "xor", "spirals", "blobs", "sine", "gaussian", "iris", "wine", "breast_cancer",
                "digits", "diabetes", "custom"),
    "init": ("normal", "uniform", "fixed_normal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
             "lecun_normal", "orthogonal", "torch_default"),
    "loss": ("mse", "bce", "cross_entropy"),
    "normalization": ("none", "layer", "batch"),
    "optimizer": ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"),
    "schedule": ("constant", "step", "cosine"),
    "clip": ("none", "value", "global_norm", "per_layer_norm", "adaptive"),
    "dtype": ("float64", "float32"),
    "scaling": ("standard", "none"),
    "class_weight": ("none", "balanced"),
    "quantity": ("delta_norm", "grad_norm", "rms"),
    "text": ("on", "off"),
}  # fmt: skip
_FIELDS = {code: field for field, code in CODES.items()}
_PART = re.compile(r"(ZZ?[a-z]|[A-Y])([^A-Z]*)")
_RULES: Mapping[str, Rule] = CONTROL_RULES | LAB


def pack(query: Mapping[str, Sequence[str]]) -> str:
    """The compact text of a query of the Lab; the parameters are those of `ui.urls.sync.to_query`."""
    return "".join(CODES[field] + _pack_value(field, texts[-1]) for field, texts in query.items() if field in CODES)


def unpack(text: str) -> dict[str, str]:
    """The query of a compact text.

    Raises:
        ConfigError: the text is not one that `pack` writes.
    """
    parts = _PART.findall(text)
    if "".join(code + value for code, value in parts) != text or any(code not in _FIELDS for code, _ in parts):
        raise ConfigError(PARAMETER, text, "it must be a compact scene as the Share menu writes it")
    return {_FIELDS[code]: _unpack_value(_FIELDS[code], value) for code, value in parts}


def expand(query: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The query with a compact scene in it written out; as it is without one, or with one that cannot be read."""
    query = {name: list(texts) for name, texts in query.items()}
    try:
        unpacked = unpack(query[PARAMETER][-1]) if query.get(PARAMETER) else {}
    except ConfigError:
        return query
    others = {name: texts for name, texts in query.items() if name != PARAMETER} if unpacked else query
    return {name: [text] for name, text in unpacked.items()} | others


def expand_address() -> None:
    """Writes a compact scene in the address out; call it before any control of the Lab."""
    if PARAMETER in st.query_params:
        given = {name: st.query_params.get_all(name) for name in st.query_params}
        whole = expand(given)
        if whole != given:
            st.query_params.from_dict(whole)


def _pack_value(field: str, text: str) -> str:
    if isinstance(_RULES.get(field), Flag):
        return text[0]
    names = NAMES.get(field, ())
    return str(names.index(text)) if text in names else text


def _unpack_value(field: str, text: str) -> str:
    rule = _RULES.get(field)
    names = NAMES.get(field, ())
    if isinstance(rule, Flag):
        return {"t": "true", "f": "false"}.get(text, text)
    if isinstance(rule, Choice) and text.isdecimal() and int(text) < len(names):
        return names[int(text)]
    return text
