"""Another kind of file than a table is known by its beginning; the lines above a table are counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.dialect import check_kind, detect
from core.errors import ConfigError


@pytest.mark.parametrize("mark", ["<html", "<?XML", "<svg"])
def test_another_kind_of_file_is_known_by_a_mark_within_2000_bytes_and_not_beyond(mark):
    raw = mark.encode()
    check_kind(b"\n" * (2001 - len(raw)) + raw, "a.csv")
    with pytest.raises(ConfigError, match="it is a web page or XML"):
        check_kind(b"\n" * (2000 - len(raw)) + raw, "a.csv")


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_lines_above_a_table_are_counted_together_whatever_they_are(comments, titles, blanks):
    above = "# made by hand\n" * comments + "A title\n" * titles + "\n" * blanks
    found = detect((above + "a,b,c\n" + "1,2,3\n" * 9).encode(), "a.csv", None, None)
    assert (found.delimiter, found.width, found.skip_lines) == (",", 3, comments + titles + blanks)
