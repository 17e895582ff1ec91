"""Do the tests see what goes wrong? Faults are planted one at a time, and the nearest tests are run on each.

    make mutants                                                  # 300 faults in core and ui
    python -m benchmarks.mutants --count 50 --seed 2 core/theory  # some, in one folder

cosmic-ray finds the places (an operator, a number, a comparison, a condition, a loop) and makes the change, in a copy
of the tracked files. For each fault a process that has imported the libraries already runs tests until one fails: first
the module's own test file, for all faults; then, for those that passed, the tests that reach the changed statement, the
nearest folder and the quickest first. The quick tests run once on the copy as it is, to see which reach what. What
survives is printed with its line.

Results are kept in build/mutants, a line a fault: the command goes on where it was interrupted. Delete the folder to
begin again.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import pytest
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from coverage import CoverageData

from tests.support.checkout import HOUSE

OWN_SECONDS = 60  # of processor time, for the module's own test file
REACHING_SECONDS = 90  # for the tests that reach the statement
WAITING_SECONDS = 900  # a process that takes longer waits for something, also on a busy machine
MEMORY_BYTES = 16 << 30
LIBRARIES = (
    "numpy", "pandas", "scipy.optimize", "scipy.special", "scipy.stats", "scipy.linalg", "numba", "sklearn.datasets",
    "plotly.graph_objects", "streamlit.testing.v1", "streamlit.web.server", "hypothesis.strategies",
    "hypothesis.extra.numpy", "mpmath", "openpyxl", "pyarrow.csv",
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One change to one place of one file; `occurrence` counts the operator's places in it."""

    path: str
    operator: str
    occurrence: int
    line: int


# -- the sample ---------------------------------------------------------------------------------------------------


def find_faults(paths: list[str]) -> Iterator[Fault]:
    """Every place of these files that an operator can change."""
    for path in paths:
        tree = get_ast_from_path(HOUSE / path)
        for name in operator_names():
            operator_class = get_operator(name)
            if operator_class.arguments():
                continue
            operator = operator_class()
            places = (place for node in ast_nodes(tree) for place in operator.mutation_positions(node))
            for occurrence, (start, _) in enumerate(places):
                yield Fault(path, name, occurrence, start[0])


def plant(fault: Fault, source: str) -> str | None:
    """The text of a file with the fault in it."""
    return mutate_code(source, get_operator(fault.operator)(), fault.occurrence)


def changes_the_program(fault: Fault) -> bool:
    """True where the changed file is Python still and differs in more than types, which nothing reads at run time."""
    source = (HOUSE / fault.path).read_text(encoding="utf-8")
    changed = plant(fault, source)
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


def draw_sample(folders: list[str], count: int, seed: int) -> list[Fault]:
    """So many faults of these folders, in the order of the seed."""
    listed = subprocess.run(
        ["git", "ls-files", *(f"{folder}/*.py" for folder in folders)],
        cwd=HOUSE, capture_output=True, check=True, text=True,
    ).stdout.split()  # fmt: skip
    faults = list(find_faults(listed))
    print(f"{len(faults):,} places", flush=True)
    shuffled = random.Random(seed).sample(faults, len(faults))
    return list(islice(filter(changes_the_program, shuffled), count))


# -- which tests --------------------------------------------------------------------------------------------------


def own_tests(fault: Fault) -> list[str]:
    """The test file that mirrors the module."""
    module = Path(fault.path)
    name = module.stem if module.stem != "__init__" else module.parent.name
    own = Path("tests") / module.parent / f"test_{name}.py"
    return [str(own)] if (HOUSE / own).exists() else []


class Reach:
    """Which tests reach which statement, and the time that each takes."""

    def __init__(self, database: Path, report: Path):
        self._data = CoverageData(str(database))
        self._data.read()
        self._seconds: dict[str, float] = {}
        for case in ElementTree.parse(report).iter("testcase"):
            name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
            self._seconds[name] = float(case.get("time", 0))

    def tests_of(self, fault: Fault) -> list[str]:
        """The tests that reach the changed statement; those of its file where coverage sees no test in it.

        Coverage does not see into compiled code, nor who uses what an import makes.
        """
        measured = next((name for name in self._data.measured_files() if name.endswith("/" + fault.path)), None)
        reached = {} if measured is None else self._data.contexts_by_lineno(measured)
        lines = statement_lines((HOUSE / fault.path).read_text(encoding="utf-8"), fault.line)
        contexts = {name for line in lines for name in reached.get(line, [])}
        if not any(contexts):
            contexts = {name for names in reached.values() for name in names}
        folder = str(Path("tests") / Path(fault.path).parent)
        tests = {name.rpartition("|")[0] for name in contexts if name}  # "tests/...::test_x|run"
        if not tests:
            return sorted(str(path.relative_to(HOUSE)) for path in (HOUSE / folder).glob("test_*.py"))
        return sorted(tests, key=lambda name: (not name.startswith(folder), self._seconds.get(name, 1.0)))


def statement_lines(source: str, line: int) -> range:
    """The lines of the innermost statement around this one; of a compound statement its head."""
    inner = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            body = getattr(node, "body", None)
            end = max(body[0].lineno - 1, node.lineno) if body else node.end_lineno or node.lineno
            if line <= end:
                inner = range(node.lineno, end + 1)
    return inner


