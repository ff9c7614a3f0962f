"""The formats evm-proof and btc-spv, and their engines (specs/onchain-balances.md)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import vectorfiles

sys.path.insert(0, str(Path(__file__).parent.parent / "exchanges"))

from helpers import changed, changed_bytes_never_valid, judged, recognised

import merkle_por
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges.chain_proofs import verify_evm_proof, verify_spv
from merkle_por.merkle import evm_state, spv
from merkle_por.verdict import State

EVM = [entry.data for entry in vectorfiles.manifest("made", "evm-proof")]
SPV = [entry.data for entry in vectorfiles.manifest("made", "btc-spv")]
SPV_REASONS = {
    "root": "root-inconsistent",
    "txid": "txid-not-found",
    "block-hash": "block-hash-mismatch",
    "malformed": "bad-length",
}


def document(folder: str, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(vectorfiles.file("made", folder, name).read_text())
    return loaded


@pytest.mark.parametrize("entry", EVM, ids=lambda entry: entry["file"])
def test_evm_manifest(entry: dict[str, Any]) -> None:
    file = document("evm-proof", entry["file"])
    if entry["expect"] != "valid":
        with pytest.raises((Invalid, Malformed), match=entry["reason"]):
            verify_evm_proof(file)
        return
    shown = verify_evm_proof(file, state_root=entry["root"][2:])
    figures = {"wei": shown.wei, "token_units": shown.units}
    for name, amount in entry["balances"].items():
        assert figures[name] == int(amount)


@pytest.mark.parametrize("entry", SPV, ids=lambda entry: entry["file"])
def test_spv_manifest(entry: dict[str, Any]) -> None:
    file = document("btc-spv", entry["file"])
    if entry["expect"] != "valid":
        with pytest.raises((Invalid, Malformed), match=SPV_REASONS[entry["reason"]]):
            verify_spv(file)
        return
    shown = verify_spv(file, block_hash=file["block_hash"])
    assert (shown.transactions, len(shown.txids)) == (5, 1)


def test_verdicts_hang_on_the_block() -> None:
    file = document("evm-proof", "account-7.json")
    block = file["trusted_block_hash"]
    assert judged(file).state is State.UNCONFIRMED
    verdict = judged(file, {"block_hash": block})
    assert verdict.state is State.VALID
    assert verdict.account is not None
    assert verdict.account.balances == {"wei": 7_000_000_000_000_000_007}
    assert judged(file, {"block_hash": "ab" * 32}).reason == "untrusted-block"
    assert judged(file, {"root": "ab" * 32}).reason == "root-mismatch"
    both = {"block_hash": block, "root": "ab" * 32}
    assert judged(file, both).reason == "root-mismatch"
    file = document("btc-spv", "valid.json")
    assert judged(file).state is State.UNCONFIRMED
    assert judged(file, {"block_hash": file["block_hash"]}).state is State.VALID
    assert judged(file, {"block_hash": "ab" * 32}).reason == "untrusted-block"


def test_recognisers() -> None:
    evm, btc = document("evm-proof", "erc20-9.json"), document("btc-spv", "valid.json")
    assert recognised(evm) == ["evm-proof"]
    assert recognised(btc) == ["btc-spv"]
    assert recognised(changed(evm, lambda f: f.pop("header"))) == []
    assert recognised(changed(btc, lambda f: f.pop("txid"))) == []


def test_changed_bytes_of_an_account_proof() -> None:
    path = vectorfiles.file("made", "evm-proof", "account-7.json")
    given = {"block_hash": document("evm-proof", "account-7.json")["trusted_block_hash"]}
    changed_bytes_never_valid(path, given, "evm-proof")


def test_changed_bytes_of_a_token_proof() -> None:
    path = vectorfiles.file("made", "evm-proof", "erc20-9.json")
    given = {"block_hash": document("evm-proof", "erc20-9.json")["trusted_block_hash"]}
    changed_bytes_never_valid(path, given, "evm-proof")


def test_changed_bytes_of_an_inclusion_proof() -> None:
    path = vectorfiles.file("made", "btc-spv", "valid.json")
    given = {"block_hash": document("btc-spv", "valid.json")["block_hash"]}
    changed_bytes_never_valid(path, given, "btc-spv")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f["header"].pop("withdrawalsRoot"), "missing-field"),  # a gap among later fields
        (lambda f: f["header"].pop("miner"), "missing-field"),
        (lambda f: f["header"].update(number="0x03e"), "bad-number"),
        (lambda f: f["header"].update(number=62), "bad-number"),
        (lambda f: f["header"].pop("requestsHash"), "header-hash-mismatch"),
        (lambda f: f.update(mapping_base_slot=2), "wrong-slot"),
        (lambda f: f.update(holder="0x" + "11" * 20), "wrong-slot"),
        (lambda f: f.pop("holder"), "missing-field"),  # else it would say another thing
        (lambda f: f.update(slots=[]), "bad-length"),
        (lambda f: f["proof"]["storageProof"][0].update(key="0x0"), "wrong-slot"),
        (lambda f: f["proof"]["storageProof"][0].update(value="0x0"), "storage-value-mismatch"),
        (lambda f: f["proof"]["storageProof"][0]["proof"].pop(), "proof-too-short"),
        (lambda f: f["proof"].update(nonce="0x2"), "account-fields-mismatch"),
        (lambda f: f["proof"].update(accountProof="0x"), "wrong-type"),
        (lambda f: f["proof"].update(accountProof=["0x"] * 100), "too-deep"),
        (lambda f: f["header"].update(timestamp="0x" + "f" * 65), "bad-number"),
    ],
)
def test_what_else_is_refused(change: Any, reason: str) -> None:
    file = changed(document("evm-proof", "erc20-9.json"), change)
    with pytest.raises((Invalid, Malformed), match=reason):
        verify_evm_proof(file)


def test_addresses_stand_in_either_case() -> None:
    """Some programs (web3.py) write every address with the capitals of its checksum."""
    file = document("evm-proof", "erc20-9.json")
    for holder in (file, file["proof"], file["header"]):
        name = "miner" if holder is file["header"] else "address"
        holder[name] = "0x" + holder[name][2:].upper()
    assert verify_evm_proof(file).units == 9000


def test_slots_are_named_as_nodes_name_them() -> None:
    """By 32 bytes or by a number, in the list as in the proofs."""
    file = document("evm-proof", "erc20-9.json")
    short = hex(int(file["slots"][0], 16))
    file["slots"], file["proof"]["storageProof"][0]["key"] = [short], short
    assert verify_evm_proof(file).units == 9000
    file["slots"] = ["0x0" + short[2:]]
    with pytest.raises((Invalid, Malformed)):
        verify_evm_proof({**file, "slots": ["0x00"]})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("account-7.json", "0xabebc0d9959cd5e3c8263d48e41c32c913678313 holds 7000000000000000007"),
        ("erc20-9.json", "counts 9000 units for 0x6e216cc7486fab3743c8e386844efb0861e0bd94."),
        ("account-250.json", "there is no account 0x600e17540843af0a40a3d208b1dd199192ef42c4"),
    ],
)
def test_the_hash_of_the_block_serves_as_the_root(name: str, sentence: str) -> None:
    """It is what explorers show, and the root is in the header that it is of."""
    path = vectorfiles.file("made", "evm-proof", name)
    file = document("evm-proof", name)
    block, root = file["trusted_block_hash"], file["header"]["stateRoot"]
    for given in ({"root": block}, {"root": root}, {"root": block, "block_hash": block}):
        shown = merkle_por.verify(path, given=given)
        assert shown.state.value == "valid"
        assert sentence in shown.sentence
        assert shown.proofs[0].root.value == root[2:]
    for given in ({"root": "0x" + "11" * 32}, {"root": "11" * 32, "block_hash": block}):
        assert merkle_por.verify(path, given=given).state.value == "invalid"


def test_the_hash_of_a_bitcoin_block_serves_as_the_root() -> None:
    path = vectorfiles.file("made", "btc-spv", "valid.json")
    block = document("btc-spv", "valid.json")["block_hash"]
    shown = merkle_por.verify(path, root=block)
    assert (shown.state.value, shown.sentence) == (
        "valid",
        "The transaction is in the block that you gave.",
    )
    turned = bytes.fromhex(block)[::-1].hex()
    assert merkle_por.verify(path, root=turned).state.value == "invalid"


def test_absence_stated_with_zero_hashes() -> None:
    """Some nodes state an account that never was with zeros for its hashes."""
    file = document("evm-proof", "account-250.json")
    file["proof"].update(codeHash="0x" + "00" * 32, storageHash="0x" + "00" * 32)
    assert verify_evm_proof(file).wei == 0
    file["proof"].update(codeHash="0x" + "11" * 32)
    with pytest.raises(Invalid, match="account-absent"):
        verify_evm_proof(file)


def test_slots_of_mappings() -> None:
    """The worked example of made/evm-proof/erc20-9.json."""
    file = document("evm-proof", "erc20-9.json")
    holder = bytes.fromhex(file["holder"][2:])
    slot = evm_state.mapping_slot(holder, file["mapping_base_slot"])
    assert "0x" + slot.hex() == file["slots"][0]
    assert evm_state.mapping_slot(holder, 1, key_first=False) != slot


# --- partial Merkle trees ------------------------------------------------------------------------


def partial(txids: list[bytes], wanted: set[int], count: int | None = None) -> bytes:
    """A merkleblock over these leaves, built from the leaves up (BIP-37)."""
    bits: list[bool] = []
    hashes: list[bytes] = []

    def level(height: int) -> list[bytes]:
        nodes = txids
        for _ in range(height):
            if len(nodes) % 2:
                nodes = [*nodes, nodes[-1]]
            nodes = [spv.double_sha256(a + b) for a, b in zip(nodes[::2], nodes[1::2], strict=True)]
        return nodes

    def walk(height: int, place: int) -> None:
        below = any(place << height <= leaf < (place + 1) << height for leaf in wanted)
        bits.append(below)
        if height == 0 or not below:
            hashes.append(level(height)[place])
            return
        walk(height - 1, 2 * place)
        if 2 * place + 1 < len(level(height - 1)):
            walk(height - 1, 2 * place + 1)

    height = (len(txids) - 1).bit_length()
    walk(height, 0)
    flags = sum(bit << i for i, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    header = bytes(36) + level(height)[0] + bytes(12)
    total = (len(txids) if count is None else count).to_bytes(4, "little")
    return header + total + bytes([len(hashes)]) + b"".join(hashes) + bytes([len(flags)]) + flags


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8, 9, 31])
def test_every_leaf_of_small_blocks(count: int) -> None:
    txids = [spv.double_sha256(bytes([i])) for i in range(count)]
    for leaf in range(count):
        shown = spv.merkleblock(partial(txids, {leaf}))
        assert shown.txids == (spv.shown(txids[leaf]),)
    everything = spv.merkleblock(partial(txids, set(range(count))))
    assert len(everything.txids) == count


def test_blocks_beyond_bitcoins_own_limit() -> None:
    """Forks with bigger blocks: one of 2^17 + 1 transactions, of which the last is proven."""
    txid, left = spv.double_sha256(b"last"), spv.double_sha256(b"all the others")
    root = txid
    for _ in range(17):
        root = spv.double_sha256(root + root)
    root = spv.double_sha256(left + root)
    count = ((1 << 17) + 1).to_bytes(4, "little")
    flags = (((1 << 20) - 1) & ~2).to_bytes(3, "little")
    data = bytes(36) + root + bytes(12) + count + b"\x02" + left + txid + b"\x03" + flags
    shown = spv.merkleblock(data)
    assert (shown.transactions, shown.txids) == ((1 << 17) + 1, (spv.shown(txid),))


def test_doubled_transactions_are_refused() -> None:
    """CVE-2012-2459: four leaves, of which the last is the third again, have the root of three."""
    txids = [spv.double_sha256(bytes([i])) for i in range(3)]
    with pytest.raises(Invalid, match="duplicate-sibling"):
        spv.merkleblock(partial([*txids, txids[2]], {3}))


def test_bits_and_hashes_beyond_the_end() -> None:
    txids = [spv.double_sha256(bytes([i])) for i in range(5)]
    data = partial(txids, {2})
    with pytest.raises(Invalid, match="unused-nodes"):
        spv.merkleblock(data[:-1] + bytes([data[-1] | 0x80]))
    with pytest.raises(Malformed, match="bad-length"):
        spv.merkleblock(data + b"\0")
    with pytest.raises(Malformed, match="bad-number"):
        spv.merkleblock(data[:80] + bytes(4) + data[84:])
    with pytest.raises(Invalid, match="proof-too-short"):
        spv.merkleblock(data[:80] + b"\xff\xff\xff\xff" + data[84:])
    for cut in range(len(data)):
        with pytest.raises((Invalid, Malformed)):
            spv.merkleblock(data[:cut])
