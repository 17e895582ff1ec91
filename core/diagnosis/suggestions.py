"""What to try when a run went wrong: changes of its RunConfig, each measured to help (tests/core/diagnosis)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..config import RunConfig
from ..families.activations import ACTIVATIONS, Activation
from ..families.clipping import CLIPS
from ..families.initializers import INITS
from ..families.optimizers import OPTIMIZERS
from ..wording import short

GUIDE = 1e-3  # a step's length against the weights' norm that trains well (Bottou; Karpathy, CS231n notes)
SAFE_LEARNING_RATE, SAFE_LEARNING_RATE_WITH_STATE = (
    0.02,
    0.002,
)  # learning rates at which every cure trains: plain SGD; optimizers with a memory
WIDE = 32  # units of a layer that hardly ever starts with every ReLU silent


@dataclass(frozen=True)
class Suggestion:
    """One thing to try.

    Attributes:
        label: what a button says.
        changes: RunConfig fields and their new values, for `config.replace(**changes)`; only fields that change.
    """

    label: str
    changes: dict[str, object]


def round_down(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above `value`: a number a person would choose."""
    value = min(max(value, 1e-300), 1e300)
    exponent = math.floor(math.log10(value))
    mantissa = value / 10.0**exponent
    return float(f"{5 if mantissa >= 5 else 2 if mantissa >= 2 else 1}e{exponent}")


def safe_learning_rate(config: RunConfig) -> float:
    """The run's learning rate, or the calm one of its optimizer where that is smaller."""
    return min(config.learning_rate, _calm(config))


def _calm(config: RunConfig) -> float:
    return SAFE_LEARNING_RATE_WITH_STATE if OPTIMIZERS[config.optimizer].states else SAFE_LEARNING_RATE


def _try(config: RunConfig, label: str, needed: tuple[str, ...], **wanted: object) -> list[Suggestion]:
    """The try that brings about the wanted fields; none when the `needed` ones are all so already."""
    changes = {field: value for field, value in wanted.items() if getattr(config, field) != value}
    if not changes.keys() & set(needed):
        return []
    if "learning_rate" in changes and "learning rate" not in label:
        label += f", learning rate {short(changes['learning_rate'])}"
    return [Suggestion(label, changes)]


# -- a network in balance ---------------------------------------------------------------------------------------

_NETWORK = ("activation", "init", "init_scale", "bias_std", "residual", "normalization", "hidden")


def keeps_level(activation: Activation) -> bool:
    """Whether the activation's recommended init keeps the gradient nearly level, at tens of layers too.

    So it is when phi(0) = 0, so that a small signal has no constant part, and when, at small net input, a layer
    passes back at least the power it gets: sigma_w^2 (phi'(0-)^2 + phi'(0+)^2) / 2 >= 1.
    """
    init, scale = activation.recommended
    width = 1000
    variance = width * (scale * INITS[init].deviation(width, width)) ** 2
    value, slope = activation.evaluate(np.array([-1e-6, 1e-6]))
    return bool(abs(value).max() < 1e-5 and variance * np.mean(slope**2) > 0.99)


def _recommended(config: RunConfig, name: str, **more: object) -> list[Suggestion]:
    """An activation with the init made for it, nothing else in the way."""
    activation = ACTIVATIONS[name]
    init, scale = activation.recommended
    label = f"{activation.label} with {INITS[init].label} init"
    return _try(
        config,
        label if more.get("hidden", config.hidden) == config.hidden else f"{label}, at least {WIDE} units a layer",
        _NETWORK,
        activation=name,
        init=init,
        init_scale=scale,
        bias_std=0.0,
        residual=False,
        normalization="none",
        learning_rate=safe_learning_rate(config),
        **more,
    )


def _residual(config: RunConfig) -> list[Suggestion]:
    """Residual layers whose branches have variance 1/L each, so that L of them together add a constant factor."""
    if len(config.hidden) < 2 or len(set(config.hidden)) > 1:
        return []
    scale = float(f"{len(config.hidden) ** -0.5:.2g}")
    return _try(
        config,
        f"ReLU with residual layers, init scale {short(scale)}",
        _NETWORK,
        activation="relu",
        init="normal",
        init_scale=scale,
        bias_std=0.0,
        residual=True,
        normalization="none",
        learning_rate=safe_learning_rate(config),
    )


def _own_recommended(config: RunConfig) -> list[Suggestion]:
    return _recommended(config, config.activation) if keeps_level(ACTIVATIONS[config.activation]) else []


def balance(config: RunConfig) -> tuple[Suggestion, ...]:
    """Ways to a network that hands gradients back at the size it gets them, the nearest to the run's own first."""
    suggestions = (
        _own_recommended(config) + _recommended(config, "relu") + _recommended(config, "tanh") + _residual(config)
    )
    return _different(suggestions)


def _different(suggestions: list[Suggestion]) -> tuple[Suggestion, ...]:
    return tuple(
        one for i, one in enumerate(suggestions) if one.changes not in [other.changes for other in suggestions[:i]]
    )


