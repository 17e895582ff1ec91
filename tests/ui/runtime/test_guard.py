"""The gate of a public server: names, origins, messages, browsers and uploads."""

import asyncio
import itertools
from types import SimpleNamespace

import pytest
from google.protobuf.descriptor import FieldDescriptor
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import memory_uploaded_file_manager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from tests.support.loops import finished
from ui.runtime import guard, limits, uploads, visitors
from ui.runtime.uploads import BoundedUploads

KINDS = {field.name: field for field in BackMsg.DESCRIPTOR.fields if field.containing_oneof}


def message(kind):
    """The smallest message of a kind."""
    made = BackMsg()
    if KINDS[kind].type == FieldDescriptor.TYPE_MESSAGE:
        getattr(made, kind).SetInParent()
    else:
        setattr(made, kind, True)
    if kind == "backend_operation_request":
        made.backend_operation_request.deferred_file.SetInParent()
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_message_is_passed_ignored_or_cut_off(kind):
    verdict = guard.classify(message(kind).SerializeToString())
    if kind in guard.ALLOWED_MESSAGES:
        assert verdict == ("start" if kind == "rerun_script" else "pass")
    elif kind == "load_git_info":
        assert verdict == "ignore"
    else:
        assert "closed kind" in verdict


def test_streamlit_still_has_the_kinds_and_operations_that_the_gate_names():
    assert guard.ALLOWED_MESSAGES | guard.IGNORED_MESSAGES <= set(KINDS)
    assert {"clear_cache", "set_run_on_save", "debug_shutdown_runtime"} <= set(KINDS)
    operations = KINDS["backend_operation_request"].message_type.oneofs_by_name["payload"].fields
    assert {field.name for field in operations} >= guard.ALLOWED_OPERATIONS | {"install_skills"}


def test_operations_that_these_pages_do_not_use_are_closed():
    made = BackMsg()
    made.backend_operation_request.install_skills.SetInParent()
    assert guard.classify(made.SerializeToString()) == "operation of a closed kind"
    assert guard.classify(BackMsg().SerializeToString()) == "message of a closed kind"
    assert guard.classify(b"\xff\xff\xff") == "not a message"


def test_a_message_asks_for_a_few_places_for_files_only():
    made = BackMsg()
    made.file_urls_request.file_names.extend(["x"] * guard.MAX_FILE_NAMES)
    assert guard.classify(made.SerializeToString()) == "pass"
    made.file_urls_request.file_names.append("x")
    assert guard.classify(made.SerializeToString()) == "too many files"


@pytest.mark.parametrize(
    "query, verdict",
    [("a=" + "1" * 60_000, "start"), ("a=" + "1" * 64_000, "too long an address"),
     ("a=1" + "&a=1" * 499, "start"), ("a=1" + "&a=1" * 500, "too long an address")],
    ids=["long", "too long", "many", "too many"],
)  # fmt: skip
def test_the_address_that_a_message_names_is_bounded(query, verdict):
    made = BackMsg()
    made.rerun_script.query_string = query
    assert guard.classify(made.SerializeToString()) == verdict


@pytest.mark.parametrize(
    "url, verdict",
    [("", "start"), ("https://lab.test/compare?a=1", "start"), ("http://[::1]:8501/", "start"),
     ("http://[::1", "no address of a page"), ("http://lab.test:99999/", "no address of a page"),
     ("javascript:alert(1)", "no address of a page"), ("//lab.test/", "no address of a page"),
     ("javascript://lab.test/%0aalert(1)", "no address of a page"), ("data://lab.test/", "no address of a page"),
     ("http://lab.test:0/", "no address of a page"), ("http://lab.test:65535/", "start"),
     ("http:///x", "no address of a page")],
)  # fmt: skip
def test_the_place_of_a_page_is_an_address(url, verdict):
    """A page makes links from it, and failed where it could not be read."""
    made = BackMsg()
    made.rerun_script.context_info.url = url
    assert guard.classify(made.SerializeToString()) == verdict


@pytest.mark.parametrize(
    "url, verdict",
    [("", "start"), ("https://lab.test:8443/compare?a=1", "start"), ("https://lab.test/", "no address of a page"),
     ("http://lab.test:8443/", "no address of a page"), ("https://evil.test:8443/", "no address of a page"),
     ("https://lab.test:8443@evil.test/", "no address of a page")],
)  # fmt: skip
def test_a_page_stands_where_its_browser_says(url, verdict):
    made = BackMsg()
    made.rerun_script.context_info.url = url
    assert guard.classify(made.SerializeToString(), "https://lab.test:8443") == verdict


