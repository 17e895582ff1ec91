"""Gradient Flow Lab as a package: the numerics of deep networks' gradients, without the dashboard's server.

In a checkout the same code is imported as `core`; the wheel holds it as `gradient_flow_lab.core`.
"""

from core import (
    ConfigError,
    Diagnosis,
    Finding,
    RunConfig,
    Snapshot,
    Trace,
    __version__,
    diagnose,
    snapshot,
    train,
    try_suggestions,
)
from core.comparison.arms import Arm, Comparison
from core.engine.training import evaluate
from core.export import to_pytorch
from core.sweep import sweep
from core.theory import Prediction, predict

__all__ = [
    "Arm",
    "Comparison",
    "ConfigError",
    "Diagnosis",
    "Finding",
    "Prediction",
    "RunConfig",
    "Snapshot",
    "Trace",
    "__version__",
    "diagnose",
    "evaluate",
    "predict",
    "snapshot",
    "sweep",
    "to_pytorch",
    "train",
    "try_suggestions",
]
