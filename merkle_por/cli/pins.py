"""`merkle-por pins`: roots and keys kept from last time, with where they were seen."""

from __future__ import annotations

import click

from merkle_por.cli.main import EXITS
from merkle_por.errors import UsageError


@click.group(
    "pins",
    short_help="Roots and keys kept from last time.",
    epilog=f"{EXITS}  Example: merkle-por pins add bybit 2025061709 c91d5de0... --seen bybit.com",
    invoke_without_command=True,
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Roots and keys kept from last time; without a command: all of them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(show, as_json=as_json)
    elif as_json:
        raise UsageError("--json is about the list of pins", "merkle-por pins show --json")


@command.command(
    "show",
    short_help="All pins and the file they stand in.",
    epilog=f"{EXITS}  Example: merkle-por pins show",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def show(as_json: bool = False) -> None:
    """All pins and the file they stand in."""
    from dataclasses import asdict

    from merkle_por import pins
    from merkle_por.cli.common import print_json
    from merkle_por.report.text import safe

    found = pins.load()
    if as_json:
        print_json({"schema": pins.SCHEMA, "pins": [asdict(pin) for pin in found]})
        return
    count = "one pin" if len(found) == 1 else f"{len(found)} pins"
    click.echo(f"{count} in {pins.default_path()}")
    for pin in found:
        click.echo(f"  {safe(pin.exchange)} {safe(pin.snapshot)} {safe(pin.name)}, {pin.added}")
        click.echo(f"    {pin.value}\n    seen at: {safe(pin.seen, 60)}")


@command.command(
    "add",
    short_help="Keep the root of an audit.",
    epilog=f"{EXITS}  Example: merkle-por pins add bybit 2025061709 c91d5de0... --seen bybit.com",
)
@click.argument("exchange")
@click.argument("snapshot")
@click.argument("value")
@click.option("--name", default="root", show_default=True, help="root, vk_sha256, ...")
@click.option("--seen", required=True, help="Where you saw it: a page, a report, a friend.")
def add(exchange: str, snapshot: str, value: str, name: str, seen: str) -> None:
    """Keep the root of an audit (SNAPSHOT is the audit's id as your file names it)."""
    from merkle_por import pins

    pin = pins.add(exchange.lower(), snapshot, value, name=name, seen=seen)
    click.echo(f"pinned: {pin.exchange} {pin.snapshot} {pin.name} {pin.value}")


@command.command(
    "remove",
    short_help="Forget a root.",
    epilog=f"{EXITS}  Example: merkle-por pins remove bybit 2025061709",
)
@click.argument("exchange")
@click.argument("snapshot")
@click.option("--name", default="root", show_default=True)
def remove(exchange: str, snapshot: str, name: str) -> None:
    """Forget a value."""
    from merkle_por import pins

    pin = pins.remove(exchange.lower(), snapshot, name=name)
    click.echo(f"forgotten: {pin.exchange} {pin.snapshot} {pin.name} {pin.value}")
