"""Builds the wheel: one package, gradient_flow_lab, in which core, ui, pages, app.py, asgi.py and home.py lie.

In the checkout these stand at the top and ui says `from core import ...`; in the wheel nothing may claim so common a
name, so each import of core and ui is rewritten to `gradient_flow_lab.core` and `gradient_flow_lab.ui`.
Everything else about the package stands in pyproject.toml.
"""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

PACKAGE = "gradient_flow_lab"
FOLDERS = ("core", "ui")
BESIDE = ("app.py", "asgi.py", "home.py", "pages", ".streamlit", "scenes")
IMPORT = re.compile(rf"^(\s*(?:from|import) )({'|'.join(FOLDERS)})(?=[. \n])", re.MULTILINE)
BARE_IMPORT = re.compile(rf"^(\s*)import ({'|'.join(FOLDERS)})((?:\.\w+)*)(?: as (\w+))?$", re.MULTILINE)


def rewrite_imports(source: str) -> str:
    """The source with its imports of core and ui below the package.

    `import core.x` binds the name core, so it becomes `import gradient_flow_lab.core.x` and `from gradient_flow_lab
    import core`.
    """

    def bare(match: re.Match) -> str:
        indent, folder, rest, alias = match.groups()
        if alias:
            return f"{indent}import {PACKAGE}.{folder}{rest} as {alias}"
        return f"{indent}import {PACKAGE}.{folder}{rest}\n{indent}from {PACKAGE} import {folder}"

    return IMPORT.sub(rf"\1{PACKAGE}.\2", BARE_IMPORT.sub(bare, source))


class BuildPackage(build_py):
    """Copies what is no module, then rewrites the imports of every module."""

    def run(self) -> None:
        super().run()
        target = Path(self.build_lib) / PACKAGE
        for name in BESIDE:
            source = Path(name)
            if source.is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "secrets.toml")
                shutil.copytree(source, target / name, dirs_exist_ok=True, ignore=ignore)
            elif source.exists():
                shutil.copy2(source, target / name)
        for path in target.rglob("*.py"):
            path.write_text(rewrite_imports(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    folders = {name: find_packages(name) for name in FOLDERS}
    packages = [PACKAGE, *(f"{PACKAGE}.{name}" for name in FOLDERS)]
    packages += [f"{PACKAGE}.{name}.{inner}" for name, inside in folders.items() for inner in inside]
    setup(
        packages=packages,
        package_dir={PACKAGE: PACKAGE, **{f"{PACKAGE}.{name}": name for name in FOLDERS}},
        package_data={"": ["*.json", "*.gz", "*.svg", "*.html", "*.js", "*.css", "py.typed"]},
        cmdclass={"build_py": BuildPackage},
    )
