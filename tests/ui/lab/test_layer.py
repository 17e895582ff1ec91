"""The numbers of one opened layer, for every activation."""

import numpy as np
import pytest

from core import RunConfig, snapshot
from core.families.activations import ACTIVATIONS
from core.wording import percent
from ui.charts.style import number
from ui.lab import layer as opened_layer
from ui.lab.layer import _numbers

LABELS = ["‖δ‖", "‖∂E/∂W‖", "‖W‖", "Mean slope φ′"]


@pytest.mark.parametrize("layer", range(3))
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_norms_mean_slope_and_silent_units_are_those_of_the_layer(name, layer):
    state = snapshot(RunConfig(hidden=(12, 9), samples=10, activation=name, init_scale=2.0, bias_std=1.0, steps=0))
    slopes = ACTIVATIONS[name if layer < 2 else state.config.output_activation].slope(state.net[layer])
    values = {label: value for label, value, _ in _numbers(state, layer)}
    norms = (state.delta[layer], state.weight_gradient[layer], state.weights[layer][0])
    wanted = [number(float(np.linalg.norm(part)), 3) for part in norms] + [number(float(slopes.mean()), 3)]
    assert [values[label] for label in LABELS] == wanted
    silent = np.mean([not column.any() for column in slopes.T])
    assert values.get("Units without a slope") == (percent(silent) if silent else None)


def test_a_norm_whose_squares_underflow_is_shown():
    state = snapshot(RunConfig(hidden=(8,) * 260, samples=6, init_scale=1.0, steps=0))
    largest = float(np.abs(state.delta[0]).max())
    assert 0 < largest < 1e-170  # its square is 0 in float64
    shown = {label: value for label, value, _ in _numbers(state, 0)}["‖δ‖"]
    assert shown == number(largest * float(np.linalg.norm(state.delta[0] / largest)), 3) != number(0.0, 3)


def test_a_unit_is_silent_where_it_is_flat_at_every_sample():
    state = snapshot(RunConfig(hidden=(40,), samples=6, activation="relu", bias_std=3.0, steps=0))
    silent = np.mean((state.net[0] <= 0).all(axis=0))
    assert 0 < silent < 1
    assert {label: value for label, value, _ in _numbers(state, 0)}["Units without a slope"] == percent(silent)


@pytest.mark.parametrize(("xs", "layer"), [([], None), ([0], None), ([1], 1), ([7.0, 2], 7)])
def test_a_click_opens_the_layer_of_its_point_and_one_on_the_input_or_beside_none(xs, layer, monkeypatch):
    session = {"chart": {"selection": {"points": [{"x": x} for x in xs]}}, "open_layer": 3}
    monkeypatch.setattr(opened_layer, "session", session)
    monkeypatch.setattr(opened_layer, "session_by_name", session)
    opened_layer.open_clicked("chart")
    assert session["open_layer"] == layer
