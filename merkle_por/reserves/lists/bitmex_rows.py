"""The rows of BitMEX's file: keys, scripts, addresses, descriptors (see bitmex_reserves).

Source: specs/bitmex-reserves.md; BIP-16 and BIP-141 (addresses of scripts), BIP-32 (extended
keys), BIP-380 to 383 (descriptors).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

from merkle_por.amounts import EXACT, ZERO, add, grouped, plain
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.reserves.lists.bitmex_reserves import KEYS
from merkle_por.reserves.lists.plain_yaml import Entry, Mapping, Scalar, entries
from merkle_por.reserves.lists.reading import HEIGHT_MOST, Reading
from merkle_por.reserves.lists.row import Row, RowKind
from merkle_por.reserves.ownership import scripts
from merkle_por.reserves.ownership.digests import hash160
from merkle_por.reserves.ownership.encodings import base58, bech32
from merkle_por.reserves.ownership.row import Ownership, State
from merkle_por.reserves.ownership.secp256k1 import compress, uncompressed

SATOSHI = 8
"""Decimals of BTC."""
CHAINS = {
    "main": ("05", "bc"),
    "test": ("c4", "tb"),
    "signet": ("c4", "tb"),
    "regtest": ("c4", "bcrt"),
}
"""Bitcoin Core's name of a chain -> version byte of script addresses, segwit prefix."""
PLAIN_KEYS = "sh"
"""The one type whose scripts hold uncompressed keys."""
SCRIPTS = (PLAIN_KEYS, "sh_wsh", "wsh")
UNSPENDABLE = "unspendable"
XPUB_VERSIONS = ("0488b21e", "043587cf")
XPUB_BYTES = 78
MOST_KEYS = 16

_PROVEN = "only the exchange's keys can spend from this script"
_UNBOUND = "only the file's own keys can spend from this script; whose they are it can't show"
_DESCRIBED = "the descriptor names a key of the file; the address was not derived from it"


@dataclass(frozen=True)
class Header:
    """What the file says about all of its rows. keys: founder keys, uncompressed."""

    height: int
    chain: str
    m: int
    n: int
    total: int
    keys: tuple[bytes, ...]
    xpubs: frozenset[str]


def _header(reading: Reading) -> Header:
    single: dict[str, Entry] = {}
    keys: list[Scalar] = []
    xpubs: list[Scalar] = []
    addresses = 0
    for entry in entries(reading.lines()):
        if entry.key not in KEYS:
            raise Malformed("bad-keys", f'"{entry.key}" is not of this format')
        if entry.key in ("address", "custodial"):
            addresses += entry.key == "address"
            _mapping(entry)
        elif entry.key in ("keys", "xpub"):
            if entry.item is None or not isinstance(entry.value, Scalar):
                raise Malformed("wrong-type", f"{entry.key} is no list of texts", where=_at(entry))
            (keys if entry.key == "keys" else xpubs).append(entry.value)
            if len(keys) > MOST_KEYS or len(xpubs) > 1000:
                raise Malformed("too-big", f"too many {entry.key}", where=_at(entry))
        else:
            single[entry.key] = entry
    for name in ("height", "chain", "claim", "total"):
        if name not in single:
            raise Malformed("missing-field", f'"{name}" is missing')
    if not keys:
        raise Malformed("missing-field", '"keys" is missing')
    if not addresses:
        raise Malformed("no-rows", "the list holds no addresses")
    chain = _scalar(single["chain"]).string("chain")
    if chain not in CHAINS:
        raise Malformed("bad-field", f'"{chain[:20]}" is not a chain', where=_at(single["chain"]))
    m, n = _claim(single["claim"])
    return Header(
        height=_height(single["height"]),
        chain=chain,
        m=m,
        n=n,
        total=_natural(single["total"]),
        keys=tuple(_founder(key) for key in keys),
        xpubs=frozenset(_xpub(text.string("xpub"), text.line) for text in xpubs),
    )


def _at(entry: Entry) -> str:
    return f"line {entry.line}"


def _scalar(entry: Entry) -> Scalar:
    if not isinstance(entry.value, Scalar) or entry.item is not None:
        raise Malformed("wrong-type", f"{entry.key} is not one value", where=_at(entry))
    return entry.value


def _height(entry: Entry) -> int:
    height = _natural(entry)
    if height > HEIGHT_MOST:
        raise Malformed("bad-height", "not a block height", where=_at(entry))
    return height


def _natural(entry: Entry) -> int:
    value = _scalar(entry).integer(entry.key)
    if value < 0:
        raise Invalid("negative-balance", f"{entry.key} is below zero", where=_at(entry))
    return value


def _mapping(entry: Entry) -> Mapping:
    if not isinstance(entry.value, dict) or entry.item is None:
        raise Malformed("wrong-type", f"{entry.key} is no list of mappings", where=_at(entry))
    return entry.value


