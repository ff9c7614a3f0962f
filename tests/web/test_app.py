"""The web app without a browser: verdicts, guards, caps, documents."""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import time
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschemas
import pytest
from histories import HOSTILE
from pages import BASE, token
from starlette.testclient import TestClient

import merkle_por
from merkle_por.demo import BYBIT_ROOT, SWISSBORG_ROOT, folder
from merkle_por.web.app import create_app
from merkle_por.web.forms import Upload
from merkle_por.web.settings import Settings
from merkle_por.web.tasks import Job

DATA = folder()
API = {"X-Merkle-Por": "1"}
PAGES = ("/", "/start", "/start/okx", "/start/kucoin",
         "/formats", "/limits", "/exchanges", "/exchanges/kucoin", "/exchanges/example",
         "/compare?ids=kucoin,example", "/nothing-here", "/exchanges/unknown")  # fmt: skip


def upload(*names: str) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (name, (DATA / name).read_bytes())) for name in names]


def api(client: TestClient, files: Any, query: str = "", **fields: str) -> Any:
    return client.post(f"/api/verify{query}", files=files, data=fields, headers=API)


class Seen(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style"):
            self.scripts += data.strip()


# -- verdicts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "fields", "state"),
    [
        (("alice.json",), {"root": BYBIT_ROOT}, "valid"),
        (("alice.json",), {}, "unconfirmed"),
        (("alice.json",), {"root": "0" * 64}, "invalid"),
        (("alice.json", "bob.json"), {"root": BYBIT_ROOT}, "invalid"),
        (("prices.json",), {}, "malformed"),
        (("ledger.csv",), {}, "invalid"),
        (("wallets.json",), {}, "unconfirmed"),
    ],
)
def test_api_says_what_the_library_says(
    client: TestClient, names: tuple[str, ...], fields: dict[str, str], state: str
) -> None:
    answer = api(client, upload(*names), **fields)
    assert answer.status_code == 200
    document = answer.json()
    jsonschemas.check(document)
    expected = merkle_por.verify(*(DATA / name for name in names), given=fields).to_json()
    for either in (document, expected):
        either.pop("time")
    assert document == json.loads(json.dumps(expected))
    assert document["state"] == state


def test_facts_as_text_and_as_files(client: TestClient) -> None:
    files = [
        *upload("customer.json"),
        ("fact_file_1", ("audit_roots.json", (DATA / "audit_roots.json").read_bytes())),
        ("fact_file_2", ("key.txt", (DATA / "credential.txt").read_bytes())),
    ]
    answer = api(client, files, root=SWISSBORG_ROOT, fact_name_1="audit", fact_name_2="credential")
    assert answer.json()["state"] == "valid"
    assert (DATA / "credential.txt").read_text().strip() not in answer.text


def test_redacted_and_with_path(client: TestClient) -> None:
    plain, path = (api(client, upload("alice.json"), q).json() for q in ("", "?path=1"))
    redacted = api(client, upload("alice.json"), "?redact=1").json()
    assert "nodes" in path["proofs"][0]
    assert "nodes" not in plain["proofs"][0]
    assert redacted["proofs"][0]["account"] is None
    assert redacted["proofs"][0]["file"]["name"] is None


def test_the_page_works_without_scripts(client: TestClient) -> None:
    answer = client.post(
        "/verify", files=upload("alice.json"), data={"csrf": token(client), "root": BYBIT_ROOT}
    )
    assert answer.status_code == 200
    assert "VALID" in answer.text
    assert "Your account is in Bybit&#39;s tree" in answer.text
    assert 'class="ladder"' in answer.text
    assert f'value="{BYBIT_ROOT}"' in answer.text


def test_pasted_text_is_a_file(client: TestClient) -> None:
    text = (DATA / "alice.json").read_text()
    answer = client.post(
        "/verify", files={"x": ("", b"")}, data={"csrf": token(client), "text": text}
    )
    assert "UNCONFIRMED" in answer.text


def test_the_files_own_root_is_not_shown_before_it_is_asked_for(client: TestClient) -> None:
    page = client.post("/verify", files=upload("alice.json"), data={"csrf": token(client)}).text
    before_fold = page[: page.index("Show it, only to compare")]
    assert BYBIT_ROOT not in re.sub(
        r"data:application/json;base64,\S+|title=\"[^\"]*\"", "", before_fold
    )


