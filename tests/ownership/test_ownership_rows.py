"""Digests, addresses and the rules of single rows, with signatures made here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest

from merkle_por.errors import Finding
from merkle_por.reserves.ownership import (
    HTX,
    OKX,
    OKX_AUDIT,
    Row,
    State,
    bip322,
    coin,
    coins,
    digests,
    eos,
    judge,
    scripts,
    secp256k1,
    utxo,
)
from merkle_por.reserves.ownership.addresses import SECP256K1
from merkle_por.reserves.ownership.claims import Claim
from merkle_por.reserves.ownership.dialects import okx_rule
from merkle_por.reserves.ownership.digests import hash160
from merkle_por.reserves.ownership.encodings import base58, bech32, cashaddr

replace = Row._replace
coincurve = pytest.importorskip("coincurve", reason="signatures are made with coincurve")

MESSAGE = "I am an OKX address"
ONE, TWO, THREE = (coincurve.PrivateKey.from_int(n) for n in (11, 22, 33))


def public(key: object) -> bytes:
    return bytes(key.public_key.format(compressed=False))  # type: ignore[attr-defined]


def compressed(key: object) -> bytes:
    return bytes(key.public_key.format(compressed=True))  # type: ignore[attr-defined]


def rsv(key: object, digest: bytes, v: int = 27) -> str:
    signature = key.sign_recoverable(digest, hasher=None)  # type: ignore[attr-defined]
    return "0x" + (signature[:64] + bytes([signature[64] + v])).hex()


def signed_message(key: object, chain: str = "BTC", header: int = 31, text: str = MESSAGE) -> str:
    digest = digests.bitcoin(text, utxo.CHAINS[chain].header)
    signature = key.sign_recoverable(digest, hasher=None)  # type: ignore[attr-defined]
    return base64.b64encode(bytes([header + signature[64]]) + signature[:64]).decode()


def evm(key: object) -> str:
    return SECP256K1["ETH"].derive(public(key))[0]


def evm_row(key: object, **changes: str) -> Row:
    digest = digests.ethereum_hashed(MESSAGE)
    row = Row("ETH", evm(key), message=MESSAGE, signature1=rsv(key, digest))
    return replace(row, **changes)


def p2pkh(hashed: bytes, version: str = "00") -> str:
    return base58.encode_check(bytes.fromhex(version) + hashed)


def label(row: Row) -> str:
    return judge(row).label


# --- digests: the worked values of specs/ownership-signatures.md, section 2 ----------------------


@pytest.mark.parametrize(
    ("digest", "message", "wanted"),
    [
        (
            digests.ethereum_hashed,
            MESSAGE,
            "2c5ade6d905fda46ee20b58294772d2bdbee68c92ba5c54f38c325bae1326e2f",
        ),
        (
            digests.tron_hashed,
            MESSAGE,
            "6c1339a970bf10ad613655db7095ec297e0c0c601131a42276b594808c98316d",
        ),
        (digests.tron, MESSAGE, "5b7b165a9285bdd124ff61a92c7aa8bd11c90e38143aa5ee0182d2b262249fb4"),
        (
            digests.okx_keccak,
            MESSAGE,
            "fcdf430a10ef69670de4fd836a863bf458b428f55b29fc0811d5ef168bab9b0b",
        ),
        (
            digests.okx_sha256,
            MESSAGE,
            "ec72b6cd487767cb48777437caa6e66bb5e1e0bf754be58f5a070307699b55fe",
        ),
        (
            digests.okx_bytes,
            MESSAGE,
            "144f4b58205369676e6564204d6573736167653a0a134920616d20616e204f4b582061646472657373",
        ),
        (
            digests.keccak_raw,
            "huobi",
            "85933d072d12b6b514ba453ad609d8f0d54b7d0b0cab0d0d85bcad19e485bca9",
        ),
        (
            digests.ethereum,
            "huobi",
            "669a20b668f9acc2cfb4ff2d254a13d56506057f6eb20501a303e600edfc9908",
        ),
        (
            digests.tron_raw32,
            "huobi",
            "003dd813c541209bbdb4ffa7b692a72703dcdd1daa7b334d76bd3a6340845ad5",
        ),
        (
            digests.tron_hashed,
            "huobi",
            "a6ae6ec8fb5a8b3aede64640bf4c176c59a1e8d1362bce7a7a871e116274add1",
        ),
    ],
)
def test_worked_digests(digest: Callable[[str], bytes], message: str, wanted: str) -> None:
    assert digest(message).hex() == wanted


def test_worked_bitcoin_digest() -> None:
    assert digests.bitcoin(MESSAGE, "Bitcoin Signed Message:\n").hex() == (
        "801daa6c71eff63c5f821bdfccc89054ac070e454811bdd4145ac92cf5cf3132"
    )


def test_lengths_as_bitcoin_writes_them() -> None:
    assert digests.var_bytes(bytes(252))[:1] == b"\xfc"
    assert digests.var_bytes(bytes(253))[:3] == b"\xfd\xfd\x00"
    assert digests.var_bytes(bytes(65536))[:5] == b"\xfe\x00\x00\x01\x00"


# --- addresses: the worked key of section 4 ------------------------------------------------------

WORKED = bytes.fromhex(
    "047ff0d094bd7868028b040d6f88c1756e4aba558fd23c93867c46a82f260ac47f"
    "c1bb7d8386dfaa479b79601111944fc4c05ee93c327193867076a5785e44cad2"
)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("ETH", "0x0cdcdb19a857c2ac24818ca4fdfe38cce071483e"),
        ("FIL", "f1grb3f7ypw6q5d3hcj6gvqkievunqhfxmv75fqyi"),
        ("ICX", "hxd1b90a420371b7449a831ab39ef75b11b656e7f2"),
        ("STX", "SP2W3TCYJZM0J2DE207FJAYGVJQV1Q7SDEYJAC2QV"),
        ("ATOM", "cosmos1gjr0ghgvvnymdkq02ey35tmjruj0x4s88q8pty"),
        ("ELF", "24b85PB4CwSkGUuok8RQUsJYxCKBbBF91jBLcadnJLbDurmrMt"),
        ("TRX", "TB9DghGm4eTsVBNiJm2imf8hBqyg8V2mcL"),
    ],
)
def test_worked_addresses(kind: str, address: str) -> None:
    assert address in SECP256K1[kind].derive(WORKED)


# --- the coin table ------------------------------------------------------------------------------


def test_every_coin_of_the_table_has_a_rule() -> None:
    assert len(coins()) == 277
    for tag in coins():
        assert okx_rule(tag) is not None, tag


def test_coin_tags_are_read_in_upper_case() -> None:
    assert coin("usdt-erc20") == coin("USDT-ERC20")
    assert coin("Vaulta") is not None
    assert coin("no such coin") is None


def test_a_coin_without_a_rule_is_unsupported_only_when_signed() -> None:
    judgement = judge(evm_row(ONE, coin="NOSUCHCOIN"))
    assert (judgement.state, judgement.reason) == (State.UNSUPPORTED, "no-rule")
    assert judge(Row("NOSUCHCOIN", "x")).state is State.UNSIGNED
    assert judge(Row("XRP", "r", message="huobi", signature1="00"), HTX).state is State.UNSUPPORTED


# --- EVM -----------------------------------------------------------------------------------------


def test_a_good_row_names_its_signer_and_message() -> None:
    judgement = judge(evm_row(ONE))
    assert judgement.label == "proven"
    assert judgement.signers == (compressed(ONE).hex(),)
    assert judgement.message == MESSAGE
    assert judgement.reason is None


@pytest.mark.parametrize("spelling", [None, "", "null", "\\N", "-"])
def test_spellings_of_an_absent_field(spelling: str | None) -> None:
    row = replace(evm_row(ONE), signature2=spelling, script_or_public_key=spelling, eoa1=spelling)
    assert label(row) == "proven"
    assert label(replace(row, signature1=spelling)) == "unsigned"
    second = replace(row, signature1=spelling, signature2="0x00")
    assert label(second) == "failed:missing-signature"


def test_upper_and_lower_case_of_an_evm_address() -> None:
    lower = evm(ONE)
    assert label(evm_row(ONE, address="0x" + lower[2:].upper())) == "proven"
    assert label(evm_row(ONE, address="0X" + lower[2:])) == "failed:bad-address"
    assert label(evm_row(ONE, address=lower + "0")) == "failed:bad-address"
    # EIP-55's own examples.
    for address in (
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    ):
        assert label(evm_row(ONE, address=address)) == "failed:address-mismatch"
    assert label(evm_row(ONE, address="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD")) == (
        "failed:bad-checksum"
    )


@pytest.mark.parametrize("v", range(256))
def test_only_four_values_of_v(v: int) -> None:
    row = evm_row(ONE)
    assert row.signature1 is not None
    good = int(row.signature1[-2:], 16)
    judgement = label(replace(row, signature1=row.signature1[:-2] + f"{v:02x}"))
    if v in (good, good + 4):
        assert judgement == "proven"
    else:
        assert judgement in ("failed:bad-signature", "failed:address-mismatch")
        if v not in (27, 28, 31, 32):
            assert judgement == "failed:bad-signature"


def high_s(text: str) -> str:
    data = bytes.fromhex(text.removeprefix("0x"))
    s = secp256k1.ORDER - int.from_bytes(data[32:64], "big")
    return "0x" + (data[:32] + s.to_bytes(32, "big") + bytes([55 - data[64]])).hex()


def test_high_s_is_refused_by_evm_rows_and_accepted_by_others() -> None:
    row = evm_row(ONE)
    assert row.signature1 is not None
    assert label(replace(row, signature1=high_s(row.signature1))) == "failed:high-s"
    tron = Row("TRX", SECP256K1["TRX"].derive(public(ONE))[0], message=MESSAGE)
    digest = digests.tron_hashed(MESSAGE)
    assert label(replace(tron, signature1=high_s(rsv(ONE, digest)))) == "proven"


@pytest.mark.parametrize("number", [0, secp256k1.ORDER, secp256k1.ORDER + 1, 2**256 - 1])
def test_numbers_out_of_range(number: int) -> None:
    body = evm_row(ONE).signature1 or ""
    data = bytes.fromhex(body[2:])
    wrong = number.to_bytes(32, "big")
    for changed in (wrong + data[32:], data[:32] + wrong + data[64:]):
        row = Row("TRX", SECP256K1["TRX"].derive(public(ONE))[0], message=MESSAGE)
        assert label(replace(row, signature1=changed.hex())) == "failed:bad-signature"


def test_tron_accepts_both_of_its_digests_and_no_third() -> None:
    row = Row("USDT-TRC20", SECP256K1["TRX"].derive(public(ONE))[0], message=MESSAGE)
    assert label(replace(row, signature1=rsv(ONE, digests.tron_hashed(MESSAGE)))) == "proven"
    assert label(replace(row, signature1=rsv(ONE, digests.tron(MESSAGE)))) == "proven"
    third = replace(row, signature1=rsv(ONE, digests.ethereum_hashed(MESSAGE)))
    assert label(third) == "failed:address-mismatch"
    assert label(replace(third, address=third.address[:-1] + "z")) == "failed:bad-address"


def test_htx_accepts_both_of_its_digests_and_all_four_v() -> None:
    row = Row("ETH", evm(ONE), message="htx")
    for digest in (digests.keccak_raw, digests.ethereum):
        for v in (0, 27):
            signed = replace(row, signature1=rsv(ONE, digest("htx"), v))
            assert judge(signed, HTX).label == "proven"
    other = replace(row, signature1=rsv(ONE, digests.ethereum_hashed("htx")))
    assert judge(other, HTX).label == "failed:address-mismatch"
    assert judge(replace(row, signature1=rsv(ONE, digests.ethereum("htx"), 31)), HTX).label == (
        "failed:bad-signature"
    )


def test_a_coin_that_names_its_key_must_be_signed_by_it() -> None:
    address = SECP256K1["XRP"].derive(public(ONE))[0]
    signature = rsv(ONE, digests.okx_keccak(MESSAGE))
    row = Row("RIPPLE", address, message=MESSAGE, signature1=signature)
    assert label(row) == "proven"
    assert label(replace(row, script_or_public_key=compressed(ONE).hex())) == "proven"
    assert label(replace(row, script_or_public_key=compressed(TWO).hex())) == "failed:key-mismatch"
    assert label(replace(row, script_or_public_key="02")) == "failed:bad-public-key"
    assert label(replace(row, coin="NULS")) == "failed:missing-public-key"
    bound = replace(row, coin="NULS", script_or_public_key=compressed(ONE).hex())
    assert label(bound) == "key-unbound"
    assert label(replace(bound, script_or_public_key=compressed(TWO).hex())) == (
        "failed:key-mismatch"
    )


# --- messages ------------------------------------------------------------------------------------


def test_messages_are_exact() -> None:
    for text in (None, "", MESSAGE + " ", MESSAGE.lower(), "OKC_DTT_AUP2025"):
        assert label(replace(evm_row(ONE), message=text)) == "failed:unexpected-message"
    audit = "OKC_DTT_AUP2025"
    row = evm_row(ONE, message=audit, signature1=rsv(ONE, digests.ethereum_hashed(audit)))
    assert judge(row, OKX_AUDIT).label == "proven"
    assert judge(row, messages=frozenset({audit})).label == "proven"
    assert judge(evm_row(ONE), messages=frozenset({audit})).label == "failed:unexpected-message"


def test_fields_have_a_limit() -> None:
    assert label(evm_row(ONE, signature1="0x" + "0" * 9000)) == "failed:too-big"
    long = "x" * 1_000_001
    assert judge(evm_row(ONE, message=long), messages=frozenset({long})).label == "failed:too-big"
    odd = evm_row(ONE, message="\ud800")
    assert judge(odd, messages=frozenset({"\ud800"})).label == "failed:bad-utf8"


# --- declared owners -----------------------------------------------------------------------------


def owned(**changes: str) -> Row:
    digest = digests.ethereum_hashed(MESSAGE)
    row = Row(
        "ETH",
        "0x" + "12" * 20,
        message=MESSAGE,
        signature1=rsv(ONE, digest),
        signature2=rsv(TWO, digest),
        eoa1=evm(ONE),
        eoa2=evm(TWO),
    )
    return replace(row, **changes)


def test_owners_are_only_asserted() -> None:
    judgement = judge(owned())
    assert judgement.state is State.OWNER_ASSERTED
    assert judgement.signers == (evm(ONE), evm(TWO))
    assert label(owned(eoa2="", signature2="")) == "owner-asserted"
    # Not even where the owner is the address itself: the row says that somebody else signs.
    assert label(owned(address=evm(ONE), eoa2="")) == "owner-asserted"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signature2": ""}, "missing-signature"),
        ({"eoa1": ""}, "missing-owner"),
        ({"signature1": "", "signature2": "0x00"}, "missing-signature"),
        ({"eoa2": evm(ONE)}, "duplicate-owner"),
        ({"eoa2": "0x" + evm(ONE)[2:].upper()}, "duplicate-owner"),
        ({"eoa2": evm(THREE)}, "address-mismatch"),
        ({"eoa1": evm(TWO), "eoa2": evm(ONE)}, "address-mismatch"),
        ({"address": "treasury"}, "bad-address"),
        ({"address": "0x" + "ab" * 47}, "bad-address"),
        ({"address": "0x" + "zz" * 48}, "bad-address"),
    ],
)
def test_rows_with_owners_that_fail(changes: dict[str, str], reason: str) -> None:
    assert label(owned(**changes)) == f"failed:{reason}"


def test_one_key_under_two_spellings_is_one_owner() -> None:
    native, ethereum = SECP256K1["FIL-EVM"].derive(public(ONE))
    signature = rsv(ONE, digests.ethereum_hashed(MESSAGE))
    row = owned(coin="FIL-EVM", eoa1=native, eoa2=ethereum, signature2=signature)
    assert label(row) == "failed:duplicate-owner"


def test_the_second_owner_of_an_eigenlayer_row_does_not_sign() -> None:
    key = "0x" + "ab" * 48
    row = owned(type="Eigenlayer Staking", address=key, signature2="", eoa2="0x" + "34" * 20)
    assert label(row) == "owner-asserted"
    assert label(replace(row, type="Native ETH Staking")) == "failed:missing-signature"
    assert label(replace(row, type="Non Staking", eoa2="")) == "owner-asserted"
    assert label(replace(row, type="Native ETH Staking", eoa1="", eoa2="")) == "failed:bad-address"


# --- Bitcoin family ------------------------------------------------------------------------------

HASH = hash160(compressed(ONE))


def btc(address: str, signature: str, **changes: str) -> Row:
    return replace(Row("BTC", address, message=MESSAGE, signature1=signature), **changes)


@pytest.mark.parametrize("header", range(20, 50))
def test_headers_of_signed_messages(header: int) -> None:
    signature = ONE.sign_recoverable(
        digests.bitcoin(MESSAGE, utxo.CHAINS["BTC"].header), hasher=None
    )
    text = base64.b64encode(bytes([header]) + signature[:64]).decode()
    fits = 27 <= header <= 42 and (header - 27) % 4 == signature[64]
    assert (label(btc(p2pkh(HASH), text)) == "proven") == fits
    assert (label(btc(bech32.encode_segwit("bc", 0, HASH), text)) == "proven") == fits
    old = p2pkh(hash160(public(ONE)))
    assert (label(btc(old, text)) == "proven") == (fits and header < 31)


def test_base64_must_be_the_only_text_of_its_bytes() -> None:
    text = signed_message(ONE)
    assert text.endswith("=")
    last = text[-2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(last) + 1]  # same bytes for a careless reader
    assert base64.b64decode(text[:-2] + other + "=") == base64.b64decode(text)
    for wrong in (text[:-2] + other + "=", text[:-1], text + "\n", text.replace("/", "_") + " "):
        assert label(btc(p2pkh(HASH), wrong)) == "failed:bad-signature"


@pytest.mark.parametrize("name", sorted(utxo.CHAINS))
def test_every_chain_proves_its_own_kinds(name: str) -> None:
    chain = utxo.CHAINS[name]
    tag = next(tag for tag, entry in coins().items() if entry.address == name)
    text = signed_message(ONE, name)
    script = bytes([0x52, 33, *compressed(ONE), 33, *compressed(TWO), 33, *compressed(THREE)])
    script += bytes([0x53, scripts.OP_CHECKMULTISIG])
    multisig = replace(
        Row(tag, "", message=MESSAGE, signature1=text, signature2=signed_message(TWO, name)),
        script_or_public_key=script.hex(),
    )
    hashed = chain.hash160(compressed(ONE))
    if not chain.blake:
        for version in chain.p2pkh:
            assert label(btc(p2pkh(hashed, version), text, coin=tag)) == "proven"
        for version in chain.p2sh:
            address = p2pkh(hash160(script), version)
            assert label(replace(multisig, address=address)) == "proven"
            nested = p2pkh(hash160(scripts.p2wsh(hashlib.sha256(script).digest())), version)
            wanted = "proven" if chain.segwit else "failed:script-mismatch"
            assert label(replace(multisig, address=nested)) == wanted
            key_hash = scripts.p2wpkh(HASH)
            single = btc(p2pkh(hash160(key_hash), version), text, coin=tag)
            assert label(single) == ("proven" if chain.segwit else "failed:missing-script")
            given = replace(single, script_or_public_key=key_hash.hex())
            assert label(given) == ("proven" if chain.segwit else "failed:bad-script")
    if chain.segwit:
        program = hashlib.sha256(script).digest()
        address = bech32.encode_segwit(chain.segwit, 0, program)
        assert label(replace(multisig, address=address)) == "proven"
        assert label(replace(multisig, address=address, script_or_public_key="")) == (
            "failed:missing-script"
        )
    if chain.cash:
        address = cashaddr.encode(chain.cash, b"\0" + hashed)
        assert label(btc(address, text, coin=tag)) == "proven"
        assert label(btc(address.split(":")[1], text, coin=tag)) == "proven"
        address = cashaddr.encode(chain.cash, b"\x08" + hash160(script))
        assert label(replace(multisig, address=address)) == "proven"
        wrong = cashaddr.encode(chain.cash, b"\x10" + hashed)
        assert label(btc(wrong, text, coin=tag)) == "failed:bad-address"
    with pytest.raises(Finding):
        utxo.decode(chain, p2pkh(hashed, "ff"))


def test_decred_hashes_with_blake256() -> None:
    chain = utxo.CHAINS["DCR"]
    # An address of Decred's own test set.
    output = utxo.decode(chain, "DsUZxxoHJSty8DCfwfartwTYbuhmVct7tJu")
    assert output.program.hex() == "2789d58cfa0957d206f025c2af056fc8a77cebb0"
    with pytest.raises(Finding):
        utxo.decode(chain, "DsUZxxoHJSty8DCfwfartwTYbuhmVct7tJv")
    from merkle_por.reserves.ownership.blake256 import blake256

    payload = bytes.fromhex("073f") + chain.hash160(compressed(ONE))
    address = base58.encode(payload + blake256(blake256(payload))[:4])
    assert label(btc(address, signed_message(ONE, "DCR"), coin="DCR")) == "proven"
    assert label(btc(address, signed_message(TWO, "DCR"), coin="DCR")) == "failed:address-mismatch"


def test_okx_ecdsa_form_in_bitcoin_rows() -> None:
    text = rsv(ONE, digests.okx_keccak(MESSAGE))
    assert label(btc(p2pkh(HASH), text)) == "proven"
    assert label(btc(p2pkh(HASH), rsv(ONE, digests.okx_keccak(MESSAGE), 31))) == "proven"
    assert label(btc(p2pkh(HASH), text[2:])) == "failed:bad-signature"


def test_the_ecdsa_form_in_bitcoin_rows_is_okx_s_alone() -> None:
    row = btc(p2pkh(HASH), rsv(ONE, digests.okx_keccak("huobi")), message="huobi")
    assert judge(row, HTX).label == "failed:bad-signature"


def test_messages_behind_the_longest_length() -> None:
    message = "x" * 70_000  # a length of five bytes in front
    row = btc(p2pkh(HASH), signed_message(ONE, text=message), message=message)
    assert judge(row, messages=frozenset({message})).label == "proven"


def key_script(*parts: bytes, m: int, n: int) -> bytes:
    body = b"".join(bytes([len(part)]) + part for part in parts)
    return bytes([0x50 + m]) + body + bytes([0x50 + n, scripts.OP_CHECKMULTISIG])


def test_scripts_of_the_one_form() -> None:
    one, two = compressed(ONE), compressed(TWO)
    read = scripts.multisig(key_script(one, public(TWO), m=1, n=2))
    assert (read.threshold, read.keys) == (1, (public(ONE), public(TWO)))
    good = key_script(one, two, m=2, n=2)
    bad = [
        b"",
        good[:-1],
        good + b"\xae",
        b"\x00" + good,
        key_script(one, two, m=3, n=2),
        key_script(one, two, m=0, n=2),
        key_script(one, two, m=2, n=3),
        key_script(one, two, m=1, n=1),
        key_script(one, one, m=2, n=2),
        key_script(one, public(ONE), m=2, n=2),  # one key in two forms
        key_script(one, b"\x02" + b"\xff" * 32, m=1, n=2),
        key_script(one, b"\x06" + public(TWO)[1:], m=1, n=2),
        key_script(one, two[:-1], m=1, n=2),
        key_script(m=1, n=1),
        good[:-2] + bytes([0x75]) + good[-2:],
        good[:36] + b"\x4c" + good[36:],
    ]
    for script in bad:
        with pytest.raises(Finding) as caught:
            scripts.multisig(script)
        assert caught.value.reason == "bad-script"


def test_thresholds_count_different_keys_of_the_script() -> None:
    script = key_script(compressed(ONE), compressed(TWO), m=2, n=2)
    address = p2pkh(hash160(script), "05")
    row = btc(address, signed_message(ONE), script_or_public_key=script.hex())
    two = signed_message(TWO)
    assert label(replace(row, signature2=two)) == "proven"
    assert label(row) == "failed:too-few-signers"
    # The same key under another header, or with the other s, is still the same key.
    assert (
        label(replace(row, signature2=signed_message(ONE, header=27))) == "failed:too-few-signers"
    )
    assert label(replace(row, signature2=signed_message(THREE))) == "failed:signer-not-in-script"
    one_of_two = key_script(compressed(ONE), compressed(TWO), m=1, n=2)
    single = replace(
        row, address=p2pkh(hash160(one_of_two), "05"), script_or_public_key=one_of_two.hex()
    )
    assert label(single) == "proven"
    # A foreign second signature is never waved through, even where one would do.
    assert label(replace(single, signature2=signed_message(THREE))) == "failed:signer-not-in-script"
    assert label(replace(single, script_or_public_key="zz")) == "failed:bad-script"


def test_later_witness_versions_have_no_rule() -> None:
    for version, program in ((1, bytes(20)), (2, bytes(32)), (16, bytes(2))):
        address = bech32.encode_segwit("bc", version, program)
        assert judge(btc(address, signed_message(ONE))).state is State.UNSUPPORTED


# --- BIP-322 -------------------------------------------------------------------------------------

# The BIP's own vectors.
BIP_322 = [
    (
        "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l",
        "Hello World",
        "AkcwRAIgZRfIY3p7/DoVTty6YZbWS71bc5Vct9p9Fia83eRmw2QCICK/ENGfwLtptFluMGs2KsqoNSk89pO7"
        "F29zJLUx9a/sASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=",
    ),
    (
        "bc1ppv609nr0vr25u07u95waq5lucwfm6tde4nydujnu8npg4q75mr5sxq8lt3",
        "Hello World",
        "AUHd69PrJQEv+oKTfZ8l+WROBHuy9HKrbFCJu7U1iK2iiEy1vMU5EfMtjc+VSHM7aU0SDbak5IUZRVno2P5m"
        "jSafAQ==",
    ),
]


@pytest.mark.parametrize(("address", "message", "text"), BIP_322)
def test_bip_322_vectors(address: str, message: str, text: str) -> None:
    accepted = frozenset({message, "Hello World!"})
    row = Row("BTC", address, message=message, signature1=text)
    assert judge(row, messages=accepted).label == "proven"
    other = replace(row, message="Hello World!")
    assert judge(other, messages=accepted).label == "failed:bad-signature"


@pytest.mark.parametrize(("address", "message", "text"), BIP_322)
def test_no_flipped_bit_of_a_bip_322_signature_proves(
    address: str, message: str, text: str
) -> None:
    data = base64.b64decode(text)
    for bit in range(len(data) * 8):
        changed = (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
        row = Row("BTC", address, message=message, signature1=base64.b64encode(changed).decode())
        judgement = judge(row, messages=frozenset({message}))
        assert judgement.state in (State.FAILED, State.UNSUPPORTED)


def test_bip_322_of_an_empty_message() -> None:
    text = (
        "AkcwRAIgM2gBAQqvZX15ZiysmKmQpDrG83avLIT492QBzLnQIxYCIBaTpOaD20qRlEylyxFSeEA2ba9YOixp"
        "X8z46TSDtS40ASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI="
    )
    assert utxo.verify(utxo.CHAINS["BTC"], Claim(BIP_322[0][0], "", text)).bound


def witness(*elements: bytes) -> str:
    body = b"".join(digests.var_bytes(element) for element in elements)
    return base64.b64encode(bytes([len(elements)]) + body).decode()


def test_bip_322_of_a_multisig_script() -> None:
    script = key_script(*map(compressed, (ONE, TWO, THREE)), m=2, n=3)
    program = hashlib.sha256(script).digest()
    address = bech32.encode_segwit("bc", 0, program)
    digest = bip322.to_sign(scripts.p2wsh(program), MESSAGE).segwit_digest(script)
    one, two, three = (key.sign(digest, hasher=None) + b"\1" for key in (ONE, TWO, THREE))
    judgement = judge(btc(address, witness(b"", one, three, script)))
    assert judgement.state is State.PROVEN
    assert judgement.signers == (compressed(ONE).hex(), compressed(THREE).hex())
    wrong = [
        (witness(b"", three, one, script), "bad-signature"),  # against the order of the keys
        (witness(b"", one, one, script), "bad-signature"),
        (witness(b"", one, script), "bad-signature"),
        (witness(b"", one, two, three, script), "bad-signature"),
        (witness(b"\1", one, two, script), "bad-signature"),
        (witness(b"", one, two[:-1] + b"\3", script), "bad-signature"),  # SIGHASH_SINGLE
        (witness(b"", one, two, script + b"\xae"), "script-mismatch"),
    ]
    for text, reason in wrong:
        assert label(btc(address, text)) == f"failed:{reason}"
    column = btc(address, witness(b"", one, two, script), script_or_public_key="5151ae")
    assert label(column) == "failed:script-mismatch"


def test_bip_322_refuses_other_texts_of_one_signature() -> None:
    address = bech32.encode_segwit("bc", 0, HASH)
    code = b"\x76\xa9\x14" + HASH + b"\x88\xac"
    digest = bip322.to_sign(scripts.p2wpkh(HASH), MESSAGE).segwit_digest(code)
    recoverable = ONE.sign_recoverable(digest, hasher=None)
    r, s = int.from_bytes(recoverable[:32], "big"), int.from_bytes(recoverable[32:64], "big")
    key = compressed(ONE)

    def of(der: bytes) -> str:
        return label(btc(address, witness(der + b"\1", key)))

    good = secp256k1.der(r, s)
    assert of(good) == "proven"
    assert of(secp256k1.der(r, secp256k1.ORDER - s)) == "failed:high-s"
    assert of(good[:1] + bytes([good[1] + 1]) + good[2:] + b"\0") == "failed:bad-signature"
    assert of(b"") == "failed:bad-signature"
    assert label(btc(address, witness(good + b"\1", public(ONE)))) == "failed:bad-signature"
    assert label(btc(address, witness(good + b"\1", compressed(TWO)))) == "failed:address-mismatch"


def test_a_taproot_script_path_has_no_rule() -> None:
    address = BIP_322[1][0]
    assert judge(btc(address, witness(bytes(64), b"\x51", bytes(33)))).state is State.UNSUPPORTED
    assert label(btc(address, witness(bytes(64)))) == "failed:bad-signature"
    assert label(btc(address, witness(bytes(64) + b"\x02"))) == "failed:bad-signature"


# --- EOS -----------------------------------------------------------------------------------------


def eos_key(key: object) -> str:
    body = compressed(key)
    return "EOS" + base58.encode(body + digests.ripemd160(body)[:4])


def eos_signature(key: object, header: int = 31) -> str:
    signature = key.sign_recoverable(digests.okx_sha256(MESSAGE), hasher=None)  # type: ignore[attr-defined]
    body = bytes([header + signature[64]]) + signature[:64]
    return "SIG_K1_" + base58.encode(body + digests.ripemd160(body + b"K1")[:4])


def test_eos_names_are_bound_to_no_key() -> None:
    row = Row("EOS", "treasury1234", message=MESSAGE, signature1=eos_signature(ONE))
    assert label(row) == "failed:missing-public-key"
    single = replace(row, script_or_public_key=eos_key(ONE))
    assert label(single) == "key-unbound"
    assert label(replace(single, coin="Vaulta")) == "key-unbound"
    assert label(replace(single, script_or_public_key=eos_key(TWO))) == "failed:key-mismatch"
    assert label(replace(single, signature1=eos_signature(ONE, 35))) == "failed:bad-signature"
    assert label(replace(single, script_or_public_key="EOS1")) == "failed:bad-public-key"
    assert label(replace(single, message=MESSAGE + "!")) == "failed:unexpected-message"


def test_eos_rows_of_two_keys() -> None:
    pair = f'{{"publicKey1":"{eos_key(ONE)}","publicKey2":"{eos_key(TWO)}"}}'
    row = Row(
        "EOS",
        "treasury1234",
        message=MESSAGE,
        signature1=eos_signature(ONE),
        signature2=eos_signature(TWO),
        script_or_public_key=pair,
    )
    assert label(row) == "key-unbound"
    turned = f'{{"publicKey2":"{eos_key(TWO)}", "publicKey1":"{eos_key(ONE)}"}}'
    assert label(replace(row, script_or_public_key=turned)) == "key-unbound"
    assert label(replace(row, signature2=None)) == "failed:missing-signature"
    assert label(replace(row, signature2=row.signature1)) == "failed:key-mismatch"
    same = pair.replace(eos_key(TWO), eos_key(ONE))
    twice = replace(row, script_or_public_key=same, signature2=row.signature1)
    assert label(twice) == "failed:too-few-signers"
    doubled = pair.replace("publicKey2", "publicKey1")
    for text in (doubled, "{", "{}", '{"publicKey1":{},"publicKey2":[]}', "{" * 5000):
        assert label(replace(row, script_or_public_key=text)) == "failed:bad-public-key"


def test_eos_texts_are_checked_by_their_own_checksums() -> None:
    text = eos_signature(ONE)
    for place in range(len(text)):
        changed = text[:place] + ("2" if text[place] != "2" else "3") + text[place + 1 :]
        with pytest.raises(Finding):
            eos.read_signature(changed)
    with pytest.raises(Finding):
        eos.read_signature("SIG_R1_" + text[7:])


# --- validator keys ------------------------------------------------------------------------------


def test_validator_keys() -> None:
    bls = pytest.importorskip("py_ecc.bls", reason="py_ecc is not installed").G2ProofOfPossession
    key, other = bls.SkToPk(12345), bls.SkToPk(54321)
    signature = bls.Sign(12345, digests.ethereum_hashed(MESSAGE))
    row = Row("BETH", "0x" + key.hex(), message=MESSAGE, signature1="0x" + signature.hex())
    assert label(row) == "proven"
    assert label(replace(row, address="0x" + other.hex())) == "failed:bad-signature"
    assert label(replace(row, address=key.hex())) == "failed:bad-address"
    assert label(replace(row, signature1="0x" + signature.hex()[2:])) == "failed:bad-signature"
    # The neutral element as a key: every message has the neutral element as its signature.
    neutral_key, neutral = "0xc0" + "00" * 47, "0xc0" + "00" * 95
    assert label(replace(row, address=neutral_key, signature1=neutral)) == "failed:bad-signature"


def test_validator_keys_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "py_ecc.bls", None)
    row = Row("BETH", "0x" + "ab" * 48, message=MESSAGE, signature1="0x" + "cd" * 96)
    judgement = judge(row, OKX)
    assert (judgement.state, judgement.reason) == (State.UNSUPPORTED, "missing-part")
