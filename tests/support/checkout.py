"""Where the project's files lie, for tests that read them."""

from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
REFERENCE = HOUSE / "tests" / "reference"
