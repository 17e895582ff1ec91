"""Values of the address in a warning: shown whole, or cut where they are long."""

import pytest

from ui.urls.address import MAX_SHOWN, _format_value


@pytest.mark.parametrize("length", [1, MAX_SHOWN - 1, MAX_SHOWN])
def test_a_value_that_has_room_is_shown_whole(length):
    assert _format_value("x" * length) == "x" * length


@pytest.mark.parametrize("length", [MAX_SHOWN + 1, 5_000])
def test_a_longer_value_is_cut_and_says_so(length):
    assert _format_value("x" * length) == "x" * (MAX_SHOWN - 1) + "…"


@pytest.mark.parametrize("value, words", [("", "an empty value"), (None, "an empty value"), (0.1 + 0.2, "0.3"),
                                          (["a", "b"], "a, b"), (0, "0")])  # fmt: skip
def test_other_values_are_shown_as_a_visitor_would_write_them(value, words):
    assert _format_value(value) == words
