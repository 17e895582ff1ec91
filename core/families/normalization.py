"""Normalization of net input before the activation, without learned scale or shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EPS = 1e-5  # inside the root, as PyTorch has it


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """One rule: which axis of (R, units, samples) is brought to mean 0 and variance 1.

    Attributes:
        axis: 1 over a sample's units, 2 over the batch's samples, None for no normalization.
        pytorch: the line of an exported script that normalizes `net`, (samples, units).
    """

    name: str
    label: str
    formula: str
    axis: int | None
    source: str
    pytorch: str


def normalize(net: np.ndarray, axis: int, inverse_deviation: np.ndarray, scratch: np.ndarray) -> None:
    """net <- (net - mean) / sqrt(variance + 1e-5) in place, the variance biased.

    Args:
        net: (R, units, samples).
        axis: what is averaged over.
        inverse_deviation: 1 / sqrt(variance + eps), written; the shape of net with that axis 1.
        scratch: like net.
    """
    mean = np.add.reduce(net, axis=axis, keepdims=True, out=inverse_deviation)
    mean /= net.shape[axis]
    net -= mean
    np.multiply(net, net, out=scratch)
    variance = np.add.reduce(scratch, axis=axis, keepdims=True, out=inverse_deviation)
    variance /= net.shape[axis]
    variance += EPS
    np.sqrt(variance, out=inverse_deviation)
    np.reciprocal(inverse_deviation, out=inverse_deviation)
    net *= inverse_deviation


def normalize_backward(
    delta: np.ndarray,
    normalized: np.ndarray,
    axis: int,
    inverse_deviation: np.ndarray,
    means: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """delta <- dE/dnet from dE/d(normalized net), in place.

    dE/dnet = (delta - mean(delta) - normalized * mean(delta * normalized)) / deviation.
    """
    np.multiply(delta, normalized, out=scratch)
    np.add.reduce(scratch, axis=axis, keepdims=True, out=means)
    means /= delta.shape[axis]
    np.multiply(normalized, means, out=scratch)
    np.add.reduce(delta, axis=axis, keepdims=True, out=means)
    means /= delta.shape[axis]
    delta -= means
    delta -= scratch
    delta *= inverse_deviation


NORMALIZATIONS: dict[str, Normalization] = {
    member.name: member
    for member in (
        Normalization(
            name="none", label="none", formula=r"\hat z = z", axis=None, source="the plain network", pytorch=""
        ),
        Normalization(
            name="layer",
            label="layer normalization",
            formula=r"\hat z_{nj} = \frac{z_{nj} - \operatorname{mean}_j z_{nj}}"
            r"{\sqrt{\operatorname{var}_j z_{nj} + 10^{-5}}}",
            axis=1,
            source="Ba, Kiros & Hinton 2016",
            pytorch="net = torch.nn.functional.layer_norm(net, net.shape[1:], eps=1e-5)",
        ),
        Normalization(
            name="batch",
            label="batch normalization",
            formula=r"\hat z_{nj} = \frac{z_{nj} - \operatorname{mean}_n z_{nj}}"
            r"{\sqrt{\operatorname{var}_n z_{nj} + 10^{-5}}}",
            axis=2,
            source="Ioffe & Szegedy 2015, with the batch's own statistics",
            pytorch="net = (net - net.mean(dim=0)) / torch.sqrt(net.var(dim=0, correction=0) + 1e-5)  # of this batch",
        ),
    )
}
