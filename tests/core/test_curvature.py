"""Hessians against independent numbers, differences of the engine's gradients, and closed forms."""

import json

import numpy as np
import pytest

from core import ConfigError, RunConfig, snapshot, train
from core.curvature import (
    SMALL,
    hessian,
    hessian_vector,
    hidden_singular_values,
    jacobian_singular_values,
    sharpness,
    sharpness_over,
    stability_bound,
)
from core.families.activations import ACTIVATIONS
from core.families.losses import LOSSES
from core.families.normalization import NORMALIZATIONS
from core.families.optimizers import OPTIMIZERS
from tests.support import smooth_cases
from tests.support.checkout import REFERENCE
from tests.support.gains import draw_gains

with open(REFERENCE / "exercise.json", encoding="utf-8") as file:
    REFERENCE = json.load(file)
EXERCISES = {entry["name"]: entry for entry in REFERENCE["instances"]}
(DEEP,) = REFERENCE["deep_hessian_instances"]["instances"]

ROUNDING = 1e-12  # relative to the largest entry: a few hundred roundings
LECTURE = RunConfig(hidden=(2,), activation="sigmoid", output_activation="sigmoid", bias=False)
WIDTHS = (4, 4, 4, 3, 3)  # two layers that residuals pass by, one that changes the width
SAMPLES = 6
MARGIN = 2e-3  # from a kink: a step of 2 H moves no net input by so much
H = 2e-5
STENCIL = ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12))  # the fourth-order central difference


def close(ours, theirs, tolerance=ROUNDING):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max(), strict=True)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_lecture_network_has_the_hessian_computed_elsewhere(name):
    entry = {key: np.array(value) for key, value in EXERCISES[name].items()}
    weights, data = [(entry["w01"], None), (entry["w12"][:, None], None)], (entry["x"], entry["d"][:, None])
    # order here: w11 w12 w21 w22 of the first layer (W row by row), then w11 w21 of the second; theirs is the same
    close(hessian(LECTURE, weights, data), entry["hessian"])
    close(np.linalg.eigvalsh(hessian(LECTURE, weights, data)), np.sort(entry["hessian_eigenvalues"]))
    close(hessian_vector(LECTURE, weights, entry["hvp_v"], data), entry["hvp"])
    assert 2 / sharpness(LECTURE, weights, data) == pytest.approx(float(entry["lr_limit_2_over_lambda_max"]), rel=1e-12)


def deep():
    """The deep reference network; its W are (out, in) and row by row so. Also the order that turns theirs into ours."""
    widths, theta, order, weights, at = DEEP["widths"], np.array(DEEP["theta"]), [], [], 0
    for m, n in zip(widths, widths[1:], strict=False):
        places = np.arange(at, at + m * n).reshape(n, m).T
        order += [*places.ravel(), *range(at + m * n, at + m * n + n)]
        weights.append((theta[places], theta[at + m * n : at + m * n + n]))
        at += m * n + n
    config = RunConfig(hidden=widths[1:-1], activation=DEEP["activation"])
    return config, weights, (np.array(DEEP["X"]), np.array(DEEP["T"])), np.array(order)


def test_the_deep_network_has_the_eigenvalues_and_the_products_computed_elsewhere():
    config, weights, data, order = deep()
    found = np.linalg.eigvalsh(hessian(config, weights, data))
    close(found, np.sort(DEEP["hessian_eigenvalues"]))
    assert found[0] == pytest.approx(DEEP["lambda_min"], rel=1e-12) and found[0] < -1
    close(hessian_vector(config, weights, np.array(DEEP["v"])[order], data), np.array(DEEP["Hv"])[order])
    assert sharpness(config, weights, data) == pytest.approx(DEEP["lambda_max"], rel=1e-12)


def smooth_case(**fields):
    """(config, data, weights) of which no net input lies near a kink."""
    config, data, snap = smooth_cases.smooth_case(widths=WIDTHS, samples=SAMPLES, margin=MARGIN, stream=5, **fields)
    return config, data, snap.weights


def flat(pairs):
    return np.concatenate([np.ravel(part) for pair in pairs for part in pair])


def unflat(vector, weights):
    pairs, at = [], 0
    for arrays in weights:
        ends = at + np.cumsum([values.size for values in arrays])
        parts = np.split(vector[at : ends[-1]], ends[:-1] - at)
        pairs.append(tuple(part.reshape(values.shape) for part, values in zip(parts, arrays, strict=True)))
        at = ends[-1]
    return pairs


def gradient(config, data, theta, weights):
    snap = snapshot(config, data=data, initial=unflat(theta, weights))
    return flat(snap.gradients)


