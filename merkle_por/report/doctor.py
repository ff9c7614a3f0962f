"""What of merkle-por works on this machine: every part, and how to get the missing ones."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

from merkle_por.errors import UsageError
from merkle_por.report.text import Page, Span
from merkle_por.version import __version__


@dataclass(frozen=True)
class Part:
    """One part: what it is for, whether it is there, and a hint where it is not."""

    EXIT_MISSING: ClassVar[int] = 5  # incomplete: something can't be checked here

    name: str
    present: bool
    text: str
    hint: str | None = None
    optional: bool = True


WITH_KERNELS = (
    "hashes.sha256",
    "hashes.keccak",
    "hashes.poseidon_bn254",
    "hashes.poseidon_goldilocks",
    "ledger.packed",
    "ledger.text_levels",
    "reserves.ownership.ed25519",
)
_ENGINES = {"sha": "SHA extensions", "avx2": "AVX2", "portable": "portable C"}
_LIBRARIES = (
    ("requests", "requests", "balances and prices over the network", "pip install requests", False),
    ("rich", "rich", "marks and colours on a terminal", "pip install rich", False),
    ("Crypto", "pycryptodome", "Keccak, Ed25519", "pip install pycryptodome", False),
    (
        "coincurve",
        "coincurve",
        "fast signatures of wallets",
        "pip install 'merkle-por[fast]'",
        True,
    ),
    ("gmpy2", "gmpy2", "fast big numbers for zk proofs", "pip install 'merkle-por[fast]'", True),
    ("mclbn256", "mclbn256", "fast pairings for zk proofs", "pip install 'merkle-por[fast]'", True),
    ("distributed", "Dask", "audits on many machines", "pip install 'merkle-por[dask]'", True),
)
WEB = ("starlette", "uvicorn", "jinja2", "python_multipart")
"""What the extra [web] brings; the pages need all of it."""


def parts() -> list[Part]:
    """Every part, in the order it is shown."""
    from merkle_por import _native

    for name in WITH_KERNELS:  # each registers its known answers
        import_module(f"merkle_por.{name}")
    native = _native.status()
    built = native.startswith("built,")
    found = [Part("compiled kernel", built, *_kernel(native, built))]
    found += [
        _part((module,), name, use, hint, optional)
        for module, name, use, hint, optional in _LIBRARIES
    ]
    web = "pip install 'merkle-por[web]'"
    found.append(_part(WEB, "web app", "merkle-por serve, in a browser", web))
    zstd = "pip install 'merkle-por[zstd]'"
    module = "compression.zstd" if sys.version_info >= (3, 14) else "zstandard"
    found.append(_part((module,), "zstd", "ledgers compressed as .zst", zstd))
    return found


def _kernel(native: str, built: bool) -> tuple[str, str | None]:
    """Which of the kernel's ways serves here, and what to do where none does."""
    from merkle_por import _native
    from merkle_por.hashes.sha256 import kernel_engine

    if _native.backend() == "python":
        return native, f"unset {_native.VARIABLE}"
    if not built:
        # Without the option pip would take the wheel that it made without a compiler again.
        return f"{native}; needs a C compiler", "pip install --no-cache-dir --force-reinstall ."
    try:
        return f"{_ENGINES[kernel_engine()]}, known answers right", None
    except UsageError as error:
        return error.text, f"unset {_native.VARIABLE}"


def _part(modules: tuple[str, ...], name: str, use: str, hint: str, optional: bool = True) -> Part:
    """A part that is there if all its modules load."""
    try:
        for module in modules:
            import_module(module)
    except Exception as error:  # a broken library must not break the doctor
        absent = isinstance(error, ModuleNotFoundError)
        why = "not installed" if absent else f"does not load ({type(error).__name__})"
        return Part(name, False, f"{why}; for {use}", hint, optional)
    return Part(name, True, use, None, optional)


def ready(found: list[Part]) -> str:
    """One line: version, Python, system, formats."""
    from merkle_por.exchanges import schemes

    return (
        f"merkle-por {__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}: ready for {len(schemes())} formats"
    )


def lines(found: list[Part], page: Page) -> None:
    for line in page.wrapped(ready(found), page.width):
        page.add(Span(line))
    for part in found:
        status = "pass" if part.present else "not-checked" if part.optional else "fail"
        page.listed(status, f"{part.name}: {part.text}")
        if part.hint:
            # In one line, so that it can be pasted.
            text = f"hint: {part.hint}"
            indent = min(page.mark_columns + 2, max(2, page.width - len(text)))
            page.add(Span(" " * indent + text))
