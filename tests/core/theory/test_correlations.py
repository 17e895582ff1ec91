"""Averages over pairs against closed forms and double integrals, the correlation map, and its depth scales."""

import math

import numpy as np
import pytest

from core import ConfigError
from core.families.activations import ACTIVATIONS
from core.theory import correlation, critical_points, fixed_points, moments
from core.theory.correlations import RULE_OF_SIX, arc_cosine, depth_scale, half_squared_difference, pair
from core.theory.gaussian import gaussian_nodes
from tests.support.erf import ERF

CORRELATIONS = (-1.0, -0.999, -0.6, 0.0, 0.3, 0.95, 1 - 1e-6, 1.0)


@pytest.mark.parametrize("c", CORRELATIONS)
@pytest.mark.parametrize("qu, qv", [(1e-3, 1e-3), (1.0, 1.0), (0.2, 7.0), (500.0, 500.0)])
def test_pairs_of_erf_have_their_closed_forms(qu, qv, c):
    cov = c * math.sqrt(qu * qv)
    value = 2 / math.pi * math.asin(2 * cov / math.sqrt((1 + 2 * qu) * (1 + 2 * qv)))
    slope = 4 / math.pi / math.sqrt((1 + 2 * qu) * (1 + 2 * qv) - 4 * cov**2)
    found = pair(ERF, qu, qv, c)
    assert found[0] == pytest.approx(value, rel=1e-12, abs=1e-15)
    assert found[1] == pytest.approx(slope, rel=1e-10)  # c itself is known to 1e-16, and the slope varies with 1 - c


@pytest.mark.parametrize("c", CORRELATIONS)
def test_pairs_of_relu_have_the_arc_cosine_kernels(c):
    q = 3.0
    value = q / (2 * math.pi) * (math.sqrt(1 - c * c) + c * (math.pi - math.acos(c)))
    slope = 0.5 - math.acos(c) / (2 * math.pi)
    assert pair(ACTIVATIONS["relu"], q, q, c) == pytest.approx((value, slope), rel=1e-14, abs=1e-16)
    assert pair(ACTIVATIONS["linear"], q, q, c) == pytest.approx((q * c, 1.0), rel=1e-14)


def polar(phi, qu, qv, c):
    """The pair by polar coordinates: every kink is a ray from the origin, where a panel ends."""
    r, wr = panels([0, 0.5, 1, 2, 3, 4.5, 6, 8, 11, 14])
    turn = math.acos(c)
    ends = sorted({t % (2 * math.pi) for t in (math.pi / 2, 1.5 * math.pi, turn + math.pi / 2, turn - math.pi / 2)})
    grid = np.unique(np.concatenate([[0, 2 * math.pi], ends, np.linspace(0, 2 * math.pi, 41)]))
    t, wt = panels(grid)
    wr = wr * r * np.exp(-r * r / 2) / (2 * math.pi)
    u, v = (math.sqrt(q) * r[:, None] * np.cos(t - by) for q, by in ((qu, 0.0), (qv, turn)))
    return tuple(wr @ (f(u) * f(v)) @ wt for f in (phi, phi.slope))


def panels(edges, nodes=16):
    z, w = np.polynomial.legendre.leggauss(nodes)
    edges = np.asarray(edges, float)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + z)).ravel(), (half * w).ravel()


@pytest.mark.parametrize("c", [-0.9, 0.2, 0.98])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_pairs_agree_with_a_double_integral_in_polar_coordinates(name, c):
    phi = ACTIVATIONS[name]
    for qu, qv in ((1.0, 1.0), (0.3, 2.0)):
        found, exact = pair(phi, qu, qv, c), polar(phi, qu, qv, c)
        # both sums have some thousand terms, of which the largest are of the size of the moments
        assert found[0] == pytest.approx(exact[0], abs=1e-12 * math.sqrt(second(name, qu) * second(name, qv)))
        assert found[1] == pytest.approx(exact[1], rel=1e-11)


def second(name, q):
    return moments(name, q).second


