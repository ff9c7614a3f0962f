"""The files of OKX's zk-STARK proof of liabilities (2023-04-27 to 2024-08-08), read strictly.

Rule: specs/okx-stark-v1.md section 5. Each function takes a decoded JSON value (or `ProofFiles`,
for a whole set) and answers a frozen normal form, or raises Malformed; the ranges of `uts` and
`steps` are Invalid. No hash is computed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from merkle_por.documents import LIMITS, Document, Fields, Limits, kind_of
from merkle_por.errors import Invalid, Malformed
from merkle_por.zk.stark.commitment import FOLD, Openings, depth_of
from merkle_por.zk.stark.field import ELEMENT_BYTES, P, elements_are_canonical, signed
from merkle_por.zk.stark.fri import Layer, LowDegreeProof, layer_count
from merkle_por.zk.stark.proof import (
    FRI_BOUND_PER_ROW,
    ROWS_PER_POINT,
    BalanceRow,
    HashedRow,
    Parameters,
    Point,
    Proof,
)
from merkle_por.zk.stark.trace import DIGIT_BASE, Shape
from merkle_por.zk.stark.transcript import MAX_DOMAIN

# Section 1 and 4: what all proofs of the format share.
BLOWUP = 16
PARAMETERS = Parameters(queries=16, work_bits=20, last_bound=16)
TRUNK_UTS = 32
MIN_UTS, MAX_UTS = 4, 64
MAX_BATCHES = 100_000  # 4095 users each: more than anybody has
MAX_NAME_CHARS = 64

BATCH_FIELDS = (
    "batch_mtree_root",
    "user_id",
    "total_value",
    "random_number",
    "user_index",
    "batch_index",
    "uts",
    "merkle_path",
)
TRUNK_FIELDS = ("trunk_mtree_root", "batch_id", "total_value", "random_number", "merkle_path")
PROOF_FIELDS = (
    "steps",
    "uts",
    "mtree_root",
    "l_mtree_root",
    "pow_nonce",
    "mtree_branches",
    "mtree_entries_data",
    "l_mtree_branches",
    "low_degree_proof",
)
_RESERVED = frozenset(BATCH_FIELDS + TRUNK_FIELDS)
_HASH_DIGITS = 2 * ELEMENT_BYTES
_BATCH_NAME = re.compile(r"([ab])(0|[1-9][0-9]{0,5})")
_AMOUNT = re.compile(r"0|-?[1-9][0-9]{0,75}")  # p has 76 digits


@dataclass(frozen=True)
class Config:
    """Order of the coins in every hash; the first `main_coins_num` are constrained at all."""

    main_coins_num: int
    coins: tuple[str, ...]

    @property
    def unproven(self) -> tuple[str, ...]:
        """The coins that no constraint of the proof covers."""
        return self.coins[self.main_coins_num :]


@dataclass(frozen=True)
class Sums:
    """Totals of a batch or of the trunk, in the files' one common unit.

    residues: per coin, in [0, p). total_value: as published, their plain sum.
    """

    residues: tuple[int, ...]
    total_value: int

    @cached_property
    def coins(self) -> tuple[int, ...]:
        """Per coin, signed."""
        return tuple(signed(value) for value in self.residues)

    @property
    def total(self) -> int:
        """The net total: total_value mod p."""
        return self.total_value % P


@dataclass(frozen=True)
class Part:
    """A published batch, or the trunk, without its proof. uts: rows per account. root: 64 hex."""

    name: str
    uts: int
    steps: int
    root: str
    sums: Sums


@dataclass(frozen=True)
class Statement:
    """One half of an inclusion file: an account in a tree.

    label: the account's 32 bytes (a user's id, or a batch's root). coins: signed. path: siblings
    from the leaf upward; leaf: the leaf hash as the file shows it.
    """

    root: bytes
    label: bytes
    total: int
    coins: tuple[int, ...]
    salt: bytes
    leaf: bytes
    path: tuple[bytes, ...]
    index: int
    uts: int


@dataclass(frozen=True)
class InclusionFile:
    """A user's inclusion file. config: None in the 2023-04 files. batch: the user in his batch,
    trunk: the batch in the trunk."""

    config: Config | None
    batch: Statement
    trunk: Statement


class ProofFiles(Protocol):
    """The files of one `sum_proof_data` folder, wherever they are kept."""

    def batches(self) -> Iterable[str]:
        """Names of the folders under batches/."""

    def json(self, name: str) -> Any:
        """The decoded JSON of "config.json", "trunk/sum_proof.json", "batches/a0/..."; Malformed
        missing-file where it does not exist."""


@dataclass(frozen=True)
class Folder:
    """`ProofFiles` on disk."""

    path: Path
    limits: Limits = LIMITS

    def batches(self) -> Iterable[str]:
        where = self.path / "batches"
        if not where.is_dir():
            raise Malformed("missing-file", "the folder batches is missing")
        names = []
        for entry in where.iterdir():
            if entry.name.startswith("."):  # a desktop's own files
                continue
            if not entry.is_dir():
                raise Malformed("bad-keys", f"{entry.name[:40]!r} is not a batch", where="batches")
            names.append(entry.name)
            if len(names) > MAX_BATCHES:
                raise Malformed("too-big", f"more than {MAX_BATCHES} batches", where="batches")
        return names

    def json(self, name: str) -> Any:
        path = self.path / name
        if not path.is_file():
            raise Malformed("missing-file", f"{name} is missing", where=name)
        try:
            return Document.of(path, self.limits).json
        except Malformed as error:
            error.where = f"{name}, {error.where}" if error.where else name
            raise


def find_sum_proof_data(path: Path) -> Path | None:
    """The `sum_proof_data` folder at `path` (any name) or right under it, None if neither.

    The sets of 2023-04-25 have no config.json; trunk/sum_proof.json tells them as well.
    """
    for folder in (path, path / "sum_proof_data"):
        named = any((folder / name).is_file() for name in ("config.json", "trunk/sum_proof.json"))
        if named and all((folder / name).is_dir() for name in ("batches", "trunk")):
            return folder
    return None


def looks_like_inclusion(value: object) -> bool:
    """Whether a JSON value is an inclusion file of this format (never raises)."""
    return isinstance(value, dict) and {
        "batch_inclusion_proof",
        "trunk_inclusion_proof",
    }.issubset(value)


def batch_order(names: Iterable[str]) -> list[str]:
    """The batches in the trunk's order: a0, a1, ... then b0, b1, ...; Malformed on a gap."""
    numbers: dict[str, list[int]] = {"a": [], "b": []}
    for name in names:
        match = _BATCH_NAME.fullmatch(name)
        if match is None:
            raise Malformed("bad-keys", f"{name[:40]!r} is not a batch", where="batches")
        numbers[match[1]].append(int(match[2]))
    for kind, found in numbers.items():
        found.sort()
        for expected, number in enumerate(found):
            if number != expected:
                raise Malformed("missing-file", f"batch {kind}{expected} is missing")
    order = [f"{kind}{number}" for kind, found in numbers.items() for number in found]
    if not order:
        raise Malformed("missing-file", "there is no batch")
    return order


