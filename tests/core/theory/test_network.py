"""One network beside theory: bounds that hold and are reached, and its point in the phase plane."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import RunConfig, snapshot, train
from core.families.activations import ACTIVATIONS
from core.theory.correlations import correlation
from core.theory.network import locate, spectral_norm, worst_case, worst_case_cost
from core.theory.plane import gradient_factors
from core.theory.variance_map import critical_points
from tests.support.strategies import quick_runs

SMALL = RunConfig(samples=40, hidden=(12, 20, 8, 8), bias_std=0.3)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", [*ACTIVATIONS, ("relu", "selu", "sigmoid", "tanh")])
def test_no_layer_exceeds_the_worst_case(activation, residual):
    config = SMALL.replace(activation=activation, residual=residual, init="he_normal", steps=0)
    trace, (grad, delta) = train([config])[0], worst_case(snapshot(config))
    assert (trace.grad_norm[0] <= grad * (1 + 1e-12)).all()
    assert (trace.delta_norm[0] <= delta * (1 + 1e-12)).all()
    assert delta[-1] == pytest.approx(trace.delta_norm[0, -1])


def test_the_worst_case_is_reached_by_a_chain_of_linear_units():
    # one unit a layer: nothing is lost by taking norms
    config = RunConfig(samples=1 + 1, hidden=(1,) * 5, activation="linear", dataset="sine", steps=0)
    trace, (_, delta) = train([config])[0], worst_case(snapshot(config))
    np.testing.assert_allclose(trace.delta_norm[0], delta, rtol=1e-12)


@given(st.integers(0, 10**6), st.integers(2, 6), st.booleans())
def test_the_bounds_are_reached_by_weights_of_rank_one(seed, width, residual):
    # W^l = s_l u_l u_{l+1}^T, y^0 along u_1: every vector lies along the one direction that a layer passes on
    rng = np.random.default_rng(seed)
    config = RunConfig(hidden=(width,) * 3, activation="linear", residual=residual, steps=0, bias=False)
    u = [v / np.linalg.norm(v) for v in rng.standard_normal((4, width))]
    if residual:  # the way around keeps directions, so that they must be one
        u = [u[0]] * 4
    s = rng.uniform(0.2, 3, 4)
    weights = [(s[layer] * np.outer(u[layer], u[layer + 1]), None) for layer in range(3)]
    weights.append((s[3] * u[3][:, None], None))
    X = rng.standard_normal((5, 1)) * u[0]
    state = snapshot(config, data=(X, rng.standard_normal((5, 1))), initial=weights)
    grad, delta = worst_case(state)
    np.testing.assert_allclose(delta, [np.linalg.norm(d) for d in state.delta], rtol=1e-9)
    # |dE/dW| reaches |Y| |delta| where the errors of all samples lie along their inputs
    aligned = snapshot(config, data=(X, state.output - X @ u[0][:, None]), initial=weights)
    grad, _ = worst_case(aligned)
    np.testing.assert_allclose(grad, [np.linalg.norm(G) for G in aligned.weight_gradient], rtol=1e-9)


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_of_inputs_in_many_directions_the_largest_singular_value_counts(seed, inputs):
    # the errors of all samples lie along the direction that the inputs stretch most
    rng = np.random.default_rng(seed)
    X, W = rng.standard_normal((6, inputs)), rng.standard_normal((inputs, 1))
    errors = np.linalg.svd(X)[0][:, :1]
    config = RunConfig(hidden=(), activation="linear", steps=0, bias=False)
    state = snapshot(config, data=(X, X @ W - errors), initial=[(W, None)])
    grad, _ = worst_case(state)
    np.testing.assert_allclose(grad, [np.linalg.norm(state.weight_gradient[0])], rtol=1e-9)


def test_normalized_layers_have_no_worst_case():
    grad, delta = worst_case(snapshot(SMALL.replace(normalization="layer")))
    assert np.isnan(grad[:-1]).all() and np.isfinite(delta[-1])


@pytest.mark.parametrize("shape", [(3, 5), (300, 280), (1, 400)])
def test_the_spectral_norm_is_the_largest_singular_value(shape):
    W = np.random.default_rng(0).standard_normal(shape)
    assert spectral_norm(W) == pytest.approx(np.linalg.svd(W, compute_uv=False)[0], rel=1e-9)
    assert spectral_norm(0 * W) == 0
    assert spectral_norm(1e200 * W) == pytest.approx(1e200 * spectral_norm(W))


def test_a_place_is_that_of_the_layers_between():
    here = locate(RunConfig(hidden=(32,) * 5, init="he_normal", init_scale=2.0, bias_std=0.5), 2, 1)
    assert here.sigma_w == pytest.approx(2 * math.sqrt(2))  # every hidden layer has fan-in 32
    assert here.sigma_b == 0.5
    assert locate(RunConfig(bias=False, bias_std=0.5), 2, 1).sigma_b == 0
    # Glorot: fan_in * 2 / (fan_in + fan_out) from 64 to 16 units is 1.6
    assert locate(RunConfig(hidden=(64, 16), init="glorot_normal"), 2, 1).sigma_w == pytest.approx(math.sqrt(1.6))


def test_the_default_network_is_beyond_six_depth_scales():
    here = locate(RunConfig(), 2, 1)
    assert math.sqrt(here.chi) == pytest.approx(0.2361, abs=1e-4)  # sigma_w = 1: the typical factor
    assert here.trainable == pytest.approx(6 * here.depths.xi_c)
    assert here.trainable < 10


@pytest.mark.parametrize("activation, sigma_w, sigma_b", [("tanh", 0.8, 0.2), ("tanh", 2.0, 0.3), ("sigmoid", 15, 0.5)])
def test_the_trainable_depth_is_six_depth_scales_of_the_correlation_in_either_phase(activation, sigma_w, sigma_b):
    config = RunConfig(activation=activation, init="normal", init_scale=sigma_w, bias_std=sigma_b, hidden=(32,) * 4)
    here, depths = locate(config, 2, 1), correlation(activation, sigma_w, sigma_b)
    assert (here.sigma_w, here.sigma_b) == pytest.approx((sigma_w, sigma_b))
    assert here.trainable == pytest.approx(6 * depths.xi_c)
    assert (depths.xi_grad < 0) == (here.chi > 1)  # the gradient's own scale is negative where it explodes


@pytest.mark.parametrize(
    "activation, chi", [("relu", 1.6**2 / 2), ("leaky_relu", 1.6**2 * (1 + 0.01**2) / 2), ("linear", 1.6**2)]
)
def test_where_q_grows_without_end_the_factor_of_straight_pieces_is_known_all_the_same(activation, chi):
    here = locate(RunConfig(activation=activation, init_scale=1.6, bias_std=0.3), 2, 1)
    assert here.chi == pytest.approx(chi, rel=1e-12)
    assert math.isnan(here.depths.xi_c)


def test_far_out_the_others_are_a_straight_piece_on_either_side():
    here = locate(RunConfig(activation="gelu", init_scale=1.9, bias_std=0.4), 2, 1)
    assert here.chi == pytest.approx(1.9**2 / 2, rel=1e-3)  # at q = infinity GELU's slope is 0 or 1, one half each


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden": ()},
        {"residual": True},
        {"normalization": "batch"},
        {"hidden": (4, 4), "activation": ("relu", "tanh")},
    ],
)
def test_without_theory_there_is_no_place(changes):
    assert locate(SMALL.replace(**changes), 2, 1) is None


def test_the_plane_is_level_on_the_critical_line():
    for activation in ("tanh", "sigmoid", "relu"):
        for sigma_b in (0.1, 1.0):
            for point in critical_points(activation, sigma_b):
                # 60 layers are too few for a marginal q to reach its fixed point
                factor = gradient_factors(activation, np.array([point.sigma_w]), np.array([sigma_b]))
                assert factor[0, 0] == pytest.approx(1, abs=2e-3)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(quick_runs())
def test_networks_of_any_size_have_a_place_or_none(config):
    held = snapshot(config, 0)
    grad, delta = worst_case(held)
    assert grad.shape == delta.shape == (len(config.hidden) + 1,)
    here = locate(config, held.inputs.shape[1], held.targets.shape[1])
    widths = (held.inputs.shape[1], *config.hidden)
    skips = config.residual and any(m == n for m, n in zip(widths, widths[1:], strict=False))
    is_plain = bool(config.hidden) and not skips and config.normalization == "none" and not config.dropout
    assert (here is not None) == is_plain and (here is None or here.sigma_w >= 0)


def test_the_cost_of_worst_cases_counts_each_matrix_by_its_shorter_side_or_as_200_products():
    small = 3 * 300 * 4 * 3 + 400 * 2 * 4 * 2 + 5 * 3 * 4 * 3 + 5 * 300 * 4 * 5 + 5 * 400 * 4 * 5
    assert worst_case_cost((3, 300, 400, 2), 5) == small + 300 * 400 * 200