def test_a_message_has_the_controls_of_a_page_at_most():
    made = BackMsg()
    for i in range(guard.MAX_STATES):
        made.rerun_script.widget_states.widgets.add(id=f"{i}")
    assert guard.classify(made.SerializeToString()) == "start"
    made.rerun_script.widget_states.widgets.add(id="one more")
    assert guard.classify(made.SerializeToString()) == "too many controls"


def filtered(*data, starts=None, origin=None):
    """Those of these messages that pass, and the replies; each start of a script is noted in `starts`."""
    waiting, sent = [{"type": "websocket.receive", "bytes": one} for one in data], []
    noted = [] if starts is None else starts

    async def start():
        noted.append(len(waiting))

    async def receive():
        return waiting.pop(0)

    async def send(answer):
        sent.append(answer)

    return guard._filtered(receive, send, start, origin), sent


def test_a_page_that_sends_what_is_closed_is_cut_off_before_streamlit_reads_it():
    ignored, passed, closed = (message(kind).SerializeToString() for kind in ("load_git_info", "rerun_script",
                                                                             "clear_cache"))  # fmt: skip
    receive, sent = filtered(ignored, passed, closed)
    assert finished(receive())["bytes"] == passed and not sent
    assert finished(receive())["type"] == "websocket.disconnect"
    assert sent == [{"type": "websocket.close", "code": guard.POLICY_VIOLATION}]


def test_a_page_that_says_it_stands_elsewhere_is_cut_off():
    made = BackMsg()
    made.rerun_script.context_info.url = "https://evil.test/"
    receive, _ = filtered(made.SerializeToString(), origin="https://lab.test")
    assert finished(receive())["type"] == "websocket.disconnect"
    receive, _ = filtered(made.SerializeToString(), origin="https://evil.test")
    assert finished(receive())["type"] == "websocket.receive"


def test_only_a_message_that_starts_a_script_waits_for_its_start():
    starts, kinds = [], ("app_heartbeat", "rerun_script", "stop_script")
    receive, _ = filtered(*(message(kind).SerializeToString() for kind in kinds), starts=starts)
    for _ in kinds:
        finished(receive())
    assert starts == [1]  # while one more message waits


