"""The gate of a public server: which hosts, origins, messages, frames and uploads pass on to Streamlit.

Streamlit obeys some messages from any visitor for everybody (clearing caches, installing files), looks a foreign origin
up at an outside service while every visitor waits, and bounds neither messages nor sessions.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import re
import secrets
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from google.protobuf.message import DecodeError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config, runtime
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from ui.runtime import event_log, limits
from ui.runtime.uploads import BoundedUploads
from ui.runtime.visitors import ADDRESS_HEADER, BROWSER_HEADER, RESUME_HEADER, address_group

ALLOWED_MESSAGES = {"rerun_script", "stop_script", "file_urls_request", "app_heartbeat", "backend_operation_request"}
IGNORED_MESSAGES = {"load_git_info"}  # a browser sends it by itself; nobody reads the answer
ALLOWED_OPERATIONS = {"deferred_file", "dataframe_chunk"}
# of controls in one message; a page has about a hundred, and Streamlit keeps those that it does not know
MAX_STATES = 1_000
# characters and parameters of a page's address; a link has 200 at most
MAX_QUERY = 64_000
MAX_PARAMETERS = 500
MAX_FILE_NAMES = 8  # places for uploads that one message may ask for
START_SECONDS = 0.015  # between two scripts: each is a thread, for whose start the event loop waits
OPENING_SECONDS = 0.02  # between two pages that open: each is a handshake and a session, made in the event loop
# of one page; more are read later
MESSAGES_PER_SECOND = 20.0
BURST = 100.0
ADDRESS_SHARE = 0.5  # of all pages that may be open, for those of one address
MAX_UPLOADS_AT_ONCE = 4
UPLOAD_SECONDS = 60.0  # for one upload, which may have 5 MB
COOKIE = "lab_browser"
MAX_COOKIES = 200  # that are read; a browser keeps fewer for one host
# codes with which a websocket is closed
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
MAX_PORT = 65_535
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s\[\]@/\\?#,:]+))(?::(\d{1,5}))?")
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)")


class Spacing:
    """Spaces out what costs the event loop much, for addresses in turn and within an address for pages in turn.

    Args:
        seconds: from one start to the next.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()  # who waits for it is served in order
        self._turns_of_groups: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._next = 0.0

    async def wait(self, group: str) -> None:
        """Wait until a page of these addresses may start."""
        own = self._turns_of_groups.setdefault(group, asyncio.Lock())
        async with own, self._turn:
            await asyncio.sleep(self._next - time.monotonic())
            self._next = time.monotonic() + self._seconds


