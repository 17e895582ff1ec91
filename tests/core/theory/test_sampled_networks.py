"""Drawn networks against the engine, and the numbers they are drawn from."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, snapshot
from core.families.activations import ACTIVATIONS
from core.families.initializers import INITS
from core.families.losses import LOSSES
from core.families.normalization import NORMALIZATIONS
from core.theory import sampled_networks
from core.theory.projections import count_negative
from core.theory.sampled_networks import NetworkSampler, Sample
from core.theory.shared_numbers import HAAR_MATRICES, Draws, haar_matrices

WIDTHS = (3, 6, 6, 4, 2)
DATA = np.random.default_rng(0).standard_normal((10, 3)), np.eye(2)[np.random.default_rng(1).integers(0, 2, 10)]
EPS = np.finfo(float).eps
OUTPUTS = {"mse": "tanh", "bce": "sigmoid", "cross_entropy": "softmax"}


def sampler_of(config, widths=WIDTHS, networks=16):
    deviation = INITS[config.init].deviation
    deviations = [config.init_scale * deviation(m, n) for m, n in zip(widths, widths[1:], strict=False)]
    return NetworkSampler(config, widths, deviations, networks)


def parameters_of(sampler, network):
    """(W, b) of every layer of one drawn network of the first group."""
    widths = sampler.widths
    numbers, bias_numbers = (part[network] for part in sampler._draw(0, np.float64))
    ends = np.cumsum([m * n for m, n in zip(widths, widths[1:], strict=False)])[:-1]
    shapes = zip(widths, widths[1:], strict=False)
    W = [part.reshape(shape) for part, shape in zip(np.split(numbers, ends), shapes, strict=True)]
    b = np.split(bias_numbers, np.cumsum(widths[1:])[:-1])
    return [
        (w * deviation, v * own)
        for w, v, deviation, own in zip(W, b, sampler.deviations, sampler.bias_deviations, strict=True)
    ]


def batch(X, D):
    return Sample(X=X, D=D, weights=np.full(len(X), 1 / len(X)), batch=len(X))


def assert_norms_of_the_engine(config):
    sampler = sampler_of(config)
    logs = sampler.log_squares(batch(*DATA), 0, 16)
    for network in (0, 7):
        initial = parameters_of(sampler, network)
        state = snapshot(config.replace(steps=0), data=DATA, initial=initial)
        grad = [np.sum(G**2) for G in state.weight_gradient]
        delta = [np.sum(d**2) for d in state.delta]
        # float32 forward and back; a small gradient is a difference of larger numbers
        np.testing.assert_allclose(np.exp(logs[0, network]), grad, rtol=2e-3, atol=1e-6 * max(grad))
        np.testing.assert_allclose(np.exp(logs[1, network]), delta, rtol=2e-3, atol=1e-6 * max(delta))


@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_norms_are_those_of_the_engine_with_the_same_weights(activation, loss, normalization, residual):
    config = RunConfig(hidden=WIDTHS[1:-1], activation=activation, loss=loss, output_activation=OUTPUTS[loss],
                       normalization=normalization, residual=residual, bias_std=0.3, init_scale=1.2)  # fmt: skip
    assert_norms_of_the_engine(config)


@pytest.mark.parametrize("init", INITS)
def test_norms_are_those_of_the_engine_with_weights_and_biases_of_every_init(init):
    assert_norms_of_the_engine(RunConfig(hidden=WIDTHS[1:-1], activation="tanh", init=init, bias_std=0.3))


# What varies is below 1e-7 of what a batch normalization subtracts, which float32 loses: forward, and back where slopes
# are equal too.
ALIKE = {
    "inputs": ("sigmoid", (1 + 1e-8 * DATA[0], DATA[1])),
    "errors": ("linear", (DATA[0], DATA[1] + 1e7)),
}


@pytest.mark.parametrize("alike", ALIKE)
def test_what_batch_normalization_leaves_of_samples_that_are_alike_is_no_rounding(alike):
    activation, data = ALIKE[alike]
    config = RunConfig(hidden=WIDTHS[1:-1], activation=activation, output_activation="linear", normalization="batch")
    sampler = sampler_of(config)
    logs = sampler.log_squares(batch(*data), 0, 16)
    for network in range(4):
        state = snapshot(config.replace(steps=0), data=data, initial=parameters_of(sampler, network))
        grad = [np.log(np.sum(G**2)) for G in state.weight_gradient]
        np.testing.assert_allclose(logs[0, network], grad, rtol=0, atol=0.01)


def test_a_gradient_whose_terms_cancel_is_no_rounding():
    # Batch normalization takes the size of one input's weights away: what is left of their gradient is of its 1e-5.
    X = np.linspace(-1, 1, 10)[:, None]
    config = RunConfig(
        hidden=(6, 6), activation="silu", output_activation="linear", normalization="batch", bias_std=0.1
    )
    config = config.replace(init_scale=100.0)
    sampler = sampler_of(config, (1, 6, 6, 2))
    logs = sampler.log_squares(batch(X, DATA[1]), 0, 16)
    for network in range(4):
        state = snapshot(config.replace(steps=0), data=(X, DATA[1]), initial=parameters_of(sampler, network))
        expected = np.log(np.sum(state.weight_gradient[0] ** 2))
        assert logs[0, network, 0] == pytest.approx(expected, abs=0.01)


def test_a_delta_that_normalization_takes_but_for_its_eps_is_no_rounding():
    # Where one ReLU alone is active, the size of its output has no say after the next normalization.
    config = RunConfig(hidden=(3,) * 8, activation="relu", output_activation="linear", normalization="layer")
    sampler = sampler_of(config, (3, *config.hidden, 2))
    logs = sampler.log_squares(batch(*DATA), 0, 16)
    for network in range(8):
        state = snapshot(config.replace(steps=0), data=DATA, initial=parameters_of(sampler, network))
        with np.errstate(divide="ignore", invalid="ignore"):
            delta = np.array([np.log(np.sum(d**2)) for d in state.delta])
            # Terms that cancel to 1e-17 keep no digit in either, and no layer below has one then: 60 digits of mpmath
            # show one such layer of the sixth network.
            fall = np.exp((np.append(delta[1:], delta[-1]) - delta) / 2)
            rounding = 10 * EPS * np.cumsum(fall[::-1])[::-1]
            apart = np.abs(logs[1, network] - delta)
        assert np.all((logs[1, network] == delta) | (apart <= 0.02 + rounding)), (network, apart)


@pytest.mark.filterwarnings("error")
@given(st.floats(1e-30, 1e30), st.integers(1, 6))
def test_without_targets_a_linear_network_scales_as_the_product_of_its_weights(scale, depth):
    config = RunConfig(hidden=(5,) * depth, activation="linear")
    widths = (3, *config.hidden, 1)
    sample = batch(DATA[0], np.zeros((10, 1)))
    one = sampler_of(config, widths).log_squares(sample, 0, 16)
    other = sampler_of(config.replace(init_scale=scale), widths).log_squares(sample, 0, 16)
    # dE/dW^l holds every weight but its own, and the output's error all of them once more
    expected = 2 * (2 * depth + 1) * math.log(scale)
    # the norms themselves need not be within the range of float64, nor their squares
    np.testing.assert_allclose(other[0] - one[0], expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_weighted_samples_count_as_often_as_they_weigh(normalization):
    config = RunConfig(hidden=WIDTHS[1:-1], activation="tanh", output_activation="linear", normalization=normalization)
    X, D = DATA
    twice = batch(np.concatenate([X, X[:4]]), np.concatenate([D, D[:4]]))
    weighted = Sample(X=X, D=D, weights=np.array([2.0] * 4 + [1.0] * 6) / 14, batch=14)
    sampler = sampler_of(config)
    # not with one output, whose weights follow the unweighted mean
    np.testing.assert_allclose(sampler.log_squares(weighted, 0, 16), sampler.log_squares(twice, 0, 16), rtol=1e-3)


def test_every_network_can_have_its_own_batch():
    config = RunConfig(hidden=WIDTHS[1:-1], activation="tanh")
    sampler = sampler_of(config)
    own = Sample(
        X=np.stack([DATA[0]] * 15 + [2 * DATA[0]]), D=np.stack([DATA[1]] * 16), weights=np.full(10, 0.1), batch=10
    )
    logs, same = sampler.log_squares(own, 0, 16), sampler.log_squares(batch(*DATA), 0, 16)
    np.testing.assert_allclose(logs[:, :15], same[:, :15], rtol=1e-4, atol=1e-4)
    assert (np.abs(logs[0, 15] - same[0, 15]) > 0.01).all()


def test_what_is_drawn_depends_on_no_thread(monkeypatch):
    config = RunConfig(hidden=WIDTHS[1:-1], activation="tanh", dropout=0.2)
    monkeypatch.setattr(sampled_networks, "cores", lambda: 2)
    side_by_side = sampler_of(config, networks=64).log_squares(batch(*DATA), 0, 64)
    monkeypatch.setattr(sampled_networks, "THREADS", 1)
    np.testing.assert_array_equal(sampler_of(config, networks=64).log_squares(batch(*DATA), 0, 64), side_by_side)


def test_networks_for_which_float32_fails_are_passed_again_alone_on_their_own_data():
    config = RunConfig(hidden=WIDTHS[1:-1], activation="linear", bias=False)
    X = np.stack([DATA[0]] * 16)
    X[3] *= 1e-13  # outputs below what float32 is trusted with
    D = np.zeros((16, *DATA[1].shape))
    sampler = sampler_of(config)
    logs = sampler.log_squares(Sample(X=X, D=D, weights=np.full(10, 0.1), batch=10), 0, 16)
    sampler = sampler_of(config)
    same = sampler.log_squares(batch(DATA[0], D[0]), 0, 16)
    np.testing.assert_array_equal(np.delete(logs, 3, axis=1), np.delete(same, 3, axis=1))
    # with targets of 0 all deltas follow the inputs, and gradients their square
    scale = 2 * math.log(1e-13)
    np.testing.assert_allclose(logs[:, 3] - same[:, 3], np.array([[2 * scale], [scale]]) + np.zeros((2, 4)), atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 1e13], ids=["float32", "float64"])
def test_projections_are_those_of_each_samples_gradient_delta_and_last_outputs(scale):
    config = RunConfig(hidden=WIDTHS[1:-1], activation="leaky_relu", bias_std=0.3, init_scale=scale)
    sampler = sampler_of(config)
    weights = np.random.default_rng(2).dirichlet(np.full(10, 5.0))
    projections = np.empty((16, 9, 10))
    sampler.log_squares(Sample(X=DATA[0], D=DATA[1], weights=weights, batch=10), 0, 16, projections)
    state = snapshot(config.replace(steps=0), data=DATA, initial=parameters_of(sampler, 7))
    inputs = [state.inputs, *state.activation[:-1]]
    for layer, (y, delta) in enumerate(zip(inputs, state.delta, strict=True)):
        G = np.linalg.norm(10 * np.einsum("n,ni,nk", weights, y, delta))
        along = [np.where(np.arange(part.shape[1]) < count_negative(part.shape[1]), -1, 1) for part in (y, delta)]
        expected = 10 * (y @ along[0]) * (delta @ along[1]) / G
        np.testing.assert_allclose(projections[7, layer], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
        squares = np.sum(delta**2, axis=1)
        np.testing.assert_allclose(projections[7, 4 + layer], squares / (weights @ squares), rtol=1e-3)
    size = np.sqrt(np.mean(np.sum(inputs[-1] ** 2, axis=1)))
    np.testing.assert_allclose(projections[7, -1], inputs[-1] @ along[0] / size, rtol=1e-3, atol=1e-4)


def test_the_output_of_alike_samples_is_spread_evenly():
    # one output and one sample: the net input over |y| is the quantile of its rank
    config = RunConfig(hidden=(50,), activation="tanh", bias=False)
    sampler = sampler_of(config, (3, 50, 1), 64)
    X = np.ones((1, 3))
    errors = []
    for target in (0.0, 1.0):  # E = (o - d)^2, delta = 2 (o - d)
        errors.append(np.exp(sampler.log_squares(batch(X, np.full((1, 1), target)), 0, 64)[1, :, 1]))
    output = (errors[0] - errors[1] + 4) / 8  # 4 o^2 - 4 (o - 1)^2 = 8 o - 4
    assert abs((output > 0).mean() - 0.5) <= 1.5 / 64
    assert np.abs(output).min() > 1e-3 * np.abs(output).max()  # none is 0, where balanced targets leave no error


@pytest.mark.parametrize("family", ["normal", "uniform"])
def test_shared_numbers_have_mean_0_and_variance_1(family):
    init = {"normal": "normal", "uniform": "uniform"}[family]
    W = Draws(init, 0, 64, networks=64, dtype=np.float64).weights((50, 40))
    # 128,000 numbers: standard errors 0.003 of the mean and at most 0.004 of the variance; 4 of them
    assert abs(W.mean()) < 0.012 and abs(W.var() - 1) < 0.016
    assert (np.abs(W).max() <= math.sqrt(3) * (1 + 1e-6)) == (family == "uniform")


def test_groups_get_different_numbers_and_the_same_group_the_same():
    groups = (0, 0, 1)
    first, again, second = (
        Draws("normal", group, 4, networks=100, dtype=np.float32).weights((9, 8)) for group in groups
    )
    np.testing.assert_array_equal(first, again)
    assert not np.isin(first.ravel()[:50], second).all()


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_haar_matrices_are_orthogonal(size):
    Q = haar_matrices(size).astype(float)
    assert Q.shape == (HAAR_MATRICES, size, size)
    np.testing.assert_allclose(Q @ Q.transpose(0, 2, 1), np.broadcast_to(np.eye(size), Q.shape), atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 6), (6, 3), (3, 6)])
def test_orthogonal_weights_have_orthonormal_rows_or_columns(shape):
    numbers = Draws("orthogonal", 0, 8, networks=8, dtype=np.float64).weights((2, *shape))
    W = numbers[:, 2 * shape[0] :].reshape(8, *shape) / math.sqrt(max(shape))
    product = W @ W.transpose(0, 2, 1) if shape[0] <= shape[1] else W.transpose(0, 2, 1) @ W
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(min(shape)), product.shape), atol=1e-5)
