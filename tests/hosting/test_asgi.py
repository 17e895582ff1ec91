"""The public server itself: what it sends, what it closes, what it writes down, and when it says it is unwell."""

import gzip
import itertools
import json
import os
import runpy
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import streamlit as st
from streamlit import file_util

from core import ConfigError
from core.compiled import preparation
from core.engine import workers
from core.engine.cluster import ClusterLostError
from tests.support.loops import finished
from tests.support.visitor import HOUSE, Visitor, served
from ui.margins import FIRST_STYLE, first_style
from ui.runtime import event_log, first_page, hosting, limits
from ui.runtime.services import Services

ASSETS = Path(file_util.get_static_dir(), "static", "js")


class Said:
    """One answer: its status, its headers by lower-case name, and its body."""

    def __init__(self, messages):
        start, *parts = messages
        self.status_code = start["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        self.body = b"".join(part.get("body", b"") for part in parts)
        self.text = self.body.decode(errors="replace")


class Client:
    """Asks an ASGI application without a network."""

    def __init__(self, app):
        self.app = app

    def get(self, path, method="GET", headers=()):
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "root_path": "",
                 "headers": [(b"host", b"test"), *headers], "scheme": "http", "http_version": "1.1"}  # fmt: skip
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        async def ask():
            try:
                await self.app(scope, receive, send)
            except ValueError:  # an unforeseen error goes on to the server once it has been answered
                assert sent

        finished(ask())
        return Said(sent)


BIGGEST = max(ASSETS.iterdir(), key=lambda path: path.stat().st_size).name


