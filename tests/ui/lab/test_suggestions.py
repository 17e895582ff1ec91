"""A suggestion as a comparison of the network without and with it."""

from types import SimpleNamespace

import pytest

from core import RunConfig
from tests.support.nothing import anything
from ui.compare import state
from ui.lab import suggestions
from ui.lab.suggestions import SEEDS, before_and_after, describe
from ui.urls import link
from ui.urls.sync import read_query

CHANGES = [{"init": "he_normal", "activation": "relu"}, {"learning_rate": 0.001}, {"hidden": (8, 8, 8)}]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_the_network_stands_before_the_change_and_the_changed_one_after_it(changes):
    config = RunConfig(hidden=(4, 4, 4), activation="tanh", steps=30)
    parameters = before_and_after(config, changes)
    values = read_query({name: [text] for name, text in parameters.items()}, state.PARAMETERS)
    vary = None if values["vary"] == state.NO_FIELD else values["vary"]
    comparison = state.make_comparison(link.to_config(values), vary, values["arms"], int(values["seeds"]))
    before, after = comparison.arms
    assert (before.name, after.name, comparison.seeds) == ("the old network", "the new network", SEEDS)
    assert before.config(comparison.base) == config and after.config(comparison.base) == config.replace(**changes)


def test_changes_are_listed_as_in_a_sentence():
    assert describe({"activation": "relu"}) == "Activation to ReLU"
    assert describe({"activation": "relu", "init": "he_normal", "l2": 0.5}) == (
        "Activation to ReLU, Init to He normal and L2 to 0.5"
    )


def test_each_suggestion_has_its_own_button_help_and_comparison(monkeypatch):
    buttons, ways = [], []
    streamlit = anything(button=lambda label, **more: buttons.append((label, more)),
                         page_link=lambda page, **more: ways.append(more["query_params"]))  # fmt: skip
    monkeypatch.setattr(suggestions, "st", streamlit)
    config = RunConfig(steps=7)
    made = [SimpleNamespace(label=f"s{i}", outcome=outcome, changes=changes)
            for i, (outcome, changes) in enumerate([("", CHANGES[0]), ("53 % to 100 %", CHANGES[1])])]  # fmt: skip
    finding = SimpleNamespace(name="vanishing", suggestions=made)
    suggestions.draw_suggestions(finding, config)
    assert [label for label, _ in buttons] == ["s0", "s1: 53\u00a0% to 100\u00a0%"]
    assert [more["args"] for _, more in buttons] == [(config.replace(**changes),) for changes in CHANGES[:2]]
    assert [more["help"] for _, more in buttons] == [f"Sets {describe(changes)}." for changes in CHANGES[:2]]
    assert [more["key"] for _, more in buttons] == ["suggestion_vanishing_0", "suggestion_vanishing_1"]
    assert ways == [before_and_after(config, changes) for changes in CHANGES[:2]]
