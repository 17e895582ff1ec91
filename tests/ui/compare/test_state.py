"""A comparison sets every control of its page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig
from core.comparison.arms import MAX_ARMS, MAX_NAME_LENGTH, MIN_ARMS, VARIES, Arm, Comparison, recommended_arms
from ui.compare import controls, state
from ui.compare.state import DEFAULTS, NO_FIELD, query
from ui.urls.arms import choices, format_arms

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
    assert type(session["seeds"]) is float  # as of every number box: Streamlit would cut a fraction otherwise


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


@given(st.lists(st.text("ab ", min_size=1, max_size=MAX_NAME_LENGTH).filter(str.strip), max_size=12))
def test_names_are_told_apart_by_numbers_and_stay_names_of_arms(names):
    used = set()
    given_names = [state.unique_name(name, used) for name in names]
    assert set(given_names) == used and len(used) == len(names)
    for name, unique in zip(names, given_names, strict=True):
        assert Arm(unique).name == unique.strip() and unique.startswith(name[: MAX_NAME_LENGTH - 3].rstrip())


@pytest.fixture
def chips(monkeypatch):
    """The box of chips that is drawn for some arms, or None."""

    def draw(field, arms):
        drawn = []
        session = {"vary": field or NO_FIELD, "arms": format_arms(arms, field)}
        monkeypatch.setattr(controls, "session", session)
        monkeypatch.setattr(state, "session", session)
        monkeypatch.setattr(controls.st, "multiselect", lambda label, options, **more: drawn.append((options, more)))
        controls._draw_chips()
        return (*drawn[0], session["arm_chips"]) if drawn else None

    return draw


@pytest.mark.parametrize("field", VARIES)
def test_arms_of_one_value_each_are_chips_and_a_number_can_be_typed(field, chips):
    arms = recommended_arms(field)
    options, more, chosen = chips(field, arms[1:])
    assert len(chosen) == len(arms) - 1 and set(chosen) <= set(options)
    assert more["accept_new_options"] == (choices(field) is None) and more["max_selections"] == MAX_ARMS


@pytest.mark.parametrize(
    "changed",
    [
        Arm("a name of its own", {"init_scale": 3.0}),
        Arm("Init scale 3", {"init_scale": 3.0, "steps": 5}),
        Arm("Init scale 3", {"init_scale": 3.0}, True),
        Arm("unchanged"),
    ],
    ids=["named", "of two settings", "pinned", "unchanged"],
)
def test_arms_that_are_more_than_a_value_are_no_chips(changed, chips):
    plain = recommended_arms("init_scale")[:2]
    assert chips("init_scale", plain) is not None
    assert chips("init_scale", (*plain, changed)) is None
    assert chips(None, plain) is None
