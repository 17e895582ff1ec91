"""Initial weights have the deviation of their formula and the distribution of their name, from shared draws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core import RunConfig, train
from core.families.initializers import DRAWS, INITS

# Standard deviation at init_scale 1 by the book, from fan_in and fan_out.
DEVIATION = {
    "normal": lambda m, n: 1 / math.sqrt(m),
    "uniform": lambda m, n: 1 / math.sqrt(m),
    "fixed_normal": lambda m, n: 1.0,
    "glorot_normal": lambda m, n: math.sqrt(2 / (m + n)),
    "glorot_uniform": lambda m, n: math.sqrt(2 / (m + n)),
    "he_normal": lambda m, n: math.sqrt(2 / m),
    "he_uniform": lambda m, n: math.sqrt(2 / m),
    "lecun_normal": lambda m, n: 1 / math.sqrt(m),
    "torch_default": lambda m, n: 1 / math.sqrt(3 * m),
    "orthogonal": lambda m, n: 1 / math.sqrt(max(m, n)),
}
# What PyTorch and Keras print for the uniform ones: the bound.
BOUND = {
    "uniform": lambda m, n: math.sqrt(3 / m),
    "glorot_uniform": lambda m, n: math.sqrt(6 / (m + n)),
    "he_uniform": lambda m, n: math.sqrt(6 / m),
    "torch_default": lambda m, n: 1 / math.sqrt(m),
}
SHAPES = [(150, 100), (100, 150), (2, 500), (500, 1), (64, 64)]
NORMAL = [name for name in INITS if INITS[name].draws == "normal"]
UNIFORM = [name for name in INITS if INITS[name].draws == "uniform"]
LEVEL = 1e-4  # of a test with a fixed seed: of the 100 made here one in a hundred times one would fail by chance


def draw(name, shape, scale=1.0, seed=0):
    return INITS[name](np.random.default_rng(seed), *shape, scale)


def initial(**fields):
    """The parameters a run starts from."""
    (trace,) = train([RunConfig(**{"steps": 0, "samples": 4} | fields)])
    return trace.weights


def test_every_member_is_covered_here_and_says_what_it_is():
    assert set(DEVIATION) == set(INITS)
    assert set(BOUND) == set(UNIFORM)
    for init in INITS.values():
        assert init.label and init.formula and init.source and init.draws in DRAWS


@pytest.mark.parametrize("name", INITS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_mean_is_zero_and_variance_that_of_the_formula(name, shape, scale):
    W = draw(name, shape, scale)
    deviation = scale * DEVIATION[name](*shape)
    assert W.shape == shape and W.dtype == np.float64
    # five standard errors: of a mean sigma / sqrt(n), of a variance sigma^2 sqrt((kurtosis - 1) / n), kurtosis <= 3
    assert abs(W.mean()) < 5 * deviation / math.sqrt(W.size)
    assert abs(W.var() / deviation**2 - 1) < 5 * math.sqrt(2 / W.size)


@pytest.mark.parametrize("name", NORMAL)
@pytest.mark.parametrize("shape", SHAPES)
def test_normal_ones_are_normal(name, shape):
    law = stats.norm(scale=DEVIATION[name](*shape))
    assert stats.kstest(draw(name, shape, seed=1).ravel(), law.cdf).pvalue > LEVEL


@pytest.mark.parametrize("name", UNIFORM)
@pytest.mark.parametrize("shape", SHAPES)
def test_uniform_ones_are_uniform_between_the_published_bounds(name, shape):
    W, bound = draw(name, shape, seed=2), BOUND[name](*shape)
    assert stats.kstest(W.ravel(), stats.uniform(-bound, 2 * bound).cdf).pvalue > LEVEL
    assert np.abs(W).max() <= bound * (1 + 4 * np.finfo(float).eps)
    assert np.abs(W).max() > bound * (1 - 20 / W.size)
    assert np.var([-bound, bound]) / 3 == pytest.approx(DEVIATION[name](*shape) ** 2)


def test_the_test_of_distributions_can_tell_them_apart():
    wrong = stats.norm(scale=1.07 * DEVIATION["he_normal"](150, 100))
    assert stats.kstest(draw("he_normal", (150, 100)).ravel(), wrong.cdf).pvalue < LEVEL
    assert stats.kstest(draw("he_uniform", (150, 100)).ravel(), stats.norm(scale=math.sqrt(2 / 150)).cdf).pvalue < LEVEL


@pytest.mark.parametrize("shape", [(7, 7), (50, 20), (20, 50), (1, 9), (9, 1), (1, 1)])
@pytest.mark.parametrize("scale", [1.0, 1.7])
def test_orthogonal_has_orthonormal_rows_or_columns(shape, scale):
    W = draw("orthogonal", shape, scale)
    gram = W.T @ W if shape[0] >= shape[1] else W @ W.T
    np.testing.assert_allclose(gram, scale**2 * np.eye(min(shape)), rtol=0, atol=1e-13 * scale**2)


def test_orthogonal_is_uniform_over_rotations_and_reflections():
    # Over the Haar measure an entry of a 3 x 3 rotation is uniform on [-1, 1] (Archimedes); the diagonal of Q alone,
    # without the sign of R's diagonal, is not.
    W = np.array([INITS["orthogonal"](np.random.default_rng(seed), 3, 3, 1.0) for seed in range(2000)])
    for entry in ((0, 0), (1, 2), (2, 2)):
        assert stats.kstest(W[:, *entry], stats.uniform(-1, 2).cdf).pvalue > LEVEL
    assert 900 < np.count_nonzero(np.linalg.det(W) > 0) < 1100  # 4.5 standard errors of a fair coin


@given(
    st.sampled_from(list(INITS)),
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(1e-3, 1e3),
    st.integers(0, 2**32 - 1),
)
def test_scale_multiplies_and_a_family_shares_its_draws(name, m, n, scale, seed):
    one = draw(name, (m, n), 1.0, seed)
    np.testing.assert_allclose(draw(name, (m, n), scale, seed), scale * one, rtol=1e-15, atol=0)
    for other in INITS:
        if INITS[other].draws == INITS[name].draws:
            ratio = DEVIATION[other](m, n) / DEVIATION[name](m, n)
            np.testing.assert_allclose(draw(other, (m, n), 1.0, seed), ratio * one, rtol=1e-14, atol=0)


# -- as a run draws them: common random numbers --------------------------------------------------------------------


@pytest.mark.parametrize("name", INITS)
def test_a_run_starts_from_the_shape_the_family_and_the_seed_alone(name):
    widths = (2, 9, 9, 5, 1)
    shapes = list(zip(widths, widths[1:], strict=False))
    weights = initial(init=name, init_scale=1.3, hidden=widths[1:-1], seed=11)
    assert [W.shape for W, _ in weights] == shapes
    assert INITS[name].bias_deviation is not None or not any(b.any() for _, b in weights)
    rest = {"activation": "relu", "optimizer": "adam", "normalization": "layer", "residual": True, "batch_size": 3}
    rest |= {"learning_rate": 7.0, "l2": 1.0, "clip": "value", "samples": 8, "dataset": "moons"}
    other = initial(init=name, init_scale=1.3, hidden=widths[1:-1], seed=11, **rest)
    for (W, b), (W_other, b_other) in zip(weights, other, strict=True):
        np.testing.assert_array_equal(W, W_other)
        np.testing.assert_array_equal(b, b_other)


@pytest.mark.parametrize("family", ["normal", "uniform", "orthogonal"])
def test_runs_of_one_seed_and_family_differ_by_scale_only(family):
    names = [name for name in INITS if INITS[name].draws == family]
    runs = {name: initial(init=name, init_scale=0.5, hidden=(6, 6), seed=3) for name in names}
    runs["scaled"] = initial(init=names[0], init_scale=2.0, hidden=(6, 6), seed=3)
    for weights in runs.values():
        for (W, _), (reference, _) in zip(weights, runs[names[0]], strict=True):
            ratio = W / reference
            np.testing.assert_allclose(ratio, ratio.ravel()[0], rtol=1e-14)


def test_layers_and_seeds_draw_independently():
    first, second, third = (W for W, _ in initial(hidden=(60,) * 4, seed=4)[1:4])
    other, _ = initial(hidden=(60,) * 4, seed=5)[1]
    for a, b in ((first, second), (second, third), (first, third), (first, other)):
        # five standard errors of a correlation of independent draws, 1 / sqrt(3600)
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / 60


def test_biases_have_a_stream_of_their_own():
    plain, biased = initial(hidden=(400, 400), seed=6), initial(hidden=(400, 400), seed=6, bias_std=0.7)
    for (W, _), (W_biased, _) in zip(plain, biased, strict=True):
        np.testing.assert_array_equal(W, W_biased)
    without = initial(hidden=(400, 400), seed=6, bias=False, bias_std=0.7)
    for (W, _), (W_without, b) in zip(plain, without, strict=True):
        np.testing.assert_array_equal(W, W_without)
        assert b is None
    (W, b), (_, b_next), _ = biased
    assert stats.kstest(b, stats.norm(scale=0.7).cdf).pvalue > LEVEL
    assert not np.array_equal(b, b_next)
    assert abs(np.corrcoef(W[0], b)[0, 1]) < 5 / 20  # five standard errors, 1 / sqrt(400)
    twice = initial(hidden=(400, 400), seed=6, bias_std=1.4)
    np.testing.assert_allclose(twice[0][1], 2 * b, rtol=1e-15)


def test_a_deeper_network_starts_like_the_shallower_one():
    shallow, deep = initial(hidden=(8, 8), seed=7), initial(hidden=(8, 8, 8, 8), seed=7)
    for (W, _), (W_deep, _) in zip(shallow[:2], deep[:2], strict=True):
        np.testing.assert_array_equal(W, W_deep)


def test_scale_zero_gives_zero_weights_that_train_without_a_warning():
    with np.errstate(all="raise"):
        weights = initial(init_scale=0.0, hidden=(4, 4))
    assert not any(W.any() for W, _ in weights)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_pytorch_s_default_draws_biases_uniformly_within_one_over_the_root_of_fan_in(scale):
    weights = initial(init="torch_default", init_scale=scale, bias_std=7.0, hidden=(400, 300), seed=5)
    for W, b in weights[:-1]:
        bound = scale / math.sqrt(len(W))
        assert np.abs(b).max() <= bound and np.abs(b).max() > 0.95 * bound
        assert stats.kstest(b, stats.uniform(-bound, 2 * bound).cdf).pvalue > LEVEL
    assert all(b is None for _, b in initial(init="torch_default", bias=False, hidden=(4,)))


@pytest.mark.slow
def test_pytorch_s_default_is_that_of_its_linear_layer():
    torch = pytest.importorskip("torch", reason="it needs PyTorch: pip install -r requirements-torch.txt")
    torch.manual_seed(0)
    linear = torch.nn.Linear(50, 4000)
    ((W, b), _) = initial(init="torch_default", dataset="digits", hidden=(4000,), seed=0)
    for ours, theirs, fan_in in ((W, linear.weight, len(W)), (b, linear.bias, len(W))):
        scaled = ours.ravel() * math.sqrt(fan_in)
        assert stats.ks_2samp(scaled, theirs.detach().numpy().ravel() * math.sqrt(50)).pvalue > LEVEL
