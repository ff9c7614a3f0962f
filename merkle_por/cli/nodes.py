"""Options of the commands that ask nodes, and how long such work is run and stopped.

Secrets: a URL may name a variable of the environment (`${KEY}`) or stand in a file (`@FILE`); what
it holds is never shown (reserves.chains.http).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from merkle_por.cli.work import long_work
from merkle_por.errors import UsageError
from merkle_por.execution import Execution, local_processes

F = TypeVar("F", bound=Callable[..., Any])


def node_options(function: F) -> F:
    """--node, --at, --token, --cache, --offline, --workers."""
    options = (
        click.option(
            "--node",
            multiple=True,
            metavar="CHAIN=URL",
            help="A node or service to ask ([own+]URL, @FILE, ${VARIABLE}); several must agree.",
        ),
        click.option(
            "--at",
            multiple=True,
            metavar="CHAIN=HEIGHT",
            help="The block, by height or trusted hash; else the rows' own, else the latest.",
        ),
        click.option(
            "--token",
            multiple=True,
            metavar="COIN=CHAIN:ID",
            help="What a list's coin is on its chain, where no table knows it.",
        ),
        click.option("--cache", metavar="FILE", help="Keep the nodes' answers there."),
        click.option("--offline", is_flag=True, help="Answer from --cache alone."),
        click.option("--workers", type=click.IntRange(1, 256), default=1, help="Processes to use."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def asked(
    node: Sequence[str], at: Sequence[str], token: Sequence[str], cache: str | None, offline: bool
) -> dict[str, Any]:
    """The options as arguments of `reserves` and `solvency`. Raises UsageError."""
    nodes: dict[str, list[str]] = {}
    for pair in node:
        chain, equals, url = pair.partition("=")
        if not equals or not chain or not url:
            # Without a chain it may be a URL with a key, so it is not shown.
            raise UsageError(
                "--node: write CHAIN=URL", "for example: --node ethereum=http://127.0.0.1:8545"
            )
        nodes.setdefault(chain, []).append(url)
    return {
        "nodes": nodes,
        "at": _pairs(at, "--at", "CHAIN=HEIGHT"),
        "tokens": {coin: _token(value) for coin, value in _pairs(token, "--token", TOKEN).items()},
        "memory": cache,
        "offline": offline,
    }


TOKEN = "COIN=CHAIN:ID"


def _token(value: str) -> tuple[str, str | None]:
    chain, _, id = value.partition(":")
    return chain, id or None


def _pairs(pairs: Sequence[str], option: str, form: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or not value or name in found:
            raise UsageError(f'{option} "{pair[:80]}": write {form}, each name once')
        found[name] = value
    return found


@contextmanager
def running(workers: int, *, quiet: bool) -> Iterator[Execution]:
    """How long work is run: with progress on a terminal, stopped cleanly by Ctrl-C and SIGTERM."""
    executor = local_processes(workers)
    with long_work(executor, quiet=quiet) as progress:
        yield Execution(executor, progress)
