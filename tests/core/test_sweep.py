"""Sweeps: the same numbers whatever the executor and the chunks, and a row for every network whatever happens to it."""

import json
import os
import signal
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from core import ConfigError, RunConfig, train
from core.comparison.arms import apply_changes
from core.engine.workers import LazyExecutor, Workers, worker_lost_errors
from core.sweep import ProgressPrinter, main, sweep
from core.sweeps import chunks, dispatch
from core.sweeps.chunks import ThroughputEstimate, iter_chunks, summary_fields
from core.sweeps.grid import AXES, Grid, make_range
from core.theory.variance_map import critical_line, critical_points
from tests.support.cluster import dask_cluster

BASE = RunConfig(samples=8, hidden=(4, 4), steps=3, activation="tanh")
MIXED = {"depth": [0, 1, 3], "activation": ["tanh", "relu"], "learning_rate": [0.01, 1e300], "l1": [0.0, 0.1]}


def same(one, other):
    assert_frame_equal(one, other, check_exact=True)


@pytest.fixture(scope="module")
def workers():
    pool = Workers(2)
    yield pool
    pool.shutdown()


@pytest.fixture(scope="module")
def alone():
    """The mixed sweep as `train` gives it, one network after another."""
    rows = []
    for depth in MIXED["depth"]:
        for activation in MIXED["activation"]:
            for rate in MIXED["learning_rate"]:
                for l1 in MIXED["l1"]:
                    for seed in (0, 1):
                        values = {"depth": depth, "activation": activation, "learning_rate": rate, "l1": l1}
                        (trace,) = train([apply_changes(BASE, values | {"seed": seed})])
                        rows.append(values | {"seed": seed} | trace.summary())
    return pd.DataFrame(rows).astype({"diverged_at": float})


# -- the table ---------------------------------------------------------------------------------------------------


def test_a_row_is_the_axes_values_the_seed_and_the_summary_of_that_very_run(alone):
    found = sweep(BASE, MIXED, seeds=2)
    assert found.error.isna().all() and alone.diverged.any() and not alone.diverged.all()
    same(found.drop(columns="error"), alone)


def test_columns_of_axes_keep_the_kind_of_their_values():
    axes = {"hidden": [(3,), (2, 2)], "max_norm": [None, 1.0], "residual": [False, True], "loss": ["mse", "bce"]}
    found = sweep(BASE.replace(steps=0), axes)
    assert list(found.columns[:5]) == [*axes, "seed"]
    assert [str(found[name].dtype) for name in axes] == ["object", "float64", "bool", "str"]
    assert set(found.hidden) == {(3,), (2, 2)} and found.max_norm.isna().sum() == 8


def test_a_loss_brings_the_output_it_needs():
    found = sweep(BASE.replace(steps=0), {"loss": ["mse", "bce"]})
    (trace,) = train([BASE.replace(steps=0, loss="bce", output_activation="sigmoid")])
    assert found.first_loss[1] == trace.loss[0]


# -- the same bits everywhere ------------------------------------------------------------------------------------


def test_threads_and_processes_give_the_same_bits_as_this_process(alone, workers):
    with ThreadPoolExecutor(2) as threads:
        for executor in (threads, workers):
            same(sweep(BASE, MIXED, seeds=2, executor=executor).drop(columns="error"), alone)


@pytest.mark.parametrize("seconds, networks, max_bytes", [(0, 2000, 1e9), (9, 3, 1e9), (9, 2000, 1), (9, 2000, 1e9)])
def test_chunks_hold_each_network_once_and_change_no_bit(monkeypatch, alone, seconds, networks, max_bytes):
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", seconds)
    monkeypatch.setattr(chunks, "MAX_CHUNK_NETWORKS", networks)
    monkeypatch.setattr(chunks, "MAX_CHUNK_BYTES", max_bytes)
    grid = Grid(BASE, MIXED, 2)
    found = list(iter_chunks(grid, ThroughputEstimate()))
    assert sorted(index for chunk in found for index in chunk.indices) == list(range(grid.networks))
    assert len(found) == (1 if (seconds, networks, max_bytes) == (9, 2000, 1e9) else 16 if networks == 3 else 48)
    same(sweep(BASE, MIXED, seeds=2).drop(columns="error"), alone)


