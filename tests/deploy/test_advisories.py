"""Advisories from a file beside the lock file: what matches, what does not, and what is no such file."""

import json

import pytest

from deploy import advisories
from tests.support.checkout import HOUSE

LOCK = "Some.Package==1.5.0 \\\n    --hash=sha256:00\nother==2.0 ; python_version < '3.12' \\\n    --hash=sha256:11\n"


def advisory(name="some-package", ecosystem="PyPI", **affected):
    return {
        "id": "X-1",
        "summary": "a fault",
        "affected": [{"package": {"name": name, "ecosystem": ecosystem}, **affected}],
    }


def events(*pairs):
    return {"ranges": [{"type": "ECOSYSTEM", "events": [dict([pair]) for pair in pairs]}]}


def matches(one):
    return [(m.package, m.version) for m in advisories.find_matches(advisories.read_lock(LOCK), [one])]


def test_every_pin_of_the_lock_file_is_read():
    pins = advisories.read_lock(advisories.LOCK.read_text(encoding="utf-8"))
    assert {"streamlit", "numpy", "plotly", "uvicorn"} <= {name for name, _ in pins}
    assert advisories.read_lock(LOCK) == [("some-package", "1.5.0"), ("other", "2.0")]


@pytest.mark.parametrize(
    "affected, found",
    [
        ({"versions": ["1.4", "1.5"]}, True),
        ({"versions": ["1.4", "1.6"]}, False),
        (events(("introduced", "0"), ("fixed", "1.5.1")), True),
        (events(("introduced", "0"), ("fixed", "1.5")), False),
        (events(("introduced", "1.5.0")), True),
        (events(("introduced", "1.6")), False),
        (events(("introduced", "0"), ("last_affected", "1.5")), True),
        (events(("introduced", "0"), ("last_affected", "1.4")), False),
        (events(("introduced", "1.5"), ("introduced", "0"), ("fixed", "1.2")), True),  # in any order
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, False),
        ({}, False),
    ],
)
def test_a_version_is_matched_by_list_and_by_range(affected, found):
    assert matches(advisory(**affected)) == ([("some-package", "1.5.0")] if found else [])


def test_other_packages_registries_and_withdrawn_advisories_do_not_match():
    everything = events(("introduced", "0"))
    assert matches(advisory("Other", **everything)) == [("other", "2.0")]
    assert matches(advisory("third", **everything)) == matches(advisory(ecosystem="npm", **everything)) == []
    assert matches(advisory(**everything) | {"withdrawn": "2026-01-01T00:00:00Z"}) == []


@pytest.mark.parametrize("kind, code", [("matching", 1), ("other", 0), ("broken", 2), ("none", 2), ("no advisory", 2),
                                        ("no version", 2)])  # fmt: skip
def test_the_command_ends_with_a_code_that_says_what_it_found(kind, code, tmp_path, capsys):
    texts = {"matching": json.dumps([advisory(versions=["1.5.0"])]), "other": json.dumps(advisory("third")),
             "broken": "{", "no advisory": "[{}]",
             "no version": json.dumps(advisory(**events(("introduced", "x y"))))}  # fmt: skip
    if kind in texts:
        (tmp_path / "advisories.json").write_text(texts[kind], encoding="utf-8")
    (tmp_path / "lock").write_text(LOCK, encoding="utf-8")
    assert advisories.main([str(tmp_path / "advisories.json"), str(tmp_path / "lock")]) == code
    assert capsys.readouterr().out == ("some-package 1.5.0: X-1 a fault\n" if code == 1 else "")


def test_the_lock_file_holds_a_hash_for_every_package_and_no_host():
    lock = advisories.LOCK.read_text(encoding="utf-8")
    assert "://" not in lock and "/" not in lock.replace("\\\n", "")
    pinned = [block for block in lock.replace(" \\\n    --hash", " --hash").splitlines() if block]
    assert pinned and all("==" in line and "--hash=sha256:" in line for line in pinned)


def test_the_lock_file_fits_the_requirements():
    from packaging.requirements import Requirement

    pins = {}
    for name, version in advisories.read_lock(advisories.LOCK.read_text(encoding="utf-8")):
        pins.setdefault(name, []).append(version)
    for line in (HOUSE / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and line[0] != "#":
            requirement = Requirement(line)
            assert all(requirement.specifier.contains(version) for version in pins[requirement.name.lower()]), line


def test_the_image_and_make_serve_install_the_lock_file():
    for name in ("Dockerfile", "Makefile"):
        assert "--require-hashes -r requirements.lock" in (HOUSE / name).read_text(encoding="utf-8")
    assert "!requirements.lock" in (HOUSE / ".dockerignore").read_text(encoding="utf-8").splitlines()
