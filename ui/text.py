"""Text for the page: escapes what a visitor typed, and typesets powers of ten."""

from __future__ import annotations

import re
from typing import Any

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
# Streamlit replaces icons such as :smile: after it removes backslashes, so a word joiner separates the colon.
_SHORTCODE = re.compile(r":(?=[\w+-])")
_MARKUP = re.compile(
    r"""[\\`*$\[\]<>&~|@]     # anywhere: code, emphasis, formulas, links, pictures, HTML, entities, tables, addresses
    | (?<!\w)_ | _(?!\w)      # emphasis; inside a word, as in init_scale, it is just a letter
    | :(?=\S)                 # icons, colors, the start of an address
    | (?<=www)\.              # an address without its start
    | -(?=[->])               # dashes and arrows
    | ^[-+#=]                 # lists, headings, rules
    | (?:(?<=^\d)|(?<=^\d\d)|(?<=^\d{3}))[.)]  # numbered lists
    """,
    re.VERBOSE | re.IGNORECASE,
)
WORD_JOINER = "\u2060"


def as_text(value: Any) -> str:
    """Escapes a text for a Markdown element, so that it contains no markup, formula, link, picture, icon or HTML.

    Line breaks and characters that change the writing direction become spaces.
    """
    text = _CONTROL.sub(" ", str(value)).strip()
    return _MARKUP.sub(r"\\\g<0>", _SHORTCODE.sub(":" + WORD_JOINER, text))


def join_percent(text: str) -> str:
    """A text for a narrow place, where no line is broken between a number and its "%"."""
    return re.sub(r"(?<=\d) (?=%)", "\u00a0", text)


def format_duration(seconds: float) -> str:
    """A duration in its largest suitable unit: "45 s", "14 min", "3 h", "12 days"."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    minutes = seconds / 60
    hours = seconds / 3600
    return f"{minutes:.0f} min" if minutes < 90 else f"{hours:.0f} h" if hours < 48 else f"{hours / 24:,.0f} days"


_PYTHON = {"None": "empty", "True": "true", "False": "false"}
_QUOTED = re.compile(r"""(?<!\w)(?:'([^'\n]*)'|"([^"\n]*)")(?!\w)""")


def to_page_words(message: str) -> str:
    """A message for programs in the page's spelling: “words”, empty, true and false."""
    quoted = _QUOTED.sub(lambda match: f"“{match[1] or match[2] or ''}”", message)
    return re.sub(r"\b(?:None|True|False)\b", lambda match: _PYTHON[match[0]], quoted)


def curl_apostrophes(text: str) -> str:
    """A text with typographic apostrophes, such as a stored name of He’s init."""
    return re.sub(r"(?<=\w)'(?=\w)|(?<=s)'(?=\s)", "’", text)


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)(?!\w)")


def typeset(words: str) -> str:
    """Replaces every number such as 2.3e-8 by 2.3×10⁻⁸ (and 1e-400 by 10⁻⁴⁰⁰)."""

    def format_power(match: re.Match) -> str:
        mantissa = match[1]
        exponent = f"10{str(int(match[2])).translate(_SUPERSCRIPTS)}"
        return exponent if mantissa == "1" else f"{mantissa}×{exponent}"

    return _POWER.sub(format_power, words)
