"""HTML reports, bundles and `recheck`: what is left out, what can't be forged, what is refused."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from contextlib import nullcontext
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschemas import check

from merkle_por.api import verify
from merkle_por.bundle import bundle_bytes, manifest_bytes, read_bundle
from merkle_por.cli.main import main
from merkle_por.clock import age_days, ago
from merkle_por.demo import BYBIT_ROOT, SWISSBORG_ROOT, folder
from merkle_por.documents import Document
from merkle_por.errors import Malformed, UsageError
from merkle_por.evidence import PUBLIC, Input, Ran, evidence_document, read_evidence, shown_result
from merkle_por.exchanges import schemes
from merkle_por.exchanges.bybit import snapshot_time
from merkle_por.pins import Pin
from merkle_por.recheck import embedded_json, recheck
from merkle_por.report.html import el, html_report
from merkle_por.report.text import Page as TextPage
from merkle_por.scheme import FactKind
from merkle_por.solvency import solvency
from merkle_por.verdict import State

DATA = folder()
CREDENTIAL = (DATA / "credential.txt").read_text(encoding="utf-8").strip()
CUSTOMER = {"audit": DATA / "audit_roots.json", "credential": CREDENTIAL}


def ran_of(*names: str, **given: Any) -> tuple[Ran, Any]:
    documents = [Document.of(DATA / name) for name in names]
    ran = Ran("verify", tuple(Input("file", document) for document in documents), given=given)
    return ran, verify(*documents, given=given)


def customer(**more: Any) -> tuple[Ran, Any]:
    return ran_of("customer.json", **CUSTOMER, **more)


def page_of(ran: Ran, result: Any, *, with_balances: bool = False) -> str:
    document = evidence_document(ran, result, with_balances=with_balances)
    check(document)
    check(document["result"])
    return html_report(document, shown_result(result, with_balances))


class Page(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.scripts: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "script":
            self.scripts.append(dict(attrs))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def hostile() -> tuple[Ran, Any]:
    """Markup, an end of script and terminal codes in every name of a ratio's files."""
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e\x1b[31m"
    owed = {"liabilities": {evil: "1", "BTC": "2"}, "exchange": evil[:90], "reserves": []}
    rows = [{"asset": evil, "address": evil[:60], "amount": "1"}]
    document = Document(evil, content=json.dumps({**owed, "reserves": rows}).encode())
    from merkle_por.solvency import ratio

    return Ran("solvency", (Input("file", document),)), ratio(document)


@pytest.mark.parametrize("with_balances", [False, True])
def test_a_page_fetches_nothing_and_runs_nothing(with_balances: bool) -> None:
    runs = [customer(root=SWISSBORG_ROOT), ran_of("alice.json", "bob.json", root=BYBIT_ROOT)]
    for ran, result in runs:
        page = Page(page_of(ran, result, with_balances=with_balances))
        assert page.open == []
        assert [dict(s)["type"] for s in page.scripts] == ["application/json"]
        assert not {"link", "img", "iframe", "object", "embed", "form", "a"} & set(page.tags)
        names = {name for _, name, _ in page.attributes}
        assert not names & {"src", "href", "srcset", "action", "style"}
        assert not any(name.startswith("on") for name in names)
        assert "url(http" not in "".join(page.texts)


def test_hostile_names_stay_text() -> None:
    ran, result = hostile()
    text = page_of(ran, result)
    page = Page(text)
    assert len(page.scripts) == 1
    assert "img" not in page.tags
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert json.loads(embedded_json(text.encode()))["result"]["schema"].startswith("merkle-por/")


@given(st.text(max_size=40), st.text(max_size=40))
@settings(deadline=None, max_examples=100)
def test_el_escapes_whatever_it_gets(text: str, attribute: str) -> None:
    page = Page(el("p", text, title=attribute))
    assert page.tags == ["p"]
    assert page.open == []
    assert [name for _, name, _ in page.attributes] == ["title"]


@pytest.mark.parametrize(("flag", "option"), [([], ["--redact"]), (["--with-balances"], [])])
def test_the_embedded_result_is_the_json_of_the_command(
    flag: list[str], option: list[str], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    report = tmp_path / "report.html"
    files = [str(DATA / "alice.json"), "--root", BYBIT_ROOT, "--json"]
    with pytest.raises(SystemExit):
        main(["verify", *files, *flag, "--html", str(report)])
    capfdbinary.readouterr()
    with pytest.raises(SystemExit):
        main(["verify", *files, *option])
    expected = json.loads(capfdbinary.readouterr().out)
    found = json.loads(embedded_json(report.read_bytes()))["result"]
    assert {**found, "time": ""} == {**expected, "time": ""}


def test_nothing_private_stands_in_report_or_bundle_unless_asked_for() -> None:
    ran, result = customer(root=SWISSBORG_ROOT, expect={"BTC": "1.75000001"})
    assert result.state is State.VALID
    text = page_of(ran, result)
    manifest = manifest_bytes(evidence_document(ran, result))
    packed = read_bundle(Document("b", content=bundle_bytes(manifest, text)))
    own = result.proofs[0].account
    private = [CREDENTIAL, "customer.json", "1.75000001", "1,234,567.89", "1234567.89"]
    private += [own.id] if own.id else []
    salts = [
        value
        for key, value in _leaves(json.loads((DATA / "customer.json").read_bytes()))
        if isinstance(value, str) and len(value) > 8 and key != "audit"
    ]
    public = {*result.proofs[0].published, result.proofs[0].snapshot.id}
    for secret in [*private, *(s for s in salts if s not in public)]:
        for place in (text, packed.manifest.decode(), (packed.page or b"").decode()):
            assert secret not in place
    assert packed.files == {}
    shown = page_of(ran, result, with_balances=True)
    assert "1.75000001" in shown
    assert CREDENTIAL not in shown


def _leaves(value: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for name, item in value.items() for leaf in _leaves(item, name)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item, key)]
    return [(key, value)]


def test_no_public_fact_is_a_secret_a_file_or_own() -> None:
    """What is written into reports is opened by no scheme and is nobody's own."""
    for scheme in schemes():
        for name, fact in scheme.facts.items():
            if fact.kind in (FactKind.SECRET, FactKind.FILE, FactKind.FILES):
                assert name not in PUBLIC
    own = {"account", "account_uid", "balance", "email", "nonce", "leaf", "record", "user"}
    assert not PUBLIC & (own | {"user_id", "verifying_keys", "keys"})


# -- recheck ---------------------------------------------------------------------------------


def test_the_same_comes_out_again_but_the_root_is_the_report_s_word() -> None:
    ran, result = customer(root=SWISSBORG_ROOT)
    page = page_of(ran, result).encode()
    files = (DATA / "audit_roots.json", DATA / "customer.json")
    again = recheck(page, *files, given={"credential": CREDENTIAL})
    check(again.to_json())
    assert (again.outcome, again.state) == ("same", State.UNCONFIRMED)
    assert again.unconfirmed == ("root",)
    mine = {"credential": CREDENTIAL, "root": "0x" + SWISSBORG_ROOT.upper()}
    assert recheck(page, *files, given=mine).state is State.VALID
    other = recheck(page, *files, given={**mine, "root": "00" * 32})
    assert (other.outcome, other.state) == ("differs", State.INVALID)
    pin = Pin("swissborg", "SBPOL20240322", "root", SWISSBORG_ROOT, "a friend", "")
    kept = recheck(page, *files, given={"credential": CREDENTIAL}, pins=(pin,))
    assert kept.state is State.VALID


def test_missing_files_and_secrets_are_named_and_nothing_is_run() -> None:
    page = page_of(*customer(root=SWISSBORG_ROOT)).encode()
    again = recheck(page, DATA / "alice.json")
    check(again.to_json())
    assert (again.outcome, again.state) == ("not-run", State.INCOMPLETE)
    assert len(again.missing) == 3
    assert any("credential" in text for text in again.missing)
    assert any("none of the report's files" in text for text in again.notes)


def test_a_wrong_secret_shows_as_a_difference() -> None:
    page = page_of(*customer(root=SWISSBORG_ROOT)).encode()
    files = (DATA / "audit_roots.json", DATA / "customer.json")
    again = recheck(page, *files, given={"credential": CREDENTIAL[::-1]})
    assert (again.outcome, again.state) == ("differs", State.INVALID)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("its sums hold", "its sums hold, and all is safe"),
        ('"state":"valid"', '"state":"invalid"'),
        ('"exit":0', '"exit":1'),
        (SWISSBORG_ROOT, "ab" * 32),
        ("✓ ok", "✗ failed"),
        ("</main>", "<p>Audited by somebody</p></main>"),
    ],
)
def test_a_changed_report_differs(old: str, new: str) -> None:
    page = page_of(*customer(root=SWISSBORG_ROOT))
    assert old in page
    changed = page.replace(old, new).encode()
    files = (DATA / "audit_roots.json", DATA / "customer.json")
    again = recheck(changed, *files, given={"credential": CREDENTIAL})
    assert again.outcome == "differs"
    assert again.state is State.INVALID
    assert again.places


