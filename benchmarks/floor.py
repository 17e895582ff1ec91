"""The floor: what no NumPy engine can do without, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.problem import Problem
from core.config import RunConfig


def _logistic(net: np.ndarray, out: np.ndarray) -> None:
    np.negative(net, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def floor(configs: Sequence[RunConfig]) -> Callable[[], None]:
    """The matmuls and activation evaluations of `train(configs)`, and no slope, loss, norm, count or update.

    Steps + 1 times: y^l = phi(y^(l-1) W^l) up, then dE/dW^l = y^(l-1)T delta^l and delta^(l-1) = delta^l W^lT down,
    every array (R, samples, units), made beforehand and written with `out=`.

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
    activation = {
        "tanh": np.tanh,
        "sigmoid": _logistic,
        "relu": lambda net, out: np.maximum(net, zeros, out=out),
    }[config.activation]
    W_T, y_T = [w.transpose(0, 2, 1) for w in W], [a.transpose(0, 2, 1) for a in y]
    delta[-1][:] = problem.D

    def run() -> None:
        for _ in range(config.steps + 1):
            for layer in range(layers):
                np.matmul(y[layer], W[layer], out=net[layer])
                if layer < layers - 1:
                    activation(net[layer], out=y[layer + 1])
            for layer in range(layers - 1, -1, -1):
                np.matmul(y_T[layer], delta[layer + 1], out=gradient[layer])
                if layer:
                    np.matmul(delta[layer + 1], W_T[layer], out=delta[layer])

    return run
