"""The judgement of one row: who signed, and does the address follow from it?

Rules of trust, in order (specs/ownership-signatures.md sections 1 and 7):
1. A row without a signature is unsigned; nothing is claimed.
2. A coin without a rule is unsupported; its signature is not believed.
3. The message must be one that this kind of list signs.
4. Where the row declares owners, they sign in place of the address, each in its own column, and
   the row is owner-asserted at most: that they control the address stands on the chain.
5. Else the address itself must follow from the signing key (proven), or the chain's addresses
   don't follow from keys and the row's declared key must have signed (key-unbound).
Whatever goes wrong on the way is `failed` with a class. No row raises.
"""

from __future__ import annotations

from operator import itemgetter

from merkle_por.errors import Finding, Incomplete, Invalid, Malformed
from merkle_por.reserves.ownership.addresses import evm_text
from merkle_por.reserves.ownership.bls import parse_key
from merkle_por.reserves.ownership.claims import Claim, Rule
from merkle_por.reserves.ownership.dialects import OKX, Dialect
from merkle_por.reserves.ownership.row import Ownership, Row, State

MAX_FIELD = 8192
"""Characters of one field; the longest real ones are scripts of 210. Messages may be longer."""
MAX_MESSAGE = 1_000_000

ABSENT = frozenset({"", "null", "\\N", "-"})
"""Spellings of a field that is not there."""

EIGENLAYER = "eigenlayer staking"
"""Type of row whose second owner is a contract (the EigenPod) and does not sign."""
_STAKING = frozenset({EIGENLAYER, "native eth staking"})
_BOUNDED = (
    "coin",
    "address",
    "signature1",
    "signature2",
    "script_or_public_key",
    "eoa1",
    "eoa2",
)
_fields = itemgetter(*map(Row._fields.index, _BOUNDED))


def present(text: str | None) -> str | None:
    """The field, or None for each of the spellings of nothing."""
    return None if text is None or text in ABSENT else text


def judge(row: Row, dialect: Dialect = OKX, *, messages: frozenset[str] | None = None) -> Ownership:
    """Judges one row.

    dialect: OKX, OKX_AUDIT or HTX. messages: texts to accept instead of the dialect's own.
    Never raises for what stands in a row.
    """
    try:
        return _judge(row, dialect, dialect.messages if messages is None else messages)
    except Incomplete as finding:
        return Ownership(State.UNSUPPORTED, finding.reason, finding.text, message=row.message)
    except Finding as finding:
        return Ownership(State.FAILED, finding.reason, finding.text, message=row.message)


def _judge(row: Row, dialect: Dialect, messages: frozenset[str]) -> Ownership:
    _bound(row)
    signature1, signature2 = present(row.signature1), present(row.signature2)
    if signature1 is None and signature2 is None:
        return Ownership(State.UNSIGNED, None, "the row has no signature")
    rule = dialect.rule(row.coin)
    if rule is None:
        raise Incomplete("no-rule", f"no rule says how {dialect.name} signs for this coin")
    if row.message is None or row.message not in messages:
        raise Invalid("unexpected-message", "the signed text is not the one this list signs")
    if signature1 is None:
        raise Malformed("missing-signature", "the row has a second signature but no first one")
    key = present(row.script_or_public_key)
    owners = _owners(row)
    if not owners:
        claim = Claim(row.address, row.message, signature1, signature2, key)
        signed = rule.verify(claim)
        if signed.bound:
            text = "the address follows from the key that signed"
            return Ownership(State.PROVEN, None, text, signed.signers, row.message)
        text = "the declared key signed; that it controls the address stands on the chain only"
        return Ownership(State.KEY_UNBOUND, None, text, signed.signers, row.message)
    _address_of_owned(row, rule)
    if len(owners) == 2 and signature2 is None:
        raise Malformed("missing-signature", "the second owner has no signature")
    parts = [
        rule.verify(Claim(owner, row.message, signature, None, key))
        for owner, signature in zip(owners, (signature1, signature2), strict=False)
        if signature is not None
    ]
    if len(owners) == 2 and set(parts[0].signers) & set(parts[1].signers):
        raise Invalid("duplicate-owner", "both owners sign with one and the same key")
    if not all(one.bound for one in parts):
        text = "the declared key signed; that it is the owner's stands on the chain only"
        signers = tuple(signer for one in parts for signer in one.signers)
        return Ownership(State.KEY_UNBOUND, None, text, signers, row.message)
    text = "the declared owner signed; that it controls the address stands on the chain only"
    return Ownership(State.OWNER_ASSERTED, None, text, owners, row.message)


def _bound(row: Row) -> None:
    """Sizes and text encoding, before any work."""
    if len(row.message or "") > MAX_MESSAGE:
        raise Malformed("too-big", f"the message is longer than {MAX_MESSAGE} characters")
    fields = _fields(row)
    if sum(map(len, filter(None, fields))) > MAX_FIELD and any(
        len(field or "") > MAX_FIELD for field in fields
    ):
        raise Malformed("too-big", f"a field is longer than {MAX_FIELD} characters")
    message = row.message
    if message is not None and not message.isascii():
        try:
            message.encode()
        except UnicodeEncodeError:
            raise Malformed("bad-utf8", "the message cannot be written as UTF-8") from None


def _type(row: Row) -> str:
    return (row.type or "").strip().lower()


def _owners(row: Row) -> tuple[str, ...]:
    """The declared owners that have to sign: none, one or two."""
    if row.eoa1 is None and row.eoa2 is None:
        return ()
    eoa1, eoa2 = present(row.eoa1), present(row.eoa2)
    if eoa1 is None:
        if eoa2 is not None:
            raise Malformed("missing-owner", "the row names a second owner but no first one")
        return ()
    if eoa2 is None or _type(row) == EIGENLAYER:
        return (eoa1,)
    if eoa1.lower() == eoa2.lower():
        raise Invalid("duplicate-owner", "both owners are the same")
    return eoa1, eoa2


def _address_of_owned(row: Row, rule: Rule) -> None:
    """The address of a row with owners does not sign, but it must still be one.

    Staking rows name a validator by its key; layouts without types may do so as well.
    """
    if _type(row) in _STAKING or (rule.parse is evm_text and len(row.address) == 98):
        if len(row.address) == 42:
            evm_text(row.address)
        else:
            parse_key(row.address)
    else:
        rule.parse(row.address)
