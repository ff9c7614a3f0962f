"""Control of listed addresses by transfers to themselves, sent on real nodes (anvil, litecoind)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschemas
import nodes
import pytest
from chainhelpers import Asked, Handler, Reply, holder, reply
from hypothesis import given
from hypothesis import strategies as st

import merkle_por
from merkle_por.cli.main import main
from merkle_por.errors import Malformed, UsageError
from merkle_por.report.text import Page
from merkle_por.reserves.chains import http
from merkle_por.reserves.chains.evm_signer import signer
from merkle_por.reserves.ownership.encodings import base58

GENESIS = (
    "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
    "29ab5f49ffff001d1dac2b7c"
)
"""Bitcoin's first block."""


def block_of(header: str) -> str:
    return sha256(sha256(bytes.fromhex(header)).digest()).digest()[::-1].hex()


def child(time: int) -> str:
    """A header on top of it, with the nonce 123456."""
    made = bytes.fromhex("01000000" + block_of(GENESIS))
    made = made[:4] + made[:3:-1] + bytes(32) + time.to_bytes(4, "little") + bytes(4)
    return (made + (123456).to_bytes(4, "little")).hex()


HEADER = child(1670761900)
"""Of 2022-12-11 12:31:40 UTC."""
BLOCK = block_of(HEADER)
AMOUNT = Decimal("0.000123")
AFTER, UNTIL = "2022-12-11T12:30:00Z", "2100-01-01T00:00:00Z"
OUTSIDE = {"block": BLOCK, "header": HEADER, "after": AFTER, "until": UNTIL}
WEI = hex(int(AMOUNT * 10**18))
GAS, SLOT = hex(2 * 10**9), "0x" + "01" * 32


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_DELAY", 0.001)


@pytest.fixture(scope="module")
def evm() -> Iterator[nodes.Node]:
    """A chain of these tests' own: they send coins about."""
    with nodes.anvil() as node:
        node.call("anvil_setBalance", holder(0xA001), hex(10**18))
        yield node


@pytest.fixture(scope="module")
def sent(evm: nodes.Node) -> dict[str, str]:
    """Transactions of the first two accounts; the third made none."""
    own, other, _ = evm.call("eth_accounts")

    def send(start: str, to: str, value: str = WEI) -> str:
        told = {"from": start, "to": to, "value": value}
        txid: str = evm.call("eth_sendTransaction", told)
        evm.call("anvil_mine")
        return txid

    return {
        "own": own,
        "other": other,
        "good": send(own, own),
        "second": send(other, other),
        "elsewhere": send(own, other),
        "less": send(own, own, "0x1"),
    }


def ethereum(node: nodes.Node) -> dict[str, str]:
    return {"ethereum": f"{node.url}#chain_id=31337"}


def bybit(*rows: str) -> bytes:
    return ("Coin,Height,Amount,Address\n" + "\n".join(rows) + "\n").encode()


def transfers(*rows: dict[str, str], **told: str) -> bytes:
    return json.dumps({"transfers": list(rows), **told}).encode()


def on_ethereum(address: str, txid: str) -> dict[str, str]:
    return {"chain": "ETH", "address": address, "txid": txid}


def judged(data: bytes, file: bytes, nodes: Any = None, **given: Any) -> Any:
    found = merkle_por.reserves(data, given={"transfers": file, **given}, nodes=nodes)
    jsonschemas.check(json.loads(json.dumps(found.to_json())))
    return found


def why(found: Any) -> dict[str, str]:
    """Class and place of what was said of rows."""
    said = [check for check in found.checks if check.where and check.about.value == "ownership"]
    return {check.where: check.id for check in said}


def test_rows_of_a_list(evm: nodes.Node, sent: dict[str, str]) -> None:
    own, other = sent["own"], sent["other"]
    third = evm.call("eth_accounts")[2]
    data = bybit(
        f"ETH-ETH,1,0,{own}", f"USDC-ETH,1,0,{own} {other}", f"ETH-ARB,1,0,{other}",
        f"ETH-ETH,1,0,{third}", f"ETH-BASE,1,0,{own} {third}",
    )  # fmt: skip
    file = transfers(on_ethereum(own.upper().replace("X", "x"), sent["good"]),
                     on_ethereum(other, sent["second"]))  # fmt: skip
    found = judged(data, file, ethereum(evm), **OUTSIDE)
    assert found.counts == {"proven": 3, "unsigned": 2}
    assert "transfers" in {check.id for check in found.checks}
    assert "challenge" in {check.id for check in found.checks}
    [shown] = found.to_json()["transfers"]
    assert (shown["amount"], shown["confirmed"], shown["transfers"]) == ("0.000123", True, 2)
    assert shown["rows"] == {"proven": 3, "unsigned": 2}


