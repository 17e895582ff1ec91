"""The last suggestion, where no single change helps: another network for the same data."""

from __future__ import annotations

from ..config import RunConfig
from ..families.activations import ACTIVATIONS
from ..families.initializers import INITS
from .suggestions import SAFE_LEARNING_RATE_WITH_STATE, WIDE_UNITS, Suggestion, describe_setting

_IN_LABEL = ("hidden", "activation", "init", "optimizer")  # fields that the label names


def start_over(config: RunConfig) -> tuple[Suggestion, ...]:
    """Another network for the same data, where no single change helps: three wide layers of ReLUs, and Adam."""
    rate = 10 * SAFE_LEARNING_RATE_WITH_STATE / 4
    init, scale = ACTIVATIONS["relu"].recommended
    wanted = {
        "hidden": (WIDE_UNITS,) * 3,
        "activation": "relu",
        "init": init,
        "init_scale": scale,
        "bias_std": 0.0,
        "residual": False,
        "normalization": "none",
        "optimizer": "adam",
        "learning_rate": rate,
        "schedule": "constant",
        "warmup_steps": 0,
        "clip": "none",
        "l1": 0.0,
        "l2": 0.0,
        "weight_decay": 0.0,
        "dropout": 0.0,
        "max_norm": None,
        "scaling": "standard",
    }
    if config.loss == "mse" and config.output_activation != "sigmoid":
        wanted["output_activation"] = "linear"
    changes = {field: value for field, value in wanted.items() if getattr(config, field) != value}
    if not changes:
        return ()
    label = f"Start over: 3 layers of {WIDE_UNITS} ReLUs with {INITS[init].label} init, Adam"
    also = [describe_setting(field, value) for field, value in changes.items() if field not in _IN_LABEL]
    return (Suggestion(label=", ".join([label, *also]), changes=changes),)
