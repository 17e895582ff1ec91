"""Random messages, frames, states of controls, requests and tables from strangers, with an honest visitor beside.

    .venv/bin/python -m benchmarks.strangers --count 10000
    .venv/bin/python -m benchmarks.strangers --count 10000 --kinds frames requests

Each kind is sent so many times, from a seed. It fails when a page of the honest visitor shows an error, when his median
answer takes more than twice as long as before, or when the server holds 60 MB more than at the start after they left.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import websockets
from google.protobuf.descriptor import FieldDescriptor
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.support.stranger import rerun_with
from tests.support.visitor import Server, Visitor, served

COUNT = 10_000  # of each kind
AT_ONCE = 4  # connections of strangers
FILES_A_VISIT = 5  # a visit may hold 8
QUIET_ANSWERS = 15
PAUSE_SECONDS = 0.3  # between two changes of the honest visitor
STAYS = 2  # seconds for which a visitor who has gone is waited for; a server's own setting is a minute
ALLOWED_MEGABYTES = 60
ALLOWED_RATIO = 2.0
LETTERS = ["a", "0", "zz", "\u202e", "\x00", "%", "../", "'", '"', "<b>", "nan", "1e999", "-1", "é", "😀", " " * 50]
KINDS = [field for field in BackMsg.DESCRIPTOR.fields if field.containing_oneof]


@dataclass
class Report:
    """The outcome of an attack.

    Attributes:
        quiet, beside: median seconds of the honest visitor's answers before and meanwhile.
        answers: how many he had meanwhile.
        errors: messages of errors on his page.
        grown: megabytes that the server holds more at the end.
        seconds: by kind, how long the strangers sent.
    """

    quiet: float
    beside: float
    answers: int
    errors: list[str]
    grown: float
    seconds: dict[str, float]


def text(rng: random.Random, longest: int = 6) -> str:
    """Some characters that programs stumble over."""
    return "".join(rng.choices(LETTERS, k=rng.randint(0, longest)))


def message(rng: random.Random) -> bytes:
    """A message of any kind with some of its fields set, or one with a few bytes changed, or no message."""
    kind = rng.choice(KINDS)
    made = BackMsg()
    if kind.type == FieldDescriptor.TYPE_MESSAGE:
        part = getattr(made, kind.name)
        part.SetInParent()
        for field in part.DESCRIPTOR.fields:
            if rng.random() < 0.5 and not field.is_repeated:
                if field.type == FieldDescriptor.TYPE_STRING:
                    setattr(part, field.name, text(rng).replace("\x00", ""))
                elif field.type == FieldDescriptor.TYPE_BOOL:
                    setattr(part, field.name, rng.random() < 0.5)
    elif kind.type == FieldDescriptor.TYPE_STRING:
        setattr(made, kind.name, text(rng))
    else:
        setattr(made, kind.name, True)
    raw = bytearray(made.SerializeToString())
    for _ in range(rng.choice([0, 0, 1, 3])):
        raw.insert(rng.randint(0, len(raw)), rng.randrange(256))
    return bytes(raw) if rng.random() < 0.9 else rng.randbytes(rng.randint(0, 2_000))


def state(rng: random.Random, made: WidgetState) -> None:
    """Any value for a control."""
    kind = rng.randrange(9)
    if kind == 0:
        made.string_value = text(rng)
    elif kind == 1:
        made.double_value = rng.choice([0.0, -1.0, 1e308, float("nan"), float("inf"), rng.uniform(-10, 10)])
    elif kind == 2:
        made.int_value = rng.choice([0, -1, 2**62, rng.randrange(100)])
    elif kind == 3:
        made.bool_value = rng.random() < 0.5
    elif kind == 4:
        made.json_value = rng.choice(["{", "[]", "null", "1", '{"selection": 3}', '{"edited_rows": {"9": {}}}'])
    elif kind == 5:
        made.int_array_value.data.extend(rng.choices([-1, 0, 1, 10**9], k=rng.randint(0, 4)))
    elif kind == 6:
        made.double_array_value.data.extend(rng.choices([-1.0, 0.5, float("nan")], k=rng.randint(0, 4)))
    elif kind == 7:
        made.string_array_value.data.extend(text(rng) for _ in range(rng.randint(0, 4)))
    else:
        made.bytes_value = rng.randbytes(20)


def request(rng: random.Random, host: str) -> bytes:
    """The bytes of a request, valid or nearly so."""
    method = rng.choice(["GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "X" * 50])
    paths = ["/", "/healthz", "/static/", "/static/js/", "/_stcore/health", "/_stcore/upload_file/", "/media/",
             "/_stcore/host-config", "/_stcore/stream", "/component/", "/app/static/"]  # fmt: skip
    tail = "".join(rng.choices(["a", "..", "/", "%2e", "%00", "?", "=", "&", "\\", "~", "%ff"], k=rng.randint(0, 12)))
    lines = [f"{method} {rng.choice(paths)}{tail} HTTP/1.{rng.choice('0119')}"]
    if rng.random() < 0.9:
        lines.append(f"Host: {rng.choice([host, host, host, 'evil.example', '[', ''])}")
    for _ in range(rng.randint(0, 4)):
        name = rng.choice(["Origin", "Cookie", "Range", "Content-Length", "X-Forwarded-For", "Upgrade", "Connection"])
        lines.append(
            f"{name}: {rng.choice(['null', '-1', '5', 'websocket', 'bytes=0-', 'a' * 5_000, 'lab_browser=x'])}"
        )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + rng.randbytes(rng.choice([0, 0, 5]))


def table(rng: random.Random) -> bytes:
    """A small table of text, or something like one."""
    cells = [lambda: f"{rng.uniform(-5, 5):.3f}", lambda: str(rng.randrange(9)), lambda: text(rng, 3), lambda: "NA"]
    width, mark = rng.randint(1, 6), rng.choice([",", ";", "\t", "|", " "])
    rows = [mark.join(rng.choice(cells)() for _ in range(width)) for _ in range(rng.randint(0, 30))]
    raw = bytearray("\n".join([mark.join(f"c{i}" for i in range(width)), *rows]).encode())
    for _ in range(rng.choice([0, 0, 0, 2])):
        raw.insert(rng.randint(0, len(raw)), rng.randrange(256))
    return bytes(raw)


async def send_messages(server: Server, rng: random.Random, count: int) -> None:
    """Messages on the pages' websocket; a new connection for each that is cut off."""
    socket = None
    for _ in range(count):
        if socket is None or socket.state is not websockets.State.OPEN:
            socket = await _connected(server)
        with suppress(websockets.ConnectionClosed, TimeoutError):
            await socket.send(message(rng))
            async with asyncio.timeout(0.01):
                while True:
                    await socket.recv()
        if rng.random() < 0.1:
            await socket.close()
    await socket.close()


