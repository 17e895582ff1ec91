"""Several runs side by side: arms that differ in what was chosen, over seeds that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..config import RULES, SIZES, Number, RunConfig
from ..data.datasets import DATASETS
from ..engine.training import Data, Progress, train
from ..errors import ConfigError
from ..families.activations import ACTIVATIONS, describe_activations
from ..families.class_weights import CLASS_WEIGHTS
from ..families.clipping import CLIPS
from ..families.initializers import INITS
from ..families.losses import LOSSES
from ..families.normalization import NORMALIZATIONS
from ..families.optimizers import OPTIMIZERS
from ..families.schedules import SCHEDULES
from ..trace import Trace
from ..wording import name_field

MIN_ARMS = 2
MAX_ARMS = 8
MAX_NAME_LENGTH = 40
SEEDS = Number(1, 16, integer=True)

# The fields that may vary between arms, and the values to start from. `depth` and `width` stand for `hidden`.
VARIES: dict[str, tuple[object, ...]] = {
    "activation": ("sigmoid", "tanh", "relu"),
    "init": ("normal", "glorot_normal", "he_normal", "orthogonal"),
    "init_scale": (0.5, 1.0, 2.0, 4.0),
    "clip": tuple(CLIPS),
    "clip_threshold": (0.01, 0.1, 1.0, 10.0),
    "l1": (0.0, 1e-4, 1e-3, 1e-2),
    "l2": (0.0, 1e-4, 1e-3, 1e-2),
    "weight_decay": (0.0, 0.01, 0.1, 1.0),
    "max_norm": (None, 0.5, 1.0, 2.0),
    "dropout": (0.0, 0.1, 0.3, 0.5),
    "normalization": tuple(NORMALIZATIONS),
    "norm_affine": (False, True),
    "residual": (False, True),
    "optimizer": tuple(OPTIMIZERS),
    "schedule": tuple(SCHEDULES),
    "learning_rate": (0.001, 0.01, 0.1, 1.0),
    "depth": (2, 5, 10, 20),
    "width": (8, 32, 128),
    "loss": ("mse", "bce"),
    "class_weight": tuple(CLASS_WEIGHTS),
    "dtype": ("float64", "float32"),
}
SHAPE = {
    "depth": Number(0, SIZES.layers, integer=True),
    "width": Number(1, SIZES.units, integer=True),
}
_SPEAKS_FOR_ITSELF = ("activation", "init", "optimizer", "loss", "dtype")
_LABELS = {
    "activation": ACTIVATIONS,
    "init": INITS,
    "loss": LOSSES,
    "class_weight": CLASS_WEIGHTS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "normalization": NORMALIZATIONS,
    "clip": CLIPS,
}


def check_change(name: str, value: Any) -> Any:
    """The value as `RunConfig` keeps it (or `depth` and `width`, which stand for `hidden`).

    Raises:
        ConfigError: no such setting, or a value it does not allow.
    """
    rule = SHAPE.get(name) or RULES.get(name)
    if rule is None or name == "seed":
        known = ", ".join([*SHAPE, *(other for other in RULES if other != "seed")])
        raise ConfigError(name, value, f"an arm changes one of {known}")
    return rule.validate(name, value)


@dataclass(frozen=True)
class Arm:
    """One arm: the base with some fields changed, or, when it is pinned, settings of its own.

    Attributes:
        name: what a visitor calls it, 1 to 40 printable characters.
        changes: fields and values (`depth` and `width` among them); kept as a tuple of pairs, so that arms can be
            hashed. Every arm takes its seeds from the base: `seed` cannot be changed.
        pinned: the changes are to `RunConfig()` instead of to the base.

    Raises:
        ConfigError: a name or a change that is not allowed.
    """

    name: str
    changes: Any = ()  # given as a mapping or as pairs, held as a tuple of pairs
    pinned: bool = False

    def __post_init__(self):
        # Printable: no line breaks, no marks that turn the writing direction, nothing that is no character at all.
        if not (
            isinstance(self.name, str) and 0 < len(self.name.strip()) <= MAX_NAME_LENGTH and self.name.isprintable()
        ):
            raise ConfigError("name", self.name, f"an arm’s name has 1 to {MAX_NAME_LENGTH} characters, all printable")
        if not isinstance(self.changes, (Mapping, tuple)):
            raise ConfigError("changes", self.changes, "it must be an object of settings by name")
        if not isinstance(self.pinned, bool):
            raise ConfigError("pinned", self.pinned, "it must be True or False")
        pairs = dict(self.changes).items()
        object.__setattr__(self, "name", self.name.strip())
        object.__setattr__(self, "changes", tuple((key, check_change(key, value)) for key, value in pairs))

    @classmethod
    def pin(cls, name: str, config: RunConfig) -> Arm:
        """An arm with exactly these settings on any base (but for its seed)."""
        default = RunConfig()
        own = {key: getattr(config, key) for key in RULES if key != "seed"}
        return cls(name, {k: v for k, v in own.items() if v != getattr(default, k)}, pinned=True)

    def config(self, base: RunConfig) -> RunConfig:
        """Its settings, with the base's seed; see `apply_changes`.

        Raises:
            ConfigError: settings that contradict each other.
        """
        return apply_changes(RunConfig(seed=base.seed) if self.pinned else base, dict(self.changes))


def apply_changes(base: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """The base with some fields changed, `depth` and `width` among them.

    Depth repeats the width of the first hidden layer. A loss sets the output that it needs, and removes one that
    it cannot have, unless `output_activation` is changed too.

    Raises:
        ConfigError: settings that contradict each other.
    """
    changes = dict(changes)
    if "loss" in changes and "output_activation" not in changes:
        needed = LOSSES[changes["loss"]].output_activation
        if needed or base.output_activation == "softmax":
            changes["output_activation"] = needed or "linear"
    depth = changes.pop("depth", None)
    width = changes.pop("width", None)
    if depth is not None or width is not None:
        widths = base.hidden or RunConfig().hidden
        changes["hidden"] = (widths[0],) * depth if depth is not None else widths
        if width is not None:
            changes["hidden"] = (width,) * len(changes["hidden"])
    return base.replace(**changes)


def arm_name(name: str, value: Any) -> str:
    """Default name of an arm that differs in one value: "ReLU", "L2 0.001"."""
    registry: Mapping[str, Any] | None = _LABELS.get(name)
    if name == "activation" and isinstance(value, tuple):
        shown = describe_activations(value)
    else:
        shown = registry[value].label if registry is not None and value in registry else say(value)
    return shown if name in _SPEAKS_FOR_ITSELF else f"{name_field(name)} {shown}"


def say(value: Any) -> str:
    """A setting's value in words: "on" and "off" for a flag, "none" for None, few digits."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return f"{len(value)} x {value[0]}" if len(set(value)) == 1 else ",".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Comparison:
    """2 to 8 arms over 1 to 16 seeds; every arm meets the same draws.

    Attributes:
        base: the settings that arms share unless they change them; seeds are base.seed, base.seed + 1, ...
        vary: the field in which they differ, a name of VARIES; None when each says for itself.
        arms: in the order shown.
        seeds: how many.

    Raises:
        ConfigError: too few or too many arms, two of one name, seeds beyond the limit, an arm whose settings
            contradict each other.
    """

    base: RunConfig = field(default_factory=RunConfig)
    vary: str | None = "activation"
    arms: tuple[Arm, ...] = ()
    seeds: int = 5

    def __post_init__(self):
        object.__setattr__(self, "arms", tuple(self.arms) or recommended_arms(self.vary))
        object.__setattr__(self, "seeds", SEEDS.validate("seeds", self.seeds))
        if self.vary is not None and self.vary not in VARIES:
            raise ConfigError("vary", self.vary, "it must be none or one of " + ", ".join(VARIES))
        if not MIN_ARMS <= len(self.arms) <= MAX_ARMS:
            raise ConfigError(
                "arms", len(self.arms), f"a comparison has {MIN_ARMS} to {MAX_ARMS} arms; add or remove some"
            )
        names = [arm.name for arm in self.arms]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError("arms", name, "every arm needs a name of its own")
        RULES["seed"].validate("seed", self.base.seed + self.seeds - 1)
        for arm in self.arms:
            arm.config(self.base)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: base, vary, arms and seeds."""
        arms = [
            {
                "name": arm.name,
                "changes": {k: list(v) if isinstance(v, tuple) else v for k, v in arm.changes},
                "pinned": arm.pinned,
            }
            for arm in self.arms
        ]
        return {"base": self.base.to_dict(), "vary": self.vary, "arms": arms, "seeds": self.seeds}

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Comparison:
        """The comparison that `to_dict` wrote.

        Raises:
            ConfigError: something that is not one.
        """
        known = ("base", "vary", "arms", "seeds")
        _check_keys("comparison", mapping, known)
        if not isinstance(mapping.get("arms", ()), (list, tuple)):
            raise ConfigError("arms", mapping["arms"], "it must be a list of arms")
        if not isinstance(mapping.get("vary", "activation"), (str, type(None))):
            raise ConfigError("vary", mapping["vary"], "it must be none or one of " + ", ".join(VARIES))
        arms = []
        for entry in mapping.get("arms", ()):
            _check_keys("arm", entry, ("name", "changes", "pinned"))
            arms.append(Arm(entry.get("name", ""), entry.get("changes", ()), entry.get("pinned", False)))
        base = RunConfig.from_dict(mapping.get("base", {}))
        return cls(base, mapping.get("vary", "activation"), tuple(arms), mapping.get("seeds", 5))

    def arm_configs(self, arm: Arm) -> list[RunConfig]:
        """The runs of one arm, one a seed."""
        config = arm.config(self.base)
        return [config.replace(seed=self.base.seed + k) for k in range(self.seeds)]

    def configs(self) -> list[RunConfig]:
        """Every run, arm by arm, for one `train` call."""
        return [config for arm in self.arms for config in self.arm_configs(arm)]

    def train(
        self,
        data: Data | None = None,
        on_progress: Progress | None = None,
        executor: Executor | None = None,
        on_trace: Callable[[int, Trace], None] | None = None,
    ) -> list[list[Trace]]:
        """Trains every arm and seed in one call; the traces by arm. Arguments as of `core.train`."""
        traces = train(self.configs(), data, on_progress=on_progress, executor=executor, on_trace=on_trace)
        return [traces[i : i + self.seeds] for i in range(0, len(traces), self.seeds)]

    def differences(self) -> pd.DataFrame:
        """Table of the differences between the arms: a row an arm, a column a field, values in words."""
        rows = {arm.name: _describe_settings(arm.config(self.base)) for arm in self.arms}
        table = pd.DataFrame.from_dict(rows, orient="index")
        return table.loc[:, table.nunique() > 1].rename_axis("arm")

    def common_settings(self) -> str:
        """One line that names the settings common to all arms."""
        configs = [arm.config(self.base) for arm in self.arms]
        shown = [_describe_settings(config) for config in configs]
        same = {k: v for k, v in shown[0].items() if all(other[k] == v for other in shown)}
        parts = [text for text in _sentence(same, configs[0]) if text]
        seeds = f"seed {self.base.seed}"
        if self.seeds > 1:
            seeds = f"seeds {self.base.seed} to {self.base.seed + self.seeds - 1}"
        return ", ".join([*parts, seeds]) + ": the same data and the same random draws in every arm."


def recommended_arms(vary: str | None) -> tuple[Arm, ...]:
    """The arms to start from when this field varies; none when no field does."""
    return tuple(Arm(arm_name(vary or "", value), {vary: value}) for value in VARIES.get(vary or "", ()))


def differing_changes(config: RunConfig, base: RunConfig) -> dict[str, Any]:
    """The fields, but for the seed, in which a config differs from another."""
    return {k: getattr(config, k) for k in RULES if k != "seed" and getattr(config, k) != getattr(base, k)}


def _check_keys(what: str, mapping: object, known: Sequence[str]) -> None:
    if not isinstance(mapping, Mapping):
        raise ConfigError(what, mapping, "it must be an object with " + ", ".join(known))
    for key, value in mapping.items():
        if key not in known:
            raise ConfigError(str(key), value, f"there is no such entry of a {what}; there are " + ", ".join(known))


# Members of each field have the label that the interface shows.
_MEMBERS: dict[str, Mapping[str, Any]] = {
    "dataset": DATASETS,
    "activation": ACTIVATIONS,
    "output_activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "init": INITS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "clip": CLIPS,
    "class_weight": CLASS_WEIGHTS,
}
# Fields that matter only beside another one: (the field, does it apply).
_APPLIES: dict[str, Callable[[RunConfig], bool]] = {
    "momentum": lambda c: OPTIMIZERS[c.optimizer].uses_momentum,
    "clip_threshold": lambda c: c.clip != "none",
    "norm_affine": lambda c: c.normalization != "none",
    "schedule_steps": lambda c: c.schedule != "constant",
    "class_weight": lambda c: DATASETS[c.dataset].task != "regression",
    "bias_std": lambda c: c.bias and INITS[c.init].bias_deviation is None,
}


def _describe_settings(config: RunConfig) -> dict[str, str]:
    """Every field but the seed in words; "-" where it does not apply."""
    shown = {}
    for name in RULES:
        if name != "seed":
            applies = _APPLIES.get(name, lambda c: True)(config)
            shown[name] = _label(name, getattr(config, name)) if applies else "-"
    return shown


def _label(field: str, value: Any) -> str:
    """A setting's value as the interface labels it: "He normal", "10 × 32", or as `say` puts it."""
    if field == "activation":
        return describe_activations(value)
    member = _MEMBERS[field].get(value) if field in _MEMBERS else None
    return say(value).replace(" x ", " × ") if member is None else member.label


def _sentence(same: Mapping[str, str], config: RunConfig) -> list[str]:
    """The shared settings a reader needs, and of the others those that are not the default."""
    default = _describe_settings(RunConfig())
    parts = []
    if {"dataset", "samples"} <= same.keys():
        parts.append(f"{same['samples']} samples of “{same['dataset']}”")
    if "hidden" in same:
        parts.append(f"hidden layers {same['hidden']}")
    if "activation" in same:
        parts.append(same["activation"])
    if {"init", "init_scale"} <= same.keys():
        parts.append(f"init “{same['init']}” at scale {same['init_scale']}")
    if "loss" in same:
        parts.append(LOSSES[config.loss].label)
    if "steps" in same:
        rate = f" at learning rate {same['learning_rate']}" if "learning_rate" in same else ""
        parts.append(f"{same['steps']} steps" + (f" of {same['optimizer']}{rate}" if "optimizer" in same else ""))
    named = ("dataset", "samples", "hidden", "activation", "init", "init_scale", "loss", "steps", "learning_rate")
    named += ("optimizer", "output_activation", "record_every")
    parts += [
        f"{name_field(name)} {value}"
        for name, value in same.items()
        if name not in named and value not in ("-", default[name])
    ]
    return parts
