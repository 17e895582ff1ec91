"""A visitor's table: CSV bytes -> typed columns -> inputs and targets. Cells are text and are never evaluated."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from .data.columns import (
    MAX_CATEGORIES,
    MAX_TEXT,
    MAX_WHOLE,
    Column,
    is_number,
    number_like,
    present,
    typed,
)
from .data.datasets import TASKS, fit_standardizer, one_hot
from .errors import ConfigError

MAX_BYTES = 5_000_000
MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_NUMBER = 1e100  # larger ones would overflow when squared
MAX_VALUES = 10_000_000  # numbers in inputs and targets together; one-hot columns multiply them

DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "vertical bar", ",": "comma"}  # on a tie the first one wins

# Files that are often taken for tables; all are refused by their first bytes, before anything is unpacked or decoded.
_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF87a": "an image",
    b"GIF89a": "an image",
    b"%PDF-": "a PDF",
    b"PAR1": "a Parquet file",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_SAMPLE = 65_536  # characters, and records, from which the delimiter and the width are told
_RECORDS = 100
_SEP = re.compile(r'"?sep=(.)"?[ \t]*(?=\n|$)', re.IGNORECASE)  # the first line, for Excel: how to divide the others


@dataclass(frozen=True, eq=False)
class Table:
    """What was read, and how: the delimiter, the encoding, and whether the first line names the columns."""

    name: str
    columns: tuple[Column, ...]
    rows: int
    delimiter: str
    encoding: str
    header: bool

    @property
    def missing_rows(self) -> tuple[int, ...]:
        """Rows that lack a value, counted from 1 below the header; columns that are empty throughout do not count."""
        return _numbers(_missing(self.columns, self.rows))

    def to_frame(self) -> pd.DataFrame:
        """The table as read, numbers as numbers."""
        return pd.DataFrame({column.name: column.values for column in self.columns})


@dataclass(frozen=True, eq=False)
class Prepared:
    """What `train(data=(X, D))` takes, and how it came about.

    Attributes:
        X: (samples, inputs), standardized over all rows used.
        D: (samples, outputs) for the task: standardized, 0/1 in one column, or one-hot.
        task: "regression", "two-class" or "multi-class".
        input_names, output_names: one a column; "color = red" for a category.
        dropped_rows: rows left out because a value is missing, counted from 1 below the header.
        notes: sentences that tell a visitor what was done.
    """

    X: np.ndarray
    D: np.ndarray
    task: str
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    dropped_rows: tuple[int, ...]
    notes: tuple[str, ...]


def _refuse(name: str, reason: str) -> ConfigError:
    return ConfigError("data", name or "this table", reason)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _listed(items: Sequence[object], most: int = 10) -> str:
    """ "1, 2, 3", or the first ones and how many more."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(str(item) for item in items[:most]) + more


def _numbers(mask: np.ndarray) -> tuple[int, ...]:
    return tuple((np.flatnonzero(mask) + 1).tolist())


def _missing(columns: Sequence[Column], rows: int) -> np.ndarray:
    return np.any([column.missing for column in columns if column.kind != "empty"] or [np.zeros(rows, bool)], axis=0)


def _decode(raw: bytes, name: str) -> tuple[str, str]:
    """(text, encoding): a byte order mark decides; otherwise UTF-8 if it is that, then Windows, then Latin-1."""
    for signature, kind in _SIGNATURES.items():
        if raw.startswith(signature):
            raise _refuse(name, f"it is {kind}; save the table as CSV and bring that")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "utf-8", "cp1252", "latin-1")[0 if raw.startswith(b"\xef\xbb\xbf") else 1 :]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _CONTROL.search(text):
            raise _refuse(name, "it holds bytes that no text has, so it is not a table; save the table as CSV")
        return text.replace("\r\n", "\n").replace("\r", "\n"), encoding
    raise _refuse(name, "it is marked as UTF-16 but broken; save the table as CSV in UTF-8")


def _records(text: str, delimiter: str) -> list[list[str]]:
    """The first records of the text, blank lines left out."""
    records = list(csv.reader(io.StringIO(text[:_SAMPLE], newline=""), delimiter=delimiter, skipinitialspace=True))
    if len(text) > _SAMPLE:
        records.pop()  # cut off
    return list(islice((record for record in records if "".join(record).strip() or len(record) > 1), _RECORDS))


