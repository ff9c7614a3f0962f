"""Transactions of the Bitcoin kind: reading them, their ids, and the digests that spending signs.

Source: Bitcoin Core primitives/transaction.h; BIP-141 and BIP-144 (witness), BIP-143 (digest of
version 0 programs), BIP-341 (digest of Taproot's key path), and the original digest. Only
SIGHASH_ALL (and Taproot's default, the same) is computed: nothing less covers a whole transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from merkle_por.errors import Malformed
from merkle_por.merkle.spv import double_sha256, shown
from merkle_por.reserves.ownership.digests import var_bytes
from merkle_por.reserves.ownership.secp256k1 import tagged_hash

MAX_BYTES = 4_000_000
"""Weight limit of a block: no transaction is larger."""
MAX_MONEY = 21_000_000 * 10**8
MARKER, FLAG = 0, 1
SIGHASH_ALL = 1
_CODE_SEPARATOR = 0xAB


@dataclass(frozen=True, slots=True)
class Outpoint:
    """An output by its place. txid: as shown to people."""

    txid: str
    index: int

    @property
    def raw(self) -> bytes:
        return bytes.fromhex(self.txid)[::-1] + self.index.to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Input:
    previous: Outpoint
    script: bytes
    sequence: int
    witness: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """value: satoshi."""

    value: int
    script: bytes

    @property
    def raw(self) -> bytes:
        return self.value.to_bytes(8, "little") + var_bytes(self.script)


@dataclass(frozen=True, slots=True)
class Transaction:
    version: bytes
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    lock_time: bytes
    txid: str

    def legacy_digest(self, index: int, script_code: bytes) -> bytes:
        """What a signature of input `index` signs before BIP-143, SIGHASH_ALL."""
        parts = [self.version, _count(len(self.inputs))]
        for place, spent in enumerate(self.inputs):
            script = script_code if place == index else b""
            parts += [spent.previous.raw, var_bytes(script), spent.sequence.to_bytes(4, "little")]
        parts += [_count(len(self.outputs)), *(output.raw for output in self.outputs)]
        parts += [self.lock_time, SIGHASH_ALL.to_bytes(4, "little")]
        return double_sha256(b"".join(parts))

    def segwit_digest(self, index: int, script_code: bytes, value: int) -> bytes:
        """BIP-143, SIGHASH_ALL. value: of the output spent, satoshi."""
        spent = self.inputs[index]
        return double_sha256(
            self.version
            + double_sha256(self._prevouts())
            + double_sha256(self._sequences())
            + spent.previous.raw
            + var_bytes(script_code)
            + value.to_bytes(8, "little")
            + spent.sequence.to_bytes(4, "little")
            + double_sha256(b"".join(output.raw for output in self.outputs))
            + self.lock_time
            + SIGHASH_ALL.to_bytes(4, "little")
        )

    def taproot_digest(self, index: int, spent: list[Output], kind: int) -> bytes:
        """BIP-341, key path without annex. spent: the outputs that all inputs spend, in order.
        kind: 0 (default) or SIGHASH_ALL."""
        message = (
            b"\0"
            + bytes([kind])
            + self.version
            + self.lock_time
            + sha256(self._prevouts()).digest()
            + sha256(b"".join(o.value.to_bytes(8, "little") for o in spent)).digest()
            + sha256(b"".join(var_bytes(o.script) for o in spent)).digest()
            + sha256(self._sequences()).digest()
            + sha256(b"".join(output.raw for output in self.outputs)).digest()
            + b"\0"
            + index.to_bytes(4, "little")
        )
        return tagged_hash("TapSighash", message)

    def _prevouts(self) -> bytes:
        return b"".join(spent.previous.raw for spent in self.inputs)

    def _sequences(self) -> bytes:
        return b"".join(spent.sequence.to_bytes(4, "little") for spent in self.inputs)


def _count(number: int) -> bytes:
    """CompactSize."""
    return var_bytes(b"\0" * number)[:-number] if number else b"\0"


def has_code_separator(script: bytes) -> bool:
    """Whether a byte of the script could be OP_CODESEPARATOR, which changes what is signed."""
    return _CODE_SEPARATOR in script


class _Reader:
    def __init__(self, data: bytes, where: str | None) -> None:
        self.data = data
        self.where = where
        self.place = 0

    def bad(self, text: str) -> Malformed:
        return Malformed("bad-transaction", text, where=self.where)

    def take(self, length: int) -> bytes:
        part = self.data[self.place : self.place + length]
        if len(part) != length:
            raise self.bad("the transaction is cut short")
        self.place += length
        return part

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "little")

    def count(self) -> int:
        first = self.take(1)[0]
        if first < 0xFD:
            return first
        size = 1 << (first - 0xFC)
        value = self.number(size)
        if value < (0xFD if size == 2 else 1 << (4 * size)):
            raise self.bad("a count that is not in its short form")
        if value > len(self.data):
            raise self.bad("a count beyond the end of the transaction")
        return value

    def bytes(self) -> bytes:
        return self.take(self.count())


def parse(data: bytes, where: str | None = None) -> Transaction:
    """A whole transaction from its bytes. Raises Malformed (bad-transaction, too-big)."""
    if len(data) > MAX_BYTES:
        raise Malformed("too-big", f"a transaction of {len(data)} bytes", where=where)
    reader = _Reader(data, where)
    version = reader.take(4)
    segwit = data[4:6] == bytes([MARKER, FLAG])
    if segwit:
        reader.take(2)
    start = reader.place
    bare = [
        (
            Outpoint(shown(reader.take(32)), reader.number(4)),
            reader.bytes(),
            reader.number(4),
        )
        for _ in range(reader.count())
    ]
    outputs = tuple(Output(reader.number(8), reader.bytes()) for _ in range(reader.count()))
    body = data[start : reader.place]
    witnesses: list[tuple[bytes, ...]] = [()] * len(bare)
    if segwit:
        witnesses = [tuple(reader.bytes() for _ in range(reader.count())) for _ in bare]
        if not any(witnesses):
            raise reader.bad("a transaction marked as having witnesses has none")
    lock_time = reader.take(4)
    if reader.place != len(data):
        raise reader.bad("bytes after the end of the transaction")
    if not bare or not outputs:
        raise reader.bad("a transaction without inputs or outputs")
    if any(o.value > MAX_MONEY for o in outputs) or sum(o.value for o in outputs) > MAX_MONEY:
        raise reader.bad("an output of more money than there is")
    return Transaction(
        version=version,
        inputs=tuple(
            Input(previous, script, sequence, witness)
            for (previous, script, sequence), witness in zip(bare, witnesses, strict=True)
        ),
        outputs=outputs,
        lock_time=lock_time,
        txid=shown(double_sha256(version + body + lock_time)),
    )
