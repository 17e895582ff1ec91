"""Trains the arms of the Compare page in one call on all cores, and caches their summaries."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.delta_generator import DeltaGenerator

from core import RunConfig, Trace, train
from core.comparison.arm_statistics import ArmSummary, summarize_arm
from core.comparison.arms import Comparison
from core.engine import workers
from ui.runtime import jobs, limits
from ui.runtime.jobs import Run
from ui.runtime.progress import ProgressReporter
from ui.runtime.services import services

Key = tuple[RunConfig, int, str | None]


class ArmProgressReporter(ProgressReporter):
    """Shows the progress of each arm."""

    def __init__(self, slot: DeltaGenerator, seeds: int):
        super().__init__(slot)
        self._seeds = seeds
        self._missing = {}

    def missing(self, name: str, runs: int) -> None:
        """Sets the number of runs of an arm that are not done."""
        self._missing[name] = runs

    def on_progress(self, done: int, total: int) -> None:
        arms = ", ".join(f"{name} {self._of(runs)}" for name, runs in self._missing.items())
        self._show(done / total, f"Training on all cores: {arms}. Changing a control stops it.")

    def _of(self, runs: int) -> str:
        return "done" if runs == 0 else f"{self._seeds - runs} of {self._seeds} seeds"


def key_of(comparison: Comparison, config: RunConfig, digest: str | None) -> Key:
    """The cache key of an arm; the table is part of it only where the dataset is a table."""
    return config, comparison.seeds, digest if config.dataset == "custom" else None


def records(
    comparison: Comparison,
    digest: str | None,
    reporter: ArmProgressReporter,
    on_arm: Callable[[dict[str, ArmSummary]], None],
) -> dict[str, ArmSummary]:
    """The summary of every arm by its name, in order: cached, or trained now.

    All missing runs are trained in one call on the shared workers, or in two where some arms use a table and others
    do not. Arms with equal settings are trained once.

    Args:
        digest: the digest of the visitor's table, for arms whose dataset is "custom".
        reporter: shows the progress; an exception that it raises ends the training.
        on_arm: called with all summaries so far whenever an arm is done while others are not.

    Raises:
        ConfigError: as `core.train`.
    """
    arms = {arm.name: arm.config(comparison.base) for arm in comparison.arms}
    keys = {name: key_of(comparison, config, digest) for name, config in arms.items()}
    done = {name: services().arms.get(key) for name, key in keys.items()}
    summaries = {keys[name]: record for name, record in done.items() if record is not None}
    runs: dict[Key, list[Run]] = {
        key: [Run(key[0].replace(seed=key[0].seed + k), key[2]) for k in range(comparison.seeds)]
        for key in keys.values()
        if key not in summaries
    }
    traces: dict[Run, Trace] = {}

    def settle(run: Run, trace: Trace) -> None:
        traces[run] = trace
        for key, wanted in runs.items():
            left = sum(other not in traces for other in wanted)
            for name in (name for name in keys if keys[name] == key):
                reporter.missing(name, left)
            if not left and key not in summaries:
                record = summarize_arm([traces[other] for other in wanted])
                summaries[key] = services().arms.get_or_compute(key, lambda record=record: record, lambda: None)
                if len(summaries) < len(set(keys.values())):
                    on_arm({name: summaries[key] for name, key in keys.items() if key in summaries})

    for name, key in keys.items():
        reporter.missing(name, len(runs.get(key, ())))
    for wanted in runs.values():
        for run in wanted:
            trace = services().runs.get(run)
            if trace is not None:
                settle(run, trace)
    missing = [run for wanted in runs.values() for run in wanted if run not in traces]
    if missing:
        limits.check_work(sum(jobs.run_cost(run).multiply_adds for run in missing))
        with jobs.long_slot(reporter.on_queued, "comparison"):
            for table in dict.fromkeys(run.digest for run in missing):
                _train([run for run in missing if run.digest == table], reporter, settle)
    return {name: summaries[key] for name, key in keys.items()}


def _train(runs: list[Run], reporter: ArmProgressReporter, settle: Callable[[Run, Trace], None]) -> None:
    """Calls `train`, and calls it again for the remaining runs if a worker ended meanwhile, for want of memory say."""
    left = list(runs)
    for again in (True, False):
        sent = list(left)

        def done(i: int, trace: Trace, sent: list[Run] = sent) -> None:
            left.remove(sent[i])
            settle(sent[i], services().runs.get_or_compute(sent[i], lambda: trace, lambda: None))

        try:
            train(
                [run.config for run in sent],
                data=jobs.get_data(sent[0]),
                on_progress=reporter.on_progress,
                executor=services().long_executor.get(),
                on_trace=done,
            )
            return
        except workers.worker_lost_errors():
            if not again:
                raise
