"""Another kind of file than a table is known by its beginning."""

import pytest

from core.data.dialect import check_kind
from core.errors import ConfigError


@pytest.mark.parametrize("mark", ["<html", "<?XML", "<svg"])
def test_another_kind_of_file_is_known_by_a_mark_within_2000_bytes_and_not_beyond(mark):
    raw = mark.encode()
    check_kind(b"\n" * (2001 - len(raw)) + raw, "a.csv")
    with pytest.raises(ConfigError, match="it is a web page or XML"):
        check_kind(b"\n" * (2000 - len(raw)) + raw, "a.csv")