def parse_config(value: object, where: str = "config") -> Config:
    """{"main_coins_num": int, "coins": [names]}: names distinct, not empty, none reserved."""
    fields = Fields(value, where).only("main_coins_num", "coins")
    names = fields.array("coins", 1, LIMITS.assets)
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise Malformed(
                "wrong-type",
                f"{kind_of(name)} where a coin's name must stand",
                where=f"{where}.coins[{place}]",
            )
        if not 0 < len(name) <= MAX_NAME_CHARS or name in _RESERVED:
            raise Malformed("bad-field", "not a coin's name", where=f"{where}.coins[{place}]")
    if len(set(names)) != len(names):
        raise Malformed("duplicate-key", "a coin is named twice", where=f"{where}.coins")
    return Config(fields.integer("main_coins_num", 0, len(names)), tuple(names))


def parse_sums(value: object, config: Config, where: str) -> Sums:
    """sum_values.json: one integer for each coin, and total_value; their ranges are not judged."""
    fields = Fields(value, where).only(*config.coins, "total_value")
    residues = tuple(fields.integer(coin) for coin in config.coins)
    return Sums(residues, fields.integer("total_value"))


def parse_shape(fields: Fields, config: Config, is_trunk: bool) -> Shape:
    """`uts` and `steps` of a sum_proof.json, both powers of two in range (Invalid otherwise)."""
    uts, steps = fields.integer("uts"), fields.integer("steps")
    check_uts(uts, fields.place("uts"))
    if is_trunk and uts != TRUNK_UTS:
        raise Invalid("uts-range", f"uts {uts}, a trunk has {TRUNK_UTS}", where=fields.where)
    check_steps(steps, uts, fields.place("steps"))
    return Shape(uts, steps, len(config.coins), config.main_coins_num, BLOWUP)


def check_uts(uts: int, where: str) -> None:
    """Rows per account: a power of two in [4, 64], so that base-4 digits can't wrap around p."""
    if not MIN_UTS <= uts <= MAX_UTS or uts & (uts - 1):
        raise Invalid(
            "uts-range", f"not a power of two from {MIN_UTS} to {MAX_UTS}: {uts}", where=where
        )


def check_steps(steps: int, uts: int, where: str) -> None:
    """Rows of a trace: a power of two, two accounts at least, and no sum of values reaches p."""
    if steps < 2 * uts or steps & (steps - 1) or steps * BLOWUP >= MAX_DOMAIN:
        raise Invalid("steps-range", f"{steps} rows with {uts} per account", where=where)
    if steps // uts * DIGIT_BASE ** (uts - 2) >= P:
        raise Invalid("uts-range", "the sum of all values could reach p", where=where)


