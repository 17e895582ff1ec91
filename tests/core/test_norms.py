"""Norms that are right wherever they are representable."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.norms import SAFE_HIGH, SAFE_LOW, compute_norm, compute_unit_norms, root_of_squares, scaled_norm

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
    exact = exact_norm(values)
    # half a rounding for each of up to 30 squares and their sums, and one unit where the norm itself is subnormal
    bound = 32 * float(np.finfo(float).eps) * exact + float(np.finfo(float).smallest_subnormal)
    assert abs(compute_norm(values) - exact) <= bound
    assert scaled_norm(values) == pytest.approx(exact, rel=1e-14)


@pytest.mark.parametrize(
    "dtype, size",
    [(np.float64, 1e-200), (np.float64, 1e-307), (np.float64, 1e160), (np.float32, 1e-24), (np.float32, 1e25)],
)
def test_norms_do_not_underflow_or_overflow_with_their_squares(dtype, size):
    values = np.full(9, size, dtype)
    assert compute_norm(values) == pytest.approx(3 * float(values[0]), rel=4 * np.finfo(float).eps)


def test_between_the_safe_squares_no_entry_that_matters_is_lost():
    info = np.finfo(float)
    # 2^k numbers of equal size: their squares are subnormal only when the sum is far below the limit
    smallest = math.sqrt(SAFE_LOW / 1e6)
    assert smallest**2 > float(info.tiny)
    assert SAFE_LOW > 0 and SAFE_HIGH < float(info.max)
    assert compute_norm(np.full(1_000_000, smallest)) == pytest.approx(1000 * smallest, rel=100 * float(info.eps))


def test_norms_of_what_is_not_finite_say_so():
    found = [compute_norm(np.array(v)) for v in ([1.0, np.inf], [np.nan, 1.0], [np.nan, np.inf], [0.0, 0.0])]
    assert found[0] == np.inf and np.isnan(found[1:3]).all() and found[3] == 0


def test_a_norm_is_computed_again_only_where_its_square_came_near_the_limits():
    assert root_of_squares(np.array([3.0, 4.0]), 36.0) == 6.0
    assert root_of_squares(np.array([3e-200, 4e-200]), 0.0) == pytest.approx(5e-200, rel=1e-15)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1), st.sampled_from(DTYPES))
def test_unit_norms_are_those_of_the_columns(fan_in, fan_out, seed, dtype):
    rng = np.random.default_rng(seed)
    span = 150 if dtype is np.float64 else 25  # squares of some columns leave the range
    sizes = 10.0 ** rng.uniform(-span, span, (1, fan_out))
    W = (rng.standard_normal((fan_in, fan_out)) * sizes).astype(dtype)
    kept, found = W.copy(), np.full(fan_out, np.nan)
    compute_unit_norms(W, found)
    np.testing.assert_array_equal(W, kept)
    wanted = [exact_norm(W[:, unit]) for unit in range(fan_out)]
    np.testing.assert_allclose(found, wanted, rtol=16 * np.finfo(float).eps)
