"""The 2-2-1 exercise against hand work, stored numbers, finite differences and the engine."""

import json

import numpy as np
import pytest

from core import ConfigError, snapshot, train
from core.exercise import CONFIG, WEIGHTS, by_engine, central_differences, check, descend, misprinted, solve, update
from tests.support.checkout import REFERENCE

with open(REFERENCE / "exercise.json", encoding="utf-8") as file:
    STORED = {entry["name"]: entry for entry in json.load(file)["instances"]}

# Stored and computed in float64 by closed forms of a dozen operations on numbers of size 1.
TIGHT = {"rtol": 1e-10, "atol": 1e-13}


def given(entry):
    return tuple(np.array(entry[name]) for name in ("w01", "w12", "x", "d"))


def drawn(seed, samples):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal(size=(samples, 2)), rng.uniform(size=samples)


@pytest.fixture(params=STORED)
def entry(request):
    return STORED[request.param]


def test_values_gradients_and_hessian_are_the_stored_ones(entry):
    s = solve(*given(entry))
    for name, key in (("net01", "net01"), ("y", "y"), ("net12", "net12"), ("o", "o"), ("error", "E"),
                      ("gradient", "grad"), ("grad_w01", "grad_w01"), ("grad_w12", "grad_w12"),
                      ("hessian", "hessian")):  # fmt: skip
        np.testing.assert_allclose(getattr(s, name), np.array(entry[key]), **TIGHT, err_msg=name)


def test_the_misprinted_gradient_is_refused(entry):
    wrong = np.array(entry["wrong_slide_grad_w01"])
    np.testing.assert_allclose(misprinted(*given(entry)), wrong, **TIGHT)
    assert np.abs(solve(*given(entry)).grad_w01 - wrong).max() > 1e-4
    assert np.abs(central_differences(*given(entry))[:4] - wrong.ravel()).max() > 1e-4


def test_one_step_worked_by_hand():
    # All weights 0, one sample x = (1, 2), d = 1, eta = 4:
    # net_1 = net_2 = 0, y = (1/2, 1/2), net = 0, o = 1/2, E = (1/2 - 1)^2 = 1/4.
    # dE/do = 2 (1/2 - 1) = -1; do/dnet = 1/2 (1 - 1/2) = 1/4.
    # dE/dw_j1 = -1 * 1/4 * 1/2 = -1/8; dE/dw_ij = ... * w_j1 = 0.
    w01, w12, x, d = np.zeros((2, 2)), np.zeros(2), [[1, 2]], [1]
    s = solve(w01, w12, x, d)
    assert (s.error, s.o[0], s.dE_do[0], s.do_dnet12[0]) == (0.25, 0.5, -1, 0.25)
    assert s.grad_w12.tolist() == [-0.125, -0.125] and not s.grad_w01.any()
    # w_j1 = 0 + 4/8 = 1/2, so net = 1/2 * 1/2 + 1/2 * 1/2 = 1/2 and o = S(1/2).
    w01, w12 = update(w01, w12, x, d, 4)
    assert w12.tolist() == [0.5, 0.5] and not w01.any()
    s = solve(w01, w12, x, d)
    o = 1 / (1 + np.exp(-0.5))
    assert s.net12[0] == 0.5 and s.o[0] == pytest.approx(o, rel=1e-15)
    # Now the signal reaches the first layer: dE/dw_11 = 2 (o - 1) * o (1 - o) * w_11^(1,2) * y_1 (1 - y_1) * x_1
    # = 2 (o - 1) o (1 - o) * 1/2 * 1/4 * 1, and twice that for x_2 = 2.
    first = 2 * (o - 1) * o * (1 - o) / 8
    np.testing.assert_allclose(s.grad_w01, [[first, first], [2 * first, 2 * first]], rtol=1e-14)


