"""The line of settings under a title, and how large a record may be."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ConfigError, RunConfig
from tests.support.nothing import anything
from ui import panels
from ui.controls import fields


@given(st.floats(0.01, 9), st.floats(1e-4, 0.9), st.integers(1, 3000), st.integers(1, 30), st.integers(2, 99))
def test_every_setting_of_the_line_is_its_own(scale, rate, steps, depth, width):
    config = RunConfig(hidden=(width,) * depth, activation="tanh", init="he_normal", init_scale=scale,
                       optimizer="adam", learning_rate=rate, steps=steps, dataset="moons")  # fmt: skip
    labels = {field: fields.option_label(field, getattr(config, field)) for field in ("activation", "init", "dataset")}
    assert panels.summary_line(config) == (
        f"{depth} × {width} {labels['activation']} · {labels['init']} × {scale:g} · {labels['dataset']} · "
        f"Adam, learning rate {rate:g}, {steps:,} steps"
    )


@pytest.mark.parametrize("hidden, shape", [((3, 2), "3-2 "), ((), "no hidden layer"),
                                           (tuple(range(1, 9)), "1-2-3-4-5-6-7-8 "),
                                           (tuple(range(1, 12)), "1-2-3-4-5-6-7-8-… (11 layers) ")])  # fmt: skip
def test_uneven_networks_are_listed_by_layer_up_to_eight(hidden, shape):
    assert panels.summary_line(RunConfig(hidden=hidden)).startswith(shape)
    assert panels.summary_line(RunConfig(hidden=hidden, steps=0)).endswith(" · untrained")


@pytest.mark.parametrize("rows, allowed", [(9, True), (10, True), (11, False)])
def test_a_record_of_as_many_rows_as_the_limit_is_written(rows, allowed, monkeypatch):
    said = []
    monkeypatch.setenv("GRADIENT_LAB_MAX_RECORD", "10")
    monkeypatch.setattr(panels.st, "caption", said.append)
    assert panels.is_writable(rows) == allowed
    assert [f"The record has {rows:,} rows" in text for text in said] == [True] * (not allowed)


def test_a_refused_file_of_settings_is_named_until_the_next_one(monkeypatch):
    session, taken, reruns = {}, [], []
    monkeypatch.setattr(panels, "session_by_name", session)
    monkeypatch.setattr(panels, "st", anything(rerun=lambda: reruns.append(1)))

    def take(raw):
        taken.append(raw)
        if raw == b"bad":
            raise ConfigError("depth", "x", "wrong")

    def choose(raw):
        session["file"] = None if raw is None else SimpleNamespace(getvalue=lambda: raw)
        panels._take_file("file", take)
        return session["file_fault"]

    assert isinstance(choose(b"bad"), ConfigError) and not reruns
    assert choose(None) is None and not reruns
    assert isinstance(choose(b"bad"), ConfigError)
    assert choose(b"good") is None and reruns == [1] and taken == [b"bad", b"bad", b"good"]


def test_every_file_has_a_button_of_its_own(monkeypatch):
    drawn = []
    downloads = SimpleNamespace(in_turn=lambda *_: None)
    monkeypatch.setattr(panels, "services", lambda: SimpleNamespace(downloads=downloads))
    button = lambda *given, **more: drawn.append((*given, more["key"]))  # noqa: E731
    monkeypatch.setattr(panels, "st", anything(download_button=button))
    for name in ("a.csv", "b.csv"):
        panels.download("Label", lambda: "", name, "text/csv")
    assert [(label, name, mime, key) for label, _, name, mime, key in drawn] == [
        ("Label", "a.csv", "text/csv", "download_a.csv"), ("Label", "b.csv", "text/csv", "download_b.csv"),
    ]  # fmt: skip
