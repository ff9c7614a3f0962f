"""Clients of the other chains, against servers made here after each chain's own documentation.

Each server knows one address with one balance; asked for anything else it says what such a service
says. Real nodes of these chains can't run on loopback (specs/local-nodes.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from chainhelpers import Handler, Reply, reply, row

from merkle_por.reserves.chains import balances, http, registry
from merkle_por.reserves.chains.interface import Balance
from merkle_por.reserves.chains.polkadot import account_of, storage_key
from merkle_por.reserves.holding import Level
from merkle_por.reserves.ownership.stark import selector

Serve = Callable[[Handler], str]

SOL_KEY = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"
TRON_KEY = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
DOT_KEY = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"
ALICE = bytes.fromhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
XRP_KEY = "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"
XLM_KEY = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"
COSMOS_KEY = "cosmos1fl48vsnmsdzcv85q5d2q4z5ajdha8yu34mf0eh"
APTOS_KEY = "0x" + "a1" * 32
TON_KEY = "EQCD39VS5jcptHL8vMjEXrzGaRcCVYto7HUn4bpAOg8xqB2N"
ADA_KEY = "addr1q9xyz0123456789"
SUI_KEY = "0x" + "c3" * 32
ALGO_KEY = "A" * 58
STARK_KEY = "0x123456"
BEACON_KEY = "0x" + "a5" * 48
HASH = "AB" * 32
TOKEN_MINT = registry.tokens("solana")["USDC"].id


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_DELAY", 0.001)


def error(question: Any, code: int, message: str) -> Reply:
    fault = {"code": code, "message": message}
    return reply({"jsonrpc": "2.0", "id": question.json["id"], "error": fault})


def result(question: Any, value: Any) -> Reply:
    return reply({"jsonrpc": "2.0", "id": question.json["id"], "result": value})


def tron(q: Any) -> Reply:
    block = {"block_header": {"raw_data": {"number": 100, "timestamp": 1_700_000_000_000}}}
    match q.path, q.json:
        case "/wallet/getblockbynum", {"num": 0}:
            return reply({"blockID": registry.chain("tron").id})
        case "/wallet/getblockbynum", {"num": 100}:
            return reply({"blockID": HASH, **block})
        case "/wallet/getblockbynum", _:
            return reply({})
        case "/wallet/getnowblock", _:
            return reply({"blockID": HASH, **block})
        case "/wallet/getaccount", {"address": address, "visible": True}:
            known = {"address": address, "balance": 5_000_001}
            return reply(known if address == TRON_KEY else {})
        case "/wallet/getaccountbalance", {"account_identifier": {"address": address}}:
            if address != TRON_KEY:
                return reply({"Error": "class org.tron.core.exception: account not found"})
            return reply({"balance": 4, "block_identifier": {"hash": HASH, "number": 100}})
        case "/wallet/triggerconstantcontract", {"function_selector": function}:
            value = 6 if function == "decimals()" else 7_000_000
            return reply({"result": {"result": True}, "constant_result": [f"{value:064x}"]})
    return reply("no", status=404)


def solana(q: Any) -> Reply:
    calls = q.json if isinstance(q.json, list) else [q.json]
    call = calls[0]
    match call["method"], call["params"]:
        case "getGenesisHash", _:
            value: Any = registry.chain("solana").id
        case "getSlot", _:
            value = 250
        case "getMultipleAccounts", [keys, _]:
            value = {
                "context": {"slot": 250},
                "value": [{"lamports": 3_000_000_001} if k == SOL_KEY else None for k in keys],
            }
        case "getTokenAccountsByOwner", [owner, {"mint": mint}, _]:
            accounts = []
            for place, amount in enumerate((10, 5)) if owner == SOL_KEY else ():
                held = {"amount": str(amount), "decimals": 6}
                info = {"mint": mint, "owner": owner, "tokenAmount": held}
                accounts.append(
                    {"pubkey": f"p{place}", "account": {"data": {"parsed": {"info": info}}}}
                )
            value = {"context": {"slot": 250}, "value": accounts}
        case "getProgramAccounts", _:
            value = [{"pubkey": "s", "account": {"lamports": 9}}]
        case _:
            return error(q, -32601, "Method not found")
    answer = {"jsonrpc": "2.0", "id": call["id"], "result": value}
    return reply([answer] if isinstance(q.json, list) else answer)


def xrp(q: Any) -> Reply:
    [params] = q.json["params"]
    base = {"status": "success", "validated": True, "ledger_hash": HASH, "ledger_index": 90}
    match q.json["method"]:
        case "server_info":
            return reply({"result": {"status": "success", "info": {"network_id": 0}}})
        case "ledger" if params.get("ledger_index", 90) in (90, "validated"):
            return reply({"result": {**base, "ledger": {"close_time": 700_000_000}}})
        case "ledger":
            return reply({"result": {"status": "error", "error": "lgrNotFound"}})
        case "account_info" if params["account"] == XRP_KEY:
            data = {"Account": XRP_KEY, "Balance": "20000001"}
            return reply({"result": {**base, "account_data": data}})
        case "account_lines":
            line = {"account": "rIssuer", "currency": "USD", "balance": "12.5"}
            other = {"account": "rOther", "currency": "USD", "balance": "99"}
            if "marker" in params:
                return reply({"result": {**base, "lines": [other]}})
            return reply({"result": {**base, "lines": [line], "marker": "m"}})
    return reply({"result": {"status": "error", "error": "actNotFound"}})


def stellar(q: Any) -> Reply:
    match q.path.split("/")[1:]:
        case [""]:
            passphrase = registry.chain("stellar").id
            return reply({"network_passphrase": passphrase, "history_latest_ledger": 55})
        case ["accounts", key] if key == XLM_KEY:
            lines = [
                {"asset_type": "native", "balance": "100.0000001"},
                {
                    "asset_type": "credit_alphanum4",
                    "asset_code": "USDC",
                    "asset_issuer": "GI",
                    "balance": "3.0000000",
                },
            ]
            return reply({"account_id": key, "balances": lines})
    return reply({"status": 404}, status=404)


def cosmos(q: Any) -> Reply:
    parts = urlsplit(q.path)
    match parts.path.split("/")[1:]:
        case ["cosmos", "base", "tendermint", "v1beta1", "blocks", height]:
            if height not in ("latest", "77"):
                return reply({"code": 3, "message": "height too high"}, status=400)
            header = {
                "chain_id": "cosmoshub-4",
                "height": "77",
                "time": "2026-01-02T03:04:05.123456789Z",
            }
            return reply({"block_id": {"hash": HASH}, "block": {"header": header}})
        case ["cosmos", "bank", "v1beta1", "balances", key, "by_denom"]:
            assert parse_qs(parts.query) == {"denom": ["uatom"]}
            if q.headers.get("x-cosmos-block-height") != "77":
                return reply({"message": "version mismatch; pruned"}, status=500)
            if key != COSMOS_KEY:
                return reply({"message": "invalid address: decoding bech32 failed"}, status=400)
            return reply({"balance": {"denom": "uatom", "amount": "1234567"}})
    return reply("no", status=404)


def aptos(q: Any) -> Reply:
    parts = urlsplit(q.path)
    path = unquote(parts.path)
    version = parse_qs(parts.query).get("ledger_version", [""])[0]
    if path == "/v1":
        return reply({"chain_id": 1, "ledger_version": "1000", "oldest_ledger_version": "500"})
    if path.startswith("/v1/blocks/by_version/"):
        asked = int(path.rsplit("/", 1)[1])
        if asked < 500:
            return reply({"error_code": "version_pruned", "message": "pruned"}, status=410)
        if asked > 1000:
            return reply({"error_code": "version_not_found"}, status=404)
        return reply(
            {
                "first_version": str(asked - 1),
                "last_version": str(asked),
                "block_hash": "0x" + HASH,
                "block_timestamp": "1700000000000000",
            }
        )
    if path == f"/v1/accounts/{APTOS_KEY}/balance/0x1::aptos_coin::AptosCoin" and version:
        return reply(123456789)
    if path == f"/v1/accounts/{APTOS_KEY}/balance/0x2::t::T" and version:
        return reply(50)
    if path == "/v1/accounts/0x2/resource/0x1::coin::CoinInfo<0x2::t::T>":
        return reply({"data": {"decimals": 2}})
    return reply({"error_code": "account_not_found"}, status=404)


def ton(q: Any) -> Reply:
    parts = urlsplit(q.path)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    id = {"workchain": -1, "seqno": int(query.get("seqno", 44)), "root_hash": HASH}
    if parts.path == "/api/v2/getMasterchainInfo":
        return reply({"ok": True, "result": {"last": id}})
    if id["seqno"] != 44:
        return reply({"ok": False, "error": "LITE_SERVER_NOTREADY: seqno not in db"}, status=500)
    if parts.path == "/api/v2/getBlockHeader":
        return reply({"ok": True, "result": {"id": id, "gen_utime": 1_700_000_000}})
    known = query["address"] == TON_KEY
    state = {"balance": "2000000001" if known else "0", "block_id": id}
    state["state"] = "active" if known else "uninitialized"
    return reply({"ok": True, "result": state})


def polkadot(q: Any) -> Reply:
    genesis = "0x" + str(registry.chain("polkadot").id)
    match q.json["method"], q.json["params"]:
        case "chain_getBlockHash", [0]:
            return result(q, genesis)
        case "chain_getBlockHash", [height]:
            return result(q, "0x" + HASH if height == 66 else None)
        case "chain_getFinalizedHead", _:
            return result(q, "0x" + HASH)
        case "chain_getHeader", _:
            return result(q, {"number": "0x42"})
        case "state_getStorage", [key, _]:
            data = bytes(16) + b"".join(n.to_bytes(16, "little") for n in (10**10, 5, 7, 0))
            return result(q, "0x" + data.hex() if key == storage_key(ALICE) else None)
    return error(q, -32601, "Method not found")


def koios(q: Any) -> Reply:
    def out(hash: str, index: int, value: int, to: str = ADA_KEY) -> dict[str, Any]:
        address = {"bech32": to}
        return {"tx_hash": hash, "tx_index": index, "value": str(value), "payment_addr": address}

    transactions = {
        "t1": {"inputs": [], "outputs": [out("t1", 0, 5_000_000), out("t1", 1, 9, "other")]},
        "t2": {"inputs": [out("t1", 0, 5_000_000)], "outputs": [out("t2", 1, 3_000_000)]},
        "t3": {"inputs": [out("t2", 1, 3_000_000)], "outputs": []},
    }
    heights = {"t1": 10, "t2": 20, "t3": 99}
    parts = urlsplit(q.path)
    query = parse_qs(parts.query)
    match parts.path:
        case "/tip":
            return reply([{"block_no": 88, "hash": HASH, "block_time": 1_700_000_000}])
        case "/blocks":
            height = int(query["block_height"][0].removeprefix("eq."))
            block = {"block_height": height, "hash": HASH, "block_time": 1_600_000_000}
            return reply([block] if height < 88 else [])
        case "/address_info":
            rows = [{"address": ADA_KEY, "balance": "3000000"}]
            return reply(rows if q.json["_addresses"] == [ADA_KEY] else [])
        case "/address_txs":
            rows = [{"tx_hash": t, "block_height": h} for t, h in heights.items()]
            return reply(rows if q.json["_addresses"] == [ADA_KEY] else [])
        case "/tx_info":
            wanted = q.json["_tx_hashes"]
            return reply(
                [{"tx_hash": t, **transactions[t], "plutus_contracts": None} for t in wanted]
            )
    return reply("no", status=404)


def blockfrost(q: Any) -> Reply:
    if q.path == "/blocks/latest":
        return reply({"height": 88, "time": 1_700_000_000, "hash": HASH})
    if q.path == f"/addresses/{ADA_KEY}":
        amounts = [{"unit": "lovelace", "quantity": "7"}, {"unit": "abc", "quantity": "1"}]
        return reply({"address": ADA_KEY, "amount": amounts})
    return reply({"status_code": 404}, status=404)


def sui(q: Any) -> Reply:
    match q.json["method"], q.json["params"]:
        case "sui_getChainIdentifier", _:
            return result(q, "35834a8a")
        case "sui_getLatestCheckpointSequenceNumber", _:
            return result(q, "31")
        case "suix_getBalance", [owner, kind]:
            count = 2 if owner == SUI_KEY else 0
            held = {"coinType": kind, "coinObjectCount": count, "totalBalance": str(count * 7)}
            return result(q, held)
        case "suix_getCoinMetadata", _:
            return result(q, {"decimals": 6})
    return error(q, -32601, "Method not found")


def algorand(q: Any) -> Reply:
    match q.path.split("/")[1:]:
        case ["v2", "transactions", "params"]:
            return reply({"genesis-hash": registry.chain("algorand").id, "last-round": 12})
        case ["v2", "accounts", key]:
            amount = 5_000_000 if key == ALGO_KEY else 0
            held = [{"asset-id": 31566704, "amount": 42}]
            return reply({"address": key, "amount": amount, "round": 12, "assets": held})
        case ["v2", "assets", _]:
            return reply({"params": {"decimals": 6}})
    return reply("no", status=404)


def starknet(q: Any) -> Reply:
    match q.json["method"], q.json["params"]:
        case "starknet_chainId", _:
            return result(q, "0x534e5f4d41494e")
        case "starknet_getBlockWithTxHashes", [id]:
            if id not in ("latest", {"block_number": 70}):
                return error(q, 24, "Block not found")
            return result(q, {"block_number": 70, "block_hash": "0x7b", "timestamp": 1_700_000_000})
        case "starknet_call", [call, {"block_hash": "0x7b"}]:
            if call["entry_point_selector"] == hex(selector("decimals")):
                return result(q, ["0x12"])
            known = call["calldata"] == [STARK_KEY]
            return result(q, ["0x5", "0x1"] if known else ["0x0", "0x0"])
    return error(q, -32601, "Method not found")


def beacon(q: Any) -> Reply:
    parts = urlsplit(q.path)
    match parts.path.split("/")[4:]:
        case ["genesis"]:
            root = registry.chain("beacon").id
            about = {"genesis_time": "1606824023", "genesis_validators_root": root}
            return reply({"data": about})
        case ["headers", name] if name in ("finalized", "9000"):
            header = {"message": {"slot": "9000"}}
            return reply({"data": {"root": "0x" + HASH, "canonical": True, "header": header}})
        case ["states", "9000", "validators"]:
            known = parse_qs(parts.query)["id"] == [BEACON_KEY]
            rows = [{"balance": "32000000001", "validator": {"pubkey": BEACON_KEY}}]
            return reply({"execution_optimistic": False, "data": rows if known else []})
    return reply({"code": 404, "message": "not found"}, status=404)


def eos(q: Any) -> Reply:
    match q.path, q.json:
        case "/v1/chain/get_info", _:
            return reply({"chain_id": registry.chain("eos").id, "head_block_num": 3})
        case "/v1/chain/get_currency_balance", {"account": "exchange", "symbol": symbol}:
            return reply([f"12.3400 {symbol}"])
        case "/v1/chain/get_currency_balance", _:
            return reply([])
    return reply("no", status=404)


@dataclass(frozen=True)
class Case:
    """One chain: its server, an address, what is there now and at `height` (None: no history)."""

    server: Handler
    coin: str
    address: str
    now: int
    then: int | None = None
    height: int = 1
    path: str = ""
    options: str = ""
    tokens: dict[str, int] = field(default_factory=dict)
    other: str = ""
    other_reason: str = "account-unknown"


CASES = {
    "tron": Case(
        tron,
        "TRX",
        TRON_KEY,
        5_000_001,
        4,
        100,
        tokens={TRON_KEY: 7_000_000},
        other="TKzxdSv2FZKQrEqkKVgp5DcwEXBEKMg2Ax",
    ),
    "solana": Case(
        solana,
        "SOL",
        SOL_KEY,
        3_000_000_001,
        tokens={TOKEN_MINT: 15, "stake": 9},
        other=TOKEN_MINT,
    ),
    "xrp": Case(
        xrp,
        "XRP",
        XRP_KEY,
        20_000_001,
        20_000_001,
        90,
        tokens={"USD.rIssuer": 125},
        other="rOther",
    ),
    "stellar": Case(
        stellar,
        "XLM",
        XLM_KEY,
        1_000_000_001,
        tokens={"USDC:GI": 30_000_000},
        other="GOTHER",
    ),
    "cosmos": Case(
        cosmos,
        "ATOM",
        COSMOS_KEY,
        1_234_567,
        1_234_567,
        77,
        other="cosmos1zz",
        other_reason="bad-address",
    ),
    "aptos": Case(
        aptos,
        "APT",
        APTOS_KEY,
        123_456_789,
        123_456_789,
        700,
        tokens={"0x2::t::T": 50},
        other="0x" + "b2" * 32,
    ),
    "ton": Case(
        ton,
        "TON",
        TON_KEY,
        2_000_000_001,
        2_000_000_001,
        44,
        path="/api/v2",
        other=TON_KEY[:-1] + "A",
    ),
    "polkadot": Case(
        polkadot,
        "DOT",
        DOT_KEY,
        10**10 + 5,
        10**10 + 5,
        66,
        other="12xtAYsRUrmbniiWQqJtECiBQrMn8AypQcXhnQAc6RB6XkLW",
    ),
    "sui": Case(sui, "SUI", SUI_KEY, 14, tokens={"0x5::u::USDC": 14}, other="0x" + "d4" * 32),
    "algorand": Case(
        algorand, "ALGO", ALGO_KEY, 5_000_000, tokens={"31566704": 42}, other="B" * 58
    ),
    "starknet": Case(starknet, "STRK", STARK_KEY, 5 + (1 << 128), 5 + (1 << 128), 70),
    "beacon": Case(
        beacon,
        "ETH-BEACON",
        BEACON_KEY,
        32_000_000_001,
        32_000_000_001,
        9000,
        other="0x" + "a6" * 48,
    ),
    "eos": Case(eos, "EOS", "exchange", 123_400, tokens={"core.vaulta:A": 123_400}, other="nobody"),
    "cardano": Case(koios, "ADA", ADA_KEY, 3_000_000, 3_000_000, 50, other="addr1other"),
    "cardano/blockfrost": Case(
        blockfrost, "ADA", ADA_KEY, 7, options="api=blockfrost", other="addr1other"
    ),
}
NAMES = pytest.mark.parametrize("name", CASES)


def asked(
    serve: Serve,
    name: str,
    *,
    address: str | None = None,
    token: str | None = None,
    height: int | None = None,
    server: Handler | None = None,
) -> Balance:
    case = CASES[name]
    chain = name.split("/")[0]
    url = f"{serve(server or case.server)}{case.path}#{case.options}"
    tokens = {"T": (chain, token)} if token else None
    rows = [row("T" if token else case.coin, case.address if address is None else address)]
    at = {} if height is None else {chain: height}
    [(_, found)] = balances(rows, {chain: url}, at, tokens=tokens)
    return found


@NAMES
def test_the_present(server: Serve, name: str) -> None:
    found = asked(server, name)
    assert (found.units, found.text) == (CASES[name].now, None)
    assert found.level is Level.OWN_NODE  # loopback
    assert found.decimals == registry.chain(name.split("/")[0]).decimals


@NAMES
def test_a_past_height(server: Serve, name: str) -> None:
    case = CASES[name]
    found = asked(server, name, height=case.height)
    if case.then is None:
        assert (found.units, found.reason) == (None, "history-unavailable")
    else:
        assert (found.units, found.height, found.text) == (case.then, case.height, None)
        assert found.block_hash is not None


@pytest.mark.parametrize("text", [HASH, HASH.lower()])
def test_a_ledger_s_hash_in_any_writing(server: Serve, text: str) -> None:
    url = server(xrp)
    [(_, found)] = balances([row("XRP", XRP_KEY)], {"xrp": url}, {"xrp": text})
    assert (found.units, found.block_hash) == (20_000_001, HASH)


@NAMES
def test_a_height_that_is_not_kept(server: Serve, name: str) -> None:
    found = asked(server, name, height=400)
    assert found.units is None
    assert found.reason in ("history-unavailable", "block-unknown")


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.other])
def test_an_address_that_the_service_does_not_know_is_not_zero(server: Serve, name: str) -> None:
    found = asked(server, name, address=CASES[name].other)
    assert (found.level, found.units) == (Level.UNKNOWN, None)
    assert found.reason == CASES[name].other_reason


@NAMES
def test_damaged_addresses(server: Serve, name: str) -> None:
    for address in ("", "../../admin", "0x", CASES[name].address + "\n"):
        found = asked(server, name, address=address)
        assert (found.level, found.units) == (Level.UNKNOWN, None), address


@pytest.mark.parametrize(
    ("name", "token"), [(n, t) for n, case in CASES.items() for t in case.tokens]
)
def test_tokens(server: Serve, name: str, token: str) -> None:
    found = asked(server, name, token=token)
    assert (found.units, found.text) == (CASES[name].tokens[token], None)


@NAMES
@pytest.mark.parametrize(
    "kind", ["nothing", "text", "list", "object", "null", "status", "redirect"]
)
def test_nonsense_is_never_a_balance(server: Serve, name: str, kind: str) -> None:
    """The server answers rightly at first, and nonsense from any one question on."""
    bodies = {"nothing": "", "text": '"x"', "list": "[]", "object": "{}", "null": "null"}
    broken = {
        "status": reply("", status=400),
        "redirect": reply("", status=302, Location="http://127.0.0.1:9/"),
    }
    for good in range(questions(server, name)):
        count = iter(range(1000))

        def handler(q: Any, good: int = good, count: Any = count) -> Reply:
            if next(count) < good:
                return CASES[name].server(q)
            if kind == "object" and q.json and "method" in q.json and "id" in q.json:
                return result(q, {})
            return broken.get(kind) or reply(bodies[kind])

        found = asked(server, name, server=handler)
        assert (found.level, found.units) == (Level.UNKNOWN, None), good


QUESTIONS: dict[str, int] = {}


def questions(server: Serve, name: str) -> int:
    """How many questions the present takes; a change of the block between them counts as well."""
    if name not in QUESTIONS:
        seen: list[Any] = []

        def counting(q: Any) -> Reply:
            seen.append(q)
            return CASES[name].server(q)

        asked(server, name, server=counting)
        QUESTIONS[name] = len(seen)
    return QUESTIONS[name]


WRONG_CHAIN = {
    "tron": ("blockID", str(registry.chain("tron").id)),
    "solana": ("result", str(registry.chain("solana").id)),
    "stellar": ("network_passphrase", str(registry.chain("stellar").id)),
    "cosmos": ("chain_id", "cosmoshub-4"),
    "polkadot": ("result", str(registry.chain("polkadot").id)),
    "xrp": ("network_id", '"network_id": 0'),
    "aptos": ("chain_id", '"chain_id": 1'),
    "sui": ("result", "35834a8a"),
    "algorand": ("genesis-hash", str(registry.chain("algorand").id)),
    "starknet": ("result", "0x534e5f4d41494e"),
    "beacon": ("genesis_validators_root", str(registry.chain("beacon").id)),
    "eos": ("chain_id", str(registry.chain("eos").id)),
}


@pytest.mark.parametrize("name", WRONG_CHAIN)
def test_the_wrong_chain(server: Serve, name: str) -> None:
    _, wanted = WRONG_CHAIN[name]
    other = wanted[:-1] + ("2" if wanted[-1] != "2" else "3")

    def handler(q: Any) -> Reply:
        answer = CASES[name].server(q)
        answer.body = answer.body.replace(wanted.encode(), other.encode())
        return answer

    assert asked(server, name, server=handler).reason == "chain-mismatch"


def test_polkadot_storage_keys() -> None:
    """The entry of Substrate's well-known development account."""
    assert account_of(DOT_KEY, 0) == ALICE
    assert storage_key(ALICE) == (
        "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"
        "de1e86a9a8c739864cf3cc5ec2bea59f" + ALICE.hex()
    )


