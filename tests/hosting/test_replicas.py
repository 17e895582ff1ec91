"""Two replicas behind nginx with the configuration of deploy/: when one is killed, its visitors lose nothing."""

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import AsyncExitStack, ExitStack

import pytest
import websockets

from tests.support.loops import finished
from tests.support.visitor import HOUSE, Visitor, free_port, healthy, served

EACH = 10  # visitors at each replica
CONFIGURATION = (HOUSE / "deploy" / "nginx.conf").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def nginx():
    """Debian's nginx, installed if it is missing and this user may."""
    if not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            pytest.skip("no nginx here, and this user cannot install it with apt-get")
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", "nginx-light"]):
            done = subprocess.run(["apt-get", "-q", *command], env=quiet, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"no nginx here, and apt-get {command[0]} fails: {done.stderr.strip()[-200:]}")
    return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def _configured(folder, port, replicas):
    """The configuration of deploy/ with addresses and folders of this machine; it also says which replica answers."""
    text = re.sub(r"\n +server 172\.28\.5\.\d+:8501", "\n        server @", CONFIGURATION)
    assert text.count("server @") == len(replicas)
    for replica in replicas:
        text = text.replace("server @", "server " + replica.url.removeprefix("http://"), 1)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    text = text.replace("add_header Set-Cookie", "add_header X-Replica $upstream_addr; add_header Set-Cookie")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = "".join(f"    {kind}_temp_path {folder / kind};\n" for kind in kinds)
    file = folder / "nginx.conf"
    file.write_text(text.replace("http {\n", "http {\n" + own, 1))
    return file


@pytest.fixture
def deployed(nginx, tmp_path):
    """(the common address, the replicas)."""
    with ExitStack() as stack:
        replicas = [stack.enter_context(served(STREAMLIT_SERVER_COOKIE_SECRET="a" * 64)) for _ in range(2)]
        port = free_port()
        file = _configured(tmp_path, port, replicas)
        main = f"daemon off; pid {tmp_path / 'pid'}; error_log stderr;"
        process = subprocess.Popen([nginx, "-p", tmp_path, "-c", file, "-e", "stderr", "-g", main])
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 30
            while not healthy(url):
                assert process.poll() is None and time.monotonic() < deadline, "nginx did not start"
                time.sleep(0.1)
            yield url, replicas
        finally:
            process.terminate()
            process.wait(15)


def _cookie(url):
    """The cookie with which a new visitor is sent on, and the replica that answered."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        cookies = [value.split(";")[0] for value in answer.headers.get_all("Set-Cookie")]
        return next(c for c in cookies if c.startswith("lab_replica=")), answer.headers["X-Replica"]


def retry_once(url, cookie):
    """The replica that answers one who has the cookie, and whether it sends a new one."""
    request = urllib.request.Request(url, headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers["X-Replica"], "lab_replica" in str(answer.headers.get_all("Set-Cookie"))


def _shows(answer, value):
    return not answer.errors and any(f"× {value:g} " in text for text in answer.texts)


@pytest.mark.slow
def test_a_killed_replica_costs_nobody_the_settings_and_the_others_nothing(deployed):
    url, replicas = deployed
    names = [replica.url.removeprefix("http://") for replica in replicas]
    cookies = {name: [] for name in names}
    for _ in range(400):  # by chance each replica gets a half; 400 draws that leave one short of ten do not happen
        if all(len(found) == EACH for found in cookies.values()):
            break
        cookie, name = _cookie(url)
        if len(cookies[name]) < EACH:
            cookies[name].append(cookie)
    assert all(retry_once(url, cookie) == (name, False) for name in names for cookie in cookies[name])

    async def live():
        visitors = [Visitor(url, cookie=cookie) for name in names for cookie in cookies[name]]
        values = [round(1.01 + i / 100, 2) for i in range(len(visitors))]
        async with AsyncExitStack() as stack:
            for visitor, value in zip(visitors, values, strict=True):
                await stack.enter_async_context(visitor)
                await visitor.visit()
                assert _shows(await visitor.change(init_scale=value), value)
            replicas[0].process.send_signal(signal.SIGKILL)
            replicas[0].process.wait(15)
            lost, others = visitors[:EACH], visitors[EACH:]

            sessions = [visitor.session for visitor in others]
            for visitor in others:
                answer = await visitor.change(learning_rate=0.02)
                assert _shows(answer, values[visitors.index(visitor)])
            assert [visitor.session for visitor in others] == sessions

            for visitor, value in zip(lost, values[:EACH], strict=True):
                with pytest.raises(websockets.ConnectionClosed):
                    await visitor.change(learning_rate=0.02)
                async with Visitor(url, query=visitor.query, cookie=visitor.cookie) as back:
                    assert _shows(await back.visit(), value)

    finished(live())


def test_the_configuration_gives_every_service_of_the_compose_file_its_place():
    compose = (HOUSE / "deploy" / "docker-compose.yml").read_text(encoding="utf-8")
    addresses = re.findall(r"ipv4_address: ([\d.]+)", compose)
    assert len(re.findall(r"^  lab-\d+:", compose, re.MULTILINE)) == len(addresses) >= 2
    assert re.findall(r"server ([\d.]+):8501", CONFIGURATION) == addresses
