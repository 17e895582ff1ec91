"""Deep stacks of pre-activation blocks at initialization, forward and backward, one gradient for each input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..engine.training import Progress, one_blas_thread

EPS = 1e-5  # of batch normalization, inside the root


@dataclass(frozen=True, kw_only=True)
class Block:
    """One kind of block: z = skip * y + branch * W relu(N(y)), with N batch normalization or the identity.

    Attributes:
        label: for a reader.
        skip, branch: factors of the skip connection and of the branch.
        normalized: True when the branch normalizes its input over the batch.
    """

    label: str
    skip: float
    branch: float
    normalized: bool


@dataclass(frozen=True, kw_only=True)
class Passes:
    """Both passes through a stack; block l leads from states[l] to states[l + 1].

    Attributes:
        states: (blocks + 1, samples, width).
        gradients: d(readout . states[-1]) / d states[l] for each sample, of the same shape.
    """

    states: np.ndarray
    gradients: np.ndarray


def pass_through(block: Block, y: np.ndarray, blocks: int, seed: int, report: Progress) -> Passes:
    """Both passes through a stack of blocks with He's init, W ~ N(0, 2 / width).

    Means and standard deviations of batch normalization are treated as constants in the backward pass, as when a
    trained network is applied to one input: each input then has a gradient of its own.

    Args:
        block: the kind.
        y: (samples, width), the input of the first block.
        blocks: depth of the stack.
        seed: of the weights and of the readout vector.
        report: called with (done, total).
    """
    samples, width = y.shape
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((blocks, width, width)) * np.sqrt(2 / width)
    readout = rng.standard_normal(width) / np.sqrt(width)
    states = np.empty((blocks + 1, samples, width))
    gradients = np.empty((blocks + 1, samples, width))
    deviations = np.ones((blocks, width))
    active = np.empty((blocks, samples, width), dtype=bool)
    states[0] = y
    with one_blas_thread:
        for i, W in enumerate(weights):
            u = states[i]
            if block.normalized:
                deviations[i] = np.sqrt(u.var(axis=0) + EPS)
                u = (u - u.mean(axis=0)) / deviations[i]
            active[i] = u > 0
            states[i + 1] = block.skip * states[i] + block.branch * (u * active[i]) @ W
            report(i + 1, 2 * blocks)
        gradients[blocks] = readout
        for i in reversed(range(blocks)):
            through = (gradients[i + 1] @ weights[i].T) * active[i] / deviations[i]
            gradients[i] = block.skip * gradients[i + 1] + block.branch * through
            report(2 * blocks - i, 2 * blocks)
    return Passes(states=states, gradients=gradients)
