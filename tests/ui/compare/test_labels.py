"""Labels of settings in Compare's tables: those of the controls."""

import pytest

from core.comparison.arms import Arm, Comparison
from core.config import RULES, RunConfig
from ui.compare.labels import change_label, field_label, label_differences, value_label
from ui.controls.fields import CONTROLS, option_label
from ui.urls.arms import choices, parse_value


def test_columns_of_what_differs_are_named_like_the_controls():
    arms = (Arm("one"), Arm("two", {"init": "he_normal", "init_scale": 0.5}))
    table = label_differences(Comparison(RunConfig(), None, arms, 1))
    assert list(table.columns) == ["Init", "Init scale"]
    assert list(table.loc["two"]) == ["He normal", "0.5"]


def test_every_setting_that_can_differ_has_a_label():
    assert set(RULES) <= set(CONTROLS)


@pytest.mark.parametrize("field", [field for field, rule in RULES.items() if hasattr(rule, "names") or choices(field)])
def test_every_option_has_its_label_as_a_value_and_as_the_text_of_an_address(field):
    for text in choices(field):
        value = parse_value(field, text)
        label = {True: "On", False: "Off"}[value] if isinstance(value, bool) else option_label(field, value)
        label = "None" if label == "none" else label
        assert value_label(field, text) == value_label(field, value) == label
        assert change_label(field, value) == f"{CONTROLS[field].label}: {label}"


def test_nothing_is_called_none_and_numbers_are_short():
    assert value_label("max_norm", None) == value_label("max_norm", "none") == "None"
    assert value_label("init_scale", 0.5) == "0.5" and value_label("activation", ("relu", "tanh")) == "ReLU, tanh"
    assert field_label("none") == "Several settings" and field_label("init") == "Init"
