"""A queue in front of a few slots for work, which serves visitors in turn."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from core import ConfigError
from ui.runtime import event_log

POLL_SECONDS = 0.1  # between two calls of `wait`
MAX_REMEMBERED = 10_000  # visitors whose last turn is remembered

# Whom a ticket belongs to, from the widest group to the narrowest, such as (address, browser, session).
Visitor = tuple[str, ...]


class WithdrawnError(ConfigError):
    """A newer run of the same session has taken the place of this one in the queue."""


@dataclass(eq=False)
class _Ticket:
    visitor: Visitor
    arrival: int
    withdrawn: bool = False


class FairQueue:
    """A few slots for work, and a queue in front of them that serves visitors, not runs, in turn.

    A free slot goes to the group (the first part of a visitor's name) that holds the fewest slots, then to the one
    that was served longest ago; within a group by the next part in the same way, at last by arrival. A visitor with
    many tabs therefore waits for one turn of every other visitor, and they wait for one of his.

    A session has at most one waiting ticket: a newer one withdraws the older, whose caller is about to be stopped.
    """

    def __init__(self, slots: int):
        self._free = slots
        self._changed = threading.Condition()
        self._clock = 0  # counts arrivals and services
        self._waiting: list[_Ticket] = []
        self._running: dict[_Ticket, float] = {}  # when each showed progress last
        self._slots_held: Counter[Visitor] = Counter()
        self._last_served: OrderedDict[Visitor, int] = OrderedDict()

    @property
    def free(self) -> int:
        """Slots that nobody holds."""
        return self._free

    @property
    def is_busy(self) -> bool:
        """True if any work holds a slot or waits for one."""
        return bool(self._running or self._waiting)

    def state(self) -> tuple[int, int, float]:
        """Return (slots in use, tickets waiting, longest time in seconds without a sign of life)."""
        with self._changed:
            now = time.monotonic()
            idle = max((now - seen for seen in self._running.values()), default=0.0)
            return len(self._running), len(self._waiting), idle

    @contextmanager
    def slot(self, wait: Callable[[int], None], work: str = "training", visitor: Visitor = ()) -> Generator[None]:
        """Hold a slot; `wait(n_ahead)` is called every 0.1 s until one is free, and may raise to leave the queue.

        Args:
            work: its name in the event log.
            visitor: whose turn it takes; the last part names the session.

        Raises:
            WithdrawnError: a newer run of this session has taken its place, and `wait` did not raise.
        """
        ticket, entered, start = self._join(visitor), False, time.monotonic()
        try:
            while not (entered := self._enter(ticket)):
                wait(self._n_ahead(ticket))
                if ticket.withdrawn:
                    raise WithdrawnError("queue", "a second run", "only one run of a visitor's page waits at a time")
        finally:
            if not entered:
                self._leave(ticket)
        waited = round(time.monotonic() - start, 3)
        outer, _current.running = getattr(_current, "running", None), (self, ticket)
        try:
            with event_log.timed(work, waited=waited):
                yield
        finally:
            _current.running = outer
            self._release(ticket)

    def _join(self, visitor: Visitor) -> _Ticket:
        with self._changed:
            self._clock += 1
            ticket = _Ticket(visitor, self._clock)
            if visitor:
                for older in [other for other in self._waiting if other.visitor == visitor]:
                    older.withdrawn = True
                    self._waiting.remove(older)
            self._waiting.append(ticket)
            self._changed.notify_all()
            return ticket

    def _enter(self, ticket: _Ticket) -> bool:
        with self._changed:
            if not self._changed.wait_for(lambda: self._free > 0 and self._order()[:1] == [ticket], POLL_SECONDS):
                return False
            self._waiting.remove(ticket)
            self._running[ticket] = time.monotonic()
            self._free -= 1
            self._clock += 1
            for group in _groups(ticket.visitor):
                self._slots_held[group] += 1
                self._last_served[group] = self._clock
                self._last_served.move_to_end(group)
            while len(self._last_served) > MAX_REMEMBERED:
                self._last_served.popitem(last=False)
            self._changed.notify_all()
            return True

    def _leave(self, ticket: _Ticket) -> None:
        with self._changed:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            self._changed.notify_all()

    def _release(self, ticket: _Ticket) -> None:
        with self._changed:
            del self._running[ticket]
            self._free += 1
            for group in _groups(ticket.visitor):
                self._slots_held[group] -= 1
                if not self._slots_held[group]:
                    del self._slots_held[group]
            self._changed.notify_all()

    def _n_ahead(self, ticket: _Ticket) -> int:
        with self._changed:
            return self._order().index(ticket) if ticket in self._waiting else 0

    def _order(self) -> list[_Ticket]:
        """Sort those who wait by their turn. A newcomer's turn starts with the first of his tickets that waits."""
        first: dict[Visitor, int] = {}
        for ticket in self._waiting:
            for group in _groups(ticket.visitor):
                first.setdefault(group, ticket.arrival)

        def turn(ticket: _Ticket) -> tuple[int, ...]:
            ranks: list[int] = []
            for group in _groups(ticket.visitor):
                ranks += self._slots_held[group], max(self._last_served.get(group, 0), first[group])
            return *ranks, ticket.arrival

        return sorted(self._waiting, key=turn)

    def touch(self, ticket: _Ticket) -> None:
        """Note that the work of a ticket shows a sign of life."""
        if ticket in self._running:
            self._running[ticket] = time.monotonic()


def _groups(visitor: Visitor) -> list[Visitor]:
    return [visitor[: i + 1] for i in range(len(visitor))] or [()]


_current = threading.local()  # .running: (queue, ticket) of the slot that a thread holds


def touch() -> None:
    """Note that the work of this thread is alive: it advances itself, or watches a worker that does."""
    running = getattr(_current, "running", None)
    if running is not None:
        queue, ticket = running
        queue.touch(ticket)
