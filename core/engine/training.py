"""Trains any list of runs: grouped into stacks, cut into chunks, here or on an executor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  the BLAS of compiled code: loaded, so that it is limited too
from threadpoolctl import OpenBLASController, ThreadpoolController

from ..config import RunConfig, check_cost, check_snapshot_cost
from ..data.datasets import Split, TableData, load, split
from ..data.summary import summarize
from ..data.targets import check_targets
from ..errors import ConfigError
from ..trace import Snapshot, Trace
from .cancellation import CancelToken, cancel_token
from .parameters import Initial
from .stack import Stack
from .workers import get_result

CHUNK_COST = 5_000_000_000  # multiply-adds of a chunk: under half a second, so that its traces are not waited for
PROGRESS_SECONDS = 0.1
EVALUATED_AT_ONCE = 256  # samples, whose buffers stay near the core

Data = tuple[np.ndarray, np.ndarray]
Progress = Callable[[int, int], None]


class _OneBlasThread:
    """Limits BLAS to one thread while anybody trains; the first in sets it, the last out restores it.

    A second BLAS thread gains little when the machine is idle and costs a factor of 3 to 60 when it is not.
    threadpoolctl's plain context, entered by two Python threads, can restore the wrong number: hence the count. And it
    heeds only the thread that set OpenBLAS first: hence nobody is left in control, since the last out may be another
    thread than the first in, and neither need be the one that some other library limited BLAS in.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._inside = 0
        self._controller: ThreadpoolController | None = None
        self._limiter: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._controller = self._controller or ThreadpoolController()  # looks through every loaded library
                OpenBLASController.clear_controlling_thread(force=True)
                self._limiter = self._controller.limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                OpenBLASController.clear_controlling_thread(force=True)
                self._limiter.restore_original_limits()
                OpenBLASController.clear_controlling_thread(force=True)
                self._limiter = None


one_blas_thread = _OneBlasThread()


def train(
    configs: Sequence[RunConfig],
    data: Data | None = None,
    initial: Sequence[Initial | None] | None = None,
    on_progress: Progress | None = None,
    executor: Executor | None = None,
    on_trace: Callable[[int, Trace], None] | None = None,
) -> list[Trace]:
    """Trains any number of runs and returns one Trace each, in order.

    Runs of one shape and kind share buffers; a run's bits depend on its config (and data and initial) alone,
    not on the stack, the chunk or the process it ran in. A run that diverges ends there; the others go on.

    Args:
        configs: the runs; any mixture of shapes.
        data: (X, D), X (samples, inputs) and D (samples, outputs), used as given instead of each config's dataset,
            samples and noise.
        initial: for each config a list of (W, b) by layer, W (fan_in, fan_out), b (fan_out,) or None without
            biases, that replaces the drawn parameters; with `norm_affine` a hidden layer's are (W, b, gain, shift),
            both (fan_out,). None in its place draws them.
        on_progress: called with (done, total) run-steps at most every 0.1 s; any exception from it ends the work at
            once and goes on to the caller.
        executor: any concurrent.futures executor to send chunks to; None trains in this process.
        on_trace: called with (index in configs, trace) as soon as that run is done, so that it can be shown while
            others run; what it raises ends the work as for on_progress.

    Raises:
        ConfigError: contradictory data and loss, initial parameters that do not fit, or a run above the limits.
        BrokenExecutor: the executor lost a worker, or dropped work by itself.
    """
    if not isinstance(configs, Iterable):
        raise ConfigError("configs", configs, "it must be a list of RunConfig")
    configs = list(configs)
    for config in configs:
        if not isinstance(config, RunConfig):
            raise ConfigError("configs", config, "it must be a list of RunConfig")
    initial = [None] * len(configs) if initial is None else list(initial)
    if len(initial) != len(configs):
        raise ConfigError("initial", f"{len(initial)} entries", f"one is needed for each of {len(configs)} configs")
    chunks = _chunks(configs, data)
    progress = ProgressCount(on_progress, sum(config.steps + 1 for config in configs))
    traces: list[Any] = [None] * len(configs)  # every entry is a Trace at the end

    def done(chunk: list[int], results: list[Trace]) -> None:
        for i, trace in zip(chunk, results, strict=True):
            traces[i] = trace
            if on_trace is not None:
                on_trace(i, trace)
        progress.finish(sum(configs[i].steps + 1 for i in chunk))

    jobs = [([configs[i] for i in chunk], data, [initial[i] for i in chunk]) for chunk in chunks]
    if executor is None:
        with one_blas_thread:
            for chunk, job in zip(chunks, jobs, strict=True):
                done(chunk, _train_chunk(*job, tick=progress.tick))
    else:
        _on_executor(executor, chunks, jobs, progress, done)
    return traces


