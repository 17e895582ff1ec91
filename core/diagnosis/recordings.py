"""A recording of somebody's own run -> what happened in it, why, and a line of code to try."""

from __future__ import annotations

import numpy as np

from ..recordings import Recording, read_recording
from ..recordings.reading import MAX_BYTES
from ..wording import format_number
from .findings import SEVERITIES, Diagnosis, Finding, Metric, without_consequences
from .recording_rules import RULES
from .recording_statistics import profile

# Titles of the findings on a recorded run.
RECORDING_VERDICTS: dict[str, str] = {
    "diverged": "The run diverged",
    "underflow": "The gradient underflows",
    "dead": "Dead units",
    "exploding": "The gradient explodes",
    "vanishing": "The gradient vanishes",
    "no_steps": "No parameter moves",
    "never_moves": "Parameters that never move",
    "rounded_away": "Updates are lost in rounding",
    "no_gradient": "Parameters without a gradient",
    "spike": "The loss spikes",
    "gradient_spike": "The gradient spikes",
    "stuck": "Training is stuck",
    "clipping": "Clipping sets the pace",
    "large_steps": "Steps are too large",
    "small_steps": "Steps are too small",
    "nonfinite": "Steps that the loss scale skipped",
    "frozen": "Frozen parameters",
    "healthy": "Gradients flow through every layer",
}


def diagnose_recording(recording: Recording) -> Diagnosis:
    """The verdict on a recorded run: the gravest finding, with all others behind it."""
    findings = [finding for rule in RULES if (finding := rule(recording)) is not None]
    findings = without_consequences(findings, _CONSEQUENCES)
    if all(finding.severity == "note" for finding in findings):
        findings.append(_healthy(recording))
    findings.sort(
        key=lambda finding: (SEVERITIES.index(finding.severity), list(RECORDING_VERDICTS).index(finding.name))
    )
    return Diagnosis(
        verdict=findings[0].name,
        sentence=findings[0].what,
        numbers=_numbers(recording, findings[0].step),
        findings=tuple(findings),
    )


def read_and_diagnose(raw: bytes, name: str, max_bytes: int = MAX_BYTES) -> tuple[Recording, Diagnosis]:
    """A file's recording and the verdict on it, in one call for another process.

    Raises:
        ConfigError: as `read_recording`.
    """
    recording = read_recording(raw, name, max_bytes=max_bytes)
    return recording, diagnose_recording(recording)


# A finding that is bad -> what it entails, and is not said beside it.
_CONSEQUENCES = {
    "dead": ("small_steps", "stuck", "vanishing", "rounded_away"),
    "vanishing": ("small_steps", "stuck"),
    "underflow": ("small_steps", "stuck"),
    "rounded_away": ("small_steps", "stuck"),
    "no_steps": ("small_steps", "stuck", "never_moves", "rounded_away"),
    "exploding": ("gradient_spike",),
    "diverged": ("stuck", "gradient_spike", "spike"),
}


def describe_missing(recording: Recording) -> str:
    """One sentence on what the file lacks and how a recording would hold it; empty where nothing is missing."""
    missing = []
    if "weight_norm" not in recording.values or "update_norm" not in recording.values:
        missing.append("weights and updates (update ratio)")
    if "clipped_grad_norm" not in recording.values:
        missing.append("the norms after clipping (run.clipped())")
    if not len(recording.of_kind("activation")) and "saturation" not in recording.values:
        missing.append("activations (saturated and dead units: record(..., activations=True))")
    elif not np.isfinite(recording.values.get("dead", np.array([np.nan]))).any():
        missing.append("dead units, which are measured behind ReLU, sigmoid and tanh")
    return f"Not in this file, and so not judged: {'; '.join(missing)}." if missing else ""


def _numbers(recording: Recording, step: int) -> tuple[Metric, Metric, Metric]:
    """The numbers on top, of the step that the verdict judges and the picture shows."""
    row = max(int(np.searchsorted(recording.step, step, side="right")) - 1, 0)
    slope = profile(recording)
    if slope is None or slope.row != row:
        slope = profile(recording, row)
    norms = recording.values["grad_norm"][row, recording.of_kind("weight")]
    without = "no gradient" if (norms == 0).any() else "too few layers"
    is_first_lost = bool((norms[:1] == 0).any())
    at, when = (f", step {step:,}", f"at step {step:,}") if step else ("", "at the first recorded step")
    loss = recording.rows.get("loss")
    known = np.array([]) if loss is None else loss[np.isfinite(loss)]
    fell = f"{format_number(known[0])} → {format_number(known[-1])}" if len(known) else "not recorded"
    return (
        Metric(
            f"Factor per layer{at}",
            without if slope is None else format_number(slope.factor),
            f"What a weight tensor multiplies the gradient by on its way back, {when}, fitted over tensors of one "
            "role. At 1 the gradient is level, below it vanishes, above it explodes.",
        ),
        Metric(
            f"First layer / last{at}",
            "no gradient" if is_first_lost else without if slope is None else format_number(slope.ratio),
            f"The gradient norm of the first weight tensor divided by that of the last of the same role, {when}.",
        ),
        Metric("Loss", fell, "The first and the last recorded loss."),
    )


def _healthy(recording: Recording) -> Finding:
    slope = profile(recording)
    detail = "" if slope is None else f" Each layer multiplies it by about {format_number(slope.factor)}."
    return Finding(
        name="healthy",
        severity="good",
        what=f"The gradient reaches every recorded layer.{detail}",
        why="No rule found a problem in what was recorded.",
        step=0 if slope is None else int(recording.step[slope.row]),
    )
