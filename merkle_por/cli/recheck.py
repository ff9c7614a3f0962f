"""`merkle-por recheck REPORT FILE...`: is what a report or a bundle says what comes out?"""

from __future__ import annotations

import sys

import click

from merkle_por.cli.common import (
    assets,
    given_values,
    output_options,
    page,
    print_json,
    say_problems,
    show,
)
from merkle_por.cli.main import EXITS


@click.command(
    "recheck",
    short_help="Run a report or a bundle of somebody else again.",
    epilog=(
        f"{EXITS}  It is the state that comes out now, 1 also where the report differs.\n\n"
        "  Example: merkle-por recheck report.html proof.json --root HEX"
    ),
)
@click.argument("report", metavar="REPORT.html|BUNDLE.zip")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--root", metavar="HEX", help="The root as you know it, not from the report.")
@click.option("--expect", multiple=True, metavar="ASSET=AMOUNT", help="A balance of the report.")
@click.option("--given", multiple=True, metavar="NAME=VALUE", help="Any other fact (@FILE reads).")
@output_options
def command(
    report: str,
    files: tuple[str, ...],
    root: str | None,
    expect: tuple[str, ...],
    given: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Run what a report or a bundle says was run, on the original FILEs, and compare.

    Files are found by their SHA-256, in any order. Secrets are never in a report: hand them in
    again with --given NAME=@FILE.
    """
    from merkle_por.pins import load
    from merkle_por.recheck import recheck
    from merkle_por.report.recheck_text import recheck_page

    values = given_values(given)
    if expect:
        values["expect"] = assets(expect, "--expect")
    if root is not None:
        values["root"] = root
    result = recheck(report, *files, given=values, pins=load())
    if as_json:
        print_json(result.to_json())
    elif result.errors and not quiet:
        say_problems(result.errors, report)
    else:
        show(recheck_page(result, page(no_color)), quiet=quiet, no_color=no_color)
    sys.exit(result.state.exit)
