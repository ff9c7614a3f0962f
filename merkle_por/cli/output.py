"""--html and --bundle: what a command ran, written down, and the files it makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from merkle_por.documents import Document
from merkle_por.errors import UsageError
from merkle_por.evidence import Input, Ran
from merkle_por.pins import Pin


def ran_verify(
    documents: Sequence[Document],
    values: Mapping[str, Any],
    pasted: Mapping[str, str],
    attestation: str | None,
    pins: tuple[Pin, ...],
) -> Ran:
    """What `verify` ran: the caller's facts, those pasted, and those of an attestation."""
    given = {**values, **pasted}
    origins = dict.fromkeys(pasted, "prompt")
    if attestation is not None:
        from merkle_por.attestation import facts_of

        for name, value in facts_of(Document.of(attestation)).items():
            if name not in given:
                given[name], origins[name] = value, "attestation"
    inputs = tuple(Input("file", document) for document in documents)
    return Ran("verify", inputs, given=given, origins=origins, pins=pins)


def ran_on(
    command: str,
    files: Mapping[str, Sequence[str]],
    values: Mapping[str, Any],
    format: str | None,
    **options: Any,
) -> Ran:
    """What another command ran. files: paths by role. Raises UsageError for standard input."""
    if any(path == "-" for paths in files.values() for path in paths):
        raise UsageError("a report names its files: give a file, not standard input")
    inputs = tuple(Input(role, Document.of(p)) for role, paths in files.items() for p in paths)
    return Ran(command, inputs, format, values, options=options)


def keep(
    ran: Ran,
    result: Any,
    html: str | None = None,
    bundle: str | None = None,
    *,
    with_balances: bool = False,
    include_file: bool = False,
) -> None:
    """Writes what was asked for and says so on stderr. Raises UsageError."""
    from merkle_por.report.save import save_bundle, save_html

    if html:
        save_html(ran, result, html, with_balances=with_balances)
        click.echo(f"report: {html}", err=True)
    if bundle:
        save_bundle(ran, result, bundle, with_balances=with_balances, include_file=include_file)
        click.echo(f"bundle: {bundle}", err=True)
        if include_file:
            click.echo("hint: the bundle holds the file itself: ids, balances, nonces", err=True)
