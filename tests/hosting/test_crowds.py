"""Forty pages of one stranger, each of which asks for another network twice a second, beside a visitor."""

import asyncio
import json
import socket
import statistics
import time
import urllib.request
from urllib.parse import urlsplit

import pytest
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.support.loops import finished
from tests.support.visitor import Visitor, served

pytestmark = pytest.mark.slow

PAGES = 40
ATTACK_SECONDS = 15.0
QUIET_ANSWERS = 6
HEALTH_SECONDS = 2.0  # Docker's check gives up after 8
# of a visitor's median answer: twice the quiet one, and a turn of another script or two
RATIO = 2.0
EXTRA_SECONDS = 1.0
STRANGER, OTHER = "203.0.113.7", "198.51.100.9"  # addresses


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that trusts its proxy, and so knows that the forty pages are of one address."""
    with served(tmp_path_factory.mktemp("server") / "log", GRADIENT_LAB_TRUST_PROXY="1") as server:
        yield server


def seconds_of_health(url):
    """Seconds until /healthz answers; it must say that all is well."""
    start = time.monotonic()
    with urllib.request.urlopen(f"{url}/healthz", timeout=60) as answer:
        assert json.load(answer)["status"] == "ok"
    return time.monotonic() - start


async def ask_on(url, number, reads):
    """Open a page that asks for one network after another until it is canceled, and reads the answers or does not."""
    parts, line, loop = urlsplit(url), socket.socket(), asyncio.get_running_loop()
    if not reads:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.setblocking(False)
    await loop.sock_connect(line, (parts.hostname, parts.port))
    page = await websockets.connect(
        f"ws://{parts.netloc}/_stcore/stream", sock=line, subprotocols=["streamlit"], origin=url, ping_interval=None,
        open_timeout=60, max_size=None, additional_headers={"X-Forwarded-For": STRANGER},
    )  # fmt: skip

    async def read_all():
        async for _ in page:
            pass

    reading = asyncio.create_task(read_all()) if reads else page.transport.pause_reading()
    try:
        for count in range(1_000_000):
            message = BackMsg()
            message.rerun_script.query_string = f"init_scale={1 + number / 100 + count / 1e5:.5f}"
            message.rerun_script.context_info.url = url
            await page.send(message.SerializeToString())
            await asyncio.sleep(0.5)
    finally:
        page.transport.abort()
        if reading is not None:
            reading.cancel()


async def attack(server, reads):
    """Return the seconds of the visitor's quiet answers, of those beside the forty pages, and of the health check."""
    quiet, beside, health = [], [], []
    async with Visitor(server.url, query="hidden=6,6&steps=30", address=OTHER) as visitor:
        await visitor.visit()

        async def change(times):
            answer = await visitor.change(init_scale=round(1 + len(quiet + beside) / 1000, 3))
            assert not answer.errors
            times.append(answer.seconds)
            await asyncio.sleep(0.3)

        for _ in range(QUIET_ANSWERS):
            await change(quiet)
        pages = [asyncio.create_task(ask_on(server.url, number, reads)) for number in range(PAGES)]
        end = time.monotonic() + ATTACK_SECONDS

        async def watch():
            while time.monotonic() < end:
                health.append(await asyncio.to_thread(seconds_of_health, server.url))
                await asyncio.sleep(0.2)

        watching = asyncio.create_task(watch())
        while time.monotonic() < end:
            await change(beside)
        await watching
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
    return quiet, beside, health


@pytest.mark.parametrize("reads", [False, True], ids=["reading nothing", "reading all"])
def test_forty_pages_keep_neither_the_health_check_nor_a_visitor_waiting(reads, server):
    quiet, beside, health = finished(attack(server, reads))
    assert max(health) < HEALTH_SECONDS, health
    assert statistics.median(beside) < RATIO * statistics.median(quiet) + EXTRA_SECONDS, (quiet, beside)
