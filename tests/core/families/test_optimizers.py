"""Optimizers on numbers worked by hand, and in the engine on a loss whose gradient is known."""

import math

import numpy as np
import pytest

from core import RunConfig, train
from core.families.optimizers import OPTIMIZER_CODES, OPTIMIZERS, compute_step

LR, MU = 0.1, 0.5
GRADIENTS = [2.0, -1.0, 3.0]


def by_hand(name):
    """The three steps w -= ... for the gradients 2, -1, 3, written out."""
    if name == "sgd":
        return [0.2, -0.1, 0.3]
    if name == "momentum":  # v: 2, 0, 3
        return [0.2, 0.0, 0.3]
    if name == "nesterov":  # g + mu v: 2 + 1, -1 + 0, 3 + 1.5
        return [0.3, -0.1, 0.45]
    if name == "rmsprop":  # s: 0.04, 0.0496, 0.139104
        return [LR * g / (math.sqrt(s) + 1e-8) for g, s in zip(GRADIENTS, (0.04, 0.0496, 0.139104), strict=True)]
    if name in ("adam", "adamw"):
        # m: 0.2, 0.08, 0.372; s: 0.004, 0.004996, 0.013991004
        mean = [0.2 / 0.1, 0.08 / 0.19, 0.372 / 0.271]
        square = [0.004 / 0.001, 0.004996 / 0.001999, 0.013991004 / 0.002997001]
        return [LR * m / (math.sqrt(s) + 1e-8) for m, s in zip(mean, square, strict=True)]
    raise KeyError(name)


def steps(name, gradients, rate=LR, momentum=MU):
    """The steps an optimizer makes, for gradients (times, parameters)."""
    gradients = np.asarray(gradients, float)
    states = np.zeros((OPTIMIZERS[name].states, gradients.shape[1]))
    made = []
    for t, gradient in enumerate(gradients, start=1):
        out, given = np.full_like(gradient, np.nan), gradient.copy()
        compute_step(OPTIMIZER_CODES[name], given, states, rate, momentum, t, out)
        np.testing.assert_array_equal(given, gradient)  # the gradient is recorded after this
        made.append(out)
    return np.array(made)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_three_steps_worked_by_hand(name):
    np.testing.assert_allclose(steps(name, [[g] for g in GRADIENTS]).ravel(), by_hand(name), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_do_not_mix(name):
    gradients = np.random.default_rng(0).standard_normal((5, 19))
    together = steps(name, gradients, rate=0.5, momentum=0.9)
    for k in range(19):
        alone = steps(name, gradients[:, k : k + 1], rate=0.5, momentum=0.9)
        np.testing.assert_array_equal(together[:, k], alone[:, 0])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_momentum_applies_where_it_says_so(name):
    gradients = [[g] for g in GRADIENTS]
    same = np.array_equal(steps(name, gradients, momentum=0.1), steps(name, gradients, momentum=0.8))
    assert same != OPTIMIZERS[name].uses_momentum


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_without_momentum_they_are_plain_descent(name):
    gradients = np.random.default_rng(1).standard_normal((4, 5))
    np.testing.assert_array_equal(steps(name, gradients, momentum=0.0), steps("sgd", gradients))


@pytest.mark.parametrize("name, factor", [("sgd", 1), ("momentum", 1 / (1 - MU)), ("nesterov", 1 / (1 - MU))])
def test_under_a_constant_gradient_the_step_tends_to_its_geometric_sum(name, factor):
    made = steps(name, np.full((200, 1), 3.0))
    assert made[-1, 0] == pytest.approx(LR * 3 * factor, rel=1e-12)


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adamw"])
def test_under_a_constant_gradient_the_step_tends_to_the_learning_rate_times_its_sign(name):
    # after t steps the means lack 0.99^t and 0.9^t, 0.999^t of their limit, which adam corrects for and rmsprop not
    made = steps(name, np.tile([[5.0, -1e-3]], (3000, 1)))
    np.testing.assert_allclose(made[-1], [LR, -LR], rtol=2e-5)  # eps 1e-8 against 1e-3
    if name != "rmsprop":
        np.testing.assert_allclose(made[0], [LR, -LR], rtol=2e-5)


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adamw"])
def test_a_zero_gradient_makes_no_step_and_no_zero_by_zero(name):
    np.testing.assert_array_equal(steps(name, np.zeros((3, 4))), 0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_engine_steps_from_step_one_and_says_what_it_is(name):
    # one weight, one sample: E = (w - d)^2, gradient 2 (w - d), so that every step follows from the one before
    data = np.array([[1.0], [1.0]]), np.array([[2.0], [2.0]])
    config = RunConfig(hidden=(), bias=False, optimizer=name, learning_rate=LR, momentum=MU, steps=4)
    (trace,) = train([config], data=data, initial=[[(np.array([[5.0]]), None)]])
    w, rule, states = 5.0, OPTIMIZERS[name], np.zeros((OPTIMIZERS[name].states, 1))
    for t in range(1, 5):
        out = np.empty(1)
        compute_step(OPTIMIZER_CODES[name], np.array([2 * (w - 2)]), states, LR, MU, t, out)
        w -= out[0]
        assert trace.weight_norm[t, 0] == pytest.approx(abs(w), rel=1e-14)
    assert trace.weights[0][0][0, 0] == pytest.approx(w, rel=1e-14)
    assert rule.label and rule.source and r"\leftarrow" in rule.formula


def test_quadratic_descent_is_stable_just_below_its_limit_and_not_above():
    # E = (w - d)^2 has curvature 2: sgd is stable below a learning rate of 1, heavy ball below 1 + mu, Nesterov below
    # (1 + mu) / (1 + 2 mu)
    data = np.array([[1.0], [1.0]]), np.array([[0.0], [0.0]])
    for name, limit in (("sgd", 1.0), ("momentum", 1 + MU), ("nesterov", (1 + MU) / (1 + 2 * MU))):
        base = RunConfig(hidden=(), bias=False, optimizer=name, momentum=MU, steps=4000)
        start = [(np.array([[1.0]]), None)]
        below, above = (
            train([base.replace(learning_rate=limit * f)], data=data, initial=[start])[0] for f in (0.995, 1.005)
        )
        assert below.loss[-1] < 1e-3
        assert above.loss[-1] > 1e3
