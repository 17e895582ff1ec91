"""A queue in front of a few slots for work, which serves visitors in turn."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from core import ConfigError
from ui.runtime import event_log

POLL_SECONDS = 0.1  # between two calls of `wait`
MAX_REMEMBERED = 10_000  # visitors whose last turn is remembered

# Whom a ticket belongs to, from the widest group to the narrowest, such as (address, browser, session).
Visitor = tuple[str, ...]


class WithdrawnError(ConfigError):
    """A newer run of the same session has taken the place of this one in the queue."""


@dataclass(eq=False)
class Ticket:
    """One who waits for a slot, or holds it.

    Attributes:
        visitor: whose turn it takes.
        arrival: counts arrivals; a ticket that takes another one's place has its arrival.
        weight: among visitors of one group (the first part of their names) the lighter go first.
        keeps: whether a newer ticket of the same session leaves it its place.
        granted: set once it has its slot.
    """

    visitor: Visitor
    arrival: int
    weight: int = 0
    keeps: bool = False
    withdrawn: bool = False
    granted: threading.Event = field(default_factory=threading.Event)


class FairQueue:
    """A few slots for work, and a queue in front of them that serves visitors, not runs, in turn.

    A free slot goes to the group (the first part of a visitor's name) that holds the fewest slots, then to the one
    that was served longest ago; within a group by weight, then by the next part in the same way, at last by arrival. A
    visitor with many tabs therefore waits for one turn of every other visitor, and they wait for one of his.

    Tickets that have a weight hold a quarter of the slots at most, or one, so that those without find one soon.

    A session has at most one waiting ticket: a newer one withdraws the older, whose caller is about to be stopped, and
    takes its place.
    """

    def __init__(self, slots: int):
        self._free = slots
        self._free_for_heavy = max(1, slots // 4)
        self._lock = threading.Lock()
        self._clock = 0  # counts arrivals and services
        self._waiting: list[Ticket] = []
        self._sorted: list[Ticket] | None = None  # those who wait, by their turn; None after a change
        self._running: dict[Ticket, float] = {}  # when each showed progress last
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
        with self._lock:
            now = time.monotonic()
            idle = max((now - seen for seen in self._running.values()), default=0.0)
            return len(self._running), len(self._waiting), idle

    @contextmanager
    def slot(
        self, wait: Callable[[int], None], work: str = "training", visitor: Visitor = (), weight: int = 0
    ) -> Generator[None]:
        """Hold a slot; `wait(n_ahead)` is called every 0.1 s until one is free, and may raise to leave the queue.

        Args:
            work: its name in the event log.
            visitor: whose turn it takes; the last part names the session.
            weight: as in `Ticket`.

        Raises:
            WithdrawnError: a newer run of this session has taken its place, and `wait` did not raise.
        """
        start = time.monotonic()
        ticket = self.take(wait, visitor, weight)
        waited = round(time.monotonic() - start, 3)
        outer = getattr(_current, "running", None)
        _current.running = (self, ticket)
        try:
            with event_log.timed(work, waited=waited):
                yield
        finally:
            _current.running = outer
            self.give(ticket)

    def take(self, wait: Callable[[int], None], visitor: Visitor, weight: int = 0, *, keeps: bool = False) -> Ticket:
        """Wait as `slot` does, and return the ticket that holds the slot; it is given back by `give`.

        Args:
            weight, keeps: as in `Ticket`.

        Raises:
            WithdrawnError: as `slot`.
        """
        ticket = self._join(visitor, weight, keeps)
        try:
            while not ticket.granted.wait(POLL_SECONDS):
                wait(self._n_ahead(ticket))
                if ticket.withdrawn:
                    raise WithdrawnError("queue", "a second run", "only one run of a visitor’s page waits at a time")
        except BaseException:
            self.give(ticket)
            raise
        return ticket

    def give(self, ticket: Ticket) -> None:
        """Give a slot back, or leave the queue."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            elif self._running.pop(ticket, None) is not None:
                self._free += 1
                self._free_for_heavy += ticket.weight > 0
                for group in _groups(ticket.visitor):
                    self._slots_held[group] -= 1
                    if not self._slots_held[group]:
                        del self._slots_held[group]
            self._grant()

    def is_passed(self, ticket: Ticket) -> bool:
        """Return whether another one, who waits, should have the slot of this ticket now.

        That is one of a group that would hold fewer slots even then, or a lighter one of the same group.
        """
        with self._lock:
            if not self._waiting:
                return False
            first = self._order()[0]
            own = _groups(ticket.visitor)[0]
            other = _groups(first.visitor)[0]
            if own == other:
                return first.weight < ticket.weight
            return self._slots_held[other] + 1 < self._slots_held[own]

    def _join(self, visitor: Visitor, weight: int, keeps: bool) -> Ticket:
        with self._lock:
            self._clock += 1
            ticket = Ticket(visitor, self._clock, weight, keeps)
            if visitor:
                for older in [other for other in self._waiting if other.visitor == visitor and not other.keeps]:
                    older.withdrawn = True
                    self._waiting.remove(older)
                    ticket.arrival = min(ticket.arrival, older.arrival)
            self._waiting.append(ticket)
            self._waiting.sort(key=lambda one: one.arrival)
            self._grant()
            return ticket

    def _grant(self) -> None:
        """Hand free slots to those whose turn it is, and wake only them; the caller holds the lock."""
        self._sorted = None
        while self._free > 0:
            ticket = next((one for one in self._order() if not one.weight or self._free_for_heavy > 0), None)
            if ticket is None:
                return
            self._waiting.remove(ticket)
            self._running[ticket] = time.monotonic()
            self._free -= 1
            self._free_for_heavy -= ticket.weight > 0
            self._clock += 1
            for group in _groups(ticket.visitor):
                self._slots_held[group] += 1
                self._last_served[group] = self._clock
                self._last_served.move_to_end(group)
            while len(self._last_served) > MAX_REMEMBERED:
                self._last_served.popitem(last=False)
            self._sorted = None
            ticket.granted.set()

    def _n_ahead(self, ticket: Ticket) -> int:
        with self._lock:
            return self._order().index(ticket) if ticket in self._waiting else 0

    def _order(self) -> list[Ticket]:
        """Sort those who wait by their turn. A newcomer's turn starts with the first of his tickets that waits."""
        if self._sorted is not None:
            return self._sorted
        first: dict[Visitor, int] = {}
        for ticket in self._waiting:
            for group in _groups(ticket.visitor):
                first.setdefault(group, ticket.arrival)

        def turn(ticket: Ticket) -> tuple[int, ...]:
            ranks: list[int] = []
            for group in _groups(ticket.visitor):
                ranks += self._slots_held[group], max(self._last_served.get(group, 0), first[group])
            return *ranks[:2], ticket.weight, *ranks[2:], ticket.arrival

        self._sorted = sorted(self._waiting, key=turn)
        return self._sorted

    def touch(self, ticket: Ticket) -> None:
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
