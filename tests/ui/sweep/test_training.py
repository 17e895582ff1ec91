"""The time that a sweep is expected to take, and what its progress says."""

import pytest

from core import ConfigError, RunConfig
from core.sweeps.chunks import expected_seconds
from core.sweeps.maps import Axis, SweepMap
from core.sweeps.table import SweepTable
from tests.support.waiting import never
from ui.runtime.services import services, start_services
from ui.sweep import training
from ui.sweep.training import SweepProgressReporter, expected_duration

GRID = SweepMap(RunConfig(hidden=(4, 4), steps=3, samples=8), ("tanh",), Axis("init_scale", 1, 2, 4),
                Axis("bias_std", 0, 1, 3)).grid  # fmt: skip


@pytest.mark.parametrize("factor", [0.5, 50.0])
def test_a_long_sweep_is_shared_by_the_cores_and_a_short_one_runs_alone(monkeypatch, factor):
    alone = sum(expected_seconds(config) * len(members) for config, members in GRID.groups())
    monkeypatch.setattr(training, "cores", lambda: 4)
    monkeypatch.setattr(training, "LOCAL_SECONDS", alone / factor)
    assert expected_duration(GRID) == pytest.approx(alone if factor < 1 else alone / 4)


def test_the_time_left_is_that_of_the_pace_since_the_first_report(monkeypatch):
    now, shown, previews = [100.0], [], []
    monkeypatch.setattr(training.time, "monotonic", lambda: now[0])
    reporter = SweepProgressReporter(None, lambda: previews.append(now[0]))
    monkeypatch.setattr(reporter, "_show", lambda share, text: shown.append((share, text)))
    reporter.on_progress(400, 1000)  # 400 came from a checkpoint: they say nothing of the pace
    now[0] += 10.0
    reporter.on_progress(500, 1000)
    assert shown[0] == (0.4, "Training: 400 of 1,000 networks. Changing a control stops it.")
    assert shown[1] == (0.5, "Training: 500 of 1,000 networks, about 50 s left. Changing a control stops it.")
    assert previews == [110.0]


@pytest.mark.parametrize("errors, words", [
    ({}, ""),
    ({3: "no room"}, "1 network failed; the first of them: no room"),
    ({7: "later", 2: "no room"}, "2 networks failed; the first of them: no room"),
])  # fmt: skip
def test_networks_that_failed_are_counted_with_the_reason_of_the_first(errors, words):
    table = SweepTable(GRID)
    table.errors |= errors
    assert training.describe_failures(table) == words


@pytest.mark.parametrize("limit, refused", [(11, True), (12, False), (13, False)])
def test_a_sweep_of_as_many_networks_as_the_server_allows_is_run(limit, refused, monkeypatch):
    spec = SweepMap(RunConfig(hidden=(4, 4), steps=3, samples=8), ("tanh",), Axis("init_scale", 1, 2, 4),
                    Axis("bias_std", 0, 1, 3))  # fmt: skip
    monkeypatch.setattr(training.limits, "value", {"MAX_SWEEP": limit}.get)
    if refused:
        with pytest.raises(ConfigError, match="12 networks.*this server allows 11 in one sweep"):
            training.check_limit(spec)
    else:
        training.check_limit(spec)


def test_a_map_has_its_theory_once_the_curves_of_all_its_activations_are_there():
    start_services()
    axes = Axis("init_scale", 1, 2, 4), Axis("bias_std", 0, 1, 3)
    spec = SweepMap(RunConfig(hidden=(4, 4), steps=0, samples=8), ("tanh", "relu"), *axes)
    other = SweepMap(spec.base.replace(seed=9), spec.activations, *axes)
    seen = []
    for activation in spec.activations:
        seen.append(training.has_theory(spec))
        curves = training.get_theory(spec, activation)
        assert curves is training.get_theory(spec, activation)
    assert seen == [False, False] and training.has_theory(spec) and not training.has_theory(other)
    assert training.get_theory(spec, "tanh")[0].x[0] != training.get_theory(spec, "relu")[0].x[0]
    start_services()


@pytest.mark.parametrize("local, here", [(1e9, True), (0.0, False)])
def test_a_short_sweep_runs_in_this_process_and_a_longer_one_in_others(local, here, monkeypatch):
    start_services()
    given = []
    monkeypatch.setattr(training, "LOCAL_SECONDS", local)
    monkeypatch.setattr(type(services().long_executor), "get", lambda self: "others")
    monkeypatch.setattr(training, "run_grid", lambda grid, add, executor, report: given.append((grid, executor)))
    shown = []
    reporter = SweepProgressReporter(None, never)
    table = training.get_table(GRID, reporter, shown.append)
    assert given == [(GRID, None if here else "others")] and shown == [table]
    assert training.get_table(GRID, reporter, never) is table  # it is kept
    start_services()


@pytest.mark.parametrize("done, seconds, drawn", [(0, 9.0, 0), (1, 1.4, 0), (1, 1.5, 1), (1000, 9.0, 1)])
def test_a_preview_is_drawn_of_something_and_no_oftener_than_its_pause(done, seconds, drawn, monkeypatch):
    now, previews = [100.0], []
    monkeypatch.setattr(training.time, "monotonic", lambda: now[0])
    reporter = SweepProgressReporter(None, lambda: previews.append(now[0]))
    monkeypatch.setattr(reporter, "_show", lambda share, text: None)
    now[0] += seconds
    for _ in range(2):
        reporter.on_progress(done, 1000)
    assert len(previews) == drawn
