"""Text for the page: what a visitor typed, made harmless, and numbers as a reader writes them."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
# Icons such as :smile: are looked for once backslashes are gone, so the colon is parted from what follows.
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


def as_text(value: object) -> str:
    """The text itself in a Markdown element: no markup, formula, link, picture, icon or HTML comes of it.

    Line breaks, and marks that turn the writing direction, become spaces.
    """
    text = _CONTROL.sub(" ", str(value)).strip()
    return _MARKUP.sub(r"\\\g<0>", _SHORTCODE.sub(":" + WORD_JOINER, text))


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)(?!\w)")


def typeset(words: str) -> str:
    """The same words, with every number such as 2.3e-8 written 2.3×10⁻⁸ (and 1e-400 as 10⁻⁴⁰⁰)."""

    def written(found: re.Match) -> str:
        mantissa, exponent = found[1], f"10{str(int(found[2])).translate(_RAISED)}"
        return exponent if mantissa == "1" else f"{mantissa}×{exponent}"

    return _POWER.sub(written, words)
