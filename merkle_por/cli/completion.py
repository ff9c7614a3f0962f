"""What the shell completes: names of files, of formats and of exchanges, by what a command calls
its arguments. Loaded only when a shell asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

_FILES = ("FILE", "PROOF", "LIST", "LEDGER", "DIGEST", "REPORT", "OUT", "DIR", "FOLDER")


class _Files(type(click.STRING)):  # type: ignore[misc]
    """A text that the shell completes as the name of a file."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


class _Names(type(click.STRING)):  # type: ignore[misc]
    """A text that the shell completes as one of some names."""

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self.names = names

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(n) for n in sorted(self.names()) if n.startswith(incomplete)]


def _formats() -> Iterable[str]:
    from merkle_por.exchanges import schemes

    return {scheme.id for scheme in schemes()}


def _exchanges() -> Iterable[str]:
    from merkle_por.start import known_exchanges

    return {id for id, _ in known_exchanges()}


def completing(command: click.Command) -> click.Command:
    """The command, its parameters knowing what the shell may put in their place."""
    for parameter in command.params:
        # Digests and proofs of `digest` have no metavar: there the parameter's own name speaks.
        called = (parameter.metavar or parameter.name or "").upper()
        if parameter.type is not click.STRING:
            continue
        if called in ("[ID]", "ID"):
            parameter.type = _Names(_formats)
        elif called in ("[EXCHANGE]", "EXCHANGE"):
            parameter.type = _Names(_exchanges)
        elif any(word in called for word in _FILES):
            parameter.type = _Files()
    return command