def parse_part(name: str, proof: object, sums: object, config: Config) -> Part:
    """A batch or the trunk ("trunk") without the openings of its proof."""
    fields = _proof_fields(proof, name)
    shape = parse_shape(fields, config, name == "trunk")
    root = fields.hex("mtree_root", _HASH_DIGITS)
    return Part(name, shape.block, shape.rows, root, parse_sums(sums, config, f"{name} sum_values"))


def _proof_fields(value: object, name: str) -> Fields:
    return Fields(value, f"{name} sum_proof").only(*PROOF_FIELDS).required(*PROOF_FIELDS)


def parse_proof(name: str, value: object, config: Config) -> tuple[Shape, Proof]:
    """sum_proof.json of a batch, or of the trunk (name "trunk"), every length exact."""
    fields = _proof_fields(value, name)
    shape = parse_shape(fields, config, name == "trunk")
    root, combination_root, nonce = (
        bytes.fromhex(fields.hex(key, _HASH_DIGITS))
        for key in ("mtree_root", "l_mtree_root", "pow_nonce")
    )
    queries = PARAMETERS.queries
    trace = _openings(fields, "mtree_branches", queries * ROWS_PER_POINT, shape.domain)
    combination = _openings(fields, "l_mtree_branches", queries, shape.domain)
    _refuse_large(b"".join(combination.leaves), fields.place("l_mtree_branches"))
    points = _points(fields, shape)
    low_degree = _low_degree(fields, shape)
    return shape, Proof(root, combination_root, nonce, trace, points, combination, low_degree)


