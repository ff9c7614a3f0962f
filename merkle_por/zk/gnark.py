"""Reads gnark's binary proofs and verifying keys on BN254, strictly.

Rules: specs/zk-primitives-bn254 sections 4 and 5. Each point says by its top two bits whether it
is compressed, so raw and compressed files are read alike. Refused as malformed: coordinates that
are not below P, points off their curve, stray bits, anything after the end, and in a key every
point outside the group of order R or at infinity. The second point of a proof is tested for its
group by `groth16`, which can do it for free.

Generations of keys, told apart by their bytes: 0.7.1 ends after the list K; 0.7.2 starts with an
empty Pedersen key of 264 zero bytes and ends with a description of an empty structure (Go's gob);
0.10 and later append the committed public inputs and the Pedersen keys.
"""

from __future__ import annotations

from merkle_por.errors import Malformed
from merkle_por.zk.bn254.curve import B1, B2, G1, G2, on_curve1, on_twist
from merkle_por.zk.bn254.fields import P, mul2, sqr2, sqrt, sqrt2
from merkle_por.zk.bn254.layers import light
from merkle_por.zk.bn254.pairing import Point1, Point2
from merkle_por.zk.groth16 import Proof, VerifyingKey

MAX_KEY_BYTES = 1 << 20
MAX_PROOF_BYTES = 1 << 12
_EMPTY_PEDERSEN = bytes(264)  # generation 0.7.2: two G2 points and two counters, all zero
_MAX_TRAILER = 256

_FLAGS = 0xC0
_RAW, _INFINITY, _SMALLER, _LARGER = 0x00, 0x40, 0x80, 0xC0
_HALF = (P - 1) // 2


class _Reader:
    """Reads forward through the bytes; `what` and `length_reason` name the file in findings."""

    def __init__(self, data: bytes, what: str, length_reason: str) -> None:
        self.data = data
        self.at = 0
        self.what = what
        self.length_reason = length_reason

    def left(self) -> int:
        return len(self.data) - self.at

    def fail(self, reason: str, text: str, where: str) -> Malformed:
        return Malformed(reason, text, where=f"{self.what}, {where}")

    def take(self, count: int, where: str) -> bytes:
        if count > self.left():
            raise self.fail(self.length_reason, f"the {self.what} ends too early", where)
        self.at += count
        return self.data[self.at - count : self.at]

    def count(self, size: int, where: str) -> int:
        """A uint32 that announces items of at least `size` bytes each: no more than fit."""
        value = int.from_bytes(self.take(4, where))
        if value * size > self.left():
            raise self.fail(self.length_reason, f"the {self.what} ends too early", where)
        return value

    def end(self) -> None:
        if self.left():
            text = f"{self.left()} bytes follow the end of the {self.what}"
            raise self.fail(self.length_reason, text, "end")

    def _coordinates(self, size: int, where: str) -> tuple[int, tuple[int, ...]] | None:
        """Flag and coordinates of `size` numbers in x; None at infinity."""
        flag = self.data[self.at] & _FLAGS if self.left() else _RAW
        raw = self.take(32 * size * (2 if flag == _RAW else 1), where)
        raw = bytes([raw[0] & ~_FLAGS]) + raw[1:]
        if flag in (_RAW, _INFINITY) and not any(raw):
            return None
        if flag == _INFINITY:
            raise self.fail("bad-point", "a point at infinity with stray bits", where)
        numbers = tuple(int.from_bytes(raw[i : i + 32]) for i in range(0, len(raw), 32))
        if not all(number < P for number in numbers):
            raise self.fail("bad-point", "a coordinate is not below the field's modulus", where)
        return flag, numbers

    def point1(self, where: str) -> G1:
        """32 or 64 bytes: a point of G1."""
        read = self._coordinates(1, where)
        if read is None:
            return None
        flag, numbers = read
        if flag == _RAW:
            point = (numbers[0], numbers[1])
            if not on_curve1(point):
                raise self.fail("not-on-curve", "a point is not on the curve", where)
            return point
        (x,) = numbers
        y = sqrt(P, (x * x * x + B1) % P)
        if y is None:
            raise self.fail("not-on-curve", "no point of the curve has this coordinate", where)
        return x, y if (y > _HALF) == (flag == _LARGER) else P - y

    def point2(self, where: str) -> G2:
        """64 or 128 bytes: a point of the twist, imaginary parts first."""
        read = self._coordinates(2, where)
        if read is None:
            return None
        flag, numbers = read
        x = (numbers[1], numbers[0])
        if flag == _RAW:
            point = (*x, numbers[3], numbers[2])
            if not on_twist(point):
                raise self.fail("not-on-curve", "a point is not on the twist", where)
            return point
        cube = mul2(P, sqr2(P, x), x)
        y = sqrt2(P, ((cube[0] + B2[0]) % P, (cube[1] + B2[1]) % P))
        if y is None:
            raise self.fail("not-on-curve", "no point of the twist has this coordinate", where)
        larger = y[1] > _HALF if y[1] else y[0] > _HALF
        if larger != (flag == _LARGER):
            y = (-y[0] % P, -y[1] % P)
        return *x, *y

    def key_point1(self, where: str) -> Point1:
        point = self.point1(where)
        if point is None:
            raise self.fail("infinity", "a point of the key is the point at infinity", where)
        return point

    def key_point2(self, where: str) -> Point2:
        point = self.point2(where)
        if point is None:
            raise self.fail("infinity", "a point of the key is the point at infinity", where)
        return point


