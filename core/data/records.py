"""Text as the cells of a table, column by column, and the line of the file on which each row begins.

Arrow's reader divides a file of 100 MB in a second and passes over it block by block. It neither completes short rows
nor counts lines within quotation marks, so files that have either are read again with Python's csv module.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ..errors import ConfigError
from .dialect import BLANKS, Dialect, line_of_open_quote, split_blanks
from .messages import table_error
from .spellings import is_number

_BLOCK_BYTES = 1 << 22
_BLOCK_CELLS = 500_000
_FREE_CELLS = 10_000  # cells that a file may have beside one for each of its bytes
_END = "\x1fend\x1f"  # a last record of our own: an open quotation mark swallows it


@dataclass(frozen=True, eq=False, kw_only=True)
class Cells:
    """Cells as text, without blanks around them: one Arrow array a column; and the line of each row, from 1.

    A row of words with too many cells, as notes below a table may have, is one cell; `overlong` is (line, cells) of
    the first.
    """

    columns: list[pa.Array]
    lines: np.ndarray
    overlong: tuple[int, int] | None = None

    def slice(self, start: int, rows: int) -> Cells:
        """Returns some rows."""
        columns = [column.slice(start, rows) for column in self.columns]
        return Cells(columns=columns, lines=self.lines[start : start + rows], overlong=self.overlong)

    def drop(self, rows: np.ndarray) -> Cells:
        """Returns all but some rows, given by their positions."""
        is_kept = np.ones(len(self.lines), bool)
        is_kept[rows] = False
        mask = pa.array(is_kept)
        return Cells(
            columns=[column.filter(mask) for column in self.columns], lines=self.lines[is_kept], overlong=self.overlong
        )


def split_cells(text: bytes, dialect: Dialect, name: str) -> Cells:
    """Divides text into cells; records without content are left out.

    Raises:
        ConfigError: a row with too many cells, an open quotation mark, or far fewer cells than the table needs.
    """
    skipped = _position_of_line(text, dialect.skip_lines)
    body = text[skipped:] if skipped else text
    delimiter = dialect.delimiter
    if delimiter == BLANKS and b'"' not in body:
        body = split_blanks(body)
        delimiter = "\t"
    cells = _split_by_arrow(body, delimiter, dialect) or _split_by_csv(body, delimiter, dialect, name)
    if re.search(rb"[^\S\n]|[^\x00-\x7f]", body):  # Unicode has more blanks than ASCII
        for i, column in enumerate(cells.columns):  # one by one, so that no second copy of all cells exists
            cells.columns[i] = pc.utf8_trim_whitespace(column)
    cells.lines[:] += dialect.skip_lines
    return _without_blank_rows(cells)


def refuse_overlong(cells: Cells, name: str) -> None:
    """Refuses a row with too many cells among the rows of a table.

    Raises:
        ConfigError: with its line.
    """
    if cells.overlong is not None and len(cells.lines) and cells.overlong[0] <= cells.lines[-1]:
        line, number = cells.overlong
        raise _too_many(line, number, len(cells.columns), name)


def _too_many(line: int, number: int, width: int, name: str) -> ConfigError:
    return table_error(name, f"its line {line:,} has {number:,} columns where the first has {width:,}")


def _position_of_line(text: bytes, lines: int) -> int:
    position = 0
    for _ in range(lines):
        position = text.find(b"\n", position) + 1
        if not position:
            return len(text)
    return position


def _split_by_arrow(body: bytes, delimiter: str, dialect: Dialect) -> Cells | None:
    """Returns the cells, or None where Arrow's reading may differ from that of an editor."""
    if body.count(b'"') % 2:
        return None  # Arrow closes an open quotation mark at the end
    if dialect.first_width != dialect.width or re.search(rb'(?:^|[\n%s])[ \t]+"' % re.escape(delimiter.encode()), body):
        return None
    quoted = b'"' in body
    filled, longest = _measure_lines(body)
    if len(filled) * dialect.width > len(body) + _FREE_CELLS:
        return None  # most rows must be short
    names = [f"f{i}" for i in range(dialect.width)]
    options = {
        "read_options": arrow_csv.ReadOptions(
            use_threads=False,
            column_names=names,
            block_size=min(len(body) + 1, max(_BLOCK_BYTES, 2 * longest)),
        ),
        "parse_options": arrow_csv.ParseOptions(
            delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
        ),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
        ),
    }
    try:
        table = arrow_csv.read_csv(pa.BufferReader(body), **options)
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(filled):
        return None
    columns = table.columns
    del table
    for i, column in enumerate(columns):
        columns[i] = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    filled += 1
    return Cells(columns=columns, lines=filled)


