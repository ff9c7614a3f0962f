"""The terms in which the signature families talk to `judge`.

A family is a function from a `Claim` to a `Signed`. It raises Malformed or Invalid (the row has
failed) or Incomplete (there is no rule, or a part is missing here).

Claims and answers are named tuples, which cost a fifth of a frozen dataclass to make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Claim(NamedTuple):
    """Who is said to have signed what.

    address: the row's address, or a declared owner's. key: redeem script or public key.
    """

    address: str
    message: str
    signature1: str
    signature2: str | None = None
    key: str | None = None


class Signed(NamedTuple):
    """A claim whose signatures are good.

    signers: hexadecimal public keys. bound: is the claim's address derived from them?
    """

    signers: tuple[str, ...]
    bound: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """How rows of one coin are judged.

    verify: the family's check. parse: reads an address, raises Malformed for one that cannot be;
    used for addresses that do not sign themselves.
    """

    verify: Callable[[Claim], Signed]
    parse: Callable[[str], object]
