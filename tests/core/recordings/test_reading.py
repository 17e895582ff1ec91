"""Recordings are read as they were written, in every form in which they lie on people's disks."""

import gzip
import io
import json
import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import ConfigError, RunConfig, train
from core.recordings import read_recording
from core.recordings.examples import load_example
from core.recordings.keys import parse_key
from core.recordings.recording import natural_key
from gradient_flow_lab.recorder import RecordingFile
from tests.support.events import event_file

NAMES = ("net.0.weight", "net.0.bias", "net.2.weight", "net.10.weight")
PARAMETERS = [
    {"parameter": name, "layer": layer, "kind": "bias" if "bias" in name else "weight", "size": 4}
    for name, layer in zip(NAMES, (1, 1, 2, 3), strict=True)
]
ENDINGS = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet")
numbers = st.floats(allow_nan=True, allow_infinity=True, width=64) | st.none()


def write(path, rows):
    file = RecordingFile(path, PARAMETERS, "torch")
    for row in rows:
        file.write(row)
    file.close()
    return path.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recordings")


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=40)
@given(data=st.data())
def test_what_the_recorder_writes_is_read_back(ending, data, folder):
    steps = data.draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=4, unique=True).map(sorted))
    finite = st.floats(min_value=1e-300, max_value=1e300)
    table = [[data.draw(finite)] + [data.draw(numbers) for _ in NAMES[1:]] for _ in steps]
    loss = [data.draw(st.floats(allow_nan=False, allow_infinity=False)) for _ in steps]
    rows = [{"step": s, "loss": e, "grad_norm": g} for s, e, g in zip(steps, loss, table, strict=True)]
    raw = write(folder / f"run.{ending}", rows)
    recording = read_recording(raw, "run")
    assert recording.step.tolist() == steps
    assert [p.name for p in recording.parameters] == list(NAMES)
    assert [(p.layer, p.kind, p.size) for p in recording.parameters] == [
        (1, "weight", 4),
        (1, "bias", 4),
        (2, "weight", 4),
        (3, "weight", 4),
    ]
    expected = np.array([[math.nan if v is None else v for v in row] for row in table])
    np.testing.assert_array_equal(recording.values["grad_norm"], expected)
    np.testing.assert_array_equal(recording.rows["loss"], loss)


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_the_file_of_a_killed_process_is_read_up_to_its_last_whole_line(tmp_path, ending):
    raw = write(tmp_path / f"run.{ending}", [{"step": s, "grad_norm": [1.0, 2.0, 3.0, 4.0 + s]} for s in range(3)])
    plain = gzip.decompress(raw) if ending.endswith("gz") else raw
    cut = plain[:-9]
    raw = gzip.compress(cut)[:-8] if ending.endswith("gz") else cut
    recording = read_recording(raw, "run")
    assert recording.step.tolist() == [0, 1]
    assert recording.values["grad_norm"][1].tolist() == [1, 2, 3, 5]


def test_a_trace_of_the_lab_is_a_recording_too():
    [trace] = train([RunConfig(hidden=(4, 4), samples=16, steps=3)])
    raw = trace.to_frame().to_csv(index=False).encode()
    recording = read_recording(raw, "trace.csv")
    np.testing.assert_array_equal(recording.values["grad_norm"], trace.grad_norm)
    assert [p.layer for p in recording.parameters] == [1, 2, 3]


LOGGED = [(f"grad_2.0_norm/{name}", step, 0.5 + i + 10 * step) for step in (0, 5) for i, name in enumerate(NAMES)]
EXPECTED = np.array([[0.5, 1.5, 2.5, 3.5], [50.5, 51.5, 52.5, 53.5]])


def check(recording, order=("net.0.bias", "net.0.weight", "net.2.weight", "net.10.weight")):
    assert [p.name for p in recording.parameters] == list(order)
    at = [NAMES.index(p.name) for p in recording.parameters]
    assert recording.step.tolist() == [0, 5]
    np.testing.assert_allclose(recording.values["grad_norm"], EXPECTED[:, at], rtol=1e-7)


@pytest.mark.parametrize("as_tensor", [False, True])
def test_a_tensorboard_event_file(as_tensor):
    check(read_recording(event_file([*LOGGED, ("train_loss", 0, 1.0)], as_tensor), "events.out.tfevents.1"))


