"""Your run in a real Chromium: a dropped file is drawn, two runs stand side by side, and the lines can be copied."""

import gzip

import pytest

from core.diagnosis.recordings import RECORDING_VERDICTS
from core.recordings.examples import FOLDER

DRAWN = ".js-plotly-plot .main-svg"


@pytest.fixture
def runs(tab, server, settled):
    """Opens Your run in a fresh tab of some width and theme; it reports no error and does not scroll sideways."""
    errors, pages = [], []

    def visit(query="", width=1440, theme="light"):
        page = tab(width, theme)
        page.on(
            "console", lambda m: errors.append(m.text) if m.type == "error" and "Failed to load" not in m.text else 0
        )
        page.goto(f"{server}/runs?{query}")
        page.wait_for_selector(f".st-key-run-profile {DRAWN}")
        settled(page, 120)
        pages.append(page)
        return page

    yield visit
    assert errors == []
    wider = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth }"
    assert [page.evaluate(wider) for page in pages] == [0] * len(pages)


def headings(page):
    return [text.strip() for text in page.locator("h2").all_text_contents()]


@pytest.mark.slow
def test_a_dropped_file_is_drawn_with_its_verdict_and_leads_back_to_the_example(runs, settled, tmp_path):
    page = runs()
    assert any(RECORDING_VERDICTS["vanishing"] in text for text in headings(page))
    path = tmp_path / "mine.jsonl"
    path.write_bytes(gzip.decompress((FOLDER / "dead_cnn.jsonl.gz").read_bytes()))
    page.locator(".st-key-runs_file input[type=file]").set_input_files(path)
    page.get_by_text("mine.jsonl: 60 recorded steps").wait_for()
    settled(page, 120)
    assert any(RECORDING_VERDICTS["dead"] in text for text in headings(page))
    page.locator(".st-key-runs_file").get_by_role("button", name="Remove").first.click()
    page.get_by_text("50 hidden layers of 32 sigmoid units").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("width, theme", [(1440, "dark"), (390, "light")])
def test_two_runs_stand_beside_each_other_or_below_on_a_phone(runs, width, theme):
    page = runs("example=transformer_post_ln&beside=transformer_pre_ln", width, theme)
    page.wait_for_selector(f".st-key-run-profile-beside {DRAWN}")
    first, second = (page.locator(key).bounding_box() for key in (".st-key-run-profile", ".st-key-run-profile-beside"))
    beside = abs(first["y"] - second["y"]) < 5 and second["x"] > first["x"] + 100
    assert beside == (width == 1440)


@pytest.mark.slow
def test_the_lines_to_record_a_run_can_be_copied_and_the_recorder_downloaded(runs):
    page = runs()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    block = page.locator("[data-testid=stCode]").first
    block.hover()
    block.get_by_role("button").first.click()
    assert "run.step(loss)" in page.evaluate("() => navigator.clipboard.readText()")
    with page.expect_download() as got:
        page.get_by_role("button", name="recorder.py").first.click()
    assert got.value.suggested_filename == "recorder.py"


@pytest.mark.slow
def test_the_recognized_network_opens_in_the_lab(runs, settled):
    page = runs()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open this network in the Lab").click()
    lab = opened.value
    lab.wait_for_selector(f".st-key-gradient-profile {DRAWN}", timeout=90_000)
    assert lab.get_by_role("spinbutton", name="Depth").input_value() == "50"
