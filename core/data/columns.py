"""A column of a visitor's table: its cells, which are text, as numbers, dates or categories.

Cells are read by Arrow's functions, column by column, whose expressions take time in proportion to the text and do not
hold Python's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .dates import format_days, parse_dates, parse_most_dates
from .spellings import (
    COMMA,
    EITHER,
    INFINITE,
    LIKE_NUMBER,
    MAX_TEXT,
    POINT,
    has_any,
    is_missing,
    matches,
    may_be_numbers,
    strip_marks,
    to_numbers,
)

MAX_CATEGORIES = 50  # different texts in a column of categories, and classes of a target
MAX_WHOLE = 20  # different whole numbers that a target may have and still be taken for class labels
MOSTLY = 0.8  # share of numbers from which a column is one of numbers, and its other cells are slips

_MANY = 50_000  # texts of which a tenth are different


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
            spelled = is_missing(self.data.dictionary)
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
        return sorted(dictionary.filter(pc.invert(is_missing(dictionary))).to_pylist())

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


def gather_evidence(cells: pa.Array) -> ColumnReadings | None:
    """Returns the evidence of a column's cells, None if no cell contains a comma or a point."""
    if not has_any(pc.match_substring_regex(cells, "[.,]")):
        return None
    if pc.max(pc.binary_length(cells)).as_py() > 4 * MAX_TEXT or not may_be_numbers(cells):
        return None
    texts, _ = strip_marks(cells)
    point = matches(texts, POINT)
    comma = matches(texts, COMMA)
    missing = pc.sum(is_missing(texts, among_numbers=True)).as_py()
    if pc.sum(pc.or_(point, comma)).as_py() < MOSTLY * (len(cells) - missing):
        return None
    either = texts.filter(matches(texts, EITHER))
    return ColumnReadings(
        has_any(pc.and_not(point, comma)), has_any(pc.and_not(comma, point)), either[0].as_py() if len(either) else None
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
    missing = is_missing(texts, among_numbers=True)
    if pc.all(missing).as_py():
        lower = is_missing(texts)
        if pc.all(lower).as_py():
            return Column(name=name, kind="empty", data=np.full(len(cells), np.nan, np.float32), distinct=0)
    if pc.max(pc.utf8_length(texts)).as_py() > MAX_TEXT:
        return _read_texts(name, encoded)
    if not may_be_numbers(texts):
        return _read_dates(name, encoded, missing, day_first) or _read_texts(name, encoded)
    unmarked, marks = strip_marks(texts)
    pattern = COMMA if decimal == "," else POINT
    matching = pc.or_(matches(unmarked, pattern), matches(unmarked, INFINITE))
    if pc.all(pc.or_(matching, missing)).as_py() and has_any(matching):
        values = to_numbers(unmarked, matching, decimal)
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
    if len(cells) <= _MANY or may_be_numbers(cells):
        return False
    start = cells.slice(0, _MANY)
    return len(pc.unique(start)) > _MANY / 10 and parse_dates(start, is_missing(start, among_numbers=True)) is None


def _read_whole_numbers(name: str, cells: pa.Array) -> Column | None:
    """Reads a column of plain whole numbers, the most common kind, without looking at each different text."""
    try:
        values = pc.cast(cells, pa.int64())
    except pa.ArrowInvalid:
        return None
    if has_any(pc.match_substring(cells, "x", ignore_case=True)):
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
        values = pc.cast(pc.if_else(empty, None, cells) if has_any(empty) else cells, pa.float64())
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


def _spellings(texts: pa.Array, codes: np.ndarray, missing: pa.Array) -> tuple[tuple[str, int], ...]:
    """Returns how many cells have each spelling of a missing value, the empty cell aside."""
    counts = np.bincount(codes, minlength=len(texts))
    positions = np.flatnonzero(missing.to_numpy(zero_copy_only=False))
    return tuple((texts[i].as_py(), int(counts[i])) for i in positions.tolist() if texts[i].as_py())


def _read_texts(name: str, encoded: pa.DictionaryArray, misfit: int | None = None, is_numbers: bool = False) -> Column:
    texts = encoded.dictionary
    missing = is_missing(texts)
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
    like = pc.or_(matching, matches(texts, LIKE_NUMBER))
    like = pc.or_(like, matches(strip_marks(texts)[0], rf"{POINT}|{COMMA}"))
    like, match, gone = (mask.to_numpy(zero_copy_only=False) for mask in (like, matching, missing))
    counts = np.bincount(codes, minlength=len(texts))
    present = counts[~gone].sum()
    if counts[like & ~gone].sum() < MOSTLY * present:
        return None, False
    others = ~match & ~gone
    if not (like & others).any():
        distinct = int((~gone).sum())
        whole = matches(texts, r"[+-]?\d+").to_numpy(zero_copy_only=False)
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
    unmarked, marks = strip_marks(column.data.dictionary)
    point = to_numbers(unmarked, matches(unmarked, POINT), ".")
    comma = to_numbers(unmarked, matches(unmarked, COMMA), ",")
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
