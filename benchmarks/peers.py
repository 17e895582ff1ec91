"""The same runs in PyTorch and JAX, each written as fast as that library does it on one core, recording the same.

Each peer takes configs of plain gradient descent with mse and a linear output, and gives a function of no arguments
that trains them and returns the record: by name an array (R, rows) or (R, rows, layers), float64.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.problem import Problem
from core.config import RunConfig
from core.engine.batch import SATURATED
from core.families.activations import ACTIVATIONS

PeerRecord = dict[str, np.ndarray]
Peer = Callable[[Sequence[RunConfig]], Callable[[], PeerRecord]]

# |phi'| below its threshold, told from y alone, which saves a peer the slope: (y, threshold) -> mask
SATURATED_AT = {
    "tanh": lambda y, threshold: y * y > 1 - threshold,
    "sigmoid": lambda y, threshold: y * (1 - y) < threshold,
    "relu": lambda y, threshold: y <= 0,
}


def finish(record: PeerRecord, learning_rate: float) -> PeerRecord:
    """Adds what follows from the rest, and the zeros of a linear output, which is never saturated or dead."""
    ratio = learning_rate * record["grad_norm"] / record["weight_norm"]
    ratio[:, -1] = np.nan
    padded = {name: np.pad(record[name], ((0, 0), (0, 0), (0, 1))) for name in ("saturation", "dead")}
    return record | padded | {"update_ratio": ratio}


def torch_eager(configs: Sequence[RunConfig]) -> Callable[[], PeerRecord]:
    """One run after the other, as a practitioner's loop has it; gradients of nets by autograd.grad as well."""
    import torch

    torch.set_num_threads(1)
    config, problem = configs[0], Problem(configs)
    activation, rows = getattr(torch, config.activation), config.steps + 1
    threshold, saturated = SATURATED * ACTIVATIONS[config.activation].sup_slope, SATURATED_AT[config.activation]
    layers, samples = len(problem.weights), problem.samples
    names = ("grad_norm", "delta_norm", "weight_norm")

    def one(run: int, record: dict[str, torch.Tensor]) -> None:
        X, D = torch.from_numpy(problem.X[run]), torch.from_numpy(problem.D[run])
        W = [torch.tensor(w[run], requires_grad=True) for w in problem.weights]
        b = [torch.tensor(values[run], requires_grad=True) for values in problem.biases]
        parameters, classes = W + b, D > 0.5
        for row in range(rows):
            nets, y, ys = [], X, []
            for layer in range(layers):
                nets.append(torch.addmm(b[layer], y, W[layer]))
                y = activation(nets[-1]) if layer < layers - 1 else nets[-1]
                ys.append(y)
            loss = (y - D).square().sum() / samples
            gradients = torch.autograd.grad(loss, parameters + nets)
            with torch.no_grad():
                record["loss"][run, row] = loss
                record["accuracy"][run, row] = ((y > 0.5) == classes).sum() / samples
                for name, tensors in zip(names, (gradients[:layers], gradients[2 * layers :], W), strict=True):
                    torch.stack(torch._foreach_norm(tensors), out=record[name][run, row])
                counts = saturated(torch.stack(ys[:-1]), threshold).sum(dim=1)
                record["saturation"][run, row] = counts.sum(dim=1) / (samples * counts.shape[1])
                record["dead"][run, row] = (counts == samples).sum(dim=1) / counts.shape[1]
                if row < config.steps:
                    torch._foreach_add_(parameters, gradients[: 2 * layers], alpha=-config.learning_rate)

    def train() -> PeerRecord:
        record = _empty(torch, problem.runs, rows, layers)
        for run in range(problem.runs):
            one(run, record)
        return finish({name: values.numpy() for name, values in record.items()}, config.learning_rate)

    return train