def snapshot(
    config: RunConfig,
    step: int = 0,
    data: Data | None = None,
    initial: Initial | None = None,
    on_progress: Progress | None = None,
) -> Snapshot:
    """Trains to `step` again and keeps every value of that state, for that step's batch.

    A run that diverges before is kept as it was at that step. `on_progress` is as in `train`.

    Raises:
        ConfigError: as `train`; a step that the run does not have; no room for all values beside the run.
    """
    if isinstance(step, bool) or not isinstance(step, (int, np.integer)) or not 0 <= step <= config.steps:
        raise ConfigError("step", step, f"it must be a whole number from 0 to steps, here {config.steps}")
    arrays = checked_data(config, data)
    sizes = arrays.X.shape[1], arrays.D.shape[1], len(arrays.X) + len(arrays.X_holdout)
    check_snapshot_cost(config.replace(steps=int(step)), *sizes)
    progress = ProgressCount(on_progress, int(step) + 1)
    with one_blas_thread, np.errstate(all="ignore"):
        stack = _stack([config.stop_at(int(step))], data, [initial])
        (trace,) = stack.train(progress.tick)
        if trace.diverged_at is not None and trace.diverged_at < step:
            return snapshot(config, trace.diverged_at, data, initial, on_progress)
        batch = stack.batch
        parameters = stack.parameters
        gradient = stack.gradient
        batch.forward(parameters.flat[0])
        net = [(W[0].T @ A).T for W, A in zip(parameters.matrices, batch.inputs, strict=True)]
        batch.backward(parameters.flat[0], gradient.flat[0])
    gradients = gradient.run(0)
    output = batch.output.T.copy()
    return Snapshot(
        config=config,
        step=int(step),
        inputs=batch.y[0].T.copy(),
        targets=batch.targets.T.copy(),
        net=[np.ascontiguousarray(values) for values in net],
        activation=[y.T.copy() for y in batch.y[1:]] + [output],
        delta=[delta.T.copy() for delta in batch.delta],
        weight_gradient=[W for W, *_ in gradients],
        bias_gradient=[b for _, b, *_ in gradients],
        norm_gradient=[tuple(own) for _, _, *own in gradients if own],
        weights=trace.weights,
        output=output,
    )


def evaluate(config: RunConfig, weights: Initial, X: np.ndarray) -> np.ndarray:
    """The output of a trained network on other inputs; batch normalization uses their own statistics, no unit drops.

    Args:
        config, weights: of a Trace.
        X: (samples, inputs), standardized as the run's data were.

    Returns:
        (samples, outputs); NaN where a run has diverged so far that its weights are not finite.
    """
    outputs = np.zeros((len(X), weights[-1][0].shape[1]))
    if not all(np.isfinite(array).all() for layer in weights for array in layer if array is not None):
        return outputs * np.nan
    full = config.replace(batch_size=None, holdout=0.0, dropout=0.0)
    block = len(X) if config.normalization == "batch" else min(len(X), EVALUATED_AT_ONCE)
    first = Split(X=X[:block], D=outputs[:block], X_holdout=X[:0], D_holdout=outputs[:0], task="regression")
    with one_blas_thread, np.errstate(all="ignore"):
        stack = Stack([full], [first], [weights])
        stack.start(0)
        for start in range(0, len(X), max(block, 1)):
            at = slice(min(start, len(X) - block), start + block)  # the last block reaches back into the one before
            stack.batch.fill(X[at], outputs[at], np.ones(block))
            stack.batch.forward(stack.parameters.flat[0])
            outputs[at] = stack.batch.output.T
    return outputs


# -- stacks and chunks ------------------------------------------------------------------------------------------


def stack_key(config: RunConfig) -> tuple:
    """Key that runs of one stack share: everything but the numbers of a run."""
    return (
        *(config.dataset, config.samples, config.holdout, config.batch_size, config.hidden, config.bias),
        *(config.activation, config.output_activation, config.residual, config.normalization, config.loss),
        *(config.optimizer, config.clip, config.steps, config.record_every, config.dtype),
        *(config.schedule, config.schedule_steps, config.warmup_steps, config.class_weight),
        *(config.dropout > 0, config.has_norm_affine),
        *(config.l1 > 0, config.l2 > 0, config.weight_decay > 0, config.max_norm is not None),
    )


