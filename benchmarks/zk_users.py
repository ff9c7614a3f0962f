"""A user's file of Binance, Gate and HTX: CPU time of one check, on each layer side by side.

    python benchmarks/zk_users.py [--repeats 15] [--starts 3] [--layers adx,portable,gmpy2,python]

Each figure comes from processes of their own. `first` is the first check of a process, whose
modules are imported already: tables, known answers and gmpy2 are loaded within it. `min` and
`median` are those of the later checks of the same file. Times are CPU milliseconds from the file's
bytes to the verdict. Files are the vectors; those of 50 and of 500 listed assets are made here by
the rules of Binance's v3. The verdict and the root are compared before anything is timed.

Below, Poseidon alone: a chain of 100 elements, beside what gnark-crypto's assembly took for it on
one core of the machine where this was first measured (an AMD of the Zen 3 family).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

GNARK_CHAIN_US = 850.0
CHAIN = 100
LAYERS = ("adx", "portable", "gmpy2", "python")
BACKENDS = {"adx": "auto", "portable": "c", "gmpy2": "auto", "python": "python"}
VECTORS = (
    ("binance-zk-v1", "valid_5.json"),
    ("binance-zk-v1b", "valid_1.json"),
    ("binance-zk-v3", "valid_3.json"),
    ("gate-zk", "valid_1.json"),
    ("htx-zk", "valid_2.json"),
)
# CPU milliseconds that a check may take, by listed assets (v3's tiers) and layer.
AIMS = {
    50: {"adx": 5.0},
    500: {"adx": 10.0, "gmpy2": 60.0, "python": 1200.0},
}


def figures(times: list[float]) -> str:
    return f"{min(times):9.3f} {statistics.median(times):9.3f}"


# -- in a child ---------------------------------------------------------------------------------


def only(layer: str) -> None:
    """Makes this process use that layer, whatever else there is. SystemExit where it can't."""
    from merkle_por.hashes import poseidon_bn254

    if layer == "gmpy2":
        sys.modules["merkle_por._native._kernel"] = None  # type: ignore[assignment]
        if find_spec("gmpy2") is None:
            raise SystemExit("gmpy2 is not installed")
    elif layer != "python" and poseidon_bn254.engine() != layer:
        raise SystemExit(f"the kernel's engine here is {poseidon_bn254.engine()}")


def check_file(layer: str, path: str, root: str, repeats: int) -> list[float]:
    """CPU milliseconds of each check, the first one first."""
    from merkle_por import api, exchanges
    from merkle_por.documents import Document

    list(exchanges.candidates(Document.of(path)))  # imports what recognition asks
    if layer == "gmpy2":
        only(layer)
    times = []
    for _ in range(repeats + 1):
        start = time.process_time()
        result = api.verify(path, given={"root": root})
        times.append(1e3 * (time.process_time() - start))
        if result.state.value != "valid" or result.proofs[0].root.value != root:
            raise SystemExit(f"wrong verdict on {path}: {result.sentence}")
    if layer != "gmpy2":
        only(layer)  # afterwards: asking for the engine loads it
    return times


def hash_chain(layer: str, repeats: int) -> list[float]:
    """CPU microseconds of each chain, and last the digest's lowest bits."""
    from merkle_por.hashes.poseidon_bn254 import MODULUS, poseidon

    only(layer)
    if layer == "gmpy2":
        import gmpy2  # noqa: F401
    elements = [pow(3, 1000 + place, MODULUS) for place in range(CHAIN)]
    digest = poseidon(elements)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        poseidon(elements)
        times.append(1e6 * (time.process_time() - start))
    return [*times, float(digest % (1 << 50))]


# -- in the parent ------------------------------------------------------------------------------


def child(layer: str, *arguments: object) -> list[float] | str:
    """What this file answers when called with --child, or why it can't."""
    command = [sys.executable, __file__, "--child", layer, *map(str, arguments)]
    environment = os.environ | {"MERKLE_POR_BACKEND": BACKENDS[layer]}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users have compiled bytecode
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    answer: list[float] = json.loads(done.stdout)
    return answer


