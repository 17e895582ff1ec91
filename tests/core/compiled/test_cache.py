"""Where machine code is kept: a folder for each state of things, read-only or none at all if it must be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.compiled import cache

TRAIN = "from core import RunConfig, train; print(train([RunConfig(hidden=(2,), samples=2, steps=1)])[0].loss[1])"
SHOW = "from core.compiled.cache import code_folder, is_ready; print(code_folder()); print(is_ready())"
ROOT = Path(cache.__file__).parents[2]


def python(*arguments, **environment):
    settings = {name: value for name, value in os.environ.items() if name not in (cache.FOLDER, "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, *arguments], env=settings | environment, cwd=ROOT, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_key_changes_with_any_source_and_with_the_processor(monkeypatch, tmp_path):
    before = cache.machine_key()
    assert before == cache.machine_key()
    monkeypatch.setattr(cache.config, "CPU_NAME", "another")
    other = cache.machine_key()
    monkeypatch.setattr(cache, "SOURCES", cache.SOURCES[1:])
    assert len({before, other, cache.machine_key()}) == 3


def test_code_for_any_processor_uses_no_feature_of_this_one():
    show = "from core.compiled import cache; print(repr(cache.config.CPU_FEATURES))"
    assert python("-c", show, NUMBA_CPU_NAME="generic") == ["''"]
    (features,) = python("-c", show)
    assert "-prefer-256-bit" in features


def test_every_module_that_compiles_is_among_the_sources():
    core = ROOT / "core"
    counted = {path for pattern in cache.SOURCES for path in core.glob(pattern)}
    for path in core.rglob("*.py"):
        if "compiled.cache import" in path.read_text(encoding="utf-8"):
            assert path in counted, path


def test_a_folder_that_is_named_is_used(tmp_path):
    folder, ready = python("-c", SHOW, **{cache.FOLDER: str(tmp_path)})
    assert Path(folder).parent == tmp_path and ready == "False"


def test_a_folder_that_is_ready_comes_first_even_where_it_cannot_be_written(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setattr(cache, "_candidate_folders", lambda: [first, second])
    monkeypatch.setattr(cache, "_is_writable", lambda folder: folder.is_relative_to(second))
    find = cache.code_folder.__wrapped__
    assert find() == second / cache.machine_key()
    (first / cache.machine_key()).mkdir(parents=True)
    (first / cache.machine_key() / cache.READY_MARK).touch()
    assert find() == first / cache.machine_key()


def test_without_any_folder_a_temporary_one_is_shared_with_child_processes(monkeypatch):
    monkeypatch.setenv(cache.FOLDER, "")
    monkeypatch.setattr(cache, "_is_writable", lambda folder: False)
    monkeypatch.setattr(cache, "_candidate_folders", lambda: [Path("/nowhere")])
    folder = cache.code_folder.__wrapped__()
    assert Path(os.environ[cache.FOLDER]) == folder.parent and folder.parent.is_dir()


@pytest.mark.slow
def test_what_one_process_compiled_another_one_finds_and_a_read_only_folder_will_do(tmp_path):
    python("-m", "core.compiled")  # at once where all is compiled already, as the tests' own start sees to
    made, ready = python("-c", SHOW)
    assert ready == "True"
    shutil.copytree(made, tmp_path / Path(made).name)
    folder, ready = python("-c", SHOW, **{cache.FOLDER: str(tmp_path)})
    assert Path(folder).parent == tmp_path and ready == "True"
    kept = {path: path.stat().st_mtime_ns for path in Path(folder).iterdir()}
    for path in [*kept, Path(folder)]:
        path.chmod(0o555)
    try:
        (loss,) = python("-c", TRAIN, **{cache.FOLDER: str(tmp_path)})
        assert float(loss) > 0
        assert {path: path.stat().st_mtime_ns for path in Path(folder).iterdir()} == kept
    finally:
        Path(folder).chmod(0o755)
