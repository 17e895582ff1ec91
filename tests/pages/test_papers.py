"""The Papers page, driven without a browser."""

import re
from dataclasses import replace
from functools import cache, partial
from html import escape
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.papers import report, saxe, stored
from core.papers.registry import PAPERS
from tests.support.pages import open_page
from ui.charts.paper_figures import FIGURES
from ui.papers import sections
from ui.runtime.services import services
from ui.text import curl_apostrophes, format_duration
from ui.urls.link import DEFAULTS, to_config, to_values

STORED = stored.read()


@pytest.fixture(autouse=True)
def no_limits(monkeypatch):
    for name in ("COST", "BYTES", "TRAININGS"):
        monkeypatch.delenv(f"GRADIENT_LAB_MAX_{name}", raising=False)


visit = partial(open_page, "papers")


@cache
def opened(name):
    """The page of one paper, for tests that only look at it."""
    return visit(paper=name)


def calm(app):
    assert not app.exception
    return app


def texts(elements):
    return [element.value.replace("\\", "") for element in elements]


def captions(app):
    return " ".join(texts(app.caption))


def table(app):
    return next(html.proto.body for html in app.get("html") if "their-numbers" in html.proto.body)


def button(app, label):
    return next(button for button in app.button if button.label == label)


@pytest.mark.parametrize("name", PAPERS)
def test_each_paper_opens_with_its_claim_its_figures_and_its_numbers(name):
    app, paper, kept = opened(name), PAPERS[name], STORED[name]
    assert app.header[0].value == paper.subject and not app.error
    said = " ".join(texts(app.markdown))
    assert paper.title in said and paper.link in said
    assert all(checked in said for _, checked in paper.claims)
    assert len(app.get("plotly_chart")) == len(sections.FIGURES[name](kept.result.series, False))
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))
    assert table(app).count("<tr ") == 1 + len(kept.result.rows)
    assert kept.version in captions(app) and "Stored result" in captions(app)
    assert len(app.get("latex")) == len(paper.formulas)


@pytest.mark.parametrize("name", PAPERS)
def test_the_settings_of_a_paper_are_listed_once(name):
    app, paper = opened(name), PAPERS[name]
    assert [heading.value for heading in app.subheader].count("Settings here") == 1
    assert "\n".join(f"- {sections._words(line)}" for line in paper.settings) in [text.value for text in app.markdown]


def test_a_difference_names_the_papers_number_then_ours():
    row = report.near("loss", 2.0, 3.0, 0.1, "why", against="theory")
    assert sections._sentence(row) == "loss. In the theory: 2. Here: 3."
    assert sections._sentence(replace(row, against="paper")).startswith("loss. In the paper: 2.")
    assert sections.format_value(2.3456, sign=True) == "+2.35" and sections.format_value(-0.5, sign=True) == "−0.5"
    assert sections.format_value(0.0, sign=True) == sections.format_value(0.0) == "0"
    assert (sections.format_value(None), sections.format_value("as is", sign=True)) == ("–", "as is")


@pytest.mark.parametrize("name", ["saxe", "he_2015"])
@pytest.mark.parametrize("same", [True, False])
def test_a_run_here_says_whether_its_numbers_are_the_stored_ones(name, same, monkeypatch):
    kept = STORED[name].result
    made = kept if same else replace(kept, rows=(replace(kept.rows[0], here=-123.0), *kept.rows[1:]))
    app = visit(paper=name)
    app.session_state["fresh_papers"] = {name: made}
    calm(app.run())
    assert ("Every number equals the stored one." in captions(app)) == same
    assert ("Some numbers differ from the stored ones" in captions(app)) != same
    assert f"Fresh: run on this server in {format_duration(kept.seconds)}." in captions(app)


def test_another_paper_forgets_the_figure_of_the_one_before():
    app = visit(paper="he_2015", figure="2")
    app.button_group(key="paper_shown").set_value("saxe")
    calm(app.run())
    assert "figure" not in app.query_params


@pytest.mark.parametrize("name", PAPERS)
def test_what_differs_is_said_plainly(name):
    app, result = opened(name), STORED[name].result
    differing, compared = result.differing, len(result.rows) - len(result.unchecked)
    assert bool(app.warning) == bool(differing)
    count = f"{result.agreeing} of {compared}" if differing else f"All {compared}"
    assert any(f"{count} comparisons agree." in text for text in texts(app.markdown))
    for row in differing:
        told = texts(app.warning)[0].replace("$sigma_w^2$", "σ_w²")
        assert curl_apostrophes(row.what) in told
        assert curl_apostrophes(sections.format_value(row.here)) in told
    assert table(app).count("differs") >= len(differing)


