"""The chips of a comparison: the values of its arms, those that can be added, and the arms that chips make."""

import pytest

from core.comparison.arms import MAX_ARMS, VARIES, arm_name, recommended_arms
from tests.support.nothing import anything
from ui.compare import controls, state
from ui.urls.arms import choices, format_value


@pytest.fixture
def session(monkeypatch):
    values = {"arms": ""}
    monkeypatch.setattr(controls, "session", values)
    monkeypatch.setattr(state, "session", values)
    return values


def draw(monkeypatch):
    """The arguments of the box of chips, if it was drawn."""
    boxes = []
    streamlit = anything(multiselect=lambda label, options, **more: boxes.append(more | {"options": options}))
    monkeypatch.setattr(controls, "st", streamlit)
    controls._draw_chips()
    return boxes


@pytest.mark.parametrize("field", VARIES)
def test_chips_are_the_values_of_the_arms_and_only_of_numbers_others_can_be_typed(field, session, monkeypatch):
    session["vary"] = field
    arms = recommended_arms(field)
    is_plain = all(set(dict(arm.changes)) == {field} for arm in arms)
    boxes = draw(monkeypatch)
    assert len(boxes) == is_plain
    for box in boxes:
        values = [format_value(dict(arm.changes)[field]) for arm in arms]
        few = choices(field)
        assert session["arm_chips"] == values and set(values) <= set(box["options"])
        assert set(few or map(format_value, VARIES[field])) <= set(box["options"])
        assert len(set(box["options"])) == len(box["options"])
        assert box["accept_new_options"] == (few is None) and box["max_selections"] == MAX_ARMS


@pytest.mark.parametrize("field", VARIES)
def test_chips_that_are_chosen_are_the_arms_in_their_order_each_once(field, session, monkeypatch):
    session["vary"] = field
    values = list(VARIES[field])[:3]
    session["arm_chips"] = [f" {format_value(value)} " for value in [*values[::-1], values[0]]]
    controls._use_chips()
    arms = state.current_arms()
    assert [(arm.name, dict(arm.changes)) for arm in arms] == [
        (arm_name(field, value), {field: value}) for value in values[::-1]
    ]
    session["arm_chips"] = ["nonsense"]
    controls._use_chips()
    assert state.current_arms() == arms and session["arm_error"].value == "nonsense"


@pytest.mark.parametrize("line", ["a~tanh,relu", "tanh;l2=0.5,relu", "tanh,!relu~!depth=2", "tanh", "tanh,tanh"])
def test_arms_that_are_not_one_value_each_have_no_chips(line, session, monkeypatch):
    session.update(vary="activation", arms=line)
    assert len(draw(monkeypatch)) == (line == "tanh")
