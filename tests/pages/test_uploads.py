"""Files that no table and no settings are made of: refused in a sentence, with the page still there."""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core import RunConfig, tables
from core.comparison.arms import Arm, Comparison
from core.data.spreadsheet import escape_formulas
from tests.support.checkout import HOUSE
from ui.compare import files
from ui.controls import upload as upload_controls

SMALL = {"depth": "1", "width": "2", "steps": "2", "samples": "8"}  # a run that takes no time
MANY = 100_000_000


def visit(path="", **parameters):
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=240)
    app._page_hash = calc_hash(path) if path else ""  # as a browser asks for a page of the navigation
    for name, value in (SMALL | parameters).items():
        app.query_params[name] = value
    return calm(app.run())


def calm(app):
    assert not app.exception
    return app


def upload(app, key, name, raw):
    if key != "table_file":  # settings and comparisons are loaded in the Share menu
        app.session_state["share"] = True
        app.run()
    return calm(app.file_uploader(key=key).upload(name, raw, "text/csv").run())


def words(app):
    return [element.value.replace("\\", "").replace("\u2060", "") for element in app.error]


def zipped(raw, name="table.csv"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, raw)
    return buffer.getvalue()


TABLE = b"a,b,c\n" + b"".join(b"%d,%d,%d\n" % (n, n % 3, n % 2) for n in range(12))
BOMB = b"1,2\n" * 5_000_000  # 20 MB that pack to a few kB
PACKED = {
    "zip": zipped(BOMB),
    "bzip2": bz2.compress(BOMB[: len(BOMB) // 20]) * 20,  # a file of twenty streams is made in a twentieth of the time
    "xz": lzma.compress(BOMB, preset=0),
    "zip within gzip": gzip.compress(zipped(BOMB)),
}
NO_TABLES = {
    "empty": b"",
    "only spaces": b" \r\n\t\n" * 100,
    "binary": bytes(range(256)) * 40,
    "10,000 columns": b",".join(b"c%d" % n for n in range(10_000)) + b"\n" + b",".join([b"1"] * 10_000),
    "10,000 columns without names": b",".join([b"1"] * 10_000) + b"\n" + b",".join([b"2"] * 10_000),
    "one column": b"a\n1\n2\n",
    "one long line": b"," * 1_000_000,
    "quotation marks": b'"' * 100_000,
    "an open quotation mark": b'a,b\n1,"' + b"x" * 200_000,
    "a gzip bomb": gzip.compress(BOMB),
    "a cut gzip archive": gzip.compress(b"a,b\n1,2\n")[:-4],
    "a broken workbook": zipped(b"<x/>", "xl/workbook.xml"),
    "a broken Parquet file": b"PAR1" + b"0" * 100 + b"PAR1",
    "utf-16 without a mark": "a,b\n1,2\n".encode("utf-16-le"),
    "utf-32": "a,b\n1,2\n".encode("utf-32"),
    "utf-16 cut short": b"\xff\xfea\x00,\x00b",
    "a web page": b"<!doctype html><script>alert(1)</script>",
    "a pickle": b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93.",
    **PACKED,
}


def test_a_file_that_is_not_a_table_is_refused_in_one_sentence_and_the_page_stays(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOAD", "5000000")
    app = visit(dataset="custom")
    for what, raw in NO_TABLES.items():
        upload(app, "table_file", f"{what}.csv", raw)
        (sentence,) = words(app)
        assert sentence.startswith("data = ") and "is not allowed" in sentence and len(sentence) < 400, what
        assert app.title[0].value and app.selectbox(key="dataset").value == "custom"
    upload(app, "table_file", "good.csv", TABLE)
    assert not words(app) and app.get("plotly_chart")


@pytest.mark.parametrize("what", PACKED)
def test_archives_are_never_unpacked(what, monkeypatch):
    for opener in ((zipfile.ZipFile, "open"), (zipfile.ZipFile, "read"), (bz2, "BZ2File"), (lzma, "LZMAFile")):
        monkeypatch.setattr(*opener, lambda *_, **__: pytest.fail("a visitor's file was unpacked"))
    with pytest.raises(ValueError, match="data = .* is not allowed"):
        tables.read_table(PACKED[what], "table.csv.gz")


def test_a_file_far_beyond_the_limit_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOAD", "5000000")
    raw = b"1,2\n" * (MANY // 4)
    monkeypatch.setattr("ui.controls.upload.read_table", lambda *_, **__: pytest.fail("it was read"))
    app = visit(dataset="custom")
    upload(app, "table_file", "large.csv", raw)
    assert "100,000,000 bytes" in words(app)[0]
    monkeypatch.setattr("core.export.json.loads", lambda *_, **__: pytest.fail("it was parsed"))
    app = visit()
    upload(app, "config_file", "large.json", raw)
    assert "100,000,000 bytes" in words(app)[0] and app.get("plotly_chart")


def test_a_table_in_any_encoding_is_read_or_refused():
    app = visit(dataset="custom")
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "shift_jis", "koi8_r", "cp037"):
        names = "длина,вес" if encoding in ("shift_jis", "koi8_r") else "größe,weiß"
        upload(app, "table_file", "table.csv", f"{names}\n1,2\n3,5\n4,4\n".encode(encoding))
        assert app.get("plotly_chart") or words(app)[0].startswith("data = "), encoding


TITANIC = "Survived,Pclass,Name,Age,Ticket\n" + "".join(
    f"{n % 2},{n % 3 + 1},passenger {n},{20 + n % 40 if n % 5 else ''},ticket {n}\n" for n in range(120)
)


def labels(app):
    return {button.label.replace("\\", ""): button for button in app.button}


def test_all_that_stands_in_the_way_is_listed_at_once_with_buttons_that_remove_it():
    app = visit(dataset="custom")
    upload(app, "table_file", "titanic.csv", TITANIC.encode())
    calm(app.selectbox(key="table_target").select("Survived").run())
    sentences = words(app)
    assert len(sentences) == 3 and "“Name” holds" in sentences[0] and "“Ticket” holds" in sentences[1]
    assert "24 of 120 rows lack a value in “Age”" in sentences[2]
    calm(labels(app)["Leave out all 2"].click().run())
    assert sorted(app.multiselect(key="table_left_out").value) == ["Name", "Ticket"]
    assert len(words(app)) == 1
    assert app.checkbox(key="table_drop").label == "Drop the 24 rows that lack a value"
    calm(labels(app)["Fill in median and most frequent"].click().run())
    assert not words(app) and app.get("plotly_chart")
    assert app.text_input(key=next(w.key for w in app.text_input if w.label == "Samples")).value == "120"


def test_how_a_file_is_read_can_be_chosen_and_starts_over_with_another_file():
    app = visit(dataset="custom")
    raw = b"a;b\n" + b"".join(b"%d.500;%d\n" % (n + 1, n % 2) for n in range(12))
    upload(app, "table_file", "both.csv", raw)
    assert "which may be 1500 or 1.500" in words(app)[0]
    assert {"1.500 is 1500", "1.500 is 1.500"} <= set(labels(app))
    calm(labels(app)["1.500 is 1500"].click().run())
    assert not words(app) and app.selectbox(key="table_decimal").value == ","
    calm(app.selectbox(key="table_header").select(False).run())
    assert any("13 rows" in caption.value for caption in app.caption)
    upload(app, "table_file", "other.csv", TABLE)
    assert app.selectbox(key="table_decimal").value is None and app.selectbox(key="table_header").value is None
    assert not words(app) and app.get("plotly_chart")


def test_lines_of_names_notes_below_and_the_order_of_dates_can_be_chosen():
    app = visit(dataset="custom")
    rows = "".join(f"0{n % 3 + 1}/0{n % 4 + 1}/2026,{n},{n % 2}\n" for n in range(12))
    upload(app, "table_file", "report.csv", f"when,length,t\n,m,class\n{rows}\nSource: a report, 2026\n".encode())
    assert "in which day and month could be exchanged" in words(app)[0]
    calm(labels(app)["01/04/2026 is day 01 of month 04"].click().run())
    assert not words(app) and app.selectbox(key="table_day_first").value is True
    caption = " ".join(caption.value for caption in app.caption)
    assert "12 rows" in caption and "the first two lines name the columns" in caption
    assert "1 line below the table skipped, from line 16 on" in caption
    assert app.selectbox(key="table_target").options == ["when", "length m", "t class"]
    calm(app.number_input(key="table_skip_footer").set_value(3).run())
    assert any("10 rows" in caption.value for caption in app.caption)
    calm(app.selectbox(key="table_header").select(True).run())
    assert app.selectbox(key="table_target").options == ["when", "length", "t"]


def test_an_encoding_that_is_asked_for_can_be_chosen():
    app = visit(dataset="custom")
    rows = "".join(f"{n},{'дом' if n % 3 else 'кот'}\n" for n in range(12))
    upload(app, "table_file", "table.csv", f"длина,слово\n{rows}".encode("cp1251"))
    assert "encoding of its line 1 is unknown" in words(app)[0]
    calm(app.selectbox(key="table_encoding").select("cp1251").run())
    assert not words(app) and "слово" in app.selectbox(key="table_target").options


@pytest.mark.parametrize("name", ["table.xlsx", "table.doc", "table", "table.csv.gz"])
def test_any_extension_reaches_the_reader(name):
    app = visit(dataset="custom")
    upload(app, "table_file", name, gzip.compress(TABLE) if name.endswith("gz") else TABLE)
    assert not words(app) and app.get("plotly_chart")


def test_a_run_of_minutes_starts_only_when_a_visitor_says_so(monkeypatch):
    monkeypatch.setattr("ui.controls.upload.LONG_SECONDS", 1e-9)
    app = visit(dataset="custom")
    upload(app, "table_file", "good.csv", TABLE)
    assert "expected to take" in words(app)[0] and not app.get("plotly_chart")
    calm(labels(app)["Train anyway"].click().run())
    assert not words(app) and app.get("plotly_chart")


def test_a_large_table_trains_on_a_sample_that_is_stated(monkeypatch):
    monkeypatch.setattr("ui.controls.upload.DEFAULT_VALUES", 300)
    app = visit(dataset="custom")
    rows = b"".join(b"%d,%d,%d\n" % (n, n % 3, n % 2) for n in range(400))
    upload(app, "table_file", "large.csv", b"a,b,c\n" + rows)
    assert app.number_input(key="table_rows").value == 100
    assert any("100 of 400 rows are used: sampled in proportion" in caption.value for caption in app.caption)


def captions(app):
    return [element.value for element in app.caption]


def test_a_table_and_its_choices_stay_for_the_visit_until_it_is_removed():
    app = upload(visit(dataset="custom"), "table_file", "good.csv", TABLE)
    used = captions(calm(app.selectbox(key="table_target").set_value("b").run()))
    assert "“b”" in used[-1]

    def choose_circles_and_return():  # as Back and Forward do
        calm(app.selectbox(key="dataset").set_value("circles").run())
        calm(app.selectbox(key="dataset").set_value("custom").run())

    def visit_another_page():
        for page in ("papers", ""):
            app._page_hash = calc_hash(page)
            calm(app.run())

    for leave in (choose_circles_and_return, visit_another_page):
        leave()
        assert captions(app)[-3:] == ["Uploaded earlier in this visit: good.csv.", *used[-2:]]
    calm(app.button(key="remove_table_file").click().run())
    assert "table_target" not in [control.key for control in app.selectbox]
    choose_circles_and_return()
    assert "good.csv" not in " ".join(captions(app))


def test_a_recording_stays_for_the_visit():
    raw = b"step,layer,grad_norm\n" + b"".join(b"%d,%d,%d\n" % (n, k, k + 1) for n in range(3) for k in range(3))
    app = visit("runs")
    calm(app.file_uploader(key="runs_file").upload("mine.csv", raw, "text/csv").run())
    for page in ("papers", "runs"):
        app._page_hash = calc_hash(page)
        calm(app.run())
    assert any(text.startswith("mine.csv") for text in captions(app))


def test_the_example_file_is_a_table():
    table = tables.read_table(upload_controls.example_table(), upload_controls.EXAMPLE_NAME)
    assert (
        table.rows == 150 and table.default_target == "species" and not tables.find_obstacles(table, "species", False)
    )


FORMULA = "=cmd|' /C calc'!A0"


def test_a_table_of_formulas_is_text_and_what_is_saved_of_its_run_holds_none():
    rows = "".join(f'"{FORMULA}",{n},"{"=1+1" if n % 2 else "@SUM(A1)"}"\n' for n in range(12))
    app = visit(dataset="custom")
    upload(app, "table_file", f"{FORMULA}.csv", f'"{FORMULA}",size,"+kind"\n{rows}'.encode())
    assert not words(app) and app.get("plotly_chart")
    assert not [text for text in saved(app) if text.startswith(("=", "+", "-", "@"))]


def saved(app):
    """Every text in the tables of the page, which their toolbars save as CSV."""
    for element in app.dataframe:
        frame = element.value
        yield from (text for text in [*frame.columns, *frame.index, *frame.to_numpy().ravel()] if isinstance(text, str)
                    and len(text) > 1 and not text.startswith("-0"))  # fmt: skip


def test_arms_named_like_formulas_are_saved_as_text():
    arms = f"{FORMULA}~relu,@SUM(A1)~tanh,+1 %2B x~sigmoid,a%3B%3D1%2B1~elu".replace("=", "%3D")
    app = visit("compare", seeds="1", arms=arms)
    assert not words(app)
    summary, differences = (element.value for element in app.dataframe)
    for frame in (summary, differences):
        assert list(frame.index) == [f"'{FORMULA}", "'@SUM(A1)", "'+1 + x", "a;'=1+1"]
    assert list(escape_formulas(summary).index) == list(summary.index), "what is harmless stays as it is"


GOOD = json.dumps(RunConfig(hidden=(2,), steps=2, samples=8).to_dict())
NO_SETTINGS = {
    "empty": b"",
    "binary": bytes(range(256)) * 10,
    "no json": b"{'activation': 'relu'}",
    "a list": b"[1, 2]",
    "null": b"null",
    "a number": b"1e999",
    "many brackets": b"[" * 90_000,
    "many braces": b'{"a":' * 15_000 + b"1" + b"}" * 15_000,
    "a nested setting": b'{"hidden": ' + b"[" * 400 + b"]" * 400 + b"}",
    "as deep as it is read": b'{"activation": ' + b"[" * 850 + b"]" * 850 + b"}",
    "a huge whole number": b'{"steps": ' + b"9" * 4_000 + b"}",
    "a longer whole number": b'{"steps": ' + b"9" * 50_000 + b"}",
    "not a number": b'{"init_scale": NaN}',
    "infinity": b'{"learning_rate": Infinity}',
    "a name given twice": b'{"steps": 1, "steps": 2}',
    "a foreign name": b'{"__class__": "os.system", "steps": 1}',
    "a name that is no text": b'{"\\ud800": 1}',
    "a value that is no text": b'{"activation": "\\ud800"}',
    "utf-16": GOOD.encode("utf-16"),
    "a flag in words": b'{"bias": "yes"}',
    "a list of huge widths": b'{"hidden": [1e300, 5]}',
    "a contradiction": b'{"loss": "bce"}',
    "zip": zipped(GOOD.encode()),
}


def test_whatever_is_brought_for_settings_is_refused_in_one_sentence_and_changes_nothing():
    app = visit(seed="4")
    for what, raw in NO_SETTINGS.items():
        upload(app, "config_file", f"{what}.json", raw)
        (sentence,) = words(app)
        assert "is not allowed" in sentence and len(sentence) < 900, what
        assert app.session_state["seed"] == 4 and app.get("plotly_chart"), what
    upload(app, "config_file", "good.json", GOOD.encode())
    assert not words(app) and app.session_state["depth"] == 1


NO_COMPARISONS = {
    **{what: NO_SETTINGS[what] for what in ("empty", "binary", "a list", "many brackets", "a name given twice")},
    "arms that are no list": b'{"arms": {"a": 1}}',
    "arms without end": b'{"arms": ' + b"[" * 850 + b"]" * 850 + b"}",
    "an arm with a foreign entry": b'{"arms": [{"name": "a", "code": "import os"}]}',
    "changes that are none": b'{"arms": [{"name": "a", "changes": [1]}, {"name": "b"}]}',
    "changes without end": b'{"arms": [{"name": "a", "changes": {"l2": ' + b"[" * 850 + b"]" * 850 + b"}}]}",
    "a name with a line break": b'{"vary": null, "arms": [{"name": "a\\nb"}, {"name": "c"}]}',
    "a name that turns the writing": b'{"vary": null, "arms": [{"name": "\\u202ea"}, {"name": "c"}]}',
    "a name of no character": b'{"vary": null, "arms": [{"name": "\\ud800"}, {"name": "c"}]}',
    "too many arms": json.dumps({"vary": None, "arms": [{"name": f"a{n}"} for n in range(99)]}).encode(),
    "too many seeds": b'{"seeds": 1e9}',
    "half a seed": b'{"seeds": 1.5}',
}


def test_whatever_is_brought_for_a_comparison_is_refused_in_one_sentence_and_changes_nothing():
    app = visit("compare", seeds="1", arms="relu,tanh")
    for what, raw in NO_COMPARISONS.items():
        upload(app, "comparison_file", f"{what}.json", raw)
        (sentence,) = words(app)
        assert "is not allowed" in sentence and len(sentence) < 900, what
        assert app.session_state["arms"] == "relu,tanh", what
    kept = Comparison(RunConfig(hidden=(2,), steps=2, samples=8), None, (Arm("a"), Arm("b", {"l2": 0.1})), 1)
    upload(app, "comparison_file", "good.json", files.to_json(kept).encode())
    assert not words(app) and app.session_state["vary"] == "none"
