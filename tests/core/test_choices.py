"""The names of the types that an editor completes are those of the registries."""

from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from core import RunConfig
from core.choices import SeverityName, TaskName
from core.config import RULES, Choice
from core.data.targets import TASKS
from core.diagnosis.findings import SEVERITIES


@pytest.mark.parametrize("field", [name for name, rule in RULES.items() if isinstance(rule, Choice)])
def test_a_field_of_names_is_typed_with_those_names(field):
    hint = get_type_hints(RunConfig)[field]
    if get_origin(hint) is not Literal:  # a name, or a list of them for the layers
        hint, by_layer = get_args(hint)
        assert get_args(by_layer) == (hint, ...)
    assert get_args(hint) == RULES[field].names


@pytest.mark.parametrize("names, members", [(TaskName, TASKS), (SeverityName, SEVERITIES)])
def test_tasks_and_severities_are_typed_with_their_names(names, members):
    assert set(get_args(names)) == set(members)
