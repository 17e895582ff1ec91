"""The counter of unreached asserts sees what it should."""

from tests.support.reached import quick_asserts

SOURCE = """
import pytest

def helper():
    assert 1

def test_quick():
    if False:
        assert 2

@pytest.mark.slow
def test_long():
    assert 3

@pytest.mark.parametrize("x", [1])
def test_many(x):
    for y in []:
        assert y
"""


def test_asserts_of_quick_tests_are_found_and_those_of_slow_ones_are_not():
    lines = SOURCE.splitlines()
    assert [lines[line - 1].strip() for line in quick_asserts(SOURCE)] == ["assert 2", "assert y"]


def test_a_slow_module_has_no_quick_asserts():
    assert list(quick_asserts("import pytest\npytestmark = pytest.mark.slow\ndef test_a():\n    assert 1\n")) == []
