"""Saxe et al. 2013: the singular values of a product of many weight matrices, Gaussian or orthogonal."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
from scipy.linalg import lapack
from scipy.special import digamma

from ..config import RunConfig
from ..engine.training import Progress, one_blas_thread, train
from ..wording import format_number
from .entry import QUALITATIVE, Formula, Paper
from .report import Result, Stages, in_kind, near

CONFIG = RunConfig(activation="linear", bias=False, hidden=(100,) * 99, samples=2, steps=0)


def run(
    on_progress: Progress | None = None, executor: Executor | None = None, *, width: int = 100, matrices: int = 100
) -> Result:
    """Singular values of W^1 W^2 ... of a deep linear network, to full relative accuracy down to the smallest.

    Args:
        on_progress: as in `train`.
        executor: not needed, the run takes a second.
        width, matrices: shape of the product.
    """
    stages = Stages(on_progress, [1, 1])
    spectra = {}
    data = np.eye(width), np.zeros((width, width))
    for stage, init in enumerate(("normal", "orthogonal")):
        config = CONFIG.replace(init=init, hidden=(width,) * (matrices - 1))
        (trace,) = train([config], data=data)
        spectra[init] = singular_values([W for W, *_ in trace.weights], stages.stage(stage))
    normal = spectra["normal"]
    orthogonal = spectra["orthogonal"]
    # ln sigma_i -> matrices * (ln(2 / n) + psi((n - i + 1) / 2)) / 2: Newman 1986, exact as the product grows
    rank = np.arange(width)
    expected = np.exp(matrices * 0.5 * (np.log(2 / width) + digamma((width - rank) / 2)))
    middle = (width - 1) // 2
    error = np.sqrt(matrices / (2 * (width - middle)))
    rows = (
        in_kind(
            "Orthogonal: singular values of the product",
            "all exactly 1, at any depth",
            f"from {orthogonal.min():.12f} to {orthogonal.max():.12f}",
            float(np.abs(orthogonal - 1).max()) < 1e-12 * matrices,
            f"roundings of {matrices} products",
        ),
        in_kind(
            "Gaussian, variance 1/n: singular values of the product",
            "most of them vanish, few stay large",
            f"largest {format_number(normal.max())}, median {format_number(np.median(normal))}, "
            f"smallest {format_number(normal.min())}",
            np.median(normal) < 1e-3 * normal.max() and normal.max() < 1e3,
            "the median a thousand times below the largest",
        ),
        near(
            "Gaussian: ln of the median singular value",
            float(np.log(expected[middle])),
            float(np.log(normal[middle])),
            3 * float(error) + 1,
            "three standard deviations over draws, and the order 1 by which neighbors repel each other",
            against="theory",
        ),
    )
    series = {"gaussian": normal.tolist(), "orthogonal": orthogonal.tolist(), "expected": expected.tolist()}
    return Result(rows=rows, series=series, seconds=stages.seconds)


def singular_values(factors: list[np.ndarray], on_progress: Progress) -> np.ndarray:
    """Of the product of square matrices, largest first, each to its own relative accuracy.

    The product in floats would keep nothing below 1e-16 of its largest singular value. Here it is carried as
    Q D U, with rows of U of norm 1 and their scales in D, and LAPACK's Jacobi method takes the values of D U.
    """
    size = len(factors[0])
    Q = np.eye(size)
    scale = np.ones(size)
    U = np.eye(size)
    with one_blas_thread:
        for done, factor in enumerate(reversed(factors)):  # the product's last factor is the first one here
            Q, R = np.linalg.qr(factor @ Q)
            # row i of R D U, in units of d_i: entries d_j / d_i only fall, since the scales are sorted by QR
            rows = (R * (scale[None, :] / scale[:, None])) @ U
            norms = np.linalg.norm(rows, axis=1)
            scale = scale * norms
            U = rows / norms[:, None]
            on_progress(done + 1, len(factors))
        svd = getattr(lapack, "dgejsv")  # noqa: B009  not in SciPy's stubs
        values, _, _, work, _, info = svd((scale[:, None] * U).T, joba=0, jobu=3, jobv=3, jobr=0)
    if info != 0:
        raise np.linalg.LinAlgError("the singular values did not converge")
    return np.sort(values * work[0] / work[1])[::-1]


PAPER = Paper(
    name="saxe",
    label="Saxe et al. 2013",
    subject="Orthogonal weights keep every direction",
    title="Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
    authors="Andrew Saxe, James McClelland, Surya Ganguli",
    year=2013,
    link="https://arxiv.org/abs/1312.6120",
    claims=(
        (
            "However well scaled, a product of many Gaussian matrices sends almost every direction to zero; "
            "one of orthogonal matrices keeps them all.",
            QUALITATIVE,
        ),
    ),
    settings=(
        "linear, 100 weight matrices of 100 × 100, no biases, at initialization",
        "Gaussian N(0, 1/100), or orthogonal",
    ),
    caveat="The paper also follows how such networks learn; here they are only initialized.",
    formulas=(
        Formula(
            latex=r"\ln \sigma_i \approx \frac L2 \left( \ln \frac2n + \psi\left(\frac{n - i + 1}{2}\right) \right)",
            symbols=r"$\sigma_i$: the $i$-th largest singular value of a product of $L$ Gaussian matrices of "
            r"$n \times n$ entries with variance $1/n$; $\psi$: the digamma function.",
            source="Newman 1986, “The distribution of Lyapunov exponents”",
        ),
    ),
    networks=tuple(
        (f"{init} init, 99 layers", CONFIG.replace(init=init, dataset="gaussian", samples=32))
        for init in ("normal", "orthogonal")
    ),
    own_data=True,
    run=run,
)