def test_two_ladders_meet_at_the_shared_node(client: TestClient) -> None:
    page = client.post(
        "/demo", files={"x": ("", b"")}, data={"csrf": token(client), "example": "two-customers"}
    ).text
    assert "node-conflict" in page
    joined = page[page.index('class="joined"') :]
    shared = joined[joined.index('class="shared"') :]
    assert "a8fa0ac88d2302146199359f9f4f30781a4b524fdac53b4de0185a8e46b5cbef" in shared
    assert "BTC 100.00000000" in shared
    assert "BTC 40.00000000" in shared
    assert shared.index("in alice.json") < shared.index("in bob.json")


@pytest.mark.parametrize("example", ["customer", "without-root", "two-customers"])
def test_demo(client: TestClient, example: str) -> None:
    answer = client.post(
        "/demo", files={"x": ("", b"")}, data={"csrf": token(client), "example": example}
    )
    assert answer.status_code == 200
    assert 'id="verdict"' in answer.text


# -- what the user got wrong -----------------------------------------------------------------


def test_wrong_root_names_its_field(client: TestClient) -> None:
    answer = client.post(
        "/verify", files=upload("alice.json"), data={"csrf": token(client), "root": "abcd"}
    )
    assert answer.status_code == 400
    field = next(a for t, a in Seen(answer.text).tags if a.get("id") == "root")
    assert field["aria-invalid"] == "true"
    assert "form-error" in str(field["aria-describedby"])
    assert api(client, upload("alice.json"), root="abcd").json()["class"] == "usage"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"expect": "BTC"}, "ASSET=AMOUNT"),
        ({"format": "no-such"}, "not a format id"),
        ({"fact_name_1": "audit", "fact_value_1": "/etc/passwd"}, "is a file"),
        ({"fact_name_1": "template", "fact_value_1": "/etc/passwd"}, "is a file"),
        ({"fact_name_1": "verifying_keys", "fact_value_1": "/etc/passwd"}, "is a file"),
        ({"fact_name_1": "nonsense", "fact_value_1": "1"}, "not a fact"),
        ({"fact_name_1": "audit"}, "empty"),
        ({"fact_value_1": "x"}, "name each"),
    ],
)
def test_usage(client: TestClient, fields: dict[str, str], words: str) -> None:
    answer = api(client, upload("alice.json"), **fields)
    assert answer.status_code == 400
    assert words in answer.json()["text"]


def test_no_file(client: TestClient) -> None:
    answer = client.post("/verify", files={"x": ("", b"")}, data={"csrf": token(client)})
    assert answer.status_code == 400
    assert "no file was given" in answer.text


# -- guards ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1:8734.evil"]
)
def test_foreign_hosts_are_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    for path in ("/verify", "/api/verify", "/demo"):
        data = {"csrf": token(client)}
        answer = client.post(path, files=upload("alice.json"), data=data, headers=API | headers)
        assert answer.status_code == 403


def test_own_origin_is_taken(client: TestClient) -> None:
    headers = API | {"origin": BASE, "sec-fetch-site": "same-origin"}
    assert client.post("/api/verify", files=upload("alice.json"), headers=headers).is_success


def test_tokens(client: TestClient, history: Path) -> None:
    assert client.post("/verify", files=upload("alice.json")).status_code == 403
    wrong = {"csrf": "0" * 64}
    assert client.post("/verify", files=upload("alice.json"), data=wrong).status_code == 403
    good = token(client)
    stranger = TestClient(client.app, base_url=BASE)
    other = token(stranger)
    assert other != good
    for each, value in ((client, other), (stranger, good)):
        answer = each.post("/verify", files=upload("alice.json"), data={"csrf": value})
        assert answer.status_code == 403


def test_api_needs_its_header(client: TestClient) -> None:
    assert client.post("/api/verify", files=upload("alice.json")).status_code == 403


@pytest.mark.parametrize("path", [*PAGES, "/static/style.css", "/api/formats", "/api/openapi.json"])
def test_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_nothing_inline_and_nothing_foreign(client: TestClient, path: str) -> None:
    page = Seen(client.get(path).text)
    assert page.scripts == ""
    for tag, attributes in page.tags:
        assert "style" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href", "action"):
            value = attributes.get(name) or ""
            outside = tag == "a" and attributes.get("rel") == "noopener noreferrer"
            assert outside or not re.match(r"(?i)(https?:|//|javascript:)", value), (tag, value)