def test_a_failed_check_stays_failed_for_others() -> None:
    ran, result = ran_of("alice.json", "bob.json", root=BYBIT_ROOT)
    page = page_of(ran, result).encode()
    again = recheck(page, DATA / "bob.json", DATA / "alice.json", given={"root": BYBIT_ROOT})
    assert (again.outcome, again.state) == ("same", State.INVALID)


def test_ledgers_lists_and_ratios_are_run_again_too(tmp_path: Path) -> None:
    names = ("kucoin.json", "wallets.json", "prices.json")
    paths = [str(DATA / name) for name in names]
    for index, arguments in enumerate(
        [
            ["audit", str(DATA / "ledger.csv")],
            ["verify", str(DATA / "ledger.csv")],
            ["reserves", paths[1]],
            ["solvency", "--liabilities", paths[0], "--reserves", paths[1], "--prices", paths[2]],
        ]
    ):
        report = tmp_path / f"{index}.html"
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--html", str(report), "--quiet"])
        again = recheck(report, *paths, DATA / "ledger.csv")
        assert again.outcome == "same", again.places
        assert again.state.exit == ended.value.code


def test_another_version_is_compared_by_outcomes_only() -> None:
    ran, result = ran_of("alice.json", root=BYBIT_ROOT)
    document = evidence_document(ran, result)
    old = {**document, "version": "0.0.1", "result": {**document["result"], "sentence": "x"}}
    again = recheck(json.dumps(old).encode(), DATA / "alice.json")
    assert again.outcome == "same"
    assert "0.0.1" in again.notes[0]
    assert "visible page were not" in again.notes[0]
    proofs = [{**document["result"]["proofs"][0], "state": "invalid"}]
    forged = {**old, "result": {**document["result"], "proofs": proofs}}
    assert recheck(json.dumps(forged).encode(), DATA / "alice.json").outcome == "differs"


