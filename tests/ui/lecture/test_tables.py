"""A table that a visitor edits opens again as it was left; another key is another table."""

import pandas as pd

from tests.support.nothing import anything
from ui.lecture import tables

START = pd.DataFrame({"a": [1.0, 2.0]})


def test_a_table_opens_as_it_was_left_and_another_one_as_it_starts(monkeypatch):
    session, opened, edits = {}, [], {"one": 5.0, "two": 9.0}

    def editor(frame, *, key, **_):
        opened.append((key, frame["a"].tolist()))
        session[key] = {}  # as Streamlit keeps the edits of a table that is drawn
        return frame.assign(a=frame["a"] + edits.pop(key, 0.0))

    monkeypatch.setattr(tables, "session_by_name", session)
    monkeypatch.setattr(tables, "st", anything(data_editor=editor))
    for key in ("one", "one", "two"):
        tables.edit_table("$A$", START, key)
    assert opened == [("one", [1.0, 2.0]), ("one", [1.0, 2.0]), ("two", [1.0, 2.0])]
    opened.clear()
    session["one_left"] = START + 5.0
    del session["one"], session["two"]  # another section was shown, and edits do not outlast that
    for key in ("one", "two"):
        tables.edit_table("$A$", START, key)
    assert opened == [("one", [6.0, 7.0]), ("two", [10.0, 11.0])]
