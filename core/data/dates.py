"""Dates and times of a column as days since 1970."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

DAY_SECONDS = 86_400
_CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?)?"
_ISO = rf"^\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}$"
_TIME = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?$"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
# A pattern, and the order of its parts; dates with a slash are ambiguous, so both orders are tried.
_NUMERIC = {
    "year first": rf"^\d{{4}}[/.]{_MONTH}[/.]{_DAY}{_CLOCK}$",
    "day first": rf"^{_DAY}[./-]{_MONTH}[./-]\d{{4}}{_CLOCK}$",
    "month first": rf"^{_MONTH}[/-]{_DAY}[/-]\d{{4}}{_CLOCK}$",
}
_MONTHS = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_NAMED = {
    rf"^{_DAY}[ -]{_MONTHS}[ -]\d{{4}}$": "%d %b %Y",
    rf"^{_MONTHS} {_DAY},? \d{{4}}$": "%b %d %Y",
    r"^\d{8}:\d{4}$": "%Y%m%d:%H%M",
}


def parse_dates(texts: pa.Array, missing: pa.Array) -> tuple[np.ndarray, str | None] | None:
    """Reads dates, dates with times, or times.

    Args:
        texts: the different cells of a column.
        missing: True where a text stands for a missing value.

    Returns:
        (days since 1970 or, for times, parts of a day, NaN where missing; a date whose day and month cannot be told
        apart or None), or None for a column that is not of dates.
    """
    present = texts.filter(pc.invert(missing))
    if not len(present):
        return None
    days, unclear = _parse(present)
    if days is None or np.isnan(days).any():
        return None
    values = np.full(len(texts), np.nan)
    values[~missing.to_numpy(zero_copy_only=False)] = days
    return values, unclear


def _all(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _parse(texts: pa.Array) -> tuple[np.ndarray | None, str | None]:
    if _all(texts, _ISO):
        cells = pc.replace_substring(pc.replace_substring(texts, ",", "."), "UTC", "Z")
        return _to_days(cells.to_pylist(), format="ISO8601"), None
    if _all(texts, _TIME):
        parts = [[float(part) for part in text.split(":")] for text in texts.to_pylist()]
        seconds = [sum(part * 60.0 ** (2 - i) for i, part in enumerate(time)) for time in parts]
        days = np.array(seconds) / DAY_SECONDS
        return (days if (days <= 1).all() and all(part[1] < 60 for part in parts) else None), None
    orders = [order for order, pattern in _NUMERIC.items() if _all(texts, pattern)]
    if orders:
        unclear = texts[0].as_py() if len(orders) > 1 else None
        cells = [text.replace("/", "-").replace(".", "-", 2) for text in texts.to_pylist()]
        return _to_days(cells, format="mixed", dayfirst=orders[0] == "day first"), unclear
    for pattern, form in _NAMED.items():
        if _all(texts, pattern):
            cells = [text.replace("-", " ").replace(",", "") for text in texts.to_pylist()]
            return _to_days(cells, format=form), None
    return None, None


def _to_days(cells: list[str], **how) -> np.ndarray:
    stamps = pd.to_datetime(pd.Series(cells, dtype=object), utc=True, errors="coerce", **how)
    seconds = (stamps - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return seconds.to_numpy(float) / DAY_SECONDS


def format_days(days: np.ndarray) -> list[str | None]:
    """Returns days as dates, with the time where there is one; days before the second of 1970 are times."""
    texts: list[str | None] = []
    for day in days.tolist():
        if day != day:
            texts.append(None)
            continue
        stamp = pd.Timestamp(round(day * DAY_SECONDS), unit="s")
        date, time = f"{stamp:%Y-%m-%d}", f"{stamp:%H:%M}"
        texts.append(time if 0 <= day < 1 else date if time == "00:00" else f"{date} {time}")
    return texts


def date_part(days: np.ndarray, part: str) -> np.ndarray:
    """Returns one part of dates: year, month, day, weekday (0 is Monday) or hour; NaN where the date is missing."""
    stamps = pd.to_datetime(pd.Series(days), unit="D", origin="unix")
    return getattr(stamps.dt, {"weekday": "day_of_week"}.get(part, part)).to_numpy(float)


DATE_PARTS = ("year", "month", "day", "weekday", "hour")
