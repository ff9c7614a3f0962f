"""The quick layer: herumi's mcl through the wheel mclbn256, called over ctypes.

The wheel starts mcl on a curve of its own (number 0). The curve in use is one choice for the whole
process, so every entry here asks for the group order first, switches mcl to BN254 (number 4)
where it must, and refuses to go on where the order is still another. At load, answers known from
the plain layer must come out. Whatever fails there makes the layer unavailable with its reason
(the wheel also unpacks its library into a temporary folder, which fails where that is mounted
noexec), and the next layer serves.

mcl's scalar multiplication on the twist presumes points of order R, so membership is tested with
its own order test, or, for many points, with additions alone; see `_outside`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from ctypes import CDLL, PyDLL, addressof, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from typing import Any

from merkle_por.zk.bn254.curve import G1, GENERATOR1, GENERATOR2, LAMBDA, scale
from merkle_por.zk.bn254.fields import P, R
from merkle_por.zk.bn254.layers import LayerUnavailable, Pair
from merkle_por.zk.bn254.pairing import Point2

_CURVE = 4  # MCL_BN_SNARK1 in mcl/include/mcl/curve_type.h: alt_bn128
_COMPILED = 44  # MCLBN_COMPILED_TIME_VAR for 4 words in Fp and in Fr
_WORDS = 4  # 64-bit words a number
_FP = 8 * _WORDS  # bytes a number
_G1 = 3 * _FP  # bytes a point: x, y, z; all zero is infinity
_G2 = 6 * _FP
_GT = 12 * _FP

# What `_outside` weighs against each other, in additions on the twist (measured).
_SECURITY_BITS = 128
_MAX_COEFFICIENT_BITS = 8
_ORDER_TEST = 125

NOT_IN_GROUP: Point2 = (
    0,
    1,
    5857410223677516958241855868975604786906559121396168184066542210254491971240,
    3499505209057624827709920819629410982529044040404494099368353913743455207650,
)
"""A point of the twist that is not of order R, for the known answers."""

_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "mclBn_init": (c_int, [c_int, c_int]),
    "mclBn_getCurveOrder": (c_size_t, [c_void_p, c_size_t]),
    "mclBn_getFieldOrder": (c_size_t, [c_void_p, c_size_t]),
    "mclBnFp_setLittleEndian": (c_int, [c_void_p, c_char_p, c_size_t]),
    "mclBnFp_getLittleEndian": (c_size_t, [c_void_p, c_size_t, c_void_p]),
    "mclBnFr_setLittleEndian": (c_int, [c_void_p, c_char_p, c_size_t]),
    "mclBnG1_mul": (None, [c_void_p, c_void_p, c_void_p]),
    "mclBnG1_mulVec": (None, [c_void_p, c_void_p, c_void_p, c_size_t]),
    "mclBnG1_normalize": (None, [c_void_p, c_void_p]),
    "mclBnG1_isZero": (c_int, [c_void_p]),
    "mclBnG2_add": (None, [c_void_p, c_void_p, c_void_p]),
    "mclBnG2_isValidOrder": (c_int, [c_void_p]),
    "mclBn_millerLoopVec": (None, [c_void_p, c_void_p, c_void_p, c_size_t]),
    "mclBn_finalExp": (None, [c_void_p, c_void_p]),
    "mclBnGT_isOne": (c_int, [c_void_p]),
}
_LONG = frozenset(
    (
        "mclBnG1_mul",
        "mclBnG1_mulVec",
        "mclBnG2_isValidOrder",
        "mclBn_millerLoopVec",
        "mclBn_finalExp",
    )
)
"""Calls during which other threads may run Python. The others take about as long as giving up the
lock does, and a thread that gave it up may wait for it thousands of times as long."""


class MclLayer:
    """mcl on BN254. Raises LayerUnavailable where it can't be loaded or answers wrongly."""

    name = "mcl"

    def __init__(self) -> None:
        try:
            from mclbn256 import mclbn256

            loaded = mclbn256.lib
            # Function objects of our own: the wheel's stay without declared arguments.
            library = CDLL(loaded._name, handle=loaded._handle)
            holding = PyDLL(loaded._name, handle=loaded._handle)
            for name, (result, arguments) in _SIGNATURES.items():
                function = getattr(library if name in _LONG else holding, name)
                function.restype, function.argtypes = result, arguments
                setattr(library, name, function)
        except Exception as error:  # the wheel runs code of its own on import: anything may come
            raise LayerUnavailable(f"mclbn256 does not load ({error})") from error
        self._library = library
        self._one = b""
        try:
            self._ready()
            right = self._known_answers()
        except LayerUnavailable:
            raise
        except Exception as error:
            raise LayerUnavailable(f"mclbn256 fails its known answers ({error})") from error
        if not right:
            raise LayerUnavailable("mclbn256 gives wrong known answers")

    def _order(self, name: str) -> int:
        text = (c_uint64 * 32)()
        length = getattr(self._library, name)(addressof(text), 256)
        return int(bytes(text)[:length] or b"0")

    def _ready(self) -> None:
        """Make sure that mcl stands on BN254, whoever used the wheel meanwhile."""
        if self._order("mclBn_getCurveOrder") == R:
            if self._one:
                return
        elif self._library.mclBn_init(_CURVE, _COMPILED) != 0:
            raise LayerUnavailable("mcl refuses curve 4 (BN254)")
        if self._order("mclBn_getCurveOrder") != R or self._order("mclBn_getFieldOrder") != P:
            raise LayerUnavailable("mcl's curve is not BN254")
        one = (c_uint64 * _WORDS)()
        self._set(addressof(one), 1)
        self._one = bytes(one)

    def _set(self, address: int, value: int) -> None:
        text = int(value).to_bytes(_FP, "little")
        if self._library.mclBnFp_setLittleEndian(address, text, _FP) != 0:
            raise ValueError("mcl refuses a coordinate")

    def _numbers(self, points: Sequence[tuple[int, ...] | None], size: int) -> Any:
        """Points as an array of mcl's structures: `size` numbers in x, y and z each."""
        step = 3 * size * _FP
        array = (c_uint64 * (len(points) * step // 8))()
        start = addressof(array)
        one = self._one
        place = 2 * size * _FP
        view = memoryview(array).cast("B")
        for index, point in enumerate(points):
            if point is None:
                continue
            address = start + index * step
            for offset, number in enumerate(point):
                self._set(address + offset * _FP, number)
            at = index * step + place
            view[at : at + _FP] = one
        return array

    def _scalars(self, values: Sequence[int]) -> Any:
        array = (c_uint64 * (len(values) * _WORDS))()
        start = addressof(array)
        for index, value in enumerate(values):
            text = (value % R).to_bytes(_FP, "little")
            if self._library.mclBnFr_setLittleEndian(start + index * _FP, text, _FP) != 0:
                raise ValueError("mcl refuses a scalar")
        return array

    def sum_of_multiples(self, points: Sequence[G1], scalars: Sequence[int]) -> G1:
        if len(points) != len(scalars):
            raise ValueError("as many scalars as points")
        self._ready()
        if not points:
            return None
        library = self._library
        array, multiples = self._numbers(points, 1), self._scalars(scalars)
        result = (c_uint64 * (_G1 // 8))()
        place = addressof(result)
        library.mclBnG1_mulVec(place, addressof(array), addressof(multiples), len(points))
        if library.mclBnG1_isZero(place):
            return None
        library.mclBnG1_normalize(place, place)
        return self._get(place), self._get(place + _FP)

    def _get(self, address: int) -> int:
        text = (c_uint64 * _WORDS)()
        length = self._library.mclBnFp_getLittleEndian(addressof(text), _FP, address)
        if length == 0:
            raise ValueError("mcl does not write a coordinate")
        return int.from_bytes(bytes(text)[:length], "little")

    def outside_subgroup(self, points: Sequence[Point2]) -> set[int]:
        self._ready()
        return self._outside(self._numbers(points, 2), len(points))

    def _outside(self, array: Any, count: int) -> set[int]:
        """Which of the first `count` points are not of order R?

        Many points at once: the sum of all, each with a random coefficient of `bits` <= 8 bits,
        must be of order R. Beyond its part of order R a bad point has one whose order divides the
        twist's cofactor 2P - R, so at least its smallest prime factor, 10069. Hence its multiples
        by all coefficients differ there, and for any choice of the others at most one of them lets
        the sum pass. 128/bits sums miss with probability 2^-128; with buckets each costs one
        addition a point. Where one fails, or points are few, each point's order is tested.
        """
        start = addressof(array)
        cost, bits = min(
            (-(-_SECURITY_BITS // bits) * (count + (2 << bits) + _ORDER_TEST), bits)
            for bits in range(1, _MAX_COEFFICIENT_BITS + 1)
        )
        if cost < count * _ORDER_TEST and all(
            self._random_sum_in_group(start, count, bits) for _ in range(-(-_SECURITY_BITS // bits))
        ):
            return set()
        valid = self._library.mclBnG2_isValidOrder
        return {index for index in range(count) if valid(start + index * _G2) != 1}

    def _random_sum_in_group(self, start: int, count: int, bits: int) -> bool:
        add = self._library.mclBnG2_add
        buckets = (c_uint64 * ((_G2 << bits) // 8))()
        first = addressof(buckets)
        drop = 8 - bits
        for index, byte in enumerate(secrets.token_bytes(count)):
            if byte >> drop:
                bucket = first + (byte >> drop) * _G2
                add(bucket, bucket, start + index * _G2)
        sums = (c_uint64 * (2 * _G2 // 8))()
        running, total = addressof(sums), addressof(sums) + _G2
        for coefficient in range((1 << bits) - 1, 0, -1):
            add(running, running, first + coefficient * _G2)
            add(total, total, running)
        return bool(self._library.mclBnG2_isValidOrder(total) == 1)

    def product_is_one(
        self, open_pairs: Sequence[Pair], scalars: Sequence[int] | None, key_pairs: Sequence[Pair]
    ) -> tuple[bool, set[int]]:
        self._ready()
        library = self._library
        pairs = [*open_pairs, *key_pairs]
        if not pairs:
            return True, set()
        firsts = self._numbers([first for first, _ in pairs], 1)
        seconds = self._numbers([second for _, second in pairs], 2)
        outside = self._outside(seconds, len(open_pairs))
        if outside:
            return False, outside
        if scalars is not None:
            if len(scalars) != len(open_pairs) or not all(value % R for value in scalars):
                raise ValueError("one scalar a pair, none of them 0")
            multiples = self._scalars(scalars)
            point, scalar = addressof(firsts), addressof(multiples)
            for _ in scalars:
                library.mclBnG1_mul(point, point, scalar)
                point += _G1
                scalar += _FP
        result = (c_uint64 * (_GT // 8))()
        place = addressof(result)
        library.mclBn_millerLoopVec(place, addressof(firsts), addressof(seconds), len(pairs))
        library.mclBn_finalExp(place, place)
        return bool(library.mclBnGT_isOne(place) == 1), set()

    def _known_answers(self) -> bool:
        """Multiples, order test and pairing, on answers from the plain layer."""
        g, big = GENERATOR1, 0xDEADBEEF << 200 | 0xC0FFEE
        g6, g_minus, g_big, g_lambda = scale(P, [g] * 4, [6, R - 6, big, LAMBDA])
        if g6 is None or g_minus is None:
            return False
        sums = (
            self.sum_of_multiples([g], [big]) == g_big
            and self.sum_of_multiples([g], [LAMBDA]) == g_lambda
            and self.sum_of_multiples([g, g6, None], [R - 6, 1, 5]) is None
        )
        order = self.outside_subgroup([GENERATOR2, NOT_IN_GROUP]) == {1}
        pairings = [
            self.product_is_one([(g6, GENERATOR2)], None, [(g_minus, GENERATOR2)]),
            self.product_is_one([(g, GENERATOR2)], [6], [(g_minus, GENERATOR2)]),
            self.product_is_one([(g, GENERATOR2)], [7], [(g_minus, GENERATOR2)]),
            self.product_is_one([(g, NOT_IN_GROUP)], None, []),
        ]
        expected = [(True, set()), (True, set()), (False, set()), (False, {0})]
        return sums and order and pairings == expected
