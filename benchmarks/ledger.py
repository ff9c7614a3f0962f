"""Whole ledgers: what an audit costs, side by side, each in a process of its own.

    python benchmarks/ledger.py                 100k and 1M accounts, OKX 500k leaves
    python benchmarks/ledger.py --quick         100k accounts, OKX 50k leaves
    python benchmarks/ledger.py --growth        time per node from 10k to 10M nodes as well

Ledgers are made in a temporary folder (1.1 GB free with --growth: 2 GB). Every program looks up
one account as well and must come to the same root and total; CPU is user and system time of the
whole process, start-up included; peak is its resident memory. `cold` drops the file from the page
cache first. Rates at the end: parents hashed a second against two interleaved streams at their
best.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
KEY = bytes(range(32))
OWN = (1, 5)  # leaves of the account that is looked up
COINS = ("BTC", "ETH", "USDT")
LEAVES = {"100k": 1 << 18, "1M": 1 << 21}  # accounts -> leaves, two or more for each


# ---- making ledgers ----


def make_bitmex(path: Path, leaves: int) -> None:
    import hmac
    import struct

    from merkle_por.hashes.sha256 import digests_of_slices
    from merkle_por.ledger.packed import words_of

    draw = random.Random(leaves)
    level = bytearray()
    for number in range(leaves):
        value = draw.randrange(1, 10**10)
        digest = draw.randbytes(32)
        if number in OWN:
            digest = hmac.digest(KEY, struct.pack("<QQ", value, number), "sha256")
        level += digest + value.to_bytes(8, "little")
    levels = [bytes(level)]
    while len(levels[-1]) > 40:
        below = levels[-1]
        digests = digests_of_slices(below, 80)
        values = words_of(below)[4::5]
        above = bytearray()
        for i in range(len(below) // 80):
            total = values[2 * i] + values[2 * i + 1]
            above += digests[32 * i : 32 * i + 32] + total.to_bytes(8, "little")
        levels.append(bytes(above))
    with path.open("wb") as file:
        file.write(b"block_height:848470\n")
        for rows in reversed(levels):
            values = words_of(rows)[4::5]
            hexed = rows.hex()
            file.write(
                "".join(
                    [f"{hexed[80 * i : 80 * i + 64]},{v}\n" for i, v in enumerate(values)]
                ).encode()
            )


def coin_text(units: int) -> str:
    whole, places = divmod(units, 10**8)
    return f"{whole}.{places:08}".rstrip("0") if places else str(whole)


def make_okx(path: Path, leaves: int) -> None:
    from merkle_por.hashes.sha256 import digests

    draw = random.Random(leaves)
    level = [
        (draw.randbytes(32).hex(), tuple(draw.randrange(10**12) for _ in COINS))
        for _ in range(leaves)
    ]
    levels = []
    while True:
        if len(level) % 2 and len(level) > 1:
            level.append((level[-1][0], (0,) * len(COINS)))
        levels.append(level)
        if len(level) == 1:
            break
        height = len(levels) + 1
        pairs = list(zip(level[::2], level[1::2], strict=True))
        sums = [tuple(map(sum, zip(a[1], b[1], strict=True))) for a, b in pairs]
        texts = [
            f"{a[0]}{b[0]}{''.join(map(coin_text, s))}{height}".encode()
            for (a, b), s in zip(pairs, sums, strict=True)
        ]
        level = [(d.hex(), s) for d, s in zip(digests(texts), sums, strict=True)]
    with path.open("w", encoding="ascii") as file:
        for height in range(len(levels), 0, -1):
            for digest, amounts in reversed(levels[height - 1]):
                btc, eth, usdt = map(coin_text, amounts)
                file.write(f'{digest},{height},{{"BTC":"{btc}","ETH":"{eth}","USDT":"{usdt}"}}\n')


# ---- the programs ----


def naive_bitmex(path: Path) -> tuple[str, str]:
    """As one would first write it: csv, hashlib, hmac, everything in lists."""
    import csv
    import hmac
    import struct

    with path.open(newline="") as file:
        next(file)
        nodes = [(bytes.fromhex(digest), int(value)) for digest, value in csv.reader(file)]
    inner = len(nodes) // 2
    for i in range(inner):
        left, right = nodes[2 * i + 1], nodes[2 * i + 2]
        preimage = left[0] + struct.pack("<Q", left[1]) + right[0] + struct.pack("<Q", right[1])
        if (hashlib.sha256(preimage).digest(), left[1] + right[1]) != nodes[i]:
            raise SystemExit(f"node {i} is wrong")
    leaves = nodes[inner:]
    if len({digest for digest, _ in leaves}) != len(leaves):
        raise SystemExit("a leaf stands twice")
    own = 0
    for number, (digest, value) in enumerate(leaves):
        message = struct.pack("<QQ", value, number)
        if hmac.new(KEY, message, hashlib.sha256).digest() == digest:
            own += value
    if not own:
        raise SystemExit("not included")
    return nodes[0][0].hex(), str(nodes[0][1])


def naive_okx(path: Path) -> tuple[str, str]:
    """As one would first write it: json, Decimal, hashlib, all levels in lists."""
    from decimal import Decimal

    levels: dict[int, list[tuple[str, list[Decimal]]]] = {}
    with path.open() as file:
        for line in file:
            digest, height, shown = line.split(",", 2)
            amounts = json.loads(shown)
            row = (digest, [Decimal(amounts[coin]) for coin in COINS])
            levels.setdefault(int(height), []).append(row)

    def text(value: Decimal) -> str:
        shown = format(value, "f")
        return shown.rstrip("0").rstrip(".") if "." in shown else shown

    for number in range(2, max(levels) + 1):
        rows, below = levels[number], levels[number - 1]
        if len(rows) > 1 and len(below) // 2 % 2:
            rows = rows[1:]
        for i, row in enumerate(rows):
            right, left = below[2 * i], below[2 * i + 1]
            sums = [a + b for a, b in zip(left[1], right[1], strict=True)]
            preimage = left[0] + right[0] + "".join(map(text, sums)) + str(number)
            if (hashlib.sha256(preimage.encode()).hexdigest(), sums) != row:
                raise SystemExit(f"level {number}, node {i} is wrong")
    root, totals = levels[max(levels)][0]
    return root, text(totals[0])


def ours(path: Path, threads: int) -> tuple[str, str]:
    import merkle_por
    from merkle_por.execution import Execution, local_executor

    given = {"snapshot_nonce": KEY.hex()} if path.suffix == ".csv" else {}
    execution = Execution(local_executor(threads))
    verdict = merkle_por.audit(path, given=given, execution=execution).verdict
    if verdict.reason is not None or verdict.root is None:
        raise SystemExit(verdict.sentence)
    total = verdict.published["BTC"]
    shown = str(int(total.scaleb(8))) if path.suffix == ".csv" else str(total.normalize())
    return verdict.root.value, shown


def peak_megabytes() -> float:
    """Peak resident memory of this program (ru_maxrss would count its parent's before exec)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def child(name: str, path: Path) -> None:
    """Runs one program and prints what it cost."""
    begin = time.monotonic()
    if name == "naive":
        answer = naive_bitmex(path) if path.suffix == ".csv" else naive_okx(path)
    else:
        answer = ours(path, 2 if name.endswith("2") else 1)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "answer": answer,
                "wall": time.monotonic() - begin,
                "cpu": usage.ru_utime + usage.ru_stime,
                "peak": peak_megabytes(),
            }
        )
    )


