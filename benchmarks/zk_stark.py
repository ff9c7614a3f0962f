"""CPU time of checking a whole OKX zk-STARK proof set (2023-24): all batches and the trunk.

    python benchmarks/zk_stark.py [SUM_PROOF_DATA] [--repeat N]

Default set: the developers' sample of 151 coins, 4 batches and trunk, in ../shared/vectors/peer.
Prints the smallest of N runs with the kernel and without it (both in processes of their own, so
that each chooses its backend afresh), and where the time goes. For the same set the official
Python validator took 0.89 to 1.10 s and a plain Python verifier 0.47 to 0.50 s of CPU.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = PROJECT.parent / "shared/vectors/peer/okx-stark-v1/set_ca9f1b4/sum_proof_data"


def least(run: Callable[[], object], repeat: int) -> float:
    """Smallest CPU time of `repeat` runs, seconds."""
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def measure(folder: Path, repeat: int) -> None:
    from merkle_por._native import kernel
    from merkle_por.exchanges.okx import stark_files, stark_rules
    from merkle_por.hashes import keccak  # noqa: F401  (registers its known answer)

    files = stark_files.Folder(folder)
    names = [*stark_files.batch_order(files.batches()), "trunk"]
    proofs = [name if name == "trunk" else f"batches/{name}" for name in names]
    config = stark_files.parse_config(files.json("config.json"))
    values = [files.json(f"{name}/sum_proof.json") for name in proofs]

    def parse() -> None:
        for name, value in zip(names, values, strict=True):
            stark_files.parse_proof(name, value, config)

    whole = least(lambda: stark_rules.check_proof_set(files), repeat)
    read = least(lambda: [files.json(f"{name}/sum_proof.json") for name in proofs], repeat)
    normal = least(parse, repeat)
    used = "kernel" if kernel("keccak") else "Python "
    print(
        f"{used}  whole {whole:.3f} s = strict JSON {read:.3f} + normal form {normal:.3f} "
        f"+ checks {whole - read - normal:.3f}  ({len(names) - 1} batches and trunk)"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", type=Path, default=SAMPLE)
    options.add_argument("--repeat", type=int, default=7)
    options.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.here:
        measure(given.folder, given.repeat)
        return
    for backend in ("auto", "c", "python"):
        environment = os.environ | {"MERKLE_POR_BACKEND": backend, "PYTHONPATH": str(PROJECT)}
        command = [sys.executable, __file__, str(given.folder), "--repeat", str(given.repeat)]
        print(f"{backend:7}", end="", flush=True)
        subprocess.run([*command, "--here"], env=environment, check=True)


if __name__ == "__main__":
    main()
