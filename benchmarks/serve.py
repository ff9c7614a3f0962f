"""The web app under load: many verifications at once, loopback only, bounded.

    python benchmarks/serve.py [--plain 50] [--zk 5] [--rounds 4]

Starts `merkle-por serve` on a free port with one worker for each core (at most 2) and sends, in
each round at the same moment, `plain` uploads of Merkle-sum proofs (Bybit, 50 assets) and `zk`
uploads of zk proofs (BitGo, three Groth16 proofs each) from as many threads. Prints latencies
(median, p95, largest) of each kind and the memory of server and workers after each round. Ends
with status 1 if any answer was not the expected verdict or memory kept growing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VECTORS = PROJECT / "vectors" / "made"
PLAIN = PROJECT / "merkle_por" / "demo" / "data" / "alice.json"
PLAIN_ROOT = "ad4ae4fa65e1b81de7bc7a24e424c6b588d8725b9609b1dbdf6421a4114b371f"
ZK_USERS = 5
MOST_REQUESTS, MOST_ROUNDS = 100, 20
BOUNDARY = "bench-boundary"
GROWTH = 1.15  # memory after the last round against that after the first
ANSWER_SECONDS = 180


@dataclass(frozen=True)
class Upload:
    """One request: its kind and the form's bytes."""

    kind: str
    body: bytes


def form(name: str, content: bytes, **fields: str) -> bytes:
    """A multipart form with one file."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    disposition = f'form-data; name="files"; filename="{name}"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    return b"".join(parts) + head + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def plain_upload() -> Upload:
    return Upload("plain", form(PLAIN.name, PLAIN.read_bytes(), root=PLAIN_ROOT))


def zk_upload(number: int) -> Upload:
    name = f"valid_{number % ZK_USERS + 1}.json"
    entries = json.loads((VECTORS / "bitgo-zk" / "manifest.json").read_text())
    args = next(entry["args"] for entry in entries if entry["file"] == name)
    facts = {}
    for place, (fact, value) in enumerate(sorted(args.items()), 1):
        facts[f"fact_name_{place}"] = fact
        facts[f"fact_value_{place}"] = value if isinstance(value, str) else json.dumps(value)
    root = facts.pop("root", None)
    content = (VECTORS / "bitgo-zk" / name).read_bytes()
    return Upload("zk", form(name, content, **facts, **({"root": root} if root else {})))


def ask(port: int, upload: Upload) -> tuple[float, str]:
    """Milliseconds of one upload, and the state that came back (or what went wrong)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "X-Merkle-Por": "1",
    }
    began = time.perf_counter()
    try:
        connection.request("POST", "/api/verify", upload.body, headers)
        answer = connection.getresponse()
        document = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        return (time.perf_counter() - began) * 1000, type(error).__name__
    finally:
        connection.close()
    took = (time.perf_counter() - began) * 1000
    return took, str(document.get("state", f"{answer.status} {document.get('class')}"))


def together(port: int, uploads: list[Upload]) -> list[tuple[str, float, str]]:
    """All uploads at one moment: kind, milliseconds, state."""
    gate = threading.Barrier(len(uploads))
    found: list[tuple[str, float, str]] = []
    lock = threading.Lock()

    def run(upload: Upload) -> None:
        gate.wait()
        took, state = ask(port, upload)
        with lock:
            found.append((upload.kind, took, state))

    threads = [threading.Thread(target=run, args=(upload,)) for upload in uploads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def family(pid: int) -> list[int]:
    """A process and its children (Linux)."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def memory(pid: int) -> float:
    """Megabytes of resident memory of a process and all its children."""
    kilobytes = 0
    for each in family(pid):
        text = Path(f"/proc/{each}/status").read_text()
        line = re.search(r"VmRSS:\s+(\d+)", text)
        kilobytes += int(line[1]) if line else 0
    return kilobytes / 1024


def p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def measure(port: int, pid: int, plain: int, zk: int, rounds: int) -> bool:
    """Runs all rounds; whether every answer was right and memory stayed bounded."""
    uploads = [plain_upload()] * plain + [zk_upload(number) for number in range(zk)]
    good = True
    expected = {"plain": "valid", "zk": ask(port, uploads[-1])[1] if zk else ""}
    if zk and expected["zk"] not in ("valid", "unconfirmed"):
        print(f"the zk proof is {expected['zk']}: not a benchmark of its verification")
        return False
    sizes = [memory(pid)]
    print(f"start: {sizes[0]:.0f} MB, zk proofs are {expected['zk'] or 'left out'}")
    for number in range(1, rounds + 1):
        began = time.perf_counter()
        found = together(port, uploads)
        wall = time.perf_counter() - began
        sizes.append(memory(pid))
        line = [f"round {number}: {len(found)} in {wall:.2f} s, {sizes[-1]:.0f} MB"]
        for kind in ("plain", "zk"):
            times = [took for name, took, _ in found if name == kind]
            if times:
                line.append(
                    f"{kind} median {statistics.median(times):.0f} p95 {p95(times):.0f} "
                    f"max {max(times):.0f} ms"
                )
        wrong = [state for kind, _, state in found if state != expected[kind]]
        if wrong:
            good = False
            line.append(f"WRONG: {wrong[:5]}")
        print("; ".join(line))
    if rounds > 1 and sizes[-1] > GROWTH * sizes[1]:
        print(f"memory grew from {sizes[1]:.0f} to {sizes[-1]:.0f} MB")
        good = False
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plain", type=int, default=50)
    parser.add_argument("--zk", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    plain, zk = (min(max(n, 0), MOST_REQUESTS) for n in (arguments.plain, arguments.zk))
    rounds = min(max(arguments.rounds, 1), MOST_ROUNDS)
    workers = min(2, os.cpu_count() or 1)
    command = [sys.executable, "-m", "merkle_por", "serve", "--port", "0"]
    server = subprocess.Popen(
        [*command, "--workers", str(workers)], stderr=subprocess.PIPE, text=True, cwd=PROJECT
    )
    try:
        assert server.stderr is not None
        address = re.search(r"http://127\.0\.0\.1:(\d+)", server.stderr.readline())
        if address is None:
            print("the server did not start")
            return 1
        good = measure(int(address[1]), server.pid, plain, zk, rounds)
    finally:
        server.terminate()
        server.wait(30)
    print("every answer as expected, memory bounded" if good else "NOT as expected")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
