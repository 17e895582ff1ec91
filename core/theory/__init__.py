"""Mean field theory of random networks: what gradients do at initialization, computed before any network is drawn."""

from .correlations import Correlation, correlation
from .fluctuations import log_variance
from .gaussian import Moments, moments
from .grams import gradient_norms
from .prediction import Prediction, predict
from .variance_map import CriticalPoint, FixedPoint, critical_points, fixed_points, length_map

__all__ = [
    "Correlation",
    "CriticalPoint",
    "FixedPoint",
    "Moments",
    "Prediction",
    "correlation",
    "critical_points",
    "fixed_points",
    "gradient_norms",
    "length_map",
    "log_variance",
    "moments",
    "predict",
]
