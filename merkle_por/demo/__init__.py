"""The whole main job, offline, on bundled data: what `merkle-por demo` runs.

Each step calls the public functions on real files (copies of our own vectors) and names the state
it must end in; nothing is printed that was not computed just now. A step that ends otherwise is a
fault of this installation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from merkle_por.amounts import grouped, total
from merkle_por.verdict import State

SWISSBORG_ROOT = "71d006f0b11e5584b301ff26f10a65d69aff8ffa493602d4f7c1e19959880e8d"
BYBIT_ROOT = "ad4ae4fa65e1b81de7bc7a24e424c6b588d8725b9609b1dbdf6421a4114b371f"


@dataclass(frozen=True)
class Step:
    """One step: what it is about, how it must end, and what it found."""

    title: str
    expected: State
    result: Any
    found: str

    @property
    def as_expected(self) -> bool:
        return self.result.state is self.expected


def folder() -> Path:
    """The bundled files."""
    return Path(str(files("merkle_por").joinpath("demo/data")))


def steps() -> list[Step]:
    """Runs all steps."""
    return [step() for step in STEPS]


def _customer(**more: str) -> Any:
    from merkle_por.api import verify

    data = folder()
    given = {
        "audit": data / "audit_roots.json",
        "credential": (data / "credential.txt").read_text(encoding="utf-8").strip(),
    }
    return verify(data / "customer.json", given={**given, **more})


def customer() -> Step:
    result = _customer(root=SWISSBORG_ROOT)
    leaves = result.proofs[0].details["leaves"]
    return Step("a customer's proof", State.VALID, result, f"{leaves} leaves, sums hold")


def without_root() -> Step:
    result = _customer()
    return Step("its root withheld", State.UNCONFIRMED, result, "what to compare, and where")


def two_customers() -> Step:
    from merkle_por.api import verify

    data = folder()
    result = verify(data / "alice.json", data / "bob.json", root=BYBIT_ROOT)
    root = result.proofs[0].published["BTC"]
    owed = total(proof.account.balances["BTC"] for proof in result.proofs if proof.account)
    root_text, owed_text = grouped(root.normalize()), grouped(owed.normalize())
    found = f"one root owes {root_text} BTC, they are owed {owed_text}"
    return Step("two customers", State.INVALID, result, found)


def ledger() -> Step:
    from merkle_por.api import audit

    result = audit(folder() / "ledger.csv")
    details = result.verdict.details
    hidden = details["owed_at_least"]["BTC"] - result.verdict.published["BTC"]
    where = details["violations"]["listed"][0]["where"]
    found = f"hides {grouped(hidden)} BTC below {where}"
    return Step("a whole ledger", State.INVALID, result, found)


def reserves() -> Step:
    from merkle_por.report.reserves_text import percent
    from merkle_por.solvency import solvency

    data = folder()
    result = solvency([data / "kucoin.json"], [data / "wallets.json"], data / "prices.json")
    assert result.ratios is not None, "the bundled files are readable"
    btc = next(asset for asset in result.ratios.assets if asset.asset == "BTC")
    found = f"BTC {percent(btc.ratio)} % covered, {percent(btc.verified_ratio)} % proven"
    return Step("published reserves", State.UNCONFIRMED, result, found)


STEPS: tuple[Callable[[], Step], ...] = (customer, without_root, two_customers, ledger, reserves)
