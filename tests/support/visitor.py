"""A visitor without a browser: speaks the websocket protocol of Streamlit's pages, and the server it visits.

A browser sends the states of all widgets at each rerun and names the messages it has kept of the last two runs, so
that the server sends no chart twice; so does this.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.support.checkout import HOUSE

START_LIMIT = 180  # seconds; a start takes about 4 on two idle cores, and a minute on busy ones
PRESSED = object()  # instead of a value, for a button
ANSWER_LIMIT = 120  # seconds; without an answer by then the change counts as lost


@dataclass
class Answer:
    """The server's reply to one change.

    Attributes:
        seconds: from sending the change to the end of the script.
        texts: all markdown, headings and alerts, in order.
        charts: keys of the charts drawn.
        errors: messages of exceptions, and alerts that speak of an error.
        bytes: received.
        messages: as they came, without the compression of the websocket.
        finished: whether the script ran to its end.
    """

    seconds: float = 0.0
    texts: list[str] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    bytes: int = 0
    messages: list[bytes] = field(default_factory=list)
    finished: bool = False


class Visitor:
    """One session. Use `async with Visitor(url) as visitor`.

    Args:
        url, page, query: where it goes.
        cookie: the browser's.
        resume: the session that it asks to go on with.
        origin: of the page; the server's own by default.
        address: that a proxy would name as the browser's.
    """

    def __init__(
        self,
        url: str,
        page: str = "",
        query: str = "",
        *,
        cookie: str = "",
        resume: str = "",
        origin: str = "",
        address: str = "",
    ):
        parts = urlsplit(url)
        self._url, self._page, self.query, self.cookie = url, page, query, cookie
        self._headers = {"Cookie": cookie, "X-Forwarded-For": address}
        self._socket_url = f"ws://{parts.netloc}/_stcore/stream"
        self._origin = origin or f"{parts.scheme}://{parts.netloc}"
        # A browser that has lost the line names its session in the third place.
        self._protocols = ["streamlit", "token", resume] if resume else ["streamlit"]
        self._states: dict[str, WidgetState] = {}
        self._ids: dict[str, str] = {}
        self._bound: dict[str, str] = {}  # controls that are in the page's address too, which a browser keeps up
        self._script = ""
        self._kept: list[dict[str, ForwardMsg]] = [{}, {}]
        self.session = ""

    async def __aenter__(self) -> Visitor:
        headers = {name: value for name, value in self._headers.items() if value}
        self._socket = await websockets.connect(
            self._socket_url, subprotocols=self._protocols, origin=self._origin, max_size=None, open_timeout=60,
            ping_interval=None, additional_headers=headers,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_) -> None:
        await self._socket.close()

    @property
    def charted(self) -> set[str]:
        """Keys of the widgets and charts seen so far."""
        return set(self._ids)

    async def visit(self, page: str | None = None) -> Answer:
        """Opens the page, or another one."""
        if page is not None and page != self._page:
            self._page, self._script = page, ""
        return await self.answer(await self.send())

    async def change(self, **values: object) -> Answer:
        """Sets some controls by their keys, and waits for the answer."""
        return await self.answer(await self.send(**values))

    async def post(self, message: BackMsg) -> None:
        """Sends any message as it is, as a stranger may."""
        await self._socket.send(message.SerializeToString())

    async def is_cut_off(self, seconds: float = 10.0) -> bool:
        """True if the server closes the connection within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self._socket.recv()
        except websockets.ConnectionClosed:
            return True
        except TimeoutError:
            return False

    async def send(self, **values: object) -> float:
        """Sets some controls without waiting; returns when."""
        pressed = []
        for key, value in values.items():
            if value is PRESSED:
                pressed.append(WidgetState(id=self._ids[key], trigger_value=True))
                continue
            state = self._states.setdefault(self._ids[key], WidgetState(id=self._ids[key]))
            if isinstance(value, bool):
                state.bool_value = value
            elif isinstance(value, float):
                state.double_value = value
            elif isinstance(value, str):
                state.string_value = value
            else:
                state.file_uploader_state_value.CopyFrom(value)
            if key in self._bound:
                text = str(value).lower() if isinstance(value, bool) else value
                self.query = urlencode(dict(parse_qsl(self.query)) | {self._bound[key]: text})
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_name, run.page_script_hash = self.query, self._page, self._script
        run.widget_states.widgets.extend([*self._states.values(), *pressed])
        run.cached_message_hashes.extend({*self._kept[0], *self._kept[1]})
        run.context_info.url = f"{self._url}/{self._page}"
        run.context_info.color_scheme = "light"
        await self._socket.send(message.SerializeToString())
        return time.perf_counter()

    async def answer(self, sent: float) -> Answer:
        """Everything up to the end of the script that was asked for last."""
        got, kept = Answer(), {}
        async with asyncio.timeout(ANSWER_LIMIT):
            while not got.finished:
                raw = await self._socket.recv()
                message = ForwardMsg.FromString(raw)
                got.bytes += len(raw)
                got.messages.append(raw)
                if message.WhichOneof("type") == "ref_hash":
                    kept[message.ref_hash] = self._find(message.ref_hash)
                    held = ForwardMsg()
                    held.CopyFrom(kept[message.ref_hash])
                    held.metadata.CopyFrom(message.metadata)
                    message = held
                elif message.metadata.cacheable:
                    kept[message.hash] = message
                self._take(message, got)
        self._kept = [kept, self._kept[0]]
        got.seconds = time.perf_counter() - sent
        return got

    def _find(self, name: str) -> ForwardMsg:
        return next(found[name] for found in self._kept if name in found)

    def _take(self, message: ForwardMsg, got: Answer) -> None:
        kind = message.WhichOneof("type")
        if kind == "script_finished":
            # A run that this change has superseded ends early, and is no answer.
            got.finished = message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        elif kind == "new_session":
            self.session = message.new_session.initialize.session_id or self.session
        elif kind == "navigation":
            self._script = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta":
            self._draw(message.delta, got)

    def _draw(self, delta, got: Answer) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type")
        element = getattr(delta.new_element, kind)
        if kind in ("markdown", "alert", "heading"):
            got.texts.append(element.body)
        if kind == "exception" or (kind == "alert" and "Something went wrong" in element.body):
            got.errors.append(element.message if kind == "exception" else element.body)
        name = getattr(element, "id", "")
        if not name.startswith("$$ID-"):
            return
        key = name.split("-", 2)[2]
        if kind == "plotly_chart":
            got.charts.append(key)
        self._ids[key] = name
        if getattr(element, "query_param_key", ""):
            self._bound[key] = element.query_param_key
        if name not in self._states or getattr(element, "set_value", False):
            state = _first(kind, element)
            if state is not None:
                state.id = name
                self._states[name] = state

    async def upload(self, key: str, name: str, content: bytes, mime: str = "text/csv") -> Answer:
        """Puts a file into an uploader, as a browser does: asks for a place, sends it there, then names it."""
        ask = BackMsg()
        ask.file_urls_request.request_id, ask.file_urls_request.session_id = "1", self.session
        ask.file_urls_request.file_names.append(name)
        await self._socket.send(ask.SerializeToString())
        async with asyncio.timeout(ANSWER_LIMIT):
            while True:
                message = ForwardMsg.FromString(await self._socket.recv())
                if message.WhichOneof("type") == "file_urls_response":
                    break
        urls = message.file_urls_response.file_urls[0]
        await asyncio.to_thread(self._put, urls.upload_url, name, content, mime)
        state = WidgetState().file_uploader_state_value
        info = state.uploaded_file_info.add()
        info.name, info.size, info.file_id = name, len(content), urls.file_id
        info.file_urls.CopyFrom(urls)
        return await self.change(**{key: state})

    def _put(self, path: str, name: str, content: bytes, mime: str) -> None:
        with urllib.request.urlopen(f"{self._url}/_stcore/health", timeout=60) as answer:
            token = SimpleCookie(answer.headers["Set-Cookie"])["_streamlit_xsrf"].value
        edge = "the-edge-of-the-parts"
        place = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        head = f"--{edge}\r\n{place}\r\nContent-Type: {mime}\r\n\r\n"
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}", "X-Xsrftoken": token,
                   "Cookie": f"_streamlit_xsrf={token}; {self.cookie}"}  # fmt: skip
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        request = urllib.request.Request(f"{self._url}/{path.lstrip('/')}", body, headers, method="PUT")
        urllib.request.urlopen(request, timeout=60).close()


