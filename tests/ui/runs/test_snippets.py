"""The recorder that a visitor downloads is the one of this version."""

from tests.support.checkout import HOUSE
from ui.runs.snippets import NOTES, SNIPPETS, read_recorder


def test_the_recorder_that_is_offered_is_the_file_itself():
    assert read_recorder() == (HOUSE / "gradient_flow_lab" / "recorder.py").read_bytes()


def test_every_framework_with_lines_to_copy_has_its_note():
    assert set(SNIPPETS) == set(NOTES)