def torch_stack(configs: Sequence[RunConfig]) -> Callable[[], PeerRecord]:
    """All runs at once by baddbmm: faster here than torch.func's vmap over runs."""
    import torch

    torch.set_num_threads(1)
    config, problem = configs[0], Problem(configs)
    activation, rows = getattr(torch, config.activation), config.steps + 1
    threshold, saturated = SATURATED * ACTIVATIONS[config.activation].sup_slope, SATURATED_AT[config.activation]
    layers, samples = len(problem.weights), problem.samples
    names = ("grad_norm", "delta_norm", "weight_norm")
    X, D = torch.from_numpy(problem.X), torch.from_numpy(problem.D)
    classes = D > 0.5

    def norms(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.stack([torch.linalg.vector_norm(tensor, dim=(1, 2)) for tensor in tensors], dim=1)

    def train() -> PeerRecord:
        record = _empty(torch, problem.runs, rows, layers)
        W = [torch.tensor(w, requires_grad=True) for w in problem.weights]
        b = [torch.tensor(values[:, None], requires_grad=True) for values in problem.biases]
        parameters = W + b
        for row in range(rows):
            nets, y, ys = [], X, []
            for layer in range(layers):
                nets.append(torch.baddbmm(b[layer], y, W[layer]))
                y = activation(nets[-1]) if layer < layers - 1 else nets[-1]
                ys.append(y)
            losses = (y - D).square().sum(dim=(1, 2)) / samples
            gradients = torch.autograd.grad(losses.sum(), parameters + nets)
            with torch.no_grad():
                record["loss"][:, row] = losses
                record["accuracy"][:, row] = ((y > 0.5) == classes).sum(dim=(1, 2)) / samples
                for name, tensors in zip(names, (gradients[:layers], gradients[2 * layers :], W), strict=True):
                    record[name][:, row] = norms(tensors)
                counts = saturated(torch.stack(ys[:-1]), threshold).sum(dim=2)
                record["saturation"][:, row] = (counts.sum(dim=2) / (samples * counts.shape[2])).T
                record["dead"][:, row] = ((counts == samples).sum(dim=2) / counts.shape[2]).T
                if row < config.steps:
                    torch._foreach_add_(parameters, gradients[: 2 * layers], alpha=-config.learning_rate)
        return finish({name: values.numpy() for name, values in record.items()}, config.learning_rate)

    return train


def _empty(torch, runs: int, rows: int, layers: int) -> dict[str, object]:
    """A record to fill: hidden layers only for the shares."""
    of_rows = {name: torch.empty(runs, rows, dtype=torch.float64) for name in ("loss", "accuracy")}
    of_layers = {"grad_norm": layers, "delta_norm": layers, "weight_norm": layers, "saturation": layers - 1}
    of_layers["dead"] = layers - 1
    return of_rows | {name: torch.empty(runs, rows, n, dtype=torch.float64) for name, n in of_layers.items()}


class JaxPeer:
    """jit of a scan over steps, vmap over runs; compiled beforehand, its compilation timed."""

    def __init__(self, configs: Sequence[RunConfig]):
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax, self.config, self.problem = jax, configs[0], Problem(configs)
        self.compiled = self.compile()

    def compile(self):
        """Traces and compiles from nothing."""
        return self.jax.jit(self._program()).lower(*self._arguments()).compile()

    def __call__(self) -> PeerRecord:
        record = self.jax.block_until_ready(self.compiled(*self._arguments()))
        return finish({name: np.asarray(values) for name, values in record.items()}, self.config.learning_rate)

    def _arguments(self):
        problem = self.problem
        arguments = (list(zip(problem.weights, problem.biases, strict=True)), problem.X, problem.D)
        return self.jax.tree.map(lambda a: a[0], arguments) if problem.runs == 1 else arguments

    def _program(self):
        jax, np, config = self.jax, self.jax.numpy, self.config
        phi = {"tanh": np.tanh, "sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}[config.activation]
        threshold, saturated = SATURATED * ACTIVATIONS[config.activation].sup_slope, SATURATED_AT[config.activation]
        samples, rate = self.problem.samples, config.learning_rate

        def forward(parameters, probes, X, D):
            """The gradient of a zero added to net is delta."""
            y, ys = X, []
            for layer, ((W, b), probe) in enumerate(zip(parameters, probes, strict=True)):
                net = y @ W + b + probe
                y = phi(net) if layer < len(parameters) - 1 else net
                ys.append(y)
            return np.sum((y - D) ** 2) / samples, ys

        def norms(arrays):
            return np.stack([np.sqrt(np.sum(a * a)) for a in arrays])

        def one(parameters, X, D):
            probes = [np.zeros((samples, W.shape[1])) for W, _ in parameters]

            def step(parameters, _):
                (loss, ys), (gradients, deltas) = jax.value_and_grad(forward, (0, 1), has_aux=True)(
                    parameters, probes, X, D
                )
                counts = [saturated(y, threshold).sum(axis=0) for y in ys[:-1]]
                row = {
                    "loss": loss,
                    "accuracy": np.mean((ys[-1] > 0.5) == (D > 0.5)),
                    "grad_norm": norms([W for W, _ in gradients]),
                    "delta_norm": norms(deltas),
                    "weight_norm": norms([W for W, _ in parameters]),
                    "saturation": np.stack([np.mean(c) for c in counts]) / samples,
                    "dead": np.stack([np.mean(c == samples) for c in counts]),
                }
                return jax.tree.map(lambda w, g: w - rate * g, parameters, gradients), row

            return jax.lax.scan(step, parameters, None, length=config.steps + 1)[1]

        if self.problem.runs > 1:
            return jax.vmap(one)
        return lambda *arguments: jax.tree.map(lambda a: a[None], one(*arguments))


def compile_seconds(peer: JaxPeer) -> float:
    """Processor seconds of one compilation, the median of three."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        peer.compile()
        seconds.append(time.process_time() - start)
    return sorted(seconds)[1]


PEERS: dict[str, Peer] = {"torch eager": torch_eager, "torch stack": torch_stack, "jax": JaxPeer}


def largest_difference(record: PeerRecord, traces: Sequence[object]) -> float:
    """The largest relative difference of any recorded number from the engine's."""
    largest = 0.0
    for name, values in record.items():
        ours = np.stack([getattr(trace, name) for trace in traces])
        if values.shape != ours.shape or not np.array_equal(np.isnan(values), np.isnan(ours)):
            return math.inf
        scale = np.where(ours == 0, 1, np.abs(ours))
        largest = max(largest, float(np.nanmax(np.abs(values - ours) / scale)))
    return largest
