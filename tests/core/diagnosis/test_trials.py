"""Tried suggestions: what is offered helps on seeds it was not tried on, and its outcome is what was measured."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import diagnose, train
from core.data.datasets import load
from core.diagnosis import trials
from core.diagnosis.findings import Diagnosis, Finding
from core.diagnosis.suggestions import Suggestion
from core.diagnosis.trials import (
    TRIAL_SEEDS,
    Result,
    compare,
    count_trainings,
    measure_result,
    trial_configs,
    try_suggestions,
)
from tests.support.failures import failing_runs
from tests.support.troubles import RELU, TROUBLES

pytestmark = pytest.mark.claims

FRESH = 1000
QUICK = {
    "unscaled_data": 0,
    "degenerate_normalization": 1,
    "identical_units": 1,
    "dead_output": 1,
    "stuck": 0,
    "small_steps": 3,
}


def suggested(diagnosis):
    return [one for finding in diagnosis.findings for one in finding.suggestions]


def samples(config):
    split = load(config.dataset, config.samples, config.noise, config.holdout, config.seed, config.scaling)
    return split.X, split.D


def fresh_results(trace, one):
    """1, 0 or -1 by fresh seed, on the run's own samples."""
    changed = trace.config.replace(**one.changes)
    X, D = samples(changed)
    before = measure_result(trace, samples(trace.config))
    runs = train([changed.replace(seed=changed.seed + FRESH + k, holdout=0.0) for k in range(3)], data=(X, D))
    return [compare(before, measure_result(after, (X, D))) for after in runs]


@pytest.mark.parametrize("name", QUICK)
def test_what_is_offered_helps_on_fresh_seeds(name):
    (trace,) = train([TROUBLES[name][QUICK[name]].replace(seed=100, steps=300)])
    diagnosis = try_suggestions(trace)
    offered = suggested(diagnosis)
    assert diagnosis.verdict == name and offered
    results = [result for one in offered for result in fresh_results(trace, one)]
    assert np.mean(np.array(results) == 1) >= 0.75
    assert results.count(-1) <= 1


@pytest.mark.slow
def test_over_random_failing_runs_offers_help_in_three_of_four_trainings_and_hardly_ever_harm():
    results, runs, offers = Counter(), 60, 0
    for trace in failing_runs(runs, first_seed=10_000):
        offered = suggested(try_suggestions(trace))
        offers += bool(offered)
        for one in offered:
            results.update(fresh_results(trace, one))
    total = sum(results.values())
    assert offers >= 0.6 * runs
    assert results[1] >= 0.75 * total
    assert results[-1] <= 0.03 * total  # 1 % over 500 runs; so few scatter about that


def test_an_outcome_says_what_the_trial_measured():
    (trace,) = train([TROUBLES["identical_units"][1].replace(steps=200)])
    diagnosis = try_suggestions(trace)
    one = suggested(diagnosis)[0]
    X, D = samples(trace.config)
    tried = train(trial_configs(trace.config.replace(**one.changes)), data=(X, D))
    accuracy = np.median([run.accuracy[-1] for run in tried])
    assert all(run.accuracy[-1] >= trace.accuracy[-1] + 0.05 for run in tried)
    start, count = one.outcome.split(", ")
    assert start == f"accuracy {100 * trace.accuracy[-1]:.0f} % to {100 * accuracy:.0f} %"
    assert count == "3 of 3"
    assert "three other seeds" in diagnosis.trial


def test_a_trial_has_the_samples_of_the_run_and_other_seeds():
    config = RELU.replace(seed=2**32 - 2, holdout=0.25, steps=500)
    runs = trial_configs(config)
    assert [run.seed for run in runs] == [2**32 - 1, 0, 1] and len(runs) == TRIAL_SEEDS
    assert {run.replace(seed=config.seed, holdout=0.25, record_every=1) for run in runs} == {config}


def test_where_nothing_helps_the_diagnosis_says_so():
    # noise has nothing to teach in two steps
    (trace,) = train([RELU.replace(dataset="gaussian", samples=100, steps=1, learning_rate=1e-9)])
    diagnosis = try_suggestions(trace)
    assert suggested(diagnose(trace)) and not suggested(diagnosis)
    assert diagnosis.trial.endswith("none helped.")


def test_where_no_suggestion_helps_another_network_is_tried():
    # one sample a batch, and a penalty that no weaker one cures in so few steps
    config = RELU.replace(hidden=(2,) * 20, activation="sigmoid", init_scale=0.2, l1=0.5, seed=100)
    (trace,) = train([config])
    offered = suggested(try_suggestions(trace))
    assert offered and all(one.outcome.endswith("3 of 3") for one in offered)


