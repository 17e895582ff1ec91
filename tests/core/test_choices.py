"""The names of the types that an editor completes are those of the registries."""

from typing import get_args, get_type_hints

import pytest

from core import RunConfig
from core.config import RULES, Choice


@pytest.mark.parametrize("field", [name for name, rule in RULES.items() if isinstance(rule, Choice)])
def test_a_field_of_names_is_typed_with_those_names(field):
    assert get_args(get_type_hints(RunConfig)[field]) == RULES[field].names
