"""He et al. 2015, figures 2 and 3: 22 and 30 ReLU layers, from He's init and from Xavier's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Executor

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress, train
from ..trace import Trace
from ..wording import format_number
from .report import Result, Stages, first_below, in_kind, near, thinned

CLASSES = 10
CONFIG = RunConfig(
    dataset="blobs",
    samples=512,
    noise=0.4,
    hidden=(100,) * 30,
    activation="relu",
    output_activation="softmax",
    loss="cross_entropy",
    init="normal",
    init_scale=math.sqrt(2),
    learning_rate=0.02,
    batch_size=64,
    steps=500,
)
SCALES = {"He": math.sqrt(2), "Xavier": 1.0}
STEPS = {22: {"He": 500, "Xavier": 1500}, 30: {"He": 1000, "Xavier": 2500}}
EARLY = 500  # the step at which the stall is read
SEEDS = 3
EPOCH = 8  # batches of 64 in 512 samples


def run(
    on_progress: Progress | None = None,
    executor: Executor | None = None,
    *,
    steps: Mapping[int, Mapping[str, int]] = STEPS,
    width: int = 100,
    seeds: int = SEEDS,
) -> Result:
    """Loss over the steps of both depths from both inits.

    Args:
        on_progress, executor: as in `train`; with a process for each core it takes half the time.
        steps: by depth and init.
        width: units of a hidden layer.
        seeds: networks of each.
    """
    stages = Stages(on_progress, [1])
    keys = [(depth, init, seed) for depth in steps for init in SCALES for seed in range(seeds)]
    configs = [
        CONFIG.replace(hidden=(width,) * depth, init_scale=SCALES[init], steps=steps[depth][init], seed=seed)
        for depth, init, seed in keys
    ]
    found = dict(zip(keys, train(configs, on_progress=stages.stage(0), executor=executor), strict=True))

    def of(depth: int, init: str) -> list[Trace]:
        return [found[depth, init, seed] for seed in range(seeds)]

    guess = math.log(CLASSES)
    starts = {key: first_below(trace.step, trace.loss, 1, EPOCH) for key, trace in found.items()}
    he22, xavier22 = ([starts[22, init, seed] for seed in range(seeds)] for init in SCALES)
    early = min(EARLY, steps[30]["Xavier"])
    stalled = np.array([_loss(trace, early) for trace in of(30, "Xavier")])
    first = {init: np.median([trace.grad_norm[0, 0] for trace in of(30, init)]) for init in SCALES}
    left = [starts[30, "Xavier", seed] for seed in range(seeds)]
    rows = (
        in_kind(
            "22 layers",
            "both inits converge",
            f"loss after the run: He {_most(of(22, 'He'))}, Xavier {_most(of(22, 'Xavier'))}",
            None not in he22 and None not in xavier22,
            "every network's loss falls below 1 (a guess has 2.30)",
        ),
        in_kind(
            "22 layers: who starts to learn first",
            "He's init",
            f"loss below 1 at step {_span(he22)} from He's, {_span(xavier22)} from Xavier's",
            None not in he22 and (None in xavier22 or max(he22) < min(xavier22)),
            "every network from He's init before any from Xavier's",
        ),
        in_kind(
            "30 layers from He's init",
            "converges",
            f"loss after {steps[30]['He']:,} steps {_most(of(30, 'He'))}",
            all(_loss(trace, steps[30]["He"]) < 0.1 for trace in of(30, "He")),
            "every network below 0.1",
        ),
        near(
            f"30 layers from Xavier's init: loss after {early} steps, against a guess among ten classes",
            guess,
            float(stalled.mean()),
            0.02,
            "“completely stalls”: what a guess is worth, ln 10, to 1 %",
        ),
        near(
            "30 layers: log₁₀ of the first layer's gradient norm, Xavier's over He's",
            -30 / 2 * math.log10(2),
            math.log10(first["Xavier"] / first["He"]),
            0.8,
            "each of 30 ReLU layers halves the square from Xavier's init and keeps it from He's; errors at the output "
            "differ by a factor of a few",
            "theory",
        ),
        in_kind(
            "30 layers from Xavier's init, for longer",
            "completely stalls",
            "stays there" if left == [None] * seeds else f"loss below 1 at step {_span(left)}: a long plateau",
            left == [None] * seeds,
            f"no network learns within {steps[30]['Xavier']:,} steps",
        ),
    )
    series = {"depths": list(steps), "inits": list(SCALES), "guess": guess, "curves": []}
    for depth in steps:
        for init in SCALES:
            traces = of(depth, init)
            smooth = [np.convolve(trace.loss, np.ones(EPOCH) / EPOCH, "valid") for trace in traces]
            curve = {"depth": depth, "init": init, "step": thinned(traces[0].step[EPOCH - 1 :])}
            series["curves"].append(curve | {"losses": [thinned(losses) for losses in smooth]})
    return Result(rows, series, stages.seconds)


def _loss(trace: Trace, step: int) -> float:
    """The mean over the epoch that ends at a step."""
    row = int(np.searchsorted(trace.step, step))
    return float(trace.loss[max(0, row + 1 - EPOCH) : row + 1].mean())


def _most(traces: list[Trace]) -> str:
    return f"{format_number(max(_loss(trace, trace.config.steps) for trace in traces))} or less"


def _span(steps: list[int | None]) -> str:
    known = [step for step in steps if step is not None]
    words = f"{min(known):,} to {max(known):,}" if known else "none"
    return words if len(known) == len(steps) else f"{words} (only {len(known)} of {len(steps)} networks)"
