"""A run on a visitor's table that takes over a minute asks first; the time is that of all its steps and layers."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig
from core.config import cost
from core.tables import read_table
from ui.controls import upload
from ui.controls.upload import TableRefused, check_duration

DATA = SimpleNamespace(prepared=SimpleNamespace(X=np.zeros((500, 3)), D=np.zeros((500, 2))))


@given(layers=st.integers(0, 40), steps=st.integers(0, 5_000), confirmed=st.booleans())
def test_a_run_is_refused_from_a_minute_on_of_multiply_adds_and_of_layers_at_every_step(layers, steps, confirmed):
    config = RunConfig(hidden=(8,) * layers, steps=steps)
    work = cost(config, 3, 2, 500).multiply_adds
    seconds = 1e-8 * work + 1e-3 * (layers + 1) * (steps + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload, "session", {"table_confirmed": confirmed})
        patch.setattr(upload, "MULTIPLY_ADD_SECONDS", 1e-8)
        patch.setattr(upload, "LAYER_STEP_SECONDS", 1e-3)
        if confirmed or seconds <= 60:
            check_duration(config, DATA)
            return
        with pytest.raises(TableRefused) as refused:
            check_duration(config, DATA)
    (obstacle,) = refused.value.obstacles
    minutes = f"about {seconds / 60:,.0f} minutes" if seconds >= 90 else "over a minute"
    assert f"a run over 500 rows of 3 inputs is expected to take {minutes} on one core" in obstacle.error.allowed
    assert dict(obstacle.fixes[-1].changes) == {"confirmed": True}


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_one_class_can_be_held_against_the_rest_where_there_are_more_than_two(classes, monkeypatch):
    rows = "".join(f"{k},{k % 7},class {k % classes}\n" for k in range(30))
    table = read_table(f"a,b,kind\n{rows}".encode())
    asked = {}

    def select(label, options, **more):
        asked[label] = list(options)
        return "kind" if label == "Target" else None

    monkeypatch.setattr(upload, "st", SimpleNamespace(selectbox=select, multiselect=lambda *_, **__: []))
    monkeypatch.setattr(upload, "session", {})
    for part in ("_draw_columns", "_draw_missing", "_draw_sample"):
        monkeypatch.setattr(upload, part, lambda *_: None)
    assert upload._draw_use(table)["target"] == "kind"
    found = asked.get("One class against the rest")
    assert found == (None if classes == 2 else [f"class {k}" for k in range(classes)])
