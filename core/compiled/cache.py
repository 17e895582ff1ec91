"""The decorators of everything that is compiled, and the folder in which machine code is kept.

Code is kept in a folder of its own for each state of the sources, each processor and each version of Python and
Numba: what is found there is right by construction, and nothing has to be looked up by time stamps. A folder counts
as ready once everything is in it, and can be read-only from then on.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import llvmlite
import numba
from llvmlite import binding
from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

FOLDER = "GRADIENT_LAB_COMPILED"  # the environment setting that names where machine code is kept
SOURCES = (
    "compiled/cache.py",
    "compiled/elementary.py",
    "norms.py",
    "layout.py",  # the order of the fields that compiled code reads
    "families/activations.py",
    "families/clipping.py",
    "families/losses.py",
    "families/normalization.py",
    "families/optimizers.py",
    "engine/batch.py",  # as layout.py
    "engine/loop.py",
    "engine/measures.py",
    "engine/passes.py",
    "theory/drawn_normalization.py",
    "theory/drawn_outputs.py",
    "theory/drawn_passes.py",
    "theory/mean_squares.py",
    "theory/narrow_activations.py",
    "theory/projections.py",
    "theory/shared_numbers.py",
)
READY_MARK = "ready"

if config.CPU_FEATURES is None:  # LLVM uses half the width of registers on several processors that have 512 bits
    config.CPU_FEATURES = binding.get_host_cpu_features().flatten() + ",-prefer-256-bit"


def machine_key() -> str:
    """Digest of all that machine code depends on: sources, processor, and the versions of Python, Numba and LLVM."""
    core = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((core / name).read_bytes())
    processor = config.CPU_NAME or binding.get_host_cpu_name(), config.CPU_FEATURES
    digest.update(repr((processor, sys.version, numba.__version__, llvmlite.__version__)).encode())
    return digest.hexdigest()[:16]


def _candidate_folders() -> list[Path]:
    """Where code may be kept, the best first: beside the sources, then in the user's own cache."""
    if named := os.environ.get(FOLDER):
        return [Path(named)]
    folders = [Path(__file__).parent / "__pycache__" / "machine"]
    cached = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(cached):  # a user without a home has none
        folders.append(Path(cached) / "gradient-flow-lab" / "machine")
    return folders


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@cache
def code_folder() -> Path:
    """The folder of this process: one that is ready, else the first that can be written, else a temporary one.

    A temporary folder is shared with child processes and deleted at exit.
    """
    key = machine_key()
    folders = [folder / key for folder in _candidate_folders()]
    for folder in folders:
        if (folder / READY_MARK).exists():
            return folder
    for folder in folders:
        if _is_writable(folder):
            return folder
    own = tempfile.mkdtemp(prefix="gradient-flow-lab-")
    os.environ[FOLDER] = own
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return Path(own) / key


def is_ready() -> bool:
    """Return whether everything has been compiled for this machine before."""
    return (code_folder() / READY_MARK).exists()


class _Locator(_CacheLocator):
    """Names the folder to Numba. The folder's own name says what the code was made from."""

    def __init__(self, py_func, py_file: str):
        self._py_file = py_file
        self._disambiguator = f"{py_func.__code__.co_firstlineno}"

    @classmethod
    def from_function(cls, py_func, py_file: str) -> _Locator:
        return cls(py_func, py_file)

    def get_cache_path(self) -> str:
        return str(code_folder())

    def get_source_stamp(self) -> str:
        return code_folder().name

    def get_disambiguator(self) -> str:
        return self._disambiguator


class _CodeCacheImpl(CompileResultCacheImpl):
    _locator_classes = [_Locator]


class _CodeCache(FunctionCache):
    """Code on the disk; where it cannot be written, each process compiles for itself."""

    _impl_class = _CodeCacheImpl

    def save_overload(self, sig, data) -> None:
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()


def _cached_njit(function, fastmath: set[str]):
    dispatcher = numba.njit(nogil=True, error_model="numpy", fastmath=fastmath)(function)
    dispatcher._cache = _CodeCache(function)
    return dispatcher


def compiled(function):
    """A pass over arrays, compiled at its first call for their types, free of Python's lock, and kept on the disk."""
    return _cached_njit(function, set())


def summing(function):
    """A compiled pass that sums in an order of the compiler's choice: the same at every call on one processor.

    Nothing is assumed about infinities, NaN or signed zeros.
    """
    return _cached_njit(function, {"reassoc", "contract"})


def scalar(function):
    """A formula of one number, compiled into the passes that use it.

    A product and a sum may become one instruction with one rounding, where the processor has it.
    """
    return numba.njit(forceinline=True, error_model="numpy", fastmath={"contract"})(function)
