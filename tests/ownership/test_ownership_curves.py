"""secp256k1 (coincurve and its plain twin), Ed25519 and the STARK curve."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por.reserves.ownership import ed25519, secp256k1, stark
from merkle_por.reserves.ownership.weierstrass import square_root

coincurve = pytest.importorskip("coincurve", reason="the fast twin is not installed")

N = secp256k1.ORDER
SOME = settings(max_examples=40, deadline=None)
SCALARS = st.integers(1, N - 1)
EDGES = st.sampled_from([0, 1, 2, N - 1, N, N + 1, secp256k1.CURVE.p - N, 2**256 - 1])
DIGESTS = st.binary(min_size=32, max_size=32)


@SOME
@given(DIGESTS, SCALARS)
def test_both_twins_recover_the_signer(digest: bytes, secret: int) -> None:
    key = coincurve.PrivateKey.from_int(secret)
    signature = key.sign_recoverable(digest, hasher=None)
    public = key.public_key.format(compressed=False)
    assert secp256k1.recover(digest, signature[:64], signature[64]) == public
    assert secp256k1.plain_recover(digest, signature[:64], signature[64]) == public


@SOME
@given(DIGESTS, st.one_of(EDGES, st.integers(0, 2**256 - 1)), st.one_of(EDGES, SCALARS), st.data())
def test_both_twins_say_the_same_about_any_numbers(
    digest: bytes, r: int, s: int, data: st.DataObject
) -> None:
    recovery = data.draw(st.integers(0, 3))
    r_s = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert secp256k1.recover(digest, r_s, recovery) == secp256k1.plain_recover(
        digest, r_s, recovery
    )


def test_recovery_where_coincurve_keeps_its_functions_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where they answer otherwise than its objects do: then those are asked."""
    monkeypatch.delenv("MERKLE_POR_BACKEND", raising=False)
    digest = hashlib.sha256(b"a row").digest()
    signature = coincurve.PrivateKey(b"\1" * 32).sign_recoverable(digest, hasher=None)
    asked = digest, signature[:64], signature[64]
    expected = secp256k1.plain_recover(*asked)
    direct = secp256k1._direct()
    assert direct is not None, "coincurve is not the version that lists are read fastest with"
    assert direct(*asked) == expected
    assert direct(digest[1:], *asked[1:]) is direct(digest, signature[1:64], 0) is None
    assert direct(digest, signature[:64], 4) is None
    for other in (None, lambda *_: b"\4" + bytes(64)):
        monkeypatch.setattr(secp256k1, "_direct", lambda other=other: other)
        fast = secp256k1._coincurve.__wrapped__()
        assert fast is not None
        assert fast.recover(*asked) == expected


def test_a_recovery_id_above_one_means_an_x_above_the_order() -> None:
    # r = x - n for a point with x in [n, p): such points exist, only too rarely to meet one.
    x = next(x for x in range(N + 1, N + 50) if secp256k1.CURVE.lift(x))
    r_s = (x - N).to_bytes(32, "big") + (7).to_bytes(32, "big")
    for digest in (bytes(32), b"\xff" * 32):
        key = secp256k1.plain_recover(digest, r_s, 2)
        assert key is not None
        assert key == secp256k1.recover(digest, r_s, 2)
        assert secp256k1.plain_verify(digest, x - N, 7, key)
        assert secp256k1.verify(digest, x - N, 7, key)


