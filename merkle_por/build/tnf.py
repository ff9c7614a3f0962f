"""Ledger, leaf list, root and totals of Armanino / The Network Firm (spec leaf-list-armanino).

Public: the list of leaves cut to 64 bits, the root and the totals. For the auditor only: the
ledger itself, which holds every balance. Each user gets the record that his leaf is made of.
A user id enters leaf and ledger as "the exchange's (hashed) user id"; here it is 128 random bits,
since anybody could test guesses of a known id and a balance against the public list. The rows are
shuffled, for the list would show in which order the accounts stand in the books.

Memory: about 300 bytes an account for ids and leaves.
"""

from __future__ import annotations

import orjson

from merkle_por.build.builder import BLOCK, Builder, Made, Options, Task
from merkle_por.build.rows import Rules, total_texts, unit_text
from merkle_por.exchanges.leaf_list import DIALECTS, HEADER, LEAF_DIGITS, layers
from merkle_por.hashes.sha256 import digests
from merkle_por.merkle.paths import root_of
from merkle_por.verdict import Caution

DECIMALS = 30  # more than any asset has
MOST = 10**60  # units; keeps every amount within the verifier's bound on digits
ID_BYTES = 16
DIALECT_NAMES = ("concat", "split")  # both of the official program; the others are one exchange's
LIST_FILE = "output_merkle_tree.txt"
ROOT_FILE = "output_merkle_root.txt"
TOTALS_FILE = "output_total_balances.txt"
LEDGER_FILE = "ledger.csv"

TRUNCATED = Caution(
    "truncated-hash",
    "Leaves are cut to 64 bits in this format: two records with one leaf can be made.",
)
AMBIGUOUS = Caution(
    "leaf-not-unique",
    "The dialect split joins the amounts with nothing between them, so that other amounts with the "
    "same digits have the same leaf; concat has not that flaw.",
)


def _prepare(options: Options) -> str:
    return options.choice("scheme", DIALECT_NAMES)


def _make(task: Task) -> Made:
    dialect = _prepare(task.options)
    ledger, random = task.ledger, task.random
    assets = list(ledger.columns)
    count = len(ledger.accounts)
    order = random.order(count)
    preimage = DIALECTS[dialect].preimage
    leaves: list[bytes] = []
    with task.output.secret(LEDGER_FILE) as writer:
        writer.write(",".join(["#ID", *assets]).encode() + b"\n")
        for first in range(0, count, BLOCK):
            lines, texts = [], []
            for account in order[first : first + BLOCK]:
                owner = random.take(ID_BYTES).hex()
                amounts = [
                    unit_text(ledger.units(asset, account), ledger.decimals) for asset in assets
                ]
                lines.append(",".join([owner, *amounts]) + "\n")
                texts.append(preimage(owner, list(zip(assets, amounts, strict=True))).encode())
                record = {"scheme": dialect, "id": owner, "assets": assets, "balances": amounts}
                task.output.user(
                    account, ".json", orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
                )
            writer.write("".join(lines).encode())
            leaves += [digest[: LEAF_DIGITS // 2] for digest in digests(texts)]
            task.progress("writing", len(leaves), count, "users")
    task.index_users(".json")
    levels, root = layers(count), root_of(leaves).hex()
    with task.output.public(LIST_FILE) as writer:
        writer.write(f"{HEADER}\n".encode())
        for first in range(0, count, BLOCK):
            block = enumerate(leaves[first : first + BLOCK], first)
            writer.write(
                "".join(f"{levels},{index}\t{leaf.hex()}\n" for index, leaf in block).encode()
            )
    with task.output.public(ROOT_FILE) as writer:
        writer.write(root.encode() + b"\n")
    with task.output.public(TOTALS_FILE) as writer:
        totals = total_texts(ledger)
        writer.write("".join(f"{asset}:{text}\n" for asset, text in totals.items()).encode())
    warnings = (TRUNCATED, AMBIGUOUS) if dialect == "split" else (TRUNCATED,)
    return Made(root, count, levels, format="leaf-list", sums=False, warnings=warnings)


BUILDER = Builder(
    id="tnf-ledger",
    title="ledger for the auditor, public list of leaves, root, totals (The Network Firm)",
    rules=Rules(decimals=DECIMALS, most=MOST),
    options={"scheme": "leaf dialect: concat (default) or split"},
    prepare=_prepare,
    make=_make,
)
