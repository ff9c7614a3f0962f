"""OKX's first generation (spec okx-merkle-v1): one leaf an account, a path file for each user.

Leaves stand in random order; each has a nonce of its own for this audit. A user's file holds the
nonce of the neighbouring leaf, as the format has it, so nonces must never serve twice.

Memory: 160 bytes an account for the tree, 40 for nonce and order. Disk: about 190 bytes for each
level in each user's file, 4 KB at a million accounts.
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
)
from merkle_por.errors import UsageError
from merkle_por.exchanges.okx.merkle_v1 import COINS, LEFT, PADDING, RIGHT, ROOT
from merkle_por.hashes.sha256 import digests
from merkle_por.verdict import Caution

MAXWELL = Caution(
    "maxwell",
    "This format can't show customers that the totals are complete: a parent binds only the sum "
    "of its children (maxwell).",
)


def _prepare(options: Options) -> str | None:
    audit = options.text("audit_id")
    if audit is not None and not (audit.isascii() and audit.isdigit()):
        raise UsageError("audit_id is digits only")
    return audit


def _make(task: Task) -> Made:
    audit = _prepare(task.options)
    count = len(task.ledger.accounts)
    order = task.random.order(count)  # order[place] is the account there
    nonces = task.random.take(count * NONCE_BYTES)  # by place
    levels, padded = levels_of(_leaves(task, order, nonces))
    height = len(levels)
    head = f'{{"auditId":"{audit}","balances":' if audit else '{"balances":'

    def shown(level: int, place: int, kind: int) -> str:
        """A node as it stands in a file."""
        hash_, amounts = node(levels[level], place)
        own = nonces[place * NONCE_BYTES : (place + 1) * NONCE_BYTES].hex()
        nonce = f'"nonce":"{own}",' if level == 0 and kind != PADDING else ""
        start = f'{head}{coin_json(amounts)},"type":{kind},{nonce}'
        return f'{start}"hash":"{hash_}","height":{level + 1}}}'

    def sibling_kind(level: int, place: int) -> int:
        if padded[level] and (place + 1) * RECORD_BYTES == len(levels[level]):
            return PADDING
        return RIGHT if place % 2 else LEFT

    top = shown(height - 1, 0, ROOT)
    # Places are walked in order, so a level's sibling changes only now and then.
    siblings = [(-1, "")] * (height - 1)
    for place in task.watched("writing", range(count), count, "users"):
        for level in range(height - 1):
            other = place >> level ^ 1
            if siblings[level][0] != other:
                siblings[level] = (other, shown(level, other, sibling_kind(level, other)))
        path = ",".join([text for _, text in siblings])
        own = shown(0, place, RIGHT if place % 2 else LEFT)
        document = f'{{"path":[{path},{top}],"self":{own}}}\n'
        task.output.user(order[place], ".json", document.encode())
    task.index_users(".json")
    root, _ = node(levels[-1], 0)
    return Made(root, count, height, snapshot=audit, warnings=(MAXWELL,))


def _leaves(task: Task, order: array[int], nonces: bytes) -> bytearray:
    """The leaf records: SHA-256 of the nonce's text and the amounts' JSON, and the amounts."""
    columns = [task.ledger.columns[coin].units for coin in COINS]
    records = bytearray()
    for first in range(0, len(order), BLOCK):
        held: list[Amounts] = [
            tuple([max(units[account], 0) for units in columns])
            for account in order[first : first + BLOCK]
        ]
        at = range(first * NONCE_BYTES, (first + len(held)) * NONCE_BYTES, NONCE_BYTES)
        hashes = digests(
            (nonces[start : start + NONCE_BYTES].hex() + coin_json(amounts)).encode()
            for start, amounts in zip(at, held, strict=True)
        )
        records += b"".join(
            hash_ + amount_bytes(amounts) for hash_, amounts in zip(hashes, held, strict=True)
        )
        task.progress("hashing", first + len(held), len(order), "leaves")
    return records


BUILDER = Builder(
    id="okx-merkle-v1",
    title="Merkle-sum tree, a path file for each user (OKX, first generation)",
    rules=RULES,
    options={"audit_id": "the audit's number, digits, shown in every file"},
    prepare=_prepare,
    make=_make,
)
