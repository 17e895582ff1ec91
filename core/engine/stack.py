"""Trains networks of one shape and kind one after another in the same buffers, recording every row of their traces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..config import RunConfig
from ..data.datasets import Split
from ..families.class_weights import class_weights, sample_weights
from ..families.clipping import CLIP_CODES
from ..families.optimizers import OPTIMIZER_CODES, OPTIMIZERS
from ..layout import Layout
from ..trace import ROW_FIELDS, Trace
from .batch import Batch, describe_network
from .loop import Plan, RowArrays, Rules, State, advance
from .parameters import Initial, check_initial, draw_parameters

SPAN_COST = 250_000_000  # multiply-adds between two looks at the clock: some 20 ms (a call itself takes 0.2)
LAYER_COST = 20_000  # multiply-adds that take as long as what a layer needs besides

BATCH_STREAM = 3  # beside those of the parameters
DROPOUT_STREAM = 4


class Stack:
    """R runs of one shape and kind, which share their buffers: each is trained to its end before the next one.

    Args:
        configs: one a run; shape and kind are equal for all.
        splits: each run's data.
        initial: each run's parameters, or None to draw them.

    Raises:
        ConfigError: parameters that do not fit.
    """

    def __init__(self, configs: list[RunConfig], splits: list[Split], initial: list[Initial | None]):
        self.configs = configs
        self.splits = splits
        self.initial = initial
        kind = configs[0]
        self.dtype = np.dtype(kind.dtype)
        self.task = splits[0].task
        X = splits[0].X
        D = splits[0].D
        n_holdout = len(splits[0].X_holdout)
        self.samples = len(X)
        self.batch_size = kind.batch_size or len(X)
        self.layout = Layout((X.shape[1], *kind.hidden, D.shape[1]), kind.bias, kind.has_norm_affine)
        for given in initial:
            if given is not None:
                check_initial(given, self.layout)
        self.parameters, self.gradient = (self.layout.new(1, self.dtype) for _ in range(2))
        size = self.layout.size
        self.state = State(
            parameters=self.parameters.flat[0],
            gradient=self.gradient.flat[0],
            states=np.zeros((OPTIMIZERS[kind.optimizer].states, size), self.dtype),
            update=np.empty(size, self.dtype),
            before=np.empty(size if kind.max_norm else 0, self.dtype),
        )
        self.network = describe_network(kind, self.layout)
        self.batch = Batch(self.network, self.batch_size, self.dtype, dropout=kind.dropout > 0)
        self.holdout_batch = Batch(self.network, n_holdout, self.dtype)

    def start(self, run: int) -> None:
        """Place a run's data and its initial parameters."""
        split = self.splits[run]
        config = self.configs[run]
        for layer, (W, b, *own) in enumerate(self.initial[run] or draw_parameters(config, self.layout)):
            self.parameters.weights[layer][0] = W
            if b is not None:
                self.parameters.biases[layer][0] = b
            if own:
                self.parameters.gains[layer][0], self.parameters.shifts[layer][0] = own
        self.state.states.fill(0)
        self.holdout_batch.fill(split.X_holdout, split.D_holdout, self._weigh(run, split.D_holdout))
        if self.batch_size == self.samples:
            self.batch.fill(split.X, split.D, self._weigh(run, split.D))

    def _weigh(self, run: int, D: np.ndarray) -> np.ndarray:
        """Return the weights of samples with these targets in the loss of a run, (samples,)."""
        own = class_weights(self.configs[run].class_weight, self.task, self.splits[run].D)
        return np.ones(len(D)) if own is None else sample_weights(own, D)[:, 0]

    def train(self, tick: Callable[[int], None] | None = None) -> list[Trace]:
        """Train all steps of every run; returns one Trace a run.

        Args:
            tick: called every 20 ms or so with the steps made since the last call; what it raises ends the run.
        """
        with np.errstate(all="ignore"):  # what is beyond the dtype becomes infinite, and is found at step 0
            return [self._train_run(run, tick) for run in range(len(self.configs))]

    def _train_run(self, run: int, tick: Callable[[int], None] | None) -> Trace:
        self.start(run)
        config = self.configs[run]
        rules = self._rules(run)
        plan = self._plan(run)
        record = self._make_record(int(plan.rows.max()) + 1)
        batches = self._mini_batches(run)
        diverged_at = None
        cost = 3 * self.batch_size * self.layout.size + LAYER_COST * self.layout.layers
        span = 1 if config.dropout else max(1, SPAN_COST // cost)  # masks are drawn in Python
        dropper = np.random.default_rng([config.seed, DROPOUT_STREAM])
        for first in range(0, config.steps + 1, span):
            stop = min(first + span, config.steps + 1)
            data = plan, self.state, self.batch.memory, self.holdout_batch.memory, record, batches(stop - first)
            for mask in self.batch.masks:  # a unit stays on a sample with probability 1 - dropout
                np.greater_equal(dropper.random(mask.shape), config.dropout, out=mask, casting="unsafe")
                mask /= 1 - config.dropout
            broken_at = advance(self.network, rules, *data, first, stop)
            if broken_at >= 0:
                diverged_at = broken_at
                break
            if tick is not None:
                tick(stop - first)
        return self._trace(run, record, np.flatnonzero(plan.rows >= 0), diverged_at)

    def _rules(self, run: int) -> Rules:
        config = self.configs[run]
        return Rules(
            optimizer=OPTIMIZER_CODES[config.optimizer],
            clip=CLIP_CODES[config.clip],
            learning_rate=float(config.learning_rate),
            momentum=float(config.momentum),
            clip_threshold=float(config.clip_threshold),
            l1=float(config.l1),
            l2=float(config.l2),
            weight_decay=float(config.weight_decay),
            max_norm=float(config.max_norm or 0),
            classifies=int(self.task != "regression"),
        )

    def _plan(self, run: int) -> Plan:
        config = self.configs[run]
        split = self.splits[run]
        steps = np.arange(config.steps + 1)
        every = min(config.record_every, config.steps + 1)  # which may be above what an array holds
        recorded = (steps % every == 0) | (steps == config.steps)
        rows = np.where(recorded, np.cumsum(recorded) - 1, -1)
        factors = config.rate_factors(steps) if config.is_scheduled else np.ones(len(steps))
        samples = np.hstack([split.X, split.D, self._weigh(run, split.D)[:, None]]).astype(self.dtype)
        return Plan(rows, factors, samples[:0] if self.batch_size == self.samples else samples)

    def _mini_batches(self, run: int) -> Callable[[int], np.ndarray]:
        """Return a function that takes a number of steps and returns the indices of their batches, (steps, batch size).

        What an epoch's shuffle leaves over opens the next one. Without rows for full batches.
        """
        if self.batch_size == self.samples:
            return lambda steps: np.empty((0, self.batch_size), np.int64)
        rng = np.random.default_rng([self.configs[run].seed, BATCH_STREAM])
        order = np.empty(0, np.int64)

        def take(steps: int) -> np.ndarray:
            nonlocal order
            shuffles = [order]
            n_indices = steps * self.batch_size
            for _ in range(-(-(n_indices - len(order)) // self.samples)):
                shuffles.append(rng.permutation(self.samples))
            order = np.concatenate(shuffles)
            indices = order[:n_indices]
            order = order[n_indices:]
            return indices.reshape(steps, self.batch_size)

        return take

    def _make_record(self, rows: int) -> RowArrays:
        config = self.configs[0]
        layers = self.layout.layers
        n_rows = {
            "total_grad_norm": rows if config.l1 or config.l2 else 0,
            "clipped_grad_norm": rows if config.clip != "none" else 0,
        }
        arrays = {
            name: np.full(rows if name in ROW_FIELDS else (n_rows.get(name, rows), layers), np.nan)
            for name in RowArrays._fields
        }
        arrays["clip_scale"].fill(1)
        return RowArrays(**arrays)

    def _trace(self, run: int, record: RowArrays, steps: np.ndarray, diverged_at: int | None) -> Trace:
        arrays = record._asdict()
        arrays["update_ratio"] = arrays.pop("step_norm") / record.weight_norm
        if diverged_at is not None:  # the step out of a broken state was not made
            after = int(np.searchsorted(steps, diverged_at, side="right"))
            for array in arrays.values():
                array[after:] = np.nan
        for name, other in (("total_grad_norm", "grad_norm"), ("clipped_grad_norm", "total_grad_norm")):
            if not len(arrays[name]):
                arrays[name] = arrays[other]
        return Trace(
            config=self.configs[run],
            task=self.task,
            step=steps,
            diverged_at=diverged_at,
            weights=self.parameters.run(0),
            **arrays,
        )
