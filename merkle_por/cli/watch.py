"""`merkle-por watch EXCHANGE|LIST...`: a look every few minutes, kept, with what has changed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from merkle_por.cli.common import output_options, page, print_json, say_problems, show
from merkle_por.cli.main import EXITS
from merkle_por.cli.work import stop
from merkle_por.errors import Finding, Invalid, UsageError
from merkle_por.verdict import Problem, State

if TYPE_CHECKING:
    from merkle_por.reserves.chains.balances import Ways as BlockWays
    from merkle_por.watch.loop import Round
    from merkle_por.watch.target import Named

EVERY = "5m"
LONGEST_SECONDS = 86_400
REDRAW_SECONDS = 10.0
RESIZE_SECONDS = 0.5
"""How soon another window size is seen."""


@click.command(
    "watch",
    short_help="Look every 5 minutes, keep history, show change.",
    epilog=f"{EXITS}  Example: merkle-por watch kucoin list.json --liabilities kucoin.json "
    "--node bitcoin=http://127.0.0.1:8332 --prices coingecko",
)
@click.argument("watched", nargs=-1, required=True, metavar="EXCHANGE|LIST...")
@click.option("--every", default=EVERY, show_default=True, help="Time between looks: 30s, 5m, 1h.")
@click.option("--once", is_flag=True, help="Look once and end.")
@click.option("--node", "nodes", multiple=True, metavar="CHAIN=URL", help="A node to ask.")
@click.option(
    "--token", "tokens", multiple=True, metavar="COIN=CHAIN:ID", help="Which token it is."
)
@click.option(
    "--liabilities", multiple=True, metavar="[EXCHANGE=]FILE", help="What is owed: gives ratios."
)
@click.option("--map", "mapping", metavar="FILE", help="Which coin a wrapped or pegged one is.")
@click.option(
    "--prices",
    multiple=True,
    metavar="FILE|SERVICE",
    help="coingecko, coinmarketcap, defillama (NAME=URL), or a file; several: their median.",
)
@click.option(
    "--price-id", "price_ids", multiple=True, metavar="ASSET=ID", help="coingecko:ID, CHAIN:0x..."
)
@click.option("--alert-below", multiple=True, metavar="ASSET=RATIO", help="Least ratio, 1.02.")
@click.option(
    "--alert-total", multiple=True, metavar="[EXCHANGE=]AMOUNT", help="Least value of all."
)
@click.option(
    "--webhook", metavar="URL", help="Post alerts there and go on; without it, an alert ends it."
)
@click.option("--history", "history_file", metavar="FILE", help="Where readings are kept.")
@output_options
def command(
    watched: tuple[str, ...],
    every: str,
    once: bool,
    nodes: tuple[str, ...],
    tokens: tuple[str, ...],
    liabilities: tuple[str, ...],
    mapping: str | None,
    prices: tuple[str, ...],
    price_ids: tuple[str, ...],
    alert_below: tuple[str, ...],
    alert_total: tuple[str, ...],
    webhook: str | None,
    history_file: str | None,
    as_json: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """Watch exchanges: balances, value, ratio, and their change since the last look, a day ago and
    the list. An exchange's name goes before its lists. Ctrl-C ends it.

    With --once the exit status is the state; a broken bound is 1. Without, 1 says that a bound
    was broken, 0 that none was.
    """
    from merkle_por.history import History
    from merkle_por.prices.ids import given_ids
    from merkle_por.watch.alerts import Webhook, bounds
    from merkle_por.watch.backoff import Backoff
    from merkle_por.watch.look import Ways
    from merkle_por.watch.loop import Watcher

    seconds = duration(every)
    chains = named_nodes(nodes, tokens)
    ways = Ways(
        nodes=chains.nodes,
        backoff=Backoff(seconds),
        tokens=chains.tokens,
        prices=prices,
        ids=given_ids(price_ids),
    )
    named = groups(watched, liabilities, mapping)
    limits = bounds(alert_below, alert_total)
    check_sources(ways, bool(limits.totals))
    hook = Webhook(webhook) if webhook else None
    output = _output(seconds, once=once, as_json=as_json, quiet=quiet, no_color=no_color)
    with History(Path(history_file) if history_file else None, write=True) as history:
        watcher = Watcher(named, ways, history, seconds, limits, hook)
        try:
            with output:
                result = watcher.run(
                    output.show,
                    output.wait,
                    rounds=1 if once else None,
                    stop_at_alert=hook is None,
                )
        except Finding as error:
            say_problems([Problem(error.reason, error.text, error.where, error.hints, error.file)])
            state = State.INVALID if isinstance(error, Invalid) else State.MALFORMED
            sys.exit(state.exit)
        except KeyboardInterrupt:
            sys.exit(State.INVALID.exit if output.alerted else 0)
    sys.exit(result.state.exit)


# -- options ---------------------------------------------------------------------------------


def duration(text: str) -> float:
    """Seconds of 30s, 5m, 1h or a plain number of seconds. Raises UsageError."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    if number.isascii() and number.isdigit() and len(number) < 8:
        seconds = int(number) * unit
        if 1 <= seconds <= LONGEST_SECONDS:
            return float(seconds)
    raise UsageError(f'--every "{text[:20]}": write a time like 30s, 5m or 1h')


