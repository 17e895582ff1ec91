"""Work for a visitor: cached by its settings and its table, refused before it waits, short before long."""

import os
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner_utils.exceptions import StopException

from core import ConfigError, RunConfig, train
from core.engine.workers import Workers
from core.tables import prepare, read_table
from tests.support.waiting import SOON, never
from ui.runtime import jobs, limits, progress
from ui.runtime.jobs import Run
from ui.runtime.services import create, services, start_services


@pytest.fixture
def fresh():
    start_services()
    yield
    start_services()


def test_a_run_is_kept_by_its_config_and_its_table(fresh):
    config = RunConfig(hidden=(4,), steps=2)
    first = jobs.get_trace(Run(config))
    assert jobs.get_trace(Run(RunConfig(hidden=(4,), steps=2))) is first
    table = read_table(b"a,b\n1,2\n2,1\n4,4\n8,1\n")
    services().prepared.get_or_compute("digest", lambda: prepare(table, "b", False), never)
    other = jobs.get_trace(Run(config, "digest"))
    assert other.task == "regression" != first.task
    assert jobs.get_trace(Run(config, "digest")) is other
    assert jobs.get_trace(Run(config)) is first


def test_a_table_that_is_no_longer_kept_is_asked_for(fresh):
    with pytest.raises(ConfigError, match="upload it again"):
        jobs.get_trace(Run(RunConfig(hidden=(4,), steps=2), "gone"))


