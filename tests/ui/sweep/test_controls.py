"""The controls of a sweep: its base as a line of settings, its axes, and what each press sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig
from core.config import Choice, Flag, Number
from core.presets.sweeps import SWEEP_PRESETS
from core.sweeps.maps import DEFAULT_RANGES, FIELDS, QUANTITIES, Axis, SweepMap
from tests.support.nothing import anything
from tests.support.strategies import configs
from ui.compare.labels import field_label
from ui.sweep import controls
from ui.urls.arms import format_value
from ui.urls.link import CONTROL_RULES

BASES = [RunConfig(steps=0, hidden=(3,) * 2), RunConfig(steps=2, hidden=(4, 5), l1=0.25, samples=16)]


@given(configs())
def test_the_base_holds_every_setting_but_the_activation_and_the_seed(config):
    base = controls.parse_base(controls.format_base(config))
    assert base == config.replace(activation=RunConfig().activation, seed=RunConfig().seed)


@st.composite
def axes(draw, field):
    """An axis of a field with any part of its range stated."""
    if field not in DEFAULT_RANGES:
        return Axis(field)
    low, high, _, log = DEFAULT_RANGES[field]
    low, high = max(low, 0.01), min(high, 64)
    whole = CONTROL_RULES[field].integer
    parts = [low, high] if whole else [low + (high - low) / 8, high - (high - low) / 16]
    ends = [draw(st.none() | st.just(float(end))) for end in parts]
    return Axis(field, *ends, draw(st.none() | st.integers(2, 3)), draw(st.none() | st.just(log)))


@st.composite
def maps(draw):
    x, y = draw(st.lists(st.sampled_from(FIELDS), min_size=2, max_size=2, unique=True))
    names = draw(st.lists(st.sampled_from(["tanh", "relu", "elu"]), min_size=1, max_size=3, unique=True))
    base = draw(st.sampled_from(BASES))
    return SweepMap(base, tuple(names), draw(axes(x)), draw(axes(y)), draw(st.integers(1, 3)))


@given(maps(), st.sampled_from(sorted(QUANTITIES)))
def test_a_map_sets_every_control_and_is_read_from_them_again(spec, show):
    values = controls.to_values(spec, show)
    assert set(values) == set(controls.DEFAULTS) and values["show"] == show
    assert controls.to_map(values) == spec
    assert all(type(value) is float for key, value in values.items()
               if isinstance(controls.RULES.get(key), Number) and value is not None)  # fmt: skip


@pytest.fixture
def session(monkeypatch):
    values = dict(controls.DEFAULTS)
    monkeypatch.setattr(controls, "session", values)
    monkeypatch.setattr(controls, "session_by_name", values)
    return values


def test_a_ready_sweep_leaves_nothing_of_the_one_before(session):
    for before in SWEEP_PRESETS.values():
        for ready in SWEEP_PRESETS.values():
            controls.apply(before)
            controls.apply(ready)
            chosen = controls.read()
            assert (chosen.map, chosen.show, chosen.refused, chosen.preset) == (ready.map, ready.show, None, ready)


@pytest.mark.parametrize("axis", ["x", "y"])
def test_another_field_forgets_the_whole_range_of_its_own_axis(axis, session):
    parts = {"from": 1.0, "to": 2.0, "count": 3.0, "spacing": "linear"}
    session |= {f"{name}_{part}": value for name in "xy" for part, value in parts.items()}
    before = dict(session)
    controls._use_default_range(axis)
    forgotten = {f"{axis}_from": None, f"{axis}_to": None, f"{axis}_count": None, f"{axis}_spacing": "suited"}
    assert session == before | forgotten


@pytest.mark.parametrize("field", FIELDS)
def test_the_empty_boxes_of_an_axis_show_the_range_of_its_field(field, session, monkeypatch):
    boxes, helps = {}, {}
    streamlit = anything(columns=lambda count, **_: [anything()] * count,
                         number_input=lambda label, *_, key, **more: boxes.update({key: (label, more["placeholder"])}),
                         selectbox=lambda *_, key, **more: helps.update({key: more.get("help")}))  # fmt: skip
    monkeypatch.setattr(controls, "st", streamlit)
    session["y"] = field
    controls._axis("y", "Vertical axis")
    if field not in DEFAULT_RANGES:
        assert boxes == {} and set(helps) == {"y"}
        return
    *ends, log = DEFAULT_RANGES[field]
    names = ("from", "to", "count")
    assert boxes == {f"y_{name}": (name.capitalize(), f"{end:g}") for name, end in zip(names, ends, strict=True)}
    words = "logarithmic" if log else "linear"
    assert helps["y_spacing"] == f"Recommended for {field_label(field).lower()}: {words}."


def another(field):
    """The text of a value that a control does not have at first."""
    rule = CONTROL_RULES.get(field)
    if isinstance(rule, Choice):
        return next(name for name in rule.names if name != getattr(RunConfig(), field))
    if isinstance(rule, Flag):
        return format_value(not getattr(RunConfig(), field))
    if rule is None:
        return "3 4"
    return "3" if rule.integer else "0.375"


def test_every_setting_that_is_offered_for_the_base_can_be_set_or_says_why_not(session, monkeypatch):
    offered = []

    def select(label, options, *, key, **_):
        offered.extend(options if key == "base_field" else ())
        return options[0]

    monkeypatch.setattr(controls, "st", anything(selectbox=select))
    session["base"] = ""
    controls._draw_base()
    assert len(offered) > 30
    refused = []
    for field in offered:
        session.update(base="", box=another(field))
        controls._set_base_field(field, "box")
        if session.pop("base_error", None):
            refused.append(field)
        else:
            changes = controls.base_changes(controls.parse_base(session["base"]))
            assert format_value(changes[field]) == another(field)
    assert set(refused) <= {"loss", "output_activation", "dataset"}
