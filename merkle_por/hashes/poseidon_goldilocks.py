"""Poseidon over the Goldilocks field, width 12, as Plonky2 uses it: permutation, hash, tree node.

Parameters (Grassi et al., "Poseidon", USENIX Security 2021; Plonky2's instance): p = 2^64-2^32+1,
S-box x^7, 4 full + 22 partial + 4 full rounds, a circulant matrix plus 8 on the first diagonal
entry. Round constants: poseidon_goldilocks.json, derived by tools/derive_poseidon_goldilocks.py.

`permute_dense` is the definition, round by round. `permute` computes the same function faster:
additions of vectors run as one addition of long integers with a slot for each element, and the
22 partial rounds, linear but for one S-box each, become 34 such vectors (see `_Tables`). Where
the compiled kernel is present it does the work instead.

Words are integers 0 <= w < 2^64 and mean w mod p; results are always below p.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from operator import mul
from pathlib import Path
from types import ModuleType

from merkle_por._native import kernel, known_answer

P = 2**64 - 2**32 + 1
WIDTH = 12
RATE = 8
DIGEST = 4
HALF_FULL_ROUNDS = 4
PARTIAL_ROUNDS = 22
ROUNDS = 2 * HALF_FULL_ROUNDS + PARTIAL_ROUNDS
CIRCULANT = (17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20)
DIAGONAL = 8  # added to entry (0, 0)
BLOCK_ONE = (0x3C18A9786CB0B359, 0xC4055E3364A246C3, 0x7953DB0AB48808F4, 0xC71603F33A1144CA)
"""First four words of the permutation of twelve zeros (known answer)."""
BLOCK_TWO = (0x5F0C0E4ECEA4A8FC, 0x381995A8F3695219, 0xD893D882C8CEFCF5, 0x04D087A7F31CDB7E)
"""The same of twelve words 2^64 - 1, where every carry runs."""

Digest = tuple[int, int, int, int]
"""A hash: four field elements."""


@cache
def round_constants() -> tuple[tuple[int, ...], ...]:
    """30 rows of 12 field elements, in the order of the rounds."""
    data = json.loads(Path(__file__).with_suffix(".json").read_bytes())
    return tuple(tuple(int(word, 16) for word in row) for row in data["round_constants"])


def matrix() -> list[list[int]]:
    """The linear layer's 12 x 12 matrix: row r gives out[r]."""
    rows = [[CIRCULANT[(c - r) % WIDTH] for c in range(WIDTH)] for r in range(WIDTH)]
    rows[0][0] += DIAGONAL
    return rows


def linear_layer(state: Sequence[int]) -> list[int]:
    """The matrix times a vector of integers, not reduced."""
    doubled = (*state, *state)
    out = [sum(map(mul, CIRCULANT, doubled[r : r + WIDTH])) for r in range(WIDTH)]
    out[0] += DIAGONAL * state[0]
    return out


def permute_dense(state: Sequence[int]) -> list[int]:
    """The permutation by its definition: 12 words to 12 field elements."""
    current = list(state)
    for number, constants in enumerate(round_constants()):
        current = [(x + c) % P for x, c in zip(current, constants, strict=True)]
        full = not HALF_FULL_ROUNDS <= number < HALF_FULL_ROUNDS + PARTIAL_ROUNDS
        active = WIDTH if full else 1
        current[:active] = [pow(x, 7, P) for x in current[:active]]
        current = [x % P for x in linear_layer(current)]
    return current


_FULL_BYTES = 10  # a sum of 12 products below 2^64 * 2^6, plus a constant, is below 2^73
_PARTIAL_BYTES = 17  # a sum of 34 products below 2^128, plus a constant, is below 2^134
_PARTIAL_BITS = 8 * _PARTIAL_BYTES
_PARTIAL_MASK = (1 << _PARTIAL_BITS) - 1
_EPSILON = 2**32 - 1  # 2^64 mod p
_FULL_SLOTS = struct.Struct("<" + "QH" * WIDTH)
_PARTIAL_SLOTS = struct.Struct("<" + "QQB" * WIDTH)


def _packed(values: Sequence[int], slot_bytes: int) -> int:
    return int.from_bytes(
        b"".join(value.to_bytes(slot_bytes, "little") for value in values), "little"
    )


def _times(rows: Sequence[Sequence[int]], vector: Sequence[int]) -> list[int]:
    return [sum(map(mul, row, vector)) % P for row in rows]


def _product(left: Sequence[Sequence[int]], right: Sequence[Sequence[int]]) -> list[list[int]]:
    turned = tuple(zip(*right, strict=True))
    return [_times(turned, row) for row in left]


@dataclass(frozen=True)
class _Partial:
    """The partial rounds as linear maps around their S-boxes.

    Let s be the state before the first S-box, its constants added, and y_j the output of the
    j-th one. Input k of the later ones (1..21) is heads[k-1] * s + the sum of
    trail[k-1-j][0] * y_j over j < k + constants[k-1]; the state after the last round, with the
    next constants, is whole * s + the sum of trail[21-j] * y_j + the last 12 constants.
    """

    constants: list[int]
    heads: list[list[int]]
    whole: list[list[int]]
    trail: list[list[int]]