@SOME
@given(DIGESTS, SCALARS, st.integers(0, 255))
def test_both_twins_verify_alike(digest: bytes, secret: int, bit: int) -> None:
    key = coincurve.PrivateKey.from_int(secret)
    signature = key.sign_recoverable(digest, hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    public = key.public_key.format(compressed=True)
    wrong = (int.from_bytes(digest, "big") ^ 1 << bit).to_bytes(32, "big")
    for check in (secp256k1.verify, secp256k1.plain_verify):
        assert check(digest, r, s, public)
        assert check(digest, r, N - s, public)
        assert not check(wrong, r, s, public)
        assert not check(digest, 0, s, public)
        assert not check(digest, r, s + N, public)
        # Hybrid keys (06, 07) are no keys here, whatever libsecp256k1 thinks.
        assert not check(digest, r, s, b"\6" + secp256k1.uncompressed(public)[1:])  # type: ignore[index]


@SOME
@given(
    st.sampled_from([b"\2", b"\3", b"\4", b"\6", b"\7", b"\0"]),
    st.one_of(EDGES, st.integers(0, 2**256 - 1)),
    st.sampled_from([0, 31, 32]),
    SCALARS,
)
def test_both_twins_read_keys_alike(head: bytes, x: int, more: int, secret: int) -> None:
    text = head + x.to_bytes(32, "big") + bytes(more)
    assert secp256k1.uncompressed(text) == secp256k1.plain_uncompressed(text)
    key = coincurve.PrivateKey.from_int(secret).public_key
    full = key.format(compressed=False)
    for form in (full, key.format(compressed=True)):
        assert secp256k1.uncompressed(form) == secp256k1.plain_uncompressed(form) == full
    hybrid = bytes([6 + (full[64] & 1)]) + full[1:]
    assert secp256k1.uncompressed(hybrid) is None
    assert secp256k1.plain_uncompressed(hybrid) is None


@SOME
@given(DIGESTS, SCALARS, st.integers(0, 511))
def test_both_twins_verify_schnorr_alike(digest: bytes, secret: int, bit: int) -> None:
    key = coincurve.PrivateKey.from_int(secret)
    signature = key.sign_schnorr(digest)
    x_only = key.public_key.format(compressed=True)[1:]
    changed = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(64, "big")
    for check in (secp256k1.verify_schnorr, secp256k1.plain_verify_schnorr):
        assert check(digest, signature, x_only)
        assert not check(digest, changed, x_only)


def test_schnorr_vector_of_bip_340() -> None:
    key = "F9308A019258C31049344F85F89D5229B531C845836F99B08601F113BCE036F9"
    signature = (
        "E907831F80848D1069A5371B402410364BDF1C5F8307B0084C55F1CE2DCA8215"
        "25F66A4A85EA8B71E482A74F382D2CE5EBEEE8FDB2172F477DF4900D310536C0"
    )
    for check in (secp256k1.verify_schnorr, secp256k1.plain_verify_schnorr):
        assert check(bytes(32), bytes.fromhex(signature), bytes.fromhex(key))


@pytest.mark.parametrize("prime", [23, 17, ed25519.PRIME, stark.CURVE.p, secp256k1.CURVE.p])
def test_square_roots(prime: int) -> None:
    for value in (*range(12), prime - 1, prime - 3):
        root = square_root(value, prime)
        has_root = value == 0 or pow(value, (prime - 1) // 2, prime) == 1
        assert (root is not None) == has_root
        if root is not None:
            assert root * root % prime == value % prime


def test_the_curves_know_their_generators() -> None:
    for curve in (secp256k1.CURVE, stark.CURVE):
        assert curve.contains(curve.generator)
        assert curve.combine(curve.n - 1, curve.generator, 1, curve.generator) is None
        twice = curve.affine(curve.double((*curve.generator, 1)))
        assert curve.combine(1, curve.generator, 1, curve.generator) == twice


# --- Ed25519 -------------------------------------------------------------------------------------

RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_vectors_of_rfc_8032(key: str, message: str, signature: str) -> None:
    public, data, signed = map(bytes.fromhex, (key, message, signature))
    assert ed25519.verify(data, signed, public)
    assert not ed25519.verify(data + b"\0", signed, public)
    # S + L is the same number modulo L: the signature could be rewritten by anybody.
    s = int.from_bytes(signed[32:], "little") + ed25519.ORDER
    assert not ed25519.verify(data, signed[:32] + s.to_bytes(32, "little"), public)


def edwards_sum(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    """RFC 8032, 5.1.4, in affine coordinates."""
    p = ed25519.PRIME
    d = -121665 * pow(121666, -1, p) % p
    (x1, y1), (x2, y2) = one, two
    k = d * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, p) % p
    return x, (y1 * y2 + x1 * x2) * pow(1 - k, -1, p) % p


def edwards_points(y: int) -> list[tuple[int, int]]:
    p = ed25519.PRIME
    d = -121665 * pow(121666, -1, p) % p
    x = square_root((y * y - 1) * pow(d * y * y + 1, -1, p), p)
    assert x is not None
    return [(x, y), (-x % p, y)]


def encoded(point: tuple[int, int]) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def test_the_small_order_table_is_the_whole_torsion() -> None:
    points = {p for y in ed25519.SMALL_ORDER_Y for p in edwards_points(y)}
    assert len(points) == 8
    for point in points:
        total = point
        for _ in range(3):
            total = edwards_sum(total, total)
        assert total == (0, 1)


def test_no_small_order_key_in_any_encoding_verifies() -> None:
    p = ed25519.PRIME
    for y in ed25519.SMALL_ORDER_Y:
        for number in (y, y + p):
            if number >= 1 << 255:
                continue
            for sign in (0, 1):
                key = (number | sign << 255).to_bytes(32, "little")
                assert ed25519.small_order(key)
                for r in {encoded(q) for v in ed25519.SMALL_ORDER_Y for q in edwards_points(v)}:
                    assert not ed25519.verify(b"any", r + bytes(32), key)


def signature_with(secret: int, nonce: int, extra: tuple[int, int]) -> tuple[bytes, bytes]:
    """A signature of b"text" whose R has a point of small order added to it, and its key."""
    from Crypto.PublicKey.ECC import EccPoint

    base = EccPoint(ed25519._BASE_X, ed25519._BASE_Y, "Ed25519")
    a, r = base * secret, base * nonce
    key = encoded((int(a.x), int(a.y)))
    commitment = encoded(edwards_sum((int(r.x), int(r.y)), extra))
    hashed = hashlib.sha512(commitment + key + b"text").digest()
    s = (nonce + int.from_bytes(hashed, "little") * secret) % ed25519.ORDER
    return commitment + s.to_bytes(32, "little"), key


def test_verification_is_without_the_cofactor() -> None:
    good, key = signature_with(1234567, 7654321, (0, 1))
    assert ed25519.verify(b"text", good, key)
    for y in ed25519.SMALL_ORDER_Y - {1}:
        for extra in edwards_points(y):
            mixed, key = signature_with(1234567, 7654321, extra)
            assert not ed25519.verify(b"text", mixed, key)


def test_keys_that_are_no_points() -> None:
    two = (2).to_bytes(32, "little")  # (4 - 1) / (4d + 1) has no root
    assert not ed25519.is_key(two)
    assert not ed25519.is_key((ed25519.PRIME + 3).to_bytes(32, "little"))
    assert ed25519.is_key(bytes.fromhex(RFC_8032[0][0]))
    assert not ed25519.verify(b"", bytes(64), two)
    assert not ed25519.verify(b"", bytes(63), bytes.fromhex(RFC_8032[0][0]))


# --- STARK ---------------------------------------------------------------------------------------

ACCOUNT = 0x0668A58AEC3151BDF0F6F9360EA89453733D5C65F45CAFE2D1591D8CDDBD2395


def test_stark_digest_of_the_specification() -> None:
    assert (
        stark.digest(ACCOUNT, "hello world")
        == 0x657BBA5023FAAC542CA286D8DF83C8E18F693809B831BA209C773FB6A430982
    )


def test_pedersen_hash_of_starkware() -> None:
    # starkware-libs/starkex-resources, pedersen test vectors, as published.
    a = 0x03D937C035C878245CAF64531A5756109C53068DA139362728FEB561405371CB
    b = 0x0208A0A10250E382E1E4BBE2880906C2791BF6275695E02FBBC6AEFF9CD8B31A
    assert (
        stark.pedersen(a, b) == 0x030E480BED5FE53FA909CC0F8C4D99B8F9F2C016BE4C41E13A4848797979C662
    )


def test_stark_signatures_of_our_own() -> None:
    curve, secret, nonce = stark.CURVE, 987654321, 1122334455
    key = curve.combine(secret, curve.generator, 0, curve.generator)
    point = curve.combine(nonce, curve.generator, 0, curve.generator)
    assert key is not None
    assert point is not None
    z, r = stark.digest(ACCOUNT, "I am an OKX address"), point[0]
    s = (z + r * secret) * pow(nonce, -1, curve.n) % curve.n
    other = key[0], curve.p - key[1]
    assert stark.fits(z, r, s, key)
    assert stark.fits(z, r, s, other)  # the row gives only x, so either y may be meant
    assert not stark.fits(z + 1, r, s, key)
    assert not stark.fits(z, r + 1, s, key)
    assert not stark.fits(z, r, s + 1, key)


def test_stark_texts_as_field_elements() -> None:
    assert stark.felt("0x10") == 16
    assert stark.felt("16") == 16
    assert stark.felt("ab") == 0x6162
    assert stark.felt("x" * 31) is not None
    assert stark.felt("x" * 32) is None
    assert stark.felt("é") is None
    assert stark.felt(hex(stark.CURVE.p)) is None
    assert stark.felt("9" * 5000) is None
