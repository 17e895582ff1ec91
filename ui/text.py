"""Text for the page: what a visitor typed, made harmless, and numbers as one reads them."""

from __future__ import annotations

import math
import re

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_SHORTCODE = re.compile(r":(?=[\w+-])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
WORD_JOINER = "\u2060"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def as_text(value: object) -> str:
    """The text itself in a Markdown element: no markup, formula, link, picture, icon or HTML comes of it.

    Markdown allows a backslash before every ASCII punctuation mark. Icon names such as :smile: are looked for after
    that, so the colon is also parted from what follows by an invisible mark without width. Line breaks and marks
    that turn the writing direction become spaces.
    """
    text = _CONTROL.sub(" ", str(value))
    return _PUNCTUATION.sub(r"\\\1", _SHORTCODE.sub(":" + WORD_JOINER, text))


def number(value: float | None, digits: int = 3) -> str:
    """A number as one reads it: 0.0123, 1,200, 4.2 × 10⁻⁸; a dash for none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        rounded = f"{value:.{digits}g}"
        return f"{float(rounded):,.0f}" if "e" in rounded else rounded
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
