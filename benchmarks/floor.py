"""The floor: the matrix products and one pass a layer, which nobody can do without, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.problem import Problem
from core.config import RunConfig


def floor(configs: Sequence[RunConfig]) -> Callable[[], None]:
    """The matmuls of `train(configs)` and one np.maximum a hidden layer: no slope, loss, norm, count or update.

    The cheapest activation stands for every other one, so that the floor is the same on all processors but for their
    products. Steps + 1 times: y^l = max(y^(l-1) W^l, 0) up, then dE/dW^l = y^(l-1)T delta^l and
    delta^(l-1) = delta^l W^lT down, every array (R, samples, units), made beforehand and written with `out=`.

    Args:
        configs: runs of one shape and kind.

    Returns:
        A function of no arguments that does it once.
    """
    config, problem = configs[0], Problem(configs)
    W, layers = problem.weights, len(problem.weights)
    y = [problem.X] + [np.empty((problem.runs, problem.samples, w.shape[2])) for w in W]
    net, delta = [np.empty_like(a) for a in y[1:]], [np.empty_like(a) for a in y]
    gradient = [np.empty_like(w) for w in W]
    zeros = np.zeros_like(net[0])  # two to three times faster than np.maximum(net, 0)
    W_T, y_T = [w.transpose(0, 2, 1) for w in W], [a.transpose(0, 2, 1) for a in y]
    delta[-1][:] = problem.D

    def run() -> None:
        for _ in range(config.steps + 1):
            for layer in range(layers):
                np.matmul(y[layer], W[layer], out=net[layer])
                if layer < layers - 1:
                    np.maximum(net[layer], zeros, out=y[layer + 1])
            for layer in range(layers - 1, -1, -1):
                np.matmul(y_T[layer], delta[layer + 1], out=gradient[layer])
                if layer:
                    np.matmul(delta[layer + 1], W_T[layer], out=delta[layer])

    return run