def _measure_lines(body: bytes) -> tuple[np.ndarray, int]:
    """Returns the positions of the lines that are not empty, and the length of the longest line."""
    lengths = []
    end = -1
    for start in range(0, len(body), _BLOCK_BYTES):
        newlines = np.flatnonzero(
            np.frombuffer(body, np.uint8, min(_BLOCK_BYTES, len(body) - start), start) == ord("\n")
        )
        if len(newlines):
            lengths.append(np.diff(newlines + start, prepend=end).astype(np.int32) - 1)
            end = int(newlines[-1]) + start
    lengths = np.concatenate([*lengths, [len(body) - end - 1]], dtype=np.int32)
    longest = int(lengths.max())
    if not lengths[-1]:
        lengths = lengths[:-1]
    if lengths.all():
        return np.arange(len(lengths), dtype=np.int32), longest
    return np.flatnonzero(lengths).astype(np.int32), longest


def _split_by_csv(body: bytes, delimiter: str, dialect: Dialect, name: str) -> Cells:
    width = dialect.width
    blocks = []
    lines = array("i")
    rows = []
    allowed = len(body) + _FREE_CELLS
    overlong = None
    for line, cells in _read_records(body, delimiter, dialect, name):
        if len(cells) > width:
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if len(cells) > width:
                found = line + dialect.skip_lines, len(cells)
                if not cells[0].strip() or is_number(cells[0].strip()):
                    raise _too_many(*found, width, name)
                overlong = overlong or found
                cells = [delimiter.join(cells)]
        if len(cells) < width:
            if not lines and dialect.first_width == width - 1:
                cells.insert(0, "")  # R names all columns but that of the row names; see `_align_header`
            cells.extend([""] * (width - len(cells)))
        lines.append(line)
        rows.append(cells)
        if len(lines) * width > allowed:
            reason = (
                f"most of its rows have fewer cells than its {width:,} columns; complete them, or choose the delimiter"
            )
            raise table_error(name, reason)
        if len(rows) * width >= _BLOCK_CELLS:
            blocks.append([pa.array(column, pa.string()) for column in zip(*rows, strict=True)])
            rows = []
    if rows:
        blocks.append([pa.array(column, pa.string()) for column in zip(*rows, strict=True)])
    columns = [pa.concat_arrays(parts) for parts in zip(*blocks, strict=True)]
    if dialect.first_width == width - 1 and len(lines) > 1:
        columns = _align_header(columns)
    return Cells(columns=columns, lines=np.array(lines, dtype=np.int32), overlong=overlong)


def _align_header(columns: list[pa.Array]) -> list[pa.Array]:
    """Moves a header that is one name short to the left where the last column is empty below it."""
    if pc.any(pc.not_equal(pc.utf8_trim_whitespace(columns[-1].slice(1)), "")).as_py():
        return columns
    first = [column[0].as_py() for column in columns]
    moved = [*first[1:], ""]
    return [
        pa.concat_arrays([pa.array([cell], pa.string()), column.slice(1)])
        for cell, column in zip(moved, columns, strict=True)
    ]


def _read_records(body: bytes, delimiter: str, dialect: Dialect, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yields (first line, cells) of each record with content."""
    file = io.TextIOWrapper(io.BytesIO(body), "utf-8", newline="\n")
    ending = [] if body.endswith(b"\n") else ["\n"]
    reader = csv.reader(chain(file, ending, [_END]), delimiter=delimiter, skipinitialspace=True)
    before = 0
    cells = []
    try:
        for cells in reader:
            if len(cells) == 1 and cells[0] == _END:
                return
            if any(cell and not cell.isspace() for cell in cells):
                yield before + 1, cells
            before = reader.line_num
    except csv.Error:
        opened = line_of_open_quote(body, delimiter)
        if opened is None:
            line = before + 1 + dialect.skip_lines
            reason = f"its line {line:,} has a cell of more than {csv.field_size_limit():,} characters"
            raise table_error(name, reason) from None
    opened = line_of_open_quote(body, delimiter) or before
    raise table_error(name, f"a quotation mark opens in its line {opened + dialect.skip_lines:,} and does not close")


def _without_blank_rows(cells: Cells) -> Cells:
    """Leaves out rows all of whose cells are blank."""
    blank = np.ones(len(cells.lines), bool)
    for column in cells.columns:
        blank &= pc.equal(column, "").to_numpy(zero_copy_only=False)
        if not blank.any():
            return cells
    return cells.drop(np.flatnonzero(blank))
