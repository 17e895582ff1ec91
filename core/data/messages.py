"""Short texts for messages about a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError


def table_error(name: str, reason: str) -> ConfigError:
    """Returns the error that refuses a table; `reason` continues "... is not allowed: "."""
    return ConfigError("data", name or "this table", reason)


def shorten(text: str) -> str:
    """Returns the text in quotation marks, cut to 40 characters."""
    return repr(text if len(text) <= 40 else text[:39] + "…")


def join_first(items: Sequence[Any], limit: int = 10) -> str:
    """Returns "1, 2, 3"; of more than `limit` items the first ones and the number of the others."""
    more = f" and {len(items) - limit:,} more" if len(items) > limit else ""
    return ", ".join(str(item) for item in items[:limit]) + more


def count(number: int, noun: str) -> str:
    """Returns "1 row", "2 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
