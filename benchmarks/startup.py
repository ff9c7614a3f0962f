"""Start-up: what one command costs beside a bare interpreter, side by side in one run.

    python benchmarks/startup.py [--repeats 15]

Prints wall and CPU milliseconds (minimum and median) of whole processes and the ratio of the
medians to `python -c pass`. Needs nothing but the project; the proof is one of our own vectors.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PROOF = PROJECT / "vectors" / "made" / "bybit" / "ok_v40v5_n8_i1.json"
# Users have compiled bytecode; some build machines switch it off.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def commands() -> dict[str, list[str]]:
    program = [sys.executable, "-m", "merkle_por"]
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "merkle-por --version": [*program, "--version"],
        "merkle-por --help": [*program, "--help"],
        "merkle-por formats": [*program, "formats"],
        "merkle-por verify (40 assets)": [*program, "verify", str(PROOF)],
        "merkle-por verify --json": [*program, "verify", "--json", str(PROOF)],
    }


def once(command: list[str]) -> tuple[float, float]:
    """Wall and CPU milliseconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False, cwd=PROJECT, env=ENVIRONMENT)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1000, cpu * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands()}
    for command in commands().values():
        once(command)  # warms caches and writes bytecode
    for _ in range(repeats):  # interleaved, so that a busy moment hits all alike
        for name, command in commands().items():
            times[name].append(once(command))
    base = statistics.median(wall for wall, _ in times["python -c pass"])
    print(f"{'command':32} {'wall min':>9} {'median':>8} {'cpu min':>9} {'median':>8} {'ratio':>7}")
    for name, pairs in times.items():
        walls, cpus = zip(*pairs, strict=True)
        median = statistics.median(walls)
        print(
            f"{name:32} {min(walls):9.1f} {median:8.1f} {min(cpus):9.1f} "
            f"{statistics.median(cpus):8.1f} {median / base:7.2f}"
        )


if __name__ == "__main__":
    main()
