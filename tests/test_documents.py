"""The examples in the documents are true: each is run."""

import doctest
import re

import pytest

from tests.support.checkout import HOUSE


@pytest.mark.parametrize("document", ["docs/api.md"])
def test_every_example_prints_what_it_says(document):
    result = doctest.testfile(str(HOUSE / document), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 10 and result.failed == 0


def test_the_notebook_lines_of_the_readme_run(tmp_path, monkeypatch, capsys):
    text = (HOUSE / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 3
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert capsys.readouterr().out
