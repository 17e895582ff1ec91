"""Turns of the scripts of pages on a public server, of which only a few draw at once.

Each script is a thread that wants Python's lock, and so is the event loop, which serves every connection and the health
check: beside dozens of pages that rerun all the time, its turn came many seconds late. A script therefore draws in a
slot of a queue, which it leaves while it waits for work or computes in a slot of another queue.

Among visitors of one address those go first who wait for their answers. A page that asks again and again before it has
its answer, as no visitor does for long, comes after them and hands its slot over when one of them waits; such pages
have one slot together, and a quarter of those for work.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequestType,
    _has_active_trigger_value,
)

from ui.runtime.progress import stop_if_superseded
from ui.runtime.queue import FairQueue, Ticket, Visitor, WithdrawnError
from ui.runtime.visitors import current_visitor

SCRIPTS_AT_ONCE = 2
SLICE_SECONDS = 0.05  # for which a script draws before it looks whether another one should
FIRST_SECONDS = 0.05  # by which the rest of a page follows its first picture
HALF_LIFE_SECONDS = 10.0  # after which an impatient request counts half
MAX_REMEMBERED = 10_000  # sessions whose impatience is remembered
MAX_WAITING_CLICKS = 4  # of one session that are not given up for a newer request

_thread = threading.local()  # .turn: of the script that runs in this thread


class _StoppedError(BaseException):
    """A script was stopped before its turn came."""


class Impatience:
    """Requests of each session that came before the one before them was answered; old ones count less and less."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (requests, when the last one came)

    def note(self, session: str) -> None:
        """Count a request."""
        with self._lock:
            self._counts[session] = self._decayed(session) + 1, time.monotonic()
            self._counts.move_to_end(session)
            while len(self._counts) > MAX_REMEMBERED:
                self._counts.popitem(last=False)

    def weight(self, session: str) -> int:
        """Return how many there were of late."""
        with self._lock:
            return int(self._decayed(session))

    def _decayed(self, session: str) -> float:
        count, noted = self._counts.get(session, (0.0, 0.0))
        return count * 0.5 ** ((time.monotonic() - noted) / HALF_LIFE_SECONDS)


class WaitingClicks:
    """Clicks of each session whose scripts wait for their turn: threads, of which each message can start one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, session: str) -> bool:
        """Count one more; False where there are as many as may wait."""
        with self._lock:
            if self._counts[session] >= MAX_WAITING_CLICKS:
                return False
            self._counts[session] += 1
            return True

    def remove(self, session: str) -> None:
        """Count one less."""
        with self._lock:
            self._counts[session] -= 1
            if not self._counts[session]:
                del self._counts[session]


class Turn:
    """One script's turn to draw.

    Args:
        queue: in a slot of which it draws.
        visitor: whose script it is.
        weight: how impatient he is.
        keeps: whether the script runs although a newer one of its session waits too.
    """

    def __init__(self, queue: FairQueue, visitor: Visitor, *, weight: int, keeps: bool):
        self._queue = queue
        self._visitor = visitor
        self._weight = weight
        self._keeps = keeps
        self._ticket: Ticket | None = None
        self._began = 0.0

    @property
    def weight(self) -> int:
        """Impatience of the visitor when the script began."""
        return self._weight

    @property
    def is_held(self) -> bool:
        """True while the script may draw."""
        return self._ticket is not None

    def begin(self, wait: Callable[[int], None] = stop_if_superseded) -> None:
        """Wait for the turn; an exception from `wait`, called every 0.1 s, ends the waiting.

        Raises:
            WithdrawnError: a newer script of this session has taken its place.
        """
        self._ticket = self._queue.take(wait, self._visitor, self._weight, keeps=self._keeps)
        self._keeps = True  # a script under way is stopped by Streamlit, not by the queue
        self._began = time.monotonic()

    def end(self) -> None:
        """Let others draw."""
        if self._ticket is not None:
            self._queue.give(self._ticket)
            self._ticket = None

    def pass_on(self) -> None:
        """Let another one draw first if he should, but not before a slice of time is over."""
        if self._ticket is not None and time.monotonic() - self._began > SLICE_SECONDS:
            if self._queue.is_passed(self._ticket):
                self.end()
                self.begin()
            else:
                self._began = time.monotonic()


def current_weight() -> int:
    """Return the weight of the script of this thread, for its work too; 0 outside of one."""
    turn: Turn | None = getattr(_thread, "turn", None)
    return turn.weight if turn is not None else 0


@contextmanager
def aside() -> Generator[None]:
    """Let others draw while the script of this thread waits or computes; without a turn, nothing happens."""
    turn: Turn | None = getattr(_thread, "turn", None)
    if turn is None or not turn.is_held:
        yield
        return
    turn.end()
    try:
        yield
    except Exception:  # which the page will show; a script that is stopped needs no turn any more
        turn.begin()
        raise
    turn.begin()


def let_browser_draw() -> None:
    """Let the browser draw what it has been sent so far, before the rest comes and would be drawn with it."""
    with aside():
        time.sleep(FIRST_SECONDS)


def install() -> None:
    """Have the scripts of this process take turns."""
    if getattr(ScriptRunner._run_script, "in_turn", False):
        return
    queue = FairQueue(SCRIPTS_AT_ONCE)
    impatience = Impatience()
    clicks = WaitingClicks()
    run = ScriptRunner._run_script
    stop = ScriptRunner.request_stop
    enqueue = ScriptRunner._enqueue_forward_msg

    def run_in_turn(self: ScriptRunner, rerun_data: RerunData) -> None:
        session = self._session_id
        # a click is not lost for a newer request
        is_pressed = any(map(_has_active_trigger_value, _widgets(rerun_data))) and clicks.add(session)

        def check(_: int) -> None:
            if self._requests._state == ScriptRequestType.STOP and not is_pressed:
                raise _StoppedError

        turn = Turn(queue, current_visitor(), weight=impatience.weight(session), keeps=is_pressed)
        try:
            turn.begin(check)
        except (_StoppedError, WithdrawnError):
            return
        finally:
            if is_pressed:
                clicks.remove(session)
        _thread.turn = turn
        try:
            run(self, rerun_data)
        finally:
            _thread.turn = None
            turn.end()

    def request_stop(self: ScriptRunner) -> None:
        impatience.note(self._session_id)
        stop(self)

    def enqueue_in_turn(self: ScriptRunner, msg: ForwardMsg) -> None:
        turn: Turn | None = getattr(_thread, "turn", None)
        if turn is not None:
            turn.pass_on()
        enqueue(self, msg)

    run_in_turn.__dict__["in_turn"] = True
    ScriptRunner._run_script = run_in_turn
    ScriptRunner.request_stop = request_stop
    ScriptRunner._enqueue_forward_msg = enqueue_in_turn


def _widgets(rerun_data: RerunData) -> list[Any]:
    return [] if rerun_data.widget_states is None else list(rerun_data.widget_states.widgets)
