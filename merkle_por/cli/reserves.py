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
from merkle_por.cli.nodes import asked, node_options, running
from merkle_por.errors import UsageError
from merkle_por.verdict import State


@click.command(
    "reserves",
    short_help="Read a published wallet list: ownership, shares proven.",
    epilog=f"{EXITS}  Example: merkle-por reserves list.csv --node ethereum=http://127.0.0.1:8545",
)
@click.argument("lists", nargs=-1, required=True, metavar="LIST...")
@click.option("--format", "format_", metavar="ID", help="Name the format, don't recognise it.")
@click.option("--given", multiple=True, metavar="NAME=VALUE", help="Any other fact (@FILE reads).")
@click.option("--signatures-only", is_flag=True, help="Judge signatures, ask no node.")
@click.option("--exchange", metavar="NAME", help="Whose lists these must be, by its profile.")
@click.option(
    "--around",
    type=click.IntRange(1, 366),
    metavar="DAYS",
    help="Read balances so many days before and after as well.",
)
@node_options
@click.option("--html", metavar="OUT", help="Write a report to read, print and hand over.")
@output_options
def command(
    lists: tuple[str, ...],
    format_: str | None,
    given: tuple[str, ...],
    signatures_only: bool,
    exchange: str | None,
    around: int | None,
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
    """Read a published wallet list: rows, totals, who proved to hold the keys."""
    from merkle_por.reserves.api import reserves

    values: dict[str, Any] = given_values(given)
    if signatures_only and (node or at or cache or offline or around):
        raise UsageError("--signatures-only asks no node: leave out what belongs to nodes")
    whom = asked(node, at, token, cache, offline)
    with running(workers, quiet=quiet) as execution:
        result = reserves(
            *lists,
            scheme=format_,
            given=values,
            exchange=exchange,
            around=around,
            execution=execution,
            **whom,
        )
    if html:
        from merkle_por.cli.output import keep, ran_on

        ran = ran_on("reserves", {"file": list(lists)}, values, format_, exchange=exchange)
        keep(ran, result, html)
        if node:
            click.echo(
                "hint: to check the report again asks no node; keep --json and --cache", err=True
            )
    if as_json:
        print_json(result.to_json())
    elif result.state is State.MALFORMED and not quiet:
        say_problems(result.errors)
    else:
        show(result.page(page(no_color)), quiet=quiet, no_color=no_color)
    sys.exit(result.state.exit)
