"""`merkle-por verify PROOF...`: is my account in the total, and can the total be relied on."""

from __future__ import annotations

import sys
from typing import Any

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
from merkle_por.cli.main import EXITS, say_error
from merkle_por.verdict import State


@click.command(
    "verify",
    short_help="Check the proof file(s) an exchange gave you.",
    epilog=f"{EXITS}  Example: merkle-por verify bybit.json --root c91d5de0...",
)
@click.argument("proofs", nargs=-1, required=True, metavar="PROOF...")
@click.option("--root", metavar="HEX", help="The root the exchange published.")
@click.option("--attestation", metavar="FILE", help="A file with the published root and totals.")
@click.option("--expect", multiple=True, metavar="ASSET=AMOUNT", help="Your own balance.")
@click.option("--given", multiple=True, metavar="NAME=VALUE", help="Any other fact (@FILE reads).")
@click.option("--format", "format_", metavar="ID", help="Name the format, don't recognise it.")
@click.option("--path", "path_", is_flag=True, help="Show every node of the path.")
@click.option("--redact", is_flag=True, help="No account, balances or file name in --json.")
@click.option("--no-input", is_flag=True, help="Never ask for the root.")
@output_options
def command(
    proofs: tuple[str, ...],
    root: str | None,
    attestation: str | None,
    expect: tuple[str, ...],
    given: tuple[str, ...],
    format_: str | None,
    path_: bool,
    redact: bool,
    no_input: bool,
    as_json: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Check the proof file(s) an exchange gave you. "-" reads standard input."""
    from merkle_por.api import verify
    from merkle_por.pins import load

    pins = load()
    values = given_values(given)
    if expect:
        values["expect"] = assets(expect, "--expect")
    if root is not None:
        values["root"] = root

    def run(**more: str) -> Any:
        sources = dict.fromkeys(more, "prompt")
        return verify(
            *proofs,
            scheme=format_,
            given={**values, **more},
            attestation=attestation,
            sources_of_given=sources,
            pins=pins,
        )

    result = run()
    if not as_json and not no_input and _may_ask(result):
        pasted = ask_root(result.proofs[0])
        if pasted:
            result = run(root=pasted)
    if as_json:
        print_json(result.to_json(path=path_, redact=redact))
    elif result.state is State.MALFORMED and not quiet:
        say_malformed(result.proofs)
    else:
        show(result.page(page(no_color), path=path_), quiet=quiet, no_color=no_color)
    sys.exit(result.state.exit)


def _may_ask(result: Any) -> bool:
    """Whether the root question would settle it, and there is somebody to ask."""
    if result.state is not State.UNCONFIRMED or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    proofs: tuple[Any, ...] = getattr(result, "proofs", ())
    return len(proofs) == 1 and proofs[0].root is not None and not proofs[0].root.confirmed


def ask_root(verdict: Any) -> str:
    """Asks for the published root BEFORE the file's own is shown, so that nobody pastes ours.

    The program compares, not the eye: "y" is refused. "" where the user just pressed Enter.
    """
    from merkle_por.errors import UsageError
    from merkle_por.recognise import by_id
    from merkle_por.scheme import normal_hash

    scheme = by_id(verdict.scheme)
    from merkle_por.report.verify_text import where_root

    click.echo(f"where: {where_root(verdict)}", err=True)
    while True:
        pasted: str = click.prompt(
            "Paste the root shown there (Enter: leave unconfirmed)",
            default="",
            show_default=False,
            err=True,
        )
        if not pasted.strip():
            return ""
        try:
            return normal_hash(pasted, "root", scheme.facts["root"].digits)
        except UsageError as error:
            say_error(error.text, *error.hints)
