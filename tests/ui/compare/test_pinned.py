"""Settings from the Lab are offered as arms as long as there is room for them."""

import re

import pytest
from hypothesis import given

from core import RunConfig
from core.comparison.arms import MAX_ARMS, MAX_NAME_LENGTH, Arm, arm_name, differing_changes
from tests.support.nothing import anything
from tests.support.strategies import configs
from ui.compare import pinned
from ui.urls import link
from ui.urls.arms import format_arms
from ui.urls.sync import read_query

PINNED = [RunConfig(hidden=(4,) * depth) for depth in (2, 3)]


@pytest.mark.parametrize("present", range(2, MAX_ARMS + 1))
def test_pinned_settings_are_offered_where_all_arms_together_have_room(present, monkeypatch):
    drawn, line = [], ",".join(f"{k / 10:g}" for k in range(1, present + 1))
    monkeypatch.setattr(pinned, "session", {"pinned": []})
    monkeypatch.setattr(pinned.state, "vary", lambda: "init_scale")
    monkeypatch.setattr(pinned.state, "arms_line", lambda: line)
    monkeypatch.setattr(pinned.st, "button", lambda label, **_: drawn.append(label))
    pinned.offer()
    assert drawn == []
    for config in PINNED:
        pinned.pin(config)
        pinned.pin(config)  # which is there already
    pinned.offer()
    room = present + len(PINNED) <= MAX_ARMS
    assert drawn == ["Add 2 settings from the Lab"] * room


def test_settings_are_pinned_under_any_seed_and_others_are_not(monkeypatch):
    monkeypatch.setattr(pinned, "session", {"pinned": []})
    for count, config in enumerate(PINNED, start=1):
        assert not pinned.is_pinned(config)
        pinned.pin(config)
        assert pinned.is_pinned(config) and pinned.is_pinned(config.replace(seed=77))
        assert pinned._counted(pinned.pinned_arms()) == ("1 setting" if count == 1 else f"{count} settings")
    assert not pinned.is_pinned(PINNED[0].replace(steps=1))


@pytest.mark.parametrize("line", ["", "tanh,relu"])
@pytest.mark.parametrize("count", [1, 2])
def test_two_pinned_settings_stand_alone_and_otherwise_join_the_arms_that_there_are(count, line, monkeypatch):
    monkeypatch.setattr(pinned, "session", {"pinned": []})
    for config in PINNED[:count]:
        pinned.pin(config)
    before = pinned.state.parse_line(line, "activation")
    arms, field = pinned._with_pinned("activation", line)
    alone = not line and count == 2
    assert field == (None if alone else "activation")
    assert arms[: -count or None] == (() if alone else before)
    assert [arm.config(RunConfig(seed=9)) for arm in arms[-count:]] == [c.replace(seed=9) for c in PINNED[:count]]
    again, _ = pinned._with_pinned(field, format_arms(arms, field))
    assert [arm.name for arm in again] == [arm.name for arm in arms]  # each is there once


def test_only_a_pinned_arm_is_among_the_arms_since_others_take_what_the_sidebar_says(monkeypatch):
    monkeypatch.setattr(pinned, "session", {"pinned": []})
    pinned.pin(RunConfig(activation="relu"))
    [pin] = pinned.pinned_arms()
    assert dict(pin.changes) == {"activation": "relu"}
    assert pinned._is_among(pin, (Arm("other", {"activation": "relu"}, True),))
    assert not pinned._is_among(pin, (Arm("other", {"activation": "relu"}), Arm("another", {"l2": 1.0}, True)))


def test_taking_pinned_settings_sets_the_arms_and_the_field_that_varies(monkeypatch):
    for line in ("", "tanh,relu"):
        session = {"pinned": [], "vary": "activation", "arms": line}
        monkeypatch.setattr(pinned, "session", session)
        monkeypatch.setattr(pinned.state, "session", session)
        for config in PINNED:
            pinned.pin(config)
        pinned._take_pinned()
        assert session["vary"] == ("activation" if line else pinned.state.NO_FIELD)
        arms = pinned.state.current_arms()
        assert [arm.config(RunConfig()) for arm in arms][-2:] == PINNED and len(arms) == (4 if line else 2)


@pytest.mark.parametrize("base", [None, RunConfig(steps=7, l2=0.25, hidden=(4, 5))])
@pytest.mark.parametrize("line", ["", "1,2"])
def test_the_link_beside_the_button_opens_the_comparison_as_it_was_left_with_what_is_pinned(base, line, monkeypatch):
    ways = []
    session = {"pinned": [], "compared": ("init_scale", line, base)}
    monkeypatch.setattr(pinned, "session", session)
    streamlit = anything(page_link=lambda page, *, label, query_params, **_: ways.append((page, label, query_params)))
    monkeypatch.setattr(pinned, "st", streamlit)
    pinned.pin_button(PINNED[0])
    assert ways == []
    for config in PINNED:
        pinned.pin(config)
    pinned.pin_button(PINNED[0])
    [(page, label, parameters)] = ways
    assert (page, label) == ("pages/compare.py", "Compare 2 settings")
    values = read_query({name: [text] for name, text in parameters.items()}, pinned.state.PARAMETERS)
    assert link.to_config(values) == (base or RunConfig())
    vary = None if values["vary"] == pinned.state.NO_FIELD else values["vary"]
    arms = pinned.state.make_comparison(link.to_config(values), vary, values["arms"], 1).arms
    assert [arm.config(RunConfig()) for arm in arms[-2:]] == PINNED and len(arms) == (4 if line else 2)
    assert vary == ("init_scale" if line else None)


@given(configs())
def test_a_pinned_name_begins_with_the_activation_and_names_all_changes_that_have_room(config):
    name = pinned._describe(config)
    assert name.startswith(arm_name("activation", config.activation)[:MAX_NAME_LENGTH].rstrip(" ,"))
    assert 0 < len(name) <= MAX_NAME_LENGTH and name == name.rstrip(" ,")
    changes = differing_changes(config, RunConfig())
    whole = [arm_name(field, value) for field, value in changes.items() if field not in ("activation", "hidden")]
    activation = arm_name("activation", config.activation)
    pattern = re.escape(activation) + r" (\d+ x \d+|\d+ layers)" + re.escape("".join(f", {word}" for word in whole))
    assert len(name) >= MAX_NAME_LENGTH - 2 or re.fullmatch(pattern, name)


def test_the_shape_of_a_pinned_network_is_named_once():
    names = [pinned._describe(config.replace(l2=0.5)) for config in [*PINNED, RunConfig(hidden=(3, 4))]]
    assert names == [f"sigmoid {shape}, {arm_name('l2', 0.5)}" for shape in ("2 x 4", "3 x 4", "2 layers")]
