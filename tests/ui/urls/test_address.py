"""Values of the address in a warning: shown whole, or cut where they are long."""

from types import SimpleNamespace

import pytest

from ui import presenting
from ui.compare import state as compare
from ui.controls.fields import LAB_PARAMETERS
from ui.lecture import outline
from ui.runs import controls as runs
from ui.sweep import controls as sweep
from ui.urls import address, views
from ui.urls.address import MAX_SHOWN, _format_value


@pytest.mark.parametrize("length", [1, MAX_SHOWN - 1, MAX_SHOWN])
def test_a_value_that_has_room_is_shown_whole(length):
    assert _format_value("x" * length) == "x" * length


@pytest.mark.parametrize("length", [MAX_SHOWN + 1, 5_000])
def test_a_longer_value_is_cut_and_says_so(length):
    assert _format_value("x" * length) == "x" * (MAX_SHOWN - 1) + "…"


@pytest.mark.parametrize("value, words", [("", "an empty value"), (None, "an empty value"), (0.1 + 0.2, "0.3"),
                                          (["a", "b"], "a, b"), (0, "0")])  # fmt: skip
def test_other_values_are_shown_as_a_visitor_would_write_them(value, words):
    assert _format_value(value) == words


@pytest.mark.parametrize("count", [0, 1, 12, 13, 40])
def test_what_is_not_taken_is_said_until_a_control_changes_and_the_rest_is_counted(count, monkeypatch):
    said, session = [], {"depth": 3.0, "checked_params": ("depth", "note")}
    session["invalid_params"] = {f"p{n}": f"p{n} is odd" for n in range(count)}
    monkeypatch.setattr(address, "session", session)
    monkeypatch.setattr(address, "session_by_name", session)
    monkeypatch.setattr(address.st, "warning", lambda text, **_: said.append(text.replace("\\", "")))
    address.show_param_warnings({"other": None}, ())
    assert said == []  # on another page
    for _ in range(2):
        said.clear()
        address.show_param_warnings({"depth": None}, ("note",))
        more = [f"{count - 12} more parameters of the address are ignored."] * (count > 12)
        assert said == [f"p{n} is odd." for n in range(min(count, 12))] + more
    session["depth"] = 4.0
    said.clear()
    address.show_param_warnings({"depth": None}, ("note",))
    assert said == [] and session["invalid_params"] == {}


def test_a_sentence_names_the_value_that_is_used_instead(monkeypatch):
    said, invalid = [], {"depth": "no", "gone": "no"}
    session = {"depth": 3.0, "checked_params": ("depth", "gone"), "invalid_params": invalid}
    monkeypatch.setattr(address, "session", session)
    monkeypatch.setattr(address, "session_by_name", session)
    monkeypatch.setattr(address.st, "warning", lambda text, **_: said.append(text.replace("\\", "")))
    address.show_param_warnings({"depth": None, "gone": None}, ())
    assert said == ["no; 3 is used instead.", "no."]


class Query(dict):
    """The parameters of an address, each a list of texts."""

    get_all = dict.__getitem__


def test_a_page_without_settings_drops_what_it_cannot_use_once_and_is_none_whose_settings_are_kept(monkeypatch):
    reruns, session = [], {"address_page": "lab"}
    query = Query({"hide": ["a b"], "lock": ["depth"], "text": ["off"], "free": ["x"], "foo": ["1"]})
    monkeypatch.setattr(address, "session", session)
    monkeypatch.setattr(address, "st", SimpleNamespace(query_params=query, rerun=lambda: reruns.append(1)))
    for _ in range(2):
        address.drop_invalid_params(views.FRAME, ("free",))
        assert query == {"lock": ["depth"], "text": ["off"], "free": ["x"], "foo": ["1"]} and reruns == [1]
        assert set(session["invalid_params"]) == {"hide", "foo"}
        assert session["checked_params"] == (*views.FRAME, "free")
    pages = {parameters.page for parameters in (LAB_PARAMETERS, compare.PARAMETERS, sweep.PARAMETERS, runs.PARAMETERS,
                                                outline.PARAMETERS, presenting.PARAMETERS)}  # fmt: skip
    assert len(pages) == 6 and session["address_page"] not in pages


def test_an_address_that_can_be_used_is_left_as_it_is(monkeypatch):
    query, session = Query({"lock": ["depth"]}), {}
    monkeypatch.setattr(address, "session", session)
    monkeypatch.setattr(address, "st", SimpleNamespace(query_params=query))  # which has no rerun
    address.drop_invalid_params(views.FRAME)
    assert query == {"lock": ["depth"]} and session["invalid_params"] == {}
