"""What of merkle-por works on this machine: every part, and how to get the missing ones."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

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


def parts() -> list[Part]:
    """Every part, in the order it is shown."""
    from merkle_por import _native

    for name in WITH_KERNELS:  # each registers its known answers
        import_module(f"merkle_por.{name}")
    native = _native.status()
    built = native.startswith("built,")
    found = [
        Part(
            "compiled kernel",
            built,
            native,
            None
            if built
            else "with a C compiler: pip install --no-cache-dir --force-reinstall merkle-por",
        )
    ]
    for module, name, use, hint, optional in _LIBRARIES:
        try:
            import_module(module)
        except Exception as error:  # a broken library must not break the doctor
            absent = isinstance(error, ModuleNotFoundError)
            why = "not installed" if absent else f"does not load ({type(error).__name__})"
            found.append(Part(name, False, f"{why}; for {use}", hint, optional))
        else:
            found.append(Part(name, True, use, None, optional))
    return found


def ready(found: list[Part]) -> str:
    """One line: version, Python, system, formats."""
    from merkle_por.exchanges import schemes

    return (
        f"merkle-por {__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}: ready for {len(schemes())} formats"
    )


def lines(found: list[Part], page: Page) -> None:
    page.add(Span(ready(found)))
    for part in found:
        status = "pass" if part.present else "not-checked" if part.optional else "fail"
        hint = f"; hint: {part.hint}" if part.hint else ""
        page.listed(status, f"{part.name}: {part.text}{hint}")
