"""The numbers of docs/security.md are those of the code."""

import re

import pytest

from core import curvature, tables
from core.comparison import arms
from core.data import columns, selection
from tests.support.checkout import HOUSE
from ui.lab import sharpness, trials
from ui.lecture import steps
from ui.runtime import connections, guard, jobs, limits, turns, uploads

ROWS = dict(
    re.findall(
        r"^\| (.+?) \| (.+?) \|(?: [^|]+ \|)?$",
        (HOUSE / "docs" / "security.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)
HOSTED = {name: limit.hosted for name, limit in limits.LIMITS.items()}


def megabytes(n_bytes):
    return f"{n_bytes / 1e6:g} MB"


@pytest.mark.parametrize(
    "row, words",
    [
        ("messages of a page", [f"{megabytes(connections.MAX_FRAME_BYTES)} each",
                                f"{guard.MESSAGES_PER_SECOND:.0f} a second after the first hundred",
                                f"states of {guard.MAX_STATES:,} controls", f"{guard.MAX_QUERY:,} characters",
                                f"{guard.MAX_PARAMETERS} parameters"]),
        ("other frames of a page", [f"{connections.MAX_EXTRA_FRAMES} pings",
                                    f"within {connections.EXTRA_FRAME_SECONDS:.0f} s"]),
        ("cookies", [f"the first {guard.MAX_COOKIES} of"]),
        ("requests that wait on one connection", [f"{connections.MAX_PIPELINED}"]),
        ("sharpness", [f"{sharpness.MAX_PARAMETERS:,} parameters", f"{sharpness.MAX_STEPS} steps"]),
        ("a table that is prepared", [f"{columns.MAX_CATEGORIES} categories",
                                         f"{selection.MAX_VALUES // 1_000_000} million numbers"]),
        ("descent on a surface or from the exercise's numbers", [f"{steps.MAX_STEPS + steps.RUN:,} steps"]),
        ("uploaded files", [f"{megabytes(HOSTED['MAX_UPLOAD'])} each", f"{uploads.MAX_FILES} files and",
                            f"{megabytes(uploads.MAX_FULL_FILES * HOSTED['MAX_UPLOAD'])} a visit",
                            f"{megabytes(HOSTED['MAX_UPLOADS'])} in all", "four are read at once",
                            f"in {guard.UPLOAD_SECONDS:.0f} s"]),
        ("pages open at once", [f"{HOSTED['MAX_SESSIONS']}; half of them"]),
        ("headers", [f"{connections.MAX_HEADER_BYTES // 1_000} kB", f"within {connections.HEADER_SECONDS:.0f} s",
                     f"the body within {connections.BODY_SECONDS:.0f} s",
                     f"{megabytes(connections.MAX_UNWANTED_BYTES)} of one that has its answer"]),
        ("answers", [f"within {connections.READ_SECONDS:.0f} s"]),
        ("messages to a page", [f"within {connections.MESSAGE_READ_SECONDS:.0f} s"]),
        ("connections", [f"{connections.MAX_CONNECTIONS:,};", f"every {1000 * guard.OPENING_SECONDS:.0f} ms"]),
        ("a table", [megabytes(HOSTED["MAX_UPLOAD"]),
                     f"{HOSTED['MAX_UPLOAD'] / tables.CELL_BYTES / 1e6:g} million cells",
                     f"{megabytes(tables.UNPACKING * HOSTED['MAX_UPLOAD'])} unpacked"]),
        ("a comparison, a sweep", [f"{arms.MAX_ARMS} arms"]),
        ("files to download", [f"{HOSTED['MAX_RECORD']:,} rows"]),
    ],
)  # fmt: skip
def test_a_bound_is_the_one_that_the_code_keeps(row, words):
    assert all(word in ROWS[row] for word in words), (ROWS[row], words)
    assert (turns.SCRIPTS_AT_ONCE, turns.MAX_WAITING_CLICKS) == (2, 4)
    assert f"up to {megabytes(jobs.SHORT_FILE_BYTES)}, long" in (HOUSE / "docs" / "security.md").read_text(
        encoding="utf-8"
    )
    assert connections.SYSTEM_BUFFER_BYTES + connections.WRITE_BUFFER_BYTES == pytest.approx(50_000, rel=0.02)
    assert (sharpness.MAX_COST, trials.MAX_TRIAL_COST, curvature.MAX_JACOBIAN_WORK) == (4e11, 1e11, 3e9)
    assert (guard.BURST, guard.ADDRESS_SHARE, guard.MAX_UPLOADS_AT_ONCE) == (100, 0.5, 4)
