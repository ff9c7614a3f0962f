"""Proofs in a hexary Merkle-Patricia trie: which value a key has under a root, or that it has none.

Source: Ethereum yellow paper, appendix D. A proof is the list of encoded nodes from the root down.
A node is a branch (17 items: 16 children and a value), or a leaf or extension (2 items: the next
nibbles of the key behind a mark, and value or child). A child of 32 bytes or more is named by its
Keccak-256; a shorter one stands in its parent as it is. Every node given must be on the key's path.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from merkle_por.errors import Invalid, Malformed
from merkle_por.hashes.keccak import keccak256
from merkle_por.merkle import rlp

MAX_NODES = 65
"""A key of 32 bytes has 64 nibbles."""
MAX_NODE_BYTES = 1 << 16
NODES_KEPT = 1024
EMPTY_NODE = b"\x80"
EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""Root of a trie that holds nothing: keccak256(EMPTY_NODE), written out since hashing at import
would cost every command the kernel's known answers."""
_HASH_BYTES = 32


@lru_cache(NODES_KEPT)
def _opened(node: bytes) -> tuple[bytes, rlp.Item | None]:
    """Keccak-256 and contents of a node, None where it is not canonical RLP. The upper nodes of a
    trie stand in the proof of every key. The contents are not to be changed."""
    try:
        return keccak256(node), rlp.decode(node)
    except Malformed:
        return keccak256(node), None


def nibbles(key: bytes) -> list[int]:
    """Half bytes of a key, high one first."""
    return [half for byte in key for half in (byte >> 4, byte & 15)]


def lookup(root: bytes, key: bytes, nodes: Sequence[bytes], where: str = "proof") -> bytes | None:
    """The value of `key` in the trie with this root (32 bytes), None where it is shown absent.

    nodes: encoded nodes from the root down. Raises Malformed (bad-rlp, bad-node, too-deep,
    too-big) and Invalid (node-hash-mismatch, proof-too-short, unused-nodes).
    """
    if len(nodes) > MAX_NODES:
        raise Malformed("too-deep", f"{len(nodes)} nodes in one path", where=where)
    if root == EMPTY_ROOT:
        if list(nodes) not in ([], [EMPTY_NODE]):
            raise Invalid("unused-nodes", "nodes of a trie that is empty", where=where)
        return None
    walk = _Walk(nodes, where)
    value = walk.run(root, nibbles(key))
    if walk.used != len(nodes):
        text = f"{len(nodes) - walk.used} nodes lie beyond the end of the path"
        raise Invalid("unused-nodes", text, where=where)
    return value


class _Walk:
    def __init__(self, nodes: Sequence[bytes], where: str) -> None:
        self.nodes = nodes
        self.where = where
        self.used = 0

    def _named(self, name: bytes) -> list[rlp.Item]:
        """The next node of the proof, whose hash must be `name`."""
        here = f"{self.where}[{self.used}]"
        if self.used == len(self.nodes):
            raise Invalid("proof-too-short", "the path ends before the key does", where=self.where)
        node = self.nodes[self.used]
        if len(node) > MAX_NODE_BYTES:
            raise Malformed("too-big", f"a node of {len(node)} bytes", where=here)
        found, item = _opened(node)
        if found != name:
            raise Invalid(
                "node-hash-mismatch",
                "the node is not the one that its parent names",
                where=here,
                expected=name.hex(),
                computed=found.hex(),
            )
        self.used += 1
        if item is None:
            item = rlp.decode(node, here)  # says what is wrong with it, and where
        if isinstance(item, bytes):
            raise self._bad("a node that is no list")
        return item

    def _bad(self, text: str) -> Malformed:
        place = f"{self.where}[{self.used - 1}]" if self.used else self.where
        return Malformed("bad-node", text, where=place)

    def _child(self, reference: rlp.Item) -> list[rlp.Item] | None:
        """The node that a reference stands for, None for the empty one."""
        if isinstance(reference, list):
            if len(rlp.encode(reference)) >= _HASH_BYTES:
                raise self._bad("a long node stands in its parent")
            return reference
        if reference == b"":
            return None
        if len(reference) != _HASH_BYTES:
            raise self._bad("a reference that is neither a hash nor a node")
        return self._named(reference)

    def run(self, root: bytes, path: list[int]) -> bytes | None:
        node: list[rlp.Item] | None = self._named(root)
        while node is not None:
            if len(node) == 17:
                if not path:
                    return self._value(node[16]) or None
                node = self._child(node[path[0]])
                path = path[1:]
                continue
            if len(node) != 2:
                raise self._bad(f"a node of {len(node)} items")
            part, is_leaf = self._part(node[0])
            if is_leaf:
                value = self._value(node[1])
                if not value:
                    raise self._bad("a leaf without a value")
                return value if part == path else None
            if path[: len(part)] != part:
                return None
            path = path[len(part) :]
            node = self._child(node[1])
            if node is None:
                raise self._bad("an extension that leads nowhere")
        return None

    def _value(self, item: rlp.Item) -> bytes:
        if isinstance(item, list):
            raise self._bad("a list where a value must stand")
        return item

    def _part(self, item: rlp.Item) -> tuple[list[int], bool]:
        """The nibbles of a leaf or extension, and whether it is a leaf (hex-prefix encoding)."""
        if isinstance(item, list) or not item:
            raise self._bad("a node without its part of the key")
        halves = nibbles(item)
        mark = halves[0]
        if mark > 3 or (mark % 2 == 0 and halves[1]):
            raise self._bad("a part of a key that is not marked as leaf or extension")
        part = halves[1:] if mark % 2 else halves[2:]
        if mark < 2 and not part:
            raise self._bad("an extension by nothing")
        return part, mark >= 2
