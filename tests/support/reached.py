"""After a run of the quick tests under coverage: did they reach core's branches, and every assert of their own?

python -m tests.support.reached reads .coverage (make coverage writes it) and fails when less than 97 % of core's lines
and branches were reached, or when an assert of a quick test was never executed: such a test cannot fail.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from coverage import Coverage

from tests.support.checkout import HOUSE

MIN_CORE_PERCENT = 97.0


def is_slow(node: ast.AST) -> bool:
    """True if a decorator, or an assignment to pytestmark, marks this as slow."""
    marks = node.decorator_list if hasattr(node, "decorator_list") else [node.value]
    return any("mark.slow" in ast.unparse(mark) for mark in marks)


def quick_asserts(source: str) -> Iterator[int]:
    """The lines of the asserts in a test module that the quick run should execute."""
    tree = ast.parse(source)
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "pytestmark":
            if is_slow(statement):
                return

    def walk(node: ast.AST) -> Iterator[int]:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and is_slow(node):
            return
        if isinstance(node, ast.Assert):
            yield node.lineno
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and not statement.name.startswith("test_"):
            continue  # a helper of slow tests alone is not reached by the quick ones
        yield from walk(statement)


def unreached(data: Coverage, folder: Path) -> list[str]:
    """file:line of every assert of a quick test that the run did not execute."""
    missed = []
    measured = data.get_data()
    for path in sorted(folder.rglob("test_*.py")):
        executed = set(measured.lines(str(path)) or ())
        missed += [
            f"{path.relative_to(HOUSE)}:{line}"
            for line in quick_asserts(path.read_text("utf-8"))
            if line not in executed
        ]
    return missed


def main() -> int:
    """Prints what was not reached; the exit status is 1 if that is too much."""
    data = Coverage(data_file=str(HOUSE / ".coverage"))
    data.load()
    report = io.StringIO()
    percent = data.report(include=[str(HOUSE / "core" / "*")], file=report, skip_covered=True, show_missing=True)
    missed = unreached(data, HOUSE / "tests")
    sys.stdout.write(report.getvalue())
    sys.stdout.write(f"core: {percent:.1f} % of lines and branches reached; {MIN_CORE_PERCENT:g} % asked\n")
    sys.stdout.write(f"asserts of quick tests never reached: {len(missed)}\n" + "".join(f"  {m}\n" for m in missed))
    return int(percent < MIN_CORE_PERCENT or bool(missed))


if __name__ == "__main__":
    sys.exit(main())
