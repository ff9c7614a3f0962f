"""Text encodings of addresses: round trips, published examples, and texts that are refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por.reserves.ownership.blake256 import blake256, padding
from merkle_por.reserves.ownership.encodings import (
    base32,
    base58,
    bech32,
    bits,
    c32,
    cashaddr,
    ss58,
    strkey,
    ton,
)
from merkle_por.reserves.ownership.encodings.crc16 import crc16

SOME = settings(max_examples=100, deadline=None)
BYTES = st.binary(max_size=60)


@SOME
@given(BYTES, st.sampled_from([base58.BITCOIN, base58.RIPPLE]))
def test_base58_round_trip(data: bytes, alphabet: str) -> None:
    assert base58.decode(base58.encode(data, alphabet), alphabet) == data
    assert base58.decode_check(base58.encode_check(data, alphabet), alphabet) == data


@SOME
@given(BYTES, st.sampled_from([base58.BITCOIN, base58.RIPPLE]))
def test_base58_is_the_number_in_base_58(data: bytes, alphabet: str) -> None:
    """One digit at a time, as the definition has it."""
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = alphabet[digit] + digits
    zeros = len(data) - len(data.lstrip(b"\0"))
    assert base58.encode(data, alphabet) == alphabet[0] * zeros + digits


@SOME
@given(st.lists(st.integers(0, 31)))
def test_groups_of_five_bit_by_bit(groups: list[int]) -> None:
    text = "".join(f"{group:05b}" for group in groups)
    whole, rest = text[: len(text) // 8 * 8], text[len(text) // 8 * 8 :]
    good = len(rest) < 5 and "1" not in rest
    expected = bytes(int(whole[i : i + 8], 2) for i in range(0, len(whole), 8))
    assert bits.from_fives(groups) == (expected if good else None)


@SOME
@given(BYTES.filter(bool), st.data())
def test_base58_check_notices_one_character(data: bytes, draw: st.DataObject) -> None:
    text = base58.encode_check(data)
    place = draw.draw(st.integers(0, len(text) - 1))
    other = draw.draw(st.sampled_from(base58.BITCOIN).filter(lambda c: c != text[place]))
    assert base58.decode_check(text[:place] + other + text[place + 1 :]) is None


def test_base58_examples_and_limits() -> None:
    assert base58.encode(bytes.fromhex("0000287fb4cd")) == "11233QC4"
    assert base58.decode("0OIl") is None
    assert base58.decode("1" * 257) is None
    assert base58.decode_check("1") is None


@SOME
@given(BYTES)
def test_groups_of_five_round_trip(data: bytes) -> None:
    assert bits.from_fives(bits.to_fives(data)) == data


def test_groups_of_five_that_are_not_whole_bytes() -> None:
    assert bits.from_fives([31]) is None  # five bits left over
    assert bits.from_fives([0, 1]) is None  # a one bit left over
    assert bits.from_fives([0, 4]) == b"\1"


@SOME
@given(st.integers(0, 16), st.binary(min_size=2, max_size=40), st.sampled_from(["bc", "ltc"]))
def test_segwit_round_trip(version: int, program: bytes, prefix: str) -> None:
    text = bech32.encode_segwit(prefix, version, program)
    fits = version > 0 or len(program) in (20, 32)
    assert bech32.decode_segwit(text, prefix) == ((version, program) if fits else None)
    assert bech32.decode_segwit(text.upper(), prefix) == ((version, program) if fits else None)
    assert bech32.decode_segwit(text, "tb") is None


# BIP-350, "Test vectors for v0-v16 native segregated witness addresses"
@pytest.mark.parametrize(
    ("text", "prefix", "script"),
    [
        (
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc",
            "0014751e76e8199196d454941c45d1b3a323f1433bd6",
        ),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "bc",
            "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        ),
        ("BC1SW50QGDZ25J", "bc", "6002751e"),
    ],
)
def test_segwit_examples(text: str, prefix: str, script: str) -> None:
    decoded = bech32.decode_segwit(text, prefix)
    assert decoded is not None
    version, program = decoded
    opcode = version + 0x50 if version else 0
    assert (bytes([opcode, len(program)]) + program).hex() == script


@pytest.mark.parametrize(
    "text",
    [
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",  # Bech32 for version 1
        "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",  # Bech32 for version 16
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",  # Bech32m for version 0
        "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",  # "o" in the data
        "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",  # version 17
        "bc1pw5dgrnzv",  # 1-byte program
        "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",  # version 0, 16 bytes
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf"[:62],  # damaged
        "bc1gmk9yu",  # empty data
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kV8f3t4",  # mixed case
    ],
)
def test_segwit_texts_that_bip_350_refuses(text: str) -> None:
    assert bech32.decode_segwit(text, "bc") is None


@SOME
@given(st.binary(min_size=1, max_size=40), st.sampled_from([cashaddr.CASHADDR, cashaddr.CONFLUX]))
def test_cashaddr_round_trip(data: bytes, alphabet: str) -> None:
    text = cashaddr.encode("bitcoincash", data, alphabet)
    bare = text.split(":")[1]
    for form in (text, bare, text.upper(), bare.upper()):
        assert cashaddr.decode(form, "bitcoincash", alphabet) == data
    assert cashaddr.decode(text, "ecash", alphabet) is None
    assert cashaddr.decode("ecash:" + bare, "ecash", alphabet) is None


def test_cashaddr_example_of_the_specification() -> None:
    text = "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
    payload = cashaddr.decode(text, "bitcoincash")
    assert payload is not None
    assert base58.encode_check(payload) == "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"
    assert cashaddr.decode(text[:-1] + "q", "bitcoincash") is None
    assert cashaddr.decode("", "bitcoincash") is None


@SOME
@given(BYTES)
def test_base32_round_trip(data: bytes) -> None:
    assert base32.decode(base32.encode(data)) == data


def test_base32_refuses_second_texts_of_the_same_bytes() -> None:
    assert base32.decode("AA") == b"\0"
    assert base32.decode("AB") is None
    assert base32.decode("aa") is None
    assert base32.decode("A" * 257) is None
    assert base32.decode("é") is None


def test_published_examples() -> None:
    # CRC catalogue: CRC-16/XMODEM check value.
    assert crc16(b"123456789") == 0x31C3
    # SEP-23: account of the key.
    key = bytes.fromhex("3f0c34bf93ad0d9971d04ccc90f705511c838aad9734a4a2fb0d7a03fc7fe89a")
    assert strkey.encode(key) == "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"
    # Substrate's well-known Alice, on networks 42 and 0.
    alice = bytes.fromhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
    assert ss58.encode(42, alice) == "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
    assert ss58.encode(0, alice) == "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"
    # SIP-005.
    hashed = bytes.fromhex("a46ff88886c2ef9762d970b4d2c63678835bd39d")
    assert c32.encode_check(22, hashed) == "SP2J6ZY48GV1EZ5V2V5RB9MP66SW86PYKKNRV9EJ7"


def test_ton_address_of_the_specification() -> None:
    key = bytes.fromhex("6711ba8eaa47855b01d73e3849cd93861b1c11d7a86ae5fb8f96bb63d9be5a6b")
    _, not_bounceable = ton.addresses(key)[2:]
    assert not_bounceable == "UQB1CKrUWm7qf41Z1GeEE6AgVVj5cH6y6x1aRmWe6q4mj1fn"


def test_blake256_examples_of_its_specification() -> None:
    assert blake256(b"\0").hex() == (
        "0ce8d4ef4dd7cd8d62dfded9d4edb0a774ae6a41929a74da23109e8f11139c87"
    )
    assert blake256(bytes(72)).hex() == (
        "d419bad32d504fb7d44d460c42c5593fe544fa4c135dec31e21bd9abdcc22d41"
    )


@pytest.mark.parametrize("length", [0, 1, 54, 55, 56, 63, 64, 119, 120])
def test_blake256_pads_to_the_fewest_whole_blocks(length: int) -> None:
    pad = padding(length)
    assert (length + len(pad)) % 64 == 0
    assert 9 <= len(pad) <= 72
    assert pad[0] & 0x80
    assert pad[-9] & 1
    assert pad[-8:] == (length * 8).to_bytes(8, "big")
    assert sum(byte.bit_count() for byte in pad[:-8]) == 2


def test_blake256_of_a_block_that_is_one_byte_short_and_one_that_is_full() -> None:
    assert len({blake256(bytes(n)) for n in range(50, 70)}) == 20
    # An address of Decred's own test set: its checksum is BLAKE-256 twice.
    data = base58.decode("DsUZxxoHJSty8DCfwfartwTYbuhmVct7tJu")
    assert data is not None
    assert blake256(blake256(data[:-4]))[:4] == data[-4:]
