"""The names under which loggers write gradient norms, and what they mean.

Lightning writes grad_2.0_norm/net.0.weight, Weights & Biases gradients/net.0.weight (with the run's name before it and
__MIN and __MAX beside it in an export), and hand-written loops grad_norm/0, gradient_norm.encoder.1 or
net.0.weight/grad.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Key(NamedTuple):
    """Meaning of a logged name: a field of a recording, and its tensor (None for the whole model)."""

    field: str
    parameter: str | None


_GRAD = r"grad(?:ient)?s?"
_NORM = r"(?:l2[_ -]?)?norms?"
_MARK = r"[_./ -]"
# A name that begins or ends with a word for a norm; what is left names the tensor.
_FIELDS = {
    "clipped_grad_norm": rf"clipped{_MARK}?{_GRAD}(?:{_MARK}{_NORM})?"
    rf"|{_GRAD}(?:{_MARK}{_NORM})?{_MARK}(?:after[_ -]clip\w*|clipped)",
    "grad_norm": rf"{_GRAD}(?:_[\d.]+|_inf)?(?:{_MARK}{_NORM})?(?:{_MARK}l2)?|{_NORM}{_MARK}{_GRAD}",
    "weight_norm": rf"(?:weight|param(?:eter)?)s?{_MARK}{_NORM}",
    "update_norm": rf"update{_MARK}{_NORM}",
}
_TRAIN = r"(?:train(?:ing)?[_/. ]?)?"
_ROWS = {
    "loss": rf"{_TRAIN}(?:(?:batch|epoch|step)[_/. ]?)?loss(?:[_/. ]?(?:train(?:ing)?|step|epoch))?",
    "learning_rate": rf"{_TRAIN}(?:lr|learning[_ ]rate)(?:[-_/. ].*)?",
    "loss_scale": r"(?:loss[_ ]|grad[_ ])?scale",
}
_TOTAL = re.compile(r"(?:total|global|all|overall|model)?$", re.IGNORECASE)
_BOUND = re.compile(r"__(?:MIN|MAX)$")
# Places where a logger puts a gradient's name without meaning its norm.
_OTHER = re.compile(
    r"(?:hist|histogram|mean|std|var|max|min|sparsity|cosine|angle|clip\w*|accum\w*|steps?|time|noise)(?:[_./ -]|$)",
    re.IGNORECASE,
)


def strip_run(name: str) -> str:
    """A column of a Weights & Biases export without the run's name before it."""
    return name.rpartition(" - ")[2] if " - " in name else name


def run_of(name: str) -> str:
    """The run's name before a column of a Weights & Biases export; empty without one."""
    return name.rpartition(" - ")[0]


def is_bound(name: str) -> bool:
    """True if a column holds the __MIN or __MAX of a group of runs, which say nothing about one."""
    return bool(_BOUND.search(name))


def parse_key(name: str) -> Key | None:
    """Meaning of a logged name; None where it is none of a recording's fields."""
    name = strip_run(name.strip())
    name = re.sub(r"^(?:(?:metrics?|logs?|scalars?)[/.])+", "", name, flags=re.IGNORECASE)
    for field, pattern in _ROWS.items():
        if re.fullmatch(pattern, name, re.IGNORECASE):
            return Key(field, None)
    for field, pattern in _FIELDS.items():
        head = re.match(rf"(?:train(?:ing)?[/_. ])?(?:debug[/_. ])?(?:{pattern})(?=[/_. :-]|$)", name, re.IGNORECASE)
        if head:
            remainder = name[head.end() :].lstrip("/_. :-")
            remainder = re.sub(r"^(?:norms?|l2)[/_. :-]+", "", remainder, flags=re.IGNORECASE)
            if _OTHER.match(remainder):
                return None
            return _key(field, remainder)
        tail = re.search(rf"[/_. :-](?:{pattern})$", name, re.IGNORECASE)
        if tail:
            return _key(field, name[: tail.start()])
    return None


def _key(field: str, parameter: str) -> Key | None:
    parameter = re.sub(r"[_/. -](?:step|epoch)$", "", parameter)
    parameter = re.sub(rf"(weight|bias){_MARK}{_NORM}$", r"\1", parameter, flags=re.IGNORECASE)
    if _TOTAL.fullmatch(parameter) or re.fullmatch(r"norm(_total)?", parameter, re.IGNORECASE):
        return Key("global_grad_norm", None) if field == "grad_norm" else None
    return Key(field, parameter)
