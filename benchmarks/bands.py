"""Predicted bands against networks of the engine: random configs, what they cover, how wide they are, their medians.

python -m benchmarks.bands [--configs 30] [--networks 300] [--first-seed 0]
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np

from core import RunConfig, train
from core.data.datasets import DATASETS
from core.data.targets import TASKS
from core.engine.training import checked_data
from core.families.activations import ACTIVATIONS
from core.families.initializers import INITS
from core.theory import predict

_DATASETS = ("circles", "moons", "xor", "spirals", "blobs", "sine", "gaussian", "iris", "wine", "diabetes")


def random_config(seed: int) -> RunConfig:
    """Any init, activation, dataset and loss, 2 to 40 layers of 8 to 128 units, on the data of that seed."""
    rng = np.random.default_rng([seed, 79])
    dataset = str(rng.choice(_DATASETS))
    loss, output = TASKS[DATASETS[dataset].task] if rng.random() < 0.7 else ("mse", "linear")
    init = str(rng.choice(list(INITS)))
    width, depth = int(np.exp(rng.uniform(np.log(8), np.log(128)))), int(np.exp(rng.uniform(np.log(2), np.log(40))))
    scale = float(rng.choice([0.7, 1.0, 1.0, 1.5]))
    return RunConfig(
        dataset=dataset,
        samples=int(rng.choice([32, 64, 128])),
        hidden=(width,) * depth,
        activation=str(rng.choice(list(ACTIVATIONS))),
        output_activation=output,
        loss=loss,
        init=init,
        init_scale=scale / np.sqrt(width) if init == "fixed_normal" else scale,
        bias_std=float(rng.choice([0.0, 0.0, 0.1])),
        steps=0,
        seed=10_000 + seed,
    )


COVERED, WIDTH, OFF = 0.92, 1.3, 1.25  # bounds: in the band at every layer, width over the real one, median's factor
N_ERRORS = 2  # of a measurement with so many networks, beyond which a bound is clearly missed
QUANTILE_DENSITY = 0.0584  # of the normal distribution at its quantiles of 0.025 and 0.975, 3.92 deviations apart


def measure(config: RunConfig, networks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """By layer: share in the band, width of the band over the real one, ln of the median's ratio, and its error."""
    found, data = predict(config), checked_data(config, None)
    runs = [config.replace(seed=seed, dataset="custom") for seed in range(networks)]
    norms = np.array([trace.grad_norm[0] for trace in train(runs, data=(data.X, data.D))])
    covered = ((norms >= found.low) & (norms <= found.high)).mean(axis=0)
    with np.errstate(all="ignore"):
        logs = np.log(norms)
        low, high = np.quantile(logs, (0.025, 0.975), axis=0)
        width = np.log(found.high / found.low) / (high - low)
        off = np.abs(np.log(found.median) - np.median(logs, axis=0))
        error = 1.25 * logs.std(axis=0) / np.sqrt(networks)
    return covered, width, off, error


def describe_misses(values: np.ndarray, excess: np.ndarray) -> str:
    """The range of a quantity over configs, and how many miss its bound.

    Args:
        values: (configs,) the worst layer of each.
        excess: (configs,) by how much it misses the bound, in errors of its measurement.
    """
    ends = f"{values.min():.3g} to {values.max():.3g}, median {np.median(values):.3g}"
    return f"{ends}; {np.sum(excess > 0)} miss the bound, {np.sum(excess > N_ERRORS)} by more than {N_ERRORS} errors"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", type=int, default=30)
    parser.add_argument("--networks", type=int, default=300)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    root, began, rows = math.sqrt(arguments.networks), time.monotonic(), []
    share_error = math.sqrt(COVERED * (1 - COVERED)) / root
    width_error = WIDTH * math.sqrt(2 * 0.025 * 0.975) / QUANTILE_DENSITY / 3.92 / root
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.configs):
        config = random_config(seed)
        covered, width, off, error = measure(config, arguments.networks)
        layer = int(np.nanargmax(off))
        widest, factor = float(np.nanmax(width)), float(np.exp(off[layer]))
        missed = np.nanmax((off - math.log(OFF)) / error)
        rows.append((covered.mean(), covered.min(), widest, factor, missed))
        print(
            f"{seed:4} {config.activation:10} {config.init:14} {len(config.hidden):3} x {config.hidden[0]:3} "
            f"{config.loss:13} {config.dataset:10} worst {covered.min():.1%}, mean {covered.mean():.1%}, width up to "
            f"{widest:.2f}, median off by {factor:.2f} (2 errors: {np.exp(2 * error[layer]):.2f})"
        )
    means, worst, widths, factors, missed = np.array(rows).T
    print(f"{len(rows)} configs, {arguments.networks} networks each, {time.monotonic() - began:.0f} s")
    print(f"mean coverage {means.mean():.1%} (of a config {means.min():.1%} to {means.max():.1%})")
    print(f"coverage of the worst layer: {describe_misses(worst, (COVERED - worst) / share_error)}")
    print(f"width of the band over the real one: {describe_misses(widths, (widths - WIDTH) / width_error)}")
    print(f"median off by a factor of: {describe_misses(factors, missed)}")


if __name__ == "__main__":
    main()
