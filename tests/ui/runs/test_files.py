"""Files of a recording: which together are one run, how large they may be, and what a cache knows them by."""

from types import SimpleNamespace

import pytest

from core import ConfigError
from tests.support.events import event_file
from ui.runs import files
from ui.runtime.services import start_services

EVENTS = [event_file([("grad_norm/a", step, 1.0), ("grad_norm/b", step, 2.0)]) for step in (0, 10)]
TABLE = b"step,layer,grad_norm\n0,1,1.0\n0,2,2.0\n"


@pytest.fixture
def given(monkeypatch):
    """Reads the files that a visitor gives, in the order of the upload."""

    def read(*parts, limit=10**6):
        uploaded = [SimpleNamespace(name=name, getvalue=lambda raw=raw: raw) for name, raw in parts]
        monkeypatch.setattr(files, "draw_uploader", lambda *_, **__: uploaded)
        monkeypatch.setattr(files.limits, "value", {"MAX_UPLOAD": limit}.get)
        return files.draw_upload("Your file", "runs_file")

    return read


def test_several_files_are_one_run_only_where_all_are_of_tensorboard_in_the_order_of_their_names(given):
    first, second = EVENTS
    assert given() is None
    assert given(("a.csv", TABLE)) == (TABLE, "a.csv")
    assert given(("a", first)) == (first, "a")
    for order in ([("a", first), ("b", second)], [("b", second), ("a", first)]):
        assert given(*order)[0] == first + second
    for parts in ([("a", first), ("b.csv", TABLE)], [("a.csv", TABLE), ("b", first)], [("a.csv", TABLE)] * 2):
        with pytest.raises(ConfigError, match="TensorBoard"):
            given(*parts)


def test_files_count_together_against_the_limit(given):
    size = sum(map(len, EVENTS))
    parts = [("a", EVENTS[0]), ("b", EVENTS[1])]
    assert given(*parts, limit=size)
    with pytest.raises(ConfigError, match=f"{size:,} bytes.*this server allows {size - 1:,} bytes"):
        given(*parts, limit=size - 1)


def test_a_recording_is_known_by_all_of_its_file_and_by_its_name(monkeypatch):
    start_services()
    read = []

    def note(make, raw, **options):
        read.append((raw, options["name"], options["max_bytes"]))
        return SimpleNamespace(nbytes=1, raw=raw), options["name"]

    monkeypatch.setattr(files.jobs, "read_in_turn", note)
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOAD", "2000")
    wanted = [(TABLE, "a.csv"), (TABLE + b"1,1,1.0\n", "a.csv"), (TABLE, "b.csv")]
    for raw, name in wanted * 2:
        shown = files.get_file(raw, name, SimpleNamespace(on_shared=lambda: None))
        assert (shown.recording.raw, shown.diagnosis, shown.label) == (raw, name, name)
    assert read == [(raw, name, 20_000) for raw, name in wanted]
    start_services()
