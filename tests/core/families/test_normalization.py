"""Normalization over the units of a sample and over the samples of a batch, and its exact backward pass."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ConfigError, RunConfig, diagnose, snapshot, train
from core.engine.training import evaluate
from core.families.normalization import EPS, NORMALIZATIONS, normalize, normalize_backward
from core.theory import predict
from tests.support.gains import draw_gains

RULES = [name for name in NORMALIZATIONS if name != "none"]


def forward(net, axis):
    """(normalized, 1 / deviation) through the buffers that the engine hands over."""
    work = net.copy()
    shape = [1 if k == axis else length for k, length in enumerate(net.shape)]
    inverse = np.full(shape, np.nan, net.dtype)
    normalize(work, axis, inverse)
    return work, inverse


def backward(delta, net, axis):
    normalized, inverse = forward(net, axis)
    work = delta.copy()
    normalize_backward(work, normalized, axis, inverse)
    return work


def test_members_say_what_they_are():
    assert set(NORMALIZATIONS) == {"none", "layer", "batch"}
    assert [NORMALIZATIONS[name].axis for name in ("none", "layer", "batch")] == [None, 1, 2]
    for rule in NORMALIZATIONS.values():
        assert rule.label and rule.source and r"\hat z" in rule.formula


@pytest.mark.parametrize("axis", [1, 2])
@given(st.tuples(*[st.integers(1, 6)] * 3), st.integers(0, 2**32 - 1), st.floats(-6, 4))
def test_it_is_the_textbook_formula_with_the_biased_variance(axis, shape, seed, power):
    net = 10.0**power * np.random.default_rng(seed).standard_normal(shape)
    found, inverse = forward(net, axis)
    mean, variance = net.mean(axis=axis, keepdims=True), net.var(axis=axis, keepdims=True)
    np.testing.assert_allclose(inverse, 1 / np.sqrt(variance + 1e-5), rtol=1e-13)
    # the difference to the mean carries a rounding of net itself
    atol = 1e-14 * np.abs(net * inverse).max()
    np.testing.assert_allclose(found, (net - mean) / np.sqrt(variance + 1e-5), rtol=1e-12, atol=atol)


@pytest.mark.parametrize("axis", [1, 2])
@given(st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 2**32 - 1))
def test_backward_is_the_transposed_jacobian(axis, shape, seed):
    rng = np.random.default_rng(seed)
    net, delta = rng.standard_normal(shape), rng.standard_normal(shape)
    found = backward(delta, net, axis)
    # J by its definition, group by group: (I - 1/n - z z^T / n) / deviation
    moved, upstream = np.moveaxis(net, axis, -1), np.moveaxis(delta, axis, -1)
    n = moved.shape[-1]
    wanted = np.empty_like(moved)
    for index in np.ndindex(moved.shape[:-1]):
        deviation = np.sqrt(moved[index].var() + EPS)
        z = (moved[index] - moved[index].mean()) / deviation
        J = (np.eye(n) - 1 / n - np.outer(z, z) / n) / deviation
        wanted[index] = J.T @ upstream[index]
    # two terms cancel against each other, each as large as delta / deviation
    atol = 1e-13 * np.abs(delta).max() / np.sqrt(EPS)
    np.testing.assert_allclose(np.moveaxis(found, axis, -1), wanted, rtol=1e-11, atol=atol)


@pytest.mark.parametrize("axis", [1, 2])
def test_backward_agrees_with_central_differences(axis):
    rng = np.random.default_rng(1)
    net, weights, h = rng.standard_normal((2, 4, 5)), rng.standard_normal((2, 4, 5)), 1e-5
    found = backward(weights, net, axis)
    for index in np.ndindex(net.shape):
        shift = np.zeros_like(net)
        shift[index] = h
        up, down = forward(net + shift, axis)[0], forward(net - shift, axis)[0]
        # truncation h^2 times a third derivative of a few units, rounding eps / h
        assert found[index] == pytest.approx(((up - down) * weights).sum() / (2 * h), abs=1e-8)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_group_of_one_is_normalized_to_zero_and_passes_nothing_back(axis):
    shape = (2, 1, 3) if axis == 1 else (2, 3, 1)
    net = np.random.default_rng(2).standard_normal(shape)
    np.testing.assert_array_equal(forward(net, axis)[0], 0)
    np.testing.assert_array_equal(backward(np.ones(shape), net, axis), 0)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_large_common_offset_does_not_spoil_the_variance(axis, dtype):
    # the mean is taken off before squares are summed: an offset of 1e4 costs its own rounding and no more
    base = np.random.default_rng(3).standard_normal((1, 6, 7)).astype(dtype)
    plain, _ = forward(base, axis)
    shifted, _ = forward(base + dtype(1e4), axis)
    np.testing.assert_allclose(shifted, plain, atol=1e5 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", RULES)
def test_hidden_layers_are_normalized_before_the_activation_and_the_output_is_not(name):
    config = RunConfig(
        hidden=(5, 4), activation="tanh", normalization=name, samples=9, bias_std=0.5, loss="mse", residual=True
    )
    kept = snapshot(config)
    y = kept.inputs
    for layer, (W, b) in enumerate(kept.weights):
        net = y @ W + b
        np.testing.assert_allclose(kept.net[layer], net, rtol=1e-12, atol=1e-13)  # recorded before normalization
        if layer < 2:
            axis = 1 if name == "layer" else 0
            net = (net - net.mean(axis=axis, keepdims=True)) / np.sqrt(net.var(axis=axis, keepdims=True) + 1e-5)
            net = np.tanh(net)
        np.testing.assert_allclose(kept.activation[layer], net, rtol=1e-11, atol=1e-12)
        y = kept.activation[layer]
    np.testing.assert_array_equal(kept.output, kept.activation[-1])


@pytest.mark.parametrize("name", RULES)
def test_the_scale_of_the_weights_below_does_not_matter_but_for_eps(name):
    config = RunConfig(hidden=(16, 16), activation="tanh", normalization=name, samples=32, steps=0, seed=1)
    start = train([config])[0].weights
    scaled = [(1000 * W, b) for W, b in start[:2]] + start[2:]
    plain, large = train([config, config], initial=[start, scaled])
    assert plain.loss[0] == pytest.approx(large.loss[0], rel=1e-3)  # eps 1e-5 beside variances of about 1
    assert plain.grad_norm[0, 0] == pytest.approx(1000 * large.grad_norm[0, 0], rel=1e-3)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_batch_of_one_sample_trains_or_stands_still_but_stays_finite(name):
    (trace,) = train([RunConfig(hidden=(4, 4), normalization=name, batch_size=1, samples=6, steps=12)])
    assert trace.diverged_at is None and np.isfinite(trace.loss).all() and np.isfinite(trace.grad_norm).all()
    if name == "batch":  # one sample is its own mean: nothing of the input is left, and only the output layer learns
        np.testing.assert_array_equal(trace.grad_norm[:, 0], 0)


# -- a learned gain and shift -----------------------------------------------------------------------------------

SMALL = RunConfig(hidden=(7, 6, 6), activation="tanh", samples=30, holdout=0.2, steps=8, learning_rate=0.1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", RULES)
def test_a_gain_of_one_and_a_shift_of_zero_change_no_bit_before_the_first_step(name, dtype):
    plain, learned = train([SMALL.replace(normalization=name, norm_affine=on, dtype=dtype) for on in (False, True)])
    for field in ("loss", "holdout_loss", "grad_norm", "delta_norm", "weight_norm", "saturation", "dead"):
        np.testing.assert_array_equal(getattr(plain, field)[0], getattr(learned, field)[0], err_msg=field)
    assert learned.global_grad_norm[0] > plain.global_grad_norm[0]  # there are more parameters
    assert learned.loss[2] != plain.loss[2]  # the first step that has moved them is felt


def test_the_theory_of_the_initialization_is_that_of_plain_normalization():
    plain, learned = (predict(SMALL.replace(normalization="layer", norm_affine=on)) for on in (False, True))
    for field in ("mean", "median", "low", "high"):
        np.testing.assert_array_equal(getattr(plain, field), getattr(learned, field))


def test_without_normalization_there_is_nothing_to_learn():
    plain, asked = train([SMALL.replace(norm_affine=on) for on in (False, True)])
    np.testing.assert_array_equal(plain.loss, asked.loss)
    assert all(len(layer) == 2 for layer in asked.weights)


@pytest.mark.parametrize("name", RULES)
def test_hidden_layers_apply_their_gain_and_shift(name):
    config = SMALL.replace(normalization=name, norm_affine=True, bias_std=0.5, holdout=0.0)
    kept = snapshot(config, initial=draw_gains(snapshot(config).weights))
    y = kept.inputs
    for layer, (W, b, gain, shift) in enumerate(kept.weights[:-1]):
        net = y @ W + b
        axis = 1 if name == "layer" else 0
        normalized = (net - net.mean(axis=axis, keepdims=True)) / np.sqrt(net.var(axis=axis, keepdims=True) + 1e-5)
        np.testing.assert_allclose(kept.activation[layer], np.tanh(gain * normalized + shift), rtol=1e-10, atol=1e-12)
        y = kept.activation[layer]
    np.testing.assert_allclose(evaluate(config, kept.weights, kept.inputs), kept.output, rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_penalties_decay_and_max_norm_leave_gains_and_shifts_alone(name):
    # no gradient comes back through an output layer of zeros, and so only penalties and decay could move them
    config = SMALL.replace(
        normalization=name,
        norm_affine=True,
        l1=0.1,
        l2=0.1,
        weight_decay=0.5,
        max_norm=0.1,
        learning_rate=1e-3,
        steps=1,
    )
    initial = draw_gains(snapshot(config).weights)
    W, b = initial[-1]
    initial[-1] = np.zeros_like(W), b
    (trace,) = train([config], initial=[initial])
    for (W, _, gain, shift), (W_first, _, *own) in zip(trace.weights[:-1], initial[:-1], strict=True):
        np.testing.assert_array_equal([gain, shift], own)
        assert (np.abs(W) < np.abs(W_first)).all()


@pytest.mark.parametrize("layer, error", [
    ((np.ones((6, 1)), np.zeros(1)), "layer 1 needs .W, b, gain, shift."),
    ((np.ones((2, 7)), np.zeros(7), np.ones(6), np.zeros(7)), "gain of layer 1 has shape"),
    ((np.ones((2, 7)), np.zeros(7), np.ones(7), np.zeros(6)), "shift of layer 1 has shape"),
    ((np.ones((2, 7)), np.zeros(7), np.full(7, np.nan), np.zeros(7)), "must be finite"),
])  # fmt: skip
def test_gains_and_shifts_that_do_not_fit_are_refused(layer, error):
    config = SMALL.replace(normalization="layer", norm_affine=True)
    with pytest.raises(ConfigError, match=error):
        train([config], initial=[[layer, *snapshot(config).weights[1:]]])


def test_a_run_that_learns_its_gains_is_diagnosed_as_any_other():
    config = RunConfig(
        hidden=(16,) * 6, activation="relu", init="he_normal", normalization="batch", norm_affine=True,
        learning_rate=0.05, steps=300,
    )  # fmt: skip
    healthy = [
        diagnose(trace).verdict == "healthy" for trace in train([config.replace(seed=s) for s in range(100, 108)])
    ]
    assert sum(healthy) >= 6
    zero = config.replace(init_scale=0.0, steps=20)
    assert diagnose(train([zero])[0]).verdict == "identical_units"