def test_numbers_and_words_of_the_table_are_plain_text():
    rows = (
        report.near("σ_w² <b>", 1e-7, -1.5e-7, 1, "why", against="theory"),
        report.in_kind("a & b", "<script>", "_x", False, "why"),
    )
    html = sections.table(report.Result(rows=rows, series={}, seconds=0.0), dark=False).partition("</style>")[2]
    assert "<b>" not in html and "<script>" not in html and "a &amp; b" in html
    assert "σ<sub>w</sub>² &lt;b&gt;" in html and "1.00×10⁻⁷" in html and "−2.50×10⁻⁷" in html
    assert html.count('class="none">–') == 1 and "≠ differs in kind" in html and "✓ agrees" in html


CELL = re.compile(r'<td role="cell"[^>]*>(.*?)</td>')


@pytest.mark.parametrize("name", PAPERS)
def test_every_row_of_the_table_has_its_own_numbers_in_their_columns(name):
    result = STORED[name].result
    rows = sections.table(result, dark=True).partition("<tbody")[2].split("<tr ")[1:]
    assert len(rows) == len(result.rows)
    for html, row in zip(rows, result.rows, strict=True):
        what, there, here, difference, verdict = CELL.findall(html)
        assert what == sections._indexed(row.what)
        assert there.partition("<small>")[0] == sections._indexed(sections.format_value(row.reference))
        assert ("<small>theory</small>" in there) == (row.against == "theory")
        assert here == sections._indexed(sections.format_value(row.here))
        assert difference == escape(sections.format_value(row.difference, sign=True))
        assert verdict == f"{'?' if not row.checked else '✓' if row.agrees else '≠'} {row.verdict}"


def row_of(what, *, agrees=True, checked=True):
    made = report.in_kind(what, "there", "here", agrees, "why")
    return replace(made, checked=checked)


def test_what_could_not_be_checked_is_counted_nowhere_and_said():
    rows = (row_of("one"), row_of("two", agrees=False), row_of("three", checked=False), row_of("four", checked=False))
    result = report.Result(rows=rows, series={}, seconds=0.0)
    assert sections._agreement(result).endswith(" 1 of 2 comparisons agree.")
    alike = report.Result(rows=rows[:1] + rows[2:], series={}, seconds=0.0)
    assert sections._agreement(alike).endswith(" All 1 comparisons agree.")

    def script(result):
        from ui.papers import sections

        sections._differences(result)

    app = AppTest.from_function(script, kwargs={"result": result}).run()
    assert "two" in app.warning[0].value and "one" not in app.warning[0].value
    assert app.caption[0].value.replace("\\", "").endswith("text: three; four.")


# Papers of the theory of random networks: their networks are those of the paper, on any data.
ANY_DATA = {"he_2015", "schoenholz_2017", "yang_2019"}


@pytest.mark.parametrize("name", PAPERS)
def test_a_network_on_other_data_than_the_papers_says_so(name):
    said = " ".join(texts(opened(name).markdown))
    assert ("on data of the Lab’s own" in said) == PAPERS[name].own_data == (name not in ANY_DATA)


@pytest.mark.parametrize("figure, says", [("0", "from 1 to"), ("99", "from 1 to"), ("x", "from 1 to"), ("2", "")])
def test_a_frame_has_the_figures_that_there_are(figure, says, monkeypatch):
    monkeypatch.setattr(ContextProxy, "is_embedded", True)
    app = visit(paper="he_2015", figure=figure)
    assert bool(app.error) == bool(says) and all(says in text for text in texts(app.error))


def test_a_frame_offers_the_choice_of_a_figure_where_there_are_several(monkeypatch):
    monkeypatch.setattr(ContextProxy, "is_embedded", True)
    app = visit()
    offered = {}
    for name in PAPERS:
        app.query_params["paper"] = name
        calm(app.run())
        offered[name] = {box.key: len(box.options) for box in app.button_group}
    counts = {name: len(FIGURES[name](STORED[name].result.series, False)) for name in PAPERS}
    assert min(counts.values()) == 1
    assert offered == {name: {f"figure_{name}": count} if count > 1 else {} for name, count in counts.items()}


def test_a_frame_shows_the_figure_of_its_own_paper_after_that_of_another_one(monkeypatch):
    monkeypatch.setattr(ContextProxy, "is_embedded", True)
    app = visit(paper="he_2015", figure="2")
    for paper, figure in (("schoenholz_2017", 1), ("he_2015", 2)):
        app.query_params["paper"] = paper
        app.query_params["figure"] = str(figure)
        calm(app.run())
        [chart] = app.get("plotly_chart")
        assert f"paper-{paper}-{figure - 1}" in chart.proto.id