def check_against_differences(config, data, weights):
    theta = flat(weights)
    for seed in range(2):
        v = np.random.default_rng(seed).standard_normal(theta.size)
        v /= np.linalg.norm(v)
        numeric = sum(w * gradient(config, data, theta + t * H * v, weights) for t, w in STENCIL) / H
        analytic = hessian_vector(config, weights, v, data)
        # truncation H^4 |d5E| / 30 is below 1e-16 of it and rounding eps |g| / H about 1e-11 of the gradient
        size = np.linalg.norm(analytic) + np.linalg.norm(gradient(config, data, theta, weights))
        assert np.abs(numeric - analytic).max() <= 1e-8 * size


@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_products_are_the_slopes_of_the_gradient(activation, loss, normalization, residual):
    fields = {"normalization": normalization, "residual": residual}
    check_against_differences(
        *smooth_case(
            activation=activation, loss=loss, output_activation=LOSSES[loss].output_activation or activation, **fields
        )
    )


@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("normalization", [name for name in NORMALIZATIONS if name != "none"])
@pytest.mark.parametrize("loss", LOSSES)
def test_products_are_the_slopes_of_the_gradient_of_a_learned_gain_and_shift_too(loss, normalization, residual):
    config, data, weights = smooth_case(
        activation="tanh",
        loss=loss,
        output_activation=LOSSES[loss].output_activation or "tanh",
        normalization=normalization,
        residual=residual,
        norm_affine=True,
    )
    weights = draw_gains(weights)
    check_against_differences(config, data, weights)
    full = hessian(config, weights, data)
    v = np.random.default_rng(1).standard_normal(len(full))
    close(hessian_vector(config, weights, v, data), full @ v, 1e-13)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_products_are_the_slopes_of_the_gradient_with_another_activation_in_every_layer(normalization):
    check_against_differences(
        *smooth_case(activation=("tanh", "gelu", "sigmoid"), loss="mse", normalization=normalization)
    )


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_products_are_the_slopes_of_the_gradient_also_for_probabilities_as_targets(loss):
    output = LOSSES[loss].output_activation
    config, (X, _), weights = smooth_case(activation="tanh", loss=loss, output_activation=output)
    rng = np.random.default_rng(8)
    shape = (SAMPLES, WIDTHS[-1])
    D = rng.uniform(size=shape) if loss == "bce" else rng.dirichlet(np.ones(shape[1]), shape[0])
    check_against_differences(config, (X, D), weights)


def test_the_check_can_fail(monkeypatch):
    config, data, weights = smooth_case(activation="tanh", loss="mse")
    check_against_differences(config, data, weights)
    wrong = ACTIVATIONS["tanh"].__class__(**{**vars(ACTIVATIONS["tanh"]), "curvature": lambda z: -2 * np.tanh(z)})
    monkeypatch.setitem(ACTIVATIONS, "tanh", wrong)
    with pytest.raises(AssertionError):
        check_against_differences(config, data, weights)


NETS = {
    "tanh": RunConfig(hidden=(5, 4), activation="tanh", init="glorot_normal", samples=20, steps=0),
    "relu": RunConfig(hidden=(5, 4), activation="relu", init="he_normal", samples=20, steps=0),
    "no bias": RunConfig(hidden=(5, 4), activation="gelu", bias=False, samples=20, steps=0),
    "many": RunConfig(hidden=(9, 8, 7), activation="silu", samples=20, steps=0),
    "classes": RunConfig(
        dataset="iris",
        hidden=(8, 8),
        activation="tanh",
        loss="cross_entropy",
        output_activation="softmax",
        samples=30,
        batch_size=7,
        steps=0,
    ),  # fmt: skip
    "narrow": RunConfig(hidden=(6,), activation="tanh", dtype="float32", holdout=0.3, samples=30, steps=0),
}


@pytest.fixture(params=NETS)
def net(request):
    config = NETS[request.param]
    return config, train([config])[0].weights


def test_a_hessian_is_symmetric_and_its_products_are_its_columns_and_sums(net):
    config, weights = net
    full = hessian(config, weights)
    np.testing.assert_array_equal(full, full.T)
    for v in (np.eye(len(full))[3], np.random.default_rng(1).standard_normal(len(full))):
        close(hessian_vector(config, weights, v), full @ v, 1e-13)


def test_sharpness_is_the_largest_eigenvalue_of_the_dense_hessian(net):
    config, weights = net
    # Lanczos stops at 1e-10 of the eigenvalue
    largest = np.linalg.eigvalsh(hessian(config, weights))[-1]
    assert sharpness(config, weights) == pytest.approx(largest, rel=1e-9)
    assert sharpness(config, weights) == sharpness(config, weights)


