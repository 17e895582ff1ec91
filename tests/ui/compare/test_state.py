"""A comparison sets every control of its page."""

import pytest

from core import RunConfig
from core.comparison.arms import MAX_ARMS, MIN_ARMS, Arm, Comparison
from ui.compare import controls, state
from ui.compare.state import DEFAULTS, NO_FIELD, query
from ui.urls.arms import format_arms

ARMS = (Arm("a", {"activation": "relu"}), Arm("b", {"activation": "tanh"}))
COMPARISONS = {
    "usual": Comparison(),
    "of other seeds": Comparison(seeds=7),
    "of free arms": Comparison(RunConfig(steps=3), None, ARMS, 2),
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_controls_take_what_a_comparison_says_and_their_defaults_where_it_is_usual(name, monkeypatch):
    comparison = COMPARISONS[name]
    session, bases = {"seeds": 99.0, "vary": "width", "arms": "old"}, []
    monkeypatch.setattr(state, "session_by_name", session)
    monkeypatch.setattr(state.fields, "apply", bases.append)
    state.apply(comparison)
    assert bases == [comparison.base]
    assert session == DEFAULTS | query(comparison) and session["seeds"] == comparison.seeds
    assert session["vary"] == (comparison.vary or NO_FIELD)


@pytest.mark.parametrize("seeds", [1.0, 5.0, 16.0])
def test_a_comparison_has_the_seeds_that_are_chosen(seeds, monkeypatch):
    session = DEFAULTS | {"seeds": seeds}
    monkeypatch.setattr(state, "session", session)
    monkeypatch.setattr(state, "session_by_name", session)
    assert state.build(RunConfig()).seeds == seeds


@pytest.mark.parametrize("count", range(2, MAX_ARMS + 1))
def test_another_field_that_varies_leaves_room_for_two_of_its_values_beside_pinned_arms(count, monkeypatch):
    pins = tuple(Arm(f"pin {k}", {"steps": k}, True) for k in range(1, count + 1))
    session = {"vary": "activation", "varied": "init_scale", "arms": format_arms(pins, "init_scale")}
    monkeypatch.setattr(controls, "session", session)
    monkeypatch.setattr(state, "session", session)
    controls._start_over()
    arms = state.current_arms()
    kept = [arm for arm in arms if arm.pinned]
    assert kept == list(pins[: MAX_ARMS - MIN_ARMS]) and MIN_ARMS <= len(arms) - len(kept) <= MAX_ARMS - len(kept)