async def send_frames(server: Server, rng: random.Random, count: int) -> None:
    """Frames of text, pings, fragments, and bytes that are no frame."""
    for _ in range(count // 4):
        socket = await _connected(server)
        with suppress(websockets.ConnectionClosed, ConnectionError):
            for _ in range(4):
                kind = rng.randrange(4)
                if kind == 0:
                    await socket.send(text(rng))
                elif kind == 1:
                    await socket.ping(rng.randbytes(rng.randint(0, 125)))
                elif kind == 2:
                    await socket.send([rng.randbytes(3) for _ in range(rng.randint(1, 5))])
                else:
                    socket.transport.write(rng.randbytes(rng.randint(1, 50)))
        socket.transport.abort()


async def send_states(server: Server, rng: random.Random, count: int) -> None:
    """Random values for every control of a page, some sixty at once."""
    left = count
    while left > 0:
        async with Visitor(server.url, rng.choice(["", "compare", "sweep", "lecture", "papers", "runs"])) as stranger:
            await stranger.visit()
            for _ in range(5):
                asked = rerun_with(stranger, lambda made: state(rng, made))
                left -= max(len(asked.rerun_script.widget_states.widgets), 1)
                await stranger.post(asked)
                try:
                    await stranger.answer(time.perf_counter())
                except TimeoutError:  # a network of minutes: only the honest visitor's answers are held to a time
                    break


async def send_requests(server: Server, rng: random.Random, count: int) -> None:
    """Requests, each on a connection of its own."""
    parts = urlsplit(server.url)
    for _ in range(count):
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(request(rng, parts.netloc))
                async with asyncio.timeout(0.05):
                    await reader.read(1_000)
            finally:
                writer.transport.abort()


async def send_tables(server: Server, rng: random.Random, count: int) -> None:
    """Tables, one for a hundred other things: each is uploaded and a network trained on it."""
    for first in range(0, count // 100, FILES_A_VISIT):
        async with Visitor(server.url, query="dataset=custom&steps=5&hidden=4") as stranger:
            await stranger.visit()
            for i in range(first, min(first + FILES_A_VISIT, count // 100)):
                answer = await stranger.upload("table_file", f"t{i}.csv", table(rng))
                assert not answer.errors, answer.errors


async def _connected(server: Server):
    parts = urlsplit(server.url)
    return await websockets.connect(
        f"ws://{parts.netloc}/_stcore/stream", subprotocols=["streamlit"], origin=server.url, max_size=None,
        open_timeout=60, ping_interval=None,
    )  # fmt: skip


ATTACKS: dict[str, Callable[[Server, random.Random, int], Awaitable[None]]] = {
    "messages": send_messages,
    "frames": send_frames,
    "states": send_states,
    "requests": send_requests,
    "tables": send_tables,
}


async def attack(server: Server, count: int, seed: int = 0, kinds: Collection[str] = tuple(ATTACKS)) -> Report:
    """Send each of these kinds so many times, one kind after another, beside an honest visitor."""
    before, seconds, errors, quiet, beside = server.memory(), {}, [], [], []
    async with Visitor(server.url, query="hidden=8,8&steps=20") as honest:
        await honest.visit()

        async def change(times: list[float]) -> None:
            answer = await honest.change(init_scale=round(1 + len(quiet + beside) / 1000, 3))
            times.append(answer.seconds)
            errors.extend(answer.errors)
            await asyncio.sleep(PAUSE_SECONDS)

        for _ in range(QUIET_ANSWERS):
            await change(quiet)
        for number, (name, send) in enumerate(ATTACKS.items()):
            if name not in kinds:
                continue
            start = time.monotonic()
            at_once = 1 if name in ("states", "tables") else AT_ONCE
            rngs = [random.Random(f"{seed} {number} {k}") for k in range(at_once)]
            sending = asyncio.gather(*(send(server, rng, count // at_once) for rng in rngs))
            while not sending.done():
                await change(beside)
            await sending
            seconds[name] = round(time.monotonic() - start, 1)
    await asyncio.sleep(2 * STAYS + 1)
    async with Visitor(server.url) as last:  # Streamlit lets go of sessions when another one comes
        errors += (await last.visit()).errors
    await asyncio.sleep(2 * STAYS + 1)
    return Report(
        quiet=statistics.median(quiet), beside=statistics.median(beside), answers=len(beside), errors=errors,
        grown=server.memory() - before, seconds=seconds,
    )  # fmt: skip


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--count", type=int, default=COUNT)
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--kinds", nargs="+", choices=ATTACKS, default=[*ATTACKS])
    given = ask.parse_args()
    with served(STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL=str(STAYS)) as server:
        report = asyncio.run(attack(server, given.count, given.seed, given.kinds))
    print(report)
    if report.errors or report.beside > ALLOWED_RATIO * report.quiet or report.grown > ALLOWED_MEGABYTES:
        sys.exit("the honest visitor or the server's memory has suffered")


if __name__ == "__main__":
    main()
