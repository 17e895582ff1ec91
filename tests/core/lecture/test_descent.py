"""Functions of two variables: derivatives against differences and hand work, paths against closed forms, limits."""

import math
from dataclasses import replace

import numpy as np
import pytest

from core import ConfigError
from core.exercise import solve
from core.lecture.descent import (
    ARRIVED,
    SLICE_W01,
    SLICE_W12,
    SLICE_X,
    SURFACES,
    Path,
    bowl,
    classify,
    descend,
    grid,
    network_error,
    rosenbrock,
    saddle,
    slice_targets,
    stability_limit,
    start_near,
)

PLACES = [(-1.3, 0.7), (0.4, -1.1), (2.0, 3.0), (0.0, 0.0), (1.0, 1.0)]


def central(function, point, step):
    """Central differences of a function of a point, along each coordinate; a row a coordinate."""
    shifts = step * np.eye(2)
    return np.array([(function(point + shift) - function(point - shift)) / (2 * step) for shift in shifts])


@pytest.mark.parametrize("start", PLACES)
@pytest.mark.parametrize("name", SURFACES)
def test_gradient_is_that_of_central_differences(name, start):
    surface, point = SURFACES[name](), np.array(start)
    numeric = central(lambda p: float(surface.value(*p)), point, 1e-5)
    # truncation is 1e-10 / 6 of the third derivative (at most 2,400 + here); rounding 1e-16 of the value over 1e-5
    np.testing.assert_allclose(surface.gradient(point), numeric, rtol=1e-7, atol=1e-6 * max(1, np.abs(numeric).max()))


@pytest.mark.parametrize("start", PLACES)
@pytest.mark.parametrize("name", SURFACES)
def test_hessian_is_that_of_central_differences_of_the_gradient(name, start):
    surface, point = SURFACES[name](), np.array(start)
    numeric = central(surface.gradient, point, 1e-5)
    hessian = surface.hessian(point)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-14)  # sums in another order round otherwise
    np.testing.assert_allclose(hessian, numeric, rtol=1e-7, atol=1e-7 * max(1, np.abs(numeric).max()))


