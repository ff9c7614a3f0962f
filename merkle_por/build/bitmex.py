"""BitMEX liabilities ledger (spec bitmex-liabilities): rows to the public file and users' nonces.

As the official generator: balances of zero are dropped, the rest is split at random points until
there are 2^k leaves, at least min_split for each account, and the leaves are shuffled. Two faults
of the generator are not repeated: it never ends where the balances are too small to be split to
a power of two (refused here), and writes a broken tree for `--min-split 1` and an empty account.

Memory: the records of the whole tree (80 bytes a leaf) and about 100 bytes a leaf while
splitting: 400 MB beside the rows for a million accounts.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from operator import add
from pathlib import Path

import orjson

from merkle_por.build.builder import BLOCK, Builder, Made, Options, Task
from merkle_por.build.randomness import Randomness
from merkle_por.build.rows import Rules, unit_text
from merkle_por.errors import Invalid, UsageError
from merkle_por.hashes.sha256 import digests, digests_of_slices, packed_digests
from merkle_por.verdict import Caution

ASSET = "BTC"
DECIMALS = 8  # values are satoshi
MIN_SPLIT = 2  # the generator's default
MOST_SPLIT = 64
NONCE_BYTES = 32
RECORD_BYTES = 40  # hash || LE64(value)
U64_END = 2**64
_ACCOUNT_BITS = 40
_ACCOUNT = (1 << _ACCOUNT_BITS) - 1
_BLOCK_BYTES = 64  # of SHA-256, for HMAC (RFC 2104)
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_NONCE_LINE = re.compile(r"(0|[1-9][0-9]{0,19}),([0-9a-f]{64})")


def leaf_count(owed: Sequence[int], min_split: int) -> int:
    """How many leaves: 2^ceil(log2(accounts * min_split)), less where there are not so many
    satoshi to share out. owed: positive. Raises Invalid node-count where no power of two fits."""
    wanted = 1 << (len(owed) * min_split - 1).bit_length()
    most = 1 << (sum(owed).bit_length() - 1)
    leaves = min(wanted, most)
    if leaves < len(owed):
        raise Invalid(
            "node-count",
            f"{len(owed)} accounts with {sum(owed)} satoshi in all can't be split into a power of "
            "two of leaves",
        )
    return leaves


def split(owed: dict[int, int], leaves: int, random: Randomness) -> list[int]:
    """The pieces, value << 40 | account, in random order. owed: satoshi by account number.

    sum(owed) >= leaves >= len(owed).
    """
    pieces = [value << _ACCOUNT_BITS | account for account, value in owed.items()]
    while len(pieces) < leaves:
        pieces.sort(reverse=True)
        for index in range(min(len(pieces), leaves - len(pieces))):
            piece = pieces[index]
            value, account = piece >> _ACCOUNT_BITS, piece & _ACCOUNT
            if value == 1:
                break  # and so are all behind it
            part = 1 + random.below(value - 1)
            pieces[index] = part << _ACCOUNT_BITS | account
            pieces.append(value - part << _ACCOUNT_BITS | account)
    random.shuffle(pieces)
    return pieces


def leaf_records(pieces: Sequence[int], keys: bytes) -> bytearray:
    """The leaves, 40 bytes each. keys: 32 bytes for each account (its nonce for this ledger)."""
    records = bytearray()
    for first in range(0, len(pieces), BLOCK):
        block = pieces[first : first + BLOCK]
        inner, outer = [], []
        for number, piece in enumerate(block, first):
            at = (piece & _ACCOUNT) * NONCE_BYTES
            key = keys[at : at + NONCE_BYTES].ljust(_BLOCK_BYTES, b"\0")
            inner.append(key.translate(_INNER) + struct.pack("<QQ", piece >> _ACCOUNT_BITS, number))
            outer.append(key.translate(_OUTER))
        hashes = digests(map(add, outer, digests(inner)))
        records += b"".join(
            hash_ + (piece >> _ACCOUNT_BITS).to_bytes(8, "little")
            for hash_, piece in zip(hashes, block, strict=True)
        )
    return records


def parents(children: bytes | bytearray) -> bytes:
    """The records of the level above. children: an even number of them."""
    hashes = digests_of_slices(children, 2 * RECORD_BYTES)
    words = struct.iter_unpack("<32xQ32xQ", children)
    return b"".join(
        hashes[at : at + 32] + (left + right).to_bytes(8, "little")
        for at, (left, right) in zip(range(0, len(hashes), 32), words, strict=True)
    )


def _prepare(options: Options) -> tuple[int, int, Path | None]:
    height = options.integer("height", 0, U64_END - 1)
    return height, options.integer("min_split", 1, MOST_SPLIT, MIN_SPLIT), options.file("nonces")


def _make(task: Task) -> Made:
    height, min_split, nonce_file = _prepare(task.options)
    ledger, random = task.ledger, task.random
    numbers = [int(account) for account in ledger.accounts]
    owed = {i: value for i, value in enumerate(ledger.columns[ASSET].units) if value > 0}
    if not owed:
        raise Invalid("no-liabilities", "nobody is owed anything, so the tree has no leaf")
    leaves = leaf_count(list(owed.values()), min_split)
    warnings = []
    if leaves < len(owed) * min_split:
        text = f"Too few satoshi for {min_split} leaves an account: {leaves} leaves in all."
        warnings.append(Caution("node-count", text))
    known = _known_nonces(nonce_file)
    nonces = [known.get(number) or random.take(NONCE_BYTES) for number in numbers]
    keys = packed_digests(
        nonce + struct.pack("<QQ", height, number)
        for nonce, number in zip(nonces, numbers, strict=True)
    )
    task.progress("splitting", 0, leaves, "leaves")
    pieces = split(owed, leaves, random)
    levels = [bytes(leaf_records(pieces, keys))]
    del pieces
    while len(levels[-1]) > RECORD_BYTES:
        task.progress("hashing", len(levels[0]) - len(levels[-1]), len(levels[0]), "bytes")
        levels.append(parents(levels[-1]))
    _write_ledger(task, height, levels)
    _write_users(task, height, numbers, nonces, keys)
    root = levels[-1][:32].hex()
    return Made(root, leaves, len(levels), snapshot=str(height), warnings=tuple(warnings))


def _known_nonces(path: Path | None) -> dict[int, bytes]:
    """Accounts that have a nonce already: it is for life. Raises UsageError: it is the caller's."""
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a list of account,nonce") from None
    found: dict[int, bytes] = {}
    for number, line in enumerate(lines, start=1):
        match = _NONCE_LINE.fullmatch(line)
        if match is None or int(match[1]) in found:
            raise UsageError(f"{path}: line {number} is not account,64 hexadecimal digits, once")
        found[int(match[1])] = bytes.fromhex(match[2])
    if len(set(found.values())) != len(found):
        raise UsageError(f"{path}: two accounts have the same nonce")
    return found


