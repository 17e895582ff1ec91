"""Schedules of the learning rate: what it is multiplied by in each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..choices import ScheduleName

STEP_FACTOR = 0.1  # of each fall of the step schedule


class RateFactor(Protocol):
    """Factors of the learning rate, (steps,), at each progress, (steps,).

    Progress is the step over the schedule's length, and may exceed 1.
    """

    def __call__(self, progress: np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One course of the learning rate.

    Attributes:
        factor: what multiplies the learning rate.
        formula: LaTeX of the rate eta_t in step t, with T the schedule's length.
        pytorch: the factor as an expression of an exported script, from `progress`.
    """

    name: ScheduleName
    label: str
    formula: str
    factor: RateFactor
    source: str
    pytorch: str


SCHEDULES: dict[str, Schedule] = {
    member.name: member
    for member in (
        Schedule(
            name="constant",
            label="constant",
            formula=r"\eta_t = \eta",
            factor=np.ones_like,
            source="Robbins & Monro 1951 ask for a falling one; most networks train with this",
            pytorch="1.0",
        ),
        Schedule(
            name="step",
            label="steps down",
            formula=r"\eta_t = \eta \cdot 0.1^{[t \ge T/2] + [t \ge 3T/4]}",
            factor=lambda progress: STEP_FACTOR ** ((progress >= 0.5) + 1.0 * (progress >= 0.75)),
            source="He et al. 2016, a tenth at half and at three quarters of the steps",
            pytorch="0.1 ** ((progress >= 0.5) + (progress >= 0.75))",
        ),
        Schedule(
            name="cosine",
            label="cosine",
            formula=r"\eta_t = \tfrac{\eta}{2} \left(1 + \cos \frac{\pi \min(t, T)}{T}\right)",
            factor=lambda progress: 0.5 * (1 + np.cos(np.pi * np.minimum(progress, 1))),
            source="Loshchilov & Hutter 2017, without restarts",
            pytorch="0.5 * (1 + np.cos(np.pi * min(progress, 1)))",
        ),
    )
}


def rate_factors(schedule: str, steps: np.ndarray, *, length: int, warmup_steps: int) -> np.ndarray:
    """Factors of the learning rate in each of these steps, (steps,), counted from 0.

    A linear warm-up multiplies the schedule by (t + 1) / warmup_steps in its first steps.

    Args:
        length: steps of the whole schedule.
        warmup_steps: 0 for none.
    """
    steps = np.asarray(steps, float)
    return SCHEDULES[schedule].factor(steps / length) * np.minimum((steps + 1) / max(warmup_steps, 1), 1)
