"""Runs that could embarrass a chart: long, deep, broken, vanished, with holes."""

import dataclasses
from functools import cache

import numpy as np

from core import RunConfig, train
from core.trace import LAYER_FIELDS, ROW_FIELDS

BLOBS = {"dataset": "blobs", "activation": "relu", "loss": "cross_entropy", "output_activation": "softmax"}
EXPLODING = RunConfig(**BLOBS, hidden=(32,) * 20, init_scale=1.8, batch_size=64, learning_rate=0.05, steps=30)
CONFIGS = {
    "default": RunConfig(),
    "one row": RunConfig(steps=0),
    "one layer": RunConfig(hidden=(), steps=20),
    "500 layers": RunConfig(hidden=(2,) * 499, activation="tanh", steps=150, samples=4),
    "diverged": EXPLODING,
    "diverged at step 0": RunConfig(activation="linear", init_scale=1e200, steps=5),
    "diverged between rows": EXPLODING.replace(record_every=2),
    "clipped": EXPLODING.replace(clip="global_norm"),
    "penalized and clipped": RunConfig(
        activation="tanh", l1=1e-3, l2=1e-2, clip="value", clip_threshold=0.01, holdout=0.25, steps=20
    ),
    "float32 underflow": RunConfig(hidden=(16,) * 40, init_scale=0.1, dtype="float32", steps=20),
    "all zero": RunConfig(activation="tanh", init_scale=0.0, steps=20),
    "regression": RunConfig(dataset="sine", activation="tanh", hidden=(16, 16), steps=20),
    "uneven rows": RunConfig(hidden=(8, 8), steps=20, record_every=7),
}


def changed(trace, **fields):
    """A copy of a trace with some arrays replaced, given as functions of a fresh copy of the old ones."""
    return dataclasses.replace(trace, **{name: edit(getattr(trace, name).copy()) for name, edit in fields.items()})


def _million_steps():
    """20,001 rows of a run over 1,000,000 steps, each a copy of a row of the default run, with two odd values."""
    base = run("default")
    rows = np.arange(20_001) % len(base.step)
    arrays = {name: getattr(base, name)[rows] for name in (*LAYER_FIELDS, *ROW_FIELDS)}
    arrays["loss"][7_777], arrays["loss"][13_131] = 99.0, 1e-9
    return dataclasses.replace(base, step=np.arange(20_001) * 50, **arrays)


def _not_a_number_in_a_layer():
    def edit(norms):
        norms[3, 1] = np.nan
        return norms

    return changed(run("uneven rows"), grad_norm=edit, delta_norm=edit, update_ratio=edit)


def _infinite():
    def edit(norms):
        norms[2:, 0] = np.inf
        norms[1, 1] = 1e308
        return norms

    return changed(run("uneven rows"), grad_norm=edit, delta_norm=edit, weight_norm=edit)


MADE = {"a million steps": _million_steps, "NaN in a layer": _not_a_number_in_a_layer, "infinite norm": _infinite}
RUNS = [*CONFIGS, *MADE]


@cache
def run(name):
    return train([CONFIGS[name]])[0] if name in CONFIGS else MADE[name]()
