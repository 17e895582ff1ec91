"""Texts of visitors, made harmless (tests/browser holds that it is shown as typed), and numbers."""

import re

import pytest

from ui.text import WORD_JOINER, as_text, curl_apostrophes, format_duration, to_page_words, typeset

MARKUP = [
    "<b>", "</script>", "$x$", "**bold**", "_all_", "`code`", "[l](http://h)", "![p](//h/p)", ":red[r]", "~~gone~~",
    "&lt;", "me@host.org", "http://host", "www.host.org", "| a | b |", "a -> b", "a -- b", "# head", "- item",
    "+ item", "1. item", "12) item", "= rule", "\\*",
]  # fmt: skip
# Every character of these that starts markup, wherever it stands.
ALWAYS = re.compile(r"(?<!\\)(?:\\\\)*[`*$\[\]<>&~|@]")


@pytest.mark.parametrize("text", MARKUP)
def test_no_mark_stays_a_mark(text):
    made = as_text(text)
    assert made != text
    assert not ALWAYS.search(made)
    assert re.sub(r"\\(.)", r"\1", made).replace(WORD_JOINER, "") == text


@pytest.mark.parametrize("text", ["steps = 3.7 is not allowed: it must be one of init_scale, 1e-07 (or -1)", "a-b c"])
def test_plain_sentences_stay_as_they_are(text):
    assert as_text(text) == text


@pytest.mark.parametrize("text", [":smile:", ":material/home:", "a:b:", ":+1:"])
def test_no_icon_comes_of_a_word_between_colons(text):
    shown = as_text(text).replace("\\", "")
    assert not re.search(r":[\w+-]", shown)
    assert shown.replace(WORD_JOINER, "") == text


@pytest.mark.parametrize("text", ["a\nb", "a\r\n\tb", "a\u2028b", "a\x00b", "a\u202eb"])
def test_lines_and_turned_directions_become_spaces(text):
    assert as_text(text) == "a b"


def test_a_backslash_of_the_visitor_escapes_nothing_of_ours():
    assert as_text("\\<b>") == "\\\\\\<b\\>"


@pytest.mark.parametrize("words, shown", [
    ("layer 1 gets 1.6e-6 times that", "layer 1 gets 1.6×10⁻⁶ times that"),
    ("2.3e-08", "2.3×10⁻⁸"),
    ("1e-400 and 4e+12.", "10⁻⁴⁰⁰ and 4×10¹²."),
    ("0.474 → 0.25, layer 3e, 1e5x, abc1e5", "0.474 → 0.25, layer 3e, 1e5x, abc1e5"),
])  # fmt: skip
def test_powers_of_ten_are_raised_and_nothing_else_changes(words, shown):
    assert typeset(words) == shown


@pytest.mark.parametrize("message, shown", [
    ("lesson = 'zz' is not allowed: it must be 1, or None", "lesson = “zz” is not allowed: it must be 1, or empty"),
    ("""a = "it's" is True""", "a = “it's” is true"),
    ("the layer’s norm isn't Nonesuch", "the layer’s norm isn't Nonesuch"),
])  # fmt: skip
def test_a_message_for_programs_has_no_python_on_a_page(message, shown):
    assert to_page_words(message) == shown


@pytest.mark.parametrize("text, shown", [
    ("He's init, Xavier's over He's", "He’s init, Xavier’s over He’s"), ("the layers' norms", "the layers’ norms"),
    ("'quoted' words", "'quoted' words"), ("φ' ≤ 1/4", "φ' ≤ 1/4"),
])  # fmt: skip
def test_apostrophes_of_words_are_typographic_and_quotes_and_primes_stay(text, shown):
    assert curl_apostrophes(text) == shown


@pytest.mark.parametrize(
    "seconds, text", [(0.2, "1 s"), (45, "45 s"), (861, "14 min"), (5399, "90 min"), (10_800, "3 h"), (1e6, "12 days")]
)
def test_a_duration_has_its_largest_suitable_unit(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    "seconds, text", [(89.4, "89 s"), (90, "2 min"), (5_400, "2 h"), (172_700, "48 h"), (172_800, "2 days")]
)
def test_a_unit_begins_at_ninety_of_the_one_below_and_days_at_two(seconds, text):
    assert format_duration(seconds) == text
