"""Dates of every form against Python's own calendar: days since 1970, the order of day and month, and their parts."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.dates import DATE_PARTS, date_part, format_days, parse_dates, parse_most_dates

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.lists(
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(lambda at: at.replace(second=0, microsecond=0)),
    min_size=1, max_size=6,
)  # fmt: skip
FORMS = {  # and the part of a day that each can say
    "%Y-%m-%d": 1, "%Y-%m-%d %H:%M": None, "%Y-%m-%dT%H:%M:00Z": None, "%Y/%m/%d": 1, "%d.%m.%Y": 1,
    "%d.%m.%Y %H:%M": None, "%d %b %Y": 1, "%B %d, %Y": 1, "%d-%b-%Y": 1, "%Y%m%d:%H%M": None,
}  # fmt: skip


def days_of(moment, whole):
    days = (moment.replace(tzinfo=UTC) - EPOCH) / timedelta(days=1)
    return np.floor(days) if whole else days


def parsed(texts, day_first=None, missing=None):
    return parse_dates(pa.array(texts), pa.array(missing or [False] * len(texts)), day_first)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=15)
@given(moments=MOMENTS)
def test_a_date_of_any_form_is_its_days_since_1970(form, moments):
    texts = [moment.strftime(form) for moment in moments]
    days, unclear = parsed(texts)
    np.testing.assert_allclose(days, [days_of(moment, FORMS[form]) for moment in moments], rtol=0, atol=1e-9)
    assert unclear is None
    np.testing.assert_allclose(parse_most_dates(pa.array([*texts, "?"]))[:-1], days)


@settings(max_examples=30)
@given(moments=MOMENTS)
def test_day_and_month_stand_as_a_visitor_says_or_as_a_day_above_twelve_does(moments):
    for form, first in (("%d/%m/%Y", True), ("%m/%d/%Y", False)):
        texts = [moment.strftime(form) for moment in moments]
        right = [days_of(moment, True) for moment in moments]
        is_clear = any(moment.day > 12 for moment in moments)
        np.testing.assert_array_equal(parsed(texts, first)[0], right)
        days, unclear = parsed(texts)
        differ = [text for moment, text in zip(moments, texts, strict=True) if moment.day != moment.month]
        assert unclear == (None if is_clear or not differ else differ[0])
        if is_clear:
            np.testing.assert_array_equal(days, right)
            np.testing.assert_array_equal(parsed(texts, not first)[0], right)


@pytest.mark.parametrize(
    "text, share", [("00:00", 0), ("6:30", 6.5 / 24), ("23:59:30", 1 - 30 / 86400), ("24:00", 1), ("24:01", None),
                    ("25:00", None), ("12:60", None), ("0:00:15.5", 15.5 / 86400)],
)  # fmt: skip
def test_a_time_is_a_part_of_a_day_up_to_its_end(text, share):
    found = parsed([text, "12:00"])
    assert found is None if share is None else found[0] == pytest.approx([share, 0.5])


def test_missing_cells_have_no_day_and_one_word_among_dates_is_none():
    days, _ = parsed(["", "1970-01-03", "NA"], missing=[True, False, True])
    np.testing.assert_array_equal(days, [np.nan, 2, np.nan])
    assert parsed(["1970-01-03", "soon"]) is None and parsed(["", ""], missing=[True, True]) is None
    assert parsed(["2021-02-30"]) is None  # no such day


@settings(max_examples=30)
@given(moments=MOMENTS)
def test_parts_and_texts_of_days_are_those_of_the_calendar(moments):
    days = np.array([days_of(moment, False) for moment in moments])
    for part in DATE_PARTS:
        right = [moment.weekday() if part == "weekday" else getattr(moment, part) for moment in moments]
        assert date_part(days + 1e-9, part).tolist() == right
        assert np.isnan(date_part(np.array([np.nan]), part)).all()
    for day, text, moment in zip(days, format_days(days), moments, strict=True):
        form = "%H:%M" if 0 <= day < 1 else "%Y-%m-%d" if moment.time() == datetime.min.time() else "%Y-%m-%d %H:%M"
        assert text == moment.strftime(form)


@pytest.mark.parametrize("day, text", [
    (-1.0, "1969-12-31"), (-0.25, "1969-12-31 18:00"), (0.0, "00:00"), (0.75, "18:00"), (1.0, "1970-01-02"),
    (1.5, "1970-01-02 12:00"), (np.nan, None),
])  # fmt: skip
def test_a_part_of_the_first_day_is_a_time_and_all_else_a_date(day, text):
    assert format_days(np.array([day])) == [text]
