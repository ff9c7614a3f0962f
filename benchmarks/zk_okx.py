"""OKX's zero-knowledge proofs of reserves: time to check a user's file and a global proof.

    python benchmarks/zk_okx.py [--repeats 7]

CPU time in milliseconds, minimum and median, with the compiled kernel and in plain Python. Every
result is compared with the vector's expected root before anything is timed. The files come from
vectors/ or ../shared/vectors (see tests/vectorfiles.py).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import vectorfiles

from merkle_por import _native
from merkle_por.documents import parse_json
from merkle_por.exchanges.okx.plonky2_global import check_global, parse_global
from merkle_por.exchanges.okx.plonky2_rules import check_user, parse_user
from merkle_por.hashes import poseidon_goldilocks

PROJECT = Path(__file__).resolve().parent.parent
GLOBAL = "global/n64_honest.json"  # 2^18 rows, as large as a production proof but for 2^19
USER = "user_valid_batch1024_single.json"


def milliseconds(work: Callable[[], object], repeats: int) -> str:
    """Minimum and median CPU time of one call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1000)
    return f"{min(times):9.3f} {statistics.median(times):9.3f}"


def read(name: str) -> tuple[bytes, str]:
    """A vector's bytes and its expected root."""
    entries = vectorfiles.manifest("made", "okx-plonky2")
    entry = next(entry for entry in entries if entry.data["file"] == name)
    return entry.files[0].read_bytes(), entry.data["root"]


def plonky2(repeats: int) -> None:
    """The current format: user path, global proof, permutation."""
    whole, root = read(GLOBAL)
    user, user_root = read(USER)
    value = parse_json(whole)
    states = list(range(12))
    for backend in ("auto", "python"):
        os.environ[_native.VARIABLE] = backend
        native = _native.kernel("goldilocks") is not None
        assert check_global(parse_global(whole)).root == root
        assert check_user(parse_user(user)).root == user_root
        print(f"kernel {'in use' if native else 'not in use'}")
        few = repeats if native else max(2, repeats // 3)
        for what, work in (
            ("one permutation", lambda: poseidon_goldilocks.permute(states)),
            ("user's file: read and check", lambda: check_user(parse_user(user))),
            ("global proof: JSON alone", lambda: parse_json(whole)),
            ("global proof: read", lambda: parse_global(value)),
            ("global proof: read and verify", lambda: check_global(parse_global(value))),
            ("global proof: all, from bytes", lambda: check_global(parse_global(whole))),
        ):
            print(f"  {what:32}{milliseconds(work, few)}")


def start_up() -> None:
    """Wall time of bare Python, and of Python with what a check needs imported."""
    here = os.environ | {"PYTHONPATH": str(PROJECT)}
    for what, code in (
        ("bare Python", "pass"),
        ("with the package", "import merkle_por.exchanges.okx"),
        ("with a user's rules", "import merkle_por.exchanges.okx.plonky2_rules"),
        ("with the global proof's", "import merkle_por.exchanges.okx.plonky2_global"),
    ):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], env=here, check=True)
            times.append((time.perf_counter() - start) * 1000)
        print(f"  {what:32}{min(times):9.3f} {statistics.median(times):9.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    print(f"{'':34}{'minimum':>9} {'median':>9}  ms")
    print("start-up (wall)")
    start_up()
    plonky2(repeats)
    print("STARK of 2023-24, seconds", flush=True)  # in a process for each backend
    subprocess.run([sys.executable, str(PROJECT / "benchmarks" / "zk_stark.py")], check=False)


if __name__ == "__main__":
    main()
