"""Suggestions for a failed run: changes of its RunConfig. `try_suggestions` trains them and drops what fails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..config import RunConfig
from ..data.datasets import DATASETS
from ..data.targets import recommended_losses
from ..families.activations import ACTIVATIONS, Activation
from ..families.clipping import CLIPS
from ..families.initializers import INITS
from ..families.normalization import NORMALIZATIONS
from ..families.optimizers import OPTIMIZERS
from ..wording import format_setting, name_field

GUIDE_RATIO = 1e-3  # a step's length against the weights' norm that trains well (Bottou; Karpathy, CS231n notes)
SAFE_LEARNING_RATE = 0.02  # at which every change here trains under plain SGD,
SAFE_LEARNING_RATE_WITH_STATE = 0.002  # and under optimizers that keep a state
WIDE_UNITS = 32  # of a layer that hardly ever starts with every ReLU silent
SPARE_UNITS = 8  # at least, in every layer: with fewer, training often ends in a poor minimum
BATCH_SAMPLES = 32  # a batch whose statistics are worth normalizing by


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """One thing to try.

    Attributes:
        label: what a button says: everything that changes.
        changes: RunConfig fields and their new values, for `config.replace(**changes)`; only fields that change.
        outcome: what the change did when it was trained, "accuracy 52 % to 100 %, 3 of 3"; empty before.
        code: a line for a program of one's own, for a run that was recorded elsewhere; empty for the Lab's.
    """

    label: str
    changes: dict[str, Any]
    outcome: str = ""
    code: str = ""


def round_down(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above `value`: a number a person would choose."""
    value = min(max(value, 1e-300), 1e300)
    exponent = math.floor(math.log10(value))
    mantissa = value / 10.0**exponent
    return float(f"{5 if mantissa >= 5 else 2 if mantissa >= 2 else 1}e{exponent}")


def safe_learning_rate(config: RunConfig) -> float:
    """The run's learning rate, or the safe one of its optimizer where that is smaller."""
    return min(config.learning_rate, _safe(config))


def _safe(config: RunConfig) -> float:
    return SAFE_LEARNING_RATE_WITH_STATE if OPTIMIZERS[config.optimizer].states else SAFE_LEARNING_RATE


def describe_setting(field: str, value: Any) -> str:
    """One change in words, for a label."""
    match field:
        case "residual":
            return "residual layers" if value else "no residual layers"
        case "normalization":
            return "no normalization" if value == "none" else f"normalization by {NORMALIZATIONS[value].label}"
        case "bias_std":
            return f"bias std {format_setting(value)}" if value else "zero biases"
        case "hidden":
            return f"at least {min(value)} units a layer"
        case "activation":
            return ACTIVATIONS[value].label
        case "init":
            return f"{INITS[value].label} init"
        case "optimizer":
            return OPTIMIZERS[value].label
        case "l1" | "l2" | "weight_decay":
            return f"{name_field(field)} {format_setting(value)}" if value else f"no {name_field(field)}"
        case "max_norm":
            return "no max norm" if value is None else f"max norm {format_setting(value)}"
        case "output_activation":
            return f"a {value} output"
        case "scaling":
            return "standardized data" if value == "standard" else "raw data"
        case "schedule":
            return f"{value} learning rate"
        case "warmup_steps":
            return f"warm-up of {value:,} steps" if value else "no warm-up"
        case "dropout":
            return f"dropout {format_setting(value)}" if value else "no dropout"
        case "class_weight":
            return "every sample counts alike" if value == "none" else "balanced classes"
        case "bias":
            return "biases" if value else "no biases"
        case "clip":
            return "no clipping" if value == "none" else f"clipping {CLIPS[value].label}"
        case _:
            shown = format_setting(value) if isinstance(value, float) else str(value)
            return f"{name_field(field)} {shown}"


def _suggest(config: RunConfig, label: str, says: tuple[str, ...], **wanted: Any) -> list[Suggestion]:
    """The suggestion of some fields' values; none when the fields that its label says are all so already.

    Args:
        label: its first words; "" where the changes speak for themselves.
        says: the fields that these words say. What changes beside them is added to the label.
    """
    changes = {field: value for field, value in wanted.items() if getattr(config, field) != value}
    if not changes.keys() & set(says):
        return []
    also = [describe_setting(field, value) for field, value in changes.items() if field not in says]
    return [Suggestion(label=", ".join([label, *also]), changes=changes)]


# -- a network in balance ---------------------------------------------------------------------------------------


