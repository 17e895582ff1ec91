"""A run leaves the house as a table, as JSON and as a PyTorch script, and each says the same as the run."""

import ast
import io
import runpy
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ConfigError, RunConfig, export, train
from core.config import RULES
from core.export import JSON_BYTES, from_json, to_csv, to_json, to_pytorch
from core.families.activations import ACTIVATIONS
from core.families.class_weights import CLASS_WEIGHTS
from core.families.clipping import CLIPS
from core.families.initializers import INITS
from core.families.losses import OUTPUT_ACTIVATIONS
from core.families.normalization import NORMALIZATIONS
from core.families.optimizers import OPTIMIZERS
from core.families.schedules import SCHEDULES
from core.recordings import read_recording
from tests.support import numpy_torch
from tests.support.checkout import HOUSE

# -- PyTorch ----------------------------------------------------------------------------------------------------

TASKS = (
    {"dataset": "moons", "loss": "bce", "output_activation": "sigmoid"},
    {"dataset": "sine", "loss": "mse"},
    {"dataset": "iris", "loss": "cross_entropy", "output_activation": "softmax"},
    {"dataset": "wine", "loss": "mse"},
)
FREE_OUTPUTS = [name for name in OUTPUT_ACTIVATIONS if name != "softmax"]


def member(registry, number):
    names = list(registry)
    return names[number % len(names)]