def test_both_ways_to_sharpness_are_taken():
    sizes = [len(hessian(config, train([config])[0].weights)) for config in NETS.values()]
    assert min(sizes) <= SMALL < max(sizes)


@pytest.mark.parametrize("inputs", [SMALL, SMALL + 10], ids=["all eigenvalues", "Lanczos"])
def test_sharpness_is_negative_where_the_loss_curves_down_in_every_direction(inputs):
    # every output is tanh(1) and every target -1: E = (1/N) sum e(x . w) with e'' = 2 (phi'^2 + (o - d) phi'') < 0,
    # so that H = (e'' / N) X^T X, and the largest eigenvalue is the one nearest to 0
    X = np.random.default_rng(0).standard_normal((2 * inputs, inputs))
    X[:, 0] = 1
    weights = [(np.eye(inputs, 1), None)]
    o = np.tanh(1)
    bend = 2 * ((1 - o * o) ** 2 - (o + 1) * 2 * o * (1 - o * o))
    values = bend / len(X) * np.linalg.svd(X, compute_uv=False) ** 2
    config = RunConfig(hidden=(), output_activation="tanh", bias=False)
    assert bend < 0
    found = sharpness(config, weights, (X, np.full((len(X), 1), -1.0)))
    # Lanczos stops at 1e-10 of the largest in size
    assert found == pytest.approx(values.max(), abs=1e-9 * np.abs(values).max())


def test_without_a_hidden_layer_a_linear_network_has_the_hessian_of_least_squares():
    # E = (1/N) sum_nk (x_n . w_k + b_k - d_nk)^2, so H = (2/N) [X 1]^T [X 1] for each output, whatever the weights
    X = np.random.default_rng(3).standard_normal((9, 3))
    D = np.random.default_rng(4).standard_normal((9, 2))
    weights = [(np.random.default_rng(5).standard_normal((3, 2)), np.array([0.5, -1]))]
    ones = np.hstack([X, np.ones((9, 1))])
    # parameters are input by input and then b, each with the two outputs next to each other
    close(hessian(RunConfig(hidden=()), weights, (X, D)), np.kron(2 / 9 * ones.T @ ones, np.eye(2)), 1e-14)


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e-60, 1e60])
def test_sharpness_keeps_its_digits_at_any_size(scale):
    # of least squares it is the largest eigenvalue of (2/N) X^T X: proportional to the square of the inputs
    X = np.random.default_rng(0).standard_normal((50, SMALL + 10))
    config, weights = RunConfig(hidden=(), bias=False), [(np.zeros((SMALL + 10, 1)), None)]
    expected = 2 / 50 * np.linalg.norm(X, 2) ** 2 * scale**2
    assert sharpness(config, weights, (X * scale, np.ones((50, 1)))) == pytest.approx(expected, rel=1e-9)


def test_sharpness_of_a_flat_loss_is_zero():
    config, weights = RunConfig(hidden=(), bias=False), [(np.zeros((SMALL + 10, 1)), None)]
    assert sharpness(config, weights, (np.zeros((3, SMALL + 10)), np.ones((3, 1)))) == 0


def test_sharpness_beyond_all_floats_is_no_number_and_not_zero():
    config, weights = RunConfig(hidden=(), bias=False), [(np.zeros((SMALL + 10, 1)), None)]
    assert not np.isfinite(sharpness(config, weights, (np.full((3, SMALL + 10), 1e200), np.ones((3, 1)))))


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("name", [name for name, optimizer in OPTIMIZERS.items() if optimizer.bound])
def test_steps_on_a_quadratic_stay_bounded_just_up_to_the_bound(name, momentum):
    # E = 2 w^2 (one sample x = sqrt 2, target 0): curvature 4 everywhere
    data, start = (np.array([[np.sqrt(2)]]), np.zeros((1, 1))), [(np.ones((1, 1)), None)]
    base = RunConfig(hidden=(), bias=False, optimizer=name, momentum=momentum, steps=2_000, record_every=2_000)
    assert sharpness(base, start, data) == pytest.approx(4, rel=1e-14)
    rate = base.learning_rate * stability_bound(base) / 4
    for factor, grows in ((0.97, False), (1.03, True)):
        config = base.replace(learning_rate=factor * rate)
        assert (stability_bound(config) < 4) == grows
        (trace,) = train([config], data=data, initial=[start])
        assert (trace.diverged_at is not None or trace.loss[-1] > trace.loss[0]) == grows


