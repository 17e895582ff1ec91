"""The numerics of Gradient Flow Lab: networks, their gradients, and what happened to them."""

from .config import ConfigError, RunConfig
from .diagnosis.rules import Diagnosis, Finding, diagnose
from .diagnosis.trials import try_suggestions
from .engine.training import snapshot, train
from .trace import Snapshot, Trace

__version__ = "0.2.0"

__all__ = [
    "ConfigError",
    "Diagnosis",
    "Finding",
    "RunConfig",
    "Snapshot",
    "Trace",
    "diagnose",
    "snapshot",
    "train",
    "try_suggestions",
]