def _detect(text: str, name: str, max_columns: int, delimiters: Collection[str]) -> str:
    """The delimiter that gives most records as many fields as the first one, which must have at least two."""
    best, agreement = None, 0.0
    for delimiter in delimiters:
        fields = [len(record) for record in _records(text, delimiter)]
        if not fields:
            raise _refuse(name, f"its first {_SAMPLE:,} characters hold no complete line of a table")
        share = fields.count(fields[0]) / len(fields)
        if fields[0] > 1 and share > agreement:
            best, agreement, width = delimiter, share, max(fields)
    if best is None:
        raise _refuse(
            name,
            "its first line is a single column; a table needs a target and at least one input, "
            "separated by commas, semicolons, tabs or vertical bars",
        )
    if width > max_columns:
        raise _refuse(name, f"it has {width:,} columns; at most {max_columns:,} are taken")
    return best


def _without_sep(text: str, name: str) -> tuple[str, Collection[str]]:
    """The text without a first line such as "sep=;", and the delimiters that it may have."""
    line = _SEP.match(text)
    if not line:
        return text, DELIMITERS
    if line[1] not in DELIMITERS:
        known = ", ".join(DELIMITERS.values())
        raise _refuse(name, f"its first line says that {_short(line[1])} divides it; what may divide it is {known}")
    return text[line.end() :], (line[1],)  # the line end stays, so that lines are counted as in the file


def _cells(text: str, delimiter: str, name: str, rows: int) -> list[list[str]]:
    """The columns of the first `rows` records, every cell as text; a short record is filled up with empty cells."""
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=delimiter,
            header=None,
            nrows=rows,
            dtype=object,
            na_filter=False,
            skipinitialspace=True,
            engine="c",
            low_memory=False,
        )
    except pd.errors.ParserError as error:
        lengths = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if lengths:
            expected, line, saw = lengths.groups()
            raise _refuse(name, f"its line {line} has {saw} columns where the first has {expected}") from None
        if "EOF inside string" in str(error):
            raise _refuse(name, "a quotation mark is opened in it and not closed") from None
        raise _refuse(name, "it cannot be read as a table") from None
    return [frame[column].tolist() for column in frame]


def _names_columns(columns: list[list[str]]) -> bool:
    """Whether the first record is a header: no number in it, or a text above a column of numbers."""
    heads = [present(column[:1]) for column in columns]
    texts = [found and not is_number(found[0]) for found in heads]  # "50 %" may well be a name
    if all(text or not found for text, found in zip(texts, heads, strict=True)):
        return True
    for text, column in zip(texts, columns, strict=True):
        below = present(column[1 : _RECORDS + 1]) if text else []
        if below and all(map(number_like, below)):
            return True
    return False


def read_table(
    raw: bytes,
    name: str = "",
    *,
    max_bytes: int = MAX_BYTES,
    max_rows: int = MAX_ROWS,
    max_columns: int = MAX_COLUMNS,
) -> Table:
    """Reads CSV bytes; delimiter, encoding, decimal commas and header are detected.

    Args:
        raw: the file.
        name: what to call it in messages.
        max_bytes, max_rows, max_columns: what is still read.

    Raises:
        ConfigError: empty, only a header, not text, one column, ragged, equal column names, or beyond a limit.
    """
    if len(raw) > max_bytes:
        raise _refuse(name, f"it has {len(raw):,} bytes; at most {max_bytes:,} are taken")
    text, encoding = _decode(raw, name)
    text, delimiters = _without_sep(text, name)
    if not text.strip():
        raise _refuse(name, "it is empty")
    delimiter = _detect(text, name, max_columns, delimiters)
    columns = _cells(text, delimiter, name, max_rows + 2)
    header = _names_columns(columns)
    first = int(header)
    rows = len(columns[0]) - first
    if not rows:
        raise _refuse(name, "it has a header and no rows below it")
    if rows > max_rows:
        raise _refuse(name, f"it has more than {max_rows:,} rows")

    heads = [" ".join(column[0].split()) if header else "" for column in columns]
    heads = [head or f"column {number}" for number, head in enumerate(heads, 1)]
    for number, head in enumerate(heads):
        if len(head) > MAX_TEXT:
            raise _refuse(name, f"the name of its column {number + 1} is longer than {MAX_TEXT} characters")
        if head in heads[:number]:
            raise _refuse(name, f"two of its columns are named {_short(head)}; every column needs a name of its own")
    # Who divides by semicolons does so because the comma is the decimal comma, so that "1,000" is no thousand there.
    found = tuple(typed(head, cells[first:], delimiter == ";") for head, cells in zip(heads, columns, strict=True))
    return Table(name, found, rows, DELIMITERS[delimiter], encoding, header)


