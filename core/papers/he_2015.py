"""He et al. 2015, figures 2 and 3: 22 and 30 ReLU layers, from He's init and from Xavier's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress, train
from ..trace import Trace
from .entry import CHECKED, Formula, Paper
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
# Long enough for learning to start. Where a chaotic run ends depends on the processor's rounding; its start does not.
STEPS = {22: {"He": 200, "Xavier": 1500}, 30: {"He": 300, "Xavier": 2500}}
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
    traces = dict(zip(keys, train(configs, on_progress=stages.stage(0), executor=executor), strict=True))

    def of(depth: int, init: str) -> list[Trace]:
        return [traces[depth, init, seed] for seed in range(seeds)]

    guess = math.log(CLASSES)
    starts = {key: first_below(trace.step, trace.loss, 1, EPOCH) for key, trace in traces.items()}
    first = {(depth, init): [starts[depth, init, seed] for seed in range(seeds)] for depth in steps for init in SCALES}
    he22, xavier22 = (first[22, init] for init in SCALES)
    early = min(EARLY, steps[30]["Xavier"])
    stalled = np.array([_loss(trace, early) for trace in of(30, "Xavier")])
    norm = {init: np.median([trace.grad_norm[0, 0] for trace in of(30, init)]) for init in SCALES}
    late = first[30, "Xavier"]
    rows = (
        in_kind(
            "22 layers",
            "both inits converge",
            f"loss below 1 at step {_span(he22)} from He's, {_span(xavier22)} from Xavier's",
            None not in he22 and None not in xavier22,
            "the loss of every network falls below 1 (a guess has 2.30)",
        ),
        in_kind(
            "22 layers: the init that learns first",
            "He's init",
            "He's" if _is_first(he22, xavier22) else "neither or Xavier's",
            _is_first(he22, xavier22),
            "every network from He's init before any from Xavier's",
        ),
        in_kind(
            "30 layers from He's init",
            "converges",
            f"loss below 1 at step {_span(first[30, 'He'])}",
            None not in first[30, "He"],
            f"the loss of every network falls below 1 within {steps[30]['He']} steps",
        ),
        near(
            f"30 layers from Xavier's init: loss after {early} steps, against a guess among ten classes",
            guess,
            float(stalled.mean()),
            0.02,
            "what a guess is worth, ln 10, to 1 %: nothing has been learned",
            against="theory",
        ),
        near(
            "30 layers: log₁₀ of the first layer's gradient norm, Xavier's over He's",
            -30 / 2 * math.log10(2),
            math.log10(norm["Xavier"] / norm["He"]),
            0.8,
            "each of 30 ReLU layers halves the square from Xavier's init and keeps it from He's; errors at the output "
            "differ by a factor of a few",
            against="theory",
        ),
        in_kind(
            "30 layers from Xavier's init, for longer",
            "completely stalls",
            "stays there" if late == [None] * seeds else f"loss below 1 at step {_span(late)}: a long plateau",
            late == [None] * seeds,
            f"no network learns within {steps[30]['Xavier']:,} steps",
        ),
    )
    series: dict[str, Any] = {"depths": list(steps), "inits": list(SCALES), "guess": guess, "curves": []}
    for depth in steps:
        for init in SCALES:
            runs = of(depth, init)
            smooth = [np.convolve(trace.loss, np.ones(EPOCH) / EPOCH, "valid") for trace in runs]
            curve = {"depth": depth, "init": init, "step": thinned(runs[0].step[EPOCH - 1 :])}
            series["curves"].append(curve | {"losses": [thinned(losses) for losses in smooth]})
    return Result(rows=rows, series=series, seconds=stages.seconds)


def _loss(trace: Trace, step: int) -> float:
    """The mean loss over the epoch that ends at a step."""
    row = int(np.searchsorted(trace.step, step))
    return float(trace.loss[max(0, row + 1 - EPOCH) : row + 1].mean())


def _is_first(ours: list[int | None], others: list[int | None]) -> bool:
    """True when every network of `ours` learns, and before any of `others`."""
    first = [math.inf if step is None else step for step in others]
    return all(step is not None and step < min(first) for step in ours)


def _span(steps: list[int | None]) -> str:
    known = [step for step in steps if step is not None]
    words = f"{min(known):,} to {max(known):,}" if known else "none"
    return words if len(known) == len(steps) else f"{words} (only {len(known)} of {len(steps)} networks)"


PAPER = Paper(
    name="he_2015",
    label="He et al. 2015",
    subject="An init for ReLU, and 30 layers that stall without it",
    title="Delving deep into rectifiers",
    authors="Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun",
    year=2015,
    link="https://arxiv.org/abs/1502.01852",
    claims=(
        ("With 22 layers both inits converge, and He’s starts to reduce the error earlier (fig. 2).", CHECKED),
        (
            "With 30 layers Xavier’s completely stalls the learning, its gradients diminish; He’s converges (fig. 3).",
            CHECKED,
        ),
    ),
    settings=(
        "ReLU, 20 inputs, 22 or 30 hidden layers of 100 units, 10 softmax outputs, zero biases, cross-entropy",
        "weights N(0, 2/fan_in) (He) or N(0, 1/fan_in) (Xavier, equal widths)",
        "512 samples in ten blobs (noise 0.4); SGD, learning rate 0.02, batches of 64; 3 networks of each",
    ),
    caveat="The paper trains convolutional networks on ImageNet for many epochs. This task is far easier, and "
    "networks are fully connected. Late in training these runs are chaotic, and their loss there depends on the "
    "processor’s rounding; the step at which learning starts does not.",
    formulas=(
        Formula(
            latex=r"\mathbb E\,\lVert\delta^l\rVert^2 = \tfrac12\, \sigma_w^2\; "
            r"\mathbb E\,\lVert\delta^{l+1}\rVert^2",
            symbols=r"$\delta^l = \partial E / \partial z^l$; ReLU passes half of the square on, so that "
            r"$\sigma_w^2 = 2$ keeps its level and $\sigma_w^2 = 1$ halves it in every layer: "
            r"$2^{-30} = 10^{-9}$ after 30.",
            source="He et al. 2015, section 2.2",
        ),
    ),
    networks=tuple((f"30 layers, {name}", CONFIG.replace(init_scale=scale)) for name, scale in SCALES.items()),
    own_data=False,
    run=run,
)