# -- one finding each -------------------------------------------------------------------------------------------


def for_underflow(config: RunConfig) -> tuple[Suggestion, ...]:
    """A wider range of numbers, or a network that needs none."""
    return (*_try(config, "Compute in float64", ("dtype",), dtype="float64"), *balance(config))


def for_divergence(config: RunConfig, step: int, first_ratio: float) -> tuple[Suggestion, ...]:
    """Shorter steps, or smaller weights.

    Args:
        step: of the divergence; before the first step only the weights can be to blame.
        first_ratio: the largest update ratio of the first step; 0 when there is none.
    """
    nearest = _own_recommended(config) or _recommended(config, "relu")
    if step == 0:
        return tuple(nearest)
    bound = min(5 * _calm(config), config.learning_rate)  # no clipped step is longer
    clipping = _try(
        config,
        "Clip the global norm at 1",
        ("clip", "clip_threshold"),
        clip="global_norm",
        clip_threshold=1.0,
        learning_rate=bound,
    )
    shrink = 0.05 / max(first_ratio, 1.0)  # the first step then moves no layer by more than a twentieth
    slower = _slower(config, config.learning_rate * shrink)
    return (*clipping, *slower, *(nearest if config.hidden else ()))


def for_dead_units(config: RunConfig, at_initialization: bool) -> tuple[Suggestion, ...]:
    """Units that cannot die, or steps that do not kill them; for layers dead from the start, more units.

    Args:
        born: whether they were dead at initialization.
    """
    if not at_initialization:
        slower = _slower(config, min(safe_learning_rate(config), config.learning_rate / 10))
        return (*slower, *_recommended(config, "leaky_relu"), *_recommended(config, "tanh"))
    wide = tuple(max(units, WIDE) for units in config.hidden)
    return _different(_recommended(config, "relu", hidden=wide) + _recommended(config, "tanh", hidden=wide))


def for_saturation(config: RunConfig, at_initialization: bool) -> tuple[Suggestion, ...]:
    """Smaller weights from the start, or steps too short to push units out there.

    Args:
        born: whether units were saturated at initialization.
    """
    if at_initialization:
        return _different(_recommended(config, "relu") + _own_recommended(config) + _recommended(config, "tanh"))
    return (
        *_slower(config, min(safe_learning_rate(config), config.learning_rate / 10)),
        *_recommended(config, "relu"),
    )


def for_large_steps(config: RunConfig) -> tuple[Suggestion, ...]:
    """A smaller learning rate."""
    return tuple(_slower(config, min(safe_learning_rate(config), config.learning_rate / 10)))


def for_small_steps(config: RunConfig, ratio: float) -> tuple[Suggestion, ...]:
    """The learning rate that brings the fastest layer's update ratio to the guide, as far as that is calm.

    Args:
        ratio: what it is now, above 0.
    """
    rate = round_down(min(config.learning_rate * GUIDE / ratio, max(_calm(config), 10 * config.learning_rate)))
    return tuple(_try(config, f"Raise the learning rate to {short(rate)}", ("learning_rate",), learning_rate=rate))


def for_penalty(config: RunConfig, weight: float) -> tuple[Suggestion, ...]:
    """A tenth of the data loss's pull, or none at all.

    Args:
        weight: how many times larger than the data loss's pull it is now.
    """
    strengths = {name: getattr(config, name) for name in ("l1", "l2", "weight_decay")}
    weaker = {name: round_down(value * 0.1 / weight) for name, value in strengths.items() if value}
    told = ", ".join(f"{name.replace('_', ' ')} {short(value)}" for name, value in weaker.items())
    off = dict.fromkeys(weaker, 0.0)
    return (
        *_try(config, f"Weaken the penalty: {told}", tuple(weaker), **weaker),
        *_try(config, "Train without penalties", tuple(off), **off),
    )


def for_clipping(config: RunConfig, tenth: float) -> tuple[Suggestion, ...]:
    """The threshold that would have bound in one step out of ten, and a learning rate that stands steps not clipped.

    Where the learning rate falls, the threshold rises by the same factor, so that a clipped step stays as long.

    Args:
        tenth: what clipping leaves of the norm in the tenth of the steps where it leaves least: its 0.1 quantile.
    """
    rate = min(5 * _calm(config), config.learning_rate)  # above, the clip was what held the run together
    if tenth * 1e12 > 1:
        threshold = float(f"{min(config.clip_threshold / tenth * (config.learning_rate / rate), 1e300):.1g}")
    else:  # so far off that the quotient says nothing
        threshold = CLIPS[config.clip].recommended
    label = f"Raise the threshold to {short(threshold)}"
    return tuple(_try(config, label, ("clip_threshold",), clip_threshold=threshold, learning_rate=rate))


def _slower(config: RunConfig, rate: float) -> list[Suggestion]:
    rate = round_down(rate)
    return _try(config, f"Lower the learning rate to {short(rate)}", ("learning_rate",), learning_rate=rate)
