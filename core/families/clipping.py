"""Clipping rules, each in place on the gradient of a stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..layout import ParameterStack
from ..norms import norms, unit_norms

AGC_EPS = 1e-3  # adaptive clipping takes no weight norm below this


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One rule.

    Attributes:
        apply: (gradient, parameters, threshold, scratch) -> None; rewrites gradient in place; threshold: (R,).
            None for no clipping.
        recommended: a threshold to start from.
        pytorch: lines of an exported script that clip the gradients; they may call its `clip_jointly` and `clip_units`.
    """

    name: str
    label: str
    formula: str
    apply: Callable[[ParameterStack, ParameterStack, np.ndarray, ParameterStack], None] | None
    recommended: float
    source: str
    pytorch: str


def _value(gradient, parameters, threshold, scratch):
    bound = threshold[:, None]
    np.minimum(gradient.flat, bound, out=gradient.flat)
    np.maximum(gradient.flat, -bound, out=gradient.flat)


def _shrink(norm: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """bound / norm where the norm exceeds it, exactly 1 elsewhere, so that what is smaller keeps every bit."""
    return np.divide(bound, norm, out=np.ones_like(norm), where=norm > bound)


def _global_norm(gradient, parameters, threshold, scratch):
    gradient.flat *= _shrink(norms(gradient.flat[:, None]), threshold[:, None])


def _per_layer_norm(gradient, parameters, threshold, scratch):
    for _, block in gradient.whole_blocks:
        block *= _shrink(norms(block), threshold[:, None])[:, :, None]


def _adaptive(gradient, parameters, threshold, scratch):
    bound = threshold[:, None, None]
    for G, W, work in zip(gradient.weights, parameters.weights, scratch.weights, strict=True):
        G *= _shrink(unit_norms(G, work), bound * np.maximum(unit_norms(W, work), AGC_EPS))
    for g, b in zip(gradient.biases, parameters.biases, strict=True):  # a bias vector is one unit
        g *= _shrink(norms(g[:, None]), threshold[:, None] * np.maximum(norms(b[:, None]), AGC_EPS))


def project_max_norm(parameters: ParameterStack, bound: np.ndarray, scratch: ParameterStack) -> None:
    """Rescales each unit's incoming weights down to norm `bound` (R,), in place; biases stay."""
    for W, work in zip(parameters.weights, scratch.weights, strict=True):
        W *= _shrink(unit_norms(W, work), bound[:, None, None])


CLIPS: dict[str, Clip] = {
    member.name: member
    for member in (
        Clip(
            name="none",
            label="none",
            formula=r"g \leftarrow g",
            apply=None,
            recommended=1.0,
            source="the plain gradient",
            pytorch="",
        ),
        Clip(
            name="value",
            label="by value",
            formula=r"g_i \leftarrow \max(-c, \min(g_i, c))",
            apply=_value,
            recommended=0.1,
            source="Mikolov 2012",
            pytorch="torch.nn.utils.clip_grad_value_(network.parameters(), CLIP_THRESHOLD)",
        ),
        Clip(
            name="global_norm",
            label="by global norm",
            formula=r"g \leftarrow g \min(1, c / \lVert g \rVert)",
            apply=_global_norm,
            recommended=1.0,
            source="Pascanu et al. 2013",
            pytorch="clip_jointly(network.parameters())",
        ),
        Clip(
            name="per_layer_norm",
            label="by each layer's norm",
            formula=r"g^l \leftarrow g^l \min(1, c / \lVert g^l \rVert)",
            apply=_per_layer_norm,
            recommended=1.0,
            source="the rule of Pascanu et al. 2013 for each layer's W and b jointly",
            pytorch="""\
for linear in network.linears:
    clip_jointly(linear.parameters())""",
        ),
        Clip(
            name="adaptive",
            label="adaptive (AGC)",
            formula=r"G_i \leftarrow G_i \min(1, c \max(\lVert W_i \rVert, 10^{-3}) / \lVert G_i \rVert)",
            apply=_adaptive,
            recommended=0.1,
            source="Brock et al. 2021, per unit; here on the output layer too",
            pytorch="""\
for parameter in network.parameters():
    clip_units(parameter)""",
        ),
    )
}
