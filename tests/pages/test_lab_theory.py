"""Theory in the Lab: its lines on the profile, the panel that says why, and the checks that run there."""

import base64
import dataclasses
import json

import numpy as np
import pytest
import streamlit as st

from core import RunConfig, train
from core.config import cost
from core.layer_norms import LAYER_NORMS
from core.theory import predict
from core.theory.initialization import predict_initial_norms
from core.trace import layer_factor
from tests.support.lab_page import SMALL, calm, control, open_box, shown, texts, visit
from ui.charts.profile import gradient_profile
from ui.lab import theory
from ui.runtime import jobs
from ui.runtime.jobs import Run

CONFIG = RunConfig(hidden=(4, 4), steps=3, samples=16)


def numbers(y):
    """The values of a trace, however Plotly wrote them."""
    if isinstance(y, dict):
        return np.frombuffer(base64.b64decode(y["bdata"]), y["dtype"])
    return np.array(y, float)


def profile(app):
    """The gradient profile's figure, and its traces by name."""
    figure = json.loads(next(chart for chart in shown(app) if "gradient-profile" in chart.proto.id).proto.spec)
    return figure, {drawn["name"]: numbers(drawn["y"]) for drawn in figure["data"]}


def test_the_profile_shows_the_predicted_median_and_a_limit_above_its_band():
    _, lines = profile(visit(**SMALL))
    output = train([CONFIG])[0].delta_norm[0, -1]
    norms = predict_initial_norms(CONFIG)
    np.testing.assert_allclose(lines["typical network (theory, step 0)"], norms.delta.median / output, rtol=1e-4)
    expected = norms.worst_delta * max(1.0, (norms.delta.high / norms.worst_delta).max())
    np.testing.assert_allclose(lines["hard limit (step 0)"], expected / output, rtol=1e-4)


@pytest.mark.parametrize("quantity", LAYER_NORMS)
def test_the_hard_limit_is_never_below_the_band_or_the_network(quantity):
    trace = train([CONFIG])[0]
    expected = predict_initial_norms(CONFIG)
    typical, limit = theory.guides(expected, quantity, trace)
    assert (limit.values >= typical.high * (1 - 1e-9)).all()
    assert (limit.values >= LAYER_NORMS[quantity].values(trace)[0] * (1 - 1e-9)).all()


@pytest.mark.parametrize("quantity", LAYER_NORMS)
def test_a_network_of_one_layer_has_no_line_of_theory_and_no_name_of_one(quantity):
    config = CONFIG.replace(hidden=())
    assert theory.guides(predict_initial_norms(config), quantity, train([config])[0]) == []


def test_without_room_for_a_worst_case_the_prediction_is_drawn_alone(monkeypatch):
    trace = train([CONFIG])[0]
    monkeypatch.setenv("GRADIENT_LAB_MAX_BYTES", str(cost(CONFIG.replace(steps=0)).bytes + 10))
    (typical,) = theory.guides(predict_initial_norms(CONFIG), "delta_norm", trace)
    assert np.isfinite(typical.values).all()


def test_the_absolute_norms_are_one_click_away():
    app = visit(**SMALL)
    calm(app.toggle(key="relative").set_value(False).run())
    _, lines = profile(app)
    np.testing.assert_allclose(lines["this network"], train([CONFIG])[0].delta_norm[0], rtol=1e-4)
    calm(control(app, "quantity").set_value("grad_norm").run())
    _, lines = profile(app)
    np.testing.assert_allclose(lines["this network"], train([CONFIG])[0].grad_norm[0], rtol=1e-4)


def test_the_verdict_quotes_the_predicted_factor():
    app = visit()
    (said,) = [words for words in texts(app.markdown) if "median factor" in words]
    factor = theory.expected(Run(RunConfig()), st.empty()).factor
    assert f"median factor of {factor:.2g} per layer" in said
    assert layer_factor(predict(RunConfig()).median) == pytest.approx(factor, rel=0.5)  # of grad_norm: nearly the same


@pytest.mark.parametrize("parameters", [{"residual": "true"}, {"normalization": "layer"}, {"normalization": "batch"}])
def test_residual_and_normalized_networks_have_a_band(parameters):
    app = visit(**SMALL | {"width": "4"} | parameters)
    _, lines = profile(app)
    assert np.isfinite(lines["typical network (theory, step 0)"]).all()
    captions = " ".join(texts(open_box(app, "why").caption))
    assert "The phase plane is drawn for plain networks of one activation only" in captions


def test_bands_of_wide_networks_say_that_narrower_ones_were_drawn():
    figure, _ = profile(visit(**SMALL | {"hidden": "200,3"}))
    labels = [note["text"].removesuffix(" ↑") for note in figure["layout"]["annotations"]]
    assert "95 % of narrower networks" in labels


OUT_OF_RANGE = {"activation": "relu", "init_scale": "1e200"}


def test_where_there_is_no_prediction_the_reason_is_shown():
    app = visit(**SMALL | OUT_OF_RANGE)
    _, lines = profile(app)
    assert "typical network (theory, step 0)" not in lines
    assert any("leave the range" in words for words in texts(app.caption))
    assert not any("median factor" in words for words in texts(app.markdown))


