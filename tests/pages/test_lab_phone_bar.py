"""The bar of a phone shows the settings of the sidebar, and what is set there is set for the network."""

import pytest

from tests.support.lab_page import SMALL, calm, config_of, control, visit
from ui.lab.phone_bar import SETTINGS

CHANGES = {"activation": "relu", "depth": 3.0, "init_scale": 0.5}


def test_each_setting_of_the_bar_is_worked_here():
    assert set(CHANGES) == set(SETTINGS)


@pytest.mark.parametrize("field", SETTINGS)
def test_a_setting_of_the_bar_is_that_of_the_sidebar(field):
    app = visit(**SMALL)
    assert control(app, f"bar_{field}").value == control(app, field).value
    control(app, f"bar_{field}").set_value(CHANGES[field])
    app = calm(app.run())
    assert control(app, f"bar_{field}").value == control(app, field).value == CHANGES[field]
    config = config_of(app)
    assert (len(config.hidden) if field == "depth" else getattr(config, field)) == CHANGES[field]


def test_what_the_sidebar_sets_is_shown_in_the_bar():
    app = visit(**SMALL)
    control(app, "init_scale").set_value(2.0)
    assert control(calm(app.run()), "bar_init_scale").value == 2.0


def test_a_setting_that_does_not_apply_cannot_be_set_in_the_bar():
    app = visit(**(SMALL | {"hidden": "3,4"}))
    assert control(app, "bar_depth").disabled and not control(app, "bar_init_scale").disabled


def test_the_bar_leaves_out_what_the_address_hides_and_fixes_what_it_locks():
    app = visit(**SMALL, hide="depth", lock="init_scale")
    shown = {box.key for box in (*app.selectbox, *app.number_input)}
    assert {f"bar_{field}" for field in SETTINGS if f"bar_{field}" in shown} == {"bar_activation", "bar_init_scale"}
    assert control(app, "bar_init_scale").disabled and not control(app, "bar_activation").disabled
