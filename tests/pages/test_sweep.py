"""Sweep, driven without a browser."""

import json
from concurrent.futures import BrokenExecutor
from urllib.parse import parse_qs

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core import ConfigError, RunConfig, train
from core.presets.sweeps import SWEEP_PRESETS
from core.sweeps.maps import Axis, SweepMap
from tests.support.checkout import HOUSE
from ui import panels
from ui.charts.style import number
from ui.runtime.jobs import Run
from ui.sweep import controls, training
from ui.text import typeset
from ui.urls import link

LIMIT = 240  # seconds; the longest takes about three, but the machine may be busy
SMALL = {"x_count": 3.0, "y_count": 2.0, "base": "depth=2;width=4;steps=2;samples=16"}  # a map that takes no time


def visit(**parameters):
    """The page with these settings of its controls."""
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=LIMIT)
    app._page_hash = calc_hash("sweep")  # as a browser asks for a page of the navigation
    app.session_state["sweep_stopped"] = controls.OPENING.map.grid  # which has a test of its own
    calm(app.run())
    for name, value in parameters.items():
        app.session_state[name] = value
    return calm(app.run())


def calm(app):
    assert not app.exception
    return app


def figures(app):
    return {chart.proto.id.rsplit("-None", 1)[0]: json.loads(chart.proto.spec) for chart in app.get("plotly_chart")}


def maps(app):
    return [figure for key, figure in figures(app).items() if "sweep-map-" in key]


def said(app):
    return " ".join(
        element.value.replace("\\", "") for element in (*app.markdown, *app.caption, *app.warning, *app.error)
    )


def test_without_a_touch_it_shows_order_and_chaos_with_theorys_line():
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=LIMIT)
    app._page_hash = calc_hash("sweep")
    calm(app.run())
    assert app.title[0].value == SWEEP_PRESETS["order_and_chaos"].label
    (figure,) = maps(app)
    assert any(line.get("name", "").startswith("theory") for line in figure["data"])


@pytest.mark.parametrize("name", SWEEP_PRESETS)
def test_a_ready_sweep_is_one_click(name):
    app = visit()
    app.session_state["sweep_stopped"] = SWEEP_PRESETS[name].map.grid  # only what it would run
    calm(app.selectbox(key="ready").select(name).run())
    assert app.title[0].value == SWEEP_PRESETS[name].label and typeset(SWEEP_PRESETS[name].claim) in said(app)


def test_reset_can_be_pressed_unless_the_map_and_its_quantity_are_those_at_first(monkeypatch):
    drawn = {}
    monkeypatch.setattr(controls.sidebar, "draw_presets", lambda *given, **_: drawn.update(current=given[2]))
    monkeypatch.setattr(controls.sidebar, "draw_undo_and_reset", lambda *_, **more: drawn.update(more))
    for name, ready in SWEEP_PRESETS.items():
        for show in (ready.show, "final loss"):
            controls._start_from(controls.Chosen(map=ready.map, show=show, refused=None))
            first = name == "order_and_chaos" and show == controls.OPENING.show
            assert (drawn["current"], drawn["is_default"]) == (name, first)


def test_a_small_map_of_two_activations_has_a_cell_with_its_profile_and_a_link_to_the_lab():
    app = visit(**SMALL, activations=["tanh", "relu"], per_cell=2.0)
    assert len(maps(app)) == 2 and len(figures(app)) == 3
    (lab,) = [button for button in app.get("link_button") if button.proto.label == "Open in the Lab"]
    config = RunConfig(hidden=(4, 4), activation="tanh", steps=2, samples=16, init_scale=1.75, bias_std=1.0)
    assert lab.proto.url == "./?" + link.to_query(config)


def test_another_cell_is_chosen_by_keyboard():
    app = visit(**SMALL)
    box = next(box for box in app.selectbox if box.key == "cell_1")
    calm(box.set_value(3.0).run())
    assert any("init_scale=3" in button.proto.url for button in app.get("link_button"))
    assert app.session_state["at"].split(",")[1] == "2"


def test_each_box_of_the_chosen_cell_sets_its_own_part():
    app = visit(**SMALL | {"y_count": 4.0}, activations=["tanh", "relu"], at="tanh,0,1")
    x, y = Axis("init_scale", count=3).values(), Axis("bias_std", count=4).values()
    for key, value, at in (("cell_0", "relu", "relu,0,1"), ("cell_1", x[2], "relu,2,1"), ("cell_2", y[3], "relu,2,3"),
                           ("cell_2", y[0], "relu,2,0"), ("cell_0", "tanh", "tanh,2,0")):  # fmt: skip
        box = next(box for box in app.selectbox if box.key == key)
        calm(box.set_value(value).run())
        assert app.session_state["at"] == at


