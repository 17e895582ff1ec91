"""Tables for a spreadsheet: text that it would run as a formula becomes plain text."""

from __future__ import annotations

import re

import pandas as pd

# The start of a cell that a spreadsheet takes for a formula; it may divide cells at other marks than the file does.
_FORMULA = re.compile(r"(?:^|(?<=[,;]))(?=[=+\-@＝＋－＠\t\r\n])")


def escape_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Escapes text that a spreadsheet would run as a formula, in cells, column names and index.

    Such a text starts with =, +, -, @, a tab or a line break, or has one of them after a comma or semicolon, and is
    not a number. It gets an apostrophe in front of the mark.
    """
    texts = frame.select_dtypes(exclude=["number", "bool"]).columns
    frame = frame.assign(**{name: frame[name].map(_escape) for name in texts}).rename(columns=_escape)
    return frame if isinstance(frame.index, pd.RangeIndex) else frame.rename(index=_escape)


def _escape(cell: object) -> object:
    if not isinstance(cell, str) or len(cell) < 2 or not _FORMULA.search(cell):
        return cell
    try:
        float(cell)
    except ValueError:
        return _FORMULA.sub("'", cell)
    return cell
