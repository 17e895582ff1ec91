"""From a key press on init_scale to the redrawn gradient profile, in a real Chromium, beside the training alone.

Run with `.venv/bin/python -m benchmarks.lab` from the project's root: it serves the dashboard on a free port, presses
the arrow key in the field, and waits for the profile's numbers to change and for the next frame to be painted.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

from core import RunConfig, train

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

# Resolves with the milliseconds from the key press to the first frame after the profile's values have changed.
PRESS = """() => new Promise((resolve) => {
  const values = () => {
    const plot = document.querySelector('.st-key-gradient-profile .js-plotly-plot');
    return plot && plot.data ? JSON.stringify(plot.data.map((trace) => trace.y)) : null;
  };
  const before = values();
  window.addEventListener('keydown', () => {
    const start = performance.now();
    const look = () => {
      const now = values();
      if (now !== null && now !== before) requestAnimationFrame(() => resolve(performance.now() - start));
      else requestAnimationFrame(look);
    };
    look();
  }, { once: true, capture: true });
})"""


@contextmanager
def served():
    """The dashboard's address, for as long as the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address=127.0.0.1",
               f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(15)


def presses(url: str, repeats: int) -> list[float]:
    """Seconds of each key press, the first one, which warms everything up, left out."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium") or None, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(url)
        page.wait_for_selector(".st-key-gradient-profile .js-plotly-plot", timeout=60_000)
        field = page.locator(".st-key-init_scale input")
        for _ in range(repeats + 1):
            page.wait_for_selector("[data-test-script-state=notRunning]")
            page.wait_for_timeout(1000)
            field.focus()
            page.evaluate("(js) => { window.pressed = eval(js)(); }", PRESS)
            field.press("ArrowUp")
            found.append(page.evaluate("() => window.pressed") / 1000)
        browser.close()
    return found[1:]


def trainings(repeats: int) -> list[float]:
    """Seconds of the same runs, trained here and nothing else."""
    found = []
    for k in range(repeats + 1):
        start = time.perf_counter()
        train([RunConfig(init_scale=1.1 + k / 10)])
        found.append(time.perf_counter() - start)
    return found[1:]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--repeats", type=int, default=9)
    repeats = ask.parse_args().repeats
    with served() as url:
        pressed, alone = presses(url, repeats), trainings(repeats)
    whole, training = statistics.median(pressed), statistics.median(alone)
    spread = f"{min(pressed):.2f} to {max(pressed):.2f} s, {repeats} times"
    print(f"key press to redrawn profile: median {whole:.2f} s ({spread})")
    print(f"training alone:               median {training:.2f} s")
    print(f"the rest:                     {whole - training:.2f} s")


if __name__ == "__main__":
    main()
