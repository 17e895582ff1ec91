"""The view that an address states: a range of the axis, and controls that are hidden or fixed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.urls import views

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
