"""RLP and Merkle-Patricia proofs: against a trie built here, and against every kind of damage."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por.errors import Finding, Invalid, Malformed
from merkle_por.hashes.keccak import keccak256
from merkle_por.merkle import patricia, rlp

ITEMS = st.recursive(
    st.binary(max_size=80), lambda inner: st.lists(inner, max_size=5), max_leaves=20
)


class Trie:
    """A plain Merkle-Patricia trie that only builds: nested tuples first, then their encodings."""

    def __init__(self, values: dict[bytes, bytes]) -> None:
        self.store: dict[bytes, bytes] = {}
        paths = {tuple(patricia.nibbles(k)): v for k, v in values.items()}
        self.top = self._build(paths) if paths else b""
        encoded = rlp.encode(self.top)
        self.root = keccak256(encoded)
        self.store[self.root] = encoded

    def _build(self, values: dict[tuple[int, ...], bytes]) -> rlp.Item:
        if len(values) == 1:
            [(path, value)] = values.items()
            return [self._part(path, leaf=True), value]
        keys = sorted(values)
        common = 0
        while all(len(k) > common and k[common] == keys[0][common] for k in keys):
            common += 1
        if common:
            rest = {k[common:]: v for k, v in values.items()}
            return [self._part(keys[0][:common], leaf=False), self._named(self._build(rest))]
        children: list[rlp.Item] = []
        for half in range(16):
            below = {k[1:]: v for k, v in values.items() if k and k[0] == half}
            children.append(self._named(self._build(below)) if below else b"")
        return [*children, values.get((), b"")]

    def _named(self, node: rlp.Item) -> rlp.Item:
        encoded = rlp.encode(node)
        if len(encoded) < 32:
            return node
        name = keccak256(encoded)
        self.store[name] = encoded
        return name

    @staticmethod
    def _part(path: tuple[int, ...], *, leaf: bool) -> bytes:
        mark = (2 if leaf else 0) + len(path) % 2
        halves = [mark, *([] if len(path) % 2 else [0]), *path]
        return bytes(a << 4 | b for a, b in zip(halves[::2], halves[1::2], strict=True))

    def proof(self, key: bytes) -> list[bytes]:
        """Encoded nodes on the way of a key, those that stand in their parents left out."""
        nodes = [self.store[self.root]]
        node, path = self.top, patricia.nibbles(key)
        while isinstance(node, list):
            if len(node) == 17:
                if not path:
                    break
                node, path = node[path[0]], path[1:]
            else:
                halves = patricia.nibbles(node[0])
                part = halves[1:] if halves[0] % 2 else halves[2:]
                if halves[0] >= 2 or path[: len(part)] != part:
                    break
                node, path = node[1], path[len(part) :]
            if isinstance(node, bytes) and node in self.store:
                nodes.append(self.store[node])
                decoded = rlp.decode(nodes[-1])
                node = decoded
        return nodes


@given(ITEMS)
def test_rlp_decodes_what_it_encodes(item: rlp.Item) -> None:
    assert rlp.decode(rlp.encode(item)) == item


@given(st.binary(max_size=60))
def test_rlp_has_one_encoding(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert rlp.encode(rlp.decode(data)) == data


@pytest.mark.parametrize(
    "text",
    ["", "8100", "b800", "b80161", "b90001", "c1", "f800", "8080", "c28080c0", "bf" + "ff" * 8],
)
def test_rlp_refuses(text: str) -> None:
    with pytest.raises(Malformed, match="bad-rlp"):
        rlp.decode(bytes.fromhex(text))


def test_rlp_nests_only_so_deep() -> None:
    data = b"\xc0"
    for _ in range(40):
        data = rlp.encode([rlp.decode(data)]) if len(data) < 8 else bytes([0xC0 + len(data)]) + data
    with pytest.raises(Malformed):
        rlp.decode(data)


KEYS = st.dictionaries(st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=40))


@given(KEYS, st.binary(min_size=4, max_size=4))
def test_lookup_finds_what_is_there_and_proves_what_is_not(
    values: dict[bytes, bytes], other: bytes
) -> None:
    trie = Trie(values)
    for key in [*values, other]:
        assert patricia.lookup(trie.root, key, trie.proof(key)) == values.get(key)


@given(KEYS, st.data())
@settings(max_examples=150)
def test_a_changed_proof_never_shows_something_else(
    values: dict[bytes, bytes], data: st.DataObject
) -> None:
    trie = Trie(values)
    key = data.draw(
        st.one_of(st.sampled_from(sorted(values) or [b"\0" * 4]), st.binary(min_size=4, max_size=4))
    )
    nodes = trie.proof(key)
    place = data.draw(st.integers(0, len(nodes) - 1))
    byte = data.draw(st.integers(0, len(nodes[place]) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    node = bytearray(nodes[place])
    node[byte] ^= bit
    nodes[place] = bytes(node)
    with pytest.raises(Finding):
        patricia.lookup(trie.root, key, nodes)


def test_cut_and_lengthened_proofs() -> None:
    values = {keccak256(bytes([i])): bytes([i]) * 40 for i in range(1, 200)}
    trie = Trie(values)
    key = keccak256(b"\x07")
    nodes = trie.proof(key)
    with pytest.raises(Invalid, match="proof-too-short"):
        patricia.lookup(trie.root, key, nodes[:-1])
    with pytest.raises(Invalid, match="unused-nodes"):
        patricia.lookup(trie.root, key, [*nodes, nodes[-1]])
    with pytest.raises(Invalid, match="node-hash-mismatch"):
        patricia.lookup(trie.root, key, nodes[1:])
    with pytest.raises(Malformed, match="too-deep"):
        patricia.lookup(trie.root, key, nodes * 40)


def test_the_empty_trie() -> None:
    assert patricia.lookup(patricia.EMPTY_ROOT, b"key", []) is None
    assert patricia.lookup(patricia.EMPTY_ROOT, b"key", [patricia.EMPTY_NODE]) is None
    with pytest.raises(Invalid, match="unused-nodes"):
        patricia.lookup(patricia.EMPTY_ROOT, b"key", [b"\xc0"])


@pytest.mark.parametrize(
    "node",
    [
        [b"\x40", b"v"],  # no such mark
        [b"\x01", b"v"],  # mark 0 with a nibble in its pad
        [b"\x2f", b"v"],  # even form, pad not zero
        [b"\x00", b"\x11" * 32],  # an extension by nothing
        [b"\x20", b""],  # a leaf without a value
        [b"", b"v"],
        [b"\x11", b""],  # an extension that leads nowhere
        [b"\x11", b"abc"],  # neither a hash nor a node
        [b"\x11", [b"\x20", b"v" * 40]],  # a long node inside its parent
        [b"a", b"b", b"c"],
        b"text",
    ],
)
def test_nodes_of_no_known_form(node: rlp.Item) -> None:
    encoded = rlp.encode(node)
    with pytest.raises((Malformed, Invalid)):
        patricia.lookup(keccak256(encoded), b"\x11\x11", [encoded])
