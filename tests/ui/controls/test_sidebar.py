"""The sidebar: its words about the data chosen, its ready settings, and its remedies."""

import pytest
from streamlit.testing.v1 import AppTest

from core import ConfigError
from core.data.datasets import DATASETS
from core.data.targets import recommended_losses
from tests.support.checkout import HOUSE
from tests.support.nothing import anything
from ui.controls import sidebar
from ui.controls.fields import option_label

SMALL = {"depth": "1", "width": "2", "steps": "2", "samples": "8"}  # a run that takes no time
WORDS = {"regression": "Regression", "two-class": "Two classes", "multi-class": "Several classes"}


def captions(dataset):
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=240)
    for name, value in (SMALL | {"dataset": dataset}).items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return [caption.value.replace("\\", "") for caption in app.sidebar.caption]


@pytest.mark.parametrize("name", [name for name, data in DATASETS.items() if data.task])
def test_a_dataset_is_described_with_its_task_and_its_source(name):
    data = DATASETS[name]
    assert f"{data.description} {WORDS[data.task]}. Source: {data.source}." in captions(name)


def test_a_table_still_to_come_has_no_task_and_no_source():
    assert DATASETS["custom"].description in captions("custom")


@pytest.mark.parametrize("name, applied", [("one", ["first"]), ("two", ["second"]), (None, []), ("nonsense", [])])
def test_a_preset_that_is_chosen_is_applied_and_any_other_text_changes_nothing(name, applied, monkeypatch):
    monkeypatch.setattr(sidebar, "session_by_name", {"setup": name})
    seen = []
    sidebar._apply_preset("setup", {"one": "first", "two": "second"}, seen.append)
    assert seen == applied


@pytest.mark.parametrize("task", ["regression", "two-class", "multi-class"])
@pytest.mark.parametrize("loss, output", [("mse", "softmax"), ("bce", "linear"), ("cross_entropy", "sigmoid")])
def test_a_contradiction_has_remedies_that_resolve_it(task, loss, output, monkeypatch):
    session = {"loss": loss, "output_activation": output}
    monkeypatch.setattr(sidebar, "session", session)
    monkeypatch.setattr(sidebar.fields, "session", session)
    made = []
    monkeypatch.setattr(sidebar, "st", anything(button=lambda label, **more: made.append((label, more["kwargs"]))))
    for field in ("loss", "output_activation"):
        made.clear()
        sidebar.offer_fixes(ConfigError(field, "x", "wrong"), task)
        recommended = dict(zip(("loss", "output_activation"), recommended_losses(task), strict=True))
        wanted = [{"output_activation": "linear"}] * (loss == "mse") + [recommended]
        assert [changes for _, changes in made] == wanted
        for label, changes in made:
            assert label == "Use " + " with ".join(option_label(k, v).lower() for k, v in changes.items())
    made.clear()
    sidebar.offer_fixes(ConfigError("depth", "x", "wrong"), task)
    sidebar.offer_fixes(ConfigError("loss", "x", "wrong"), None)
    assert made == []
