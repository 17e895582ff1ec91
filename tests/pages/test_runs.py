"""Your run, driven without a browser: examples, files of all kinds, two beside each other, and what is refused."""

import gzip
import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core import RunConfig
from core.diagnosis.recordings import RECORDING_VERDICTS
from core.recordings.examples import EXAMPLES, FOLDER
from tests.support.checkout import HOUSE
from tests.support.events import event_file
from ui.runs.files import get_example
from ui.runs.snippets import NOTES, SNIPPETS, read_recorder
from ui.text import typeset
from ui.urls.link import to_config, to_values

RAW = gzip.decompress((FOLDER / "dead_cnn.jsonl.gz").read_bytes())
EVENTS = [(f"grad_norm/net.{i}.weight", step, 0.1**i) for step in (0, 10) for i in range(5)]


def visit(**parameters):
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=240)
    app._page_hash = calc_hash("runs")  # as a browser asks for a page of the navigation
    for name, value in parameters.items():
        app.query_params[name] = value
    return calm(app.run())


def calm(app):
    assert not app.exception
    return app


def upload(app, name, raw, key="runs_file"):
    return calm(app.file_uploader(key=key).upload(name, raw, "application/octet-stream").run())


def verdicts(app):
    return [header.value.partition("] ")[2] for header in app.header]


def captions(app):
    return " ".join(caption.value.replace("\\", "").replace("\u2060", "") for caption in app.caption)


def charts(app):
    return [json.loads(chart.proto.spec)["layout"]["title"]["text"] for chart in app.get("plotly_chart")]


def is_presentable(app):
    return "present" in [button.key for button in app.button]


def test_a_first_visit_shows_a_verdict_the_picture_and_the_lines_to_record_ones_own_run():
    app = visit()
    assert verdicts(app) == [RECORDING_VERDICTS["vanishing"]]
    assert charts(app)[:2] == ["Gradient norm by layer", "Gradient norm over the steps"]
    codes = [code.value for code in app.code]
    assert all(snippet.strip() in [code.strip() for code in codes] for snippet in SNIPPETS.values())
    assert "run.step(loss)" in SNIPPETS["PyTorch"] and b"def record(" in read_recorder()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_opens_by_its_address(name):
    app = visit(example=name)
    assert len(verdicts(app)) == 1
    assert EXAMPLES[name].label in captions(app)
    assert len(charts(app)) >= 4
    assert is_presentable(app)


def test_two_examples_stand_beside_each_other_with_their_profiles_on_one_axis():
    app = visit(example="resnet_plain", beside="resnet_residual")
    assert verdicts(app) == [RECORDING_VERDICTS["vanishing"], RECORDING_VERDICTS["healthy"]]
    profiles = [json.loads(chart.proto.spec)["layout"] for chart in app.get("plotly_chart")]
    profiles = [frame for frame in profiles if frame["title"]["text"] == "Gradient norm by layer"]
    assert len(profiles) == 2
    assert profiles[0]["yaxis"]["range"] == profiles[1]["yaxis"]["range"]
    assert is_presentable(app)


def test_an_uploaded_file_takes_the_place_of_the_example_and_the_snippet_folds():
    app = upload(visit(), "mine.jsonl", RAW)
    assert verdicts(app) == [RECORDING_VERDICTS["dead"]]
    assert "mine.jsonl: 60 recorded steps" in captions(app)
    assert app.selectbox(key="example").disabled
    assert not is_presentable(app)  # the wall opens a link, which has no file
    app.session_state["share"] = True
    assert "The link does not contain your file." in captions(calm(app.run()))


def test_a_file_and_an_example_stand_beside_each_other():
    app = upload(visit(beside="vanishing_mlp"), "mine.jsonl", RAW)
    assert verdicts(app) == [RECORDING_VERDICTS["dead"], RECORDING_VERDICTS["vanishing"]]
    assert not is_presentable(app)
    # above the pictures no more than whose run it is
    told = [caption.value.replace("\\", "").replace("\u2060", "") for caption in app.caption]
    runs = [words for words in told if words == "mine.jsonl" or words.startswith("50-layer MLP that vanishes: ")]
    files = [words for words in told if re.match(r"\d+ recorded steps, ", words)]
    assert len(runs) == len(files) == 2
    assert told.index(runs[1]) < told.index(files[0])


def recipe(app):
    [box] = [box for box in app.expander if box.label == "Record your own run in three lines"]
    return box.proto.expanded


def test_the_lines_to_record_a_run_are_open_until_somebody_has_one():
    app = visit(beside="dead_cnn")
    assert recipe(app)
    assert not recipe(upload(app, "mine.jsonl", RAW))
    assert not recipe(upload(visit(), "mine.jsonl", RAW))
    assert not recipe(upload(visit(), "mine.jsonl", RAW, "runs_file_beside"))


@pytest.mark.parametrize("second", ["none", "dead_cnn"])
def test_the_second_run_is_chosen_in_a_box_that_is_open_where_there_is_one(second):
    [box] = [box for box in visit(beside=second).expander if box.label == "A second run beside it"]
    assert box.proto.expanded == (second != "none")


