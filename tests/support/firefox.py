"""A headless Firefox, driven by WebDriver BiDi over its own websocket: no driver is needed."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.support.visitor import end, free_port

NAMES = ("firefox-esr", "firefox")
START_LIMIT = 60  # seconds
ANSWER_LIMIT = 120  # seconds


class FirefoxTab:
    """One tab. Messages of its console are gathered while commands wait for their answers."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection, self.last_id, self.messages = connection, 0, []
        self._send("session.new", capabilities={})
        self._send("session.subscribe", events=["log.entryAdded"])
        self.context = self._send("browsingContext.create", type="tab")["context"]

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        self.last_id += 1
        self.connection.send(json.dumps({"id": self.last_id, "method": method, "params": params}))
        while True:
            answer = json.loads(self.connection.recv(timeout=ANSWER_LIMIT))
            if answer.get("method") == "log.entryAdded":
                self.messages.append((answer["params"]["level"], answer["params"].get("text") or ""))
            if answer.get("id") == self.last_id:
                assert answer["type"] == "success", answer
                return answer["result"]

    def resize(self, width: int, height: int) -> None:
        """Give the page a size in CSS pixels."""
        self._send("browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height})

    def go(self, url: str) -> None:
        """Open an address; the console's messages start again."""
        self.messages.clear()
        self._send("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression that is a number, a text or a flag."""
        target = {"context": self.context}
        answer = self._send("script.evaluate", expression=expression, target=target, awaitPromise=True)
        assert answer["type"] == "success", answer
        return answer["result"].get("value")

    def wait_for(self, expression: str, limit: float = 120) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + limit
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"still not true: {expression}"
            time.sleep(0.25)


@contextmanager
def open_firefox(profile: Path) -> Iterator[FirefoxTab]:
    """A tab of a Firefox of its own, with an empty profile in this folder.

    Raises:
        FileNotFoundError: there is no Firefox on the path.
    """
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise FileNotFoundError(f"no Firefox here: none of {', '.join(NAMES)} is on the path")
    port = free_port()
    command = [program, "--headless", "--no-remote", "--profile", str(profile), f"--remote-debugging-port={port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with _connected(f"ws://127.0.0.1:{port}/session") as connection:
            yield FirefoxTab(connection)
    finally:
        end(process)


def _connected(address: str) -> ClientConnection:
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            return connect(address, max_size=None, proxy=None)
        except (OSError, WebSocketException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.25)
