"""The document `merkle-por/reserves/1` (ux.md section 2; schemas/reserves-1.json)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import plain
from merkle_por.report.json_document import check_document, envelope, figures, problem_document
from merkle_por.reserves.chains.interface import utc
from merkle_por.reserves.report import AssetLine, CoinLine, ListFile, share

if TYPE_CHECKING:
    from merkle_por.reserves.asking import Block, ChainRead
    from merkle_por.reserves.report import ReservesReport
    from merkle_por.reserves.snapshot import Course
    from merkle_por.reserves.transfers import Shown

RATIO_DECIMALS = 6


def ratio_text(value: Fraction | None) -> str | None:
    """A ratio cut (never rounded up) at 6 places: 1.056978."""
    if value is None:
        return None
    scale: int = 10**RATIO_DECIMALS
    millionths = value.numerator * scale // value.denominator
    return f"{millionths // scale}.{millionths % scale:0{RATIO_DECIMALS}d}"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _share(part: Decimal | None, whole: Decimal | None) -> str | None:
    return None if part is None or whole is None else ratio_text(share(part, whole))


def _coin(line: CoinLine) -> dict[str, Any]:
    return {
        "coin": line.coin,
        "title": line.title,
        "network": line.network,
        "kind": line.kind.value,
        "listed": _text(line.listed),
        "proven": _text(line.proven),
        "proven_share": _share(line.proven, line.listed),
        "rows": line.rows,
        "unknown_rows": line.unknown_rows,
        "on_chain": _text(line.on_chain),
        "level_rows": dict(line.levels),
    }


def _asset(line: AssetLine) -> dict[str, Any]:
    return {
        "asset": line.asset,
        "listed": _text(line.listed),
        "proven": _text(line.proven),
        "proven_share": _share(line.proven, line.listed),
        "rows": line.rows,
        "unknown_rows": line.unknown_rows,
        "levels": figures(line.by_level),
        "kinds": figures(line.by_kind),
        "ownership": figures(line.by_ownership),
        "coins": [_coin(coin) for coin in line.coins],
        "on_chain": _text(line.on_chain),
        "level_rows": dict(line.levels),
        "own_token": line.own_token,
    }


def _file(file: ListFile, redact: bool) -> dict[str, Any]:
    return {
        "file": {
            "name": None if redact else file.file.name,
            "bytes": file.file.bytes,
            "sha256": file.file.sha256,
        },
        "scheme": file.scheme,
        "exchange": file.facts.get("exchange", file.exchange),
        "time": file.facts.get("time"),
        "source": file.facts.get("source"),
        "rows": file.rows,
        "heights": {
            chain: {"lowest": low, "highest": high} for chain, (low, high) in file.heights.items()
        },
    }


def _block(block: Block | None) -> dict[str, Any] | None:
    return None if block is None else block._asdict()


def _chain(read: ChainRead) -> dict[str, Any]:
    return {
        "chain": read.chain,
        "rows": read.asked,
        "unknown_rows": read.unknown,
        "first": _block(read.first),
        "last": _block(read.last),
        "sources": list(read.sources),
    }


def _course(course: Course) -> dict[str, Any]:
    return {
        "chain": course.chain,
        "asset": course.asset,
        "only_for_the_day": course.only_for_the_day,
        "complete": course.complete,
        "readings": [
            {
                "days": reading.days,
                "height": reading.height,
                "time": reading.time,
                "amount": _text(reading.amount),
                "rows": reading.rows,
                "unknown_rows": reading.unknown,
            }
            for reading in course.readings
        ],
    }


def _transfers(shown: Shown, redact: bool) -> dict[str, Any]:
    found = shown.challenge
    return {
        "name": None if redact else shown.name,
        "transfers": shown.transfers,
        "block": None if found is None else found.block,
        "amount": None if found is None else plain(found.amount),
        "after": None if found is None else utc(found.after),
        "until": None if found is None else utc(found.until),
        "confirmed": found is not None and found.confirmed,
        "rows": {str(state): rows for state, rows in shown.rows.items()},
    }


def reserves_document(
    report: ReservesReport, *, path: bool = False, redact: bool = False
) -> dict[str, Any]:
    """The whole document of `merkle-por reserves`. path: nothing here; redact drops file names."""
    return {
        **envelope("reserves", report.state, report.sentence),
        "warnings": [{"class": w.id, "text": w.text} for w in report.warnings],
        "errors": [problem_document(problem) for problem in report.errors],
        "reason": report.reason,
        "files": [_file(file, redact) for file in report.files],
        "rows": report.rows,
        "ownership": dict(report.counts),
        "assets": [_asset(line) for line in report.assets],
        "holdings": [
            {
                "asset": holding.asset,
                "coin": holding.coin or holding.asset,
                "network": holding.chain,
                "kind": str(holding.kind),
                "ownership": holding.ownership,
                "level": str(holding.level),
                "amount": _text(holding.amount),
                "rows": holding.rows,
                "unknown_rows": holding.unknown_rows,
                "listed": _text(holding.listed),
                "time": holding.time,
                "until": holding.until,
            }
            for holding in report.holdings
        ],
        "chains": [_chain(read) for read in report.chains],
        "not_asked": [
            {"reason": reason, "name": name, "rows": rows}
            for (reason, name), rows in report.missing.items()
        ],
        "overlaps": [
            {"asset": o.asset, "address": o.address, "first": o.first, "again": o.again}
            for o in report.overlaps
        ],
        "around": [_course(course) for course in report.around],
        "transfers": [_transfers(shown, redact) for shown in report.transfers],
        "checks": [check_document(check) for check in report.checks],
    }