@pytest.mark.parametrize("samples", [1, 2, 8])
def test_gradient_is_the_central_difference(samples):
    case = drawn(samples, samples)
    # the difference quotient's own error: h^2 and the rounding of E over h, both about 1e-11
    np.testing.assert_allclose(central_differences(*case), solve(*case).gradient, rtol=0, atol=1e-10)


@pytest.mark.parametrize("samples", [1, 5])
def test_hessian_is_the_central_difference_of_the_gradient(samples):
    w01, w12, x, d = drawn(samples, samples)
    weights, h, columns = np.concatenate([w01.ravel(), w12]), 1e-5, []
    for k in range(6):
        ends = []
        for sign in (1, -1):
            moved = weights.copy()
            moved[k] += sign * h
            ends.append(solve(moved[:4].reshape(2, 2), moved[4:], x, d).gradient)
        columns.append((ends[0] - ends[1]) / (2 * h))
    H = solve(w01, w12, x, d).hessian
    np.testing.assert_allclose(H, np.array(columns), rtol=0, atol=1e-9)
    np.testing.assert_allclose(H, H.T, rtol=0, atol=1e-15)


def test_terms_of_the_samples_and_the_chain_of_factors_make_the_gradients():
    w01, w12, x, d = drawn(0, 3)
    s = solve(w01, w12, x, d)
    for j in range(2):
        terms = [s.dE_do[n] * s.do_dnet12[n] * s.y[n, j] for n in range(3)]
        np.testing.assert_allclose(s.terms_w12[:, j], terms, rtol=1e-14)
        assert s.grad_w12[j] == pytest.approx(sum(terms), rel=1e-13)
        for i in range(2):
            terms = [s.dE_do[n] * s.do_dy[n, j] * s.dy_dnet01[n, j] * x[n, i] for n in range(3)]
            np.testing.assert_allclose(s.terms_w01[:, i, j], terms, rtol=1e-14)
            assert s.grad_w01[i, j] == pytest.approx(sum(terms), rel=1e-13)


@pytest.mark.parametrize("samples", [1, 4, 8])
def test_the_engine_has_the_same_network(samples):
    w01, w12, x, d = drawn(samples, samples)
    data, initial = (x, d[:, None]), [(w01, None), (w12[:, None], None)]
    s = solve(w01, w12, x, d)
    shot = snapshot(CONFIG, data=data, initial=initial)
    second = shot.weight_gradient[1][:, 0]
    for ours, theirs in ((s.net01, shot.net[0]), (s.y, shot.activation[0]), (s.o, shot.output[:, 0]),
                         (s.grad_w01, shot.weight_gradient[0]), (s.grad_w12, second)):  # fmt: skip
        np.testing.assert_allclose(ours, theirs, **TIGHT)
    [trace] = train([CONFIG.replace(steps=1, learning_rate=2.0)], data=data, initial=[initial])
    new = update(w01, w12, x, d, 2.0)
    np.testing.assert_allclose(trace.weights[0][0], new[0], **TIGHT)
    np.testing.assert_allclose(trace.weights[1][0][:, 0], new[1], **TIGHT)
    np.testing.assert_allclose(trace.loss, [s.error, solve(*new, x, d).error], **TIGHT)
    np.testing.assert_allclose(by_engine(w01, w12, x, d), s.gradient, **TIGHT)
    norms = [np.linalg.norm(s.grad_w01), np.linalg.norm(s.grad_w12)]
    np.testing.assert_allclose(trace.grad_norm[0], norms, **TIGHT)


def test_the_stored_step_is_reproduced():
    entry = STORED["random"]
    w01, w12, x, d = given(entry)
    new = update(w01, w12, x, d, 0.5)
    np.testing.assert_allclose(np.concatenate([new[0].ravel(), new[1]]), entry["gd_step_lr_0p5"]["theta"], **TIGHT)
    assert solve(*new, x, d).error == pytest.approx(entry["gd_step_lr_0p5"]["E"], rel=1e-12)


