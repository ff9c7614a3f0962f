"""Derives the round constants of Poseidon over Goldilocks, and compares or writes the data file.

Rule (shared with every Plonky2 build): the 360 constants are uniform field elements drawn from
ChaCha with 8 rounds (64-bit block counter from 0, zero nonce) under a 32-byte key of eight
little-endian words; the words come from a PCG-XSH-RR step run from state 0. A 64-bit draw v
becomes a candidate m = v*p; m >> 64 is accepted if the low word of m is at most p - 1.

    python tools/derive_poseidon_goldilocks.py          compare with the shipped file, exit 1 if not
    python tools/derive_poseidon_goldilocks.py --write  write it
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

P = 2**64 - 2**32 + 1
WIDTH = 12
ROUNDS = 4 + 22 + 4
PCG_MULTIPLIER = 6364136223846793005
PCG_INCREMENT = 11634580027462260723
CHACHA_CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)  # "expand 32-byte k"
QUARTERS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)
DATA = Path(__file__).parent.parent / "merkle_por" / "hashes" / "poseidon_goldilocks.json"
_WORD = 0xFFFFFFFF


def pcg_words(count: int) -> list[int]:
    """The key: `count` 32-bit words of the PCG generator from state 0."""
    state = 0
    words = []
    for _ in range(count):
        state = (state * PCG_MULTIPLIER + PCG_INCREMENT) % 2**64
        shuffled = (((state >> 18) ^ state) >> 27) & _WORD
        turn = state >> 59
        words.append(((shuffled >> turn) | (shuffled << (32 - turn))) & _WORD)
    return words


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _WORD


def chacha_block(key: list[int], counter: int, rounds: int) -> list[int]:
    """Sixteen 32-bit words of the key stream (the original layout: 64-bit counter and nonce)."""
    start = [*CHACHA_CONSTANTS, *key, counter & _WORD, counter >> 32, 0, 0]
    x = list(start)
    for _ in range(rounds // 2):
        for a, b, c, d in QUARTERS:
            for left, right, bits in ((b, d, 16), (d, b, 12), (b, d, 8), (d, b, 7)):
                # The quarter round is four steps of the same form, on (a, b, d) and (c, d, b).
                target = a if right == d else c
                x[target] = (x[target] + x[left]) & _WORD
                x[right] = _rotate(x[right] ^ x[target], bits)
    return [(now + before) & _WORD for now, before in zip(x, start, strict=True)]


def draws(key: list[int]) -> Iterator[int]:
    """The key stream as 64-bit numbers, low word first."""
    counter = 0
    while True:
        words = chacha_block(key, counter, 8)
        for low, high in zip(words[::2], words[1::2], strict=True):
            yield low | high << 32
        counter += 1


def round_constants() -> list[list[int]]:
    """30 rows of 12 field elements, in the order of the rounds."""
    accepted: list[int] = []
    for value in draws(pcg_words(8)):
        candidate = value * P
        if candidate % 2**64 <= P - 1:
            accepted.append(candidate >> 64)
        if len(accepted) == ROUNDS * WIDTH:
            break
    return [accepted[WIDTH * row : WIDTH * (row + 1)] for row in range(ROUNDS)]


def document() -> str:
    """The data file's text."""
    rows = [[f"{value:016x}" for value in row] for row in round_constants()]
    body = ",\n  ".join(json.dumps(row) for row in rows)
    return (
        '{"made_by": "tools/derive_poseidon_goldilocks.py",\n "round_constants": [\n  '
        + body
        + "\n]}\n"
    )


def main() -> int:
    if "--write" in sys.argv[1:]:
        DATA.write_text(document(), encoding="utf-8")
        return 0
    same = DATA.read_text(encoding="utf-8") == document()
    print("the shipped constants are the derived ones" if same else "the shipped constants differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