@pytest.fixture
def client():
    """The headers and routes of the server around a page that fails."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def fail(request):
        raise ValueError("what a visitor typed")

    app = Starlette(
        routes=[Route("/", lambda request: PlainTextResponse("page")), Route("/fail", fail),
                Route("/_stcore/{rest:path}", lambda request: PlainTextResponse("closed"), methods=["GET", "POST"]),
                Route("/static/{rest:path}", lambda request: PlainTextResponse("not compressed")),
                Route("/healthz", hosting.health)],
        middleware=[Middleware(hosting.SecurityHeadersMiddleware), Middleware(first_page.FirstPageMiddleware)],
        exception_handlers={Exception: hosting.error_page},
    )  # fmt: skip
    return Client(app)


@pytest.fixture
def events_of(monkeypatch):
    """The lines of the event log, event by event."""
    lines = []

    class Keep(event_log.logging.Handler):
        def emit(self, record):
            lines.append({"event": record.getMessage()} | record.facts)

    keep, level = Keep(), event_log._LOG.level
    event_log._LOG.addHandler(keep)
    event_log._LOG.setLevel(event_log.logging.INFO)
    yield lines
    event_log._LOG.removeHandler(keep)
    event_log._LOG.setLevel(level)


# Of the content security policy, all but the scripts.
POLICY = {
    "default-src": "'self'", "style-src": "'self' 'unsafe-inline'", "img-src": "'self' data: blob:",
    "font-src": "'self' data:", "connect-src": "'self' data: blob:", "worker-src": "'self' blob:",
    "object-src": "'none'", "base-uri": "'self'", "form-action": "'self'", "frame-ancestors": "'self'",
}  # fmt: skip
CLOSED_POWERS = {"camera", "geolocation", "microphone", "payment", "usb"}


def test_every_answer_has_the_security_headers(client):
    for path in ("/", "/fail", "/healthz", "/_stcore/metrics", f"/static/js/{BIGGEST}"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert set(headers["permissions-policy"].split(", ")) == {f"{power}=()" for power in CLOSED_POWERS}
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        scripts, *hashes = policy.pop("script-src").split(" ")
        assert scripts == "'self'" and hashes and all(code.startswith("'sha256-") for code in hashes)
        assert policy == POLICY


def test_a_page_names_the_files_that_it_soon_needs_and_no_other_answer_does(client):
    from starlette.responses import HTMLResponse

    app = Client(first_page.FirstPageMiddleware(HTMLResponse("page")))
    for path, fonts in (("/", ()), ("/compare", ()), ("/lecture", first_page.FORMULA_FONTS)):
        named = dict(part.split(">; ") for part in app.get(path).headers["link"].split(", "))
        assert {Path(file).name.split(".")[0] for file in named} == {*first_page.SOON_NEEDED, *first_page.FONTS, *fonts}
        assert {file.removeprefix("<.") for file in named} <= set(first_page.static_files())
        for file, link in named.items():
            font = file.endswith(".woff2")
            assert link == ("rel=preload; as=font; crossorigin" if font else "rel=modulepreload; fetchpriority=low")
    assert "link" not in client.get("/").headers and "link" not in client.get(f"/static/js/{BIGGEST}").headers


def test_a_page_has_the_style_of_its_margins_and_the_length_that_it_states():
    from starlette.responses import HTMLResponse

    index = Path(file_util.get_static_dir(), "index.html").read_text()
    plain = HTMLResponse(index, headers={"ETag": '"of Streamlit"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"})
    packed = HTMLResponse(gzip.compress(index.encode()), headers={"ETag": '"x"', "Content-Encoding": "gzip"})
    for path, page in itertools.product(("/", "/compare", "/lecture"), (plain, packed)):
        answer = Client(first_page.FirstPageMiddleware(page)).get(path)
        style = first_style(path.strip("/"), "")
        text = gzip.decompress(answer.body).decode() if page is packed else answer.text
        assert text == index.replace("</head>", f"<style id={FIRST_STYLE}>{style}</style></head>")
        assert answer.headers["content-length"] == str(len(answer.body))
        assert not {"etag", "last-modified"} & set(answer.headers)  # a browser would keep an older version's style
    app = Client(first_page.FirstPageMiddleware(plain))
    assert app.get("/", "HEAD").headers["content-length"] == str(len(index.encode()))


def test_sites_that_the_operator_names_may_frame_the_dashboard(monkeypatch):
    monkeypatch.setenv(limits.FRAMES, "https://example.org https://*.example.net")
    headers = hosting.security_headers()
    assert headers["Content-Security-Policy"].endswith(
        "frame-ancestors 'self' https://example.org https://*.example.net"
    )
    assert "X-Frame-Options" not in headers


def test_figures_of_the_server_and_its_interface_for_programs_are_closed(client):
    for path in ("/_stcore/metrics", "/_stcore/agent/mcp", "/_stcore/agent/openapi.json"):
        assert client.get(path).status_code == 404
        assert client.get(path, "POST").status_code == 404
    for path in ("/_stcore/health", "/_stcore/stream"):  # the route below answers what is open
        assert client.get(path).text == "closed"


def test_streamlits_files_are_compressed_for_those_who_take_it(client):
    path = ASSETS / BIGGEST
    answer = client.get(f"/static/js/{BIGGEST}", headers=[(b"accept-encoding", b"gzip")])
    assert answer.headers["content-encoding"] == "gzip" and answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["cache-control"] == "public, immutable, max-age=31536000"  # its name changes with it
    assert len(answer.body) < path.stat().st_size / 2
    assert gzip.decompress(answer.body) == path.read_bytes()
    assert client.get(f"/static/js/{BIGGEST}").text == "not compressed"  # Streamlit's own answer
    outside = ("/static/../index.html", "/static/js/../../index.html", "/static/../../__init__.py")
    assert all((ASSETS.parent / other.removeprefix("/static/")).exists() for other in outside)
    for other in (*outside, "/static/js/none.js", "/static/..%2f..%2fx.js"):
        assert client.get(other, headers=[(b"accept-encoding", b"gzip")]).status_code == 404


def test_a_file_is_sent_in_parts_of_which_a_connection_holds_one(client):
    sent, scope = [], {"type": "http", "method": "GET", "path": f"/static/js/{BIGGEST}", "query_string": b"",
                       "headers": [(b"host", b"test"), (b"accept-encoding", b"gzip")]}  # fmt: skip

    async def send(message):
        sent.append(message)

    finished(client.app(scope | {"app": client.app}, None, send))
    start, *parts = sent
    length = int(dict(start["headers"])[b"content-length"])
    assert length == sum(len(part["body"]) for part in parts) > 10 * first_page.PART_BYTES
    assert all(len(part["body"]) <= first_page.PART_BYTES for part in parts)
    assert [part["more_body"] for part in parts] == [True] * (len(parts) - 1) + [False]


def test_another_spelling_of_a_files_path_is_no_file_and_nothing_is_compressed_for_it(client, monkeypatch):
    first_page.static_files()
    monkeypatch.setattr(first_page.gzip, "compress", lambda *_: pytest.fail("compressed once more"))
    for prefix in ("/static/./", "/static//", "/static/././js/", "//static/./", "/static/js/%2e/"):
        answer = client.get(f"{prefix}js/{BIGGEST}", headers=[(b"accept-encoding", b"gzip")])
        assert answer.status_code == 404
    assert client.get(f"/static/js/{BIGGEST}", headers=[(b"accept-encoding", b"gzip")]).status_code == 200


def test_an_error_nobody_foresaw_is_told_in_words_with_the_number_it_is_filed_under(client, events_of):
    answer = client.get("/fail")
    assert answer.status_code == 500
    (line,) = events_of
    assert line["id"] in answer.text and "Traceback" not in answer.text
    assert line["kind"] == "ValueError" and "test_asgi.py" in line["where"][-1]
    assert "what a visitor typed" not in json.dumps(events_of) + answer.text


@pytest.mark.parametrize("error", [BrokenProcessPool("x"), ClusterLostError("No worker has answered.")])
def test_work_that_lost_its_workers_is_no_error_of_the_page(error, monkeypatch, events_of):
    said = []
    monkeypatch.setattr(hosting.st, "error", lambda text, icon: said.append(text))
    assert hosting.on_script_error(error)
    assert said == [workers.describe_loss(error)] and events_of == []


@pytest.mark.parametrize(
    "error, field, forgets",
    [(ConfigError("steps", 1, "no"), "steps", 0), (BrokenProcessPool("x"), None, 0), (ValueError("secret"), None, 1)],
)
def test_only_an_error_nobody_foresaw_makes_a_session_forget(error, field, forgets, monkeypatch, events_of):
    said, forgotten = [], []
    monkeypatch.setattr(hosting.st, "error", lambda text, icon: said.append(text))
    monkeypatch.setattr(hosting.widget_states, "forget", lambda: forgotten.append(1))
    assert hosting.on_script_error(error)
    assert len(said) == 1 and len(forgotten) == forgets and "secret" not in said[0] + json.dumps(events_of)
    assert [line["field"] for line in events_of if line["event"] == "refusal"] == [field] * (field is not None)
    assert [line["id"] in said[0] for line in events_of if line["event"] == "failure"] == [True] * forgets


def test_a_server_writes_down_its_start_with_its_limits_and_its_end_and_hides_words_between(monkeypatch, events_of):
    hidden = []
    monkeypatch.setattr(hosting, "_warm", lambda: None)
    monkeypatch.setattr(hosting.event_log, "hide_foreign_words", lambda: hidden.append(len(events_of)))
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", "5e9")

    async def live():
        async with hosting.lifespan(None):
            assert [line["event"] for line in events_of] == ["start"] and hidden == [1]

    finished(live())
    assert [line["event"] for line in events_of] == ["start", "stop"]
    limited = {name.lower(): limits.value(name) for name in limits.LIMITS}
    assert limited["max_cost"] == 5e9 and limited.items() <= events_of[0].items() and events_of[0]["seconds"] >= 0


def test_health_fails_while_a_training_stands_still(client, monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_STUCK_SECONDS", "10")
    assert client.get("/healthz").status_code == 200
    assert client.get("/healthz").headers["cache-control"] == "no-store"
    monkeypatch.setattr(Services, "queue_stats", lambda self: (2, 1, 9.9))
    assert json.loads(client.get("/healthz").body) == {"status": "ok", "training": 2, "waiting": 1, "still": 9.9}
    monkeypatch.setattr(Services, "queue_stats", lambda self: (2, 1, 10.1))
    answer = client.get("/healthz")
    assert (answer.status_code, json.loads(answer.body)["status"]) == (503, "stuck")


@pytest.mark.parametrize("stuck", ["short_queue", "long_queue"])
def test_work_that_stands_still_in_either_queue_is_seen(client, monkeypatch, stuck):
    monkeypatch.setenv("GRADIENT_LAB_STUCK_SECONDS", "10")
    for name in ("short_queue", "long_queue"):
        still = 10.1 if name == stuck else 0.5
        monkeypatch.setattr(getattr(hosting.services(), name), "state", lambda still=still: (2, 1, still))
    answer = client.get("/healthz")
    found = json.loads(answer.body)
    assert answer.status_code == 503 and (found["training"], found["waiting"], found["still"]) == (4, 2, 10.1)


def test_the_journal_times_work_and_names_how_it_ended(events_of, monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr(event_log.time, "monotonic", lambda: now[0])
    with event_log.timed("work", waited=1):
        now[0] += 2.5
    for error in (ConfigError("steps", "secret", "no"), ValueError("secret"), KeyboardInterrupt()):
        with pytest.raises(type(error)), event_log.timed("work"):
            raise error
    assert [line["outcome"] for line in events_of] == ["done", "refused", "failed", "stopped"]
    assert [line["seconds"] for line in events_of] == [2.5, 0, 0, 0] and events_of[0]["waited"] == 1


def test_the_journal_names_a_refusals_field_but_no_word_of_a_visitor(events_of):
    event_log.log_refusal(ConfigError("steps", "secret", "no"))
    event_log.log_refusal(ConfigError("secret column", 1, "no"))
    assert [line["field"] for line in events_of] == ["steps", "other"]
    assert "secret" not in json.dumps(events_of)


@pytest.mark.parametrize("setting", ["GRADIENT_LAB_MAX_COST=-1", "GRADIENT_LAB_MAX_COSTS=1"])
def test_a_server_with_a_wrong_setting_does_not_start_and_says_why_in_one_line(setting, tmp_path):
    name, text = setting.split("=")
    environment = os.environ | {name: text, "GRADIENT_LAB_COMPILED": str(tmp_path)}  # nor does it compile first
    done = subprocess.run(
        [sys.executable, "-c", "import asgi"], cwd=HOUSE, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and name in done.stderr and "is not allowed: " in done.stderr


def test_an_asgi_server_gets_the_projects_settings_and_watches_no_file():
    ask = "import asgi; from streamlit import config as c; print(*map(c.get_option, {!r}))"
    asked = ("server.fileWatcherType", "client.showErrorDetails", "server.maxUploadSize")
    done = subprocess.run(
        [sys.executable, "-c", ask.format(asked)], cwd=HOUSE, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["none", "none", "5"]


@pytest.mark.parametrize("address", ["", "0.0.0.0", "localhost"])
def test_no_outside_service_is_asked_for_an_address_at_the_start(address):
    """Streamlit prints its addresses before it loads the application, so that only its settings can prevent it."""
    ask = """
