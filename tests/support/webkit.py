"""A WebKit (the engine of Safari and Epiphany), driven by WebDriver: Debian's webkit2gtk-driver, on its own screen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.visitor import end, free_port

DRIVER, SCREEN = "WebKitWebDriver", "Xvfb"
START_LIMIT = 60  # seconds
ANSWER_LIMIT = 120  # seconds
PIXELS = "1600x1200x24"
BARS = 60  # pixels of the window around the page, at most


class WebKitTab:
    """One tab. WebDriver does not report messages of the console: `messages` stays empty."""

    def __init__(self, address: str) -> None:
        self.address, self.messages = address, []
        self.session = "/session/" + self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {}}})["sessionId"]

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, method=method, data=raw)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_LIMIT) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def resize(self, width: int, height: int) -> None:
        """Give the window a size in CSS pixels, of which the page has a little less."""
        self._ask("POST", f"{self.session}/window/rect", {"width": width, "height": height + BARS})

    def go(self, url: str) -> None:
        """Open an address."""
        self._ask("POST", f"{self.session}/url", {"url": url})

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression that is a number, a text or a flag."""
        script = f"const done = arguments[0]; Promise.resolve({expression}).then(done, error => done(String(error)));"
        return self._ask("POST", f"{self.session}/execute/async", {"script": script, "args": []})

    def wait_for(self, expression: str, limit: float = 120) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + limit
        while self.evaluate(expression) is not True:
            assert time.monotonic() < deadline, f"still not true: {expression}"
            time.sleep(0.25)

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", self.session)


def has_webkit() -> bool:
    """True where its driver, and a screen for it, are on the path."""
    return all(map(shutil.which, (DRIVER, SCREEN)))


@contextmanager
def open_webkit(home: Path) -> Iterator[WebKitTab]:
    """A tab of a WebKit of its own, with this folder as home."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # Xvfb takes the first display that is free, and writes its number.
    screen = subprocess.Popen([SCREEN, "-displayfd", "1", "-screen", "0", PIXELS], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        display = f":{screen.stdout.readline().strip()}" if screen.stdout else ""
        port = free_port()
        # As root its processes start only without their sandbox.
        settings = {"DISPLAY": display, "HOME": str(home), "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
        driver = subprocess.Popen([DRIVER, f"--port={port}", "--host=127.0.0.1"], env=os.environ | settings, **quiet)
        try:
            tab = _opened(f"http://127.0.0.1:{port}")
            try:
                yield tab
            finally:
                tab.close()
        finally:
            end(driver)
    finally:
        end(screen)


def _opened(address: str) -> WebKitTab:
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            return WebKitTab(address)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.25)
