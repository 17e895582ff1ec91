"""Progress: the steps done so far, no more often than a page can show them."""

import pytest

from core.engine import training
from core.engine.training import PROGRESS_SECONDS, ProgressCount


def test_progress_is_reported_once_in_a_tenth_of_a_second_at_most(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(training.time, "monotonic", lambda: now[0])
    reports = []
    count = ProgressCount(lambda done, total: reports.append((round(now[0] - 100, 6), done, total)), 50)
    for _ in range(50):
        now[0] += 0.03
        count.tick(1)
    times = [at for at, _, _ in reports]
    assert [done for _, done, _ in reports] == [round(at / 0.03) for at in times]
    assert {total for _, _, total in reports} == {50}
    gaps = [after - before for before, after in zip([0.0, *times], times, strict=False)]
    assert gaps and all(PROGRESS_SECONDS <= gap + 1e-9 < PROGRESS_SECONDS + 0.03 for gap in gaps)


@pytest.mark.parametrize("steps", [[4], [3, 5]])
def test_a_chunk_that_is_done_counts_whole_however_few_steps_it_needed(steps, monkeypatch):
    monkeypatch.setattr(training, "PROGRESS_SECONDS", 0)
    reports = []
    count = ProgressCount(lambda done, _: reports.append(done), 10)
    count.tick(2)
    for run_steps in steps:
        count.finish(run_steps)
    assert reports == [2, *[sum(steps[: k + 1]) for k in range(len(steps))]]