def test_a_slow_machine_gets_smaller_chunks():
    grid = Grid(BASE, {"init_scale": list(range(1, 1000))})
    throughput = ThroughputEstimate()
    first = next(iter_chunks(grid, throughput))
    for _ in range(40):
        throughput.update(10.0, 1.0)
    assert 0 < len(next(iter_chunks(grid, throughput)).indices) < len(first.indices) / 5


def test_networks_of_one_shape_are_neighbors_in_a_chunk():
    grid = Grid(BASE, {"init_scale": [1.0, 2.0], "depth": [1, 2], "bias_std": [0.0, 1.0]})
    (chunk,) = iter_chunks(grid, ThroughputEstimate())
    depths = [grid.values(place)[1] for place in chunk.indices]
    assert depths == [1] * 4 + [2] * 4


# -- axes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "axes, field, words",
    [
        ({}, "axes", "at least one"),
        ({"learning": [1]}, "learning", "an axis is one of depth, width"),
        ({"seed": [1, 2]}, "seed", "an axis is one of"),
        ({"init_scale": []}, "init_scale", "at least one value"),
        ({"init_scale": 1.0}, "init_scale", "a list of values"),
        ({"activation": "tanh"}, "activation", "a list of values"),
        ({"activation": ["tanh", "swish"]}, "activation", "must be one of"),
        ({"init_scale": [1, -1]}, "init_scale", "at least 0"),
        ({"init_scale": [1, float("nan")]}, "init_scale", "finite"),
        ({"init_scale": [1, 1.0]}, "init_scale", "each value once"),
        ({"depth": [1, 1.5]}, "depth", "whole number"),
        ({"hidden": [(2,)], "width": [3]}, "width", "both set the hidden layers"),
        ({"batch_size": [4, 9]}, "batch_size", "at most samples"),
        ({"dataset": ["iris", "circles"], "loss": ["cross_entropy"]}, "loss", ""),
        ({"loss": ["bce"], "output_activation": ["sigmoid", "linear"]}, "output_activation", "sigmoid"),
        ({"dataset": ["custom"]}, "dataset", ""),
        ({name: range(1, 999) for name in ("init_scale", "bias_std", "learning_rate")}, "axes", "at most 10,000,000"),
    ],
)
def test_bad_axes_are_refused_in_one_sentence_before_anything_runs(monkeypatch, axes, field, words):
    monkeypatch.setattr("core.sweep.run_grid", None)
    with pytest.raises(ConfigError) as refused:
        sweep(BASE, axes)
    assert refused.value.field == field and words in str(refused.value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 600


@pytest.mark.parametrize("seeds", [0, -1, 1.5, "2", None, 2**32])
def test_bad_seeds_are_refused(seeds):
    with pytest.raises(ConfigError):
        sweep(BASE, {"init_scale": [1.0]}, seeds=seeds)


@pytest.mark.parametrize("first, seeds, allowed", [(2**32 - 1, 1, True), (2**32 - 3, 3, True), (2**32 - 3, 4, False)])
def test_the_last_seed_of_a_sweep_is_one_that_a_run_may_have(first, seeds, allowed):
    if allowed:
        grid = Grid(BASE.replace(seed=first), {"init_scale": [1.0]}, seeds)
        assert grid.config(grid.networks - 1).seed == first + seeds - 1
    else:
        with pytest.raises(ConfigError, match="seed"):
            Grid(BASE.replace(seed=first), {"init_scale": [1.0]}, seeds)


def test_the_environment_limits_the_size_of_a_sweep_and_the_cost_of_its_runs(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_SWEEP", "3")
    assert len(sweep(BASE, {"init_scale": [1.0, 2.0, 3.0]})) == 3
    with pytest.raises(ConfigError, match="2 init_scale x 2 seeds.*at most 3 networks"):
        sweep(BASE, {"init_scale": [1.0, 2.0]}, seeds=2)
    monkeypatch.delenv("GRADIENT_LAB_MAX_SWEEP")
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", "100000")
    with pytest.raises(ConfigError, match="multiply-adds"):
        sweep(BASE, {"width": [4, 400]})


def test_every_field_but_the_seed_is_an_axis():
    default = RunConfig(samples=40, steps=0, hidden=(2,)).to_dict() | {"depth": 1, "width": 2, "batch_size": 3}
    for name in AXES:
        assert Grid(RunConfig(samples=40, steps=0, hidden=(2,)), {name: [default[name]]}).networks == 1


def test_a_range_holds_both_ends_even_steps_or_equal_factors_and_whole_numbers():
    assert make_range("init_scale", 0.5, 2, 4) == (0.5, 1.0, 1.5, 2.0)
    assert make_range("learning_rate", 0.001, 1, 4, log=True) == (0.001, 0.01, 0.1, 1.0)
    assert make_range("depth", 1, 4, 7) == (1, 2, 3, 4)
    assert make_range("width", 4, 256, 4, log=True) == (4, 16, 64, 256)
    assert make_range("bias_std", 0.3, 0.3, 1) == (0.3,)


@pytest.mark.parametrize(
    "arguments",
    [
        ("activation", 0, 1, 2), ("nonsense", 0, 1, 2), ("init_scale", 2, 1, 3), ("init_scale", 1, 1, 3),
        ("init_scale", 0, 1, 3, True), ("init_scale", 0, 1, 0), ("init_scale", 0, 1, 1001), ("depth", 0, 501, 3),
        ("init_scale", 0, float("inf"), 3), ("max_norm", None, 1, 3),
    ],
)  # fmt: skip
def test_a_bad_range_is_refused(arguments):
    with pytest.raises(ConfigError):
        make_range(*arguments)


def test_a_grid_survives_json():
    grid = Grid(BASE, {"hidden": [(3,), (2, 2)], "max_norm": [None, 1.0], "activation": ["tanh"]}, 2)
    assert Grid.from_dict(json.loads(json.dumps(grid.to_dict()))) == grid


# -- what goes wrong ----------------------------------------------------------------------------------------------


def failing(monkeypatch, error=ValueError):
    """A network of scale 2 and seed 1 fails when it is drawn."""
    draw = train.__globals__["Stack"]

    def stack(configs, *arguments):
        if any((config.init_scale, config.seed) == (2.0, 1) for config in configs):
            raise error("no such luck")
        return draw(configs, *arguments)

    monkeypatch.setattr("core.engine.training.Stack", stack)


@pytest.mark.parametrize("error", [ValueError, MemoryError, FloatingPointError, np.linalg.LinAlgError, RuntimeError])
@pytest.mark.parametrize("threads", [False, True])
def test_a_run_that_fails_is_a_row_and_the_others_are_as_without_it(monkeypatch, error, threads):
    axes = {"init_scale": [1.0, 2.0, 3.0]}
    undisturbed = sweep(BASE, axes, seeds=3)
    failing(monkeypatch, error)
    with ThreadPoolExecutor(2) as executor:
        found = sweep(BASE, axes, seeds=3, executor=executor if threads else None)
    assert found.error.dropna().to_dict() == {4: f"{error.__name__}: no such luck"}
    assert found.loc[4, list(summary_fields())].drop("diverged").isna().all() and not found.diverged[4]
    same(found.drop(index=4), undisturbed.drop(index=4))


def test_a_table_of_nothing_but_failures_has_all_columns(monkeypatch):
    summary_fields()  # as any sweep before has left it
    monkeypatch.setattr("core.engine.training.Stack", None)
    found = sweep(BASE, {"init_scale": [1.0, 2.0]})
    assert found.error.notna().all() and set(summary_fields()) <= set(found.columns)


class Enough(BaseException):
    """Neither Exception nor anything a library would catch."""


@pytest.mark.parametrize("error", [Enough, ValueError, RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("threads", [0, 2])
def test_an_exception_of_progress_ends_the_sweep_and_leaves_no_work(monkeypatch, error, threads):
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 0)  # every network a chunk of its own
    base = RunConfig(samples=4, hidden=(2,), steps=100_000, record_every=100_000)
    futures, calls = [], []

    class Recording(ThreadPoolExecutor):
        def submit(self, *arguments):
            futures.append(super().submit(*arguments))
            return futures[-1]

    def on_progress(done, total):
        calls.append((done, total))
        raise error("enough")

    with Recording(2) as executor:  # its end waits for what still runs: without a stop, for minutes
        with pytest.raises(error, match="enough"):
            sweep(base, {"init_scale": make_range("init_scale", 0.1, 2, 50)}, executor=executor if threads else None,
                  on_progress=on_progress)  # fmt: skip
    assert calls == [(0, 50)] and all(future.done() for future in futures)
    assert len(futures) == (dispatch.MIN_CHUNKS_AHEAD if threads else 0)


def test_progress_counts_networks_up_to_all_of_them(monkeypatch):
    monkeypatch.setattr("core.engine.training.PROGRESS_SECONDS", 0)
    calls = []
    sweep(BASE, MIXED, seeds=2, on_progress=lambda *numbers: calls.append(numbers))
    assert calls == sorted(calls) and calls[-1] == (48, 48)


@pytest.mark.parametrize("threads", [0, 2])
def test_progress_counts_networks_that_were_done_before_from_the_start(threads, monkeypatch):
    monkeypatch.setattr("core.engine.training.PROGRESS_SECONDS", 0)
    grid, calls, ran = Grid(BASE, {"init_scale": [0.5, 1.0, 1.5, 2.0]}, 3), [], []
    done = np.arange(12) % 3 == 1
    executor = ThreadPoolExecutor(threads) if threads else None
    dispatch.run_grid(
        grid, lambda chunk, result: ran.extend(chunk.indices), executor, lambda *numbers: calls.append(numbers), done
    )
    assert sorted(ran) == np.flatnonzero(~done).tolist()
    assert calls == sorted(calls) and calls[0] == (4, 12) and calls[-1] == (12, 12)


# -- lost workers -------------------------------------------------------------------------------------------------


def ends_its_process(monkeypatch, always):
    """Makes the chunk of scale 2 end its worker, when it comes for the first time or always."""

    class Crashing(Workers):
        crashed = 0

        def submit(self, fn, /, *arguments):
            if arguments and any(2.0 in point for point in arguments[2]) and (always or not self.crashed):
                self.crashed += 1
                return super().submit(os._exit, 1)
            return super().submit(fn, *arguments)

    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 0)
    return Crashing(1)  # a pool whose process ends loses all its chunks, however many processes it has


AXIS = {"init_scale": [1.0, 2.0, 3.0, 4.0]}


def test_the_chunk_of_a_lost_worker_is_tried_once_more_in_new_processes(monkeypatch):
    with ends_its_process(monkeypatch, always=False) as pool:
        same(sweep(BASE, AXIS, executor=pool), sweep(BASE, AXIS))
        assert pool.crashed == 1


def test_a_chunk_that_ends_its_worker_twice_is_reported_and_no_other(monkeypatch):
    with ends_its_process(monkeypatch, always=True) as pool:
        found = sweep(BASE, AXIS, executor=pool)
    assert pool.crashed == 2
    assert found.error.dropna().to_dict() == {1: dispatch.LOST_WORKER_ERROR}
    same(found.drop(index=1), sweep(BASE, AXIS).drop(index=1))


def test_a_callers_own_broken_pool_is_reported_in_words():
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with pytest.raises(BrokenProcessPool):
            pool.submit(os._exit, 1).result()
        with pytest.raises(BrokenProcessPool, match="give the sweep another one"):
            sweep(BASE, AXIS, executor=pool)


def test_an_executor_that_drops_work_is_reported_in_words():
    class Dropping(Executor):
        def submit(self, *arguments):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    with pytest.raises(RuntimeError, match="dropped work"):
        sweep(BASE, AXIS, executor=Dropping())


# -- the command --------------------------------------------------------------------------------------------------

SPEC = {"base": {"samples": 8, "hidden": [4, 4], "steps": 3, "activation": "tanh"}, "seeds": 2,
        "axes": {"init_scale": {"from": 1, "to": 3, "count": 3}, "hidden": [[3], [2, 2]]}}  # fmt: skip


@pytest.fixture
def spec(tmp_path, monkeypatch, workers):
    monkeypatch.setattr("core.sweep.LazyExecutor", lambda: SimpleNamespace(get=lambda: workers))
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(SPEC))
    return path


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_the_command_writes_the_table(spec, name, capsys):
    out = spec.with_name(name)
    assert main([str(spec), str(out)]) == 0
    read = pd.read_csv(out) if name.endswith("csv") else pd.read_parquet(out)
    expected = sweep(BASE, {"init_scale": [1.0, 2.0, 3.0], "hidden": [(3,), (2, 2)]}, seeds=2)
    expected["hidden"] = [",".join(map(str, widths)) for widths in expected.hidden]
    assert_frame_equal(read, expected, check_exact=True, check_dtype=False)
    assert "12 networks" in capsys.readouterr().out
    assert sorted(path.name for path in spec.parent.iterdir()) == sorted([name, "spec.json"])


def test_an_interrupted_command_resumes_where_it_was(spec, monkeypatch, capsys):
    out = spec.with_name("out.csv")
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 0)
    monkeypatch.setattr("core.engine.training.PROGRESS_SECONDS", 0)

    def interrupt(self, done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as first:
        first.setattr("core.sweep.ProgressPrinter.__call__", interrupt)
        assert main([str(spec), str(out)]) == 130
    part = spec.with_name("out.csv.part")
    written = part.read_bytes()
    part.write_bytes(written[:-5])  # as a crash would leave it
    assert not out.exists() and written.count(b"\n") >= 5
    ran = []
    monkeypatch.setattr("core.sweeps.dispatch.run_chunk", lambda *job: ran.append(job) or chunks.run_chunk(*job))
    monkeypatch.setattr("core.sweep.LazyExecutor", lambda: SimpleNamespace(get=lambda: None))
    printers, printer = [], ProgressPrinter
    monkeypatch.setattr("core.sweep.ProgressPrinter", lambda done: printers.append(done) or printer(done))
    assert main([str(spec), str(out)]) == 0
    assert len(ran) == 12 - (written.count(b"\n") - 2)
    assert printers == [12 - len(ran)]  # the time left is that of what is new
    resumed = out.read_bytes()
    out.unlink()
    assert main([str(spec), str(out)]) == 0
    assert out.read_bytes() == resumed and not part.exists()


@pytest.mark.parametrize(
    "text, name, words",
    [
        ("{", "out.csv", "JSON"),
        ("[]", "out.csv", "base, axes and seeds"),
        (json.dumps(SPEC | {"axis": 1}), "out.csv", "base, axes and seeds"),
        (json.dumps(SPEC | {"axes": {"init_scale": {"from": 1, "to": 3}}}), "out.csv", "count"),
        (json.dumps(SPEC), "out.txt", ".parquet"),
        (json.dumps(SPEC), "nowhere/out.csv", "folder"),
        (json.dumps(SPEC), "taken.csv", "folder"),
    ],
)
def test_a_bad_command_ends_with_a_sentence(spec, text, name, words, capsys):
    spec.write_text(text)
    (spec.parent / "taken.csv").mkdir()
    assert main([str(spec), str(spec.parent / name)]) == 1
    message = capsys.readouterr().err.strip()
    assert words in message and "\n" not in message


@pytest.mark.parametrize("left", [b"", b'{"swe'])
def test_a_sweep_killed_before_its_first_result_starts_again(spec, left, monkeypatch):
    spec.with_name("out.csv.part").write_bytes(left)
    monkeypatch.setattr("core.sweep.LazyExecutor", lambda: SimpleNamespace(get=lambda: None))
    assert main([str(spec), str(spec.with_name("out.csv"))]) == 0
    assert not spec.with_name("out.csv.part").exists()


@pytest.mark.parametrize("left", ["not json\n", "a line that never ended", "[1]\n", "{}\n", "\xff\n"])
def test_a_file_that_is_not_a_checkpoint_is_refused_in_a_sentence(spec, left, capsys):
    part = spec.with_name("out.csv.part")
    part.write_text(left, encoding="latin-1")
    assert main([str(spec), str(spec.with_name("out.csv"))]) == 1
    message = capsys.readouterr().err.strip()
    assert "out.csv.part" in message and "\n" not in message
    assert part.read_text(encoding="latin-1") == left


def test_the_checkpoint_of_another_sweep_is_refused(spec, capsys):
    spec.with_name("out.csv.part").write_text('{"sweep": "another"}\n')
    assert main([str(spec), str(spec.with_name("out.csv"))]) == 1
    assert "another sweep" in capsys.readouterr().err


# -- theory -------------------------------------------------------------------------------------------------------


def sign_change(scales, factors):
    """Where log factor first turns positive, between two neighbors."""
    up = np.flatnonzero((factors[:-1] < 1) & (factors[1:] >= 1))
    assert len(up) == 1
    low, high = np.log(factors[up[0]]), np.log(factors[up[0] + 1])
    return scales[up[0]] + (scales[up[0] + 1] - scales[up[0]]) * -low / (high - low)


# tanh without biases reaches its fixed point by a power law, so that only a deep and wide network shows it.
@pytest.mark.parametrize(
    "activation, sigma_b, width, depth", [("relu", 0.0, 100, 30), ("tanh", 0.0, 150, 100), ("tanh", 0.3, 100, 30)]
)
def test_the_critical_line_is_where_log_factor_changes_its_sign(activation, sigma_b, width, depth):
    (point,) = [p for p in critical_points(activation, sigma_b) if p.sigma_w < 2]
    cell = 0.1
    scales = np.round(np.arange(point.sigma_w - 2.5 * cell, point.sigma_w + 3 * cell, cell), 6)
    base = RunConfig(dataset="gaussian", samples=8, hidden=(width,) * depth, activation=activation, steps=0,
                     bias_std=sigma_b)  # fmt: skip
    found = sweep(base, {"init_scale": scales}, seeds=3)
    factors = found.groupby("init_scale").layer_factor.median().to_numpy()
    assert factors[0] < 1 < factors[-1]
    assert abs(sign_change(scales, factors) - point.sigma_w) <= cell


def test_the_critical_line_of_relu_and_tanh_meets_its_closed_forms():
    assert critical_points("relu")[0].sigma_w == pytest.approx(np.sqrt(2), rel=1e-12)
    sigma_w, sigma_b = critical_line("tanh", np.array([1e-9]))
    assert (sigma_w[0], sigma_b[0]) == (pytest.approx(1, abs=1e-6), pytest.approx(0, abs=1e-4))


# -- Dask ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    """A scheduler and two workers; yields its address and the workers."""
    pytest.importorskip("distributed", reason="Dask is not installed")
    with dask_cluster() as found:
        yield found.address, found.workers


@pytest.fixture
def connect(monkeypatch):
    """Makes the executor of a server whose operator names the cluster at an address."""

    def make(address):
        monkeypatch.setenv("GRADIENT_LAB_SCHEDULER", address)
        return LazyExecutor()

    return make


@pytest.mark.slow
def test_a_sweep_whose_scheduler_is_killed_ends_as_lost_and_so_does_the_next_one(connect):
    pytest.importorskip("distributed", reason="Dask is not installed")
    base = RunConfig(samples=64, hidden=(64,) * 10, steps=300, record_every=300)
    axes = {"init_scale": make_range("init_scale", 0.5, 3, 40)}
    with dask_cluster(1) as found:
        long_executor = connect(found.address)
        executor = long_executor.get()
        start = time.monotonic()
        with pytest.raises(worker_lost_errors()):
            sweep(base, axes, executor=executor, on_progress=lambda done, total: done and found.scheduler.kill())
        assert time.monotonic() - start < 100
        # The client tries to reach it for half a minute more; then the executor itself is refused.
        with pytest.raises((ConfigError, *worker_lost_errors()), match="scheduler"):
            sweep(base, axes, executor=long_executor.get())


@pytest.mark.slow
def test_a_sweep_on_dask_gives_every_row_though_a_worker_is_killed(cluster, connect):
    address, processes = cluster
    base = RunConfig(samples=32, hidden=(16,) * 8, steps=10, activation="tanh")
    axes = {"init_scale": make_range("init_scale", 0.5, 3, 40), "bias_std": make_range("bias_std", 0, 1, 30)}
    killed = []

    def on_progress(done, total):
        if done and not killed:
            killed.append(done)
            processes[0].send_signal(signal.SIGKILL)

    executor = connect(address).get()
    found = sweep(base, axes, seeds=2, executor=executor, on_progress=on_progress)
    assert killed and killed[0] < 2400 == len(found)
    assert found.error.isna().all()
    same(found, sweep(base, axes, seeds=2))
    assert processes[0].wait(10) == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("n_stopped", [1, 2], ids=["one of two", "all"])
def test_a_sweep_on_dask_goes_on_without_frozen_workers_or_says_that_none_is_left(n_stopped, connect):
    pytest.importorskip("distributed", reason="Dask is not installed")
    from core.engine import cluster

    base = RunConfig(samples=32, hidden=(16,) * 8, steps=10, activation="tanh")
    axes = {"init_scale": make_range("init_scale", 0.5, 3, 30), "bias_std": make_range("bias_std", 0, 1, 20)}
    with dask_cluster(2) as found:
        long_executor = connect(found.address)
        stopped = []

        def on_progress(done, total):
            if done and not stopped:
                for process in found.workers[:n_stopped]:
                    process.send_signal(signal.SIGSTOP)
                stopped.append(time.monotonic())

        if n_stopped == 1:
            table = sweep(base, axes, seeds=2, executor=long_executor.get(), on_progress=on_progress)
            assert table.error.isna().all()
            wait = time.monotonic() - stopped[0]
            same(table, sweep(base, axes, seeds=2))
        else:
            with pytest.raises(BrokenExecutor) as lost:
                sweep(base, axes, seeds=2, executor=long_executor.get(), on_progress=on_progress)
            wait = time.monotonic() - stopped[0]
            assert "No worker of the Dask cluster has shown a sign of life for 30 s." in str(lost.value)
        assert wait < 3 * cluster.SILENT_SECONDS


@pytest.mark.slow
def test_a_sweep_whose_scheduler_is_frozen_ends_and_the_next_one_says_who_does_not_answer(connect):
    pytest.importorskip("distributed", reason="Dask is not installed")
    from core.engine import cluster

    base = RunConfig(samples=64, hidden=(64,) * 10, steps=300, record_every=300)
    axes = {"init_scale": make_range("init_scale", 0.5, 3, 40)}
    with dask_cluster(1) as found:
        long_executor = connect(found.address)
        stopped = []

        def on_progress(done, total):
            if done and not stopped:
                found.scheduler.send_signal(signal.SIGSTOP)
                stopped.append(time.monotonic())

        with pytest.raises(BrokenExecutor) as lost:
            sweep(base, axes, executor=long_executor.get(), on_progress=on_progress)
        assert time.monotonic() - stopped[0] < 3 * cluster.SILENT_SECONDS
        assert "The scheduler of the Dask cluster has not answered for 30 s." in str(lost.value)
        with pytest.raises(ConfigError, match="a Dask scheduler must answer there"):
            sweep(base, axes, executor=long_executor.get())


@pytest.mark.slow
def test_cancelling_on_dask_stops_what_runs(cluster, monkeypatch):
    address, _ = cluster
    from distributed import Client

    base = RunConfig(samples=64, hidden=(64,) * 10, steps=3000, record_every=3000)

    def on_progress(done, total):
        raise Enough

    with Client(address, timeout=30, set_as_default=False) as client:
        with pytest.raises(Enough):
            sweep(base, {"init_scale": make_range("init_scale", 0.5, 3, 40)}, executor=client.get_executor(pure=False),
                  on_progress=on_progress)  # fmt: skip
        deadline = time.monotonic() + 5
        while any(client.processing().values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(client.processing().values())
