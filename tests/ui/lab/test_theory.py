"""Theory in the Lab: each number of a line or a sentence is the one that it says, at random."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from core import RunConfig, train
from core.families.normalization import NORMALIZATIONS
from core.layer_norms import LAYER_NORMS
from core.theory.initialization import InitialNorms
from core.theory.network import locate
from core.theory.prediction import Prediction
from core.theory.variance_map import critical_points
from core.wording import percent
from ui.charts.style import number
from ui.lab import theory
from ui.runtime.jobs import Run

CONFIG = RunConfig(hidden=(5, 7), samples=8, steps=0)
SEEDS = range(4)


def random_norms(rng, layers=3):
    """Predictions and limits of both norms, all random; low below median below high."""

    def prediction():
        low, median, high = np.sort(np.exp(rng.normal(0, 1, (3, layers))), axis=0)
        return Prediction(mean=median, median=median, low=low, high=high, method="networks")

    limits = np.exp(rng.normal(0, 1, (2, layers)))
    return InitialNorms(grad=prediction(), delta=prediction(), worst_grad=limits[0], worst_delta=limits[1])


@pytest.mark.parametrize("quantity", LAYER_NORMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_lines_of_a_norm_are_its_own_and_the_limit_is_lifted_above_the_band(seed, quantity):
    norms = random_norms(np.random.default_rng(seed))
    (trace,) = train([CONFIG])
    typical, limit = theory.guides(norms, quantity, trace)
    own, worst = (norms.delta, norms.worst_delta) if quantity == "delta_norm" else (norms.grad, norms.worst_grad)
    roots = np.sqrt([W.size for W, _ in trace.weights]) if quantity == "rms" else np.ones(3)
    for line, wanted in ((typical.values, own.median), (typical.low, own.low), (typical.high, own.high)):
        np.testing.assert_allclose(line, wanted / roots)
    lift = max(1.0, (own.high / worst).max())
    np.testing.assert_allclose(limit.values, worst * lift / roots)


@pytest.mark.parametrize("hidden, says", [((), False), ((4,), False), ((4, 4), True)])
def test_a_factor_per_layer_is_told_of_two_hidden_layers_or_more(hidden, says):
    [trace] = train([CONFIG.replace(hidden=hidden)])
    norms = random_norms(np.random.default_rng(0), layers=4)  # whose factor there is
    assert np.isfinite(norms.factor) and norms.factor > 0
    assert (number(norms.factor) in theory.describe_factor(norms, trace)) == says


@pytest.mark.parametrize("depth", [3, 30])
@pytest.mark.parametrize("scale", [0.8, 1.5])
def test_depth_scale_factor_and_whether_a_network_is_within_it_are_told(scale, depth):
    config = RunConfig(hidden=(16,) * depth, activation="tanh", init_scale=scale, bias_std=0.1)
    here = locate(config, 2, 1)
    text = " ".join(theory._depth_sentences(here, config))
    assert f"$\\sigma_w$ = {number(here.sigma_w, 3)} and $\\sigma_b$ = {number(here.sigma_b, 3)}" in text
    assert (
        f"by √χ = **{number(here.chi**0.5, 3)}**" in text and f"every ξ = {number(here.depths.xi_c, 3)} layers" in text
    )
    assert (f"this network, of {depth}, is within that" in text) == (depth <= here.trainable)
    assert (f"this network, of {depth}, is beyond that" in text) == (depth > here.trainable)
    assert ("In the chaotic phase" in text) == (here.chi > 1)


def test_a_network_as_deep_as_the_rule_allows_is_within_it():
    config = RunConfig(hidden=(16,) * 7, activation="tanh", init_scale=0.8)
    here = replace(locate(config, 2, 1), trainable=7.0)
    assert "of 7, is within that" in " ".join(theory._depth_sentences(here, config))


@pytest.fixture
def page(monkeypatch):
    """All that is written and the tables that are drawn."""
    written, tables = [], []
    monkeypatch.setattr(theory.st, "markdown", written.append)
    monkeypatch.setattr(theory.panels, "table", lambda frame, **_: tables.append(frame))
    return written, tables


@pytest.mark.parametrize("seed", SEEDS)
def test_a_checked_gradient_is_told_by_its_largest_error_among_the_layers_that_can_be_seen(seed, page, monkeypatch):
    rng = np.random.default_rng(seed)
    written, tables = page
    visible = np.array([True, False, True, True])
    errors = rng.uniform(1e-9, 1e-6, 4)
    errors[1] = 1.0
    found = SimpleNamespace(
        layer=np.arange(1, 5), exact=rng.random(4), differences=rng.random(4), relative_error=errors, visible=visible,
        relative_uncertainty=rng.random(4), on_kinks=0,
    )  # fmt: skip
    monkeypatch.setattr(theory.jobs, "compute", lambda *_, **__: found)
    theory._check_gradient(Run(CONFIG))
    told = f"Largest relative error: **{number(errors[visible].max())}**, over 3 layers. In 1 more the gradient is too"
    assert written[0].startswith(told)
    assert tables[0]["backpropagation"].tolist() == [number(value, 10) for value in found.exact]
    assert tables[0]["differences of the loss"].tolist() == [number(value, 10) for value in found.differences]


@pytest.mark.parametrize("seed", SEEDS)
def test_networks_in_the_band_are_told_by_the_worst_layer_and_on_average(seed, page, monkeypatch):
    rng = np.random.default_rng(seed)
    written, tables = page
    norms, drawn = random_norms(rng), SimpleNamespace(inside=rng.uniform(0.8, 1, 3), median=rng.random(3))
    monkeypatch.setattr(theory, "expected", lambda run, slot: norms)
    monkeypatch.setattr(theory.jobs, "compute", lambda *_, **__: drawn)
    theory._draw_networks(Run(CONFIG))
    low, mean = percent(drawn.inside.min()), percent(drawn.inside.mean())
    assert f"at least **{low}** lie in the band in every layer, and **{mean}** on average" in written[0]
    assert tables[0]["median, measured"].tolist() == [number(value, 3) for value in drawn.median]
    assert tables[0]["median, expected"].tolist() == [number(value, 3) for value in norms.grad.median]
    assert tables[0]["in the band"].tolist() == [percent(share) for share in drawn.inside]


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_network_without_a_plane_gets_each_reason_that_it_has(normalization, residual, dropout):
    config = RunConfig(normalization=normalization, residual=residual, dropout=dropout)
    if locate(config, 2, 1) is None:
        text = theory.no_plane_reason(config)
        assert text.startswith("The phase plane is drawn for plain networks of one activation only.")
        named = {name: reason in text for name, reason in theory.NO_SCALE.items()}
        assert named == {name: name == normalization for name in theory.NO_SCALE}
        assert ("1 + χ" in text, "Dropout" in text) == (residual, dropout > 0)
    else:
        assert (normalization, residual, dropout) == ("none", False, 0)


def test_layers_of_different_activations_are_named_as_a_reason_against_a_plane():
    config = RunConfig(hidden=(8, 8), activation=("tanh", "relu"))
    assert locate(config, 2, 1) is None and theory.NO_ONE_MAP in theory.no_plane_reason(config)
    assert theory.NO_ONE_MAP not in theory.no_plane_reason(config.replace(activation="tanh", residual=True))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "gelu"])
@pytest.mark.parametrize("scale", [0.5, 30.0])
def test_the_plane_holds_its_network_and_every_critical_point(activation, scale, monkeypatch):
    drawn = []
    monkeypatch.setattr(theory, "phase_plane", lambda *arguments, **_: drawn.append(arguments))
    monkeypatch.setattr(theory.panels, "dark", lambda: False)
    config = RunConfig(activation=activation, init_scale=scale, bias_std=2.0, hidden=(8, 8))
    here = locate(config, 2, 1)
    theory._plane(config, here)
    ((_, _, factors, sigma_w, sigma_b),) = drawn
    assert factors.shape == (len(sigma_b), len(sigma_w))
    assert sigma_w[-1] > here.sigma_w and sigma_b[-1] > here.sigma_b
    assert all(sigma_w[-1] > point.sigma_w for point in critical_points(activation))
