"""Bounds on connections: headers without end, slow senders and readers, too many."""

import asyncio
import socket
from types import SimpleNamespace

import pytest
import websockets
from uvicorn import Config, Server
from uvicorn.server import ServerState

from tests.support.loops import finished
from ui.runtime import connections, limits

PAGE = b"HTTP/1.1 200"


async def page(scope, receive, send):
    """Answers once the body is read."""
    while scope["type"] == "http" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def against(talk, monkeypatch, served=page, **bounds):
    """Replies of a real server on this machine; bounds are those of the module, or options of uvicorn."""
    options = {name: bounds.pop(name) for name in list(bounds) if name.islower()}
    for name, value in bounds.items():
        monkeypatch.setattr(connections, name, value)
    monkeypatch.setattr(Server, "startup", Server.startup)  # undone afterwards
    connections.install()

    async def run():
        server = Server(
            Config(served, host="127.0.0.1", port=0, http="httptools", lifespan="off", log_level="critical", **options)
        )
        serving = asyncio.create_task(server.serve())
        try:
            async with asyncio.timeout(30):
                while not server.started:
                    await asyncio.sleep(0.01)
                port = server.servers[0].sockets[0].getsockname()[1]
                return await talk(port, server.config)
        finally:
            server.should_exit = True
            await serving

    return finished(run())


async def answer(port, *parts, pause=0.0):
    """Reply to these bytes, until the server hangs up or answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        return await reader.read(12)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_an_ordinary_request_is_answered_and_frames_are_bounded(monkeypatch):
    async def talk(port, config):
        small = await answer(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        body = b"0" * 300_000
        large = await answer(port, b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\n\r\n" + body)
        return small, large, config.ws_max_size

    assert against(talk, monkeypatch) == (PAGE, PAGE, connections.MAX_FRAME_BYTES)


@pytest.mark.parametrize(
    "parts",
    [
        [b"x: " + b"0" * 1_000 + b"\r\n"] * 100,  # many headers
        [b"x: " + b"0" * 1_000_000],  # one without an end
        [b"x: ", *[b"0" * 50_000] * 40],
    ],
    ids=["many", "endless", "endless in pieces"],
)
def test_headers_are_bounded(parts, monkeypatch):
    async def talk(port, config):
        return await answer(port, b"GET / HTTP/1.1\r\nhost: x\r\n", *parts, b"\r\n\r\n")

    assert against(talk, monkeypatch) != PAGE


class FakeTransport(asyncio.Transport):
    """A connection without a network: notes whether it was cut."""

    def __init__(self):
        super().__init__()
        self.is_cut = False
        self.protocol = None

    def get_protocol(self):
        return self.protocol

    def is_closing(self):
        return self.is_cut

    def abort(self):
        self.is_cut = True

    def write(self, data):
        pass

    close = abort


@pytest.mark.parametrize("form", ["/{} HTTP/1.1\r\n", "/ HTTP/1.1\r\n{}: 1\r\n", "/ HTTP/1.1\r\nx: {}\r\n"])
@pytest.mark.parametrize("n_bytes, is_cut", [(connections.MAX_HEADER_BYTES - 100, False), (70_000, True)])
def test_the_address_and_names_and_values_of_headers_count(form, n_bytes, is_cut):
    line = FakeTransport()

    async def talk():
        protocol = connections.BoundedHttpProtocol(Config(page), ServerState(), {})
        line.protocol = protocol
        protocol.connection_made(line)
        protocol.data_received(f"GET {form.format('a' * n_bytes)}\r\n".encode())  # all at once
        await asyncio.sleep(0)
        return line.is_cut

    assert finished(talk()) == is_cut


def test_one_who_does_not_finish_a_request_is_hung_up_on(monkeypatch):
    async def talk(port, config):
        silent = await answer(port)
        slow = await answer(port, b"GET / HTTP/1.1\r\n", b"x: 1\r\n", b"y: 1\r\n", pause=0.2)
        body = await answer(port, b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n", b"1")
        return silent, slow, body

    assert against(talk, monkeypatch, HEADER_SECONDS=0.3, BODY_SECONDS=0.3) == (b"", b"", b"")


async def seconds_open(port, sent, seconds):
    """Seconds until the server ends an idle connection that has had an answer and then sends this every 0.1 s."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readuntil(b"ok")
    start = asyncio.get_running_loop().time()
    try:
        while (passed := asyncio.get_running_loop().time() - start) < seconds and not reader.at_eof():
            writer.write(sent)
            await writer.drain()
            await asyncio.sleep(0.1)
        return passed
    except ConnectionError:
        return passed
    finally:
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\n", b"\r\n" * 50_000], ids=["nothing", "lines", "feeds", "many"])
def test_empty_lines_between_two_requests_keep_no_connection_open(sent, monkeypatch):
    async def talk(port, config):
        return await seconds_open(port, sent, 6.0)

    assert against(talk, monkeypatch, HEADER_SECONDS=1.0, timeout_keep_alive=1) < 5


