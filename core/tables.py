"""A visitor's table: the bytes of a file -> typed columns -> inputs and targets. Cells are never evaluated.

`read_table` recognizes the format, encoding, delimiter, lines above the table, header and decimal sign; each can be
given instead. `prepare` makes inputs and targets of the columns. The parts are in `core.data`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .data import dialect as dialects
from .data import margins, workbooks
from .data.columns import MAX_CATEGORIES, Column, ColumnReadings, gather_evidence, read_column
from .data.dialect import BLANKS, DELIMITER_NAMES, DELIMITERS
from .data.messages import count, join_first, shorten, table_error
from .data.obstacles import Fix, Obstacle
from .data.preparation import find_missing_rows, find_obstacles, prepare
from .data.prepared import Prepared
from .data.records import Cells, refuse_overlong, split_cells
from .data.selection import MAX_NUMBER, MAX_VALUES
from .data.spellings import MAX_TEXT, is_number
from .data.text import ENCODINGS, read_text
from .errors import ConfigError

__all__ = [
    "BLANKS", "DELIMITERS", "DELIMITER_NAMES", "ENCODINGS", "MAX_BYTES", "MAX_CATEGORIES", "MAX_COLUMNS", "MAX_NUMBER",
    "MAX_TEXT", "MAX_VALUES", "Column", "Fix", "Obstacle", "Prepared", "Table", "find_missing_rows", "find_obstacles",
    "prepare", "read_table",
]  # fmt: skip

MAX_BYTES = 120_000_000  # a table of 100 MB; MNIST as CSV has 110 MB
MAX_COLUMNS = 5_000
CELL_BYTES = 2  # of text at least: a workbook or a Parquet file packs more cells into a byte, and may not have more
UNPACKING = 4  # times the allowed bytes that a workbook or a Parquet file may have unpacked

# Names that R and pandas give to a column of row numbers.
_COUNTER_NAMES = frozenset({"", "unnamed: 0", "rownames", "row.names", "...1"})


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """A table and how it was read.

    Attributes:
        name: the file's name.
        columns: typed columns.
        rows: number of rows.
        delimiter: "comma", "semicolon", "tab", "vertical bar", "blanks"; "" for a workbook or Parquet file.
        encoding: of the text; "xlsx" or "parquet" for those formats.
        header_lines: records at the top that name the columns: 0, 1 or 2.
        decimal: the decimal sign of most columns.
        skip_lines: lines above the table that were skipped.
        skip_footer: lines below the table that were skipped, blank ones aside.
        sheet, sheets: the sheet that was read, and all sheets of the workbook.
        lines: (rows,) the line of the file on which each row begins, counted from 1 as an editor does.
        notes: sentences about what was recognized or changed.
    """

    name: str
    columns: tuple[Column, ...]
    rows: int
    delimiter: str
    encoding: str
    header_lines: int
    decimal: str
    skip_lines: int
    skip_footer: int
    sheet: str
    sheets: tuple[str, ...]
    lines: np.ndarray
    notes: tuple[str, ...]

    @property
    def header(self) -> bool:
        """True when the file names the columns."""
        return self.header_lines > 0

    @property
    def missing_rows(self) -> tuple[int, ...]:
        """Lines of the rows that lack a value; columns that are empty throughout do not count."""
        masks = [column.missing for column in self.columns if column.kind != "empty"]
        return tuple(self.lines[np.any(masks, axis=0)].tolist()) if masks else ()

    @property
    def default_target(self) -> str:
        """The last column that can be a target."""
        names = [column.name for column in self.columns if column.kind != "empty" and not column.counts]
        return names[-1] if names else self.columns[-1].name

    def to_frame(self) -> pd.DataFrame:
        """Returns the table as read, numbers as numbers."""
        return pd.DataFrame({column.name: column.values for column in self.columns})

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        return sum(column.nbytes for column in self.columns) + self.lines.nbytes


def read_table(
    raw: bytes,
    name: str = "",
    *,
    header: bool | None = None,
    header_lines: int | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    day_first: bool | None = None,
    skip_lines: int | None = None,
    skip_footer: int | None = None,
    sheet: str | None = None,
    max_bytes: int = MAX_BYTES,
    max_rows: int | None = None,
    max_columns: int = MAX_COLUMNS,
) -> Table:
    """Reads a CSV, TSV, text, gzip, Excel (.xlsx) or Parquet file.

    Args:
        raw: the file.
        name: the file's name in messages; the contents decide the format.
        header: True if the first record names the columns; this and the next eight are recognized when None.
        header_lines: 2 if the first two records name the columns together, 1 if the first does.
        delimiter: a key of DELIMITER_NAMES.
        encoding: a key of ENCODINGS.
        decimal: "." or ",".
        day_first: True if 1/2/2026 is the first of February, where dates leave that open.
        skip_lines: lines above the table.
        skip_footer: lines below the table, blank ones aside.
        sheet: of a workbook.
        max_bytes, max_rows, max_columns: limits; max_bytes also holds for the unpacked file, four times as many for a
            workbook or Parquet file, whose cells are at most as many as a text of max_bytes could have.

    Raises:
        ConfigError: empty, only a header, not text, one column, ragged, equal column names, or beyond a limit.
    """
    _check_choices(header, header_lines, delimiter, decimal, day_first)
    _check_lines(skip_lines=skip_lines, skip_footer=skip_footer)
    if len(raw) > max_bytes:
        raise table_error(name, f"it has {len(raw):,} bytes; at most {max_bytes:,} are read")
    attributes: dict[str, Any] = {"delimiter": "", "skip_lines": 0, "skip_footer": 0, "sheet": "", "sheets": ()}
    titles: tuple[str, ...] | None = None
    unpacked = UNPACKING * max_bytes, max_bytes // CELL_BYTES
    if workbooks.is_workbook(raw):
        cells, title, titles_of_sheets = workbooks.read_workbook(raw, name, sheet, *unpacked)
        attributes |= {"encoding": "xlsx", "sheet": title, "sheets": titles_of_sheets}
    elif raw.startswith(b"PAR1"):
        cells, titles = workbooks.read_parquet(raw, name, *unpacked)
        attributes["encoding"] = "parquet"
    else:
        text, attributes["encoding"] = read_text(raw, name, encoding, max_bytes)
        if not text.strip():
            raise table_error(name, "it is empty")
        dialects.check_kind(text, name)
        dialect = dialects.detect(text, name, delimiter, skip_lines)
        _check_width(dialect.width, max_columns, name)
        cells = split_cells(text, dialect, name)
        attributes |= {"delimiter": DELIMITER_NAMES[dialect.delimiter], "skip_lines": dialect.skip_lines}
    _check_width(len(cells.columns), max_columns, name)
    if len(cells.columns) < 2:
        raise table_error(name, "it is a single column; a table needs a target and at least one input")
    notes: list[str] = []
    if titles is None:
        if header is not False:
            cells, notes = margins.drop_rule(cells)
        cells, footer = margins.split_footer(cells, skip_footer)
        refuse_overlong(cells, name)
        notes += margins.describe_footer(footer)
        attributes["skip_footer"] = len(footer.lines)
        del footer

    def type_columns(part: Cells) -> tuple[list[Column], str]:
        return _type_columns(part.columns, decimal, day_first, attributes["delimiter"])

    body = _read_columns(cells, titles, header, header_lines, type_columns)
    del cells
    lines = body.lines.astype(np.int32, copy=False)
    if not len(lines):
        raise table_error(name, "it has a header and no rows below it" if body.header_lines else "it has no rows")
    if max_rows is not None and len(lines) > max_rows:
        raise table_error(name, f"it has more than {max_rows:,} rows")
    columns, unnamed = _name_columns(body.columns, body.heads, body.header_lines > 0, name)
    return Table(
        name=name,
        columns=tuple(columns),
        rows=len(lines),
        header_lines=body.header_lines,
        decimal=body.sign,
        lines=lines,
        notes=(*_describe(attributes, columns, body.sign), *notes, *body.notes, *unnamed),
        **attributes,
    )


def _check_choices(header: object, header_lines: object, delimiter: object, decimal: object, day_first: object) -> None:
    for field, value, allowed in (
        ("header", header, (None, True, False)),
        ("header_lines", header_lines, (None, 1, 2)),
        ("delimiter", delimiter, (None, *DELIMITER_NAMES)),
        ("decimal", decimal, (None, ".", ",")),
        ("day_first", day_first, (None, True, False)),
    ):
        if value not in allowed:
            raise ConfigError(field, value, "it must be one of " + ", ".join(repr(choice) for choice in allowed))


def _check_lines(**numbers: int | None) -> None:
    for field, number in numbers.items():
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
            raise ConfigError(field, number, "it must be a whole number of at least 0")


def _check_width(width: int, max_columns: int, name: str) -> None:
    if width > max_columns:
        raise table_error(name, f"it has {width:,} columns; at most {max_columns:,} are read")


@dataclass(frozen=True, eq=False)
class _Body:
    """Columns, the decimal sign of most, the names above them, and the line of each row."""

    columns: list[Column]
    sign: str
    heads: Sequence[str]
    header_lines: int
    lines: np.ndarray
    notes: Sequence[str] = ()


def _read_columns(
    cells: Cells,
    titles: Sequence[str] | None,
    header: bool | None,
    header_lines: int | None,
    type_columns: Callable[[Cells], tuple[list[Column], str]],
) -> _Body:
    """Divides the names of the columns from the rows below them."""
    if titles is not None:
        return _Body(*type_columns(cells), titles, 1, cells.lines)
    records = len(cells.lines)
    heads = [column[0].as_py() for column in cells.columns] if records else [""] * len(cells.columns)
    if header is None and header_lines is None and margins.has_second_line(cells):
        header_lines = 2
    header = header if header_lines is None else True
    if header_lines == 2 and records > 1:
        below = cells.slice(2, records)
        names = margins.join_names(heads, [column[1].as_py() for column in cells.columns])
        note = f"The columns are named by two lines, {', '.join(map(str, cells.lines[:2]))}."
        return _Body(*type_columns(below), names, 2, below.lines, [note])
    if header is not False and records:
        repeats = margins.find_repeats(cells) if not all(map(is_number, heads)) else np.empty(0, int)
        if len(repeats):
            below = cells.drop(np.append(repeats, 0))
            columns, sign = type_columns(below)
            if header or (dialects.has_header(heads, columns) and any(column.is_numbers for column in columns)):
                notes = margins.describe_repeats(cells.lines[repeats])
                return _Body(columns=columns, sign=sign, heads=heads, header_lines=1, lines=below.lines, notes=notes)
        below = cells.slice(1, records)
        columns, sign = type_columns(below)
        if header or dialects.has_header(heads, columns):
            return _Body(columns=columns, sign=sign, heads=heads, header_lines=1, lines=below.lines)
    return _Body(*type_columns(cells), [""] * len(heads), 0, cells.lines)


def _type_columns(
    cells: Sequence[pa.Array], decimal: str | None, day_first: bool | None, delimiter: str
) -> tuple[list[Column], str]:
    evidence = [gather_evidence(column) for column in cells]
    sign = decimal or _decimal_sign(evidence)
    columns = []
    for column, found in zip(cells, evidence, strict=True):
        own, unclear = (decimal, None) if decimal else _resolve(found, evidence, sign, delimiter)
        columns.append(read_column("", column, own, unclear, day_first=day_first))
    return columns, sign


def _decides(evidence: Sequence[ColumnReadings | None]) -> tuple[bool, bool]:
    """Returns if some column allows only a decimal point, and if some column allows only a decimal comma."""
    known = [found for found in evidence if found is not None]
    return any(e.point and not e.comma for e in known), any(e.comma and not e.point for e in known)


def _decimal_sign(evidence: Sequence[ColumnReadings | None]) -> str:
    points, commas = _decides(evidence)
    return "," if commas and not points else "."


def _resolve(
    found: ColumnReadings | None, evidence: Sequence[ColumnReadings | None], sign: str, delimiter: str
) -> tuple[str, str | None]:
    """Returns the decimal sign of a column, and a cell that could be read both ways if nothing in the file decides.

    Between commas, "1,500" in quotation marks is 1500 and 1.500 is 1.5. Where semicolons divide the cells, the comma
    may well be the decimal sign, so that both are unclear; elsewhere a point is decimal, and a comma unclear.
    """
    if found is None:
        return sign, None
    if found.point != found.comma:
        return ("." if found.point else ","), None
    points, commas = _decides(evidence)
    if found.either is None or found.point or points != commas:
        return sign, None
    doubtful = delimiter == "semicolon" or (delimiter not in ("comma", "") and "," in found.either)
    return sign, found.either if doubtful or (points and commas) else None


def _name_columns(
    columns: Sequence[Column], heads: Sequence[str], header: bool, name: str
) -> tuple[list[Column], list[str]]:
    """Returns the columns with their names, without unnamed empty ones, and notes about those that were left out."""
    named: list[Column] = []
    seen: set[str] = set()
    empty = 0
    for number, (column, head) in enumerate(zip(columns, heads, strict=True), 1):
        head = " ".join(head.split())
        if len(head) > MAX_TEXT:
            raise table_error(name, f"the name of its column {number} is longer than {MAX_TEXT} characters")
        if not head and column.kind == "empty":
            empty += 1
            continue
        counts = number == 1 and header and head.lower() in _COUNTER_NAMES and _counts(column)
        head = head or f"column {number}"
        if head in seen:
            raise table_error(
                name, f"two of its columns are named {shorten(head)}; every column needs a name of its own"
            )
        seen.add(head)
        named.append(replace(column, name=head, counts=counts))
    if len(named) < 2:
        raise table_error(name, "fewer than two of its columns have values; a table needs a target and an input")
    return named, [f"{count(empty, 'unnamed empty column')} left out."] if empty else []


def _counts(column: Column) -> bool:
    """Returns True for the numbers 0, 1, 2, ... or 1, 2, 3, ..., at least two of them."""
    if column.kind != "numeric" or len(column.data) < 2 or column.distinct < len(column.data):
        return False
    first = column.data[0]
    return first in (0, 1) and np.array_equal(column.data, np.arange(len(column.data)) + first)


def _describe(found: dict, columns: Sequence[Column], sign: str) -> list[str]:
    notes = []
    if found["skip_lines"]:
        notes.append(f"{count(found['skip_lines'], 'line')} above the table skipped.")
    if sign == ",":
        notes.append("Numbers are read with a decimal comma.")
    for marks in sorted({column.marks for column in columns if column.marks}):
        names = join_first([shorten(column.name) for column in columns if column.marks == marks])
        notes.append(f"The sign {marks} is removed from the numbers of {names}.")
    return notes
