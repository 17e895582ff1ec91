"""Clipping bounds what it says it bounds, leaves everything smaller alone to the last bit, and keeps directions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, train
from core.families.clipping import AGC_EPS, CLIP_CODES, CLIPS, project_max_norm
from core.families.clipping import clip as clip_in_place
from core.layout import Layout, ParameterStack
from core.norms import scaled_norm

EPS = {dtype: float(np.finfo(dtype).eps) for dtype in (np.float64, np.float32)}
RULES = [name for name in CLIPS if name != "none"]
LAYOUTS = [((3, 4, 4, 4, 2), True), ((2, 1, 5), False), ((1, 1, 1), True), ((5, 40, 1), True)]


@st.composite
def stacks(draw):
    """(layout, gradient, parameters, threshold, dtype) of 1 to 3 runs, of widely different size."""
    layout = Layout(*draw(st.sampled_from(LAYOUTS)))
    runs, dtype = draw(st.integers(1, 3)), draw(st.sampled_from([np.float64, np.float32]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    exponent = draw(st.integers(-25, 15)) if dtype is np.float32 else draw(st.integers(-220, 140))

    def values(power):
        flat = rng.standard_normal((runs, layout.size)) * 10.0**power
        flat[rng.random(flat.shape) < 0.2] = 0
        return ParameterStack(layout, flat.astype(dtype))

    gradient, parameters = values(exponent), values(draw(st.integers(-4, 2)))
    threshold = (10.0 ** (exponent + rng.uniform(-2, 3, runs))).astype(dtype)
    return layout, gradient, parameters, np.maximum(threshold, np.finfo(dtype).tiny), dtype


def copy(stack):
    return ParameterStack(stack.layout, stack.flat.copy())


def clip(name, gradient, parameters, threshold):
    """A clipped copy; the parameters must come back untouched."""
    clipped, kept, arrays = copy(gradient), parameters.flat.copy(), gradient.layout.arrays
    for g, w, bound in zip(clipped.flat, parameters.flat, threshold, strict=True):
        clip_in_place(CLIP_CODES[name], arrays, g, w, float(bound))
    np.testing.assert_array_equal(parameters.flat, kept)
    return clipped


def parts(name, gradient, parameters, threshold):
    """The numbers that a rule bounds: [(index of the run, numbers as views, bound)]."""
    found = []
    for run in range(len(gradient.flat)):
        c = float(threshold[run])
        if name == "value":
            found += [(run, gradient.flat[run, k : k + 1], c) for k in range(gradient.layout.size)]
        elif name == "global_norm":
            found.append((run, gradient.flat[run], c))
        elif name == "per_layer_norm":
            found += [(run, matrix[run], c) for matrix in gradient.matrices]
        else:
            for G, W in zip(gradient.weights, parameters.weights, strict=True):
                for unit in range(G.shape[2]):
                    found.append((run, G[run, :, unit], c * max(scaled_norm(W[run, :, unit]), AGC_EPS)))
            for g, b in zip(gradient.biases, parameters.biases, strict=True):
                found.append((run, g[run], c * max(scaled_norm(b[run]), AGC_EPS)))
    return found


def test_every_member_says_what_it_is():
    assert set(CLIPS) == {"none", "value", "global_norm", "per_layer_norm", "adaptive"}
    for name, rule in CLIPS.items():
        assert (
            rule.name == name and rule.label and rule.source and rule.recommended > 0 and r"\leftarrow" in rule.formula
        )
    assert CLIP_CODES["none"] == 0


@pytest.mark.parametrize("name", RULES)
@given(stack=stacks())
def test_the_clipped_norm_is_at_most_the_threshold(name, stack):
    layout, gradient, parameters, threshold, dtype = stack
    clipped = clip(name, gradient, parameters, threshold)
    for _, values, bound in parts(name, clipped, parameters, threshold):
        # a rounding each in norm, quotient and product, and those of the sum of squares
        assert scaled_norm(values) <= bound * (1 + (4 + math.sqrt(values.size)) * EPS[dtype])


@pytest.mark.parametrize("name", RULES)
@given(stack=stacks())
def test_what_exceeds_the_threshold_ends_at_it_and_the_rest_keeps_every_bit(name, stack):
    layout, gradient, parameters, threshold, dtype = stack
    clipped = clip(name, gradient, parameters, threshold)
    before = parts(name, gradient, parameters, threshold)
    after = parts(name, clipped, parameters, threshold)
    margin = (4 + math.sqrt(layout.size)) * EPS[dtype]
    for (_, old, bound), (_, new, _) in zip(before, after, strict=True):
        norm = scaled_norm(old)
        if norm < bound * (1 - margin):
            np.testing.assert_array_equal(new, old)
        elif norm > bound * (1 + margin):
            assert scaled_norm(new) == pytest.approx(bound, rel=2 * margin)
            expected = old.astype(float) * (bound / norm) if name != "value" else np.sign(old) * bound
            # subnormal results are rounded on an absolute scale
            np.testing.assert_allclose(new, expected, rtol=2 * margin, atol=2 * np.finfo(dtype).smallest_subnormal)


@pytest.mark.parametrize("name", RULES)
@given(stack=stacks())
def test_clipping_again_changes_nothing_but_a_rounding(name, stack):
    layout, gradient, parameters, threshold, dtype = stack
    once = clip(name, gradient, parameters, threshold)
    twice = clip(name, once, parameters, threshold)
    if name == "value":
        np.testing.assert_array_equal(twice.flat, once.flat)
    else:
        margin = (4 + math.sqrt(layout.size)) * EPS[dtype]
        atol = 2 * np.finfo(dtype).smallest_subnormal
        np.testing.assert_allclose(twice.flat, once.flat, rtol=2 * margin, atol=atol)


@pytest.mark.parametrize("name", RULES)
@given(stack=stacks(), shift=st.integers(-20, 20))
def test_clipping_commutes_with_a_power_of_two(name, stack, shift):
    layout, gradient, parameters, threshold, dtype = stack
    factor = dtype(2.0**shift)
    scaled = ParameterStack(layout, gradient.flat * factor)
    one, other = clip(name, gradient, parameters, threshold), clip(name, scaled, parameters, threshold * factor)
    # exact but where squares leave the range in one of the two and are computed again, or numbers become subnormal
    margin = (4 + math.sqrt(layout.size)) * EPS[dtype]
    tiny = np.finfo(dtype).tiny * max(1.0, float(factor))
    np.testing.assert_allclose(other.flat, one.flat * factor, rtol=margin, atol=tiny)


@pytest.mark.parametrize("name", RULES)
@given(stack=stacks())
def test_runs_do_not_mix(name, stack):
    layout, gradient, parameters, threshold, _ = stack
    together = clip(name, gradient, parameters, threshold)
    for run in range(len(threshold)):
        part = slice(run, run + 1)
        pieces = (
            ParameterStack(layout, gradient.flat[part].copy()),
            ParameterStack(layout, parameters.flat[part].copy()),
        )
        np.testing.assert_array_equal(clip(name, *pieces, threshold[part]).flat, together.flat[part])


@pytest.mark.parametrize("name", ["global_norm", "per_layer_norm", "adaptive"])
def test_a_zero_gradient_stays_zero(name):
    layout = Layout((3, 4, 2), True)
    zero = layout.new(2, np.float64)
    np.testing.assert_array_equal(clip(name, zero, layout.new(2, np.float64), np.ones(2)).flat, 0)


def test_a_norm_exactly_at_the_threshold_is_left_alone():
    layout = Layout((2, 1), False)
    gradient = ParameterStack(layout, np.array([[3.0, 4.0]]))
    for name in RULES:
        threshold = np.array([5.0 / AGC_EPS if name == "adaptive" else 5.0])
        clipped = clip(name, gradient, layout.new(1, np.float64), threshold)
        np.testing.assert_array_equal(clipped.flat, gradient.flat)


def test_weights_and_biases_count_jointly_in_a_layer_and_globally():
    layout = Layout((1, 1, 1), True)  # W b W b
    gradient = ParameterStack(layout, np.array([[3.0, 4.0, 6.0, 8.0]]))
    parameters = layout.new(1, np.float64)
    per_layer = clip("per_layer_norm", gradient, parameters, np.array([1.0]))
    np.testing.assert_allclose(per_layer.flat, [[0.6, 0.8, 0.6, 0.8]], rtol=1e-15)
    integer = clip("global_norm", gradient, parameters, np.array([1.0]))
    np.testing.assert_allclose(integer.flat, gradient.flat / math.sqrt(125), rtol=1e-15)


def test_adaptive_by_hand():
    # unit 1 weighs 5, its gradient 10: down to 0.1 * 5; unit 2 weighs 0, so 1e-3 counts; the bias vector is one unit
    layout = Layout((2, 2), True)
    parameters = ParameterStack(layout, np.array([[3.0, 0.0, 4.0, 0.0, 6.0, 8.0]]))  # rows of W, then b
    gradient = ParameterStack(layout, np.array([[6.0, 0.3, 8.0, 0.4, 30.0, 40.0]]))
    clipped = clip("adaptive", gradient, parameters, np.array([0.1]))
    np.testing.assert_allclose(clipped.flat, [[0.3, 0.6e-4, 0.4, 0.8e-4, 0.6, 0.8]], rtol=1e-14)


# -- max-norm -----------------------------------------------------------------------------------------------------


@given(stack=stacks())
def test_max_norm_bounds_each_units_incoming_weights_and_leaves_biases_and_smaller_ones(stack):
    layout, _, parameters, threshold, dtype = stack
    bound = threshold if np.isfinite(threshold).all() else np.ones_like(threshold)
    bound = np.maximum(bound, dtype(1e-12))
    projected = copy(parameters)
    for w, limit in zip(projected.flat, bound, strict=True):
        project_max_norm(layout.arrays, w, float(limit))
    for run in range(len(bound)):
        for W, W_new in zip(parameters.weights, projected.weights, strict=True):
            for unit in range(W.shape[2]):
                old, new = W[run, :, unit], W_new[run, :, unit]
                margin = (4 + math.sqrt(old.size)) * EPS[dtype]
                norm = scaled_norm(old)
                assert scaled_norm(new) <= bound[run] * (1 + margin)
                if norm < bound[run] * (1 - margin):
                    np.testing.assert_array_equal(new, old)
                elif norm > bound[run] * (1 + margin):
                    assert scaled_norm(new) == pytest.approx(float(bound[run]), rel=2 * margin)
    for b, b_new in zip(parameters.biases, projected.biases, strict=True):
        np.testing.assert_array_equal(b, b_new)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_trained_network_obeys_its_max_norm_after_every_step(dtype):
    config = RunConfig(
        hidden=(6, 6, 6), activation="relu", init_scale=3.0, learning_rate=0.05, max_norm=0.8, samples=16, dtype=dtype
    )
    for steps in (1, 2, 7):
        (trace,) = train([config.replace(steps=steps)])
        bound = 0.8 * (1 + 8 * np.finfo(dtype).eps)
        norms = [np.linalg.norm(W.astype(float), axis=0) for W, _ in trace.weights]
        assert max(map(np.max, norms)) <= bound
        assert max(map(np.max, norms)) > 0.79  # it binds
    (start,) = train([config.replace(steps=0)])
    assert np.linalg.norm(start.weights[0][0], axis=0).max() > 0.8  # initial weights are not projected


@pytest.mark.parametrize("name", RULES)
def test_a_run_that_never_exceeds_its_threshold_is_the_unclipped_run_bit_for_bit(name):
    plain = RunConfig(hidden=(5, 5), steps=10, samples=16, seed=2)
    free, clipped = train([plain, plain.replace(clip=name, clip_threshold=1e6)])
    for (W, b), (W_clipped, b_clipped) in zip(free.weights, clipped.weights, strict=True):
        np.testing.assert_array_equal(W, W_clipped)
        np.testing.assert_array_equal(b, b_clipped)
    np.testing.assert_array_equal(clipped.clip_scale, 1)
    np.testing.assert_array_equal(clipped.clipped_grad_norm, free.grad_norm)
