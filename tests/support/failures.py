"""Random runs of many kinds, of which those that fail are what suggestions are for."""

from collections.abc import Iterator

import numpy as np

from core import RunConfig, Trace, train
from core.data.datasets import DATASETS
from core.data.targets import TASKS
from core.diagnosis.statistics import TraceStats

_DATASETS = ("circles", "moons", "xor", "spirals", "blobs", "sine", "iris", "wine", "diabetes")
_ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus")
_INITS = (
    "normal",
    "normal",
    "glorot_normal",
    "he_normal",
    "lecun_normal",
    "glorot_uniform",
    "he_uniform",
    "orthogonal",
)


def random_config(seed: int) -> RunConfig:
    """A network that somebody might try: ordinary in most choices, and often wrong in one or two."""
    rng = np.random.default_rng([seed, 77])

    def pick(values):
        return values[rng.integers(len(values))]

    def sometimes(chance, value, other):
        return value if rng.random() < chance else other

    dataset = pick(_DATASETS)
    task = DATASETS[dataset].task
    loss, output = TASKS[task] if rng.random() < 0.7 else ("mse", "linear")
    if loss == "mse":
        output = sometimes(0.15, "relu", "linear")
    optimizer = pick(("sgd", "sgd", "momentum", "rmsprop", "adam", "adam"))
    rate = 10 ** rng.uniform(-4, 0.3) * (1 if optimizer in ("sgd", "momentum") else 0.3)
    depth, width = pick((1, 1, 2, 3, 5, 8, 12, 20)), pick((2, 3, 4, 8, 16, 32))
    penalty = sometimes(0.2, pick(("l1", "l2", "weight_decay")), None)
    return RunConfig(
        dataset=dataset,
        samples=pick((64, 128)),
        scaling=sometimes(0.1, "none", "standard"),
        hidden=(width,) * depth,
        activation=pick(_ACTIVATIONS),
        output_activation=output,
        loss=loss,
        residual=rng.random() < 0.15,
        normalization=sometimes(0.15, pick(("batch", "layer")), "none"),
        init=pick(_INITS),
        init_scale=sometimes(0.5, 1.0, float(f"{10 ** rng.uniform(-1, 0.7):.2g}")),
        optimizer=optimizer,
        learning_rate=float(f"{rate:.2g}"),
        batch_size=sometimes(0.3, pick((1, 8, 32)), None),
        clip=sometimes(0.15, pick(("value", "global_norm", "adaptive")), "none"),
        clip_threshold=float(f"{10 ** rng.uniform(-3, 0.5):.2g}"),
        steps=200,
        seed=seed,
        **({penalty: float(f"{10 ** rng.uniform(-3, 0.5):.2g}")} if penalty else {}),
    )


def failing_runs(count: int, first_seed: int = 0) -> Iterator[Trace]:
    """The first so many runs, by seed, that diverged or learned too little to be called healthy."""
    found, seed = 0, first_seed
    while found < count:
        (trace,) = train([random_config(seed)])
        stats = TraceStats(trace)
        if not stats.learned and not (stats.made_progress and not stats.last_accuracy < 0.8):
            found += 1
            yield trace
        seed += 1
