"""Averages over a batch against pairs, closed forms, and gradients of networks drawn by the engine."""

import math

import numpy as np
import pytest

from core import ConfigError, RunConfig, snapshot
from core.families.activations import ACTIVATIONS
from core.theory import gradient_norms, length_map, moments
from core.theory.correlations import pair
from core.theory.grams import backward_products, kernels, propagate

RAYS = [name for name, phi in ACTIVATIONS.items() if phi.piecewise_slopes is not None]
# Share of the moments by which a kernel may be off, (values, slopes), up to q of some 10: the sum over Hermite terms
# ends at 256, and what is left falls slowly where phi or phi' is bent at a point (elu, selu).
SHARES = {"elu": (5e-8, 5e-5), "selu": (5e-6, 5e-4), "tanh": (1e-6, 1e-4)}
SMOOTH = (1e-10, 1e-8)


def batch(samples=5, inputs=4, seed=0):
    """Inputs of which two are almost alike, two opposite, and none else special."""
    X = np.random.default_rng(seed).standard_normal((samples, inputs))
    X[1], X[2] = 1.3 * X[0] + 0.02 * X[1], -X[0]
    return X


@pytest.mark.parametrize("size", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_kernels_of_a_batch_are_the_averages_of_its_pairs(name, size):
    X = batch() * size
    K = X @ X.T / 4
    value, slope = kernels(ACTIVATIONS[name], K)
    q = np.diag(K)
    np.testing.assert_allclose(np.diag(value), moments(name, q).second, rtol=1e-13)
    np.testing.assert_allclose(np.diag(slope), moments(name, q).slope2, rtol=1e-13)
    np.testing.assert_array_equal(value, value.T)
    for i, j in ((0, 1), (0, 2), (1, 2), (3, 0), (4, 3)):  # almost alike, opposite, almost opposite, and any two
        exact = pair(ACTIVATIONS[name], q[i], q[j], float(np.clip(K[i, j] / math.sqrt(q[i] * q[j]), -1, 1)))
        shares = SHARES.get(name, SMOOTH)
        assert value[i, j] == pytest.approx(exact[0], abs=shares[0] * math.sqrt(value[i, i] * value[j, j]))
        assert slope[i, j] == pytest.approx(exact[1], abs=shares[1] * math.sqrt(slope[i, i] * slope[j, j]))


@pytest.mark.parametrize("size", [0.3, 3.0])
@pytest.mark.parametrize(
    "name", [name for name, phi in ACTIVATIONS.items() if name not in SHARES and not phi.piecewise_slopes]
)
def test_kernels_of_opposite_inputs_are_exact_where_the_function_is_smooth(name, size):
    x = size * np.array([1.0, 2.0, 0.5])
    X = np.stack([x, -x, [0.3, 1.0, 2.0]])
    value, slope = kernels(ACTIVATIONS[name], X @ X.T / 3)
    z = np.linspace(-10, 10, 40_001)
    weights = np.exp(-z * z / 2) / np.exp(-z * z / 2).sum()  # on even steps, exact for smooth functions
    at = ACTIVATIONS[name].evaluate(math.sqrt(x @ x / 3) * z)
    for kernel, f in zip((value, slope), at, strict=True):
        assert kernel[0, 1] == pytest.approx(weights @ (f * f[::-1]), abs=1e-12 * kernel[0, 0])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_kernels_are_covariances(name):
    X = batch(12, 3, seed=1)
    for kernel in kernels(ACTIVATIONS[name], X @ X.T / 3):
        assert np.linalg.eigvalsh(kernel).min() > -1e-4 * np.trace(kernel)  # SHARES


def test_an_input_of_zero_has_no_correlation_with_any_other():
    X = batch()
    X[3] = 0
    for name, phi in ACTIVATIONS.items():
        value, slope = kernels(phi, X @ X.T / 4)
        assert np.isfinite(value).all() and np.isfinite(slope).all()
        at_zero = float(phi(np.zeros(1))[0])
        means = moments(name, np.diag(X @ X.T / 4)).mean
        np.testing.assert_allclose(value[3], at_zero * means, rtol=1e-7, atol=1e-12)


def test_the_recursion_of_one_sample_is_the_length_map():
    for name, phi in ACTIVATIONS.items():
        X = np.array([[1.0, -2.0, 0.5]])
        grams = propagate(phi, [1.3**2] * 6, 0.4, X)
        q1 = 1.3**2 * (X**2).mean() + 0.4**2
        q, chi = length_map(name, q1, 1.3, 0.4, 6)
        np.testing.assert_allclose([K[0, 0] for K in grams.K], q, rtol=1e-12)
        products, logs = backward_products(grams)
        passed = [float(P[0, 0]) * math.exp(log) for P, log in zip(products, logs, strict=True)]
        np.testing.assert_allclose(passed, [*np.cumprod(chi[-2::-1])[::-1], 1.0], rtol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_for_one_sample_the_squared_norm_is_that_of_delta_times_that_of_the_layers_input(name):
    sigma_w, sigma_b, widths = 1.2, 0.3, (3, 20, 50, 10, 2)
    X, delta2 = np.array([[1.0, -2.0, 0.5]]), 0.7
    q, chi = length_map(name, sigma_w**2 * (X**2).mean() + sigma_b**2, sigma_w, sigma_b, 3)
    y2 = np.array([(X**2).sum(), *(np.array(widths[1:-1]) * moments(name, q).second)])
    deltas = delta2 * np.array([*np.cumprod(chi[::-1])[::-1], 1.0])
    found = gradient_norms(name, sigma_w, sigma_b, widths, X, np.array([[delta2]]))
    np.testing.assert_allclose(found, deltas * y2, rtol=1e-12)


def test_relu_batches_follow_the_recursion_worked_by_hand():
    X, sigma_w, sigma_b = batch(), 1.3, 0.2
    D = np.random.default_rng(3).standard_normal((5, 2))
    widths, delta = (4, 30, 20, 10, 2), D @ D.T

    def after(K):
        size = np.sqrt(np.outer(np.diag(K), np.diag(K)))
        angle = np.arccos(np.clip(K / size, -1, 1))
        return size * (np.sin(angle) + np.cos(angle) * (np.pi - angle)) / (2 * np.pi), (np.pi - angle) / (2 * np.pi)

    Y1, dot1 = after(sigma_w**2 * X @ X.T / 4 + sigma_b**2)
    Y2, dot2 = after(sigma_w**2 * Y1 + sigma_b**2)
    Y3, dot3 = after(sigma_w**2 * Y2 + sigma_b**2)
    deltas = [delta]
    for dot in (dot3, dot2, dot1):
        deltas.insert(0, sigma_w**2 * dot * deltas[0])
    inputs = [X @ X.T, 30 * Y1, 20 * Y2, 10 * Y3]
    expected = [(Q * Y).sum() / 25 for Q, Y in zip(deltas, inputs, strict=True)]
    # arccos loses half of the digits next to 1, in pairs of which the sum has few
    np.testing.assert_allclose(gradient_norms("relu", sigma_w, sigma_b, widths, X, delta), expected, rtol=1e-8)


def test_linear_networks_have_the_gradient_of_their_data():
    X, delta = batch(), np.eye(5)
    found = gradient_norms("linear", 1.0, 0.0, (4, 4, 4, 1), X, delta)
    np.testing.assert_allclose(found, np.full(3, (X**2).sum() / 25), rtol=1e-13)


def test_errors_without_common_sign_give_one_nth_of_the_samples_norm_and_a_common_error_more():
    X = np.ones((8, 3))  # all alike: only the errors differ
    alone = gradient_norms("tanh", 1.0, 0.1, (3, 9, 9, 1), X[:1], np.ones((1, 1)))
    np.testing.assert_allclose(gradient_norms("tanh", 1.0, 0.1, (3, 9, 9, 1), X, np.eye(8)), alone / 8, rtol=1e-12)
    np.testing.assert_allclose(gradient_norms("tanh", 1.0, 0.1, (3, 9, 9, 1), X, np.ones((8, 8))), alone, rtol=1e-12)


def test_a_product_below_the_smallest_float_is_kept_as_its_logarithm():
    grams = propagate(ACTIVATIONS["sigmoid"], [1.0] * 501, 0.0, batch())
    products, logs = backward_products(grams)
    assert all(P.max() == 1 for P in products)
    q, chi = length_map("sigmoid", float(grams.K[0][0, 0]), 1.0, 0.0, 500)
    assert logs[0] + math.log(products[0][0, 0]) == pytest.approx(np.log(chi).sum(), rel=1e-12)
    assert logs[0] < -1400  # exp of it is 0


# phi, sigma_w, sigma_b: ordered, chaotic, with a large common mean, and straight pieces at criticality
NETWORKS = {
    "tanh ordered": ("tanh", 1.0, math.sqrt(0.05)),
    "tanh chaotic": ("tanh", 2.0, 0.2),
    "sigmoid": ("sigmoid", 1.0, 0.0),
    "gelu": ("gelu", 1.5, 0.3),
    "relu": ("relu", math.sqrt(2), 0.0),
}


def ratios(name, sigma_w, sigma_b, width, networks):
    """Measured squared norms over predicted ones, one row a network of the engine, with its own output errors.

    Where the error of the output is independent of the weights below: targets are large against the outputs.
    """
    X = np.random.default_rng(11).standard_normal((8, 5))
    D = 1000 * np.random.default_rng(12).standard_normal((8, 2))
    widths = (5, *(width,) * 5, 2)
    config = RunConfig(activation=name, init_scale=sigma_w, bias_std=sigma_b, hidden=widths[1:-1], steps=0)
    rows = []
    for seed in range(networks):
        kept = snapshot(config.replace(seed=seed), data=(X, D))
        delta = kept.delta[-1] * len(X)
        expected = gradient_norms(name, sigma_w, sigma_b, widths, X, delta @ delta.T)
        rows.append([(G**2).sum() / e for G, e in zip(kept.weight_gradient, expected, strict=True)])
    return np.array(rows)


def check_networks(name, width, networks):
    found = ratios(*NETWORKS[name], width, networks)
    error = found.std(axis=0, ddof=1) / math.sqrt(networks)
    # 4 standard errors of the mean; finite width moves the mean itself by a few parts in the width (5 layers)
    assert (np.abs(found.mean(axis=0) - 1) <= 4 * error + 5 / width).all(), (found.mean(axis=0), error)
    assert (error < 0.1).all()  # else the test says nothing


@pytest.mark.parametrize("name", ["tanh chaotic", "sigmoid"])
def test_networks_of_the_engine_have_the_predicted_squared_norms_on_average(name):
    check_networks(name, 100, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_wide_networks_of_the_engine_have_the_predicted_squared_norms_on_average(name):
    check_networks(name, 300, 300)


X, ONES = np.ones((3, 2)), np.ones((3, 3))


@pytest.mark.parametrize("change, field", [
    ({"activation": "tan"}, "activation"), ({"sigma_w": -1.0}, "sigma_w"), ({"sigma_b": math.nan}, "sigma_b"),
    ({"widths": (2,)}, "widths"), ({"widths": (2, 0, 1)}, "widths"), ({"widths": (2, 2.5, 1)}, "widths"),
    ({"widths": (3, 4, 1)}, "X"), ({"X": np.ones(3)}, "X"), ({"X": np.full((3, 2), np.inf)}, "X"), ({"X": "rows"}, "X"),
    ({"X": np.ones((0, 2))}, "X"), ({"output_gram": np.ones((2, 2))}, "output_gram"),
    ({"output_gram": np.full((3, 3), np.nan)}, "output_gram"), ({"output_gram": None}, "output_gram"),
    ({"widths": 5}, "widths"), ({"widths": None}, "widths"), ({"widths": "2,3"}, "widths"),
])  # fmt: skip
def test_bad_input_is_refused_by_the_name_of_its_field(change, field):
    good = {"activation": "tanh", "sigma_w": 1.0, "sigma_b": 0.0, "widths": (2, 4, 1), "X": X, "output_gram": ONES}
    gradient_norms(**good)
    with pytest.raises(ConfigError, match=f"^{field} = .* is not allowed: it must "):
        gradient_norms(**good | change)


@pytest.mark.parametrize("gain", [1.5, 1e30, 1e60])
@pytest.mark.parametrize("layers", [1, 2, 6])
def test_each_layer_has_one_covariance_also_where_variances_leave_the_range(layers, gain):
    grams = propagate(ACTIVATIONS["elu"], [gain] * layers, 0.1, batch())
    assert len(grams.K) == layers and len(grams.Y) == len(grams.slopes) + 1 <= layers
    assert all(K.shape == (5, 5) and (np.diag(K) > 0).all() for K in grams.K)