def keeps_level(activation: Activation) -> bool:
    """True where the activation's recommended init keeps the gradient nearly level, at tens of layers too.

    It does when phi(0) = 0, so that a small signal has no constant part, and when, at small net input, a layer
    passes back at least the power it gets: sigma_w^2 (phi'(0-)^2 + phi'(0+)^2) / 2 >= 1.
    """
    init, scale = activation.recommended
    width = 1000
    variance = width * (scale * INITS[init].deviation(width, width)) ** 2
    value, slope = activation.evaluate(np.array([-1e-6, 1e-6]))
    return bool(abs(value).max() < 1e-5 and variance * np.mean(slope**2) > 0.99)


def _recommended(config: RunConfig, name: str, **more: Any) -> list[Suggestion]:
    """An activation with the init made for it, nothing else in the way."""
    activation = ACTIVATIONS[name]
    init, scale = activation.recommended
    wanted = {
        "activation": name,
        "init": init,
        "init_scale": scale,
        "bias_std": 0.0,
        "residual": False,
        "normalization": "none",
        "learning_rate": safe_learning_rate(config),
        **more,
    }
    if all(getattr(config, field) == wanted[field] for field in wanted if field != "learning_rate"):
        return []
    changed = tuple(field for field in wanted if field != "learning_rate")
    says = ("activation", "init")
    where = "" if config.has_one_activation else " in every layer"
    label = f"{activation.label}{where} with {INITS[init].label} init"
    (one,) = _suggest(config, label, changed, **wanted) or [Suggestion(label=label, changes={})]
    also = [describe_setting(field, value) for field, value in one.changes.items() if field not in says]
    return [Suggestion(label=", ".join([label, *also]), changes=one.changes)]


def _residual(config: RunConfig) -> list[Suggestion]:
    """Residual layers whose branches have variance 1/L each, so that L of them together add a constant factor."""
    if len(config.hidden) < 2 or len(set(config.hidden)) > 1:
        return []
    scale = float(f"{len(config.hidden) ** -0.5:.2g}")
    return _suggest(
        config,
        f"ReLU with residual layers, init scale {format_setting(scale)}",
        ("activation", "residual", "init_scale"),
        activation="relu",
        init="normal",
        init_scale=scale,
        bias_std=0.0,
        residual=True,
        normalization="none",
        learning_rate=safe_learning_rate(config),
    )


def _scaled_branches(config: RunConfig) -> list[Suggestion]:
    """The run's own residual layers with branches so small that all of them together add a constant factor."""
    skips = sum(a == b for a, b in zip(config.hidden, config.hidden[1:], strict=False))
    if not config.residual or not skips:
        return []
    scale = float(f"{len(config.hidden) ** -0.5:.2g}")
    return _suggest(
        config,
        f"Scale the residual branches: init scale {format_setting(scale)}",
        ("init_scale",),
        init="normal",
        init_scale=min(scale, config.init_scale) if config.init == "normal" else scale,
        bias_std=0.0,
        normalization="none",
        learning_rate=safe_learning_rate(config),
    )


def _own_recommended(config: RunConfig) -> list[Suggestion]:
    """The run's own activation with the init made for it, where that keeps the gradient level; none for several."""
    name = config.activation
    return _recommended(config, name) if isinstance(name, str) and keeps_level(ACTIVATIONS[name]) else []


def balance(config: RunConfig) -> tuple[Suggestion, ...]:
    """Ways to a network that hands gradients back at the size it gets them, the nearest to the run's own first."""
    no_dropout = _no_dropout(config)
    return distinct(
        (no_dropout if config.dropout >= 0.5 else [])
        + _scaled_branches(config)
        + _own_recommended(config)
        + _recommended(config, "relu")
        + _recommended(config, "tanh")
        + _residual(config)
        + no_dropout
    )


def distinct(suggestions: list[Suggestion]) -> tuple[Suggestion, ...]:
    """The suggestions without those whose changes an earlier one has."""
    return tuple(
        one for i, one in enumerate(suggestions) if one.changes not in [other.changes for other in suggestions[:i]]
    )


def _slower(config: RunConfig, rate: float) -> list[Suggestion]:
    rate = round_down(rate)
    if rate >= config.learning_rate:
        return []
    label = f"Lower the learning rate to {format_setting(rate)}"
    return _suggest(config, label, ("learning_rate",), learning_rate=rate)


# -- one finding each -------------------------------------------------------------------------------------------


def for_unscaled_data(config: RunConfig) -> tuple[Suggestion, ...]:
    """Standardized data; arrays that a caller passed are for the caller to scale."""
    if config.scaling != "none":
        return ()
    rate = safe_learning_rate(config)
    plain = _suggest(config, "Standardize the data", ("scaling",), scaling="standard")
    return distinct(
        [*plain, *_suggest(config, "Standardize the data", ("scaling",), scaling="standard", learning_rate=rate)]
    )


