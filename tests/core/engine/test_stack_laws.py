"""A run's bits depend on its config alone: not on its neighbors, the chunk, the order, the thread or the process."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from core import ConfigError, RunConfig, Trace, snapshot, train
from core.engine import stack, training
from core.engine.cancellation import Cancelled
from core.families.activations import ACTIVATIONS
from core.families.clipping import CLIPS
from core.families.initializers import INITS
from core.families.normalization import NORMALIZATIONS
from core.families.optimizers import OPTIMIZERS
from tests.support.strategies import quick_runs

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")  # a run that overflows says so in its trace

CLASSES = [
    {"dataset": "circles"},
    {"dataset": "moons", "loss": "bce", "output_activation": "sigmoid"},
    {"dataset": "iris", "loss": "cross_entropy", "output_activation": "softmax"},
    {"dataset": "sine", "output_activation": "tanh"},
]
SIZES = [
    {"hidden": (5, 3), "samples": 7},
    {"hidden": (1, 1, 1), "samples": 5},  # products of one row and one column take other paths through BLAS
    {"hidden": (4, 4, 4), "samples": 257},  # bytes count to 255
    {"hidden": (33, 17), "samples": 31, "holdout": 0.3},
    {"hidden": (), "samples": 9},
    {"hidden": (6, 6), "samples": 9, "batch_size": 1},
    {"hidden": (1,), "samples": 4, "batch_size": 1, "bias": False},
    {"hidden": (8, 8, 8), "samples": 20, "batch_size": 7, "residual": True},
]


def pick(members, k):
    return list(members)[k % len(members)]


def kind(k):
    """One of many kinds of run; every member of every registry is in several, beside ever other members."""
    rest = {"l1": 0.01 * (k % 3 == 1), "l2": 0.02 * (k % 4 == 1), "weight_decay": 0.1 * (k % 5 == 2)}
    return RunConfig(
        activation=pick(ACTIVATIONS, k),
        normalization=pick(NORMALIZATIONS, k // 2),
        optimizer=pick(OPTIMIZERS, k // 3),
        clip=pick(CLIPS, k),
        clip_threshold=0.3,
        init=pick(INITS, k),
        max_norm=1.2 if k % 4 == 3 else None,
        bias_std=0.1 * (k % 2),
        dtype="float32" if k % 3 == 2 else "float64",
        record_every=1 + k % 3,
        steps=5,
        learning_rate=0.05,
        **rest,
        **pick(CLASSES, k // 5),
        **pick(SIZES, k),
    )


KINDS = [kind(k) for k in range(40)]


def members(config):
    """Runs of one stack: other seeds and sizes of everything that may differ in it, and one that diverges at once."""
    return [
        config,
        config.replace(seed=1),
        config.replace(seed=2, init_scale=2.5, learning_rate=0.7, momentum=0.3, noise=0.0),
        config.replace(seed=3, init_scale=1e200, learning_rate=1e30),
        config.replace(seed=4, clip_threshold=1e-3, bias_std=0.5),
    ]


def assert_same(trace, other):
    """Every number of two traces, bit for bit (NaN equal to NaN)."""
    for field in fields(Trace):
        one, two = getattr(trace, field.name), getattr(other, field.name)
        if field.name == "weights":
            for layer, layer_other in zip(one, two, strict=True):
                for values, values_other in zip(layer, layer_other, strict=True):
                    np.testing.assert_array_equal(values, values_other)
        elif isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, two, err_msg=field.name, strict=True)
        else:
            assert one == two, field.name


@cache
def alone(config):
    return train([config])[0]


def test_the_kinds_cover_every_member_of_every_registry():
    for field, registry in (
        ("activation", ACTIVATIONS),
        ("normalization", NORMALIZATIONS),
        ("optimizer", OPTIMIZERS),
        ("clip", CLIPS),
        ("init", INITS),
    ):
        assert {getattr(config, field) for config in KINDS} == set(registry)
    sizes = {(config.hidden, config.dtype) for config in KINDS}
    assert len(sizes) == 2 * len(SIZES)


@pytest.mark.parametrize("config", KINDS, ids=lambda config: f"{config.activation}-{config.optimizer}-{config.clip}")
def test_a_run_in_a_stack_is_the_run_alone(config):
    stack = members(config)
    for trace, member in zip(train(stack), stack, strict=True):
        assert_same(trace, alone(member))
        assert trace.config is member


# Sizes at which BLAS cuts its products into blocks, and sums run over more than one of NumPy's.
LARGE = [
    RunConfig(hidden=(64,) * 6, activation="relu", samples=300, steps=3),
    RunConfig(dataset="digits", hidden=(129, 65), samples=513, steps=2, normalization="batch", dtype="float32"),
    RunConfig(hidden=(300,), samples=1031, steps=2, optimizer="adam", normalization="layer", clip="adaptive"),
    RunConfig(dataset="digits", hidden=(200, 1, 200), samples=700, batch_size=257, steps=3, clip="value", max_norm=1),
]


@pytest.mark.parametrize("config", LARGE, ids=lambda config: str(config.hidden))
def test_a_large_run_in_a_stack_is_the_run_alone(config, monkeypatch):
    monkeypatch.setattr(training, "CHUNK_COST", 10**15)  # all five in one stack
    for trace, member in zip(train(members(config)), members(config), strict=True):
        assert_same(trace, alone(member))


def test_a_hundred_runs_in_one_call_are_the_runs_alone_in_any_order():
    runs = [member for config in KINDS[:20] for member in members(config)]
    order = np.random.default_rng(0).permutation(len(runs))
    traces = train([runs[k] for k in order])
    for k, trace in zip(order, traces, strict=True):
        assert_same(trace, alone(runs[k]))


@settings(max_examples=25)
@given(st.data())
def test_neither_chunk_nor_neighbors_nor_order_change_a_bit(data):
    config = data.draw(st.sampled_from(KINDS))
    runs = data.draw(st.lists(st.sampled_from(members(config)), min_size=1, max_size=12))
    chunk_cost = data.draw(st.sampled_from([1, 10_000, 100_000, 10**9]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CHUNK_COST", chunk_cost)
        traces = train(runs)
    for trace, run in zip(traces, runs, strict=True):
        assert_same(trace, alone(run))


@settings(max_examples=100)
@given(st.lists(quick_runs(), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_whatever_the_runs_a_run_in_a_crowd_is_the_run_alone(configs, random):
    crowd = [
        member for config in configs for member in (config, config.replace(seed=1), config.replace(init_scale=0.9))
    ]
    random.shuffle(crowd)
    for trace, config in zip(train(crowd), crowd, strict=True):
        assert_same(trace, train([config])[0])


BASE = RunConfig(hidden=(5, 5), samples=13, steps=4, learning_rate=0.3, optimizer="momentum")
CHANGES = {
    "dataset": "moons", "samples": 10, "noise": 0.3, "holdout": 0.25, "hidden": (4, 5), "activation": "tanh",
    "output_activation": "sigmoid", "bias": False, "residual": True, "normalization": "layer", "init": "uniform",
    "init_scale": 2.0, "bias_std": 0.3, "loss": ("bce", "sigmoid"), "optimizer": "sgd", "learning_rate": 0.1,
    "momentum": 0.5, "batch_size": 5, "steps": 3, "clip": "value", "clip_threshold": 1e-3, "l1": 0.1, "l2": 0.1,
    "weight_decay": 0.5, "max_norm": 0.3, "record_every": 2, "dtype": "float32", "seed": 5,
    "scaling": "none", "schedule": "cosine", "schedule_steps": 2, "warmup_steps": 3,
    "class_weight": "balanced", "dropout": 0.3, "norm_affine": True,
}  # fmt: skip


def varied(base, field):
    value = CHANGES[field]
    if field == "loss":
        return base.replace(loss=value[0], output_activation=value[1])
    if field == "norm_affine":  # which matters beside a normalization only
        return base.replace(normalization="layer", norm_affine=value)
    return base.replace(**{field: value})


@pytest.mark.parametrize("first", [False, True], ids=["base first", "base last"])
def test_runs_that_differ_in_any_one_field_are_the_runs_alone(first):
    assert set(CHANGES) == {field.name for field in fields(RunConfig)}
    base = BASE.replace(clip="global_norm", clip_threshold=0.01, schedule="step")
    runs = [varied(start, field) for start in (base, base.replace(optimizer="adam")) for field in CHANGES]
    runs = [base, *runs] if first else [*runs, base]
    for trace, run in zip(train(runs), runs, strict=True):
        assert_same(trace, train([run])[0])
    unchanged = {run for run in runs if run != base and np.array_equal(alone(run).loss, alone(base).loss)}
    assert not unchanged
    learned, plain = (alone(BASE.replace(normalization="layer", norm_affine=on)).loss for on in (True, False))
    assert learned[0] == plain[0] and learned[1] != plain[1]


def test_chunks_hold_each_run_once_and_only_runs_of_one_kind(monkeypatch):
    runs = [member for config in KINDS[:8] for member in members(config)]
    seen = []
    original = training._train_chunk
    monkeypatch.setattr(training, "CHUNK_COST", 30_000)
    monkeypatch.setattr(
        training,
        "_train_chunk",
        lambda configs, *rest, **more: (seen.append(len(configs)), original(configs, *rest, **more))[1],
    )
    traces = train(runs)
    assert sum(seen) == len(runs) and len(seen) > 8
    assert [trace.config for trace in traces] == runs


def test_the_step_that_chunks_are_cut_by_does_not_change_a_bit(monkeypatch):
    runs = members(KINDS[0])
    monkeypatch.setattr(training, "CHUNK_COST", 1)
    for trace, run in zip(train(runs), runs, strict=True):
        assert_same(trace, alone(run))


@pytest.mark.parametrize("steps_at_once", [1, 2, 4, 9, 41])
def test_the_steps_made_between_two_looks_at_the_clock_do_not_change_a_bit(steps_at_once, monkeypatch):
    config = RunConfig(hidden=(8, 8), samples=20, batch_size=7, steps=40, learning_rate=0.3, seed=3)
    cost = 3 * 7 * (3 * 8 + 9 * 8 + 9) + 3 * stack.LAYER_COST
    monkeypatch.setattr(stack, "SPAN_COST", steps_at_once * cost)
    assert_same(train([config])[0], alone(config))


def test_data_and_initial_given_are_as_independent_of_neighbors():
    rng = np.random.default_rng(1)
    data = rng.standard_normal((13, 3)), rng.standard_normal((13, 2))
    base = RunConfig(hidden=(5, 5), steps=4, holdout=0.25, samples=13, batch_size=4)
    configs = [base.replace(seed=seed) for seed in range(5)]
    drawn = [[(rng.standard_normal(s), rng.standard_normal(s[1])) for s in ((3, 5), (5, 5), (5, 2))] for _ in configs]
    initial = [None if k % 2 else weights for k, weights in enumerate(drawn)]
    together = train(configs, data=data, initial=initial)
    for config, given_weights, trace in zip(configs, initial, together, strict=True):
        assert_same(trace, train([config], data=data, initial=[given_weights])[0])


# -- divergence ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_diverging_neighbors_touch_nobody(optimizer, dtype):
    healthy = RunConfig(
        hidden=(6, 6), activation="relu", optimizer=optimizer, steps=30, samples=16, dtype=dtype, l2=1e-3,
        clip="per_layer_norm", clip_threshold=1e30, max_norm=1e30,
    )  # fmt: skip
    wild = [
        healthy.replace(learning_rate=1e5, seed=1),
        healthy.replace(init_scale=1e80, seed=2),
        healthy.replace(learning_rate=1e12, l2=1e8, seed=3),
    ]
    traces = train([wild[0], healthy, wild[1], healthy.replace(seed=9), wild[2]])
    assert_same(traces[1], alone(healthy))
    assert_same(traces[3], alone(healthy.replace(seed=9)))
    assert traces[1].diverged_at is None and traces[3].diverged_at is None
    for trace, config in zip(traces[::2], wild, strict=True):
        assert_same(trace, alone(config))
    assert traces[2].diverged_at == 0


# -- executors ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        yield executor


def test_processes_give_the_same_bits(processes):
    runs = [member for config in KINDS[:12] for member in members(config)]
    traces = train(runs, executor=processes)
    for trace, run in zip(traces, runs, strict=True):
        assert_same(trace, alone(run))


def test_threads_give_the_same_bits():
    runs = [member for config in KINDS[:12] for member in members(config)]
    with ThreadPoolExecutor(4) as executor:
        traces = train(runs, executor=executor)
    for trace, run in zip(traces, runs, strict=True):
        assert_same(trace, alone(run))


def test_a_config_error_in_a_worker_comes_back_as_one(processes):
    bad = RunConfig(hidden=(3,), steps=1, samples=4)
    with pytest.raises(ConfigError, match="W of layer 1 has shape"):
        train([bad], initial=[[(np.zeros((5, 5)), np.zeros(5)), (np.zeros((3, 1)), np.zeros(1))]], executor=processes)


def test_a_job_that_is_given_up_frees_its_workers(processes):
    # eight runs of a million steps would hold both workers for minutes
    endless = [RunConfig(hidden=(4,), samples=4, steps=1_000_000, record_every=1000, seed=seed) for seed in range(8)]

    class Stop(BaseException):
        pass

    def give_up(done, total):
        raise Stop

    with pytest.raises(Stop):
        train(endless, on_progress=give_up, executor=processes)
    free = [processes.submit(os.getpid) for _ in range(4)]
    assert all(future.result(timeout=60) for future in free)


# -- progress and cancellation --------------------------------------------------------------------------------------


class Clock:
    """A clock that only moves when it is read."""

    def __init__(self, tick):
        self.now, self.tick, self.lock = 0.0, tick, threading.Lock()

    def monotonic(self):
        with self.lock:
            self.now += self.tick
            return self.now


def use_clock(monkeypatch, tick):
    clock = Clock(tick)
    monkeypatch.setattr(stack, "SPAN_COST", 0)  # the clock is read after every step
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def counted_steps(monkeypatch):
    """Counts the steps made, each a call of compiled code."""
    made, advance = [], stack.advance

    def counted(*arguments):
        made.append(1)
        return advance(*arguments)

    monkeypatch.setattr(stack, "SPAN_COST", 0)
    monkeypatch.setattr(stack, "advance", counted)
    return made


@pytest.mark.parametrize("tick", [0.003, 0.03, 0.07, 0.1, 5.0])
def test_progress_is_told_at_most_every_tenth_of_a_second_and_no_later_than_it_can(monkeypatch, tick):
    clock, told = use_clock(monkeypatch, tick), []
    configs = [RunConfig(hidden=(2,), samples=4, steps=400, seed=seed) for seed in range(2)]
    configs += [configs[0].replace(hidden=(3,)), configs[0].replace(steps=0)]
    train(configs, on_progress=lambda done, total: told.append((clock.now, done, total)))
    times = np.array([0.0] + [at for at, _, _ in told])
    done = [done for _, done, _ in told]
    assert len(told) > 1
    assert np.diff(times).min() >= 0.1 - 1e-9
    assert np.diff(times).max() <= 0.1 + 2 * tick  # the clock is read once a step
    assert {total for _, _, total in told} == {3 * 401 + 1}
    assert done == sorted(done) and 0 < done[0] and done[-1] <= 3 * 401 + 1


def test_progress_ends_at_the_total(monkeypatch):
    use_clock(monkeypatch, 1.0)
    told = []
    configs = [RunConfig(hidden=(2,), samples=4, steps=3), RunConfig(hidden=(3,), samples=4, steps=5)]
    train(configs, on_progress=lambda *numbers: told.append(numbers))
    assert told[-1] == (10, 10)


def test_a_run_that_diverges_early_counts_as_done(monkeypatch):
    use_clock(monkeypatch, 1.0)
    told = []
    config = RunConfig(hidden=(2,), activation="relu", samples=4, steps=50, init_scale=1e200)
    (trace,) = train([config], on_progress=lambda *numbers: told.append(numbers))
    assert trace.diverged_at == 0 and told[-1] == (51, 51)


class Halt(BaseException):
    """Neither Exception nor anything a library would catch; Streamlit stops scripts by one like it."""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, Halt])
@pytest.mark.parametrize("calls", [1, 5])
def test_whatever_progress_raises_ends_the_run_at_once(monkeypatch, error, calls):
    use_clock(monkeypatch, 1.0)  # told after every step
    made, told = counted_steps(monkeypatch), []

    def on_progress(done, total):
        told.append(done)
        if len(told) == calls:
            raise error("enough")

    configs = [RunConfig(hidden=(2,), samples=4, steps=1000), RunConfig(hidden=(3,), samples=4, steps=1000)]
    with pytest.raises(error, match="enough"):
        train(configs, on_progress=on_progress)
    assert len(told) == calls and len(made) == calls


def test_a_snapshot_tells_its_progress_and_ends_at_once_when_told_to(monkeypatch):
    use_clock(monkeypatch, 1.0)
    made, told = counted_steps(monkeypatch), []
    config = RunConfig(hidden=(2,), samples=4, steps=1000)

    def on_progress(done, total):
        told.append((done, total))
        if len(told) == 3:
            raise Halt("enough")

    with pytest.raises(Halt, match="enough"):
        snapshot(config, 500, on_progress=on_progress)
    assert told == [(1, 501), (2, 501), (3, 501)] and len(made) == 3


def test_giving_up_cancels_what_waits_and_stops_what_runs(monkeypatch):
    made = counted_steps(monkeypatch)
    started, submitted = threading.Event(), []
    monkeypatch.setattr(training, "CHUNK_COST", 1)  # every run a chunk of its own
    configs = [RunConfig(hidden=(2,), samples=4, steps=100_000, record_every=100_000, seed=seed) for seed in range(6)]

    def on_progress(done, total):
        assert (done, total) == (0, 6 * 100_001)
        raise Halt

    class Recording(ThreadPoolExecutor):
        def submit(self, *arguments):
            future = super().submit(*arguments)
            submitted.append(future)
            started.set()
            return future

    with Recording(1) as executor:
        with pytest.raises(Halt):
            train(configs, on_progress=on_progress, executor=executor)
    assert len(submitted) == 6 and all(future.done() for future in submitted)
    assert [future.cancelled() for future in submitted[1:]] == [True] * 5
    assert isinstance(submitted[0].exception(), Cancelled)
    assert 0 < len(made) < 100_000


def test_a_failing_chunk_ends_the_others(monkeypatch):
    submitted = []
    monkeypatch.setattr(training, "CHUNK_COST", 1)
    good = RunConfig(hidden=(2,), samples=4, steps=100_000, record_every=100_000)

    class Recording(ThreadPoolExecutor):
        def submit(self, *arguments):
            submitted.append(super().submit(*arguments))
            return submitted[-1]

    wrong = [(np.zeros((9, 9)), np.zeros(9))] * 2
    with Recording(1) as executor:
        with pytest.raises(ConfigError):
            train([good.replace(steps=1), *[good] * 4], initial=[wrong, *[None] * 4], executor=executor)
    assert all(future.done() for future in submitted)
    assert sum(future.cancelled() for future in submitted) >= 3


# -- BLAS threads -------------------------------------------------------------------------------------------------


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture
def two_threads():
    """BLAS set to two threads, so that one and the number before can be told apart on any machine."""
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("this BLAS was built for one thread")
        yield


def test_blas_has_one_thread_while_training_and_its_own_number_before_and_after(two_threads, monkeypatch):
    use_clock(monkeypatch, 1.0)
    seen = []
    config = RunConfig(hidden=(2,), samples=4, steps=3)
    train([config], on_progress=lambda done, total: seen.append(blas_threads()))
    assert seen and all(number == {1} for number in seen)
    assert blas_threads() == {2}
    snapshot(config, 2)
    training.evaluate(config, train([config])[0].weights, np.zeros((3, 2)))
    assert blas_threads() == {2}


def test_blas_gets_its_number_back_when_a_run_is_ended(two_threads, monkeypatch):
    use_clock(monkeypatch, 1.0)

    def stop(done, total):
        raise Halt

    with pytest.raises(Halt):
        train([RunConfig(hidden=(2,), samples=4, steps=3)], on_progress=stop)
    assert blas_threads() == {2}


def test_of_two_threads_that_train_at_once_the_last_one_out_restores_the_number(two_threads, monkeypatch):
    use_clock(monkeypatch, 1.0)
    config = RunConfig(hidden=(2,), samples=4, steps=3)
    both_in, first_out, seen, failures = threading.Barrier(2, timeout=60), threading.Event(), [], []

    def first():
        waited = []

        def on_progress(done, total):
            if not waited:
                waited.append(both_in.wait())

        train([config], on_progress=on_progress)
        first_out.set()

    def second():
        waited = []

        def on_progress(done, total):
            if not waited:
                waited.append(both_in.wait())
                assert first_out.wait(60)
            seen.append(blas_threads())

        train([config.replace(seed=1)], on_progress=on_progress)

    def collect_failure(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001  a thread's failure would pass unseen
            failures.append(error)

    threads = [threading.Thread(target=collect_failure, args=(work,)) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert seen and all(number == {1} for number in seen)  # the first one out left the limit to the second
    assert blas_threads() == {2}
