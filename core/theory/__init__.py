"""Mean field theory of random networks: what gradients do at initialization, computed before any network is drawn."""

from core.theory.correlations import Correlation, correlation
from core.theory.fluctuations import log_variance
from core.theory.gaussian import Moments, moments
from core.theory.grams import gradient_norms
from core.theory.prediction import Prediction, predict
from core.theory.variance_map import CriticalPoint, FixedPoint, critical_points, fixed_points, length_map

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
