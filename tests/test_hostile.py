"""The source does nothing with a visitor's bytes that could run them."""

import ast

import pytest

from tests.support.checkout import HOUSE

SOURCES = sorted(path for part in ("core", "ui", "pages") for path in (HOUSE / part).rglob("*.py"))
SOURCES += [HOUSE / "app.py", HOUSE / "asgi.py"]

# What unpacks objects, runs code, or starts programs. Streamlit's cache and the processes that train pickle what this
# program has computed, by themselves; no visitor's file gets there unread.
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "subprocess",
           "bz2", "lzma", "zipfile", "tarfile"}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__", "read_pickle", "to_pickle", "read_excel", "read_html", "read_xml",
         "system", "popen", "loadtxt", "genfromtxt", "memmap", "decompress", "GzipFile", "unpack_archive"}  # fmt: skip
# Calls of one of these names that are no such thing.
HARMLESS = {"re.compile"}


def named(path):
    return path.relative_to(HOUSE).as_posix()


def dotted(node):
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(source):
    """Calls in a source that could run or unpack somebody's bytes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            yield from (name for name in names if name.split(".")[0] in MODULES)
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name.split(".")[-1] in CALLS and name not in HARMLESS:
                yield name
            if name in ("np.load", "numpy.load"):
                yield name
            yield from (
                word.arg
                for word in node.keywords
                if word.arg in ("allow_pickle", "unsafe_allow_html", "unsafe_allow_javascript")
                and not (isinstance(word.value, ast.Constant) and word.value.value is False)
            )


# What unpacks a visitor's file up to a limit: tests/core/test_tables.py and tests/core/data/test_workbooks.py hold it.
BOUNDED = {"core/data/text.py": {"unpacker.decompress"}, "core/data/workbooks.py": {"zipfile"}}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_nothing_unpickles_runs_or_unpacks_what_a_visitor_sends(path):
    bounded = BOUNDED.get(str(path.relative_to(HOUSE)), set())
    assert set(dangers(path.read_text(encoding="utf-8"))) - bounded == set()


@pytest.mark.parametrize("source", [
    "import pickle", "from pickle import loads", "pd.read_pickle(f)", "np.load(f)", "np.load(f, allow_pickle=True)",
    "eval(text)", "st.markdown(text, unsafe_allow_html=True)", "import zipfile", "gzip.decompress(raw)",
    "os.system(text)",
])  # fmt: skip
def test_the_search_finds_what_it_looks_for(source):
    assert list(dangers(source))


def test_html_of_our_own_goes_through_one_call_at_three_places_that_escape_what_they_are_given():
    # st.html takes HTML as it is: each place that calls it has a test that markup in a name is shown as text.
    places = [named(path) for path in SOURCES for _ in range(path.read_text(encoding="utf-8").count("st.html("))]
    assert sorted(places) == ["pages/compare.py", "pages/compare.py", "ui/papers/sections.py"]


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name != "panels.py"], ids=named)
def test_tables_are_shown_by_the_one_function_that_makes_their_texts_harmless(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [name for name in calls if name.endswith(".dataframe")]