def test_a_cell_of_the_address_is_shown_after_another_one_was_chosen():
    app = visit(**SMALL)
    box = next(box for box in app.selectbox if box.key == "cell_1")
    calm(box.set_value(3.0).run())
    app.query_params["at"] = app.session_state["at"] = "tanh,0,1"
    calm(app.run())
    assert not any("init_scale=3" in button.proto.url for button in app.get("link_button"))
    assert "tanh,0,1" in app.query_params["at"]


def test_a_cell_beyond_the_map_is_named_and_the_middle_is_shown():
    app = visit(**SMALL, at="tanh,99,1")
    assert any("no cell 99, 1: it has 3 by 2" in caption.value for caption in app.caption)
    assert not any("no cell" in caption.value for caption in visit(**SMALL, at="tanh,2,1").caption)


@pytest.mark.parametrize(
    "at, there", [("tanh,2,4", True), ("tanh,3,4", False), ("tanh,2,5", False), ("tanh,0,0", True)]
)
def test_the_last_cell_is_there_and_the_next_one_is_the_middle(at, there):
    app = visit(**SMALL | {"y_count": 5.0}, at=at)
    assert any("no cell" in caption.value for caption in app.caption) == (not there)
    _, i, j = at.split(",") if there else ("", "1", "2")
    boxes = {box.key: box.value for box in app.selectbox}
    x, y = Axis("init_scale", count=3).values(), Axis("bias_std", count=5).values()
    assert (boxes["cell_1"], boxes["cell_2"]) == (x[int(i)], y[int(j)])


def test_another_field_starts_with_its_own_range():
    app = visit(**SMALL, x_from=1.0, x_to=2.0)
    calm(app.selectbox(key="x").set_value("learning_rate").run())
    assert app.session_state["x_from"] is None and app.session_state["x_count"] is None
    assert "17" == app.number_input(key="x_count").placeholder


@pytest.mark.parametrize(
    "parameters, words",
    [
        ({"y": "init_scale"}, "two axes must be different"),
        ({"x_from": 3.0, "x_to": 1.0}, "lower to a higher"),
        ({"x_from": 0.0, "x_spacing": "logarithmic"}, "starts above 0"),
        ({"x": "depth", "x_to": 1000.0}, "Depth = 1,000 is not allowed"),
        ({"activations": []}, "1 to 3"),
        ({"activations": ["tanh", "relu", "elu", "silu"]}, "1 to 3"),
        ({"base": "depth=banana"}, "Depth = “banana” is not allowed"),
        ({"base": "dept=3"}, "dept"),
        ({"base": "depth=3,width=4"}, "separated by semicolons"),
        ({"base": "nonsense"}, "field=value"),
        ({"base": "dataset=custom"}, "custom"),
        ({"base": "loss=cross_entropy"}, "targets of a two-class task"),
        ({"base": "x~y"}, "semicolons"),
    ],
)
def test_what_makes_no_map_is_refused_in_a_sentence_with_a_way_back(parameters, words):
    app = visit(**parameters)
    assert app.header[0].value == "No map with these settings" and words in said(app)
    assert not maps(app)
    app.button(key="start_over").click()
    app.session_state["sweep_stopped"] = controls.OPENING.map.grid
    assert calm(app.run()).title[0].value == SWEEP_PRESETS["order_and_chaos"].label


def test_a_sweep_beyond_the_servers_limit_is_refused(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_SWEEP", "5")
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=LIMIT)
    app.run()
    app.switch_page("pages/sweep.py")
    calm(app.run())
    assert "a sweep has at most 5 networks" in said(app) and not maps(app)


def test_odd_parameters_of_the_address_are_named_one_by_one():
    given = {"x": ["banana"], "x_count": ["-3"], "per_cell": ["0"], "color": ["red"], "base": ["depth=2"]}
    odd = link.find_invalid_params(given, controls.RULES, controls.FREE_TEXT_PARAMS)
    assert set(odd) == {"x", "x_count", "per_cell", "color"}


@pytest.mark.parametrize("name", SWEEP_PRESETS)
def test_a_link_says_every_control_that_is_not_as_at_first(name):
    ready = SWEEP_PRESETS[name]
    given = parse_qs(controls.query(ready.map, ready.show))
    assert link.find_invalid_params(given, controls.RULES, controls.FREE_TEXT_PARAMS) == {}
    base = controls.parse_base(given.get("base", [controls.DEFAULTS["base"]])[0])
    assert base == ready.map.base


