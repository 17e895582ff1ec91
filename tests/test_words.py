"""The project's words: names that readers of NumPy, PyTorch, Streamlit and Plotly expect, in American spelling."""

import ast
import io
import re
import tokenize

import pytest

from tests.support.checkout import HOUSE

FOLDERS = ("core", "ui", "pages", "gradient_flow_lab", "benchmarks", "tests")
HERE = HOUSE / "tests" / "test_words.py"
PYTHON = sorted(p for folder in FOLDERS for p in (HOUSE / folder).rglob("*.py") if p != HERE) + [HOUSE / "app.py"]
DOCUMENTS = sorted(
    [*(HOUSE / "docs").glob("*.md"), HOUSE / "README.md", HOUSE / "CONTRIBUTING.md", HOUSE / "CHANGELOG.md"]
)

# Names that once stood here and misled: no function, class, argument or constant is called so again.
OLD_NAMES = set(
    """
    Shelf reckoned reckon work_apart _apart at_work _again _silent lost Lease tell told bands_of Record Ready
    READY Setup cures Try tries Reading Evidence faded born CALM clean Several Widths FREE sift remarks mend
    take_away in_brief refusal last_word last_page warmed Guard journal through_the_router Kept Pace Stopped
    _Ticker rays bell_nodes Chain standing_for_all passed_back without_theory Stacked watched low_too firsts
    judge beside follow Walk harmless spread_rows pools Place HALF RIGHT FEW FAR WORK resting_point resting
    long_line Line Notice trained snapped Drawn looks held suited kept written place places lengths
    """.split()
)
OLD_PREFIXES = ("MOST_", "LEAST_")
# Words of another century, or of another meaning; in docstrings, comments, documents and every text a visitor reads.
DIALECT = re.compile(
    r"\b(reckon\w*|mends?|mended|mending|how-manieth|thither|hither|whence|suffices? it|bespoke|betimes|"
    r"gainsay\w*|forthwith|methinks|nought|naught|aright|anew|whither|wherewith|therewith|thereof|herein|hereof|"
    r"heretofore|lest)\b",
    re.IGNORECASE,
)
BRITISH = re.compile(
    r"\b(colours?\b(?!\")|\w*behaviour\w*|neighbour\w*|favour\w*|\w*initialis\w*|\w*normalis\w*|"
    r"\w*regularis\w*|optimis\w+|organis\w+|recognis\w+|summaris\w+|visualis\w+|standardis\w+|analys(?:e|ed|es|ing)|"
    r"centres?|centred|labell(?:ed|ing)|modell(?:ed|ing)|cancelling|travell(?:ed|ing|er)|grey(?:s|ed|er)?|"
    r"artefacts?|whilst|licence|catalogue[sd]?|defence|maths)\b",
    re.IGNORECASE,
)
QUESTION = re.compile(r"^(What|How|Whether)\b")


def name_of(path):
    return path.relative_to(HOUSE).as_posix()


def definitions(nodes):
    """(line, name) of every function, class, argument and module constant that a file defines, its module first."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
    for node in nodes[0].body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from ((node.lineno, target.id) for target in targets if isinstance(target, ast.Name))


def prose(path):
    """(line, text) of the comments and strings of a Python file, or of the lines of a document."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(source.splitlines(), 1)
        return
    fstring = getattr(tokenize, "FSTRING_MIDDLE", None)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING, fstring}:
            yield token.start[0], token.string


def old_names(nodes):
    names = definitions(nodes)
    return [f"{line}: {name}" for line, name in names if name in OLD_NAMES or name.startswith(OLD_PREFIXES)]


def questions(nodes):
    """Names of what a docstring documents that opens with a question word."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef | ast.Module):
            if QUESTION.match(ast.get_docstring(node) or ""):
                yield getattr(node, "name", "module")


def wrong_names(source):
    nodes = list(ast.walk(ast.parse(source)))
    return [*old_names(nodes), *questions(nodes)]


def foreign_words(path):
    """Words of another century or spelling. A file is split into its prose only if one stands in it somewhere."""
    words = re.compile(f"{DIALECT.pattern}|{BRITISH.pattern}", re.IGNORECASE)
    if words.search(path.read_text(encoding="utf-8")):
        yield from (f"{line}: {found[0]}" for line, text in prose(path) for found in words.finditer(text))


def test_no_definition_bears_an_old_name_and_no_docstring_opens_with_a_question_word():
    found = {name_of(path): wrong_names(path.read_text(encoding="utf-8")) for path in PYTHON}
    assert not {name: names for name, names in found.items() if names}


def test_prose_is_in_todays_american_english():
    found = {name_of(path): list(foreign_words(path)) for path in [*PYTHON, *DOCUMENTS]}
    assert not {name: words for name, words in found.items() if words}


@pytest.mark.parametrize(
    "source, fault",
    [
        ("def mend(): pass", "1: mend"),
        ("def f(lost=1): pass", "1: lost"),
        ("READY = 1", "1: READY"),
        ("MOST_SEEDS = 1", "1: MOST_SEEDS"),
        ('class A: """What it is."""', "A"),
        ('"""How it goes."""', "module"),
    ],
)
def test_the_search_finds_old_names_and_question_words(source, fault):
    assert wrong_names(source) == [fault]


@pytest.mark.parametrize("source", ["x = 1  # its colour", "x = 'reckoned'", '"""The\ncentre."""'])
def test_the_search_finds_foreign_words(tmp_path, source):
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    assert len(list(foreign_words(path))) == 1
