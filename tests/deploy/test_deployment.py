"""The files with which the dashboard is deployed: closed containers, and a proxy whose bounds fit the server's."""

import json
import re
import shlex
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.checkout import HOUSE
from ui.runtime import connections, guard, limits, uploads

COMPOSE = (HOUSE / "deploy" / "docker-compose.yml").read_text(encoding="utf-8")
NGINX = (HOUSE / "deploy" / "nginx.conf").read_text(encoding="utf-8")
HOSTING = (HOUSE / "docs" / "hosting.md").read_text(encoding="utf-8")
MAKEFILE = (HOUSE / "Makefile").read_text(encoding="utf-8")
# The settings that every replica has, and those of the proxy.
REPLICA, PROXY = COMPOSE.split("services:")[0], COMPOSE.split("  nginx:")[1].split("\nnetworks:")[0]


@pytest.mark.parametrize("service", [REPLICA, PROXY], ids=["replica", "proxy"])
def test_a_container_is_read_only_without_privileges_and_bounded(service):
    assert re.search(r"^ +read_only: true$", service, re.MULTILINE)
    assert re.search(r"^ +cap_drop: \[ALL\]$", service, re.MULTILINE)
    assert re.search(r'^ +security_opt: \["no-new-privileges:true"\]$', service, re.MULTILINE)
    assert re.search(r"^ +pids_limit: \d+$", service, re.MULTILINE)
    assert re.search(r"^ +tmpfs:", service, re.MULTILINE)
    assert "privileged" not in service.replace("no-new-privileges", "")


def test_a_replica_has_a_memory_limit_and_no_port_of_its_own():
    assert re.search(r"limits:\n +memory: \d+g$", REPLICA, re.MULTILINE)
    assert COMPOSE.count("ports:") == 1 and "ports:" in PROXY
    assert len(re.findall(r"^    <<: \*lab$", COMPOSE, re.MULTILINE)) == len(
        re.findall(r"^  lab-\d+:", COMPOSE, re.MULTILINE)
    )


def test_one_container_is_bound_to_its_machine_and_as_closed():
    (command,) = re.findall(r"docker run --restart .*?gradient-flow-lab$", HOSTING, re.MULTILINE | re.DOTALL)
    assert re.findall(r"-p (\S+)", command) == ["127.0.0.1:8501:8501"]
    options = {
        "--read-only",
        "--tmpfs",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--memory",
        "--pids-limit",
    }
    assert all(option in command for option in options)


def test_make_run_listens_on_this_machine_alone():
    assert re.search(r"^run: export STREAMLIT_SERVER_ADDRESS \?= localhost$", MAKEFILE, re.MULTILINE)


def numbers(pattern):
    """The numbers in the one place of nginx.conf that a pattern finds."""
    (found,) = re.findall(pattern, NGINX)
    return tuple(map(int, found)) if isinstance(found, tuple) else int(found)


def test_the_proxy_bounds_connections_and_requests_of_an_address_above_what_an_honest_class_needs():
    assert numbers(r"limit_req_zone \$binary_remote_addr zone=requests:10m rate=(\d+)r/s;") >= 30
    assert (
        numbers(r"limit_req zone=requests burst=(\d+) nodelay;") >= 1_000
    )  # thirty pages of some thirty files at once
    allowed = numbers(r"limit_conn connections (\d+);")
    pages = limits.LIMITS["MAX_SESSIONS"].hosted
    assert pages * guard.ADDRESS_SHARE < allowed < connections.MAX_CONNECTIONS
    assert "limit_conn_zone $binary_remote_addr zone=connections:10m;" in NGINX
    # A page has one connection to the proxy and one from it to its replica, and loads files beside.
    assert numbers(r"worker_connections (\d+);") > 2 * 2 * pages


def test_the_proxy_waits_no_longer_for_a_sender_and_takes_no_larger_body_than_the_server():
    assert numbers(r"client_header_timeout (\d+)s;") <= connections.HEADER_SECONDS
    assert numbers(r"client_body_timeout (\d+)s;") <= connections.BODY_SECONDS
    size = numbers(r"client_max_body_size (\d+)m;") * 2**20
    largest = limits.LIMITS["MAX_UPLOAD"].hosted + uploads.OVERHEAD
    assert largest <= size < 2 * largest
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in NGINX
    assert "GRADIENT_LAB_TRUST_PROXY: ${GRADIENT_LAB_TRUST_PROXY:-1}" in COMPOSE


def pins():
    """By name, each pin of the lock file: (version, marker, hashes)."""
    found = {}
    for entry in re.split(r"\n(?=\S)", (HOUSE / "requirements.lock").read_text(encoding="utf-8").strip()):
        pin = re.match(r"([\w.-]+)==([\w.+]+)(?: ; (.+?))? *\\?\n", entry)
        assert pin, entry
        found.setdefault(canonicalize_name(pin[1]), []).append(
            (pin[2], pin[3], re.findall(r"--hash=sha256:(\S+)", entry))
        )
    return found


def test_the_lock_file_pins_every_requirement_of_a_server_with_hashes():
    locked = pins()
    codes = [code for entries in locked.values() for _, _, hashes in entries for code in hashes or [""]]
    assert all(re.fullmatch("[0-9a-f]{64}", code) for code in codes)
    lines = (HOUSE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in (line.split("#")[0].strip() for line in lines) if line]
    assert wanted
    for one in wanted:
        assert all(one.specifier.contains(version) for version, _, _ in locked[canonicalize_name(one.name)]), one


@pytest.mark.slow
def test_the_bill_of_materials_lists_every_pin(tmp_path):
    pytest.importorskip("cyclonedx_py", reason="the tools of developers are not installed")
    (command,) = re.findall(r"\$\(PY\) -m (cyclonedx_py .*?)\n\n", MAKEFILE, re.DOTALL)
    words = shlex.split(command.replace("\\\n", " ").replace("build/sbom.json", str(tmp_path / "sbom.json")))
    subprocess.run([sys.executable, "-m", *words], cwd=HOUSE, check=True, capture_output=True, timeout=120)
    bill = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    listed = {(canonicalize_name(part["name"]), part["version"]) for part in bill["components"]}
    assert listed == {(name, version) for name, entries in pins().items() for version, _, _ in entries}