def test_cookie(client: TestClient) -> None:
    fresh = TestClient(client.app, base_url=BASE)
    cookie = fresh.get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


# -- caps ------------------------------------------------------------------------------------


def test_too_many_files(client: TestClient) -> None:
    answer = api(client, upload(*["alice.json"] * 21))
    assert answer.status_code == 413
    assert "20" in answer.json()["text"]


def test_too_big(client: TestClient) -> None:
    big = [("files", ("big.json", bytes(66 * 1024 * 1024)))]
    answer = api(client, big)
    assert answer.status_code == 413
    assert answer.json()["class"] == "too-big"
    page = client.post("/verify", files=big, data={"csrf": token(client)})
    assert page.status_code == 413
    assert "too big for this page" in page.text


def test_length_must_be_stated(client: TestClient) -> None:
    headers = API | {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/verify", content=iter([b"--x--\r\n"]), headers=headers)
    assert answer.status_code == 411


def test_nothing_is_written(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a temporary file")

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    large = [("files", ("large.json", b"[" + b"0," * 2_000_000 + b"0]"))]
    assert api(client, large).json()["state"] == "malformed"


# -- hostile files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 1000,
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b'{"self": "' + b"9" * 1_000_000 + b'"}',
        b"\xff\xfe<script>alert(1)</script>",
        json.dumps({HOSTILE: HOSTILE}).encode(),
    ],
)
def test_hostile_files_are_malformed(client: TestClient, content: bytes) -> None:
    files = [("files", (f"{HOSTILE}\u202e.json", content))]
    assert api(client, files).json()["state"] == "malformed"
    page = client.post("/verify", files=files, data={"csrf": token(client)}).text
    assert HOSTILE not in page
    assert "\u202e" not in page
    assert "MALFORMED" in page


def hostile_proof() -> bytes:
    """A list whose asset is a script."""
    document = json.loads((DATA / "wallets.json").read_text())
    document["reserves"][0]["asset"] = HOSTILE
    return json.dumps(document).encode()


def test_names_from_a_file_are_text(client: TestClient) -> None:
    files = [("files", ("list.json", hostile_proof()))]
    page = client.post("/verify", files=files, data={"csrf": token(client)}).text
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


# -- workers ---------------------------------------------------------------------------------


