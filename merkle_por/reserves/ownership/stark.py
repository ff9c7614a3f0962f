"""Signatures of Starknet accounts: typed data, Pedersen hash, ECDSA on the STARK curve.

An account is a contract, so its address does not follow from the key: a good signature is bound to
the declared key only. Source: specs/ownership-signatures.md section 6; docs.starknet.io (STARK
curve, Pedersen hash, off-chain signatures); constants from that specification.
"""

from __future__ import annotations

from functools import cache, lru_cache

from merkle_por.errors import Invalid, Malformed
from merkle_por.hashes.keccak import keccak256
from merkle_por.reserves.ownership import texts
from merkle_por.reserves.ownership.claims import Claim, Rule, Signed
from merkle_por.reserves.ownership.weierstrass import Affine, Curve

CURVE = Curve(
    p=2**251 + 17 * 2**192 + 1,
    a=1,
    b=0x6F21413EFBE40DE150E596D72F7A8C5609AD26C15C915C1F4CDFCB99CEE9E89,
    n=0x800000000000010FFFFFFFFFFFFFFFFB781126DCAE7B2321E66A241ADC64D2F,
    x=0x1EF15C18599971B7BECED415A40F0C7DEACFD9B0D1819E03D723D8BC943CFCA,
    y=0x5668060AA49730B7BE4801DF46EC62DE53ECD11ABE43A32873000C36E8DC1F,
)
SHIFT: Affine = (
    0x49EE3EBA8C1600700EE1B87EB599F16716B0B1022947733551FDE4050CA6804,
    0x3CA0CFE4B3BC6DDF346D49D06EA0ED34E621062C0E056C1D0405D266E10268A,
)
LOW_1: Affine = (
    0x234287DCBAFFE7F969C748655FCA9E58FA8120B6D56EB0C1080D17957EBE47B,
    0x3B056F100F96FB21E889527D41F4E39940135DD7A6C94CC6ED0268EE89E5615,
)
HIGH_1: Affine = (
    0x4FA56F376C83DB33F9DAB2656558F3399099EC1DE5E3018B7A6932DBA8AA378,
    0x3FA0984C931C9E38113E0C0E47E4401562761F92A7A23B45168F4E80FF5B54D,
)
LOW_2: Affine = (
    0x4BA4CC166BE8DEC764910F75B45F74B40C690C74709E90F3AA372F0BD2D6997,
    0x40301CF5C1751F4B971E46C4EDE85FCAC5C59A5CE5AE7C48151F27B24B219C,
)
HIGH_2: Affine = (
    0x54302DCB0E6CC1C6E44CCA8F61A63BB2CA65048D53FB325D36FF12C49A58202,
    0x1B77B3E37D13504B348046268D8AE25CE98AD783C25561A879DCC77E99C2426,
)
"""P0 to P4 of the Pedersen hash: for each of two inputs a point for its low 248 bits, one for the
4 bits above them, and one that is added always."""
LOW_BITS = 248
MAX_R = 2**251
_SELECTOR_MASK = 2**250 - 1

DOMAIN_TYPE = "StarkNetDomain(name:felt,version:felt,chainId:felt)"
DOMAIN_NAME, DOMAIN_VERSION = "OKX POR MESSAGE", 1
DOMAIN_CHAIN = int.from_bytes(b"SN_MAIN", "big")
MESSAGE_TYPE = "Message(contents:felt)"
MAX_SHORT_TEXT = 31
"""Bytes of text that fit into one field element."""


@cache
def _doublings(point: Affine, count: int) -> tuple[Affine, ...]:
    """point, 2 * point, 4 * point and so on."""
    powers = [point]
    for _ in range(count - 1):
        doubled = CURVE.affine(CURVE.double((*powers[-1], 1)))
        assert doubled is not None  # the order is odd
        powers.append(doubled)
    return tuple(powers)


