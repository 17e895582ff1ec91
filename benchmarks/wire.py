"""Bytes and work of each page in Chromium: its first run from scratch, and a change of one control.

Run with `.venv/bin/python -m benchmarks.wire` from the project's root. It serves the dashboard as `make serve` does and
counts, page by page, the bytes of the websocket on the wire, its messages, the work of the page's main thread, the
layout shift and the nodes of the document; then nodes and memory over many moves and switches of pages, and the frames
a second of the profile's Play on a processor four times as slow. benchmarks/naive_page.py is counted beside it where
PyTorch is installed.
"""

from __future__ import annotations

import argparse

from benchmarks.browsing import Visit, chromium, naive_page, visit
from tests.support.visitor import Server, served

# By page: its address, and the field in which ArrowUp is pressed.
PAGES = {
    "lab": ("", ".st-key-init_scale input"),
    "compare": ("compare", ".st-key-init_scale input"),
    "sweep": ("sweep", None),
    "papers": ("papers", None),
    "lecture": ("lecture", None),
}
SMALL = "?depth=2&width=8&steps=20&activation=relu&init=he_normal"  # a run that takes no time
PLAYED = """() => new Promise((resolve) => {
  const plot = document.querySelector('.st-key-gradient-profile .js-plotly-plot');
  const button = [...plot.querySelectorAll('.updatemenu-button')].find((one) => one.textContent.includes('Play'));
  let frames = 0, start = null, last = null;
  plot.on('plotly_animatingframe', () => { last = performance.now(); start ??= last; frames += 1; });
  button.dispatchEvent(new MouseEvent('click'));
  setTimeout(() => resolve((frames - 1) / (last - start) * 1000), 6000);
})"""


def count_page(name: str, moves: int) -> None:
    """Print the counts of one page."""
    path, field = PAGES[name]
    with chromium() as browser, served() as server, visit(browser, server) as guest:
        print(f"{name:8s} first run  {guest.open(path)}", flush=True)
        if field:
            for _ in range(moves):
                print(f"{name:8s} a move     {guest.press(field)}", flush=True)


def count_naive_page(moves: int) -> None:
    """Print the counts of the naive page."""
    with chromium() as browser, naive_page() as server:
        if server is None:
            print("naive    not counted: PyTorch is not installed")
            return
        with visit(browser, server) as guest:
            print(f"naive    first run  {guest.open()}", flush=True)
            for _ in range(moves):
                print(f"naive    a move     {guest.press('.st-key-init_scale input')}", flush=True)


def count_leaks(moves: int, switches: int) -> None:
    """Print nodes and memory before and after many moves and switches of pages, and beside them the naive page's."""
    with chromium() as browser, served() as server, visit(browser, server) as guest:
        guest.open(SMALL)
        _press_many(guest, server, "memory", moves)
        for k in range(switches):
            guest.page.get_by_role("link", name=("Papers", "Lab")[k % 2]).first.click()
            guest.settle()
        print(f"memory   after {switches:3d} page switches {_size(guest, server)}", flush=True)
    with chromium() as browser, naive_page() as server:
        if server is None:
            return
        with visit(browser, server) as guest:
            guest.open()
            _press_many(guest, server, "naive", moves)


def _press_many(guest: Visit, server: Server, name: str, moves: int) -> None:
    """Press the field of the init scale so many times, and print the memory before, halfway and after."""
    guest.press(".st-key-init_scale input")  # warms everything up
    print(f"{name:8s} at first              {_size(guest, server)}", flush=True)
    for k in range(1, moves + 1):
        guest.press(".st-key-init_scale input")
        if k in (moves // 2, moves):
            print(f"{name:8s} after {k:3d} moves       {_size(guest, server)}", flush=True)


def _size(guest: Visit, server: Server) -> str:
    return f"{guest.nodes()} nodes, {guest.heap():.0f} MB of JavaScript, server {server.memory():.0f} MB"


def count_frames() -> None:
    """Print how many frames a second Play shows on a slowed processor."""
    with chromium() as browser, served() as server, visit(browser, server) as guest:
        guest.open()
        guest.slow_down(4)
        print(f"play     {guest.page.evaluate(PLAYED):.1f} frames a second on a processor four times as slow")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--pages", nargs="*", default=[*PAGES, "naive"], choices=[*PAGES, "naive"])
    ask.add_argument("--moves", type=int, default=2)
    ask.add_argument("--leaks", type=int, nargs=2, metavar=("MOVES", "SWITCHES"), help="count these too")
    ask.add_argument("--play", action="store_true", help="count the frames of Play too")
    given = ask.parse_args()
    for name in given.pages:
        if name == "naive":
            count_naive_page(given.moves)
        else:
            count_page(name, given.moves)
    if given.leaks:
        count_leaks(*given.leaks)
    if given.play:
        count_frames()


if __name__ == "__main__":
    main()
