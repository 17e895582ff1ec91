"""A config as the values of its controls and as a query string."""

from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ConfigError, RunConfig
from core.config import MAX_STEPS, RULES, Choice, Flag
from tests.support.strategies import configs
from ui.text import to_page_words
from ui.urls.link import (
    CONTROL_RULES,
    DEFAULTS,
    KEYS,
    Subset,
    find_invalid_params,
    join_activations,
    parse_widths,
    split_activations,
    to_config,
    to_query,
    to_query_value,
    to_values,
)


def another(field):
    """A value of this field that is not its default and contradicts no other default."""
    rule, default = RULES[field], getattr(RunConfig(), field)
    if isinstance(rule, Choice):
        apart = {"loss": "mse", "output_activation": "tanh"}
        return apart.get(field) or next(name for name in rule.names if name != default)
    if isinstance(rule, Flag):
        return not default
    if field == "hidden":
        return (64, 32, 16)
    return {"holdout": 0.25, "momentum": 0.5, "batch_size": 16}.get(field, 7 if rule.integer else 0.125)


CHANGES = [{field: another(field)} for field in RULES]


@pytest.mark.parametrize(
    "changes", [*CHANGES, {"hidden": ()}, {"hidden": (7,) * 3}, {"hidden": (7, 8)}, {"hidden": (7, 8, 7)}], ids=str
)
def test_controls_stand_for_their_config(changes):
    config = RunConfig(**changes)
    assert to_config(to_values(config)) == config


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_a_query_string_holds_what_differs_from_the_default_and_is_taken_as_it_stands(changes):
    query = parse_qs(to_query(RunConfig(**changes)))
    differs = RunConfig(**changes) != RunConfig()  # a loss has no other value without another output activation
    assert set(query) == ({next(iter(changes))} if differs else set())
    assert find_invalid_params(query) == {}


@given(configs())
def test_the_controls_allow_every_value_that_any_config_gives_them(config):
    values = to_values(config)
    for key, rule in CONTROL_RULES.items():
        rule.validate(key, values[key])
    assert find_invalid_params(split_activations(parse_qs(to_query(config)))) == {}
    again = to_config(values)
    assert again == config.replace(record_every=again.record_every)
    assert again.record_every == min(config.record_every, MAX_STEPS)


def test_the_default_has_an_empty_query_string():
    assert to_query(RunConfig()) == ""


@given(st.integers(0, 10**15 - 1))
def test_whole_numbers_have_no_decimal_point_in_a_query(number):
    assert to_query_value(float(number)) == to_query_value(number) == str(number)


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False))
def test_a_query_string_keeps_every_digit(scale):
    query = parse_qs(to_query(RunConfig(init_scale=scale)))
    assert float(query.get("init_scale", ["1"])[0]) == scale


def test_uniform_networks_are_written_as_depth_and_width_and_others_by_layer():
    assert to_query(RunConfig(hidden=(64,) * 3)) == "depth=3&width=64"
    assert to_query(RunConfig(hidden=(64, 32, 16))) == "hidden=64,32,16"


def test_activations_by_layer_are_one_readable_parameter():
    config = RunConfig(hidden=(8,) * 3, activation=("relu", "tanh", "sigmoid"))
    assert to_query(config) == "depth=3&width=8&activation=relu,tanh,sigmoid"
    assert to_config(to_values(config)) == config
    assert to_config(DEFAULTS | {"depth": 2, "activation": "elu", "layer_activations": " relu; tanh "}).activations == (
        "relu",
        "tanh",
    )
    assert to_config(DEFAULTS | {"activation": "elu", "layer_activations": " "}).activation == "elu"
    written = join_activations({"activation": ["elu"], "layer_activations": ["relu,tanh"], "depth": ["2"]})
    assert written == {"activation": ["relu,tanh"], "depth": ["2"]}
    assert split_activations(written) == {"layer_activations": ["relu,tanh"], "depth": ["2"]}
    for query in ({"activation": ["elu"]}, {"activation": []}, {"layer_activations": ["relu"]}, {}):
        assert join_activations(query) == split_activations(query) == query
    with pytest.raises(ConfigError, match="^activation = 'relu,rule' is not allowed: it must be names among linear, "):
        to_config(DEFAULTS | {"layer_activations": "relu,rule"})
    with pytest.raises(ConfigError, match="one name for each hidden layer, here 10"):
        to_config(DEFAULTS | {"layer_activations": "relu,tanh"})


def test_typed_widths_override_depth_and_width():
    assert to_config(DEFAULTS | {"depth": 3, "width": 5, "hidden": "64, 32,16"}).hidden == (64, 32, 16)
    assert to_config(DEFAULTS | {"depth": 3, "width": 5, "hidden": " "}).hidden == (5, 5, 5)


@pytest.mark.parametrize("text", ["64,x", "64,-1", "0", "5000", "1.5", "1e3", "²", "9" * 5000, "<b>64</b>", "1," * 501])
def test_widths_that_are_none_are_refused_by_name(text):
    with pytest.raises(ConfigError, match="^hidden = .* is not allowed: .* 0 to 500 .* 1 to 4,096"):
        parse_widths(text)


BAD = {
    "float": ["", "abc", "nan", "inf", "1e999", "-1", "1,5"],
    "whole": ["", "abc", "nan", "3.7", "-1", "1e99"],
    "flag": ["", "yes", "1", "None"],
    "choice": ["", "nothing", "RELU", "<script>"],
}


def kind(rule):
    if isinstance(rule, (Flag, Choice)):
        return type(rule).__name__.lower()
    return "whole" if rule.integer else "float"


@pytest.mark.parametrize("key, text", [(key, text) for key, rule in CONTROL_RULES.items() for text in BAD[kind(rule)]])
def test_a_bad_parameter_is_named_with_its_value_and_what_is_allowed(key, text):
    rule = CONTROL_RULES[key]
    found = find_invalid_params({key: [text]})
    if text == "" and getattr(rule, "optional", False):
        assert found == {}
    else:
        assert found == {key: f"{key} = “{text}” is not allowed: {to_page_words(rule.allowed)}"}


def test_unknown_repeated_and_long_parameters_are_named():
    assert list(find_invalid_params({"foo": ["1"]})) == ["foo"]
    assert "2 times" in find_invalid_params({"seed": ["1", "2"]})["seed"]
    assert len(find_invalid_params({"seed": ["x" * 10_000]})["seed"]) < 200
    assert len(next(iter(find_invalid_params({"x" * 10_000: ["1"]}).values()))) < 200


def test_of_several_names_each_is_one_that_there_is_and_comes_once():
    rules = {"beside": Subset(("a", "b", "c"))}
    assert find_invalid_params({"beside": ["a", "c"]}, rules) == find_invalid_params({"beside": [""]}, rules) == {}
    for texts in (["a", "a"], ["a", "x"], ["", "a"]):
        assert list(find_invalid_params({"beside": texts}, rules)) == ["beside"]


def test_a_text_that_its_control_refuses_is_named_here_only_when_it_comes_twice():
    assert find_invalid_params({"arms": ["x" * 9000]}, {}, ("arms",)) == {}
    assert find_invalid_params({"arms": ["a", "b"]}, {}, ("arms",)) == {"arms": "arms is given 2 times and is ignored"}


def test_every_field_has_a_control():
    assert set(KEYS) == set(RULES) | {"depth", "width", "layer_activations"}