def test_a_list_that_holds(evm: nodes.Node, sent: dict[str, str]) -> None:
    file = transfers(on_ethereum(sent["own"], sent["good"]))
    found = judged(bybit(f"ETH-ETH,1,0,{sent['own']}"), file, ethereum(evm), **OUTSIDE)
    assert (found.state.value, found.counts) == ("valid", {"proven": 1})
    assert found.sentence == (
        "Control of 1 row is shown by its transfers; balances as the nodes say."
    )
    [held] = found.holdings
    assert held.verified
    text = " ".join(found.page(Page(80)).plain().split())
    assert (
        f"1 in (bytes): 0.000123 by block {BLOCK[:8]}...{BLOCK[-8:]}, 2022-12-11T12:30:00Z" in text
    )
    assert "1 of 1 row shown by them" in text
    assert "not at the snapshot" in text
    assert all(len(line) <= 80 for line in found.page(Page(80)).plain().splitlines())


@pytest.mark.parametrize(
    ("txid", "told", "reason"),
    [
        ("elsewhere", {}, "wrong-address"),
        ("less", {}, "amount-mismatch"),
        ("second", {}, "address-mismatch"),
        ("good", {"until": "2022-12-11T12:31:00Z"}, "wrong-time"),
        ("good", {"after": "2099-01-01T00:00:00Z"}, "wrong-time"),
    ],
)
def test_transfers_that_are_others(
    evm: nodes.Node, sent: dict[str, str], txid: str, told: dict[str, str], reason: str
) -> None:
    given = {**OUTSIDE, **told}
    if "after" in told:  # a block as late as the announcement
        late = child(4070908800)
        given |= {"header": late, "block": block_of(late)}
    file = transfers(on_ethereum(sent["own"], sent[txid]))
    found = judged(bybit(f"ETH-ETH,1,0,{sent['own']}"), file, ethereum(evm), **given)
    assert (found.state.value, found.counts) == ("invalid", {"failed": 1})
    assert found.reason == reason
    assert why(found) == {"line 2": reason}


def test_what_is_not_known_is_not_proven(
    evm: nodes.Node, sent: dict[str, str], ltc: nodes.Node
) -> None:
    data = bybit(f"ETH-ETH,1,0,{sent['own']}")
    file = transfers(on_ethereum(sent["own"], sent["good"]))

    def open_(nodes: Any, reason: str, **given: str) -> None:
        found = judged(data, file, nodes, **given)
        assert (found.state.value, found.counts) == ("incomplete", {"unsupported": 1}), reason
        assert why(found) == {"line 2": reason}

    open_(None, "no-node", **OUTSIDE)
    open_({"litecoin": ltc.url}, "no-node", **OUTSIDE)
    open_({"ethereum": evm.url}, "chain-mismatch", **OUTSIDE)
    open_({"ethereum": "http://127.0.0.1:9"}, "node-unreachable", **OUTSIDE)
    for name in ("after", "until", "block", "header"):
        less = {key: value for key, value in OUTSIDE.items() if key != name}
        open_(ethereum(evm), "fact-not-given", **less)
    other = transfers(on_ethereum(sent["own"], "0x" + "ab" * 32))
    found = judged(data, other, ethereum(evm), **OUTSIDE)
    assert (found.state.value, why(found)) == ("incomplete", {"line 2": "txid-not-found"})


def test_the_file_s_own_word_is_not_enough(evm: nodes.Node, sent: dict[str, str]) -> None:
    """Who writes the file could look for a block that fits transfers of long ago."""
    data = bybit(f"ETH-ETH,1,0,{sent['own']}")
    row = on_ethereum(sent["own"], sent["good"])
    inside = transfers(row, **OUTSIDE)
    found = judged(data, inside, ethereum(evm))
    assert (found.state.value, found.counts) == ("unconfirmed", {"proven": 1})
    assert "challenge-unconfirmed" in {check.id for check in found.checks}
    assert found.sentence.startswith("1 row shown by transfers, but what they answer to is")
    assert "--given block=... --given after=... --given until=..." in found.sentence
    times = {"after": AFTER, "until": UNTIL}
    assert judged(data, inside, ethereum(evm), **times).state.value == "unconfirmed"
    assert judged(data, inside, ethereum(evm), **OUTSIDE).state.value == "valid"
    early = judged(data, inside, ethereum(evm), until="2022-12-12T00:00:00Z")
    assert early.reason == "wrong-time"  # what was announced goes before what the file says


