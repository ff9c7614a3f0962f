"""Whole proof sets of Binance and Gate: CPU time a proof, peak memory, threads, resuming.

    python benchmarks/zk_audit.py [--batches 1000,5000,20000] [--repeats 3] [--layers ...]

The sets are made here with a key whose trapdoor is known: every proof is true and different, every
batch continues from the one before, the last one ends at the published totals. One is of Binance's
v3 (500 assets, two keys, gnark's commitments), one of Gate (350 assets, plain Groth16).

Every figure is of a process of its own, from the files to the verdict: reading, base64, decoding
of points, Poseidon commitments and chain, Groth16 in batches of 1000. CPU is user and system time,
minimum and median of the repeats; memory is the peak of the process (VmHWM). Last, an audit with a
journal is stopped by SIGTERM and taken up again.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "zk")]

LAYERS = ("mcl", "gmpy2", "python")
SLOW_MOST = 1000  # batches of the largest set for layers other than the quick one
PART = 1000  # batches of a task: fewer than two of them give two workers nothing to share
AIM_MS = 0.6  # of CPU a proof on the quick layer, from 1000 batches on
AIM_MB = 200.0


# -- sets ---------------------------------------------------------------------------------------


def text_of(number: int) -> str:
    return base64.b64encode(number.to_bytes(32)).decode()


def raw(point: tuple[int, ...]) -> bytes:
    """gnark's uncompressed form: of G2, each coordinate's second number first."""
    order = (0, 1) if len(point) == 2 else (1, 0, 3, 2)
    return b"".join(point[place].to_bytes(32) for place in order)


def key_bytes(key: Any) -> bytes:
    """gnark 0.10's file where the key has commitments, else 0.7's. Beta and delta in G1 are read
    but used by no verifier: any points do."""
    out = raw(key.alpha1) * 2 + raw(key.beta2) + raw(key.gamma2) + raw(key.alpha1)
    out += raw(key.delta2) + len(key.k).to_bytes(4) + b"".join(map(raw, key.k))
    if key.has_tail:
        out += len(key.committed).to_bytes(4)
        for covered in key.committed:
            out += len(covered).to_bytes(4) + b"".join(i.to_bytes(8) for i in covered)
        out += len(key.commitment_keys).to_bytes(4)
        out += b"".join(raw(g) + raw(sigma) for g, sigma in key.commitment_keys)
    return out


def proof_bytes(proof: Any) -> bytes:
    out = raw(proof.a) + raw(proof.b) + raw(proof.c)
    if proof.has_tail:
        out += len(proof.commitments).to_bytes(4) + b"".join(map(raw, proof.commitments))
        out += raw(proof.pok)
    return out


def proofs(trapdoor: Any, public: Sequence[int]) -> Iterator[bytes]:
    """A true proof for each public input."""
    import trapdoor as maker

    from merkle_por.zk.bn254.curve import GENERATOR1, GENERATOR2, add2
    from merkle_por.zk.bn254.fields import P, R
    from merkle_por.zk.bn254.layers import layer

    quick = layer()
    maker.point1 = lambda scalar: quick.sum_of_multiples([GENERATOR1], [scalar % R])  # type: ignore[assignment,return-value]
    start = 0x123456789ABCDEF << 150
    b_point = maker.point2(start)
    for place, value in enumerate(public):
        a = pow(5, place + 99, R)
        yield proof_bytes(trapdoor.prove((value,), a, start + place, b_point))
        b_point = add2(P, b_point, GENERATOR2)


def make(folder: Path, ranged: bool, batches: int) -> dict[str, Any]:
    """Writes a set: Binance's v3 where `ranged`, else Gate's. Answers what to give `audit`."""
    from trapdoor import Trapdoor

    from merkle_por.documents import Document
    from merkle_por.exchanges._gnark_por import config
    from merkle_por.exchanges._gnark_por.batches import public_input
    from merkle_por.exchanges._gnark_por.commitments import empty_root
    from merkle_por.exchanges._gnark_por.rows import Link
    from merkle_por.exchanges.binance.zk import V2
    from merkle_por.exchanges.gate.zk import GATE
    from merkle_por.hashes.poseidon_bn254 import MODULUS

    family = V2 if ranged else GATE
    profile = V2.profiles[0] if ranged else next(p for p in GATE.profiles if p.slots == 350)
    tiers = [{"BoundaryValue": 1 << 118, "Ratio": 0, "PrecomputedValue": 0}] * config.TIERS
    more = dict.fromkeys(config.COLLATERALS, 5) | dict.fromkeys(config.RATIOS, tiers)
    settings: dict[str, Any] = {
        config.LIST: [
            {
                "TotalEquity": 10**15 + index,
                "TotalDebt": index,
                "BasePrice": 10**8,
                "Symbol": f"coin{index}",
                "Index": index,
                **(more if ranged else {}),
            }
            for index in range(profile.slots)
        ]
    }
    if ranged:
        settings["AssetsCountTiers"] = list(profile.tiers)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(settings))
    published = config.parse(Document.of(folder / "config.json"), family)
    begin, end = (
        config.commitment(published, family.assets, profile, amounts=amounts)
        for amounts in (False, True)
    )
    states = [begin, *(pow(7, 100 + i, MODULUS) for i in range(batches - 1)), end]
    roots = [
        empty_root(family.assets, profile),
        *(pow(11, 99 + i, MODULUS) for i in range(batches)),
    ]
    links = [
        Link(roots[-1], roots[-1], states[i], states[i + 1], 864 * i, 864 * i + 863)
        if ranged
        else Link(roots[i], roots[i + 1], states[i], states[i + 1])
        for i in range(batches)
    ]
    public = [public_input(link, profile.block) for link in links]
    half = batches // 2 if ranged else batches
    trapdoors = [
        Trapdoor(k=(17, 5, 3003), commitments=True),
        Trapdoor(9, k=(18, 6, 2), commitments=True),
    ]
    if not ranged:
        trapdoors = [Trapdoor(k=(17, 5))]
    keys = {}
    for tier, trapdoor in zip(profile.tiers or (0,), trapdoors, strict=True):
        keys[str(tier)] = str(folder / f"zkpor{tier}.vk")
        Path(keys[str(tier)]).write_bytes(key_bytes(trapdoor.key))
    made = (*proofs(trapdoors[0], public[:half]), *proofs(trapdoors[-1], public[half:]))
    with (folder / "proof.csv").open("w", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        head = ["batch_number", "proof_info", "cex_asset_list_commitments", "account_tree_roots"]
        head += ["batch_commitment"]
        head += ["min_account_index", "max_account_index", "assets_count"] if ranged else []
        table.writerow(head)
        for number, (link, value, proof) in enumerate(zip(links, public, made, strict=True)):
            tree = [link.root_after] if ranged else [link.root_before, link.root_after]
            row: list[object] = [number, base64.b64encode(proof).decode()]
            for pair in ([link.assets_before, link.assets_after], tree):
                row.append(json.dumps([text_of(x) for x in pair], separators=(",", ":")))
            row.append(text_of(value))
            if ranged:
                row += [link.low, link.high, profile.tiers[number >= half]]
            table.writerow(row)
    return {"verifying_keys": keys, "asset_counts": profile.slots}


# -- in a child ---------------------------------------------------------------------------------


def audit_once(layer: str, scheme: str, folder: str, given: str, workers: str) -> dict[str, float]:
    """CPU and wall seconds of the audit, megabytes at its peak."""
    if layer != "mcl":
        sys.modules["mclbn256"] = None  # type: ignore[assignment]
    if layer == "python":
        sys.modules["gmpy2"] = None  # type: ignore[assignment]
    from merkle_por.api import audit
    from merkle_por.execution import Execution, local_executor
    from merkle_por.zk.bn254 import layers

    if layers.layer().name != layer:
        raise SystemExit(layers.reasons()[layer])
    before = megabytes()
    wall, cpu = time.perf_counter(), time.process_time()
    execution = Execution(local_executor(int(workers)))
    result = audit(folder, scheme=scheme, given=json.loads(given), execution=execution)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if result.state.value != "valid":
        raise SystemExit(f"wrong verdict: {result.sentence}")
    return {"cpu": cpu, "wall": wall, "before": before, "peak": megabytes()}


def megabytes() -> float:
    """Peak resident memory of this process (ru_maxrss would count the parent's before exec)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


# -- in the parent ------------------------------------------------------------------------------


def child(*arguments: object) -> dict[str, float] | str:
    command = [sys.executable, __file__, "--child", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["died"])[-1]
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def environment() -> dict[str, str]:
    """Of a child: users have compiled bytecode, some build machines switch it off."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(PROJECT)}


def met(holds: bool) -> str:
    return "met" if holds else "MISSED"


def measure(
    scheme: str, folder: Path, given: str, batches: int, layer: str, workers: int, repeats: int
) -> float | None:
    """Prints a line; the least wall time."""
    runs = []
    for _ in range(repeats):
        answer = child(layer, scheme, folder, given, workers)
        if isinstance(answer, str):
            print(f"{scheme:14} {batches:7} {layer:7} not measured: {answer}")
            return None
        runs.append(answer)
    each = [1e3 * run["cpu"] / batches for run in runs]
    wall, peak = min(run["wall"] for run in runs), max(run["peak"] for run in runs)
    aims = f"   {AIM_MB:g} MB: {met(peak <= AIM_MB)}"
    if layer == "mcl" and batches >= PART and workers == 1:
        aims += f", {AIM_MS:g} ms: {met(min(each) <= AIM_MS)}"
    print(
        f"{scheme:14} {batches:7} {layer:7} {workers:7} {min(each):8.3f} "
        f"{statistics.median(each):8.3f} {wall:8.2f} {peak:8.1f}{aims}",
        flush=True,
    )
    return wall


def resume(scheme: str, folder: Path, given: dict[str, Any], batches: int) -> None:
    """Stops an audit by SIGTERM once half is noted, and takes it up again."""
    journal = folder / "journal"
    command = [sys.executable, "-m", "merkle_por", "audit", str(folder), "--format", scheme]
    command += ["--journal", str(journal)]
    for name, value in given.items():
        command += ["--given", f"{name}={json.dumps(value)}"]

    def notes() -> int:
        return journal.read_text().count('"first"') if journal.exists() else 0

    def start() -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, env=environment(), stdout=quiet, stderr=quiet)

    def spent(process: subprocess.Popen[bytes]) -> tuple[int, float]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        status = process.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return status, cpu

    process = start()
    while process.poll() is None and notes() < batches // PART // 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    status, cpu = spent(process)
    half = notes()
    print(f"\nstopped by SIGTERM: status {status}, {half} parts noted, {cpu:.2f} s of CPU")
    for what in ("taken up again", "once more"):
        status, cpu = spent(start())
        print(f"{what}: status {status}, {notes()} parts noted, {cpu:.2f} s of CPU")
        if status != 0:
            raise SystemExit("not valid")


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(audit_once(*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", default="1000,5000,20000")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--layers", default=",".join(LAYERS))
    options = parser.parse_args()
    layers = options.layers.split(",")
    sizes = sorted(map(int, options.batches.split(",")))
    print(f"{'set':14} {'batches':>7} {'layer':7} {'workers':>7} {'ms CPU a proof':>17} ", end="")
    print(f"{'wall s':>8} {'peak MB':>8}\n{'':38} {'min':>8} {'median':>8}")
    with tempfile.TemporaryDirectory() as parent:
        for scheme in ("binance-zk-v3", "gate-zk"):
            for batches in sizes:
                folder = Path(parent) / scheme / str(batches)
                given = make(folder, scheme == "binance-zk-v3", batches)
                text = json.dumps(given)
                for layer in layers:
                    if layer == "mcl" or batches <= SLOW_MOST:
                        walls = [
                            measure(scheme, folder, text, batches, layer, workers, options.repeats)
                            for workers in ((1, 2) if layer == "mcl" and batches > PART else (1,))
                        ]
                        if len(walls) == 2 and walls[0] and walls[1]:
                            print(f"{'':38} two workers: {walls[0] / walls[1]:.2f} times as quick")
        if batches >= 2 * PART:
            resume(scheme, folder, given, batches)


if __name__ == "__main__":
    main()
