"""The surroundings of a table's rows: a second line of names, names that recur below, and notes after the last row."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .messages import count, join_first
from .records import Cells
from .spellings import NUMBER_MISSING, is_number

_MAX_FOOTER_ROWS = 40
_SAMPLE_ROWS = 200  # above a footer, by which its cells are compared
_FULL = 0.9  # share of those rows that have a last cell
_RULE = re.compile(r":?[-=+]{3,}:?")
_LABEL = re.compile(r"\d{1,4}")  # a number that may be a name, such as a year
_VALUE = re.compile(r"[+\-\u2212]?[.,]?\d")  # the start of a number or a date


def split_footer(cells: Cells, rows: int | None) -> tuple[Cells, Cells]:
    """Divides the cells into a table and the notes below it, such as a source.

    Notes fill at most half of the cells, from the left, and begin with words where the column above has numbers or
    dates, or stand alone in their line after a blank one.

    Args:
        cells: of the file.
        rows: of the footer; None to recognize them.
    """
    total = len(cells.lines)
    if rows is None:
        rows = _count_footer(cells)
    rows = min(rows, total)
    return cells.slice(0, total - rows), cells.slice(total - rows, rows)


def _count_footer(cells: Cells) -> int:
    width = len(cells.columns)
    total = len(cells.lines)
    first = max(total - _MAX_FOOTER_ROWS, 2)
    if width < 2 or total <= first:
        return 0
    tail = list(zip(*(column.slice(first).to_pylist() for column in cells.columns), strict=True))
    start = total
    while start > first and _is_short(tail[start - 1 - first]):
        start -= 1
    if start in (first, total):
        return 0
    sample = slice(max(start - _SAMPLE_ROWS, 2 if start > 3 else 1), start)
    if start > 2 and np.mean([bool(text) for text in _texts(cells.columns[-1], sample)]) < _FULL:
        return 0
    above = [text for text in _texts(cells.columns[0], sample) if text.lower() not in NUMBER_MISSING]
    if above and all(map(_VALUE.match, above)):
        begins = [not _VALUE.match(row[0]) for row in tail[start - first :]]
    else:
        rows = tail[start - 1 - first :]
        gaps = np.diff(cells.lines[start - 1 :]) - 1
        begins = [
            gap > sum(text.count("\n") for text in before) and not any(row[1:])
            for gap, before, row in zip(gaps, rows, rows[1:], strict=False)
        ]
    return total - start - begins.index(True) if any(begins) else 0


def _texts(column: pa.Array, rows: slice) -> list[str]:
    return column.slice(rows.start, rows.stop - rows.start).to_pylist()


def _is_short(row: Sequence[str]) -> bool:
    """Returns True for a row whose first cell is filled, and at most half of all."""
    return bool(row[0]) and not row[-1] and sum(map(bool, row)) <= (len(row) + 1) // 2


def drop_rule(cells: Cells) -> tuple[Cells, list[str]]:
    """Leaves out a line of dashes below the names, as Markdown and databases write it; returns a note about it, too."""
    if len(cells.lines) < 3:
        return cells, []
    texts = [column[1].as_py() for column in cells.columns]
    if not all(_RULE.fullmatch(text) for text in texts if text):
        return cells, []
    return cells.drop(np.array([1])), [f"Line {cells.lines[1]:,}, which draws a rule, left out."]


def has_second_line(cells: Cells) -> bool:
    """Decides if the second record is no row but units or names, too: at least two words above numbers, no number.

    One that is equal to the first is a repeat of the names.
    """
    if len(cells.lines) < 4:
        return False
    second, third = ([column[row].as_py() for column in cells.columns] for row in (1, 2))
    if any(map(_VALUE.match, second)):
        return False
    first = [column[0].as_py() for column in cells.columns]
    if first == second:
        return False
    if any(is_number(name) and not _LABEL.fullmatch(name) for name in first):
        return False
    above = [name for name, value in zip(second, third, strict=True) if is_number(value)]
    if not all(name.lower() not in NUMBER_MISSING for name in above if name):
        return False
    return sum(map(bool, above)) >= 2


def join_names(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """Returns the names of two lines as one: "2019", "" above "in", "out" are "2019 in", "2019 out"."""
    names = []
    last = ""
    for above, below in zip(upper, lower, strict=True):
        last = above or (last if below else "")
        names.append(" ".join(filter(None, (last, below))))
    return names


def find_repeats(cells: Cells) -> np.ndarray:
    """Returns the positions of later records that are equal to the first, as where several files were joined."""
    same = np.ones(len(cells.lines), bool)
    same[:1] = False
    for column in cells.columns:
        same &= pc.equal(column, column[0]).to_numpy(zero_copy_only=False)
        if not same.any():
            break
    return np.flatnonzero(same)


def describe_footer(footer: Cells) -> list[str]:
    """Returns a note about the lines below a table."""
    number = len(footer.lines)
    return [f"{count(number, 'line')} below the table skipped, from line {footer.lines[0]:,} on."] if number else []


def describe_repeats(lines: Sequence[int]) -> list[str]:
    """Returns a note about lines that repeat the names."""
    if not len(lines):
        return []
    where = f"{'lines' if len(lines) > 1 else 'line'} {join_first(lines)}"
    return [f"{count(len(lines), 'line')} that repeat{'s' if len(lines) == 1 else ''} the names left out ({where})."]