def named_nodes(nodes: Sequence[str], tokens: Sequence[str]) -> BlockWays:
    """--node and --token as what is asked, chains by any of their names. Raises UsageError."""
    from merkle_por.cli.nodes import asked
    from merkle_por.reserves.chains import registry
    from merkle_por.reserves.chains.balances import ways

    found = asked(nodes, (), tokens, None, False)
    for chain, _ in found["tokens"].values():
        registry.chain(chain)  # says now that there is none of that name
    return ways(found["nodes"], tokens=found["tokens"])


def groups(watched: Sequence[str], liabilities: Sequence[str], mapping: str | None) -> list[Named]:
    """Exchanges with their lists: a name opens a group, the lists behind it are its own."""
    from merkle_por.exchange_profiles import CERTAIN, find_profile, profiles
    from merkle_por.watch.target import Named

    found: list[tuple[str | None, list[Path]]] = []
    for word in watched:
        path, profile = Path(word), find_profile(word)
        if profile is not None and not path.exists():
            found.append((profile.id, []))
        elif path.is_file():
            if not found:
                found.append((None, []))
            found[-1][1].append(path)
        else:
            names = ", ".join(profile.id for profile in profiles())
            hint = f"exchanges with a profile: {names}"
            raise UsageError(f'"{word[:60]}" is neither a file nor a known exchange', hint)
    for name, lists in found:
        if not lists and name is not None and (profile := find_profile(name)) is not None:
            where = profile.list_from
            raise UsageError(
                f"{profile.name}: put its list behind its name: merkle-por watch {name} LIST",
                f"{where.text} ({where.seen}, {CERTAIN[where.certain]})",
            )
    owed = _liabilities(liabilities, [name for name, _ in found])
    table = None if mapping is None else Path(mapping)
    return [
        Named(tuple(lists), name, tuple(owed[place]), table)
        for place, (name, lists) in enumerate(found)
    ]


def _liabilities(texts: Sequence[str], names: Sequence[str | None]) -> list[list[Path]]:
    from merkle_por.exchange_profiles import find_profile

    owed: list[list[Path]] = [[] for _ in names]
    for text in texts:
        name, equals, file = text.partition("=")
        profile = find_profile(name)
        if Path(text).exists() or not equals or profile is None:
            if len(names) > 1:
                raise UsageError(f'--liabilities "{text[:60]}": whose are they? EXCHANGE=FILE')
            owed[0].append(Path(text))
        elif profile.id in names:
            owed[names.index(profile.id)].append(Path(file))
        elif names == [None]:
            owed[0].append(Path(file))
        else:
            raise UsageError(f"--liabilities: {profile.id} is not watched")
    return owed


def check_sources(ways: Any, totals: bool) -> None:
    """Opens the price services now, so that a missing key is said at once. Raises UsageError."""
    from merkle_por.prices.ask import is_service

    for name in ways.prices:
        if is_service(name):
            ways.service(name)
        elif not Path(name).is_file():
            raise UsageError(f'--prices "{name[:60]}" is neither a file nor a price service')
    if totals and not ways.prices:
        raise UsageError("--alert-total needs prices", "--prices coingecko, or a price file")


# -- output ----------------------------------------------------------------------------------


def _output(seconds: float, *, once: bool, as_json: bool, quiet: bool, no_color: bool) -> _Output:
    from merkle_por.cli.common import on_terminal

    if as_json:
        return _Json(seconds, once)
    if on_terminal(no_color) and not once and not quiet:
        return _Screen(seconds, no_color)
    return _Lines(seconds, quiet, no_color)


