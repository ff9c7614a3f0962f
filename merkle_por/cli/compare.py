"""`merkle-por compare D1 D2...`: do several customers' digests contradict each other."""

from __future__ import annotations

import sys

import click

from merkle_por.cli.common import output_options, page, print_json, say_problems, show
from merkle_por.cli.main import EXITS


@click.command(
    "compare",
    short_help="Find contradictions between customers' digests.",
    epilog=f"{EXITS}  Example: merkle-por compare mine.json theirs.json",
)
@click.argument("digests", nargs=-1, required=True, metavar="DIGEST DIGEST...")
@output_options
def command(digests: tuple[str, ...], as_json: bool, quiet: bool, no_color: bool) -> None:
    """Find contradictions between customers' digests (see `merkle-por digest`)."""
    from merkle_por.digests import compare

    result = compare(digests)
    if as_json:
        print_json(result.to_json())
    elif result.errors and not quiet:
        say_problems(result.errors)
    else:
        show(result.page(page(no_color)), quiet=quiet, no_color=no_color)
    sys.exit(result.state.exit)