def mixed(number):
    """A config with the next member of every registry; every other one has a free choice of output activation."""
    task = {"output_activation": member(FREE_OUTPUTS, number // 2)} | TASKS[number % len(TASKS)]
    return RunConfig(
        **task,
        samples=50,
        hidden=(9, 9, 6, 6, 6),
        activation=[member(ACTIVATIONS, number + layer * (number % 3)) for layer in range(5)],
        init=member(INITS, number),
        init_scale=1.1,
        bias=number % 4 != 3,
        bias_std=0.2 * (number // 2 % 2),
        residual=number % 3 == 1,
        normalization=member(NORMALIZATIONS, number),
        optimizer=member(OPTIMIZERS, number),
        clip=member(CLIPS, number),
        clip_threshold=0.02,
        l1=1e-3 * (number % 3 == 0),
        l2=1e-3 * (number % 4 < 2),
        weight_decay=0.1 * (number // 5 % 2),
        schedule=member(SCHEDULES, number),
        schedule_steps=20 if number % 5 == 1 else None,
        warmup_steps=(0, 7)[number % 7 == 2],
        class_weight=member(CLASS_WEIGHTS, number // 2),
        dropout=0.4 * (number % 4 == 1),
        norm_affine=number % 5 != 3,
        max_norm=0.9 if number % 3 == 2 else None,
        batch_size=(None, 16, 7)[number % 3],
        holdout=0.2 * (number // 3 % 2),
        steps=25,
        record_every=1 + number % 3,
        seed=number,
    )


CONFIGS = {f"mixed {number}": mixed(number) for number in range(2 * max(len(FREE_OUTPUTS), len(INITS)))} | {
    "the Lab's first network": RunConfig(steps=60),
    "initialization only, no hidden layer": RunConfig(hidden=(), steps=0),
    "batch of all samples": RunConfig(samples=30, batch_size=30, hidden=(5, 5), steps=5),
    "batch of one under batch normalization": RunConfig(
        samples=20, batch_size=1, hidden=(8, 8), normalization="batch", activation="tanh", steps=20
    ),
    "gradients of 1e-200": RunConfig(activation="linear", hidden=(8,) * 40, init_scale=1e-5, steps=2),
    "nesterov without momentum": RunConfig(hidden=(6, 6), optimizer="nesterov", momentum=0.0, steps=10),
    "one that diverges": RunConfig(
        dataset="blobs", hidden=(32,) * 20, activation="relu", init_scale=1.8, loss="cross_entropy",
        output_activation="softmax", batch_size=64, learning_rate=0.05,
    ),
    "float32": RunConfig(activation="tanh", hidden=(16,) * 5, dtype="float32", steps=30),
}  # fmt: skip


def expected(trace, head):
    """The recorded rows of a trace under a script's columns."""
    recorded = slice(0, trace.rows_recorded)
    columns = {"step": trace.step, "loss": trace.loss, "holdout_loss": trace.holdout_loss}
    columns |= {f"grad_norm_{layer}": norms for layer, norms in enumerate(trace.grad_norm.T, start=1)}
    assert set(head) == set(columns) - (set() if trace.config.holdout else {"holdout_loss"})
    return np.column_stack([columns[name][recorded] for name in head])


def assert_same_rows(printed, trace, tolerance):
    table = pd.read_csv(io.StringIO(printed), comment="#")
    end = "" if trace.diverged_at is None else f"# diverged at step {trace.diverged_at}:"
    assert end in printed and ("#" in printed) == bool(end)
    np.testing.assert_allclose(table.to_numpy(float), expected(trace, list(table)), rtol=tolerance, atol=0, strict=True)


def run_with_numpy(script, folder, name="script.py"):
    """Output of a script where tests/support/numpy_torch.py stands in for PyTorch."""
    path = folder / name
    path.write_text(script, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed, np.errstate(all="ignore"):
        patch.setitem(sys.modules, "torch", numpy_torch.torch)
        runpy.run_path(str(path), run_name="__main__")
    return printed.getvalue()


@pytest.mark.parametrize("name", CONFIGS)
def test_a_script_prints_the_rows_of_the_trace_with_numpys_functions_in_the_place_of_pytorchs(name, tmp_path):
    (trace,) = train([CONFIGS[name]])
    # 1e-6 in float64; in float32, whose eps is 1.2e-7, orders of summation differ by some eps a layer and step
    tolerance = 1e-6 if CONFIGS[name].dtype == "float64" else 1e-4
    assert_same_rows(run_with_numpy(to_pytorch(CONFIGS[name]), tmp_path), trace, tolerance)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Output of each config's script, run by itself in another folder, where this project cannot be imported."""
    pytest.importorskip("torch", reason="the scripts need PyTorch: pip install -r requirements-torch.txt")
    folder = tmp_path_factory.mktemp("scripts")
    for number, config in enumerate(CONFIGS.values()):
        (folder / f"{number}.py").write_text(to_pytorch(config), encoding="utf-8")
    several = "import runpy, sys\nfor name in sys.argv[1:]:\n    runpy.run_path(name, run_name='__main__'); print('%%')"
    names = [f"{number}.py" for number in range(len(CONFIGS))]
    run = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", several, *names],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert not run.stderr
    return dict(zip(CONFIGS, run.stdout.split("%%\n"), strict=False))


@pytest.mark.slow
@pytest.mark.xdist_group("scripts")  # one worker runs them all, in one process: importing torch takes longer
@pytest.mark.parametrize("name", CONFIGS)
def test_a_script_prints_the_rows_of_the_trace(name, printed):
    (trace,) = train([CONFIGS[name]])
    assert_same_rows(printed[name], trace, 1e-6 if CONFIGS[name].dtype == "float64" else 1e-4)


RECORDED = ("mixed 0", "mixed 4", "mixed 7", "the Lab's first network")


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED)
def test_a_scripts_recording_is_the_trace(name, tmp_path):
    pytest.importorskip("torch", reason="the scripts need PyTorch: pip install -r requirements-torch.txt")
    config = CONFIGS[name]
    (trace,) = train([config])
    script = to_pytorch(config).replace('RECORDING = None  # or "run.jsonl.gz"', 'RECORDING = "run.jsonl.gz"')
    assert 'RECORDING = "run.jsonl.gz"' in script
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    shutil.copy(HOUSE / "gradient_flow_lab" / "recorder.py", tmp_path)  # alone, beside the script
    run = subprocess.run([sys.executable, "-s", "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert not run.stderr
    recording = read_recording((tmp_path / "run.jsonl.gz").read_bytes(), "run.jsonl.gz")
    rows = [row for row in range(trace.rows_recorded) if trace.step[row] % config.record_every == 0]
    assert recording.step.tolist() == trace.step[rows].tolist()
    weights = recording.of_kind("weight")  # without the gains of a normalization
    np.testing.assert_allclose(recording.rows["loss"], trace.loss[rows], rtol=1e-6)
    for field in ("grad_norm", "weight_norm"):
        np.testing.assert_allclose(recording.values[field][:, weights], getattr(trace, field)[rows], rtol=1e-6)
    made = rows[:-1]  # no step is made from the last row
    ratio = recording.update_ratio[: len(made)][:, weights]
    np.testing.assert_allclose(ratio, trace.update_ratio[made], rtol=1e-6)
    if config.clip != "none":
        clipped = recording.values["clipped_grad_norm"][: len(made)][:, weights]
        np.testing.assert_allclose(clipped, trace.clipped_grad_norm[made], rtol=1e-6)
    assert [p.name for p in recording.parameters if p.kind == "weight"] == [
        f"linears.{layer}.weight" for layer in range(trace.layers)
    ]


# What a script does with its recording, in this order: the gradient is whole, and no step has been made of it.
RECORDING_ORDER = (
    "run = start_recording(network, optimizer)", "for step in range(", "loss.backward()", "run.step(loss)",
    "optimizer.step()", "run.close()",
)  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_a_script_records_each_gradient_before_its_step_and_closes_its_file(name):
    script = to_pytorch(CONFIGS[name])
    [main] = [part for part in ast.parse(script).body if isinstance(part, ast.FunctionDef) and part.name == "main"]
    body = ast.unparse(main)
    assert [body.count(words) for words in RECORDING_ORDER] == [1] * len(RECORDING_ORDER)
    places = [body.index(words) for words in RECORDING_ORDER]
    assert places == sorted(places)
    assert script.count("record(network, RECORDING, every=RECORD_EVERY, optimizer=optimizer)") == 1


@pytest.mark.parametrize("clip", CLIPS)
def test_a_script_measures_gradients_again_where_it_clips_them_right_after_that(clip):
    config = RunConfig(clip=clip, weight_decay=0.1, l2=0.1, max_norm=1.0, samples=8, hidden=(3,), steps=1)
    lines = [line.strip() for line in to_pytorch(config).partition("def main():")[2].splitlines()]
    last_of_clip = CLIPS[clip].pytorch.splitlines()[-1:]
    places = [place for place, line in enumerate(lines) if line == "run.clipped()"]
    assert [lines[place - 2 : place] for place in places] == [[line.strip(), "if run:"] for line in last_of_clip]


def data_given():
    rng = np.random.default_rng(5)
    data = rng.standard_normal((30, 3)), rng.standard_normal((30, 2))
    return RunConfig(dataset="custom", hidden=(7, 5), activation="softplus", holdout=0.3, steps=12), data


def test_a_script_holds_the_data_given(tmp_path):
    config, data = data_given()
    assert_same_rows(run_with_numpy(to_pytorch(config, data), tmp_path), train([config], data)[0], 1e-6)


@pytest.mark.slow
def test_a_script_runs_on_data_given():
    pytest.importorskip("torch", reason="the script needs PyTorch: pip install -r requirements-torch.txt")
    config, data = data_given()
    run = subprocess.run(
        [sys.executable, "-I", "-"], input=to_pytorch(config, data), capture_output=True, text=True, timeout=300
    )
    assert not run.stderr
    assert_same_rows(run.stdout, train([config], data)[0], 1e-6)


def test_the_mixed_configs_show_every_member_of_every_registry():
    for field, registry in {
        "activation": ACTIVATIONS, "output_activation": OUTPUT_ACTIVATIONS, "init": INITS, "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES, "class_weight": CLASS_WEIGHTS,
        "clip": CLIPS, "normalization": NORMALIZATIONS, "loss": ("mse", "bce", "cross_entropy"),
    }.items():  # fmt: skip
        mixed = [config for name, config in CONFIGS.items() if name.startswith("mixed")]
        names = [config.activations if field == "activation" else (getattr(config, field),) for config in mixed]
        assert set(chain(*names)) == set(registry)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_script_is_fit_to_read(name):
    script = to_pytorch(CONFIGS[name])
    compile(script, name, "exec")
    assert max(map(len, script.splitlines())) <= 120
    assert "$" not in script
    settings = script.split("as JSON:\n")[1].split('"""')[0]
    assert from_json(settings) == CONFIGS[name]


def test_a_script_has_no_line_that_its_run_does_not_need():
    script = to_pytorch(RunConfig())
    assert not [word for word in ("CLIP", "MOMENTUM", "BATCH", "holdout_loss", "L1", "MAX_NORM") if word in script]


WITHOUT_EFFECT = (
    ({}, {"batch_size": 128}),
    ({}, {"warmup_steps": 1, "schedule_steps": 50}),
    ({}, {"momentum": 0.5, "clip_threshold": 3.0}),
    ({}, {"norm_affine": True}),
    ({"bias": False}, {"bias_std": 0.5}),
    ({"hidden": ()}, {"dropout": 0.5, "residual": True}),
    ({"hidden": ()}, {"normalization": "batch", "norm_affine": True}),
)


@pytest.mark.parametrize("base, fields", WITHOUT_EFFECT, ids=str)
def test_settings_without_effect_change_no_line_of_a_script_but_its_settings_as_json(base, fields):
    one, two = (to_pytorch(RunConfig(samples=128, steps=3, **base, **more)) for more in ({}, fields))
    code = [script.partition("import base64")[2] for script in (one, two)]
    assert one != two and code[0] == code[1]


@given(st.sampled_from(list(ACTIVATIONS)), st.lists(st.floats(-30, 60), min_size=1, max_size=20))
def test_the_pytorch_line_of_an_activation_is_phi_to_1e_12(name, net):
    net = np.array(net)
    line = next(line for line in to_pytorch(activated(name)).splitlines() if line.strip().startswith("y = "))
    expression = line.strip().removeprefix("y = ")
    found = eval(expression, {"torch": numpy_torch.torch, "net": numpy_torch.Tensor(net)})
    # absolute for values near 0, such as gelu's left tail, where 1 + erf loses its digits
    np.testing.assert_allclose(found.values, ACTIVATIONS[name](net), rtol=1e-12, atol=1e-12)


def activated(name):
    return RunConfig(hidden=(2,), activation=name, samples=4, steps=0)


@pytest.mark.parametrize("holdout", [0.0, 0.4])
def test_a_script_holds_as_many_bytes_of_data_as_it_may_those_held_out_among_them(holdout, monkeypatch):
    data = np.ones((10, 3)) * np.arange(10)[:, None], np.ones((10, 2))
    config = RunConfig(dataset="custom", holdout=holdout, steps=1, hidden=(2,))
    monkeypatch.setattr(export, "SCRIPT_DATA_BYTES", 8 * 10 * 5)
    assert "DATA" in to_pytorch(config, data)
    monkeypatch.setattr(export, "SCRIPT_DATA_BYTES", 8 * 10 * 5 - 1)
    with pytest.raises(ConfigError, match="400 bytes"):
        to_pytorch(config, data)


ORDER = ("loss.backward()", "L1 * linear.weight.sign()", "clip_grad_value_(network", "1 - LEARNING_RATE * WEIGHT_DECAY",
         "optimizer.step()", "torch.clamp(MAX_NORM")  # fmt: skip


def test_a_step_is_gradient_penalties_clipping_decay_update_and_projection_in_this_order():
    config = RunConfig(hidden=(4,), samples=8, l1=0.1, l2=0.1, clip="value", weight_decay=0.1, max_norm=1.0, steps=2)
    script = to_pytorch(config)
    body = script[script.index("def main()") :]
    assert [body.count(part) for part in ORDER] == [1] * len(ORDER)
    positions = [body.index(part) for part in ORDER]
    assert positions == sorted(positions)


def test_no_script_for_a_run_that_train_refuses():
    with pytest.raises(ConfigError, match="^loss"):
        to_pytorch(RunConfig(dataset="sine", loss="bce", output_activation="sigmoid"))
    with pytest.raises(ConfigError, match="^dataset"):
        to_pytorch(RunConfig(dataset="custom"))
    with pytest.raises(ConfigError, match="^data = .* at most 50,000,000"):
        to_pytorch(RunConfig(dataset="custom"), (np.ones((70_000, 100)), np.ones((70_000, 1))))


# -- tables -----------------------------------------------------------------------------------------------------


def test_csv_of_a_trace_holds_every_digit_of_its_frame():
    (trace,) = train([RunConfig(hidden=(6, 5), activation="tanh", steps=19, record_every=2, samples=20, holdout=0.2)])
    back = pd.read_csv(io.StringIO(to_csv(trace)))
    pd.testing.assert_frame_equal(back, trace.to_frame(), check_exact=True)


@pytest.mark.parametrize("cell", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\tx", "\r=1", "\n=1", "-2+3"])
def test_csv_gives_a_spreadsheet_no_formula_to_run(cell):
    back = pd.read_csv(io.StringIO(to_csv(pd.DataFrame({cell: [cell, "plain"]})), newline=""))
    assert list(back) == ["'" + cell]
    assert list(back.iloc[:, 0]) == ["'" + cell, "plain"]


def test_csv_leaves_numbers_alone_also_those_written_as_text():
    frame = pd.DataFrame({"number": [-1.5, 2.0], "text": ["-1.5", "+2e-3"], "mixed": [-3, "x"]})
    assert to_csv(frame).split("\r\n") == ["number,text,mixed", "-1.5,-1.5,-3", "2.0,+2e-3,x", ""]


# -- JSON -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_json_round_trip_gives_the_same_config(name):
    text = to_json(CONFIGS[name])
    assert from_json(text) == CONFIGS[name]
    assert from_json(b"\xef\xbb\xbf" + text.encode()) == CONFIGS[name]  # as an editor on Windows saves it


def test_json_of_the_largest_config_can_be_read_back():
    largest = RunConfig(hidden=(4096,) * 500)
    assert from_json(to_json(largest)) == largest


def test_json_settings_that_are_missing_take_their_defaults():
    assert from_json('{"activation": "relu"}') == RunConfig(activation="relu")


NO_SETTINGS = {
    "empty": "",
    "cut short": '{"seed": 1',
    "no text": b"\xff\xfe{}",
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "too large": " " * (JSON_BYTES + 1),
    "endless brackets": "[" * 50_000,
    "endless digits": '{"seed": 1' + "0" * 5000 + "}",
}
NOT_ALLOWED = {
    "foreign": '{"neurons": 3}',
    "learning_rate": '{"learning_rate": NaN}',
    "init_scale": '{"init_scale": -Infinity}',
    "noise": '{"noise": 1e999}',
    "seed": '{"seed": 1' + "0" * 400 + "}",
    "steps": '{"steps": true}',
    "hidden": '{"hidden": ' + "[" * 500 + "]" * 500 + "}",
    "l2": '{"l2": ' + '{"a":' * 500 + "1" + "}" * 501,
    "clip": '{"clip": {"threshold": 1}}',
    "k" * 37 + "...": '{"' + "k" * 5000 + '": 1}',
    r"'\ud800'": r'{"\ud800": 1}',
}


@pytest.mark.parametrize("length", [1, 39, 40, 41, 300])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_file_is_shown_by_its_first_forty_characters_and_dots_where_there_are_more(length, as_bytes):
    text = "x" * length
    with pytest.raises(ConfigError) as error:
        from_json(text.encode() if as_bytes else text)
    assert error.value.value == text[:40] + "..." * (length > 40)


@pytest.mark.parametrize("case", NO_SETTINGS)
def test_what_is_no_object_of_settings_is_refused_in_one_sentence(case):
    with pytest.raises(ConfigError, match="^config = ") as error:
        from_json(NO_SETTINGS[case])
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


@pytest.mark.parametrize("field", NOT_ALLOWED)
def test_a_bad_setting_is_refused_by_name_in_one_sentence(field):
    with pytest.raises(ConfigError) as error:
        from_json(NOT_ALLOWED[field])
    name = "neurons" if field == "foreign" else field
    assert str(error.value).startswith(f"{name} = ")
    longest = 120 + len(", ".join(RULES))  # a refusal may name all settings that there are
    assert len(str(error.value).encode()) < longest and "\n" not in str(error.value)
