"""Laws of the house: which way the imports point, how long a file may be, and that the documents tell the truth."""

import ast
import os
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from streamlit import config as streamlit_config

from tests.support.checkout import HOUSE

LAYERS = ("core", "ui", "pages")
LONGEST = 450  # lines; a longer file holds more than one subject
NOT_OURS = {"__pycache__", "node_modules", "build", "dist"}


@cache
def all_files():
    """The project's files without what tools leave behind: hidden folders but for our own two, environments, caches."""
    found = []
    for folder, folders, names in os.walk(HOUSE):
        folders[:] = [name for name in folders if is_ours(Path(folder, name))]  # the others are not entered
        found += [Path(folder, name) for name in names if name != ".git"]
    return sorted(found)


def is_ours(folder):
    hidden = folder.name.startswith(".") and folder.name not in (".ci", ".streamlit")
    return not hidden and folder.name not in NOT_OURS and not (folder / "pyvenv.cfg").exists()


def files(suffix=""):
    return [path for path in all_files() if path.name.endswith(suffix)]


def named(path):
    return path.relative_to(HOUSE).as_posix()


@cache
def imports(path):
    """The top-level packages that a file imports, wherever in it the import stands."""
    return set(imported(ast.parse(path.read_text(encoding="utf-8"))))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def faults(find, paths):
    """Findings by the name of their file: one test reads all files, and its message names each that fails."""
    found = {named(path): find(path) for path in paths}
    return {name: fault for name, fault in found.items() if fault}


PLACES = (*LAYERS, "app.py", "asgi.py", "home.py")
SOURCES = [path for place in PLACES for path in files(".py") if path.is_relative_to(HOUSE / place)]
CORE = [path for path in SOURCES if path.is_relative_to(HOUSE / "core")]
PYTHON = files(".py")
MAY_IMPORT = {"core": {"core"}, "ui": {"core", "ui"}, "pages": {"core", "ui"}, "app.py": {"core", "ui"}}
MAY_IMPORT |= {"asgi.py": {"core", "ui"}, "home.py": {"core", "ui"}}
NUMERICS = {"numpy", "numba", "llvmlite", "scipy", "pandas", "pyarrow", "threadpoolctl"}


def test_core_imports_only_numerics():
    optional = {
        "datasets.py": {"sklearn"},
        "workers.py": {"distributed"},  # Dask, only where a cluster is named
        "workbooks.py": {"openpyxl"},
    }
    allowed = NUMERICS | {"core"} | sys.stdlib_module_names
    assert not faults(lambda path: imports(path) - allowed - optional.get(path.name, set()), CORE)


def test_imports_point_from_pages_to_ui_to_core():
    ours = {*LAYERS, "app", "asgi", "home", "tests", "benchmarks"}
    layer = {path: path.relative_to(HOUSE).parts[0] for path in SOURCES}
    assert not faults(lambda path: ours.intersection(imports(path)) - MAY_IMPORT[layer[path]], SOURCES)


def test_nothing_imports_pages():
    speaking = [path for path in PYTHON if "pages" in path.read_text(encoding="utf-8")]  # the others are not parsed
    assert not faults(lambda path: "pages" in imports(path), speaking)


PACKAGE = [path for path in files(".py") if path.is_relative_to(HOUSE / "gradient_flow_lab")]
# The recorder holds three frameworks in one file, because people copy it alone beside their own program.
COPIED_ALONE = {"gradient_flow_lab/recorder.py": 680}


def test_no_file_is_longer_than_one_subject():
    def excess(path):
        return len(path.read_text(encoding="utf-8").splitlines()) > COPIED_ALONE.get(named(path), LONGEST)

    assert not faults(excess, SOURCES + PACKAGE)


# Records that a caller writes by hand, in the order in which their fields are spoken of.
POSITIONAL = {
    "core/config.py": {"Number", "RunConfig"},
    "core/comparison/arms.py": {"Arm", "Comparison"},
    "core/data/columns.py": {"ColumnReadings"},
    "core/data/dialect.py": {"Dialect"},
    "core/engine/cancellation.py": {"CancelToken"},
    "core/lecture/small_network.py": {"SmallNetwork"},
    "core/sweeps/grid.py": {"Grid"},
    "core/sweeps/maps.py": {"Axis", "SweepMap"},
    "ui/charts/arms.py": {"StyledArm"},
    "ui/charts/guides.py": {"Guide"},
    "ui/charts/line_labels.py": {"Frame"},
    "ui/controls/sidebar.py": {"Chosen"},
    "ui/lecture/steps.py": {"DescentState"},
    "ui/lecture/symbols.py": {"Symbol"},
}


