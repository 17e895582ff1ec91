"""Labels of settings in Compare's tables: those of the controls."""

from core.comparison.arms import Arm, Comparison
from core.config import RULES, RunConfig
from ui.compare.labels import label_differences
from ui.controls.fields import CONTROLS


def test_columns_of_what_differs_are_named_like_the_controls():
    arms = (Arm("one"), Arm("two", {"init": "he_normal", "init_scale": 0.5}))
    table = label_differences(Comparison(RunConfig(), None, arms, 1))
    assert list(table.columns) == ["Init", "Init scale"]
    assert list(table.loc["two"]) == ["He normal", "0.5"]


def test_every_setting_that_can_differ_has_a_label():
    assert set(RULES) <= set(CONTROLS)
