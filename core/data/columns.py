"""A column of a visitor's table: its cells, which are text, as numbers or as categories."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_CATEGORIES = 50  # different texts in a column of categories, and classes of a target
MAX_WHOLE = 20  # different whole numbers that a target may have and still be taken for class labels
MAX_TEXT = 200  # characters of a column name or of a category
MOSTLY = 0.8  # share of numbers from which a column is one of numbers, and its other cells are slips

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "?"})

# Each repeat is followed by something it cannot match, so that a megabyte of digits is scanned once. A minus may be
# the typographic one, U+2212, that word processors and spreadsheets write.
_SIGN = "[+\\-\u2212]?"
_POWER = f"(?:e{_SIGN}\\d+)?"
_NUMBER = re.compile(rf"{_SIGN}(?:(?:\d+(?:\.\d*)?|\.\d+){_POWER}|inf|infinity)", re.ASCII | re.IGNORECASE)
_COMMA_NUMBER = re.compile(rf"{_SIGN}(?:\d+(?:,\d*)?|,\d+){_POWER}", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(rf"{_SIGN}\d+", re.ASCII)
_THOUSANDS = re.compile(rf"{_SIGN}[1-9]\d{{0,2}},\d{{3}}", re.ASCII)  # or three decimals: nobody can tell
# What a reader takes for a number and nothing here reads as one: ~70, 10 %, $5, 1,000,000, 1 000.
_WRITTEN = re.compile(
    rf"[~≈]? ?{_SIGN}[$€£¥]? ?"
    r"(?:[1-9]\d{0,2}(?:[ ,.'\u2019\u00a0\u202f]\d{3})+|\d+)(?:[.,]\d*)?"
    r"[ \u00a0\u202f]?[%‰$€£¥]?",
    re.ASCII,
)


@dataclass(frozen=True, eq=False)
class Column:
    """One column.

    Attributes:
        name: plain text as the visitor wrote it, to be escaped wherever it is shown.
        kind: "numeric", "category", "text" (too many or too long to be categories), or "empty".
        values: (rows,) float64 with NaN where missing, or str with None where missing.
        missing: (rows,) True where there is no value.
        distinct: different values.
        misfit: row, counted from 1, of the first cell that keeps a column of numbers from being numeric; None where
            the column is numeric or not one of numbers.
    """

    name: str
    kind: str
    values: np.ndarray
    missing: np.ndarray
    distinct: int
    misfit: int | None = None


def present(cells: Sequence[str]) -> list[str]:
    """The cells that hold something, without the spaces around it."""
    return [text for cell in cells if (text := cell.strip()).lower() not in MISSING]


def is_number(text: str) -> bool:
    """Whether a text can be read as a number, with a decimal point or a decimal comma."""
    return bool(_NUMBER.fullmatch(text) or _COMMA_NUMBER.fullmatch(text))


def number_like(text: str) -> bool:
    """Whether somebody takes a text for a number, however it is written."""
    return is_number(text) or bool(_WRITTEN.fullmatch(text))


def _pattern(texts: Sequence[str], decimal_comma: bool) -> re.Pattern:
    """How most numbers of a column are written: with a decimal point or with a decimal comma.

    Commas that could all part thousands are not taken for decimal ones, unless `decimal_comma` says that they are.
    """
    points, commas = (sum(bool(pattern.fullmatch(text)) for text in texts) for pattern in (_NUMBER, _COMMA_NUMBER))
    decimals = [text for text in texts if "," in text and _COMMA_NUMBER.fullmatch(text)]
    if commas > points and (decimal_comma or not all(map(_THOUSANDS.fullmatch, decimals))):
        return _COMMA_NUMBER
    return _NUMBER


def _holds_numbers(texts: Sequence[str], others: Sequence[str]) -> bool:
    """Whether a column with `others` among its cells is one of numbers all the same, so that the others are slips."""
    if sum(map(number_like, texts)) < MOSTLY * len(texts):
        return False
    if any(map(number_like, others)):
        return True  # no name of a class looks like "~70", "10 %" or a decimal comma among points
    # Few whole numbers that come again and again are names of classes, as in 1, 2, 3, "other"; measurements differ.
    distinct = len(set(texts))
    few = distinct <= MAX_WHOLE and 2 * distinct <= len(texts)
    return not (few and all(_WHOLE.fullmatch(text) for text in texts if number_like(text)))


def typed(name: str, cells: Sequence[str], decimal_comma: bool) -> Column:
    """A column from its cells.

    Args:
        name: of the column.
        cells: texts as they stand in the file.
        decimal_comma: whether a comma is certainly decimal, though it could part thousands.
    """
    texts = [cell.strip() for cell in cells]
    missing = np.array([text.lower() in MISSING for text in texts], dtype=bool)
    found = [text for text, gone in zip(texts, missing, strict=True) if not gone]
    pattern = _pattern(found, decimal_comma)
    others = [text for text in found if not pattern.fullmatch(text)]
    if not others:
        values = np.full(len(texts), np.nan)
        values[~missing] = [float(text.replace("\u2212", "-").replace(",", ".")) for text in found]
        distinct = len(np.unique(values[~missing]))
        return Column(name, "numeric" if found else "empty", values, missing, distinct)
    values = np.array([None if gone else text for text, gone in zip(texts, missing, strict=True)], dtype=object)
    distinct = len(set(found))
    kind = "text" if distinct > MAX_CATEGORIES or max(map(len, found)) > MAX_TEXT else "category"
    misfit = texts.index(others[0]) + 1 if _holds_numbers(found, others) else None
    return Column(name, kind, values, missing, distinct, misfit)
