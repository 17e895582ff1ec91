"""The verdicts there are, and the records of a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..choices import SeverityName
from .suggestions import Suggestion

# Every verdict: a title, and what it means. Where several findings are equally severe, the first here is the verdict:
# causes in the data and the network stand before what they do to the gradient.
VERDICTS: dict[str, tuple[str, str]] = {
    "unreachable_targets": (
        "The targets are out of reach",
        "the output activation cannot take their values, so the loss cannot fall far",
    ),
    "unscaled_data": ("The data are not scaled", "inputs or targets are so large that training breaks or stops"),
    "degenerate_normalization": (
        "Normalization removes the signal",
        "over one sample or unit normalizing leaves 0, over two only −1 and 1, for any values",
    ),
    "identical_units": ("Units are copies of each other", "equal weights get equal gradients and stay equal"),
    "dead_output": ("The output is dead", "the output activation is flat on every sample, so no gradient starts"),
    "diverged": ("The run diverged", "a loss or gradient left the range of its dtype, and the run ended there"),
    "underflow": ("The gradient underflows", "it is smaller than its dtype can hold, and rounded to zero"),
    "exploding": ("The gradient explodes", "it grows tenfold or more from the last hidden layer to the first"),
    "vanishing": ("The gradient vanishes", "it falls to a hundredth or less from the last hidden layer to the first"),
    "dead": ("Dead units", "units silent on every sample get no gradient; whole layers of them stop it"),
    "saturated": ("Units saturate", "half of the activations or more lie where the activation is flat"),
    "large_steps": ("Steps are too large", "so long against the weights that the loss does not settle"),
    "penalty": ("The penalty outweighs the data", "it pulls harder than the data loss, and the loss stays high"),
    "clipping": ("Clipping sets the pace", "most steps are clipped, and the loss stays high"),
    "stuck": ("Training is stuck", "the loss stopped falling, in a poor minimum or on a plateau"),
    "small_steps": ("Too little training", "steps are so short, or so few, that little was learned"),
    "healthy": ("Gradients flow through every layer", "the gradient arrives, and the loss falls"),
}
SEVERITIES = ("bad", "warning", "good", "note")  # a note did no harm: it stands after the verdict


class Metric(NamedTuple):
    """One number on top of the page: its label, its text, and what it says."""

    label: str
    value: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that happened.

    Attributes:
        name: a key of VERDICTS, or of RECORDING_VERDICTS for a recording.
        severity: a member of SEVERITIES.
        what: a sentence or two, with the numbers.
        why: the mechanism, in a sentence or two.
        suggestions: what to try; none for a note or where all is well.
        step: the recorded step that it judges; 0 for initialization and where it judges the whole run.
    """

    name: str
    severity: SeverityName
    what: str
    why: str
    suggestions: tuple[Suggestion, ...] = ()
    step: int = 0


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Verdict on a run, its sentence and its findings.

    Attributes:
        verdict: a key of VERDICTS, or of RECORDING_VERDICTS for a recording: the name of the first finding.
        sentence: the verdict in words, with its numbers.
        numbers: the three numbers on top of the page.
        findings: all of them, the gravest first; at least one.
        trial: how the suggestions were tried, one sentence; empty until `try_suggestions` has trained them.
    """

    verdict: str
    sentence: str
    numbers: tuple[Metric, Metric, Metric]
    findings: tuple[Finding, ...]
    trial: str = ""

    @property
    def step(self) -> int:
        """The recorded step that the verdict judges; 0 for initialization and where it judges the whole run."""
        return self.findings[0].step


def without_consequences(findings: list[Finding], consequences: Mapping[str, tuple[str, ...]]) -> list[Finding]:
    """The findings without those that a bad one among them entails."""
    entailed = {name for one in findings if one.severity == "bad" for name in consequences.get(one.name, ())}
    return [one for one in findings if one.name not in entailed]
