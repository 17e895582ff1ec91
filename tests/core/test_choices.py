"""The names of the types that an editor completes are those of the registries."""

from typing import get_args, get_type_hints

import pytest

from core import RunConfig
from core.choices import SeverityName, TaskName
from core.config import RULES, Choice
from core.data.targets import TASKS
from core.diagnosis.findings import SEVERITIES


@pytest.mark.parametrize("field", [name for name, rule in RULES.items() if isinstance(rule, Choice)])
def test_a_field_of_names_is_typed_with_those_names(field):
    assert get_args(get_type_hints(RunConfig)[field]) == RULES[field].names


@pytest.mark.parametrize("names, members", [(TaskName, TASKS), (SeverityName, SEVERITIES)])
def test_tasks_and_severities_are_typed_with_their_names(names, members):
    assert set(get_args(names)) == set(members)