def _first(kind: str, element) -> WidgetState | None:
    """The state with which a browser mounts a widget: what the server sets, or else the default; perhaps no value."""
    values = {"number_input": "double_value", "checkbox": "bool_value", "text_input": "string_value",
              "selectbox": "string_value"}  # fmt: skip
    if kind not in values:
        return None
    source = ("raw_value" if kind == "selectbox" else "value") if element.set_value else "default"
    if kind != "checkbox" and not element.HasField(source):
        return WidgetState()
    value = getattr(element, source)
    if kind == "selectbox" and source == "default":
        value = element.options[value]
    return WidgetState(**{values[kind]: value})


@dataclass
class Server:
    """A server of this checkout: its address, its process, and the seconds until it answered."""

    url: str
    process: subprocess.Popen
    log: Path | None
    started: float

    def memory(self) -> float:
        """Megabytes that it holds: its own, without those of its workers (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu(self) -> float:
        """Seconds of processor time that it and its workers have taken (Linux)."""
        spent, family = 0, {str(self.process.pid)}
        for path in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
            try:
                _, parent, *rest = path.read_text().rsplit(")", 1)[1].split()
            except OSError:  # it has just ended
                continue
            if path.parent.name in family or parent in family:
                family.add(path.parent.name)
                spent += int(rest[9]) + int(rest[10])
        return spent / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def healthy(url: str, path: str = "healthz") -> bool:
    """True if the server at this address says it is well."""
    try:
        with urllib.request.urlopen(f"{url}/{path}", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def trainings(url: str) -> int:
    """The number of trainings that go on, as the server at this address says."""
    with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
        return json.load(answer)["training"]


def end(process: subprocess.Popen, seconds: float = 15) -> None:
    """Asks a process to end, and kills it where it has not within so many seconds."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def served(log: Path | None = None, entry: str = "asgi.py", **settings: str) -> Iterator[Server]:
    """A server of this checkout, as `make serve` starts it, on a free port of this machine while the block runs.

    Args:
        log: where its journal goes; nowhere otherwise.
        entry: what it serves, from the project's root.
        settings: of its environment; those of this process's own are left out.
    """
    path = "healthz" if entry == "asgi.py" else "_stcore/health"
    with running(lambda _: [sys.executable, "-m", "streamlit", "run", entry], log, path, **settings) as server:
        yield server


@contextmanager
def running(
    command: Callable[[int], list[str]], log: Path | None = None, path: str = "_stcore/health", **settings: str
) -> Iterator[Server]:
    """A server of this checkout on a free port of this machine while the block runs.

    Args:
        command: given the port, which its environment names too, what starts it.
        log, settings: as for `served`.
        path: where it says that it is ready.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    own = {k: v for k, v in os.environ.items() if not k.startswith(("STREAMLIT_", "GRADIENT_LAB_"))}
    given = {"STREAMLIT_SERVER_HEADLESS": "true", "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
             "STREAMLIT_SERVER_PORT": str(port)}  # fmt: skip
    with open(log or os.devnull, "wb") as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            command(port), cwd=HOUSE, env=own | given | settings,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        while not healthy(url, path):
            if process.poll() is not None or time.perf_counter() - start > START_LIMIT:
                raise RuntimeError(f"the server did not start: {log.read_text() if log else command(port)}")
            time.sleep(0.05)
        yield Server(url, process, log, time.perf_counter() - start)
    finally:
        end(process)
