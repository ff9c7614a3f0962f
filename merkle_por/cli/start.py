"""`merkle-por start EXCHANGE`: what to fetch, what to run, what you see."""

from __future__ import annotations

import click

from merkle_por.cli.common import output_options, page, print_json, show
from merkle_por.cli.main import EXITS


@click.command(
    "start",
    short_help="First steps at your exchange: fetch, run, see.",
    epilog=f"{EXITS}  Example: merkle-por start bybit",
)
@click.argument("exchange", required=False, metavar="[EXCHANGE]")
@click.option("--all", "every", is_flag=True, help="Formats that are no longer in use too.")
@output_options
def command(exchange: str | None, every: bool, as_json: bool, quiet: bool, no_color: bool) -> None:
    """What to fetch and from where, what to run, what you see; without a name: all exchanges."""
    from merkle_por.report.start_text import start_page
    from merkle_por.report.text import Span
    from merkle_por.start import known_exchanges, start

    filled = page(no_color)
    if exchange is None:
        known = known_exchanges()
        if as_json:
            exchanges = [{"id": id, "name": name} for id, name in known]
            print_json({"schema": "merkle-por/start-list/1", "exchanges": exchanges})
            return
        for id, name in known:
            filled.add(Span(f"  {id:<16}{name}"))
        filled.labelled("more", "merkle-por start EXCHANGE")
        show(filled, quiet=quiet, no_color=no_color)
        return
    result = start(exchange)
    if as_json:
        print_json(result.to_json())
        return
    show(start_page(result, filled, every=every), quiet=quiet, no_color=no_color)
