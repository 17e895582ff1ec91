"""A layer of the Lab's network is opened, shows its own numbers, and closes when it is no longer there."""

import numpy as np

from core import snapshot, train
from tests.support.lab_page import SMALL, calm, config_of, control, figures, keys, texts, visit
from ui.charts.style import number

CHARTS = ["layer-slope", "layer-weights", "layer-gradient"]


def opened(layer, **settings):
    app = visit(**(SMALL | settings))
    control(app, "open_layer").set_value(layer)
    return calm(app.run())


def test_nothing_is_opened_before_a_layer_is_chosen():
    assert not set(CHARTS) & set(keys(visit(**SMALL)))


def test_an_opened_layer_shows_its_numbers_at_the_chosen_step():
    app = opened(2)
    assert [key for key in keys(app) if key.startswith("layer-")] == CHARTS
    assert "Layer 2: 4 units of 4 inputs" in texts(app.subheader)
    for step in (0, 3):
        app.slider(key="layer_step").set_value(step)
        calm(app.run())
        state = snapshot(config_of(app), step)
        values = {metric.label: metric.value for metric in app.metric}
        assert values["‖δ‖"] == number(float(np.linalg.norm(state.delta[1])), 3)
        assert values["‖∂E/∂W‖"] == number(float(np.linalg.norm(state.weight_gradient[1])), 3)
        assert values["‖W‖"] == number(float(np.linalg.norm(state.weights[1][0])), 3)


def test_it_is_closed_by_its_button():
    app = opened(3)
    assert "Layer 3, the output: 1 unit of 4 inputs" in texts(app.subheader)
    app.button(key="close_layer").click()
    assert not set(CHARTS) & set(keys(calm(app.run())))


def test_a_layer_that_is_no_longer_there_closes():
    app = opened(3)
    app.number_input(key="depth").set_value(1)
    app = calm(app.run())
    assert control(app, "open_layer").value is None
    assert not set(CHARTS) & set(keys(app))


def test_the_picture_is_clickable_and_has_a_pulse():
    app = visit(**SMALL)
    profile = figures(app)[keys(app).index("gradient-profile")]
    assert [drawn["name"] for drawn in profile["data"] if drawn.get("yaxis") == "y3"][-1] == "pulse"
    assert any("st-key-gradient-profile .xy3" in html.proto.body for html in app.get("html"))


def test_a_layer_of_a_run_that_broke_can_be_opened_up_to_its_last_recorded_step():
    app = opened(1, activation="linear", init_scale="30", learning_rate="1", steps="60")
    [trace] = train([config_of(app)])
    assert trace.diverged_at and trace.step[trace.last_row] < trace.step[-1]
    assert app.slider(key="layer_step").max == trace.step[trace.last_row]
