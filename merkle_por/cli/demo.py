"""`merkle-por demo`: the whole main job, offline, on bundled data."""

from __future__ import annotations

import sys

import click

from merkle_por.cli.common import output_options, page, print_json, show
from merkle_por.cli.main import EXITS

EXIT_FAULT = 70  # EX_SOFTWARE: never the status of a verdict


@click.command(
    "demo",
    short_help="The whole main job on bundled data, offline.",
    epilog=f"{EXITS}  Example: merkle-por demo",
)
@click.option("--html", metavar="FOLDER", help="Write each step's report into that folder.")
@output_options
def command(html: str | None, as_json: bool, quiet: bool, no_color: bool) -> None:
    """The whole main job on bundled data, offline."""
    from pathlib import Path

    from merkle_por.demo import steps
    from merkle_por.demo.reports import INDEX
    from merkle_por.report.text import Span

    done = steps()
    good = all(step.as_expected for step in done)
    if html is not None:
        from merkle_por.demo.reports import write_reports

        for path in write_reports(done, html):
            click.echo(f"report: {path}", err=True)
    if as_json:
        print_json(
            {
                "schema": "merkle-por/demo/1",
                "as_expected": good,
                "steps": [
                    {
                        "title": step.title,
                        "state": step.result.state.value,
                        "expected": step.expected.value,
                        "found": step.found,
                    }
                    for step in done
                ],
            }
        )
    else:
        filled = page(no_color)
        for number, step in enumerate(done, 1):
            state = step.result.state.value
            row = [Span(f"{number} {step.title:<21}"), Span(f"{state.upper():<13}", state)]
            fits = sum(len(span.text) for span in row) + len(step.found) <= filled.width
            filled.add(*row, *([Span(step.found)] if fits else []))
            if not fits:
                filled.under(step.found)
        if quiet:
            filled.lines.clear()  # the outcome is what a script asks for
        if good:
            pages = f", or open {Path(html) / INDEX}" if html is not None else ""
            filled.add(Span(f"As expected. Now: merkle-por verify YOUR_FILE{pages}"))
        else:
            filled.add(Span("NOT as expected: this installation is at fault.", "fail"))
        show(filled, quiet=quiet, no_color=no_color)
        if good and html is None and not quiet:
            click.echo("hint: as pages: merkle-por demo --html demo", err=True)
    sys.exit(0 if good else EXIT_FAULT)
