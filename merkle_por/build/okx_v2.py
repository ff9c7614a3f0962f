"""OKX's second generation (spec okx-merkle-v2): the whole tree is public, accounts are split.

Each account is split into 1 to `parts` leaves at random points, none of them alike, and all leaves
are shuffled. The tree file runs from the root down, each level from right to left, its padding
first. A user's file lists his leaves; which others belong together, nobody can see.

Memory: 160 bytes a leaf for the tree, 50 for its parts and order.
"""

from __future__ import annotations

from array import array

from merkle_por.build.builder import BLOCK, Builder, Made, Options, Task
from merkle_por.build.okx_nodes import (
    NONCE_BYTES,
    RECORD_BYTES,
    RULES,
    Amounts,
    amount_bytes,
    coin_json,
    levels_of,
    node,
    nodes,
    texts,
)
from merkle_por.build.randomness import Randomness
from merkle_por.exchanges.okx.merkle_v1 import COINS, leaf_hash
from merkle_por.hashes.sha256 import digests
from merkle_por.verdict import Caution

TREE_FILE = "full-liabilities-merkle-tree.txt"
PARTS = 2
MOST_PARTS = 64
_DRAWS = 8  # how often unlike parts are tried for before one fewer is made
MAXWELL = Caution(
    "maxwell",
    "A parent binds only the sum of its children: customers who look at the whole tree are safe, "
    "those who see a path alone are not (maxwell).",
)


def _prepare(options: Options) -> int:
    return options.integer("parts", 1, MOST_PARTS, PARTS)


def split(amounts: Amounts, most: int, random: Randomness) -> list[Amounts]:
    """1 to `most` parts that add up to the amounts: all different, none empty (but of nothing)."""
    for count in range(1 + random.below(most), 1, -1):
        for _ in range(_DRAWS):
            coins = [_cut(units, count, random) for units in amounts]
            parts = list(zip(*coins, strict=True))
            if len(set(parts)) == count and all(any(part) for part in parts):
                return parts
    return [amounts]


def _cut(units: int, count: int, random: Randomness) -> list[int]:
    """`count` amounts of 0 or more that add up to units, cut at uniform random points."""
    points = sorted(random.below(units + 1) for _ in range(count - 1))
    return [b - a for a, b in zip([0, *points], [*points, units], strict=True)]


def _make(task: Task) -> Made:
    most = _prepare(task.options)
    ledger, random = task.ledger, task.random
    columns = [ledger.columns[coin].units for coin in COINS]
    count = len(ledger.accounts)
    nonces = random.take(count * NONCE_BYTES)
    leaves = bytearray()  # account after account
    first_leaf = array("Q")  # of each account, and the end
    for account in task.watched("hashing", range(count), count, "users"):
        first_leaf.append(len(leaves) // RECORD_BYTES)
        held = tuple([max(units[account], 0) for units in columns])
        user = _user_hash(nonces, account, held)
        parts = split(held, most, random)
        hashes = digests((user + "".join(texts(part))).encode() for part in parts)
        for hash_, part in zip(hashes, parts, strict=True):
            leaves += hash_ + amount_bytes(part)
    total = len(leaves) // RECORD_BYTES
    first_leaf.append(total)
    shuffled = b"".join(
        leaves[at * RECORD_BYTES : (at + 1) * RECORD_BYTES] for at in random.order(total)
    )
    levels, _ = levels_of(shuffled)
    del shuffled
    _write_tree(task, levels)
    for account in task.watched("writing", range(count), count, "users"):
        own = leaves[first_leaf[account] * RECORD_BYTES : first_leaf[account + 1] * RECORD_BYTES]
        held = tuple([max(units[account], 0) for units in columns])
        shown = ",".join(
            f'{{"balances":{coin_json(amounts)},"hash":"{hash_}"}}' for hash_, amounts in nodes(own)
        )
        nonce = nonces[account * NONCE_BYTES : (account + 1) * NONCE_BYTES].hex()
        document = (
            f'{{"hash":"{_user_hash(nonces, account, held)}","nodes":[{shown}],'
            f'"nonce":"{nonce}","totalBalances":{coin_json(held)}}}\n'
        )
        task.output.user(account, ".json", document.encode())
    task.index_users(".json")
    root, _sums = node(levels[-1], 0)
    return Made(root, total, len(levels), warnings=(MAXWELL,))


def _user_hash(nonces: bytes, account: int, held: Amounts) -> str:
    nonce = nonces[account * NONCE_BYTES : (account + 1) * NONCE_BYTES].hex()
    return leaf_hash(nonce, dict(zip(COINS, texts(held), strict=True)))


def _write_tree(task: Task, levels: list[bytes]) -> None:
    count = sum(map(len, levels)) // RECORD_BYTES
    done = 0
    with task.output.public(TREE_FILE) as writer:
        for height in range(len(levels), 0, -1):
            records = levels[height - 1]
            for end in range(len(records), 0, -BLOCK * RECORD_BYTES):
                block = records[max(end - BLOCK * RECORD_BYTES, 0) : end]
                lines = [
                    f"{hash_},{height},{coin_json(amounts)}\n" for hash_, amounts in nodes(block)
                ]
                lines.reverse()
                writer.write("".join(lines).encode())
                done += len(lines)
                task.progress("writing", done, count, "nodes")


BUILDER = Builder(
    id="okx-merkle-v2",
    title="whole public tree of split balances, a leaf list for each user (OKX, second generation)",
    rules=RULES,
    options={"parts": f"leaves for an account at most, {PARTS} by default"},
    prepare=_prepare,
    make=_make,
)