def _check_size(column: Column, kept: np.ndarray, name: str) -> None:
    beyond = kept & ~(np.abs(column.values) <= MAX_NUMBER)
    if beyond.any():
        row = int(np.argmax(beyond))
        raise _refuse(
            name,
            f"its column {_short(column.name)} has {column.values[row]:g} in row {row + 1}; "
            f"numbers must be finite and at most {MAX_NUMBER:g} in magnitude",
        )


def _check_cells(column: Column, target: bool, table: str) -> None:
    if column.misfit is not None:
        rest = ", or leave it empty" if target else ", leave it empty, or leave the column out"
        raise _refuse(
            table,
            f"its column {_short(column.name)} holds numbers, but row {column.misfit} holds "
            f"{_short(column.values[column.misfit - 1])}; correct it to a plain number such as 1234.5{rest}",
        )


def _labels(levels: np.ndarray) -> list[str]:
    """Classes and categories in words: 3 rather than 3.0."""
    return [level if isinstance(level, str) else repr(level.item()).removesuffix(".0") for level in levels]


def _levels(column: Column, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(different values in order, which of them each row has)."""
    return np.unique(column.values[kept], return_inverse=True)


def _inferred(column: Column, levels: np.ndarray, rows: int) -> str:
    """The task a target asks for: two values, few different whole numbers or texts, or many numbers."""
    if len(levels) == 2:
        return "two-class"
    if column.kind == "numeric":
        few = len(levels) <= MAX_WHOLE and 2 * len(levels) <= rows
        return "multi-class" if few and (levels == np.round(levels)).all() else "regression"
    return "multi-class"


def _targets(column: Column, kept: np.ndarray, task: str | None) -> tuple[np.ndarray, str, tuple[str, ...], str]:
    """D, the task, the names of the outputs, and a sentence about them."""
    name = column.name
    levels, codes = _levels(column, kept)
    labels = [_short(label) for label in _labels(levels[:MAX_CATEGORIES])]
    if len(levels) == 1:
        raise ConfigError("target", name, f"every row has {labels[0]} there; a target must vary")
    if column.kind == "text":
        raise ConfigError(
            "target",
            name,
            f"it holds {column.distinct:,} different texts such as {labels[0]}; a target is numeric "
            f"or has at most {MAX_CATEGORIES} classes, named in at most {MAX_TEXT} characters",
        )
    chosen = task or _inferred(column, levels, len(codes))
    about, kind = f"the target {_short(name)}", "numbers" if column.kind == "numeric" else "texts"
    if chosen == "regression" and column.kind != "numeric":
        raise ConfigError("task", task, f"{about} holds texts such as {labels[0]}, not numbers")
    if chosen == "two-class" and len(levels) != 2:
        raise ConfigError("task", task, f"{about} has {len(levels):,} different values, not two")
    if chosen == "multi-class" and len(levels) > MAX_CATEGORIES:
        raise ConfigError("task", task, f"{about} has {len(levels):,} different values, above {MAX_CATEGORIES}")
    found = f"T{about[1:]} has {len(levels):,} different {kind}: {chosen}"
    if chosen == "regression":
        values = column.values[kept][:, None]
        size = np.abs(values).max()  # so that no square underflows
        was = f"mean {values.mean():.6g} and standard deviation {(values / size).std() * size:.6g}"
        return fit_standardizer(values)(values), chosen, (name,), f"{found}, standardized from {was}."
    names = tuple(f"{name} = {label}" for label in _labels(levels))
    if chosen == "two-class":
        return codes[:, None].astype(float), chosen, names[1:], f"{found}, {labels[0]} is 0 and {labels[1]} is 1."
    return one_hot(codes, len(levels)), chosen, names, f"{found}, one output each ({_listed(labels)})."


def _inputs(columns: Sequence[Column], kept: np.ndarray, taken: int, table: str):
    """(X before it is standardized, the names of its columns, the names of constant columns, which X leaves out)."""
    blocks, names, constant = [], [], []
    for column in columns:
        if column.kind == "text":
            raise _refuse(
                table,
                f"its column {_short(column.name)} holds {column.distinct:,} different texts such as "
                f"{_short(column.values[kept][0])}; an input is numeric or has at most {MAX_CATEGORIES} categories, "
                f"named in at most {MAX_TEXT} characters, so leave this column out",
            )
        levels, codes = _levels(column, kept)
        if len(levels) == 1:
            constant.append(column.name)
            continue
        numeric = column.kind == "numeric"
        taken += len(codes) * (1 if numeric else len(levels))
        if taken > MAX_VALUES:
            raise _refuse(table, f"it becomes more than {MAX_VALUES:,} numbers; bring fewer rows or categories")
        blocks.append(column.values[kept][:, None] if numeric else one_hot(codes, len(levels)))
        names += [column.name] if numeric else [f"{column.name} = {label}" for label in _labels(levels)]
    if not blocks:
        raise _refuse(table, "no column is left to be an input: all others are constant, empty or left out")
    return np.hstack(blocks), tuple(names), constant


def prepare(
    table: Table, target: str, drop_missing: bool, task: str | None = None, leave_out: Collection[str] = ()
) -> Prepared:
    """Inputs and targets for training, from the rows of a table that lack nothing.

    Numbers are inputs as they are, categories one-hot; then every input is standardized over all rows used.
    Empty and constant input columns are dropped and named.

    Args:
        table: from `read_table`.
        target: the column to learn.
        drop_missing: whether rows with a missing value may be left out; otherwise they are an error.
        task: "regression", "two-class" or "multi-class"; None infers it from the target.
        leave_out: columns that are no inputs, such as a running number.

    Raises:
        ConfigError: a column that cannot be used, named with the reason, missing values, or too few rows.
    """
    every = [column.name for column in table.columns]
    for field, name in [("target", target), *(("leave_out", name) for name in leave_out)]:
        if name not in every:
            raise ConfigError(field, name, "it must be a column of the table: " + _listed([_short(n) for n in every]))
    if target in leave_out:
        raise ConfigError("leave_out", target, "it is the target")
    if task is not None and task not in TASKS:
        raise ConfigError("task", task, "it must be one of " + ", ".join(TASKS) + ", or None to infer it")
    used = [column for column in table.columns if column.kind != "empty" and column.name not in leave_out]
    empty = [column.name for column in table.columns if column.kind == "empty" and column.name not in leave_out]
    if target in empty:
        raise ConfigError("target", target, "the column is empty")

    missing = _missing(used, table.rows)
    dropped, kept, notes = _numbers(missing), ~missing, []
    if dropped:
        where = _listed([_short(column.name) for column in used if column.missing.any()])
        which = f"row{'s' if len(dropped) > 1 else ''} {_listed(dropped)}"
        found = f"{len(dropped):,} of {table.rows:,} rows lack a value in {where} ({which})"
        if not drop_missing:
            raise _refuse(table.name, f"{found}; drop these rows, leave the columns out, or fill the values in")
        notes.append(f"{found}; they are dropped.")
    if kept.sum() < 2:
        raise _refuse(table.name, f"{kept.sum()} of its {table.rows:,} rows are complete; at least 2 are needed")

    for column in used:
        if column.kind == "numeric":
            _check_size(column, kept, table.name)
        elif column.name != target or task in (None, "regression"):  # classes that are asked for may be named anyhow
            _check_cells(column, column.name == target, table.name)
    D, task, output_names, note = _targets(next(column for column in used if column.name == target), kept, task)
    inputs = [column for column in used if column.name != target]
    X, names, constant = _inputs(inputs, kept, D.size, table.name)
    notes.insert(0, note)
    categories = [column.name for column in inputs if column.kind == "category" and column.name not in constant]
    for what, columns in (
        ("Taken as categories", categories),
        ("Dropped because constant", constant),
        ("Dropped because empty", empty),
    ):
        if columns:
            notes.append(f"{what}: {_listed([_short(name) for name in columns])}.")
    counted = f"{len(names):,} input{'s, each' if len(names) > 1 else ','}"
    notes.append(f"{counted} standardized to mean 0 and standard deviation 1 over {len(D):,} rows.")
    return Prepared(fit_standardizer(X)(X), D, task, names, output_names, dropped, tuple(notes))
