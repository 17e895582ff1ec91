"""Random messages, frames, states of controls, requests and tables: no honest page breaks, and memory comes back.

`python -m benchmarks.strangers` sends twenty times as many, and also holds the honest visitor's answers to a time.
"""

import random

import pytest

from benchmarks import strangers
from core import ConfigError
from core.tables import read_table
from tests.support.loops import finished
from tests.support.visitor import served
from ui.runtime import guard

COUNT = 500


@pytest.mark.slow
def test_random_messages_break_no_honest_page_and_their_memory_comes_back(tmp_path):
    with served(tmp_path / "log", STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL=str(strangers.STAYS)) as server:
        report = finished(strangers.attack(server, COUNT))
        log = server.log.read_text()
    assert not report.errors and report.answers >= 5
    assert report.grown < strangers.ALLOWED_MEGABYTES
    assert "Traceback" not in log and "evil.example" not in log


def test_every_random_message_is_passed_ignored_or_cut_off():
    rng = random.Random(0)
    verdicts = {guard.classify(strangers.message(rng)) for _ in range(10_000)}
    assert {"pass", "ignore", "not a message", "message of a closed kind"} <= verdicts


@pytest.mark.slow
def test_every_random_table_is_read_or_refused_in_a_sentence():
    rng, read = random.Random(0), 0
    for _ in range(10_000):
        try:
            read += read_table(strangers.table(rng), "t.csv").rows > 0
        except ConfigError as error:
            assert "t.csv" in str(error)
    assert 500 < read < 9_900
