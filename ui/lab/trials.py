"""Trials of a run's suggestions in the background: started when the page is drawn, shared, and ended when unwatched."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core import ConfigError, Diagnosis, RunConfig, Trace, diagnose, try_suggestions
from core.diagnosis.trials import count_trainings
from core.engine import workers
from core.engine.training import Data
from core.wording import percent
from ui.browser import fragments
from ui.browser.reached import is_reached
from ui.runtime import event_log, limits, queue
from ui.runtime.jobs import Run, get_data, run_cost
from ui.runtime.queue import Visitor, WithdrawnError
from ui.runtime.services import Services, services
from ui.runtime.visitors import current_visitor
from ui.session import session

MAX_TRIAL_COST = 1e11  # multiply-adds of all trainings of one trial: about ten seconds
POLL_SECONDS = 1.0
PAUSE_SECONDS = 0.05
UNWATCHED_SECONDS = 5.0  # without a visitor who waits for it, a trial ends


class _Unwatched(BaseException):
    """Nobody waits for this trial any more; as the end of a script it is no error."""


@dataclass(eq=False)
class Trial:
    """One trial under way.

    Attributes:
        services: of the server that it runs on.
        watched: when a visitor's page last asked for it, in seconds of the monotonic clock.
        share: of its training steps that are made.
    """

    services: Services
    watched: float = field(default_factory=time.monotonic)
    share: float = 0.0

    def check(self, *_: object) -> None:
        """End the thread of a trial that nobody watches."""
        if time.monotonic() - self.watched > UNWATCHED_SECONDS:
            raise _Unwatched

    def report(self, done: int, total: int) -> None:
        """Record the progress of training, which pauses while a visitor's own run is trained in this process."""
        self.share = done / total
        self.check()
        while self.services.executor is None and self.services.short_queue.is_busy:
            time.sleep(PAUSE_SECONDS)
            queue.touch()
            self.check()


def get_result(run: Run) -> Diagnosis | None:
    """Return the diagnosis of a run with its suggestions tried; None before the trial has ended."""
    return services().trials.get(run)


def is_offered(run: Run, diagnosis: Diagnosis) -> bool:
    """Return whether there is something to try within the limits of this server."""
    work = count_trainings(diagnosis) * run_cost(run).multiply_adds
    limit = limits.value("MAX_WORK")
    return 0 < work <= MAX_TRIAL_COST and (limit is None or work <= limit)


def is_running(run: Run) -> bool:
    """Return whether a trial of this run is under way."""
    return run in services().running_trials


def watch(run: Run, trace: Trace) -> Trial:
    """Return the trial of a run, which is started if there is none; a page that calls counts as watching."""

    def start() -> Trial:
        trial = Trial(shared)
        # A thread has no visitor of its own: it takes its turn in the queue as this one, beside the page's own run.
        arguments = (run, trace, trial, (*current_visitor(), "trial"))
        threading.Thread(target=_try, args=arguments, daemon=True, name="trial").start()
        return trial

    shared = services()
    trial = shared.running_trials.get_or_start(run, start)
    trial.watched = time.monotonic()
    return trial


def _try(run: Run, trace: Trace, trial: Trial, visitor: Visitor) -> None:
    """Train a trial in its own thread, in turn with the long work of other visitors."""

    shared = trial.services

    def make() -> Diagnosis:
        with shared.long_queue.slot(trial.check, "trial", visitor):
            executor = shared.long_executor.get() if shared.executor else None  # at home, this thread
            return try_suggestions(trace, executor=executor, data=_table_of(run), on_progress=trial.report)

    try:
        shared.trials.get_or_compute(run, make, trial.check)
    except (_Unwatched, WithdrawnError, *workers.worker_lost_errors()):  # a page that watches starts it again
        pass
    except ConfigError as error:  # refused: the suggestions stand untried, and no page starts the trial again
        event_log.log_refusal(error)
        shared.trials.get_or_compute(run, lambda: diagnose(trace), trial.check)
    finally:
        shared.running_trials.remove(run)


def _table_of(run: Run) -> Callable[[RunConfig], Data] | None:
    """Return a visitor's table as each config scales it; None for a dataset."""

    def get_table(config: RunConfig) -> Any:
        return get_data(Run(config, run.digest))

    return None if run.digest is None else get_table


@st.fragment
def draw_and_follow(run: Run, trace: Trace, diagnosis: Diagnosis, draw: Callable[[Diagnosis], None]) -> None:
    """Draw what a diagnosis suggests, follow the trial of it, and draw it again when that has ended.

    A trial costs ten times what a run does: it waits for a visitor who has come down to the suggestions.

    Args:
        draw: draws a diagnosis, with or without outcomes.
    """
    result = get_result(run)
    draw(result or diagnosis)
    if result is not None:
        fragments.stop_rerunning(fragments.current_fragment())
    elif is_offered(run, diagnosis) and is_reached("trial", ahead=0):
        session["trial_seen"] = None
        _follow(run, trace, fragments.current_fragment())


@st.fragment(run_every=POLL_SECONDS)
def _follow(run: Run, trace: Trace, drawing: str | None) -> None:
    """Sends a line and not the buttons each second; the fragment `drawing` draws these again at the end."""
    if get_result(run) is not None:
        fragments.rerun_soon(drawing)
    elif session.get("trial_seen") == run:
        trial = watch(run, trace)
        st.caption(f"Trying the suggestions on the same data with three other seeds: {percent(trial.share)}.")
    else:  # who changes a control within a second starts no trial
        session["trial_seen"] = run
