"""A recorded model that is a plain MLP -> the same network as a RunConfig of this project."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..config import RunConfig
from ..errors import ConfigError
from ..families.activations import describe_activations
from .recording import Recording

# PyTorch's modules, by their class, and the activation here; a GELU with tanh differs by less than 1e-3.
_ACTIVATIONS = {
    "Sigmoid": "sigmoid", "Tanh": "tanh", "ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu", "SELU": "selu",
    "GELU": "gelu", "SiLU": "silu", "Softplus": "softplus", "Identity": "linear",
}  # fmt: skip
_NORMALIZATIONS = {"LayerNorm": "layer", "BatchNorm1d": "batch"}
_IGNORED = ("Flatten", "Dropout", "Identity")
_OUTPUT_ACTIVATIONS = {"Sigmoid": "sigmoid", "Tanh": "tanh"}
# (inputs, outputs) of a model -> the data set here that has as many.
_DATASETS = {(2, 1): "circles", (1, 1): "sine", (4, 3): "iris", (13, 3): "wine", (30, 1): "breast_cancer",
             (64, 10): "digits", (10, 1): "diabetes", (20, 10): "blobs"}  # fmt: skip
MAX_STEPS = 2_000  # of the run that opens in the Lab


@dataclass(frozen=True, kw_only=True)
class Recognized:
    """The Lab's counterpart of a recorded model.

    Attributes:
        config: its settings.
        same: what agrees, in words.
        different: what the Lab does otherwise, in a sentence.
    """

    config: RunConfig
    same: str
    different: str


def recognize_mlp(recording: Recording) -> Recognized | None:
    """The same network with the settings of the Lab; None where the model is no chain of linear layers.

    The sizes of the initial weights and biases are the measured ones: init_scale = ||W|| / sqrt(fan_out) and
    bias_std = ||b|| / sqrt(units), medians over layers, so that those of any distribution get the variance they have.
    """
    chain = recording.details.get("chain")
    if not isinstance(chain, Sequence) or not all(isinstance(module, Mapping) for module in chain):
        return None
    linear = [module for module in chain if module.get("type") == "Linear"]
    try:
        widths = [int(module["inputs"]) for module in linear] + [int(linear[-1]["outputs"])]
        layers = _layers(chain)
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    if layers is None:
        return None
    activations, normalization, output_activation = layers
    optimizer, note = _optimizer(recording)
    dataset = _DATASETS.get((widths[0], widths[-1]))
    scale = _init_scale(recording, widths[1:])
    bias = _bias_std(recording, len(linear))
    classes = widths[-1] > 1
    settings: dict[str, Any] = {
        "hidden": tuple(widths[1:-1]),
        "activation": activations or "linear",
        "normalization": normalization,
        "norm_affine": normalization != "none" and len(recording.of_kind("norm")) > 0,
        "bias": any(bool(module.get("bias")) for module in linear),
        "output_activation": output_activation,
        "dataset": dataset or "circles",
        "steps": int(min(max(recording.step[-1], 0), MAX_STEPS)),
        "init_scale": scale,
        "bias_std": bias,
        **optimizer,
    }
    if dataset in ("iris", "wine", "digits", "blobs") and classes:
        settings |= {"loss": "cross_entropy", "output_activation": "softmax"}
    try:
        config = RunConfig(**settings)
    except ConfigError:
        return None
    data = f"the Lab trains on {config.dataset.replace('_', ' ')}"
    if dataset is None:
        data += f", which has other inputs and outputs than your {widths[0]:,} and {widths[-1]:,}"
    return Recognized(
        config=config,
        same=f"{len(config.hidden)} hidden layers, {_name(config)}, weights of {scale:.3g}/√fan-in"
        f"{f', biases of {bias:.2g}' if bias else ''}{note}",
        different=f"{data[0].upper()}{data[1:]}, and draws its own weights of that size.",
    )


def _name(config: RunConfig) -> str:
    return config.activation if isinstance(config.activation, str) else describe_activations(config.activation)


def _layers(chain: Sequence[Mapping]) -> tuple[tuple[str, ...], str, str] | None:
    """(activation of each hidden layer, normalization, output activation) of Linear, [norm], activation, Linear, ..."""
    kinds = [str(module["type"]) for module in chain]
    known = {"Linear", *_ACTIVATIONS, *_NORMALIZATIONS, *_IGNORED}
    if not set(kinds) <= known:
        return None
    kinds = [kind for kind in kinds if kind not in _IGNORED]
    last = len(kinds) - 1 - kinds[::-1].index("Linear")
    after = kinds[last + 1 :]
    if len(after) > 1 or (after and after[0] not in _OUTPUT_ACTIVATIONS) or kinds[0] != "Linear":
        return None
    blocks = []
    block = []
    for kind in kinds[1 : last + 1]:
        if kind == "Linear":
            blocks.append(tuple(block))
            block = []
        else:
            block.append(kind)
    norms = {tuple(kind for kind in block if kind in _NORMALIZATIONS) for block in blocks} or {()}
    if len(norms) > 1:
        return None
    (norm,) = norms
    activations = [block[len(norm) :] for block in blocks]
    if len(norm) > 1 or any(len(kinds) > 1 or set(kinds) - set(_ACTIVATIONS) for kinds in activations):
        return None
    return (
        tuple(_ACTIVATIONS[kinds[0]] if kinds else "linear" for kinds in activations),
        _NORMALIZATIONS[norm[0]] if norm else "none",
        _OUTPUT_ACTIVATIONS[after[0]] if after else "linear",
    )


def _init_scale(recording: Recording, outputs: Sequence[int]) -> float:
    norms = recording.values.get("weight_norm")
    weights = recording.of_kind("weight", "frozen")
    if norms is None or len(weights) < len(outputs):
        return 1.0
    scales = norms[0, weights[: len(outputs)]] / np.sqrt(np.array(outputs, dtype=float))
    scales = scales[np.isfinite(scales)]
    return float(f"{np.median(scales):.3g}") if scales.size and np.median(scales) > 0 else 1.0


def _bias_std(recording: Recording, layers: int) -> float:
    norms = recording.values.get("weight_norm")
    biases = recording.of_kind("bias")
    if norms is None or len(biases) != layers:
        return 0.0
    sizes = np.array([recording.parameters[i].size or np.nan for i in biases], dtype=float)
    deviations = norms[0, biases] / np.sqrt(sizes)
    deviations = deviations[np.isfinite(deviations)]
    return float(f"{np.median(deviations):.3g}") if deviations.size else 0.0


def _optimizer(recording: Recording) -> tuple[dict[str, Any], str]:
    """Settings of the optimizer, and their words; empty for one that the Lab does not have."""
    given = recording.details.get("optimizer")
    if not isinstance(given, Mapping):
        return {}, ""
    rate, momentum = (_positive(given.get(name)) for name in ("lr", "momentum"))
    kind = str(given.get("type"))
    settings: dict[str, Any] = {"learning_rate": rate} if rate else {}
    if kind == "SGD":
        settings["optimizer"] = "sgd"
        if momentum:
            settings |= {"optimizer": "nesterov" if given.get("nesterov") else "momentum", "momentum": momentum}
    elif kind == "Adam":
        settings["optimizer"] = "adam"
    elif kind == "AdamW":
        settings |= {"optimizer": "adamw", "weight_decay": _positive(given.get("weight_decay")) or 0.0}
    elif kind == "RMSprop":
        settings["optimizer"] = "rmsprop"
    else:
        return {}, ""
    return settings, f", {kind}" + (f" with learning rate {rate:g}" if rate else "")


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) and value > 0 else None
