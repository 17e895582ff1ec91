"""What the profile and the heatmap can show of every layer, and what a color is measured against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core import Trace

Rows = slice | np.ndarray


@dataclass(frozen=True)
class Quantity:
    """One norm of every layer.

    Attributes:
        label, axis: for a select box, and for an axis.
        field: the Trace field it is made from.
        scale: trace -> what that field is divided by, one number or one a layer.
        variants: fields that add penalties and clipping to it, with their names.
    """

    label: str
    axis: str
    field: str
    scale: Callable[[Trace], np.ndarray | float]
    variants: tuple[tuple[str, str], ...]

    def values(self, trace: Trace, field: str | None = None, rows: Rows = slice(None)) -> np.ndarray:
        """(rows, layers) of the quantity, or of one of its variants, for all rows or some."""
        return getattr(trace, field or self.field)[rows] / self.scale(trace)


def _root_weights(trace: Trace) -> np.ndarray:
    return np.sqrt([W.size for W, _ in trace.weights])


_PENALIZED = (("total_grad_norm", "with penalties"), ("clipped_grad_norm", "after clipping"))

QUANTITIES: dict[str, Quantity] = {
    "grad_norm": Quantity("gradient norm", "gradient norm ‖∂E/∂W‖", "grad_norm", lambda trace: 1.0, _PENALIZED),
    "delta_norm": Quantity("delta norm", "delta norm ‖∂E/∂net‖", "delta_norm", lambda trace: 1.0, ()),
    "rms": Quantity("RMS per weight", "gradient per weight (RMS)", "grad_norm", _root_weights, _PENALIZED),
}


def reference(norms: np.ndarray) -> float:
    """What a layer's color is measured against: the output layer's norm in row 0 of the same run.

    Where that is zero or not finite, the largest norm of row 0, or else of the run; 1 when nothing is positive.

    Args:
        norms: (rows, layers).
    """
    for candidates in (norms[:1, -1], norms[:1], norms):
        good = candidates[np.isfinite(candidates) & (candidates > 0)]
        if good.size:
            return float(good.max())
    return 1.0
