"""Messages of strangers to a public server, with an honest visitor beside."""

import asyncio
import contextlib
import json
import socket
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.support.loops import finished
from tests.support.stranger import rerun_with
from tests.support.visitor import Visitor, served

pytestmark = pytest.mark.slow

MEGABYTE = b"0" * 1_000_000


def health(url):
    with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:
        return json.load(answer)


def training_events(server):
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    return sum(line["event"] == "training" for line in lines)


def test_clearing_caches_is_refused_and_nothing_is_cleared(server):
    async def attack():
        query = "hidden=7,5,3&steps=11"
        async with Visitor(server.url, query=query) as honest:
            await honest.visit()
            before = training_events(server)
            async with Visitor(server.url) as stranger:
                await stranger.visit()
                await stranger.post(BackMsg(clear_cache=True))
                assert await stranger.is_cut_off()
            seen = training_events(server)
            async with Visitor(server.url, query=query) as other:
                assert not (await other.visit()).errors
            return before, seen, training_events(server)

    before, seen, after = finished(attack())
    assert before >= 1 and after == seen  # the honest visitor's run is still cached


def test_long_work_stays_within_its_slots_while_a_stranger_clears_the_cache(tmp_path):
    long = "steps=200000&record_every=1000&seed={}"

    async def attack(url):
        async def page(seed):
            async with Visitor(url, query=long.format(seed)) as visitor:
                await visitor.send()
                await asyncio.sleep(8)

        async def clear():
            for _ in range(4):
                await asyncio.sleep(1)
                async with Visitor(url) as stranger:
                    await stranger.post(BackMsg(clear_cache=True))
                    await stranger.is_cut_off(2)

        async def watch():
            most = 0
            for _ in range(12):
                await asyncio.sleep(0.5)
                most = max(most, (await asyncio.to_thread(health, url))["training"])
            return most

        return (await asyncio.gather(watch(), clear(), *map(page, range(6))))[0]

    settings = {"GRADIENT_LAB_MAX_TRAININGS": "2", "GRADIENT_LAB_MAX_COST": "1e13"}
    with served(tmp_path / "log", **settings) as server:
        assert 1 <= finished(attack(server.url)) <= 2


def test_files_under_made_up_ids_are_refused_and_memory_stays(server):
    async def attack():
        async with Visitor(server.url, query="dataset=custom") as stranger:
            await stranger.visit()
            before, refused = server.memory(), 0
            for i in range(30):
                path = f"_stcore/upload_file/{stranger.session}/made-up-{i}"
                try:
                    await asyncio.to_thread(stranger._put, path, "x.csv", MEGABYTE * 4, "text/csv")
                except urllib.error.HTTPError as error:
                    refused += error.code == 403
                except urllib.error.URLError:  # hung up on while it sends
                    refused += 1
            return refused, server.memory() - before

    refused, grown = finished(attack())
    assert refused == 30 and grown < 60


def test_an_honest_upload_passes(server):
    async def visit():
        async with Visitor(server.url, query="dataset=custom") as visitor:
            await visitor.visit()
            return await visitor.upload("table_file", "t.csv", b"a,b\n" + b"1.5,2\n2.5,1\n4,4\n8,1\n" * 5)

    answer = finished(visit())
    assert not answer.errors and "gradient-profile" in answer.charts


def test_a_message_above_a_megabyte_ends_the_connection(server):
    async def attack():
        async with Visitor(server.url) as stranger:
            await stranger.visit()
            message = BackMsg()
            message.rerun_script.query_string = "x" * 1_500_000
            try:
                await stranger.post(message)
            except websockets.ConnectionClosed:
                return True
            return await stranger.is_cut_off()

    assert finished(attack())


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3000", "http://127.0.0.1:1"])
def test_a_page_of_another_origin_is_refused_at_once(server, origin):
    async def attack():
        start = time.monotonic()
        for _ in range(10):
            with pytest.raises(websockets.InvalidStatus):
                async with Visitor(server.url, origin=origin):
                    pass
        health(server.url)
        return time.monotonic() - start

    assert finished(attack()) < 5  # each took two seconds where an outside service was asked


def test_a_session_is_resumed_by_its_own_browser_only(server):
    async def attack():
        async with Visitor(server.url, cookie="lab_browser=honest") as honest:
            await honest.visit()
            async with Visitor(server.url, cookie="lab_browser=stranger", resume=honest.session) as stranger:
                await stranger.visit()
                stolen = stranger.session == honest.session
            assert not (await honest.change(init_scale=1.25)).errors  # the honest page still stands
            own = honest.session
        async with Visitor(server.url, cookie="lab_browser=honest", resume=own) as back:
            await back.visit()
            said = (await back.change(init_scale=1.5)).texts
            return stolen, back.session == own, any("no longer in memory" in text for text in said)

    assert finished(attack()) == (False, True, False)