def checked_data(config: RunConfig, data: Data | None) -> Split:
    """The data of a run, which must suit its loss and its batch size; refuses a run above the limits first."""
    if data is None:
        check_cost(config)
    first = _split(config, data)
    check_cost(config, first.X.shape[1], first.D.shape[1], len(first.X) + len(first.X_holdout))
    for D in filter(len, (first.D, first.D_holdout)):
        check_targets(config.loss, D, first.task, given=data is not None)
    if config.batch_size is not None and config.batch_size > len(first.X):
        raise ConfigError("batch_size", config.batch_size, f"there are {len(first.X)} training samples")
    return first


def _split(config: RunConfig, data: Data | None) -> Split:
    if data is None:
        return load(config.dataset, config.samples, config.noise, config.holdout, config.seed, config.scaling)
    if isinstance(data, TableData):
        return data.split(config)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ConfigError("data", type(data).__name__, "it must be a pair of arrays (X, D)")
    return split(*data, config.holdout, config.seed)


def _chunks(configs: list[RunConfig], data: Data | None) -> list[list[int]]:
    """Indices of the runs that share buffers, at most CHUNK_COST multiply-adds where there are several."""
    groups: dict[tuple, list[int]] = {}
    for i, config in enumerate(configs):
        groups.setdefault(stack_key(config), []).append(i)
    chunks = []
    for members in groups.values():
        config = configs[members[0]]
        first = checked_data(config, data)
        widths = (first.X.shape[1], *config.hidden, first.D.shape[1])
        batch = config.batch_size or len(first.X)
        parameters = sum((m + 1) * n for m, n in zip(widths, widths[1:], strict=False))
        runs = max(1, CHUNK_COST // (3 * (config.steps + 1) * batch * parameters))
        count = -(-len(members) // runs)
        bounds = [len(members) * k // count for k in range(count + 1)]
        chunks += [members[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]
    return chunks


def _stack(configs: list[RunConfig], data: Data | None, initial: list[Initial | None]) -> Stack:
    return Stack(configs, [_split(config, data) for config in configs], initial)


def _train_chunk(
    configs: list[RunConfig],
    data: Data | None,
    initial: list[Initial | None],
    tick: Callable[[int], None] | None = None,
) -> list[Trace]:
    stack = _stack(configs, data, initial)
    traces = stack.train(tick)
    if data is None:
        return traces
    summaries = [summarize(config, run.task, run.X, run.D) for config, run in zip(configs, stack.splits, strict=True)]
    return [replace(trace, data_summary=summary) for trace, summary in zip(traces, summaries, strict=True)]


class ProgressCount:
    """Counts run-steps and reports them to the caller, at most every 0.1 s."""

    def __init__(self, on_progress: Progress | None, total: int):
        self.on_progress = on_progress
        self.total = total
        self.done = 0
        self.finished = 0
        self.reported_at = time.monotonic()

    def tick(self, run_steps: int = 0) -> None:
        self.done += run_steps
        now = time.monotonic()
        if self.on_progress is not None and now - self.reported_at >= PROGRESS_SECONDS:
            self.reported_at = now
            self.on_progress(self.done, self.total)

    def finish(self, run_steps: int) -> None:
        """A chunk is done, however few steps it needed."""
        self.finished += run_steps
        self.done = self.finished
        self.tick()


# -- executors --------------------------------------------------------------------------------------------------


def _on_executor(
    executor: Executor,
    chunks: list[list[int]],
    jobs: list[tuple],
    progress: ProgressCount,
    done: Callable[[list[int], Any], None],
) -> None:
    """Sends every chunk to the executor; when the caller gives up, drops what waits and stops what runs."""
    with cancel_token() as token:
        pending = {executor.submit(_train_leased, token, *job): chunk for chunk, job in zip(chunks, jobs, strict=True)}
        try:
            while pending:
                ready, _ = wait(pending, timeout=PROGRESS_SECONDS, return_when=FIRST_COMPLETED)
                for future in ready:
                    done(pending.pop(future), get_result(future))
                progress.tick()
        finally:
            for future in pending:
                future.cancel()


def _train_leased(token: CancelToken, *job) -> list[Trace]:
    """A chunk in a worker: goes on only while its caller's lease lasts."""
    with one_blas_thread:
        return _train_chunk(*job, tick=token.checker())