@pytest.mark.parametrize("name", [name for name, optimizer in OPTIMIZERS.items() if not optimizer.bound])
def test_optimizers_that_scale_by_past_gradients_have_no_bound(name):
    assert stability_bound(RunConfig(optimizer=name)) is None


@pytest.mark.parametrize("name", [name for name, optimizer in OPTIMIZERS.items() if optimizer.bound])
def test_there_is_no_bound_where_the_learning_rate_changes(name):
    assert stability_bound(RunConfig(optimizer=name, warmup_steps=1)) == stability_bound(RunConfig(optimizer=name))
    for schedule in ({"schedule": "cosine"}, {"schedule": "step"}, {"warmup_steps": 2}):
        assert stability_bound(RunConfig(optimizer=name, **schedule)) is None


@pytest.mark.parametrize("fields", [{}, {"optimizer": "adam", "batch_size": 5}, {"clip": "value", "l2": 0.1}])
def test_sharpness_over_the_steps_is_that_of_the_weights_the_run_had(fields):
    config, told = RunConfig(hidden=(6, 6), activation="tanh", samples=20, steps=12, **fields), []
    values = sharpness_over(config, [0, 5, 12], on_progress=lambda done, total: told.append((done, total)))
    expected = [sharpness(config, snapshot(config, step).weights) for step in (0, 5, 12)]
    np.testing.assert_array_equal(values, expected)
    assert told[-1] == (6, 6) and told == sorted(told)


def test_sharpness_of_a_run_that_diverges_ends_there():
    config = RunConfig(hidden=(6,), activation="relu", init_scale=3, learning_rate=5, samples=20, steps=60)
    at = train([config])[0].diverged_at
    values = sharpness_over(config, [0, at - 1, 60])
    assert at > 1 and np.isfinite(values[0]) and np.isnan(values[2])
    assert sharpness_over(config, []).shape == (0,)
    with pytest.raises(ConfigError, match="60 steps"):
        sharpness_over(config, [61])


def test_bad_arguments_are_refused_in_one_sentence():
    config = RunConfig(hidden=(3,), samples=4, steps=0)
    weights = train([config])[0].weights
    with pytest.raises(ConfigError, match="^weights = .*layer"):
        hessian(config.replace(hidden=(4,)), weights)
    with pytest.raises(ConfigError, match="^weights = .*finite"):
        sharpness(config, [(weights[0][0] * np.nan, weights[0][1]), weights[1]])
    with pytest.raises(ConfigError, match="^vector = .*13 parameters"):
        hessian_vector(config, weights, np.zeros(4))
    for bad in ("x", None, np.full(13, np.nan), [[1.0]]):
        with pytest.raises(ConfigError, match="^vector = "):
            hessian_vector(config, weights, bad)
    wide = config.replace(hidden=(2000,))
    with pytest.raises(ConfigError, match="4,000 parameters"):
        hessian(wide, train([wide])[0].weights)


@pytest.mark.slow
def test_products_agree_with_pytorch():
    torch = pytest.importorskip("torch")
    config, weights, (X, D), _ = deep()
    theta = torch.tensor(flat(weights), requires_grad=True)
    inputs, targets = torch.tensor(X), torch.tensor(D)

    def loss(theta):
        y, at = inputs, 0
        for layer, (W, b) in enumerate(weights):
            w = theta[at : at + W.size].reshape(W.shape)
            y = y @ w + theta[at + W.size : at + W.size + b.size]
            y = torch.tanh(y) if layer < len(weights) - 1 else y
            at += W.size + b.size
        return ((y - targets) ** 2).sum() / len(targets)

    theirs = torch.autograd.functional.hessian(loss, theta).numpy()
    close(hessian(config, weights, (X, D)), theirs)


def jacobian_by_differences(config, weights, x, first, last):
    """dy^last / dy^first at one input, (n_first, n_last), by central differences of an own forward pass."""

    def forward(y, start, stop):
        for layer in range(start, stop):
            W, b, *own = weights[layer]
            net = y @ W + b
            if layer == len(weights) - 1:
                return OUTPUTS[config.output_activation](net)
            if config.normalization == "layer":
                gain, shift = own or (1, 0)
                net = gain * (net - net.mean()) / np.sqrt(net.var() + 1e-5) + shift
            y = np.tanh(net) + (y if config.residual and len(y) == len(net) else 0.0)
        return y

    start, step = forward(x, 0, first), 1e-5
    moves = step * np.eye(len(start))
    return np.array([forward(start + move, first, last) - forward(start - move, first, last) for move in moves]) / (
        2 * step
    )


def softmax(net):
    powers = np.exp(net - net.max())
    return powers / powers.sum()


