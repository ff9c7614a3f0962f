"""BIP-127 proofs of reserves: transactions that can never be mined, signed by the coins' keys.

Each proof transaction first "spends" an output that doesn't exist, whose transaction id is the
hash of a message (so the proof is for that message and nobody can take it over), then the coins;
its one output is the sum of them. A file packs several such transactions with the block at which
the coins must be unspent. Whether they were is asked of a node; the signatures are checked here.
Source: BIP-127. All must hold, or an error says what doesn't; nothing is proven in part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path

from merkle_por.errors import Incomplete, Invalid, Malformed
from merkle_por.reserves.chains import spending, transactions
from merkle_por.reserves.chains.bitcoin import Core, Unspent
from merkle_por.reserves.chains.families import client
from merkle_por.reserves.chains.interface import Balance, Block, utc
from merkle_por.reserves.chains.memory import Memory
from merkle_por.reserves.chains.protobuf import fields
from merkle_por.reserves.chains.registry import Chain
from merkle_por.reserves.chains.transactions import Outpoint, Output, Transaction
from merkle_por.reserves.holding import Level

PREFIX = "Proof-of-Reserves: "
VERSION = 1
MAINNET_MAGIC = 0xD9B4BEF9
TESTNET_MAGIC = 0x0709110B
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_PROOFS = 10_000
_PROOFS = 5
"""Fields from here on may stand more than once."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof transaction. made_in: outpoint -> hash of the block that made it, as the file
    says it."""

    transaction: Transaction
    made_in: dict[Outpoint, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProofFile:
    """A file of proofs. block_hash: as shown to people, None where the file names none.
    magic: the network's number."""

    message: str
    proofs: tuple[Proof, ...]
    block_hash: str | None = None
    magic: int | None = None


@dataclass(frozen=True, slots=True)
class Coin:
    """One proven output. value: satoshi. script: its output script. keys: who signed."""

    outpoint: Outpoint
    value: int
    script: bytes
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proven:
    """What a file proves: coins that were unspent at the block, and whose keys signed."""

    message: str
    block: Block
    coins: tuple[Coin, ...]

    @property
    def total(self) -> int:
        """Satoshi."""
        return sum(coin.value for coin in self.coins)


def commitment(message: str) -> bytes:
    """The transaction id that the first input must name: 32 bytes as they are hashed."""
    return sha256((PREFIX + message).encode()).digest()


# --- the file ------------------------------------------------------------------------------------


def read(data: bytes) -> ProofFile:
    """A proof file (Protocol Buffers, message ProofOfReserves of BIP-127).

    Raises Malformed: too-big, bad-field, bad-utf8, missing-field, bad-transaction.
    """
    if len(data) > MAX_FILE_BYTES:
        raise Malformed("too-big", f"a file of {len(data)} bytes")
    message: str | None = None
    numbers: dict[int, int] = {}
    block_hash = b""
    proofs: list[Proof] = []
    single: set[int] = set()
    for name, value in fields(data):
        if name in single:
            raise Malformed("duplicate-key", f"field {name} stands twice")
        if name < _PROOFS:
            single.add(name)
        match name, value:
            case ((1 | 2), int()):
                numbers[name] = value
            case 3, bytes():
                try:
                    message = value.decode("utf-8")
                except UnicodeDecodeError:
                    raise Malformed("bad-utf8", "the message is not UTF-8") from None
            case 4, bytes():
                block_hash = value
            case 5, bytes():
                proofs.append(_proof(value, f"proofs[{len(proofs)}]"))
            case 6, bytes():
                pass  # proofs that are being made: to be ignored
            case _:
                raise Malformed("bad-field", f"field {name} is not one of this format")
    if numbers.get(1, VERSION) != VERSION:
        raise Malformed("bad-field", f"version {numbers[1]} of the format is not known")
    if not message or not proofs:
        raise Malformed("missing-field", "a message and at least one proof are needed")
    if len(proofs) > MAX_PROOFS or len(block_hash) not in (0, 32):
        raise Malformed("bad-length", "too many proofs, or a block hash of another length")
    return ProofFile(message, tuple(proofs), block_hash[::-1].hex() or None, numbers.get(2))


def _proof(data: bytes, where: str) -> Proof:
    raw: bytes | None = None
    notes: list[tuple[bytes, int, bytes]] = []
    for name, value in fields(data):
        if name == 1 and isinstance(value, bytes) and raw is None:
            raw = value
        elif name == 2 and isinstance(value, bytes):
            notes.append(_note(value, where))
        else:
            raise Malformed("bad-field", f"field {name} is not one of a proof", where=where)
    if raw is None:
        raise Malformed("missing-field", "a proof without its transaction", where=where)
    found = transactions.parse(raw, where)
    spent = {entry.previous for entry in found.inputs}
    made_in: dict[Outpoint, str] = {}
    for txid, index, block in notes:
        # The format doesn't say in which order the bytes stand; the inputs tell.
        inner, shown = Outpoint(txid[::-1].hex(), index), Outpoint(txid.hex(), index)
        if inner in spent:
            made_in[inner] = block[::-1].hex()
        elif shown in spent:
            made_in[shown] = block.hex()
        else:
            raise Malformed("bad-row", "a note on an output that is no input", where=where)
    return Proof(found, made_in)


