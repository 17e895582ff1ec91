"""Pascanu et al. 2013: a network whose gradients explode is trained once their global norm is clipped."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress, train
from ..trace import Trace
from ..wording import format_number
from .report import Result, Stages, in_kind, thinned

CONFIG = RunConfig(
    dataset="blobs",
    samples=512,
    noise=0.4,
    hidden=(64,) * 20,
    activation="relu",
    output_activation="softmax",
    loss="cross_entropy",
    init="normal",
    init_scale=2.5**0.5,
    learning_rate=0.05,
    batch_size=64,
    steps=300,
)
THRESHOLDS = (None, 10.0, 1.0, 0.1)
SEEDS = 6
POINTS = 150
EPOCH = 8  # batches of 64 in 512 samples: losses of batches are averaged over so many


def run(on_progress: Progress | None = None, executor: Executor | None = None, *, seeds: int = SEEDS) -> Result:
    """Loss over the steps, without clipping and with three thresholds.

    Args:
        on_progress, executor: as in `train`.
        seeds: networks of each arm.
    """
    stages = Stages(on_progress, [1])
    arms = {threshold: [_arm(threshold, seed) for seed in range(seeds)] for threshold in THRESHOLDS}
    flat = train([config for arm in arms.values() for config in arm], on_progress=stages.stage(0), executor=executor)
    traces = {threshold: flat[i * seeds : (i + 1) * seeds] for i, threshold in enumerate(THRESHOLDS)}
    norms = [trace.global_grad_norm[0] for trace in traces[None]]
    broke = [trace.diverged_at for trace in traces[None] if trace.diverged_at is not None]
    ended = f", {_span(broke)} steps in" if broke else ""
    ends = {threshold: [_end(trace) for trace in traces[threshold]] for threshold in THRESHOLDS[1:]}
    rows = [
        in_kind(
            "No clipping",
            "the gradient explodes and training fails",
            f"{len(broke)} of {seeds} runs diverge{ended}; norm {min(norms):.0f} to {max(norms):.0f} at step 0",
            len(broke) > seeds / 2,
            "most runs diverge",
        )
    ]
    for threshold in (10.0, 1.0):
        rows.append(
            in_kind(
                f"Clipped at {threshold:g}",
                "the network learns",
                f"loss {format_number(min(ends[threshold]))} to {format_number(max(ends[threshold]))} in the end",
                max(ends[threshold]) < 0.05,
                f"all {seeds} runs end below 0.05; a guess among ten classes has 2.30",
            )
        )
    rows.append(
        in_kind(
            "Clipped at 0.1",
            "too small a threshold only slows it down",
            f"loss {format_number(min(ends[0.1]))} to {format_number(max(ends[0.1]))} in the end",
            min(ends[0.1]) > 10 * max(ends[1.0]) and max(ends[0.1]) < 2.3,
            "above the losses at threshold 1, below that of a guess",
        )
    )
    series = {
        "thresholds": [threshold or 0 for threshold in THRESHOLDS],
        "step": thinned(flat[0].step, POINTS),
        "losses": [[thinned(_smooth(trace.loss), POINTS) for trace in traces[threshold]] for threshold in THRESHOLDS],
        "diverged_at": [trace.diverged_at for trace in traces[None]],
    }
    return Result(tuple(rows), series, stages.seconds)


def _arm(threshold: float | None, seed: int) -> RunConfig:
    if threshold is None:
        return CONFIG.replace(seed=seed)
    return CONFIG.replace(seed=seed, clip="global_norm", clip_threshold=threshold)


def _smooth(losses: np.ndarray) -> np.ndarray:
    """The mean of each loss and up to seven before it."""
    return np.array([losses[max(0, i + 1 - EPOCH) : i + 1].mean() for i in range(len(losses))])


def _end(trace: Trace) -> float:
    return float(_smooth(trace.loss)[-1])


def _span(steps: list[int]) -> str:
    low, high = min(steps), max(steps)
    return f"{low}" if low == high else f"{low} to {high}"
