"""`merkle-por audit LEDGER|DIR`: everything recomputed, at the speed of the machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from merkle_por.cli.common import (
    assets,
    given_values,
    output_options,
    page,
    print_json,
    say_malformed,
    show,
)
from merkle_por.cli.main import EXITS
from merkle_por.cli.work import long_work
from merkle_por.execution import VIOLATIONS
from merkle_por.verdict import State


@click.command(
    "audit",
    short_help="Recompute a whole published ledger, tree or proof set.",
    epilog=f"{EXITS}  Example: merkle-por audit liabilities.csv.gz --root HEX --workers 4",
)
@click.argument("ledger", metavar="LEDGER|DIR")
@click.option("--root", metavar="HEX", help="The root the exchange published.")
@click.option("--total", multiple=True, metavar="ASSET=AMOUNT", help="A published total.")
@click.option("--account", metavar="ID", help="Your account in the ledger, to look it up.")
@click.option("--given", multiple=True, metavar="NAME=VALUE", help="Any other fact (@FILE reads).")
@click.option("--format", "format_", metavar="ID", help="Name the format, don't recognise it.")
@click.option("--workers", type=click.IntRange(1, 256), default=None, help="Threads to use.")
@click.option("--dask", metavar="ADDRESS", help="A Dask scheduler to run on, tcp://HOST:PORT.")
@click.option(
    "--journal", metavar="FILE", help="For zk sets: note verified proofs, skip them next time."
)
@click.option(
    "--violations",
    type=click.IntRange(1, 100_000),
    default=VIOLATIONS,
    show_default=True,
    help="Broken rows to list.",
)
@click.option("--redact", is_flag=True, help="Leave out account, balances, file name.")
@click.option("--html", metavar="OUT", help="Write a report to read, print and hand over.")
@click.option("--with-balances", is_flag=True, help="Put your own balances into the report.")
@output_options
def command(
    ledger: str,
    root: str | None,
    total: tuple[str, ...],
    account: str | None,
    given: tuple[str, ...],
    format_: str | None,
    workers: int | None,
    dask: str | None,
    journal: str | None,
    violations: int,
    redact: bool,
    html: str | None,
    with_balances: bool,
    as_json: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Recompute a whole published ledger, tree or proof set (a file or a folder)."""
    from merkle_por import pins
    from merkle_por.api import audit
    from merkle_por.errors import UsageError
    from merkle_por.execution import Execution, dask_executor, local_executor

    if with_balances and redact:
        raise UsageError("--with-balances and --redact exclude each other")
    if workers and dask:
        raise UsageError("--workers and --dask exclude each other")
    values = given_values(given)
    if account is not None:
        if "account" in values:
            raise UsageError("--account and --given account=... say the same: give one")
        values["account"] = account
    if total:
        values["totals"] = assets(total, "--total")
    executor = dask_executor(dask) if dask else local_executor(workers or 1)
    notes = Path(journal) if journal else None
    with long_work(executor, quiet=quiet) as progress:
        result = audit(
            ledger,
            scheme=format_,
            given=values,
            root=root,
            pins=pins.load(),
            execution=Execution(executor, progress, notes, violations),
        )
    if html:
        from merkle_por.cli.output import keep, ran_on

        if root is not None:
            values["root"] = root
        ran = ran_on("audit", {"file": [ledger]}, values, format_, violations=violations)
        keep(ran, result, html, with_balances=with_balances)
    if redact:
        result = result.redacted()
    if as_json:
        print_json(result.to_json())
    elif result.state is State.MALFORMED and not quiet:
        say_malformed(result.proofs)
    else:
        show(result.page(page(no_color)), quiet=quiet, no_color=no_color)
    sys.exit(result.state.exit)
