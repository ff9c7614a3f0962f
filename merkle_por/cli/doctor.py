"""`merkle-por doctor`: versions, optional parts present or not, known answers."""

from __future__ import annotations

import sys

import click

from merkle_por.cli.common import output_options, page, print_json, show
from merkle_por.cli.main import EXITS


@click.command(
    "doctor",
    short_help="What is installed, what runs natively, what is missing.",
    epilog=f"{EXITS}  Example: merkle-por doctor",
)
@output_options
def command(as_json: bool, quiet: bool, no_color: bool) -> None:
    """What is installed, what runs natively, what is missing."""
    from merkle_por.report.doctor import Part, parts, ready

    found = parts()
    if as_json:
        print_json(
            {
                "schema": "merkle-por/doctor/1",
                "ready": ready(found),
                "parts": [vars(part) for part in found],
            }
        )
    else:
        filled = page(no_color)
        from merkle_por.report.doctor import lines

        lines(found, filled)
        show(filled, quiet=quiet, no_color=no_color)
    sys.exit(0 if all(part.present or part.optional for part in found) else Part.EXIT_MISSING)
