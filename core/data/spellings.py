"""Spellings of numbers and missing values in the texts of a table.

Cells are matched by Arrow's expressions, which take time in proportion to the text and do not hold Python's lock.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MAX_TEXT = 200  # characters of a column name, of a category or of a number

# Spellings of a missing value, in lower case: in any column, and only among numbers.
MISSING = frozenset(
    ["", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "(null)", "none", "\\n", "?"]
    + ["#value!", "#div/0!", "#ref!", "#num!", "#name?", "#null!", "1.#qnan", "-1.#ind", "1.#inf"]
)
NUMBER_MISSING = MISSING | {"-", "--", "---", ".", "..", "...", "…", "–", "—", "\u2212", "missing", "unknown"}
_MISSING = pa.array(sorted(MISSING))
_NUMBER_MISSING = pa.array(sorted(NUMBER_MISSING))
_LONGEST_SPELLING = max(len(text.encode()) for text in NUMBER_MISSING)  # bytes
_SAMPLE = 1000  # texts from which a column without any number is recognized

# Numbers with a decimal point and, as an option, groups of three digits; then the same with a decimal comma.
_GROUPS = r"[1-9]\d{0,2}(?:%s\d{3})+"
_SPACE = "[ \u00a0\u202f'\u2019]"
_POWER = r"(?:[eE][+-]?\d+)?"


def _number(decimal: str, group: str) -> str:
    integer_part = rf"(?:{_GROUPS % group}|{_GROUPS % _SPACE}|\d+)"
    return rf"[+-]?(?:{integer_part}(?:{decimal}\d*)?|{decimal}\d+){_POWER}"


POINT = _number(r"\.", ",")
COMMA = _number(",", r"\.")
INFINITE = r"[+-]?(?i:inf|infinity)"
EITHER = r"[+-]?[1-9]\d{0,2}[.,]\d{3}"  # 1,500 is 1500 or 1.5
_CURRENCY = "(?:[$€£¥₹₽₩]|US\\$|USD|EUR|GBP|CHF|JPY|CNY|kr|zł)"
_BLANK = "[ \u00a0\u202f]"
_DIGITS = "[\\d.,' \u00a0\u202f\u2019]*"
_MARKED = rf"([+-]?) ?(?:{_CURRENCY}{_BLANK}?)?([+-]?[\d.,]{_DIGITS}?){_BLANK}?(?:{_CURRENCY}|[%‰])?"
# Cells that a reader takes for a number, such as ~70 or $1,000,000.
LIKE_NUMBER = (
    rf"[~≈]? ?(?:{_CURRENCY} ?)?[+-]?(?:[1-9]\d{{0,2}}(?:[,. '  ’]\d{{3}})+|\d+)(?:[.,]\d*)?"
    rf"{_BLANK}?(?:{_CURRENCY}|[%‰*])?"
)
_IS_NUMBER = re.compile(rf"{POINT}|{COMMA}|{INFINITE}", re.ASCII)


def is_number(text: str) -> bool:
    """Returns True for a number with a decimal point or a decimal comma, without currency or percent signs."""
    return len(text) <= MAX_TEXT and bool(_IS_NUMBER.fullmatch(text.replace("\u2212", "-")))


def matches(texts: pa.Array, pattern: str) -> pa.Array:
    """Returns True where a text as a whole matches a regular expression."""
    return pc.match_substring_regex(texts, rf"^(?:{pattern})$")


def has_any(mask: pa.Array) -> bool:
    """Returns whether a mask is True anywhere."""
    return bool(pc.any(mask).as_py())


def strip_marks(texts: pa.Array) -> tuple[pa.Array, str]:
    """Returns numbers without currency and percent signs and with an ASCII minus, and the signs that were removed."""
    if has_any(pc.match_substring_regex(texts, "[−–]")):
        texts = pc.replace_substring(texts, "\u2212", "-")
        texts = pc.replace_substring_regex(texts, "^–", "-")
    marked = pc.match_substring_regex(texts, rf"[%‰]|{_CURRENCY}")
    if not has_any(marked):
        return texts, ""
    marked = pc.and_(marked, matches(texts, _MARKED))
    symbols = pc.unique(
        pc.replace_substring_regex(texts.filter(marked), r"[\d.,'+\- \x{a0}\x{202f}’]|[eE][+-]?\d+", "")
    )
    percent = {"%", "‰"}.intersection(symbols.to_pylist())
    digits = pc.match_substring_regex(texts, r"\d")
    # numbers with and without a percent sign are of different units, as are numbers in two currencies
    if len(symbols) != 1 or (percent and not pc.all(pc.or_(marked, pc.invert(digits))).as_py()):
        return texts, ""
    stripped = pc.replace_substring_regex(texts, rf"^{_MARKED}$", r"\1\2")
    return pc.if_else(marked, stripped, texts), symbols[0].as_py()


def may_be_numbers(texts: pa.Array) -> bool:
    """Returns False for texts of which none of the first thousand looks like a number."""
    start = texts.slice(0, _SAMPLE)
    return has_any(matches(strip_marks(start)[0], rf"{LIKE_NUMBER}|{INFINITE}")) or has_any(
        is_missing(start, among_numbers=True)
    )


def is_missing(texts: pa.Array, *, among_numbers: bool = False) -> pa.Array:
    """Returns True where a text, in lower case, is a spelling of a missing value, in any column or among numbers."""
    short = pc.less_equal(pc.binary_length(texts), _LONGEST_SPELLING)
    if len(texts) > _SAMPLE:  # so that long texts are not copied
        texts = pc.if_else(short, texts, "x")
    return pc.is_in(pc.utf8_lower(texts), _NUMBER_MISSING if among_numbers else _MISSING)


def to_numbers(texts: pa.Array, matching: pa.Array, decimal: str) -> np.ndarray:
    """Returns the float64 of each text, NaN where it does not match."""
    texts = pc.if_else(matching, texts, pa.scalar(None, texts.type))
    group = "." if decimal == "," else ","
    groups = rf"[{group} \x{{a0}}\x{{202f}}'’]"
    if has_any(pc.match_substring_regex(texts, groups)):
        texts = pc.replace_substring_regex(texts, groups, "")
    if decimal == ",":
        texts = pc.replace_substring(texts, ",", ".")
    texts = pc.replace_substring_regex(texts, r"^\+", "")
    return pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
