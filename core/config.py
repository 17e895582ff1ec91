"""Everything one run depends on, validated once, and what it will cost."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from .choices import (
    ActivationName,
    ClassWeightName,
    ClipName,
    DatasetName,
    DtypeName,
    InitName,
    LossName,
    NormalizationName,
    OptimizerName,
    OutputActivationName,
    ScalingName,
    ScheduleName,
)
from .data.datasets import DATASETS, SCALINGS, count_holdout
from .errors import ConfigError
from .families.activations import ACTIVATIONS
from .families.class_weights import CLASS_WEIGHTS
from .families.clipping import CLIPS
from .families.initializers import INITS
from .families.losses import LOSSES, OUTPUT_ACTIVATIONS
from .families.normalization import NORMALIZATIONS
from .families.optimizers import OPTIMIZERS
from .families.schedules import SCHEDULES, rate_factors

__all__ = ["RULES", "Choice", "ConfigError", "Cost", "Flag", "Number", "RunConfig", "LayerSizes", "check_cost", "cost"]


@dataclass(frozen=True)
class Number:
    """A number between two limits; `integer` for integers, `optional` where None means "off"."""

    low: float
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    integer: bool = False
    optional: bool = False

    @property
    def allowed(self) -> str:
        kind = "a whole number" if self.integer else "a finite number"
        if self.high == math.inf:
            bounds = f"greater than {self.low:g}" if self.low_open else f"of at least {self.low:g}"
        else:
            low = ("above " if self.low_open else "from ") + _format_bound(self.low)
            high = ("below " if self.high_open else "to ") + _format_bound(self.high)
            bounds = f"{low} {'and ' if self.high_open else ''}{high}"
        return f"it must be {kind} {bounds}" + (", or None" if self.optional else "")

    def validate(self, field: str, value: Any) -> Any:
        """The number: an int where `integer`, a float otherwise, None only where `optional`."""
        if value is None and self.optional:
            return None
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise ConfigError(field, value, self.allowed)
        try:
            number = float(value)  # what is kept is what is checked: a fraction just below 1 may round to 1
        except OverflowError:  # a whole number beyond every float
            number = math.inf
        inside = (number > self.low if self.low_open else number >= self.low) and (
            number < self.high if self.high_open else number <= self.high
        )
        if not math.isfinite(number) or not inside or (self.integer and number != int(number)):
            raise ConfigError(field, value, self.allowed)
        return int(value) if self.integer else number


def _format_bound(bound: float) -> str:
    """A bound as a reader writes it: 1,000,000 or 0.5."""
    return f"{bound:,.0f}" if float(bound).is_integer() else f"{bound:g}"


@dataclass(frozen=True)
class Choice:
    """One name of a registry."""

    names: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return "it must be one of " + ", ".join(self.names)

    def validate(self, field: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.names:
            raise ConfigError(field, value, self.allowed)
        return value


@dataclass(frozen=True)
class LayerChoice(Choice):
    """One name of a registry for all hidden layers, or a list of names, one for each of them from the input on."""

    @property
    def allowed(self) -> str:
        return f"{super().allowed}, or a list of these, one for each hidden layer"

    def validate(self, field: str, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return super().validate(field, value)
        if not value or any(not isinstance(name, str) or name not in self.names for name in value):
            raise ConfigError(field, value, self.allowed)
        return tuple(value)


@dataclass(frozen=True)
class Flag:
    """True or False."""

    allowed = "it must be True or False"

    def validate(self, field: str, value: Any) -> bool:
        if type(value).__name__ not in ("bool", "bool_"):
            raise ConfigError(field, value, self.allowed)
        return bool(value)


@dataclass(frozen=True)
class LayerSizes:
    """Units of each hidden layer, from the input on."""

    layers: int = 500
    units: int = 4096

    @property
    def allowed(self) -> str:
        return f"it must be 0 to {self.layers} whole numbers from 1 to {self.units:,}, one for each hidden layer"

    def validate(self, field: str, value: Any) -> tuple[int, ...]:
        # a set has no order, and what a mapping says beside its keys would be lost
        if isinstance(value, (str, bytes, Mapping, Set)) or not hasattr(value, "__iter__"):
            raise ConfigError(field, value, self.allowed)
        widths = tuple(value)
        if len(widths) > self.layers:
            raise ConfigError(field, f"{len(widths)} layers", self.allowed)
        unit = Number(1, self.units, integer=True)
        try:
            return tuple(unit.validate(field, width) for width in widths)
        except ConfigError:
            raise ConfigError(field, widths, self.allowed) from None


SIZES = LayerSizes()
MAX_STEPS = 1_000_000
RULES: dict[str, Number | Choice | Flag | LayerSizes] = {
    "dataset": Choice(tuple(DATASETS)),
    "samples": Number(2, 100_000, integer=True),
    "noise": Number(0),
    "holdout": Number(0, 1, high_open=True),
    "hidden": SIZES,
    "activation": LayerChoice(tuple(ACTIVATIONS)),
    "output_activation": Choice(tuple(OUTPUT_ACTIVATIONS)),
    "bias": Flag(),
    "residual": Flag(),
    "normalization": Choice(tuple(NORMALIZATIONS)),
    "init": Choice(tuple(INITS)),
    "init_scale": Number(0),
    "bias_std": Number(0),
    "loss": Choice(tuple(LOSSES)),
    "optimizer": Choice(tuple(OPTIMIZERS)),
    "learning_rate": Number(0, low_open=True),
    "momentum": Number(0, 1, high_open=True),
    "batch_size": Number(1, 100_000, integer=True, optional=True),
    "steps": Number(0, MAX_STEPS, integer=True),
    "clip": Choice(tuple(CLIPS)),
    "clip_threshold": Number(0, low_open=True),
    "l1": Number(0),
    "l2": Number(0),
    "weight_decay": Number(0),
    "max_norm": Number(0, low_open=True, optional=True),
    "record_every": Number(1, integer=True),
    "dtype": Choice(("float64", "float32")),
    "seed": Number(0, 2**32 - 1, integer=True),
    "scaling": Choice(tuple(SCALINGS)),
    "schedule": Choice(tuple(SCHEDULES)),
    "schedule_steps": Number(1, MAX_STEPS, integer=True, optional=True),
    "warmup_steps": Number(0, MAX_STEPS, integer=True),
    "class_weight": Choice(tuple(CLASS_WEIGHTS)),
    "dropout": Number(0, 1, high_open=True),
    "norm_affine": Flag(),
}


@dataclass(frozen=True)
class RunConfig:
    """One run: its data, network, initialization, training, clipping and regularization.

    Frozen, validated and hashable: a config is the cache key, the permalink and the exported file.
    Fields and limits are in `RULES`; a field that does not apply (momentum under sgd) is ignored.

    Raises:
        ConfigError: a field outside its rule, or two fields that contradict each other.
    """

    dataset: DatasetName = "circles"
    samples: int = 128
    noise: float = 0.1
    holdout: float = 0.0
    hidden: tuple[int, ...] = (32,) * 10
    activation: ActivationName | tuple[ActivationName, ...] = "sigmoid"
    output_activation: OutputActivationName = "linear"
    bias: bool = True
    residual: bool = False
    normalization: NormalizationName = "none"
    init: InitName = "normal"
    init_scale: float = 1.0
    bias_std: float = 0.0
    loss: LossName = "mse"
    optimizer: OptimizerName = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.9
    batch_size: int | None = None
    steps: int = 300
    clip: ClipName = "none"
    clip_threshold: float = 1.0
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    max_norm: float | None = None
    record_every: int = 1
    dtype: DtypeName = "float64"
    seed: int = 0
    scaling: ScalingName = "standard"
    schedule: ScheduleName = "constant"
    schedule_steps: int | None = None
    warmup_steps: int = 0
    class_weight: ClassWeightName = "none"
    dropout: float = 0.0
    norm_affine: bool = False

    def __post_init__(self):
        for name, rule in RULES.items():
            object.__setattr__(self, name, rule.validate(name, getattr(self, name)))
        if not isinstance(self.activation, str):
            if len(self.activation) != len(self.hidden):
                layers = f"it must have one name for each hidden layer, here {len(self.hidden)}"
                raise ConfigError("activation", self.activation, layers)
            if len(set(self.activation)) == 1:  # the same network as by the name alone
                object.__setattr__(self, "activation", self.activation[0])
        if self.batch_size is not None and self.batch_size > self.samples:
            raise ConfigError("batch_size", self.batch_size, f"it must be at most samples, here {self.samples}")
        needed = LOSSES[self.loss].output_activation
        if needed is not None and self.output_activation != needed:
            label = LOSSES[self.loss].label
            raise ConfigError("output_activation", self.output_activation, f"{label} needs a {needed} output")
        if self.output_activation == "softmax" and needed != "softmax":
            allowed = f"softmax goes with cross-entropy only, not with {LOSSES[self.loss].label}"
            raise ConfigError("output_activation", "softmax", allowed)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values (`hidden` and the activations of layers as lists)."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> RunConfig:
        """The config that `to_dict` wrote; missing fields take their default.

        Raises:
            ConfigError: an unknown field, a bad value, or something that is not a mapping.
        """
        if not isinstance(mapping, Mapping):
            raise ConfigError("config", mapping, "it must be an object of settings by name")
        known = [field.name for field in fields(cls)]
        for name, value in mapping.items():
            if name not in known:
                raise ConfigError(str(name), value, "there is no such setting; settings are " + ", ".join(known))
        return cls(**mapping)

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed, validated again."""
        for name, value in changes.items():
            if name not in RULES:
                raise ConfigError(name, value, "there is no such setting; settings are " + ", ".join(RULES))
        return replace(self, **changes)

    def stop_at(self, step: int) -> RunConfig:
        """The same run, ended after so many steps: the schedule of its learning rate keeps its length."""
        length = self.schedule_steps if self.schedule == "constant" else self.schedule_length
        return self.replace(steps=step, schedule_steps=length, record_every=max(step, 1))

    @property
    def activations(self) -> tuple[ActivationName, ...]:
        """The activation of each hidden layer."""
        return self.activation if isinstance(self.activation, tuple) else (self.activation,) * len(self.hidden)

    @property
    def has_one_activation(self) -> bool:
        """True where all hidden layers have the same activation."""
        return isinstance(self.activation, str)

    @property
    def has_norm_affine(self) -> bool:
        """True where hidden layers are normalized, and then scaled and shifted by learned numbers."""
        return self.norm_affine and self.normalization != "none"

    @property
    def schedule_length(self) -> int:
        """Steps that the schedule of the learning rate takes."""
        return self.schedule_steps or max(self.steps, 1)

    @property
    def is_scheduled(self) -> bool:
        """True where the learning rate changes during the run."""
        return self.schedule != "constant" or self.warmup_steps > 1

    def rate_factors(self, steps: np.ndarray) -> np.ndarray:
        """Factors of the learning rate in each of these steps, (steps,), counted from 0."""
        return rate_factors(self.schedule, steps, length=self.schedule_length, warmup_steps=self.warmup_steps)

    def learning_rates(self, steps: np.ndarray) -> np.ndarray:
        """The learning rate of each of these steps, (steps,), counted from 0."""
        return self.learning_rate * self.rate_factors(steps)

    @property
    def rows(self) -> int:
        """Rows of its trace: initialization, every `record_every` steps, and the end."""
        return 1 + math.ceil(self.steps / self.record_every)