def test_an_event_file_cut_off_in_its_last_record_is_read_up_to_there():
    raw = event_file([*LOGGED, ("grad_2.0_norm/net.0.weight", 6, 1.0)])
    check(read_recording(raw[:-7], "events"))


def wide(sep=","):
    columns = ["epoch", *sorted(f"grad_2.0_norm/{name}" for name in NAMES), "step", "train_loss"]
    table = pd.DataFrame(columns=columns)
    for step in (0, 5):
        values = {tag: value for tag, at, value in LOGGED if at == step}
        table.loc[len(table)] = {"epoch": 0, "step": step, **values}
        table.loc[len(table)] = {"epoch": 0, "step": step, "train_loss": 1.0 + step}  # rows with gaps
    return table.to_csv(index=False, sep=sep).encode()


@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_lightnings_csv_logger_whose_columns_are_sorted_as_words(sep):
    recording = read_recording(wide(sep), "metrics.csv")
    check(recording)
    assert recording.rows["loss"].tolist() == [1.0, 6.0]


def test_a_weights_and_biases_export_with_the_runs_name_and_its_bounds():
    table = pd.DataFrame({"Step": [0, 5]})
    for i, name in enumerate(NAMES):
        table[f"swift-sun-3 - gradients/{name}"] = EXPECTED[:, i]
        table[f"swift-sun-3 - gradients/{name}__MIN"] = -1.0
        table[f"swift-sun-3 - gradients/{name}__MAX"] = 99.0
    check(read_recording(table.to_csv(index=False).encode(), "wandb_export.csv"))


def test_of_an_export_with_several_runs_the_first_is_read_and_a_note_says_so():
    table = pd.DataFrame({"Step": [0, 5]})
    for run, factor in (("swift-sun-3", 1.0), ("late-moon-4", 1e6)):
        for i, name in enumerate(NAMES):
            table[f"{run} - gradients/{name}"] = factor * EXPECTED[:, i]
    recording = read_recording(table.to_csv(index=False).encode(), "wandb_export.csv")
    check(recording)
    assert "2 runs" in recording.notes[0] and "swift-sun-3" in recording.notes[0]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_that_lists_its_steps_is_read_as_lines_are(indent):
    steps: dict = {0: {}, 5: {}}
    for tag, step, value in LOGGED:
        steps[step][tag] = value
    state = {"best_metric": None, "log_history": [{"step": step, **values} for step, values in steps.items()]}
    check(read_recording(json.dumps(state, indent=indent).encode(), "trainer_state.json"))


def test_a_long_table_of_tags_with_other_measurements_between():
    lines = ["tag,step,value", *(f"{tag},{step},{value}" for tag, step, value in LOGGED), "val_acc,0,0.5", "lr,5,0.1"]
    recording = read_recording("\n".join(lines).encode(), "scalars.csv")
    check(recording)
    assert recording.rows["learning_rate"][1] == 0.1


def test_a_long_table_of_layers_counts_the_tenth_after_the_second():
    lines = ["step,layer,grad_norm", *(f"{step},{layer},{layer + step}" for step in (0, 5) for layer in (10, 2, 0))]
    recording = read_recording("\n".join(lines).encode(), "layers.csv")
    assert [p.name for p in recording.parameters] == ["0", "2", "10"]
    assert recording.values["grad_norm"].tolist() == [[0, 2, 10], [5, 7, 15]]


def test_json_lines_with_an_object_a_step():
    raw = "\n".join(
        json.dumps({"step": s, "loss": 1.0, "per_layer": {"0": s + 0.5, "10": 3.0, "2": 2.0}}) for s in (0, 5)
    )
    recording = read_recording(raw.encode(), "log.jsonl")
    assert [p.name for p in recording.parameters] == ["0", "2", "10"]
    assert recording.values["grad_norm"].tolist() == [[0.5, 2, 3], [5.5, 2, 3]]


