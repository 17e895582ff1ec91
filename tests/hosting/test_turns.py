"""Who waits for whom on a server that does one long run at a time."""

import asyncio
import json
import time
import urllib.request

import pytest

from tests.support.loops import finished
from tests.support.visitor import Visitor, served

pytestmark = pytest.mark.slow

ENDLESS = "hidden=8,8&steps=1000000&record_every=10000"
LONG = "hidden=4&steps=20000&record_every=1000&seed={}"  # of the long queue; half a second
TABS = 8
STRANGER, OTHER = "203.0.113.7", "198.51.100.9"  # addresses


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Two servers with one slot for long work, by whether they trust their proxy."""
    settings = {"GRADIENT_LAB_MAX_TRAININGS": "1", "GRADIENT_LAB_MAX_COST": "1e13"}
    log = tmp_path_factory.mktemp("servers")
    with served(log / "0", **settings) as plain, served(log / "1", GRADIENT_LAB_TRUST_PROXY="1", **settings) as behind:
        yield {False: plain, True: behind}


def health(url):
    """Runs that go on, and runs that wait."""
    with urllib.request.urlopen(f"{url}/healthz", timeout=60) as answer:
        told = json.load(answer)
    return told["training"], told["waiting"]


async def until(url, n_waiting):
    """Wait until one run goes on and so many others wait."""
    deadline = time.monotonic() + 90
    while (seen := await asyncio.to_thread(health, url)) != (1, n_waiting):
        assert time.monotonic() < deadline, f"(training, waiting) is {seen}, not {(1, n_waiting)}"
        await asyncio.sleep(0.1)


async def order_of_answers(url, cookies, seed):
    """Names as they are answered: eight tabs of a stranger, of whom one run goes on for long, and a visitor after them.

    Args:
        cookies: of the browser of each tab, and of the visitor.
        seed: of the first of nine runs that nobody has asked for before.
    """
    order = []

    async def page(name, number, address):
        async with Visitor(url, query=LONG.format(seed + number), cookie=cookies[number], address=address) as visitor:
            answer = await visitor.visit()
            assert not answer.errors and "gradient-profile" in answer.charts
            order.append(name)

    async with Visitor(url, query=ENDLESS, cookie=cookies[0], address=STRANGER) as first:
        await first.send()
        await until(url, 0)
        pages = []
        for number in range(TABS):
            pages.append(asyncio.create_task(page("stranger", number, STRANGER)))
            await until(url, number + 1)
        pages.append(asyncio.create_task(page("visitor", TABS, OTHER)))
        await until(url, TABS + 1)
    await asyncio.gather(*pages)
    return order


ONE_BROWSER = ["lab_browser=stranger"] * TABS + ["lab_browser=visitor"]
MANY_BROWSERS = [f"lab_browser=stranger-{number}" for number in range(TABS)] + ["lab_browser=visitor"]


@pytest.mark.parametrize(
    "trusts_proxy, cookies, seed, first, last",
    [(False, ONE_BROWSER, 0, 0, 2), (True, MANY_BROWSERS, 0, 0, 2), (False, MANY_BROWSERS, 100, TABS - 1, TABS)],
    ids=["a browser", "an address", "a made-up address"],
)
def test_a_visitor_waits_for_one_run_of_a_stranger_with_eight_tabs(trusts_proxy, cookies, seed, first, last, servers):
    """His place is the second. Without a proxy its header is not believed: eight browsers are then eight visitors."""
    order = finished(order_of_answers(servers[trusts_proxy].url, cookies, seed))
    assert len(order) == TABS + 1
    assert first <= order.index("visitor") <= last


def test_of_a_page_one_run_waits_at_most_and_the_newest_is_answered(servers):
    url = servers[False].url

    async def visit():
        async with Visitor(url, query=LONG.format(200)) as page:
            assert not (await page.visit()).errors
            async with Visitor(url, query=ENDLESS) as first:
                await first.send()
                await until(url, 0)
                waiting = []
                for number in range(6):
                    sent = await page.send(init_scale=2 + number / 10)
                    await until(url, 1)
                    for _ in range(5):
                        waiting.append((await asyncio.to_thread(health, url))[1])
            return waiting, await page.answer(sent)

    waiting, answer = finished(visit())
    assert max(waiting) == 1
    assert not answer.errors and any("× 2.5 " in text for text in answer.texts)
