"""The first half of the Lecture, driven without a browser: descent, network, error, sigmoid."""

import json
from functools import partial

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.families.activations import ACTIVATIONS
from core.lecture.descent import SURFACES
from core.lecture.small_network import draw
from tests.support.pages import open_page
from ui.lecture import outline

SECTIONS = """
from ui.lecture import descent, error, network, outline, sigmoid
from ui.urls.sync import sync_address, update_address

sync_address(outline.PARAMETERS)
descent.section()
network.section()
error.section()
sigmoid.section()
update_address(outline.PARAMETERS)
"""


def visit(link=None, **settings):
    """These sections as a fresh session opens them, with the settings of an address."""
    app = AppTest.from_string(SECTIONS, default_timeout=60)
    for name, value in (link or {}).items():
        app.query_params[name] = value
    for name, value in settings.items():
        app.query_params[name] = value or [""] if isinstance(value, list) else str(value)
    return calm(app.run())


def calm(app):
    assert not app.exception
    return app


def figure(app, key):
    (found,) = [c for c in app.get("plotly_chart") if key in c.proto.id]
    return json.loads(found.proto.spec)


def words(app):
    return "\n".join(m.value for m in [*app.markdown, *app.caption]).replace("\\", "")


def formulas(app):
    return "\n".join(formula.value for formula in app.latex)


page = partial(open_page, "lecture")


@pytest.mark.parametrize("name", outline.NAMES)
def test_each_section_is_a_page_of_its_own_with_its_title_and_no_other(name):
    app = page(section=name)
    assert [title.value for title in app.title] == [outline.SECTIONS[name].title]
    assert not app.error and not app.warning
    assert app.get("plotly_chart") or app.latex or app.get("link_button") or app.pills


def test_next_leads_through_all_sections_and_back_to_the_first():
    app, seen = page(), []
    while True:
        seen.append(app.session_state["section"])
        following = [button for button in app.button if button.key == "section_next_bottom"]
        if not following:
            break
        calm(following[0].click().run())
    assert seen == list(outline.NAMES)
    for _ in seen[1:]:
        calm(app.button(key="section_back_top").click().run())
    assert app.session_state["section"] == seen[0] and app.query_params == {}


def test_a_section_is_left_and_found_again_as_it_was():
    app = page(section="network")
    calm(app.number_input(key="net_i").set_value(2.0).run())
    calm(app.segmented_control(key="section").set_value("descent").run())
    calm(app.number_input(key="bowl_eta").set_value(0.05).run())
    calm(app.segmented_control(key="section").set_value("network").run())
    assert app.number_input(key="net_i").value == 2.0
    assert app.query_params == {"section": "network", "net_i": "2", "bowl_eta": "0.05"}


# -- gradient descent -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SURFACES)
def test_every_function_is_shown_with_its_gradient_and_hessian(name):
    app = visit(descent=name)
    surface = SURFACES[name]()
    assert surface.formula in formulas(app)
    assert r"\nabla E = \begin{pmatrix}" in formulas(app) and r"H = \begin{pmatrix}" in formulas(app)
    assert "The limit" in words(app)
    assert app.number_input(key=f"{name}_eta").step == pytest.approx(surface.learning_rate / 10)


def test_buttons_set_the_learning_rate_on_either_side_of_the_limit_and_the_words_follow():
    app = visit()
    assert "It converges" in words(app)
    calm(app.button(key="bowl_above").click().run())
    assert app.session_state["bowl_eta"] == pytest.approx(1.05 * 0.2)
    assert "It diverges" in words(app) and "above it, 105 % of it" in words(app)
    calm(app.button(key="bowl_below").click().run())
    assert app.session_state["bowl_eta"] == pytest.approx(0.95 * 0.2)
    assert "It converges" in words(app) and "It oscillates" in words(app)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("name", [name for name in SURFACES if name != "bowl"])
def test_off_the_bowl_the_buttons_go_where_the_limit_holds_and_it_is_felt(name, momentum):
    app = visit(**{"descent": name, f"{name}_mu": momentum})
    assert "close to the minimum" in words(app)
    calm(app.button(key=f"{name}_below").click().run())
    assert "It converges" in words(app) and "below it, 95 % of it" in words(app)
    lowest = SURFACES[name]().nearest_minimum(np.array([app.session_state[f"{name}_{axis}"] for axis in "xy"]))
    assert app.session_state[f"{name}_x"] == pytest.approx(lowest[0], abs=0.003)  # 2e-4 of a box of 12
    calm(app.button(key=f"{name}_above").click().run())
    assert "It does not settle" in words(app) and "above it, 105 % of it" in words(app)


