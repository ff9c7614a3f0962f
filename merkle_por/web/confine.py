"""Takes from a worker what judging a file never needs: writing, foreign files, network, programs.

A second line behind the rules themselves (a text from a form is never a path). Python's audit
hooks see every open, socket and process that Python code starts; a hook can't be removed. Reading
below the installed packages stays allowed, because schemes are imported at first use. Memory is
bounded by the operating system where it can be.
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
    "os.fork",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.chown",
    "os.truncate",
    "os.startfile",
    "shutil.",
    "sqlite3.",
    "tempfile.",
    "urllib.",
    "ftplib.",
    "http.client.",
    "smtplib.",
    "webbrowser.",
    "os.listdir",
    "os.scandir",
)
_LISTING = ("os.listdir", "os.scandir")


def _readable_roots() -> tuple[str, ...]:
    """Folders of the interpreter, its packages and ours."""
    package = Path(__file__).resolve().parent.parent
    found = {str(package), *(str(Path(path).resolve()) for path in _installed())}
    return tuple(sorted(f"{folder.rstrip(os.sep)}{os.sep}" for folder in found))


def _installed() -> list[str]:
    schemes = sysconfig.get_paths()
    return [schemes[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]


def confine(memory_bytes: int) -> None:
    """From now on this process can only compute. memory_bytes: address space it may have."""
    _bound_memory(memory_bytes)
    roots = _readable_roots()

    def inside(path: object) -> bool:
        if isinstance(path, int):
            return True  # opened already
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        return os.path.realpath(os.fsdecode(path)).startswith(roots)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            writing = bool(flags & _WRITING) if isinstance(flags, int) else False
            if writing or not inside(path):
                raise PermissionError("this process may not open files")
        elif event.startswith(_FORBIDDEN) and not (
            event in _LISTING and arguments and inside(f"{arguments[0]}{os.sep}")
        ):
            raise PermissionError(f"this process may not do {event}")

    # Compiled copies of modules must not be tried to be written.
    sys.dont_write_bytecode = True
    sys.addaudithook(hook)


def _bound_memory(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # not a Unix
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    # Some systems know the limit but don't let it be set.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
