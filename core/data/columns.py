"""A column of a visitor's table: its cells, which are text, as numbers, dates or categories.

Cells are read by Arrow's functions, column by column, whose expressions take time in proportion to the text and do not
hold Python's lock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .dates import format_days, parse_dates, parse_most_dates

MAX_CATEGORIES = 50  # different texts in a column of categories, and classes of a target
MAX_WHOLE = 20  # different whole numbers that a target may have and still be taken for class labels
MAX_TEXT = 200  # characters of a column name, of a category or of a number
MOSTLY = 0.8  # share of numbers from which a column is one of numbers, and its other cells are slips

# Spellings of a missing value, in lower case: in any column, and only among numbers.
MISSING = frozenset(
    ["", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "(null)", "none", "\\n", "?"]
    + ["#value!", "#div/0!", "#ref!", "#num!", "#name?", "#null!", "1.#qnan", "-1.#ind", "1.#inf"]
)
NUMBER_MISSING = MISSING | {"-", "--", "---", ".", "..", "...", "…", "–", "—", "\u2212", "missing", "unknown"}
_MISSING = pa.array(sorted(MISSING))
_NUMBER_MISSING = pa.array(sorted(NUMBER_MISSING))
_LONGEST_SPELLING = max(len(text.encode()) for text in NUMBER_MISSING)  # bytes
_MANY = 50_000  # texts of which a tenth are different
_SAMPLE = 1000  # texts from which a column without any number is recognized

# Numbers with a decimal point and, as an option, groups of three digits; then the same with a decimal comma.
_GROUPS = r"[1-9]\d{0,2}(?:%s\d{3})+"
_SPACE = "[ \u00a0\u202f'\u2019]"
_POWER = r"(?:[eE][+-]?\d+)?"


def _number(decimal: str, group: str) -> str:
    integer_part = rf"(?:{_GROUPS % group}|{_GROUPS % _SPACE}|\d+)"
    return rf"[+-]?(?:{integer_part}(?:{decimal}\d*)?|{decimal}\d+){_POWER}"


_POINT = _number(r"\.", ",")
_COMMA = _number(",", r"\.")
_INFINITE = r"[+-]?(?i:inf|infinity)"
_EITHER = r"[+-]?[1-9]\d{0,2}[.,]\d{3}"  # 1,500 is 1500 or 1.5
_CURRENCY = "(?:[$€£¥₹₽₩]|US\\$|USD|EUR|GBP|CHF|JPY|CNY|kr|zł)"
_BLANK = "[ \u00a0\u202f]"
_DIGITS = "[\\d.,' \u00a0\u202f\u2019]*"
_MARKED = rf"([+-]?) ?(?:{_CURRENCY}{_BLANK}?)?([+-]?[\d.,]{_DIGITS}?){_BLANK}?(?:{_CURRENCY}|[%‰])?"
# Cells that a reader takes for a number, such as ~70 or $1,000,000.
_LIKE_NUMBER = (
    rf"[~≈]? ?(?:{_CURRENCY} ?)?[+-]?(?:[1-9]\d{{0,2}}(?:[,. '  ’]\d{{3}})+|\d+)(?:[.,]\d*)?"
    rf"{_BLANK}?(?:{_CURRENCY}|[%‰*])?"
)
_IS_NUMBER = re.compile(rf"{_POINT}|{_COMMA}|{_INFINITE}", re.ASCII)


@dataclass(frozen=True, eq=False, kw_only=True)
class Column:
    """One column.

    Attributes:
        name: plain text as the visitor wrote it, to be escaped wherever it is shown.
        kind: "numeric", "date" (days since 1970), "category", "text" (too many or too long for categories), "empty".
        data: (rows,) numbers in the smallest exact dtype, NaN where missing; or a DictionaryArray of texts.
        distinct: number of different values; with `is_more`, there are at least as many.
        misfit: index of the first cell that keeps a column of numbers from being numeric; None otherwise.
        misfit_text: that cell.
        unclear: a cell such as "1,500" when it cannot be known which sign is the decimal one; None otherwise.
        spellings: (text, cells) of missing values that are spelled out, such as ("NA", 13).
        marks: the marks that were removed from numbers, such as "%".
        counts: True for an unnamed first column that counts the rows.
        is_numbers: True when every cell is a number, even one that cannot be read as it stands.
    """

    name: str
    kind: str
    data: Any  # np.ndarray | pa.DictionaryArray, and pyarrow has no types
    distinct: int
    misfit: int | None = None
    misfit_text: str = ""
    unclear: str | None = None
    spellings: tuple[tuple[str, int], ...] = ()
    marks: str = ""
    counts: bool = False
    is_numbers: bool = False
    is_more: bool = False

    @property
    def values(self) -> np.ndarray:
        """(rows,) float64 with NaN where missing, or str with None where missing."""
        if isinstance(self.data, np.ndarray):
            return self.data.astype(np.float64)
        texts = self.data.to_numpy(zero_copy_only=False)
        return np.asarray(np.where(self.missing, None, texts))

    @cached_property
    def missing(self) -> np.ndarray:
        """(rows,) True where there is no value."""
        if not isinstance(self.data, np.ndarray):
            spelled = _is_missing(self.data.dictionary, _MISSING)
            return spelled.to_numpy(zero_copy_only=False)[self.codes]
        return np.isnan(self.data) if self.data.dtype.kind == "f" else np.zeros(len(self.data), bool)

    @property
    def codes(self) -> np.ndarray:
        """(rows,) positions of the cells in the dictionary of a column of texts."""
        return self.data.indices.to_numpy(zero_copy_only=False)

    @property
    def texts(self) -> list[str]:
        """The different texts of a column of texts, in order, without spellings of a missing value."""
        dictionary = self.data.dictionary
        return sorted(dictionary.filter(pc.invert(_is_missing(dictionary, _MISSING))).to_pylist())

    def head(self, rows: int) -> list[Any]:
        """The first values as a reader expects them: dates as dates."""
        if not isinstance(self.data, np.ndarray):
            return self.data.slice(0, rows).to_pylist()
        first = self.data[:rows].astype(np.float64)
        return format_days(first) if self.kind == "date" else first.tolist()

    @property
    def nbytes(self) -> int:
        """Bytes of the data."""
        return self.data.nbytes

    def contains(self, text: str) -> bool:
        """Returns True if a cell of a column of texts is that text."""
        return not isinstance(self.data, np.ndarray) and text in self.data.dictionary.to_pylist()


@dataclass(frozen=True)
class ColumnReadings:
    """Readings of the decimal sign that a column's cells allow: a flag is True if a cell allows only that one."""

    point: bool
    comma: bool
    either: str | None  # a cell that allows both, such as 1,500


