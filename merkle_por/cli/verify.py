"""`merkle-por verify PROOF...`: is my account in the total, and can the total be relied on."""

from __future__ import annotations

import sys
from dataclasses import replace
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
from merkle_por.errors import UsageError
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
@click.option("--redact", is_flag=True, help="Leave out account, balances, file name.")
@click.option("--no-input", is_flag=True, help="Never ask for the root.")
@click.option("--html", metavar="OUT", help="Write a report to read, print and hand over.")
@click.option("--bundle", metavar="OUT", help="Write a zip to show to others, without balances.")
@click.option("--include-file", is_flag=True, help="Put the file itself into the bundle.")
@click.option("--with-balances", is_flag=True, help="Put your balances into report and bundle.")
@click.option("--seen", metavar="WHERE", help="Where you saw the root, for report and bundle.")
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
    html: str | None,
    bundle: str | None,
    include_file: bool,
    with_balances: bool,
    seen: str | None,
    as_json: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Check the proof file(s) an exchange gave you. "-" reads standard input."""
    from merkle_por.api import verify
    from merkle_por.documents import Document
    from merkle_por.pins import load
    from merkle_por.report.verify_text import root_lines

    pins = load()
    values = given_values(given)
    if expect:
        values["expect"] = assets(expect, "--expect")
    if root is not None:
        values["root"] = root
    if with_balances and redact:
        raise UsageError("--with-balances and --redact exclude each other")
    if include_file and not bundle:
        raise UsageError("--include-file is about a bundle", "add: --bundle OUT.zip")
    if proofs.count("-") > 1:
        raise UsageError('"-" can be given once: there is one standard input')
    # Read once, so that both runs around the root question judge the same bytes.
    documents = [Document.of(proof) for proof in proofs]

    def run(**more: str) -> Any:
        sources = dict.fromkeys(more, "prompt")
        return verify(
            *documents,
            scheme=format_,
            given={**values, **more},
            attestation=attestation,
            sources_of_given=sources,
            pins=pins,
        )

    def kept(result: Any, **more: str) -> Any:
        """Writes report and bundle; answers the result as it may be shown."""
        if html or bundle:
            from merkle_por.cli.output import keep, ran_verify

            ran = ran_verify(documents, values, more, attestation, pins)
            ran = replace(ran, format=format_, seen=seen, options={"path": path_})
            keep(ran, result, html, bundle, with_balances=with_balances, include_file=include_file)
        return result.redacted() if redact and hasattr(result, "redacted") else result

    result, pasted = run(), ""
    if not as_json and not quiet and not no_input and _may_ask(result):
        shown = result.redacted() if redact else result
        show(shown.page(page(no_color), root=False), quiet=False, no_color=no_color)
        pasted = ask_root(result.proofs[0])
        if not pasted:
            kept(result)
            rest = page(no_color)
            root_lines(result.proofs[0], rest, where=False)
            show(rest, quiet=False, no_color=no_color)
            sys.exit(result.state.exit)
        click.echo()
        result = run(root=pasted)
    result = kept(result, **({"root": pasted} if pasted else {}))
    malformed = result.state is State.MALFORMED and not as_json and not quiet
    if as_json:
        print_json(result.to_json(path=path_, redact=redact))
    elif not malformed or len(proofs) > 1:
        show(result.page(page(no_color), path=path_), quiet=quiet, no_color=no_color)
    if malformed:
        say_malformed(result.proofs)
    if pasted and result.state is State.VALID:
        _offer_pin(result.proofs[0])
    sys.exit(result.state.exit)


def _may_ask(result: Any) -> bool:
    """Whether the root question would settle it, and there is somebody to ask."""
    from merkle_por.api import Verification
    from merkle_por.recognise import by_id

    streams = (sys.stdin, sys.stdout, sys.stderr)
    if result.state is not State.UNCONFIRMED or not all(s.isatty() for s in streams):
        return False
    if not isinstance(result, Verification) or len(result.proofs) != 1:
        return False
    root, scheme = result.proofs[0].root, by_id(str(result.proofs[0].scheme))
    fact = scheme.facts.get("root")
    return root is not None and not root.confirmed and fact is not None


def ask_root(verdict: Any) -> str:
    """Asks for the published root BEFORE the file's own is shown, so that nobody pastes ours.

    The program compares, not the eye: "y" is refused. "" where the user just pressed Enter, or
    ended the input (Ctrl-D).
    """
    from merkle_por.recognise import by_id
    from merkle_por.scheme import FactKind, normal_hash

    fact = by_id(verdict.scheme).facts["root"]
    while True:
        try:
            pasted: str = click.prompt(
                "Paste the root shown there (Enter: leave unconfirmed)",
                default="",
                show_default=False,
                err=True,
            )
        except click.Abort as stop:
            if not isinstance(stop.__context__, EOFError):
                raise  # Ctrl-C
            click.echo(err=True)  # Ctrl-D: no answer, as Enter
            return ""
        if not pasted.strip():
            return ""
        if pasted.strip().lower() in ("y", "yes", "n", "no"):
            say_error("paste the root itself: the program compares, not the eye")
            continue
        if fact.kind is not FactKind.HASH:
            return pasted.strip()
        try:
            return normal_hash(pasted, "root", fact.digits)
        except UsageError as error:
            say_error(error.text, *error.hints)


def _offer_pin(verdict: Any) -> None:
    """Says once, after a root was pasted and equal, how to keep it for next time."""
    if verdict.snapshot.id and verdict.root is not None:
        from shlex import quote

        from merkle_por.report.text import safe

        audit = quote(safe(verdict.snapshot.id, 60))
        click.echo(
            "hint: keep this root for next time: merkle-por pins add "
            f"{verdict.exchange} {audit} {verdict.root.value} --seen WHERE",
            err=True,
        )
