"""The dragged sliders: which are offered, what is sent for them, and what their release may set."""

import pytest
from streamlit.testing.v1 import AppTest

from core import RunConfig
from core.theory.families import INIT_SCALES, delta_curve
from ui.lab import live
from ui.runtime.jobs import Run


class Quiet:
    """A reporter that shows nothing."""

    def __getattr__(self, name):
        return lambda *_: None


def test_the_depth_is_dragged_only_where_all_layers_have_one_width():
    assert live.offered(Run(RunConfig(hidden=(8, 8)))) == ("init_scale", "depth")
    assert live.offered(Run(RunConfig(hidden=(8, 4)))) == ("init_scale",)
    assert live.offered(Run(RunConfig(hidden=()))) == ("init_scale",)


@pytest.mark.parametrize("typed", ["hidden", "layer_activations"])
def test_the_depth_is_not_dragged_beside_a_list_of_layers_that_the_visitor_typed(typed, monkeypatch):
    monkeypatch.setattr(live, "session", {typed: "8,8"})
    assert live.offered(Run(RunConfig(hidden=(8, 8)))) == ("init_scale",)


@pytest.mark.parametrize("locked", [(), ("depth",), ("init_scale",), ("depth", "init_scale")])
def test_what_the_address_fixes_is_not_dragged(locked, monkeypatch):
    monkeypatch.setattr(live.views, "is_locked", lambda control: control in locked)
    wanted = [field for field in ("init_scale", "depth") if field not in locked]
    assert list(live.offered(Run(RunConfig(hidden=(8, 8))))) == wanted


def test_the_present_depth_is_marked_among_those_of_its_slider():
    family = live._family(Run(RunConfig(hidden=(4,) * 3, init_scale=1.2)), "depth", Quiet())
    assert family["field"] == "depth" and family["values"][family["at"]] == 3
    own = delta_curve(RunConfig(hidden=(4,) * 3, init_scale=1.2))
    assert family["curves"][family["at"]]["median"] == pytest.approx(own.median.tolist(), abs=0.005)


def test_what_is_sent_is_theory_s_curve_at_each_value_with_the_present_one_marked():
    run = Run(RunConfig(hidden=(4, 4), init_scale=1.2, steps=7))
    family = live._family(run, "init_scale", Quiet())
    assert family["values"][family["at"]] == 1.2 and family["values"] == list(INIT_SCALES)
    own = delta_curve(run.config)
    assert family["curves"][family["at"]]["median"] == pytest.approx(own.median.tolist(), abs=0.005)
    assert family["curves"][family["at"]]["half"] == pytest.approx(own.half_width.tolist(), abs=0.005)


def test_a_value_between_those_of_the_slider_is_added_to_them():
    family = live._family(Run(RunConfig(hidden=(4, 4), init_scale=1.23)), "init_scale", Quiet())
    assert family["values"] == sorted([*INIT_SCALES, 1.23]) and family["values"][family["at"]] == 1.23


@pytest.mark.parametrize(
    ("event", "scale"),
    [
        ({"field": "init_scale", "value": 2.5}, 2.5),
        ({"field": "init_scale", "value": -1}, 1.0),
        ({"field": "init_scale", "value": "2.5"}, 1.0),
        ({"field": "init_scale", "value": True}, 1.0),
        ({"field": "init_scale"}, 1.0),
        ({"field": "steps", "value": 9}, 1.0),
        ("init_scale", 1.0),
        (None, 1.0),
    ],
)
def test_a_release_sets_its_own_controls_to_allowed_values_and_nothing_else(event, scale):
    def script(event):
        import streamlit as st

        from ui.lab import live

        st.session_state.setdefault("init_scale", 1.0)
        st.session_state.setdefault("steps", 300.0)
        st.session_state[live.KEY] = {"event": event}
        live._move()

    app = AppTest.from_function(script, kwargs={"event": event}).run()
    assert not app.exception
    assert (app.session_state["init_scale"], app.session_state["steps"]) == (scale, 300.0)


@pytest.mark.parametrize("config", [RunConfig(hidden=(4,)), RunConfig(hidden=(4,) * 2, init_scale=1.2)], ids=str)
def test_each_slider_has_a_family_of_its_own_beside_the_other_and_for_each_value(config):
    for other in (config, config.replace(seed=3), config.replace(activation="tanh"), config.replace(init_scale=2.0)):
        for field, own in (("depth", len(other.hidden)), ("init_scale", other.init_scale)):
            family = live._family(Run(other), field, Quiet())
            assert family["field"] == field and family["values"][family["at"]] == own
            wanted = delta_curve(other)
            assert family["curves"][family["at"]]["median"] == pytest.approx(wanted.median.tolist(), abs=0.005)


def test_a_table_has_families_of_its_own(monkeypatch):
    made = []

    def compute(function, start, field, **_):
        made.append((start.digest, field))
        return INIT_SCALES, [delta_curve(RunConfig(hidden=(4, 4)))] * len(INIT_SCALES)

    monkeypatch.setattr(live.jobs, "compute", compute)
    monkeypatch.setattr(live, "curve_family_cost", lambda *_: 1)
    wanted = [("one table", "init_scale"), ("another", "init_scale")]
    for digest, field in wanted * 2:
        live._family(Run(RunConfig(dataset="custom", hidden=(4, 4)), digest), field, Quiet())
    assert made == wanted