class Deed:
    """Something that happens in the worker while it reads its job."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.deed = (function, arguments)

    def __reduce__(self) -> Any:
        return self.deed


@pytest.fixture(scope="module")
def workers() -> Any:
    from merkle_por.web.work import Workers

    found = Workers(Settings(workers=1, seconds=2))
    yield found
    found.close()


def run(workers: Any, job: Any, still_there: Any = None) -> Any:
    import asyncio

    return asyncio.run(workers.run(job, still_there))


ALICE = Job(files=(Upload("alice.json", (DATA / "alice.json").read_bytes()),))


def test_a_slow_job_is_stopped_and_the_next_one_works(workers: Any) -> None:
    from merkle_por.web.work import TimedOut

    run(workers, ALICE)  # started
    before = workers.pids()
    began = time.monotonic()
    with pytest.raises(TimedOut):
        run(workers, Deed(time.sleep, 60))
    assert time.monotonic() - began < 10
    assert run(workers, ALICE).state == "unconfirmed"
    assert workers.pids() != before


def test_a_worker_that_dies_is_our_fault(workers: Any) -> None:
    from merkle_por.web.work import WorkerDied

    with pytest.raises(WorkerDied):
        run(workers, Deed(os._exit, 1))
    assert run(workers, ALICE).state == "unconfirmed"


def test_memory_is_bounded(workers: Any) -> None:
    from merkle_por.web.work import WorkerDied

    with pytest.raises(WorkerDied):
        run(workers, Deed(bytearray, 100 * 2**30))
    assert run(workers, ALICE).state == "unconfirmed"


def test_nobody_waits(workers: Any) -> None:
    from merkle_por.web.work import Cancelled

    async def gone() -> bool:
        return False

    with pytest.raises(Cancelled):
        run(workers, Deed(time.sleep, 1.5), gone)


@pytest.mark.parametrize(
    "deed",
    [
        (open, "/etc/hostname"),
        (open, "/tmp/merkle-por-was-here", "w"),
        (os.open, "/tmp/merkle-por-was-here", os.O_CREAT | os.O_WRONLY),
        (os.listdir, "/etc"),
        (os.system, "true"),
        (socket.create_connection, ("127.0.0.1", 9)),
        (os.mkdir, "/tmp/merkle-por-was-here"),
    ],
)
def test_workers_only_compute(workers: Any, deed: Any) -> None:
    from merkle_por.web.work import WorkerDied

    with pytest.raises(WorkerDied, match="PermissionError"):
        run(workers, Deed(*deed))
    assert not Path("/tmp/merkle-por-was-here").exists()


def test_faults_are_told_without_contents(
    client: TestClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from merkle_por.web import app

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("secret contents")

    monkeypatch.setattr(app, "job_of", broken)
    answer = api(client, upload("alice.json"))
    assert answer.status_code == 500
    assert "secret" not in answer.text
    told = capsys.readouterr().err
    assert "RuntimeError" in told
    assert "secret" not in told


def test_worker_death_on_the_page() -> None:
    from merkle_por.web.work import WorkerDied

    app = create_app(Settings(workers=1))
    with TestClient(app, base_url=BASE) as client:

        async def dies(*args: Any) -> Any:
            raise WorkerDied("x")

        app.state.site.workers.run = dies
        page = client.post("/verify", files=upload("alice.json"), data={"csrf": token(client)})
    assert page.status_code == 500
    assert "a fault of ours, not of the file" in page.text


# -- documents -------------------------------------------------------------------------------


def test_etag(client: TestClient) -> None:
    for path in ("/api/formats", "/api/openapi.json", "/api/exchanges", "/api/schemas/verify-1"):
        first = client.get(path)
        tag = first.headers["etag"]
        again = client.get(path, headers={"if-none-match": tag})
        assert again.status_code == 304
        assert again.content == b""
        assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_openapi_names_every_route(client: TestClient) -> None:
    document = client.get("/api/openapi.json").json()
    routed = {
        getattr(route, "path", "")
        for route in client.app.routes  # type: ignore[attr-defined]
        if getattr(route, "path", "").startswith("/api/")
    }
    assert set(document["paths"]) | {"/api/openapi.json"} == routed
    for path, methods in document["paths"].items():
        names = set(re.findall(r"{(\w+)}", path))
        for operation in methods.values():
            stated = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert stated == names
            assert operation["responses"]["200"]
    for reference in re.findall(r'"(/api/schemas/[^"{]+)"', json.dumps(document)):
        assert client.get(reference).status_code == 200


def test_formats(client: TestClient) -> None:
    assert client.get("/api/formats/bybit").json()["formats"][0]["exchange"] == "bybit"
    assert client.get("/api/formats/no-such").status_code == 404
    assert 'id="bybit"' in client.get("/formats").text


def test_start_page_says_what_the_command_says(client: TestClient) -> None:
    from merkle_por.start import start

    text = client.get("/start/bybit").text
    way = next(way for way in start("bybit").ways if way.current)
    assert "check it yourself in three steps" in text
    assert way.run in unescape(text)
    assert 'href="/start/bybit"' in client.get("/start").text
    assert client.get("/start/nobody-at-all").status_code == 404


def test_a_packed_ledger_is_judged_in_memory(client: TestClient) -> None:
    """A worker may write nowhere, and whole ledgers come packed."""
    import gzip

    plain = api(client, upload("ledger.csv")).json()
    packed = ("ledger.csv.gz", gzip.compress((DATA / "ledger.csv").read_bytes()))
    answer = api(client, [("files", packed)]).json()
    assert (answer["schema"], answer["state"]) == (plain["schema"], plain["state"])
    assert answer["checks"] == plain["checks"]


def test_no_file_names_a_path_to_open(client: TestClient) -> None:
    facts = {"schema": "merkle-por/attestation/1", "facts": {"audit": "/etc/hostname"}}
    files = [*upload("customer.json"), ("attestation", ("a.json", json.dumps(facts).encode()))]
    answer = api(client, files)
    assert (answer.status_code, answer.json()["class"]) == (400, "usage")
