"""Query strings of a page's controls."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import Number
from core.presets.comparisons import COMPARISON_PRESETS
from core.presets.setups import PRESETS
from core.presets.sweeps import SWEEP_PRESETS
from ui.compare import state as compare_state
from ui.controls.fields import LAB_PARAMETERS
from ui.sweep import controls as sweep_controls
from ui.urls import link, sync
from ui.urls.link import Subset
from ui.urls.sync import Parameters, read_query, to_query

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


PAGE = Parameters(
    page="here", free=("note",), rules={"depth": Number(0, 99, integer=True), "step": Number(0, 99, optional=True)},
    defaults={"depth": 3.0, "note": "", "step": None}, view=frozenset({"step"}), of_run=frozenset({"step"}),
)  # fmt: skip


class Address(dict):
    """The parameters of an address, each a list of texts."""

    get_all = dict.__getitem__

    def from_dict(self, query):
        self.clear()
        self.update({name: list(texts) for name, texts in query.items()})


@pytest.fixture
def page(monkeypatch):
    """(session, address, synchronize); `back` says that the browser shows an entry of its history."""
    session, address = {}, Address()
    monkeypatch.setattr(sync, "session", session)
    monkeypatch.setattr(sync, "session_by_name", session)
    monkeypatch.setattr(sync.st, "query_params", address)

    def synchronize(parameters=PAGE, *, back=False):
        monkeypatch.setattr(sync, "_is_history_navigation", lambda: back)
        sync.sync_address(parameters)
        return {key: session[key] for key in parameters.defaults}

    return session, address, synchronize


def test_a_first_visit_takes_the_address_and_names_what_it_does_not_take(page):
    session, address, synchronize = page
    address.update({"depth": ["7"], "step": ["x"], "foo": ["1"]})
    assert synchronize() == {"depth": 7.0, "note": "", "step": None}
    assert set(session["invalid_params"]) == {"step", "foo"} and address == {"depth": ["7"]}
    assert session["checked_params"] == ("depth", "step", "note") and not sync.can_undo()


def test_a_control_that_is_moved_writes_the_address_forgets_the_step_and_can_be_undone(page):
    session, address, synchronize = page
    address.update({"depth": ["7"], "step": ["4"]})
    synchronize()
    assert address == {"depth": ["7"], "step": ["4"]}
    session["depth"] = 9.0
    assert synchronize() == {"depth": 9.0, "note": "", "step": None} and address == {"depth": ["9"]}
    assert session["undo"] == {"here": [{"depth": 7.0, "note": ""}]}
    session["note"] = "a"
    synchronize()
    sync.undo_last()
    synchronize()
    assert address == {"depth": ["9"]} and len(session["undo"]["here"]) == 1
    sync.undo_last()
    synchronize()
    assert address == {"depth": ["7"]} and not sync.can_undo()


def test_the_step_that_the_picture_writes_is_read_and_is_no_action(page):
    session, address, synchronize = page
    address["depth"] = ["7"]
    synchronize()
    address["step"] = ["5"]
    for back in (False, True):  # the picture's own event looks like a way back
        assert synchronize(back=back)["step"] == 5.0 and not sync.can_undo()
    session["first"] = "said"
    synchronize(back=True)
    assert session["first"] == "said"


def test_back_in_the_browser_sets_the_controls_and_clears_what_was_said(page):
    session, address, synchronize = page
    address["depth"] = ["7"]
    synchronize()
    session["depth"] = 9.0
    synchronize()
    session["first"] = "said"
    address.from_dict({"depth": ["7"]})
    assert synchronize(back=True)["depth"] == 7.0 and "first" not in session
    assert not sync.can_undo()  # it is the state before the last action


def test_another_page_keeps_what_it_shares_and_takes_what_its_address_states(page):
    session, address, synchronize = page
    there = dataclasses.replace(PAGE, page="there", defaults={"depth": 3.0, "other": 1.0})
    address["depth"] = ["7"]
    synchronize()
    session["depth"] = 9.0
    synchronize()
    address.clear()  # a link of the navigation states nothing
    assert synchronize(there) == {"depth": 9.0, "other": 1.0} and address == {"depth": ["9"]}
    assert session["address_page"] == "there" and not sync.can_undo()
    address.from_dict({"depth": ["5"], "note": ["a"]})
    assert synchronize() == {"depth": 5.0, "note": "a", "step": None}
    assert session["undo"]["here"] == [{"depth": 7.0, "note": ""}]  # coming is no action
    sync.undo_last()
    assert synchronize()["depth"] == 7.0


def test_an_empty_list_and_nothing_are_stated_too():
    parameters = dataclasses.replace(PAGE, rules={"names": Subset(("a", "b")), "size": Number(0, 9, optional=True)},
                                     free=(), defaults={"names": ["a"], "size": 4.0})  # fmt: skip
    for values in ({"names": [], "size": None}, {"names": ["b", "a"], "size": 2.5}, {"names": ["a"], "size": 4.0}):
        query = to_query(parameters, values)
        assert read_query(query, parameters) == values
        assert set(query) == {name for name in values if values[name] != parameters.defaults[name]}
        assert all(query.values())  # an address holds no name without a text
