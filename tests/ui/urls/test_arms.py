"""The line of arms: it stands for any comparison, can be typed, and says what is wrong with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ConfigError, RunConfig
from core.comparison.arms import VARIES, Arm, recommended_arms
from core.config import RULES
from core.presets.comparisons import COMPARISON_PRESETS
from tests.support.strategies import configs, values
from ui.urls.arms import choices, format_arms, parse_arms


@pytest.mark.parametrize("vary", [None, *VARIES])
def test_an_empty_line_stands_for_the_arms_to_start_from(vary):
    assert parse_arms("", vary) == parse_arms("  ", vary) == recommended_arms(vary)
    assert format_arms(recommended_arms(vary), vary) == ""


@pytest.mark.parametrize("ready", COMPARISON_PRESETS.values(), ids=COMPARISON_PRESETS)
def test_ready_comparisons_survive_the_line(ready):
    wanted = ready.comparison
    assert parse_arms(format_arms(wanted.arms, wanted.vary), wanted.vary) == wanted.arms


names = st.text(min_size=1, max_size=40).filter(lambda name: name.strip() == name and name.isprintable())


@given(st.lists(st.tuples(names, configs()), min_size=1, max_size=4), st.sampled_from([None, *VARIES]))
def test_pinned_settings_and_any_name_survive_the_line(pinned, vary):
    arms = tuple(Arm.pin(name, config) for name, config in pinned)
    assert parse_arms(format_arms(arms, vary), vary) == arms


@given(st.data())
def test_changes_of_any_field_survive_the_line(data):
    fields = data.draw(st.lists(st.sampled_from([f for f in RULES if f != "seed"]), unique=True, min_size=1))
    arm = Arm(data.draw(names), {field: data.draw(values(field)) for field in fields})
    vary = data.draw(st.sampled_from([None, *VARIES]))
    (back,) = parse_arms(format_arms((arm,), vary), vary)
    assert back.name == arm.name
    assert dict(back.changes) == dict(arm.changes)
    assert back.config(RunConfig()) == arm.config(RunConfig()) if _stands(arm) else True


def _stands(arm):
    try:
        arm.config(RunConfig())
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize(
    "text, vary, arms",
    [
        ("sigmoid, relu", "activation", [("sigmoid", {"activation": "sigmoid"}), ("ReLU", {"activation": "relu"})]),
        ("0.5,1e1", "init_scale", [("init scale 0.5", {"init_scale": 0.5}), ("init scale 10", {"init_scale": 10.0})]),
        ("none,2", "max_norm", [("max norm none", {"max_norm": None}), ("max norm 2", {"max_norm": 2.0})]),
        ("on,false", "residual", [("residual on", {"residual": True}), ("residual off", {"residual": False})]),
        ("a%2Cb~3", "depth", [("a,b", {"depth": 3})]),
        ("he~relu;init=he_normal", "activation", [("he", {"activation": "relu", "init": "he_normal"})]),
        ("plain~,hidden=64 32", None, [("plain", {}), ("hidden 64,32", {"hidden": (64, 32)})]),
        (
            "plain~,hidden=9 9;activation=relu tanh",
            None,
            [("plain", {}), ("hidden 2 x 9; ReLU, tanh", {"hidden": (9, 9), "activation": ("relu", "tanh")})],
        ),
        ("l2=0.1;l1=0.2", None, [("L2 0.1; L1 0.2", {"l2": 0.1, "l1": 0.2})]),
    ],
)
def test_what_a_visitor_types_stands_for(text, vary, arms):
    assert parse_arms(text, vary) == tuple(Arm(name, changes) for name, changes in arms)


@pytest.mark.parametrize(
    "text, vary, said",
    [
        ("sigmoid,step", "activation", "activation = 'step'"),
        ("0.5,x", "init_scale", "init_scale = 'x'"),
        ("maybe", "residual", "residual = 'maybe'"),
        ("relu", None, "field=value"),
        ("a~!relu", "activation", "field=value"),
        ("color=red", None, "color = 'red'"),
        ("seed=3", None, "seed = "),
        ("2.5", "depth", "depth = 2.5"),
        ("inf", "l2", "l2 = inf"),
        ("hidden=4 x", None, "hidden = '4 x'"),
        ("~relu", "activation", "name = ''"),
        ("sigmoid,,relu", "activation", "name = ''"),
        ("none", "l2", "l2 = 'none'"),
        ("x" * 8001, "l2", "8,001 characters"),
    ],
)
def test_a_bad_line_is_refused_in_one_sentence(text, vary, said):
    with pytest.raises(ConfigError) as refusal:
        parse_arms(text, vary)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_fields_of_few_values_offer_them_and_numbers_do_not():
    assert choices("residual") == ("false", "true")
    assert "relu" in choices("activation")
    assert choices("l2") is None
    assert choices("depth") is None
