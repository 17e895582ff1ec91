"""A visitor's table, dropped on the Lab in a real Chromium."""

from itertools import cycle, islice

import numpy as np
import pytest

pytestmark = pytest.mark.slow
FILE = ".st-key-table_file input[type=file]"
SMALL = "hidden=4,4&steps=20"


@pytest.fixture
def visit(page, server, settled):
    def opened(path):
        page.goto(server + path)
        settled(page, 120)
        return page

    return opened


@pytest.mark.parametrize("name", ["table.mp4", "table.exe", "table"])
def test_a_table_with_another_extension_is_read_and_anything_else_refused_in_a_sentence(name, visit, settled):
    page = visit(f"/?dataset=custom&{SMALL}")
    file = {"name": name, "mimeType": "application/octet-stream"}
    page.locator(FILE).set_input_files(file | {"buffer": b"a,b\n1,2\n2,3\n3,5\n4,6\n"})
    page.locator(".st-key-gradient-profile .main-svg").first.wait_for()
    settled(page)
    assert page.locator("[data-testid=stSidebar]").get_by_text("4 rows, 2 columns; comma, utf-8").count()
    page.locator(FILE).set_input_files(file | {"buffer": bytes(range(256)) * 8})
    page.get_by_text("it contains bytes that no text has, so it is not a table").first.wait_for()


def test_a_table_of_a_hundred_megabytes_is_read_and_a_stated_sample_of_it_used(visit, settled, tmp_path):
    path = tmp_path / "large.csv"
    draws = np.random.default_rng(0).normal(size=(600, 40))
    lines = [",".join(f"{number:.5f}" for number in row) + f",{'abc'[n % 3]}\n" for n, row in enumerate(draws)]
    size = sum(map(len, lines))
    rows = 600 * (100_000_000 // size)
    with path.open("w", encoding="ascii") as file:
        file.write(",".join(f"x{n}" for n in range(40)) + ",label\n")
        file.writelines(islice(cycle(lines), rows))
        file.write("\nSource: a report, 2026\n")
    page = visit(f"/?dataset=custom&{SMALL}")
    page.locator(FILE).set_input_files(path)
    sidebar = page.locator("[data-testid=stSidebar]")
    sidebar.get_by_text(f"{rows:,} rows, 41 columns; comma, utf-8").wait_for(timeout=300_000)
    settled(page, 120)
    assert sidebar.get_by_text(f"1 line below the table skipped, from line {rows + 3:,} on.").count()
    assert sidebar.get_by_text(f"48,780 of {rows:,} rows are used: sampled in proportion to the classes").count()