@dataclass(frozen=True)
class Cost:
    """Cost of a run: multiply-adds of its matrix products, and bytes held while it runs."""

    multiply_adds: int
    bytes: int


def cost(config: RunConfig, inputs: int | None = None, outputs: int | None = None, samples: int | None = None) -> Cost:
    """Multiply-adds and bytes of one run, known before it starts.

    A layer of m x n weights takes mnN multiply-adds forward, mnN for its gradient and, but for the first,
    mnN to pass delta on; N is the batch, or the training samples. Bytes are the arrays the engine allocates
    (activations, slopes, parameters and their optimizer state, data) plus the float64 trace.

    Args:
        inputs, outputs, samples: sizes of data given instead of the dataset.
    """
    data = DATASETS[config.dataset]
    inputs = inputs or data.inputs or 1
    outputs = outputs or data.outputs or 1
    samples = samples or min(config.samples, data.available or config.samples)
    n_holdout = count_holdout(config.holdout, samples)
    batch = config.batch_size or samples - n_holdout
    widths = (inputs, *config.hidden, outputs)
    weights = [m * n for m, n in zip(widths, widths[1:], strict=False)]
    parameters = sum(weights) + sum(widths[1:]) + 2 * sum(config.hidden) * config.has_norm_affine
    passes = config.steps + 1
    multiply_adds = passes * batch * (3 * sum(weights) - weights[0]) + config.rows * n_holdout * sum(weights)

    # What the engine holds, number by number: activations of a sample, slopes, normalized net input where there is
    # one, arrays like the parameters (and as many again in float64, drawn at first or copied at the end), the
    # data three times while they are standardized, and the trace. A test compares the sum with what NumPy allocates.
    size = 4 if config.dtype == "float32" else 8
    layers = len(weights)
    units = sum(widths[1:])
    widest = max(widths)
    sample = units + inputs + layers + 3 * widest + 5 * outputs + 3
    normalized = units if config.normalization != "none" else 0
    masks = (units - outputs) * batch * 2 if config.dropout else 0  # drawn in float64
    activations = (batch + n_holdout) * (sample + units + normalized) + masks
    copies = 4 + OPTIMIZERS[config.optimizer].states
    stored = samples * (24 * (inputs + outputs) + (16 if config.batch_size else 0))
    trace = config.rows * 8 * ((7 + bool(config.l1 or config.l2) + (config.clip != "none")) * layers + 10)
    return Cost(multiply_adds, size * activations + parameters * (size * copies + 8) + stored + trace)


