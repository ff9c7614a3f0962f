"""Balances of the Bitcoin kind against a real node (litecoind on regtest), and against Esplora and
Electrum servers that are made here from that node's own data."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import nodes
import pytest
import requests
from chainhelpers import Handler, Reply, reply, row

from merkle_por.errors import Incomplete
from merkle_por.merkle import spv
from merkle_por.reserves.chains import agree, balances, http, registry
from merkle_por.reserves.chains.bitcoin import Core
from merkle_por.reserves.chains.electrum import Electrum
from merkle_por.reserves.chains.esplora import Esplora
from merkle_por.reserves.chains.http import Http, endpoint
from merkle_por.reserves.chains.interface import Balance, Figure, Query
from merkle_por.reserves.holding import Level

LTC = registry.chain("litecoin")
COIN = 10**8


def genesis(node: nodes.Node) -> str:
    return str(node.call("getblockhash", 0))


def url(node: nodes.Node, options: str = "") -> str:
    return f"{node.url}#genesis={genesis(node)}&{options}"


def core(node: nodes.Node, options: str = "") -> Core:
    return Core(LTC, Http(endpoint(url(node, options)), attempts=1))


def asked(node: nodes.Node, *addresses: str, at: int, options: str = "") -> list[Balance]:
    rows = [row("LTC", address) for address in addresses]
    return [b for _, b in balances(rows, {"litecoin": url(node, options)}, {"litecoin": at})]


def mine(node: nodes.Node, count: int = 1) -> int:
    node.call("generatetoaddress", count, node.call("getnewaddress", "", "legacy"))
    return int(node.call("getblockcount"))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_DELAY", 0.001)


@pytest.fixture(scope="module")
def history(ltc: nodes.Node) -> dict[str, Any]:
    """Addresses of each kind whose balances change over three blocks.

    at `first`: a 1, b 2, c 0. at `second`: a spent to c. at `last`: c also received and spent.
    """
    kinds = {"a": "legacy", "b": "p2sh-segwit", "c": "bech32", "d": "bech32"}
    found: dict[str, Any] = {
        name: ltc.call("getnewaddress", name, kind) for name, kind in kinds.items()
    }
    deposit = ltc.call("sendtoaddress", found["a"], 1)
    other = ltc.call("sendtoaddress", found["b"], 2)
    outputs = ltc.call("getrawtransaction", other, True)["vout"]
    place = next(o["n"] for o in outputs if found["b"] in o["scriptPubKey"]["addresses"])
    ltc.call("lockunspent", False, [{"txid": other, "vout": place}])  # the wallet may not spend it
    found["first"] = mine(ltc)
    kept = spend(ltc, deposit, found["a"], {found["c"]: 0.999})
    ltc.call("lockunspent", False, [{"txid": kept, "vout": 0}])
    found["second"] = mine(ltc)
    passing = ltc.call("sendtoaddress", found["d"], 0.5)
    mine(ltc)
    spend(ltc, passing, found["d"], {found["c"]: 0.49})
    found["last"] = mine(ltc)
    return found


def spend(node: nodes.Node, txid: str, address: str, outputs: dict[str, float]) -> str:
    """Spends exactly the output of `txid` that pays to `address`."""
    decoded = node.call("getrawtransaction", txid, True)
    index = next(
        o["n"] for o in decoded["vout"] if address in o["scriptPubKey"].get("addresses", [])
    )
    raw = node.call("createrawtransaction", [{"txid": txid, "vout": index}], outputs)
    signed = node.call("signrawtransactionwithwallet", raw)
    return str(node.call("sendrawtransaction", signed["hex"]))


def units(found: list[Balance]) -> list[int | None]:
    return [balance.units for balance in found]


EXPECTED = {
    "first": [COIN, 2 * COIN, 0, 0],
    "second": [0, 2 * COIN, 99_900_000, 0],
    "last": [0, 2 * COIN, 99_900_000 + 49_000_000, 0],
}


@pytest.mark.parametrize("when", EXPECTED)
def test_balances_at_past_heights_without_touching_the_chain(
    ltc: nodes.Node, history: dict[str, Any], when: str
) -> None:
    before = ltc.call("getbestblockhash")
    found = asked(ltc, *[history[n] for n in "abcd"], at=history[when])
    assert units(found) == EXPECTED[when]
    assert {b.level for b in found} == {Level.OWN_NODE}
    assert found[0].block_hash == ltc.call("getblockhash", history[when])
    assert ltc.call("getbestblockhash") == before


def test_rewinding_only_when_the_user_says_so(ltc: nodes.Node, history: dict[str, Any]) -> None:
    before = ltc.call("getbestblockhash")
    addresses = [history[n] for n in "abcd"]
    far = asked(ltc, *addresses, at=history["first"], options="replay=0")
    assert {b.reason for b in far} == {"history-unavailable"}
    assert all(b.units is None for b in far)
    found = asked(ltc, *addresses, at=history["first"], options="replay=0&rewind=yes")
    assert units(found) == EXPECTED["first"]
    assert ltc.call("getbestblockhash") == before
    assert not [t for t in ltc.call("getchaintips") if t["status"] == "invalid"]


def test_a_failing_scan_still_restores_the_node(ltc: nodes.Node, history: dict[str, Any]) -> None:
    before = ltc.call("getbestblockhash")
    node = core(ltc, "rewind=yes")
    block = node.pin(history["first"])
    scan = node._scan

    def broken(*args: Any) -> Any:
        assert ltc.call("getbestblockhash") == block.hash
        scan(*args)
        raise Incomplete("node-answer", "broken on purpose")

    node._scan = broken  # type: ignore[method-assign]
    [answer] = node.ask([Query("litecoin", history["a"])], block)
    assert isinstance(answer, Incomplete)
    assert ltc.call("getbestblockhash") == before


def test_many_addresses_in_one_scan_and_bad_ones(ltc: nodes.Node, history: dict[str, Any]) -> None:
    main = "LKDxGDJq5Fk7jzJBhuJrQcqFPqNXW8VnvN"
    found = asked(ltc, history["b"], main, "nonsense", history["b"].upper(), at=history["last"])
    assert units(found) == [2 * COIN, None, None, None]
    assert {b.reason for b in found[1:]} == {"bad-address"}


def test_multisig(ltc: nodes.Node) -> None:
    keys = [ltc.call("getaddressinfo", ltc.call("getnewaddress"))["pubkey"] for _ in range(3)]
    address = ltc.call("createmultisig", 2, keys, "p2sh-segwit")["address"]
    ltc.call("sendtoaddress", address, 0.25)
    height = mine(ltc)
    assert units(asked(ltc, address, at=height)) == [COIN // 4]


def test_the_wrong_chain(ltc: nodes.Node, history: dict[str, Any]) -> None:
    rows = [row("LTC", history["a"])]
    [(_, found)] = balances(rows, {"litecoin": ltc.url}, {"litecoin": 1})
    assert (found.level, found.reason) == (Level.UNKNOWN, "chain-mismatch")


def test_blocks_that_are_not_there(ltc: nodes.Node, history: dict[str, Any]) -> None:
    [found] = asked(ltc, history["a"], at=10**6)
    assert (found.level, found.reason) == (Level.UNKNOWN, "block-unknown")
    with pytest.raises(Incomplete, match="block-unknown"):
        core(ltc).pin("ab" * 32)


def test_wrong_password(ltc: nodes.Node, history: dict[str, Any]) -> None:
    wrong = url(ltc).replace("u:p@", "u:wrong@")
    [(_, found)] = balances([row("LTC", history["a"])], {"litecoin": wrong}, {"litecoin": 1})
    assert found.reason == "node-refused"
    assert "wrong" not in repr(found)


def test_a_reorganisation_during_the_scan(ltc: nodes.Node, history: dict[str, Any]) -> None:
    node = core(ltc)
    pinned = agree.pin([node], history["last"])
    ask = node.ask

    def reorganised(*args: Any) -> Any:
        answers = ask(*args)
        ltc.call("invalidateblock", pinned.block.hash)
        return answers

    node.ask = reorganised  # type: ignore[method-assign]
    try:
        [found] = agree.ask(pinned, [Query("litecoin", history["b"])])
    finally:
        ltc.call("reconsiderblock", pinned.block.hash)
    assert (found.level, found.units) == (Level.UNKNOWN, None)
    assert found.reason in ("block-changed", "block-unknown")


def test_repeated_offline(ltc: nodes.Node, history: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "answers.sqlite"
    rows = [row("LTC", history["b"], amount=Decimal("2.5"))]
    places = ({"litecoin": url(ltc)}, {"litecoin": history["second"]})
    [(_, first)] = balances(rows, *places, memory=file)
    [(_, again)] = balances(rows, *places, memory=file, offline=True)
    assert first == again
    assert first.problem == ("lower-balance", "2.5 are listed, 2.00000000 were there")


@pytest.mark.parametrize(
    "change",
    [
        lambda scan: scan.update(success=False),
        lambda scan: scan.update(total_amount=1),
        lambda scan: scan["unspents"].append(scan["unspents"][0]),
        lambda scan: scan["unspents"][0].update(scriptPubKey="51"),
        lambda scan: scan["unspents"][0].update(amount=-1),
        lambda scan: scan["unspents"][0].update(amount="1"),
        lambda scan: scan["unspents"][0].pop("height"),
        lambda scan: scan.update(bestblock="00" * 32),
        lambda scan: scan.pop("unspents"),
    ],
)
def test_scans_that_do_not_add_up(
    ltc: nodes.Node,
    history: dict[str, Any],
    server: Callable[[Handler], str],
    change: Callable[[Any], Any],
) -> None:
    def single(question: Any) -> Any:
        try:
            result = ltc.call(question["method"], *question["params"])
        except RuntimeError:
            error = {"code": -8, "message": "Block height out of range"}
            return {"result": None, "error": error, "id": question["id"]}
        if question["method"] == "scantxoutset":
            change(result)
        return {"result": result, "error": None, "id": question["id"]}

    def lying(request: Any) -> Reply:
        calls = request.json
        return reply([single(c) for c in calls] if isinstance(calls, list) else single(calls))

    address = f"{server(lying)}#genesis={genesis(ltc)}"
    rows = [row("LTC", history["b"])]
    [(_, found)] = balances(rows, {"litecoin": address}, {"litecoin": history["last"]})
    assert (found.level, found.units) == (Level.UNKNOWN, None)
    assert found.reason in ("node-answer", "block-changed", "block-unknown")


# --- index services made from the node's own data ------------------------------------------------


BLOCKS: dict[str, Any] = {}


def blocks(node: nodes.Node) -> list[dict[str, Any]]:
    """All blocks from the first mined one on; each is asked for once."""
    hash, found = node.call("getbestblockhash"), []
    while True:
        block = BLOCKS.get(hash) or node.call("getblock", hash, 2)
        BLOCKS[hash] = block
        if block["height"] == 0:
            return found[::-1]
        found.append(block)
        hash = block["previousblockhash"]


def transactions_of(node: nodes.Node, address: str) -> list[dict[str, Any]]:
    """All mined transactions of an address, newest first, as Esplora shows them."""
    found = []
    known: dict[str, Any] = {}
    for block in blocks(node):
        height = block["height"]
        for transaction in block["tx"]:
            known[transaction["txid"]] = transaction
            outs = [_out(o) for o in transaction["vout"]]
            ins = []
            for item in transaction["vin"]:
                spent = known.get(item.get("txid", ""))
                previous = _out(spent["vout"][item["vout"]]) if spent else None
                ins.append({**item, "prevout": previous, "is_coinbase": spent is None})
            touched = [*outs, *(i["prevout"] for i in ins if i["prevout"])]
            if any(o["scriptpubkey_address"] == address for o in touched):
                status = {"confirmed": True, "block_height": height, "block_hash": block["hash"]}
                found.append(
                    {"txid": transaction["txid"], "vin": ins, "vout": outs, "status": status}
                )
    return found[::-1]


def _out(output: dict[str, Any]) -> dict[str, Any]:
    script = output["scriptPubKey"]
    return {
        "scriptpubkey": script["hex"],
        "scriptpubkey_address": (script.get("addresses") or [None])[0],
        "value": int(Decimal(str(output["value"])).scaleb(8)),
    }


def esplora(
    node: nodes.Node, page: int = 25, change: Callable[[Any], Any] = lambda v: v
) -> Handler:
    def handler(request: Any) -> Reply:
        part = request.path.split("?")[0].split("/")[1:]
        try:
            match part:
                case ["blocks", "tip", "height"]:
                    return reply(str(node.call("getblockcount")))
                case ["block-height", height]:
                    return reply(str(node.call("getblockhash", int(height))))
                case ["block", hash]:
                    header = node.call("getblockheader", hash)
                    fields = {"id": hash, "height": header["height"], "timestamp": header["time"]}
                    return reply(fields)
                case ["address", address]:
                    count = len(transactions_of(node, address))
                    return reply({"address": address, "chain_stats": {"tx_count": count}})
                case ["address", address, "txs", "chain", *last]:
                    found = transactions_of(node, address)
                    if last:
                        ids = [t["txid"] for t in found]
                        found = found[ids.index(last[0]) + 1 :]
                    return reply(change(found[:page]))
                case ["tx", txid, "merkleblock-proof"]:
                    return reply(str(node.call("gettxoutproof", [txid])))
        except RuntimeError:
            pass
        return reply("Block not found", status=404)

    return handler


def index(node: nodes.Node, address: str) -> Esplora:
    found = Esplora(LTC, Http(endpoint(f"{address}#genesis={genesis(node)}"), attempts=1))
    found.own = False
    return found


@pytest.mark.parametrize("when", EXPECTED)
def test_esplora_at_past_heights(
    ltc: nodes.Node, history: dict[str, Any], server: Callable[[Handler], str], when: str
) -> None:
    one = index(ltc, server(esplora(ltc, page=2)))
    block = one.pin(history[when])
    answers = one.ask([Query("litecoin", history[n]) for n in "abcd"], block)
    assert [a.units for a in answers if isinstance(a, Figure)] == EXPECTED[when]


def test_two_index_services_agree_and_disagree(
    ltc: nodes.Node, history: dict[str, Any], server: Callable[[Handler], str]
) -> None:
    honest = [index(ltc, server(esplora(ltc))) for _ in range(2)]

    def richer(found: Any) -> Any:
        for transaction in found:
            for out in transaction["vout"]:
                out["value"] += 1
        return found

    query = [Query("litecoin", history["c"])]
    [found] = agree.ask(agree.pin(honest, history["last"]), query)
    assert (found.level, found.units) == (Level.AGREED, 148_900_000)
    liar = index(ltc, server(esplora(ltc, change=richer)))
    [found] = agree.ask(agree.pin([honest[0], liar], history["last"]), query)
    assert (found.level, found.reason) == (Level.UNKNOWN, "sources-disagree")


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found[1:],
        lambda found: found + found,
        lambda found: [{**t, "txid": "zz"} for t in found],
        lambda found: [{**t, "status": {}} for t in found],
        lambda found: [{**t, "vout": []} for t in found],
        lambda found: {"error": "no"},
        lambda found: [{**t, "vout": [{**o, "value": -1} for o in t["vout"]]} for t in found],
    ],
)
def test_histories_that_are_not_whole(
    ltc: nodes.Node,
    history: dict[str, Any],
    server: Callable[[Handler], str],
    change: Callable[[Any], Any],
) -> None:
    one = index(ltc, server(esplora(ltc, change=change)))
    [answer] = one.ask([Query("litecoin", history["a"])], one.pin(history["last"]))
    assert isinstance(answer, Incomplete)
    assert answer.reason == "node-answer"


def test_a_deposit_is_proven(
    ltc: nodes.Node, history: dict[str, Any], server: Callable[[Handler], str]
) -> None:
    one = index(ltc, server(esplora(ltc)))
    block = one.pin(history["first"])
    txid = next(
        t["txid"]
        for t in transactions_of(ltc, history["b"])
        if t["status"]["block_height"] == history["first"]
    )
    assert one.deposit(txid, block)
    assert not one.deposit(txid, one.pin(history["second"]))


def test_blocks_that_an_index_does_not_have(
    ltc: nodes.Node, server: Callable[[Handler], str]
) -> None:
    one = index(ltc, server(esplora(ltc)))
    for at in (10**6, "ab" * 32):
        with pytest.raises(Incomplete, match="block-unknown"):
            one.pin(at)


@contextmanager
def electrum(
    node: nodes.Node, scripts: dict[str, str], change: Callable[[str, Any], Any] = lambda m, v: v
) -> Iterator[str]:
    """An Electrum server over one TCP port; scripts: scripthash -> address."""

    def answer(method: str, params: list[Any]) -> Any:
        match method, params:
            case "server.version", _:
                return ["made", "1.4"]
            case "server.features", _:
                return {"genesis_hash": genesis(node)}
            case "blockchain.headers.subscribe", _:
                return {"height": node.call("getblockcount"), "hex": ""}
            case "blockchain.block.header", [height]:
                return node.call("getblockheader", node.call("getblockhash", height), False)
            case "blockchain.scripthash.get_history", [name]:
                found = transactions_of(node, scripts[name])[::-1]
                return [
                    {"tx_hash": t["txid"], "height": t["status"]["block_height"]} for t in found
                ]
            case "blockchain.transaction.get", [txid]:
                return node.call("getrawtransaction", txid)
            case "blockchain.transaction.get_merkle", [txid, height]:
                ids = node.call("getblock", node.call("getblockhash", height))["tx"]
                return {"block_height": height, **branch(ids, ids.index(txid))}
        raise AssertionError(method)

    def serve(connection: socket.socket) -> None:
        greeted = False
        with connection, connection.makefile("rwb") as stream:
            for line in stream:
                asked = json.loads(line)
                if asked["method"] == "server.version":
                    assert not greeted  # real servers refuse a second greeting
                    greeted = True
                result = change(asked["method"], answer(asked["method"], asked["params"]))
                notice = {"jsonrpc": "2.0", "method": "blockchain.headers.subscribe", "params": []}
                for value in (notice, {"jsonrpc": "2.0", "id": asked["id"], "result": result}):
                    stream.write(json.dumps(value).encode() + b"\n")
                stream.flush()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}#genesis={genesis(node)}"
        listener.shutdown(socket.SHUT_RDWR)


def branch(ids: list[str], place: int) -> dict[str, Any]:
    level = [bytes.fromhex(i)[::-1] for i in ids]
    found, at = [], place
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        found.append(level[at ^ 1][::-1].hex())
        level = [spv.double_sha256(a + b) for a, b in zip(level[::2], level[1::2], strict=True)]
        at >>= 1
    return {"merkle": found, "pos": place}


def script_names(node: nodes.Node, history: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    names, raws = {}, []
    for name in "abcd":
        script = node.call("validateaddress", history[name])["scriptPubKey"]
        names[sha256(bytes.fromhex(script)).digest()[::-1].hex()] = history[name]
        raws.append(f"raw:{script}")
    return names, raws


@pytest.mark.parametrize("when", EXPECTED)
def test_electrum_at_past_heights(ltc: nodes.Node, history: dict[str, Any], when: str) -> None:
    names, raws = script_names(ltc, history)
    with electrum(ltc, names) as address:
        one = Electrum(LTC, Http(endpoint(address)))
        block = one.pin(history[when])
        answers = one.ask([Query("litecoin", raw) for raw in raws], block)
        assert one.pin(block.height) == block  # as is done after each run
        one.close()
        assert one.pin(block.height) == block  # on a new connection
        one.close()
    assert [a.units for a in answers if isinstance(a, Figure)] == EXPECTED[when]
    assert block.hash == ltc.call("getblockhash", history[when])


@pytest.mark.parametrize(
    ("method", "change", "reason"),
    [
        ("blockchain.transaction.get", lambda v: v[:-2] + "01", "node-answer"),
        ("blockchain.transaction.get", lambda v: v[:20], "bad-transaction"),
        ("blockchain.transaction.get_merkle", lambda v: {**v, "merkle": []}, None),
        ("blockchain.transaction.get_merkle", lambda v: {**v, "pos": -1}, "node-answer"),
        ("blockchain.scripthash.get_history", lambda v: v + v, "node-answer"),
        ("blockchain.scripthash.get_history", lambda v: "text", "node-answer"),
    ],
)
def test_electrum_servers_that_lie(
    ltc: nodes.Node,
    history: dict[str, Any],
    method: str,
    change: Callable[[Any], Any],
    reason: str | None,
) -> None:
    names, raws = script_names(ltc, history)
    with electrum(ltc, names, lambda m, v: change(v) if m == method else v) as address:
        one = Electrum(LTC, Http(endpoint(address)))
        [answer] = one.ask([Query("litecoin", raws[0])], one.pin(history["last"]))
        one.close()
    assert isinstance(answer, Incomplete)
    assert answer.reason == reason or reason is None


def test_electrum_servers_that_are_not_there() -> None:
    one = Electrum(LTC, Http(endpoint("tcp://127.0.0.1:9")))
    with pytest.raises(Incomplete, match="node-unreachable"):
        one.pin(None)


def test_the_helper_node_refuses_politely(ltc: nodes.Node) -> None:
    """The simplest client of the fixtures says what a node's error was."""
    with pytest.raises((RuntimeError, requests.RequestException)):
        ltc.call("nope")