def test_the_overview_lists_all_eight_with_their_verdicts():
    app = visit()
    shown = app.table[0].value
    assert [label.replace("\\", "") for label in shown["Paper"]] == [paper.label for paper in PAPERS.values()]
    for verdict, name in zip(shown["Verdict"], PAPERS, strict=True):
        result = STORED[name].result
        differing, unchecked = len(result.differing), len(result.unchecked)
        wanted = f"≠ {differing} of {len(result.rows)} differ" if differing else f"✓ all {result.agreeing} agree"
        assert verdict == wanted + (f", {unchecked} unchecked" if unchecked else "")
    assert app.header[0].value == PAPERS[sections.FIRST].subject


def test_another_paper_is_chosen_and_held_in_the_address():
    app = visit()
    app.button_group(key="paper_shown").set_value("saxe")
    calm(app.run())
    assert app.header[0].value == PAPERS["saxe"].subject
    assert app.query_params["paper"] in ("saxe", ["saxe"])


def test_a_paper_chosen_earlier_in_the_visit_is_stated_though_the_address_is_not(monkeypatch):
    monkeypatch.setattr(sections, "session", {"paper_shown": "saxe"})
    for query, figure in (({}, {}), ({"paper": ["saxe"], "figure": ["2"]}, {"figure": ["2"]})):
        params = type("Query", (dict,), {"get_all": dict.__getitem__})(query)
        monkeypatch.setattr(sections, "st", SimpleNamespace(query_params=params))
        assert sections.scene() == {"paper": ["saxe"]} | figure


@pytest.mark.parametrize("odd", ["nope", "", "<b>he_2015</b>", "he_2015 ", "x" * 5000])
def test_an_address_that_names_no_paper_is_told_in_a_sentence(odd):
    app = visit(paper=odd)
    (told,) = texts(app.error)
    assert told.startswith("paper = ") and "he_2015" in told and len(told) < 400
    assert app.header[0].value == PAPERS[sections.FIRST].subject


def test_a_run_here_shows_fresh_numbers_and_says_so():
    app = visit(paper="saxe")
    calm(button(app, "Run it here").click().run())
    assert "Fresh: run on this server" in captions(app) and "Stored" not in captions(app)
    assert table(app).count("<tr ") == 4
    calm(app.run())
    assert "Fresh" in captions(app)
    assert "Fresh" not in captions(visit(paper="saxe")), "another session sees the stored numbers"


def test_a_run_that_the_server_does_not_allow_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", "10")
    app = calm(button(visit(paper="saxe"), "Run it here").click().run())
    assert "multiply-adds" in texts(app.error)[0]
    assert "Stored result" in captions(app)


def test_without_stored_results_every_paper_can_still_be_run(monkeypatch):
    monkeypatch.setattr(sections, "stored", dict)
    app = visit(paper="saxe")
    assert "There is no stored result." in captions(app) and not app.get("plotly_chart")
    assert set(app.table[0].value["Verdict"]) == {"not run yet"}
    calm(button(app, "Run it here").click().run())
    assert "Fresh" in captions(app) and len(app.get("plotly_chart")) == 1


def test_stored_numbers_of_another_experiment_are_called_so(monkeypatch):
    monkeypatch.setattr(sections, "fingerprint", lambda paper: "another")
    assert "has changed since" in captions(visit(paper="saxe"))


def test_a_run_takes_a_place_in_the_line_and_gives_it_back(monkeypatch):
    places = []

    def watch_queue(on_progress=None, executor=None):
        places.append(services().long_queue.free)
        return saxe.run(on_progress, executor, width=8, matrices=5)

    monkeypatch.setitem(PAPERS, "saxe", replace(PAPERS["saxe"], run=watch_queue))
    monkeypatch.setattr(sections, "fingerprint", lambda paper: "")
    free = services().long_queue.free
    calm(button(visit(paper="saxe"), "Run it here").click().run())
    assert places == [free - 1] and services().long_queue.free == free


@pytest.mark.parametrize("name", PAPERS)
def test_the_same_network_opens_in_the_lab(name):
    links = [link.proto.url for link in opened(name).get("link_button")]
    assert len(links) == len(PAPERS[name].networks)
    for url, (_, config) in zip(links, PAPERS[name].networks, strict=True):
        assert url.startswith("./?")
        given = {key: values[-1] for key, values in parse_qs(urlsplit(url).query).items()}
        assert set(given) <= set(DEFAULTS)
        values = {**DEFAULTS, **{key: type_of(key, text, config) for key, text in given.items()}}
        assert to_config(values) == config


def type_of(key, text, config):
    """A parameter as its control holds it."""
    value = to_values(config)[key]
    if isinstance(value, bool):
        return text == "true"
    return type(value)(text) if isinstance(value, (int, float)) else text
