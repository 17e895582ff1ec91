"""Normalization of net input before the activation, and the gain and shift that may be learned after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..choices import NormalizationName
from ..compiled.cache import compiled, summing

EPS = 1e-5  # inside the root, as PyTorch has it


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """One rule: which axis of (R, units, samples) is brought to mean 0 and variance 1.

    Attributes:
        axis: 1 over a sample's units, 2 over the batch's samples, None for no normalization.
        pytorch: the line of an exported script that normalizes `net`, (samples, units).
        pytorch_module: the module of an exported script that holds a learned gain and shift as its weight and bias.
        pytorch_affine: the line that normalizes `net` with them.
    """

    name: NormalizationName
    label: str
    formula: str
    axis: Literal[1, 2] | None
    source: str
    pytorch: str
    pytorch_module: str = ""
    pytorch_affine: str = ""


@summing
def normalize(net, axis, inverse_deviation):
    """net <- (net - mean) / sqrt(variance + 1e-5) in place, the variance biased.

    Args:
        net: (R, units, samples).
        axis: what is averaged over, 1 or 2.
        inverse_deviation: 1 / sqrt(variance + eps), written; the shape of net with that axis 1.
    """
    runs, units, samples = net.shape
    for run in range(runs):
        if axis == 2:
            for unit in range(units):
                row = net[run, unit]
                mean = 0.0
                square = 0.0
                for n in range(samples):
                    mean += row[n]
                mean /= samples
                for n in range(samples):
                    row[n] -= mean
                    square += np.float64(row[n]) * row[n]
                inverse = 1 / np.sqrt(square / samples + EPS)
                inverse_deviation[run, unit, 0] = inverse
                for n in range(samples):
                    row[n] *= inverse
        else:
            mean = np.zeros(samples)
            square = np.zeros(samples)
            for unit in range(units):
                for n in range(samples):
                    mean[n] += net[run, unit, n]
            for unit in range(units):
                for n in range(samples):
                    net[run, unit, n] -= mean[n] / units
                    square[n] += np.float64(net[run, unit, n]) * net[run, unit, n]
            for n in range(samples):
                square[n] = 1 / np.sqrt(square[n] / units + EPS)
                inverse_deviation[run, 0, n] = square[n]
            for unit in range(units):
                for n in range(samples):
                    net[run, unit, n] *= square[n]


@summing
def normalize_backward(delta, normalized, axis, inverse_deviation):
    """delta <- dE/dnet from dE/d(normalized net), in place.

    dE/dnet = (delta - mean(delta) - normalized * mean(delta * normalized)) / deviation; arrays as in `normalize`.
    """
    runs, units, samples = delta.shape
    for run in range(runs):
        if axis == 2:
            for unit in range(units):
                row = delta[run, unit]
                h = normalized[run, unit]
                mean = 0.0
                along = 0.0
                for n in range(samples):
                    mean += row[n]
                    along += np.float64(row[n]) * h[n]
                mean = mean / samples
                along = along / samples
                for n in range(samples):
                    row[n] = (row[n] - mean - h[n] * along) * inverse_deviation[run, unit, 0]
        else:
            mean = np.zeros(samples)
            along = np.zeros(samples)
            for unit in range(units):
                for n in range(samples):
                    mean[n] += delta[run, unit, n]
                    along[n] += np.float64(delta[run, unit, n]) * normalized[run, unit, n]
            for unit in range(units):
                for n in range(samples):
                    centered = delta[run, unit, n] - mean[n] / units - normalized[run, unit, n] * (along[n] / units)
                    delta[run, unit, n] = centered * inverse_deviation[run, 0, n]


@compiled
def scale_and_shift(normalized, own, out):
    """out <- gain * normalized + shift, a gain and a shift for each unit.

    Args:
        normalized, out: (units, samples).
        own: gain and shift, (2, units).
    """
    for unit in range(normalized.shape[0]):
        gain = own[0, unit]
        shift = own[1, unit]
        for n in range(normalized.shape[1]):
            out[unit, n] = gain * normalized[unit, n] + shift


@summing
def scale_and_shift_backward(delta, normalized, own, gradient):
    """delta <- dE/d(normalized net) from dE/d(gain * normalized net + shift), in place.

    Args:
        delta, normalized: (units, samples).
        own: gain and shift, (2, units).
        gradient: dE/dgain = sum_n delta * normalized and dE/dshift = sum_n delta, (2, units), written.
    """
    for unit in range(delta.shape[0]):
        row = delta[unit]
        h = normalized[unit]
        gain = own[0, unit]
        along = 0.0
        total = 0.0
        for n in range(row.shape[0]):
            along += np.float64(row[n]) * h[n]
            total += row[n]
            row[n] *= gain
        gradient[0, unit] = along
        gradient[1, unit] = total


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
            pytorch_module="torch.nn.LayerNorm(linear.out_features, eps=1e-5, dtype=DTYPE)",
            pytorch_affine="net = linear.norm(net)",
        ),
        Normalization(
            name="batch",
            label="batch normalization",
            formula=r"\hat z_{nj} = \frac{z_{nj} - \operatorname{mean}_n z_{nj}}"
            r"{\sqrt{\operatorname{var}_n z_{nj} + 10^{-5}}}",
            axis=2,
            source="Ioffe & Szegedy 2015, with the batch’s own statistics",
            pytorch="net = (net - net.mean(dim=0)) / torch.sqrt(net.var(dim=0, correction=0) + 1e-5)  # of this batch",
            pytorch_module="torch.nn.BatchNorm1d(linear.out_features, track_running_stats=False, dtype=DTYPE)",
            pytorch_affine="""\
net = (net - net.mean(dim=0)) / torch.sqrt(net.var(dim=0, correction=0) + 1e-5)  # of this batch
net = linear.norm.weight * net + linear.norm.bias""",
        ),
    )
}
