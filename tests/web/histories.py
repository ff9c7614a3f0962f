"""A small history for the exchange pages: two exchanges, a gap, hostile names, 250 wallets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from merkle_por.history import AssetReading, History, Reading, Wallet

HOSTILE = "<script>alert(1)</script>"
START = datetime(2026, 11, 1, tzinfo=UTC)
READINGS = 24
WALLETS = 250
GAP = range(10, 14)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def assets(step: int) -> tuple[AssetReading, ...]:
    bitcoin = None if step in GAP else Decimal(10_306 + step) + Decimal("0.77689497")
    return (
        AssetReading(
            "BTC",
            "incomplete" if bitcoin is None else "solvent",
            bitcoin,
            owed=Decimal("9751.16814126"),
            listed=Decimal("10306.77689497"),
            verified=Decimal("5000"),
            price=Decimal("94000.5"),
            rows=200,
            levels={"own-node": 150, "claimed": 50},
            ownership={"proven": 90, "unsigned": 110},
            kinds={"native": Decimal("9000"), "lent-out": Decimal("1306")},
            heights={"bitcoin": 900_000},
            reason="node-unreachable" if bitcoin is None else None,
            text="the node did not answer" if bitcoin is None else None,
            unknown_rows=0 if bitcoin is not None else 3,
        ),
        AssetReading(
            "USDT",
            "short",
            Decimal("1338479001.98"),
            owed=Decimal("1400000000"),
            price=Decimal("1.0001"),
            rows=49,
            levels={"claimed": 49},
            ownership={"unsigned": 49},
            kinds={"token": Decimal("1338479001.98")},
        ),
        AssetReading(HOSTILE, "out-of-scope", Decimal("7"), rows=1, levels={"claimed": 1}),
    )


def reading(exchange: str, step: int, moment: datetime) -> Reading:
    found = assets(step)
    bitcoin = found[0].held
    held = None if bitcoin is None else bitcoin * Decimal("94000.5") + Decimal("1338612849.88")
    return Reading(
        exchange,
        stamp(moment),
        "lists-1",
        "invalid",
        found,
        snapshot_time=stamp(START + timedelta(hours=6)),
        held_value=held,
        owed_value=Decimal("2316750005.98"),
        verified_value=Decimal("470002500"),
        own_token_value=Decimal("0"),
        prices_source="a file",
        prices_time=stamp(moment),
        wallets=WALLETS,
        name="KuCoin" if exchange == "kucoin" else "Example",
        warnings=(("reserve-gap", "rows are more than an hour apart"),),
    )


def wallets() -> list[Wallet]:
    found = [
        Wallet(
            address=f"bc1q{number:036d}",
            asset="BTC",
            coin="BTC",
            kind="native",
            level="own-node" if number % 3 else "claimed",
            ownership="proven" if number % 2 else "unsigned",
            time=stamp(START),
            chain="bitcoin",
            listed=Decimal(number),
            held=None if number == 7 else Decimal(number) / 8,
            height=900_000 + number,
            reason="node-unreachable" if number == 7 else None,
            text="the node did not answer" if number == 7 else None,
        )
        for number in range(WALLETS - 1)
    ]
    hostile = Wallet('=HYPERLINK("x")<b>\u202e', HOSTILE, HOSTILE, "native", "claimed",
                     "unsigned", stamp(START), chain="<i>")  # fmt: skip
    return [*found, hostile]


def write(path: Path, now: datetime | None = None) -> Path:
    """A history with `kucoin` (read until now) and `example` (read once, long ago)."""
    now = now or datetime.now(UTC)
    with History(path, write=True) as history:
        for step in range(READINGS):
            moment = now - timedelta(minutes=5 * (READINGS - 1 - step))
            last = step == READINGS - 1
            one = reading("kucoin", step, moment)
            one = replace(one, snapshot_time=stamp(now - timedelta(minutes=60)))
            history.record(one, wallets() if last else None)
        history.record(reading("example", GAP[0], START), [])
    return path