@pytest.mark.parametrize("given, distinct", [((), 0), ((1,), 1), ((1, 2), 2), ((1, 2, 1, 3), 3), ((2, 2), 1)])
def test_trainings_are_the_run_and_each_distinct_change_with_three_seeds(given, distinct):
    findings = tuple(
        Finding(
            name="stuck",
            severity="warning",
            what="",
            why="",
            suggestions=(Suggestion(label="", changes={"steps": steps}),),
        )
        for steps in given
    )
    diagnosis = Diagnosis(verdict="stuck", sentence="", numbers=(), findings=findings)
    assert count_trainings(diagnosis) == (3 * (1 + distinct) if distinct else 0)


def test_a_healthy_run_is_not_tried():
    (trace,) = train([RELU])
    assert try_suggestions(trace) == diagnose(trace)


def test_data_of_one_s_own_are_tried_with_where_they_are_given():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    D = (X[:, :1] * X[:, 1:2] > 0).astype(float)
    (trace,) = train([TROUBLES["identical_units"][1].replace(dataset="custom", steps=300)], data=(X, D))
    assert suggested(try_suggestions(trace)) == suggested(diagnose(trace))  # untried
    for data in ((X, D), lambda config: (X, D)):
        tried = suggested(try_suggestions(trace, data=data))
        assert tried and all(one.outcome for one in tried)


def test_an_executor_gives_the_same_outcomes():
    (trace,) = train([TROUBLES["stuck"][0].replace(seed=100)])
    with ThreadPoolExecutor(2) as executor:
        assert try_suggestions(trace, executor) == try_suggestions(trace)


def test_progress_counts_to_the_end_and_can_stop_a_trial():
    (trace,) = train([TROUBLES["identical_units"][0].replace(steps=3000, record_every=100)])
    seen = []
    try_suggestions(trace, on_progress=lambda done, total: seen.append((done, total)))
    assert [total for _, total in seen] == [seen[0][1]] * len(seen)
    assert seen[0][1] == 3 * 3001 * (1 + len(suggested(diagnose(trace))))
    assert seen[-1][0] <= seen[-1][1] and [done for done, _ in seen] == sorted(done for done, _ in seen)

    class Stop(BaseException):
        pass

    def stop(done, total):
        raise Stop

    with pytest.raises(Stop):
        try_suggestions(trace, on_progress=stop)


@given(st.integers(0, 10**6))
def test_a_suggestion_is_offered_where_all_seeds_beat_the_run_none_is_worse_than_its_own_and_one_is_better(seed):
    rng = np.random.default_rng(seed)
    before = Result(rng.choice([0.5, 0.57]), 1.0, "mse")
    gains = rng.choice([-0.03, -0.01, 0.0, 0.0, 0.06], 3)
    tried = [Result(accuracy, 1.0, "mse") for accuracy in rng.choice([0.58, 0.64, 0.7, 0.7], 3)]
    own = [Result(after.accuracy - gain, 1.0, "mse") for after, gain in zip(tried, gains, strict=True)]
    helps = (
        min(after.accuracy for after in tried) - before.accuracy >= 0.05 and min(gains) > -0.02 and max(gains) > 0.05
    )
    assert (trials._outcome(before, own, tried) is not None) == helps


def test_each_run_of_a_trial_is_trained_on_data_scaled_as_its_own_settings_say(monkeypatch):
    config = RELU.replace(dataset="diabetes", scaling="none", steps=2, samples=30, hidden=(3,))
    seen, original = [], trials.train

    def spy(runs, data, **options):
        seen.extend((run.scaling, data[0]) for run in runs)
        return original(runs, data, **options)

    monkeypatch.setattr(trials, "train", spy)
    (trace,) = train([config])
    assert any(one.changes.get("scaling") for one in suggested(diagnose(trace)))
    try_suggestions(trace)
    assert {scaling for scaling, _ in seen} == {"none", "standard"}
    for scaling, X in seen:
        np.testing.assert_array_equal(X, samples(config.replace(scaling=scaling))[0])


@pytest.mark.parametrize(
    "before, after, verdict",
    [
        ((0.5, 1.0, "mse"), (0.56, 1.0, "mse"), 1),
        ((0.5, 1.0, "mse"), (0.47, 0.1, "mse"), -1),
        ((0.9, 1.0, "mse"), (0.9, 0.5, "mse"), 1),
        ((0.9, 1.0, "mse"), (0.9, 0.5, "bce"), 0),  # another loss says nothing
        ((0.9, 1.0, "mse"), (0.9, 0.9, "mse"), 0),
        ((np.nan, 1.0, "mse"), (np.nan, 0.7, "mse"), 1),
        ((np.nan, 1.0, "mse"), (np.nan, 1.2, "mse"), -1),
        ((np.nan, np.inf, "mse"), (0.6, 0.8, "mse"), 1),
        ((np.nan, np.inf, "mse"), (0.5, 1.0, "mse"), 0),  # it no longer diverges, and learned nothing
        ((0.5, 1.0, "mse"), (np.nan, np.inf, "mse"), -1),
        ((np.nan, np.inf, "mse"), (np.nan, np.inf, "mse"), 0),
    ],
)
def test_better_and_worse_have_stated_bounds(before, after, verdict):
    assert compare(Result(*before), Result(*after)) == verdict