def for_degenerate_normalization(config: RunConfig) -> tuple[Suggestion, ...]:
    """A batch with a spread, or no normalization."""
    batch = min(BATCH_SAMPLES, config.samples)
    larger = _suggest(config, f"Batches of {batch} samples", ("batch_size",), batch_size=batch)
    wide = tuple(max(units, WIDE_UNITS) for units in config.hidden)
    wider = _suggest(config, f"At least {WIDE_UNITS} units a layer", ("hidden",), hidden=wide)
    without = _suggest(config, "No normalization", ("normalization",), normalization="none")
    return distinct([*(larger if config.normalization == "batch" else wider), *without, *_own_recommended(config)])


def for_identical_units(config: RunConfig) -> tuple[Suggestion, ...]:
    """Random weights: the run's own activation with the init made for it, or another."""
    if isinstance(config.activation, str):
        own = _recommended(config, config.activation)
    else:
        glorot = {"init": "glorot_normal", "init_scale": 1.0}
        own = _suggest(config, "Glorot normal init, init scale 1", tuple(glorot), **glorot)
    return distinct(own + _recommended(config, "relu") + _recommended(config, "tanh"))


def for_dead_output(config: RunConfig, at_initialization: bool) -> tuple[Suggestion, ...]:
    """An output that no net input silences: linear, or the loss and output made for the task.

    Args:
        at_initialization: True when it was dead before the first step; else steps that were too long killed it.
    """
    rate = config.learning_rate if at_initialization else round_down(config.learning_rate / 5)
    linear = {"output_activation": "linear", "loss": "mse", "learning_rate": rate}
    ways = _suggest(config, "A linear output", ("output_activation",), **linear)
    task = DATASETS[config.dataset].task
    if task not in (None, "regression"):
        loss, output = recommended_losses(task)
        fitting = {"loss": loss, "output_activation": output, "learning_rate": rate}
        ways += _suggest(config, f"Loss {loss} with a {output} output", ("loss", "output_activation"), **fitting)
    return distinct(ways)


def for_underflow(config: RunConfig) -> tuple[Suggestion, ...]:
    """A wider range of numbers, or a network that needs none."""
    return (*_suggest(config, "Compute in float64", ("dtype",), dtype="float64"), *balance(config))


def for_divergence(config: RunConfig, step: int, first_ratio: float) -> tuple[Suggestion, ...]:
    """Shorter steps, or smaller weights.

    Args:
        step: of the divergence; before the first step only the weights can be to blame.
        first_ratio: the largest update ratio of the first step; 0 when there is none.
    """
    nearest = _own_recommended(config) or _recommended(config, "relu")
    if step == 0:
        return distinct([*_scaled_branches(config), *nearest, *_recommended(config, "relu")])
    bound = min(5 * _safe(config), config.learning_rate)  # no clipped step is longer
    clipping = _suggest(
        config,
        "Clip the global norm at 1",
        ("clip", "clip_threshold"),
        clip="global_norm",
        clip_threshold=1.0,
        learning_rate=bound,
    )
    shrink = 0.05 / max(first_ratio, 1.0)  # the first step then moves no layer by more than a twentieth
    slower = _slower(config, config.learning_rate * shrink)
    balanced = nearest if config.hidden else []
    return distinct([*_scaled_branches(config), *clipping, *slower, *balanced])


def for_dead_units(config: RunConfig, at_initialization: bool) -> tuple[Suggestion, ...]:
    """Units that cannot die, or steps that do not kill them; for layers dead from the start, more units.

    Args:
        at_initialization: True when they were dead before the first step.
    """
    if not at_initialization:
        slower = _slower(config, min(safe_learning_rate(config), config.learning_rate / 10))
        return distinct([*slower, *_recommended(config, "leaky_relu"), *_recommended(config, "tanh")])
    wide = tuple(max(units, WIDE_UNITS) for units in config.hidden)
    return distinct(_recommended(config, "relu", hidden=wide) + _recommended(config, "tanh", hidden=wide))


def for_saturation(config: RunConfig, at_initialization: bool) -> tuple[Suggestion, ...]:
    """Smaller weights from the start, or steps too short to push units out there.

    Args:
        at_initialization: True when units were saturated before the first step.
    """
    if at_initialization:
        return distinct(_recommended(config, "relu") + _own_recommended(config) + _recommended(config, "tanh"))
    slower = _slower(config, min(safe_learning_rate(config), config.learning_rate / 10))
    return distinct([*slower, *_recommended(config, "relu")])


def for_large_steps(config: RunConfig, ratio: float) -> tuple[Suggestion, ...]:
    """The learning rate that the update ratio asks for, and a tenth of it.

    Args:
        ratio: the largest early update ratio; 0 where it is not known.
    """
    rate = min(config.learning_rate * 3 * GUIDE_RATIO / max(ratio, 6 * GUIDE_RATIO), config.learning_rate / 2)
    return distinct(_slower(config, rate) + _slower(config, rate / 10))


