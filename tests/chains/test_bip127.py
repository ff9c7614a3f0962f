"""BIP-127 proofs and transfers to oneself, signed and mined by a real node (litecoind)."""

from __future__ import annotations

import json
from decimal import Decimal
from hashlib import sha256
from typing import Any

import jsonschemas
import nodes
import pytest
from chainhelpers import holder
from hypothesis import given
from hypothesis import strategies as st

import merkle_por
from merkle_por.documents import Document
from merkle_por.errors import Finding, Incomplete, Invalid, Malformed, UsageError
from merkle_por.recognise import recognise
from merkle_por.reserves import bip127, send_to_self
from merkle_por.reserves.bip127 import Proof, ProofFile
from merkle_por.reserves.chains import registry, spending, transactions
from merkle_por.reserves.chains.bitcoin import Core
from merkle_por.reserves.chains.http import Http, endpoint
from merkle_por.reserves.chains.transactions import Outpoint
from merkle_por.reserves.ownership import bip322, scripts

MESSAGE = "Some Message"
SATOSHI = Decimal(10) ** 8


def core(node: nodes.Node) -> Core:
    text = f"{node.url}#genesis={node.call('getblockhash', 0)}"
    return Core(registry.chain("litecoin"), Http(endpoint(text), attempts=1))


@pytest.fixture(scope="module")
def coins(ltc: nodes.Node) -> dict[str, Any]:
    """Outputs of every kind, and the block at which all are unspent."""
    found: dict[str, Any] = {}
    keys = [ltc.call("getaddressinfo", ltc.call("getnewaddress"))["pubkey"] for _ in range(3)]
    for kind in ("legacy", "p2sh-segwit", "bech32"):
        found[kind] = ltc.call("getnewaddress", "", kind)
        made = ltc.call("addmultisigaddress", 2, keys, "", kind)
        found[f"2 of 3 {kind}"] = made["address"]
    places: dict[str, dict[str, Any]] = {}
    for name, address in found.items():
        txid = ltc.call("sendtoaddress", address, 0.1)
        for out in ltc.call("getrawtransaction", txid, True)["vout"]:
            if address in out["scriptPubKey"].get("addresses", []):
                places[name] = {"txid": txid, "vout": out["n"]}
        ltc.call("lockunspent", False, [places[name]])
    ltc.call("generatetoaddress", 1, ltc.call("getnewaddress"))
    return {
        "places": places,
        "height": ltc.call("getblockcount"),
        "hash": ltc.call("getbestblockhash"),
        "sink": ltc.call("getnewaddress", "", "bech32"),
    }


def signed(
    node: nodes.Node,
    coins: dict[str, Any],
    names: list[str],
    *,
    message: str = MESSAGE,
    total: str | None = None,
    kind: str = "ALL",
    order: int = 1,
) -> transactions.Transaction:
    """A proof transaction over the named coins, by the node's wallet."""
    first = {"txid": bip127.commitment(message)[::order].hex(), "vout": 0}
    amount = total or str(Decimal("0.1") * len(names))
    inputs = [first, *(coins["places"][name] for name in names)]
    raw = node.call("createrawtransaction", inputs, {coins["sink"]: amount})
    result = node.call("signrawtransactionwithwallet", raw, [], kind)
    return transactions.parse(bytes.fromhex(result["hex"]))


def proof(*found: transactions.Transaction, hash: str | None = None) -> ProofFile:
    return ProofFile(MESSAGE, tuple(Proof(item) for item in found), hash)