def test_every_finding_of_a_recording_has_its_own_words_and_its_own_code():
    shown = get_example("float16_underflow")
    gravest, *others = shown.diagnosis.findings
    assert len(others) > 1
    app = visit(example="float16_underflow")
    codes = [code.value for code in app.code if code.value.startswith("# ")]
    assert codes == [
        "\n".join(f"# {'or: ' if i else ''}{s.label}\n{s.code}" for i, s in enumerate(finding.suggestions))
        for finding in shown.diagnosis.findings
    ]
    said = [element.value.replace("\\", "").replace("\u2060", "") for element in app.markdown]
    assert typeset(gravest.what) in said and typeset(gravest.why) in said
    for finding in others:
        assert any(f"{typeset(finding.what)} {typeset(finding.why)}" in words for words in said), finding.name
    [also] = [box.label for box in app.expander if box.label.startswith("Also: ")]
    assert also == "Also: " + ", ".join(RECORDING_VERDICTS[finding.name].lower() for finding in others)


def test_every_framework_has_its_own_lines_and_its_own_note():
    app = visit()
    assert list(SNIPPETS) == list(NOTES) == [tab.label for tab in app.tabs]
    for tab in app.tabs:
        assert [code.value.strip() for code in tab.code] == [SNIPPETS[tab.label].strip()]
        assert [caption.value for caption in tab.caption] == [NOTES[tab.label]]


def test_event_files_of_one_run_are_one_recording():
    parts = [event_file([entry for entry in EVENTS if entry[1] == step]) for step in (0, 10)]
    files = [(f"events.{i}", raw, "application/octet-stream") for i, raw in enumerate(parts)]
    app = visit()
    calm(app.file_uploader(key="runs_file").set_value(files).run())
    assert "2 recorded steps, 0 to 10" in captions(app)


def test_a_chain_of_linear_layers_opens_in_the_lab_with_its_own_settings():
    app = visit()
    [link] = [button.proto.url for button in app.get("link_button")]
    config = to_config(to_values(RunConfig()) | read_query(link))
    assert config.hidden == (32,) * 50 and config.activation == "sigmoid" and config.learning_rate == 0.05
    assert not visit(example="resnet_plain").get("link_button")


def profile(**query):
    return visit(**query).get("plotly_chart")[0].proto.spec


def test_theorys_line_lies_over_the_profile_of_a_recognized_network_in_its_own_order():
    name, example = "typical network (theory, step 0)", {"example": "float16_underflow"}
    assert name in profile(**example)
    for query in ({"relative_norm": "false"}, {"order": "reversed"}, {"pattern": "2."}, {"example": "dead_cnn"}):
        assert name not in profile(**example | query)


def test_a_scene_opens_at_its_step_and_axis_with_its_curves():
    app, closed = visit(example="dead_cnn", step="120", axis="-3,2", runs_more="true"), visit(example="dead_cnn")
    layout = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]
    assert layout["yaxis"]["range"] == [-3, 2] and layout["sliders"][0]["active"] > 0
    assert len(charts(app)) > len(charts(closed))
    assert "true" in app.query_params["runs_more"]


def test_a_recording_opens_on_the_step_that_its_headline_names_unless_the_address_names_one():
    for query, words in ({}, "Step 236: "), ({"step": "0"}, "Step 0: "):
        app = visit(example="dead_cnn", **query)
        assert any("At step 236, " in markdown.value for markdown in app.markdown)
        drawings = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
        [shown] = [drawing for drawing in drawings if drawing.get("name") == "words"]
        assert shown["text"][0].startswith(words)
        assert ("step" in app.query_params) == bool(query)


def read_query(link):
    numbers = dict(parse_qsl(urlsplit(link).query))
    return {key: float(text) if text.replace(".", "", 1).isdigit() else text for key, text in numbers.items()}


def test_kinds_and_patterns_choose_the_tensors_and_none_is_said():
    app = visit(example="transformer_pre_ln")
    calm(app.selectbox(key="tensors").select("norms").run())
    assert "50 norms" in captions(app)
    calm(app.text_input(key="pattern").input("blocks.3 ").run())
    assert "blocks.3" in str(app.query_params["pattern"])
    calm(app.text_input(key="pattern").input("zzz").run())
    assert "no norms" in app.info[0].value.replace("\\", "")
    assert "Loss" in charts(app)


REFUSED = {
    "no gradients": (b"step,val_acc\n0,0.5\n", "val_acc"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not UTF-8"),
    "empty": (b"", "empty"),
    "a word": (b"step,layer,grad_norm\n0,1,fast\n", "line 2, column grad_norm"),
    "markup": (b"<b>,step\n1,2\n", "<b>"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_no_recording_is_refused_in_a_sentence_and_the_page_stays(case):
    raw, word = REFUSED[case]
    app = upload(visit(), "file.csv", raw)
    [error] = [element.value.replace("\\", "").replace("\u2060", "") for element in app.error]
    assert word in error and "file.csv" in error and "\n" not in error
    assert app.title[0].value == "Your run"


def test_a_file_above_the_servers_limit_is_refused_with_the_limit(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOAD", "20000")
    app = upload(visit(), "mine.jsonl", RAW)
    assert "20,000 bytes" in app.error[0].value.replace("\\", "")


def test_a_small_file_that_unpacks_to_much_is_refused(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOAD", "20000")
    app = upload(visit(), "bomb.csv.gz", gzip.compress(b"0" * 5_000_000))
    assert "more than 200,000 bytes" in app.error[0].value.replace("\\", "")