def _claim(entry: Entry) -> tuple[int, int]:
    fields = entry.value
    if not isinstance(fields, dict) or set(fields) != {"m", "n"}:
        raise Malformed("bad-keys", "claim must have m and n", where=_at(entry))
    m, n = fields["m"].integer("m"), fields["n"].integer("n")
    if not 1 <= m <= n <= MOST_KEYS:
        raise Malformed("bad-number", f"{m} of {n} keys", where=_at(entry))
    return m, n


def _founder(scalar: Scalar) -> bytes:
    text = scalar.string("key")
    key = _unhex(text)
    if key is None or len(key) != 65 or uncompressed(key) is None:
        raise Malformed(
            "bad-public-key", "not an uncompressed key on the curve", where=f"line {scalar.line}"
        )
    return key


def _unhex(text: str) -> bytes | None:
    if len(text) % 2 or not set(text) <= set("0123456789abcdefABCDEF"):
        return None
    return bytes.fromhex(text)


def _xpub(text: str, line: int) -> str:
    data = base58.decode_check(text) if 100 < len(text) < 120 else None
    if data is None or len(data) != XPUB_BYTES or data[:4].hex() not in XPUB_VERSIONS:
        raise Malformed("bad-public-key", "not an extended public key", where=f"line {line}")
    return text


def script_address(type: str, script: bytes, chain: str) -> str:
    """The address of a redeem or witness script: `sh` (BIP-16), `wsh` (BIP-141) or both."""
    version, prefix = CHAINS[chain]
    if type == "wsh":
        return bech32.encode_segwit(prefix, 0, sha256(script).digest())
    inner = script if type == "sh" else scripts.p2wsh(sha256(script).digest())
    return base58.encode_check(bytes.fromhex(version) + hash160(inner))


def _normal(address: str, prefix: str) -> str:
    """Bech32 addresses may be written in upper case as well."""
    return address.lower() if address.lower().startswith(prefix + "1") else address


def _judge_script(type: str, text: str, address: str, header: Header, line: int) -> bytes:
    """Answers the script's bytes. Raises Malformed or Invalid."""
    where = f"line {line}"
    script = _unhex(text)
    if script is None or len(script) > 2000:
        raise Malformed("bad-script", "the script is not hexadecimal", where=where)
    multisig = scripts.multisig(script)
    sizes = {len(key) for key in _raw_keys(script)}
    if multisig.threshold != header.m or len(multisig.keys) != header.n:
        raise Invalid("bad-script", f"not {header.m} of {header.n} keys", where=where)
    if sizes != {65 if type == PLAIN_KEYS else 33}:
        raise Invalid("bad-script", "keys in the other form than the type has", where=where)
    founders = sum(key in header.keys for key in multisig.keys)
    if founders != header.n - 1:
        raise Invalid("founder-keys", f"{founders} founder keys, not {header.n - 1}", where=where)
    expected = script_address(type, script, header.chain)
    if expected != address:
        raise Invalid(
            "script-mismatch",
            "the script does not hash to the address",
            where=where,
            expected=expected,
            computed=address,
        )
    return script


def _raw_keys(script: bytes) -> Iterator[bytes]:
    """The pushed keys of a script that `scripts.multisig` has accepted."""
    place = 1
    while place < len(script) - 2:
        yield script[place + 1 : place + 1 + script[place]]
        place += 1 + script[place]


def descriptor_keys(text: str) -> list[str] | None:
    """The key expressions of an output descriptor of the kinds used here, None for another.

    wpkh(K), sh(wpkh(K)), and multi or sortedmulti (k-of-n) inside wsh, sh(wsh) or sh.
    """
    body = text.split("#")[0]
    while body.startswith(("sh(", "wsh(")) and body.endswith(")"):
        body = body[body.index("(") + 1 : -1]
    name, _, inner = body.partition("(")
    if not inner.endswith(")") or "(" in inner:
        return None
    parts = inner[:-1].split(",")
    if name == "wpkh" and len(parts) == 1:
        return parts
    if name in ("multi", "sortedmulti") and text.startswith(("sh(", "wsh(")):
        count, keys = parts[0], parts[1:]
        if count.isascii() and count.isdigit() and len(count) <= 2 and 1 <= int(count) <= len(keys):
            return keys
    return None


def _judge_descriptor(text: str, header: Header, line: int) -> None:
    keys = descriptor_keys(text)
    if keys is None:
        raise Malformed("bad-script", "not a descriptor of a known form", where=f"line {line}")
    for key in keys:
        bare = key.split("]")[-1].split("/")[0]
        if bare not in header.xpubs:
            raise Invalid(
                "founder-keys", "a descriptor with a key that is not listed", where=f"line {line}"
            )