@cache
def _partial() -> _Partial:
    full = matrix()
    # The linear layer without the S-box's element: its first column is zero.
    passive = [[0, *row[1:]] for row in full]
    transposed = tuple(zip(*passive, strict=True))
    heads = [passive[0]]
    while len(heads) < PARTIAL_ROUNDS - 1:
        heads.append(_times(transposed, heads[-1]))
    second = _product(passive, passive)
    fourth = _product(second, second)
    eighth = _product(fourth, fourth)
    whole = _product(_product(eighth, eighth), _product(fourth, second))  # 16 + 4 + 2 = 22
    # y_j enters the state before the next input as the matrix's first column.
    trail = [[row[0] for row in full]]
    while len(trail) < PARTIAL_ROUNDS:
        trail.append(_times(passive, trail[-1]))
    rest = [0] * WIDTH
    inputs = []
    for constants in round_constants()[HALF_FULL_ROUNDS + 1 :][:PARTIAL_ROUNDS]:
        inputs.append(rest[0])
        rest = [(x + c) % P for x, c in zip(_times(passive, rest), constants, strict=True)]
    return _Partial([*inputs[1:], *rest], heads, whole, trail)


@dataclass(frozen=True)
class _Tables:
    """Vectors for `permute`, packed with one slot for each element (slot 0 lowest).

    columns: the matrix's columns. following: constants of the round after each full round (none
    after the last; those after the fourth belong to the first partial round).
    from_state[i]: what s[i] adds to the inputs 1..21 and the 12 results of the partial rounds;
    from_sbox[j]: what y_j adds to the inputs j+1..21 and the results (see `_Partial`).
    """

    columns: tuple[int, ...]
    following: tuple[int, ...]
    from_state: tuple[int, ...]
    from_sbox: tuple[int, ...]
    partial_constants: int


@cache
def _tables() -> _Tables:
    constants = round_constants()
    columns = zip(*matrix(), strict=True)
    first, second = HALF_FULL_ROUNDS, HALF_FULL_ROUNDS + PARTIAL_ROUNDS
    following = (*constants[1 : first + 1], *constants[second + 1 :], [0] * WIDTH)
    partial = _partial()
    from_state = zip(*partial.heads, *partial.whole, strict=True)
    heads = [state[0] for state in partial.trail]
    from_sbox = (
        [*heads[:after], *partial.trail[after]] for after in reversed(range(PARTIAL_ROUNDS))
    )
    return _Tables(
        tuple(_packed(column, _FULL_BYTES) for column in columns),
        tuple(_packed(row, _FULL_BYTES) for row in following),
        tuple(_packed(column, _PARTIAL_BYTES) for column in from_state),
        tuple(_packed(column, _PARTIAL_BYTES) for column in from_sbox),
        _packed(partial.constants, _PARTIAL_BYTES),
    )


def _full_rounds(
    state: Sequence[int], columns: Sequence[int], constants: Sequence[int]
) -> list[int]:
    """Four rounds of S-box, matrix, next constants; neither input nor result is reduced."""
    current = list(state)
    for packed in constants:
        for x, column in zip(current, columns, strict=True):
            cube = x * x * x % P
            packed += cube * cube * x % P * column
        words = _FULL_SLOTS.unpack(packed.to_bytes(_FULL_SLOTS.size, "little"))
        current = [low + high * _EPSILON for low, high in zip(words[::2], words[1::2], strict=True)]
    return current


def _partial_rounds(state: Sequence[int], tables: _Tables) -> list[int]:
    packed = tables.partial_constants
    for x, vector in zip(state, tables.from_state, strict=True):
        packed += x % P * vector
    x = state[0]
    for vector in tables.from_sbox:
        cube = x * x * x % P
        packed += cube * cube * x % P * vector
        x = (packed & _PARTIAL_MASK) % P
        packed >>= _PARTIAL_BITS
    # The loop has taken the first result for an S-box input: put it back.
    words = _PARTIAL_SLOTS.unpack(
        ((packed << _PARTIAL_BITS) | x).to_bytes(_PARTIAL_SLOTS.size, "little")
    )
    return [
        (low + middle * _EPSILON - (high << 32)) % P  # 2^128 = -2^32
        for low, middle, high in zip(words[::3], words[1::3], words[2::3], strict=True)
    ]


def permute_python(state: Sequence[int]) -> list[int]:
    """The permutation without the kernel: 12 words to 12 field elements."""
    tables = _tables()
    current = [x + c for x, c in zip(state, round_constants()[0], strict=True)]
    current = _full_rounds(current, tables.columns, tables.following[:HALF_FULL_ROUNDS])
    current = _partial_rounds(current, tables)
    current = _full_rounds(current, tables.columns, tables.following[HALF_FULL_ROUNDS:])
    return [x % P for x in current]


