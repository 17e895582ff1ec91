"""Excel and Parquet files as the cells of a table. Formulas are never evaluated; their stored values are read."""

from __future__ import annotations

import datetime
import io
import warnings
import zipfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError
from .messages import join_first, shorten, table_error
from .records import Cells

MAX_SHEET_ROWS = 1_048_576  # Excel's own limit; a file may claim more
_BLOCK_ROWS = 2_000


def is_workbook(raw: bytes) -> bool:
    """Returns True for a zip archive that contains an Excel workbook."""
    if not raw.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def read_workbook(
    raw: bytes, name: str, sheet: str | None, max_bytes: int, max_cells: int
) -> tuple[Cells, str, tuple[str, ...]]:
    """Reads a sheet of an Excel workbook.

    Args:
        raw: the file.
        name: the file's name in messages.
        sheet: None for the first sheet with content.
        max_bytes: limit of the unpacked archive.
        max_cells: limit of rows times columns.

    Returns:
        The cells, the sheet's name, and the names of all sheets.

    Raises:
        ConfigError: a broken workbook, an unknown sheet, or a limit that is exceeded.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > max_bytes:
        raise table_error(name, f"it unpacks to {unpacked:,} bytes; at most {max_bytes:,} are read")
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which are not read
            book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
            names = tuple(page.title for page in book.worksheets)
            if sheet is not None and sheet not in names:
                known = join_first([shorten(title) for title in names])
                raise ConfigError("sheet", sheet, f"it must be a sheet of the workbook: {known}")
            chosen = [page for page in book.worksheets if sheet is None or page.title == sheet]
            cells = None
            for page in chosen:
                cells = _read_sheet(page, name, max_cells)
                if len(cells.lines):
                    return cells, page.title, names
    except ConfigError:
        raise
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, IndexError,
            OSError, SyntaxError, AssertionError, NotImplementedError, EOFError) as error:  # fmt: skip
        reason = f"its workbook cannot be read ({type(error).__name__}); save the sheet as CSV and upload that file"
        raise table_error(name, reason) from None
    raise table_error(name, "it is empty")


def _read_sheet(page: Any, name: str, max_cells: int) -> Cells:
    """Reads the rows with content; the line of a row is its number in the sheet."""
    page.reset_dimensions()  # the stored size may claim a million empty columns
    lines = []
    rows = []
    width = 0
    blocks = []
    for number, row in enumerate(page.iter_rows(values_only=True), 1):
        if number > MAX_SHEET_ROWS:
            raise table_error(name, f"its sheet {shorten(page.title)} has more than {MAX_SHEET_ROWS:,} rows")
        cells = [_to_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        width = max(width, len(cells))
        lines.append(number)
        rows.append(cells)
        if len(lines) * width > max_cells:
            raise table_error(name, f"it has more than {max_cells:,} cells")
        if len(rows) == _BLOCK_ROWS:
            blocks.append(_columns(rows, width))
            rows = []
    if rows:
        blocks.append(_columns(rows, width))
    columns = []
    for i in range(width):
        parts = [block[i] if i < len(block) else pa.array([""] * len(block[0]), pa.string()) for block in blocks]
        columns.append(pa.concat_arrays(parts))
    return Cells(columns=columns, lines=np.array(lines, dtype=np.int64))


def _columns(rows: list[list[str]], width: int) -> list[pa.Array]:
    padded = [row + [""] * (width - len(row)) for row in rows]
    return [pa.array(column, pa.string()) for column in zip(*padded, strict=True)]


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(value, datetime.timedelta):
        return repr(value.total_seconds() / 86_400)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value).strip()


def read_parquet(raw: bytes, name: str, max_bytes: int, max_cells: int) -> tuple[Cells, tuple[str, ...]]:
    """Reads a Parquet file; returns its cells and the names of its columns.

    Texts stay in dictionaries until their bytes have been counted: a few bytes can repeat a long one a million times.

    Args:
        raw: the file.
        name: the file's name in messages.
        max_bytes: limit of its unpacked values.
        max_cells: limit of rows times columns.

    Raises:
        ConfigError: a broken file, or one beyond a limit.
    """
    from pyarrow import parquet

    too_large = table_error(name, f"it unpacks to more than {max_bytes:,} bytes")
    try:
        metadata = parquet.read_metadata(pa.BufferReader(raw))
        rows = metadata.num_rows
        width = metadata.num_columns
        if rows * width > max_cells:
            raise table_error(name, f"it has {rows:,} rows of {width:,} columns; at most {max_cells:,} cells are read")
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        if sum(group.column(i).total_uncompressed_size for group in groups for i in range(width)) > max_bytes:
            raise too_large
        leaves = [metadata.schema.column(i) for i in range(width)]
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        file = parquet.ParquetFile(pa.BufferReader(raw), read_dictionary=texts)
        batches = []
        unpacked = 0
        for batch in file.iter_batches(batch_size=10_000):
            batches.append(batch)
            unpacked += sum(map(_unpacked_bytes, batch.columns))
            if unpacked > max_bytes:
                raise too_large
            if sum(len(part) for part in batches) > rows:
                raise table_error(name, "it has more rows than it declares")
        table = pa.Table.from_batches(batches, file.schema_arrow)
    except (pa.ArrowException, OSError) as error:
        reason = f"its Parquet data cannot be read ({type(error).__name__})"
        raise table_error(name, reason) from None
    names = []
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.name.startswith("__index_level_"):  # the index that pandas saves beside the columns
            continue
        names.append(field.name)
        columns.append(_as_text(column))
    lines = np.arange(1, table.num_rows + 1)
    return Cells(columns=columns, lines=lines), tuple(names)


def _unpacked_bytes(values: pa.Array) -> int:
    """Returns the bytes of an array without a dictionary."""
    if not pa.types.is_dictionary(values.type):
        return values.nbytes
    lengths = values.dictionary
    kind = lengths.type
    if not (pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind)):
        return len(values) * 8 + values.dictionary.nbytes
    lengths = pc.fill_null(pc.binary_length(lengths), 0)
    return len(values) * 4 + (pc.sum(lengths.take(values.indices.drop_null())).as_py() or 0)


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = pc.cast(column, kind.value_type)
        kind = column.type
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        texts = pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    elif pa.types.is_floating(kind):
        values = array.to_numpy(zero_copy_only=False).astype(np.float64)
        texts = pa.array([repr(value).removesuffix(".0") for value in values.tolist()], pa.string())
    elif pa.types.is_boolean(kind):
        texts = pc.if_else(array, "True", "False")
    else:
        texts = pc.cast(array, pa.string())
    return pc.utf8_trim_whitespace(pc.fill_null(texts, ""))