def test_a_run_above_the_limit_is_refused_before_it_waits(fresh, monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", "10")
    monkeypatch.setattr(services().short_queue, "slot", never)
    with pytest.raises(ConfigError, match="this server allows 10 multiply-adds"):
        jobs.get_trace(Run(RunConfig()))


def test_a_snapshot_is_kept_by_its_run_and_step(fresh):
    run = Run(RunConfig(hidden=(4,), steps=2))
    first = jobs.get_snapshot(run, 1)
    assert jobs.get_snapshot(run, 1) is first
    assert jobs.get_snapshot(run, 2).step == 2
    other = jobs.get_snapshot(Run(RunConfig(hidden=(4,), steps=2, seed=1)), 1)
    assert other is not first and other.config.seed == 1
    table = read_table(b"a,b\n1,2\n2,1\n4,4\n8,1\n")
    services().prepared.get_or_compute("digest", lambda: prepare(table, "b", False), never)
    own = jobs.get_snapshot(Run(RunConfig(hidden=(4,), steps=2), "digest"), 1)
    assert own is not first and own.inputs.shape == (4, 1)


def test_long_work_holds_no_short_run_up(fresh, pool):
    leave, calls = threading.Event(), []
    for _ in range(limits.value("MAX_TRAININGS")):
        inside = threading.Event()

        def work(inside=inside):
            with jobs.long_slot(never):
                inside.set()
                assert leave.wait(SOON)

        calls.append(pool.submit(work))
        assert inside.wait(SOON)
    assert pool.submit(jobs.get_trace, Run(RunConfig(hidden=(4,), steps=2))).result(SOON).step[-1] == 2
    leave.set()
    for call in calls:
        call.result(SOON)


def test_clearing_streamlits_caches_leaves_the_caches_and_queues_of_the_server(fresh):
    before = services()
    trace = jobs.get_trace(Run(RunConfig(hidden=(4,), steps=2)))
    st.cache_data.clear()
    st.cache_resource.clear()
    assert services() is before
    assert jobs.get_trace(Run(RunConfig(hidden=(4,), steps=2))) is trace


SMALL = RunConfig(hidden=(4,), steps=2)


class Reporter:
    """Follows a computation; may end it."""

    def __init__(self, ends=None):
        self.shares, self._ends = [], ends

    def on_queued(self, n_ahead):
        pass

    def on_busy(self):
        pass

    def on_progress(self, done, total):
        self.shares.append(done / total)
        if self._ends is not None:
            raise self._ends


def compute(call, run=None, work=1, reporter=None):
    return jobs.compute(call, run or Run(SMALL), multiply_adds=work, work="work", reporter=reporter or Reporter())


def test_a_computation_above_the_limit_is_refused_before_it_waits(fresh, monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_WORK", "1000")
    with pytest.raises(ConfigError, match="1,001 multiply-adds in all"):
        compute(never, work=1001)


@pytest.mark.parametrize("work, queue", [(jobs.SHORT_COST, "short_queue"), (jobs.SHORT_COST + 1, "long_queue")])
def test_a_computation_takes_a_slot_of_the_queue_that_fits_its_cost(work, queue, fresh):
    held = {}

    def call(config, data, on_progress):
        held.update({name: getattr(services(), name).state()[0] for name in ("short_queue", "long_queue")})

    compute(call, work=work)
    assert {name for name, slots in held.items() if slots} == {queue}


def test_a_computation_here_reports_its_progress_and_ends_with_its_visitor(fresh):
    reporter = Reporter()

    def call(config, data, on_progress):
        on_progress(1, 4)
        return config

    assert compute(call, reporter=reporter) == SMALL and reporter.shares == [0.25]
    with pytest.raises(KeyboardInterrupt):
        compute(call, reporter=Reporter(ends=KeyboardInterrupt()))
    assert services().short_queue.state()[:2] == (0, 0)


def test_costs_count_a_visitors_own_table(fresh):
    rows = b"".join(b"%d,%d,%d\n" % (i, i * i % 7, i % 3) for i in range(500))
    table = read_table(b"a,b,c\n" + rows)
    services().prepared.get_or_compute("table", lambda: prepare(table, "c", False), never)
    run = Run(SMALL.replace(dataset="custom"), "table")
    assert jobs.data_sizes(run) == (2, 3, 500)
    assert jobs.run_cost(run).multiply_adds > 3 * jobs.run_cost(Run(SMALL)).multiply_adds


def test_what_is_inside_a_network_is_refused_where_its_copy_has_no_room(fresh, monkeypatch):
    run = Run(RunConfig(hidden=(50, 50), samples=1000, steps=1))
    monkeypatch.setenv("GRADIENT_LAB_MAX_BYTES", str(jobs.run_cost(run).bytes + 1000))
    assert jobs.get_trace(run).step[-1] == 1
    with pytest.raises(ConfigError, match="with all its values at one step"):
        jobs.get_snapshot(run, 1)


@pytest.fixture(scope="module")
def pool_of_processes():
    pool = Workers(1)
    yield pool
    pool.shutdown()


@pytest.fixture
def hosted(pool_of_processes):
    start_services(pool_of_processes)
    yield
    start_services()


def long_wait(config, folder, data, on_progress):
    """Stands for work in another process: reports a half until it is told to end, and notes it if nobody does."""
    end = time.monotonic() + SOON
    while not (Path(folder) / "enough").exists():
        if time.monotonic() > end:
            (Path(folder) / "whole").touch()
            break
        on_progress(1, 2)
        time.sleep(0.02)
    return os.getpid()


class Ending(Reporter):
    """Lets the work end once its progress was seen."""

    def __init__(self, folder):
        super().__init__()
        self._folder = folder

    def on_progress(self, done, total):
        super().on_progress(done, total)
        if done / total == 0.5:
            (self._folder / "enough").touch()


def ask(folder, reporter):
    return jobs.compute(long_wait, Run(SMALL), str(folder), multiply_adds=1, work="work", reporter=reporter)


def test_on_a_server_another_process_computes_and_its_progress_is_seen(hosted, tmp_path):
    reporter = Ending(tmp_path)
    assert ask(tmp_path, reporter) != os.getpid()
    assert 0.5 in reporter.shares


def test_on_a_server_work_ends_soon_after_its_visitor_has_left(hosted, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Reporter(ends=KeyboardInterrupt()))
    other = tmp_path / "other"
    other.mkdir()
    (other / "enough").touch()
    assert ask(other, Reporter()) != os.getpid()  # the one process is free again,
    assert not (tmp_path / "whole").exists()  # and not because the work had ended by itself


@pytest.mark.parametrize("reports", [True, False])
def test_work_that_has_not_begun_is_taken_back_when_its_visitor_has_left(reports):
    class Left(BaseException):
        pass

    def leave(*_):
        raise Left

    waiting = Future()
    with pytest.raises(Left):
        executor = SimpleNamespace(submit=lambda *args, **options: waiting)
        jobs._in_worker(executor, SimpleNamespace(on_progress=leave, on_busy=leave), reports, len, "raw")
    assert waiting.cancelled()


def test_on_a_server_a_file_is_read_in_another_process_and_refused_in_the_same_words(hosted):
    table = jobs.read_in_turn(read_table, b"a,b\n1,2\n3,4\n", reporter=Reporter(), name="t.csv")
    assert table.rows == 2 and table.name == "t.csv"
    with pytest.raises(ConfigError, match="single column"):
        jobs.read_in_turn(read_table, b"a\n1\n2\n", reporter=Reporter(), name="t.csv")
    assert jobs.read_in_turn(process_of, b"", reporter=Reporter()) != os.getpid()


def process_of(raw):
    """The process that reads a file."""
    return os.getpid()


def die_once(config, path, data, on_progress):
    """Kills its own process the first time."""
    if not os.path.exists(path):
        open(path, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def test_on_a_server_work_whose_process_is_killed_is_done_once_more(hosted, tmp_path):
    found = jobs.compute(
        die_once, Run(SMALL), str(tmp_path / "died"), multiply_adds=1, work="work", reporter=Reporter()
    )
    assert found == "done"


def test_a_class_of_sixty_that_opens_one_scene_costs_one_training(fresh, monkeypatch):
    trainings, started = [], threading.Barrier(60)

    def count(configs, *arguments, **options):
        trainings.append(configs)
        return train(configs)

    def open_scene(student):
        started.wait(SOON)
        return jobs.get_trace(Run(RunConfig(hidden=(8,) * 4, steps=30)))

    monkeypatch.setattr(jobs, "train", count)
    with ThreadPoolExecutor(60) as students:
        traces = list(students.map(open_scene, range(60)))
    assert len(trainings) == 1
    assert all(trace is traces[0] for trace in traces)


@pytest.mark.parametrize("steps, cost, short", [(1.0, 1.0, True), (1.1, 1.0, False), (1.0, 1.1, False)])
def test_a_run_is_short_by_its_steps_times_layers_and_by_its_cost(steps, cost, short, monkeypatch):
    config = RunConfig(hidden=(4, 4), steps=30)
    monkeypatch.setattr(jobs, "SHORT_STEPS", 30 * 3 / steps)
    monkeypatch.setattr(jobs, "SHORT_COST", jobs.run_cost(Run(config)).multiply_adds / cost)
    assert jobs.is_short(Run(config)) == short


@pytest.mark.parametrize("is_short", [True, False])
def test_a_short_run_takes_a_slot_of_the_short_queue_and_the_servers_processes(is_short, fresh, monkeypatch):
    seen = []

    def train_here(configs, data, on_progress, executor):
        queues = {name for name in ("short_queue", "long_queue") if getattr(services(), name).is_busy}
        seen.append((queues, executor is services().executor))
        return train(configs)

    monkeypatch.setattr(jobs, "is_short", lambda run: is_short)
    monkeypatch.setattr(jobs, "train", train_here)
    object.__setattr__(services(), "executor", object())
    jobs.get_trace(Run(SMALL))
    assert seen == [({"short_queue"}, True) if is_short else ({"long_queue"}, False)]


@pytest.mark.parametrize("work, shared", [(jobs.SHORT_COST, False), (jobs.SHORT_COST + 1, True)])
def test_short_work_has_processes_of_its_own_and_long_work_the_shared_ones(work, shared, fresh, monkeypatch):
    used, own, common = [], object(), object()
    monkeypatch.setattr(jobs, "_in_worker", lambda executor, *rest, **options: used.append(executor))
    monkeypatch.setattr(type(services().long_executor), "get", lambda self: common)
    object.__setattr__(services(), "executor", own)
    compute(never, work=work)
    assert used == [common if shared else own]


@pytest.mark.parametrize("more, queue", [(0, "short_queue"), (1, "long_queue")])
def test_a_file_takes_a_slot_of_the_queue_that_fits_its_size(more, queue, fresh):
    def busy(raw):
        return {name for name in ("short_queue", "long_queue") if getattr(services(), name).is_busy}

    assert jobs.read_in_turn(busy, b"0" * (jobs.SHORT_FILE_BYTES + more), reporter=Reporter()) == {queue}


@pytest.mark.parametrize("samples", [50, 150, 100_000])
def test_a_run_has_no_more_samples_than_its_dataset(samples):
    available = jobs.DATASETS["iris"].available
    config = RunConfig(dataset="iris", samples=samples, loss="cross_entropy", output_activation="softmax")
    assert jobs.data_sizes(Run(config)) == (4, 3, min(samples, available))
    assert jobs.data_sizes(Run(RunConfig(samples=samples)))[2] == samples


def test_what_is_computed_at_once_waits_in_no_queue(fresh, monkeypatch):
    run = Run(SMALL)
    cost = jobs.run_cost(Run(SMALL.stop_at(1))).multiply_adds
    monkeypatch.setattr(services().short_queue, "slot", never)
    monkeypatch.setattr(jobs, "INSTANT_COST", cost)
    assert jobs.get_snapshot(run, 1).step == 1
    monkeypatch.setattr(jobs, "INSTANT_COST", cost - 1)
    with pytest.raises(AssertionError, match="nobody should have to wait"):
        jobs.get_snapshot(Run(SMALL.replace(seed=5)), 1)


@pytest.mark.parametrize("executor, factor", [(None, 1), (object(), 2)])
def test_twice_as_many_short_runs_are_let_in_where_other_processes_do_them(executor, factor, monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_TRAININGS", "3")
    made = create(executor)
    assert (made.short_queue.free, made.long_queue.free) == (3 * factor, 3)


@pytest.mark.parametrize("ask", [jobs.get_trace, lambda run: jobs.get_snapshot(run, run.config.steps)])
def test_work_that_shows_nothing_ends_with_its_script(ask, monkeypatch):
    def stop():
        raise StopException

    monkeypatch.setattr(progress, "stop_if_superseded", stop)
    with pytest.raises(StopException):
        ask(Run(RunConfig(hidden=(4,), steps=1_000_000)))
    assert jobs.services().long_queue.state()[:2] == (0, 0)
