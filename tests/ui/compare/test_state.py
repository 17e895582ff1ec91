"""A comparison sets every control of its page."""

import pytest

from core import RunConfig
from core.comparison.arms import Arm, Comparison
from ui.compare import state
from ui.compare.state import DEFAULTS, NO_FIELD, query

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
