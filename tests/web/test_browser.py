"""The web app in a real Chromium: what a person sees, with a mouse, a keyboard, a phone.

Every page object fails its test at the end if there was an error in the console or a request to
anywhere but this computer. Screenshots go to build/screenshots, to be looked at.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import vectorfiles
from histories import HOSTILE

from merkle_por.demo import BYBIT_ROOT, folder

PROJECT = Path(__file__).resolve().parents[2]
SHOTS = PROJECT / "build" / "screenshots"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
# The flags with which Debian's Chromium makes no connection of its own.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
IN_CI = os.environ.get("CI") == "true"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DATA = folder()
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1200, "height": 900}
DONE = "#outcome #verdict"

try:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser, Page, expect, sync_playwright
except ImportError:
    if IN_CI:
        raise
    pytest.skip("playwright and axe-playwright-python are absent", allow_module_level=True)
if not IN_CI and not Path(CHROMIUM).exists():
    pytest.skip("no Chromium here: tools/install_browser.sh", allow_module_level=True)

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def server(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`merkle-por serve` as a user runs it; its address."""
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "merkle_por", "serve", "--port", "0", "--history", history]
    process = subprocess.Popen(
        [str(part) for part in command],
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "MERKLE_POR_HOME": str(home)},
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line
    yield found[0]
    process.terminate()
    process.wait(30)
    assert process.stderr.read() == ""  # nothing of what was uploaded is logged
    process.stderr.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Browser, server: str) -> Iterator[Open]:
    """Opens pages; at the end, no console error and no foreign request may have been."""
    wrong: list[str] = []
    contexts = []

    def opened(path: str = "/", *, dark: bool = False, phone: bool = False, **options: Any) -> Page:
        context = browser.new_context(
            color_scheme="dark" if dark else "light",
            viewport=PHONE if phone else DESK,
            base_url=server,
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))

        def asked(request: Any) -> None:
            if not request.url.startswith((f"{server}/", "data:")):
                wrong.append(f"request: {request.url}")

        page.on("request", asked)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def verify(page: Page, *files: Path | str | dict[str, Any], root: str = "") -> str:
    """Chooses files, types a root, presses the button; the verdict's heading."""
    page.set_input_files("#files", list(files))  # type: ignore[arg-type]
    page.fill("#root", root)
    page.click("button.main")
    page.wait_for_selector(DONE)
    return heading(page)


def heading(page: Page) -> str:
    return " ".join((page.text_content(DONE) or "").split())


