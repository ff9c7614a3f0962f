"""`merkle-por solvency`: liabilities against reserves, per asset and in total."""

from __future__ import annotations

import sys

import click

from merkle_por.cli.common import output_options, page, print_json, say_problems, show
from merkle_por.cli.main import EXITS
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
@click.option("--prices", metavar="FILE", help="Prices for the USD line.")
@click.option("--map", "mapping", metavar="FILE", help="Which coin a wrapped or pegged one is.")
@click.option("--own-token", multiple=True, metavar="ASSET", help="A token of the exchange itself.")
@click.option("--exchange", metavar="NAME", help="Whose figures these are.")
@output_options
def command(
    liabilities: tuple[str, ...],
    reserves: tuple[str, ...],
    prices: str | None,
    mapping: str | None,
    own_token: tuple[str, ...],
    exchange: str | None,
    as_json: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Liabilities against reserves: a ratio per asset, rounded against the exchange."""
    from merkle_por.solvency import solvency

    result = solvency(
        list(liabilities),
        list(reserves),
        prices,
        mapping,
        list(own_token) or None,
        exchange=exchange,
    )
    if as_json:
        print_json(result.to_json())
    elif result.state is State.MALFORMED and not quiet:
        say_problems(result.errors)
    else:
        show(result.page(page(no_color)), quiet=quiet, no_color=no_color)
    sys.exit(result.state.exit)
