"""Division of a text file into a table: its delimiter, the lines above the table, and its header."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from .columns import Column
from .messages import shorten, table_error
from .spellings import NUMBER_MISSING, is_number

# In a tie the first one wins: text and numbers contain commas more often than semicolons, and hardly ever tabs.
DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "vertical bar", ",": "comma"}
BLANKS = " "
DELIMITER_NAMES = DELIMITERS | {BLANKS: "blanks"}

_SAMPLE_RECORDS = 200
_SAMPLE_BYTES = 2_000_000
_MIN_AGREEMENT = 0.5  # share of the records with equally many cells, above which a delimiter divides them
_MIN_BLANKS_AGREEMENT = 0.8  # words divided by blanks agree by chance more often
_SEP = re.compile(rb'"?sep=(.)"?[ \t]*(?=\n|$)', re.IGNORECASE)  # a first line that tells Excel the delimiter
_COMMENTS = ("#", "%")  # at the start of a line above the table
_WHOLE = re.compile(r"\d{1,4}", re.ASCII)


@dataclass(frozen=True)
class Dialect:
    """Delimiter, cells of a row, lines to skip at the top, and cells of the first record (one fewer in R's files)."""

    delimiter: str
    width: int
    skip_lines: int
    first_width: int


def check_kind(text: bytes, name: str) -> None:
    """Refuses text that is something else than a table."""
    start = text[:2000].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"<svg")):
        raise table_error(name, "it is a web page or XML; save the table as CSV and upload that file")
    if re.search(rb"^@relation\s", start, re.MULTILINE):
        raise table_error(name, "it is an ARFF file; save the table as CSV and upload that file")
    if start.startswith((b"{", b"[")):
        line = text.lstrip().split(b"\n", 1)[0]
        try:
            json.loads(line if len(line) < _SAMPLE_BYTES else b"")
        except (ValueError, RecursionError):
            if not start.startswith((b'{"', b"{\n", b"[{", b"[\n")):
                return
        raise table_error(name, "it is JSON; save the table as CSV and upload that file")


def detect(text: bytes, name: str, delimiter: str | None, skip_lines: int | None) -> Dialect:
    """Recognizes the delimiter that most lines agree on, and the lines above the table.

    Args:
        text: UTF-8.
        name: the file's name in messages.
        delimiter, skip_lines: as chosen; None to recognize them.

    Raises:
        ConfigError: no delimiter divides most lines into equally many cells.
    """
    declared = _SEP.match(text)
    first_line = 0
    if declared:
        first_line = 1
        separator = declared[1].decode("latin-1")
        if delimiter is None and separator not in DELIMITERS:
            known = ", ".join(DELIMITERS.values())
            reason = f"its first line declares the delimiter {shorten(separator)}; the delimiters known are {known}"
            raise table_error(name, reason)
        delimiter = delimiter or separator
    lines = text[:_SAMPLE_BYTES].decode(errors="ignore").split("\n")
    if len(text) > _SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # incomplete
    if skip_lines is not None:
        first_line = skip_lines
    else:
        while first_line < len(lines) and (lines[first_line].startswith(_COMMENTS) or not lines[first_line].strip()):
            first_line += 1
    best = None
    best_agreement = 0.0
    for candidate in [delimiter] if delimiter else [*DELIMITERS, BLANKS]:
        if candidate == BLANKS and best is not None:
            break
        records = _sample_records(lines[first_line:], candidate)
        widths = Counter(len(cells) for _, cells in records if len(cells) > 1)
        if not widths:
            continue
        width, agreeing = widths.most_common(1)[0]
        agreeing += len(records[0][1]) == width - 1 and candidate == BLANKS  # the header of R's files
        agreement = agreeing / len(records)
        needed = 0.0 if delimiter else _MIN_BLANKS_AGREEMENT if candidate == BLANKS else _MIN_AGREEMENT
        if agreement > max(needed, best_agreement):
            best = _locate_header(records, candidate, width, first_line, skip_lines)
            best_agreement = agreement
    if best is None:
        opened = line_of_open_quote(text, delimiter or ",") if text.count(b'"') % 2 else None
        if opened is not None:
            raise table_error(name, f"a quotation mark opens in its line {opened:,} and does not close")
        within = f"divided by {DELIMITER_NAMES[delimiter]}, " if delimiter else ""
        raise table_error(
            name,
            f"{within}most of its lines are a single column or have different numbers of cells; a table needs a target "
            "and at least one input, divided by commas, semicolons, tabs, vertical bars or blanks",
        )
    return best


