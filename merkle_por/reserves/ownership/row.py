"""What goes into the judgement of one row of an address list, and what comes out of it.

Source: specs/ownership-signatures.md, section 1 (verdicts) and 7 (owners). A reader of lists hands
over a `Row`; `merkle_por.reserves.ownership.judge` answers with an `Ownership`. Named tuples both:
there are as many of them as rows, and processes hand them to one another.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How far the row's own data shows that the exchange holds the key of the address."""

    PROVEN = "proven"
    """The signature is good and the address is derived from the signing key or keys."""

    OWNER_ASSERTED = "owner-asserted"
    """Good for a declared owner; that the owner controls the address is only claimed."""

    KEY_UNBOUND = "key-unbound"
    """Good for a declared public key; the address cannot be computed from a key."""

    UNSIGNED = "unsigned"
    """The row has no signature."""

    UNSUPPORTED = "unsupported"
    """There is no rule, or a part is missing here, to judge the row."""

    FAILED = "failed"
    """Anything else; `Ownership.reason` is the class. The list as a whole is then invalid."""


class Row(NamedTuple):
    """One row of an address list, as text; a field that the row leaves out is None.

    coin: the list's own tag of coin and chain, e.g. "USDT-ERC20"; for okx-aup-csv the network.
    type: "Non Staking", "Native ETH Staking", "Eigenlayer Staking", or None in older layouts.
    script_or_public_key: redeem script (Bitcoin family) or public key, hex; EOS: key text or JSON.
    eoa1, eoa2: declared owners of an address that cannot sign for itself.
    """

    coin: str
    address: str
    network: str | None = None
    type: str | None = None
    message: str | None = None
    signature1: str | None = None
    signature2: str | None = None
    script_or_public_key: str | None = None
    eoa1: str | None = None
    eoa2: str | None = None


class Ownership(NamedTuple):
    """The judgement of one row.

    state: see `State`; only PROVEN counts as proven ownership.
    reason: class name from merkle_por.reasons when state is FAILED or UNSUPPORTED, else None.
    text: one sentence, lower case, no full stop.
    signers: who signed: public keys in hex (secp256k1: compressed), or declared owners' addresses.
    message: the signed text. It is constant, so a signature shows possession of the key at some
        time, not at the snapshot.
    """

    state: State
    reason: str | None
    text: str
    signers: tuple[str, ...] = ()
    message: str | None = None

    @property
    def label(self) -> str:
        """The verdict in one word: the state, or `failed:class`."""
        return f"failed:{self.reason}" if self.state is State.FAILED else str(self.state)