KEPT = {"name": "root", "kept": "value", "source": "option", "value": None, "files": []}


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "merkle-por/evidence/9"},
        {"command": "demo"},
        {"format": "no-such-format"},
        {"files": []},
        {"files": [{"role": "file", "name": None, "bytes": -1, "sha256": "x", "folder": False}]},
        {"given": [{**KEPT, "name": "audit", "value": "/etc/passwd"}]},
        {"given": [KEPT]},
        {"given": [{**KEPT, "value": BYBIT_ROOT, "source": "a friend"}]},
        {"options": {"violations": 10**9}},
        {"options": {"path": "yes"}},
        {"result": {}},
        {"more": 1},
    ],
)
def test_a_document_that_no_report_holds_is_malformed(change: dict[str, Any]) -> None:
    ran, result = ran_of("alice.json", root=BYBIT_ROOT)
    document = {**evidence_document(ran, result), **change}
    again = recheck(json.dumps(document).encode(), DATA / "alice.json")
    check(again.to_json())
    assert (again.outcome, again.state) == ("unreadable", State.MALFORMED)


def test_facts_that_do_not_fit_the_file_are_malformed_not_a_crash() -> None:
    ran, result = ran_of("alice.json", root=BYBIT_ROOT)
    document = evidence_document(ran, result)
    for value in ({"a": 1}, 7, "zz", True):
        fact = {"name": "root", "kept": "value", "source": "option", "value": value, "files": []}
        data = json.dumps({**document, "given": [fact]}).encode()
        assert recheck(data, DATA / "alice.json").state is State.MALFORMED


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=60)
def test_any_bytes_are_answered(data: bytes) -> None:
    assert recheck(data).outcome == "unreadable"
    assert recheck(b"PK\x03\x04" + data).outcome == "unreadable"


# -- bundles ---------------------------------------------------------------------------------


def _bundle(include: bool = False) -> bytes:
    ran, result = customer(root=SWISSBORG_ROOT)
    manifest = manifest_bytes(evidence_document(ran, result, time="2026-11-22T20:30:00Z"))
    return bundle_bytes(manifest, page_of(ran, result), ran.inputs if include else ())


