"""Work that nobody waits for ends, and what visitors leave is given back."""

import time

import pytest

from benchmarks import soak, stopping
from tests.support.loops import finished
from tests.support.visitor import served

# Half a second is what a quiet machine needs at most (benchmarks/stopping.py); these run on any.
SOON = 10


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """A server that lets a run take minutes."""
    with served(tmp_path_factory.mktemp("server") / "journal", **stopping.PATIENT) as server:
        yield server


@pytest.mark.slow
def test_a_run_ends_when_its_visitor_changes_a_control(patient):
    assert finished(stopping.superseded(patient)) < SOON


@pytest.mark.slow
@pytest.mark.parametrize("page, event", [("", "training"), ("compare", "comparison")])
def test_work_ends_when_its_visitor_has_gone(patient, page, event):
    assert finished(stopping.disconnected(patient, page, event)) < SOON
    time.sleep(2)  # workers look every 0.1 s whether somebody waits
    before = patient.cpu()
    time.sleep(3)
    assert patient.cpu() - before < 1.5  # of 3 seconds and all cores


@pytest.mark.slow
def test_memory_is_given_back_after_two_hundred_visitors():
    with served(STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL=str(soak.STAYS)) as server:
        first, last, seen = finished(soak.soak(server, lambda seen: seen < 200, lambda line: None))
    assert seen == 200
    assert last - first < soak.ALLOWED, f"{first:.0f} MB after {soak.FIRST} visitors, {last:.0f} MB after {seen}"
