"""The product of layers: bounds that hold, theory that is met, the strongest path found by trying every one."""

from itertools import product

import numpy as np
import pytest

from core import ConfigError, RunConfig, snapshot, train
from core.families.activations import ACTIVATIONS
from core.lecture.paths import over_scales, strongest, trace_paths
from core.theory import moments


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_no_measured_norm_exceeds_the_worst_case(activation, scale):
    paths = trace_paths(RunConfig(activation=activation, init_scale=scale, hidden=(16,) * 6, samples=32))
    # a bound by exact arithmetic: what rounding adds is far below 1e-9 of it
    assert (paths.measured <= paths.worst * (1 + 1e-9)).all()
    assert (paths.path <= paths.path_bound * (1 + 1e-9)).all()
    for name in ("measured", "worst", "typical", "path", "path_bound"):
        assert getattr(paths, name)[-1] == pytest.approx(1, rel=1e-12) and len(getattr(paths, name)) == 6


def test_measured_is_the_delta_norm_of_the_trace():
    config = RunConfig(hidden=(8,) * 5, steps=0)
    [trace] = train([config])
    np.testing.assert_allclose(
        trace_paths(config).measured, trace.delta_norm[0, :-1] / trace.delta_norm[0, -2], rtol=1e-12
    )


@pytest.mark.parametrize("activation, scale", [("sigmoid", 1.0), ("sigmoid", 8.0), ("tanh", 1.0), ("relu", 1.4142)])
def test_wide_networks_meet_the_typical_factor(activation, scale):
    paths = trace_paths(RunConfig(activation=activation, init_scale=scale, hidden=(400,) * 6, samples=64))
    # finite width scatters the log of a norm by about sqrt(5 L / n) / 2 = 0.14, spread over five layers
    assert paths.factor("measured") == pytest.approx(paths.factor("typical"), rel=0.08)


def test_first_typical_factor_is_that_of_the_data():
    config = RunConfig(hidden=(8,) * 2, init_scale=1.5)
    shot = snapshot(config.replace(steps=0))
    squares = np.sum(shot.delta[1] ** 2, axis=1)
    slopes = [moments("sigmoid", 1.5**2 * np.mean(x**2)).slope2 for x in shot.inputs]
    expected = 1.5 * np.sqrt(np.average(slopes, weights=squares))
    assert trace_paths(config).typical[0] == pytest.approx(expected, rel=1e-12)


def test_the_strongest_path_is_the_best_of_all():
    rng = np.random.default_rng(0)
    slopes = [rng.normal(size=3) for _ in range(3)]
    between = [rng.normal(size=(3, 3)) for _ in range(3)]

    def size(units):
        return np.prod([abs(slopes[k][units[k]] * between[k][units[k], units[k + 1]]) for k in range(3)])

    best = max(product(range(3), repeat=4), key=size)
    assert strongest(slopes, between) == list(best)


def test_the_path_is_the_product_of_its_slopes_and_weights():
    paths = trace_paths(RunConfig(hidden=(6,) * 4))
    shot = snapshot(RunConfig(hidden=(6,) * 4, steps=0))
    for k in range(3):
        unit, onward = paths.units[k], paths.units[k + 1]
        assert paths.weights[k] == shot.weights[k + 1][0][unit, onward]
        assert paths.slopes[k] == pytest.approx(ACTIVATIONS["sigmoid"].slope(shot.net[k][0, [unit]])[0], rel=1e-15)
    assert paths.path[0] == pytest.approx(abs(np.prod(paths.slopes * paths.weights)), rel=1e-12)
    assert paths.count == 36


def test_one_layer_has_no_factor():
    paths = trace_paths(RunConfig(hidden=(5,)))
    assert paths.measured.tolist() == [1] and np.isnan(paths.factor("measured")) and paths.count == 1


def test_factors_over_scales_are_those_of_each_scale():
    config = RunConfig(hidden=(8,) * 3)
    found = over_scales(config, np.array([0.5, 2.0]))
    assert found["measured"][1] == trace_paths(config.replace(init_scale=2.0)).factor("measured")
    assert (np.diff(found["worst"]) > 0).all()


def test_weights_of_zero_leave_no_gradient_to_share():
    paths = trace_paths(RunConfig(hidden=(4,) * 3, init_scale=0.0))
    assert np.isnan(paths.factor("measured")) and paths.worst.tolist() == [0, 0, 1] and paths.path[0] == 0


def test_an_init_of_another_scaling_has_no_typical_factor():
    assert np.isnan(trace_paths(RunConfig(hidden=(4,) * 3, init="orthogonal")).typical).all()


@pytest.mark.parametrize("field, value", [("normalization", "layer"), ("residual", True), ("bias_std", 0.1),
                                          ("hidden", ())])  # fmt: skip
def test_networks_that_are_no_plain_product_are_refused(field, value):
    with pytest.raises(ConfigError) as caught:
        trace_paths(RunConfig(**{field: value}))
    assert caught.value.field == field
