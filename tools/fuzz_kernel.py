"""Feeds random and damaged input to the kernel and its Python twins; every answer must be equal.

    python tools/fuzz_kernel.py [--seconds 60] [--seed N] [--rounds N]

Plain mutation, no other tool needed. A difference, or any exception but ValueError, ends the run
with the seed of the round, which repeats it (`--seed N --rounds 1`). tools/sanitize.sh runs this
under AddressSanitizer and UndefinedBehaviorSanitizer, so that a read or write out of bounds ends it
as well.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import sys
import time
from array import array
from collections.abc import Callable
from itertools import accumulate

from merkle_por import _native
from merkle_por.hashes import sha256
from merkle_por.ledger import packed, text_levels
from merkle_por.ledger.text_levels import Form

Answers = list[list[object]]  # of each call, what each backend said

BACKENDS = ("python", "c", "auto")
ALPHABETS = (b"0123456789", b"0123456789abcdef", b",.\r\n-+e_ \t\"'|{}:", bytes(range(256)))


def answers(work: Callable[[], object]) -> list[object]:
    """What each backend says; a ValueError is an answer too."""
    found: list[object] = []
    for name in BACKENDS:
        os.environ[_native.VARIABLE] = name
        try:
            found.append(work())
        except ValueError:
            found.append(ValueError)
    return found


def damaged(rng: random.Random, text: bytes) -> bytes:
    """The text with up to four changes: bytes replaced, put in, cut out, repeated or moved."""
    data = bytearray(text)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        to = min(len(data), at + rng.choice((1, 1, 2, 20, 200)))
        alphabet = rng.choice(ALPHABETS)
        put = bytes(rng.choice(alphabet) for _ in range(rng.choice((0, 1, 1, 3))))
        data[at:to] = rng.choice((put, put + data[at:to], data[at:to] * 2, b""))
    return bytes(data)


def number(rng: random.Random, bits: int) -> int:
    """Often near a border."""
    near = rng.choice((0, 1, 10, 2**32, 2**63, 2**64, 10**19, 2**127, 2**128)) % 2**bits
    value: int = rng.choice((rng.getrandbits(rng.randrange(bits + 1)), near, near - 1)) % 2**bits
    return value


def try_sha256(rng: random.Random) -> Answers:
    sizes = [rng.choice((0, 1, 55, 56, 63, 64, 65, 119, 120, rng.randrange(999))) for _ in range(9)]
    messages = [rng.randbytes(size) for size in sizes[: rng.randrange(10)]]
    flat = b"".join(messages)
    places = array("Q", accumulate(map(len, messages), initial=0))
    if rng.random() < 0.3:
        places[rng.randrange(len(places))] = number(rng, 64)
    length, stride = rng.randrange(-1, 130), rng.randrange(-1, 200)
    first, count = rng.randrange(-1, 100), rng.choice((None, rng.randrange(-1, 9), 2**61))
    if stride == 0 and count == 2**61:  # well defined, and endless
        count = 9
    return [
        answers(lambda: sha256.digests(messages)),
        answers(lambda: sha256.digests_at(flat, places)),
        answers(
            lambda: sha256.digests_of_slices(flat, length, first=first, stride=stride, count=count)
        ),
    ]


def try_rows(rng: random.Random) -> Answers:
    end = rng.choice((b"\n", b"\r\n"))
    rows = [(rng.randbytes(32), number(rng, 65)) for _ in range(rng.randrange(12))]
    text = damaged(rng, b"".join(b"%s,%d%s" % (h.hex().encode(), v, end) for h, v in rows))
    crlf, final = rng.random() < 0.5, rng.random() < 0.5
    before, stride = rng.randrange(1, 9), rng.randrange(1, 9)
    return [
        answers(lambda: packed.read_rows(text, crlf=crlf, final=final)),
        answers(lambda: packed.line_ends(text, before, stride)),
    ]


def try_parents(rng: random.Random) -> Answers:
    count = rng.choice((0, 1, 2, 3, 64, 65, 130))
    rows = [(rng.randbytes(32), number(rng, 64)) for _ in range(2 * count)]
    children = b"".join(node + value.to_bytes(8, "little") for node, value in rows)
    parents = bytearray()
    for i in range(count):
        total = (rows[2 * i][1] + rows[2 * i + 1][1]) % 2**64
        parents += hashlib.sha256(children[80 * i : 80 * i + 80]).digest()
        parents += total.to_bytes(8, "little")
    for _ in range(rng.randrange(4) if count else 0):
        parents[rng.randrange(len(parents))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.1:
        children = children[: rng.randrange(len(children) + 1)]
    limit, key, first = rng.randrange(5), rng.randbytes(32), number(rng, 65)
    if rng.random() < 0.3:
        children = children[: 40 * rng.randrange(1, 9)] * 3
    short = children[: len(children) // 8 * 8]
    return [
        answers(lambda: packed.repeated_prefixes(short)),
        answers(lambda: packed.check_parents(parents, children, limit=limit)),
        answers(lambda: packed.find_leaves(children, first, key)),
        answers(lambda: packed.duplicate_leaves(children, limit=limit)),
    ]


def random_form(rng: random.Random, letters: str) -> Form:
    template = "".join(
        rng.choice((letter, letter + "'" + chr(rng.choice(b",|:\0'07.-"))))
        for letter in rng.choices(letters, k=rng.randrange(8))
    )
    decimals = tuple(
        rng.choice((0, 8, 18, 38, 39)) for letter in template.replace("'", "") if letter in "af"
    )
    if rng.random() < 0.1:
        decimals = decimals[:-1]
    return Form(template.encode("latin-1"), rng.choice((0, 1, 8, 31, 32, 33)), decimals)


def try_text_rows(rng: random.Random) -> Answers:
    form = random_form(rng, "xyniaa") if rng.random() < 0.5 else text_levels._OKX_ROW
    level, first = number(rng, 64), rng.choice((0, number(rng, 64)))
    text = bytearray()
    for row in range(rng.randrange(6)):
        letters = iter(form.template.decode("latin-1"))
        for letter in letters:
            if letter == "'":
                text += next(letters, "").encode("latin-1")
            elif letter in "xy":
                text += rng.randbytes(form.width).hex().encode()
            elif letter == "n":
                text += b"%d" % level
            elif letter == "i":
                text += b"%d" % (first + row)
            else:
                text += b"%d" % number(rng, 130)
                if rng.random() < 0.7:
                    text += b".%d" % number(rng, rng.choice((3, 26, 130)))
        text += rng.choice((b"\n", b"\n", b"\n", b"\r\n"))
    whole, crlf, final = damaged(rng, bytes(text)), rng.random() < 0.3, rng.random() < 0.5
    return [
        answers(
            lambda: text_levels.read_rows(
                whole, form, level=level, first=first, crlf=crlf, final=final
            )
        )
    ]


def try_text_parents(rng: random.Random) -> Answers:
    form = random_form(rng, "lrxynafaf")
    count = 2 * rng.choice((0, 1, 2, 64, 65, 70)) + (rng.random() < 0.1)
    bits = rng.choice((10, 64, 127, 128))
    records = b"".join(
        rng.randbytes(form.width)
        + b"".join(number(rng, bits).to_bytes(16, "little") for _ in form.decimals)
        for _ in range(count)
    )
    level, out_width = number(rng, 65), rng.choice((0, 1, 16, 32, 33))
    return [answers(lambda: text_levels.parents(records, form, level=level, out_width=out_width))]


TARGETS = (try_sha256, try_rows, try_rows, try_parents, try_text_rows, try_text_parents)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--rounds", type=int, default=0, help="stop after so many")
    options = parser.parse_args()
    print(f"kernel: {_native.status()}; first seed {options.seed}")
    if _native.kernel("records") is None:
        print("nothing to compare: the kernel does not run")
        return 1
    stop = time.monotonic() + options.seconds
    done = 0
    with contextlib.suppress(KeyboardInterrupt):
        while time.monotonic() < stop and (not options.rounds or done < options.rounds):
            seed = options.seed + done
            rng = random.Random(seed)
            target = rng.choice(TARGETS)
            for found in target(rng):
                if any(answer != found[0] for answer in found[1:]):
                    print(f"{target.__name__} differs at seed {seed}: {found!r:.4000}")
                    return 1
            done += 1
    print(f"{done} rounds, all alike")
    return 0


if __name__ == "__main__":
    sys.exit(main())