@pytest.mark.parametrize(
    "config",
    [RunConfig(), RunConfig(hidden=()), RunConfig(hidden=(3, 2)), RunConfig(max_norm=2.0, batch_size=8, bias=False)],
)
def test_the_base_survives_its_line(config):
    assert controls.parse_base(controls.format_base(config)) == config


def test_the_labs_settings_become_the_base():
    app = visit(**SMALL)
    app.session_state["shown"] = None, Run(RunConfig(hidden=(4,), steps=1, samples=8))
    calm(app.run())
    calm(app.button(key="take_lab").click().run())
    assert app.session_state["base"] == "samples=8;steps=1;depth=1;width=4"
    assert app.session_state["activations"] == ["sigmoid"]


@pytest.mark.parametrize("names", [("tanh",), ("tanh", "relu", "tanh"), ("tanh", "relu", "elu", "silu")])
def test_of_the_labs_activations_as_many_are_taken_as_there_can_be_maps(names, monkeypatch):
    session = {}
    monkeypatch.setattr(controls, "session", session)
    controls._take(RunConfig(hidden=(4,) * len(names), activation=names, steps=1))
    assert session["activations"] == list(dict.fromkeys(names))[:3]


def test_a_long_sweep_says_what_it_takes_and_waits_for_a_word(monkeypatch):
    monkeypatch.setattr(training, "AUTOMATIC_SECONDS", 0.0)
    app = visit(**SMALL, per_cell=3.0)
    assert "18 networks" in said(app) and not maps(app)
    calm(app.button(key="run_sweep").click().run())
    assert len(maps(app)) == 1


def test_a_sweep_that_was_stopped_waits_for_a_word_and_one_that_was_asked_for_does_not(monkeypatch):
    monkeypatch.setattr(training, "get_table", lambda *_: st.stop())  # it never ends
    app = visit(**SMALL, per_cell=6.0)
    for _ in range(2):
        calm(app.button(key="stop_sweep").click().run())
        assert "stop_sweep" not in [button.key for button in app.button] and "36 networks" in said(app)
        calm(app.button(key="run_sweep").click().run())
        assert "run_sweep" not in [button.key for button in app.button]
    app.session_state["per_cell"] = 7.0  # another sweep, which nobody has stopped
    assert "stop_sweep" in [button.key for button in calm(app.run()).button]


def test_a_sweep_that_is_asked_for_is_no_longer_a_stopped_one_and_the_other_way_round(monkeypatch):
    monkeypatch.setattr(training, "get_table", lambda *_: st.stop())  # it never ends
    app = visit(**SMALL, per_cell=8.0)
    asked = []
    for key in ("stop_sweep", "run_sweep"):
        calm(app.button(key=key).click().run())
        asked.append((app.session_state["sweep_started"], app.session_state["sweep_stopped"]))
    grid = asked[0][1]
    assert grid is not None and asked == [(None, grid), (grid, None)]


def test_a_click_chooses_the_cell_under_it_and_the_address_holds_it(monkeypatch):
    clicks, show = {}, panels.show

    def noted(chart, key, *arguments, picked=None, **options):
        """Draws the chart under another key, so that its own key can hold what a browser would send."""
        show(chart, f"{key}-drawn", *arguments, **options)
        if key in clicks:
            st.session_state[key] = {"selection": {"points": [clicks.pop(key)]}}
            picked()

    monkeypatch.setattr(panels, "show", noted)
    app = visit(**SMALL | {"y_count": 5.0}, activations=["tanh", "relu"])
    for activation, i, j in (("relu", 2, 1), ("tanh", 0, 4), ("relu", 1, 0)):
        clicks[f"sweep-map-{activation}"] = {"customdata": [activation, i, j]}
        calm(app.run())
        assert app.session_state["at"] == f"{activation},{i},{j}"
        assert app.query_params["at"] in (app.session_state["at"], [app.session_state["at"]])
    clicks["sweep-map-relu"] = {"customdata": []}  # beside all cells
    calm(app.run())
    assert app.session_state["at"] == "relu,1,0"


def test_lost_workers_are_told_in_a_sentence(monkeypatch):
    def fail(*arguments):
        raise BrokenExecutor

    monkeypatch.setattr(training, "get_table", fail)
    assert "worker processes ended" in said(visit(**SMALL, per_cell=4.0))


