"""exp, expm1, log1p and the normal tail against 50 digits, over the whole range of float64."""

import math

import mpmath
import numpy as np
import pytest

from core.compiled.elementary import exp_and_expm1, falling_exp, log1p, normal_tail

TINY = 5e-324


def points():
    rng = np.random.default_rng(0)
    ordinary = np.concatenate([rng.uniform(0, 3, 150), rng.uniform(0, 40, 100), rng.uniform(0, 750, 100)])
    return np.concatenate([ordinary, 10.0 ** rng.uniform(-320, 0, 50), [0.0, TINY, 708.4, 744.4, 745.2, 1e4, 1e308]])


def largest_error(found, exact):
    """In units of the last place of the exact value."""
    with mpmath.workdps(50):
        exact = [value(mpmath) for value in exact]
        rounded = np.array([float(value) for value in exact])
        wrong = [float(abs(mpmath.mpf(float(f)) - e)) for f, e in zip(found, exact, strict=True)]
    return max(wrong / np.maximum(np.spacing(np.abs(rounded)), TINY))


def test_a_falling_exponential_keeps_its_digits_below_the_smallest_normal_float():
    x = -np.linspace(700, 745, 60)
    for z in x:
        e, scale = falling_exp(z)
        with mpmath.workdps(50):
            assert float(mpmath.mpf(e) * mpmath.mpf(scale) / mpmath.exp(mpmath.mpf(float(z))) - 1) == pytest.approx(
                0, abs=3e-16
            )


def test_expm1_is_right_near_zero_and_far_below():
    x = -points()
    found = [exp_and_expm1(z)[2] for z in x]
    assert largest_error(found, [lambda m, z=z: m.expm1(m.mpf(float(z))) for z in x]) <= 1
    assert exp_and_expm1(-math.inf)[2] == -1 and math.isnan(exp_and_expm1(math.nan)[2])


def test_log1p_is_right_between_zero_and_one():
    x = np.concatenate([np.linspace(0, 1, 301), 10.0 ** np.random.default_rng(2).uniform(-320, 0, 60)])
    x = np.concatenate([x, np.nextafter(math.sqrt(2) - 1, [0, 1])])
    assert largest_error([log1p(z) for z in x], [lambda m, z=z: m.log1p(m.mpf(float(z))) for z in x]) <= 2


def test_the_normal_tail_keeps_its_relative_digits():
    for a in np.concatenate([np.linspace(0, 37, 300), [1e-300, 1e-8]]):
        e, scale, m = normal_tail(a)
        with mpmath.workdps(50):
            exact = mpmath.erfc(mpmath.mpf(float(a)) / mpmath.sqrt(2)) / 2
            error = mpmath.mpf(e) * mpmath.mpf(scale) * mpmath.mpf(m) / exact - 1
        assert abs(float(error)) < 6e-16, a