class _Output(ABC):
    """Where rounds are shown. A context: within it, Ctrl-C and SIGTERM end the wait at once."""

    def __init__(self, every: float) -> None:
        self.every = every
        self.alerted = False

    def __enter__(self) -> _Output:
        self._before = {number: signal.signal(number, stop) for number in _signals()}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def show(self, result: Round) -> None:
        """Shows one round."""
        self.alerted = self.alerted or bool(result.alerts)
        self.draw(result)

    @abstractmethod
    def draw(self, result: Round) -> None:
        """Puts the round where the user reads it."""

    def wait(self, seconds: float) -> None:
        """Waits for the next round."""
        time.sleep(seconds)


class _Lines(_Output):
    """Plain lines, round after round: for pipes, files, and --once."""

    def __init__(self, every: float, quiet: bool, no_color: bool) -> None:
        super().__init__(every)
        self.quiet, self.no_color = quiet, no_color
        self.first = True

    def draw(self, result: Round) -> None:
        from merkle_por.report.watch_text import sentence, watch_page

        filled = page(self.no_color)
        if self.quiet:
            filled.headline(result.state.value, sentence(result))
        else:
            if not self.first:
                filled.blank()
            watch_page(result, filled, self.every)
        self.first = False
        show(filled, quiet=False, no_color=self.no_color)
        sys.stdout.flush()


class _Json(_Output):
    """One document, or one a line."""

    def __init__(self, every: float, once: bool) -> None:
        super().__init__(every)
        self.once = once

    def draw(self, result: Round) -> None:
        import json

        from merkle_por.report.watch_json import watch_document

        document = watch_document(result)
        if self.once:
            print_json(document)
            return
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()


class _Screen(_Output):
    """A table that stands still on a screen of its own, drawn anew in place: ages go on, another
    window size is seen at once. What was shown last stays behind on the user's own screen."""

    def __init__(self, every: float, no_color: bool) -> None:
        super().__init__(every)
        from rich.console import Console
        from rich.live import Live

        from merkle_por.cli.common import wants_colour

        self.no_color = no_color
        console = Console(
            highlight=False,
            markup=False,
            color_system="standard" if wants_colour(no_color) else None,
        )
        # The page asks stdout how wide it is, so stdout must stay what it is.
        self.live = Live(
            console=console,
            auto_refresh=False,
            screen=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.result: Round | None = None

    def __enter__(self) -> _Output:
        super().__enter__()
        self.live.start()
        filled = page(self.no_color)
        filled.labelled("looking", "the first figures are on their way. Ctrl-C ends it")
        self._put(filled)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.live.stop()
        if self.result is not None:
            ended = replace(self.result, next=None)
            show(self._page(ended), quiet=False, no_color=self.no_color)
        super().__exit__(kind, error, trace)

    def draw(self, result: Round) -> None:
        self.result = result
        self._put(self._page(result))

    def _page(self, result: Round) -> Any:
        from merkle_por.clock import now
        from merkle_por.report.watch_text import watch_page

        return watch_page(result, page(self.no_color), self.every, now())

    def _put(self, filled: Any) -> None:
        """Fills the screen; says so where it is too low for all of it."""
        from rich.text import Text

        from merkle_por.report.text import STYLES

        rows = _size().lines
        lines = filled.lines
        text = Text(no_wrap=True, overflow="crop")
        shown = lines if len(lines) <= rows else lines[: rows - 1]
        for number, line in enumerate(shown):
            text.append("\n" if number else "")
            for span in line:
                text.append(span.text, STYLES[span.style] or None)
        if len(shown) < len(lines):
            more = f"  and {len(lines) - len(shown)} more lines; make the window taller"
            text.append(f"\n{more}", STYLES["warn"])
        self.live.update(text, refresh=True)

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        size, drawn = _size(), time.monotonic()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, RESIZE_SECONDS))
            if size != _size() or time.monotonic() - drawn >= REDRAW_SECONDS:
                size, drawn = _size(), time.monotonic()
                if self.result is not None:
                    self.draw(self.result)


def _size() -> os.terminal_size:
    return shutil.get_terminal_size()


def _signals() -> tuple[signal.Signals, ...]:
    return (signal.SIGINT, signal.SIGTERM)