# Another value for every setting that says nothing of the network at initialization.
LATER = {
    "optimizer": "adam", "learning_rate": 0.5, "momentum": 0.5, "clip": "value", "clip_threshold": 0.5, "l1": 0.1,
    "l2": 0.1, "weight_decay": 0.1, "max_norm": 1.0, "record_every": 3, "dtype": "float32", "schedule": "cosine",
    "schedule_steps": 7, "warmup_steps": 5, "steps": 9,
}  # fmt: skip


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(RunConfig)])
def test_a_setting_of_training_alone_shares_the_prediction_and_every_other_one_has_its_own(field):
    others = {
        "dataset": "moons", "samples": 17, "noise": 0.3, "holdout": 0.25, "scaling": "none", "hidden": (3,),
        "activation": "relu", "output_activation": "tanh", "bias": False, "residual": True, "normalization": "layer",
        "norm_affine": True, "init": "he_normal", "init_scale": 2.0, "bias_std": 0.3, "loss": "bce", "seed": 9,
        "batch_size": 4, "class_weight": "balanced", "dropout": 0.2,
    }  # fmt: skip
    value = (LATER | others)[field]
    changes = {field: value} | ({"output_activation": "sigmoid"} if value == "bce" else {})
    shared = theory.at_start(Run(CONFIG)) == theory.at_start(Run(CONFIG.replace(**changes)))
    assert shared == (field in LATER)
    assert theory.at_start(Run(CONFIG, "a table")) != theory.at_start(Run(CONFIG, "another"))


def test_one_theory_serves_runs_that_differ_in_training_only():
    other = CONFIG.replace(learning_rate=0.5, optimizer="adam", clip="value", steps=9, l2=0.1)
    other = other.replace(schedule="cosine", warmup_steps=5)
    assert theory.at_start(Run(CONFIG)) == theory.at_start(Run(other))
    for change in ({"init_scale": 2.0}, {"batch_size": 4}, {"seed": 1}, {"bias_std": 1.0}, {"activation": "relu"}):
        assert theory.at_start(Run(CONFIG)) != theory.at_start(Run(CONFIG.replace(**change)))


def test_why_shows_q_and_chi_beside_theory_the_depth_scale_and_the_plane():
    app = open_box(visit(), "why")
    keys = [chart.proto.id for chart in shown(app)]
    assert all(any(key in found for found in keys) for key in ("q-chart", "chi-chart", "phase-plane", "spectrum-chart"))
    said = " ".join(texts(app.markdown))
    assert "**0.236**" in said  # sqrt(chi) of a sigmoid at sigma_w = 1
    assert "up to 2 layers can be trained: this network, of 10, is beyond that" in said
    assert len(app.get("latex") or [words for words in texts(app.markdown) if "mathbb" in words]) >= 3


@pytest.mark.parametrize(
    "parameters",
    [
        {"residual": "true"},
        {"depth": "0"},
        {"init_scale": "0"},
        {"init_scale": "1e300", "activation": "relu"},
        {"activation": "softplus", "init_scale": "3"},
        {"activation": "gelu", "init": "he_normal"},
        {"activation": "relu", "bias_std": "2"},
        {"init": "orthogonal", "hidden": "3,9,1"},
    ],
)
def test_why_copes_with_networks_of_any_kind_and_draws_layers_where_there_are_any(parameters):
    app = open_box(visit(**SMALL | parameters), "why")
    drawn = [key in chart.proto.id for key in ("q-chart", "chi-chart") for chart in shown(app)]
    assert sum(drawn) == (0 if parameters == {"depth": "0"} else 2)


def test_the_gradient_of_the_visitors_network_is_checked():
    app = open_box(visit(**SMALL), "how-we-know")
    calm(app.button(key="check_gradient").click().run())
    (said,) = [words for words in texts(app.markdown) if "Largest relative error" in words]
    assert "over 3 layers" in said
    assert len(app.dataframe[0].value) == 3


def test_networks_like_the_visitors_are_drawn_and_counted():
    app = open_box(visit(**SMALL), "how-we-know")
    calm(app.button(key="draw_networks").click().run())
    (said,) = [words for words in texts(app.markdown) if "lie in the band" in words]
    shares = [int(share.removesuffix(" %")) for share in app.dataframe[0].value["in the band"]]
    assert f"**{min(shares)} %**" in said
    assert min(shares) >= 85  # of 200 networks


def test_without_a_prediction_no_networks_are_counted():
    app = open_box(visit(**SMALL | OUT_OF_RANGE), "how-we-know")
    calm(app.button(key="draw_networks").click().run())
    assert any("leave the range" in words for words in texts(app.markdown))


def test_the_profile_table_holds_theory_too():
    said = theory.expected(Run(CONFIG), st.empty())
    trace = jobs.get_trace(Run(CONFIG))
    table = gradient_profile(trace, guides=theory.guides(said, "grad_norm", trace)).table
    np.testing.assert_allclose(table["typical network (theory, step 0)"][:3], said.grad.median)
    np.testing.assert_allclose(table["typical network (theory, step 0), low"][:3], said.grad.low)