@pytest.fixture
def clock(monkeypatch):
    """A clock of the gate that only its own sleep moves, at once: what it reads."""
    now = 0.0

    async def sleep(seconds):
        nonlocal now
        now += max(seconds, 0)
        await asyncio.sleep(0)

    monkeypatch.setattr(guard, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(guard, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
    return lambda: now


def test_scripts_start_one_after_another_and_addresses_and_their_pages_in_turn(clock):
    """A stranger with thirty pages that always ask again delays a visitor by one start, and his own pages by thirty."""
    order = []

    async def page(starts, group, name, count):
        for _ in range(count):
            await starts.wait(group)
            order.append((name, clock()))

    async def run():
        starts = guard.Spacing(1)
        crowd = [asyncio.create_task(page(starts, "stranger", f"page {i}", 10)) for i in range(30)]
        while len(order) < 50:
            await asyncio.sleep(0)
        await page(starts, "visitor", "visitor", 10)
        await asyncio.gather(*crowd)

    finished(run())
    names, times = [name for name, _ in order], [when for _, when in order]
    own = [i for i, name in enumerate(names) if name == "visitor"]
    assert own[-1] - own[0] <= 2 * 9 + 1 and own[0] <= 53
    strangers = [name for name in names if name != "visitor"]
    assert all(len(set(strangers[i : i + 30])) == 30 for i in range(0, 300, 30))
    assert all(later - before == 1 for before, later in itertools.pairwise(times))


def test_a_message_above_a_megabyte_is_cut_off_before_it_is_read(monkeypatch):
    closed = []
    monkeypatch.setattr(config, "get_option", {"server.maxWidgetStateSize": 1}.get)
    monkeypatch.setattr(guard.event_log, "record", lambda event, why: closed.append(why))
    monkeypatch.setattr(guard, "classify", lambda data, origin: "read")
    for size, why in ((1_000_000, "read"), (1_000_001, "too large")):
        receive, sent = filtered(b"x" * size)
        assert finished(receive())["type"] == "websocket.disconnect" and sent
        assert closed.pop() == why


@pytest.mark.parametrize(
    "origin, passes",
    [("http://lab.test:8501", True), ("https://lab.test:8501", True), (None, True), ("http://evil.test", False),
     ("http://lab.test", False), ("http://localhost:3000", False), ("null", False), ("", False)],
)  # fmt: skip
def test_a_page_of_another_origin_is_refused_and_nobody_is_asked_about_it(origin, passes, monkeypatch):
    monkeypatch.setattr("streamlit.net_util.get_external_ip", lambda: pytest.fail("asked an outside service"))
    monkeypatch.setattr("streamlit.net_util.get_internal_ip", lambda: pytest.fail("asked for an address"))
    monkeypatch.setattr(guard, "is_known_host", lambda host: True)
    headers = Headers({"host": "lab.test:8501"} | ({} if origin is None else {"origin": origin}))
    assert (guard.refuse(headers) is None) == passes


@pytest.mark.parametrize(
    "host, known",
    [("127.0.0.1:8501", True), ("localhost", True), ("[::1]:8501", True), ("192.0.2.7", True), ("evil.test", False),
     ("localhost.evil.test", False), ("", False), (None, False), ("[", False), ("LOCALHOST:80", True),
     ("user@127.0.0.1", False), ("127.0.0.1/evil", False), ("127.0.0.1?evil", False), ("evil.test\\@127.0.0.1", False),
     ("[::1]evil.test", False), ("127.0.0.1:evil", False), ("127.0.0.1:99999", False), ("127.0.0.1 ", False),
     ("127.0.0.1:65535", True), ("127.0.0.1:65536", False), ("a.localhost", True), ("evillocalhost", False)],
)  # fmt: skip
def test_without_a_list_of_names_a_foreign_name_is_refused(host, known):
    assert guard.is_known_host(host) == known
    assert (guard.refuse(Headers({"host": host} if host else {})) is None) == known


def test_a_request_has_one_name_of_the_server():
    both = Headers(raw=[(b"host", b"localhost"), (b"host", b"evil.example")])
    status, _ = guard.refuse(both)
    assert status == 421


def test_the_names_that_the_operator_lists_are_known(monkeypatch):
    monkeypatch.setattr(config, "get_option", {"server.allowedHosts": ["*.lab.test"]}.get)
    assert guard.is_known_host("a.lab.test:443") and guard.is_known_host("127.0.0.1:8501")
    assert not guard.is_known_host("192.0.2.7") and not guard.is_known_host("lab.evil.test")


def named(**headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Headers(raw=guard._named(raw, Headers(raw=raw), ("192.0.2.1", 5)))


def test_a_browser_is_named_by_its_cookie_and_not_by_what_it_claims():
    one, same, other = (named(cookie=f"lab_browser={name}") for name in ("a", "a", "b"))
    assert one[visitors.BROWSER_HEADER] == same[visitors.BROWSER_HEADER] != other[visitors.BROWSER_HEADER]
    claimed = named(cookie="lab_browser=b", x_lab_browser=one[visitors.BROWSER_HEADER], x_lab_address="1.1.1.1")
    assert claimed.getlist(visitors.BROWSER_HEADER) == [other[visitors.BROWSER_HEADER]]
    assert claimed.getlist(visitors.ADDRESS_HEADER) == ["192.0.2.1"]
    assert named()[visitors.BROWSER_HEADER] != named()[visitors.BROWSER_HEADER]  # without a cookie: one each
    assert len(set(one[visitors.BROWSER_HEADER])) > 8 and len(one[visitors.BROWSER_HEADER]) == 32  # none by chance


def test_the_proxys_header_names_the_address_only_when_it_is_trusted(monkeypatch):
    assert named(x_forwarded_for="6.6.6.6, 198.51.100.3")[visitors.ADDRESS_HEADER] == "192.0.2.1"
    monkeypatch.setenv(limits.PROXY, "1")
    assert named(x_forwarded_for="6.6.6.6, 198.51.100.3")[visitors.ADDRESS_HEADER] == "198.51.100.3"
    lines = Headers(raw=[(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"198.51.100.3")])
    assert guard._address(lines, ("192.0.2.1", 5)) == "198.51.100.3"  # a proxy may add a line of its own


@pytest.mark.parametrize(
    "address, group",
    [("", ""), ("127.0.0.1", ""), ("::1", ""), ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::/64"),
     ("::ffff:192.0.2.1", "192.0.2.1"), ("::ffff:127.0.0.1", ""), ("fe80::1%eth0", "fe80::/64"), ("nonsense", "")],
)  # fmt: skip
def test_addresses_of_one_visitor_are_one_group(address, group):
    assert visitors.address_group(address) == group


def test_the_pages_of_one_address_leave_room_for_the_others(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_SESSIONS", "4")

    async def open_pages(addresses):
        """True for each page that opens, while those before it stay open."""
        opened, leave = [], asyncio.Event()

        async def app(scope, receive, send):
            opened.append(scope["client"][0])
            await leave.wait()

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            assert message["code"] == guard.TRY_AGAIN_LATER

        gate, pages = guard.GuardMiddleware(app), []
        for address in addresses:
            scope = {"type": "websocket", "headers": [(b"host", b"localhost")], "client": (address, 5)}
            pages.append(asyncio.create_task(gate(scope, receive, send)))
            await asyncio.sleep(0.01)
        leave.set()
        await asyncio.gather(*pages)
        assert not gate._pages
        return opened

    one, other, third = "192.0.2.1", "192.0.2.2", "192.0.2.3"
    assert finished(open_pages([one, one, one, other, other, third])) == [one, one, other, other]
    assert finished(open_pages(["127.0.0.1"] * 5)) == ["127.0.0.1"] * 4  # a proxy that is not trusted names nobody


def test_pages_open_one_after_another_and_for_addresses_in_turn(monkeypatch, clock):
    monkeypatch.setattr(guard, "OPENING_SECONDS", 2)
    opened = []

    async def app(scope, receive, send):
        opened.append((scope["client"][0], clock()))

    async def run():
        gate = guard.GuardMiddleware(app)
        clients = ["192.0.2.1"] * 20 + ["192.0.2.2"]
        scopes = [{"type": "websocket", "headers": [(b"host", b"localhost")], "client": (name, 5)} for name in clients]
        await asyncio.gather(*(gate(scope, None, None) for scope in scopes))

    finished(run())
    assert [name for name, _ in opened].index("192.0.2.2") <= 2 and len(opened) == 21
    assert all(later - before == 2 for (_, before), (_, later) in itertools.pairwise(opened))


@pytest.fixture
def files(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOAD", "5000000")
    return BoundedUploads("/upload")


def put(files, session, file_id, n_bytes=10):
    files.add_file(session, UploadedFileRec(file_id=file_id, name="x", type="text/csv", data=b"0" * n_bytes))


def test_a_file_is_taken_once_under_an_id_that_was_given_out_to_its_session(files):
    (place,) = files.get_upload_urls("session", ["x"])
    for session, file_id in (("session", "made up"), ("other", place.file_id)):
        with pytest.raises(HTTPException) as refused:
            put(files, session, file_id)
        assert refused.value.status_code == 403
    put(files, "session", place.file_id)
    with pytest.raises(HTTPException):
        put(files, "session", place.file_id)
    assert len(files.get_files("session", [place.file_id])) == 1


def test_files_and_bytes_of_a_session_and_of_the_server_are_bounded(files, monkeypatch):
    places = [files.get_upload_urls("session", ["x"])[0].file_id for _ in range(uploads.MAX_FILES + 1)]
    for place in places[:-1]:
        put(files, "session", place)
    with pytest.raises(HTTPException) as refused:
        put(files, "session", places[-1])
    assert refused.value.status_code == 413
    (other,) = files.get_upload_urls("other", ["x"])
    with pytest.raises(HTTPException) as refused:
        files.check("other", other.file_id, uploads.max_session_bytes() + uploads.OVERHEAD + 1)
    assert refused.value.status_code == 413
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOADS", "1000000")
    with pytest.raises(HTTPException) as refused:
        put(files, "other", other.file_id, 1_000_000)
    assert refused.value.status_code == 507
    files.remove_session_files("session")
    put(files, "other", other.file_id, 1_000_000)


def test_the_bytes_of_a_session_count_together_and_of_no_other(files):
    room = uploads.max_session_bytes() + uploads.OVERHEAD
    for session in ("session", "other"):
        first, last = (files.get_upload_urls(session, ["x"])[0].file_id for _ in range(2))
        put(files, session, first, room // 2)
        with pytest.raises(HTTPException) as refused:
            files.check(session, last, room - room // 2 + 1)
        assert refused.value.status_code == 413
        files.check(session, last, room - room // 2)


def test_places_that_nobody_uses_lapse(files):
    (first,) = files.get_upload_urls("session", ["x"])
    for _ in range(uploads.MAX_ISSUED):
        files.get_upload_urls("session", ["x"])
    with pytest.raises(HTTPException):
        put(files, "session", first.file_id)
    files.remove_session_files("session")
    assert not files._issued


def test_streamlit_makes_its_store_of_files_from_the_class_that_is_replaced(monkeypatch, tmp_path):
    """`st.App` must look the class up when it makes its runtime, or the bounds would not hold."""
    from streamlit.web.server.starlette import starlette_app

    (tmp_path / "app.py").touch()
    monkeypatch.setattr(config, "_main_script_path", config._main_script_path)
    seen = []
    monkeypatch.setattr(memory_uploaded_file_manager, "MemoryUploadedFileManager", lambda url: seen.append(url))
    monkeypatch.setattr("streamlit.runtime.Runtime", lambda given: given)
    starlette_app.App(tmp_path / "app.py")._create_runtime()
    assert len(seen) == 1


def test_the_largest_upload_is_read_into_memory_alone(monkeypatch):
    for owner, name in (
        (memory_uploaded_file_manager, "MemoryUploadedFileManager"),
        (MultiPartParser, "spool_max_size"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # undone afterwards
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOAD", "5000000")
    uploads.install()
    content, edge = b"0" * 5_000_000, b"edge"
    head = b'--edge\r\ncontent-disposition: form-data; name="file"; filename="t.csv"\r\n\r\n'

    async def stream():
        yield head + content + b"\r\n--" + edge + b"--\r\n"

    async def read():
        form = await MultiPartParser(Headers({"content-type": "multipart/form-data; boundary=edge"}), stream()).parse()
        try:
            return form["file"].size, form["file"].file._rolled
        finally:
            await form.close()

    assert finished(read()) == (5_000_000, False)


def test_a_page_that_sends_faster_than_pages_do_is_read_as_slowly_as_they_send(monkeypatch):
    now, pauses = [50.0], []

    async def sleep(seconds):
        pauses.append(seconds)
        now[0] += seconds

    burst, rate = int(guard.BURST), guard.MESSAGES_PER_SECOND
    monkeypatch.setattr(guard.time, "monotonic", lambda: now[0])
    receive, _ = filtered(*[message("rerun_script").SerializeToString()] * (3 * burst))

    async def read(count):
        """The pauses made while so many messages are read."""
        pauses.clear()
        monkeypatch.setattr(guard.asyncio, "sleep", sleep)
        for _ in range(count):
            await receive()
        monkeypatch.undo()
        monkeypatch.setattr(guard.time, "monotonic", lambda: now[0])
        return sum(pauses)

    assert finished(read(burst)) == 0
    assert finished(read(3)) == pytest.approx(3 / rate)
    now[0] += 1000.0  # a long pause saves up one burst and no more
    assert finished(read(burst)) == 0
    assert finished(read(1)) == pytest.approx(1 / rate)


@pytest.mark.parametrize(
    "protocols, resumes", [("", ""), ("streamlit", ""), ("streamlit, xsrf", ""), ("streamlit, xsrf, ", ""),
                           ("streamlit, xsrf, session", "1")],
)  # fmt: skip
def test_a_page_goes_on_with_a_session_that_its_third_protocol_names(protocols, resumes):
    assert named(sec_websocket_protocol=protocols)[visitors.RESUME_HEADER] == resumes


def answered(content_type, cookie="", scheme="http"):
    """The cookie that the gate adds to such an answer, or None."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", content_type)]})

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost")] + ([(b"cookie", cookie.encode())] if cookie else [])
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers, "scheme": scheme}
    finished(guard.GuardMiddleware(app)(scope, None, send))
    return Headers(raw=sent[0]["headers"]).get("set-cookie")


def test_a_browser_gets_its_name_with_its_first_page_and_keeps_it():
    made = answered(b"text/html; charset=utf-8")
    assert made.startswith("lab_browser=") and made.endswith("; Path=/; HttpOnly; SameSite=Lax")
    assert made != answered(b"text/html; charset=utf-8")
    assert answered(b"text/html", cookie="lab_browser=known") is None
    assert answered(b"text/html", cookie="another=1") is not None
    assert answered(b"text/css") is None


@pytest.mark.parametrize("frames", ["", "https://example.org"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_only_a_framed_and_encrypted_page_has_a_cookie_for_frames(frames, scheme, monkeypatch):
    monkeypatch.setenv(limits.FRAMES, frames)
    framed = "SameSite=None; Secure; Partitioned" in answered(b"text/html", scheme=scheme)
    assert framed == (bool(frames) and scheme == "https")


def test_a_cookie_has_64_characters_at_most():
    assert guard.browser_cookie(Headers({"cookie": f"lab_browser={'a' * 100}"})) == "a" * 64
    assert guard.browser_cookie(Headers({"cookie": "lab_browser=ab"})) == "ab"


def test_this_machines_own_name_is_known(monkeypatch):
    monkeypatch.setattr(guard.socket, "gethostname", lambda: "Lecture-PC")
    assert guard.is_known_host("lecture-pc:8501") and not guard.is_known_host("other-pc:8501")


def put_through_the_gate(monkeypatch, requests, **headers):
    """The most uploads that were read at once, and the sizes that the store was asked about."""
    asked, reading, most = [], [], []

    class Store(BoundedUploads):
        def check(self, session_id, file_id, n_bytes):
            asked.append((session_id, file_id, n_bytes))

    class Runtime:
        uploaded_file_mgr = Store("/upload")

    async def app(scope, receive, send):
        reading.append(1)
        most.append(len(reading))
        await asyncio.sleep(0.01)
        reading.pop()

    monkeypatch.setattr(guard.runtime, "get_instance", Runtime)
    given = [(b"host", b"localhost"), *((name.replace("_", "-").encode(), text) for name, text in headers.items())]
    scope = {"type": "http", "method": "PUT", "path": "/_stcore/upload_file/a/b", "headers": given, "scheme": "http"}

    async def all_at_once():
        gate = guard.GuardMiddleware(app)
        await asyncio.gather(*(gate(scope, None, None) for _ in range(requests)))

    finished(all_at_once())
    return max(most), asked


def test_an_upload_is_asked_about_by_its_length_and_four_are_read_at_once(monkeypatch):
    most, asked = put_through_the_gate(monkeypatch, 9, content_length=b"1234")
    assert most == guard.MAX_UPLOADS_AT_ONCE and asked == [("a", "b", 1234)] * 9
    assert put_through_the_gate(monkeypatch, 1, content_length=b"-5")[1] == [("a", "b", 0)]


def test_the_bytes_of_one_session_add_up_and_those_of_all_do(files, monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOAD", "1000000")  # a session has four times that, and the overhead
    places = [files.get_upload_urls("session", ["x"])[0].file_id for _ in range(6)]
    for place in places[:5]:
        put(files, "session", place, 1_000_000)
    with pytest.raises(HTTPException) as refused:
        put(files, "session", places[5], 1)
    assert refused.value.status_code == 413
    monkeypatch.setenv("GRADIENT_LAB_MAX_UPLOADS", "5500000")
    (other,) = files.get_upload_urls("other", ["x"])
    files.check("other", other.file_id, 500_000)
    with pytest.raises(HTTPException) as refused:
        files.check("other", other.file_id, 500_001)
    assert refused.value.status_code == 507


QUOTED = b'lab_browser="' + b'\\"' * 20_000 + b'"'


@pytest.mark.parametrize(
    "given, passed_on",
    [
        (b"a=1; lab_browser=x; b=2", b"a=1; lab_browser=x; b=2"),
        (b'a=1; quoted="{\\"b\\": 1}"; c=3', b"a=1; c=3"),
        (b"a=1;" + QUOTED, b"a=1"),
        (b";".join([b"a=1"] * 300), b";".join([b"a=1"] * guard.MAX_COOKIES)),
        (b"", b""),
    ],
    ids=["plain", "of another server", "long", "many", "none"],
)
def test_cookies_that_python_reads_slowly_are_not_passed_on(given, passed_on):
    assert guard.plain_cookies(given) == passed_on


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_no_quoted_cookie_passes_the_gate(kind, monkeypatch):
    seen = []

    async def app(scope, receive, send):
        seen.append(dict(scope["headers"]).get(b"cookie"))

    monkeypatch.setenv("GRADIENT_LAB_MAX_SESSIONS", "5")
    headers = [(b"host", b"localhost"), (b"cookie", b"lab_browser=x; " + QUOTED)]
    scope = {"type": kind, "method": "GET", "path": "/", "scheme": "http", "headers": headers, "client": None}
    finished(guard.GuardMiddleware(app)(scope, None, None))
    assert seen == [b"lab_browser=x"]
