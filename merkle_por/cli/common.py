"""Options and output that all commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from merkle_por.errors import UsageError
from merkle_por.verdict import Problem, Verdict

F = TypeVar("F", bound=Callable[..., Any])
SECRET_NAMES = ("credential", "account_nonce", "snapshot_nonce", "account_key", "nonce", "keys")


def output_options(function: F) -> F:
    """--json, --quiet, --no-color."""
    function = click.option("--no-color", is_flag=True, help="Plain text, no colours.")(function)
    function = click.option("--quiet", "-q", is_flag=True, help="The first line only.")(function)
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(
        function
    )


def on_terminal(no_color: bool) -> bool:
    """Whether stdout is a terminal that may be drawn on."""
    return (
        sys.stdout.isatty()
        and os.environ.get("TERM") != "dumb"
        and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        and not _locale_is_c()
    )


def _locale_is_c() -> bool:
    """Whether the user asks for the C locale: Python itself then writes UTF-8 all the same."""
    # LC_CTYPE says nothing: Python sets it itself in place of C (PEP 538).
    asked = os.environ.get("LC_ALL") or os.environ.get("LANG")
    return asked in ("C", "POSIX") and not os.environ.get("PYTHONIOENCODING")


def wants_colour(no_color: bool) -> bool:
    return on_terminal(no_color) and not no_color and not os.environ.get("NO_COLOR")


def page(no_color: bool = False) -> Any:
    """An empty page as wide as the terminal (80 columns in a pipe)."""
    import shutil

    from merkle_por.report.text import WIDTH, Page

    terminal = on_terminal(no_color)
    width = shutil.get_terminal_size((WIDTH, 24)).columns if terminal else WIDTH
    return Page(width, symbols=terminal)


def show(filled: Any, *, quiet: bool, no_color: bool) -> None:
    """Prints a page: its first line only if quiet, in colour where the terminal has it."""
    if quiet:
        filled.first_line_only()
    if wants_colour(no_color):
        filled.draw()
    else:
        sys.stdout.write(filled.plain())


def say_problems(problems: Sequence[Problem], name: str = "") -> None:
    """`error: FILE: what, where (class)` and hints, for each problem."""
    from merkle_por.cli.main import say_error

    for problem in problems:
        place = f", {problem.where}" if problem.where else ""
        file = f"{problem.file or name}: " if problem.file or name else ""
        say_error(f"{file}{problem.text}{place} ({problem.reason})", *problem.hints)


def say_malformed(verdicts: Sequence[Verdict]) -> None:
    """The problems of each malformed file."""
    for verdict in verdicts:
        say_problems(verdict.errors, verdict.file.name)


def print_json(document: dict[str, Any]) -> None:
    """One JSON document on stdout, UTF-8, in a stable order.

    Characters that a terminal obeys stand as JSON's own escapes, also those above ASCII.
    """
    import orjson

    data = orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"
    if b"\x7f" in data or not data.isascii():
        data = "".join(map(_json_character, data.decode())).encode()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _json_character(character: str) -> str:
    import unicodedata

    if character in "\n " or unicodedata.category(character)[0] not in "CZ":
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def assets(pairs: Sequence[str], option: str) -> dict[str, str]:
    """ASSET=AMOUNT options to a mapping. Raises UsageError."""
    result: dict[str, str] = {}
    for pair in pairs:
        asset, equals, value = pair.partition("=")
        if not equals or not asset or asset in result:
            raise UsageError(f'{option} "{pair}": write ASSET=AMOUNT, each asset once')
        result[asset] = value
    return result


def given_values(pairs: Sequence[str]) -> dict[str, Any]:
    """--given NAME=VALUE options: JSON where it is JSON, else text; @FILE reads the value.

    A fact that is a file by itself is the same with and without the @.
    """
    from merkle_por.documents import parse_json
    from merkle_por.errors import Malformed

    result: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals and name in SECRET_NAMES and name not in result and sys.stdin.isatty():
            result[name] = click.prompt(name, hide_input=True, err=True)
            continue
        if not equals or not name or name in result:
            # Without a name it may be a secret, so it is not shown.
            shown = f' "{name[:40]}"' if equals and name else ""
            raise UsageError(
                f"--given{shown}: write NAME=VALUE, each name once",
                "a secret is read from a file, NAME=@FILE, or asked for: --given NAME",
            )
        if value.startswith("@"):
            path = Path(value[1:])
            if not path.is_file():
                raise UsageError(f"--given {name}: no such file: {path}")
            if name not in SECRET_NAMES and name in _file_facts():
                result[name] = str(path)
                continue
            try:
                value = path.read_text(encoding="utf-8").strip("\r\n")
            except (OSError, UnicodeDecodeError):
                raise UsageError(f"--given {name}: {path} is not a text that can be read") from None
        elif name in SECRET_NAMES:
            click.echo(
                f"hint: {name} on the command line can be read by others on this machine; "
                f"use --given {name}=@FILE",
                err=True,
            )
        if value[:1] in ("{", "[", '"'):
            try:
                result[name] = parse_json(value.encode("utf-8", "surrogateescape"))
                continue
            except Malformed as error:
                # The text itself may be a secret, so it is not shown.
                raise UsageError(f"--given {name}: not JSON ({error.reason})") from None
        result[name] = value
    return result


def _file_facts() -> set[str]:
    """Names of facts that are one file, whatever the scheme. (A list of files may stand in one.)"""
    from merkle_por.exchanges import schemes
    from merkle_por.scheme import FactKind

    facts = (item for one in schemes() for item in one.facts.items())
    return {name for name, fact in facts if fact.kind is FactKind.FILE}
