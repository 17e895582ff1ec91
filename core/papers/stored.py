"""Results kept in the project, so that the page shows numbers at once; `python -m core.papers` writes them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from .. import __version__
from .entry import Paper
from .report import Result

FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Stored:
    """A result and where it is from.

    Attributes:
        result: as the experiment returned it, rounded to six digits.
        version: of this project.
        made: the day, as 2026-01-31.
        fingerprint: of the experiment that made it.
    """

    result: Result
    version: str
    made: str
    fingerprint: str


def fingerprint(paper: Paper) -> str:
    """Twelve hexadecimal digits of the experiment's source, its settings among it."""
    source = Path(sys.modules[paper.run.__module__].__file__).read_text(encoding="utf-8")
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def read(path: Path = FILE) -> dict[str, Stored]:
    """The stored results by the paper's name; none where there is no such file."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Stored(Result.from_dict(entry["result"]), entry["version"], entry["made"], entry["fingerprint"])
        for name, entry in kept.items()
    }


def write(found: Mapping[str, Result], papers: Iterable[Paper], path: Path = FILE) -> None:
    """Puts these results into the file beside those it holds of other papers."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for paper in papers:
        if paper.name in found:
            kept[paper.name] = {
                "version": __version__,
                "made": date.today().isoformat(),
                "fingerprint": fingerprint(paper),
                "result": found[paper.name].to_dict(),
            }
    path.write_text(json.dumps(kept, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n", "utf-8")