def test_challenges_that_fit_nothing(evm: nodes.Node, sent: dict[str, str]) -> None:
    data, node = bybit(f"ETH-ETH,1,0,{sent['own']}"), ethereum(evm)
    file = transfers(on_ethereum(sent["own"], sent["good"]))
    other = judged(data, file, node, **{**OUTSIDE, "header": "02" + HEADER[2:]})
    assert (other.state.value, other.reason) == ("invalid", "block-hash-mismatch")
    turned = judged(data, file, node, **{**OUTSIDE, "until": "2022-12-01T00:00:00Z"})
    assert (turned.state.value, turned.reason) == ("invalid", "wrong-time")


def headers(first: str, second: str) -> Handler:
    """A service with two Bitcoin blocks (Esplora's API)."""
    named = {block_of(header): header for header in (first, second)}
    hashes = list(named)

    def answer(asked: Asked) -> Reply:
        path = asked.path
        if path == "/blocks/tip/height":
            return reply("1")
        if path.startswith("/block-height/"):
            return reply(hashes[int(path.rpartition("/")[2])])
        block = path.split("/")[2]
        if path.endswith("/header"):
            return reply(named[block])
        place = hashes.index(block)
        return reply({"id": block, "height": place, "timestamp": 1})

    return answer


def test_a_bitcoin_node_tells_the_first_block_after_the_announcement(
    evm: nodes.Node, sent: dict[str, str], server: Callable[[Handler], str]
) -> None:
    url = server(headers(GENESIS, HEADER)) + f"#api=esplora&genesis={block_of(GENESIS)}"
    own = sent["own"]
    data = bybit(f"ETH-ETH,1,0,{own}")
    file = transfers(on_ethereum(own, sent["good"]), block=BLOCK)
    asked = {**ethereum(evm), "bitcoin": url}
    found = judged(data, file, asked, after=AFTER, until=UNTIL)
    assert (found.state.value, found.counts) == ("valid", {"proven": 1})
    # Not the first after that moment, or not after it: the file's own choice.
    for after in ("2008-01-01T00:00:00Z", "2022-12-11T12:40:00Z"):
        other = judged(data, file, asked, after=after, until=UNTIL)
        assert (other.state.value, other.counts) == ("unconfirmed", {"proven": 1})
    late = judged(data, file, asked, after="2022-12-12T12:00:00Z", until=UNTIL)
    assert (late.state.value, late.reason) == ("invalid", "wrong-time")


def litecoin(node: nodes.Node) -> dict[str, str]:
    return {"litecoin": f"{node.url}#genesis={node.call('getblockhash', 0)}"}


def test_a_node_of_the_bitcoin_kind(ltc: nodes.Node) -> None:
    address = ltc.call("getnewaddress", "", "bech32")
    txid = ltc.call("sendtoaddress", address, 0.3)
    outputs = ltc.call("getrawtransaction", txid, True)["vout"]
    place = next(o["n"] for o in outputs if address in o["scriptPubKey"]["addresses"])
    ltc.call("generatetoaddress", 1, ltc.call("getnewaddress"))
    spent = [{"txid": txid, "vout": place}]
    raw = ltc.call("createrawtransaction", spent, {address: str(AMOUNT)}, 0, False)
    signed = ltc.call("signrawtransactionwithwallet", raw)["hex"]
    done = ltc.call("sendrawtransaction", signed, 0)
    made = ltc.call("generatetoaddress", 1, ltc.call("getnewaddress"))[0]
    row = {"chain": "litecoin", "address": address, "txid": done, "block": made}
    data = bybit(f"LTC-LTC,{ltc.call('getblockcount')},0.000123,{address}")
    found = judged(data, transfers(row), litecoin(ltc), **OUTSIDE)
    assert (found.state.value, found.counts) == ("valid", {"proven": 1})
    [line] = found.to_json()["assets"]
    assert (line["proven"], line["on_chain"]) == ("0.000123", "0.000123")
    deposit = judged(data, transfers({**row, "txid": txid, "block": _block(ltc, txid)}),
                     litecoin(ltc), **OUTSIDE)  # fmt: skip
    assert why(deposit) == {"line 2": "address-mismatch"}