def pedersen(a: int, b: int) -> int:
    """Pedersen hash of two field elements: x of a sum of fixed points, one for each set bit."""
    total = (*SHIFT, 1)
    for value, low, high in ((a, LOW_1, HIGH_1), (b, LOW_2, HIGH_2)):
        points = _doublings(low, LOW_BITS) + _doublings(high, 4)
        for index in range(value.bit_length()):
            if value >> index & 1:
                total = CURVE.add_affine(total, points[index])
    point = CURVE.affine(total)
    # The neutral element would be a relation between the points that nobody knows.
    return point[0] if point else 0


def chain(*elements: int) -> int:
    """Hash of a list: folded from 0, its length last."""
    total = 0
    for element in (*elements, len(elements)):
        total = pedersen(total, element)
    return total


def selector(text: str) -> int:
    """Low 250 bits of Keccak-256 of the text."""
    return int.from_bytes(keccak256(text.encode()), "big") & _SELECTOR_MASK


def felt(text: str) -> int | None:
    """The field element of a text: a number, or up to 31 ASCII characters. None if it has none."""
    if not text.isascii() or len(text) > 80:
        return None
    digits = text[2:]
    if text.startswith("0x") and digits and set(digits) <= set("0123456789abcdefABCDEF"):
        value = int(digits, 16)
    elif text.isdigit():
        value = int(text)
    elif len(text) <= MAX_SHORT_TEXT:
        value = int.from_bytes(text.encode(), "big")
    else:
        return None
    return value if value < CURVE.p else None


@cache
def _domain() -> int:
    name = felt(DOMAIN_NAME)
    assert name is not None
    return chain(selector(DOMAIN_TYPE), name, DOMAIN_VERSION, DOMAIN_CHAIN)


@lru_cache(256)
def _contents(value: int) -> int:
    return chain(selector(MESSAGE_TYPE), value)


def digest(account: int, message: str) -> int:
    """What an account signs for a message; raises Malformed for text that is no field element."""
    value, prefix = felt(message), felt("StarkNet Message")
    if value is None or prefix is None:
        raise Malformed("bad-field", "the message does not fit into one field element")
    return chain(prefix, _domain(), account, _contents(value))


def _number(text: str | None) -> int | None:
    """A number of up to 64 hexadecimal digits below the field's prime, 0x optional."""
    body = text.removeprefix("0x") if text else ""
    if not 0 < len(body) <= 64 or not set(body) <= set("0123456789abcdefABCDEF"):
        return None
    value = int(body, 16)
    return value if value < CURVE.p else None


def parse_account(address: str) -> int:
    """An account address: 0x and up to 64 hexadecimal digits."""
    value = _number(address) if address.startswith("0x") else None
    if value is None:
        raise Malformed("bad-address", "the address is not a Starknet address")
    return value


def fits(z: int, r: int, s: int, key: Affine) -> bool:
    """Does the ECDSA signature fit the key or its negative? All numbers are in range."""
    inverse = pow(s, -1, CURVE.n)
    u, v = z * inverse % CURVE.n, r * inverse % CURVE.n
    for y in (key[1], CURVE.p - key[1]):
        total = CURVE.combine(u, CURVE.generator, v, (key[0], y))
        if total is not None and total[0] == r:
            return True
    return False


def verify(claim: Claim) -> Signed:
    """Checks r and s (64 hexadecimal digits each, no 0x) with the x of the declared key."""
    account = parse_account(claim.address)
    if claim.key is None:
        raise Malformed("missing-public-key", "the row names no public key to check with")
    x = _number(claim.key)
    key = CURVE.lift(x) if x is not None else None
    if key is None:
        raise Malformed("bad-public-key", "the public key is not the x of a point of the curve")
    data = None if claim.signature1.startswith("0x") else texts.unhex(claim.signature1)
    if data is None or len(data) != 64:
        raise Malformed("bad-signature", "the signature is not 128 hexadecimal digits")
    r, s = int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big")
    if not (0 < r < MAX_R and 0 < s < CURVE.n):
        raise Malformed("bad-signature", "a number of the signature is out of range")
    if not fits(digest(account, claim.message), r, s, key):
        raise Invalid("bad-signature", "the signature does not fit the message and the public key")
    return Signed((hex(key[0]),), bound=False)


RULE = Rule(verify, parse_account)
