"""Any change of a proven row's signature, message, address or key takes its proof away."""

from __future__ import annotations

import base64

import pytest
import vectorfiles
from hypothesis import given, settings
from hypothesis import strategies as st
from ownershiprows import rows

from merkle_por.reserves.ownership import HTX, OKX, OKX_AUDIT, Dialect, Row, State, judge

replace = Row._replace
SLOW = {"BETH", "STARKNET", "STARKNET-ETH"}  # tested by themselves


def _signed_rows() -> list[tuple[Dialect, Row]]:
    lists = (
        (OKX, "okx-por-csv", "valid-families.csv"),
        (OKX_AUDIT, "okx-aup-csv", "valid-all-families.csv"),
        (OKX_AUDIT, "okx-aup-csv", "valid-xrp.csv"),
        (OKX, "okx-por-csv", "valid-p2wpkh-bip137.csv"),
        (HTX, "htx-por-csv", "valid-mixed.csv"),
        (HTX, "htx-por-csv", "valid-doge-signed.csv"),
    )
    found = []
    for dialect, folder, name in lists:
        path = vectorfiles.folder("made", folder) / name
        if path.exists():
            found += [(dialect, row) for row in rows(path) if row.coin not in SLOW]
    return [(d, row) for d, row in found if judge(row, d).state is State.PROVEN]


SIGNED = _signed_rows()
ROWS = st.sampled_from(SIGNED) if SIGNED else st.nothing()
MANY = settings(max_examples=150, deadline=None)

if not SIGNED:
    pytest.skip("the made lists are not on this machine", allow_module_level=True)


def flipped(text: str, bit: int) -> str:
    """The text with one bit of the bytes that it encodes turned over, in the same encoding."""
    if text.startswith("0x") or set(text) <= set("0123456789abcdef"):
        prefix, body = ("0x", text[2:]) if text.startswith("0x") else ("", text)
        data = bytearray(bytes.fromhex(body))
        data[bit // 8 % len(data)] ^= 1 << bit % 8
        return prefix + data.hex()
    data = bytearray(base64.b64decode(text))
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    return base64.b64encode(data).decode()


def proves(dialect: Dialect, row: Row) -> bool:
    return judge(row, dialect, messages=frozenset({row.message or ""})).state is State.PROVEN


@MANY
@given(ROWS, st.integers(8, 65 * 8 - 9))
def test_a_flipped_bit_of_the_numbers_of_a_signature(signed: tuple[Dialect, Row], bit: int) -> None:
    dialect, row = signed
    text = row.signature1 or ""
    # Bitcoin's form begins with the header, Ethereum's ends with v: both say only which of
    # the possible keys it was, so they are not among the bits turned here.
    changed = flipped(text, bit if not text.startswith("0x") else bit - 8)
    assert not proves(dialect, replace(row, signature1=changed))


@MANY
@given(ROWS, st.integers(0, 10_000))
def test_a_flipped_bit_of_the_message(signed: tuple[Dialect, Row], bit: int) -> None:
    dialect, row = signed
    data = bytearray((row.message or "").encode())
    data[bit // 7 % len(data)] ^= 1 << bit % 7
    assert not proves(dialect, replace(row, message=data.decode()))


@MANY
@given(ROWS, st.data())
def test_another_character_in_the_address(signed: tuple[Dialect, Row], data: st.DataObject) -> None:
    dialect, row = signed
    place = data.draw(st.integers(0, len(row.address) - 1))
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:-_"
    other = data.draw(st.sampled_from(alphabet).filter(lambda c: c != row.address[place]))
    changed = row.address[:place] + other + row.address[place + 1 :]
    if changed.lower() == row.address.lower() and changed.startswith("0x"):
        return  # upper and lower case of hexadecimal digits are one address
    assert not proves(dialect, replace(row, address=changed))


@MANY
@given(ROWS, st.integers(0, 10_000))
def test_a_flipped_bit_of_script_or_key(signed: tuple[Dialect, Row], bit: int) -> None:
    dialect, row = signed
    key = row.script_or_public_key
    if not key or key == "null":
        return
    assert not proves(dialect, replace(row, script_or_public_key=flipped(key, bit)))


@MANY
@given(ROWS, ROWS)
def test_a_signature_of_another_row(
    signed: tuple[Dialect, Row], other: tuple[Dialect, Row]
) -> None:
    dialect, row = signed
    if row.address == other[1].address or row.signature1 == other[1].signature1:
        return
    swapped = replace(
        row,
        signature1=other[1].signature1,
        signature2=other[1].signature2,
        script_or_public_key=other[1].script_or_public_key,
    )
    if other[0] is not dialect:
        return
    own = judge(swapped, dialect)
    if own.state is State.PROVEN:
        # One key may stand behind addresses of several chains, and they share digests; of a
        # script's keys another pair may have signed.
        script = row.script_or_public_key
        same_script = bool(script) and script == other[1].script_or_public_key
        assert same_script or set(own.signers) == set(judge(row, dialect).signers)


HOSTILE = st.one_of(
    st.none(),
    st.text(max_size=200),
    st.text("0123456789abcdef", max_size=200).map("0x".__add__),
    st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode()),
    st.sampled_from(["0x" + "00" * 65, "0x" + "ff" * 64 + "1b", "SIG_K1_", "EOS", "{", "[" * 500]),
    st.just("\ud800"),
    st.just("1" * 10_000),
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SIGNED),
    st.fixed_dictionaries(
        {},
        optional={
            "coin": st.one_of(
                st.text(max_size=20), st.sampled_from(["EOS", "STARKNET", "BETH", "NULS", "DCR"])
            ),
            "address": st.one_of(st.text(max_size=120), st.just("1" * 300)),
            "message": HOSTILE,
            "signature1": HOSTILE,
            "signature2": HOSTILE,
            "script_or_public_key": HOSTILE,
            "eoa1": HOSTILE,
            "eoa2": HOSTILE,
            "type": HOSTILE,
        },
    ),
)
def test_no_row_raises(signed: tuple[Dialect, Row], changes: dict[str, str]) -> None:
    dialect, row = signed
    changed = replace(row, **changes)
    messages = frozenset({changed.message}) if changed.message else None
    judgement = judge(changed, dialect, messages=messages)
    assert (judgement.reason is not None) == (judgement.state in (State.FAILED, State.UNSUPPORTED))