@pytest.mark.parametrize("q", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_pair_is_a_moment_at_correlation_1_and_a_product_of_means_at_0(name, q):
    phi, at = ACTIVATIONS[name], moments(name, q)
    assert pair(phi, q, q, 1.0) == pytest.approx((at.second, at.slope2), rel=1e-13)
    assert pair(phi, q, q, 0.0)[0] == pytest.approx(at.mean**2, abs=1e-13 * at.second)


@pytest.mark.parametrize("c", [-0.7, 0.97])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_average_grows_with_correlation_by_q_times_that_of_the_slopes(name, c):
    # Price's theorem. Fourth order: truncation h^4 times a fifth derivative below 1e5; rounding 1e-15 / h
    phi, q, h = ACTIVATIONS[name], 2.0, 1e-4
    at = [pair(phi, q, q, c + k * h)[0] for k in (-2, -1, 1, 2)]
    difference = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h)
    assert difference == pytest.approx(q * pair(phi, q, q, c)[1], rel=3e-11)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_pairs_are_symmetric_and_obey_cauchy_and_schwarz(name):
    phi = ACTIVATIONS[name]
    for c in (-0.999, -0.6, 0.3, 1.0):
        there, back = pair(phi, 0.4, 6.0, c), pair(phi, 6.0, 0.4, c)
        assert there == pytest.approx(back, rel=1e-11, abs=1e-13)
        assert abs(there[0]) <= math.sqrt(second(name, 0.4) * second(name, 6.0)) * (1 + 1e-13)


def test_relu_correlations_approach_1_as_the_square_of_the_depth():
    # at criticality 1 - c ~ (9 pi^2 / 2) / l^2
    c = np.array(0.0)
    for _ in range(20_000):
        c = 2 * arc_cosine((0.0, 1.0), c)[0]
    assert (1 - c) * 20_000**2 == pytest.approx(9 * math.pi**2 / 2, rel=5e-3)  # the next term is of order ln(l) / l


# sigma_w^2, sigma_b^2 = 0.05: 6 xi_c as in Schoenholz et al. 2017's set-up
@pytest.mark.parametrize("weights, rule", [(1.0, 21.8), (4.0, 41.9), (2.5, 70.8)])
def test_depth_scales_of_tanh_are_those_reported(weights, rule):
    assert RULE_OF_SIX * correlation("tanh", math.sqrt(weights), math.sqrt(0.05)).xi_c == pytest.approx(rule, abs=0.05)


def test_in_the_ordered_phase_both_scales_are_one_and_correlations_end_at_1():
    found = correlation("tanh", 1.0, math.sqrt(0.05))
    (rest,) = fixed_points("tanh", 1.0, math.sqrt(0.05))
    assert found.c_star == 1 and found.chi_c == rest.chi < 1
    assert found.xi_c == found.xi_grad == pytest.approx(-1 / math.log(rest.chi), rel=1e-12)


@pytest.mark.parametrize("name, sigma_w, sigma_b", [
    ("tanh", 2.0, math.sqrt(0.05)), ("tanh", 1.6, 0.1), ("selu", 1.05, 0.1), ("selu", 1.0, 0.2), ("sigmoid", 12.0, 0.2),
    ("erf", 2.0, 0.2),
])  # fmt: skip
def test_in_the_chaotic_phase_c_star_is_a_rest_of_the_map_and_attracts(name, sigma_w, sigma_b, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "erf", ERF)
    found = correlation(name, sigma_w, sigma_b)
    (rest,) = [point for point in fixed_points(name, sigma_w, sigma_b) if point.stable]

    def after(c):
        return (sigma_w**2 * pair(ACTIVATIONS[name], rest.q, rest.q, c)[0] + sigma_b**2) / rest.q

    assert rest.chi > 1 and 0 < found.c_star < 1 and found.chi_c < 1
    assert after(found.c_star) == pytest.approx(found.c_star, abs=1e-12)
    for side in (-1e-3, 1e-3):
        assert after(found.c_star + side) - found.c_star == pytest.approx(found.chi_c * side, rel=0.05)
    assert found.xi_grad == pytest.approx(-1 / math.log(rest.chi)) and found.xi_grad < 0 < found.xi_c
    if name == "erf":
        cov = found.c_star * rest.q
        assert found.chi_c == pytest.approx(
            sigma_w**2 * 4 / math.pi / math.sqrt((1 + 2 * rest.q) ** 2 - 4 * cov**2), rel=1e-10
        )