# ---- the table ----

PROGRAMS = {
    "naive": ("naive reference (csv/json + hashlib)", "python", False),
    "python": ("ours, packed Python, no kernel", "python", False),
    "kernel-cold": ("ours, kernel, 1 thread, cold file", "auto", True),
    "kernel": ("ours, kernel, 1 thread, warm", "auto", False),
    "kernel-2": ("ours, kernel, 2 threads, warm", "auto", False),
}


def measure(name: str, path: Path, repeats: int = 1) -> dict[str, Any]:
    """The run with the least CPU time of some."""
    _, backend, cold = PROGRAMS[name]
    best: dict[str, Any] = {}
    for _ in range(repeats):
        with path.open("rb") as file:
            if cold:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            else:
                while file.read(1 << 24):
                    pass
        done = subprocess.run(
            [sys.executable, str(HERE), "--child", name, str(path)],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "MERKLE_POR_BACKEND": backend,
                "PYTHONPATH": str(HERE.parent.parent),
                "PYTHONDONTWRITEBYTECODE": "",  # an installed package is compiled, too
            },
        )
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr.strip()[-500:]}")
        found = json.loads(done.stdout)
        if not best or found["cpu"] < best["cpu"]:
            best = found
    return best


def table(title: str, path: Path, nodes: int) -> None:
    print(f"\n{title}: {nodes:,} nodes, {path.stat().st_size / 1e6:.0f} MB")
    print(f"  {'':<38}{'CPU s':>8}{'wall s':>8}{'MB':>7}  {'naive CPU / this':>16}")
    base = None
    for name, (label, _, _) in PROGRAMS.items():
        slow = name in ("naive", "python")
        found = measure(name, path, 1 if slow and nodes > 10**6 else 3)
        base = base or found
        if found["answer"] != base["answer"]:
            raise SystemExit(f"{name}: another answer: {found['answer']}, {base['answer']}")
        ratio = base["cpu"] / found["cpu"]
        print(
            f"  {label:<38}{found['cpu']:>8.2f}{found['wall']:>8.2f}{found['peak']:>7.0f}"
            f"  {ratio:>16.1f}"
        )


