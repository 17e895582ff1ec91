"""Numbers as a reader wants them in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def format_number(x: float) -> str:
    """Three digits, and powers of ten where they are clearer."""
    if not np.isfinite(x):
        return "not finite"
    if x == 0:
        return "0"
    if 1e-3 <= abs(x) < 1e5:
        return f"{x:.3g}" if abs(x) < 999.5 else f"{x:,.0f}"
    mantissa, exponent = f"{x:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def format_setting(setting: float) -> str:
    """A setting in full, its power of ten without padding: 5e-05 -> 5e-5."""
    return f"{setting:g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def power_of_ten(decades: float) -> str:
    """10^decades, which may be beyond float64, as `format_number`."""
    if -300 < decades < 300:
        return format_number(10.0**decades)
    return f"1e{decades:.0f}" if np.isfinite(decades) else "0"


def name_field(field: str) -> str:
    """A field's name in a sentence: "init scale", "L2"."""
    return field.upper() if field in ("l1", "l2") else field.replace("_", " ")


def count_noun(count: int, noun: str) -> str:
    """A count with its noun, singular at 1: "1 step", "2,000 steps"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def percent(share: float) -> str:
    """A share in per cent; two digits below 10 %."""
    return f"{100 * share:,.0f} %" if share >= 0.0995 else f"{format_number(float(f'{100 * share:.2g}'))} %"


def part_of(ratio: float) -> str:
    """A ratio before what it is taken of: "52 % of", and from ten on "12.3 times"."""
    return f"{percent(ratio)} of" if ratio < 10 else f"{format_number(ratio)} times"


def join_words(words: Sequence[str], last: str = "and") -> str:
    """["a", "b", "c"] -> a, b and c; another word before the last one where given."""
    return f" {last} ".join([", ".join(words[:-1])] * (len(words) > 1) + list(words[-1:]))


def name_layers(numbers: np.ndarray) -> str:
    """[3] -> layer 3; [1, 2, 3] -> layers 1 to 3; [2, 5] -> layers 2 and 5; more than eight apart: their count."""
    if len(numbers) == 1:
        return f"layer {numbers[0]}"
    if len(numbers) == 2:
        return f"layers {numbers[0]} and {numbers[1]}"
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"layers {numbers[0]} to {numbers[-1]}"
    if len(numbers) > 8:
        return f"{len(numbers)} layers"
    return f"layers {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