@pytest.mark.parametrize("size", [1e6, -1e6])
def test_the_largest_entries_give_finite_numbers(size):
    s = solve(np.full((2, 2), size), [size, -size], [[size, -size]], [size])
    assert all(np.isfinite(value).all() for value in vars(s).values())
    assert np.isfinite(central_differences(np.full((2, 2), size), [size, size], [[size, size]], [size])).all()


GOOD = {"w01": [[1, 2], [3, 4]], "w12": [1, 2], "x": [[1, 2]], "d": [1]}


@pytest.mark.parametrize("name, value, words", [
    ("w01", [[1, 2]], "w01 = '1 by 2' is not allowed: it must be 2 by 2"),
    ("w01", [[1, 2], [3]], "w01 = '2' is not allowed: it must be 2 by 2"),
    ("w01", [[1, 2], [3, np.nan]], "w01[2, 2] = nan is not allowed: it must be a finite number from -1,000,000"),
    ("w12", [1, np.inf], "w12[2] = inf"),
    ("w12", 3, "w12 = 'one value'"),
    ("x", [[1, "two"]], "x[1, 2] = 'two'"),
    ("x", [[1, None]], "x[1, 2] = None"),
    ("x", np.empty((0, 2)), "x = '0 by 2' is not allowed: it must be any number by 2 numbers, at least one row"),
    ("x", [[1, 2e6]], "x[1, 2] = 2000000.0"),
    ("d", [1, 0], "d = '2' is not allowed: it must be 1 numbers"),
    ("d", [True], "d[1] = True"),
])  # fmt: skip
def test_a_bad_entry_is_named_with_its_place_and_what_is_allowed(name, value, words):
    with pytest.raises(ConfigError) as caught:
        solve(**GOOD | {name: value})
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf, "fast"])
def test_a_learning_rate_must_be_above_zero(rate):
    with pytest.raises(ConfigError, match="learning_rate"):
        update(*GOOD.values(), rate)


def test_a_step_beyond_the_limit_is_refused():
    with pytest.raises(ConfigError, match="beyond a million"):
        update(np.ones((2, 2)), np.ones(2), [[1e6, 1e-6]], [1e6], 1e6)


def test_input_is_copied_and_integers_are_numbers():
    w01 = np.array([[1, 2], [3, 4]])
    update(w01, [1, 2], [[1, 2]], [0], 1)
    assert w01.tolist() == [[1, 2], [3, 4]] and len(WEIGHTS) == 6
    assert all(array.dtype == float for array in check(w01, [1, 2], [[1, 2]], [0]))


def test_many_steps_are_single_steps_and_end_where_the_gradient_is_small():
    w01, w12, x, d = drawn(3, 4)
    *weights, errors = descend(w01, w12, x, d, 2.0, 30)
    a, b = w01, w12
    for _ in range(30):
        a, b = update(a, b, x, d, 2.0)
    np.testing.assert_allclose(weights[0], a, **TIGHT)
    np.testing.assert_allclose(weights[1], b, **TIGHT)
    assert len(errors) == 31 and errors[-1] == pytest.approx(solve(a, b, x, d).error, rel=1e-10)
    enough = np.linalg.norm(solve(a, b, x, d).gradient) * (1 + 1e-9)
    norms = [np.linalg.norm(solve(*descend(w01, w12, x, d, 2.0, t)[:2], x, d).gradient) for t in range(31)]
    first = next(t for t, norm in enumerate(norms) if norm <= enough)
    assert len(descend(w01, w12, x, d, 2.0, 500, enough)[2]) == first + 1
    assert len(descend(w01, w12, x, d, 2.0, 500, 1e3)[2]) == 1


def test_many_steps_beyond_the_limit_are_refused():
    with pytest.raises(ConfigError, match="beyond a million"):
        descend(np.ones((2, 2)), np.ones(2), [[1e6, 1e-6]], [1e6], 1e6, 3)
