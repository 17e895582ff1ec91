"""Compiles everything for this machine, before anybody waits for it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import numpy as np

from .cache import READY_MARK, code_folder, is_ready

_preparing = threading.Lock()
_prepared = False


def is_prepared() -> bool:
    """Return whether nothing is left to compile for this machine."""
    return _prepared or is_ready()


def prepare(report: Callable[[str], object] | None = None) -> None:
    """Compiles what this machine has no code for yet; does nothing the next time, in this process or another one.

    Where no folder can be written the code is kept in a temporary one, which ends with this process.

    Args:
        report: called with a sentence on what takes so long; by default a line of the standard error.
    """
    global _prepared
    if is_prepared():
        _prepared = True
        return
    # before the lock: who waits while another one's call compiles reads it too
    (report or _write)("Compiling the engine for this processor: only once, one to three minutes.")
    with _preparing:
        if is_prepared():
            return
        start = time.monotonic()
        _call_everything()
        _prepared = True
        try:
            (code_folder() / READY_MARK).touch()
        except OSError:
            (report or _write)("No folder for compiled code can be written here: each process compiles for itself.")
        (report or _write)(f"The engine is compiled: {time.monotonic() - start:.0f} s.")


def _call_everything() -> None:
    """Calls every compiled function with the types it is used with."""
    from ..config import RunConfig
    from ..engine.training import snapshot, train
    from ..families.activations import ACTIVATIONS
    from ..theory.prediction import predict

    for scale in (1.0, 1e13):  # networks drawn in float32, and in float64
        predict(RunConfig(hidden=(2,), samples=2, init="orthogonal", init_scale=scale))
    for dtype in ("float64", "float32"):
        config = RunConfig(hidden=(2,), samples=2, steps=1, output_activation="sigmoid", dtype=dtype)
        train([config])
        snapshot(config)
        ACTIVATIONS["tanh"](np.zeros(1, dtype))


def _write(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()
