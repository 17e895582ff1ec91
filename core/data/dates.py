"""Dates and times of a column as days since 1970."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

DAY_SECONDS = 86_400
_CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|(?i:[AP]M)|[+-]\d{2}:?\d{2}))?)?"
_ISO_CLOCK = _CLOCK.replace("(?i:[AP]M)|", "")
_ISO = rf"^\d{{4}}-\d{{2}}(?:-\d{{2}}{_ISO_CLOCK})?$"
_COMPACT = r"^(\d{4})(0[1-9]|1[0-2])([0-2]\d|3[01])$"
_TIME = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?$"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
# A pattern, and the order of its parts; dates with a slash are ambiguous, so both orders are tried.
_NUMERIC = {
    "year first": rf"^\d{{4}}[/.]{_MONTH}[/.]{_DAY}{_CLOCK}$",
    "day first": rf"^{_DAY}[./-]{_MONTH}[./-]\d{{4}}{_CLOCK}$",
    "month first": rf"^{_MONTH}[/-]{_DAY}[/-]\d{{4}}{_CLOCK}$",
}
_MONTHS = (
    "(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_NAMED = {
    rf"^{_DAY}[ -]{_MONTHS}[ -]\d{{4}}$": "%d %b %Y",
    rf"^{_MONTHS} {_DAY},? \d{{4}}$": "%b %d %Y",
    r"^\d{8}:\d{4}$": "%Y%m%d:%H%M",
}


def parse_dates(
    texts: pa.Array, missing: pa.Array, day_first: bool | None = None
) -> tuple[np.ndarray, str | None] | None:
    """Reads dates, dates with times, or times.

    Args:
        texts: the different cells of a column.
        missing: True where a text stands for a missing value.
        day_first: True for 1/2/2026 as the first of February, where nothing in the column decides.

    Returns:
        (days since 1970 or, for times, parts of a day, NaN where missing; a date whose day and month cannot be
        distinguished, or None), or None for a column that is not of dates.
    """
    present = texts.filter(pc.invert(missing))
    if not len(present):
        return None
    days, unclear = _parse(present, day_first)
    if days is None or np.isnan(days).any():
        return None
    values = np.full(len(texts), np.nan)
    values[~missing.to_numpy(zero_copy_only=False)] = days
    return values, unclear


def parse_most_dates(texts: pa.Array, day_first: bool | None = None) -> np.ndarray | None:
    """Reads the dates of the form that most texts have, or years, months and days as 20260131; NaN for other texts."""
    texts = pc.replace_substring_regex(texts, _COMPACT, r"\1-\2-\3")
    forms = (_ISO, _TIME, *_NUMERIC.values(), *_NAMED)
    masks = [pc.match_substring_regex(texts, form) for form in forms]
    commonest = max(masks, key=lambda mask: pc.sum(mask).as_py() or 0)
    days, _ = _parse(texts.filter(commonest), day_first) if pc.any(commonest).as_py() else (None, None)
    if days is None or np.isnan(days).all():
        return None
    values = np.full(len(texts), np.nan)
    values[commonest.to_numpy(zero_copy_only=False)] = days
    return values


def _all(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _parse(texts: pa.Array, day_first: bool | None) -> tuple[np.ndarray | None, str | None]:
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
        cells = [text.replace("/", "-").replace(".", "-", 2) for text in texts.to_pylist()]
        if len(orders) == 1:
            return _to_days(cells, format="mixed", dayfirst=orders[0] == "day first"), None
        days, swapped = (_to_days(cells, format="mixed", dayfirst=order) for order in (True, False))
        if day_first is not None:
            return (days if day_first else swapped), None
        other = np.flatnonzero(days != swapped)
        return days, texts[int(other[0])].as_py() if len(other) else None
    for pattern, form in _NAMED.items():
        if _all(texts, pattern):
            cells = [text.replace("-", " ").replace(",", "") for text in texts.to_pylist()]
            cells = [re.sub(r"([A-Za-z]{3})[a-z.]*", r"\1", text) for text in cells]
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
        date = f"{stamp:%Y-%m-%d}"
        time = f"{stamp:%H:%M}"
        texts.append(time if 0 <= day < 1 else date if time == "00:00" else f"{date} {time}")
    return texts


def date_part(days: np.ndarray, part: str) -> np.ndarray:
    """Returns one part of dates: year, month, day, weekday (0 is Monday) or hour; NaN where the date is missing."""
    stamps = pd.to_datetime(pd.Series(days), unit="D", origin="unix")
    return getattr(stamps.dt, {"weekday": "day_of_week"}.get(part, part)).to_numpy(float)


DATE_PARTS = ("year", "month", "day", "weekday", "hour")
