"""Trains a stack of networks of one shape and kind at once, recording every row of their traces."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..config import RunConfig
from ..data.datasets import Split
from ..families.activations import ACTIVATIONS
from ..families.class_weights import class_weights, sample_weights
from ..families.clipping import CLIPS, project_max_norm
from ..families.losses import LOSSES
from ..families.normalization import NORMALIZATIONS
from ..families.optimizers import OPTIMIZERS
from ..layout import Layout
from ..norms import repair_norms, safe_squares
from ..trace import ROW_FIELDS, Trace
from .batch import Batch
from .parameters import Initial, start_parameters
from .passes import descend

BATCH_STREAM = 3  # beside those of the parameters
DROPOUT_STREAM = 4


class Stack:
    """R runs of one shape and kind: what differs between them is an array over R.

    Args:
        configs: one a run; `kind` is equal for all.
        splits: each run's data.
        initial: each run's parameters, or None to draw them.
    """

    def __init__(self, configs: list[RunConfig], splits: list[Split], initial: list[Initial | None]):
        self.configs, self.splits, kind = configs, splits, configs[0]
        self.kind, self.runs = kind, len(configs)
        self.dtype = np.dtype(kind.dtype)
        X, D = splits[0].X, splits[0].D
        self.samples, self.batch_size = len(X), kind.batch_size or len(X)
        self.layout = Layout((X.shape[1], *kind.hidden, D.shape[1]), kind.bias)
        self.parameters = start_parameters(configs, initial, self.layout, self.dtype)
        self.gradient, self.work, self.update = (self.layout.new(self.runs, self.dtype) for _ in range(3))
        self.optimizer, self.clip = OPTIMIZERS[kind.optimizer], CLIPS[kind.clip].apply
        self.states = [np.zeros_like(self.parameters.flat) for _ in range(self.optimizer.states)]
        self.rate, self.momentum = self._column("learning_rate"), self._column("momentum")
        self.full_rate, self.rate_factor = self.rate.copy(), 1.0
        self.threshold = self._column("clip_threshold")[:, 0]
        self.penalized, self.decays = bool(kind.l1 or kind.l2), bool(kind.weight_decay)
        on_weights = self.layout.is_weight.astype(self.dtype)
        if kind.l1:
            self.l1 = self._column("l1") * on_weights
        if kind.l2:
            self.two_l2 = 2 * self._column("l2") * on_weights
        if kind.weight_decay:
            self.decay = self.rate * self._column("weight_decay") * on_weights
        self.max_norm = None if kind.max_norm is None else self._column("max_norm")[:, 0]
        self.batch = self._batch(self.batch_size, dropout=kind.dropout > 0)
        self.droppers = [np.random.default_rng([config.seed, DROPOUT_STREAM]) for config in configs]
        self.holdout_batch = self._batch(len(splits[0].X_holdout)) if len(splits[0].X_holdout) else None
        self._place_data()
        self.alive = np.ones(self.runs, bool)
        self.diverged: list[tuple[int, Initial] | None] = [None] * self.runs

    def _column(self, field: str) -> np.ndarray:
        return np.array([[getattr(config, field)] for config in self.configs], self.dtype)

    def _batch(self, samples: int, *, dropout: bool = False) -> Batch:
        kind = self.kind
        return Batch(
            self.layout,
            ACTIVATIONS[kind.activation],
            kind.output_activation,
            LOSSES[kind.loss],
            NORMALIZATIONS[kind.normalization].axis,
            kind.residual,
            self.runs,
            samples,
            self.dtype,
            dropout=dropout,
        )

    # -- data ---------------------------------------------------------------------------------------------------

    def _place_data(self) -> None:
        """Full-batch data into the batch once; for mini-batches, one row a sample to gather from."""
        inputs = self.layout.widths[0]
        self.task = self.splits[0].task
        self.class_weights = [class_weights(self.kind.class_weight, self.task, split.D) for split in self.splits]
        if self.holdout_batch is not None:
            for run, split in enumerate(self.splits):
                self.holdout_batch.y[0][run] = split.X_holdout.T
                self.holdout_batch.targets[run] = split.D_holdout.T
            self.holdout_classes = self._classes(self.holdout_batch)
            self._weigh(self.holdout_batch)
        if self.batch_size == self.samples:
            for run, split in enumerate(self.splits):
                self.batch.y[0][run] = split.X.T
                self.batch.targets[run] = split.D.T
            self.classes, self.rows = self._classes(self.batch), None
            self._weigh(self.batch)
            return
        self.rows = np.concatenate([np.hstack([split.X, split.D]) for split in self.splits]).astype(self.dtype)
        self.gathered = np.empty((self.runs, self.batch_size, self.rows.shape[1]), self.dtype)
        self.gathered_X = self.gathered[:, :, :inputs].transpose(0, 2, 1)
        self.gathered_D = self.gathered[:, :, inputs:].transpose(0, 2, 1)
        self.shuffles = [np.random.default_rng([config.seed, BATCH_STREAM]) for config in self.configs]
        self.order = np.empty((self.runs, 0), np.intp)

    def _next_batch(self) -> None:
        """The next `batch_size` samples of each run's shuffle; what an epoch leaves over opens the next one."""
        if self.order.shape[1] < self.batch_size:
            fresh = np.array([rng.permutation(self.samples) for rng in self.shuffles])
            fresh += self.samples * np.arange(self.runs)[:, None]
            self.order = np.concatenate([self.order, fresh], axis=1)
        indices, self.order = self.order[:, : self.batch_size], self.order[:, self.batch_size :]
        np.take(np.asarray(self.rows), indices, axis=0, out=self.gathered, mode="clip")
        np.copyto(self.batch.y[0], self.gathered_X)
        np.copyto(self.batch.targets, self.gathered_D)
        self._weigh(self.batch)

    def _draw_masks(self) -> None:
        """New masks for all hidden layers of each run: a unit stays on a sample with probability 1 - dropout."""
        for run, (config, rng) in enumerate(zip(self.configs, self.droppers, strict=True)):
            for mask in self.batch.masks:
                np.greater_equal(rng.random(mask.shape[1:]), config.dropout, out=mask[run], casting="unsafe")
                mask[run] /= 1 - config.dropout

    def _weigh(self, batch: Batch) -> None:
        """Gives each sample the weight of its class."""
        own_weights = [weights for weights in self.class_weights if weights is not None]
        if own_weights:
            pairs = zip(own_weights, batch.targets, strict=True)
            batch.sample_weights = np.stack([sample_weights(own, D.T).T for own, D in pairs]).astype(self.dtype)

    def _classes(self, batch: Batch) -> Any:
        """The right classes as `measure_accuracy` takes them; None for a regression."""
        if self.task == "regression":
            return None
        if batch.targets.shape[1] == 1:
            return (batch.targets > 0.5).astype(self.dtype)
        return batch.targets.shape[1] - np.argmax(batch.targets, axis=1, keepdims=True)

    # -- the loop -----------------------------------------------------------------------------------------------

    def train(self, tick: Callable[[int], None] | None = None) -> list[Trace]:
        """Trains all steps; returns one Trace a run.

        Args:
            tick: called after every step with the run-steps made since the last call; what it raises ends the run.
        """
        config = self.kind
        self.steps = [*range(0, config.steps, config.record_every), config.steps]
        self._make_record()
        with np.errstate(all="ignore"):
            for step in range(config.steps + 1):
                row = step // config.record_every if step % config.record_every == 0 else None
                if step == config.steps:
                    row = len(self.steps) - 1
                self._pass(step, row)
                if step == config.steps or not self.alive.any():
                    break
                if config.is_scheduled:
                    self.rate_factor = float(config.rate_factors(np.asarray(step)))
                    np.multiply(self.full_rate, self.rate_factor, out=self.rate)
                self._update(step, row)
                if tick is not None:
                    tick(self.runs)
            return self._traces()

    def _make_record(self) -> None:
        rows, layers = len(self.steps), self.layout.layers
        self.plain = self.optimizer.states == 0 and not (self.decays or self.max_norm is not None)
        fields = ["grad_norm", "weight_norm", "delta_norm"]
        fields += ["total_grad_norm"] * self.penalized + ["clipped_grad_norm"] * (self.clip is not None)
        fields += ["step_norm"] * (not self.plain)
        self.fields = {name: index for index, name in enumerate(fields)}
        self.squares = np.ones((len(fields), self.runs, layers), self.dtype)
        self.norms = np.ones_like(self.squares)
        self.norm_record = np.full((len(fields), self.runs, rows, layers), np.nan)
        self.shares = np.zeros((2, self.runs, layers))
        self.share_record = np.full((2, self.runs, rows, layers), np.nan)
        self.row_record = {name: np.full((self.runs, rows), np.nan) for name in ROW_FIELDS}
        self.row_record["clip_scale"].fill(1)
        self.delta_blocks = self.batch.delta_blocks()
        self.global_square, self.weight_square = np.empty((2, self.runs), self.dtype)
        self.low, self.high = safe_squares(self.dtype)

    def _pass(self, step: int, row: int | None) -> None:
        """Forward and backward at the state after `step` updates, then penalties and clipping; recorded into `row`."""
        batch, gradient, parameters = self.batch, self.gradient, self.parameters
        if self.rows is not None:
            self._next_batch()
        if batch.masks:
            self._draw_masks()
        batch.forward(parameters)
        loss = batch.measure_loss()
        if row is not None:
            batch.count_saturated(self.shares[0], self.shares[1])
            self.share_record[:, :, row] = self.shares
            self._record_losses(row, loss)
        batch.backward(parameters, gradient)
        if row is not None:
            self._record_norms(
                row, grad_norm=gradient.blocks, weight_norm=parameters.blocks, delta_norm=self.delta_blocks
            )
        if self.penalized:
            loss = loss + self._add_penalties()
            if row is not None:
                self.row_record["total_loss"][:, row] = loss
                self._record_norms(row, total_grad_norm=gradient.blocks)
        np.vecdot(gradient.flat, gradient.flat, out=self.global_square)
        fresh = []
        np.vecdot(parameters.flat, parameters.flat, out=self.weight_square)
        if not math.isfinite(float(np.add.reduce(loss + self.global_square + self.weight_square))):
            fresh = self._find_diverged(step, loss)
        if row is not None:
            before = self._global_norm()
            self.row_record["global_grad_norm"][:, row] = before
        if self.clip is not None:
            self.clip(gradient, parameters, self.threshold, self.work)
            if row is not None:
                self._record_norms(row, clipped_grad_norm=gradient.blocks)
                np.vecdot(gradient.flat, gradient.flat, out=self.global_square)
                after = self._global_norm()
                self.row_record["clip_scale"][:, row] = np.where(before > 0, after / before, 1)
        if fresh:
            self.alive[fresh] = False
        if fresh and step < self.kind.steps:
            for array in (parameters.flat, gradient.flat, self.rate, self.full_rate, *self.states):
                array[fresh] = 0  # so that a run that ended neither spreads nor slows its neighbors

    def _record_losses(self, row: int, loss: np.ndarray) -> None:
        record = self.row_record
        record["loss"][:, row] = record["total_loss"][:, row] = loss
        multi = self.layout.widths[-1] > 1
        if self.task != "regression":
            classes = self.classes if self.rows is None else self._classes(self.batch)
            record["accuracy"][:, row] = self.batch.measure_accuracy(classes, multi)
        if self.holdout_batch is not None:
            self.holdout_batch.forward(self.parameters)
            record["holdout_loss"][:, row] = self.holdout_batch.measure_loss()
            if self.task != "regression":
                record["holdout_accuracy"][:, row] = self.holdout_batch.measure_accuracy(self.holdout_classes, multi)

    def _record_norms(self, row: int, **measured: list[tuple[slice, np.ndarray]]) -> None:
        """Norms by layer of neighboring fields into `row`, computed again where squares near the dtype's limits."""
        names = list(measured)
        part = slice(self.fields[names[0]], self.fields[names[-1]] + 1)
        squares, norms = self.squares[part], self.norms[part]
        for square, (name, blocks) in zip(squares, measured.items(), strict=True):
            if name == "delta_norm":
                np.copyto(square, self.batch.delta_squares, casting="same_kind")
                continue
            for layers, view in blocks:
                np.vecdot(view, view, out=square[:, layers])
        np.sqrt(squares, out=norms)
        if not (squares.min() >= self.low and squares.max() <= self.high):
            squares[:, ~self.alive] = 1
            for square, norm, blocks in zip(squares, norms, measured.values(), strict=True):
                for layers, view in blocks:
                    repair_norms(view, square[:, layers], norm[:, layers])
        self.norm_record[part, :, row] = norms

    def _global_norm(self) -> np.ndarray:
        """The norm over all parameters of the gradient as it stands, (R,), from `global_square`."""
        norm = np.sqrt(self.global_square)
        repair_norms(self.gradient.flat[:, None], self.global_square[:, None], norm[:, None])
        return norm

    def _add_penalties(self) -> np.ndarray:
        """Adds the penalties' gradient; returns the penalties, (R,)."""
        parameters, gradient, work = self.parameters.flat, self.gradient.flat, self.work.flat
        penalty = np.zeros(self.runs)
        if self.kind.l1:
            np.sign(parameters, out=work)
            work *= self.l1
            penalty += np.vecdot(work, parameters)
            gradient += work
        if self.kind.l2:
            np.multiply(parameters, self.two_l2, out=work)
            penalty += 0.5 * np.vecdot(work, parameters)
            gradient += work
        return penalty

    def _update(self, step: int, row: int | None) -> None:
        """One step of every run: optimizer with decoupled decay, then the max-norm projection."""
        if self.plain:
            descend(self.parameters.flat, self.gradient.flat, self.rate)
            return
        parameters, update, work = self.parameters, self.update, self.work
        self.optimizer.step(self.gradient.flat, self.states, self.rate, self.momentum, step + 1, update.flat, work.flat)
        if self.decays:
            np.multiply(parameters.flat, self.decay, out=work.flat)
            if self.kind.is_scheduled:
                work.flat *= self.rate_factor
            update.flat += work.flat
        if self.max_norm is None:
            parameters.flat -= update.flat
        else:
            np.copyto(work.flat, parameters.flat)
            parameters.flat -= update.flat
            project_max_norm(parameters, self.max_norm, update)
            np.subtract(work.flat, parameters.flat, out=update.flat)
        if row is not None:
            self._record_norms(row, step_norm=update.blocks)

    # -- ends ---------------------------------------------------------------------------------------------------

    def _find_diverged(self, step: int, loss: np.ndarray) -> list[int]:
        """The runs whose loss, gradient (both with penalties) or parameters are no longer finite.

        Squares alone may overflow; and infinite weights alone leave a saturated unit, and so the loss, finite.
        """
        fresh, arrays = [], (self.gradient.flat, self.parameters.flat)
        for run in np.flatnonzero(self.alive):
            if not (math.isfinite(loss[run]) and all(np.isfinite(array[run]).all() for array in arrays)):
                self.diverged[run] = step, self.parameters.run(run)
                fresh.append(run)
        return fresh

    def _traces(self) -> list[Trace]:
        layers = {name: self.norm_record[index] for name, index in self.fields.items()}
        layers.setdefault("total_grad_norm", layers["grad_norm"])
        layers.setdefault("clipped_grad_norm", layers["total_grad_norm"])
        if self.plain:
            rates = np.array([config.learning_rates(np.array(self.steps)) for config in self.configs])
            layers["step_norm"] = rates[:, :, None] * layers["clipped_grad_norm"]
            layers["step_norm"][:, -1] = np.nan
        layers["update_ratio"] = layers.pop("step_norm") / layers["weight_norm"]
        layers["saturation"], layers["dead"] = self.share_record
        return [self._trace(run, layers) for run in range(self.runs)]

    def _trace(self, run: int, layers: dict[str, np.ndarray]) -> Trace:
        records = layers | self.row_record
        alone = self.runs == 1
        # several runs copy their part: a view would hold the whole chunk
        kept = {id(array): array[run] if alone else array[run].copy() for array in records.values()}
        arrays = {name: kept[id(array)] for name, array in records.items()}
        at, weights = self.diverged[run] or (None, None)
        if at is not None:
            after = int(np.searchsorted(self.steps, at, side="right"))
            for array in kept.values():
                array[after:] = np.nan
            if after:  # the step out of a broken state was not made
                arrays["update_ratio"][after - 1 if self.steps[after - 1] == at else after :] = np.nan
        return Trace(
            config=self.configs[run],
            task=self.task,
            step=np.array(self.steps),
            diverged_at=at,
            weights=weights or self.parameters.run(run),
            **arrays,
        )
