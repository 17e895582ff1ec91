"""Gradient descent on the exercise's own numbers: what is told and shown after each press."""

import math
from dataclasses import replace

import numpy as np
import pytest

from core import ConfigError
from core.exercise import update
from core.lecture.instances import make_instance
from tests.support.nothing import anything
from ui.charts.style import number
from ui.lecture import steps
from ui.lecture.exercise import Given
from ui.lecture.steps import DescentState, describe, onward, table


def start(seed):
    """The walk of a random exercise before its first step."""
    one = make_instance(seed)
    given = Given(w01=one.w01, w12=one.w12, x=one.x, d=one.d, activation=one.activation)
    return DescentState(given, given.weights, np.array([given.solve().error]))


@pytest.mark.parametrize("seed", range(0, 9999, 1111))
def test_a_walk_is_told_by_its_steps_its_error_now_and_its_first_error(seed):
    walk = start(seed)
    for eta in (0.5, 0.5, 0.25):
        walk = onward(walk, eta, 1)
    words = describe(walk, float(walk.errors[-1]), 0.123)
    where = f"E = {number(float(walk.errors[-1]), 5)}, and the norm of the gradient is 0.123"
    assert words == f"After 3 steps {where}; E was {number(float(walk.errors[0]), 5)} at first."
    assert walk.parts == ((2, 0.5), (1, 0.25)) and walk.text == "2x0.5,1x0.25"


@pytest.mark.parametrize("norm, is_end", [(steps.ENOUGH * 1.01, False), (steps.ENOUGH, True), (0.0, True)])
def test_the_end_of_a_run_is_a_gradient_of_a_thousandth(norm, is_end):
    walk = onward(start(7), 0.5, 1)
    assert ("this is the end of the run" in describe(walk, 0.2, norm)) == is_end


@pytest.mark.parametrize("seed", range(0, 9999, 1111))
def test_the_table_shows_weights_before_their_gradient_the_change_and_weights_after(seed):
    walk = start(seed)
    now, gradient = table(walk)[r"\text{now}"], table(walk)[steps._GRADIENT]
    np.testing.assert_array_equal(now, walk.given.weights)
    after = onward(walk, 0.7, 1)
    shown = table(after)
    np.testing.assert_array_equal(shown[r"\text{before}"], now)
    np.testing.assert_allclose(shown[steps._GRADIENT], gradient)
    np.testing.assert_allclose(shown[r"\Delta w"], -0.7 * gradient, atol=1e-15)
    arguments = walk.given.arguments()
    new = update(arguments["w01"], arguments["w12"], arguments["x"], arguments["d"], 0.7,
                 activation=arguments["activation"])  # fmt: skip
    np.testing.assert_allclose(shown[r"\text{after}"], np.concatenate([new[0].ravel(), new[1]]))
    assert steps._GRADIENT not in table(onward(after, 0.7, 3))  # of many steps there are many gradients


@pytest.mark.parametrize("walk", [start(7), onward(start(7), 0.5, 3)], ids=["at first", "later"])
def test_one_step_is_made_also_where_many_would_end(walk):
    after = onward(walk, 0.5, 1, enough=math.inf)
    assert after.n_taken == 1 and len(after.errors) == len(walk.errors) + 1
    assert onward(walk, 0.5, 2, enough=math.inf).n_taken == 0


@pytest.mark.parametrize("text, is_allowed", [("30x0.5,10x0.25", True), ("30x0.5,11x0.25", False), ("41x1", False)])
def test_a_walk_of_the_address_ends_at_the_most_steps_that_presses_can_make(text, is_allowed, monkeypatch):
    monkeypatch.setattr(steps, "MAX_STEPS", 25)
    monkeypatch.setattr(steps, "RUN", 15)
    monkeypatch.setattr(steps, "session", {"walk": text})
    given = start(7).given
    if is_allowed:
        assert steps._walk(given).text == text
        return
    with pytest.raises(ConfigError, match="it must have at most 40 steps"):
        steps._walk(given)


def test_equal_numbers_under_another_activation_are_another_walk(monkeypatch):
    session = {"walk": "3x0.5"}
    monkeypatch.setattr(steps, "session", session)
    given = start(7).given
    ends = {}
    for activation in ("sigmoid", "tanh", "sigmoid"):
        walk = steps._walk(replace(given, activation=activation))
        first = replace(start(7), given=walk.given, errors=np.array([walk.given.solve().error]))
        wanted = onward(first, 0.5, 3, enough=0.0)
        np.testing.assert_array_equal(walk.errors, wanted.errors)
        assert steps._walk(replace(given, activation=activation)) is walk
        ends[activation] = walk.errors[-1]
    assert ends["sigmoid"] != ends["tanh"]
    before = steps._walk(given)
    session["walk"] = "2x0.5"
    assert len(steps._walk(given).errors) == 3 and len(before.errors) == 4


@pytest.mark.parametrize("errors, full", [(1, False), (steps.MAX_STEPS, False), (steps.MAX_STEPS + 1, True)])
@pytest.mark.parametrize("locked", [(), ("exercise_run",)])
def test_steps_can_be_taken_until_there_are_enough_and_where_they_are_not_fixed(errors, full, locked, monkeypatch):
    drawn = {}
    streamlit = anything(
        button=lambda label, *, key, disabled, **more: drawn.update({key: (disabled, more.get("args"))})
    )
    monkeypatch.setattr(steps, "st", streamlit)
    monkeypatch.setattr(steps.views, "is_locked", lambda name: name in locked)
    walk = replace(start(7), errors=np.zeros(errors))
    for draw in steps.controls(walk).values():
        draw()
    assert drawn == {
        "exercise_step": (full, (1,)), "exercise_run": (full or bool(locked), (steps.RUN,)),
        "exercise_back": (False, None),
    }  # fmt: skip
