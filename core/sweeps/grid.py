"""The networks of a sweep: a base, axes of values, and seeds; each network is made from its index when needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import numpy as np

from ..comparison.arms import SHAPE, apply_changes, check_change
from ..config import RULES, Cost, Number, RunConfig, cost, environment_limit
from ..engine.training import checked_data
from ..errors import ConfigError

MAX_NETWORKS = 10_000_000  # where GRADIENT_LAB_MAX_SWEEP does not say otherwise: a table of about 1.6 GB
AXES = (*SHAPE, *(name for name in RULES if name != "seed"))
# Fields that may differ between the networks of one stack (core/engine/training.py). Penalties are among them, although
# a penalty of zero is another kind of run.
_STACKABLE_FIELDS = (
    "noise",
    "init",
    "init_scale",
    "bias_std",
    "learning_rate",
    "momentum",
    "clip_threshold",
    "l1",
    "l2",
    "weight_decay",
    "max_norm",
)
_CONFLICTING_AXES = {"hidden": ("depth", "width")}


@dataclass(frozen=True)
class Grid:
    """Every combination of the axes' values, each with the seeds base.seed, base.seed + 1, ...

    Networks are numbered from 0: the last axis changes faster than the one before it, the seed fastest.

    Attributes:
        base: the settings that no axis changes.
        axes: field -> values; `depth` and `width` stand for `hidden`. With init="normal", init_scale is sigma_w and
            bias_std is sigma_b. Kept as a tuple of pairs.
        seeds: networks a cell.

    Raises:
        ConfigError: no axis, an unknown or contradictory one, one without values or with a value twice, values that
            contradict each other or the base, more networks than GRADIENT_LAB_MAX_SWEEP (10 million unless it is
            set), or a network above the limits of a run.
    """

    base: RunConfig
    axes: Any  # given as a mapping or as pairs, held as a tuple of pairs (field, tuple of values)
    seeds: int = 1

    def __post_init__(self):
        if not isinstance(self.base, RunConfig):
            raise ConfigError("base", self.base, "it must be a RunConfig")
        object.__setattr__(self, "axes", _validate_axes(self.axes))
        object.__setattr__(self, "seeds", Number(1, integer=True).validate("seeds", self.seeds))
        max_networks = environment_limit("GRADIENT_LAB_MAX_SWEEP") or MAX_NETWORKS
        if self.networks > max_networks:
            shape = " x ".join(f"{len(values)} {name}" for name, values in self.axes)
            raise ConfigError(
                "axes", f"{shape} x {self.seeds} seeds", f"a sweep has at most {max_networks:,.0f} networks"
            )
        RULES["seed"].validate("seed", self.base.seed + self.seeds - 1)
        for config, _ in self.groups():
            checked_data(config, None)

    @property
    def names(self) -> tuple[str, ...]:
        """The axes' fields, in order."""
        return tuple(name for name, _ in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis, and number of seeds."""
        return (*(len(values) for _, values in self.axes), self.seeds)

    @property
    def networks(self) -> int:
        """Number of networks."""
        return math.prod(self.shape)

    def values(self, index: int) -> tuple:
        """Returns the axes' values of one network, and its seed."""
        point = [self.base.seed + index % self.seeds]
        index //= self.seeds
        for _, values in reversed(self.axes):
            point.append(values[index % len(values)])
            index //= len(values)
        return tuple(reversed(point))

    def config(self, index: int) -> RunConfig:
        """Returns the settings of one network."""
        return config_for(self.base, self.names, self.values(index))

    def groups(self) -> Iterator[tuple[RunConfig, np.ndarray]]:
        """Yields groups of networks that can be trained as one stack: the settings of one, and the indices of all."""
        indices = np.arange(self.networks).reshape(self.shape)
        outer = [k for k, name in enumerate(self.names) if name not in _STACKABLE_FIELDS]
        for chosen in product(*(range(self.shape[k]) for k in outer)):
            index: list[int | slice] = [slice(None)] * len(self.shape)
            for k, i in zip(outer, chosen, strict=True):
                index[k] = i
            members = indices[tuple(index)].ravel()
            yield self.config(int(members[0])), members

    def cost(self) -> Cost:
        """Returns the multiply-adds of all networks together, and the bytes of the largest one."""
        costs = [(cost(config), len(members)) for config, members in self.groups()]
        return Cost(sum(c.multiply_adds * n for c, n in costs), max(c.bytes for c, _ in costs))

    def to_dict(self) -> dict[str, Any]:
        """Returns base, axes and seeds, ready for JSON."""
        axes = {name: [list(v) if isinstance(v, tuple) else v for v in values] for name, values in self.axes}
        return {"base": self.base.to_dict(), "axes": axes, "seeds": self.seeds}

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Grid:
        """Reads the mapping that `to_dict` wrote; an axis may also be {"from": 0.1, "to": 4, "count": 30, "log": true}.

        Raises:
            ConfigError: the mapping is not a sweep.
        """
        if not isinstance(mapping, Mapping):
            raise ConfigError("sweep", mapping, "it must be an object with base, axes and seeds")
        for key, value in mapping.items():
            if key not in ("base", "axes", "seeds"):
                raise ConfigError(str(key), value, "a sweep is an object with base, axes and seeds")
        axes = mapping.get("axes", {})
        if isinstance(axes, Mapping):
            axes = {name: _parse_range(name, v) if isinstance(v, Mapping) else v for name, v in axes.items()}
        return cls(RunConfig.from_dict(mapping.get("base", {})), axes, mapping.get("seeds", 1))


def config_for(base: RunConfig, names: Iterable[str], values: tuple) -> RunConfig:
    """Returns the base with the axes' values and the seed, which comes after them."""
    *chosen, seed = values
    return apply_changes(base, dict(zip(names, chosen, strict=True), seed=seed))


def make_range(name: str, low: float, high: float, count: int, log: bool = False) -> tuple:
    """Returns `count` values of a numeric field from low to high, evenly spaced or by equal factors.

    Values are rounded to 6 digits, or to whole numbers where the field needs them; duplicates are removed.

    Raises:
        ConfigError: a field that is not numeric, a bound it does not allow, low not below high, or log with low at 0.
    """
    rule = SHAPE.get(name) or RULES.get(name)
    if not isinstance(rule, Number) or name == "seed":
        known = ", ".join(axis for axis in AXES if isinstance(SHAPE.get(axis) or RULES.get(axis), Number))
        raise ConfigError(name, "a range", f"a range is of one of {known}")
    count = Number(1, 1000, integer=True).validate(f"count of {name}", count)
    low, high = (rule.validate(name, end) for end in (low, high))
    if low is None or high is None or not (low < high or (low == high and count == 1)):
        raise ConfigError(name, f"{low} to {high}", "a range goes from a lower to a higher number")
    if log and not low > 0:
        raise ConfigError(name, f"{low} to {high}", "a logarithmic range starts above 0")
    points = np.geomspace(low, high, count) if log else np.linspace(low, high, count)
    values = [round(float(v)) if rule.integer else float(f"{v:.6g}") for v in points]
    values[0] = low
    values[-1] = high if count > 1 else low
    return tuple(dict.fromkeys(rule.validate(name, value) for value in values))


def _parse_range(name: str, given: Mapping[str, Any]) -> tuple:
    needed = {"from", "to", "count"}
    if set(given) not in (needed, needed | {"log"}) or not isinstance(given.get("log", False), bool):
        raise ConfigError(str(name), dict(given), "a range is an object with from, to, count and perhaps log (true)")
    return make_range(name, given["from"], given["to"], given["count"], given.get("log", False))


def _validate_axes(axes: Any) -> tuple[tuple[str, tuple], ...]:
    pairs = axes.items() if isinstance(axes, Mapping) else axes
    if not isinstance(axes, (Mapping, tuple)) or not pairs:
        raise ConfigError("axes", axes, "it must name at least one field with its values")
    checked = {}
    for name, values in pairs:
        if name not in AXES:
            raise ConfigError(str(name), values, "an axis is one of " + ", ".join(AXES))
        if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
            raise ConfigError(name, values, "an axis has a list of values")
        allowed = tuple(check_change(name, value) for value in islice(values, MAX_NETWORKS + 1))
        if not allowed:
            raise ConfigError(name, "no values", "an axis has at least one value")
        seen = set()
        for value in allowed:
            if value in seen:
                raise ConfigError(name, value, "an axis has each value once")
            seen.add(value)
        checked[name] = allowed
    for name, others in _CONFLICTING_AXES.items():
        for other in others:
            if name in checked and other in checked:
                raise ConfigError(other, checked[other], f"{name} is an axis too, and both set the hidden layers")
    return tuple(checked.items())