def read_proof(data: bytes) -> Proof:
    """A proof of any generation: A, B, C and from gnark 0.10 on the commitments with their proof.

    Lengths: 128 or 256 bytes, or from 164 + 32n or 324 + 64n on with n commitments. Raises
    Malformed (proof-length, bad-point, not-on-curve).
    """
    reader = _Reader(data, "proof", "proof-length")
    if len(data) > MAX_PROOF_BYTES:
        raise reader.fail("proof-length", "longer than any proof", "length")
    a = reader.point1("A")
    b = reader.point2("B")
    c = reader.point1("C")
    if not reader.left():
        return Proof(a, b, c)
    count = reader.count(32, "commitments")
    commitments = tuple(reader.point1(f"commitment {index}") for index in range(count))
    pok = reader.point1("proof of knowledge")
    reader.end()
    return Proof(a, b, c, commitments, pok, has_tail=True)


def read_verifying_key(data: bytes) -> VerifyingKey:
    """A verifying key of any generation, every point tested for its group.

    Raises Malformed (key-length, bad-point, not-on-curve, infinity, subgroup, bad-key).
    """
    reader = _Reader(data, "verifying key", "key-length")
    if len(data) > MAX_KEY_BYTES:
        raise reader.fail("key-length", "longer than any key", "length")
    # A file of another generation can't start so: its first point would be infinity.
    second_generation = data.startswith(_EMPTY_PEDERSEN)
    if second_generation:
        reader.take(len(_EMPTY_PEDERSEN), "empty Pedersen key")
    alpha1 = reader.key_point1("alpha in G1")
    reader.key_point1("beta in G1")
    beta2 = reader.key_point2("beta in G2")
    gamma2 = reader.key_point2("gamma in G2")
    reader.key_point1("delta in G1")
    delta2 = reader.key_point2("delta in G2")
    size = reader.count(32, "list K")
    k = tuple(reader.key_point1(f"K[{index}]") for index in range(size))
    if not k:
        raise reader.fail("bad-key", "the list K is empty", "list K")
    committed: tuple[tuple[int, ...], ...] = ()
    pedersen: tuple[tuple[Point2, Point2], ...] = ()
    has_tail = not second_generation and reader.left() > 0
    if second_generation:
        _check_trailer(reader)
    elif has_tail:
        committed = _committed(reader)
        count = reader.count(128, "Pedersen keys")
        pedersen = tuple(
            (reader.key_point2(f"Pedersen key {i}, G"), reader.key_point2(f"Pedersen key {i}"))
            for i in range(count)
        )
    reader.end()
    if len(committed) != len(pedersen) or len(k) < 1 + len(pedersen):
        raise reader.fail("bad-key", "the lists of the key do not fit together", "commitments")
    public = len(k) - 1 - len(pedersen)
    if not all(1 <= index <= public for covered in committed for index in covered):
        raise reader.fail("bad-key", "a committed public input does not exist", "commitments")
    seconds = [beta2, gamma2, delta2, *(point for pair in pedersen for point in pair)]
    if light().outside_subgroup(seconds):
        text = "a point of the key lies outside the group of prime order"
        raise reader.fail("subgroup", text, "points in G2")
    return VerifyingKey(alpha1, beta2, gamma2, delta2, k, pedersen, committed, has_tail)


def _committed(reader: _Reader) -> tuple[tuple[int, ...], ...]:
    """List of lists of uint64: the public inputs that each commitment covers, from 1."""
    out = []
    for index in range(reader.count(4, "committed inputs")):
        count = reader.count(8, f"committed inputs {index}")
        out.append(tuple(int.from_bytes(reader.take(8, "committed inputs")) for _ in range(count)))
    return tuple(out)


def _check_trailer(reader: _Reader) -> None:
    """Generation 0.7.2 ends with gob's description of "Commitment" and a value without fields.

    The last message is 3 bytes: a type id (0xff, xx: chosen at run time) and the 0 that ends an
    empty structure. Anything in it would be a commitment, which this generation never has.
    """
    trailer = reader.take(reader.left(), "trailer")
    if (
        len(trailer) > _MAX_TRAILER
        or b"Commitment" not in trailer
        or len(trailer) < 4
        or trailer[-4:-2] != b"\x03\xff"
        or trailer[-1] != 0
    ):
        raise reader.fail("bad-key", "the key's end is not an empty commitment", "trailer")
