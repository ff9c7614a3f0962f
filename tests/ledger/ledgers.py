"""Small ledgers for tests, made by hashlib alone: nothing here shares code with the project."""

from __future__ import annotations

import hashlib
import hmac
import random
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

COINS = ("BTC", "ETH", "USDT")


def le64(value: int) -> bytes:
    return struct.pack("<Q", value)


@dataclass
class BitmexLedger:
    """A tree of BitMEX's form. key: of the account that owns the leaves in `own`."""

    leaves: int
    height: int = 848470
    seed: int = 1
    own: tuple[int, ...] = ()
    key: bytes = bytes(32)
    nodes: list[tuple[bytes, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        level = []
        for number in range(self.leaves):
            value = draw.randrange(1, 10**10)
            message = le64(value) + le64(number)
            key = self.key if number in self.own else draw.randbytes(32)
            level.append((hmac.new(key, message, hashlib.sha256).digest(), value))
        levels = [level]
        while len(level) > 1:
            level = [node(a, b) for a, b in zip(level[::2], level[1::2], strict=True)]
            levels.append(level)
        self.nodes = [row for level in reversed(levels) for row in level]

    @property
    def root(self) -> str:
        return self.nodes[0][0].hex()

    @property
    def balance(self) -> int:
        return sum(self.nodes[self.leaves - 1 + number][1] for number in self.own)

    def text(self, end: bytes = b"\n") -> bytes:
        rows = [b"block_height:%d" % self.height]
        rows += [b"%s,%d" % (digest.hex().encode(), value) for digest, value in self.nodes]
        return end.join(rows) + end


def node(left: tuple[bytes, int], right: tuple[bytes, int]) -> tuple[bytes, int]:
    preimage = left[0] + le64(left[1]) + right[0] + le64(right[1])
    return hashlib.sha256(preimage).digest(), left[1] + right[1]


def coin_text(units: int) -> str:
    whole, places = divmod(units, 10**8)
    return f"{whole}.{places:08}".rstrip("0").rstrip(".") if places else str(whole)


OkxNode = tuple[str, tuple[int, ...]]


@dataclass
class OkxTree:
    """A tree of OKX's form of 2023-03. parts: own leaves' amounts, by place from the left."""

    leaves: int
    seed: int = 1
    parts: dict[int, tuple[int, ...]] = field(default_factory=dict)
    user: str = "ab" * 32
    levels: list[list[OkxNode]] = field(default_factory=list)
    dust: Callable[[random.Random], int] = lambda draw: draw.choice(
        [0, 1, 10**8, draw.randrange(10**12)]
    )

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        level: list[OkxNode] = []
        for number in range(self.leaves):
            own = self.parts.get(number)
            amounts = own or tuple(self.dust(draw) for _ in COINS)
            user = self.user if own else draw.randbytes(32).hex()
            level.append((leaf_hash(user, amounts), amounts))
        self.levels = []
        height = 1
        while True:
            if len(level) % 2 and (len(level) > 1 or height == 1):
                level.append((level[-1][0], (0,) * len(COINS)))
            self.levels.append(level)
            if len(level) == 1:
                break
            height += 1
            pairs = zip(level[::2], level[1::2], strict=True)
            level = [okx_node(a, b, height) for a, b in pairs]

    @property
    def root(self) -> str:
        return self.levels[-1][0][0]

    def text(self) -> bytes:
        return b"".join(okx_lines(self.levels))


def leaf_hash(user: str, amounts: Iterable[int]) -> str:
    return hashlib.sha256((user + "".join(map(coin_text, amounts))).encode()).hexdigest()


def okx_node(left: OkxNode, right: OkxNode, height: int) -> OkxNode:
    sums = tuple(a + b for a, b in zip(left[1], right[1], strict=True))
    preimage = left[0] + right[0] + "".join(map(coin_text, sums)) + str(height)
    return hashlib.sha256(preimage.encode()).hexdigest(), sums


def okx_lines(levels: list[list[OkxNode]]) -> Iterable[bytes]:
    """From the root down, each level right to left."""
    for height in range(len(levels), 0, -1):
        for digest, amounts in reversed(levels[height - 1]):
            members = ",".join(
                f'"{coin}":"{coin_text(units)}"' for coin, units in zip(COINS, amounts, strict=True)
            )
            yield f"{digest},{height},{{{members}}}\n".encode()
