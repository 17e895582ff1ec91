"""Tokens that tell a worker whether its caller still waits, with and without a disk."""

import dataclasses
import os
import tempfile

import pytest

from core import RunConfig, train
from core.engine import cancellation
from core.engine.cancellation import Cancelled, cancel_token
from core.engine.workers import Workers


def checked(token, monkeypatch):
    """True if a check of this token passes, made late enough to look."""
    now = [0.0]
    monkeypatch.setattr(cancellation.time, "monotonic", lambda: now[0])
    check = token.checker()
    now[0] = 1.0
    try:
        check()
    except Cancelled:
        return False
    return True


# A system without files in memory has the other kind alone.
@pytest.fixture(params=["memory", "file"] if hasattr(os, "memfd_create") else ["file"])
def kind(request, monkeypatch):
    if request.param == "file":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    return request.param


def test_a_token_says_waiting_until_its_block_ends(kind, monkeypatch):
    with cancel_token() as token:
        assert token.is_waiting() and checked(token, monkeypatch)
    assert not token.is_waiting() and not checked(token, monkeypatch)


def test_an_error_in_the_block_ends_the_waiting_too(kind):
    with pytest.raises(ZeroDivisionError), cancel_token() as token:
        raise ZeroDivisionError
    assert not token.is_waiting()


def test_a_later_token_is_not_taken_for_an_earlier_one(kind):
    with cancel_token() as first:
        pass
    with cancel_token() as second:  # it may have the number of the first
        assert not first.is_waiting() and second.is_waiting()


def test_on_another_machine_nobody_can_look(kind):
    with cancel_token() as token:
        pass
    assert dataclasses.replace(token, host="another machine").is_waiting()


def test_no_file_is_written_where_memory_will_do(monkeypatch):
    made = []
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", lambda **_: made.append(1) or open(os.devnull))
    with cancel_token():
        pass
    assert bool(made) != hasattr(os, "memfd_create")


def test_a_full_disk_stops_no_run(monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    with cancel_token() as token:
        pass
    assert token.is_waiting()  # nobody can look, so the work goes on


@pytest.fixture(scope="module")
def workers():
    pool = Workers(1)
    yield pool
    pool.shutdown()


def test_a_worker_sees_the_token_of_its_caller(kind, workers):
    (trace,) = train([RunConfig(hidden=(4,), steps=3)], executor=workers)
    with cancel_token() as token:
        assert workers.submit(token.is_waiting).result(60)
    assert not workers.submit(token.is_waiting).result(60)
    assert trace.step[-1] == 3


def test_a_worker_writes_down_how_far_it_is(kind, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(cancellation.time, "monotonic", lambda: now[0])
    with cancel_token() as token:
        check = token.checker()
        assert token.share == 0
        for second, done in enumerate((1, 3), 1):
            now[0] = second
            check(done, 4)
            assert token.share == done / 4
        check(4, 4)  # within 0.1 s nothing is written
        assert token.share == 3 / 4
    assert token.share == 0


def test_progress_on_another_machine_is_unknown(kind, monkeypatch):
    with cancel_token() as token:
        far = dataclasses.replace(token, host="another machine", path="/nowhere")
        assert checked(far, monkeypatch) and far.share == 0


@pytest.mark.parametrize("share, expected", [(-0.5, 0.0), (0.0, 0.0), (0.25, 0.25), (1.0, 1.0), (1.5, 1.0)])
def test_no_work_is_told_to_be_more_than_done_or_less_than_begun(kind, share, expected):
    with cancel_token() as token:
        token._write(share)
        assert token.share == expected