def test_values_gradients_and_hessians_worked_by_hand():
    # a bowl of condition 4, not rotated: E = (x^2 + 4 y^2) / 2
    flat = bowl(4, 0)
    assert flat.value(3.0, 1.0) == pytest.approx(6.5)
    np.testing.assert_allclose(flat.gradient(np.array([3.0, 1.0])), [3, 4], atol=1e-12)
    # by 90 degrees the first axis is the steep one; by 45 it is shared: H = [[2.5, -1.5], [-1.5, 2.5]]
    np.testing.assert_allclose(bowl(4, 90).hessian(np.zeros(2)), [[4, 0], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(bowl(4, 45).hessian(np.zeros(2)), [[2.5, -1.5], [-1.5, 2.5]], atol=1e-12)
    # the saddle at (2, 2): 2 - 2 + 4 = 4, gradient (2, 8 - 2), Hessian diag(1, 12 - 1)
    assert saddle().value(2.0, 2.0) == pytest.approx(4)
    np.testing.assert_allclose(saddle().gradient(np.array([2.0, 2.0])), [2, 6])
    np.testing.assert_allclose(saddle().hessian(np.array([2.0, 2.0])), [[1, 0], [0, 11]])
    # Rosenbrock at (-1.2, 1): 2.2^2 + 100 * 0.44^2 = 24.2; at (1, 1) its Hessian is [[802, -400], [-400, 200]]
    assert rosenbrock().value(-1.2, 1.0) == pytest.approx(24.2)
    np.testing.assert_allclose(rosenbrock().gradient(np.array([-1.2, 1.0])), [-215.6, -88.0])
    np.testing.assert_allclose(rosenbrock().hessian(np.array([1.0, 1.0])), [[802, -400], [-400, 200]])


def test_the_networks_surface_is_the_exercises_error_over_two_of_its_weights():
    for x, y in PLACES:
        w01, w12 = SLICE_W01.copy(), SLICE_W12.copy()
        w01[0, 0], w12[0] = x, y
        assert network_error().value(x, y) == solve(w01, w12, SLICE_X, slice_targets()).error


@pytest.mark.parametrize("name", SURFACES)
def test_minima_have_no_gradient_and_curve_upwards_and_nothing_drawn_is_lower(name):
    surface = SURFACES[name]()
    for lowest in map(np.array, surface.minima):
        assert float(surface.value(*lowest)) == surface.lowest
        np.testing.assert_allclose(surface.gradient(lowest), 0, atol=1e-15)
        assert np.linalg.eigvalsh(surface.hessian(lowest))[0] > 0
    x, y, values = grid(surface, 31)
    assert values.min() >= surface.lowest
    assert values[4, 7] == surface.value(x[7], y[4])
    (left, right), (low, high) = surface.box
    assert right - left == high - low  # a square, so that right angles look right


@pytest.mark.parametrize("condition, rotation", [(1, 0), (10, 30), (1000, -75)])
def test_bowl_has_the_eigenvalues_one_and_the_condition_number_in_the_direction_said(condition, rotation):
    eigenvalues, directions = np.linalg.eigh(bowl(condition, rotation).hessian(np.zeros(2)))
    np.testing.assert_allclose(eigenvalues, [1, condition], rtol=1e-12)
    if condition > 1:
        angle = math.radians(rotation)
        assert abs(directions[:, 0] @ [math.cos(angle), math.sin(angle)]) == pytest.approx(1)


@pytest.mark.parametrize("rate", [0.02, 0.19, 0.2, 0.21])
def test_path_on_a_bowl_is_powers_of_one_matrix(rate):
    surface, start = bowl(10, 30), np.array([-2.4, 1.2])
    path = descend(surface, tuple(start), rate, steps=40)
    step = np.eye(2) - rate * surface.hessian(start)
    expected = np.array([np.linalg.matrix_power(step, t) @ start for t in range(41)])
    np.testing.assert_allclose(path.points, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(path.values, [0.5 * p @ surface.hessian(p) @ p for p in expected], rtol=1e-8, atol=1e-12)


def test_path_of_a_heavy_ball_is_powers_of_its_matrix_of_position_and_velocity():
    surface, start, rate, momentum = bowl(10, 30), np.array([-2.4, 1.2]), 0.15, 0.8
    hessian, one = surface.hessian(start), np.eye(2)
    # v' = mu v + H w, w' = w - rate v'
    step = np.block([[one - rate * hessian, -rate * momentum * one], [hessian, momentum * one]])
    state, expected = np.concatenate([start, np.zeros(2)]), []
    for _ in range(31):
        expected.append(state[:2])
        state = step @ state
    path = descend(surface, tuple(start), rate, momentum, 30)
    np.testing.assert_allclose(path.points, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("condition", [2, 10, 100])
def test_a_bowl_converges_just_below_the_limit_and_diverges_just_above(condition, momentum):
    surface = bowl(condition, 30)
    most = stability_limit(surface.hessian(np.zeros(2)), momentum)
    assert most == pytest.approx(2 * (1 + momentum) / condition)
    below = descend(surface, (-2.4, 1.2), 0.95 * most, momentum, 2000)
    above = descend(surface, (-2.4, 1.2), 1.05 * most, momentum, 2000)
    assert below.diverged_at is None and below.values[-1] < 1e-9 * below.values[0]
    assert classify(surface, below).kind == "arrives"
    assert above.diverged_at is not None and classify(surface, above).kind == "diverges"
    assert len(above.points) == above.diverged_at + 1


@pytest.mark.parametrize("name", [name for name in SURFACES if name != "bowl"])
def test_limit_at_a_minimum_decides_what_happens_near_it(name):
    surface = SURFACES[name]()
    lowest = np.array(surface.minima[0])
    most = stability_limit(surface.hessian(lowest))
    (_, steep) = np.linalg.eigh(surface.hessian(lowest))[1].T
    near = lowest + 1e-6 * steep
    ends = [descend(surface, tuple(near), share * most, steps=30).points[-1] for share in (0.9, 1.1)]
    away = [np.linalg.norm(end - lowest) for end in ends]
    # the factor along the steep direction is -0.8 and -1.2 a step, of which 30 make 1.2e-3 and 237
    assert away[0] < 1e-2 * 1e-6 and away[1] > 1e2 * 1e-6


def test_there_is_no_limit_where_nothing_curves_upwards():
    assert stability_limit(np.array([[-1.0, 0.0], [0.0, -2.0]])) == math.inf
    assert stability_limit(np.zeros((2, 2))) == math.inf


@pytest.mark.parametrize("rate", [1e-300, 1.0, 1e6])
@pytest.mark.parametrize("start", [(0.0, 0.0), (1000.0, -1000.0)])
@pytest.mark.parametrize("momentum", [0.0, math.nextafter(1, 0)])
@pytest.mark.parametrize("name", SURFACES)
def test_every_path_within_the_rules_stays_finite(name, momentum, start, rate):
    path = descend(SURFACES[name](), start, rate, momentum, 300)
    assert np.isfinite(path.points).all() and np.isfinite(path.values).all()


BAD = [
    {"learning_rate": 0.0}, {"learning_rate": -1.0}, {"learning_rate": math.nan}, {"learning_rate": math.inf},
    {"momentum": 1.0}, {"momentum": -0.1}, {"momentum": math.nan}, {"steps": -1}, {"steps": 2001}, {"steps": 1.5},
    {"start": (math.nan, 0.0)}, {"start": (0.0, 1001.0)},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_bad_setting_of_a_descent_is_refused_by_name(bad):
    settings = {"start": (0.0, 0.0), "learning_rate": 0.1, "momentum": 0.0, "steps": 10} | bad
    with pytest.raises(ConfigError) as refused:
        descend(bowl(), **settings)
    assert refused.value.field == next(iter(bad))


@pytest.mark.parametrize("bad", [(0.5, 0), (1001, 0), (math.nan, 0), (10, 181), (10, math.inf)])
def test_a_bad_bowl_is_refused(bad):
    with pytest.raises(ConfigError):
        bowl(*bad)


# -- what became of a path ------------------------------------------------------------------------------------------


def test_a_start_at_the_minimum_arrives_at_step_0():
    for name in SURFACES:
        surface = SURFACES[name]()
        assert classify(surface, descend(surface, surface.minima[0], 0.1, steps=5)).kind == "arrives"
        assert classify(surface, descend(surface, surface.minima[0], 0.1, steps=5)).step == 0


def test_a_start_on_the_ridge_of_the_saddle_is_stuck():
    path = descend(saddle(), (1.0, 0.0), 0.2, steps=200)
    assert classify(saddle(), path).kind == "stuck"


def test_arrival_is_the_first_step_from_which_a_thousandth_of_the_way_is_left():
    surface = replace(bowl(1, 0), quadratic=False)
    points = np.array([[1.0, 0.0], [0.0, 0.0], [0.5, 0.0], [0.01, 0.0], [0.0, 0.0]])
    path = Path(
        points=points,
        values=np.array([float(surface.value(*p)) for p in points]),
        diverged_at=None,
        learning_rate=0.1,
        momentum=0.0,
    )
    outcome = classify(surface, path)
    assert (outcome.kind, outcome.step) == ("arrives", 3)  # at step 1 it was there, but did not stay
    # moves -1, 0.5, -0.49, -0.01: the second and third turn back, the fourth does not
    assert outcome.turning == pytest.approx(2 / 3)
    assert outcome.done == 1


def test_no_step_is_judged_too():
    outcome = classify(bowl(), descend(bowl(), (1.0, 1.0), 0.1, steps=0))
    assert (outcome.kind, outcome.step, outcome.done, outcome.turning) == ("underway", 0, 0.0, 0.0)


@pytest.mark.parametrize("condition", [1, 10, 1000])
@pytest.mark.parametrize("momentum", [0.9, 0.99])
def test_momentum_that_swings_up_below_the_limit_is_not_called_divergence(momentum, condition):
    surface = bowl(condition, 30)
    most = stability_limit(surface.hessian(np.zeros(2)), momentum)
    kinds = set()
    for steps in (1, 5, 10, 50, 200):
        path = descend(surface, surface.start, 0.95 * most, momentum, steps)
        outcome = classify(surface, path)
        assert outcome.kind != "diverges"
        assert (outcome.kind == "swings") == (path.values[-1] > path.values[0])
        kinds.add(outcome.kind)
    assert "swings" in kinds
    # 0.99^(1000) of the energy is left, times the swing, of which 2,000 steps leave nothing
    assert (
        descend(surface, surface.start, 0.95 * most, momentum, 2000).values[-1]
        < descend(surface, surface.start, 0.95 * most, momentum, 0).values[-1]
    )
    above = descend(surface, surface.start, 1.05 * most, momentum, 2000)
    assert classify(surface, above).kind == "diverges"


def test_exactly_at_the_limit_neither_is_promised():
    surface = bowl(10, 0)
    path = descend(surface, (0.0, 1.0), stability_limit(surface.hessian(np.zeros(2)), 0.5), 0.5, 9)
    higher = replace(path, values=path.values + np.arange(10))
    assert classify(surface, higher).kind == "underway"


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("name", [name for name in SURFACES if name != "bowl"])
def test_beside_a_minimum_a_path_arrives_just_below_the_limit_and_leaves_just_above(name, momentum):
    surface = SURFACES[name]()
    for minimum in map(np.array, surface.minima):
        most = stability_limit(surface.hessian(minimum), momentum)
        start, steps = start_near(surface, minimum, momentum)
        below = classify(surface, descend(surface, start, 0.95 * most, momentum, steps))
        above = classify(surface, descend(surface, start, 1.05 * most, momentum, steps))
        assert below.kind == "arrives" and below.done > 1 - ARRIVED
        assert above.kind != "arrives" and above.done < 0
