"""Labels of the settings in which arms differ."""

from __future__ import annotations

from typing import Any

import pandas as pd

from core.comparison.arms import Comparison, say
from core.config import RULES, Flag
from ui.compare.state import NO_FIELD
from ui.controls import fields
from ui.urls.arms import NOTHING


def field_label(field: str) -> str:
    """The label of a field that varies."""
    return "Several settings" if field == NO_FIELD else fields.CONTROLS[field].label


def value_label(field: str, value: Any) -> str:
    """The label of a value, or of its text in the URL: "He normal", "On", "0.5"."""
    if isinstance(RULES.get(field), Flag):
        return "On" if str(value).lower() == "true" else "Off"
    if value is None:
        return "None"
    label = fields.option_label(field, value) if isinstance(value, str) or field == "activation" else say(value)
    return "None" if label == NOTHING else label


def change_label(field: str, value: Any) -> str:
    """The label of one changed setting: "Init: He normal"."""
    return f"{field_label(field)}: {value_label(field, value)}"


def label_differences(comparison: Comparison) -> pd.DataFrame:
    """The table of the differences between the arms, a column a control."""
    return comparison.differences().rename(columns=lambda field: fields.CONTROLS[field].label)
