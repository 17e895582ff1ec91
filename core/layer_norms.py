"""The norms of a layer that are compared across layers, and what a norm is measured against."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .trace import Trace

MAX_DECADES = 6  # powers of ten on either side of level beyond which a gradient counts as vanished or exploded
SPANS = (1, 2, 3, MAX_DECADES)  # decades on either side of level that a color scale may have

Rows = slice | np.ndarray


@dataclass(frozen=True, kw_only=True)
class LayerNorm:
    """One norm of every layer.

    Attributes:
        label: its name in a sentence or a menu.
        symbol: its formula.
        field: the Trace field it is made from.
        per_weight: whether that field is divided by the root of the layer's number of weights.
        variants: (Trace field, name) of the same norm with penalties and after clipping.
    """

    label: str
    symbol: str
    field: str
    per_weight: bool = False
    variants: tuple[tuple[str, str], ...] = ()

    def values(self, trace: Trace, field: str | None = None, rows: Rows = slice(None)) -> np.ndarray:
        """(rows, layers) of the norm, or of the variant `field`, for all rows or some."""
        norms = getattr(trace, field or self.field)[rows]
        return norms / np.sqrt([W.size for W, *_ in trace.weights]) if self.per_weight else norms


_VARIANTS = (("total_grad_norm", "with penalties"), ("clipped_grad_norm", "after clipping"))

# The first is the one that verdicts judge.
LAYER_NORMS: dict[str, LayerNorm] = {
    "delta_norm": LayerNorm(label="delta", symbol="‖δ‖ = ‖∂E/∂net‖", field="delta_norm"),
    "grad_norm": LayerNorm(label="weight gradient", symbol="‖∂E/∂W‖", field="grad_norm", variants=_VARIANTS),
    "rms": LayerNorm(
        label="gradient per weight",
        symbol="RMS of ∂E/∂w",
        field="grad_norm",
        per_weight=True,
        variants=_VARIANTS,
    ),
}
JUDGED = "delta_norm"

WHY_NORMS_DIFFER = (
    "The gradient of a weight is the activation that enters it times the δ behind it. δ is passed back from layer to "
    "layer, while activations are passed forward: where activations shrink forward as fast as δ shrinks backward, "
    "∂E/∂W is level although δ vanishes. Verdicts judge δ."
)


def reference_norm(norms: np.ndarray) -> float:
    """The norm that others are measured against: that of the output layer in row 0 of the same run.

    Where that is zero or not finite, the largest norm of row 0, or else of the run; 1 when nothing is positive.

    Args:
        norms: (rows, layers).
    """
    for candidates in (norms[:1, -1], norms[:1], norms):
        good = candidates[np.isfinite(candidates) & (candidates > 0)]
        if good.size:
            return float(good.max())
    return 1.0


def decades(norms: np.ndarray, reference: float) -> np.ndarray:
    """log10(norm / reference), clamped to MAX_DECADES; -MAX_DECADES for a zero, NaN where there is no norm."""
    with np.errstate(all="ignore"):
        return np.clip(np.log10(norms) - math.log10(reference), -MAX_DECADES, MAX_DECADES)


def fitting_span(*values: np.ndarray) -> int:
    """The smallest of SPANS that holds all finite decades, so that a color scale shows differences of this run."""
    finite = [np.abs(part[np.isfinite(part)]) for part in values]
    largest = max((float(part.max()) for part in finite if part.size), default=0.0)
    return next((span for span in SPANS if largest <= span), MAX_DECADES)


def relative_to_output(norms: np.ndarray) -> np.ndarray:
    """(rows, layers): each row divided by its own output layer's norm; NaN in a row whose output has none."""
    output = norms[:, -1:]
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(output) & (output > 0), norms / output, np.nan)
