"""The parameters that a run begins with: drawn from its seed, or given."""

from __future__ import annotations

import numpy as np

from ..config import RunConfig
from ..errors import ConfigError
from ..families.initializers import INITS
from ..layout import LayerParameters, Layout

# Stream numbers: default_rng([seed, STREAM, ...]); the data's own is 0 (datasets), the batches' 3 (stack).
WEIGHT_STREAM = 1
BIAS_STREAM = 2

Initial = list[LayerParameters]


def draw_parameters(config: RunConfig, layout: Layout) -> Initial:
    """A run's initial parameters by layer, float64: each layer has its own stream, b another than W.

    A learned gain starts at 1 and its shift at 0.
    """
    parameters: Initial = []
    for layer, (fan_in, fan_out) in enumerate(layout.shapes):
        W = INITS[config.init](
            np.random.default_rng([config.seed, WEIGHT_STREAM, layer]), fan_in, fan_out, config.init_scale
        )
        b = None
        if config.bias:
            rng = np.random.default_rng([config.seed, BIAS_STREAM, layer])
            b = INITS[config.init].draw_biases(rng, fan_in, fan_out, scale=config.init_scale, bias_std=config.bias_std)
        own = (np.ones(fan_out), np.zeros(fan_out)) if layout.affine and layer < layout.layers - 1 else ()
        parameters.append((W, b, *own))
    return parameters


def check_initial(initial: Initial, layout: Layout) -> None:
    """Refuses parameters that do not fit the network.

    Raises:
        ConfigError: wrong count, shape, or a value that is not finite.
    """
    if not isinstance(initial, (list, tuple)):
        raise ConfigError("initial", type(initial).__name__, "each run needs a list of (W, b) by layer, or None")
    if len(initial) != layout.layers:
        raise ConfigError("initial", f"{len(initial)} layers", f"this network has {layout.layers} layers")
    for layer, (given, shape) in enumerate(zip(initial, layout.shapes, strict=True), start=1):
        affine = layout.affine and layer < layout.layers
        if not isinstance(given, (list, tuple)) or len(given) != (4 if affine else 2):
            needed = "(W, b, gain, shift), since norm_affine is True" if affine else "a pair (W, b)"
            raise ConfigError("initial", type(given).__name__, f"layer {layer} needs {needed}")
        W, b, *own = given
        if np.shape(W) != shape:
            raise ConfigError("initial", np.shape(W), f"W of layer {layer} has shape {shape}")
        if layout.bias != (b is not None) or (b is not None and np.shape(b) != shape[1:]):
            expected = f"shape {shape[1:]}" if layout.bias else "to be None, since bias is False"
            raise ConfigError("initial", np.shape(b) if b is not None else None, f"b of layer {layer} has {expected}")
        for name, values in zip(("gain", "shift"), own, strict=False):
            if np.shape(values) != shape[1:]:
                raise ConfigError("initial", np.shape(values), f"{name} of layer {layer} has shape {shape[1:]}")
        if not all(np.isfinite(values).all() for values in given if values is not None):
            raise ConfigError("initial", f"layer {layer}", "its values must be finite")
