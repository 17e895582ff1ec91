"""The event log of a server: a warning of another package keeps its place and no word of its own."""

import logging
import threading

import pytest

from ui.runtime import event_log


@pytest.fixture
def opened(monkeypatch):
    """An open event log, undone afterwards; what is written, record by record."""
    factory, hook, handlers = logging.getLogRecordFactory(), threading.excepthook, event_log._LOG.handlers[:]
    propagates, level = event_log._LOG.propagate, event_log._LOG.level
    muted = logging.getLogger("streamlit.error_util").level
    monkeypatch.setattr(event_log.config, "set_option", lambda *_: None)
    event_log.open_event_log()
    event_log.hide_foreign_words()
    written = []

    class Keep(logging.Handler):
        def emit(self, record):
            written.append(logging.Formatter("%(message)s").format(record) + str(getattr(record, "facts", "")))

    keep, other = Keep(), logging.getLogger("some.package")
    other.addHandler(keep)
    event_log._LOG.addHandler(keep)
    yield other, written
    other.removeHandler(keep)
    logging.setLogRecordFactory(factory)
    threading.excepthook = hook
    event_log._LOG.handlers[:], event_log._LOG.propagate = handlers, propagates
    event_log._LOG.setLevel(level)
    logging.getLogger("streamlit.error_util").setLevel(muted)


def test_warnings_and_errors_of_other_packages_lose_their_words(opened):
    other, written = opened
    other.warning("typed by %s", "a secret visitor")
    other.error(f"typed by {'a secret visitor'}", stack_info=True)
    try:
        raise ValueError("a secret visitor")
    except ValueError:
        other.exception("a secret visitor")
    assert len(written) == 3 and not any("secret" in line or "Traceback" in line for line in written)
    assert "test_event_log.py:" in written[0] and written[2].startswith("ValueError at ")


@pytest.mark.parametrize("kind", [ValueError, OSError, KeyError, MemoryError, KeyboardInterrupt, SystemExit])
def test_an_error_in_a_thread_is_filed_without_its_words(opened, kind):
    _, written = opened

    def fail():
        raise kind("a secret visitor")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    kinds = [] if kind is SystemExit else [kind.__name__]  # which is no error
    assert [line.partition("'kind': '")[2].partition("'")[0] for line in written] == kinds
    assert not any("secret" in line or not line.startswith("failure") for line in written)


def test_own_events_stay_as_they_are(opened):
    event_log.record("start", seconds=1)
    assert opened[1] == ["start{'seconds': 1}"]


@pytest.mark.parametrize("level, hidden", [(logging.INFO, False), (logging.WARNING, True), (logging.ERROR, True)])
def test_words_are_hidden_from_warnings_on(opened, level, hidden):
    other, written = opened
    other.setLevel(logging.DEBUG)
    other.log(level, "a secret visitor")
    assert ("secret" not in written[0]) == hidden
