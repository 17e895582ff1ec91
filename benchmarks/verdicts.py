"""Verdicts of random runs and of reported failures, held against numbers computed on their own.

python -m benchmarks.verdicts [--runs 300] [--first-seed 0]
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from core import RunConfig, Trace, diagnose, train
from core.data.datasets import load
from core.engine.training import evaluate
from core.families.activations import ACTIVATIONS
from tests.support.failures import random_config

SEEDS = range(100, 108)
RATIO = re.compile(r"(layer 1 gets|the gradient of layer 1's weights is) (\S+) times .*?layer (\d+)")
GRADIENT_VERDICTS = ("vanishing", "exploding", "underflow", "saturated", "stuck", "small_steps")

ZERO = RunConfig(hidden=(10,), init_scale=0.0, steps=100)
BATCHED = RunConfig(activation="tanh", init="glorot_normal", hidden=(32,) * 4, batch_size=32, learning_rate=0.05)
XOR = RunConfig(dataset="xor", samples=64, init="glorot_normal", steps=1000, record_every=10)
RESIDUAL = RunConfig(activation="tanh", residual=True, hidden=(32,) * 20, learning_rate=0.05)
SMOOTH = ("sigmoid", "tanh", "elu", "selu", "gelu", "silu", "softplus", "leaky_relu", "relu")

# What each reported failure is: its config, and the verdicts that are true of it.
REPORTED: tuple[tuple[RunConfig, tuple[str, ...]], ...] = (
    *((ZERO.replace(activation=name), ("identical_units",)) for name in SMOOTH),
    (RunConfig(hidden=(10,) * 4, activation="leaky_relu", init_scale=0.0), ("identical_units",)),
    (BATCHED.replace(weight_decay=1.0), ("penalty",)),
    (BATCHED.replace(batch_size=8, weight_decay=1.0), ("penalty",)),
    (BATCHED.replace(l2=0.3), ("penalty",)),
    (BATCHED.replace(normalization="batch", batch_size=1), ("degenerate_normalization",)),
    (BATCHED.replace(normalization="layer", hidden=(8, 1, 8), batch_size=None), ("degenerate_normalization",)),
    (RESIDUAL, ("diverged", "exploding", "large_steps")),
    (RESIDUAL.replace(activation="relu", init="he_normal"), ("diverged", "exploding", "large_steps")),
    (
        RunConfig(dataset="sine", activation="relu", init="he_normal", hidden=(16,), learning_rate=3.0),
        ("diverged", "dead"),
    ),
    (
        RunConfig(dataset="diabetes", scaling="none", activation="relu", init="he_normal", hidden=(16, 16)),
        ("unscaled_data",),
    ),
    (
        RunConfig(
            dataset="wine", scaling="none", samples=150, hidden=(16,), loss="cross_entropy", output_activation="softmax"
        ),
        ("unscaled_data",),
    ),
)


def wild_config(seed: int) -> RunConfig:
    """A random run with less usual choices: deep, narrow, in float32, without biases, a bounded output, few steps."""
    rng, config = np.random.default_rng([seed, 78]), random_config(seed)
    changes: dict[str, object] = {}
    if rng.random() < 0.5:
        depth = int(rng.integers(1, 60))
        changes["hidden"] = tuple(int(width) for width in rng.choice([1, 2, 3, 5, 8, 16, 32], depth))
    if rng.random() < 0.3:
        changes["dtype"] = "float32"
    if rng.random() < 0.3:
        changes["bias"] = False
    elif rng.random() < 0.3:
        changes["bias_std"] = float(rng.choice([0.05, 0.5, 3.0]))
    if rng.random() < 0.3:
        changes["holdout"] = 0.25
    if rng.random() < 0.3:
        changes["steps"] = int(rng.choice([0, 1, 5, 30, 600]))
        changes["record_every"] = int(rng.choice([1, 7]))
    if config.loss == "mse" and rng.random() < 0.3:
        changes["output_activation"] = str(rng.choice(["tanh", "sigmoid", "softplus"]))
    if rng.random() < 0.2:
        changes["init_scale"] = float(rng.choice([0.0, 1e-3, 20.0, 1e3]))
    if config.batch_size and config.batch_size > 40:
        changes["batch_size"] = None
    return config.replace(**changes)


def final_result(trace: Trace) -> tuple[float, float, float, float]:
    """Loss and accuracy (NaN in a regression) on all training samples at the end, and a constant answer's."""
    config = trace.config
    parts = load(config.dataset, config.samples, config.noise, config.holdout, config.seed, config.scaling)
    o, D = evaluate(config, trace.weights, parts.X), parts.D
    mean = D.mean(axis=0)

    def loss(outputs):
        with np.errstate(all="ignore"):
            if config.loss == "mse":
                return ((outputs - D) ** 2).sum(axis=1).mean()
            both = D * np.log(outputs) + ((1 - D) * np.log(1 - outputs) if config.loss == "bce" else 0)
        return -np.nansum(both, axis=1).mean()

    if trace.task == "regression":
        accuracy = majority = np.nan
    elif D.shape[1] == 1:
        accuracy, majority = ((o > 0.5) == D).mean(), max(mean[0], 1 - mean[0])
    else:
        accuracy, majority = (o.argmax(axis=1) == D.argmax(axis=1)).mean(), mean.max()
    return loss(o), accuracy, loss(np.broadcast_to(mean, D.shape)), majority


