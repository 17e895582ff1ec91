"""Trials in the background: started by a page that watches, shared, ended when nobody does, within the limits."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from core import ConfigError, RunConfig, diagnose, train, try_suggestions
from ui.lab import suggestions, trials
from ui.runtime.jobs import Run
from ui.runtime.services import services, start_services
from ui.text import join_percent

FAILING = RunConfig(hidden=(10,) * 3, activation="tanh", init_scale=0.0, steps=60)


def train_one(config):
    (trace,) = train([config])
    return Run(config), trace


def wait_for(ends, run=None, trace=None):
    """Watches a trial, or waits unwatching, until something holds."""
    for _ in range(600):
        if ends():
            return
        if run is not None:
            trials.watch(run, trace)
        time.sleep(0.05)
    raise AssertionError("it never ended")


def test_a_watched_trial_ends_with_what_core_returns():
    run, trace = train_one(FAILING.replace(seed=1))
    assert trials.get_result(run) is None
    wait_for(lambda: trials.get_result(run) is not None, run, trace)
    assert trials.get_result(run) == try_suggestions(trace)


def test_two_pages_watch_one_trial(monkeypatch):
    calls, both_watch = [], threading.Event()

    def try_once(trace, **options):
        assert both_watch.wait(30)
        calls.append(1)
        return diagnose(trace)

    monkeypatch.setattr(trials, "try_suggestions", try_once)
    run, trace = train_one(FAILING.replace(seed=2))
    first, second = trials.watch(run, trace), trials.watch(run, trace)
    both_watch.set()
    wait_for(lambda: trials.get_result(run) is not None)
    assert calls == [1] and first is second


def test_a_trial_that_nobody_watches_ends_without_a_result(monkeypatch):
    def endless(trace, on_progress, **options):
        while True:
            on_progress(1, 2)
            time.sleep(0.01)

    monkeypatch.setattr(trials, "try_suggestions", endless)
    monkeypatch.setattr(trials, "UNWATCHED_SECONDS", 0.1)
    run, trace = train_one(FAILING.replace(seed=3))
    trial = trials.watch(run, trace)
    wait_for(lambda: not trials.is_running(run))
    assert trial.share == 0.5 and trials.get_result(run) is None


def test_a_trial_that_is_refused_leaves_the_suggestions_untried_and_is_not_started_again(monkeypatch):
    calls = []

    def refuse(trace, **options):
        calls.append(1)
        raise ConfigError("dataset", "custom", "its table is no longer in memory")

    monkeypatch.setattr(trials, "try_suggestions", refuse)
    run, trace = train_one(FAILING.replace(seed=6))
    trials.watch(run, trace)
    wait_for(lambda: not trials.is_running(run))
    assert trials.get_result(run) == diagnose(trace) and calls == [1]


def test_a_trial_withdraws_no_other_run_of_its_page_and_one_that_was_withdrawn_begins_again(monkeypatch):
    start_services()
    monkeypatch.setattr(trials, "current_visitor", lambda: ("address", "browser", "session"))
    queue, visitor = services().long_queue, ("address", "browser", "session")
    leave, waited = threading.Event(), []
    holders = [threading.Thread(target=_hold, args=(queue, leave)) for _ in range(queue.free)]
    own = threading.Thread(target=lambda: waited.append(_enter(queue, visitor)))
    for thread in holders:
        thread.start()
    wait_for(lambda: queue.free == 0)
    own.start()
    wait_for(lambda: queue.state()[1] == 1)
    (first, trace), (second, other) = train_one(FAILING.replace(seed=7)), train_one(FAILING.replace(seed=8))
    trials.watch(first, trace)
    wait_for(lambda: queue.state()[1] == 2)
    trials.watch(second, other)
    wait_for(lambda: not trials.is_running(first))  # a page shows one run at a time
    assert trials.get_result(first) is None
    leave.set()
    own.join(30)
    assert waited == ["entered"]
    wait_for(lambda: trials.get_result(first) is not None, first, trace)
    for thread in holders:
        thread.join(30)


def _hold(queue, leave):
    with queue.slot(lambda n_ahead: None):
        leave.wait(30)


def _enter(queue, visitor):
    with queue.slot(lambda n_ahead: None, visitor=visitor):
        return "entered"


def test_a_trial_is_offered_where_there_is_something_to_try_and_it_is_affordable(monkeypatch):
    run, trace = train_one(FAILING)
    diagnosis = diagnose(trace)
    assert trials.is_offered(run, diagnosis)
    healthy_run, healthy = train_one(RunConfig(activation="relu", init="he_normal"))
    assert not trials.is_offered(healthy_run, diagnose(healthy))
    large = Run(FAILING.replace(hidden=(1000,) * 3, steps=1000))
    assert not trials.is_offered(large, diagnosis)
    monkeypatch.setenv("GRADIENT_LAB_MAX_WORK", "1000")
    assert not trials.is_offered(run, diagnosis)


def page():
    def script(fields):
        from core import RunConfig, diagnose, train
        from ui.lab import trials
        from ui.lab.verdict import draw_findings
        from ui.runtime.jobs import Run

        config = RunConfig(**fields)
        (trace,) = train([config])
        run, diagnosis = Run(config), diagnose(trace)
        trials.draw_and_follow(run, trace, diagnosis, lambda found: draw_findings(found, config))

    return AppTest.from_function(script, kwargs={"fields": FAILING.replace(seed=4).to_dict()}, default_timeout=60)


def test_the_page_shows_buttons_at_once_and_their_outcomes_once_they_are_tried(monkeypatch):
    monkeypatch.setattr(suggestions, "before_and_after", lambda config, changes: None)  # there is no page to link to
    app = page().run()
    assert not app.exception
    labels = [button.label for button in app.button]
    assert labels and not any(" of 3" in label for label in labels)
    run, trace = train_one(FAILING.replace(seed=4))
    wait_for(lambda: trials.get_result(run) is not None, run, trace)
    app.run()
    offered = [one for finding in trials.get_result(run).findings for one in finding.suggestions]
    assert [button.label for button in app.button] == [join_percent(f"{one.label}: {one.outcome}") for one in offered]
    assert trials.get_result(run).trial in [caption.value for caption in app.caption]


def test_where_nothing_helped_no_button_is_left_and_the_page_says_so(monkeypatch):
    app, (_, trace) = page(), train_one(FAILING.replace(seed=4))
    diagnosis = try_suggestions(trace)
    nothing = replace(
        diagnosis,
        findings=tuple(replace(finding, suggestions=()) for finding in diagnosis.findings),
        trial="2 changes were tried on the same data with three other seeds, and none helped.",
    )
    monkeypatch.setattr(trials, "get_result", lambda run: nothing)
    app.run()
    assert not app.button and nothing.trial in [caption.value for caption in app.caption]


def test_nothing_is_tried_before_a_visitor_has_come_down_to_the_suggestions_and_stayed(monkeypatch):
    watched = []
    monkeypatch.setattr(suggestions, "before_and_after", lambda config, changes: None)
    monkeypatch.setattr(trials, "get_result", lambda run: None)
    monkeypatch.setattr(trials, "watch", lambda run, trace: watched.append(run) or trials.Trial())
    app = page().run()
    app.run()
    assert not app.exception and watched == []
    app.session_state["trial_reached"] = True
    assert not app.run().exception and watched == []  # who moves on at once starts no trial either


def test_a_trial_starts_for_the_run_that_was_seen_before_and_for_no_other(monkeypatch):
    watched, again, session = [], [], {}
    one, other = Run(RunConfig(steps=3)), Run(RunConfig(steps=4))
    monkeypatch.setattr(trials, "session", session)
    monkeypatch.setattr(trials, "get_result", lambda run: None)
    monkeypatch.setattr(trials, "watch", lambda run, trace: watched.append(run) or trials.Trial(None, share=0.25))
    monkeypatch.setattr(trials, "st", SimpleNamespace(caption=again.append))
    for run in (one, other, one, one, one):
        trials._follow.__wrapped__(run, None, None)
    assert watched == [one, one] and session["trial_seen"] == one
    assert all(words.endswith("with three other seeds: 25 %.") for words in again) and len(again) == 2
