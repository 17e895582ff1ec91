"""A prediction beside the engine's pass of as many networks: processor and clock time, and the ratio of both.

Run with `.venv/bin/python -m benchmarks.prediction` from the project's root. Both take turns, on data that no turn
before had; medians are printed. The engine passes all samples through 160 networks, the fewest that a prediction draws.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from core import RunConfig, train
from core.engine.training import checked_data
from core.theory import predict
from core.theory.prediction import MIN_NETWORKS

TURNS = 5
CONFIGS = {
    "as the Lab opens": RunConfig(),
    "ReLU 24 x 32": RunConfig(hidden=(32,) * 24, activation="relu", init="he_normal"),
    "sigmoid 24 x 32": RunConfig(hidden=(32,) * 24, init="glorot_normal"),
    "GELU 24 x 32": RunConfig(hidden=(32,) * 24, activation="gelu", init="he_normal"),
    "tanh 24 x 32": RunConfig(hidden=(32,) * 24, activation="tanh", init="glorot_normal"),
    "ReLU 20 x 128": RunConfig(hidden=(128,) * 20, activation="relu", init="he_normal"),
    "tanh 30 x 128": RunConfig(hidden=(128,) * 30, activation="tanh", init="normal"),
    "tanh 30 x 128, chaotic": RunConfig(hidden=(128,) * 30, activation="tanh", init="normal", init_scale=2.0),
    "GELU 35 x 80": RunConfig(hidden=(80,) * 35, activation="gelu", init="glorot_uniform", init_scale=0.67),
    "ReLU 30 x 64, layer": RunConfig(hidden=(64,) * 30, activation="relu", init="he_normal", normalization="layer"),
    "ReLU 20 x 64, batch": RunConfig(hidden=(64,) * 20, activation="relu", init="he_normal", normalization="batch"),
}


def draw(config: RunConfig) -> None:
    """Passes networks of a config through the engine."""
    data = checked_data(config, None)
    runs = [config.replace(seed=seed, dataset="custom") for seed in range(MIN_NETWORKS)]
    train(runs, data=(data.X, data.D))


def seconds(work: Callable[[RunConfig], object], config: RunConfig) -> tuple[float, float]:
    """Of the processor and of the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    work(config)
    return time.process_time() - processor, time.perf_counter() - clock


def main():
    print("ms of the processor, of the clock; ratio to the engine's of the processor")
    for name, config in CONFIGS.items():
        turns = [config.replace(steps=0, seed=seed) for seed in range(TURNS + 1)]
        predict(turns[0])
        found = [(*seconds(predict, turn), *seconds(draw, turn)) for turn in turns[1:]]
        processor, clock, engine, _ = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name:24} {processor * 1e3:6.0f} {clock * 1e3:6.0f}   {processor / engine:.3f}", flush=True)


if __name__ == "__main__":
    main()
