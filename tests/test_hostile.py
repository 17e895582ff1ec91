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


# What unpacks a visitor's file up to a limit (the tests of these modules hold it) or Streamlit's own page, and scripts
# of our own, constants.
BOUNDED = {
    "core/data/text.py": {"gzip.GzipFile"},
    "core/data/workbooks.py": {"zipfile"},
    "core/recordings/reading.py": {"member.decompress"},
    "ui/runtime/first_page.py": {"gzip.decompress"},
    "ui/urls/history.py": {"unsafe_allow_javascript"},
    "ui/urls/picture_script.py": {"unsafe_allow_javascript"},
}


def test_nothing_unpickles_runs_or_unpacks_what_a_visitor_sends():
    found = {named(path): set(dangers(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert {name: calls for name, calls in found.items() if calls - BOUNDED.get(name, set())} == {}


@pytest.mark.parametrize("source", [
    "import pickle", "from pickle import loads", "pd.read_pickle(f)", "np.load(f)", "np.load(f, allow_pickle=True)",
    "eval(text)", "st.markdown(text, unsafe_allow_html=True)", "import zipfile", "gzip.decompress(raw)",
    "os.system(text)",
])  # fmt: skip
def test_the_search_finds_what_it_looks_for(source):
    assert list(dangers(source))


# st.html takes HTML as it is. These are given texts (Compare's third is a style of its own); each text has a test that
# markup in a name is shown as text.
WITH_TEXTS = {"pages/compare.py": 2, "ui/papers/sections.py": 1, "ui/lecture/drawing.py": 1, "ui/sharing.py": 1}
# These are given styles and scripts of our own, with numbers and keys of our own in them.
OWN_STYLES = {
    "app.py",
    "pages/lab.py",
    "pages/present.py",
    "ui/embedding.py",
    "ui/lab/phone_bar.py",
    "ui/lecture/frames.py",
    "ui/urls/history.py",
    "ui/urls/picture_script.py",
}


def test_html_of_our_own_stands_in_known_places_that_escape_what_they_are_given():
    calls = {named(path): path.read_text(encoding="utf-8").count("st.html(") for path in SOURCES}
    assert {place: count for place, count in calls.items() if count and place not in OWN_STYLES} == WITH_TEXTS
    assert all(calls[place] for place in OWN_STYLES)


def called(path, name):
    """Calls of a name in a file, which is parsed only if the name stands in it."""
    source = path.read_text(encoding="utf-8")
    nodes = ast.walk(ast.parse(source)) if name in source else ()
    return [node for node in nodes if isinstance(node, ast.Call) and dotted(node.func).endswith(f".{name}")]


def test_tables_are_shown_by_the_one_function_that_makes_their_texts_harmless():
    tables = [named(path) for path in SOURCES if called(path, "dataframe")]
    assert [name.rpartition("/")[2] for name in tables] == ["panels.py"]
