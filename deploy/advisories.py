"""Compares locked packages with a file of advisories, where no advisory service can be reached.

    python deploy/advisories.py ADVISORIES [LOCK]

ADVISORIES is a JSON file of one advisory or a list of them in the Open Source Vulnerability format; LOCK is
requirements.lock by default. Ends with 1 and a line for each match, or with 2 where a file cannot be read.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

LOCK = Path(__file__).parent.parent / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True)
class Match:
    """One locked version that an advisory names."""

    package: str
    version: str
    advisory: str
    summary: str


def read_lock(text: str) -> list[tuple[str, str]]:
    """Return (name, version) of every pin, the name in its canonical form.

    Raises:
        ValueError: nothing is pinned.
    """
    pins = [(canonicalize_name(name), version) for name, version in _PIN.findall(text)]
    if not pins:
        raise ValueError("the lock file pins no package")
    return pins


def read_advisories(text: str) -> list[dict]:
    """Return the advisories of a JSON text.

    Raises:
        ValueError: it is no JSON, or an entry has no "id" or no list "affected".
    """
    found = json.loads(text)
    advisories = found if isinstance(found, list) else [found]
    for number, one in enumerate(advisories, 1):
        if not (isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("affected"), list)):
            raise ValueError(f'entry {number} is no advisory: each has an "id" and a list "affected"')
    return advisories


def find_matches(pins: list[tuple[str, str]], advisories: list[dict]) -> Iterator[Match]:
    """Yield every pin that an advisory names, by its versions or its ranges; one that was withdrawn counts no more."""
    for advisory in advisories:
        if advisory.get("withdrawn"):
            continue
        for affected in advisory["affected"]:
            package = affected.get("package", {})
            if package.get("ecosystem") != "PyPI":
                continue
            for name, version in pins:
                if name == canonicalize_name(package.get("name", "")) and _is_affected(version, affected):
                    yield Match(name, version, advisory["id"], advisory.get("summary", ""))


def _is_affected(version: str, affected: dict) -> bool:
    if any(_same(version, other) for other in affected.get("versions", ())):
        return True
    ranges = [one for one in affected.get("ranges", ()) if one.get("type") == "ECOSYSTEM"]
    return any(_is_in_range(Version(version), one.get("events", ())) for one in ranges)


def _same(version: str, other: str) -> bool:
    try:
        return Version(version) == Version(other)
    except InvalidVersion:
        return version == other


def _is_in_range(version: Version, events: list[dict]) -> bool:
    """Return whether a version lies after the last "introduced" that is not followed by its end."""
    inside = False
    for event in sorted(events, key=_event_version):
        ((kind, text),) = event.items()
        bound = Version("0.dev0") if text == "0" else Version(text)
        if kind == "introduced" and version >= bound:
            inside = True
        elif (kind == "fixed" and version >= bound) or (kind == "last_affected" and version > bound):
            inside = False
    return inside


def _event_version(event: dict) -> tuple[Version, bool]:
    ((kind, text),) = event.items()
    return Version("0.dev0" if text == "0" else text), kind != "introduced"


def main(arguments: list[str]) -> int:
    """Print every match; return the code with which the program ends."""
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        advisories = read_advisories(Path(arguments[0]).read_text(encoding="utf-8"))
        pins = read_lock(Path(arguments[1] if len(arguments) == 2 else LOCK).read_text(encoding="utf-8"))
        matches = list(find_matches(pins, advisories))
    except (OSError, ValueError) as error:
        print(f"The advisories cannot be compared: {error}.", file=sys.stderr)
        return 2
    for match in matches:
        print(f"{match.package} {match.version}: {match.advisory} {match.summary}".rstrip())
    print(f"{len(pins)} locked packages, {len(advisories)} advisories, {len(matches)} matches", file=sys.stderr)
    return int(bool(matches))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
