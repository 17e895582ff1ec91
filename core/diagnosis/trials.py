"""Suggestions, tried: each is trained on the run's own data with other seeds, and what does not help is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..config import RunConfig
from ..data.datasets import load, split
from ..data.summary import best_constant
from ..engine.training import Data, Progress, checked_data, train
from ..errors import ConfigError
from ..trace import Trace
from ..wording import count_noun, percent
from .findings import Diagnosis, Finding
from .fresh_start import start_over
from .rules import diagnose
from .statistics import TraceStats
from .suggestions import Suggestion

DataSource = Data | Callable[[RunConfig], Data] | None

TRIAL_SEEDS = 3
# Accuracy that counts as better or worse, and the ratio of losses that does.
BETTER_ACCURACY = 0.05
WORSE_ACCURACY = 0.02
BETTER_LOSS = 0.8
WORSE_LOSS = 1.05


class Result(NamedTuple):
    """Result of a run: accuracy (NaN in a regression), and its loss over that of the best constant answer.

    `loss` names the loss and its class weights.
    """

    accuracy: float
    relative_loss: float
    loss: str

    @property
    def diverged(self) -> bool:
        return not np.isfinite(self.relative_loss)


def measure_result(trace: Trace, samples: tuple[np.ndarray, np.ndarray]) -> Result:
    """Result of a run that was trained on these X and D, with all its units."""
    loss = f"{trace.config.class_weight} {trace.config.loss}"
    if trace.diverged_at is not None:
        return Result(float("nan"), float("inf"), loss)
    stats = TraceStats(trace, samples)
    constant = best_constant(trace.config, trace.task, samples[1]).loss
    last_loss = stats.final_loss if trace.config.dropout else stats.last_loss
    return Result(stats.last_accuracy, last_loss / constant if constant > 0 else last_loss, loss)


def compare(before: Result, after: Result) -> int:
    """1 where the second run is clearly better, -1 where it is worse, 0 else.

    A run that no longer diverges is better when it also learned something. Accuracy decides where there are classes;
    where it is the same, the loss does, unless another loss was trained.
    """
    if after.diverged:
        return 0 if before.diverged else -1
    if before.diverged:
        return int(after.relative_loss <= 0.9)
    if np.isfinite(before.accuracy) and np.isfinite(after.accuracy):
        gain = after.accuracy - before.accuracy
        if gain >= BETTER_ACCURACY:
            return 1
        if gain < -WORSE_ACCURACY:
            return -1
        if before.loss != after.loss:
            return 0
    ratio = after.relative_loss / before.relative_loss if before.relative_loss > 0 else np.inf
    return 1 if ratio <= BETTER_LOSS else -1 if ratio > WORSE_LOSS and not np.isfinite(before.accuracy) else 0


def try_suggestions(
    trace: Trace,
    executor: Executor | None = None,
    data: DataSource = None,
    on_progress: Progress | None = None,
) -> Diagnosis:
    """The diagnosis with its suggestions tried: each keeps its outcome, and those that do not help are left out.

    Each suggestion is trained on the samples of the run with three other seeds, and so is the run itself. It is
    offered when every seed ends better than the run did, none worse than the run with that seed, and one better.
    Where no suggestion helps, another network for the same data is tried.

    Args:
        trace: a run of `train`.
        executor: as `train` takes it.
        data: (X, D) as they were passed to `train`, or a function of a config that returns them; None for the
            config's own dataset.
        on_progress: as `train` takes it.

    Returns:
        The diagnosis of `trace`. `trial` says how suggestions were tried, or that none helped. Where data of one's own
        are missing the suggestions stay, untried.
    """
    diagnosis = diagnose(trace)
    untried = _distinct_suggestions(diagnosis)
    if not untried or (data is None and trace.config.dataset == "custom"):
        return diagnosis
    trial = _Trial(trace.config, measure_result(trace, _samples(trace.config, data)), data, executor)
    outcomes = trial.run(untried, on_progress)
    if outcomes is None:
        return diagnosis
    findings = [_with_outcomes(finding, outcomes) for finding in diagnosis.findings]
    if not any(finding.suggestions for finding in findings):
        last = [one for one in start_over(trace.config) if _key(one) not in outcomes]
        untried += last
        tried = trial.run(last, on_progress) or {}
        helped = tuple(replace(one, outcome=tried[_key(one)]) for one in last if tried.get(_key(one)))
        findings[0] = replace(findings[0], suggestions=helped)
    offered = sum(len(finding.suggestions) for finding in findings)
    how = "on the same data with three other seeds"
    if offered:
        summary = f"Each suggestion was trained {how}; those that did not help are left out."
    else:
        changes = count_noun(len(untried), "change")
        verb = "was" if len(untried) == 1 else "were"
        summary = f"{changes} {verb} tried {how}, and none helped."
    return replace(diagnosis, findings=tuple(findings), trial=summary)


def count_trainings(diagnosis: Diagnosis) -> int:
    """The runs that `try_suggestions` trains for a diagnosis: the run itself and each suggestion, over the seeds."""
    changes = len(_distinct_suggestions(diagnosis))
    return TRIAL_SEEDS * (1 + changes) if changes else 0


def _distinct_suggestions(diagnosis: Diagnosis) -> list[Suggestion]:
    tried: dict[tuple, Suggestion] = {}
    for finding in diagnosis.findings:
        for one in finding.suggestions:
            tried.setdefault(_key(one), one)
    return list(tried.values())


def _key(one: Suggestion) -> tuple:
    return tuple(sorted(one.changes.items(), key=lambda pair: pair[0]))


def trial_configs(config: RunConfig) -> list[RunConfig]:
    """The runs of one trial: other seeds, every sample that the run trains on, and no more rows than it takes."""
    seeds = [(config.seed + 1 + k) % 2**32 for k in range(TRIAL_SEEDS)]
    every = max(config.record_every, config.steps // 100, 1)
    return [config.replace(seed=seed, holdout=0.0, record_every=every) for seed in seeds]


def _samples(config: RunConfig, data: DataSource) -> Data:
    if data is None:
        parts = load(config.dataset, config.samples, config.noise, config.holdout, config.seed, config.scaling)
        return parts.X, parts.D
    given: Any = data(config) if callable(data) else data
    X, D = given
    parts = split(X, D, config.holdout, config.seed)
    return parts.X, parts.D


class _Trial:
    """Trains changes of one run with the trial's seeds, and the run itself once."""

    def __init__(self, config: RunConfig, before: Result, data: DataSource, executor: Executor | None):
        self._config = config
        self._before = before
        self._data = data
        self._executor = executor
        self._own: list[Result] | None = None

    def run(self, suggestions: Sequence[Suggestion], on_progress: Progress | None) -> dict[tuple, str | None] | None:
        """The outcome of each suggestion by its changes, None where it does not help; None where the run is refused."""
        configs = [self._config.replace(**one.changes) for one in suggestions]
        if self._own is None:
            self._own, *results = self._train([self._config, *configs], on_progress)
        else:
            results = self._train(configs, on_progress)
        if self._own is None:
            return None
        return {
            _key(one): None if ended is None else _outcome(self._before, self._own, ended)
            for one, ended in zip(suggestions, results, strict=True)
        }

    def _train(self, configs: Sequence[RunConfig], on_progress: Progress | None) -> list[list[Result] | None]:
        """By config its results, None where it is refused; configs that share their samples train together."""
        groups: dict[str, list[int]] = {}
        for index, config in enumerate(configs):
            groups.setdefault(config.scaling, []).append(index)
        results: list[list[Result] | None] = [None] * len(configs)
        finished = 0
        total = sum(config.steps + 1 for config in configs) * TRIAL_SEEDS
        for indices in groups.values():
            X, D = _samples(configs[indices[0]], self._data)
            allowed = [index for index in indices if _is_allowed(configs[index], (X, D))]
            runs = [run for index in allowed for run in trial_configs(configs[index])]

            def report(done: int, _: int, before: int = finished) -> None:
                if on_progress is not None:
                    on_progress(before + done, total)

            traces = train(runs, (X, D), on_progress=report, executor=self._executor)
            for position, index in enumerate(allowed):
                mine = traces[TRIAL_SEEDS * position : TRIAL_SEEDS * (position + 1)]
                results[index] = [measure_result(trace, (X, D)) for trace in mine]
            finished += sum(run.steps + 1 for run in runs)
        return results