def rates() -> None:
    """Parents a second against the best that two interleaved streams do on long messages."""
    from merkle_por.hashes import sha256
    from merkle_por.ledger import packed

    def best(work: Any) -> float:
        times = []
        for _ in range(9):
            begin = time.process_time()
            work()
            times.append(time.process_time() - begin)
        return min(times)

    pairs = 1 << 15
    draw = random.Random(1)
    data = b"".join(
        draw.randbytes(32) + draw.randrange(10**10).to_bytes(8, "little") for _ in range(2 * pairs)
    )
    digests = sha256.digests_of_slices(data, 80)
    values = packed.words_of(data)[4::5]
    parents = b"".join(
        digests[32 * i : 32 * i + 32] + (values[2 * i] + values[2 * i + 1]).to_bytes(8, "little")
        for i in range(pairs)
    )
    long = random.Random(2).randbytes(1 << 22)
    raw = (len(long) // 64) / best(lambda: sha256.digests_of_slices(long, 1 << 14))
    assert packed.check_parents(parents, data).total == 0
    nodes = 2 * pairs / best(lambda: packed.check_parents(parents, data))
    print(f"\nSHA-256 engine here: {sha256.engine() or 'hashlib'}")
    print(f"  long messages, two lanes   {raw / 1e6:6.1f} M blocks/s")
    print(f"  parents of the ledger      {nodes / 1e6:6.1f} M blocks/s  {nodes / raw:.0%} of it")


def growth(folder: Path) -> None:
    from merkle_por.ledger.source import TICK_NS

    print("\nGrowth, kernel, 1 thread, warm: CPU without start-up")
    start = measure("kernel", _made(folder, "start.csv", 2), 3)["cpu"]
    for bits in (12, 14, 16, 18, 20, 22):
        path = _made(folder, f"grow{bits}.csv", 1 << bits)
        time.sleep(TICK_NS / 1e9)  # a file just written is compared with care
        found = measure("kernel", path, 3)
        nodes = 2 << bits
        each = (found["cpu"] - start) / nodes * 1e9
        print(f"  {nodes:>12,} nodes  {each:7.0f} ns a node  {found['peak']:5.0f} MB")
        path.unlink()


def _made(folder: Path, name: str, leaves: int) -> Path:
    path = folder / name
    make_bitmex(path, max(leaves, 8))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("NAME", "PATH"), help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="small ledgers only")
    parser.add_argument("--growth", action="store_true", help="time per node as ledgers grow")
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], Path(arguments.child[1]))
        return
    print(f"load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="merkle-por-bench-") as name:
        folder = Path(name)
        for accounts in ("100k",) if arguments.quick else ("100k", "1M"):
            path = folder / f"{accounts}.csv"
            make_bitmex(path, LEAVES[accounts])
            table(f"BitMEX, {accounts} accounts", path, 2 * LEAVES[accounts] - 1)
            path.unlink()
        leaves = 50_000 if arguments.quick else 500_000
        path = folder / "okx.txt"
        make_okx(path, leaves)
        with path.open("rb") as file:
            nodes = sum(1 for _ in file)
        table(f"OKX v2, {leaves:,} leaves", path, nodes)
        path.unlink()
        rates()
        if arguments.growth:
            growth(folder)
    print(f"\nload {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))
    main()
