"""The package: one list of requirements, imports rewritten for the wheel, and the command's three uses."""

import json
import os
import re
import runpy
import subprocess
import sys
import time
import tomllib
import urllib.request
import venv
from dataclasses import replace

import numpy as np
import pytest

import gradient_flow_lab
from core import RunConfig, __version__, diagnose, snapshot, train
from core.comparison.arm_statistics import summarize_arm
from core.layer_norms import LAYER_NORMS
from gradient_flow_lab import __main__ as command
from gradient_flow_lab import charts
from tests.support.checkout import HOUSE
from tests.support.visitor import free_port
from ui.charts import compare, compare_curves, curves, distributions, heatmap, profile, style
from ui.charts.arms import StyledArm

PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("dev", "dask", "torch", "frameworks", "bench", "mutants")
SMALL = RunConfig(hidden=(4, 4), samples=16, steps=3)


def requirements(name):
    lines = (HOUSE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in (line.split("#")[0].strip() for line in lines) if line and not line.startswith("-r ")]


def test_the_package_requires_what_the_requirements_files_list():
    assert PROJECT["dependencies"] == requirements("requirements.txt")
    listed = {extra: requirements(f"requirements-{extra}.txt") for extra in EXTRAS}
    assert PROJECT["optional-dependencies"] == listed


def test_the_version_is_one():
    assert PROJECT["version"] == __version__ == gradient_flow_lab.__version__
    assert f"## {__version__}" in (HOUSE / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_public_name_is_there_and_is_the_cores_own():
    assert all(hasattr(gradient_flow_lab, name) for name in gradient_flow_lab.__all__)
    assert gradient_flow_lab.RunConfig is RunConfig and gradient_flow_lab.train is train


@pytest.fixture(scope="module")
def rewrite_imports():
    return runpy.run_path(str(HOUSE / "setup.py"))["rewrite_imports"]


@pytest.mark.parametrize(
    "line, expected",
    [
        ("from core import train\n", "from gradient_flow_lab.core import train\n"),
        ("from core.theory import predict\n", "from gradient_flow_lab.core.theory import predict\n"),
        ("    from ui.charts import style\n", "    from gradient_flow_lab.ui.charts import style\n"),
        ("import ui.text as t\n", "import gradient_flow_lab.ui.text as t\n"),
        ("import core.sweep\n", "import gradient_flow_lab.core.sweep\nfrom gradient_flow_lab import core\n"),
        ("import uikit\nfrom corelib import x\n", "import uikit\nfrom corelib import x\n"),
        ("from .core import x\n", "from .core import x\n"),
    ],
)
def test_imports_of_core_and_ui_move_below_the_package(rewrite_imports, line, expected):
    assert rewrite_imports(line) == expected


def test_nothing_of_ours_is_imported_by_a_form_that_the_build_does_not_rewrite(rewrite_imports):
    absolute = re.compile(r"^\s*(?:from|import) (?:core|ui)\b", re.MULTILINE)
    for folder in ("gradient_flow_lab", "core", "ui", "pages"):
        for path in (HOUSE / folder).rglob("*.py"):
            assert not absolute.search(rewrite_imports(path.read_text(encoding="utf-8"))), path


def test_train_prints_every_layer_and_the_verdict(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(SMALL.to_dict()), encoding="utf-8")
    assert command.main(["train", str(tmp_path / "config.json"), "--csv", str(tmp_path / "trace.csv")]) == 0
    [trace] = train([SMALL])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "3"]
    assert [line.split()[1] for line in lines[1:4]] == [f"{norm:.4g}" for norm in trace.grad_norm[0]]
    assert lines[4] == f"loss {trace.loss[0]:.4g} to {trace.loss[-1]:.4g}"
    diagnosis = diagnose(trace)
    assert lines[5] == f"{diagnosis.verdict}: {diagnosis.sentence}"
    assert len((tmp_path / "trace.csv").read_text(encoding="utf-8").splitlines()) == 1 + 4 * 3


def test_a_report_has_the_norms_and_dead_units_of_both_ends_of_the_run():
    rng = np.random.default_rng(0)
    [trace] = train([SMALL])
    changes = {name: rng.uniform(0.01, 0.99, (4, 3)) for name in ("grad_norm", "dead")}
    for last, diverged_at in ((3, None), (2, 3)):
        loss = np.where(np.arange(4) <= last, 1.0 + np.arange(4), np.nan)
        made = replace(trace, loss=loss, diverged_at=diverged_at, **changes)
        lines = command._report(made).splitlines()
        assert f"step {last}" in lines[0] and lines[4] == f"loss 1 to {1 + last}"
        for layer, line in enumerate(lines[1:4]):
            norms = [f"{changes['grad_norm'][row, layer]:.4g}" for row in (0, last)]
            assert line.split() == [str(layer + 1), *norms, f"{changes['dead'][last, layer]:.0%}"]


