"""Numbered exercises: reproducible, solved as the engine solves them, and mistakes named by their factor."""

import numpy as np
import pytest

from core import ConfigError
from core.exercise import by_engine, central_differences, misprinted, solve
from core.lecture.instances import find_mistake, make_instance, wrong_gradients

SEVENTEEN = ([[2.0, -1.0], [1.5, 1.0]], [1.0, -2.0], [[-2.0, -0.5]], [1.0])
NUMBERS = (*range(1, 40), 9999)


def given(instance):
    return instance.w01, instance.w12, instance.x, instance.d


def test_the_numbers_of_an_exercise_are_fixed():
    """These stand on printed sheets: a change of the draw would make every sheet wrong."""
    seventeen = make_instance(17)
    assert (seventeen.activation, len(seventeen.d)) == ("sigmoid", 1)
    assert seventeen.w01.tolist() == SEVENTEEN[0] and seventeen.w12.tolist() == SEVENTEEN[1]
    assert seventeen.x.tolist() == SEVENTEEN[2] and seventeen.d.tolist() == SEVENTEEN[3]


def test_exercises_differ_and_some_have_two_samples_or_tanh():
    instances = [make_instance(number) for number in range(1, 201)]
    assert len({instance.w01.tobytes() + instance.w12.tobytes() for instance in instances}) > 195
    tanh = sum(instance.activation == "tanh" for instance in instances)
    two = sum(len(instance.d) == 2 for instance in instances)
    assert 30 < tanh < 90 and 50 < two < 110  # binomial, three deviations around 60 and 80
    assert all((instance.x != 0).all() and (instance.w12 != 0).all() for instance in instances)


@pytest.mark.parametrize("number", [-1, 10_000, 1.5, "x", None])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(ConfigError, match="exercise"):
        make_instance(number)


@pytest.mark.parametrize("number", NUMBERS)
def test_solutions_agree_with_the_engine_and_with_central_differences(number):
    instance = make_instance(number)
    gradient, kind = instance.solution.gradient, {"activation": instance.activation}
    np.testing.assert_allclose(gradient, by_engine(*given(instance), **kind), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(gradient, central_differences(*given(instance), **kind), atol=1e-9)


def test_the_hessian_of_a_tanh_network_agrees_with_differences_of_its_gradient():
    instance = next(make_instance(number) for number in NUMBERS if make_instance(number).activation == "tanh")
    weights, h = np.concatenate([instance.w01.ravel(), instance.w12]), 1e-6
    for k in range(6):
        ends = []
        for sign in (1, -1):
            moved = weights.copy()
            moved[k] += sign * h
            s = solve(moved[:4].reshape(2, 2), moved[4:], instance.x, instance.d, activation="tanh")
            ends.append(s.gradient)
        np.testing.assert_allclose(instance.solution.hessian[k], (ends[0] - ends[1]) / (2 * h), atol=1e-8)


@pytest.mark.parametrize("number", NUMBERS[:12])
@pytest.mark.parametrize("index", range(6))
def test_a_right_gradient_has_no_mistake_and_each_wrong_one_names_a_factor_that_gives_it(number, index):
    instance, tolerance = make_instance(number), 1e-9
    right = float(instance.solution.gradient[index])
    assert find_mistake(instance, index, right, tolerance) is None
    assert find_mistake(instance, index, right + 0.5 * tolerance, tolerance) is None
    for wrong in wrong_gradients(instance, index).values():
        mistake = find_mistake(instance, index, wrong, tolerance)
        assert (mistake is None) == (abs(wrong - right) <= tolerance)
        assert mistake is None or mistake.factor != "unknown"
    assert find_mistake(instance, index, right + 123.0, tolerance).factor == "unknown"


def test_mistakes_worked_by_hand():
    # Weights of net 0 would hide slopes; take w01 = 0: y = 1/2, net = (w_11 + w_21) / 2.
    # One sample x = (1, 2), d = 1, w12 = (2, -2): net = 0, o = 1/2, dE/do = 2 (1/2 - 1) = -1, o (1 - o) = 1/4,
    # dE/dw_21^(0,1) = -1 * 1/4 * 2 * 1/4 * 2 = -1/4 and dE/dw_11^(1,2) = -1 * 1/4 * 1/2 = -1/8.
    from core.lecture.instances import Instance

    instance = Instance(
        number=1, activation="sigmoid", w01=np.zeros((2, 2)), w12=np.array([2.0, -2.0]), x=np.array([[1.0, 2.0]]),
        d=np.array([1.0]),
    )  # fmt: skip
    assert instance.solution.gradient.tolist() == [-0.125, 0.125, -0.25, 0.25, -0.125, -0.125]
    for value, factor in ((0.25, "dE/do"), (-1.0, "do/dnet"), (-1 / 16, "do/dy")):
        assert find_mistake(instance, 2, value, 1e-6).factor == factor
    assert find_mistake(instance, 4, -0.25, 1e-6).factor == "dnet/dw"
    assert "1/2" in find_mistake(instance, 4, -0.0625, 1e-6).sentence


def test_the_misprint_is_among_the_mistakes():
    instance = make_instance(3)
    wrong = misprinted(*given(instance), activation=instance.activation).ravel()
    for index in range(4):
        assert wrong_gradients(instance, index)["misprint"] == pytest.approx(wrong[index], rel=1e-12)
