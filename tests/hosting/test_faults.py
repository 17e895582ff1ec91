"""Faults of the machine: killed workers, no home, no place for files. The visitor has his answer all the same."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.loops import finished
from tests.support.visitor import Visitor, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for workers in /proc"),
]


def workers(server):
    """The worker processes of a server."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (path / "cmdline").read_bytes()
        except OSError:  # it has just ended
            continue
        if parent == server.process.pid and b"spawn_main" in command:
            found.append(int(path.name))
    return found


def kill_workers(server):
    for pid in workers(server):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


async def killed_meanwhile(server, page, query, kills):
    """The answer of a page while whose work all workers are killed so often."""
    async with Visitor(server.url, page, query) as visitor:
        answer = asyncio.create_task(visitor.visit())
        for _ in range(kills):
            await asyncio.sleep(2.5)
            kill_workers(server)
        return await answer


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A server on which a comparison or a sweep takes some seconds."""
    with served(tmp_path_factory.mktemp("faults") / "log", GRADIENT_LAB_MAX_TRAININGS="2") as server:
        yield server


LONG = {
    "comparison": ("compare", "steps=2000&hidden=40,40,40&seeds=6&seed={}"),
    "sweep": ("sweep", "base=noise=0.{};depth=20;width=24;steps=28"),
}


@pytest.mark.parametrize("kills", [1, 3])
@pytest.mark.parametrize("work", LONG)
def test_long_work_goes_on_when_its_workers_are_killed(busy, work, kills):
    page, query = LONG[work]
    start = time.monotonic()
    answer = finished(killed_meanwhile(busy, page, query.format(kills), kills))
    said = [text for text in answer.texts if "ended unexpectedly" in text or "failed" in text]
    assert not answer.errors and (answer.charts or said), answer.texts
    assert time.monotonic() - start < 115


def test_a_short_run_after_all_workers_were_killed_is_answered(busy):
    async def visit():
        async with Visitor(busy.url, query="hidden=6,6&steps=30") as visitor:
            assert not (await visitor.visit()).errors
            kill_workers(busy)
            return await visitor.change(init_scale=1.75)

    answer = finished(visit())
    assert not answer.errors and "gradient-profile" in answer.charts


def visited(server):
    async def visit():
        async with Visitor(server.url, query="hidden=6,6&steps=30") as visitor:
            return await visitor.visit()

    return finished(visit())


@pytest.mark.parametrize(
    "settings", [{"HOME": "/nonexistent"}, {"HOME": ""}, {"TMPDIR": "/dev/full"}, {"TZ": "broken"}]
)
def test_a_server_without_a_home_or_a_place_for_temporary_files_serves(settings, tmp_path):
    with served(tmp_path / "log", **settings) as server:
        answer = visited(server)
        log = server.log.read_text()
    assert not answer.errors and "gradient-profile" in answer.charts and "Traceback" not in log


# What a server's Python runs first. No file may exceed 600 bytes: its log is cut off at once.
FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))"
CLOCK_SET_BACK = """
import time
real, start = time.time, time.monotonic()
time.time = lambda: real() - (86_400 if time.monotonic() - start > 6 else 0)
"""


def test_a_server_whose_disk_is_full_serves_uploads_and_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(FULL_DISK)

    async def visit(server):
        async with Visitor(server.url, query="hidden=6,6&steps=30&dataset=custom") as visitor:
            await visitor.visit()
            table = "a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 3}\n" for i in range(60))
            return await visitor.upload("table_file", "t.csv", table.encode())

    with served(tmp_path / "log", PYTHONPATH=str(tmp_path)) as server:
        answer = visited(server)
        own = finished(visit(server))
    assert not answer.errors and "gradient-profile" in answer.charts
    assert not own.errors and "gradient-profile" in own.charts


def test_a_server_whose_clock_is_set_back_by_a_day_goes_on_with_its_visitors(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(CLOCK_SET_BACK)

    async def visit(server):
        async with Visitor(server.url, query="hidden=6,6&steps=30") as visitor:
            before = await visitor.visit()
            await asyncio.sleep(max(0, 12 - (time.perf_counter() - start)))
            return before, await visitor.change(init_scale=1.75)

    start = time.perf_counter()
    with served(tmp_path / "log", PYTHONPATH=str(tmp_path)) as server:
        before, after = finished(visit(server))
        assert not visited(server).errors
        log = server.log.read_text()
    assert all("gradient-profile" in answer.charts and not answer.errors for answer in (before, after))
    assert "Traceback" not in log