def environment_limit(name: str) -> float | None:
    """An environment limit as a number; unset or empty means none."""
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(name, text, "the environment setting must be a positive number") from None
    if not value > 0:
        raise ConfigError(name, text, "the environment setting must be a positive number")
    return value


def check_cost(
    config: RunConfig, inputs: int | None = None, outputs: int | None = None, samples: int | None = None
) -> None:
    """Refuses a run above GRADIENT_LAB_MAX_COST multiply-adds or GRADIENT_LAB_MAX_BYTES bytes.

    Raises:
        ConfigError: with the run's number and the limit.
    """
    price = cost(config, inputs, outputs, samples)
    _check_limit("GRADIENT_LAB_MAX_COST", price.multiply_adds, "multiply-adds", "a run")
    _check_limit("GRADIENT_LAB_MAX_BYTES", price.bytes, "bytes", "a run")


def check_snapshot_cost(
    config: RunConfig, inputs: int | None = None, outputs: int | None = None, samples: int | None = None
) -> None:
    """Refuses a run as `check_cost` does, also where it has room but a copy of all its values beside it has not.

    Raises:
        ConfigError: with the number and the limit.
    """
    check_cost(config, inputs, outputs, samples)
    data = DATASETS[config.dataset]
    samples = samples or min(config.samples, data.available or config.samples)
    widths = (inputs or data.inputs or 1, *config.hidden, outputs or data.outputs or 1)
    parameters = sum((m + 1) * n for m, n in zip(widths, widths[1:], strict=False))
    copies = 8 * (3 * (config.batch_size or samples) * sum(widths) + 2 * parameters)
    held = cost(config, inputs, outputs, samples).bytes + copies
    _check_limit("GRADIENT_LAB_MAX_BYTES", held, "bytes", "a run, with all its values at one step")


def _check_limit(name: str, amount: int, unit: str, what: str) -> None:
    limit = environment_limit(name)
    if limit is not None and amount > limit:
        raise ConfigError(
            "cost",
            f"{amount:,} {unit}",
            f"this server allows {limit:,.0f} {unit} {what}; take fewer steps, samples, layers or units",
        )
