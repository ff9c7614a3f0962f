"""Groth16 on BN254: proofs a second of CPU time, one by one and in batches, on each layer.

    python benchmarks/groth16.py [--repeats 5] [--layers mcl,gmpy2,python] [--no-py-ecc]

Proofs are made with a known trapdoor, all of them true and different, half of the table without
and half with one gnark commitment (as Binance has since 2024). Times are CPU time of the process
(user and system), minimum and median of the repeats, so that other work on the machine disturbs
little. Last, for scale, py_ecc checks the equation of one proof without group tests. What a whole
set costs, files, commitments and all, is in zk_audit.py; what a user's file costs, in zk_users.py.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "zk")]

from trapdoor import Trapdoor, many  # noqa: E402

from merkle_por.zk import groth16  # noqa: E402
from merkle_por.zk.bn254.layers import LAYERS, layer, reasons  # noqa: E402
from merkle_por.zk.groth16 import Proof, Statement, VerifyingKey  # noqa: E402

BATCHES = (10, 100, 1000)
HARD_LIMIT_SECONDS = 20.0  # of one measurement: slow layers get fewer repeats, never fewer than 1


def measure(work: Callable[[], object], proofs: int, repeats: int) -> tuple[float, float]:
    """Milliseconds of CPU time a proof: minimum and median."""
    times = []
    spent = 0.0
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
        spent += times[-1]
        if spent > HARD_LIMIT_SECONDS:
            break
    return 1e3 * min(times) / proofs, 1e3 * statistics.median(times) / proofs


def show(name: str, kind: str, size: str, figures: tuple[float, float]) -> None:
    least, median = figures
    print(f"{name:8} {kind:11} {size:>8} {least:10.3f} {median:10.3f} {1e3 / median:12.1f}")


def check_all(statements: list[Statement[int]], name: str) -> None:
    bad = list(groth16.failures(statements, engine=layer(name)))
    if bad:
        raise SystemExit(f"wrong verdict on {name}: {bad[0]}")


def check_each(statements: list[Statement[int]], name: str) -> None:
    for one in statements:
        groth16.verify(one.key, one.public_inputs, one.proof, engine=layer(name))


def with_py_ecc(key: VerifyingKey, inputs: tuple[int, ...], proof: Proof) -> bool:
    """e(A, B) = e(alpha, beta) e(S, gamma) e(C, delta) with py_ecc's quicker curve."""
    ec: Any = import_module("py_ecc.optimized_bn128")

    def one(point: tuple[int, int] | None) -> object:
        assert point is not None
        return ec.FQ(point[0]), ec.FQ(point[1]), ec.FQ.one()

    def two(point: tuple[int, int, int, int] | None) -> object:
        assert point is not None
        return ec.FQ2(point[:2]), ec.FQ2(point[2:]), ec.FQ2.one()

    s = one(key.k[0])
    for value, point in zip(inputs, key.k[1:], strict=True):
        s = ec.add(s, ec.multiply(one(point), value))
    product = ec.FQ12.one()
    for first, second in (
        (ec.neg(one(proof.a)), two(proof.b)),
        (one(key.alpha1), two(key.beta2)),
        (s, two(key.gamma2)),
        (one(proof.c), two(key.delta2)),
    ):
        product *= ec.pairing(second, first, final_exponentiate=False)
    return bool(ec.final_exponentiate(product) == ec.FQ12.one())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--layers", default=",".join(LAYERS))
    parser.add_argument("--no-py-ecc", action="store_true")
    options = parser.parse_args()
    kinds = {
        "plain": Trapdoor(),
        "committed": Trapdoor(k=(17, 5, 3003), commitments=True),
    }
    print("layer    kind           batch     min ms  median ms proofs/CPU s")
    made = {kind: many(trapdoor, max(BATCHES)) for kind, trapdoor in kinds.items()}
    why = reasons()
    for name in options.layers.split(","):
        if why[name] != "works":
            print(f"{name:8} not measured: {why[name]}")
            continue
        for kind, trapdoor in kinds.items():
            statements = [
                Statement(index, trapdoor.key, inputs, proof)
                for index, (inputs, proof) in enumerate(made[kind])
            ]
            few = statements[:10]
            show(name, kind, "single", measure(partial(check_each, few, name), 10, options.repeats))
            for size in BATCHES:
                part = statements[:size]
                figures = measure(partial(check_all, part, name), size, options.repeats)
                show(name, kind, str(size), figures)
    if not options.no_py_ecc:
        inputs, proof = made["plain"][0]
        key = kinds["plain"].key
        answers = []
        figures = measure(lambda: answers.append(with_py_ecc(key, inputs, proof)), 1, 2)
        if not all(answers):
            raise SystemExit("py_ecc disagrees")
        show("py_ecc", "plain", "single", figures)


if __name__ == "__main__":
    main()
