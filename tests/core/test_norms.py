"""Norms that are right wherever they are representable."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.norms import norms, repair_norms, safe_squares, scaled_norm, unit_norms

DTYPES = [np.float64, np.float32]


def exact_norm(values):
    """Rounded once from the exact rational sum of squares."""
    total = sum(Fraction(float(value)) ** 2 for value in values)
    if total == 0:
        return 0.0
    shift = (math.floor(math.log2(total.numerator)) - math.floor(math.log2(total.denominator))) // 2
    return math.ldexp(math.sqrt(total / Fraction(2) ** (2 * shift)), shift)


@st.composite
def vectors(draw):
    """1 to 30 numbers of one dtype whose norm is representable, from subnormal to near the largest."""
    dtype = draw(st.sampled_from(DTYPES))
    info = np.finfo(dtype)
    low, high = math.log10(float(info.tiny)), math.log10(float(info.max)) - 3
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size, power = draw(st.integers(1, 30)), draw(st.floats(low, high))
    spread = draw(st.sampled_from([0.0, 3.0, 30.0]))
    values = rng.standard_normal(size) * 10.0 ** np.maximum(power - spread * rng.random(size), low - 20)
    return values.astype(dtype)


@given(vectors())
def test_norms_are_those_of_exact_arithmetic_over_the_whole_range(values):
    with np.errstate(all="ignore"):
        found = norms(values[None, None])
    assert found.dtype == values.dtype and found.shape == (1, 1)
    exact = exact_norm(values)
    info = np.finfo(values.dtype)
    # half a rounding for each of up to 30 squares and their sums, and one unit where the norm itself is subnormal
    assert abs(float(found[0, 0]) - exact) <= 32 * float(info.eps) * exact + float(info.smallest_subnormal)
    assert scaled_norm(values) == pytest.approx(exact, rel=1e-14)


@pytest.mark.parametrize(
    "dtype, size",
    [(np.float64, 1e-200), (np.float64, 1e-307), (np.float64, 1e160), (np.float32, 1e-24), (np.float32, 1e25)],
)
def test_norms_do_not_underflow_or_overflow_with_their_squares(dtype, size):
    values = np.full((2, 1, 9), size, dtype)
    values[1] = 1
    with np.errstate(all="ignore"):
        found = norms(values)
    np.testing.assert_allclose(found, np.array([[3 * size], [3.0]], dtype), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_between_the_safe_squares_no_entry_that_matters_is_lost(dtype):
    low, high = safe_squares(dtype)
    info = np.finfo(dtype)
    # 2^k numbers of equal size: their squares are subnormal only when the sum is far below `low`
    smallest = np.array(np.sqrt(low / 1e6), dtype)
    values = np.full((1, 1, 1_000_000), smallest, dtype)
    assert float(smallest) ** 2 > float(info.tiny)
    assert low > 0 and high < float(info.max)
    assert float(norms(values)[0, 0]) == pytest.approx(1000 * float(smallest), rel=100 * float(info.eps))


def test_norms_of_what_is_not_finite_say_so():
    values = np.array([[[1.0, np.inf], [np.nan, 1.0], [np.nan, np.inf], [0.0, 0.0]]])
    found = norms(values)[0]
    assert found[0] == np.inf and np.isnan(found[1:3]).all() and found[3] == 0


def test_repair_touches_only_what_came_near_the_limits():
    view = np.array([[[3.0, 4.0], [3e-200, 4e-200]]])
    squares, out = np.array([[25.0, 0.0]]), np.array([[-1.0, 0.0]])
    repair_norms(view, squares, out)
    np.testing.assert_allclose(out, [[-1.0, 5e-200]], rtol=1e-15)


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1), st.sampled_from(DTYPES))
def test_unit_norms_are_those_of_the_columns(runs, fan_in, fan_out, seed, dtype):
    rng = np.random.default_rng(seed)
    span = 150 if dtype is np.float64 else 25  # squares of some columns leave the range
    sizes = 10.0 ** rng.uniform(-span, span, (runs, 1, fan_out))
    W = (rng.standard_normal((runs, fan_in, fan_out)) * sizes).astype(dtype)
    kept = W.copy()
    with np.errstate(all="ignore"):
        found = unit_norms(W, np.full_like(W, np.nan))
    np.testing.assert_array_equal(W, kept)
    assert found.shape == (runs, 1, fan_out)
    wanted = [[exact_norm(W[run, :, unit]) for unit in range(fan_out)] for run in range(runs)]
    np.testing.assert_allclose(found[:, 0], wanted, rtol=16 * np.finfo(dtype).eps)
