"""Bitcoin proofs of reserves by BIP-127: a file of signed transactions that can never be mined.

The file names outputs, not addresses or amounts of each: those are on the chain. So a row is one
proof transaction with all outputs that it lists, and its amount is what the transaction pays in
all. Who can spend the coins, and whether they were unspent, is known only with a node of the chain
(`prove`); then everything holds, or the file fails as a whole. Source: BIP-127.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from merkle_por.documents import Document
from merkle_por.errors import Incomplete, Invalid, Malformed, UsageError
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import Reading
from merkle_por.reserves.lists.row import Row
from merkle_por.scheme import Fact, FactKind, Where

if TYPE_CHECKING:
    from merkle_por.reserves.asking import Answered, Answers
    from merkle_por.reserves.bip127 import ProofFile
    from merkle_por.reserves.chains.registry import Chain

BITCOIN = "bitcoin"
SHOWN = 80
"""Characters of the message in a text."""
_FIRST_FIELDS = (b"\x08", b"\x10", b"\x1a", b"\x22", b"\x2a")
"""Tags of fields 1 to 5; makers write them in order, and no text begins so."""


def recognises(document: Document) -> bool:
    """A protobuf message that reads as such a file to its end."""
    if document.is_folder or document.head[:1] not in _FIRST_FIELDS:
        return False
    try:
        _file(document)
    except Malformed:
        return False
    return True


def _file(document: Document) -> ProofFile:
    from merkle_por.reserves.bip127 import read

    return read(document.data)


def _chain(reading: Reading, file: ProofFile) -> Chain:
    """The chain of the coins: the one given, else Bitcoin."""
    from merkle_por.reserves.bip127 import MAINNET_MAGIC
    from merkle_por.reserves.chains import registry

    name = reading.given.get("chain", BITCOIN)
    if not isinstance(name, str):
        raise UsageError("chain must be a name")
    found = registry.chain(name)
    if found.family != BITCOIN:
        raise UsageError(f"{found.name} has no such proofs", "chains of the Bitcoin kind only")
    if found.name == BITCOIN and file.magic not in (None, MAINNET_MAGIC):
        reading.warn("chain-mismatch", "the file is for another network than Bitcoin's main one")
    return found


def _rows(reading: Reading, file: ProofFile, chain: Chain) -> Iterator[Row]:
    from merkle_por.reserves.chains.interface import whole

    for place, proof in enumerate(file.proofs, 1):
        listed = proof.transaction.inputs[1:]
        yield Row(
            coin=chain.coin,
            asset=chain.coin,
            addresses=tuple(f"{one.previous.txid}:{one.previous.index}" for one in listed),
            amount=whole(proof.transaction.outputs[0].value, chain.decimals),
            line=place,
            message=file.message,
        )


def _checked(reading: Reading) -> tuple[ProofFile, Chain]:
    """The file, when its shape and its message are right. Raises Malformed, Invalid."""
    from merkle_por.reserves.bip127 import check_shape

    file = _file(reading.document)
    chain = _chain(reading, file)
    check_shape(file)
    expected = reading.given.get("message")
    if isinstance(expected, frozenset) and file.message not in expected:
        text = "the proof commits to another message than expected"
        raise Invalid("unexpected-message", text)
    reading.facts["message"] = file.message
    if file.block_hash is not None:
        reading.facts["block"] = file.block_hash
    return file, chain


def read(reading: Reading) -> Iterator[Row]:
    """One row for each proof transaction; `line` counts them from 1."""
    from merkle_por.reserves.ownership.row import Ownership, State

    file, chain = _checked(reading)
    text = f"the scripts of the coins are on the chain: add --node {chain.name}=URL"
    unjudged = Ownership(State.UNSUPPORTED, "no-node", text, message=file.message)
    for row in _rows(reading, file, chain):
        yield row._replace(ownership=unjudged)


def prove(reading: Reading, answers: Answers) -> Iterator[Answered]:
    """The rows with what a node of the chain makes of them."""
    from merkle_por.reserves.chains.interface import unknown
    from merkle_por.reserves.ownership.row import Ownership, State

    file, chain = _checked(reading)
    rows = list(_rows(reading, file, chain))
    try:
        found = answers.outputs(chain, file)
    except Invalid as error:
        place = f" ({error.where})" if error.where else ""
        failed = Ownership(State.FAILED, error.reason, f"{error.text}{place}")
        yield from ((row, failed, None) for row in rows)
        return
    except Incomplete as error:
        open_ = Ownership(State.UNSUPPORTED, error.reason, error.text, message=file.message)
        yield from ((row, open_, unknown(error)) for row in rows)
        return
    _say_message(reading, file)
    text = "each coin is signed for by the keys that can spend it"
    for row, (balance, signers) in zip(rows, found, strict=True):
        yield row, Ownership(State.PROVEN, None, text, signers, file.message), balance


def _say_message(reading: Reading, file: ProofFile) -> None:
    shown = file.message[:SHOWN] + ("..." if len(file.message) > SHOWN else "")
    if "message" in reading.given:
        reading.passed("message", f'the proof commits to "{shown}", as expected')
    else:
        text = f'the proof is for the message "{shown}": is that of this exchange, and new?'
        reading.warn("unexpected-message", text)


LAYOUT = Layout(
    id="bip127",
    exchange="any",
    exchange_name="the exchange",
    title="Bitcoin outputs, signed in transactions that can't be mined (BIP-127)",
    used="any time",
    file_name="NAME.proof",
    where=Where(
        file="where the exchange publishes its proof of reserves",
        root="no root; the message to expect: what the exchange was asked to sign",
        certain="the BIP; proofs signed by a real node's wallet (litecoind)",
    ),
    recognises=recognises,
    read=read,
    prove=prove,
    facts={
        "message": Fact(FactKind.VALUE, "the text(s) that the proof may be for"),
        "chain": Fact(FactKind.VALUE, "the coins' chain, if not bitcoin"),
    },
    shown="the outputs' amounts; each is signed for by the keys that can spend it, nodes you name "
    "show that it was unspent",
    unshown="Whether the coins are still there: they can be spent in the block after.",
)
