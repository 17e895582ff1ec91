"""The time that a sweep is expected to take, and what its progress says."""

import pytest

from core import RunConfig
from core.sweeps.chunks import expected_seconds
from core.sweeps.maps import Axis, SweepMap
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