def test_cardano_history_with_a_failed_script_is_left_open(server: Serve) -> None:
    def handler(q: Any) -> Reply:
        answer = koios(q)
        wanted = b'"plutus_contracts": null'
        answer.body = answer.body.replace(
            wanted, b'"plutus_contracts": [{"valid_contract": false}]'
        )
        return answer

    found = asked(server, "cardano", height=50, server=handler)
    assert (found.units, found.reason) == (None, "no-rule")


@pytest.mark.parametrize("amount", ["-1", "1e3", "NaN", "0x1", 1.5, -1, True, None, "٣", "9" * 90])
def test_amounts_of_other_forms(server: Serve, amount: Any) -> None:
    def handler(q: Any) -> Reply:
        if "by_denom" in q.path:
            return reply({"balance": {"denom": "uatom", "amount": amount}})
        return cosmos(q)

    found = asked(server, "cosmos", server=handler)
    assert (found.level, found.reason) == (Level.UNKNOWN, "node-answer")


def test_the_registry_s_ids_have_their_checksums() -> None:
    """Contracts, mints and first blocks that a slip of the pen would change."""
    from merkle_por.reserves.ownership.addresses import evm_text, tron_text
    from merkle_por.reserves.ownership.encodings import base58

    for chain in registry.chains().values():
        for token in registry.tokens(chain.name).values():
            match chain.family:
                case "evm":
                    assert evm_text(token.id) == token.id.lower()
                    assert token.id != token.id.lower()
                case "tron":
                    tron_text(token.id)
                case "solana":
                    assert len(base58.decode(token.id) or b"") == 32
        if chain.family in ("bitcoin", "tron", "polkadot"):
            assert len(bytes.fromhex(str(chain.id))) == 32