async def naming_page(scope, receive, send):
    """Answers with the address that it is asked from."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["client"][0].encode()})


@pytest.mark.parametrize("trusted, address", [("", b"127.0.0.1"), ("0", b"127.0.0.1"), ("1", b"203.0.113.7")])
def test_a_header_names_the_address_only_where_the_operator_trusts_a_proxy(trusted, address, monkeypatch):
    async def talk(port, config):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.7\r\nconnection: close\r\n\r\n")
        told = await reader.read()
        writer.close()
        return told

    monkeypatch.setenv(limits.PROXY, trusted)
    assert address in against(talk, monkeypatch, served=naming_page)


async def slow_page(scope, receive, send):
    """Answers a while after it has read the body."""
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(1.0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize("after", [b"", b"\r\n"])
def test_an_answer_may_take_longer_than_headers(after, monkeypatch):
    async def talk(port, config):
        request = b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\n\r\n" + b"0" * 300_000
        return await answer(port, request, after, pause=0.05)

    assert against(talk, monkeypatch, served=slow_page, HEADER_SECONDS=0.4, BODY_SECONDS=0.4) == PAGE


async def hasty_page(scope, receive, send):
    """Answers before it has read the body."""
    await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


async def bytes_taken(port, piece, total):
    """Bytes of a body, in these pieces, that a server takes after its answer before it hangs up, of so many at most."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
    await reader.readuntil(b"no")
    n_bytes = 0
    try:
        while n_bytes < total:
            writer.write(piece)
            await writer.drain()
            n_bytes += len(piece)
    except ConnectionError:
        pass
    writer.close()
    return n_bytes


@pytest.mark.parametrize(
    "piece", [b"186a0\r\n" + b"0" * 100_000 + b"\r\n", b"1;" + b"a" * 100_000 + b"\r\n0\r\n"], ids=["body", "names"]
)
def test_a_body_that_goes_on_after_its_answer_is_hung_up_on(piece, monkeypatch):
    async def talk(port, config):
        return await bytes_taken(port, piece, 900_000), await bytes_taken(port, piece, 30_000_000)

    small, large = against(talk, monkeypatch, served=hasty_page, MAX_UNWANTED_BYTES=1_000_000)
    assert small >= 900_000 and large < 25_000_000  # the system between takes some of it


async def large_page(scope, receive, send):
    """Answers with more than a connection holds by itself."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20000000")]})
    await send({"type": "http.response.body", "body": b"0" * 20_000_000})


async def is_hung_up_on(port, request):
    """True if the server ends the connection of one who sends this and reads nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
        await asyncio.get_running_loop().sock_sendall(line, request)
        await asyncio.sleep(1.5)
        n_bytes = 0
        while received := await asyncio.get_running_loop().sock_recv(line, 1_000_000):
            n_bytes += len(received)
        return n_bytes < 20_000_000
    except ConnectionError:
        return True
    finally:
        line.close()


