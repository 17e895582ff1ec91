"""Tasks, their recommended losses, and the targets that a loss requires."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..choices import LossName, OutputActivationName, TaskName
from ..errors import ConfigError

# The recommended loss and output activation of each task.
TASKS: dict[TaskName, tuple[LossName, OutputActivationName]] = {
    "regression": ("mse", "linear"),
    "two-class": ("bce", "sigmoid"),
    "multi-class": ("cross_entropy", "softmax"),
}


def infer_task(D: np.ndarray) -> TaskName:
    """Returns the task of targets D (samples, outputs): one column of 0 and 1, one-hot rows, or anything else."""
    if not ((D == 0) | (D == 1)).all():
        return "regression"
    if D.shape[1] == 1:
        return "two-class"
    return "multi-class" if (D.sum(axis=1) == 1).all() else "regression"


def recommended_losses(task: TaskName) -> tuple[LossName, OutputActivationName]:
    """Returns the recommended loss and output activation of a task."""
    return TASKS[task]


def _between_0_and_1(D: np.ndarray) -> bool:
    return D.min() >= 0 and D.max() <= 1


def _distributions(D: np.ndarray) -> bool:
    # 1e-6: rows that were computed in float32 sum to 1 to about 1e-7
    return D.shape[1] >= 2 and D.min() >= 0 and bool((np.abs(D.sum(axis=1) - 1) <= 1e-6).all())


# The targets that a loss requires; a loss that is not listed takes any.
_TARGET_RULES: dict[str, tuple[Callable[[np.ndarray], bool], str]] = {
    "bce": (_between_0_and_1, "classes or probabilities as targets, each from 0 to 1"),
    "cross_entropy": (_distributions, "at least two target columns, none negative, each row summing to 1"),
}


def check_targets(loss: LossName, D: np.ndarray, task: TaskName, given: bool = True) -> None:
    """Refuses a loss that does not fit the targets.

    Args:
        loss: of the run.
        D: (samples, outputs).
        task: of the data.
        given: True when the targets were passed as data. Those of a regression may then be probabilities; a dataset's
            are not, even if the few that were drawn look like it.

    Raises:
        ConfigError: bce with targets outside [0, 1] or on a regression dataset; cross_entropy on rows that are not
            distributions.
    """
    holds, needed = _TARGET_RULES.get(loss, (None, ""))
    if holds is not None and not (holds(D) and (given or task != "regression")):
        better, output = recommended_losses(task)
        raise ConfigError(
            "loss",
            loss,
            f"it needs {needed}, and these are the targets of a {task} task; "
            f"the loss {better} with a {output} output fits them",
        )
