"""Built-in data sets, synthetic and real: drawn from a run's seed, split and standardized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..choices import DatasetName, TaskName
from ..errors import ConfigError
from .synthetic import (
    Samples,
    draw_blobs,
    draw_circles,
    draw_gaussian,
    draw_moons,
    draw_sine,
    draw_spirals,
    draw_xor,
    one_hot,
)
from .targets import infer_task

if TYPE_CHECKING:
    from ..config import RunConfig


class Draw(Protocol):
    """Draws samples: X (samples, inputs) and D (samples, outputs), float64, not standardized.

    The same state of `rng` gives the same draws at any noise, which only scales its own part of them.
    """

    def __call__(self, rng: np.random.Generator, samples: int, noise: float, /) -> Samples: ...


# What happens to a data set's inputs, and to the targets of a real regression, before training.
SCALINGS: dict[str, str] = {
    "standard": "each input is shifted and scaled to mean 0 and standard deviation 1",
    "none": "the numbers are taken as they are",
}


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One source of samples.

    Attributes:
        name, label, description: as in RunConfig; for a reader; one line.
        task: "regression", "two-class" (targets 0/1 in one column) or "multi-class" (one-hot); None for custom data.
        inputs, outputs: number of columns of X and D; None for custom data.
        noise: the quantity to which `noise` is added, before inputs are standardized; "" where it is ignored.
        source: the author or the collection.
        draw: draws samples and their targets.
        available: number of samples; None where any number can be drawn.
        scale_targets: raw targets -> those that scaling="standard" trains on; None where they stay as drawn.
    """

    name: DatasetName
    label: str
    description: str
    task: TaskName | None
    inputs: int | None
    outputs: int | None
    noise: str
    source: str
    draw: Draw
    available: int | None = None
    scale_targets: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """Training samples X, D and held-out samples (perhaps no rows), all read-only float64, and their task."""

    X: np.ndarray
    D: np.ndarray
    X_holdout: np.ndarray
    D_holdout: np.ndarray
    task: TaskName


class TableData(tuple):
    """(X, D) of a visitor's table, scaled for one run.

    `train` asks `split` for the samples of each config, so that runs of other seeds are scaled by their own training
    rows, and so that the rows come in the order of a built-in data set.
    """

    source: Any

    def __new__(cls, X: np.ndarray, D: np.ndarray, source: Any) -> TableData:
        pair = super().__new__(cls, (X, D))
        pair.source = source
        return pair

    def __getnewargs__(self) -> tuple[np.ndarray, np.ndarray, Any]:
        return self[0], self[1], self.source

    def split(self, config: RunConfig) -> Split:
        """Returns the samples of a run with this config."""
        return self.source.split(config)


