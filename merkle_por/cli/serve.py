"""`merkle-por serve`: the same verdicts on a page of this computer's own."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import click

from merkle_por.cli.main import EXITS, say_error
from merkle_por.errors import UsageError

PORT = 8734
MEGABYTE = 1024 * 1024


@click.command(
    "serve",
    short_help="A page on this computer: drop files, look at exchanges.",
    epilog=f"{EXITS}  Example: merkle-por serve --open",
)
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--name", multiple=True, metavar="HOST", help="Another host name to answer to.")
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@click.option(
    "--history", type=click.Path(path_type=Path), metavar="FILE", help="The file of watch."
)
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that judge files.")
@click.option("--max-mb", type=click.IntRange(1, 4096), default=64, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 86400), default=180, show_default=True)
def command(
    port: int,
    host: str,
    name: tuple[str, ...],
    open_: bool,
    history: Path | None,
    workers: int | None,
    max_mb: int,
    seconds: int,
) -> None:
    """Verify files and look at exchanges in a browser. Nothing leaves this computer.

    --max-mb: of one upload; --seconds: of one verification. Files are judged in memory and not
    kept. Stop it with Ctrl-C.
    """
    try:
        import jinja2
        import python_multipart
        import starlette
        import uvicorn

        _ = jinja2, python_multipart, starlette
    except ImportError:
        raise UsageError("the web app is not installed", "pip install 'merkle-por[web]'") from None
    from dataclasses import replace

    from merkle_por.web.app import create_app
    from merkle_por.web.settings import LOOPBACK, Settings

    settings = Settings(
        host=host,
        names=name,
        upload_bytes=max_mb * MEGABYTE,
        memory_bytes=max(256, 2 * max_mb) * MEGABYTE,
        seconds=seconds,
        history=history,
    )
    if workers is not None:
        settings = replace(settings, workers=workers)
    listener = _listen(host, port)
    settings = replace(settings, port=listener.getsockname()[1])
    if host not in LOOPBACK:
        say_error(
            "other computers can reach this page, and whoever asks it: there is no login",
            "leave out --host to keep it on this computer",
        )
    click.echo(f"merkle-por is at {settings.address}   (Ctrl-C ends it)", err=True)
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
    )
    if open_:
        import webbrowser

        webbrowser.open(settings.address)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
    sys.exit(0)


def _listen(host: str, port: int) -> Any:
    """A bound socket. Raises UsageError where the port is taken or the address isn't ours."""
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)  # whoever asks from now on waits for an answer
    except OSError as error:
        listener.close()
        raise UsageError(
            f"can't listen on {host}, port {port}: {(error.strerror or 'refused').lower()}",
            "another port: --port 0 takes any that is free",
        ) from None
    listener.set_inheritable(False)
    return listener
