"""Where the units of one layer lie on their activation, and how steep it is there."""

from __future__ import annotations

import numpy as np

from .families.activations import Activation
from .families.losses import OUTPUT_ACTIVATIONS
from .families.normalization import NORMALIZATIONS, normalize
from .trace import Snapshot


def layer_activation(snapshot: Snapshot, layer: int) -> Activation | None:
    """The activation of a layer, counted from 0; None for a softmax output, which has no slope of its own."""
    config = snapshot.config
    return OUTPUT_ACTIVATIONS[(*config.activations, config.output_activation)[layer]]


def activation_inputs(snapshot: Snapshot, layer: int) -> np.ndarray:
    """(samples, units): what the activation of a layer is applied to, after normalization where there is one.

    That is gain * normalized + shift where normalization learns them.
    """
    net = snapshot.net[layer]
    axis = NORMALIZATIONS[snapshot.config.normalization].axis
    if axis is None or layer == len(snapshot.net) - 1:
        return net
    normalized = np.ascontiguousarray(net.T)[None]  # (1, units, samples)
    averaged = tuple(1 if each == axis else size for each, size in enumerate(normalized.shape))
    normalize(normalized, axis, np.empty(averaged, net.dtype))
    gain, shift = snapshot.weights[layer][2:] or (1, 0)
    return gain * normalized[0].T + shift


def activation_slopes(snapshot: Snapshot, layer: int) -> np.ndarray | None:
    """(samples, units): phi' at every unit of a layer, for every sample; None for a softmax output."""
    activation = layer_activation(snapshot, layer)
    return None if activation is None else activation.slope(activation_inputs(snapshot, layer))
