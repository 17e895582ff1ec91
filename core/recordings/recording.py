"""Contents of a recording, from any writer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ..norms import scaled_norms

# Numbers of a tensor at a step; a recording has those that its file has.
VALUE_FIELDS = (
    "grad_norm",
    "clipped_grad_norm",
    "rms",
    "weight_norm",
    "update_norm",
    "zero_share",
    "nonfinite",
    "mean_square",
    "saturation",
    "dead",
)
# Numbers of a step.
ROW_FIELDS = ("loss", "learning_rate", "loss_scale", "global_grad_norm")
KINDS = ("weight", "bias", "norm", "embedding", "frozen", "activation", "other")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One tensor of a model.

    Attributes:
        name: as the framework has it, such as "encoder.0.weight".
        layer: the number of its module, from the input, beginning with 1.
        kind: one of KINDS.
        size: the number of its entries; None where the file does not say.
    """

    name: str
    layer: int
    kind: str
    size: int | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Recording:
    """A training run as its file records it.

    Attributes:
        name: of the file.
        source: what wrote it, as a reader would say.
        parameters: the tensors, from the input to the output.
        step: (rows,) the recorded steps, ascending.
        values: by field of VALUE_FIELDS, (rows, parameters); NaN where nothing was recorded.
        rows: by field of ROW_FIELDS, (rows,); NaN where nothing was recorded.
        notes: sentences about what was read otherwise than it stood.
        details: what the recorder wrote of the run: framework, dtype, optimizer, and the modules of a chain of layers.
    """

    name: str
    source: str
    parameters: tuple[Parameter, ...]
    step: np.ndarray
    values: dict[str, np.ndarray]
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def framework(self) -> str:
        """The framework that the run was trained with: "torch", "keras", "jax", or "" where the file does not say."""
        return str(self.details.get("framework", "")).partition(" ")[0]

    @property
    def dtype(self) -> str:
        """The type of the weights, such as "float16"; "" where the file does not say."""
        return str(self.details.get("dtype", ""))

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self.step.nbytes + sum(array.nbytes for array in (*self.values.values(), *self.rows.values()))

    @cached_property
    def not_finite(self) -> np.ndarray:
        """(rows, parameters) True where a gradient was recorded and is infinite or not a number."""
        bad = np.isinf(self.values["grad_norm"])
        return bad | (self.values["nonfinite"] > 0) if "nonfinite" in self.values else bad

    @cached_property
    def clip_scale(self) -> np.ndarray:
        """(rows,) norm of all gradients after clipping over that before; NaN where it was not recorded."""
        norms = self.values["grad_norm"]
        clipped = self.values.get("clipped_grad_norm")
        if clipped is None:
            return np.full(len(self.step), np.nan)
        both = np.isfinite(norms) & np.isfinite(clipped)
        with np.errstate(all="ignore"):
            before, after = (scaled_norms(np.where(both, part, 0.0)) for part in (norms, clipped))
            return np.where(both.any(axis=1) & (before > 0), after / before, np.nan)

    def of_kind(self, *kinds: str) -> np.ndarray:
        """The indices of the tensors of these kinds, from the input."""
        return np.array([i for i, parameter in enumerate(self.parameters) if parameter.kind in kinds], dtype=int)

    @property
    def update_ratio(self) -> np.ndarray | None:
        """||step|| / ||W||, (rows, parameters); None where the file lacks one of them."""
        if "update_norm" not in self.values or "weight_norm" not in self.values:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.values["update_norm"] / self.values["weight_norm"]

    def to_frame(self) -> pd.DataFrame:
        """A tidy table: one row per step and tensor."""
        rows = len(self.step)
        count = len(self.parameters)
        columns: dict[str, np.ndarray] = {"step": np.repeat(self.step, count)}
        columns |= {name: np.repeat(values, count) for name, values in self.rows.items()}
        for name in ("name", "layer", "kind"):
            listed = [getattr(parameter, name) for parameter in self.parameters]
            columns["parameter" if name == "name" else name] = np.tile(np.array(listed, dtype=object), rows)
        columns |= {name: values.ravel() for name, values in self.values.items()}
        return pd.DataFrame(columns)


def natural_key(name: str) -> list[tuple[int, float | str]]:
    """A key that puts net.2 before net.10: numbers within a name count as numbers."""
    parts = re.split(r"(\d+)", name)
    return [(1, float(part)) if part.isdigit() else (0, part) for part in parts if part]


def describe(names: Sequence[str], sizes: Sequence[Any] | None = None) -> tuple[Parameter, ...]:
    """Tensors from their names alone: names before the last dot or slash that agree are one layer."""
    layers = {module: layer for layer, module in enumerate(dict.fromkeys(map(_module, names)), start=1)}
    return tuple(
        Parameter(
            name=name,
            layer=layers[_module(name)],
            kind=guess_kind(name),
            size=None if sizes is None or sizes[i] is None or math.isnan(sizes[i]) else int(sizes[i]),
        )
        for i, name in enumerate(names)
    )


def guess_kind(name: str) -> str:
    """The kind that a tensor's name suggests."""
    low = name.lower()
    if re.search(r"(norm|(^|[./_])(bn|ln)\d*([./_]|$))", low):
        return "norm"
    if "emb" in low or re.search(r"(^|[./_])w[tp]e([./_]|$)", low):
        return "embedding"
    if re.search(r"(^|[./_])(bias|b|beta)(_[a-z]+\d*)*$", low):
        return "bias"
    return "weight"


def _module(name: str) -> str:
    head, mark, _ = name.rpartition(max("./", key=name.rfind)) if "." in name or "/" in name else (name, "", "")
    return head if mark else name
