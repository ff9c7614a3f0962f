"""`merkle-por solvency`: liabilities against reserves, per asset and in total."""

from __future__ import annotations

import sys
from typing import Any

import click

from merkle_por.cli.common import output_options, page, print_json, say_problems, show
from merkle_por.cli.main import EXITS
from merkle_por.cli.nodes import asked, node_options, running
from merkle_por.errors import UsageError
from merkle_por.verdict import State


@click.command(
    "solvency",
    short_help="Liabilities against reserves: a ratio per asset.",
    epilog=f"{EXITS}  Example: merkle-por solvency --liabilities verdict.json --reserves list.csv",
)
@click.option(
    "--liabilities",
    multiple=True,
    required=True,
    metavar="FILE",
    help="verify --json, audit --json, or a file of published totals.",
)
@click.option(
    "--reserves",
    multiple=True,
    required=True,
    metavar="FILE",
    help="A published wallet list, typed rows, or reserves --json.",
)
@click.option(
    "--prices",
    multiple=True,
    metavar="FILE|SERVICE",
    help="For the USD line: a file, coingecko, coinmarketcap, defillama; several: their median.",
)
@click.option(
    "--price-id", "price_ids", multiple=True, metavar="ASSET=ID", help="coingecko:ID, CHAIN:0x..."
)
@click.option("--map", "mapping", metavar="FILE", help="Which coin a wrapped or pegged one is.")
@click.option("--own-token", multiple=True, metavar="ASSET", help="A token of the exchange itself.")
@click.option("--exchange", metavar="NAME", help="Whose figures these are.")
@click.option(
    "--checked", is_flag=True, help="Levels and ownership in typed files are your own findings."
)
@node_options
@click.option("--html", metavar="OUT", help="Write a report to read, print and hand over.")
@output_options
def command(
    liabilities: tuple[str, ...],
    reserves: tuple[str, ...],
    prices: tuple[str, ...],
    price_ids: tuple[str, ...],
    mapping: str | None,
    own_token: tuple[str, ...],
    exchange: str | None,
    checked: bool,
    node: tuple[str, ...],
    at: tuple[str, ...],
    token: tuple[str, ...],
    cache: str | None,
    offline: bool,
    workers: int,
    html: str | None,
    as_json: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Liabilities against reserves: a ratio per asset, rounded against the exchange."""
    from merkle_por.prices import PriceSources
    from merkle_por.prices.ask import is_service
    from merkle_por.prices.ids import given_ids
    from merkle_por.solvency import solvency

    table: str | PriceSources | None = PriceSources(prices, given_ids(price_ids))
    if len(prices) < 2 and not any(map(is_service, prices)):
        table = prices[0] if prices else None
    if html and (node or checked):
        raise UsageError(
            "a report of a comparison is written from files alone",
            "first: merkle-por reserves LIST --node CHAIN=URL --json > FILE; then --reserves FILE",
        )
    whom = asked(node, at, token, cache, offline)
    with running(workers, quiet=quiet) as execution:
        result = solvency(
            list(liabilities),
            list(reserves),
            table,
            mapping,
            list(own_token) or None,
            exchange=exchange,
            checked=checked,
            execution=execution,
            **whom,
        )
    if html:
        from merkle_por.cli.output import keep, ran_on
        from merkle_por.evidence import prices_document

        files = {"liabilities": list(liabilities), "reserves": list(reserves)}
        files["map"] = [mapping] if mapping else []
        options: dict[str, Any] = {"own_tokens": list(own_token) or None, "exchange": exchange}
        if isinstance(table, str):
            files["prices"] = [table]
        elif result.prices is not None:
            options["prices"] = prices_document(result.prices)
        keep(ran_on("solvency", files, {}, None, **options), result, html)
    if as_json:
        print_json(result.to_json())
    elif result.state is State.MALFORMED and not quiet:
        say_problems(result.errors)
    else:
        show(result.page(page(no_color)), quiet=quiet, no_color=no_color)
    sys.exit(result.state.exit)