def test_a_visitor_whose_session_was_pushed_out_has_his_settings_and_reads_that_his_table_is_gone(server):
    async def attack():
        async with Visitor(server.url, cookie="lab_browser=honest") as honest:
            await honest.visit()
            await honest.change(init_scale=1.25)
            session, query = honest.session, honest.query
        for _ in range(140):  # strangers who come and go
            async with Visitor(server.url) as stranger:
                await stranger.send()
        async with Visitor(server.url, query=query, cookie="lab_browser=honest", resume=session) as back:
            first, again = await back.visit(), await back.change(init_scale=1.5)
            return back.session == session, first, again

    resumed, first, again = finished(attack())
    assert not resumed and not first.errors and not again.errors
    assert any("× 1.25 " in text for text in first.texts)
    assert sum("no longer in memory" in text for text in first.texts) == 1
    assert not any("no longer in memory" in text for text in again.texts)


def test_a_browser_gets_a_cookie_that_scripts_cannot_read(server):
    with urllib.request.urlopen(server.url, timeout=30) as answer:
        cookies = [value for value in answer.headers.get_all("Set-Cookie") if value.startswith("lab_browser=")]
    assert len(cookies) == 1 and "HttpOnly" in cookies[0] and "SameSite=Lax" in cookies[0]


def test_a_request_under_a_foreign_name_is_refused(server):
    request = urllib.request.Request(server.url, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 421


def test_a_cookie_that_python_reads_for_a_minute_keeps_nobody_waiting(server):
    """A quoted cookie of 60 kB took 85 s, during which the server answered nobody (CVE-2024-7592)."""
    cookie = 'lab_browser="' + '\\"' * 30_000 + '"'
    start = time.monotonic()
    with urllib.request.urlopen(urllib.request.Request(server.url, headers={"Cookie": cookie}), timeout=60) as answer:
        assert answer.status == 200
    assert time.monotonic() - start < 10

    async def visit():
        async with Visitor(server.url, cookie='quoted="a\\"b"; lab_browser=honest') as visitor:
            return await visitor.visit()

    assert finished(visit()).errors == []


def test_headers_without_end_are_hung_up_on(server):
    parts = urlsplit(server.url)
    before = server.memory()
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line, pytest.raises(ConnectionError):
        line.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        for _ in range(200):  # 100 MB
            line.sendall(b"x: " + b"0" * 500_000)
    assert server.memory() - before < 30


def test_the_number_of_pages_is_bounded(tmp_path):
    async def visit(url):
        async with Visitor(url) as one, Visitor(url) as two:
            await one.visit()
            await two.visit()
            with pytest.raises(websockets.WebSocketException):
                async with Visitor(url):
                    pass
        await asyncio.sleep(0.5)
        async with Visitor(url) as again:
            return (await again.visit()).errors

    with served(tmp_path / "log", GRADIENT_LAB_MAX_SESSIONS="2") as server:
        assert finished(visit(server.url)) == []


WRONG = {
    "string": lambda state: setattr(state, "string_value", "zz"),
    "not a number": lambda state: setattr(state, "double_value", float("nan")),
    "json": lambda state: setattr(state, "json_value", "{"),
    "bytes": lambda state: setattr(state, "bytes_value", b"\xff"),
    "positions": lambda state: state.int_array_value.data.extend([10**9]),
    "texts": lambda state: state.string_array_value.data.extend(["zz"] * 3),
}


@pytest.mark.parametrize("page", ["", "compare", "sweep", "papers", "runs"])
def test_wrong_states_of_controls_break_no_page(server, page):
    async def attack():
        async with Visitor(server.url, page) as stranger:
            errors = (await stranger.visit()).errors
            for make in WRONG.values():
                await stranger.post(rerun_with(stranger, make))
                errors += (await stranger.answer(time.perf_counter())).errors
            return errors + (await stranger.change()).errors

    assert not finished(attack())


def test_a_small_frame_that_unpacks_to_a_large_message_ends_the_connection(server):
    async def attack():
        before = server.memory()
        for _ in range(5):
            parts = urlsplit(server.url)
            line = await websockets.connect(
                f"ws://{parts.netloc}/_stcore/stream", subprotocols=["streamlit"], origin=server.url, max_size=None,
                compression="deflate",
            )  # fmt: skip
            with contextlib.suppress(websockets.ConnectionClosed):
                await line.send(b"\x00" * 50_000_000)  # 50 kB on the wire
                async with asyncio.timeout(10):
                    while True:
                        await line.recv()
            assert line.close_code in (1008, 1009)
        return server.memory() - before

    assert finished(attack()) < 60