def collect_reach(copy: Path, session: Path) -> Reach:
    """Runs the quick tests on the copy once, unless that was done, and notes which of them reach which line."""
    database, report = session / "coverage", session / "tests.xml"
    if not report.exists():
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--numprocesses", "auto", "--dist",
                   "loadgroup", "-m", "not slow", "--ignore=tests/browser", "--cov=core", "--cov=ui",
                   "--cov-context=test", "--cov-report=", f"--junitxml={session / 'running.xml'}"]  # fmt: skip
        subprocess.run(command, cwd=copy, check=True, env=os.environ | {"COVERAGE_FILE": str(database)})
        (session / "running.xml").rename(report)
    return Reach(database, report)


# -- running them -------------------------------------------------------------------------------------------------


class _Watch:
    """A pytest plugin: names the test that failed, and ends the session when its time is up."""

    def __init__(self, seconds: float):
        self.seen_by, self.n_tests, self._end = "", 0, time.process_time() + seconds

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.n_tests += report.when == "call"
        self.seen_by = self.seen_by or (report.nodeid if report.failed else "")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.seen_by = self.seen_by or (report.nodeid if report.failed else "")

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        if time.process_time() > self._end:
            item.session.shouldstop = "time is up"


def run_tests(tests: list[str], copy: Path, session: Path, *, seconds: float) -> dict:
    """Runs tests in a child of this process, in the copy; returns the test that failed, or "", and how many ran."""
    answer = session / "answer.json"
    answer.unlink(missing_ok=True)
    gc.freeze()
    child = os.fork()
    if child == 0:
        try:
            _run_in_child(tests, copy, session, answer, seconds=seconds)
        finally:
            os._exit(1)
    start, has_ended = time.monotonic(), False
    while not has_ended and time.monotonic() - start < WAITING_SECONDS:
        has_ended = os.waitpid(child, os.WNOHANG)[0] != 0
        time.sleep(0.02)
    try:
        os.killpg(child, signal.SIGKILL)  # with what the tests started
    except (ProcessLookupError, PermissionError):
        pass
    if not has_ended:
        os.waitpid(child, 0)
    result = json.loads(answer.read_text()) if answer.exists() else {"seen_by": "no end", "tests": 0}
    if result.pop("broke", False):
        raise RuntimeError((session / "log.txt").read_text()[-2000:])
    return result


def _run_in_child(tests: list[str], copy: Path, session: Path, answer: Path, *, seconds: float) -> None:
    os.setsid()
    log = os.open(session / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(copy)
    sys.path[:] = [str(copy), *(path for path in sys.path if path not in ("", str(HOUSE)))]
    sys.dont_write_bytecode = True  # of a file that is put right again
    for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "core", "ui", "benchmarks")]:
        del sys.modules[name]
    limit = int(2 * seconds + 60)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    watch = _Watch(seconds)
    code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-n", "0", "-m", "not slow", *tests], [watch])
    # 0: passed; 2: interrupted, as at the end of the time; 5: no quick test in these files; 3: pytest itself broke
    seen_by = watch.seen_by or ("" if code in (0, 2, 5) else f"pytest ended with {int(code)}")
    answer.write_text(json.dumps({"seen_by": seen_by, "tests": watch.n_tests, "broke": code == 3}))
    os._exit(0)


def try_fault(fault: Fault, tests: list[str], copy: Path, session: Path, *, seconds: float) -> dict:
    """Plants a fault in the copy, runs tests on it, and puts the file right again."""
    file = copy / fault.path
    times, source = file.stat(), file.read_text(encoding="utf-8")
    file.write_text(plant(fault, source) or source, encoding="utf-8")
    os.utime(file, (times.st_atime, times.st_mtime + 1000))  # so that Python takes no compiled file for this one's
    try:
        return run_tests(tests, copy, session, seconds=seconds)
    finally:
        file.write_text(source, encoding="utf-8")
        os.utime(file, (times.st_atime, times.st_mtime))


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
    options = parser.parse_args()
    session = HOUSE / "build" / "mutants" / f"{'-'.join(options.folders).replace('/', '.')}-{options.seed}"
    copy, results = session / "copy", session / "results.jsonl"
    if not (session / "sample.json").exists():
        copy_checkout(copy)
        sample = draw_sample(options.folders, options.count, options.seed)
        (session / "sample.json").write_text(json.dumps([asdict(fault) for fault in sample]))
    sample = [Fault(**fields) for fields in json.loads((session / "sample.json").read_text())]
    entries = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    tried = {(entry["stage"], entry["number"]) for entry in entries}
    seen = {entry["number"] for entry in entries if entry["seen_by"]}
    for name in LIBRARIES:
        importlib.import_module(name)
    reach = None
    for stage, seconds in (("own", OWN_SECONDS), ("reaching", REACHING_SECONDS)):
        for number, fault in enumerate(sample):
            if number in seen or (stage, number) in tried:
                continue
            if stage == "reaching" and reach is None:
                reach = collect_reach(copy, session)
            tests = own_tests(fault) if reach is None else reach.tests_of(fault)
            if not tests:
                continue
            entry = {"stage": stage, "number": number, **asdict(fault)}
            entry |= try_fault(fault, tests, copy, session, seconds=seconds)
            with open(results, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(entry) + "\n")
            if entry["seen_by"]:
                seen.add(number)
            print(f"{stage} {number}: {entry['seen_by'] or 'survived'}", flush=True)
    for number, fault in enumerate(sample):
        if number not in seen:
            line = (HOUSE / fault.path).read_text(encoding="utf-8").splitlines()[fault.line - 1].strip()
            print(f"survived: {fault.path}:{fault.line} {fault.operator} #{fault.occurrence}: {line}")
    print(f"{len(seen)} of {len(sample)} faults seen (seed {options.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
