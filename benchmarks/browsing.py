"""A Chromium that visits the dashboard or the naive page, and what it counts there: bytes, messages, work, shifts."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.visitor import Server, free_port, served

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
VIEWPORT = {"width": 1440, "height": 1000}
QUIET_SECONDS = 1.5  # without a message after which a page counts as settled
TIMEOUT_MS = 180_000
# What a reader who writes the page alone starts with.
PLAIN_SETTINGS = {
    "STREAMLIT_SERVER_ENABLE_WEBSOCKET_COMPRESSION": "false",
    "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
}

_SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifts += entry.value; })
    .observe({ type: 'layout-shift', buffered: true });
}"""


class Tap:
    """A relay on a port of its own that counts the bytes that a server's websockets put on the wire."""

    def __init__(self, url: str):
        self.bytes = 0
        self._target, self.port = int(url.rsplit(":", 1)[1]), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._relay, "127.0.0.1", self.port))
        self._loop.run_forever()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        first = await reader.read(65_536)
        there_writer.write(first)
        count = b"upgrade: websocket" in first.lower()
        await asyncio.gather(_pump(reader, there_writer), self._pump_back(there_reader, writer, count))

    async def _pump_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: bool) -> None:
        async for part in _parts(reader, writer):
            self.bytes += len(part) * count


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async for _ in _parts(reader, writer):
        pass


async def _parts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
    try:
        while part := await reader.read(65_536):
            writer.write(part)
            yield part
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@dataclass
class Counts:
    """One visit or one move.

    Attributes:
        bytes: of the websocket, on the wire.
        messages: of the server to the page.
        work: seconds of processor time of the page's main thread.
        shift: sum of all layout shifts, those that follow a key press within half a second included.
        nodes: of the document at its end.
    """

    bytes: int
    messages: int
    work: float
    shift: float
    nodes: int

    def __str__(self) -> str:
        size = f"{self.bytes / 1000:6.1f} kB in {self.messages:4d} messages"
        return f"{size}, main thread {1000 * self.work:5.0f} ms, layout shift {self.shift:.3f}, {self.nodes} nodes"


@dataclass
class Visit:
    """A page of a browser at a server, through a tap."""

    page: Page
    tap: Tap
    messages: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._session = self.page.context.new_cdp_session(self.page)
        self._session.send("Network.enable")
        self._session.send(
            "Performance.enable", {"timeDomain": "threadTicks"}
        )  # not counted while others have the core
        self._session.on("Network.webSocketFrameReceived", lambda _: self.messages.append(time.perf_counter()))
        self.page.add_init_script(f"({_SHIFTS})()")
        self.page.set_default_timeout(TIMEOUT_MS)

    def slow_down(self, factor: float) -> None:
        """Slow the page's processor so many times."""
        self._session.send("Emulation.setCPUThrottlingRate", {"rate": factor})

    def open(self, path: str = "") -> Counts:
        """Load a page and wait until it is settled."""
        before = self._now()
        self.page.goto(f"{self.tap.url}/{path}")
        self.settle()
        return self._since(replace(before, shift=0.0))

    def press(self, selector: str, key: str = "ArrowUp") -> Counts:
        """Press a key in a field and wait until the page is settled."""
        before = self._now()
        self.page.locator(selector).press(key)
        self.settle()
        return self._since(before)

    def settle(self) -> None:
        """Wait until no script runs and no message comes.

        By locators: the element that `wait_for_selector` returns would keep each old chart in memory.
        """
        self.page.locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")
        while True:
            count = len(self.messages)
            self.page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
            self.page.wait_for_timeout(1000 * QUIET_SECONDS)
            if len(self.messages) == count:
                return

    def nodes(self) -> int:
        """Count the nodes that are left once garbage is collected."""
        self._session.send("HeapProfiler.collectGarbage")
        return int(self._metrics()["Nodes"])

    def heap(self) -> float:
        """Megabytes of JavaScript once garbage is collected."""
        self._session.send("HeapProfiler.collectGarbage")
        return self._metrics()["JSHeapUsedSize"] / 1e6

    def _metrics(self) -> dict[str, float]:
        return {metric["name"]: metric["value"] for metric in self._session.send("Performance.getMetrics")["metrics"]}

    def _now(self) -> Counts:
        metrics = self._metrics()
        shift = self.page.evaluate("() => window.shifts || 0")
        return Counts(self.tap.bytes, len(self.messages), metrics["TaskDuration"], shift, int(metrics["Nodes"]))

    def _since(self, before: Counts) -> Counts:
        now = self._now()
        return Counts(
            now.bytes - before.bytes,
            now.messages - before.messages,
            now.work - before.work,
            now.shift - before.shift,
            now.nodes,
        )


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium") or None, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """A visit to a server, in a browser context of its own."""
    context = browser.new_context(viewport=VIEWPORT)
    yield Visit(context.new_page(), Tap(server.url))
    context.close()


@contextmanager
def naive_page() -> Iterator[Server | None]:
    """The naive page; None where PyTorch is missing."""
    if importlib.util.find_spec("torch") is None:
        yield None
        return
    with served(entry="benchmarks/naive_page.py", **PLAIN_SETTINGS) as server:
        yield server
