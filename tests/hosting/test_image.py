"""The steps of the Dockerfile, replayed in an empty environment, as a user of its own where this one may change it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.support.checkout import HOUSE
from tests.support.visitor import end, free_port, healthy

STEPS = re.findall(
    r"^([A-Z]+) (.*)$", (HOUSE / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " "), re.MULTILINE
)
NOBODY = 65534


def arguments(kind):
    return [text.strip() for name, text in STEPS if name == kind]


def test_every_step_is_one_that_the_replay_knows():
    known = {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert {name for name, _ in STEPS} == known
    assert [text.split()[0] for text in arguments("RUN")] == ["useradd", "pip", "python"]
    assert STEPS.index(("USER", "lab")) > max(i for i, (name, _) in enumerate(STEPS) if name in ("RUN", "COPY"))


def test_the_base_is_an_exact_version_of_python_by_its_digest():
    (base,) = arguments("FROM")
    found = re.fullmatch(r"python:(3\.\d+)\.\d+-slim@sha256:[0-9a-f]{64}", base)
    assert found and f'requires-python = ">={found[1]}"' in (HOUSE / "pyproject.toml").read_text(encoding="utf-8")


def test_what_is_copied_is_in_the_build_and_nothing_else_is():
    allowed = (HOUSE / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {name for text in arguments("COPY") for name in text.split()[:-1]}
    assert copied == {line[1:] for line in allowed if line.startswith("!")}
    assert allowed[0] == "*" and all((HOUSE / name).exists() for name in copied)


def replay(folder):
    """The image's application folder and the Python of its environment."""
    app, venv = folder / "app", folder / "venv"
    app.mkdir()
    for text in arguments("COPY"):
        *names, target = text.split()
        for name in names:
            at = app / target if target not in (".", "./") else app / name
            copy = shutil.copytree if (HOUSE / name).is_dir() else shutil.copy
            copy(
                HOUSE / name,
                at,
                **({"ignore": shutil.ignore_patterns("__pycache__")} if copy is not shutil.copy else {}),
            )
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=300)
    for text in arguments("RUN"):
        command = shlex.split(text)
        modules = {"pip": ["-m", *command], "python": command[1:]}
        if command[0] in modules:
            step = [venv / "bin" / "python", *modules[command[0]]]
            done = subprocess.run(step, cwd=app, capture_output=True, text=True, timeout=900)
            assert done.returncode == 0, done.stderr[-2000:]
    return app, venv / "bin" / "python"


def as_another_user(python, app):
    """Arguments for a process of another user, where this one may start it and that one can run the Python."""
    if os.geteuid() != 0:
        return {}
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    try:
        subprocess.run(
            [python, "-c", "import streamlit"], cwd=app, check=True, capture_output=True, timeout=300, **other
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    return other


@pytest.mark.slow
def test_the_image_serves_pages_by_its_lock_file_alone(tmp_path):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to other users
        Path(folder).chmod(0o755)
        serve(*replay(Path(folder)), tmp_path / "log")


def serve(app, python, log):
    """Starts what the image starts, and asks for its health as the image does."""
    other, port = as_another_user(python, app), free_port()
    settings = dict(pair.split("=", 1) for text in arguments("ENV") for pair in text.split())
    settings |= {"PATH": f"{python.parent}:/usr/bin:/bin", "STREAMLIT_SERVER_PORT": str(port)}
    settings |= {"STREAMLIT_SERVER_ADDRESS": "127.0.0.1"}  # not to the world from a test
    command = json.loads(arguments("CMD")[0])
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [python, *command[1:]], cwd=app, env=settings, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **other
        )
    try:
        deadline = time.monotonic() + 120
        while not healthy(f"http://127.0.0.1:{port}"):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        check = json.loads(arguments("HEALTHCHECK")[0].split("CMD ", 1)[1])
        check[-1] = check[-1].replace(":8501/", f":{port}/")
        assert subprocess.run([python, *check[1:]], env=settings, timeout=30).returncode == 0
        assert "Traceback" not in log.read_text()
    finally:
        end(process, 30)