def _words(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)


@cache
def kernel_tables() -> bytes:
    """The kernel's tables: round constants and `_Partial`, in the order of its `struct tables`."""
    partial = _partial()
    rows = [*round_constants(), partial.constants, *partial.heads, *partial.whole, *partial.trail]
    return _words([word for row in rows for word in row])


@known_answer("goldilocks")
def _kernel_is_right(module: ModuleType) -> bool:
    if not hasattr(module, "goldilocks_permute"):  # built before this part was added
        return False
    tables = kernel_tables()
    states = bytes(8 * WIDTH) + b"\xff" * (8 * WIDTH)
    permuted = module.goldilocks_permute(tables, states)
    answers = (
        permuted[: 8 * DIGEST],
        permuted[8 * WIDTH :][: 8 * DIGEST],
        module.goldilocks_hash(tables, bytes(8 * RATE), RATE),
        module.goldilocks_climb(tables, bytes(8 * DIGEST), bytes(8), bytes(8 * DIGEST), 1),
    )
    wanted = (BLOCK_ONE, BLOCK_TWO, BLOCK_ONE, BLOCK_ONE)
    return answers == tuple(_words(words) for words in wanted)


def permute(state: Sequence[int]) -> list[int]:
    """The permutation: 12 words to 12 field elements."""
    native = kernel("goldilocks")
    if native is None:
        return permute_python(state)
    return list(struct.unpack("<12Q", native.goldilocks_permute(kernel_tables(), _words(state))))


def hash_python(words: Sequence[int]) -> Digest:
    """`hash_words` without the kernel."""
    state = [0] * WIDTH
    for start in range(0, len(words), RATE):
        block = words[start : start + RATE]
        state[: len(block)] = block
        state = permute_python(state)
    return state[0], state[1], state[2], state[3]


def hash_words(words: Sequence[int]) -> Digest:
    """Hash of a list of words, not padded: each block of up to 8 overwrites the state's start.

    No words at all give the zero digest; a fixed length per use is what makes it collision free.
    """
    return hash_many([words])[0]


def hash_many(messages: Sequence[Sequence[int]]) -> list[Digest]:
    """`hash_words` of several messages of one length."""
    if not messages:
        return []
    width = len(messages[0])
    if any(len(message) != width for message in messages):
        raise ValueError("messages of different lengths")
    native = kernel("goldilocks") if width else None
    if native is None:
        return [hash_python(message) for message in messages]
    data = _words(list(chain.from_iterable(messages)))
    return _digests(native.goldilocks_hash(kernel_tables(), data, width))


def compress(left: Digest, right: Digest) -> Digest:
    """Parent of two nodes: the hash of the eight words."""
    return hash_words((*left, *right))


def climb_many(
    leaves: Sequence[Digest], indexes: Sequence[int], paths: Sequence[Sequence[Digest]]
) -> list[Digest]:
    """Folds several paths of one length, each from its leaf upwards.

    indexes: bit k of an index is 1 where the node at height k is the right child; higher bits
    than the path has steps don't matter. paths: siblings from the leaf upwards.
    """
    if not leaves:
        return []
    depth = len(paths[0])
    if any(len(path) != depth for path in paths) or not len(leaves) == len(indexes) == len(paths):
        raise ValueError("paths of different lengths")
    native = kernel("goldilocks")
    if native is None:
        return _climb_python(leaves, indexes, paths)
    return _digests(
        native.goldilocks_climb(
            kernel_tables(),
            _words(list(chain.from_iterable(leaves))),
            _words([index % 2**64 for index in indexes]),
            _words(list(chain.from_iterable(chain.from_iterable(paths)))),
            depth,
        )
    )


def _climb_python(
    leaves: Sequence[Digest], indexes: Sequence[int], paths: Sequence[Sequence[Digest]]
) -> list[Digest]:
    parents: dict[tuple[Digest, Digest], Digest] = {}  # paths meet below the root
    roots = []
    for leaf, index, path in zip(leaves, indexes, paths, strict=True):
        node = leaf
        for sibling in path:
            pair = (sibling, node) if index & 1 else (node, sibling)
            if pair not in parents:
                parents[pair] = hash_python((*pair[0], *pair[1]))
            node = parents[pair]
            index >>= 1
        roots.append(node)
    return roots


def _digests(data: bytes) -> list[Digest]:
    return list(struct.iter_unpack("<4Q", data))


def digest_hex(digest: Digest) -> str:
    """A hash as text: 64 lower-case hex digits, each element as 8 bytes, low byte first."""
    return _words(digest).hex()


def digest_from_hex(text: str) -> Digest:
    """The words of a hash of 64 hex digits; they may be p or more (the caller judges)."""
    a, b, c, d = struct.unpack("<4Q", bytes.fromhex(text))
    return a, b, c, d
