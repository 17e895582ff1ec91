"""Begins a run's training and its prediction in threads of their own, while the page still draws its controls."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread

from core import ConfigError
from ui.lab import theory
from ui.runtime import jobs
from ui.runtime.jobs import Run
from ui.runtime.progress import SilentReporter
from ui.runtime.services import services
from ui.runtime.turns import current_weight
from ui.session import session


class _Superseded(BaseException):
    """The session that began a training asks for another one."""


class BegunTraining(SilentReporter):
    """Reports nothing, and ends a training that its session no longer wants.

    Args:
        run: which is trained.
    """

    def __init__(self, run: Run):
        super().__init__()
        self.run = run
        self.is_superseded = False

    def _show(self, share: float, text: str) -> None:
        super()._show(share, text)
        if self.is_superseded:
            raise _Superseded


def begin(run: Run) -> list[Thread]:
    """Start the training and the prediction of a short run: the page waits for what is left of them.

    The training that this session began before is ended if it is one of another run.

    Returns:
        The threads that wait for them. None at home, where page and prediction would take turns with Python's lock; for
        what is there already; for one who asks before the last answer; and where others may want the few free slots.
    """
    before = session.get("begun")
    if before is not None:
        if before.run == run:
            return []
        session.pop("begun").is_superseded = True
    is_idle = services().executor is not None and services().short_queue.free > 2
    if not is_idle or current_weight() > 0 or not _is_short(run):
        return []
    begun = session["begun"] = BegunTraining(run)
    threads = []
    if services().runs.get(run) is None:
        threads.append(Thread(target=_train, args=(begun,), daemon=True))
    if services().theories.get(theory.at_start(run)) is None and theory.cost(run) <= jobs.SHORT_COST:
        threads.append(Thread(target=_predict, args=(run,), daemon=True))
    for thread in threads:
        thread.start()
    return threads


def _is_short(run: Run) -> bool:
    try:
        return jobs.is_short(run)
    except ConfigError:  # its table is no longer in memory: the page says so
        return False


# Where such work fails, the page itself asks too, fails in the same way, and says so.


def _train(begun: BegunTraining) -> None:
    with suppress(Exception, _Superseded):
        jobs.get_trace(begun.run, begun)


def _predict(run: Run) -> None:
    with suppress(Exception):
        theory.get_norms(run, SilentReporter())