def is_number(text: str) -> bool:
    """Returns True for a number with a decimal point or a decimal comma, without currency or percent signs."""
    return len(text) <= MAX_TEXT and bool(_IS_NUMBER.fullmatch(text.replace("\u2212", "-")))


def _matches(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.match_substring_regex(texts, rf"^(?:{pattern})$")


def _any(mask: pa.Array) -> bool:
    return bool(pc.any(mask).as_py())


def _strip_marks(texts: pa.Array) -> tuple[pa.Array, str]:
    """Returns numbers without currency and percent signs and with an ASCII minus, and the signs that were removed."""
    if _any(pc.match_substring_regex(texts, "[−–]")):
        texts = pc.replace_substring(texts, "\u2212", "-")
        texts = pc.replace_substring_regex(texts, "^–", "-")
    marked = pc.match_substring_regex(texts, rf"[%‰]|{_CURRENCY}")
    if not _any(marked):
        return texts, ""
    marked = pc.and_(marked, _matches(texts, _MARKED))
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


def _may_be_numbers(texts: pa.Array) -> bool:
    """Returns False for texts of which none of the first thousand looks like a number."""
    start = texts.slice(0, _SAMPLE)
    return _any(_matches(_strip_marks(start)[0], rf"{_LIKE_NUMBER}|{_INFINITE}")) or _any(
        _is_missing(start, _NUMBER_MISSING)
    )


def _is_missing(texts: pa.Array, spellings: pa.Array) -> pa.Array:
    """Returns True where a text, in lower case, is a spelling of a missing value."""
    short = pc.less_equal(pc.binary_length(texts), _LONGEST_SPELLING)
    if len(texts) > _SAMPLE:  # so that long texts are not copied
        texts = pc.if_else(short, texts, "x")
    return pc.is_in(pc.utf8_lower(texts), spellings)


def gather_evidence(cells: pa.Array) -> ColumnReadings | None:
    """Returns the evidence of a column's cells, None if no cell contains a comma or a point."""
    if not _any(pc.match_substring_regex(cells, "[.,]")):
        return None
    if pc.max(pc.binary_length(cells)).as_py() > 4 * MAX_TEXT or not _may_be_numbers(cells):
        return None
    texts, _ = _strip_marks(cells)
    point = _matches(texts, _POINT)
    comma = _matches(texts, _COMMA)
    missing = pc.sum(_is_missing(texts, _NUMBER_MISSING)).as_py()
    if pc.sum(pc.or_(point, comma)).as_py() < MOSTLY * (len(cells) - missing):
        return None
    either = texts.filter(_matches(texts, _EITHER))
    return ColumnReadings(
        _any(pc.and_not(point, comma)), _any(pc.and_not(comma, point)), either[0].as_py() if len(either) else None
    )


def compact(values: np.ndarray) -> np.ndarray:
    """Returns the numbers in the smallest dtype that holds each of them exactly."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(values).all():
            narrow = values.astype(np.float32)
            return narrow if np.array_equal(narrow, values, equal_nan=True) else values
        for dtype in (np.uint8, np.int16, np.int32, np.float32):
            narrow = values.astype(dtype)
            if np.array_equal(narrow, values) and not np.signbit(values[values == 0]).any():
                return narrow
    return values


def read_column(
    name: str, cells: pa.Array, decimal: str = ".", unclear: str | None = None, *, day_first: bool | None = None
) -> Column:
    """Reads a column.

    Args:
        name: of the column.
        cells: texts without blanks around them.
        decimal: "." or ",".
        unclear: a cell that could be read both ways where nothing in the file decides.
        day_first: the order of day and month where dates leave it open; None to ask.
    """
    if not len(cells):
        return Column(name=name, kind="empty", data=np.empty(0, np.float32), distinct=0)
    plain_numbers = _read_whole_numbers(name, cells) or (decimal == "." and _read_plain_numbers(name, cells, unclear))
    if plain_numbers:
        return plain_numbers
    if _are_many_texts(cells):
        codes = pa.array(np.arange(len(cells), dtype=np.int32))
        data = pa.DictionaryArray.from_arrays(codes, cells)
        return Column(name=name, kind="text", data=data, distinct=MAX_CATEGORIES + 1, is_more=True)
    encoded = cells.dictionary_encode()
    texts = encoded.dictionary
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    missing = _is_missing(texts, _NUMBER_MISSING)
    if pc.all(missing).as_py():
        lower = _is_missing(texts, _MISSING)
        if pc.all(lower).as_py():
            return Column(name=name, kind="empty", data=np.full(len(cells), np.nan, np.float32), distinct=0)
    if pc.max(pc.utf8_length(texts)).as_py() > MAX_TEXT:
        return _read_texts(name, encoded)
    if not _may_be_numbers(texts):
        return _read_dates(name, encoded, missing, day_first) or _read_texts(name, encoded)
    unmarked, marks = _strip_marks(texts)
    pattern = _COMMA if decimal == "," else _POINT
    matching = pc.or_(_matches(unmarked, pattern), _matches(unmarked, _INFINITE))
    if pc.all(pc.or_(matching, missing)).as_py() and _any(matching):
        values = _to_numbers(unmarked, matching, decimal)
        distinct = _count_distinct(values)
        spellings = _spellings(texts, codes, missing)
        return Column(
            name=name,
            kind="numeric",
            data=compact(values[codes]),
            distinct=distinct,
            unclear=unclear,
            spellings=spellings,
            marks=marks,
            is_numbers=True,
        )
    dates = _read_dates(name, encoded, missing, day_first)
    if dates is not None:
        return dates
    misfit, is_numbers = _find_slip(texts, codes, matching, missing)
    return _read_texts(name, encoded, misfit, is_numbers)


def _are_many_texts(cells: pa.Array) -> bool:
    """Returns True for long columns of different texts, which are not worth a table of all of them."""
    if len(cells) <= _MANY or _may_be_numbers(cells):
        return False
    start = cells.slice(0, _MANY)
    return len(pc.unique(start)) > _MANY / 10 and parse_dates(start, _is_missing(start, _NUMBER_MISSING)) is None


def _read_whole_numbers(name: str, cells: pa.Array) -> Column | None:
    """Reads a column of plain whole numbers, the most common kind, without looking at each different text."""
    try:
        values = pc.cast(cells, pa.int64())
    except pa.ArrowInvalid:
        return None
    if _any(pc.match_substring(cells, "x", ignore_case=True)):
        return None  # Arrow reads 0x10 as 16
    ends = pc.min_max(values)
    low = ends["min"].as_py()
    high = ends["max"].as_py()
    for dtype, kind in ((np.uint8, pa.uint8()), (np.int16, pa.int16()), (np.int32, pa.int32())):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            data = pc.cast(values, kind).to_numpy()
            break
    else:
        if max(-low, high) >= 2**53:
            return None
        data = values.to_numpy().astype(np.float64)
    del values
    return Column(name=name, kind="numeric", data=data, distinct=_count_distinct(data), is_numbers=True)


def _read_plain_numbers(name: str, cells: pa.Array, unclear: str | None) -> Column | None:
    """Reads a column of numbers with decimal points and empty cells, in the same way."""
    if pc.max(pc.binary_length(cells)).as_py() > MAX_TEXT:
        return None  # hundreds of digits are a text, and take long to read as a number
    empty = pc.equal(cells, "")
    try:
        values = pc.cast(pc.if_else(empty, None, cells) if _any(empty) else cells, pa.float64())
    except pa.ArrowInvalid:
        return None
    data = values.to_numpy(zero_copy_only=False)
    gaps = int(np.isnan(data).sum())
    if gaps == len(data) or gaps > pc.sum(empty).as_py():
        return None  # no number at all, or a spelling of NaN
    del values, empty
    data = compact(data)
    return Column(
        name=name, kind="numeric", data=data, distinct=_count_distinct(data), unclear=unclear, is_numbers=True
    )


def _count_distinct(numbers: np.ndarray) -> int:
    """Returns the number of different values; sorting takes less memory than hashing."""
    ordered = np.sort(numbers[~np.isnan(numbers)] if numbers.dtype.kind == "f" else numbers)
    return len(ordered) and 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))


def _read_dates(name: str, encoded: pa.DictionaryArray, missing: pa.Array, day_first: bool | None) -> Column | None:
    days = parse_dates(encoded.dictionary, missing, day_first)
    if days is None:
        return None
    values, unclear = days
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    spellings = _spellings(encoded.dictionary, codes, missing)
    distinct = _count_distinct(values)
    return Column(name=name, kind="date", data=values[codes], distinct=distinct, unclear=unclear, spellings=spellings)


def _to_numbers(texts: pa.Array, matching: pa.Array, decimal: str) -> np.ndarray:
    """Returns the float64 of each text, NaN where it does not match."""
    texts = pc.if_else(matching, texts, pa.scalar(None, texts.type))
    group = "." if decimal == "," else ","
    groups = rf"[{group} \x{{a0}}\x{{202f}}'’]"
    if _any(pc.match_substring_regex(texts, groups)):
        texts = pc.replace_substring_regex(texts, groups, "")
    if decimal == ",":
        texts = pc.replace_substring(texts, ",", ".")
    texts = pc.replace_substring_regex(texts, r"^\+", "")
    return pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)


def _spellings(texts: pa.Array, codes: np.ndarray, missing: pa.Array) -> tuple[tuple[str, int], ...]:
    """Returns how many cells have each spelling of a missing value, the empty cell aside."""
    counts = np.bincount(codes, minlength=len(texts))
    positions = np.flatnonzero(missing.to_numpy(zero_copy_only=False))
    return tuple((texts[i].as_py(), int(counts[i])) for i in positions.tolist() if texts[i].as_py())


def _read_texts(name: str, encoded: pa.DictionaryArray, misfit: int | None = None, is_numbers: bool = False) -> Column:
    texts = encoded.dictionary
    missing = _is_missing(texts, _MISSING)
    longest = pc.max(pc.utf8_length(texts)).as_py()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    spellings = _spellings(texts, codes, missing)
    text = texts[int(codes[misfit])].as_py() if misfit is not None else ""
    distinct = len(texts) - pc.sum(missing).as_py()
    kind = "text" if distinct > MAX_CATEGORIES or longest > MAX_TEXT else "category"
    return Column(
        name=name,
        kind=kind,
        data=encoded,
        distinct=distinct,
        misfit=misfit,
        misfit_text=text,
        spellings=spellings,
        is_numbers=is_numbers,
    )


def _find_slip(texts: pa.Array, codes: np.ndarray, matching: pa.Array, missing: pa.Array) -> tuple[int | None, bool]:
    """Returns the first cell that keeps a column of numbers from being numeric, and if all cells are numbers.

    Few whole numbers that recur are names of classes, as in 1, 2, 3, "other"; measurements differ.
    """
    like = pc.or_(matching, _matches(texts, _LIKE_NUMBER))
    like = pc.or_(like, _matches(_strip_marks(texts)[0], rf"{_POINT}|{_COMMA}"))
    like, match, gone = (mask.to_numpy(zero_copy_only=False) for mask in (like, matching, missing))
    counts = np.bincount(codes, minlength=len(texts))
    present = counts[~gone].sum()
    if counts[like & ~gone].sum() < MOSTLY * present:
        return None, False
    others = ~match & ~gone
    if not (like & others).any():
        distinct = int((~gone).sum())
        whole = _matches(texts, r"[+-]?\d+").to_numpy(zero_copy_only=False)
        if distinct <= MAX_WHOLE and 2 * distinct <= present and whole[match & ~gone].all():
            return None, False
    return int(np.flatnonzero(others[codes])[0]), bool((like | gone).all())


def as_category(column: Column) -> Column:
    """Returns a column of numbers or dates as categories, in words (3 rather than 3.0)."""
    values, codes = np.unique(column.values, return_inverse=True)
    texts = ["" if np.isnan(value) else repr(value.item()).removesuffix(".0") for value in values]
    data = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(texts, pa.string()))
    kind = "category" if column.distinct <= MAX_CATEGORIES else "text"
    return Column(
        name=column.name,
        kind=kind,
        data=data,
        distinct=column.distinct,
        spellings=column.spellings,
        counts=column.counts,
    )


def as_numeric(column: Column) -> Column:
    """Returns a column of texts as numbers; a cell that is not a number counts as missing."""
    unmarked, marks = _strip_marks(column.data.dictionary)
    point = _to_numbers(unmarked, _matches(unmarked, _POINT), ".")
    comma = _to_numbers(unmarked, _matches(unmarked, _COMMA), ",")
    values = (point if np.isfinite(point).sum() >= np.isfinite(comma).sum() else comma)[column.codes]
    distinct = _count_distinct(values)
    kind = "numeric" if distinct else "empty"
    return Column(
        name=column.name, kind=kind, data=compact(values), distinct=distinct, spellings=column.spellings, marks=marks
    )


def as_date(column: Column) -> Column | None:
    """Returns a column as dates; other cells count as missing. None without any date."""
    texts = column if not isinstance(column.data, np.ndarray) else as_category(column)
    days = parse_most_dates(texts.data.dictionary)
    if days is None:
        return None
    values = days[texts.codes]
    return Column(
        name=column.name, kind="date", data=values, distinct=_count_distinct(values), spellings=column.spellings
    )