def _block(node: nodes.Node, txid: str) -> str:
    found: str = node.call("getrawtransaction", txid, True)["blockhash"]
    return found


def test_a_list_of_addresses_and_several_nodes(
    evm: nodes.Node, sent: dict[str, str], tmp_path: Path
) -> None:
    """Also what is kept: the same run again, with nobody there."""
    data = json.dumps({"addresses": {"ethereum": [sent["own"], sent["other"]]}}).encode()
    file = transfers(on_ethereum(sent["own"], sent["good"]))
    named = [
        f"{evm.url}#chain_id=31337",
        f"{evm.url.replace('127.0.0.1', 'localhost')}#chain_id=31337",
    ]
    given = {"transfers": file, **OUTSIDE}
    found = merkle_por.reserves(
        data, given=given, nodes={"ethereum": named}, memory=tmp_path / "kept"
    )
    assert found.counts == {"proven": 1, "unsigned": 1}
    with_nodes = {"nodes": {"ethereum": named}, "memory": tmp_path / "kept"}
    again = merkle_por.reserves(data, given=given, offline=True, **with_nodes)
    assert again.counts == found.counts


def tron(name: str) -> str:
    return base58.encode_check(b"\x41" + sha256(name.encode()).digest()[:20])


def test_tron_sends_to_another_listed_address(server: Callable[[Handler], str]) -> None:
    own, other = tron("own"), tron("other")

    def raw(to: str, kind: int = 1) -> bytes:
        sides = [base58.decode_check(one) or b"" for one in (own, to)]
        value = b"\x0a\x15" + sides[0] + b"\x12\x15" + sides[1] + b"\x18\x7b"  # 123 sun
        parameter = b"\x0a\x01t\x12" + bytes([len(value)]) + value
        contract = b"\x08" + bytes([kind]) + b"\x12" + bytes([len(parameter)]) + parameter
        return b"\x0a\x02ab\x40\x01\x5a" + bytes([len(contract)]) + contract + b"\x70\x01"

    known = {sha256(data).hexdigest(): data for data in (raw(other), raw(tron("x")), raw(own, 2))}

    def answer(asked: Asked) -> Reply:
        if asked.path.startswith("/wallet/getblock") or asked.path.startswith("/wallet/getnow"):
            header = {
                "raw_data": {"number": asked.json.get("num", 7), "timestamp": 1_700_000_000_000}
            }
            return reply({"blockID": "ab" * 32, "block_header": header})
        data = known.get(asked.json["value"])
        if data is None:
            return reply({})
        if asked.path == "/wallet/gettransactioninfobyid":
            return reply({"id": asked.json["value"], "blockNumber": 5})
        return reply({"raw_data_hex": data.hex(), "ret": [{"contractRet": "SUCCESS"}]})

    url = server(answer) + "#id=" + "ab" * 32
    txids = list(known)

    def asked(txid: str) -> Any:
        file = transfers({"chain": "tron", "address": own, "txid": txid})
        data = json.dumps({"addresses": {"tron": [own, other]}}).encode()
        return judged(data, file, {"tron": url}, **OUTSIDE)

    assert asked(txids[0]).counts == {"proven": 1, "unsigned": 1}
    assert asked(txids[1]).reason == "wrong-address"
    assert asked(txids[2]).reason == "bad-transaction"
    assert "txid-not-found" in {check.id for check in asked("cd" * 32).checks}


@pytest.mark.parametrize(
    "more",
    [
        {"gasPrice": GAS},
        {"gasPrice": GAS, "accessList": [{"address": holder(1), "storageKeys": [SLOT]}]},
        {},
    ],
)  # fmt: skip
def test_the_signer_of_each_type_of_transaction(evm: nodes.Node, more: dict[str, Any]) -> None:
    own = evm.call("eth_accounts")[0]
    told = {"from": own, "to": own, "value": "0x1", "data": "0xabcd", "gas": "0x20000", **more}
    txid = evm.call("eth_sendTransaction", told)
    evm.call("anvil_mine")
    fields = evm.call("eth_getTransactionByHash", txid)
    assert signer(fields) == own
    for name in ("nonce", "gas", "value", "r", "s", "v"):
        other = hex(int(fields[name], 16) ^ 1)
        with pytest.raises(Malformed):
            signer({**fields, name: other})
    for changed in ({"to": holder(2)}, {"to": None}, {"input": "0x"}, {"hash": "0x" + "ab" * 32}):
        with pytest.raises(Malformed):
            signer({**fields, **changed})
    assert signer({**fields, "type": "0x7e"}) is None


