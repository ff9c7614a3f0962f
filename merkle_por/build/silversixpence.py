"""Level files, paths and records of Silver Sixpence / Mazars (spec plain-sha256-path, section 3).

Leaf: SHA-256 of `user_id salt audit_id balances` joined; node: SHA-256 of the two raw hashes; an
odd last node moves up unchanged. Records with zero balances that belong to nobody are mixed in
(about 10 % in the published tree), and all leaves are shuffled. A user gets his rows of the level
files and his record.

The official sample's salt has 8 hex digits, which lets anybody who knows an account test 2^32
guesses of its balance; here it has 32. The format gives the salt no length.

Memory: 64 bytes a leaf for the tree, 200 for the records while they are written.
"""

from __future__ import annotations

import hashlib

import orjson

from merkle_por.build.builder import BLOCK, Builder, Made, Options, Task
from merkle_por.build.rows import Rules, fixed_text
from merkle_por.errors import UsageError
from merkle_por.exchanges.silversixpence import MODES, SINGLE, leaf_hashes
from merkle_por.hashes.sha256 import digests_of_slices
from merkle_por.verdict import Caution

DECIMALS = 30  # more than any asset has
MOST = 10**60  # units; keeps every amount within the verifier's bound on digits
SALT_BYTES = 16
HASH_BYTES = 32
DUMMIES = 10  # per cent of the accounts, as in the auditor's README
MOST_DUMMIES = 1000
NO_TOTALS = Caution(
    "totals-not-claimed",
    "The tree holds no sums: the totals are your word, nobody can check them against the root.",
)


def _prepare(options: Options) -> tuple[str, int, str]:
    audit = options.text("audit_id")
    if audit is None or not audit.isascii() or not audit.isalnum():
        raise UsageError("audit_id is needed, letters and digits", "--given audit_id=PR31DEC22")
    dummies = options.integer("dummies", 0, MOST_DUMMIES, DUMMIES)
    return audit, dummies, options.choice("leaf_mode", MODES)


def levels_of(leaves: bytes) -> list[bytes]:
    """All levels from the leaves to the root, 32 bytes a node."""
    levels = [leaves]
    while len(levels[-1]) > HASH_BYTES:
        level = levels[-1]
        pairs = len(level) // (2 * HASH_BYTES)
        above = digests_of_slices(level, 2 * HASH_BYTES, count=pairs)
        levels.append(above + level[2 * HASH_BYTES * pairs :])
    return levels


def row(levels: list[bytes], number: int, pair: int) -> str:
    """One row of level file `number`: parent, level, left, right."""
    left = 2 * pair * HASH_BYTES
    below = levels[number - 1][left : left + 2 * HASH_BYTES].hex()
    above = levels[number][pair * HASH_BYTES : (pair + 1) * HASH_BYTES].hex()
    return f"{above},{number},{below[: 2 * HASH_BYTES]},{below[2 * HASH_BYTES :]}\n"


def path(levels: list[bytes], place: int) -> list[tuple[int, int]]:
    """Level number and pair of each row on a leaf's way up; where it is promoted there is none."""
    steps = []
    for number in range(1, len(levels)):
        pair = place // 2
        if (2 * pair + 2) * HASH_BYTES <= len(levels[number - 1]):
            steps.append((number, pair))
        place = pair
    return steps


def _make(task: Task) -> Made:
    audit, percent, mode = _prepare(task.options)
    ledger, random = task.ledger, task.random
    count = len(ledger.accounts)
    dummies = -(-count * percent // 100)
    if count + dummies < 2:
        raise UsageError("one account alone makes no tree", "let there be dummies")
    order = random.order(count + dummies)  # order[place] is the account there, or a dummy
    columns = list(ledger.columns.items())
    leaves = bytearray()
    nothing = "|".join(f"{asset}={fixed_text(0, DECIMALS, c.places)}" for asset, c in columns)
    for account in task.watched("hashing", order, len(order), "records"):
        salt = random.take(SALT_BYTES).hex()
        if account < count:
            user = hashlib.sha256(ledger.accounts[account].encode()).hexdigest()
            balances = "|".join(
                f"{asset}={fixed_text(max(c.units[account], 0), DECIMALS, c.places)}"
                for asset, c in columns
            )
            record = {"user_id": user, "salt": salt, "audit_id": audit, "balances": balances}
            task.output.user(
                account, ".record.json", orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
            )
        else:
            user, balances = random.take(HASH_BYTES).hex(), nothing
        leaves += bytes.fromhex(leaf_hashes(user + salt + audit + balances)[mode])
    levels = levels_of(bytes(leaves))
    del leaves
    _write_levels(task, levels)
    cached: dict[int, tuple[int, str]] = {}
    for place in task.watched("writing", range(len(order)), len(order), "paths"):
        if order[place] >= count:
            continue
        rows = []
        for number, pair in path(levels, place):
            # Places are walked in order, so a row on a high level serves many.
            if cached.get(number, (-1, ""))[0] != pair:
                cached[number] = (pair, row(levels, number, pair))
            rows.append(cached[number][1])
        task.output.user(order[place], ".csv", "".join(rows).encode())
    task.index_users(".csv")
    warnings = [NO_TOTALS]
    if mode != SINGLE:
        text = "Tell the users that the hash of the record is hashed once more (double)."
        warnings.append(Caution("leaf-not-recomputed", text))
    return Made(
        levels[-1].hex(),
        len(order),
        len(levels),
        snapshot=audit,
        dummies=dummies,
        sums=False,
        warnings=tuple(warnings),
    )


def _write_levels(task: Task, levels: list[bytes]) -> None:
    for number in range(1, len(levels)):
        pairs = len(levels[number - 1]) // (2 * HASH_BYTES)
        with task.output.public(f"tree-level{number}.csv") as writer:
            for first in range(0, pairs, BLOCK):
                block = range(first, min(first + BLOCK, pairs))
                writer.write("".join([row(levels, number, pair) for pair in block]).encode())


BUILDER = Builder(
    id="silversixpence",
    title="plain hash tree: level files, each user's path and record (Silver Sixpence, Mazars)",
    rules=Rules(decimals=DECIMALS, most=MOST),
    options={
        "audit_id": "name of the audit, letters and digits, enters every leaf (needed)",
        "dummies": f"records of nobody, in per cent of the accounts, {DUMMIES} by default",
        "leaf_mode": "single (default) or double: how often a record is hashed",
    },
    prepare=_prepare,
    make=_make,
)
