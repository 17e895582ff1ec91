"""Numbered instances of the lecture's exercise, the same for everyone, and a check of hand-computed gradients."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from ..config import Number
from ..exercise import Solution, solve

NUMBER = Number(0, 9999, integer=True)
LECTURE = 0  # the number of the lecture's own instance
_WEIGHTS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
_INPUTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)  # no zero, which would hide a gradient
_TANH_SHARE = 0.3
_TWO_SAMPLES_SHARE = 0.4


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance:
    """The numbers of one exercise.

    Attributes:
        number: from 0 to 9,999.
        activation: of the hidden units; the output is a sigmoid.
        w01, w12: (2, 2) and (2,), the weights.
        x, d: (N, 2) inputs and (N,) targets.
    """

    number: int
    activation: str
    w01: np.ndarray
    w12: np.ndarray
    x: np.ndarray
    d: np.ndarray

    @property
    def solution(self) -> Solution:
        return solve(self.w01, self.w12, self.x, self.d, activation=self.activation)


def make_instance(number: int) -> Instance:
    """Make the exercise of a number; number 0 is the lecture's own.

    Drawn with Python's `random`, whose `random()` is the same in every version for the same seed.

    Raises:
        ConfigError: a number outside 0 to 9,999.
    """
    number = NUMBER.validate("exercise", number)
    if number == LECTURE:
        return Instance(
            number=LECTURE,
            activation="sigmoid",
            w01=np.array([[0.5, -1.0], [1.0, 0.5]]),
            w12=np.array([1.0, -1.0]),
            x=np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
            d=np.array([0.0, 1.0, 1.0, 0.0]),
        )
    uniform = random.Random(number).random

    def pick(values: tuple[float, ...], count: int) -> np.ndarray:
        return np.array([values[int(uniform() * len(values))] for _ in range(count)])

    activation = "tanh" if uniform() < _TANH_SHARE else "sigmoid"
    samples = 2 if uniform() < _TWO_SAMPLES_SHARE else 1
    return Instance(
        number=number,
        activation=activation,
        w01=pick(_WEIGHTS, 4).reshape(2, 2),
        w12=pick(_WEIGHTS, 2),
        x=pick(_INPUTS, 2 * samples).reshape(samples, 2),
        d=pick((0.0, 1.0), samples),
    )


# -- a check of hand-computed gradients --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A mistake in the chain of a gradient.

    Attributes:
        factor: the first wrong factor: "dE/do", "do/dnet", "do/dy", "dy/dnet" or "dnet/dw"; "sum" over the samples.
        sentence: what was computed instead.
    """

    factor: str
    sentence: str


# Each mistake in the order of the chain, from the error to the weight: (factor, sentence).
_MISTAKES = {
    "half": ("dE/do", "The 2 of the square is missing: E has no 1/2 in front."),
    "sign": ("dE/do", "The sign is wrong: the derivative of (o − d)² is 2 (o − d), not 2 (d − o)."),
    "no_mean": ("dE/do", "The 1/N of the mean over the samples is missing."),
    "no_output_slope": ("do/dnet", "The slope of the output unit, o (1 − o), is missing."),
    "misprint": (
        "do/dy",
        "The output y of the hidden unit stands in place of the weight from that unit to the output.",
    ),
    "no_weight": ("do/dy", "The weight from the hidden unit to the output is missing."),
    "other_weight": ("do/dy", "The weight of the other hidden unit was taken."),
    "no_hidden_slope": ("dy/dnet", "The slope of the hidden unit is missing."),
    "net_slope": ("dy/dnet", "The hidden unit’s output was taken for its slope."),
    "other_input": ("dnet/dw", "The other input was taken: the weight multiplies the input from which it comes."),
    "no_input": ("dnet/dw", "The input, which the weight multiplies, is missing."),
    "no_output_of_hidden": ("dnet/dw", "The output of the hidden unit, which the weight multiplies, is missing."),
    "first_sample": ("sum", "Only the first sample was counted: the gradient sums over all of them."),
}


def find_mistake(instance: Instance, index: int, value: float, tolerance: float) -> Mistake | None:
    """Name the first wrong factor of a gradient that was computed by hand; None where it is right.

    Args:
        instance: the exercise.
        index: of the weight, in the order of `core.exercise.WEIGHTS`.
        value: the gradient that was computed.
        tolerance: of its rounding; a difference up to this is right.
    """
    right = float(instance.solution.gradient[index])
    if abs(value - right) <= tolerance:
        return None
    for name, wrong in wrong_gradients(instance, index).items():
        if abs(wrong - right) > tolerance and abs(value - wrong) <= tolerance:
            factor, sentence = _MISTAKES[name]
            return Mistake(factor=factor, sentence=sentence)
    return Mistake(factor="unknown", sentence="No single wrong factor explains this number: check each factor below.")


def wrong_gradients(instance: Instance, index: int) -> dict[str, float]:
    """The gradient by one weight with each of the usual mistakes, in the order of the chain."""
    s = instance.solution
    x = instance.x
    samples = len(instance.d)
    output = s.do_dnet12
    if index < 4:
        i, j = divmod(index, 2)
        w = instance.w12[j]
        other = instance.w12[1 - j]
        parts = {"error": s.dE_do, "output": output, "weight": np.full(samples, w), "slope": s.dy_dnet01[:, j],
                 "last": x[:, i]}  # fmt: skip
        changes = {
            "misprint": {"weight": s.y[:, j]},
            "no_weight": {"weight": 1.0},
            "other_weight": {"weight": other},
            "no_hidden_slope": {"slope": 1.0},
            "net_slope": {"slope": s.y[:, j]},
            "other_input": {"last": x[:, 1 - i]},
            "no_input": {"last": 1.0},
        }
    else:
        parts = {"error": s.dE_do, "output": output, "last": s.y[:, index - 4]}
        changes = {"no_output_of_hidden": {"last": 1.0}}
    changes = {
        "half": {"error": s.dE_do / 2},
        "sign": {"error": -s.dE_do},
        "no_mean": {"error": s.dE_do * samples},
        "no_output_slope": {"output": 1.0},
    } | changes
    wrong = {}
    for name, replaced in changes.items():
        product = np.ones(samples)
        for part in (parts | replaced).values():
            product = product * part
        wrong[name] = float(product.sum())
    if samples > 1:
        product = np.ones(samples)
        for part in parts.values():
            product = product * part
        wrong["first_sample"] = float(product[0])
    return wrong
