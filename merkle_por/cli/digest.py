"""`merkle-por digest PROOF`: fingerprints of a path, to compare with other customers."""

from __future__ import annotations

import sys

import click

from merkle_por.cli.common import given_values, print_json, say_malformed
from merkle_por.cli.main import EXITS, say_error
from merkle_por.verdict import State


@click.command(
    "digest",
    short_help="Fingerprints of your path, to compare with others.",
    epilog=f"{EXITS}  Example: merkle-por digest bybit.json --word our-group > mine.json",
)
@click.argument("proof")
@click.option("--root", metavar="HEX", help="The root the exchange published.")
@click.option("--given", multiple=True, metavar="NAME=VALUE", help="Any other fact (@FILE reads).")
@click.option("--format", "format_", metavar="ID", help="Name the format, don't recognise it.")
@click.option("--word", default="", help="A word agreed on by those who compare (no password).")
def command(
    proof: str, root: str | None, given: tuple[str, ...], format_: str | None, word: str
) -> None:
    """Fingerprints of your path as JSON on stdout: no amounts, no account.

    Give the file to other customers of the same audit; `merkle-por compare` finds out whether the
    exchange told one of you something else than the other.
    """
    from merkle_por.api import Audit, verify
    from merkle_por.digests import digest
    from merkle_por.errors import UsageError

    result = verify(proof, scheme=format_, given=given_values(given), root=root)
    if isinstance(result, Audit) or not hasattr(result, "proofs"):
        raise UsageError("a digest is made of one customer's proof")
    if result.state is State.MALFORMED:
        say_malformed(result.proofs)
    elif result.state in (State.INVALID, State.INCOMPLETE):
        say_error(f"no digest of a proof that is {result.state.value}: {result.sentence}")
    else:
        print_json(digest(result.proofs[0], word))
        sys.exit(0)
    sys.exit(result.state.exit)