@pytest.mark.parametrize(
    "key, field, parameter",
    [
        ("grad_2.0_norm/net.0.weight", "grad_norm", "net.0.weight"),
        ("grad_2.0_norm_total", "global_grad_norm", None),
        ("grad_norm", "global_grad_norm", None),
        ("grad_norm/encoder.0", "grad_norm", "encoder.0"),
        ("run one - gradients/l1.weight", "grad_norm", "l1.weight"),
        ("net.0.weight/grad_norm", "grad_norm", "net.0.weight"),
        ("train/grad_norm/0", "grad_norm", "0"),
        ("train_loss", "loss", None),
        ("lr-SGD", "learning_rate", None),
        ("weight_norm/net.0", "weight_norm", "net.0"),
        ("grads/net.0.weight_norm", "grad_norm", "net.0.weight"),
        ("metrics/grads/encoder/0/weight/norm", "grad_norm", "encoder/0/weight"),
        ("grad_norm/layers.0.attn_norm", "grad_norm", "layers.0.attn_norm"),
        ("logs/loss", "loss", None),
    ],
)
def test_a_logged_name_says_what_it_is(key, field, parameter):
    assert parse_key(key) == (field, parameter)


@pytest.mark.parametrize("key", ["gradient_clip_val", "val_acc", "grad_hist/net.0", "epoch", "upgrade/x"])
def test_other_names_are_none(key):
    assert parse_key(key) is None


def test_numbers_in_names_count_as_numbers():
    assert sorted(["net.10.w", "net.2.w", "net.2.b"], key=natural_key) == ["net.2.b", "net.2.w", "net.10.w"]


