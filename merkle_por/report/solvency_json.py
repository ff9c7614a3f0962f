"""The document `merkle-por/solvency/1` (ux.md section 2; schemas/solvency-1.json)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import fixed, plain
from merkle_por.report.json_document import check_document, envelope, figures, problem_document
from merkle_por.report.reserves_json import ratio_text

if TYPE_CHECKING:
    from merkle_por.ratio import AssetRatio, Total
    from merkle_por.solvency import SolvencyReport

MONEY_DECIMALS = 2


def _asset(asset: AssetRatio) -> dict[str, Any]:
    owed, surplus = asset.liabilities, asset.surplus
    return {
        "asset": asset.asset,
        "liabilities": None if owed is None else plain(owed),
        "reserves": plain(asset.reserves),
        "surplus": None if surplus is None else plain(surplus),
        "ratio": ratio_text(asset.ratio),
        "verified_ratio": ratio_text(asset.verified_ratio),
        "state": asset.state.value,
        "kinds": figures(asset.kinds),
        "third_party": plain(asset.third_party),
        "unknown_rows": asset.unknown_rows,
    }


def _total(report: SolvencyReport, total: Total) -> dict[str, Any]:
    prices = report.prices
    return {
        "currency": prices.currency if prices else "USD",
        "liabilities": fixed(total.liabilities, MONEY_DECIMALS),
        "reserves": fixed(total.reserves, MONEY_DECIMALS),
        "ratio": ratio_text(total.ratio),
        "verified_ratio": ratio_text(total.verified_ratio),
        "own_token_share": ratio_text(total.own_token_share),
        "clean_share": ratio_text(total.clean_share),
        "clean_ratio": ratio_text(total.clean_ratio),
        "prices": {
            "source": prices.source if prices else None,
            "time": prices.time if prices else None,
            "missing": list(total.missing),
        },
    }


def solvency_document(
    report: SolvencyReport, *, path: bool = False, redact: bool = False
) -> dict[str, Any]:
    """The whole document of `merkle-por solvency`. path, redact: nothing here is private."""
    ratios = report.ratios
    assets = () if ratios is None else ratios.assets
    return {
        **envelope("solvency", report.state, report.sentence),
        "warnings": [{"class": w.id, "text": w.text} for w in report.warnings],
        "errors": [problem_document(replace(p, where=p.place)) for p in report.errors],
        "reason": report.reason,
        "exchange": report.exchange,
        "solvent": report.solvent,
        "checks": [check_document(check) for check in report.checks],
        "out_of_scope": [a.asset for a in assets if a.liabilities is None],
        "double_counted": [
            {"asset": o.asset, "address": o.address, "first": o.first, "again": o.again}
            for o in report.double_counted
        ],
        "liabilities": [
            {
                "source": source.source,
                "kind": source.kind,
                "state": source.state.value,
                "time": source.time,
                "net_of_debt": source.net_of_debt,
                "loans": {a: plain(v) for a, v in source.loans.items()},
                "pledged": {a: plain(v) for a, v in source.pledged.items()},
            }
            for source in report.liabilities
        ],
        "reserves": [
            {
                "source": source.source,
                "time": source.time,
                "heights": {
                    chain: {"lowest": low, "highest": high}
                    for chain, (low, high) in source.heights.items()
                },
                "rows": source.rows,
                "levels": dict(source.levels),
                "ownership": dict(source.ownership),
            }
            for source in report.reserves
        ],
        "assets": [_asset(asset) for asset in assets],
        "total": None if ratios is None or ratios.total is None else _total(report, ratios.total),
    }