def test_failed_networks_are_counted_with_the_first_reason(monkeypatch):
    def failing(grid, on_rows, *arguments):
        on_rows.__self__.errors |= {1: "ValueError: no such luck", 4: "ValueError: later"}

    monkeypatch.setattr(training, "run_grid", failing)
    assert "2 networks failed; the first of them: ValueError: no such luck" in said(visit(**SMALL, per_cell=5.0))


def test_a_map_refuses_equal_axes():
    with pytest.raises(ConfigError, match="different"):
        SweepMap(RunConfig(), ("tanh",), Axis("depth"), Axis("depth"))


def test_the_number_beside_the_maps_is_that_of_the_chosen_activation():
    app = visit(**SMALL, activations=["tanh", "relu"], per_cell=2.0)
    base = controls.parse_base(SMALL["base"])
    spec = SweepMap(base, ("tanh", "relu"), Axis("init_scale", count=3), Axis("bias_std", count=2), 2)
    for activation in spec.activations:
        for i, j in ((0, 1), (2, 0)):
            config = spec.config(activation, spec.x.values()[i], spec.y.values()[j])
            traces = train([config, config.replace(seed=config.seed + 1)])
            factor = np.median([trace.summary()["layer_factor"] for trace in traces])
            app.session_state["at"] = f"{activation},{i},{j}"
            calm(app.run())
            assert f"**{number(factor, 3)}**" in said(app)


def test_every_spacing_has_its_name_and_the_recommended_one_is_the_axis_own():
    app = visit(**SMALL, y="learning_rate")
    for axis, logarithmic in (("x", False), ("y", True)):
        box = app.selectbox(key=f"{axis}_spacing")
        assert box.options == ["Recommended", "Linear", "Logarithmic"] and box.value == "suited"
        assert box.help.endswith(": logarithmic." if logarithmic else ": linear.")
        assert Axis(app.session_state[axis]).values()[1] > 0
        made = controls.to_map({key: app.session_state[key] for key in controls.DEFAULTS})
        for spacing, log in (("suited", logarithmic), ("linear", False), ("logarithmic", True)):
            values = {key: app.session_state[key] for key in controls.DEFAULTS}
            values |= {"x_from": 1.0, "x_to": 4.0, "y_from": 1.0, "y_to": 4.0, f"{axis}_spacing": spacing}
            steps = np.array(getattr(controls.to_map(values), axis).values())
            middle = np.interp(0.5, np.linspace(0, 1, len(steps)), steps) if len(steps) % 2 else None
            assert middle is None or middle == pytest.approx(2.0 if log else 2.5, rel=0.03), (axis, spacing)
        assert getattr(made, axis).field == app.session_state[axis]


@pytest.mark.parametrize("field, text", [("depth", "2"), ("width", "5")])
def test_a_shape_that_is_chosen_takes_the_place_of_single_layers(field, text):
    session = {"base": controls.format_base(RunConfig(hidden=(3, 4), steps=7)), "box": text}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controls, "session", session)
        patch.setattr(controls, "session_by_name", session)
        controls._set_base_field(field, "box")
    base = controls.parse_base(session["base"])
    assert "base_error" not in session and base.steps == 7
    assert base.hidden == ((32, 32) if field == "depth" else (5,) * 10)


def test_title_and_claim_stay_when_another_quantity_is_shown():
    app = visit()
    app.session_state["sweep_stopped"] = SWEEP_PRESETS["depth"].map.grid
    calm(app.selectbox(key="ready").select("depth").run())
    title = app.title[0].value
    calm(app.selectbox(key="show").select("final loss").run())
    assert app.title[0].value == title == SWEEP_PRESETS["depth"].label
    assert app.selectbox(key="ready").value == "depth"


def test_other_settings_are_chips_that_can_be_removed_and_changed():
    app = visit(**SMALL)
    line = app.session_state["base"]
    chips = app.multiselect(key=f"base_changes_{line}")
    assert chips.options == ["Samples: 16", "Steps: 2", "Depth: 2", "Width: 4"]
    calm(chips.set_value(["samples", "steps", "width"]).run())
    assert controls.parse_base(app.session_state["base"]) == RunConfig(samples=16, steps=2, hidden=(4,) * 10)
    calm(app.selectbox(key="base_field").select("init").run())
    box = app.selectbox(key=f"base_value_init_{app.session_state['base']}")
    calm(box.select("he_normal").run())
    assert controls.parse_base(app.session_state["base"]).init == "he_normal"
