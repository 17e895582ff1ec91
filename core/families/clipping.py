"""Clipping rules, each in place on the gradient of a stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..choices import ClipName
from ..compiled.cache import compiled
from ..norms import compute_norm, compute_unit_norms

AGC_EPS = 1e-3  # adaptive clipping takes no weight norm below this


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One rule; `clip` applies it.

    Attributes:
        recommended: a threshold to start from.
        pytorch: lines of an exported script that clip the gradients; they may call its `clip_jointly` and `clip_units`.
    """

    name: ClipName
    label: str
    formula: str
    recommended: float
    source: str
    pytorch: str


@compiled
def _clamp(gradient, bound):
    for k in range(gradient.shape[0]):
        if gradient[k] > bound:
            gradient[k] = bound
        elif gradient[k] < -bound:
            gradient[k] = -bound


@compiled
def _shrink(values, bound):
    """Rescales (numbers,) down to norm `bound`; what is smaller keeps every bit."""
    norm = compute_norm(values)
    if norm > bound:
        factor = bound / norm
        for k in range(values.shape[0]):
            values[k] *= factor


@compiled
def _shrink_units(W, bounds, norms):
    """Rescales each column of W (fan_in, units) down to its bound; what is smaller keeps every bit.

    Args:
        bounds: (units,); ends as the factors.
        norms: (units,), scratch.
    """
    compute_unit_norms(W, norms)
    shrunk = False
    for unit in range(W.shape[1]):
        shrinks = norms[unit] > bounds[unit]
        bounds[unit] = bounds[unit] / norms[unit] if shrinks else 1.0
        shrunk = shrunk or shrinks
    if shrunk:
        for row in range(W.shape[0]):
            for unit in range(W.shape[1]):
                W[row, unit] *= bounds[unit]


@compiled
def clip(code, layout, gradient, parameters, threshold):
    """Clips the gradient of one run in place.

    Args:
        code: the rule, of CLIP_CODES.
        layout: a LayoutArrays.
        gradient, parameters: (parameters,); the parameters are read only.
        threshold: a number.
    """
    widths = layout.widths
    offsets = layout.offsets
    if code == 1:
        _clamp(gradient, threshold)
    elif code == 2:
        _shrink(gradient, threshold)
    elif code == 3:
        for layer in range(widths.shape[0] - 1):
            _shrink(gradient[offsets[layer] : offsets[layer + 1]], threshold)
    elif code == 4:
        bounds = np.empty(widths.max())
        norms = np.empty(widths.max())
        for layer in range(widths.shape[0] - 1):
            fan_in = widths[layer]
            units = widths[layer + 1]
            start = offsets[layer]
            end = offsets[layer + 1]
            after_weights = start + fan_in * units
            compute_unit_norms(parameters[start:after_weights].reshape(fan_in, units), bounds)
            for unit in range(units):
                bounds[unit] = threshold * max(bounds[unit], AGC_EPS)
            _shrink_units(gradient[start:after_weights].reshape(fan_in, units), bounds, norms)
            for first in range(after_weights, end, units):  # each vector, b, gain or shift, is one unit
                bound = threshold * max(compute_norm(parameters[first : first + units]), AGC_EPS)
                _shrink(gradient[first : first + units], bound)


@compiled
def project_max_norm(layout, parameters, bound):
    """Rescales each unit's incoming weights down to norm `bound`, in place; biases stay.

    Args:
        layout: a LayoutArrays.
        parameters: (parameters,).
        bound: a number.
    """
    widths = layout.widths
    offsets = layout.offsets
    bounds = np.empty(widths.max())
    norms = np.empty(widths.max())
    for layer in range(widths.shape[0] - 1):
        fan_in = widths[layer]
        units = widths[layer + 1]
        bounds[:units] = bound
        start = offsets[layer]
        _shrink_units(parameters[start : start + fan_in * units].reshape(fan_in, units), bounds, norms)


CLIPS: dict[str, Clip] = {
    member.name: member
    for member in (
        Clip(
            name="none",
            label="none",
            formula=r"g \leftarrow g",
            recommended=1.0,
            source="the plain gradient",
            pytorch="",
        ),
        Clip(
            name="value",
            label="by value",
            formula=r"g_i \leftarrow \max(-c, \min(g_i, c))",
            recommended=0.1,
            source="Mikolov 2012",
            pytorch="torch.nn.utils.clip_grad_value_(network.parameters(), CLIP_THRESHOLD)",
        ),
        Clip(
            name="global_norm",
            label="by global norm",
            formula=r"g \leftarrow g \min(1, c / \lVert g \rVert)",
            recommended=1.0,
            source="Pascanu et al. 2013",
            pytorch="clip_jointly(network.parameters())",
        ),
        Clip(
            name="per_layer_norm",
            label="by each layer’s norm",
            formula=r"g^l \leftarrow g^l \min(1, c / \lVert g^l \rVert)",
            recommended=1.0,
            source="the rule of Pascanu et al. 2013 for each layer’s parameters jointly",
            pytorch="""\
for linear in network.linears:
    clip_jointly(linear.parameters())""",
        ),
        Clip(
            name="adaptive",
            label="adaptive (AGC)",
            formula=r"G_i \leftarrow G_i \min(1, c \max(\lVert W_i \rVert, 10^{-3}) / \lVert G_i \rVert)",
            recommended=0.1,
            source="Brock et al. 2021, per unit; here on the output layer too",
            pytorch="""\
for parameter in network.parameters():
    clip_units(parameter)""",
        ),
    )
}

# The number by which compiled code knows a rule: its place in the registry; 0 clips nothing.
CLIP_CODES = {name: code for code, name in enumerate(CLIPS)}