def made_file(folder: Path, listed: int) -> tuple[Path, str]:
    """A file of Binance's v3 with so many listed assets, and its root."""
    import base64

    from merkle_por.exchanges._gnark_por import commitments
    from merkle_por.exchanges.binance.zk import V2
    from merkle_por.hashes.poseidon_bn254 import MODULUS

    dice = random.Random(listed)
    profile = V2.profiles[0]
    assets = {}
    for index in sorted(dice.sample(range(profile.slots), listed)):
        equity = dice.randrange(1 << 60)
        assets[index] = (equity, equity // 9, *(dice.randrange(equity // 3) for _ in range(3)))
    values = (dice.randrange(1 << 90), 0, dice.randrange(1 << 90))
    account, index = dice.randrange(MODULUS), dice.randrange(1 << 28)
    siblings = [dice.randrange(MODULUS) for _ in range(28)]
    leaf = commitments.leaf(V2.assets, account, values, assets, profile)
    root = commitments.climb(leaf, index, siblings, profile.block)[-1]
    names = V2.keys.asset_keys
    document: dict[str, Any] = {
        "AccountIndex": index,
        "AccountIdHash": f"{account:064x}",
        "TotalEquity": values[0],
        "TotalDebt": values[1],
        "TotalCollateral": values[2],
        "Assets": [{"Index": i, **dict(zip(names, row, strict=True))} for i, row in assets.items()],
        "Root": f"{root:064x}",
        "Proof": [base64.b64encode(sibling.to_bytes(32)).decode() for sibling in siblings],
    }
    path = folder / f"v3_{listed}.json"
    path.write_text(json.dumps(document))
    return path, document["Root"]


def files(folder: Path) -> list[tuple[str, int | None, Path, str]]:
    """Name, listed assets where there is an aim, path and root of each file."""
    import vectorfiles

    out: list[tuple[str, int | None, Path, str]] = []
    for listed in AIMS:
        path, root = made_file(folder, listed)
        out.append((f"binance-zk-v3, {listed} assets", listed, path, root))
    for name, file in VECTORS:
        path = vectorfiles.folder("made", name) / "user" / file
        if path.exists():
            value = json.loads(path.read_text())
            root = str(value.get("Root") or value["TreeRootHash"]).lower()
            out.append((f"{name}/{file}", None, path, root))
    return out


def users(layers: list[str], repeats: int, starts: int) -> None:
    head = f"{'file':32} {'layer':9} {'first':>9} {'min':>9} {'median':>9} {'ratio':>6}   aim"
    print(f"{head}\n{'':32} {'':9} {'ms of CPU':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for name, listed, path, root in files(Path(folder)):
            results: dict[str, list[list[float]]] = {layer: [] for layer in layers}
            for _ in range(starts):  # interleaved, so that a busy moment hits all alike
                for layer in layers:
                    few = repeats if layer != "python" else max(3, repeats // 5)
                    answer = child(layer, path, root, few)
                    if isinstance(answer, str):
                        print(f"{name:32} {layer:9} not measured: {answer}")
                        continue
                    results[layer].append(answer)
            base = None
            for layer, runs in results.items():
                if not runs:
                    continue
                first = min(run[0] for run in runs)
                later = [value for run in runs for value in run[1:]]
                base = base or min(later)
                aim = AIMS.get(listed or 0, {}).get(layer)
                text = "" if aim is None else f"{aim:g}: {met(min(later) <= aim)}"
                line = f"{first:9.3f} {figures(later)} {min(later) / base:6.1f}   {text}"
                print(f"{name:32} {layer:9} {line}", flush=True)


def met(holds: bool) -> str:
    return "met" if holds else "MISSED"


def chains(layers: list[str], repeats: int) -> None:
    print(f"\nPoseidon, a chain of {CHAIN} elements: microseconds of CPU, minimum and median")
    digests = set()
    for layer in layers:
        answer = child(layer, repeats if layer in ("adx", "portable") else 20)
        if isinstance(answer, str):
            print(f"{layer:9} not measured: {answer}")
            continue
        *times, digest = answer
        digests.add(digest)
        ratio = GNARK_CHAIN_US / min(times)
        text = f"   aim 2: {met(ratio >= 2)}" if layer == "adx" else ""
        print(f"{layer:9} {figures(times)}   {ratio:6.2f} times as quick as gnark{text}")
    if len(digests) > 1:
        raise SystemExit("the layers disagree")


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        layer, *rest, repeats = sys.argv[2:]
        work = check_file(layer, rest[0], rest[1], int(repeats)) if rest else None
        print(json.dumps(work or hash_chain(layer, int(repeats))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--layers", default=",".join(LAYERS))
    options = parser.parse_args()
    layers = options.layers.split(",")
    users(layers, options.repeats, options.starts)
    chains(layers, 20 * options.repeats)


if __name__ == "__main__":
    main()
