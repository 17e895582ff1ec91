"""Losses and their delta at the output against 50 digits, also where exponentials would overflow."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, xlogy

from core import ConfigError, RunConfig, snapshot, train
from core.families.activations import ACTIVATIONS
from core.families.losses import LOSSES, OUTPUT_ACTIVATIONS, softmax

EPS = np.finfo(float).eps
OUTPUT = {"mse": "linear", "bce": "sigmoid", "cross_entropy": "softmax"}


def run(loss, net, target, output=None, dtype="float64"):
    """(trace, snapshot) of a network without hidden layer and with unit weights, whose net input is `net` itself."""
    outputs = net.shape[1]
    config = RunConfig(
        hidden=(), bias=False, loss=loss, output_activation=output or OUTPUT[loss], steps=0, dtype=dtype, samples=2
    )
    data, initial = (net, target), [(np.eye(outputs), None)]
    return train([config], data=data, initial=[initial])[0], snapshot(config, data=data, initial=initial)


def exact(loss, net, target):
    """E and N dE/dnet in 50 digits."""
    with mpmath.workdps(50):
        total, deltas = mpmath.mpf(0), []
        for row, wanted in zip(net, target, strict=True):
            z, d = [mpmath.mpf(float(v)) for v in row], [mpmath.mpf(float(v)) for v in wanted]
            if loss == "mse":
                total += sum((a - b) ** 2 for a, b in zip(z, d, strict=True))
                deltas.append([2 * (a - b) for a, b in zip(z, d, strict=True)])
            elif loss == "bce":
                logs = [(mpmath.log1p(mpmath.exp(-a)), mpmath.log1p(mpmath.exp(a))) for a in z]
                total += sum(b * right + (1 - b) * wrong for (right, wrong), b in zip(logs, d, strict=True))
                deltas.append([1 / (1 + mpmath.exp(-a)) - b for a, b in zip(z, d, strict=True)])
            else:
                integer = sum(mpmath.exp(a) for a in z)
                total -= sum(b * (a - mpmath.log(integer)) for a, b in zip(z, d, strict=True))
                deltas.append([mpmath.exp(a) / integer - b for a, b in zip(z, d, strict=True)])
        return float(total / len(net)), np.array([[float(v) for v in row] for row in deltas])


def test_every_loss_is_covered_here():
    assert set(OUTPUT) == set(LOSSES)
    for loss in LOSSES.values():
        assert loss.label and loss.source and loss.formula.startswith("E = ")
        assert loss.output_activation in (None, "sigmoid", "softmax")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 500.0, 1e6])
def test_value_and_delta_agree_with_50_digits(loss, scale):
    rng = np.random.default_rng(3)
    net = scale * rng.standard_normal((8, 4))
    target = np.eye(4)[rng.integers(0, 4, 8)]
    trace, kept = run(loss, net, target)
    value, delta = exact(loss, net, target)
    # sums of 32 terms and a few roundings each; delta on the scale of a certain output's, which is 1
    assert trace.loss[0] == pytest.approx(value, rel=50 * EPS)
    np.testing.assert_allclose(8 * kept.delta[0], delta, rtol=20 * EPS, atol=20 * EPS)


@pytest.mark.parametrize("z", [1.0, 10.0, 30.0, 300.0, 1e4, 1e9])
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e9])
def test_a_small_loss_of_a_confident_network_keeps_its_digits(z, offset):
    # right by a margin of z: bce ln(1 + e^-z), cross-entropy of two outputs z apart the same. With both nets shifted by
    # the same offset nothing changes but the roundings of z itself.
    wanted = float(mpmath.log1p(mpmath.exp(-mpmath.mpf(z))))
    bce, _ = run("bce", np.array([[z], [-z]]), np.array([[1.0], [0.0]]))
    assert bce.loss[0] == pytest.approx(wanted, rel=20 * EPS, abs=1e-300)
    trace, _ = run("cross_entropy", np.array([[z + offset, offset], [offset, z + offset]]), np.eye(2))
    assert trace.loss[0] == pytest.approx(wanted, rel=1e-12, abs=EPS)  # 1 + e^-z is rounded before its ln


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_a_confidently_wrong_network_has_a_finite_loss_of_its_margin(loss):
    for z in (800.0, 1e6, 1e150):
        net, target = (np.array([[z, 0.0], [0.0, z]]), np.eye(2)[[1, 0]])
        trace, kept = run(loss, net, target)
        # cross-entropy: ln of the two terms is z + ln(1 + e^-z); bce adds ln 2 for each unit at 0 that should be 1
        assert trace.loss[0] == pytest.approx(z + (np.log(2) if loss == "bce" else 0), rel=1e-15)
        assert trace.diverged_at is None
        assert np.isfinite(kept.delta[0]).all() and np.abs(2 * kept.delta[0]).max() == pytest.approx(1, rel=1e-15)


def test_float32_losses_are_those_of_float64_to_rounding():
    rng = np.random.default_rng(4)
    for scale in (1.0, 80.0):
        net = (scale * rng.standard_normal((16, 3))).astype(np.float32).astype(float)
        target = np.eye(3)[rng.integers(0, 3, 16)]
        for loss in LOSSES:
            small, wide = run(loss, net, target, dtype="float32")[0], run(loss, net, target)[0]
            assert small.loss[0] == pytest.approx(wide.loss[0], rel=100 * float(np.finfo(np.float32).eps))


@given(st.integers(2, 6), st.integers(1, 9), st.integers(0, 2**32 - 1), st.floats(0.01, 1e4))
def test_softmax_is_that_of_scipy_and_sums_to_one(outputs, samples, seed, scale):
    net = scale * np.random.default_rng(seed).standard_normal((samples, outputs))
    _, kept = run("cross_entropy", net, np.tile(np.eye(outputs)[0], (samples, 1)))
    np.testing.assert_allclose(kept.output.sum(axis=1), 1, rtol=outputs * EPS)
    # exp(net - max) carries a rounding of its exponent, which is below 1e5, so 1e5 eps relative
    np.testing.assert_allclose(kept.output, np.exp(log_softmax(net, axis=1)), rtol=1e5 * EPS, atol=1e-300)


def test_softmax_of_equal_nets_is_uniform_whatever_they_are():
    for value in (-1e300, -5.0, 0.0, 710.0, 1e300):
        _, kept = run("cross_entropy", np.full((2, 4), value), np.eye(4)[:2])
        np.testing.assert_array_equal(kept.output, 0.25)


DRAW = np.random.default_rng(5)
SOFT = {
    "probabilities of classes": ("cross_entropy", DRAW.dirichlet(np.ones(3), 6)),
    "a probability": ("bce", DRAW.uniform(size=(6, 1))),
    "a probability for each output": ("bce", DRAW.uniform(size=(6, 3))),
    "several labels a sample": ("bce", np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 1], [0, 0, 1.0]])),
}


@pytest.mark.parametrize("name", SOFT)
def test_targets_that_are_no_single_label_have_the_loss_and_delta_of_the_formula(name):
    loss, target = SOFT[name]
    net = np.random.default_rng(6).standard_normal(target.shape)
    trace, kept = run(loss, net, target)
    value, delta = exact(loss, net, target)
    assert trace.loss[0] == pytest.approx(value, rel=50 * EPS)
    np.testing.assert_allclose(6 * kept.delta[0], delta, rtol=0, atol=20 * EPS)
    assert np.isnan(trace.accuracy).all()  # there is no one right class


@pytest.mark.parametrize("name", SOFT)
def test_the_gradient_of_such_targets_is_the_slope_of_the_loss(name):
    loss, target = SOFT[name]
    X = np.random.default_rng(7).standard_normal((6, 2))
    config = RunConfig(
        hidden=(3,), activation="tanh", init="glorot_normal", loss=loss, output_activation=OUTPUT[loss], steps=0
    )
    kept, h = snapshot(config, data=(X, target)), 1e-5
    for layer, gradient in enumerate(kept.weight_gradient):
        for place in np.ndindex(gradient.shape):
            sides = []
            for sign in (1, -1):
                weights = [(W.copy(), b.copy()) for W, b in kept.weights]
                weights[layer][0][place] += sign * h
                sides.append(train([config], data=(X, target), initial=[weights])[0].loss[0])
            # rounding of a loss of order 1 over 2 h is 1e-11, truncation h^2 E'''/6 about 1e-10
            assert (sides[0] - sides[1]) / (2 * h) == pytest.approx(gradient[place], rel=0, abs=1e-9)


@pytest.mark.parametrize("name", SOFT)
def test_such_targets_are_learnt_up_to_their_own_entropy(name):
    # each sample has an input of its own, so that one layer without biases can give it any output: E ends at the
    # entropy of the targets, the least there is
    loss, target = SOFT[name]
    config = RunConfig(
        hidden=(), bias=False, loss=loss, output_activation=OUTPUT[loss], optimizer="adam", learning_rate=0.1, steps=800
    )
    (trace,) = train([config], data=(np.eye(6), target))
    least = -xlogy(target, target).sum() / 6 - (xlogy(1 - target, 1 - target).sum() / 6 if loss == "bce" else 0)
    # labels of 0 and 1 are reached at infinity only: after 800 steps each output still lacks below 1e-3
    assert least - 1e-12 <= trace.loss[-1] <= least + 0.01


@pytest.mark.parametrize("output", [name for name in OUTPUT_ACTIVATIONS if name != "softmax"])
def test_mse_goes_through_the_slope_of_any_output(output):
    rng = np.random.default_rng(6)
    net, target = rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
    trace, kept = run("mse", net, target, output)
    value, slope = ACTIVATIONS[output].evaluate(net)
    assert trace.loss[0] == pytest.approx(((value - target) ** 2).sum() / 5, rel=20 * EPS)
    np.testing.assert_allclose(kept.delta[0], 2 * (value - target) * slope / 5, rtol=10 * EPS, atol=0)
    np.testing.assert_array_equal(kept.output, value)


@pytest.mark.parametrize(
    "loss, target",
    [
        ("bce", [[0.5], [2.0]]),
        ("bce", [[-0.1], [0.0]]),
        ("cross_entropy", [[1.0], [0.0]]),
        ("cross_entropy", [[1.0, 1.0], [0.0, 1.0]]),
        ("cross_entropy", [[2.0, -1.0], [0.0, 1.0]]),
    ],
)
def test_a_loss_refuses_targets_that_it_has_no_meaning_for(loss, target):
    target = np.array(target)
    with pytest.raises(ConfigError, match=f"loss = '{loss}'"):
        run(loss, np.zeros_like(target), target)


def test_softmax_is_taken_over_the_outputs_of_each_sample():
    net = np.array([[1000.0, -1000.0, 0.0], [1001.0, -1001.0, 0.0]])  # (outputs, samples)
    out, log_sum = np.empty_like(net), np.empty(3)
    softmax(net, out, log_sum)
    e = 1 / (1 + np.exp(-1.0))
    np.testing.assert_allclose(out, [[1 - e, e, 0.5], [e, 1 - e, 0.5]], rtol=4 * EPS)
    np.testing.assert_allclose(log_sum - net, -np.log(out), rtol=4 * EPS)