def _note(data: bytes, where: str) -> tuple[bytes, int, bytes]:
    values: dict[int, int | bytes] = {2: 0, 3: b"", **dict(fields(data))}
    txid, index, block = values.get(1), values[2], values[3]
    if (
        not isinstance(txid, bytes)
        or len(txid) != 32
        or not isinstance(index, int)
        or not isinstance(block, bytes)
        or len(block) not in (0, 32)
        or set(values) != {1, 2, 3}
    ):
        raise Malformed("bad-field", "a note on an output that can't be read", where=where)
    return txid, index, block


# --- the proof -----------------------------------------------------------------------------------


def check_shape(file: ProofFile, message: str | None = None) -> list[Outpoint]:
    """What can be said without a node; answers the listed outputs.

    message: what the exchange was to commit to, where the user knows it. Raises Invalid:
    unexpected-message, wrong-commitment, duplicate-leaf, bad-length.
    """
    if message is not None and message != file.message:
        raise Invalid("unexpected-message", "the proof commits to another message than expected")
    digest = commitment(file.message)
    seen: dict[Outpoint, None] = {}
    for place, proof in enumerate(file.proofs):
        where = f"proofs[{place}]"
        first, *others = proof.transaction.inputs
        if first.previous.index or bytes.fromhex(first.previous.txid) not in (
            digest,
            digest[::-1],
        ):
            text = "the first input does not commit to the message"
            raise Invalid("wrong-commitment", text, where=where)
        if not others:
            raise Invalid("no-rows", "a proof of no coins", where=where)
        if len(proof.transaction.outputs) != 1:
            raise Invalid("bad-length", "a proof must have one output", where=where)
        for entry in others:
            if entry.previous in seen:
                raise Invalid("duplicate-leaf", "an output is listed twice", where=where)
            seen[entry.previous] = None
    return list(seen)


def verify(
    file: ProofFile, node: Core, at: int | str | None = None, message: str | None = None
) -> Proven:
    """Checks a file against a node: coins unspent at the block, sums, signatures.

    at: the block from outside; None takes the file's own. Raises Invalid, Malformed, and
    Incomplete for what the node can't tell or no rule covers.
    """
    listed = check_shape(file, message)
    if at is None and file.block_hash is None:
        raise Incomplete("fact-not-given", "the file names no block: give one")
    block = node.pin(file.block_hash if at is None else at)
    if file.block_hash is not None and block.hash != file.block_hash:
        raise Invalid("untrusted-block", "the proof is about another block than the one given")
    made_in = {place: proof.made_in.get(place) for proof in file.proofs for place in proof.made_in}
    found = node.outputs({place: made_in.get(place) for place in listed}, block)
    for place in listed:
        state = found[place]
        if isinstance(state, Incomplete):
            if state.reason == "output-spent":
                raise Invalid(state.reason, state.text, where=f"{place.txid}:{place.index}")
            raise state
    coins: list[Coin] = []
    for number, proof in enumerate(file.proofs):
        coins.extend(_coins(proof.transaction, found, f"proofs[{number}]"))
    if node.pin(block.height).hash != block.hash:
        raise Incomplete("block-changed", "the block was replaced while it was read")
    return Proven(file.message, block, tuple(coins))


def balances(
    file: ProofFile,
    chain: Chain,
    urls: Sequence[str],
    at: int | str | None = None,
    *,
    memory: Path | None = None,
    offline: bool = False,
) -> list[tuple[Balance, tuple[str, ...]]]:
    """The coins of each proof transaction, summed up, and the keys that signed for them.

    urls: nodes with Bitcoin Core's RPC; each checks the whole file, and all must say the same.
    Raises as `verify`.
    """
    kept = None if memory is None else Memory(memory, offline=offline)
    clients = [client(chain, url, kept) for url in urls]
    try:
        shown: list[Proven] = []
        for node in clients:
            if not isinstance(node, Core):
                text = f"{node.source} tells no single outputs: name a node with Bitcoin Core's RPC"
                raise Incomplete("no-rule", text)
            shown.append(verify(file, node, at))
        if any(found != shown[0] for found in shown):
            raise Incomplete("sources-disagree", "the nodes state different outputs or blocks")
    finally:
        for node in clients:
            node.close()
        if kept is not None:
            kept.close()
    sources = sorted({node.source for node in clients})
    level = Level.AGREED if len(sources) > 1 else Level.SINGLE_SOURCE
    if any(node.own for node in clients):
        level = Level.OWN_NODE
    block, coins = shown[0].block, iter(shown[0].coins)
    found = []
    for proof in file.proofs:
        own = list(islice(coins, len(proof.transaction.inputs) - 1))
        balance = Balance(
            level,
            units=sum(coin.value for coin in own),
            decimals=chain.decimals,
            height=block.height,
            block_hash=block.hash,
            time=utc(block.time),
            source=", ".join(sources),
        )
        signers = dict.fromkeys(key for coin in own for key in coin.keys)
        found.append((balance, tuple(signers)))
    return found


def _coins(
    transaction: Transaction, found: dict[Outpoint, Unspent | Incomplete], where: str
) -> Iterator[Coin]:
    spent = [Output(0, b"")]  # the commitment: nothing, to be spent by anybody
    for entry in transaction.inputs[1:]:
        out = found[entry.previous]
        assert isinstance(out, Unspent)
        spent.append(Output(out.value, out.script))
    total = sum(output.value for output in spent)
    if transaction.outputs[0].value != total:
        raise Invalid(
            "sum-mismatch",
            "the proof's output is not the sum of its coins",
            where=where,
            expected=str(total),
            computed=str(transaction.outputs[0].value),
        )
    for index, entry in enumerate(transaction.inputs):
        if index:
            keys = spending.check(transaction, index, spent)
            yield Coin(entry.previous, spent[index].value, spent[index].script, keys)
