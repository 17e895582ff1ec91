"""The view that an address states: a range of the axis, and controls that are hidden or fixed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.urls import link, views

POWERS = st.integers(-999, 999)


@given(POWERS, POWERS)
def test_an_axis_has_its_lower_end_first_and_some_length(low, high):
    assert views.parse_axis(f"{low},{high}") == ((low, high) if low < high else None)


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "1e3,2", "1,2 "])
def test_what_is_no_range_is_none(text):
    assert views.parse_axis(text) is None


@pytest.mark.parametrize(
    "lock, fixed", [("", set()), ("depth", {"depth"}), ("depth,init_scale", {"depth", "init_scale"}),
                    ("all", {"depth", "init_scale", "activation"})],
)  # fmt: skip
def test_a_control_is_fixed_by_its_own_name_or_by_all(lock, fixed, monkeypatch):
    monkeypatch.setattr(views, "session_by_name", {"lock": lock, "hide": "activation"})
    assert {name for name in ("depth", "init_scale", "activation") if views.is_locked(name)} == fixed
    assert [views.is_hidden(name) for name in ("activation", "depth", "activ")] == [True, False, False]


def test_every_layer_of_the_deepest_network_can_be_opened_its_output_too():
    rule = views.LAB["open_layer"]
    for layer, allowed in ((0, False), (1, True), (500, True), (501, True), (502, False)):
        found = link.find_invalid_params({"open_layer": [str(layer)]}, {"open_layer": rule}, ())
        assert (found == {}) == allowed, layer


def test_a_step_and_an_axis_belong_to_one_run_and_nothing_else_does():
    assert {"step", "axis"} == views.OF_RUN == set(views.PICTURE)


def test_whole_numbers_of_an_address_are_whole_in_sliders_and_lists(monkeypatch):
    session = dict(views.LAB_DEFAULTS) | {"open_layer": 3.0, "layer_step": 7.0, "inside_step": 9.0}
    monkeypatch.setattr(views, "session_by_name", session)
    views.use_whole_numbers()
    whole = {"open_layer": 3, "layer_step": 7, "inside_step": 9}
    assert {key: session[key] for key in whole} == whole and all(type(session[key]) is int for key in whole)
    session["open_layer"] = None
    views.use_whole_numbers()
    assert session["open_layer"] is None


def test_nothing_is_hidden_or_open_unless_the_address_says_so():
    assert views.LAB_DEFAULTS == dict.fromkeys(views.LAB_PANELS, False) | {
        "quantity": "delta_norm", "relative": True, "open_layer": None, "layer_step": 0.0, "inside_step": 0.0,
        "inside_quantity": "net", "step": None, "axis": "", "hide": "", "lock": "", "text": "on",
    }  # fmt: skip