def _is_allowed(config: RunConfig, data: Data) -> bool:
    try:
        checked_data(config.replace(holdout=0.0), data)
    except ConfigError:
        return False
    return True


def _outcome(before: Result, own: Sequence[Result], tried: Sequence[Result]) -> str | None:
    """Text of a trial on its button; None unless every seed ends better than the run, and none worse than its own."""
    if not all(compare(before, after) > 0 for after in tried):
        return None
    against_seed = [compare(same, after) for same, after in zip(own, tried, strict=True)]
    if min(against_seed) < 0 or max(against_seed) <= 0:
        return None
    return f"{describe_change(before, tried)}, {len(tried)} of {TRIAL_SEEDS}"


def describe_change(before: Result, tried: Sequence[Result]) -> str:
    """ "accuracy 52 % to 100 %", with the median of the trial; of a regression, the loss beside a constant answer's."""
    if np.isfinite(tried[0].accuracy):
        after = float(np.median([result.accuracy for result in tried]))
        if before.diverged:
            return f"diverged to accuracy {percent(after)}"
        if after - before.accuracy >= BETTER_ACCURACY:
            return f"accuracy {percent(before.accuracy)} to {percent(after)}"
    loss = float(np.median([result.relative_loss for result in tried]))
    if before.diverged:
        return f"diverged to a loss of {percent(loss)} of a constant answer’s"
    return f"loss {percent(before.relative_loss)} to {percent(loss)} of a constant answer’s"


def _with_outcomes(finding: Finding, outcomes: dict[tuple, str | None]) -> Finding:
    offered = tuple(
        replace(one, outcome=outcomes[_key(one)]) for one in finding.suggestions if outcomes.get(_key(one)) is not None
    )
    return replace(finding, suggestions=offered)
