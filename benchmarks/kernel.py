"""Rates of the native kernel beside hashlib and plain Python; CPU time, minimum and median.

    PYTHONPATH=. python benchmarks/kernel.py [hash] [ledger] [text] [--accounts N] [--repeats 7]

`ledger` audits a synthetic BitMEX ledger three ways: the kernel, the packed Python twin, and a
naive reference (csv, fromhex, struct, hmac) written as one would without a thought for speed.
All three must find the same before anything is timed.
"""

from __future__ import annotations

import argparse
import csv
import functools
import hashlib
import hmac
import io
import json
import os
import random
import statistics
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from merkle_por import _native
from merkle_por.hashes import sha256
from merkle_por.ledger import packed, text_levels

BLOCK = 1 << 20
COUNT = 100_000


@contextmanager
def backend(name: str) -> Iterator[None]:
    before = os.environ.get(_native.VARIABLE)
    os.environ[_native.VARIABLE] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ[_native.VARIABLE]
        else:
            os.environ[_native.VARIABLE] = before


def cpu(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Minimum and median CPU seconds of this process."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times), statistics.median(times)


def show(what: str, times: tuple[float, float], count: int, base: float) -> None:
    low, middle = times
    print(
        f"{what:34} {low:8.4f} {middle:8.4f} s   {low / count * 1e9:8.0f} ns each"
        f"   {base / low:6.2f} x"
    )


# ---- hashing ----


def one_by_one(messages: list[bytes]) -> bytes:
    return b"".join([hashlib.sha256(message).digest() for message in messages])


def hashing(repeats: int) -> None:
    module = _native.kernel("sha256")
    for length in (40, 64, 80, 148):
        data = random.Random(length).randbytes(COUNT * length)
        messages = [data[i : i + length] for i in range(0, len(data), length)]
        works: dict[str, Callable[[], bytes]] = {
            "hashlib loop": functools.partial(one_by_one, messages),
            "kernel, list of bytes": functools.partial(sha256.packed_digests, messages),
        }
        if module is not None:
            for engine in module.sha256_engines():
                works[f"kernel {engine}, one buffer"] = functools.partial(
                    module.sha256_of_slices, data, 0, length, length, COUNT, engine
                )
        print(f"\nSHA-256, {COUNT} messages of {length} bytes (min, median CPU)")
        expected, base = works["hashlib loop"](), 0.0
        for title, work in works.items():
            assert work() == expected
            times = cpu(work, repeats)
            base = base or times[0]
            show(title, times, COUNT, base)


# ---- a whole ledger ----


def make_ledger(leaves: int, key: bytes) -> bytes:
    """The rows of a ledger (root first); every 1000th leaf belongs to `key`."""
    rng = random.Random(leaves)
    level: bytes | bytearray = bytearray()
    for index in range(leaves):
        value = struct.pack("<Q", rng.randrange(1, 10**9))
        message = value + struct.pack("<Q", index)
        mine = index % 1000 == 7
        level += (hmac.digest(key, message, "sha256") if mine else rng.randbytes(32)) + value
    levels: list[bytes | bytearray] = [level]
    while len(level) > packed.RECORD_BYTES:
        pairs = [level[i : i + 80] for i in range(0, len(level), 80)]
        level = b"".join(
            hashlib.sha256(pair).digest()
            + (packed.record(pair, 0)[1] + packed.record(pair, 1)[1]).to_bytes(8, "little")
            for pair in pairs
        )
        levels.append(level)
    rows = [
        packed.record(level, i)
        for level in reversed(levels)
        for i in range(len(level) // packed.RECORD_BYTES)
    ]
    return b"".join(b"%s,%d\n" % (node.hex().encode(), value) for node, value in rows)


def naive(text: bytes, key: bytes) -> tuple[int, list[int]]:
    """Number of wrong nodes, and the account's leaves: rows as tuples, one node at a time."""
    rows = [
        (bytes.fromhex(node), int(value)) for node, value in csv.reader(io.StringIO(text.decode()))
    ]
    inner = len(rows) // 2
    wrong = 0
    for index in range(inner):
        (left, a), (right, b) = rows[2 * index + 1], rows[2 * index + 2]
        node = hashlib.sha256(left + struct.pack("<Q", a) + right + struct.pack("<Q", b)).digest()
        if rows[index] != (node, a + b):
            wrong += 1
    mine = []
    for number, (leaf, value) in enumerate(rows[inner:]):
        if hmac.new(key, struct.pack("<QQ", value, number), "sha256").digest() == leaf:
            mine.append(number)
    return wrong, mine


def audit(text: bytes, key: bytes) -> tuple[int, list[int]]:
    """The same, block by block on packed rows; two rows of the tree are held at a time."""
    wrong, mine = 0, []
    above, row, rest = bytearray(), bytearray(), b""
    size = packed.RECORD_BYTES
    for at in range(0, len(text), BLOCK):
        rest += text[at : at + BLOCK]
        read = packed.read_rows(rest, final=at + BLOCK >= len(text))
        assert read.problem is None
        rest = rest[read.consumed :]
        row += read.records
        while True:
            full = 2 * len(above) if above else size
            if len(row) < full:
                break
            if above:
                wrong += packed.check_parents(above, row[:full]).total
            above, row = row[:full], row[full:]
    for number in range(0, len(above) // size, 1 << 14):
        part = memoryview(above)[number * size : (number + (1 << 14)) * size]
        mine += packed.find_leaves(part, number, key)
    return wrong, mine


def ledger(accounts: int, repeats: int) -> None:
    key = hashlib.sha256(b"benchmark").digest()
    leaves = 1 << (2 * accounts - 1).bit_length()
    text = make_ledger(leaves, key)
    rows = text.count(b"\n")
    expected = naive(text, key)
    assert expected[0] == 0
    print(f"\nwhole audit of {rows} rows, {len(text) >> 20} MiB, one account (min, median CPU)")
    plain = cpu(lambda: naive(text, key), min(repeats, 3))
    show("naive Python", plain, rows, plain[0])
    for name, title in (
        ("python", "packed Python"),
        ("c", "kernel, portable C"),
        ("auto", "kernel"),
    ):
        with backend(name):
            assert audit(text, key) == expected
            show(title, cpu(lambda: audit(text, key), min(repeats, 3)), rows, plain[0])
    with backend("auto"):
        read = packed.read_rows(text)
        inner = rows // 2 * packed.RECORD_BYTES
        above, below = read.records[:inner], read.records[packed.RECORD_BYTES :]
        tail = memoryview(read.records)[inner:]
        for title, work, count in (
            ("  part: read rows", lambda: packed.read_rows(text), rows),
            ("  part: parents", lambda: packed.check_parents(above, below), rows // 2),
            ("  part: scan", lambda: packed.find_leaves(tail, 0, key), leaves),
            ("  part: duplicates", lambda: packed.duplicate_leaves(tail), leaves),
        ):
            show(title, cpu(work, repeats), count, plain[0])


# ---- a text tree ----


def text_tree(repeats: int) -> None:
    """One level of OKX's tree file (three assets, 8 decimals): rows to records, and its parents."""
    rng = random.Random(3)
    rows = [(rng.randbytes(32), [rng.randrange(10**14) for _ in range(3)]) for _ in range(COUNT)]

    def coins(units: int) -> str:
        text = f"{units // 10**8}.{units % 10**8:08}".rstrip("0")
        return text.removesuffix(".")

    names = ("BTC", "ETH", "USDT")
    text = "".join(
        f"{node.hex()},1,{{%s}}\n" % ",".join(map('"{}":"{}"'.format, names, map(coins, amounts)))
        for node, amounts in rows
    ).encode()

    def plain() -> list[tuple[str, list[Decimal]]]:
        read = []
        for line in text.decode().splitlines():
            node, _, balances = line.split(",", 2)
            read.append((node, [Decimal(value) for value in json.loads(balances).values()]))
        above = []
        for (right, a), (left, b) in zip(read[::2], read[1::2], strict=True):
            sums = [x + y for x, y in zip(a, b, strict=True)]
            written = "".join(f"{value:f}".rstrip("0").rstrip(".") for value in sums)
            preimage = f"{left}{right}{written}2"
            above.append((hashlib.sha256(preimage.encode()).hexdigest(), sums))
        return above

    row, node = text_levels._OKX_ROW, text_levels._OKX_NODE

    def kernel() -> bytes | bytearray:
        read = text_levels.read_rows(text, row, level=1)
        return text_levels.parents(read.records, node, level=2)

    expected = [digest for digest, _ in plain()]
    print(f"\nOKX tree: {COUNT} rows read, {COUNT // 2} parents made (min, median CPU)")
    base = cpu(plain, min(repeats, 3))
    show("json, Decimal, hashlib", base, COUNT, base[0])
    for name, title in (("python", "Python twin"), ("c", "kernel, portable C"), ("auto", "kernel")):
        with backend(name):
            made, size = kernel(), row.record_bytes()
            assert [made[i : i + 32].hex() for i in range(0, len(made), size)] == expected
            show(title, cpu(kernel, min(repeats, 3)), COUNT, base[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", help="hash, ledger, text; all where none is named")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    parts = options.parts or ["hash", "ledger", "text"]
    print(f"kernel: {_native.status()}")
    if "hash" in parts:
        hashing(options.repeats)
    if "ledger" in parts:
        ledger(options.accounts, options.repeats)
    if "text" in parts:
        text_tree(options.repeats)


if __name__ == "__main__":
    main()
