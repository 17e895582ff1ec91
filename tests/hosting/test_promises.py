"""The numbers of docs/security.md are those of the code."""

import re

import pytest

from tests.support.checkout import HOUSE
from ui.runtime import connections, guard, limits, uploads

ROWS = dict(
    re.findall(r"^\| (.+?) \| (.+) \|$", (HOUSE / "docs" / "security.md").read_text(encoding="utf-8"), re.MULTILINE)
)
HOSTED = {name: limit.hosted for name, limit in limits.LIMITS.items()}


def megabytes(n_bytes):
    return f"{n_bytes / 1e6:g} MB"


@pytest.mark.parametrize(
    "row, words",
    [
        ("messages of a page", [f"{megabytes(connections.MAX_FRAME_BYTES)} each",
                                f"{guard.MESSAGES_PER_SECOND:.0f} a second after the first hundred"]),
        ("uploaded files", [f"{megabytes(HOSTED['MAX_UPLOAD'])} each", f"{uploads.MAX_FILES} files and",
                            f"{megabytes(uploads.MAX_FULL_FILES * HOSTED['MAX_UPLOAD'])} a visit",
                            f"{megabytes(HOSTED['MAX_UPLOADS'])} in all", "four are read at once",
                            f"in {guard.UPLOAD_SECONDS:.0f} s"]),
        ("pages open at once", [f"{HOSTED['MAX_SESSIONS']}; half of them"]),
        ("headers", [f"{connections.MAX_HEADER_BYTES // 1_000} kB", f"within {connections.HEADER_SECONDS:.0f} s",
                     f"the body within {connections.BODY_SECONDS:.0f} s"]),
        ("answers", [f"within {connections.READ_SECONDS:.0f} s"]),
        ("messages to a page", [f"within {connections.MESSAGE_READ_SECONDS:.0f} s"]),
        ("connections", [f"{connections.MAX_CONNECTIONS:,};"]),
        ("a table", [megabytes(HOSTED["MAX_UPLOAD"])]),
        ("files to download", [f"{HOSTED['MAX_RECORD']:,} rows"]),
    ],
)  # fmt: skip
def test_a_bound_is_the_one_that_the_code_keeps(row, words):
    assert all(word in ROWS[row] for word in words), (ROWS[row], words)
    assert (guard.BURST, guard.ADDRESS_SHARE, guard.MAX_UPLOADS_AT_ONCE) == (100, 0.5, 4)