def _write_ledger(task: Task, height: int, levels: Sequence[bytes]) -> None:
    nodes = sum(map(len, levels)) // RECORD_BYTES
    done = 0
    with task.output.public(f"liabilities-{height}.csv") as writer:
        writer.write(b"block_height:%d\n" % height)
        for records in reversed(levels):
            for first in range(0, len(records), BLOCK * RECORD_BYTES):
                block = records[first : first + BLOCK * RECORD_BYTES]
                writer.write(
                    "".join(
                        f"{hash_.hex()},{value}\n"
                        for hash_, value in struct.iter_unpack("<32sQ", block)
                    ).encode()
                )
                done += len(block) // RECORD_BYTES
                task.progress("writing", done, nodes, "nodes")


def _write_users(
    task: Task, height: int, numbers: list[int], nonces: list[bytes], keys: bytes
) -> None:
    with task.output.secret("nonces.txt") as writer:  # the generator's own layout
        for first in range(0, len(numbers), BLOCK):
            pairs = zip(numbers[first : first + BLOCK], nonces[first : first + BLOCK], strict=True)
            writer.write("".join(f"{n},{nonce.hex()}\n" for n, nonce in pairs).encode())
    units = task.ledger.columns[ASSET].units
    for i in task.watched("writing", range(len(numbers)), len(numbers), "users"):
        owed = max(units[i], 0)
        given = {"account": numbers[i], "account_nonce": nonces[i].hex(), "balance": str(owed)}
        document = {
            "block_height": height,
            "snapshot_nonce": keys[i * NONCE_BYTES : (i + 1) * NONCE_BYTES].hex(),
            "balances": {ASSET: unit_text(owed, DECIMALS)},
            "given": given,
        }
        task.output.user(i, ".json", orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    task.index_users(".json")


BUILDER = Builder(
    id="bitmex-liabilities",
    title="whole public ledger of split balances (BitMEX)",
    rules=Rules(decimals=DECIMALS, most=U64_END - 1, assets=(ASSET,), number=True),
    options={
        "height": "block height of the snapshot, enters every nonce (needed)",
        "min_split": f"leaves for each account at least, {MIN_SPLIT} by default",
        "nonces": "file of account,64 hex: accounts that have a nonce already keep it",
    },
    prepare=_prepare,
    make=_make,
)
