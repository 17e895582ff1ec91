"""Curves over one setting: as the engine's networks are, one by one as alone, and the config's own among them."""

import numpy as np
import pytest

from core import RunConfig, train
from core.theory.families import DEPTHS, INIT_SCALES, curve_family, curve_family_cost, delta_curve
from core.theory.fluctuations import log_variance
from core.theory.layer_means import expected_means
from core.theory.prediction import layer_gains


def drawn_deltas(config, networks=120):
    """Powers of ten of delta relative to the output layer's of drawn networks, (networks, layers)."""
    traces = train([config.replace(steps=0, seed=seed) for seed in range(100, 100 + networks)])
    norms = np.array([trace.delta_norm[0] for trace in traces])
    return np.log10(norms / norms[:, -1:])


@pytest.mark.parametrize(
    ("activation", "init", "init_scale"),
    [("sigmoid", "normal", 1.0), ("tanh", "normal", 1.5), ("relu", "he_normal", 1.0)],
)
def test_the_median_and_the_band_are_those_of_drawn_networks(activation, init, init_scale):
    config = RunConfig(hidden=(32,) * 8, activation=activation, init=init, init_scale=init_scale, dataset="gaussian")
    curve, drawn = delta_curve(config), drawn_deltas(config)
    # Theory is of one sample, and the norms of many: where these get different gradients their mean scatters less.
    off = np.abs(curve.median - np.median(drawn, axis=0))
    assert (off <= np.maximum(curve.half_width / 2, 0.01)).all()
    inside = (np.abs(drawn - curve.median) <= curve.half_width + 1e-12).mean(axis=0)
    assert (inside >= 0.85).all()


def test_the_output_layer_is_the_measure_of_all():
    curve = delta_curve(RunConfig())
    assert curve.median[-1] == curve.half_width[-1] == 0
    assert len(curve.median) == len(RunConfig().hidden) + 1


def test_networks_without_a_scatter_by_theory_have_a_median_alone():
    for config in (RunConfig(residual=True), RunConfig(normalization="layer"), RunConfig(hidden=(8, 16, 8))):
        curve = delta_curve(config)
        assert np.isfinite(curve.median).all() and np.isnan(curve.half_width).all()


def test_a_network_without_a_hidden_layer_has_one_layer():
    curve = delta_curve(RunConfig(hidden=()))
    assert curve.median.tolist() == [0]


@pytest.mark.parametrize(("field", "own", "offered"), [("init_scale", 1.23, INIT_SCALES), ("depth", 7, DEPTHS)])
def test_a_family_has_the_slider_s_values_and_the_config_s_own(field, own, offered):
    config = RunConfig(hidden=(4,) * 7, init_scale=1.23)
    values, curves = curve_family(config, field)
    assert list(values) == sorted({*offered, own})
    assert len(curves) == len(values)
    np.testing.assert_array_equal(curves[list(values).index(own)].median, delta_curve(config).median)


def test_a_family_over_depths_has_curves_of_so_many_layers():
    values, curves = curve_family(RunConfig(hidden=(4,) * 3), "depth")
    assert [len(curve.median) for curve in curves] == [depth + 1 for depth in values]


def test_a_family_reports_its_curves_and_ends_with_an_exception_from_the_report():
    reports = []

    def report(done, total):
        reports.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curve_family(RunConfig(hidden=(4,)), "depth", on_progress=report)
    assert reports == [(done, len(DEPTHS)) for done in range(3)]


def test_the_cost_of_a_family_grows_with_its_layers():
    shallow, deep = (curve_family_cost(RunConfig(hidden=(4,) * depth), "init_scale") for depth in (9, 99))
    assert deep == 10 * shallow


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("scale", [0.8, 1.3])
def test_the_median_is_half_the_scatter_below_the_mean_and_the_band_is_of_the_norm_and_not_its_square(
    activation, scale
):
    config = RunConfig(hidden=(16,) * 5, activation=activation, init_scale=scale)
    curve, means = delta_curve(config), expected_means(config)
    scatter, _ = log_variance(activation, scale, 0.0, config.hidden, float(means.q[0]))
    log_square = [sum(np.log(means.chi[layer:])) for layer in range(5)]
    np.testing.assert_allclose(10.0 ** curve.median[:-1], np.exp((log_square - scatter / 2) / 2), rtol=1e-9)
    np.testing.assert_allclose(10.0 ** curve.half_width[:-1], np.exp(2.07 * np.sqrt(scatter) / 2), rtol=1e-9)


@pytest.mark.parametrize("init", ["normal", "fixed_normal", "he_normal", "glorot_uniform"])
@pytest.mark.parametrize("hidden", [(16,), (16, 16), (16,) * 5])
def test_the_scatter_is_that_of_the_gain_between_hidden_layers_where_there_are_some(init, hidden):
    config = RunConfig(hidden=hidden, activation="tanh", init=init, init_scale=0.4, bias_std=0.1)
    means = expected_means(config)
    between = min(len(hidden) - 1, 1)
    gain = layer_gains(config, (2, *hidden, 1))[between]
    scatter, _ = log_variance("tanh", float(np.sqrt(gain)), 0.1, config.hidden, float(means.q[0]))
    half = delta_curve(config).half_width[:-1]
    np.testing.assert_allclose(10.0**half, np.exp(2.07 * np.sqrt(scatter) / 2), rtol=1e-9)
