"""The limits of a server: what the environment may say, and what holds where it is silent."""

import os
import re

import pytest

from core import ConfigError
from core.compiled import cache
from tests.support.checkout import HOUSE
from ui.runtime import limits
from ui.runtime.limits import LIMITS, PREFIX

WRONG = {name: ["two", "nan", "inf", f"{limit.low / 2:g}"] for name, limit in LIMITS.items()}
WRONG["MAX_TRAININGS"] += ["0", "-1", "1.5"]
WRONG["MAX_UPLOAD"] += ["2e8"]


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("name, text", [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(monkeypatch, name, text):
    monkeypatch.setenv(PREFIX + name, text)
    with pytest.raises(ConfigError, match=f"{PREFIX + name} = '{text}' is not allowed: .* must be a whole number"):
        limits.check()


def test_a_setting_that_does_not_exist_is_refused_with_those_that_do(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_COSTS", "1")
    with pytest.raises(ConfigError, match="GRADIENT_LAB_MAX_COSTS.*settings are .*GRADIENT_LAB_MAX_COST,"):
        limits.check()


@pytest.mark.parametrize("site", ["example.org", "https://a.org;script-src", "*", "https://", "javascript:x"])
def test_a_frame_is_allowed_to_addresses_only(monkeypatch, site):
    monkeypatch.setenv(limits.FRAMES, f"https://good.org {site}")
    with pytest.raises(ConfigError, match="GRADIENT_LAB_FRAME_ANCESTORS"):
        limits.check()


@pytest.mark.parametrize("text, trusted", [("", False), ("0", False), ("1", True), (" 1 ", True)])
def test_a_proxy_is_trusted_where_the_operator_says_so(monkeypatch, text, trusted):
    monkeypatch.setenv(limits.PROXY, text)
    limits.check()
    assert limits.is_proxy_trusted() == trusted


@pytest.mark.parametrize("text", ["2", "yes", "true", "1.0"])
def test_a_word_about_the_proxy_that_is_neither_0_nor_1_is_refused(monkeypatch, text):
    monkeypatch.setenv(limits.PROXY, text)
    with pytest.raises(ConfigError, match="GRADIENT_LAB_TRUST_PROXY = '.*' is not allowed: .* must be 0 or 1"):
        limits.check()


@pytest.mark.parametrize(
    "address", ["nonsense", "host:8786", "tcp://host", "tcp://:8786", "tcp://host:0", "tcp://host:65536", "tcp://a b:1"]
)
def test_a_scheduler_that_is_no_address_is_refused(monkeypatch, address):
    monkeypatch.setenv(limits.SCHEDULER, address)
    with pytest.raises(ConfigError, match="GRADIENT_LAB_SCHEDULER = '.*' is not allowed: .* such as tcp://host:8786"):
        limits.check()


@pytest.mark.parametrize(
    "address", ["", " tcp://host:8786 ", "tls://10.0.0.2:8786", "tcp://[::1]:8786", "ws://a-b.c:1"]
)
def test_an_address_of_a_scheduler_passes(monkeypatch, address):
    monkeypatch.setenv(limits.SCHEDULER, address)
    limits.check()


def test_an_empty_setting_is_as_none(monkeypatch):
    monkeypatch.setattr(limits.os, "environ", {})
    silent = [limits.value(name) for name in LIMITS]
    every = [*(PREFIX + name for name in LIMITS), limits.FRAMES, limits.PROXY, limits.SCHEDULER, limits.SCENES]
    monkeypatch.setattr(limits.os, "environ", dict.fromkeys(every, ""))
    limits.check()
    assert [limits.value(name) for name in LIMITS] == silent and limits.frame_ancestors() == ()


def test_what_the_environment_says_holds_at_home_and_on_a_server(monkeypatch):
    monkeypatch.setattr(limits.os, "environ", {PREFIX + "MAX_COST": "2e9", PREFIX + "MAX_TRAININGS": " 7 "})
    assert (limits.value("MAX_COST"), limits.value("MAX_TRAININGS")) == (2_000_000_000, 7)
    limits.apply_server_defaults()
    assert (limits.value("MAX_COST"), limits.value("MAX_TRAININGS")) == (2_000_000_000, 7)


def test_a_run_has_no_limit_at_home_but_has_one_on_a_server(monkeypatch):
    monkeypatch.setattr(limits.os, "environ", {})
    assert limits.value("MAX_COST") is limits.value("MAX_BYTES") is None
    limits.apply_server_defaults()
    assert all(limits.value(name) >= limit.low for name, limit in LIMITS.items())


def test_empty_settings_put_the_hosted_defaults_in_force(monkeypatch):
    monkeypatch.setattr(limits.os, "environ", dict.fromkeys([PREFIX + name for name in LIMITS], " "))
    limits.apply_server_defaults()
    for name, limit in LIMITS.items():
        assert limits.value(name) == (limit.hosted() if callable(limit.hosted) else limit.hosted), name


def test_there_are_as_many_trainings_as_cores(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_TRAININGS", "")
    assert limits.value("MAX_TRAININGS") == limits.cores()


def test_all_the_runs_of_a_comparison_or_a_sweep_together_are_limited(monkeypatch):
    limits.check_work(10**18)  # no limit at home
    monkeypatch.setenv("GRADIENT_LAB_MAX_WORK", "1000")
    limits.check_work(1000)
    with pytest.raises(ConfigError, match="1,001 multiply-adds in all.*this server allows 1,000 in all"):
        limits.check_work(1001)


def test_the_table_for_those_who_host_names_every_setting():
    text = (HOUSE / "docs" / "hosting.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `(GRADIENT_LAB_[A-Z_]+)` \|.*\| (.+) \| (.+) \|$", text, re.MULTILINE)
    rows = {name: hosted for name, hosted, _ in found}
    assert set(rows) == {PREFIX + name for name in LIMITS} | {
        limits.FRAMES,
        limits.PROXY,
        limits.SCHEDULER,
        limits.SCENES,
        cache.FOLDER,
    }
    fixed = {PREFIX + name: limit.hosted for name, limit in LIMITS.items() if not callable(limit.hosted)}
    assert {name: float(rows[name].replace(",", "")) for name in fixed} == fixed
    at_home = {
        name: None if text == "none" else float(text.replace(",", "")) for name, _, text in found if name in fixed
    }
    assert at_home == {name: LIMITS[name.removeprefix(PREFIX)].default for name in fixed}


def test_the_compose_file_passes_every_setting_on_and_an_empty_one_where_the_host_has_none():
    text = (HOUSE / "deploy" / "docker-compose.yml").read_text(encoding="utf-8")
    passed = re.findall(r"^ +(GRADIENT_LAB_\w+): \$\{(\w+):-1?\}$", text, re.MULTILINE)
    assert all(inside == outside for inside, outside in passed)
    assert [name for name, _ in passed] == [
        *(PREFIX + name for name in LIMITS),
        limits.FRAMES,
        limits.PROXY,
        limits.SCHEDULER,
        limits.SCENES,
    ]


def test_no_limit_of_a_server_is_above_the_one_at_home(monkeypatch):
    monkeypatch.setattr(limits.os, "environ", {})
    at_home = {name: limits.value(name) for name in LIMITS}
    limits.apply_server_defaults()
    for name, limit in at_home.items():
        assert limit is None or limits.value(name) <= limit, name


@pytest.mark.parametrize("port, allowed", [(1, True), (65_535, True), (0, False), (65_536, False)])
def test_a_scheduler_may_have_any_port(port, allowed, monkeypatch):
    monkeypatch.setenv(limits.SCHEDULER, f"tcp://host:{port}")
    if allowed:
        limits.check_scheduler()
    else:
        with pytest.raises(ConfigError):
            limits.check_scheduler()