def test_a_bundle_is_the_same_bytes_for_the_same_content() -> None:
    manifest = b"{}\n"
    assert bundle_bytes(manifest, "page") == bundle_bytes(manifest, "page")
    with zipfile.ZipFile(io.BytesIO(bundle_bytes(manifest, "page"))) as archive:
        assert [i.filename for i in archive.infolist()] == ["manifest.json", "report.html"]
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_bundle_with_its_file_needs_no_other_copy(tmp_path: Path) -> None:
    ran, result = ran_of("alice.json", root=BYBIT_ROOT)
    document = evidence_document(ran, result)
    page = html_report(document, shown_result(result, False))
    data = bundle_bytes(manifest_bytes(document), page, ran.inputs)
    again = recheck(data, given={"root": BYBIT_ROOT})
    assert again.outcome == "same", again.places
    assert again.state is result.state
    without = recheck(bundle_bytes(manifest_bytes(document), page))
    assert without.outcome == "not-run"
    changed = bundle_bytes(manifest_bytes(document), page.replace("ok", "OK"), ran.inputs)
    assert recheck(changed).outcome == "differs"


def test_a_folder_is_not_included(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        bundle_bytes(b"{}", "", [Input("file", Document.of(tmp_path))])


def _zip(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in entries:
            with pytest.warns() if name in archive.namelist() else nullcontext():
                archive.writestr(name, data)
    return target.getvalue()


GOOD = ("manifest.json", b"{}")


@pytest.mark.parametrize(
    "data",
    [
        _zip([("../manifest.json", b"{}")]),
        _zip([GOOD, ("/etc/passwd", b"x")]),
        _zip([GOOD, ("files/../../x", b"x")]),
        _zip([GOOD, ("files/0", b"x")]),
        _zip([GOOD, ("files/100", b"x")]),
        _zip([GOOD, ("files/1", b"x"), ("files/1", b"y")]),
        _zip([("report.html", b"x")]),
        _zip([GOOD], zipfile.ZIP_STORED),
        _zip([GOOD], zipfile.ZIP_BZIP2),
        _zip([GOOD, *((f"files/{i}", b"") for i in range(1, 400))]),
        _zip([("manifest.json", b" " * (17 * 1024 * 1024))]),
        _zip([GOOD, ("files/1", b"\0" * (65 * 1024 * 1024))]),
        _zip([GOOD]) + b"more",
        b"x" + _zip([GOOD]),
        _zip([GOOD])[:-5],
        b"PK\x05\x06" + b"\0" * 18,
    ],
    ids=range(16),
)
def test_hostile_zips_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_bundle(Document("b", content=data))
    assert recheck(data).state is State.MALFORMED


def test_a_zip_that_lies_about_sizes_is_malformed() -> None:
    data = bytearray(_zip([("manifest.json", b"\0" * 1_000_000)]))
    central = data.rindex(b"PK\x01\x02")
    struct.pack_into("<L", data, central + 24, 10)
    with pytest.raises(Malformed):
        read_bundle(Document("b", content=bytes(data)))


def test_every_byte_of_a_bundle_changed_is_answered() -> None:
    data = _bundle()
    whole = read_bundle(Document("b", content=data))
    for place in [*range(200), *range(len(data) - 200, len(data))]:
        changed = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        try:
            found = read_bundle(Document("b", content=changed))
        except Malformed:
            continue
        assert (found.manifest, found.page) == (whole.manifest, whole.page)


def test_an_encrypted_entry_is_malformed() -> None:
    data = bytearray(_zip([GOOD]))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Malformed):
        read_bundle(Document("b", content=bytes(data)))


def test_the_command_line_says_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "out.zip"
    arguments = ["verify", str(DATA / "alice.json"), "--root", BYBIT_ROOT, "--quiet"]
    with pytest.raises(SystemExit):
        main([*arguments, "--bundle", str(bundle), "--include-file", "--seen", "bybit.com"])
    assert "ids, balances" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["recheck", str(bundle)])
    out = capsys.readouterr().out
    assert ended.value.code == 4
    assert out.startswith("SAME")
    assert "bybit.com" in out
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--include-file"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--html", str(tmp_path)])
    assert ended.value.code == 2


