"""The tensors of a recording that a visitor wants to see, and their order."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import numpy as np

from .recording import Recording, natural_key

# By name: the label of a group of tensors, and their kinds.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "weights": ("Weights", ("weight",)),
    "biases": ("Biases", ("bias",)),
    "norms": ("Norms", ("norm",)),
    "embeddings": ("Embeddings", ("embedding",)),
    "all": ("All", ("weight", "bias", "norm", "embedding", "other")),
}
ORDERS: dict[str, str] = {
    "model": "As in the model",
    "reversed": "From the output to the input",
    "names": "By the numbers in their names",
    "pattern": "As the words of the pattern follow each other",
}


MAX_PATTERN = 200  # characters that count


def select_tensors(
    recording: Recording, group: str = "weights", *, pattern: str = "", order: str = "model"
) -> np.ndarray:
    """Indices of tensors with a recorded gradient, in the order asked for.

    Args:
        recording: the run.
        group: a key of GROUPS.
        pattern: words, separated by blanks or commas, one of which a name must contain; * stands for anything, and a
            word after a minus must not be contained. Upper and lower case are equal.
        order: a key of ORDERS.
    """
    recorded = np.any(~np.isnan(recording.values["grad_norm"]) | recording.not_finite, axis=0)
    parts = [part for part in re.split(r"[,\s]+", pattern[:MAX_PATTERN].lower()) if part.strip("-")]
    chosen = [
        int(i)
        for i in recording.of_kind(*GROUPS[group][1])
        if recorded[i] and _matches(recording.parameters[i].name.lower(), parts)
    ]
    if order == "names":
        chosen.sort(key=lambda i: natural_key(recording.parameters[i].name))
    if order == "pattern":
        wanted = [part for part in parts if not part.startswith("-")]
        names = {i: recording.parameters[i].name.lower() for i in chosen}
        chosen.sort(key=lambda i: next((k for k, part in enumerate(wanted) if _contains(names[i], part)), 0))
    return np.array(chosen[::-1] if order == "reversed" else chosen, dtype=int)


def count_groups(recording: Recording) -> dict[str, int]:
    """The number of tensors with a recorded gradient in each group."""
    return {group: len(select_tensors(recording, group)) for group in GROUPS}


def _matches(name: str, parts: list[str]) -> bool:
    wanted = [part for part in parts if not part.startswith("-")]
    unwanted = [part[1:] for part in parts if part.startswith("-")]
    return (not wanted or any(_contains(name, part) for part in wanted)) and not any(
        _contains(name, part) for part in unwanted
    )


def _contains(name: str, part: str) -> bool:
    return fnmatchcase(name, f"*{part.replace('[', '[[]')}*")
