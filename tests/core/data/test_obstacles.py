"""Obstacles of a table name their place, and a button does as its label says."""

import pytest

from core.data.messages import count, join_first, shorten
from core.tables import find_obstacles, read_table


@pytest.mark.parametrize("cell", ["1,500", "2.750", "-1,250"])
def test_a_button_for_the_decimal_sign_reads_the_number_on_it(cell):
    raw = f'a;b\n"{cell}";1\n"{cell}";2\n"{cell}";3\n'.encode()
    (obstacle,) = find_obstacles(read_table(raw), "b", False)
    numbers = set()
    for fix in obstacle.fixes:
        shown, _, number = fix.label.partition(" is ")
        assert shown == cell
        assert read_table(raw, **fix.changes).columns[0].values[0] == float(number)
        numbers.add(abs(float(number)))
    assert len(numbers) == 2 and max(numbers) == 1000 * min(numbers)


def test_a_button_for_day_and_month_reads_the_day_on_it():
    raw = b"a,b\n03/04/2021,1\n05/06/2021,2\n07/08/2021,5\n"
    (obstacle,) = find_obstacles(read_table(raw), "b", False)
    for fix, day in zip(obstacle.fixes[:2], ("2021-04-03", "2021-03-04"), strict=True):
        assert read_table(raw, **fix.changes).columns[0].head(1) == [day]
        order = f"day {int(day[-2:])} of month {int(day[5:7])}"
        assert order in fix.label.replace("day 0", "day ").replace("month 0", "month ")


@pytest.mark.parametrize("column, line, number", [("a", 4, "1e+120"), ("b", 5, "-2e+101")])
def test_a_number_too_large_is_named_by_the_first_row_that_is_used(column, line, number):
    rows = {"a": ["1", "", "1e120", "4", "1e200"], "b": ["1", "1e150", "3", "-2e101", "1e150"]}
    other = {"a": "b", "b": "a"}[column]
    lines = [f"{rows[column][i] or 5},{'' if rows[column][i] == '1e150' and i == 1 else i % 2},{i}" for i in range(5)]
    text = f"{column},{other},t\n" + "\n".join(lines) + "\n"
    found = find_obstacles(read_table(text.encode()), "t", True)
    assert f"has {number} in line {line}" in str(found[0].error)


@pytest.mark.parametrize("complete, offered", [(1, False), (2, True), (3, True)])
def test_rows_are_dropped_at_a_button_where_two_are_left(complete, offered):
    text = "a,b\n" + "".join(f"{i},{i * i}\n" for i in range(complete)) + "7,\n,9\n8,\n"
    (obstacle, *_) = [one for one in find_obstacles(read_table(text.encode()), "b", False) if "lack" in str(one.error)]
    assert any(fix.changes == {"drop_missing": True} for fix in obstacle.fixes) == offered
    assert not offered or any(fix.label == "Drop the 3 rows" for fix in obstacle.fixes)


@pytest.mark.parametrize("n_items, limit", [(0, 10), (1, 10), (10, 10), (11, 10), (1_300, 10), (5, 3)])
def test_the_first_items_are_listed_and_the_others_counted(n_items, limit):
    listed, _, more = join_first(range(n_items), limit).partition(" and ")
    assert listed == ", ".join(map(str, range(min(n_items, limit))))
    assert more == (f"{n_items - limit:,} more" if n_items > limit else "")


def test_texts_are_cut_at_forty_characters_and_nouns_agree_with_their_count():
    assert shorten("x" * 40) == repr("x" * 40) and shorten("x" * 41) == repr("x" * 39 + "…")
    assert [count(n, "row") for n in (0, 1, 2, 1_000)] == ["0 rows", "1 row", "2 rows", "1,000 rows"]
