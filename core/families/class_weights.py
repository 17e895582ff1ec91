"""Class weights: what a sample of each class counts in the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..choices import ClassWeightName


class Weighting(Protocol):
    """The weight of each class, (classes,), from the number of training samples of each, (classes,)."""

    def __call__(self, counts: np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True, kw_only=True)
class ClassWeight:
    """One rule.

    Attributes:
        weigh: the weight of each class; None where every sample counts 1.
        formula: LaTeX of the weight a_c of class c, with N_c of N samples in C classes.
    """

    name: ClassWeightName
    label: str
    formula: str
    weigh: Weighting | None
    source: str


def _balance(counts: np.ndarray) -> np.ndarray:
    """The same total for every class that occurs, and 1 for a sample on average; 1 for a class that does not occur."""
    occurs = counts > 0
    return np.where(occurs, counts.sum() / (occurs.sum() * np.maximum(counts, 1)), 1.0)


CLASS_WEIGHTS: dict[str, ClassWeight] = {
    member.name: member
    for member in (
        ClassWeight(
            name="none",
            label="none",
            formula="a_c = 1",
            weigh=None,
            source="the plain mean over samples",
        ),
        ClassWeight(
            name="balanced",
            label="balanced",
            formula=r"a_c = \frac{N}{C\,N_c}",
            weigh=_balance,
            source="King & Zeng 2001, as scikit-learn’s class_weight has it",
        ),
    )
}


def class_weights(rule: str, task: str, D: np.ndarray) -> np.ndarray | None:
    """The weight of each class, (classes,), from the training targets D (samples, outputs).

    One output has the classes 0 and 1, several have one each.

    Returns:
        None where every sample counts 1: without a rule, and in a regression, which has no classes.
    """
    weigh = CLASS_WEIGHTS[rule].weigh
    if weigh is None or task == "regression":
        return None
    ones = D.sum(axis=0)
    return weigh(np.array([len(D) - ones[0], ones[0]]) if D.shape[1] == 1 else ones)


def sample_weights(weights: np.ndarray, D: np.ndarray) -> np.ndarray:
    """The weight of each sample, (..., samples, 1), from its target: (..., samples, outputs), 0 and 1 or one-hot."""
    if D.shape[-1] == 1:
        return weights[0] + (weights[1] - weights[0]) * D
    return D @ weights[:, None]