def test_evidence_is_read_as_it_was_written() -> None:
    document = evidence_document(*ran_of("alice.json", root=BYBIT_ROOT))
    evidence = read_evidence(json.dumps(document).encode())
    assert evidence.document == document
    assert evidence.files[0].name is None
    report = solvency([DATA / "kucoin.json"], [DATA / "wallets.json"], DATA / "prices.json")
    assert shown_result(report, False) is report


# -- age of the snapshot ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audit", "time"),
    [
        ("2025061709", "2025-06-17T09:00:00Z"),
        ("2025061724", None),
        ("2025023000", None),
        ("20250617", None),
        ("1", None),
        ("２０２５０６１７０９", None),
        (None, None),
    ],
)
def test_a_bybit_audit_id_that_is_a_date_says_when(audit: str | None, time: str | None) -> None:
    assert snapshot_time(audit) == time


@pytest.mark.parametrize(
    ("then", "words", "days"),
    [
        ("2026-11-20T20:00:00Z", "2 days ago", 2),
        ("2026-11-22T18:59:00Z", "1 hour ago", 0),
        ("2099-01-01T00:00:00Z", "a time still to come", -26338),
        ("yesterday", "", None),
    ],
)
def test_age_in_words_and_days(then: str, words: str, days: int | None) -> None:
    at = "2026-11-22T20:00:00Z"
    assert ago(then, at) == words
    assert age_days(then, at) == days


def test_every_form_of_a_verdict_says_how_old_the_snapshot_is() -> None:
    ran, result = customer(root=SWISSBORG_ROOT)
    text = result.page(TextPage()).plain()
    assert "snapshot  2024-05-01 20:59 UTC, " in text
    assert " days ago" in text
    days = result.to_json()["proofs"][0]["snapshot"]["age_days"]
    assert days == age_days("2024-05-01T20:59:59Z")
    document = evidence_document(ran, result, time="2024-05-11T21:00:00Z")
    assert document["result"]["proofs"][0]["snapshot"]["age_days"] == 10
    assert "10 days ago" in html_report(document, shown_result(result, False))


def test_a_ledger_s_broken_rows_stay_when_redacted() -> None:
    from merkle_por.api import audit

    result = audit(DATA / "ledger.csv")
    document = result.to_json(redact=True)
    assert document["violations"]["listed"]
    assert document["counts"] == result.to_json()["counts"]
    assert document["file"]["name"] is None
    check(document)


# -- the demo's pages, in a browser ----------------------------------------------------------


def test_the_demo_s_pages_are_run_again(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--html", str(tmp_path / "demo"), "--quiet"])
    pages = sorted((tmp_path / "demo").glob("[1-5]-*.html"))
    assert len(pages) == 5
    index = Page((tmp_path / "demo" / "report.html").read_text(encoding="utf-8"))
    links = [value for tag, name, value in index.attributes if (tag, name) == ("a", "href")]
    assert links == [page.name for page in pages]
    files = [path for path in DATA.iterdir() if path.name != "credential.txt"]
    for page in pages:
        assert recheck(page, *files, given={"credential": CREDENTIAL}).outcome == "same"


def test_pages_in_chromium_print_whole_fit_a_phone_and_ask_for_nothing(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        pytest.skip("there is no /usr/bin/chromium")
    ran, result = customer(root=SWISSBORG_ROOT)
    path = tmp_path / "report.html"
    path.write_text(page_of(ran, result, with_balances=True), encoding="utf-8")
    asked: list[str] = []
    said: list[str] = []
    with playwright.sync_playwright() as running:
        options = {"executable_path": str(chromium), "args": ["--no-sandbox"]}
        browser = running.chromium.launch(**options)
        view = browser.new_page(viewport={"width": 320, "height": 700})
        view.on("request", lambda request: asked.append(request.url))
        view.on("console", lambda message: said.append(message.text))
        view.goto(path.as_uri())
        assert view.evaluate("document.documentElement.scrollWidth") == 320
        view.set_viewport_size({"width": 690, "height": 1000})  # A4 less its margins, one page
        view.emulate_media(media="print")
        for text in (SWISSBORG_ROOT, "SHA-256", "VALID", "swissborg (", "included", "checked"):
            box = view.get_by_text(text).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < 1000
        assert view.evaluate("document.querySelectorAll('details:not([open])').length") == 0
        assert len(view.pdf()) > 10_000
        browser.close()
    assert asked == [path.as_uri()]
    assert said == []