def longdouble_delta(trace: Trace) -> list[float]:
    """log10 of the largest |dE/dnet| by layer at initialization in extended precision, which ends near 1e-4932."""
    config = trace.config.replace(steps=0, dtype="float64")
    (start,) = train([config])
    parts = load(config.dataset, config.samples, config.noise, config.holdout, config.seed, config.scaling)
    y, slopes = parts.X.astype(np.longdouble), []
    activation = ACTIVATIONS[config.activation]
    for index, (W, b) in enumerate(start.weights):
        net = y @ W.astype(np.longdouble) + (0 if b is None else b)
        if index == len(start.weights) - 1:
            break
        small = np.abs(net) < 1e-150
        value, slope = activation.evaluate(net.astype(float))
        at_zero = activation.evaluate(np.array([-1e-6, 1e-6]))[1]
        y = np.where(small & (activation.evaluate(np.zeros(1))[0] == 0), net * np.where(net < 0, *at_zero), value)
        slopes.append(slope.astype(np.longdouble))
    delta = np.ones_like(net) / len(net)
    norms = [float(np.log10(np.abs(delta).max()))]
    for (W, _), slope in zip(start.weights[:0:-1], slopes[::-1], strict=True):
        delta = (delta @ W.T.astype(np.longdouble)) * slope
        largest = np.abs(delta).max()
        norms.append(float(np.log10(largest)) if largest > 0 else -np.inf)
    return norms[::-1]


def violations(trace: Trace) -> Iterator[str]:
    """Statements of a diagnosis that an independent number contradicts."""
    diagnosis, config = diagnose(trace), trace.config
    verdict = diagnosis.verdict
    names = [finding.name for finding in diagnosis.findings]
    text = " ".join(f"{finding.what} {finding.why}" for finding in diagnosis.findings)
    diverged = trace.diverged_at is not None
    if ("diverged" in names) != diverged:
        yield "divergence is not said"
    if "error is zero" in text and trace.loss[0] > 0:
        yield "an error of zero that is none"
    if verdict == "unscaled_data" and config.scaling == "standard":
        yield "unscaled data that are scaled"
    if not diverged and config.steps:
        loss, accuracy, constant, majority = final_result(trace)
        progress = 1 - loss / min(constant, trace.loss[0] if config.batch_size is None else np.inf)
        if verdict == "healthy" and progress < 0.05:
            yield f"healthy with the loss at {1 - progress:.2f} of a constant answer's"
        if verdict == "healthy" and accuracy <= majority + 0.02:
            yield f"healthy at accuracy {accuracy:.2f}, majority {majority:.2f}"
        if verdict in GRADIENT_VERDICTS and accuracy >= 0.995 and loss <= 0.1 * constant:
            yield f"{verdict} at accuracy {accuracy:.2f} and {loss / constant:.3f} of a constant answer's loss"
        if verdict == "stuck" and accuracy >= 0.95:
            yield f"stuck at accuracy {accuracy:.2f}"
        if verdict in ("vanishing", "exploding") and len(config.hidden) < 2:
            yield f"{verdict} in {len(config.hidden)} hidden layers"
    if "underflow" in names:
        exact = longdouble_delta(trace)
        if not np.isfinite(exact).all():
            yield "underflow where the exact number is zero"
    for finding in diagnosis.findings:
        for subject, quoted, last in RATIO.findall(finding.what):
            norms = trace.delta_norm if "gets" in subject else trace.grad_norm
            row = 0 if "At initialization" in finding.what else None
            if row is None:
                step = int(re.search(r"After ([\d,]+) step", finding.what)[1].replace(",", ""))
                row = int(np.flatnonzero(trace.step == step)[0])
            with np.errstate(all="ignore"):
                decades = np.log10(norms[row, 0]) - np.log10(norms[row, int(last) - 1])
            said = float(quoted.replace(",", ""))
            if not abs((np.log10(said) if said else -np.inf) - decades) < 0.03 and said != 0:
                yield f"quoted {quoted}, measured 10^{decades:.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    began, verdicts, found = time.monotonic(), Counter(), defaultdict(list)
    for config, expected in REPORTED:
        said = [diagnose(trace).verdict for trace in train([config.replace(seed=seed) for seed in SEEDS])]
        wrong = [verdict for verdict in said if verdict not in expected]
        if wrong:
            print(f"{Counter(said)} where {' or '.join(expected)} is true: {config}")
    for units in (2, 3):
        for activation in ("tanh", "relu", "sigmoid", "gelu"):
            for rate in (0.1, 0.5):
                config = XOR.replace(hidden=(units,), activation=activation, learning_rate=rate)
                for trace in train([config.replace(seed=seed) for seed in range(100, 124)]):
                    accuracy = final_result(trace)[1]
                    verdict = diagnose(trace).verdict
                    verdicts["xor " + ("solved " if accuracy >= 0.95 else "failed ") + verdict] += 1
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.runs):
        (trace,) = train([random_config(seed) if seed % 2 else wild_config(seed)])
        verdicts[diagnose(trace).verdict] += 1
        for violation in violations(trace):
            found[re.sub(r"[-\d.]+", "#", violation)].append((seed, violation))
    print(verdicts)
    for kind, cases in sorted(found.items(), key=lambda pair: -len(pair[1])):
        print(f"{len(cases):4} of {arguments.runs}: {kind}; seeds {cases[:6]}")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