class GuardMiddleware:
    """Closes what these pages never send, and tells Streamlit which browser a page belongs to.

    The browser has a random cookie. Streamlit lets a page go on with a session only when the name of its browser is
    the same (`server.trustedUserHeaders`), so that nobody takes over a session by its id.
    """

    def __init__(self, app: ASGIApp):
        self._app = app
        self._pages: Counter[str] = Counter()  # open now, by the group of their address
        self._uploads = asyncio.Semaphore(MAX_UPLOADS_AT_ONCE)
        self._starts = Spacing(START_SECONDS)
        self._openings = Spacing(OPENING_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = dict(scope, headers=[(name, plain_cookies(value) if name == b"cookie" else value)
                                         for name, value in scope["headers"]])  # fmt: skip
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refused = refuse(headers)
        if refused:
            await PlainTextResponse(refused[1], refused[0])(scope, receive, send)
            return
        upload = _UPLOAD.search(scope["path"]) if scope["method"] == "PUT" else None
        if upload:
            await self._upload(scope, receive, send, session_id=upload[1], file_id=upload[2])
            return

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                if answer.get("content-type", "").startswith("text/html") and not browser_cookie(headers):
                    answer.append("Set-Cookie", _new_cookie(scope["scheme"]))
            await send(message)

        await self._app(scope, receive, with_cookie)

    async def _upload(self, scope: Scope, receive: Receive, send: Send, *, session_id: str, file_id: str) -> None:
        """Let an upload pass if the server gave out its place and there is room; only a few are read at once."""
        length = Headers(scope=scope).get("content-length", "")
        try:
            manager = runtime.get_instance().uploaded_file_mgr
            if isinstance(manager, BoundedUploads):
                manager.check(session_id, file_id, int(length) if length.isdecimal() else 0)
            async with self._uploads, asyncio.timeout(UPLOAD_SECONDS):
                await self._app(scope, receive, send)
        except HTTPException as error:
            await PlainTextResponse(error.detail, error.status_code)(scope, receive, send)
        except TimeoutError:
            event_log.record("closed", why="slow upload")
            await PlainTextResponse("The upload took too long.", 408)(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        group = address_group(_address(headers, scope.get("client")))
        if refuse(headers) or self._is_full(group):
            await receive()
            code = POLICY_VIOLATION if refuse(headers) else TRY_AGAIN_LATER
            await send({"type": "websocket.close", "code": code})
            return
        self._pages[group] += 1
        try:
            await self._openings.wait(group)
            scope = dict(scope, headers=_named(scope["headers"], headers, scope.get("client")))
            wait_for_start = partial(self._starts.wait, group)
            await self._app(scope, _filtered(receive, send, wait_for_start, headers.get("origin")), send)
        finally:
            self._pages[group] -= 1
            if not self._pages[group]:
                del self._pages[group]

    def _is_full(self, group: str) -> bool:
        """Tell whether no page more may be opened, or none from these addresses; "" stands for unknown ones."""
        limit = limits.value("MAX_SESSIONS")
        if limit is None:
            return False
        return self._pages.total() >= limit or (group != "" and self._pages[group] >= math.ceil(ADDRESS_SHARE * limit))


def refuse(headers: Headers) -> tuple[int, str] | None:
    """Return (status, reason) for a request under a foreign name or from a foreign page; None lets it pass."""
    host = headers.get("host")
    origin = headers.get("origin")
    if len(headers.getlist("host")) > 1 or not is_known_host(host):
        return 421, "This server does not know that name. Its operator sets STREAMLIT_SERVER_ALLOWED_HOSTS.\n"
    if origin is not None and urlsplit(origin).netloc != host:
        if origin not in {allowed.strip() for allowed in config.get_option("server.corsAllowedOrigins")}:
            return 403, "Requests from other sites are not answered.\n"
    return None


def is_known_host(host: str | None) -> bool:
    """Return whether a Host header names this server.

    With `server.allowedHosts` the names are those. Without it they are any IP address, localhost, this machine's own
    name and `browser.serverAddress`: a page of a foreign name that points here is not answered.
    """
    if config.get_option("server.allowedHosts"):
        return is_host_allowed(host) or _hostname(host) in ("127.0.0.1", "localhost")  # health checks from inside
    name = _hostname(host)
    if name is None:
        return False
    own = socket.gethostname().lower()
    public = config.get_option("browser.serverAddress") if config.is_manually_set("browser.serverAddress") else own
    return _is_address(name) or name in ("localhost", own, public.lower()) or name.endswith(".localhost")


def _hostname(host: str | None) -> str | None:
    """Return the name in a Host header; None where it is anything but a name or an address, and perhaps a port."""
    match = _HOST.fullmatch(host or "")
    return (match[1] or match[2]).lower() if match and int(match[3] or 0) <= MAX_PORT else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def plain_cookies(raw: bytes) -> bytes:
    """Return a Cookie header with its first cookies only, and without those in which a backslash quotes something.

    Python before 3.11.10 takes a minute for one header of these, while every visitor waits (CVE-2024-7592). This server
    sets none, but another one of the same host may.
    """
    return b";".join(part for part in raw.split(b";", MAX_COOKIES)[:MAX_COOKIES] if b"\\" not in part)


def browser_cookie(headers: Headers) -> str:
    """Return the cookie that names a browser; empty without one."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.partition("=")
        if name.strip() == COOKIE:
            return value.strip()[:64]
    return ""


def _new_cookie(scheme: str) -> str:
    # Within a page of another site a browser keeps such a cookie only under these conditions.
    framed = limits.frame_ancestors() and scheme == "https"
    attributes = "; SameSite=None; Secure; Partitioned" if framed else "; SameSite=Lax"
    return f"{COOKIE}={secrets.token_urlsafe(18)}; Path=/; HttpOnly{attributes}"


def _address(headers: Headers, client: tuple[str, int] | None) -> str:
    """Return the address of a visitor: where it is trusted, the proxy's word, the last of all X-Forwarded-For."""
    forwarded = headers.getlist("x-forwarded-for") if limits.is_proxy_trusted() else []
    last = ",".join(forwarded).split(",")[-1].strip()
    return last or (client[0] if client else "")


def _named(raw: list[tuple[bytes, bytes]], headers: Headers, client: tuple[str, int] | None) -> list:
    """Return the headers with this server's own names of the browser and the address, and none that a visitor made."""
    own = {name.lower().encode() for name in (BROWSER_HEADER, ADDRESS_HEADER, RESUME_HEADER)}
    browser = browser_cookie(headers) or secrets.token_urlsafe(18)  # without a cookie nobody resumes the session
    address = _address(headers, client)
    named = sha256(browser.encode()).hexdigest()[:32]
    protocols = headers.get("sec-websocket-protocol", "").split(",")  # the third names a session to go on with
    return [
        *(pair for pair in raw if pair[0].lower() not in own),
        (BROWSER_HEADER.lower().encode(), named.encode()),
        (ADDRESS_HEADER.lower().encode(), address[:64].encode("latin-1", "replace")),
        (RESUME_HEADER.lower().encode(), b"1" if len(protocols) > 2 and protocols[2].strip() else b""),
    ]


def _filtered(
    receive: Receive, send: Send, wait_for_start: Callable[[], Awaitable[None]], origin: str | None
) -> Receive:
    """Return a `receive` that passes on what the pages send, not faster than they do, and closes on all else.

    Args:
        receive, send: of the page's connection.
        wait_for_start: waits until a script may start, before a message that starts one is passed on.
        origin: of the page, by its browser; None where it names none.
    """
    tokens = BURST
    last = time.monotonic()

    async def next_message() -> Message:
        nonlocal tokens, last
        while True:
            message = await receive()
            data = message.get("bytes") if message["type"] == "websocket.receive" else None
            if data is None:
                return message
            now = time.monotonic()
            tokens = min(BURST, tokens + (now - last) * MESSAGES_PER_SECOND)
            last = now
            tokens -= 1
            if tokens < 0:
                await asyncio.sleep(-tokens / MESSAGES_PER_SECOND)
            if len(data) > config.get_option("server.maxWidgetStateSize") * 1_000_000:
                verdict = "too large"
            else:
                verdict = classify(data, origin)
            if verdict == "start":
                await wait_for_start()
            if verdict in ("pass", "start"):
                return message
            if verdict != "ignore":
                event_log.record("closed", why=verdict)
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
                return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

    return next_message


def classify(data: bytes, origin: str | None = None) -> str:
    """Return "start" (of a script), "pass" or "ignore" for a message of these pages, otherwise why it is cut off.

    Args:
        data: the message, as it came.
        origin: where the page stands that sends it, as https://lab.test; None where its browser does not say.
    """
    message = BackMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return "not a message"
    kind = message.WhichOneof("type")
    if kind in IGNORED_MESSAGES:
        return "ignore"
    if kind not in ALLOWED_MESSAGES:
        return "message of a closed kind"
    if kind == "rerun_script":
        query = message.rerun_script.query_string
        if len(query) > MAX_QUERY or query.count("&") >= MAX_PARAMETERS:
            return "too long an address"
        if len(message.rerun_script.widget_states.widgets) > MAX_STATES:
            return "too many controls"
        if not _is_page_address(message.rerun_script.context_info.url, origin):
            return "no address of a page"
        return "start"
    if kind == "file_urls_request" and len(message.file_urls_request.file_names) > MAX_FILE_NAMES:
        return "too many files"
    if kind == "backend_operation_request":
        operation = message.backend_operation_request.WhichOneof("payload")
        return "pass" if operation in ALLOWED_OPERATIONS else "operation of a closed kind"
    return "pass"


def _is_page_address(url: str, origin: str | None) -> bool:
    """Return whether a page of this origin may say that it stands there: links are made of it; "" says nothing."""
    try:
        parts = urlsplit(url)
        is_page = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an address or a port that is none
        return False
    return url == "" or (is_page and origin in (None, f"{parts.scheme}://{parts.netloc}"))


def install() -> None:
    """Set Streamlit's options that the gate relies on."""
    config.set_option("server.trustedUserHeaders", {BROWSER_HEADER: "browser"})
