"""`merkle-por reserves LIST...`: who owns the published addresses, and what they hold."""

from __future__ import annotations

import sys
from typing import Any

import click

from merkle_por.cli.common import (
    given_values,
    output_options,
    page,
    print_json,
    say_problems,
    show,
)
from merkle_por.cli.main import EXITS
from merkle_por.verdict import State


@click.command(
    "reserves",
    short_help="Read a published wallet list: ownership, shares proven.",
    epilog=f"{EXITS}  Example: merkle-por reserves huobi_por.csv",
)
@click.argument("lists", nargs=-1, required=True, metavar="LIST...")
@click.option("--format", "format_", metavar="ID", help="Name the format, don't recognise it.")
@click.option("--given", multiple=True, metavar="NAME=VALUE", help="Any other fact (@FILE reads).")
@click.option("--signatures-only", is_flag=True, help="Judge signatures, ask no node.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, help="Processes to use.")
@click.option("--html", metavar="OUT", help="Write a report to read, print and hand over.")
@output_options
def command(
    lists: tuple[str, ...],
    format_: str | None,
    given: tuple[str, ...],
    signatures_only: bool,
    workers: int,
    html: str | None,
    as_json: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Read a published wallet list: rows, totals, who proved to hold the keys."""
    from merkle_por.reserves.api import reserves

    values: dict[str, Any] = given_values(given)
    if workers > 1:
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(workers) as executor:
            result = reserves(*lists, scheme=format_, given=values, executor=executor)
    else:
        result = reserves(*lists, scheme=format_, given=values)
    if html:
        from merkle_por.cli.output import keep, ran_on

        keep(ran_on("reserves", {"file": list(lists)}, values, format_), result, html)
    if as_json:
        print_json(result.to_json())
    elif result.state is State.MALFORMED and not quiet:
        say_problems(result.errors)
    else:
        show(result.page(page(no_color)), quiet=quiet, no_color=no_color)
    sys.exit(result.state.exit)
