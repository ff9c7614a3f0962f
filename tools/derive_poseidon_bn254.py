"""Writes the shipped tables of Poseidon over BN254: merkle_por/hashes/data/poseidon_bn254_*.bin.

Run from anywhere: `python tools/derive_poseidon_bn254.py`. Prints width, bytes and sha256 of each
file. tests/hashes/test_poseidon_bn254.py derives the same and compares.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from merkle_por.hashes.poseidon_bn254_tables import DATA, SHIPPED, derive


def main() -> None:
    DATA.mkdir(exist_ok=True)
    for width in SHIPPED:
        data = derive(width).to_bytes()
        (DATA / f"poseidon_bn254_{width:02}.bin").write_bytes(data)
        print(width, len(data), hashlib.sha256(data).hexdigest())


if __name__ == "__main__":
    main()