def test_the_buttons_go_to_the_minimum_at_which_the_path_ends_and_not_to_the_one_near_its_start():
    app = visit(descent="saddle", saddle_x=-3, saddle_y=-3)
    surface = SURFACES["saddle"]()
    assert surface.nearest_minimum(np.array([-3.0, -3.0])).tolist() == [0.0, -1.0]
    calm(app.button(key="saddle_below").click().run())
    assert app.session_state["saddle_y"] == pytest.approx(1.0, abs=0.01)


def test_momentum_that_swings_up_is_no_divergence():
    app = visit(bowl_mu=0.99)
    calm(app.button(key="bowl_below").click().run())
    assert "E is above its start for now" in words(app) and "It diverges" not in words(app)
    calm(app.number_input(key="bowl_steps").set_value(2000).run())
    assert "It converges" in words(app)
    calm(app.button(key="bowl_above").click().run())
    assert "It diverges" in words(app)


def test_a_learning_rate_far_above_the_limit_is_so_many_times_it():
    told = words(visit(descent="rosenbrock", rosenbrock_eta=1e6))
    assert "5.01×10⁸ times it" in told and "%" not in told.split("times it")[0].split("The limit at")[1]
    assert "above it, 1,000 % of it" in words(visit(bowl_eta=2.0)) and "15 times it" in words(visit(bowl_eta=3.0))


def test_momentum_moves_the_limit():
    app = visit(bowl_mu=0.5)
    assert app.button(key="bowl_below").label == "Just below the limit: η = 0.285"  # 0.95 * 2 * 1.5 / 10
    assert r"2\,(1 + \mu)" in formulas(app)


def test_the_step_shown_moves_the_point_and_stays_within_a_shorter_path():
    app = visit(bowl_step=50)
    assert "At step 50" in words(app)
    calm(app.number_input(key="bowl_steps").set_value(10).run())
    assert "At step 10" in words(app)
    calm(app.number_input(key="bowl_steps").set_value(0).run())
    assert "At step 0" in words(app)


def test_a_start_on_the_ridge_of_the_saddle_is_told_as_stuck():
    app = visit(descent="saddle", saddle_x=1.0, saddle_y=0.0, saddle_steps=200)
    assert "It is stuck" in words(app)
    app = visit(descent="saddle", saddle_x=0.0, saddle_y=0.0)
    assert "One eigenvalue is negative" in words(app)


def test_start_at_the_minimum():
    assert "It starts at the minimum" in words(visit(bowl_x=0.0, bowl_y=0.0))


@pytest.mark.parametrize("settings", [
    {"bowl_eta": 1e6, "bowl_steps": 2000}, {"bowl_condition": 1000.0, "bowl_rotation": -180.0}, {"bowl_condition": 1.0},
    {"bowl_x": 1000.0, "bowl_y": -1000.0}, {"descent": "network", "network_eta": 1e6},
    {"descent": "rosenbrock", "rosenbrock_eta": 1.0, "rosenbrock_mu": 0.99},
], ids=str)  # fmt: skip
def test_edge_values_are_drawn(settings):
    app = visit(**settings)
    assert not app.error
    assert figure(app, "lecture-contours")["data"]


# -- the network and its error --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (5, 5, 5, 6)])
def test_smallest_and_largest_network_are_drawn_and_their_error_adds_up(sizes):
    app = visit(**dict(zip(("net_i", "net_j", "net_k", "net_n"), sizes, strict=True)))
    net = draw(*sizes, seed=0)
    shown, core, difference = (metric.value for metric in app.metric[:3])
    assert shown == core == f"{net.engine_error():.12g}"
    assert float(core) == pytest.approx(net.squared.sum(axis=1).mean(), rel=1e-11)
    assert r"W^{(0,1)} = \begin{pmatrix}" in formulas(app)


def test_another_draw_gives_other_weights_and_the_error_follows():
    app = visit()
    before = app.metric[0].value
    (button,) = [button for button in app.button if button.label == "Draw other weights"]
    calm(button.click().run())
    assert app.session_state["net_seed"] == 1
    assert app.metric[0].value == f"{draw(3, 3, 2, 4, 1).engine_error():.12g}" != before