@cache
def _load_shipped(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Loads a data set that scikit-learn ships; its import takes longer than all of core, so it happens here."""
    from sklearn import datasets

    X, target = getattr(datasets, f"load_{name}")(return_X_y=True)
    kind = DATASETS[name]
    task = kind.task
    if task == "regression":
        D = target[:, None]
    elif task == "two-class":
        D = target[:, None].astype(float)
    else:
        D = one_hot(target, kind.outputs or 0)
    return np.asarray(X, dtype=float), D


def _draw_real(name: str, rng: np.random.Generator, samples: int, noise: float) -> Samples:
    X, D = _load_shipped(name)
    rows = rng.permutation(len(X))[:samples]
    return X[rows], D[rows]


def _scale_over_all(name: str, D: np.ndarray) -> np.ndarray:
    """Scales targets by the mean and the standard deviation over every sample that is shipped."""
    target = _load_shipped(name)[1][:, 0]
    return (D - target.mean()) / target.std()


def _draw_custom(rng: np.random.Generator, samples: int, noise: float) -> Samples:
    raise ConfigError("dataset", "custom", "it needs data: upload a table, or pass data=(X, D)")


_POINTS = "both coordinates of each point"

DATASETS: dict[str, Dataset] = {
    member.name: member
    for member in (
        Dataset(
            name="circles",
            label="Circles",
            description="Two rings around one center, of radius 1 (class 0) and 0.3 (class 1).",
            task="two-class",
            inputs=2,
            outputs=1,
            noise=_POINTS,
            source="synthetic, in the manner of scikit-learn’s make_circles",
            draw=draw_circles,
        ),
        Dataset(
            name="moons",
            label="Moons",
            description="Two half circles of radius 1, each reaching into the other.",
            task="two-class",
            inputs=2,
            outputs=1,
            noise=_POINTS,
            source="synthetic, in the manner of scikit-learn’s make_moons",
            draw=draw_moons,
        ),
        Dataset(
            name="xor",
            label="XOR",
            description=(
                "Clusters at the four corners of a square; opposite corners share a class, so no line divides them."
            ),
            task="two-class",
            inputs=2,
            outputs=1,
            noise=_POINTS,
            source="synthetic, after Minsky and Papert 1969, Perceptrons",
            draw=draw_xor,
        ),
        Dataset(
            name="spirals",
            label="Spirals",
            description="Two spiral arms, one and a half turns each, their neighboring windings 1 apart.",
            task="two-class",
            inputs=2,
            outputs=1,
            noise=_POINTS,
            source="synthetic, after Lang and Witbrock 1988, Learning to tell two spirals apart",
            draw=draw_spirals,
        ),
        Dataset(
            name="blobs",
            label="Blobs",
            description=(
                "Ten clusters in 20 dimensions around centers drawn from N(0, 1): easy up to a noise of about 0.5."
            ),
            task="multi-class",
            inputs=20,
            outputs=10,
            noise="every coordinate of each point around its center",
            source="synthetic, in the manner of scikit-learn’s make_blobs",
            draw=draw_blobs,
        ),
        Dataset(
            name="sine",
            label="Sine",
            description="One period of a sine: the target is sin x for x uniform between -pi and pi.",
            task="regression",
            inputs=1,
            outputs=1,
            noise="the targets",
            source="synthetic",
            draw=draw_sine,
        ),
        Dataset(
            name="gaussian",
            label="Gaussian noise",
            description=(
                "Ten inputs and a target, all independent N(0, 1): nothing to learn but the samples themselves. No "
                "noise is added."
            ),
            task="regression",
            inputs=10,
            outputs=1,
            noise="",
            source="synthetic, after Zhang et al. 2017, Understanding deep learning requires rethinking generalization",
            draw=draw_gaussian,
        ),
        Dataset(
            name="iris",
            label="Iris",
            description=(
                "Three species of iris, 50 flowers each, by the size of petal and sepal. Real data: no noise is added."
            ),
            task="multi-class",
            inputs=4,
            outputs=3,
            noise="",
            source="Fisher 1936, The use of multiple measurements in taxonomic problems; shipped with scikit-learn",
            draw=partial(_draw_real, "iris"),
            available=150,
        ),
        Dataset(
            name="wine",
            label="Wine",
            description="Three growers’ wines, 178 in all, by 13 chemical measurements. Real data: no noise is added.",
            task="multi-class",
            inputs=13,
            outputs=3,
            noise="",
            source="Forina et al. 1988, PARVUS, by way of the UCI repository; shipped with scikit-learn",
            draw=partial(_draw_real, "wine"),
            available=178,
        ),
        Dataset(
            name="breast_cancer",
            label="Breast cancer",
            description=(
                "Tumours, 212 malignant (0) and 357 benign (1), by 30 measurements of cell nuclei. Real data: no noise "
                "is added."
            ),
            task="two-class",
            inputs=30,
            outputs=1,
            noise="",
            source="Street, Wolberg and Mangasarian 1993, by way of the UCI repository; shipped with scikit-learn",
            draw=partial(_draw_real, "breast_cancer"),
            available=569,
        ),
        Dataset(
            name="digits",
            label="Digits",
            description="1,797 handwritten digits, 8 x 8 pixels each. Real data: no noise is added.",
            task="multi-class",
            inputs=64,
            outputs=10,
            noise="",
            source="Alpaydin and Kaynak 1998, by way of the UCI repository; shipped with scikit-learn",
            draw=partial(_draw_real, "digits"),
            available=1797,
        ),
        Dataset(
            name="diabetes",
            label="Diabetes",
            description=(
                "The course of diabetes after a year in 442 patients, by 10 measurements; the target, from 25 to 346, "
                "is standardized over all patients. Real data: no noise is added."
            ),
            task="regression",
            inputs=10,
            outputs=1,
            noise="",
            source="Efron et al. 2004, Least angle regression; shipped with scikit-learn",
            draw=partial(_draw_real, "diabetes"),
            available=442,
            scale_targets=partial(_scale_over_all, "diabetes"),
        ),
        Dataset(
            name="custom",
            label="Your own",
            description="A table that you upload: one column is the target, the others are the inputs.",
            task=None,
            inputs=None,
            outputs=None,
            noise="",
            source="the visitor",
            draw=_draw_custom,
        ),
    )
}


def fit_standardizer(X: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the map that gives each column of X mean 0 and standard deviation 1; a constant column is only centered.

    Columns are first divided by the power of two below their largest magnitude, which is exact, so that no square
    overflows or underflows; constant columns are recognized by their values, because rounding gives them a
    standard deviation of about 1e-17.
    """
    low = X.min(axis=0)
    high = X.max(axis=0)
    size = np.ldexp(1.0, np.frexp(np.maximum(-low, high))[1] - 1)
    scaled = X / size
    constant = low == high
    center = scaled.mean(axis=0)
    spread = scaled.std(axis=0)
    center[constant] = scaled[0, constant]
    spread[constant] = 1 / size[constant]
    return lambda rows: (rows / size - center) / spread


def count_holdout(holdout: float, samples: int) -> int:
    """Returns the number of held-out samples: the share, rounded, leaving at least two to train on."""
    return min(round(holdout * samples), max(samples - 2, 0))


def _divide_holdout(
    X: np.ndarray, D: np.ndarray, holdout: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns X, D of the training samples and of those held out; a larger share holds out the same ones and more."""
    in_holdout = np.zeros(len(X), dtype=bool)
    in_holdout[rng.permutation(len(X))[: count_holdout(holdout, len(X))]] = True
    return X[~in_holdout], D[~in_holdout], X[in_holdout], D[in_holdout]


def make_split(X: np.ndarray, D: np.ndarray, X_holdout: np.ndarray, D_holdout: np.ndarray, *, task: TaskName) -> Split:
    """Returns these arrays as a Split, which makes them read-only."""
    for array in (X, D, X_holdout, D_holdout):
        array.setflags(write=False)
    return Split(X=X, D=D, X_holdout=X_holdout, D_holdout=D_holdout, task=task)


def _draw(name: str, samples: int, noise: float, holdout: float, seed: int, scaling: str) -> Split:
    data = DATASETS[name]
    rng = np.random.default_rng([seed, 0])
    with np.errstate(over="ignore"):
        X, D = data.draw(rng, samples, noise)
    if not (np.isfinite(X).all() and np.isfinite(D).all()):
        raise ConfigError("noise", noise, "it is so large that the data are no longer finite")
    if scaling == "standard" and data.scale_targets is not None:
        D = data.scale_targets(D)
    X, D, X_holdout, D_holdout = _divide_holdout(X, D, holdout, rng)
    if scaling == "standard":
        standardize = fit_standardizer(X)
        X = standardize(X)
        X_holdout = standardize(X_holdout)
    return make_split(X, D, X_holdout, D_holdout, task=data.task or infer_task(D))


# Sweeps request the same few draws thousands of times, a visitor with 100,000 samples one at a time: many small draws
# and few large ones are cached, together below about 200 MB.
_MAX_SMALL_VALUES = 200_000
_draw_small = lru_cache(maxsize=64)(_draw)
_draw_large = lru_cache(maxsize=2)(_draw)


def load(name: str, samples: int, noise: float, holdout: float, seed: int, scaling: str = "standard") -> Split:
    """Returns the samples of a run: drawn from the stream (seed, 0), split, inputs standardized unless scaling is none.

    Every input has mean 0 and standard deviation 1 over the training samples, and the held-out ones go through the
    same map; a constant input is only centered. The arguments are those of a valid RunConfig.

    Args:
        name: a member of DATASETS.
        samples: their number; of real data at most all.
        noise: standard deviation of the noise added to the quantity that `Dataset.noise` names.
        holdout: share of the samples kept from training.
        seed: of the run.
        scaling: a key of SCALINGS; without scaling the same numbers come as they were drawn.

    Returns:
        A Split, shared by all callers with the same arguments: its arrays are read-only.

    Raises:
        ConfigError: "custom", which has no samples of its own, or noise that overflows.
    """
    data = DATASETS[name]
    samples = min(samples, data.available or samples)
    values = samples * ((data.inputs or 0) + (data.outputs or 0))
    draw = _draw_small if values <= _MAX_SMALL_VALUES else _draw_large
    return draw(name, samples, noise if data.noise else 0.0, holdout, seed, scaling)


def _checked_array(name: str, value: Any) -> np.ndarray:
    """Returns a copy of the caller's array as float64 (samples, columns).

    Raises:
        ConfigError: not numbers, not two-dimensional, empty, or not finite.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length
        array = np.asarray("ragged")
    if array.dtype.kind not in "buif":
        raise ConfigError("data", f"{name} of {type(value).__name__}", f"{name} must be a rectangle of real numbers")
    if array.ndim != 2 or 0 in array.shape:
        raise ConfigError(
            "data",
            f"{name} of shape {array.shape}",
            f"{name} must be two-dimensional, samples by {'inputs' if name == 'X' else 'outputs'}, "
            "with at least one of each",
        )
    with np.errstate(over="ignore"):  # a long double may exceed float64; it is refused as infinite below
        array = np.array(array, dtype=np.float64, order="C")
    not_finite = np.argwhere(~np.isfinite(array))
    if len(not_finite):
        row, column = not_finite[0]
        raise ConfigError("data", f"{name}[{row}, {column}] = {array[row, column]}", "every number must be finite")
    return array


def split(X: np.ndarray, D: np.ndarray, holdout: float, seed: int) -> Split:
    """Checks, copies and splits data passed instead of a dataset; they are not standardized.

    Args:
        X: (samples, inputs).
        D: (samples, outputs); the task is inferred from it.
        holdout: share of the samples kept from training, chosen by the stream (seed, 0).
        seed: of the run.

    Raises:
        ConfigError: arrays that are not finite numbers of two dimensions with equally many rows.
    """
    X = _checked_array("X", X)
    D = _checked_array("D", D)
    if len(X) != len(D):
        raise ConfigError("data", f"X of {len(X)} rows, D of {len(D)}", "X and D must have the same number of rows")
    parts = _divide_holdout(X, D, holdout, np.random.default_rng([seed, 0]))
    return make_split(*parts, task=infer_task(D))
