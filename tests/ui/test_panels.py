"""The line of settings under a title, and how large a record may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig
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