def test_a_sender_that_did_not_sign(evm: nodes.Node) -> None:
    """anvil mines what anybody is said to have sent: its word is not what proves."""
    address = holder(0xA001)
    evm.call("anvil_impersonateAccount", address)
    told = {"from": address, "to": address, "value": WEI}
    try:
        txid = evm.call("eth_sendTransaction", told)
    finally:
        evm.call("anvil_stopImpersonatingAccount", address)
    evm.call("anvil_mine")
    file = transfers(on_ethereum(address, txid))
    found = judged(bybit(f"ETH-ETH,1,0,{address}"), file, ethereum(evm), **OUTSIDE)
    assert found.counts.keys() <= {"failed", "unsupported"}
    assert found.state.value in ("invalid", "incomplete")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"{}", "missing-field"),
        (transfers(), "bad-keys"),
        (transfers({"chain": "nowhere", "address": "a", "txid": "ab" * 32}), "bad-row"),
        (transfers({"chain": "btc", "address": "a b", "txid": "ab" * 32}), "bad-row"),
        (transfers({"chain": "btc", "address": "a", "txid": "ab"}), "bad-hash"),
        (transfers({"chain": "btc", "address": "a", "txid": "ab" * 32, "more": ""}), "bad-keys"),
        (
            transfers(*[{"chain": "btc", "address": "a", "txid": "ab" * 32}] * 2),
            "duplicate-address",
        ),
        (transfers({"chain": "btc", "address": "a", "txid": "ab" * 32}, after="soon"), "bad-time"),
        (transfers({"chain": "btc", "address": "a", "txid": "ab" * 32}, header="00"), "bad-length"),
    ],
)
def test_files_of_transfers_that_are_none(file: bytes, reason: str) -> None:
    found = judged(bybit("BTC-BTC,1,1,a"), file)
    assert (found.state.value, found.reason) == ("malformed", reason)


def test_facts_that_say_nothing_alone() -> None:
    data = bybit("BTC-BTC,1,1,a")
    with pytest.raises(UsageError, match="name the transfers"):
        merkle_por.reserves(data, given={"after": AFTER})
    with pytest.raises(UsageError):
        judged(data, transfers({"chain": "btc", "address": "a", "txid": "ab" * 32}), after="soon")
    with pytest.raises(UsageError, match="not a fact"):
        merkle_por.reserves(b"bc1qx - cold\n", scheme="bitfinex-wallets", given={"after": AFTER})


@given(st.binary(max_size=200))
def test_any_bytes_as_transfers(data: bytes) -> None:
    assert judged(bybit("BTC-BTC,1,1,a"), data).state.value == "malformed"


def test_the_command(
    evm: nodes.Node, sent: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text, JSON and page; a transfer that the list does not name is told of."""
    (tmp_path / "list.csv").write_bytes(bybit(f"ETH-ETH,1,0,{sent['own']}"))
    rows = [on_ethereum(sent["own"], sent["good"]), on_ethereum(sent["other"], sent["second"])]
    (tmp_path / "sent.json").write_bytes(transfers(*rows))
    command = [
        "reserves",
        str(tmp_path / "list.csv"),
        "--node",
        f"ethereum={evm.url}#chain_id=31337",
    ]
    command += ["--given", f"transfers={tmp_path / 'sent.json'}"]
    for name, value in OUTSIDE.items():
        command += ["--given", f"{name}={value}"]
    html = tmp_path / "out.html"
    with pytest.raises(SystemExit) as stop:
        main([*command, "--html", str(html)])
    out = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    assert "transfers 2 in sent.json: 0.000123 by block" in out
    assert f"transfers of addresses that the list does not name: {sent['other']}" in out
    assert "Transfers: 2 in sent.json: 0.000123 by block" in html.read_text()
    with pytest.raises(SystemExit):
        main([*command, "--json", "--workers", "2"])
    document = json.loads(capsys.readouterr().out)
    jsonschemas.check(document)
    assert document["ownership"] == {"proven": 1}
