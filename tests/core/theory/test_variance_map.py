"""The length map against iteration by hand, power laws and published points; its rests, and where chi = 1."""

import math

import numpy as np
import pytest

from core import ConfigError
from core.families.activations import ACTIVATIONS
from core.theory import critical_points, fixed_points, length_map, moments
from core.theory.variance_map import HIGH, LOW, attractor, critical_line

RAYS = [name for name, phi in ACTIVATIONS.items() if phi.piecewise_slopes is not None]
ROUNDING = 1e-13  # relative: moments are right to some 1e-15, and a rest is solved for to the last digits
SCALES = [(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (1.3, 0.2), (1.7, 0.0), (2.0, 0.3), (3.0, 0.0)]  # sigma_w, sigma_b


def V(name, q, sigma_w, sigma_b):
    return sigma_w**2 * moments(name, q).second + sigma_b**2


def iterate(name, q, sigma_w, sigma_b, layers):
    for _ in range(layers):
        q = V(name, q, sigma_w, sigma_b)
    return q


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_length_map_is_the_recursion_worked_by_hand(name):
    q1, sigma_w, sigma_b = 0.7, 1.1, 0.3
    q2 = 1.21 * moments(name, 0.7).second + 0.09
    q3 = 1.21 * moments(name, q2).second + 0.09
    q, chi = length_map(name, q1, sigma_w, sigma_b, 3)
    np.testing.assert_allclose(q, [q1, q2, q3], rtol=1e-15)
    np.testing.assert_allclose(chi, [1.21 * moments(name, x).slope2 for x in q], rtol=1e-15)


def test_tanh_at_its_critical_point_shrinks_as_one_over_twice_the_depth():
    q, chi = length_map("tanh", 1.0, 1.0, 0.0, 4000)
    l = np.arange(1, 4001)
    # corrections are of order ln(l) / l
    assert q[-1] * 2 * l[-1] == pytest.approx(1, abs=4 * math.log(4000) / 4000)
    assert (1 - chi[-1]) * l[-1] == pytest.approx(1, abs=4 * math.log(4000) / 4000)


def test_relu_grows_by_half_the_square_of_the_scale_from_layer_to_layer():
    q, chi = length_map("relu", 3.0, 1.2, 0.0, 500)
    np.testing.assert_allclose(q, 3.0 * 0.72 ** np.arange(500.0), rtol=1e-12)  # 500 roundings
    np.testing.assert_allclose(chi, np.full(500, 0.72), rtol=1e-15)
    np.testing.assert_allclose(length_map("relu", 3.0, math.sqrt(2), 0.0, 500)[0], np.full(500, 3.0), rtol=1e-12)


def test_biases_make_a_critical_relu_grow_by_a_straight_line():
    q, _ = length_map("relu", 1.0, math.sqrt(2), 0.5, 10)
    np.testing.assert_allclose(q, 1.0 + 0.25 * np.arange(10), rtol=ROUNDING)


def test_what_grows_beyond_all_bounds_is_not_a_number_from_there_on():
    q, chi = length_map("linear", 1.0, 10.0, 0.0, 60)  # 100^l passes 1e100 after 50
    assert np.isfinite(q[:51]).all() and np.isnan(q[51:]).all()
    np.testing.assert_array_equal(np.isnan(q), np.isnan(chi))


# sigma_w, sigma_b -> every (q, chi, slope, stable); None where the source does not say
REPORTED = {
    ("sigmoid", 10.149264, 0.0): [(45.62, 1.0, None, True)],
    ("sigmoid", 1.0, 1.0): [(1.3021, 0.2048**2, None, True)],
    ("selu", 1.0, 0.0): [(0.0, None, None, False), (1.0, 1.071575, 0.782648, True)],
    ("elu", 1.0, 0.0): [(0.0, 1.0, 1.0, False)],  # marginal: slope 1
    ("tanh", 1.0, 0.0): [(0.0, 1.0, 1.0, False)],
    ("tanh", 0.9, 0.0): [(0.0, 0.81, 0.81, True)],
    ("tanh", 5 / 3, 0.0): [(0.0, 25 / 9, 25 / 9, False), (1.178480, 1.209831, None, True)],
    ("relu", math.sqrt(2), 0.0): [(0.0, 1.0, 1.0, False)],  # every q rests; 0 stands for all
    ("linear", 1.0, 0.0): [(0.0, 1.0, 1.0, False)],
    ("gelu", math.sqrt(2), 0.0): [(0.0, 0.5, 0.5, True)],
    ("gelu", 1.7, 0.0): [(0.0, 0.7225, 0.7225, True), (None, None, None, False)],
    ("silu", 1.7, 0.0): [(0.0, 0.7225, 0.7225, True), (None, None, None, False)],
    ("gelu", 2.0, 0.0): [(0.0, 1.0, 1.0, False)],
    ("gelu", 2.2, 0.0): [(0.0, 1.21, 1.21, False)],
    ("softplus", 1.2, 0.0): [(None, None, None, True)],
    ("softplus", math.sqrt(2), 0.0): [],
    ("relu", 1.5, 0.0): [(0.0, 1.125, 1.125, False)],
    ("relu", math.sqrt(2), 0.1): [],
    ("relu", 1.2, 0.3): [(0.09 / 0.28, 0.72, 0.72, True)],
}


@pytest.mark.parametrize("case", REPORTED, ids=lambda case: f"{case[0]}-{case[1]:.3g}-{case[2]:.3g}")
def test_rests_are_those_reported_all_of_them_in_order(case):
    found = fixed_points(*case)
    assert len(found) == len(REPORTED[case])
    for point, (q, chi, slope, stable) in zip(found, REPORTED[case], strict=True):
        assert point.stable is stable
        # half of the last digit that is reported: 4 to 6 behind the point
        assert q is None or point.q == pytest.approx(q, abs=5e-7 if q < 1.3 else 5e-3, rel=0)
        assert chi is None or point.chi == pytest.approx(chi, abs=2e-5 if chi < 0.1 else 6e-7, rel=0)
        assert slope is None or point.slope == pytest.approx(slope, abs=5e-7, rel=0)


def test_sigmoid_multiplies_the_gradient_norm_by_a_fifth_with_unit_scales():
    (point,) = fixed_points("sigmoid", 1.0, 1.0)
    assert point.q == pytest.approx(1.3021, abs=5e-5) and math.sqrt(point.chi) == pytest.approx(0.2048, abs=5e-5)


def test_sigmoid_keeps_a_quarter_of_the_squared_scale_and_never_more_than_all_of_it():
    for sigma_w in (0.5, 1.0, 4.0, 10.0):
        (point,) = fixed_points("sigmoid", sigma_w)
        assert sigma_w**2 / 4 < point.q < sigma_w**2
        assert math.sqrt(point.chi) <= sigma_w / 4  # its slope is at most 1/4


@pytest.mark.parametrize("sigma_w, sigma_b", SCALES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_rest_rests_with_the_chi_and_the_slope_of_the_maps_there(name, sigma_w, sigma_b):
    found = fixed_points(name, sigma_w, sigma_b)
    assert [point.q for point in found] == sorted({point.q for point in found})
    for point in found:
        q = point.q
        assert V(name, q, sigma_w, sigma_b) == pytest.approx(q, rel=ROUNDING, abs=1e-300)
        assert point.chi == pytest.approx(sigma_w**2 * moments(name, q).slope2, rel=1e-15)
        assert point.stable == (point.slope < 1 - 1e-12)
        if q > 0:
            h = 1e-3 * q  # fourth order: truncation below 1e-11, rounding 1e-15 / 1e-3
            at = [V(name, q + k * h, sigma_w, sigma_b) for k in (-2, -1, 1, 2)]
            assert point.slope == pytest.approx((at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h), abs=1e-10)
        else:  # off by its next term, of size sqrt(q) at a kink
            assert point.slope == pytest.approx(V(name, 1e-12, sigma_w, sigma_b) / 1e-12, rel=1e-4)


@pytest.mark.parametrize("sigma_w, sigma_b", SCALES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_small_push_dies_out_where_a_rest_is_stable_and_grows_where_it_repels(name, sigma_w, sigma_b):
    for point in fixed_points(name, sigma_w, sigma_b):
        for side in (-1, 1):
            start = point.q * (1 + side * 1e-5) if point.q else 1e-7
            off = abs(start - point.q)
            after = abs(iterate(name, start, sigma_w, sigma_b, 5) - point.q)
            if abs(point.slope - 1) < 1e-9:  # marginal: what decides is beyond the slope
                continue
            assert (after < off) == point.stable


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_rest_is_missed_because_v_minus_q_has_one_sign_between_them(name):
    q = np.geomspace(LOW, HIGH, 2000)  # three times as fine as the search, and at other places
    second = moments(name, q).second
    for sigma_w, sigma_b in SCALES:
        off = (sigma_w**2 * second + sigma_b**2) / q - 1
        off[np.abs(off) < 1e-9] = 0
        crossings = q[:-1][off[:-1] * off[1:] < 0]
        rests = np.array([point.q for point in fixed_points(name, sigma_w, sigma_b) if point.q > 0])
        assert len(rests) >= len(crossings)
        for crossing in crossings:
            assert np.abs(np.log(rests / crossing)).min() < 2 * math.log(q[1] / q[0])


# sigma_w^2, sigma_b^2, q where chi = V' = 1: the critical point is marginal there, and stable for larger biases only
DOUBLY_CRITICAL = {"gelu": (1.98305826, 0.17292239, 3.56155), "silu": (1.98800468, 0.55514317, 14.32017)}


@pytest.mark.parametrize("name", DOUBLY_CRITICAL)
def test_the_point_where_both_slopes_are_1_is_the_reported_one(name):
    weights, biases, q = DOUBLY_CRITICAL[name]
    less, (point,), more = (critical_points(name, math.sqrt(biases * s)) for s in (0.99, 1.0, 1.01))
    # half of the last digit
    assert point.sigma_w**2 == pytest.approx(weights, abs=5e-9) and point.q == pytest.approx(q, abs=5e-6)
    assert point.slope == pytest.approx(1, abs=1e-8)
    assert not less[-1].stable and more[-1].stable


@pytest.mark.parametrize("name, sigma_w, q1, rest", [
    ("tanh", 1.5, 1.0, 0.7933540426067778), ("gelu", 1.7, 0.2, 0.0), ("gelu", 1.7, 1.0, None), ("tanh", 1.0, 1.0, 0.0),
    ("relu", math.sqrt(2), 0.37, 0.37), ("relu", 1.5, 1.0, None), ("relu", 1.2, 1.0, 0.0), ("selu", 1.0, 7.0, 1.0),
])  # fmt: skip
def test_the_resting_point_is_where_iteration_ends(name, sigma_w, q1, rest):
    found = attractor(name, sigma_w, 0.0, q1)
    assert (found is None) == (rest is None)
    if rest is not None:
        assert found.q == pytest.approx(rest, rel=1e-12, abs=1e-12)
        if abs(found.slope - 1) > 1e-9:
            assert iterate(name, q1, sigma_w, 0.0, 300) == pytest.approx(rest, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("sigma_w, sigma_b", [*SCALES, (1.7, 0.05), (1.35, 0.05)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_q_is_drawn_to_the_next_rest_in_the_direction_of_v(name, sigma_w, sigma_b):
    rests = [point.q for point in fixed_points(name, sigma_w, sigma_b)]
    ends = [1e-6, *(q for q in rests if q > 1e-6), 1e3]
    for q in [math.sqrt(a * b) for a, b in zip(ends, ends[1:], strict=False)]:
        following = V(name, q, sigma_w, sigma_b)
        if abs(following - q) < 1e-9 * q:
            continue
        beyond = [rest for rest in rests if (rest > q) == (following > q)]
        found = attractor(name, sigma_w, sigma_b, q)
        nearest = min(beyond, key=lambda rest: abs(rest - q), default=None)
        assert (found.q if found else None) == nearest


def test_gelu_has_two_rests_above_a_small_variance():
    rests = [point.q for point in fixed_points("gelu", 1.7, 0.05)]
    assert len(rests) == 2 and 1e-3 < rests[0] < rests[1]
    assert attractor("gelu", 1.7, 0.05, 1e-3).q == rests[0]


# at sigma_b = 0: every (sigma_w, q, slope); None where the source does not say
CRITICAL = {
    "linear": [(1.0, 0.0, 1.0)],
    "sigmoid": [(10.149264, 45.62, None)],
    "tanh": [(1.0, 0.0, 1.0)],
    "relu": [(math.sqrt(2), 0.0, 1.0)],
    "leaky_relu": [(math.sqrt(2 / (1 + 0.01**2)), 0.0, 1.0)],
    "elu": [(1.0, 0.0, 1.0)],
    "selu": [(0.690486, 0.0, 1.0)],
    "gelu": [(2.0, 0.0, 1.0)],
    "silu": [(2.0, 0.0, 1.0)],
    "softplus": [],
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_critical_points_without_biases_are_those_published(name):
    found = critical_points(name)
    assert len(found) == len(CRITICAL[name])
    for point, (sigma_w, q, slope) in zip(found, CRITICAL[name], strict=True):
        assert point.sigma_w == pytest.approx(sigma_w, abs=5e-7)  # half of the last digit
        assert point.q == pytest.approx(q, abs=5e-3)
        assert slope is None or point.slope == pytest.approx(slope, rel=1e-12)
        assert point.stable == (point.slope < 1 - 1e-12)


def test_critical_tanh_with_biases_is_where_published():
    (point,) = critical_points("tanh", math.sqrt(0.05))
    assert point.sigma_w**2 == pytest.approx(1.76095, abs=5e-6)  # half of the last digit


@pytest.mark.parametrize("sigma_b", [0.0, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in RAYS])
def test_chi_is_1_at_a_rest_of_every_critical_point_and_passes_it_there(name, sigma_b):
    for point in critical_points(name, sigma_b):
        assert V(name, point.q, point.sigma_w, sigma_b) == pytest.approx(point.q, rel=1e-10, abs=1e-300)
        assert point.sigma_w**2 * moments(name, point.q).slope2 == pytest.approx(1, rel=1e-12)
        if point.stable:
            (rest,) = [p for p in fixed_points(name, point.sigma_w, sigma_b) if abs(p.q - point.q) < 1e-6 * point.q]
            assert rest.chi == pytest.approx(1, abs=1e-9) and rest.slope == pytest.approx(point.slope, abs=1e-9)
            if name in ("sigmoid", "tanh"):  # the others grow without end just above
                below, above = (attractor(name, point.sigma_w * s, sigma_b, point.q).chi for s in (0.99, 1.01))
                assert below < 1 < above


@pytest.mark.parametrize("sigma_b", [0.0, 0.3])
@pytest.mark.parametrize("name", RAYS)
def test_two_rays_are_critical_at_any_variance_so_only_without_biases_at_rest(name, sigma_b):
    (point,) = critical_points(name, sigma_b)
    assert point.sigma_w == critical_points(name)[0].sigma_w
    assert point.q == (0.0 if sigma_b == 0 else math.inf) and not point.stable


@pytest.mark.parametrize("sigma_b", [0.0, 0.5, 2.0])
def test_softplus_is_never_critical(sigma_b):
    assert critical_points("softplus", sigma_b) == []


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_on_the_critical_line_chi_is_1_at_a_rest(name):
    q = np.geomspace(1e-3, 100, 31)
    sigma_w, sigma_b = critical_line(name, q)
    np.testing.assert_array_equal(np.isnan(sigma_w), np.isnan(sigma_b))
    assert np.isnan(sigma_w).all() == (name == "softplus")
    for x, w, b in zip(q, sigma_w, sigma_b, strict=True):
        if not math.isnan(w):
            assert V(name, x, w, b) == pytest.approx(x, rel=1e-12)
            assert w**2 * moments(name, x).slope2 == pytest.approx(1, rel=1e-14)
    if name in RAYS:
        np.testing.assert_array_equal(sigma_b, np.zeros(31))


def test_the_critical_line_of_tanh_is_found_again_by_its_rests():
    sigma_w, sigma_b = critical_line("tanh", np.array([0.1, 1.0, 10.0]))
    for w, b, q in zip(sigma_w, sigma_b, (0.1, 1.0, 10.0), strict=True):
        (rest,) = fixed_points("tanh", w, b)
        assert rest.q == pytest.approx(q, rel=1e-9) and rest.chi == pytest.approx(1, abs=1e-9)
        (point,) = critical_points("tanh", b)
        assert point.sigma_w == pytest.approx(w, rel=1e-9)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in RAYS])
def test_every_place_of_the_critical_line_is_found_again_at_its_own_biases_however_small_q_is(name):
    q = np.array([2e-6, 3e-5, 0.01, 3.0, 700.0])
    for rest, w, b in zip(q, *critical_line(name, q), strict=True):
        if b > 1e-4 * math.sqrt(rest):  # a smaller sigma_b is lost in the digits of q
            found = [point.sigma_w for point in critical_points(name, b) if abs(point.q / rest - 1) < 1e-5]
            assert found == [pytest.approx(w, rel=1e-6)]


@pytest.mark.parametrize("rest", [0.3 * LOW, 3 * LOW, 0.3 * HIGH, 3 * HIGH])
@pytest.mark.parametrize("name", RAYS)
def test_a_rest_of_two_rays_is_told_where_it_lies_between_the_bounds(name, rest):
    growth = moments(name, 1.0).second
    sigma_w, sigma_b = math.sqrt(0.5 / growth), math.sqrt(0.5 * rest)  # q = q / 2 + rest / 2
    found = [point.q for point in fixed_points(name, sigma_w, sigma_b)]
    assert found == ([pytest.approx(rest, rel=1e-12)] if LOW <= rest <= HIGH else [])


@pytest.mark.parametrize("call, field", [
    (lambda: fixed_points("tan", 1.0), "activation"), (lambda: critical_points("tan"), "activation"),
    (lambda: length_map("tan", 1.0, 1.0, 0.0, 3), "activation"), (lambda: fixed_points("tanh", -1.0), "sigma_w"),
    (lambda: fixed_points("tanh", math.nan), "sigma_w"), (lambda: fixed_points("tanh", "1"), "sigma_w"),
    (lambda: fixed_points("tanh", True), "sigma_w"), (lambda: fixed_points("tanh", 1.0, -0.1), "sigma_b"),
    (lambda: fixed_points("tanh", 1.0, math.inf), "sigma_b"), (lambda: critical_points("tanh", None), "sigma_b"),
    (lambda: length_map("tanh", -1.0, 1.0, 0.0, 3), "q1"), (lambda: length_map("tanh", "x", 1.0, 0.0, 3), "q1"),
    (lambda: length_map("tanh", math.nan, 1.0, 0.0, 3), "q1"), (lambda: length_map("tanh", 1.0, 1j, 0.0, 3), "sigma_w"),
    (lambda: length_map("tanh", 1.0, 1.0, -1, 3), "sigma_b"), (lambda: length_map("tanh", 1.0, 1.0, 0.0, 0), "layers"),
    (lambda: length_map("tanh", 1.0, 1.0, 0.0, 2.5), "layers"), (lambda: length_map("tanh", 1, 1, 0, True), "layers"),
    (lambda: length_map("tanh", [1.0, 2.0], 1.0, 0.0, 3), "q1"), (lambda: critical_line("tanh", [-1.0]), "q"),
    (lambda: length_map("tanh", "1", 1.0, 0.0, 3), "q1"), (lambda: attractor("tanh", 1.0, 0.0, -1.0), "q1"),
])  # fmt: skip
def test_bad_input_is_refused_by_the_name_of_its_field(call, field):
    with pytest.raises(ConfigError, match=f"^{field} = .* is not allowed: it must be "):
        call()
