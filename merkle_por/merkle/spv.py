"""Proofs that transactions are in a block of the Bitcoin kind (BIP-37 `merkleblock`).

Layout: header of 80 bytes (hash: double SHA-256, shown reversed; root at 36..68), number of
transactions (4 bytes little-endian), CompactSize count and hashes of 32 bytes, CompactSize count
and flag bytes (bits from the least significant). The tree is rebuilt depth first: a set bit on an
inner node means that its children follow, on a leaf that it is a transaction asked for.
Shows inclusion only; that an output is still unspent can't be shown this way.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from merkle_por.errors import Invalid, Malformed

HEADER_BYTES = 80
ROOT = slice(36, 68)
TIME = slice(68, 72)
HASH_BYTES = 32


def double_sha256(data: bytes) -> bytes:
    """SHA-256 of SHA-256: 32 bytes, in the order in which it is hashed (not shown)."""
    return sha256(sha256(data).digest()).digest()


def shown(hash: bytes) -> str:
    """A hash as it is shown to people: reversed, hexadecimal."""
    return hash[::-1].hex()


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What a proof shows. block_hash, root, txids: as shown to people. time: Unix."""

    block_hash: str
    root: str
    time: int
    transactions: int
    txids: tuple[str, ...]


class _Reader:
    def __init__(self, data: bytes, where: str) -> None:
        self.data = data
        self.where = where
        self.place = 0

    def take(self, length: int) -> bytes:
        part = self.data[self.place : self.place + length]
        if len(part) != length:
            raise Malformed("bad-length", "the proof is cut short", where=self.where)
        self.place += length
        return part

    def compact(self) -> int:
        first = self.take(1)[0]
        if first < 0xFD:
            return first
        size = 1 << (first - 0xFC)
        value = int.from_bytes(self.take(size), "little")
        if value < (0xFD if size == 2 else 1 << (4 * size)):
            raise Malformed("bad-length", "a count that is not in its short form", where=self.where)
        return value


def merkleblock(data: bytes, where: str = "merkleblock") -> Inclusion:
    """What the proof shows, its own root compared with its header's.

    Raises Malformed (bad-length, bad-number) and Invalid (root-inconsistent, duplicate-sibling,
    proof-too-short, unused-nodes).
    """
    reader = _Reader(data, where)
    header = reader.take(HEADER_BYTES)
    count = int.from_bytes(reader.take(4), "little")
    if not count:
        raise Malformed("bad-number", "no transactions in a block", where=where)
    size = reader.compact()
    if size > count:
        raise Malformed("bad-length", "more hashes than transactions", where=where)
    hashes = [reader.take(HASH_BYTES) for _ in range(size)]
    flags = reader.take(min(reader.compact(), len(data)))
    if reader.place != len(data):
        raise Malformed("bad-length", "bytes after the end of the proof", where=where)
    tree = _Partial(count, hashes, flags, where)
    root = tree.root()
    if root != header[ROOT]:
        raise Invalid(
            "root-inconsistent",
            "the proof does not lead to the root in its header",
            where=where,
            expected=shown(header[ROOT]),
            computed=shown(root),
        )
    return Inclusion(
        block_hash=shown(double_sha256(header)),
        root=shown(root),
        time=int.from_bytes(header[TIME], "little"),
        transactions=count,
        txids=tuple(map(shown, tree.matched)),
    )


class _Partial:
    """Depth-first walk over a tree of `count` leaves; its shape follows from the count alone."""

    def __init__(self, count: int, hashes: list[bytes], flags: bytes, where: str) -> None:
        self.count = count
        self.hashes = hashes
        self.flags = flags
        self.where = where
        self.used_bits = self.used_hashes = 0
        self.matched: list[bytes] = []

    def root(self) -> bytes:
        height = (self.count - 1).bit_length()
        root = self._node(height, 0)
        # The last byte of flags is filled up with zeros.
        spare = self.flags and self.flags[-1] >> ((self.used_bits - 1) % 8 + 1)
        if self.used_hashes != len(self.hashes) or (self.used_bits + 7) // 8 != len(self.flags):
            raise Invalid("unused-nodes", "hashes or bits lie beyond the end", where=self.where)
        if spare:
            raise Invalid("unused-nodes", "bits lie beyond the end", where=self.where)
        return root

    def _bit(self) -> bool:
        byte, bit = divmod(self.used_bits, 8)
        if byte >= len(self.flags):
            raise Invalid("proof-too-short", "the proof has too few bits", where=self.where)
        self.used_bits += 1
        return bool(self.flags[byte] >> bit & 1)

    def _hash(self) -> bytes:
        if self.used_hashes == len(self.hashes):
            raise Invalid("proof-too-short", "the proof has too few hashes", where=self.where)
        self.used_hashes += 1
        return self.hashes[self.used_hashes - 1]

    def _node(self, height: int, place: int) -> bytes:
        follow = self._bit()
        if height == 0 or not follow:
            found = self._hash()
            if height == 0 and follow:
                self.matched.append(found)
            return found
        width = (self.count + (1 << (height - 1)) - 1) >> (height - 1)
        left = self._node(height - 1, 2 * place)
        right = left
        if 2 * place + 1 < width:
            right = self._node(height - 1, 2 * place + 1)
            if right == left:
                # CVE-2012-2459: doubled transactions with the same root.
                raise Invalid("duplicate-sibling", "both children are one hash", where=self.where)
        return double_sha256(left + right)