def test_an_interrupted_training_ends_with_the_status_of_an_interrupt(tmp_path, monkeypatch, capsys):
    (tmp_path / "config.json").write_text(json.dumps(SMALL.to_dict()), encoding="utf-8")

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "train", interrupt)
    assert command.main(["train", str(tmp_path / "config.json")]) == 130
    assert capsys.readouterr().err == "\nInterrupted.\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"hidden": "many"}', '{"depht": 1}'])
def test_a_config_that_cannot_be_read_gets_a_sentence(tmp_path, capsys, text):
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    assert command.main(["train", str(tmp_path / "config.json")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error


def test_a_missing_file_gets_a_sentence(tmp_path, capsys):
    assert command.main(["train", str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err


def test_notebook_figures_are_plotly_figures_of_the_trace():
    [trace] = train([SMALL])
    figure = charts.gradient_profile(trace)
    assert type(figure).__module__.startswith("plotly")
    assert len(figure.data) > 0
    both = charts.compare_profile({"sigmoid": [trace], "again": [trace]})
    assert {"sigmoid", "again"} <= {line.name for line in both.data}


FIGURES = {
    "gradient_profile": profile.gradient_profile,
    "gradient_heatmap": heatmap.gradient_heatmap,
    "loss": curves.loss_chart,
    "accuracy": curves.accuracy_chart,
    "global_norm": curves.global_norm_chart,
    "update_ratio": curves.update_ratio_chart,
    "weight_norm": curves.weight_norm_chart,
    "saturation": curves.saturation_chart,
    "dead_units": curves.dead_chart,
    "distribution": distributions.distributions,
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_notebook_figure_is_the_dashboards_chart_of_that_name(name):
    given = snapshot(SMALL) if name == "distribution" else train([SMALL])[0]
    for dark in (False, True):
        assert getattr(charts, name)(given, dark=dark) == FIGURES[name](given, dark=dark).figure


@pytest.mark.parametrize("dark", [False, True])
def test_figures_of_arms_are_those_of_compare_in_the_norm_asked_for(dark):
    traces = {name: train([SMALL.replace(activation=name, seed=seed) for seed in (0, 1)]) for name in ("tanh", "relu")}
    marks = [style.activation_mark(name) for name in traces]
    arms = [StyledArm(name, summarize_arm(own), mark) for (name, own), mark in zip(traces.items(), marks, strict=True)]
    for norm in LAYER_NORMS:
        figure = charts.compare_profile(traces, quantity=norm, dark=dark)
        assert figure == compare.compare_profile(arms, norm, dark=dark).figure
    assert charts.compare_loss(traces, dark=dark) == compare_curves.compare_loss(arms, dark=dark).figure


def answers(url, server):
    """True if the address answers with 200 before two minutes are over and while its server lives."""
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.2)
    return False


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment_serves_trains_and_sweeps(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def run(*words, **more):
        result = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900, **more
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    source = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=HOUSE, capture_output=True, check=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        if (HOUSE / name).is_file() and not name.startswith(("tests/", "docs/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((HOUSE / name).read_bytes())
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", "wheels", str(source))
    venv.create(tmp_path / "venv", with_pip=True)
    bin_folder = tmp_path / "venv" / "bin"
    [wheel] = (tmp_path / "wheels").glob("gradient_flow_lab-*.whl")
    run(str(bin_folder / "python"), "-m", "pip", "install", "-q", "--no-compile", str(wheel))
    code = "import gradient_flow_lab as g; [t] = g.train([g.RunConfig(steps=1)]); print(g.diagnose(t).verdict)"
    assert run(str(bin_folder / "python"), "-c", code).strip() == "vanishing"
    figure = "from gradient_flow_lab import *; from gradient_flow_lab.charts import gradient_profile as p; import sys; "
    figure += "p(train([RunConfig(steps=1)])[0]); print('streamlit' in sys.modules, 'core' in sys.modules)"
    assert run(str(bin_folder / "python"), "-c", figure).strip() == "False False"
    (tmp_path / "config.json").write_text(json.dumps(SMALL.to_dict()), encoding="utf-8")
    assert "loss" in run(str(bin_folder / "gradient-flow-lab"), "train", "config.json")
    spec = {"base": SMALL.to_dict(), "axes": {"init_scale": [0.5, 1.0]}, "seeds": 2}
    (tmp_path / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    run(str(bin_folder / "gradient-flow-lab"), "sweep", "spec.json", "out.parquet")
    assert (tmp_path / "out.parquet").stat().st_size > 0
    port = free_port()
    server = subprocess.Popen(
        [str(bin_folder / "gradient-flow-lab"), "--port", str(port), "--address", "127.0.0.1", "--headless"],
        cwd=tmp_path,
        env=environment,
    )
    try:
        assert answers(f"http://127.0.0.1:{port}/_stcore/health", server)
    finally:
        server.terminate()
        server.wait(30)