OUTPUTS = {"linear": lambda net: net, "sigmoid": lambda net: 1 / (1 + np.exp(-net)), "softmax": softmax}


@pytest.mark.parametrize("fields", [
    {}, {"residual": True}, {"normalization": "layer"}, {"residual": True, "normalization": "layer"},
    {"normalization": "layer", "norm_affine": True},
    {"loss": "bce", "output_activation": "sigmoid"},
    {"loss": "cross_entropy", "output_activation": "softmax", "dataset": "iris"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("between", [None, (1, 4), (0, 2), (2, 3)])
def test_singular_values_of_the_jacobian_are_those_of_differences(fields, between):
    config = RunConfig(hidden=(6, 6, 4, 4), activation="tanh", bias_std=0.2, samples=12, steps=0, **fields)
    state = snapshot(config)
    state = snapshot(config, initial=draw_gains(state.weights))
    values = jacobian_singular_values(config, state.weights, between=between)
    first, last = between or (0, 5)
    for sample in (0, 7):
        J = jacobian_by_differences(config, state.weights, state.inputs[sample], first, last)
        np.testing.assert_allclose(values[sample], np.linalg.svd(J, compute_uv=False), rtol=1e-6, atol=1e-8)


def test_the_jacobian_of_a_linear_network_is_the_product_of_its_weights():
    config = RunConfig(hidden=(9, 7, 8), activation="linear", dataset="digits", samples=12,
                       loss="cross_entropy", output_activation="softmax", steps=0)  # fmt: skip
    weights = snapshot(config).weights
    product = weights[1][0] @ weights[2][0]
    values = jacobian_singular_values(config, weights, between=(1, 3))
    np.testing.assert_allclose(
        values, np.tile(np.linalg.svd(product, compute_uv=False), (12, 1)), rtol=1e-12, atol=1e-14
    )


def test_orthogonal_linear_networks_pass_every_direction_and_relu_loses_half():
    config = RunConfig(hidden=(64,) * 4, activation="linear", init="orthogonal", steps=0, samples=8)
    values = jacobian_singular_values(config, snapshot(config).weights, between=(1, 4))
    np.testing.assert_allclose(values, 1, rtol=1e-12)
    # a ReLU unit that is off passes nothing: one layer of it keeps as many directions as it has units that are on
    relu = config.replace(activation="relu")
    state = snapshot(relu)
    values = jacobian_singular_values(relu, state.weights, between=(1, 2))
    np.testing.assert_array_equal((values > 1e-12).sum(axis=1), (state.net[1] > 0).sum(axis=1))


def test_fixed_statistics_of_batch_normalization_scale_each_unit():
    config = RunConfig(hidden=(6, 5), activation="linear", normalization="batch", steps=0, samples=30)
    state = snapshot(config)
    deviation = np.sqrt(state.net[1].var(axis=0) + 1e-5)
    expected = np.linalg.svd(state.weights[1][0] / deviation, compute_uv=False)
    values = jacobian_singular_values(config, state.weights, between=(1, 2))
    np.testing.assert_allclose(values, np.tile(expected, (30, 1)), rtol=1e-10)


@pytest.mark.parametrize("fields, count", [({}, 16), ({"normalization": "batch"}, 30), ({"holdout": 0.5}, 15)])
def test_hidden_layers_have_a_jacobian_of_their_own(fields, count):
    config = RunConfig(hidden=(6, 5, 4), activation="tanh", steps=0, samples=30, class_weight="balanced",
                       loss="bce", output_activation="sigmoid", **fields)  # fmt: skip
    state = snapshot(config)
    expected = jacobian_singular_values(config, state.weights, between=(1, 3))[:count]
    assert len(expected) == count
    np.testing.assert_allclose(hidden_singular_values(state), expected, rtol=1e-10)


@pytest.mark.parametrize("hidden", [(), (7,), (900, 900)])
def test_too_few_hidden_layers_have_no_jacobian_and_too_large_ones_none_in_time(hidden):
    assert hidden_singular_values(snapshot(RunConfig(hidden=hidden, steps=0, samples=8))) is None


def test_layers_that_do_not_exist_are_refused():
    config = RunConfig(hidden=(3,), steps=0)
    weights = snapshot(config).weights
    for between in ((0, 3), (1, 1), (-1, 1)):
        with pytest.raises(ConfigError, match="from 0 to 2"):
            jacobian_singular_values(config, weights, between=between)


def test_a_jacobian_beyond_all_floats_has_no_singular_values():
    config = RunConfig(hidden=(4,) * 9, activation="linear", init_scale=1e80, steps=0, samples=4)
    assert np.isnan(jacobian_singular_values(config, snapshot(config).weights)).all()