def packed(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


REFUSED = {
    "empty": (b"", "empty"),
    "no gradients": (b"step,val_acc\n0,0.5\n", "val_acc"),
    "a word": (b"step,layer,grad_norm\n0,1,0.5\n1,1,fast\n", "line 3, column grad_norm: 'fast'"),
    "no step": (b"layer,grad_norm\n0,1\n", "a step"),
    "not text": (b"a,b\n1,2\n\xff\xfe\xfa", "line 3"),
    "broken json": (b'{"step": 0}\n{"step": \n{}\n', "line 2"),
    "a list": (b"[1, 2]", "object"),
    "damaged parquet": (b"PAR1" + b"x" * 50, "Parquet"),
    "NumPy arrays": (packed(lambda file: np.savez(file, grad_norm=np.ones((3, 4)))), "a zip archive"),
    "a NumPy array": (packed(lambda file: np.save(file, np.ones((3, 4)))), "a NumPy array"),
    "a word after blank lines": (b"step,layer,grad_norm\n0,a,1\n\n\n1,a,abc\n", "line 5, column grad_norm: 'abc'"),
    "damaged gzip": (b"\x1f\x8b" + b"x" * 50, "unpacked"),
    "a number without end": (
        json.dumps({"format": "gradient-flow-lab-recording", "version": 1, "parameters": PARAMETERS[:1]}).encode()
        + b'\n{"step": 0, "grad_norm": [1'
        + b"0" * 400
        + b"]}\n",
        "line 2, grad_norm: ",
    ),
    "unknown version": (b'{"format": "gradient-flow-lab-recording", "version": 9, "parameters": []}\n', "version 9"),
    "short row": (
        json.dumps({"format": "gradient-flow-lab-recording", "version": 1, "parameters": PARAMETERS}).encode()
        + b'\n{"step": 0, "grad_norm": [1.0]}\n',
        "line 2: grad_norm needs 4 numbers",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_gets_one_sentence_that_names_the_place(case):
    raw, word = REFUSED[case]
    with pytest.raises(ConfigError) as error:
        read_recording(raw, "file.csv")
    assert word in str(error.value) and "file.csv" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused_before_it_fills_the_memory():
    bomb = gzip.compress(b"0" * 3_000_000)
    with pytest.raises(ConfigError, match="more than 1,000,000 bytes"):
        read_recording(bomb, "bomb.csv.gz", max_bytes=1_000_000)


LONG = pd.DataFrame({"step": [0, 0, 1, 1], "layer": ["a", "b"] * 2, "grad_norm": [1.5, 2, 3, 4]})
WIDE = pd.DataFrame({"step": [0, 1], "grad_norm/a": [1.5, 3], "grad_norm/b": [2, 4]})
OTHER_FORMS = {
    "long Parquet": packed(LONG.to_parquet),
    "wide Parquet": packed(WIDE.to_parquet),
    "UTF-16": LONG.to_csv(index=False).encode("utf-16"),
    "decimal commas": LONG.to_csv(index=False, sep=";", decimal=",").encode(),
    "semicolons and points": LONG.to_csv(index=False, sep=";").encode(),
    "tabs": LONG.to_csv(index=False, sep="\t", lineterminator="\r\n").encode(),
}


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_a_log_of_another_program_is_read_in_any_form(form):
    recording = read_recording(OTHER_FORMS[form], "log")
    assert [parameter.name for parameter in recording.parameters] == ["a", "b"]
    assert recording.values["grad_norm"].tolist() == [[1.5, 2], [3, 4]]


@pytest.mark.parametrize("members", [1, 3, 700])
def test_gzip_of_any_number_of_members_is_one_file(members):
    raw = b"step,layer,grad_norm\n0,a,1\n0,b,2\n1,a,3\n1,b,4\n"
    recording = read_recording(
        b"".join([gzip.compress(b"")] * members + [gzip.compress(raw[:20]), gzip.compress(raw[20:])]), "run.csv.gz"
    )
    assert recording.values["grad_norm"].tolist() == [[1, 2], [3, 4]]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw):
    for start in (b"", b"PAR1", b"\x1f\x8b", b"{", event_file([])):
        try:
            read_recording(start + raw, "x")
        except ConfigError as error:
            assert "\n" not in str(error)


def test_the_table_of_a_recording_is_read_back(tmp_path):
    raw = write(
        tmp_path / "run.jsonl", [{"step": s, "loss": 0.5, "grad_norm": [1.0, 2.0, 3.0, s + 0.5]} for s in (0, 3)]
    )
    recording = read_recording(raw, "run")
    again = read_recording(recording.to_frame().to_csv(index=False).encode(), "again")
    np.testing.assert_array_equal(again.values["grad_norm"], recording.values["grad_norm"])
    assert io.StringIO(recording.to_frame().to_csv()).readline().startswith(",step,loss,parameter,layer,kind")


def test_a_logged_nan_is_a_gradient_that_is_not_finite_and_an_empty_cell_is_none():
    raw = b"step,grad_norm/a,grad_norm/b\n0,1.0,2.0\n1,nan,\n2,,NaN\n"
    recording = read_recording(raw, "metrics.csv")
    assert recording.not_finite.tolist() == [[False, False], [True, False], [False, True]]


def test_a_nan_of_an_event_file_is_not_finite():
    recording = read_recording(event_file([("grad_norm/a", 0, 1.0), ("grad_norm/a", 1, math.nan)]), "events")
    assert recording.not_finite[:, 0].tolist() == [False, True]


def test_event_files_of_one_run_are_read_after_each_other():
    first, second = ([entry for entry in LOGGED if entry[1] == step] for step in (0, 5))
    check(read_recording(event_file(first) + event_file(second), "events"))


def test_of_two_values_for_one_step_the_later_counts():
    raw = b"step,layer,grad_norm\n0,1,1.0\n0,1,3.0\n"
    assert read_recording(raw, "layers.csv").values["grad_norm"].tolist() == [[3.0]]


HEAD = {"format": "gradient-flow-lab-recording", "version": 1}


@pytest.mark.parametrize(
    "parameter",
    [
        {"parameter": "a", "layer": "x", "kind": 7, "size": "many"},
        {"parameter": ["a"], "layer": None, "kind": "<b>", "size": -3},
        {"parameter": "a", "layer": 1e400, "size": 0.5},
        {"parameter": None},
    ],
)
def test_what_a_head_says_wrongly_is_guessed_from_the_names(parameter):
    lines = [json.dumps(HEAD | {"parameters": [parameter]}), json.dumps({"step": 0, "grad_norm": [1.0]})]
    [read] = read_recording("\n".join(lines).encode(), "run.jsonl").parameters
    assert (read.layer, read.kind, read.size) == (1, "weight", None)


@pytest.mark.parametrize("step", [-1, 2**31, "nan", "inf", "-inf", 1e300])
def test_a_step_that_is_no_count_is_refused(step):
    lines = [json.dumps(HEAD | {"parameters": [{"parameter": "a"}]}), json.dumps({"step": step, "grad_norm": [1.0]})]
    with pytest.raises(ConfigError, match="is not a number from 0 to"):
        read_recording("\n".join(lines).encode(), "run.jsonl")


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000, b'{"format": "x", "a": ' + b"[" * 100_000])
def test_brackets_without_end_are_refused(deep):
    with pytest.raises(ConfigError):
        read_recording(deep, "deep.json")