def line_of_open_quote(body: bytes, delimiter: str) -> int | None:
    """Returns the line of the quotation mark that opens last and does not close."""
    mark = delimiter.encode()
    opened = None
    reopened = None
    closed = -1
    for quote in re.finditer(b'"', body):
        position = quote.start()
        if opened is not None:
            opened, reopened, closed = None, opened, position
        elif closed == position - 1:
            opened = reopened  # a doubled mark within quotation marks
        else:
            before = body[max(0, position - 100) : position].rstrip(b" ")
            if not before or before.endswith((mark, b"\n")):
                opened = position
    return None if opened is None else body.count(b"\n", 0, opened) + 1


def split_blanks(text: bytes) -> bytes:
    """Returns text whose cells are divided by tabs instead of by runs of blanks."""
    return re.sub(rb"[ \t]+", b"\t", re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", text))


def _sample_records(lines: Sequence[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """Returns (lines before it, cells) of the first records with content."""
    if delimiter == BLANKS:
        lines = [re.sub(r"[ \t]+", "\t", line.strip()) for line in lines[: 4 * _SAMPLE_RECORDS]]
        delimiter = "\t"
    reader = csv.reader(io.StringIO("\n".join(lines), newline=""), delimiter=delimiter, skipinitialspace=True)
    records = []
    before = 0
    try:
        for cells in islice(reader, 4 * _SAMPLE_RECORDS):
            if any(cell.strip() for cell in cells):
                records.append((before, cells))
            before = reader.line_num
            if len(records) == _SAMPLE_RECORDS:
                break
    except csv.Error:  # a cell of more than 131,072 characters
        pass
    return records


def _locate_header(
    records: Sequence[tuple[int, list[str]]], delimiter: str, width: int, first_line: int, skip_lines: int | None
) -> Dialect:
    """Returns the dialect whose table starts at the first record of the common width, or at R's header above it."""
    if skip_lines is not None:
        return Dialect(delimiter, width, skip_lines, len(records[0][1]))
    start = next(i for i, (_, cells) in enumerate(records) if len(cells) == width)
    names_are_short = start == 1 and len(records[0][1]) == width - 1 and (width > 2 or delimiter == BLANKS)
    start = 0 if names_are_short or (start and len(records) - start < 2) else start
    before, cells = records[start]
    # blank lines in between are skipped with the lines above them
    return Dialect(delimiter, width, first_line + before if start or first_line else 0, len(cells))


def has_header(first: Sequence[str], columns: Sequence[Column]) -> bool:
    """Decides if the first record names the columns.

    It does if a text stands above a column that is numeric in every row; if all cells are texts of which most do not
    occur again below; or if its numbers are labels, such as consecutive years, above measurements.

    Args:
        first: the cells of the first record.
        columns: the records below it.
    """
    texts = []
    numbers = []
    for position, cell in enumerate(first):
        if cell.lower() in NUMBER_MISSING:
            continue
        (numbers if is_number(cell) else texts).append(position)
    if any(columns[i].is_numbers for i in texts):
        return True
    if not texts and not numbers:
        return False
    recurring = sum(columns[i].contains(first[i]) for i in texts)
    if recurring and 2 * recurring >= len(texts):
        return False
    if not numbers:
        return True
    others = bool(texts) or len(numbers) < len(first)
    return _are_labels([first[i] for i in numbers], [columns[i] for i in numbers], others)


def _are_labels(cells: Sequence[str], columns: Sequence[Column], others: bool) -> bool:
    """Decides if whole numbers in the first record are names: years or a run, unlike the numbers below them."""
    if not all(_WHOLE.fullmatch(cell) for cell in cells) or not all(column.kind == "numeric" for column in columns):
        return False
    labels = [int(cell) for cell in cells]
    steps = {b - a for a, b in zip(labels, labels[1:], strict=False)}
    if len(set(labels)) < len(labels) or (not others and len(labels) < 2):
        return False
    values = [column.values[~column.missing] for column in columns]
    fractions = [bool((part != part.round()).any()) for part in values]
    if all(1000 <= label <= 2999 for label in labels):
        years = any(((part == part.round()) & (part >= 1000) & (part <= 2999)).any() for part in values)
        return (len(labels) < 2 or len(steps) == 1 or others) and (all(fractions) or (others and not years))
    return len(labels) > 2 and steps == {1} and all(fractions)