def for_small_steps(config: RunConfig, ratio: float) -> tuple[Suggestion, ...]:
    """The learning rate that makes the fastest layer's update ratio the guide's, as far as that is safe.

    Args:
        ratio: what it is now, above 0.
    """
    rate = round_down(min(config.learning_rate * GUIDE_RATIO / ratio, max(_safe(config), 10 * config.learning_rate)))
    faster = []
    if rate > config.learning_rate:
        label = f"Raise the learning rate to {format_setting(rate)}"
        faster = _suggest(config, label, ("learning_rate",), learning_rate=rate)
    plain = {"schedule": "constant", "warmup_steps": 0}
    constant = _suggest(config, "A constant learning rate", tuple(plain), **plain)
    return distinct(constant + faster + _no_dropout(config) + _adam(config, 0.002) + _own_recommended(config))


def for_stuck(config: RunConfig) -> tuple[Suggestion, ...]:
    """More units to find a way with, another activation, steps scaled layer by layer, or larger ones."""
    wide = tuple(max(units, 4 * units if units < SPARE_UNITS else units, SPARE_UNITS) for units in config.hidden)
    wider = _suggest(config, "", ("hidden",), hidden=wide)
    wider = [Suggestion(label=f"At least {min(wide)} units a layer", changes=one.changes) for one in wider]
    layer = _suggest(config, f"One hidden layer of {WIDE_UNITS} units", ("hidden",), hidden=(WIDE_UNITS,))
    both = tuple(max(units, WIDE_UNITS) for units in config.hidden) or (WIDE_UNITS,)
    adam = _adam(config, 0.01)
    wide_adam = _suggest(
        config,
        f"Adam, at least {WIDE_UNITS} units a layer",
        ("optimizer", "hidden"),
        optimizer="adam",
        learning_rate=0.01,
        hidden=both,
    )
    return distinct(
        [
            *_no_dropout(config),
            *_suggest(config, "With biases", ("bias",), bias=True),
            *(wider if config.hidden else layer),
            *_recommended(config, "relu", hidden=both),
            *adam,
            *wide_adam,
        ]
    )


def _no_dropout(config: RunConfig) -> list[Suggestion]:
    return _suggest(config, "No dropout", ("dropout",), dropout=0.0) if config.hidden else []


def for_max_norm(config: RunConfig) -> tuple[Suggestion, ...]:
    """A bound that ordinary weights keep by themselves, or none."""
    larger = _suggest(config, "Raise the max norm to 3", ("max_norm",), max_norm=max(3.0, config.max_norm or 0.0))
    return distinct(larger + _suggest(config, "No max norm", ("max_norm",), max_norm=None))


def for_unequal_classes(config: RunConfig) -> tuple[Suggestion, ...]:
    """A loss in which every class counts alike, where the commonest one has drawn all answers."""
    return tuple(_suggest(config, "Balance the classes", ("class_weight",), class_weight="balanced"))


def _adam(config: RunConfig, rate: float) -> list[Suggestion]:
    if OPTIMIZERS[config.optimizer].point is OPTIMIZERS["adam"].point:  # AdamW takes the same steps
        return []
    return _suggest(config, "Adam", ("optimizer",), optimizer="adam", learning_rate=rate)


def for_penalty(config: RunConfig, weight: float) -> tuple[Suggestion, ...]:
    """A tenth of the data loss's pull, or none at all.

    Args:
        weight: how many times larger than the data loss's pull it is now.
    """
    strengths = {name: getattr(config, name) for name in ("l1", "l2", "weight_decay")}
    weaker = {name: round_down(value * 0.1 / weight) for name, value in strengths.items() if value}
    text = ", ".join(f"{name_field(name)} {format_setting(value)}" for name, value in weaker.items())
    off = dict.fromkeys(weaker, 0.0)
    return (
        *_suggest(config, f"Weaken the penalty: {text}", tuple(weaker), **weaker),
        *_suggest(config, "Train without penalties", tuple(off), **off),
    )


def for_clipping(config: RunConfig, tenth: float) -> tuple[Suggestion, ...]:
    """The threshold that would have bound in one step out of ten, and a learning rate that bears unclipped steps.

    Where the learning rate falls, the threshold rises by the same factor, so that a clipped step stays as long.

    Args:
        tenth: what clipping leaves of the norm in the tenth of the steps where it leaves least: its 0.1 quantile.
    """
    rate = min(5 * _safe(config), config.learning_rate)  # above, the clip was what held the run together
    if tenth * 1e12 > 1:
        threshold = float(f"{min(config.clip_threshold / tenth * (config.learning_rate / rate), 1e300):.1g}")
    else:  # so far off that the quotient says nothing
        threshold = CLIPS[config.clip].recommended
    label = f"Raise the threshold to {format_setting(threshold)}"
    return tuple(_suggest(config, label, ("clip_threshold",), clip_threshold=threshold, learning_rate=rate))
