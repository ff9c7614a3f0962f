"""The three layers that carry group work on BN254, with equal results: mcl, gmpy2, plain Python.

`layer()` picks the quickest that works here, `light()` one that is quick to load; `layer(name)`
forces one (tests do). A layer that
cannot be used is passed over and `reasons()` says why. MERKLE_POR_BACKEND=python means: no
compiled code, so the plain layer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

from merkle_por._native import backend
from merkle_por.errors import UsageError
from merkle_por.zk.bn254.curve import G1, scale, sum_of_multiples
from merkle_por.zk.bn254.fields import ONE12, P
from merkle_por.zk.bn254.pairing import (
    Point1,
    Point2,
    final_exponentiation,
    miller_loop,
    outside_subgroup,
)

Pair = tuple[Point1, Point2]


class LayerUnavailable(Exception):
    """A layer that cannot be used on this machine; the text says why."""


class Layer(Protocol):
    """What Groth16 needs. Points are finite, on their curves, with plain `int` coordinates."""

    name: str

    def sum_of_multiples(self, points: Sequence[G1], scalars: Sequence[int]) -> G1:
        """The sum of scalars[i] * points[i] (None = infinity)."""

    def outside_subgroup(self, points: Sequence[Point2]) -> set[int]:
        """Indexes of the points that are not in the group of order R."""

    def product_is_one(
        self, open_pairs: Sequence[Pair], scalars: Sequence[int] | None, key_pairs: Sequence[Pair]
    ) -> tuple[bool, set[int]]:
        """Is prod e(scalars[i] P_i, Q_i) over the open pairs times prod e(P, Q) over the key's = 1?

        The second points of open pairs come from a proof: they are tested for membership in the
        group of order R. Those of key pairs were tested when the key was read. Answers the
        indexes of open pairs that fail the test as well; the first answer is False then. scalars
        None means all 1; none of them may be 0 modulo R.
        """


class PythonLayer:
    """The readable one. `number` is `int`, or gmpy2's `mpz` for half the time."""

    def __init__(self, name: str, number: Callable[[int], int]) -> None:
        self.name = name
        self._number = number
        self._p = number(P)

    def _point1(self, point: Point1) -> Point1:
        number = self._number
        return number(point[0]), number(point[1])

    def _point2(self, point: Point2) -> Point2:
        number = self._number
        return number(point[0]), number(point[1]), number(point[2]), number(point[3])

    def sum_of_multiples(self, points: Sequence[G1], scalars: Sequence[int]) -> G1:
        ours = [None if point is None else self._point1(point) for point in points]
        result = sum_of_multiples(self._p, ours, scalars)
        return None if result is None else (int(result[0]), int(result[1]))

    def outside_subgroup(self, points: Sequence[Point2]) -> set[int]:
        return outside_subgroup(self._p, [self._point2(point) for point in points])

    def product_is_one(
        self, open_pairs: Sequence[Pair], scalars: Sequence[int] | None, key_pairs: Sequence[Pair]
    ) -> tuple[bool, set[int]]:
        firsts: list[G1] = [self._point1(point) for point, _ in open_pairs]
        if scalars is not None:
            firsts = scale(self._p, firsts, scalars)
        pairs = []
        for first, (_, second) in zip(firsts, open_pairs, strict=True):
            if first is None:  # only a scalar of 0 does it, which the caller must not give
                raise UsageError("a scalar of a pairing product is 0")
            pairs.append((first, self._point2(second)))
        pairs += [(self._point1(first), self._point2(second)) for first, second in key_pairs]
        f, outside = miller_loop(self._p, pairs)
        if outside:
            return False, {index for index in outside if index < len(open_pairs)}
        return final_exponentiation(self._p, f) == ONE12, set()


def _plain() -> Layer:
    return PythonLayer("python", int)


def _gmpy2() -> Layer:
    if backend() == "python":
        raise LayerUnavailable("switched off by MERKLE_POR_BACKEND=python")
    try:
        from gmpy2 import mpz
    except ImportError as error:
        raise LayerUnavailable(f"gmpy2 is not installed ({error})") from error
    return PythonLayer("gmpy2", mpz)


def _mcl() -> Layer:
    if backend() == "python":
        raise LayerUnavailable("switched off by MERKLE_POR_BACKEND=python")
    from merkle_por.zk.bn254.mcl import MclLayer

    return MclLayer()


_LAYERS: dict[str, Callable[[], Layer]] = {"mcl": _mcl, "gmpy2": _gmpy2, "python": _plain}
LAYERS = tuple(_LAYERS)
"""Names of the layers, quickest first."""


@cache
def _load(name: str, _backend: str) -> Layer | str:
    try:
        return _LAYERS[name]()
    except LayerUnavailable as error:
        return str(error)


def layer(name: str | None = None) -> Layer:
    """The layer of that name, or the quickest that works. UsageError where it can't be used."""
    if name is not None and name not in _LAYERS:
        raise UsageError(f"no pairing layer {name!r}", f"one of: {', '.join(LAYERS)}")
    problems = []
    for candidate in (name,) if name is not None else LAYERS:
        loaded = _load(candidate, backend())
        if not isinstance(loaded, str):
            return loaded
        problems.append(f"{candidate}: {loaded}")
    raise UsageError("the pairing layer can't be used here", *problems)


def light() -> Layer:
    """For a few proofs: the quickest layer whose library is loaded already, else the plain one.

    Loading mcl takes as long as eight proofs do in plain Python, loading gmpy2 as long as four.
    """
    for name, module in (("mcl", "mclbn256"), ("gmpy2", "gmpy2")):
        if module in sys.modules:
            loaded = _load(name, backend())
            if not isinstance(loaded, str):
                return loaded
    return layer("python")


def reasons() -> dict[str, str]:
    """For `doctor`: each layer's name with "works", or why it can't be used here."""
    out = {}
    for name in LAYERS:
        loaded = _load(name, backend())
        out[name] = loaded if isinstance(loaded, str) else "works"
    return out
