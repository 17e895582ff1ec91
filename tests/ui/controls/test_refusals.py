"""A refused setting is named by its control, and nothing of Python is shown."""

import re

import pytest

from core import ConfigError, RunConfig
from core.config import RULES
from ui.controls.fields import CONTROLS
from ui.controls.refusals import describe_refusal
from ui.urls.link import CONTROL_RULES

PYTHON = re.compile(r"\bNone\b|\bTrue\b|\bFalse\b|['\"()]|\bnan\b|\binf\b|\d\.0\b|\de[-+]?\d")
WRONG = (None, True, "", "nonsense", -1, 0.5, 1e-300, float("nan"), float("inf"), (1, 2), ("relu", "rule"), [], {})


@pytest.mark.parametrize("field", RULES)
def test_every_field_is_refused_by_its_controls_label_without_python(field):
    for wrong in WRONG:
        try:
            RunConfig().replace(**{field: wrong})
        except ConfigError as error:
            label = "Width of each layer" if field == "hidden" else CONTROLS[field].label
            sentence = describe_refusal(error)
            assert sentence.startswith(f"{label} = "), wrong
            assert not PYTHON.search(sentence), sentence


@pytest.mark.parametrize("key", ["depth", "width", "batch_size"])
def test_a_number_that_a_control_refuses_too(key):
    with pytest.raises(ConfigError) as caught:
        CONTROL_RULES[key].validate(key, 2e6)
    assert describe_refusal(caught.value).startswith(f"{CONTROLS[key].label} = 2,000,000 is not allowed: it must be a ")


def test_activations_are_listed_by_their_labels():
    with pytest.raises(ConfigError) as caught:
        RunConfig(hidden=(3, 3, 3), activation=("relu", "tanh"))
    expected = "Activation = ReLU, tanh is not allowed: it must have one name for each hidden layer, here 3"
    assert describe_refusal(caught.value) == expected


@pytest.mark.parametrize("value, shown", [
    ("relu", "“relu”"),
    (None, "nothing"), (True, "on"), (1e7, "10,000,000"), (1e300, "10³⁰⁰"), (10**400, "a number of too many"),
    (float("-inf"), "minus infinity"), (float("nan"), "not a number"), ([1, 2.5], "1, 2.5"),
    ({"a": None}, "an entry of another kind"), ([], "an empty entry of another kind"), ([[1]], "an entry of another"),
    ("\ud800", "“?”"), ("x" * 500, f"“{'x' * 118}…"),
])  # fmt: skip
def test_other_errors_keep_their_names_and_have_values_in_the_pages_spelling(value, shown):
    sentence = describe_refusal(ConfigError("arms", value, "it must be 'two' names or None"))
    assert sentence.startswith(f"arms = {shown}")
    assert sentence.endswith(" is not allowed: it must be “two” names or empty")