def test_a_chosen_sample_is_shown():
    app = visit(net_sample=3)
    net = draw(3, 3, 2, 4, 0)
    title = figure(app, "lecture-network")["layout"]["title"]["subtitle"]["text"]
    assert title.startswith("Sample 3: o₁ = ")
    assert f"{net.values.output[2, 0]:.3g}" in title


def test_one_output_alone_adds_up_to_its_own_error():
    app = visit(error_output=2)
    net = draw(3, 3, 2, 4, 0).output(1)
    assert app.metric[1].value == f"{net.engine_error():.12g}"
    assert len(figure(app, "lecture-error")["data"]) == 2  # bars of one output, and the mean


def test_an_empty_cell_is_named_in_a_sentence_and_the_other_sections_stay(monkeypatch):
    from ui.lecture import tables

    def emptied(frame, **_):
        frame = frame.copy()
        if "x₁" in frame.index:
            frame.iloc[0, 1] = np.nan
        return frame

    monkeypatch.setattr(tables.st, "data_editor", emptied)
    app = visit()
    assert [error.value.replace("\\", "") for error in app.error][0].startswith("W(0,1), row 1, column 2 = “empty”")
    assert figure(app, "lecture-sigmoid") and figure(app, "lecture-contours")
    assert "correct its table first" in words(app)


# -- the sigmoid ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("z, state", [(0.0, "is not saturated"), (4.3, "is not saturated"), (4.4, "is saturated"),
                                      (-10.0, "is saturated")])  # fmt: skip
def test_the_point_says_whether_it_is_saturated(z, state):
    assert f"this one {state}" in words(visit(sigmoid_z=z))


def test_every_activation_can_stand_beside_the_sigmoid_and_none_is_a_sentence():
    app = visit(sigmoid_beside=list(ACTIVATIONS))
    assert len([line for line in figure(app, "lecture-slopes")["data"] if line["mode"] == "lines"]) == len(ACTIVATIONS)
    app = visit(sigmoid_beside=[])
    assert "Choose an activation" in str(figure(app, "lecture-slopes")["layout"]["annotations"])


def test_a_fraction_of_a_node_or_of_a_step_is_refused_and_not_cut():
    app = visit({"net_k": "1.5", "bowl_steps": "3.7"})
    assert set(app.session_state["invalid_params"]) == {"net_k", "bowl_steps"}
    assert app.session_state["net_k"] == 2 and app.session_state["bowl_steps"] == 50
    calm(app.number_input(key="net_k").set_value(1.5).run())
    assert any(error.value.replace("\\", "").startswith("outputs = 1.5 is not allowed") for error in app.error)


# -- links ----------------------------------------------------------------------------------------------------------


def test_a_link_opens_the_page_as_it_says():
    app = visit({"descent": "rosenbrock", "rosenbrock_eta": "0.0003", "net_i": "2", "sigmoid_z": "-3"})
    assert app.session_state["rosenbrock_eta"] == 0.0003 and app.session_state["net_i"] == 2
    assert "At z = −3" in figure(app, "lecture-sigmoid")["layout"]["title"]["subtitle"]["text"]


@pytest.mark.parametrize("parameters", [
    {"descent": "nonsense"}, {"descent": ""}, {"bowl_eta": "nan"}, {"bowl_eta": "inf"}, {"bowl_eta": "-1"},
    {"bowl_eta": ""}, {"bowl_condition": "1e300"}, {"bowl_mu": "1"}, {"bowl_steps": "1000000"},
    {"bowl_steps": "x"}, {"bowl_x": "nan"},
    {"net_i": "99"}, {"net_j": "0"}, {"net_k": "1.5"}, {"net_seed": "-1"}, {"net_n": "inf"}, {"bowl_steps": "inf"},
    {"sigmoid_z": "nan"}, {"sigmoid_z": "1e9"},
    {"sigmoid_beside": "nonsense"},
], ids=str)  # fmt: skip
def test_a_bad_link_is_dropped_or_refused_in_a_sentence(parameters):
    ((name, value),) = parameters.items()
    app = open_page("lecture", **parameters)
    assert not app.error and app.get("plotly_chart")
    (warning,) = app.warning
    assert name in warning.value.replace("\\", "") and "is not allowed" in warning.value and "instead" in warning.value
