"""Event log of a server: one line of JSON an event, with durations and refusals and nothing about a visitor."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from streamlit import config

from core import ConfigError
from core.config import RULES

_LOG = logging.getLogger("gradient_lab")
_LOG.addHandler(logging.NullHandler())  # at home nothing is written
# What a refusal may be about, besides the settings of a run. Any other name may be a visitor's own word.
_FIELDS = {*RULES, "cost", "data", "target", "task", "leave_out", "config", "arms", "vary", "seeds", "axes"}


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": record.getMessage()}
        return json.dumps(fields | getattr(record, "facts", {}))


def open_event_log() -> None:
    """Writes to standard error from now on, and keeps Streamlit from writing an error's own words beside it.

    A traceback ends with the error's message, which may quote what a visitor typed; `failure` leaves it out.
    """
    if not any(isinstance(handler.formatter, _Json) for handler in _LOG.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Json())
        _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False
    config.set_option("logger.enableRich", False)  # it would print past the logger
    logging.getLogger("streamlit.error_util").setLevel(logging.CRITICAL)


def hide_foreign_words() -> None:
    """Leaves the words out of warnings and errors of other packages, from the first visitor on: they may be his."""
    logging.setLogRecordFactory(_make_record)
    threading.excepthook = _log_thread_failure


_make_any_record = logging.getLogRecordFactory()


def _make_record(
    name: str, level: int, path: str, line: int, message: object, args: Any, exc_info: Any, *rest: Any, **more: Any
) -> logging.LogRecord:
    """A warning or an error of another package keeps its place and its kind, and no word: that may be a visitor's."""
    if level >= logging.WARNING and name != _LOG.name:
        kind = exc_info[0].__name__ if isinstance(exc_info, tuple) and exc_info[0] else logging.getLevelName(level)
        message = f"{kind} at {Path(path).name}:{line}"
        args = ()
        exc_info = None
        more["sinfo"] = None
        rest = rest[:1]  # without the stack
    return _make_any_record(name, level, path, line, message, args, exc_info, *rest, **more)


def _log_thread_failure(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        failure(args.exc_value)


def record(event: str, **facts: object) -> None:
    """One line: numbers, and words of this program, never of a visitor."""
    _LOG.info(event, extra={"facts": facts})


def log_refusal(error: ConfigError) -> None:
    """That something was refused, by the field alone."""
    record("refusal", field=error.field if error.field in _FIELDS else "other")


def failure(error: BaseException) -> str:
    """An error nobody foresaw: its kind and the lines of code it came through. Returns the number it is filed under."""
    number = uuid4().hex[:8]
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    _LOG.error("failure", extra={"facts": {"id": number, "kind": type(error).__name__, "where": where}})
    return number


class timed:
    """One line when the block ends: its seconds, and whether it was done, refused, failed or stopped (by Streamlit).

    Facts found out meanwhile go into the dict that `with` gives.
    """

    def __init__(self, event: str, **facts: Any):
        self._event = event
        self._facts = facts
        self._start = time.monotonic()

    def __enter__(self) -> dict[str, Any]:
        return self._facts

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        outcome = "done"
        if kind is not None:
            unforeseen = "failed" if issubclass(kind, Exception) else "stopped"
            outcome = "refused" if issubclass(kind, ConfigError) else unforeseen
        record(self._event, **self._facts, outcome=outcome, seconds=round(time.monotonic() - self._start, 3))