def test_every_kind_of_coin(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    names = list(coins["places"])
    found = signed(ltc, coins, names, order=-1)
    assert len(names) == 6
    shown = bip127.verify(proof(found, hash=coins["hash"]), core(ltc), message=MESSAGE)
    assert shown.total == 6 * SATOSHI / 10
    assert [len(coin.keys) for coin in shown.coins] == [1, 2] * 3
    assert shown.block.height == coins["height"]
    assert ltc.call("decoderawtransaction", _raw(found))["txid"] == found.txid


def _raw(found: transactions.Transaction) -> str:
    """The transaction without its witnesses, in bytes again."""
    from merkle_por.reserves.ownership.digests import var_bytes

    parts = [found.version, bytes([len(found.inputs)])]
    for item in found.inputs:
        parts += [item.previous.raw, var_bytes(item.script), item.sequence.to_bytes(4, "little")]
    parts += [bytes([len(found.outputs)]), *(out.raw for out in found.outputs), found.lock_time]
    return b"".join(parts).hex()


def test_several_transactions_are_one_proof(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    parts = [signed(ltc, coins, [name]) for name in ("legacy", "bech32")]
    shown = bip127.verify(proof(*parts), core(ltc), coins["height"])
    assert [coin.value for coin in shown.coins] == [SATOSHI / 10] * 2
    with pytest.raises(Invalid, match="duplicate-leaf"):
        bip127.verify(proof(parts[0], parts[0]), core(ltc), coins["height"])


@pytest.mark.parametrize("kind", ["NONE", "SINGLE", "ALL|ANYONECANPAY", "NONE|ANYONECANPAY"])
@pytest.mark.parametrize("name", ["legacy", "bech32", "2 of 3 legacy"])
def test_signatures_that_do_not_cover_the_message(
    ltc: nodes.Node, coins: dict[str, Any], name: str, kind: str
) -> None:
    """Such a signature fits any other message as well: the proof could be somebody else's."""
    found = signed(ltc, coins, [name], kind=kind)
    # For SINGLE the wallet has no output to sign and leaves the multisig input empty.
    with pytest.raises(Invalid, match=r"bad-signature|script-mismatch"):
        bip127.verify(proof(found), core(ltc), coins["height"])


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"message": "another"}, "wrong-commitment"),
        ({"total": "0.09"}, "sum-mismatch"),
        ({"total": "0.11"}, "sum-mismatch"),
    ],
)
def test_other_messages_and_sums(
    ltc: nodes.Node, coins: dict[str, Any], more: dict[str, str], reason: str
) -> None:
    found = signed(ltc, coins, ["bech32"], **more)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match=reason):
        bip127.verify(proof(found), core(ltc), coins["height"])


