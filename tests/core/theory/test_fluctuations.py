"""The scatter of finite networks against the exact law of ReLU and against networks drawn one by one."""

import math

import numpy as np
import pytest

from core import ConfigError
from core.families.activations import ACTIVATIONS
from core.theory import log_variance

HIDDEN = (24, 50, 32, 100)


def test_relu_scatters_by_five_over_the_width_of_every_layer_a_gradient_passes():
    for sigma_w, q1 in ((math.sqrt(2), 1.0), (1.0, 0.01), (2.0, 30.0)):  # whatever the scale: without biases
        delta, weight = log_variance("relu", sigma_w, 0.0, HIDDEN, q1)
        shares = 5 / np.array(HIDDEN)
        np.testing.assert_allclose(delta, np.cumsum(shares[::-1])[::-1], rtol=1e-12)
        np.testing.assert_allclose(weight, np.full(4, shares.sum()), rtol=1e-12)


def test_linear_layers_scatter_by_two_over_their_width():
    delta, weight = log_variance("linear", 1.0, 0.0, HIDDEN, 1.0)
    np.testing.assert_allclose(delta, np.cumsum((2 / np.array(HIDDEN))[::-1])[::-1], rtol=1e-12)
    np.testing.assert_allclose(weight, np.full(4, (2 / np.array(HIDDEN)).sum()), rtol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_scatter_is_of_first_order_in_one_over_the_width(name):
    once, twice = log_variance(name, 1.1, 0.2, (20, 30, 40), 1.0), log_variance(name, 1.1, 0.2, (40, 60, 80), 1.0)
    for a, b in zip(once, twice, strict=True):
        assert (b > 0).all()
        np.testing.assert_allclose(a, 2 * b, rtol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_first_layers_weights_scatter_as_its_delta_since_the_input_is_fixed(name):
    delta, weight = log_variance(name, 1.1, 0.2, (20, 30, 40), 1.0)
    assert weight[0] == delta[0]


def test_where_q_leaves_all_bounds_nothing_is_known():
    delta, weight = log_variance("softplus", 1e30, 0.0, (10, 10, 10), 1.0)
    assert np.isnan(delta).all() and np.isnan(weight).all()


def measured(name, sigma_w, sigma_b, width, layers, q1, networks, seed=0):
    """Variances over networks, and their standard errors: ln |delta^l|^2 and ln |dE/dW^l|^2, each (layers,)."""
    rng, phi = np.random.default_rng(seed), ACTIVATIONS[name]
    logs = []
    for _ in range(networks // 250):
        z, below = math.sqrt(q1) * rng.standard_normal((250, 1, width)), []
        for _ in range(layers):
            y, slope = phi.evaluate(z)
            W = sigma_w / math.sqrt(width) * rng.standard_normal((250, width, width))
            below.append((W, slope, np.log((y * y).sum(axis=(1, 2)))))
            z = y @ W + sigma_b * rng.standard_normal((250, 1, width))
        delta = below[-1][1] * rng.standard_normal((250, 1, width))  # what Gaussian weights make of a fixed delta above
        deltas = [np.log((delta * delta).sum(axis=(1, 2)))]
        for W, slope, _ in below[-2::-1]:
            delta = slope * (delta @ W.swapaxes(1, 2))
            deltas.insert(0, np.log((delta * delta).sum(axis=(1, 2))))
        inputs = [np.zeros(250), *(y for _, _, y in below[:-1])]
        logs.append([deltas, [d + y for d, y in zip(deltas, inputs, strict=True)]])
    logs = np.concatenate(logs, axis=2)
    off = logs - logs.mean(axis=2, keepdims=True)
    variance = (off**2).mean(axis=2)
    return variance, np.sqrt(((off**4).mean(axis=2) - variance**2) / logs.shape[2])


# phi, sigma_w, sigma_b
CASES = {
    "tanh ordered": ("tanh", 1.0, 0.22),
    "tanh chaotic": ("tanh", 1.6, 0.22),
    "sigmoid": ("sigmoid", 1.0, 1.0),
    "gelu": ("gelu", 1.41, 0.3),
    "selu": ("selu", 1.0, 0.0),
    "relu": ("relu", math.sqrt(2), 0.0),
    "softplus": ("softplus", 1.0, 0.2),
    "elu": ("elu", 1.0, 0.3),
}


def check_scatter(case, width, layers, networks):
    found, error = measured(*CASES[case], width, layers, 1.0, networks)
    predicted = np.array(log_variance(*CASES[case], [width] * layers, 1.0))
    # 4 standard errors, and the next order in 1/width: 4.4 / width for ReLU, whose law is known
    assert (np.abs(found - predicted) <= 4 * error + predicted * 6 / width).all(), found / predicted


@pytest.mark.parametrize("case", ["tanh chaotic", "relu"])
def test_networks_scatter_as_predicted(case):
    check_scatter(case, 48, 6, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_wide_networks_scatter_as_predicted(case):
    check_scatter(case, 128, 8, 2000)


@pytest.mark.parametrize("change, field", [
    ({"activation": "tan"}, "activation"), ({"sigma_w": -1.0}, "sigma_w"), ({"sigma_b": math.inf}, "sigma_b"),
    ({"hidden": ()}, "hidden"), ({"hidden": (4, 0)}, "hidden"), ({"hidden": 4}, "hidden"), ({"hidden": "44"}, "hidden"),
    ({"hidden": (4, math.nan)}, "hidden"), ({"hidden": [[4]]}, "hidden"), ({"hidden": ("a",)}, "hidden"),
    ({"hidden": (4.5,)}, "hidden"), ({"q1": -1.0}, "q1"), ({"q1": [1.0]}, "q1"), ({"hidden": (True,)}, "hidden"),
])  # fmt: skip
def test_bad_input_is_refused_by_the_name_of_its_field(change, field):
    good = {"activation": "tanh", "sigma_w": 1.0, "sigma_b": 0.0, "hidden": (4, 3), "q1": 1.0}
    log_variance(**good)
    with pytest.raises(ConfigError, match=f"^{field} = .* is not allowed: it must be "):
        log_variance(**good | change)
