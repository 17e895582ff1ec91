"""Text for the page: what a visitor typed, made harmless."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_SHORTCODE = re.compile(r":(?=[\w+-])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
WORD_JOINER = "\u2060"


def as_text(value: object) -> str:
    """The text itself in a Markdown element: no markup, formula, link, picture, icon or HTML comes of it.

    Markdown allows a backslash before every ASCII punctuation mark. Icon names such as :smile: are looked for after
    that, so the colon is also parted from what follows by an invisible mark without width. Line breaks and marks
    that turn the writing direction become spaces.
    """
    text = _CONTROL.sub(" ", str(value))
    return _PUNCTUATION.sub(r"\\\1", _SHORTCODE.sub(":" + WORD_JOINER, text))