@pytest.mark.parametrize(
    ("coin", "network", "expected"),
    [
        ("USDT-TRC20", None, ("tron", TRON_KEY)),
        ("USDT", "BSC", ("bsc", registry.tokens("bsc")["USDT"].id)),
        ("ETH", "ETH", ("ethereum", None)),
        ("ETH-Ethereum", "Ethereum", ("ethereum", None)),
        ("BTC-Bitcoin", "Bitcoin", ("bitcoin", None)),
        ("bitcoin", "bitcoin", ("bitcoin", None)),
        ("ETH-ARBITRUM", None, ("arbitrum", None)),
        ("stETH", None, ("ethereum", registry.tokens("ethereum")["stETH"].id)),
        ("avax", "avax", ("avalanche", None)),
        ("RIPPLE", None, ("xrp", None)),
        ("USDC-SOL", None, ("solana", TOKEN_MINT)),
        ("SOL-USDC", None, ("solana", TOKEN_MINT)),
        ("USDT-AVAXC", None, ("avalanche", registry.tokens("avalanche")["USDT"].id)),
        ("STARKNET-ETH", None, ("starknet", registry.tokens("starknet")["ETH"].id)),
        ("A", None, ("eos", "core.vaulta:A")),
        ("ETH-BSC", "BSC", None),
        ("HBTC", None, None),
        ("aETH", None, None),
        ("WBTC-NOWHERE", None, None),
    ],
)
def test_which_token_a_row_is_about(
    coin: str, network: str | None, expected: tuple[str, str | None] | None
) -> None:
    from merkle_por.errors import Incomplete

    if expected is None:
        with pytest.raises(Incomplete, match="unknown-token"):
            registry.resolve(coin, network)
    else:
        chain, token = registry.resolve(coin, network)
        assert (chain.name, token) == expected
