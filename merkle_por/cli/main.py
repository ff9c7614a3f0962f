"""The `merkle-por` group: commands are imported when they are called, not before.

Errors about arguments are one line and hints; about files the command itself speaks. No
traceback leaves this file unless --debug asks for it.
"""

from __future__ import annotations

import atexit
import errno
import gc
import importlib
import os
import sys
from typing import Any

import click

from merkle_por.version import __version__

COMMANDS = {
    "start": "First steps at your exchange: fetch, run, see.",
    "verify": "Check the proof file(s) an exchange gave you.",
    "audit": "Recompute a whole published ledger, tree or proof set.",
    "build": "For an exchange: a tree from its books, and each user's proof.",
    "reserves": "Read a published wallet list: ownership, shares proven.",
    "solvency": "Liabilities against reserves: a ratio per asset.",
    "watch": "Look every 5 minutes, keep history, show change.",
    "recheck": "Run a report or a bundle of somebody else again.",
    "digest": "Fingerprints of your path, to compare with others.",
    "compare": "Find contradictions between customers' digests.",
    "formats": "All formats; one explained, with where to find file and root.",
    "pins": "Roots and keys kept from last time.",
    "demo": "The whole main job on bundled data, offline.",
    "serve": "A page on this computer: drop files, look at exchanges.",
    "doctor": "What is installed, what runs natively, what is missing.",
}
COMPLETION = "_MERKLE_POR_COMPLETE"
"""Click's variable by which a shell asks for completions."""
PIPE_CLOSED = 141  # 128 + SIGPIPE, as of a program that the signal ended
CANNOT_WRITE = 74  # EX_IOERR
EXITS = (
    "Exit status: 0 valid, 1 invalid, 2 wrong options, 3 malformed, 4 unconfirmed, 5 incomplete."
    "\n\n"
)
"""Begins the end of every help text; the example behind it is a paragraph of its own."""


class Commands(click.Group):
    """A group whose commands live in modules of their own name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"merkle_por.cli.{cmd_name}")
        command: click.Command = module.command
        if COMPLETION in os.environ:
            from merkle_por.cli.completion import completing

            return completing(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            from merkle_por.errors import UsageError

            close = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f"did you mean: merkle-por {close[0]}" if close else "see: merkle-por --help"
            raise UsageError(f'no command "{name[:40]}"', hint)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Click would leave with 1, which says invalid. The reader (head, less) has enough.
            _stop_writing()
            sys.exit(PIPE_CLOSED)


@click.group(cls=Commands, epilog=f"{EXITS}  Example: merkle-por verify proof.json --root HEX")
@click.version_option(__version__, message="merkle-por %(version)s")
@click.option("--debug", is_flag=True, hidden=True, help="Show tracebacks.")
def cli(debug: bool) -> None:
    """Check your exchange yourself: proofs of reserves, on your own computer."""


def main(arguments: list[str] | None = None) -> Any:
    """Entry point. Exits with the status of the verdict."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # At its end Python looks for cycles among all objects once more: a tenth of one proof's time.
    atexit.register(gc.freeze)
    _open_streams()
    try:
        cli.main(arguments, prog_name="merkle-por", standalone_mode=False)
        _flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        asked = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        say_error(_tidy(error.format_message()), *([f"see: {asked} --help"] if asked else []))
        sys.exit(2)
    except SystemExit:
        _flush()
        raise
    except Exception as error:
        if "--debug" in arguments:
            raise
        from merkle_por.errors import UsageError

        if isinstance(error, UsageError):
            say_error(error.text, *error.hints)
            sys.exit(2)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            _full(error)
        say_error(
            f"a fault in merkle-por itself: {type(error).__name__}: {error}",
            "run again with: merkle-por --debug ...; and please report it",
        )
        sys.exit(70)  # EX_SOFTWARE: never the status of a verdict


def _open_streams() -> None:
    """Something to write to where a stream was closed before the start (>&-)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for the whole run


def _flush() -> None:
    """Writes what is left, while there is still a way to say that it could not be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_writing()
        sys.exit(PIPE_CLOSED)
    except OSError as error:
        _full(error)


def _full(error: OSError) -> None:
    """Leaves where the result can't be written: a verdict that nobody got has no exit status."""
    _stop_writing()
    say_error(f"the output can't be written: {(error.strerror or 'unknown error').lower()}")
    sys.exit(CANNOT_WRITE)


def _stop_writing() -> None:
    """Keeps the interpreter from complaining about stdout at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tidy(message: str) -> str:
    """Click's message as ours are: one line, lower case, no full stop."""
    message = " ".join(message.split()).removesuffix(".")
    return message[:1].lower() + message[1:]


def say_error(text: str, *hints: str) -> None:
    """`error: ...` and `hint: ...`, a line each on stderr, without control characters."""
    from merkle_por.report.text import safe

    for word, line in (("error", text), *(("hint", hint) for hint in hints)):
        click.echo(f"{word}: {safe(line, 400)}", err=True)
