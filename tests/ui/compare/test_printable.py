"""A comparison for print: cells without a number are empty, and words of a visitor are no markup."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from ui.compare import printable


def test_missing_numbers_are_empty_cells_and_all_texts_are_escaped(monkeypatch):
    monkeypatch.setattr(printable, "get_plotlyjs", lambda: "")
    chart = SimpleNamespace(alt='<b> & "quotes"', figure=SimpleNamespace(to_html=lambda **_: "<div>picture</div>"))
    table = pd.DataFrame({"loss": [1.23456, np.nan], "<i>": ["<u>", None]}, index=["a", "b"])
    page = printable.document("<title>", ["1 < 2"], [chart], [table])
    assert "<td></td>" in page and "nan" not in page.lower() and "<td>1.235</td>" in page
    assert 'aria-label="&lt;b&gt; &amp; &quot;quotes&quot;"' in page
    assert "<h1>&lt;title&gt;</h1>" in page and "<p>1 &lt; 2</p>" in page and "&lt;u&gt;" in page and "<u>" not in page