def test_odd_activations_without_biases_lose_all_correlation_when_chaotic():
    found = correlation("tanh", 2.0, 0.0)
    (_, rest) = fixed_points("tanh", 2.0)
    assert found.c_star == 0
    # at c = 0 the slopes are independent: chi_c = sigma_w^2 (E phi')^2, and by Stein's lemma E phi' = E[u phi] / q
    _, u, w = gaussian_nodes(ACTIVATIONS["tanh"], np.array(rest.q))
    assert found.chi_c == pytest.approx(4 * ((w * np.tanh(u) * u).sum() / rest.q) ** 2, rel=1e-12)


def test_where_q_has_no_rest_there_is_no_scale():
    for name, sigma_w, sigma_b in (("softplus", 2.0, 0.0), ("relu", 1.5, 0.1), ("linear", 1.0, 0.5)):
        found = correlation(name, sigma_w, sigma_b)
        assert all(math.isnan(x) for x in (found.c_star, found.chi_c, found.xi_c, found.xi_grad))


def test_at_criticality_the_scales_are_infinite():
    for name, sigma_w in (("relu", math.sqrt(2)), ("linear", 1.0), ("tanh", 1.0), ("elu", 1.0)):
        found = correlation(name, sigma_w, 0.0)
        assert found.c_star == 1 and found.xi_c == found.xi_grad == math.inf


def test_the_depth_scale_is_that_of_an_exponential():
    assert depth_scale(math.exp(-1 / 7)) == pytest.approx(7, rel=1e-14)
    assert depth_scale(math.exp(1 / 7)) == pytest.approx(-7, rel=1e-14)
    assert depth_scale(1.0) == math.inf and depth_scale(0.0) == 0


@pytest.mark.parametrize("call, field", [
    (lambda: correlation("tan", 1.0, 0.0), "activation"), (lambda: correlation("tanh", -1.0, 0.0), "sigma_w"),
    (lambda: correlation("tanh", 1.0, math.nan), "sigma_b"), (lambda: correlation("tanh", 1.0, "0"), "sigma_b"),
    (lambda: correlation("tanh", math.inf, 0.0), "sigma_w"),
])  # fmt: skip
def test_bad_input_is_refused_by_the_name_of_its_field(call, field):
    with pytest.raises(ConfigError, match=f"^{field} = .* is not allowed: it must be "):
        call()


@pytest.mark.parametrize("distance", [1e-12, 1e-6, 1e-3, 0.3, 1.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_distances_keep_their_digits_where_a_difference_would_lose_them(name, distance):
    phi, q = ACTIVATIONS[name], 1.7
    half = half_squared_difference(phi, q, distance)
    if distance <= 1e-6:  # q (1 - c) E phi'^2 to first order; a kink adds a term in (1 - c)^(3/2)
        assert half == pytest.approx(distance * q * moments(name, q).slope2, rel=5e-3 if distance == 1e-6 else 1e-5)
    else:
        assert half == pytest.approx(moments(name, q).second - pair(phi, q, q, 1 - distance)[0], rel=1e-9)


def test_near_the_critical_line_the_limit_is_as_near_to_1_as_chi():
    # 1 - c* = 2 (chi - 1) / (q* sigma_w^2 E phi''^2) to first order: the ratio of neighbors is that of chi - 1
    (point,) = critical_points("tanh", 0.3)
    gaps, excesses = [], []
    for off in (1e-4, 1e-5, 1e-6):
        sigma_w = point.sigma_w * (1 + off)
        found = correlation("tanh", sigma_w, 0.3)
        gaps.append(1 - found.c_star)
        excesses.append(math.expm1(-1 / found.xi_grad))
    np.testing.assert_allclose(np.array(gaps) / gaps[0], np.array(excesses) / excesses[0], rtol=2e-3)