def clean(page: Page, *rules: str) -> None:
    """axe finds nothing in any rule set that we hold to (or by some rules only)."""
    found = Axe().run(page, options={"runOnly": list(rules) or RULES})
    violations = [
        (v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found.response["violations"]
    ]
    assert violations == []


def shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def file(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/json", "buffer": content}


# -- verdicts --------------------------------------------------------------------------------


def test_valid(open_page: Open) -> None:
    page = open_page()
    assert "VALID Your account is in Bybit's tree" in verify(
        page, DATA / "alice.json", root=BYBIT_ROOT
    )
    expect(page.locator("#verdict")).to_be_focused()
    expect(page.locator("#status")).to_contain_text("VALID")
    rows = page.locator("table.ladder").first.locator("tr.rung")
    expect(rows.first).to_contain_text("Root")
    expect(rows.last).to_contain_text("You")
    clean(page)
    shoot(page, "valid")


def test_unconfirmed_then_the_root_is_typed(open_page: Open) -> None:
    page = open_page()
    assert "UNCONFIRMED" in verify(page, DATA / "alice.json")
    expect(page.get_by_text(BYBIT_ROOT)).not_to_be_visible()
    page.click("text=the field above")
    page.fill("#root", BYBIT_ROOT)  # the file is still chosen
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_contain_text("VALID Your account")


def test_two_customers(open_page: Open) -> None:
    page = open_page()
    text = verify(page, DATA / "alice.json", DATA / "bob.json", root=BYBIT_ROOT)
    assert "INVALID These two proofs contradict each other (node-conflict)" in text
    shared = page.locator(".joined .shared")
    expect(shared).to_contain_text("BTC 100.00000000")
    expect(shared).to_contain_text("BTC 40.00000000")
    clean(page)
    shoot(page, "two-customers")


def test_a_long_path_is_folded_and_opens(open_page: Open) -> None:
    page = open_page(dark=True)
    path = vectorfiles.file("made", "bitgo-zk", "valid_1.json")
    verify(page, path)
    fold = page.locator("details.fold").first
    expect(fold).to_contain_text("more levels, all ok")
    assert page.locator("tr.rung").locator("visible=true").count() <= 12
    fold.locator("summary").click()
    assert page.locator("tr.rung").locator("visible=true").count() > 12
    shoot(page, "long-path-dark")


def test_malformed(open_page: Open) -> None:
    page = open_page(dark=True)
    text = verify(page, file("half.json", b'{"self": {"user_hash"'))
    assert text.startswith("⊘ MALFORMED This can't be checked: not JSON")
    clean(page)
    shoot(page, "malformed-dark")


def test_several_kinds_at_once(open_page: Open) -> None:
    page = open_page(dark=True)
    alice = file("alice.json", (DATA / "alice.json").read_bytes())
    text = verify(page, alice, file("x.json", b"[]"), root=BYBIT_ROOT)
    assert "MALFORMED" in text
    expect(page.locator("details.proof")).to_have_count(2)


@pytest.mark.parametrize("name", ["ledger.csv", "kucoin.json"])
def test_other_files(open_page: Open, name: str) -> None:
    page = open_page()
    verify(page, DATA / name)
    clean(page)


def test_ratio_file_has_charts(open_page: Open) -> None:
    page = open_page()
    verify(page, vectorfiles.file("made", "solvency", "valid-four-assets.json"))
    chart = page.locator("figure.chart").first
    box = chart.locator("svg").first.bounding_box()
    assert box is not None
    assert box["width"] > 200
    chart.locator("summary").click()
    expect(chart.locator("table")).to_be_visible()
    clean(page)
    shoot(page, "ratio")


# -- hostile files ---------------------------------------------------------------------------


def test_script_in_an_asset_name(open_page: Open) -> None:
    document = json.loads((DATA / "wallets.json").read_text())
    document["reserves"][0]["asset"] = '<img src=x onerror="alert(1)">'
    document["reserves"][1]["asset"] = HOSTILE
    page = open_page()
    verify(page, file(f"{HOSTILE}.json", json.dumps(document).encode()))
    expect(page.locator("#outcome")).to_contain_text("<script>alert")
    assert page.locator("#outcome img, #outcome script").count() == 0
    shoot(page, "hostile-names")


def test_deep_nesting(open_page: Open) -> None:
    page = open_page()
    text = verify(page, file("deep.json", b"[" * 200_000 + b"]" * 200_000))
    assert "MALFORMED" in text
    assert "(too-deep)" in text


def test_a_hundred_megabytes(open_page: Open, tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    with big.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    page = open_page()
    assert "too big for this page" in verify(page, big)
    expect(page.locator("#outcome")).to_contain_text("merkle-por audit FILE")


def test_a_hundred_megabytes_without_scripts(browser: Browser, server: str, tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    with big.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    context = browser.new_context(base_url=server, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    assert "too big for this page" in verify(page, big)
    context.close()


def test_wrong_root_is_told_at_its_field(browser: Browser, server: str) -> None:
    # The browser itself logs the status 400 as an error, so this page is not watched for any.
    context = browser.new_context(base_url=server)
    page = context.new_page()
    page.goto("/")
    verify(page, DATA / "alice.json", root="abcd")
    expect(page.locator("#root")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#outcome")).to_contain_text("4 hexadecimal digits")
    clean(page)
    assert "VALID" in verify(page, DATA / "alice.json", root=BYBIT_ROOT)
    assert page.locator("#root").get_attribute("aria-invalid") is None
    context.close()


# -- ways of use -----------------------------------------------------------------------------


def test_without_scripts(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert "VALID Your account" in verify(page, DATA / "alice.json", root=BYBIT_ROOT)
    assert page.url.endswith("/verify#verdict")
    with page.expect_download() as saved:
        page.click("text=JSON to show others")
    document = json.loads(saved.value.path().read_text())
    assert document["state"] == "valid"
    assert document["proofs"][0]["account"] is None


def test_keyboard_only(open_page: Open) -> None:
    page = open_page()
    page.on("filechooser", lambda chooser: chooser.set_files([DATA / "alice.json"]))
    tab = lambda: page.keyboard.press("Tab")  # noqa: E731

    def focused() -> str:
        return str(page.evaluate("document.activeElement.id || document.activeElement.textContent"))

    tab()
    assert focused() == "Skip to the content"
    page.keyboard.press("Enter")
    tab()
    assert focused() == "files"
    page.keyboard.press("Space")
    expect(page.locator("#status")).to_have_text("1 chosen")
    tab()
    assert focused() == "root"
    page.keyboard.type(BYBIT_ROOT)
    for _ in range(20):
        if focused() == "Verify":
            break
        tab()
    assert focused() == "Verify"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.wait_for_selector(DONE)
    assert focused() == "verdict"
    seen = []
    for _ in range(30):
        tab()
        seen.append(focused().strip())
        if "Every check" in seen[-1]:
            break
    page.keyboard.press("Enter")
    expect(page.locator("table.checks")).to_be_visible()


def test_drop(open_page: Open) -> None:
    page = open_page()
    text = (DATA / "alice.json").read_text()
    transfer = page.evaluate_handle(
        """text => { const found = new DataTransfer();
        found.items.add(new File([text], "alice.json")); return found; }""",
        text,
    )
    page.dispatch_event("main", "dragenter", {"dataTransfer": transfer})
    expect(page.locator("body")).to_have_class("dropping")
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    page.wait_for_selector(DONE)
    assert "UNCONFIRMED" in heading(page)
    expect(page.locator("body")).not_to_have_class("dropping")


def test_working_slow_and_cancelled(open_page: Open) -> None:
    page = open_page()
    page.clock.install()
    page.route("**/verify", lambda route: None)  # never answered
    page.set_input_files("#files", DATA / "alice.json")
    page.click("button.main")
    expect(page.locator(".working")).to_contain_text("Checking alice.json (")
    page.clock.fast_forward(11_000)
    expect(page.locator(".working")).to_contain_text("zk proofs can take a minute")
    clean(page)
    page.click("text=Cancel")
    expect(page.locator("#status")).to_have_text("Cancelled")
    expect(page.locator("#outcome")).to_be_empty()


def test_demo(open_page: Open) -> None:
    page = open_page()
    page.click("text=Try the demo")
    page.wait_for_selector(DONE)
    assert "VALID Your balances are in SwissBorg's tree" in heading(page)


def test_theme_is_kept(open_page: Open) -> None:
    page = open_page()
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.click("#theme")
    assert page.evaluate(paper) == "rgb(18, 20, 23)"
    page.goto("/limits")
    assert page.evaluate(paper) == "rgb(18, 20, 23)"


def test_print(open_page: Open) -> None:
    page = open_page()
    verify(page, DATA / "alice.json", root=BYBIT_ROOT)
    page.emulate_media(media="print")
    expect(page.locator(".printed")).to_contain_text(BYBIT_ROOT)
    expect(page.locator(".printed")).to_contain_text("SHA-256")
    expect(page.locator("#verify")).not_to_be_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#result details:not([open])").count() == 0
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.pdf(path=SHOTS / "print.pdf")


# -- pages -----------------------------------------------------------------------------------

PAGES = {
    "empty": "/",
    "exchanges": "/exchanges",
    "exchange": "/exchanges/kucoin?history=BTC&q=000024",
    "compare": "/compare?ids=kucoin,example",
    "formats": "/formats#bybit",
    "limits": "/limits",
    "start": "/start",
    "start-okx": "/start/okx",
}


@pytest.mark.parametrize("name", PAGES)
def test_pages(open_page: Open, name: str) -> None:
    page = open_page(PAGES[name])
    clean(page)
    shoot(page, name)
    page.emulate_media(color_scheme="dark")
    clean(page, "color-contrast")  # the rest does not depend on colours
    shoot(page, f"{name}-dark")


@pytest.mark.parametrize("name", PAGES)
def test_phone(open_page: Open, name: str) -> None:
    page = open_page(PAGES[name], phone=True, dark=True)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 320
    page.set_viewport_size(PHONE)
    shoot(page, f"{name}-phone-dark")


def test_verdict_on_a_phone(open_page: Open) -> None:
    page = open_page(phone=True)
    verify(page, DATA / "alice.json", DATA / "bob.json", root=BYBIT_ROOT)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 320
    amounts = page.locator(".joined td.amounts").first
    expect(amounts).not_to_be_visible()
    page.locator(".amounts-switch").first.click()
    expect(amounts).to_be_visible()
    clean(page)
    shoot(page, "two-customers-phone")


def test_wallets_are_searched_and_sorted(open_page: Open) -> None:
    page = open_page("/exchanges/kucoin")
    expect(page.locator("svg[role=img]")).to_have_count(4)
    page.click("th >> text=On chain")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("On chain")
    page.click("th >> text=On chain")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("On chain")
    expect(page.locator(".wallets tbody tr").first).to_contain_text("31")
    page.click("text=Next")
    expect(page.locator(".pages")).to_contain_text("Page 2 of 3")
    page.fill("input[name=q]", "0000000042")
    page.click(".filters button")
    expect(page.locator(".wallets tbody tr")).to_have_count(1)
    full = page.locator(".address-full")
    assert (full.bounding_box() or {"width": 0})["width"] <= 1
    page.locator("button.copy").focus()
    assert (full.bounding_box() or {"width": 0})["width"] > 100
    with page.expect_download() as saved:
        page.click("text=CSV of these")
    assert len(saved.value.path().read_text().splitlines()) == 2


def test_formats_are_searched(open_page: Open) -> None:
    page = open_page("/formats")
    page.fill("#formats-search", "bybit")
    shown = page.locator("#formats > details").locator("visible=true")
    assert 0 < shown.count() < 8


def test_first_paint_is_fast(open_page: Open) -> None:
    page = open_page()
    painted = page.evaluate(
        """() => new Promise(tell => new PerformanceObserver(list => {
        for (const entry of list.getEntries())
            if (entry.name === "first-contentful-paint") tell(entry.startTime);
        }).observe({ type: "paint", buffered: true }))"""
    )
    assert painted < 2_000  # milliseconds; some 100 on an idle machine