def positional_records(path):
    """Public frozen dataclasses of a file that have three fields or more and take them by position."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            n_fields = sum(isinstance(part, ast.AnnAssign) for part in node.body)
            if n_fields >= 3 and any("frozen=True" in d and "kw_only=True" not in d for d in decorators):
                yield node.name


def test_members_of_registries_and_results_are_made_with_keywords():
    found = {named(path): set(positional_records(path)) for path in SOURCES + PACKAGE}
    assert {name: records for name, records in found.items() if records} == POSITIONAL


def divisible_assignments(path):
    """Lines that give several names values of their own, where none of the values needs the old value of another."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
        ):
            target, value = node.targets[0], node.value
            starred = any(isinstance(part, ast.Starred) for part in (*target.elts, *value.elts))
            if not starred and not target_names(target) & read_names(value):
                yield node.lineno


def target_names(target):
    """Names that an assignment sets, and those that its targets are parts of."""
    return {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}


def read_names(value):
    """Names that an expression reads, and those to which its calls belong."""
    return {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}


def test_a_line_assigns_one_name():
    assert not faults(lambda path: list(divisible_assignments(path)), SOURCES + PACKAGE)


def test_what_is_copied_alone_needs_nothing_of_this_project():
    for name in COPIED_ALONE:
        assert not {"core", "ui", "gradient_flow_lab"}.intersection(imports(HOUSE / name))


def test_modules_are_named_for_their_subject():
    unnamed = {"utils", "util", "helpers", "misc"}
    assert not faults(lambda path: unnamed.intersection(path.relative_to(HOUSE).with_suffix("").parts), PYTHON)


def test_no_file_names_a_folder_of_somebodys_machine():
    place = re.compile(r"""(?<![\w.:/~-])(?:/(?:home|root|Users|work|tmp)/|[A-Z]:\\)\w""")
    texts = {named(path): path.read_text(encoding="utf-8", errors="replace") for path in files()}
    assert not [f"{name}: {found[0]}" for name, text in texts.items() for found in place.finditer(text)]


@pytest.mark.parametrize("path", sorted(HOUSE.glob("requirements*.txt")), ids=named)
def test_every_requirement_is_bounded_and_names_no_index(path):
    lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    loose = [line for line in lines if line and not line.startswith("-r ") and not re.search(r"<|==", line)]
    assert not loose
    assert not [line for line in lines if "://" in line or line.startswith(("-i", "-f", "--"))]


MAKEFILE = (HOUSE / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.search(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE)[1].split())


DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(named(path) for path in sorted((HOUSE / "docs").glob("*.md"))),
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_named_in_a_document_exists(document):
    code = re.findall(r"```.*?```|`[^`\n]+`", (HOUSE / document).read_text(encoding="utf-8"), re.DOTALL)
    targets = set(re.findall(r"\bmake (?:[A-Z]+=\S+ )*([a-z][a-z-]*)", "\n".join(code)))
    assert targets or document not in ("README.md", "CONTRIBUTING.md", "docs/hosting.md", "docs/testing.md")
    assert targets <= TARGETS
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in TARGETS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_linked_in_a_document_exists(document):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", (HOUSE / document).read_text(encoding="utf-8"))
    local = {link for pair in links for link in pair if link and "://" not in link}
    assert not [link for link in local if not (HOUSE / document).parent.joinpath(link).exists()]


SETTINGS = tomllib.loads((HOUSE / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_every_setting_is_one_that_streamlit_knows():
    def flat(table, prefix=""):
        for key, value in table.items():
            yield from flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]

    # Streamlit passes over an unknown key with no more than a line in its log.
    assert set(flat(SETTINGS)) <= set(streamlit_config.get_config_options())


def luminance(rgb):
    """Relative luminance of three channels in [0, 1]. Source: WCAG 2.2, "relative luminance"."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(front, back, opacity=1.0):
    """WCAG 2.2 contrast ratio of two "#rrggbb" colors, the front one faded to its opacity."""
    front, back = ([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in (front, back))
    seen = [opacity * f + (1 - opacity) * b for f, b in zip(front, back, strict=True)]
    low, high = sorted((luminance(seen), luminance(back)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_agrees_with_known_ratios():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known gray that just fails


# 4.5 is WCAG's level AA for text of normal size. Streamlit shows captions at opacity 0.6.
READABLE = 4.5
SHOWN = [("textColor", 1), ("textColor", 0.6), ("primaryColor", 1), ("linkColor", 1)]


@pytest.mark.parametrize("back", ["backgroundColor", "secondaryBackgroundColor"])
@pytest.mark.parametrize("front, opacity", SHOWN)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme_text_has_readable_contrast(theme, front, opacity, back):
    colors = SETTINGS["theme"][theme]
    assert contrast(colors[front], colors[back], opacity) >= READABLE
