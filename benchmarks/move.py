"""A move in the Lab beside one in the naive page: the server's work, and key press to redrawn profile in one Chromium.

Run with `.venv/bin/python -m benchmarks.move` from the project's root. Both pages are served at once and pressed in
turn: the arrow key in the field of the init scale, until the profile's values have changed and the next frame is
painted. A move's work is what the server and its workers took of the processor until the page was settled.
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.browsing import Visit, chromium, naive_page, visit
from tests.support.visitor import Server, served

FIELD = ".st-key-init_scale input"
# Resolves with the milliseconds from the key press to the first frame after the profile's values have changed.
PRESSED = """() => { window.pressed = new Promise((resolve) => {
  const values = () => {
    const plot = document.querySelector('.st-key-gradient-profile .js-plotly-plot');
    return plot && plot._fullData ? JSON.stringify(plot._fullData.map((trace) => [...trace.y])) : null;
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
}); }"""


@dataclass
class Moves:
    """The moves of one page: seconds of the server's work, and from key press to redrawn profile."""

    name: str
    server: Server
    guest: Visit
    work: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)

    def press(self) -> None:
        """Make one move."""
        page, before = self.guest.page, self.server.cpu()
        page.locator(FIELD).focus()
        page.evaluate(PRESSED)
        page.locator(FIELD).press("ArrowUp")
        self.answer.append(page.evaluate("() => window.pressed") / 1000)
        self.guest.settle()
        self.work.append(self.server.cpu() - before)

    def forget_first(self) -> None:
        """Leave out the first move, which warms everything up."""
        del self.work[0], self.answer[0]

    def __str__(self) -> str:
        work, answer = statistics.median(self.work), statistics.median(self.answer)
        return (
            f"{self.name:5s} server {work:.2f} s ({min(self.work):.2f} to {max(self.work):.2f}), "
            f"key press to redrawn profile {answer:.2f} s ({min(self.answer):.2f} to {max(self.answer):.2f})"
        )


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--moves", type=int, default=9)
    n_moves = ask.parse_args().moves
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        servers = {"lab": stack.enter_context(served()), "naive": stack.enter_context(naive_page())}
        pages = [
            Moves(name, server, stack.enter_context(visit(browser, server)))
            for name, server in servers.items()
            if server is not None
        ]
        for moves in pages:
            moves.guest.open()
        for _ in range(n_moves + 1):
            for moves in pages:
                moves.press()
        for moves in pages:
            moves.forget_first()
            print(moves)
    if len(pages) == 1:
        print("naive not measured: PyTorch is not installed")
        return
    lab, naive = pages
    print(
        f"ratio server {statistics.median(lab.work) / statistics.median(naive.work):.2f}, "
        f"key press {statistics.median(lab.answer) / statistics.median(naive.answer):.2f}"
    )


if __name__ == "__main__":
    main()
