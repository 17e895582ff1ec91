"""Query strings of a page's controls."""

from hypothesis import given
from hypothesis import strategies as st

from core.presets.comparisons import COMPARISON_PRESETS
from core.presets.setups import PRESETS
from core.presets.sweeps import SWEEP_PRESETS
from ui.compare import state as compare_state
from ui.controls.fields import LAB_PARAMETERS
from ui.sweep import controls as sweep_controls
from ui.urls import link, sync
from ui.urls.sync import read_query, to_query

ANY_TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from(",;~=%&!# +"), max_size=30)


def test_every_set_up_comes_back_exactly_from_its_query():
    for preset in PRESETS.values():
        values = link.to_values(preset.config)
        assert link.to_config(read_query(to_query(LAB_PARAMETERS, values), LAB_PARAMETERS)) == preset.config


def test_every_ready_comparison_and_sweep_comes_back_exactly_from_its_query():
    for preset in COMPARISON_PRESETS.values():
        values = compare_state.PARAMETERS.defaults | link.to_values(preset.comparison.base)
        values |= compare_state.query(preset.comparison)
        assert read_query(to_query(compare_state.PARAMETERS, values), compare_state.PARAMETERS) == values
    for preset in SWEEP_PRESETS.values():
        values = sweep_controls.PARAMETERS.defaults | sweep_controls.to_values(preset.map, preset.show)
        assert read_query(to_query(sweep_controls.PARAMETERS, values), sweep_controls.PARAMETERS) == values


@given(ANY_TEXT)
def test_a_text_with_separators_comes_back_exactly(text):
    values = compare_state.PARAMETERS.defaults | {"arms": text}
    query = to_query(compare_state.PARAMETERS, values)
    assert read_query(query, compare_state.PARAMETERS) == values
    assert query == ({"arms": [text]} if text else {})


def test_whole_numbers_have_no_decimal_point():
    assert to_query(LAB_PARAMETERS, link.DEFAULTS | {"depth": 20.0, "init_scale": 2.5}) == {
        "depth": ["20"],
        "init_scale": ["2.5"],
    }


def test_the_last_fifty_actions_can_be_undone_and_the_newest_first(monkeypatch):
    session = {}
    monkeypatch.setattr(sync, "session", session)
    for action in range(60):
        sync._record("lab", {"depth": action}, {"depth": action + 1})
    assert [state["depth"] for state in session["undo"]["lab"]] == list(range(10, 60))
    sync._record("lab", {"depth": 60}, {"depth": 59})  # the action undone
    assert session["undo"]["lab"][-1] == {"depth": 58}
    sync._record("lab", {"depth": 59}, {"depth": 59})  # nothing changed
    sync._record("compare", {}, {"depth": 1})  # nor at a first visit
    assert len(session["undo"]["lab"]) == 49 and session["undo"]["compare"] == []