def _array(value: object, length: int, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed("wrong-type", f"{kind_of(value)} where an array must stand", where=where)
    if len(value) != length:
        raise Malformed("bad-length", f"{len(value)} elements, {length} needed", where=where)
    return value


def _unhex(text: str, where: str) -> bytes:
    """Lower-case hexadecimal without blanks to bytes."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if data.hex() != text:  # blanks and capitals, which fromhex lets pass
        raise Malformed("bad-hash", "not lower-case hexadecimal digits", where=where)
    return data


def _hashes(texts: list[Any], where: str) -> list[bytes]:
    """Each text as 32 bytes."""
    for text in texts:
        if not isinstance(text, str):
            raise Malformed("wrong-type", f"{kind_of(text)} where a hash must stand", where=where)
        if len(text) != _HASH_DIGITS:
            raise Malformed("bad-hash", f"not {_HASH_DIGITS} hexadecimal digits", where=where)
    data = _unhex("".join(texts), where)
    return [data[i : i + ELEMENT_BYTES] for i in range(0, len(data), ELEMENT_BYTES)]


def _refuse_large(data: bytes, where: str) -> None:
    if not elements_are_canonical(data):
        raise Malformed("not-canonical", "a field element is not below p", where=where)


def _branches(value: object, count: int, size: int, where: str) -> Openings:
    """Compressed branches: per opened leaf [leaf, siblings upward], "" for a derivable one."""
    length = depth_of(size) + 1
    flat: list[Any] = []
    for branch in _array(value, count, where):
        flat += _array(branch, length, where)
    given = iter(_hashes([text for text in flat if text != ""], where))
    nodes = [next(given) if text != "" else b"" for text in flat]
    leaves = tuple(nodes[::length])
    if not all(leaves):
        raise Malformed("bad-hash", "an opened leaf is empty", where=where)
    siblings = tuple(tuple(nodes[i + 1 : i + length]) for i in range(0, len(nodes), length))
    return Openings(leaves, siblings)


def _openings(fields: Fields, key: str, count: int, size: int) -> Openings:
    return _branches(fields.get(key), count, size, fields.place(key))


def _points(fields: Fields, shape: Shape) -> tuple[Point, ...]:
    key = "mtree_entries_data"
    where = fields.place(key)
    entries = _array(fields.get(key), PARAMETERS.queries * ROWS_PER_POINT, where)
    points = []
    for start in range(0, len(entries), ROWS_PER_POINT):
        places = [f"{where}[{start + i}]" for i in range(ROWS_PER_POINT)]
        here = _bytes(entries[start], shape.row_bytes, places[0])
        _refuse_large(here, places[0])
        following = HashedRow(*_hashes(_array(entries[start + 1], 4, places[1]), places[1]))
        _refuse_large(following.net + following.label, places[1])
        before, total = (_balance_row(entries[start + i], shape.columns, places[i]) for i in (2, 3))
        points.append(Point(here, following, before, total))
    return tuple(points)


def _balance_row(value: object, columns: int, where: str) -> BalanceRow:
    net, balances, label, salt = _array(value, 4, where)
    hashes = _hashes([net, label, salt], where)
    row = BalanceRow(hashes[0], _bytes(balances, columns * ELEMENT_BYTES, where), *hashes[1:])
    _refuse_large(row.net + row.balances + row.label, where)
    return row


def _bytes(value: object, length: int, where: str) -> bytes:
    if not isinstance(value, str):
        raise Malformed("wrong-type", f"{kind_of(value)} where a text must stand", where=where)
    if len(value) != 2 * length:
        raise Malformed(
            "bad-length", f"{len(value)} hexadecimal digits, {2 * length} needed", where=where
        )
    return _unhex(value, where)


def _low_degree(fields: Fields, shape: Shape) -> LowDegreeProof:
    where = fields.place("low_degree_proof")
    queries = PARAMETERS.queries
    count = layer_count(FRI_BOUND_PER_ROW * shape.rows, PARAMETERS.last_bound)
    value = fields.get("low_degree_proof")
    if isinstance(value, list) and len(value) != count + 1:
        raise Malformed("fri-layers", f"{len(value)} layers, {count + 1} needed", where=where)
    *folds, last = _array(value, count + 1, where)
    layers = []
    size = shape.domain
    for number, layer in enumerate(folds):
        place = f"{where}[{number}]"
        root, column, rows = _array(layer, 3, place)
        columns = _branches(column, queries, size // FOLD, f"{place}[1]")
        fours = _branches(rows, FOLD * queries, size, f"{place}[2]")
        _refuse_large(b"".join(columns.leaves + fours.leaves), place)
        layers.append(Layer(_hashes([root], place)[0], columns, fours))
        size //= FOLD
    place = f"{where}[{count}]"
    if isinstance(last, list) and len(last) != size:
        raise Malformed("fri-layers", f"{len(last)} last values, {size} needed", where=place)
    values = _hashes(_array(last, size, place), place)
    _refuse_large(b"".join(values), place)
    return LowDegreeProof(tuple(layers), tuple(values))


def parse_inclusion(value: object, config: Config | None = None) -> InclusionFile:
    """A user's inclusion file.

    config: order of the coins for a file that has none of its own (2023-04); without either the
    file can't be read, which the caller must rule out before (`own_config`).
    """
    fields = Fields(value, "")
    fields.only("batch_inclusion_proof", "trunk_inclusion_proof", "config")
    own = own_config(value)
    order = own or config
    if order is None:
        raise Malformed("missing-field", "the order of the coins is missing")
    as_text = own is not None
    batch = fields.object("batch_inclusion_proof")
    batch.only(*BATCH_FIELDS, *order.coins)
    trunk = fields.object("trunk_inclusion_proof")
    trunk.only(*TRUNK_FIELDS, *order.coins)
    uts, user_index = batch.integer("uts"), batch.integer("user_index")
    return InclusionFile(
        own,
        _statement(batch, ("batch_mtree_root", "user_id"), order, as_text, user_index, uts),
        _statement(
            trunk,
            ("trunk_mtree_root", "batch_id"),
            order,
            as_text,
            batch.integer("batch_index"),
            TRUNK_UTS,
        ),
    )


def own_config(value: object) -> Config | None:
    """The config that an inclusion file carries itself, None in the 2023-04 files."""
    fields = Fields(value, "").required("batch_inclusion_proof", "trunk_inclusion_proof")
    return parse_config(fields.get("config")) if "config" in fields else None


def _statement(
    fields: Fields, keys: tuple[str, str], config: Config, as_text: bool, index: int, uts: int
) -> Statement:
    root, label, salt = (
        bytes.fromhex(fields.hex(key, _HASH_DIGITS)) for key in (*keys, "random_number")
    )
    where = fields.place("merkle_path")
    leaf, *path = _hashes(fields.array("merkle_path", 2, LIMITS.path_levels), where)
    return Statement(
        root,
        label,
        _amount(fields, "total_value", as_text),
        tuple(signed(_amount(fields, coin, as_text) % P) for coin in config.coins),
        salt,
        leaf,
        tuple(path),
        index,
        uts,
    )


def _amount(fields: Fields, key: str, as_text: bool) -> int:
    """A canonical decimal with |value| < p: a text, or in the files of 2023-04 a number too."""
    value = fields.get(key)
    where = fields.place(key)
    if isinstance(value, str):
        if len(value) > LIMITS.number_chars or not _AMOUNT.fullmatch(value):
            raise Malformed("bad-amount", f'"{value[:40]}" is not a plain integer', where=where)
        value = int(value)
    elif as_text or not isinstance(value, int) or isinstance(value, bool):
        raise Malformed("wrong-type", f"{kind_of(value)} where an amount must stand", where=where)
    if abs(value) >= P:
        raise Malformed("not-canonical", "an amount is not below p", where=where)
    return int(value)
