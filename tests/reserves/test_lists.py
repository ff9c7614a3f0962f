"""Published reserve lists: every manifest entry with its counts, totals and reason; the rules that
no vector shows; hostile input."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import tracemalloc
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import vectorfiles
from hypothesis import given, settings
from hypothesis import strategies as st

import merkle_por
from merkle_por import unpacking
from merkle_por.amounts import add
from merkle_por.documents import Document, Limits
from merkle_por.errors import Malformed, UsageError
from merkle_por.report.text import Page
from merkle_por.reserves import judging
from merkle_por.reserves.api import reserves
from merkle_por.reserves.holding import Level
from merkle_por.reserves.lists.layouts import LAYOUTS, layout_of
from merkle_por.reserves.lists.reading import Reading, plain_cells
from merkle_por.reserves.lists.row import Row, RowKind
from merkle_por.verdict import State

ENTRIES = [e for e in vectorfiles.all_entries() if layout_of(e.format) is not None]
NAMES = {  # manifests' spellings -> the project's family of names
    "negative-amount": "negative-balance",
    "total-mismatch": "sum-mismatch",
    "bad-addr-type": "bad-row",
    "bad-type": "wrong-type",
    "empty": "empty-file",
    "bad-xpub": "bad-public-key",
    "script-not-multisig": "bad-script",
    "address-script-mismatch": "script-mismatch",
}
OTHER = {  # the same fault, seen by an earlier check
    "bad_same_founder_key_thrice.yaml": "bad-script",  # a script that names one key twice
    "bad_key_off_curve.yaml": "bad-public-key",
    "bad_upper_case_twin.yaml": "duplicate-script",  # met while reading, addresses come after
    "bad_duplicate_script.yaml": "script-mismatch",  # its second address is another
    "bad_yaml_tag.yaml": "bad-yaml",
    "bad_duplicate_address.yaml": "bad-yaml",  # its repetition is written as a YAML alias
    "bad_custodial_twice.yaml": "bad-yaml",
    "bad-message-changed.csv": "unexpected-message",  # said before any signature is looked at
    "bad_no_rows.csv": "no-detail-section",
}
SHORT_ROWS = {"bad-header-only.csv", "bad_short_row.csv", "bad-height.csv", "bad-html.csv"}


def judged(entry: vectorfiles.Entry) -> Any:
    args = entry.data.get("args") or {}
    return merkle_por.reserves(*entry.files, scheme=entry.format, given=args)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_manifest(entry: vectorfiles.Entry) -> None:
    report = judged(entry)
    expect = entry.data["expect"]
    if expect == "valid":
        assert report.state in (State.VALID, State.UNCONFIRMED, State.INCOMPLETE), report.sentence
        assert report.reason is None
    else:
        assert report.state in (State.INVALID, State.MALFORMED), report.sentence
        _same_reason(entry, report)
    counts = entry.data.get("counts")
    if counts and expect != "malformed" and entry.format not in ("address-list",):
        assert report.counts == counts
    if expect == "valid":
        _same_totals(entry, report)
    assert report.page(Page()).plain()


def _same_reason(entry: vectorfiles.Entry, report: Any) -> None:
    name = entry.files[0].name
    wanted = entry.data["reason"].split(" ")[0].replace("_", "-")
    wanted = OTHER.get(name, NAMES.get(wanted, wanted))
    if name in SHORT_ROWS or wanted in ("no-detail-section", "unknown-format", "bad-key"):
        return  # several checks see it; any of them may speak first
    found = {check.id for check in report.checks} | {error.reason for error in report.errors}
    if wanted == "bad-amount" and "nan" in found:
        return
    noted = {error.split(":")[0] for error in entry.data.get("errors") or ()}
    assert found & {wanted, *noted}, (wanted, found)


def _same_totals(entry: vectorfiles.Entry, report: Any) -> None:
    totals = dict(entry.data.get("totals") or {})
    if "BTC_sat" in totals:
        totals = {"BTC": Decimal(totals["BTC_sat"]).scaleb(-8)}
    coins: dict[str, Decimal] = {}
    for line in report.coins:
        if line.listed is not None:
            coins[line.coin] = add(coins.get(line.coin, Decimal(0)), line.listed)
    for name, amount in totals.items():
        found = coins.get(name, report.totals.get(name))
        assert found == Decimal(amount), (name, found)
    if entry.data.get("rows"):
        assert report.rows == entry.data["rows"]
    if isinstance(entry.data.get("total"), int):
        assert report.rows == entry.data["total"]
    if entry.data.get("addresses"):
        assert report.rows == entry.data["addresses"]


@pytest.mark.peer
def test_htx_list_as_published() -> None:
    """ux.md example i: 95 rows, groups, shares by amount cut to two places."""
    report = reserves(vectorfiles.file("peer", "htx-por-csv", "huobi_por.csv"))
    assert report.state is State.VALID
    assert report.rows == 95
    assert report.counts == {"proven": 36, "proven/signer-row": 15, "unsigned": 44}
    assert max(map(len, report.page(Page()).plain().splitlines())) <= 80
    text = report.page(Page(120)).plain()
    first, *rest = text.splitlines()
    assert first == (
        "VALID  All 51 signatures are good; 44 of 95 rows have none; balances unchecked."
    )
    rows = {line[2:20].strip(): line.split() for line in rest}
    shares = {
        "BTC": "96.06",
        "BTC on TRON": "100.00",
        "ETH": "18.65",
        "USDT on Ethereum": "33.86",
        "aEthUSDT": "100.00",
    }
    for name, share in shares.items():
        assert share in rows[name]
    assert "lent out, 90.58 % of all USDT" in text
    assert "pegged by the exchange itself" in text
    assert report.totals["BTC"] == Decimal("20876.58")
    groups = next(check for check in report.checks if check.id == "groups")
    assert groups.text == "10 group lines are the sums of their lines"


@pytest.mark.peer
def test_okx_example_signatures_hold_but_its_summary_does_not() -> None:
    report = reserves(vectorfiles.file("peer", "okx-por-csv", "okx_por_example.csv"))
    assert report.state is State.INVALID
    assert report.counts == {"proven": 3, "owner-asserted": 2}
    assert {c.id for c in report.checks if c.status == "fail"} == {
        "summary-mismatch",
        "summary-without-rows",
    }


# -- rules without a vector ----------------------------------------------------------------------

OKX = (
    "coin,snapshot height,amount\n{summary}\n\n"
    "coin,Network,Snapshot Height,address,amount,message,signature1,signature2,"
    "redeem script/public key\n{rows}\n"
)
ROW = "ETH,ETH,{height},0x{address:040x},{amount},,,,"


def okx(summary: str, *rows: str) -> bytes:
    return OKX.format(summary=summary, rows="\n".join(rows)).encode()


def row(amount: str, address: int = 1, height: str = "5") -> str:
    return ROW.format(amount=amount, address=address, height=height)


@pytest.mark.parametrize(
    ("printed", "amounts", "holds"),
    [
        ("1.5", ["0.70", "0.80"], True),
        ("1.5", ["0.70", "0.95"], True),  # 0.15 off: half a unit for the line and each row
        ("1.5", ["0.70", "0.9500001"], False),
        ("1", ["2"], True),
        ("1", ["2.0000001"], False),
        ("1000000000000", ["1000000001000"], True),  # a billionth of the figure
        ("1000000000000", ["1000000001001"], False),
    ],
)
def test_summary_tolerance(printed: str, amounts: list[str], holds: bool) -> None:
    rows = [row(amount, place) for place, amount in enumerate(amounts)]
    report = reserves(okx(f"ETH,5,{printed}", *rows))
    assert (report.reason is None) is holds
    if not holds:
        assert report.reason == "summary-mismatch"


def test_sums_do_not_round() -> None:
    rows = [row("123456789012345678901234567890", 1), row("0.123456789012345678", 2)]
    report = reserves(okx("ETH,5,123456789012345678901234567890", *rows))
    assert report.totals["ETH"] == Decimal("123456789012345678901234567890.123456789012345678")


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("-1", "negative-balance"),
        ("-0", "negative-balance"),
        ("1e3", "bad-amount"),
        ("+1", "bad-amount"),
        ("1.", "bad-amount"),
        (".5", "bad-amount"),
        ("01", "bad-amount"),
        (" 1", "bad-amount"),
        ("NaN", "bad-amount"),
        ("", "bad-amount"),
        ("١", "bad-amount"),
        ("9" * 61, "bad-amount"),
    ],
)
def test_amounts(amount: str, reason: str) -> None:
    assert reserves(okx("ETH,5,1", row(amount))).reason == reason


def test_negative_rows_are_left_out_and_reading_goes_on() -> None:
    report = reserves(okx("ETH,5,3", row("-7", 1), row("3", 2)))
    assert report.state is State.INVALID
    assert report.totals == {"ETH": Decimal(3)}


@pytest.mark.parametrize("height", ["", "-", "latest", "5.0", "0x5", "9" * 21, "٣"])
def test_heights(height: str) -> None:
    assert reserves(okx("ETH,5,1", row("1", height=height))).reason == "bad-height"


def test_same_address_in_two_cases_is_a_duplicate() -> None:
    address = "0x" + "aB" * 20
    lines = [row("1").replace(f"0x{1:040x}", a) for a in (address, address.lower())]
    report = reserves(okx("ETH,5,2", *lines))
    assert report.reason == "duplicate-address"
    # Case counts where an address is base58.
    sol = "SOL,SOL,5,{},1,,,,"
    report = reserves(okx("SOL,5,2", sol.format("So11aB"), sol.format("So11Ab")))
    assert report.reason is None


def test_duplicates_across_files_of_one_publication() -> None:
    header = "coin,network,address,balance,Height,Third party custodian name\n"
    one = header + "BTC,BTC,bc1qone,1,5,\n"
    two = header + "BTC,BTC,bc1qtwo,1,5,\nBTC,BTC,bc1qone,2,5,\n"
    report = reserves(one.encode(), two.encode())
    assert report.reason == "duplicate-address"
    failed = next(check for check in report.checks if check.id == "duplicate-address")
    assert failed.where == "line 3"


def test_one_file_without_a_proven_row_leaves_all_unconfirmed() -> None:
    signed = vectorfiles.file("made", "okx-por-csv", "valid-one-row.csv")
    listed = vectorfiles.file("made", "binance-por-csv", "valid-one.csv")
    assert reserves(signed).state is State.VALID
    report = reserves(signed, listed)
    assert report.state is State.UNCONFIRMED
    assert "valid-one.csv: no row shows who controls its address" in report.sentence


def test_standard_input_is_never_cut_silently() -> None:
    limits = Limits(proof_bytes=200)
    data = okx("ETH,5,1", row("1"), row("1", 2))[:201]
    assert reserves(data, limits=limits).reason == "too-big"


def test_hash_collisions_are_no_duplicates() -> None:
    from merkle_por.reserves.lists.duplicates import Duplicates, repeated

    class Same(str):
        def __hash__(self) -> int:
            return 7

    keys = [Same("a"), Same("b"), Same("a")]
    duplicates = Duplicates()
    for key in keys:
        duplicates.add(key)
    suspects = duplicates.suspects()
    assert suspects == {7}
    found = list(repeated(((key, place) for place, key in enumerate(keys)), suspects))
    assert found == [("a", 2, 0)]


def test_a_network_may_have_the_name_of_a_coin() -> None:
    header = "coin,network,address,balance,Height,Third party custodian name\n"
    text = header + "USDT,ETH,a,1,5,\nETH,ETH,b,2,5,\n"
    assert reserves(text.encode()).totals == {"USDT": Decimal(1), "ETH": Decimal(2)}


def test_third_party_custody_is_shown_apart() -> None:
    report = reserves(vectorfiles.file("made", "binance-por-csv", "valid.csv"))
    kinds = {line.coin: line.kind.value for line in report.coins}
    assert kinds["BTC"] == "third-party"


def test_alias_reads_amounts_only() -> None:
    path = vectorfiles.file("made", "okx-reserves-csv", "ok_9col.csv")
    report = reserves(path, scheme="okx-reserves-csv")
    assert report.state is State.INCOMPLETE
    assert report.counts == {"not-judged": 4}
    assert reserves(path).state is State.INVALID  # its signatures are no signatures


def test_damaged_evm_address_is_named_and_the_list_incomplete() -> None:
    text = "Coin,Height,Amount,Address\nETH-Ethereum,5,1,0xabc bc1q\n"
    report = reserves(text.encode())
    assert report.state is State.INCOMPLETE
    assert [c.id for c in report.checks if c.status == "not-checked"] == ["bad-address"]
    assert report.totals == {"ETH": Decimal(1)}


def test_bybit_groups_are_compared() -> None:
    text = "Coin,Height,Amount,Address\nETH(ALL),-,9,\nETH-BSC,5,1,0x" + "ab" * 20 + "\n"
    assert reserves(text.encode()).reason == "group-mismatch"


def test_balances_of_a_node_replace_the_list_and_unknown_is_never_zero() -> None:
    from merkle_por.reserves.api import Balance

    path = vectorfiles.file("made", "okx-por-csv", "valid-nine-columns.csv")

    def ask(found: Row) -> Balance | None:
        if found.coin == "SOL":
            return None
        return Balance(Level.OWN_NODE, Decimal(3))

    report = reserves(path, balance_of=ask)
    assert report.state is State.INCOMPLETE
    lines = {line.asset: line for line in report.assets}
    assert lines["ETH"].by_level == {"own-node": Decimal(3)}
    assert lines["ETH"].on_chain == Decimal(3)
    assert lines["SOL"].listed is not None
    assert lines["SOL"].on_chain is None
    assert lines["SOL"].unknown_rows == 1
    complete = reserves(path, balance_of=lambda found: Balance(Level.OWN_NODE, found.amount))
    assert complete.state is State.VALID
    assert "claimed" not in {warning.id for warning in complete.warnings}


def _threads() -> Executor:
    return ThreadPoolExecutor(2)


def _spawned() -> Executor:
    """Processes that share nothing with this one, as on Windows and macOS."""
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


@pytest.mark.parametrize("start", [_threads, _spawned])
@pytest.mark.parametrize("name", ["valid-families.csv", "bad-multisig-one-key-twice.csv"])
def test_executor_gives_the_same_report(name: str, start: Callable[[], Executor]) -> None:
    path = vectorfiles.file("made", "okx-por-csv", name)
    alone = reserves(path)
    with start() as executor, patch.object(judging, "CHUNK", 2):
        parallel = reserves(path, executor=executor)
    assert parallel.to_json() == alone.to_json()
    assert set(alone.counts) - {"unsigned"}


def _zstd(data: bytes) -> bytes:
    packed: bytes = pytest.importorskip("zstandard").ZstdCompressor().compress(data)
    return packed


PACKED = [gzip.compress, lzma.compress, _zstd]


@pytest.mark.parametrize("pack", PACKED)
@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("okx-por-csv", "valid-families.csv"),
        ("okx-por-csv", "bad-duplicate-row.csv"),  # reads the list twice
        ("htx-por-csv", "valid-mixed.csv"),
        ("bitmex-reserves", "ok_all_kinds.yaml"),
    ],
)
def test_packed_lists(pack: Callable[[bytes], bytes], folder: str, name: str) -> None:
    """The report is the same, but for the file: that is the packed one."""
    data = vectorfiles.file("made", folder, name).read_bytes()
    packed = pack(data)
    found, plain = reserves(packed).to_json(), reserves(data).to_json()
    [file] = found["files"]
    assert file["file"]["sha256"] == hashlib.sha256(packed).hexdigest()
    assert file["file"]["bytes"] == len(packed)
    for document in (found, plain):
        del document["files"][0]["file"], document["time"]
    assert found == plain


@pytest.mark.parametrize("pack", PACKED)
def test_packed_lists_that_are_cut_or_damaged(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(vectorfiles.file("made", "okx-por-csv", "valid-families.csv").read_bytes())
    cut = packed[: len(packed) // 2]
    assert reserves(cut, scheme="okx-por-csv").reason in ("bad-archive", "column-count")
    for data in (packed[:-9], packed + b"junk"):
        report = reserves(data, scheme="okx-por-csv")
        assert (report.state, report.reason) == (State.MALFORMED, "bad-archive")
    if pack is not _zstd:  # which has no checksum by itself
        damaged = bytearray(packed)
        damaged[-12] ^= 0x55
        assert reserves(bytes(damaged), scheme="okx-por-csv").reason == "bad-archive"


def test_packed_lists_in_other_places() -> None:
    """Two of them together, and as the reserves of a ratio."""
    bybit = gzip.compress(b"Coin,Height,Amount,Address\nBTC-BTC,1,2,a\n")
    typed = gzip.compress(b'{"reserves": [{"asset": "BTC", "amount": "3", "address": "a"}]}')
    verified = merkle_por.verify(gzip.compress(b"Coin,Height,Amount,Address\n"
        + b"BTC-BTC,1,2,a\n" * 8), limits=Limits(proof_bytes=100))  # fmt: skip
    assert verified.reason == "duplicate-address"  # read as a stream, not whole
    both = reserves(bybit, typed)
    assert [overlap.address for overlap in both.overlaps] == ["a"]
    owed = b'{"liabilities": {"BTC": "4"}}'
    [line] = merkle_por.solvency([owed], [typed]).to_json()["assets"]
    assert line["ratio"] == "0.750000"


def test_a_packed_list_that_is_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LEAST_CAP", 1 << 16)
    rows = b"Coin,Height,Amount,Address\n" + b"BTC-BTC,1,2,a\n" * 400_000
    report = reserves(gzip.compress(rows))
    assert (report.state, report.reason) == (State.MALFORMED, "too-big")
    line = reserves(gzip.compress(rows[:27] + bytes(50 << 20)))  # one line without an end
    assert (line.state, line.reason) == (State.MALFORMED, "too-big")
    whole = reserves(gzip.compress(b'{"reserves": [' + b" " * 200_000), limits=Limits(100_000))
    assert (whole.state, whole.reason) == (State.MALFORMED, "too-big")


def test_a_packed_list_takes_no_more_memory_than_it_must() -> None:
    rows = b"Coin,Height,Amount,Address\n" + (b"BTC-BTC,1,2," + b"a" * 100_000 + b"\n") * 400
    document = unpacking.plain(Document.of(gzip.compress(rows)))
    tracemalloc.start()
    lines = sum(1 for _ in Reading(document).lines())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == 401
    assert most < 8 << 20 < len(rows)


def test_bitmex_keys_from_outside_prove_the_scripts() -> None:
    path = vectorfiles.file("made", "bitmex-reserves", "ok_all_kinds.yaml")
    report = reserves(path)
    assert report.state is State.UNCONFIRMED
    assert report.counts == {"key-unbound": 6, "unsigned": 2}
    keys = [line[2:].strip() for line in path.read_text().splitlines() if line.startswith("- 04")]
    known = reserves(path, given={"keys": keys})
    assert known.state is State.VALID
    (asset,) = known.assets
    assert asset.proven == Decimal("193.74285508")
    assert asset.by_kind == {
        "native": Decimal("193.74286290"),
        "unspendable": Decimal("0.00000099"),
        "third-party": Decimal("10"),
    }
    assert reserves(path, given={"keys": keys[:2]}).reason == "founder-keys"
    with pytest.raises(UsageError):
        reserves(path, given={"keys": ["04"]})


@pytest.mark.parametrize(
    ("section", "reason"), [("address", "duplicate-script"), ("custodial", "duplicate-address")]
)
def test_bitmex_entries_written_twice(section: str, reason: str) -> None:
    text = vectorfiles.file("made", "bitmex-reserves", "ok_all_kinds.yaml").read_text()
    if section == "custodial":
        entry = text[text.index("- addr_type: deposit") :]
        changed = text.rstrip("\n") + "\n" + entry
        total = 20374286389 + 1000000000
    else:
        start = text.index("- addr_type: sh\n")
        entry = text[start : text.index("- addr_type: sh_wsh")]
        changed = text[:start] + entry + text[start:]
        total = 20374286389 + 8675796592
    report = reserves(changed.replace("20374286389", str(total)).encode())
    assert report.state is State.INVALID
    found = {check.id for check in report.checks if check.status == "fail"}
    assert {reason, "duplicate-address"} <= found
    assert "sum-mismatch" not in found


def test_facts_and_names() -> None:
    path = vectorfiles.file("made", "binance-por-csv", "valid.csv")
    with pytest.raises(UsageError, match="not a fact"):
        reserves(path, given={"root": "00"})
    with pytest.raises(UsageError, match="not a list"):
        reserves(path, scheme="okx-merkle-v1")
    with pytest.raises(UsageError):
        reserves()
    assert reserves(b"{}").state is State.MALFORMED


# -- hostile input -------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.id)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\xff\xfe",
        b"\x00" * 10,
        b"coin" * 400_000,
        b"[" * 500,
        b'{"data":[[]]}',
        b"a: b",
    ],
    ids=range(8),
)
def test_rubbish_is_malformed(layout: Any, data: bytes) -> None:
    assert reserves(data, scheme=layout.id).state is State.MALFORMED


def test_lines_and_coins_are_bounded() -> None:
    limits = Limits(row_chars=50, assets=3)
    report = reserves(okx("ETH,5,1", row("1")), limits=limits)
    assert report.reason == "too-big"
    header = "coin,network,address,balance,Height,Third party custodian name\n"
    many = header + "".join(f"C{n},N,a{n},1,5,\n" for n in range(200))
    assert reserves(many.encode(), limits=limits).reason == "too-big"


def test_failures_are_bounded_and_counted() -> None:
    rows = [row("-1", place) for place in range(500)]
    report = reserves(okx("ETH,5,0", *rows))
    assert sum(check.id == "negative-balance" for check in report.checks) == 20


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("a,b", ["a", "b"]),
        ('"a",b', ["a", "b"]),
        ('{"k":1,"l":2},x', ['{"k":1,"l":2}', "x"]),
        ("[1,[2,3]],x", ["[1,[2,3]]", "x"]),
    ],
)
def test_plain_cells(line: str, cells: list[str]) -> None:
    assert plain_cells(line, 1) == cells


@pytest.mark.parametrize("line", ["{a,b", "a},b", '"a,b', 'a",b', "]["])
def test_plain_cells_refuse(line: str) -> None:
    with pytest.raises(Malformed):
        plain_cells(line, 1)


VALID = {
    "okx-por-csv": "valid-nine-columns.csv",
    "htx-por-csv": "valid-signer-rows.csv",
    "binance-por-csv": "valid.csv",
    "bybit-por-csv": "valid.csv",
    "bitmex-reserves": "ok_all_kinds.yaml",
    "cmc-exchange-assets": "valid.json",
    "bitfinex-wallets": "valid.txt",
}


def _rows(data: bytes, id: str) -> list[Row]:
    layout = layout_of(id)
    assert layout is not None
    try:
        return list(layout.read(Reading(Document.of(data))))
    except Malformed:
        return []


def _signed(data: bytes, id: str) -> set[str]:
    """Addresses of signed rows; a list may say what it likes in the others."""
    return {row.address.lower() for row in _rows(data, id) if row.signature1 is not None}


@pytest.mark.parametrize("id", VALID)
@settings(max_examples=40)
@given(data=st.data())
def test_one_changed_byte_never_raises_nor_proves_a_new_address(
    id: str, data: st.DataObject
) -> None:
    """Amounts are not signed; addresses are: no change makes another address proven."""
    original = Path(vectorfiles.file("made", id, VALID[id])).read_bytes()
    place = data.draw(st.integers(0, len(original) - 1))
    value = data.draw(st.integers(0, 255))
    changed = original[:place] + bytes([value]) + original[place + 1 :]
    report = reserves(changed, scheme=id)
    assert report.sentence
    assert report.page(Page()).plain()
    if report.state is State.VALID:
        new = _signed(changed, id) - _signed(original, id)
        proven = report.counts.get("proven", 0)
        assert not new or proven < reserves(original, scheme=id).counts.get("proven", 0)


def test_a_row_whose_signature_fails_is_not_called_unsigned() -> None:
    path = vectorfiles.file("made", "okx-por-csv", "bad-multisig-one-key-twice.csv")
    text = reserves(path).page(Page()).plain()
    assert "no row signed" not in text
    assert "BTC" in text


def test_an_account_written_in_two_ways_is_counted_twice_and_said_so() -> None:
    path = vectorfiles.file("made", "okx-por-csv", "valid-families.csv")  # OKT and TON do so
    found = [w.text for w in reserves(path).warnings if w.id == "double-counted"]
    assert [text.partition(":")[0] for text in found] == ["OKT", "TONCOIN-NEW", "USDT-TON"]


@pytest.mark.parametrize(
    ("coin", "first", "second"),
    [
        ("FIL-EVM", "0x" + "12" * 20, ""),
        ("APTOS", "0x0" + "a" * 63, "0x" + "a" * 63),
        (
            "BCHN",
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
        ),
        (
            "BCHN",
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",
        ),
    ],
)
def test_spellings_of_one_account(coin: str, first: str, second: str) -> None:
    from merkle_por.reserves.ownership.spellings import account

    if coin == "FIL-EVM":
        from merkle_por.reserves.ownership.addresses import filecoin_checksum
        from merkle_por.reserves.ownership.encodings import base32

        data = bytes.fromhex(first[2:])
        coded = base32.encode(data + filecoin_checksum(b"\4\x0a" + data)).lower()
        second = "f410f" + coded
    assert account(coin, first) == account(coin, second) is not None
    assert account(coin, "?") is None
    assert account("ETH", first) is None


def test_an_address_in_upper_case_is_the_same_address() -> None:
    address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    lines = [f"BTC,BTC,1,{one},1,,,," for one in (address, address.upper())]
    header = "coin,Network,Snapshot Height,address,amount,message,signature1,signature2"
    text = "\n".join([header + ",redeem_script", *lines])
    assert reserves(text.encode()).reason == "duplicate-address"


def test_amounts_only_text_says_nothing_about_signatures() -> None:
    path = vectorfiles.file("made", "okx-por-csv", "valid-one-row.csv")
    report = reserves(path, given={"signatures": False})
    assert report.state is State.INCOMPLETE
    assert "no row signed" not in report.page(Page()).plain()


def test_rows_of_one_chain_at_several_blocks_are_warned_of() -> None:
    """Coins that moved in between stand in two rows (specs/solvency-ratio.md, rule 7)."""
    header = "coin,network,address,balance,Height,Third party custodian name\n"
    one = "BTC,BTC,bc1qone,1,800000,\nETH,ETH,0x" + "11" * 20 + ",1,9,\n"
    assert "reserve-gap" not in {w.id for w in reserves((header + one).encode()).warnings}
    report = reserves((header + one + "BTC,BTC,bc1qtwo,1,800144,\n").encode())
    assert [w.text for w in report.warnings if w.id == "reserve-gap"] == [
        "(bytes): rows of BTC are of blocks 800000 to 800144: coins can move between"
    ]


def test_coins_of_other_chains_on_binances_own_are_its_own_claims() -> None:
    """B-tokens count only with the coins behind them (specs/solvency-ratio.md, rule 8)."""
    header = "coin,network,address,balance,Height,Third party custodian name\n"
    rows = [("BTC", "BTC"), ("BTC", "BSC"), ("BTC", "ETH"), ("ETH", "ETH"), ("ETH", "BSC")]
    rows += [("ETH", "ARBITRUM"), ("USDT", "BSC"), ("BNB", "BSC")]
    text = "".join(f"{c},{n},a{i},{10**i},9,\n" for i, (c, n) in enumerate(rows))
    report = reserves((header + text).encode())
    pegged = {(h.coin, h.chain) for h in report.holdings if h.kind is RowKind.SELF_PEGGED}
    assert pegged == {("BTC", "BSC"), ("BTC", "ETH"), ("ETH", "BSC")}
    assert report.totals["BTC"] == 111  # listed is listed
    owed = b'{"liabilities": {"BTC": "2", "ETH": "1", "USDT": "1", "BNB": "1"}}'
    found = {a["asset"]: a for a in merkle_por.solvency([owed], [report]).to_json()["assets"]}
    assert (found["BTC"]["reserves"], found["BTC"]["state"]) == ("1", "short")
    assert found["ETH"]["reserves"] == "101000"
    assert found["USDT"]["reserves"] == "1000000"


def test_a_list_without_amounts_says_so() -> None:
    page = reserves(b"1Kr6QSydW9bFQG1mXiPNNu6WpJGmUa9i1g - BTC hot wallet\n").page(Page()).plain()
    assert "\n  rows without amounts: BTC 1\n" in page
    assert "the list names addresses, no amounts" in page
    assert "claimed" not in page