def _given_keys(reading: Reading) -> frozenset[bytes] | None:
    """Founder keys that the user has from elsewhere, compressed; None where not given."""
    value = reading.given.get("keys")
    if value is None:
        return None
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not texts:
        raise UsageError("keys must be public keys in hexadecimal")
    found = set()
    for text in texts:
        key = _unhex(text) if isinstance(text, str) else None
        full = uncompressed(key) if key is not None and len(key) in (33, 65) else None
        if full is None:
            raise UsageError("keys must be public keys in hexadecimal")
        found.add(compress(full))
    return frozenset(found)


def rows(reading: Reading) -> Iterator[Row]:
    """Rows of the list in BTC; the total is compared after the last."""
    header = _header(reading)
    reading.facts["chain"] = header.chain
    known = _given_keys(reading)
    if known is not None and {compress(key) for key in header.keys} - known:
        reading.fail("founder-keys", "the file's keys are not the exchange's that you gave")
        known = None
    if known is None and "keys" not in reading.given:
        reading.warn("keys-not-given", f"{_UNBOUND}; give them: --given keys=HEX")
    seen: set[bytes] = set()
    total = ZERO
    for entry in entries(reading.lines()):
        if entry.key not in ("address", "custodial"):
            continue
        row = _row(entry, header, reading, seen, trusted=known is not None)
        if row.amount is not None:
            total = add(total, row.amount)
        yield row
    stated = Decimal(header.total).scaleb(-SATOSHI, EXACT)
    if total != stated:
        reading.fail(
            "sum-mismatch",
            f"{grouped(stated)} BTC are stated in all, the rows hold {grouped(total)}",
            expected=plain(stated),
            computed=plain(total),
        )
    else:
        reading.passed("total", "the rows add up to the stated total")


def _row(entry: Entry, header: Header, reading: Reading, seen: set[bytes], *, trusted: bool) -> Row:
    fields = _mapping(entry)
    custodial = entry.key == "custodial"
    wanted = {"addr", "balance"} | (set() if custodial else {"addr_type", "script"})
    missing = wanted - set(fields)
    if missing:
        raise Malformed("missing-field", f'"{min(missing)}" is missing', where=_at(entry))
    if set(fields) - wanted - {"addr_type"}:
        raise Malformed("bad-keys", "a member that is not of this format", where=_at(entry))
    address = _normal(
        reading.address(fields["addr"].string("addr"), entry.line), CHAINS[header.chain][1]
    )
    satoshi = fields["balance"].integer("balance")
    amount: Decimal | None = Decimal(satoshi).scaleb(-SATOSHI, EXACT)
    if satoshi < 0:
        reading.fail("negative-balance", f"{satoshi} satoshi are less than nothing", entry.line)
    kind, ownership, type, script = RowKind.NATIVE, None, None, None
    if custodial:
        kind = RowKind.THIRD_PARTY
        ownership = Ownership(State.UNSIGNED, None, "held by a third party, nothing is claimed")
    else:
        type = fields["addr_type"].string("addr_type")
        script = fields["script"].text
        try:
            kind, ownership = _judged(type, script, address, header, entry.line, seen, trusted)
        except Invalid as finding:
            ownership = Ownership(State.FAILED, finding.reason, finding.text)
            reading.fail(finding.reason, finding.text, entry.line)
    return Row(
        coin="BTC",
        asset="BTC",
        addresses=(address,),
        amount=amount,
        line=entry.line,
        kind=kind,
        network="Bitcoin",
        height=header.height,
        custodian="third party" if custodial else None,
        script=script or None,
        ownership=ownership,
    )


def _judged(
    type: str, text: str, address: str, header: Header, line: int, seen: set[bytes], trusted: bool
) -> tuple[RowKind, Ownership]:
    """Kind and ownership of a row of `address`. Raises Invalid or Malformed."""
    if type == UNSPENDABLE:
        return RowKind.UNSPENDABLE, Ownership(State.UNSIGNED, None, "counted, but not spendable")
    if type in SCRIPTS:
        script = _judge_script(type, text, address, header, line)
        mark = script
        state = State.PROVEN if trusted else State.KEY_UNBOUND
        result = Ownership(state, None, _PROVEN if trusted else _UNBOUND)
    elif type == "wpkh" or type.startswith("multisig_"):
        _judge_descriptor(text, header, line)
        mark = text.encode()
        result = Ownership(State.KEY_UNBOUND, None, _DESCRIBED)
    else:
        raise Malformed("bad-row", f'"{type[:20]}" is not a type of address', where=f"line {line}")
    # 16 bytes of SHA-256: a script is known again, at a fraction of its size.
    digest = sha256(mark).digest()[:16]
    if digest in seen:
        raise Invalid("duplicate-script", "the script stands twice", where=f"line {line}")
    seen.add(digest)
    return RowKind.NATIVE, result
