"""Compare's rows of arms, each worked as a visitor works it, and settings pinned in the Lab."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.checkout import HOUSE
from tests.support.compare_page import TIME_LIMIT, arms_drawn, calm, comparison_of, small


def settings(app):
    """The settings of each arm."""
    comparison = comparison_of(app)
    return [arm.config(comparison.base) for arm in comparison.arms]


@pytest.fixture
def app():
    """Three arms with their editor open."""
    return small(arms="sigmoid,tanh,relu", arm_editor=True)


def buttons(app, label):
    return [button for button in app.button if button.label == label]


def fields(app, label):
    return next(field for field in [*app.text_input, *app.selectbox] if field.label == label)


def test_every_arm_has_a_row_and_the_first_cannot_go_up(app):
    assert [button.disabled for button in buttons(app, "Up")] == [True, False, False]
    assert [button.disabled for button in buttons(app, "Remove")] == [False] * 3


def test_an_arm_takes_the_place_of_the_one_above(app):
    calm(buttons(app, "Up")[2].click().run())
    assert arms_drawn(app) == ["sigmoid", "ReLU", "tanh"]


def test_an_arm_is_removed_until_two_are_left(app):
    calm(buttons(app, "Remove")[1].click().run())
    assert arms_drawn(app) == ["sigmoid", "ReLU"]
    assert all(button.disabled for button in buttons(app, "Remove"))


def test_an_arm_has_the_name_a_visitor_gives_it_and_keeps_it_with_other_settings(app):
    calm(fields(app, "Name of arm 2").set_value("the cure").run())
    assert arms_drawn(app) == ["sigmoid", "the cure", "ReLU"]
    calm(fields(app, "Activation of arm 2").set_value("gelu").run())
    assert arms_drawn(app) == ["sigmoid", "the cure", "ReLU"]
    assert settings(app)[1].activation == "gelu"


def test_a_name_that_is_taken_gets_a_number(app):
    calm(fields(app, "Name of arm 2").set_value("sigmoid").run())
    assert arms_drawn(app) == ["sigmoid", "sigmoid 2", "ReLU"]


def test_an_empty_name_changes_nothing(app):
    calm(fields(app, "Name of arm 2").set_value("  ").run())
    assert arms_drawn(app) == ["sigmoid", "tanh", "ReLU"]


def test_a_value_that_no_arm_has_is_added_at_the_end(app):
    adder = fields(app, "Add an arm")
    assert "tanh" not in adder.options
    calm(adder.set_value("selu").run())
    assert arms_drawn(app)[-1] == "SELU" and len(arms_drawn(app)) == 4


def test_of_numbers_any_value_is_added_and_a_wrong_one_is_refused():
    app = small(vary="init_scale", arms="0.5,1", arm_editor=True)
    calm(fields(app, "Add an arm").set_value("2").run())
    assert [config.init_scale for config in settings(app)] == [0.5, 1, 2]
    calm(fields(app, "Add an arm").set_value("wide").run())
    assert "Init scale = “wide”" in app.error[0].value
    assert "0.5,1,2" in app.session_state["arms"]


def test_another_field_starts_with_arms_of_its_own(app):
    calm(app.selectbox(key="vary").set_value("clip").run())
    assert {config.clip for config in settings(app)} >= {"none", "global_norm"}
    assert {config.activation for config in settings(app)} == {"sigmoid"}


def test_a_pinned_arm_stays_whatever_varies_next():
    app = small(vary="clip", arms="none,value,mine~!depth=1;width=3;steps=2;samples=16", arm_editor=True)
    for field in ("l2", "init", "none"):
        calm(app.selectbox(key="vary").set_value(field).run())
        assert settings(app)[-1].hidden == (3,) and comparison_of(app).arms[-1].pinned, field


def test_a_new_value_of_a_setting_shows_the_arms_own():
    app = small(vary="none", arms="a~init_scale=3;l2=0.5,b~init_scale=7", arm_editor=True)
    for i, (field, own) in enumerate([("init_scale", "3"), ("init_scale", "7"), ("l2", "0.5")]):
        box = [box for box in app.selectbox if box.label == "Setting"][i % 2]
        calm(box.set_value(field).run())
        labels = {"init_scale": "New value of init scale", "l2": "New value of l2"}
        shown = [box.proto.placeholder for box in app.text_input if box.label == labels[field]]
        assert own in shown, (field, shown)


def test_settings_pinned_in_the_lab_become_arms():
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=TIME_LIMIT)
    calm(app.run())
    for name, value in {"depth": 2, "width": 4, "steps": 3, "samples": 16}.items():
        app.session_state[name] = value
    calm(app.run())
    for changes in ({"l2": 0.01}, {"l2": 0.0, "clip": "value"}):
        for name, value in changes.items():
            app.session_state[name] = value
        calm(app.run())
        calm(app.button(key="pin").click().run())
        assert app.button(key="pin").disabled
    (way,) = [link for link in app.get("page_link") if "2 settings" in link.proto.label]
    assert way.proto.query_string
    app.switch_page("pages/compare.py")
    calm(app.run())
    calm(buttons(app, "Add 2 settings from the Lab")[0].click().run())
    configs = settings(app)
    assert [(config.l2, config.clip, config.hidden) for config in configs] == [
        (0.01, "none", (4, 4)),
        (0.0, "value", (4, 4)),
    ]
