"""The sidebar: what it says about the data chosen."""

import pytest
from streamlit.testing.v1 import AppTest

from core.data.datasets import DATASETS
from tests.support.checkout import HOUSE

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