import sys
from streamlit import net_util
from streamlit.web import bootstrap

def refuse(*_, **__):
    sys.exit("somebody was asked")

net_util._make_blocking_http_get = net_util.get_internal_ip = net_util.get_external_ip = refuse
bootstrap.load_config_options({"server_headless": True})
bootstrap._print_url(False)
"""
    given = {"STREAMLIT_SERVER_ADDRESS": address} if address else {}
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=HOUSE, env=os.environ | given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and "http://localhost:" in done.stdout, done.stderr


def test_the_entries_are_found_by_streamlit():
    from streamlit.web.server.app_discovery import discover_asgi_app

    for entry in ("asgi.py", "home.py"):
        assert discover_asgi_app(HOUSE / entry).is_asgi_app
    assert st.App


def _journal(server):
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_a_visit_is_answered_and_what_is_refused_is_written_down_without_the_visitor(server):
    async def visit():
        async with Visitor(server.url, query="activation=tanh") as visitor:
            first = await visitor.visit()
            refused = await visitor.change(steps=123_457.0)
            return first, refused

    first, refused = finished(visit())
    assert first.errors == refused.errors == []
    assert any("tanh" in text for text in first.texts)
    assert any("this server allows 5,000,000,000 multiply-adds" in text for text in refused.texts)
    told = _journal(server)
    assert told[0]["event"] == "start" and told[0]["max_cost"] == 5e9
    assert {"page", "training", "theory"} <= {line["event"] for line in told}
    assert [line["field"] for line in told if line["event"] == "refusal"] == ["cost"]
    assert "123457" not in server.log.read_text() and "123,457" not in server.log.read_text()


@pytest.mark.slow
def test_a_page_that_fails_shows_the_number_of_its_line_in_the_journal(tmp_path):
    (tmp_path / "app.py").write_text("import streamlit as st\nst.write('x')\nraise ValueError('a visitor said this')\n")
    entry = (HOUSE / "asgi.py").read_text()
    (tmp_path / "asgi.py").write_text(f"import sys\nsys.path.insert(0, {str(HOUSE)!r})\n" + entry)

    async def visit(url):
        async with Visitor(url) as visitor:
            return await visitor.visit()

    with served(tmp_path / "journal", entry=str(tmp_path / "asgi.py")) as server:
        answer = finished(visit(server.url))
    (told,) = answer.errors
    (line,) = [line for line in _journal(server) if line["event"] == "failure"]
    assert line["id"] in told and "ValueError" not in told
    assert "a visitor said this" not in server.log.read_text() + told


@pytest.mark.slow
def test_an_upload_above_the_limit_is_refused_before_it_is_read(server):
    async def visit():
        async with Visitor(server.url, query="dataset=custom") as visitor:
            await visitor.visit()
            # The server answers 413 and hangs up; a sender may notice the second before it has read the first.
            with pytest.raises(urllib.error.URLError):
                await visitor.upload("table_file", "big.csv", b"0" * 6_000_000)
            return await visitor.visit()

    assert "Choose a table" in finished(visit()).texts


def test_only_what_is_fetched_whole_is_compressed_here_under_any_path_of_the_server(client, monkeypatch):
    gzipped, path = [(b"accept-encoding", b"gzip")], f"/static/js/{BIGGEST}"
    assert client.get(path, "HEAD", gzipped).headers.get("content-encoding") is None
    for base in ("lab", "/lab/", "a/b"):
        monkeypatch.setattr(hosting.config, "get_option", {"server.baseUrlPath": base}.get)
        answer = client.get(f"/{base.strip('/')}{path}", headers=gzipped)
        assert answer.headers["content-encoding"] == "gzip"


def test_short_work_is_done_by_as_many_processes_as_allowed_before_that_of_sweeps(monkeypatch):
    made = []

    class Pool:
        def __init__(self, count, niceness):
            made.append((count, niceness))

        def shutdown(self, cancel_futures):
            pass

    monkeypatch.setenv("GRADIENT_LAB_MAX_TRAININGS", "3")
    monkeypatch.setattr(hosting.pkgutil, "walk_packages", lambda *_: [])
    monkeypatch.setattr(hosting.workers, "Workers", Pool)
    for module, name in ((hosting.sys, "setswitchinterval"), (hosting.atexit, "register")):
        monkeypatch.setattr(module, name, lambda *_, **__: None)
    monkeypatch.setattr(hosting, "train", lambda configs, executor: made.append(type(executor)))
    monkeypatch.setattr(hosting, "start_services", lambda pool: made.append(type(pool)))
    hosting._warm()
    assert made == [(3, hosting.NICENESS), type(None), Pool, Pool]  # a training here, one there, and the services
    assert 0 < hosting.NICENESS


@pytest.mark.parametrize("headless", [True, False])
def test_at_home_a_browser_opens_once_unless_the_server_has_no_screen(headless, monkeypatch):
    import asyncio

    from streamlit import cli_util, config

    opened = []
    given = {"server.headless": headless, "server.port": 8765}
    option = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: given[name] if name in given else option(name))
    monkeypatch.setattr(cli_util, "open_browser", opened.append)
    home = runpy.run_path(str(HOUSE / "home.py"))

    async def start():
        async with home["lifespan"](None):
            await asyncio.sleep(2 * home["START_SECONDS"])

    finished(start())
    assert opened == ([] if headless else ["http://localhost:8765"])


def test_a_server_checks_its_settings_then_compiles_and_then_takes_visitors(monkeypatch):
    done = []
    monkeypatch.setattr(hosting, "settings", lambda: done.append("settings") or {"routes": []})
    monkeypatch.setattr(preparation, "prepare", lambda: done.append("prepare"))
    monkeypatch.setattr(st, "App", lambda path, **more: done.append((path.name, more)))
    runpy.run_path(str(HOUSE / "asgi.py"))
    assert done == ["settings", "prepare", ("app.py", {"routes": []})]
