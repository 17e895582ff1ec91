"""Results stored in the project, so that the page shows numbers at once; `python -m core.papers` writes them."""

from __future__ import annotations

import ast
import builtins
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


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    """A result and its origin.

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
    """Twelve hexadecimal digits of the experiment's code and settings."""
    source = Path(str(sys.modules[paper.run.__module__].__file__)).read_text(encoding="utf-8")
    return code_fingerprint(source)


def code_fingerprint(source: str) -> str:
    """Twelve hexadecimal digits of what a module computes.

    Docstrings, comments, annotations of functions, imports and the page's text (`PAPER`) do not count, and neither does
    the spelling of a name: each name of the module's own is replaced by the order of its first appearance.
    """
    tree = _Skeleton().visit(ast.parse(source))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12]


BUILTINS = frozenset(dir(builtins)) - {"_"}  # which an interactive prompt adds, and a run of examples


class _Skeleton(ast.NodeTransformer):
    """Leaves of a module what changes its results."""

    def __init__(self):
        self.order: dict[str, str] = {}

    def _number(self, name: str) -> str:
        if name in BUILTINS:
            return name
        return self.order.setdefault(name, f"name{len(self.order)}")

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = [part for part in node.body if not _is_text(part)]
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = [part for part in node.body if not _is_docstring(part)] or [ast.Pass()]
        node.returns = None
        node.name = self._number(node.name)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [part for part in node.body if not _is_docstring(part)] or [ast.Pass()]
        node.name = self._number(node.name)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(arg=self._number(node.arg))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(id=self._number(node.id), ctx=ast.Load())


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_text(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node):
        return True
    return isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["PAPER"]


def read(path: Path = FILE) -> dict[str, StoredResult]:
    """The stored results by the paper's name; none where there is no such file."""
    if not path.exists():
        return {}
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: StoredResult(
            result=Result.from_dict(entry["result"]),
            version=entry["version"],
            made=entry["made"],
            fingerprint=entry["fingerprint"],
        )
        for name, entry in entries.items()
    }


def write(results: Mapping[str, Result], papers: Iterable[Paper], path: Path = FILE) -> None:
    """Puts these results into the file beside those it holds of other papers."""
    entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for paper in papers:
        if paper.name in results:
            entries[paper.name] = {
                "version": __version__,
                "made": date.today().isoformat(),
                "fingerprint": fingerprint(paper),
                "result": results[paper.name].to_dict(),
            }
    path.write_text(json.dumps(entries, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n", "utf-8")