@pytest.mark.parametrize("name", ["vanishing_mlp", "transformer_pre_ln"])
def test_what_the_recorder_says_of_the_model_is_read(name):
    details = load_example(name).details
    assert details["framework"].startswith("torch") and details["dtype"] == "float32"
    assert ("chain" in details) == (name == "vanishing_mlp")


@pytest.mark.slow
def test_a_hundred_megabytes_of_thousands_of_layers_are_read_in_ten_seconds():
    names, rng = [f"grad_2.0_norm/net.{i}.weight" for i in range(2000)], np.random.default_rng(0)
    table = pd.DataFrame(rng.random((2_650, 2000)), columns=sorted(names))
    raw = table.assign(step=np.arange(2_650)).to_csv(index=False).encode()
    assert len(raw) > 100_000_000
    start = time.process_time()  # of this process alone, however busy the machine
    recording = read_recording(raw, "metrics.csv")
    assert time.process_time() - start < 10
    assert recording.values["grad_norm"].shape == (2_650, 2000)
    assert recording.parameters[10].name == "net.10.weight"
    np.testing.assert_array_equal(recording.values["grad_norm"][:, 10], table["grad_2.0_norm/net.10.weight"])


@pytest.mark.parametrize("steps, kind", [((0, 5), "i"), ((0, 0.5), "f"), ((0.25, 0.75), "f")])
@pytest.mark.parametrize("form", ["table of the recorder", "table of layers", "columns", "lines"])
def test_whole_steps_are_whole_numbers_and_others_stay_as_they_are(form, steps, kind):
    first, second = steps
    raw = {
        "table of the recorder": f"step,parameter,grad_norm\n{first},a,1\n{second},a,2\n",
        "table of layers": f"step,layer,grad_norm\n{first},a,1\n{second},a,2\n",
        "columns": f"step,grad_norm/a\n{first},1\n{second},2\n",
        "lines": f'{{"step": {first}, "grad_norm/a": 1}}\n{{"step": {second}, "grad_norm/a": 2}}\n',
    }[form]
    recording = read_recording(raw.encode(), "run")
    assert recording.step.tolist() == list(steps) and recording.step.dtype.kind == kind


@given(st.permutations(range(4)))
def test_lines_of_the_recorder_may_stand_in_any_order(order):
    head = {"format": "gradient-flow-lab-recording", "version": 1, "parameters": PARAMETERS}
    lines = [{"step": 3 * k, "grad_norm": [k + 0.1 * i for i in range(4)]} | ({"loss": k + 0.5} if k != 1 else {})
             for k in range(4)]  # fmt: skip
    raw = "\n".join(json.dumps(line) for line in (head, *(lines[k] for k in order)))
    recording = read_recording(raw.encode(), "run")
    assert recording.step.tolist() == [0, 3, 6, 9]
    np.testing.assert_array_equal(recording.values["grad_norm"], [line["grad_norm"] for line in lines])
    np.testing.assert_array_equal(recording.rows["loss"], [0.5, np.nan, 2.5, 3.5])


def test_of_a_table_whose_steps_lack_a_loss_the_others_are_kept():
    raw = b"step,parameter,grad_norm,loss\n0,a,1,0.5\n0,b,2,\n5,a,3,\n5,b,4,\n9,a,5,\n9,b,6,0.25\n"
    recording = read_recording(raw, "run.csv")
    np.testing.assert_array_equal(recording.rows["loss"], [0.5, np.nan, 0.25])
    assert recording.values["grad_norm"].tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("value", [10**400, -(10**400), [], [1.0], {}, "many"])
def test_a_value_that_is_no_number_of_this_machine_is_refused_with_its_line(value):
    lines = [json.dumps(HEAD | {"parameters": [{"parameter": "a"}]}), json.dumps({"step": 0, "grad_norm": [1.0]})]
    lines.append(json.dumps({"step": 1, "grad_norm": [value]}))
    with pytest.raises(ConfigError, match="line 3.*is not a number"):
        read_recording("\n".join(lines).encode(), "run.jsonl")
