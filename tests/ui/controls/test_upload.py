"""A run on a visitor's table that takes over a minute asks first; the time is that of all its steps and layers."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig
from core.config import cost
from core.tables import read_table
from tests.support.nothing import anything
from tests.support.waiting import never
from ui.controls import upload
from ui.controls.upload import TableRefused, check_duration
from ui.session import TableControls

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


@pytest.mark.parametrize("columns", [3, 40_000])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_rows_are_chosen_where_there_are_more_than_are_usual(columns, beyond, monkeypatch):
    drawn = []
    usual = max(2_000_000 // columns, 100)
    table = SimpleNamespace(columns=[None] * columns, rows=usual + beyond)
    monkeypatch.setattr(upload, "session", {})
    monkeypatch.setattr(upload, "st", SimpleNamespace(number_input=lambda label, **more: drawn.append(more)))
    choices = {}
    upload._draw_sample(table, choices)
    assert len(drawn) == (beyond > 0)
    if drawn:
        assert drawn[0]["value"] == choices["max_rows"] == min(usual, 100_000)
        assert drawn[0]["max_value"] == min(table.rows, 100_000) and f"{table.rows:,}" in drawn[0]["help"]
        monkeypatch.setattr(upload, "session", {"table_rows": 5})
        upload._draw_sample(table, choices)
        assert drawn[1]["value"] is None  # a value beside the one that the session has would be a second one


def test_a_new_file_forgets_every_choice_made_for_the_one_before(monkeypatch):
    keys = {name for name in TableControls.__annotations__ if name.startswith("table_")}
    kept = {"table_file", "table_digest", "table_version"}
    session = dict.fromkeys(keys, 1) | {"table_digest": "old", "depth": 3}
    monkeypatch.setattr(upload, "session", session)
    monkeypatch.setattr(upload, "session_by_name", session)
    upload._reset_for("old")
    assert set(session) == keys | {"depth"}
    upload._reset_for("new")
    assert set(session) == kept | {"depth"} and session["table_digest"] == "new"


def test_a_remedy_sets_the_control_of_its_own_name(monkeypatch):
    wanted = {
        "leave_out": "table_left_out", "drop_missing": "table_drop", "fill_missing": "table_fill",
        "missing_as_class": "table_classes", "kinds": "table_kinds", "decimal": "table_decimal",
        "day_first": "table_day_first", "max_rows": "table_rows", "confirmed": "table_confirmed",
    }  # fmt: skip
    for name, key in wanted.items():
        session = {"table_version": 4}
        monkeypatch.setattr(upload, "session", session)
        monkeypatch.setattr(upload, "session_by_name", session)
        upload._apply({name: ("a", "b")})
        assert session == {key: ["a", "b"], "table_version": 5}


KINDS = {"number": {"b": "numeric"}, "category": {"b": "category"}, "date": {"b": "date"}}


@pytest.mark.parametrize("label", upload.KIND_LABELS.values())
def test_a_type_that_is_chosen_for_a_column_is_its_own(label, monkeypatch):
    session = {"table_left_out": ["b", "c"], "table_kinds": {"a": "numeric", "b": "date"}, "table_target": "a",
               "table_columns_3": {"edited_rows": {"1": {"Type": label}}}}  # fmt: skip
    monkeypatch.setattr(upload, "session", session)
    monkeypatch.setattr(upload, "session_by_name", session)
    upload._change_kinds(("a", "b", "c"), 3)
    assert session["table_target"] == ("b" if label == "target" else "a")
    assert session["table_left_out"] == ["c"] + ["b"] * (label == "ignored")
    assert session["table_kinds"] == {"a": "numeric"} | KINDS.get(label, {}) and session["table_version"] == 4


def test_another_file_another_reading_and_another_use_are_other_data(monkeypatch):
    texts = [f"{''.join(f'{n};{n % 5}{extra}' for n in range(9))}".encode() for extra in ("\n", "0\n")]
    readings = [(), (("header", False),), (("header", False), ("skip_lines", 2))]
    uses = [{"target": 0}, {"target": 1}, {"target": 0, "task": "regression"}, {"target": 0, "leave_out": ()}]
    seen = {}

    def read(function, raw, *, reporter, max_bytes, **options):
        return function(raw, **options)

    def use(table):
        names = [column.name for column in table.columns]
        return {"drop_missing": False, **chosen, "target": names[chosen["target"]]}

    monkeypatch.setattr(upload.jobs, "read_in_turn", read)
    monkeypatch.setattr(upload, "st", anything())
    monkeypatch.setattr(upload, "draw_reading", lambda table: None)
    monkeypatch.setattr(upload, "_draw_use", use)
    monkeypatch.setattr(upload, "session", {})
    monkeypatch.setattr(upload, "session_by_name", {})
    for raw in texts:
        file = SimpleNamespace(getvalue=lambda raw=raw: raw, name="t.csv")
        monkeypatch.setattr(upload, "draw_uploader", lambda *_, file=file, **__: [file])
        for reading in readings:
            monkeypatch.setattr(upload, "reading_choices", lambda reading=reading: reading)
            for chosen in uses:
                for _ in range(2):
                    given = upload.table_controls()
                    key = raw, reading, tuple(chosen.items())
                    assert seen.setdefault(key, given.digest) == given.digest
                    assert len(given.prepared.X) == len(read_table(raw, "t.csv", **dict(reading)).columns[0].values)
    assert len(set(seen.values())) == len(seen) == 24


@pytest.mark.parametrize("seconds, fewer", [(61.0, 16_300), (200.0, 5_000), (1e6, 100)])
@pytest.mark.parametrize("chosen", [True, False])
def test_fewer_rows_are_offered_of_which_a_run_takes_twenty_seconds(seconds, fewer, chosen, monkeypatch):
    config, rows = RunConfig(hidden=(8,), steps=10), 50_000
    data = SimpleNamespace(prepared=SimpleNamespace(X=np.zeros((rows, 3)), D=np.zeros((rows, 1))))
    monkeypatch.setattr(upload, "session", {"table_rows": rows} if chosen else {})
    monkeypatch.setattr(upload, "LAYER_STEP_SECONDS", 0.0)
    monkeypatch.setattr(upload, "MULTIPLY_ADD_SECONDS", seconds / cost(config, 3, 1, rows).multiply_adds)
    with pytest.raises(TableRefused) as refused:
        check_duration(config, data)
    offered = [(fix.label, dict(fix.changes)) for fix in refused.value.obstacles[0].fixes]
    wanted = [(f"Use {fewer:,} rows", {"max_rows": fewer})] if chosen else []
    assert offered == [*wanted, ("Train anyway", {"confirmed": True})]


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_table_of_as_many_bytes_as_the_server_allows_is_read(beyond, monkeypatch):
    raw = b"a,b\n" + b"1,2\n" * 9
    file = SimpleNamespace(getvalue=lambda: raw, name="t.csv")
    monkeypatch.setattr(upload, "draw_uploader", lambda *_, **__: [file])
    monkeypatch.setattr(upload, "st", anything())
    monkeypatch.setattr(upload, "draw_reading", lambda table: None)
    monkeypatch.setattr(upload, "session", {})
    monkeypatch.setattr(upload.limits, "value", {"MAX_UPLOAD": len(raw) - beyond}.get)
    monkeypatch.setattr(upload, "services", lambda: SimpleNamespace(tables=SimpleNamespace(get_or_compute=never)))
    if beyond > 0:
        assert "39 bytes a table" in str(upload.table_controls())
    else:
        with pytest.raises(AssertionError):  # it would be read
            upload.table_controls()
