"""Do the tests see what goes wrong? Faults are planted one at a time, and the nearest tests are run on each.

    make mutants                                                  # 300 faults in core and ui
    python -m benchmarks.mutants --count 50 --seed 2 core/theory  # some, in one folder

cosmic-ray finds the places (an operator, a number, a comparison, a condition, a loop) and makes the change, in a copy
of the tracked files. For each fault the tests run nearest first, until one fails: the module's own test file, its test
folder, then every quick test file that names the module. What survives them all is printed with its line.
"""

from __future__ import annotations

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.support.checkout import HOUSE

TIMEOUT_SECONDS = 900
# They change what no test should see (names, annotations, decorators) or always the same thing.
LEFT_OUT = ("no-op", "variable", "remove-decorator", "exception-replacer")


@dataclass(frozen=True)
class Fault:
    """One change to one place of one file; `occurrence` counts the operator's places in it."""

    path: str
    operator: str
    occurrence: int
    line: int


def find_faults(paths: list[str]) -> Iterator[Fault]:
    """Every place of these files that an operator can change."""
    names = [name for name in operator_names() if not any(word in name for word in LEFT_OUT)]
    for path in paths:
        tree = get_ast_from_path(HOUSE / path)
        for name in names:
            operator_class = get_operator(name)
            if operator_class.arguments():
                continue
            operator = operator_class()
            places = (place for node in ast_nodes(tree) for place in operator.mutation_positions(node))
            for occurrence, (start, _) in enumerate(places):
                yield Fault(path, name, occurrence, start[0])


def changes_the_program(fault: Fault) -> bool:
    """True where the changed file is Python still and differs in more than types, which nothing reads at run time."""
    source = (HOUSE / fault.path).read_text(encoding="utf-8")
    changed = mutate_code(source, get_operator(fault.operator)(), fault.occurrence)
    try:
        return changed is not None and _without_types(changed) != _without_types(source)
    except SyntaxError:
        return False


def _without_types(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(0)
    return ast.dump(tree)


def nearest_tests(path: str, root: Path) -> list[list[str]]:
    """The test files for a module, in stages from the nearest to the farthest; none of them needs a browser."""
    module = Path(path)
    name = module.stem if module.stem != "__init__" else module.parent.name
    own = root / "tests" / module.parent / f"test_{name}.py"
    folder = sorted((root / "tests" / module.parent).glob("test_*.py"))
    words = (f"{'.'.join(module.parent.parts)}.{name}", f"from {'.'.join(module.parent.parts)} import")
    quick = [p for p in sorted((root / "tests").rglob("test_*.py")) if not {"browser", "hosting"} & set(p.parts)]
    naming = [p for p in quick if any(word in p.read_text(encoding="utf-8") for word in words)]
    pages = [p for p in quick if path.startswith("ui") and "pages" in p.parts]
    stages, seen = [], set()
    for stage in ([own] if own.exists() else [], folder, naming, pages):
        fresh = [str(p.relative_to(root)) for p in stage if p not in seen]
        seen.update(stage)
        if fresh:
            stages.append(fresh)
    return stages


def fails(tests: list[str], root: Path, *options: str) -> bool:
    """True if one of these quick tests fails in the copy at `root`, or if they take too long."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *options, *tests]
    try:
        result = subprocess.run(command, cwd=root, capture_output=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return result.returncode not in (0, 5)  # 5: no quick test in these files


def is_seen(fault: Fault, root: Path) -> bool:
    """True if a test fails once the fault is planted in the copy at `root`; the file is put right again."""
    file = root / fault.path
    source = file.read_text(encoding="utf-8")
    changed = mutate_code(source, get_operator(fault.operator)(), fault.occurrence)
    if changed is None:
        raise LookupError(f"{fault} has no place")
    file.write_text(changed, encoding="utf-8")
    try:
        return any(fails(tests, root) for tests in nearest_tests(fault.path, root))
    finally:
        file.write_text(source, encoding="utf-8")


def copy_checkout(target: Path) -> Path:
    """The tracked files, where faults may be planted."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=HOUSE, capture_output=True, check=True, text=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (HOUSE / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HOUSE / name, target / name)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", default=["core", "ui"], help="where faults are planted; default: core ui")
    parser.add_argument("--count", type=int, default=300, help="how many; default: 300")
    parser.add_argument("--seed", type=int, default=0, help="of the sample; default: 0")
    parser.add_argument("--jobs", type=int, default=2, help="copies at work at once; default: 2")
    options = parser.parse_args()
    listed = subprocess.run(
        ["git", "ls-files", *(f"{folder}/*.py" for folder in options.folders)],
        cwd=HOUSE, capture_output=True, check=True, text=True,
    ).stdout.split()  # fmt: skip
    faults = list(find_faults(listed))
    shuffled = random.Random(options.seed).sample(faults, len(faults))
    sample = list(islice(filter(changes_the_program, shuffled), options.count))
    paths = {fault.path for fault in sample}
    tests = sorted({test for path in paths for stage in nearest_tests(path, HOUSE) for test in stage})
    survivors = []
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(options.jobs) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for job in range(options.jobs):
            copies.put(copy_checkout(Path(scratch) / str(job)))

        def plant(fault: Fault) -> bool:
            root = copies.get()
            try:
                return is_seen(fault, root)
            finally:
                copies.put(root)

        first = copies.get()
        if fails(tests, first, "--numprocesses", str(options.jobs)):
            print("A test fails without a fault, and would see every fault: run make test first.")
            return 1
        copies.put(first)
        for done, (fault, seen) in enumerate(zip(sample, pool.map(plant, sample), strict=True), 1):
            if not seen:
                survivors.append(fault)
                line = (HOUSE / fault.path).read_text(encoding="utf-8").splitlines()[fault.line - 1].strip()
                print(f"survived: {fault.path}:{fault.line} {fault.operator} #{fault.occurrence}: {line}", flush=True)
            if done % 10 == 0:
                print(f"{done} of {len(sample)}: {len(survivors)} survived", flush=True)
    print(f"{len(sample) - len(survivors)} of {len(sample)} faults seen ({len(faults):,} places, seed {options.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