@pytest.mark.parametrize("rest", [b"", b"connection: close\r\n"], ids=["kept", "closing"])
def test_one_who_does_not_read_an_answer_is_hung_up_on(rest, monkeypatch):
    request = b"GET / HTTP/1.1\r\nhost: x\r\n" + rest + b"\r\n"

    async def talk(port, config):
        return await is_hung_up_on(port, request)

    assert against(talk, monkeypatch, served=large_page, READ_SECONDS=0.3)
    assert not against(talk, monkeypatch, served=large_page, READ_SECONDS=20)


def test_connections_are_bounded_in_number(monkeypatch):
    async def talk(port, config):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        refused = await answer(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        for _, writer in idle:
            writer.close()
        await asyncio.sleep(0.2)
        return refused, await answer(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")

    assert against(talk, monkeypatch, MAX_CONNECTIONS=3) == (b"", PAGE)


async def answers(port, count):
    """Answers to so many requests that are sent at once, and whether the server hangs up then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * count)
        received = b""
        while received.count(b"ok") < count:
            more = await asyncio.wait_for(reader.read(10_000), 10)
            if not more:
                break
            received += more
        return received.count(PAGE)
    except ConnectionError:
        return 0
    finally:
        writer.close()


def test_a_few_requests_that_come_at_once_are_answered_and_no_more_wait(monkeypatch):
    allowed = connections.MAX_PIPELINED + 1  # that many wait, and one is being answered

    async def talk(port, config):
        return [await answers(port, count) for count in (allowed, allowed + 1, 5_000)]

    few, one_more, many = against(talk, monkeypatch)
    assert few == allowed and one_more < allowed and many < allowed


async def is_cut_off_after(port, frames):
    """True if a page that sends these frames, and reads what it gets, is hung up on."""
    page = await websockets.connect(f"ws://127.0.0.1:{port}/", ping_interval=None, compression=None)
    try:
        for frame in frames:
            page.transport.write(frame)
            await asyncio.sleep(0)
        async with asyncio.timeout(2):
            await page.wait_closed()
        return True
    except TimeoutError:
        return False
    finally:
        page.transport.abort()


async def silent_page(scope, receive, send):
    """Reads a page's messages and says nothing."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


UPGRADE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
)


@pytest.mark.parametrize(
    "header",
    [b"x: " + b"a" * 9_000, b"\r\n".join([b"x: 1"] * 200), b"sec-websocket-extensions: " + b"x, " * 5_000 + b"x"],
    ids=["long", "many", "extensions"],
)
def test_a_handshake_that_cannot_be_read_ends_the_connection(header, monkeypatch):
    async def talk(port, config):
        good = await asyncio.wait_for(answer(port, UPGRADE + b"\r\n"), 10)
        return good, await asyncio.wait_for(answer(port, UPGRADE + header + b"\r\n\r\n"), 10)

    assert against(talk, monkeypatch, served=silent_page) == (b"HTTP/1.1 101", b"")


async def undecided_page(scope, receive, send):
    """Neither accepts a page nor refuses it."""
    await receive()
    await receive()


def test_a_page_that_is_not_accepted_in_time_is_hung_up_on(monkeypatch):
    async def talk(port, config):
        return await asyncio.wait_for(answer(port, UPGRADE + b"\r\n"), 10)

    assert against(talk, monkeypatch, served=undecided_page, HEADER_SECONDS=0.3) == b""


PING, FIRST, PART = (code + b"\x80\0\0\0\0" for code in (b"\x89", b"\x02", b"\x00"))


@pytest.mark.parametrize("frame", [PING, PART, b"\x8a\x80\0\0\0\0"], ids=["pings", "parts", "pongs"])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_page_that_sends_many_frames_that_are_no_message_is_hung_up_on(frame, at_once, monkeypatch):
    first = FIRST if frame == PART else b""

    def frames(count):
        return [first + frame * count] if at_once else [first, *[frame] * count]

    async def talk(port, config):
        few, many = frames(connections.MAX_EXTRA_FRAMES // 2), frames(connections.MAX_EXTRA_FRAMES + 2)
        return await is_cut_off_after(port, few), await is_cut_off_after(port, many)

    assert against(talk, monkeypatch, served=silent_page) == (False, True)


def test_extra_frames_are_forgotten_after_a_while(monkeypatch):
    async def talk(port, config):
        page = await websockets.connect(f"ws://127.0.0.1:{port}/", ping_interval=None, compression=None)
        for _ in range(4):
            for _ in range(3):
                await (await page.ping())
            await asyncio.sleep(0.3)
        is_open = page.state is websockets.State.OPEN
        await page.close()
        return is_open

    assert against(talk, monkeypatch, served=silent_page, MAX_EXTRA_FRAMES=5, EXTRA_FRAME_SECONDS=0.2)


class AttentivePage:
    """An application that answers every message with a large one, and counts them."""

    read = 0

    async def __call__(self, scope, receive, send):
        AttentivePage.read = 0
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            AttentivePage.read += 1
            sending = asyncio.create_task(send({"type": "websocket.send", "bytes": b"0" * 1_000_000}))
            await asyncio.sleep(0)  # Streamlit reads on while it sends
            del sending


def test_a_page_that_reads_nothing_is_not_listened_to(monkeypatch):
    async def talk(port, config):
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
        page = await websockets.connect(f"ws://127.0.0.1:{port}/", sock=line, ping_interval=None, compression=None,
                                        max_size=None)  # fmt: skip
        page.transport.pause_reading()
        for _ in range(100):
            page.transport.write(b"\x82\x81\0\0\0\0x")
            await asyncio.sleep(0.005)
        unread = AttentivePage.read
        page.transport.resume_reading()
        for _ in range(100):
            await asyncio.wait_for(page.recv(), 10)
        page.transport.abort()
        return unread, AttentivePage.read

    unread, read = against(talk, monkeypatch, served=AttentivePage())
    assert unread < 20 and read == 100


@pytest.mark.parametrize("is_reading_paused", [False, True])
def test_a_page_that_reads_again_is_listened_to_where_no_other_messages_of_it_wait(is_reading_paused):
    async def read_again():
        listened = []
        protocol = object.__new__(connections.BoundedWebSocketProtocol)
        protocol.writable, protocol.read_paused = asyncio.Event(), is_reading_paused
        protocol.transport = SimpleNamespace(
            pause_reading=lambda: listened.append(False), resume_reading=lambda: listened.append(True), abort=None
        )
        protocol.pause_writing()
        protocol.resume_writing()
        return listened

    assert finished(read_again()) == [False] + [True] * (not is_reading_paused)


class RunningPage:
    """An application that answers a message with a run of forty, which wait in a queue as those of Streamlit do."""

    runs = 0

    async def __call__(self, scope, receive, send):
        waiting = asyncio.Queue()

        async def hand_on():
            while True:
                await send({"type": "websocket.send", "bytes": await waiting.get()})

        await receive()
        await send({"type": "websocket.accept"})
        sender = asyncio.create_task(hand_on())
        while (await receive())["type"] == "websocket.receive":
            self.runs += 1
            for _ in range(40):
                waiting.put_nowait(b"0" * 2_000)
            await asyncio.sleep(0.01)
        sender.cancel()


async def ask_for_runs(port, n_bytes):
    """Ask for forty runs, and read so many bytes of them, slowly."""
    loop, line = asyncio.get_running_loop(), socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.setblocking(False)
    await loop.sock_connect(line, ("127.0.0.1", port))
    await loop.sock_sendall(line, UPGRADE + b"\r\n")
    await loop.sock_recv(line, 1_000)
    for _ in range(40):
        await loop.sock_sendall(line, b"\x82\x81\0\0\0\0x")
        await asyncio.sleep(0.005)
    pieces = 20
    for _ in range(pieces):
        left = n_bytes // pieces
        while left > 0:
            left -= len(await asyncio.wait_for(loop.sock_recv(line, left), 10))
        await asyncio.sleep(0.02)
    return line


@pytest.mark.parametrize("n_read, least, most", [(0, 1, 2), (5, 5, 7), (39, 40, 40)])
def test_a_page_has_no_other_run_before_it_has_read_what_was_sent(n_read, least, most, monkeypatch):
    page = RunningPage()

    async def talk(port, config):
        line = await ask_for_runs(port, n_bytes=80_000 * n_read)
        runs = page.runs
        line.close()
        return runs

    assert least <= against(talk, monkeypatch, served=page) <= most


async def is_page_hung_up_on(port, reads, seconds):
    """True if the server ends the websocket of a page within so many seconds, who reads its messages or does not."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
    page = await websockets.connect(f"ws://127.0.0.1:{port}/", sock=line, ping_interval=None, compression=None)
    try:
        if reads:
            async with asyncio.timeout(seconds):
                async for _ in page:
                    pass
            return True
        page.transport.pause_reading()
        await asyncio.wait_for(TalkativePage.ended.wait(), seconds)
        return True
    except TimeoutError:
        return False
    finally:
        page.transport.abort()


class TalkativePage:
    """An application that sends a page more than its connection holds, and waits for its answer."""

    ended: asyncio.Event

    async def __call__(self, scope, receive, send):
        TalkativePage.ended = asyncio.Event()
        await receive()
        await send({"type": "websocket.accept"})
        try:
            for _ in range(100):
                await send({"type": "websocket.send", "bytes": b"0" * 100_000})
            while (await receive())["type"] != "websocket.disconnect":
                pass
        finally:
            TalkativePage.ended.set()


@pytest.mark.parametrize("bound", ["messages", "pings"])
def test_a_page_that_does_not_read_its_messages_is_hung_up_on(bound, monkeypatch):
    seconds, interval, timeout = (0.3, None, None) if bound == "messages" else (20, 0.2, 1.0)

    def outcome(reads, wait, **options):
        async def talk(port, config):
            return await is_page_hung_up_on(port, reads, wait)

        return against(talk, monkeypatch, served=TalkativePage(), MESSAGE_READ_SECONDS=seconds, **options)

    assert outcome(reads=False, wait=20, ws_ping_interval=interval, ws_ping_timeout=timeout)
    assert not outcome(reads=True, wait=1.5, ws_ping_interval=interval, ws_ping_timeout=timeout)


def test_every_request_of_a_connection_has_headers_of_its_own(monkeypatch):
    one = b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x: " + b"0" * 40_000 + b"\r\n\r\n"

    async def talk(port, config):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = []
        for _ in range(3):
            writer.write(one)
            answers.append((await reader.readuntil(b"ok"))[:12])
        writer.close()
        return answers

    assert against(talk, monkeypatch) == [PAGE] * 3


def test_headers_and_a_body_have_their_own_deadlines_and_an_answer_has_none(monkeypatch):
    deadlines, expect = [], connections.BoundedHttpProtocol._expect

    def note(self, seconds):
        deadlines.append(seconds)
        expect(self, seconds)

    async def talk(port, config):
        found = await answer(port, b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n", b"1", b"2")
        return found, deadlines[:4]

    monkeypatch.setattr(connections.BoundedHttpProtocol, "_expect", note)
    header, body = connections.HEADER_SECONDS, connections.BODY_SECONDS
    assert header < body
    assert against(talk, monkeypatch) == (PAGE, [header, header, body, None])