def test_an_expected_message(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    found = proof(signed(ltc, coins, ["bech32"]))
    with pytest.raises(Invalid, match="unexpected-message"):
        bip127.verify(found, core(ltc), coins["height"], message="theirs")


def test_unsigned_coins(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    first = {"txid": bip127.commitment(MESSAGE).hex(), "vout": 0}
    for name in coins["places"]:
        inputs = [first, coins["places"][name]]
        raw = ltc.call("createrawtransaction", inputs, {coins["sink"]: "0.1"})
        found = proof(transactions.parse(bytes.fromhex(raw)))
        with pytest.raises(Invalid):
            bip127.verify(found, core(ltc), coins["height"])


def test_a_proof_without_coins(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    found = signed(ltc, coins, [], total="0.1")
    with pytest.raises(Invalid, match="no-rows"):
        bip127.check_shape(proof(found))


def test_coins_moved_before_and_after_the_block(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    """Spent after the block: still proven at the block. Made or spent before: not."""
    address = ltc.call("getnewaddress", "", "bech32")
    txid = ltc.call("sendtoaddress", address, 0.1)
    outputs = ltc.call("getrawtransaction", txid, True)["vout"]
    place = next(o["n"] for o in outputs if address in o["scriptPubKey"]["addresses"])
    coins["places"]["moved"] = {"txid": txid, "vout": place}
    ltc.call("generatetoaddress", 1, ltc.call("getnewaddress"))
    unspent_at = ltc.call("getblockcount")
    found = proof(signed(ltc, coins, ["moved"]))
    raw = ltc.call("createrawtransaction", [coins["places"]["moved"]], {coins["sink"]: 0.099})
    done = ltc.call("signrawtransactionwithwallet", raw)
    ltc.call("sendrawtransaction", done["hex"])
    ltc.call("generatetoaddress", 2, ltc.call("getnewaddress"))
    assert bip127.verify(found, core(ltc), unspent_at).total == SATOSHI / 10
    for height in (unspent_at - 1, unspent_at + 1, unspent_at + 2):
        with pytest.raises(Invalid, match="output-spent"):
            bip127.verify(found, core(ltc), height)


def test_the_block_must_be_named(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    found = signed(ltc, coins, ["bech32"])
    with pytest.raises(Incomplete, match="fact-not-given"):
        bip127.verify(proof(found), core(ltc))
    with pytest.raises(Invalid, match="untrusted-block"):
        bip127.verify(proof(found, hash=coins["hash"]), core(ltc), coins["height"] - 1)


# --- as a list of reserves -----------------------------------------------------------------------


def written(
    node: nodes.Node,
    coins: dict[str, Any],
    *parts: list[str],
    hash: bool = True,
    total: str | None = None,
    message: str = MESSAGE,
) -> bytes:
    """A file of proofs over the named coins, as its makers write it."""
    block = bytes.fromhex(coins["hash"])[::-1]
    data = field(1, 1) + field(2, 0xDAB5BFFA) + field(3, message.encode())
    data += field(4, block) if hash else b""
    for names in parts:
        first = {"txid": bip127.commitment(message).hex(), "vout": 0}
        inputs = [first, *(coins["places"][name] for name in names)]
        amount = total or str(Decimal("0.1") * len(names))
        raw = node.call("createrawtransaction", inputs, {coins["sink"]: amount})
        done = node.call("signrawtransactionwithwallet", raw, [], "ALL")["hex"]
        data += field(5, field(1, bytes.fromhex(done)))
    return data


def litecoin(node: nodes.Node) -> dict[str, str]:
    return {"litecoin": f"{node.url}#genesis={node.call('getblockhash', 0)}"}


def test_a_file_is_a_list_of_reserves(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    data = written(ltc, coins, ["legacy", "bech32"], ["2 of 3 bech32"])
    assert recognise(Document.of(data)).id == "bip127"
    given = {"chain": "litecoin"}
    alone = merkle_por.reserves(data, given=given)
    assert (alone.state.value, alone.counts) == ("incomplete", {"unsupported": 2})
    assert "no-node" in {check.id for check in alone.checks}
    found = merkle_por.reserves(data, given=given, nodes=litecoin(ltc))
    assert (found.state.value, found.counts) == ("valid", {"proven": 2})
    [held] = found.holdings
    assert (held.asset, held.amount, held.level.value) == ("LTC", Decimal("0.3"), "own-node")
    assert held.verified
    assert [warning.id for warning in found.warnings] == ["unexpected-message"]
    expected = merkle_por.reserves(
        data, given={**given, "message": MESSAGE}, nodes=litecoin(ltc), around=None
    )
    assert (expected.state.value, expected.warnings) == ("valid", ())
    assert expected.sentence == "All 2 signatures are good; balances as the nodes say."
    jsonschemas.check(json.loads(json.dumps(expected.to_json())))
    owed = b'{"liabilities": {"LTC": "0.2"}}'
    [ltc_line] = merkle_por.solvency([owed], [expected]).to_json()["assets"]
    assert (ltc_line["ratio"], ltc_line["verified_ratio"]) == ("1.500000", "1.500000")


def test_what_makes_a_file_fail_as_a_list(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    given = {"chain": "litecoin"}
    data = written(ltc, coins, ["legacy"])
    other = merkle_por.reserves(data, given={**given, "message": "another"}, nodes=litecoin(ltc))
    assert (other.state.value, other.reason) == ("invalid", "unexpected-message")
    more = written(ltc, coins, ["legacy"], ["bech32"], total="0.2")
    found = merkle_por.reserves(more, given=given, nodes=litecoin(ltc))
    assert (found.state.value, found.reason) == ("invalid", "sum-mismatch")
    assert found.counts == {"failed": 2}  # nothing is proven in part
    early = merkle_por.reserves(
        written(ltc, coins, ["legacy"], hash=False),
        given=given,
        nodes=litecoin(ltc),
        at={"litecoin": coins["height"] - 1},
    )
    assert (early.state.value, early.reason) == ("invalid", "output-spent")
    twice = merkle_por.reserves(written(ltc, coins, ["legacy"], ["legacy"]), given=given)
    assert (twice.state.value, twice.reason) == ("invalid", "duplicate-leaf")


def test_a_file_that_nobody_can_check(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    data = written(ltc, coins, ["legacy"])
    away = merkle_por.reserves(data, given={"chain": "litecoin"}, nodes={"bitcoin": ltc.url})
    assert away.state.value == "incomplete"
    assert away.missing == {("no-node", "litecoin"): 1}
    service = {"litecoin": f"{ltc.url}#api=esplora"}
    index = merkle_por.reserves(data, given={"chain": "litecoin"}, nodes=service)
    assert index.state.value == "incomplete"
    assert "no-rule" in {check.id for check in index.checks}
    [held] = index.holdings
    assert (held.amount, held.level.value) == (None, "unknown")
    test = merkle_por.reserves(data)  # read as Bitcoin's, yet its magic is a test network's
    assert "chain-mismatch" in {warning.id for warning in test.warnings}
    with pytest.raises(UsageError):
        merkle_por.reserves(data, given={"chain": "ethereum"})
    cut = merkle_por.reserves(data[:-1], scheme="bip127")
    assert cut.state.value == "malformed"
    assert merkle_por.verify(data[:-1]).state.value == "malformed"


# --- the file ------------------------------------------------------------------------------------


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3]) + _varint(value)
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


RAW = bytes.fromhex(
    "01000000" + "02" + ("11" * 32 + "00000000" + "00" + "ffffffff") * 1
) + bytes.fromhex(
    "22" * 32 + "05000000" + "00" + "ffffffff" + "01" + "0a00000000000000" + "0151" + "00000000"
)


def packed(*, version: int = 1, order: int = 1) -> bytes:
    note = field(1, bytes.fromhex("22" * 32)) + field(2, 5) + field(3, bytes(range(32))[::order])
    final = field(1, RAW) + field(2, note)
    return (
        field(1, version)
        + field(2, bip127.MAINNET_MAGIC)
        + field(3, MESSAGE.encode())
        + field(4, bytes(range(32)))
        + field(5, final)
        + field(6, b"whatever")
    )


def test_reading_a_file() -> None:
    found = bip127.read(packed())
    assert (found.message, found.magic) == (MESSAGE, bip127.MAINNET_MAGIC)
    assert found.block_hash == bytes(range(32))[::-1].hex()
    [one] = found.proofs
    assert list(one.made_in) == [Outpoint("22" * 32, 5)]


def test_commitment_of_the_text() -> None:
    """The example in BIP-127's footnote."""
    assert bip127.commitment(MESSAGE) == sha256(b"Proof-of-Reserves: Some Message").digest()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        packed(version=2),
        packed()[:-1],
        packed() + field(9, b"x"),
        field(3, MESSAGE.encode()),
        field(3, b"\xff"),
        b"\xff" * 20,
        field(4, bytes(31)) + packed(),
        packed() + field(5, field(1, RAW[:-1])),
        packed() + field(5, b""),
    ],
)
def test_files_that_are_none(data: bytes) -> None:
    with pytest.raises(Malformed):
        bip127.read(data) if data else bip127.read(field(1, 1))


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """No input ends in anything but a proof file or a Malformed."""
    for text in (data, packed()[: len(data)] + data):
        try:
            bip127.read(text)
        except Finding as error:
            assert isinstance(error, Malformed)  # noqa: PT017 (either outcome is right)


# --- transactions --------------------------------------------------------------------------------


def test_digests_are_those_of_bip322() -> None:
    """The signed-message digests, which are tested against published signatures, once more through
    the general ones."""
    script = scripts.p2tr(bytes(range(32)))
    spent = bip322.to_sign(script, "message")
    raw = bytes(4) + b"\x01" + spent.prevout + b"\0" + bytes(4) + b"\x01" + bytes(8) + b"\x01\x6a"
    found = transactions.parse(raw + bytes(4))
    output = transactions.Output(0, script)
    for kind in (0, 1):
        assert found.taproot_digest(0, [output], kind) == spent.taproot_digest(kind)
    code = b"\x76\xa9\x14" + bytes(20) + b"\x88\xac"
    assert found.segwit_digest(0, code, 0) == spent.segwit_digest(code)


def test_the_first_block_s_transaction() -> None:
    """Bitcoin's genesis coinbase: its id is the Merkle root of block 0."""
    text = b"The Times 03/Jan/2009 Chancellor on brink of second bailout for banks"
    script = bytes.fromhex("04ffff001d0104") + bytes([len(text)]) + text
    key = (
        "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6"
        "49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f"
    )
    raw = (
        bytes.fromhex("01000000" + "01" + "00" * 32 + "ffffffff")
        + bytes([len(script)])
        + script
        + bytes.fromhex("ffffffff" + "01" + "00f2052a01000000" + "4341" + key + "ac" + "00000000")
    )
    found = transactions.parse(raw)
    assert found.txid == "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
    assert found.outputs[0].value == 50 * SATOSHI


@given(st.binary(max_size=120))
def test_any_bytes_as_a_transaction(data: bytes) -> None:
    for text in (data, RAW[: len(data)] + data):
        try:
            transactions.parse(text)
        except Finding as error:
            assert isinstance(error, Malformed)  # noqa: PT017 (either outcome is right)


@pytest.mark.parametrize("text", ["4e01000000aa", "4c", "05aa", "76", "51"])
def test_input_scripts_that_do_more_than_push(text: str) -> None:
    with pytest.raises(Invalid):
        spending.pushes(bytes.fromhex(text))


# --- transfers to oneself ------------------------------------------------------------------------

GENESIS = bytes.fromhex(
    "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
    "29ab5f49ffff001d1dac2b7c"
)
GENESIS_HASH = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"


def test_the_amount_is_in_the_nonce() -> None:
    """Block 0 has the nonce 2083236893."""
    assert send_to_self.amount_of(GENESIS, GENESIS_HASH) == Decimal("0.000208")
    with pytest.raises(Invalid, match="block-hash-mismatch"):
        send_to_self.amount_of(GENESIS[:-1] + b"\0", GENESIS_HASH)
    with pytest.raises(Malformed, match="bad-length"):
        send_to_self.amount_of(GENESIS[:-1], GENESIS_HASH)


def test_evm_transfer_to_oneself(evm: nodes.Node) -> None:
    own, other, _ = evm.call("eth_accounts")
    amount = Decimal("0.000208")
    value = hex(int(amount * 10**18))
    node = Http(endpoint(evm.url))

    def sent(to: str, value: str) -> send_to_self.Transfer:
        txid = evm.call("eth_sendTransaction", {"from": own, "to": to, "value": value})
        evm.call("anvil_mine")
        return send_to_self.evm_transfer(node, txid)

    good = sent(own, value)
    window = (good.time - 5, good.time + 5)
    send_to_self.check(good, own, amount, window)
    with pytest.raises(Invalid, match="wrong-time"):
        send_to_self.check(good, own, amount, (0, good.time - 1))
    with pytest.raises(Invalid, match="address-mismatch"):
        send_to_self.check(good, other, amount, window)
    with pytest.raises(Invalid, match="amount-mismatch"):
        send_to_self.check(sent(own, "0x1"), own, amount, (0, 1 << 40))
    elsewhere = sent(other, value)
    with pytest.raises(Invalid, match="wrong-address"):
        send_to_self.check(elsewhere, own, amount, (0, 1 << 40))
    send_to_self.check(elsewhere, own, amount, (0, 1 << 40), others=[other])
    with pytest.raises(Incomplete, match="txid-not-found"):
        send_to_self.evm_transfer(node, "0x" + "ab" * 32)
    with pytest.raises((Incomplete, ValueError)):
        send_to_self.evm_transfer(node, holder(1))


def test_bitcoin_transfer_to_oneself(ltc: nodes.Node, coins: dict[str, Any]) -> None:
    address = ltc.call("getnewaddress", "", "bech32")
    txid = ltc.call("sendtoaddress", address, 0.3)
    outputs = ltc.call("getrawtransaction", txid, True)["vout"]
    place = next(o["n"] for o in outputs if address in o["scriptPubKey"]["addresses"])
    ltc.call("generatetoaddress", 1, ltc.call("getnewaddress"))
    spent = [{"txid": txid, "vout": place}]
    other = ltc.call("getnewaddress", "", "bech32")
    raw = ltc.call("createrawtransaction", spent, [{address: "0.0208"}, {other: "0.279"}])
    done = ltc.call("sendrawtransaction", ltc.call("signrawtransactionwithwallet", raw)["hex"])
    ltc.call("generatetoaddress", 1, ltc.call("getnewaddress"))
    node = core(ltc)
    transfer = send_to_self.bitcoin_transfer(node, done, address)
    send_to_self.check(transfer, address, Decimal("0.0208"), (0, 1 << 40))
    with pytest.raises(Invalid, match="amount-mismatch"):
        send_to_self.check(transfer, address, Decimal("0.279"), (0, 1 << 40))
    deposit = send_to_self.bitcoin_transfer(node, txid, address)
    with pytest.raises(Invalid, match="address-mismatch"):
        send_to_self.check(deposit, address, Decimal("0.3"), (0, 1 << 40))
    with pytest.raises(Invalid, match="wrong-address"):
        send_to_self.bitcoin_transfer(node, done, coins["sink"])
    with pytest.raises(Incomplete, match="txid-not-found"):
        send_to_self.bitcoin_transfer(node, "ab" * 32, address)
