"""The one error that a visitor can cause: a sentence of bounded length, whatever the value is."""

import pickle

import pytest

from core import ConfigError


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value, shown",
    [
        (3, "3"),
        ("<b>", "'<b>'"),
        (10**5000, "this int"),
        (nested(100_000), "this list"),
        ("x" * 500, "'" + "x" * 116 + "..."),
    ],
    ids=["number", "text", "thousands of digits", "nested without end", "long"],
)
def test_a_value_of_any_kind_is_named_in_a_short_sentence(value, shown):
    assert str(ConfigError("depth", value, "it must be whole")) == f"depth = {shown} is not allowed: it must be whole"


def test_a_name_of_a_foreign_file_is_shortened_and_its_control_characters_are_spelled_out():
    assert str(ConfigError("\x1b[2J", 1, "a")).startswith("'\\x1b[2J' = 1")
    assert str(ConfigError("n" * 90, 1, "a")).startswith("n" * 37 + "... = 1")


class OtherError(ConfigError):
    """Stands for every error that is one of these."""


@pytest.mark.parametrize("kind", [ConfigError, OtherError])
def test_an_error_comes_back_from_a_worker_with_its_kind_and_its_parts(kind):
    error = pickle.loads(pickle.dumps(kind("depth", -1, "it must be 1 or more")))
    assert type(error) is kind
    assert (error.field, error.value, error.allowed) == ("depth", -1, "it must be 1 or more")
