"""`merkle-por formats [ID]`: what is understood; one format explained."""

from __future__ import annotations

import click

from merkle_por.cli.common import output_options, page, print_json, show
from merkle_por.cli.main import EXITS


@click.command(
    "formats",
    short_help="All formats; one explained.",
    epilog=f"{EXITS}  Example: merkle-por formats bybit",
)
@click.argument("name", required=False, metavar="[ID]")
@output_options
def command(name: str | None, as_json: bool, quiet: bool, no_color: bool) -> None:
    """All formats; or one format, or all of one exchange, explained."""
    from merkle_por.report.formats_text import explain, formats_document, table

    if as_json:
        print_json(formats_document(name))
        return
    filled = page(no_color)
    if name is None:
        table(filled)
    else:
        explain(name, filled)
    show(filled, quiet=quiet, no_color=no_color)
