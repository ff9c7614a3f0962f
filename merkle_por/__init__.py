"""merkle-por: check a crypto exchange's proof of reserves on your own machine.

    >>> import merkle_por
    >>> result = merkle_por.verify("merkle_proof_file.json", root="ac6b39d2...")  # doctest: +SKIP
    >>> result.state                                                              # doctest: +SKIP
    <State.VALID: 'valid'>

The public face: `verify`, `audit`, `reserves`, `solvency`, `build`, `formats`, and the result
types. Names are imported at first use, so `import merkle_por` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from merkle_por.version import __version__

if TYPE_CHECKING:
    from merkle_por.api import Audit as Audit
    from merkle_por.api import Verification as Verification
    from merkle_por.api import audit as audit
    from merkle_por.api import formats as formats
    from merkle_por.api import verify as verify
    from merkle_por.build.api import build as build
    from merkle_por.build.result import Built as Built
    from merkle_por.digests import Comparison as Comparison
    from merkle_por.digests import compare as compare
    from merkle_por.digests import digest as digest
    from merkle_por.errors import Incomplete as Incomplete
    from merkle_por.errors import Invalid as Invalid
    from merkle_por.errors import Malformed as Malformed
    from merkle_por.errors import PorError as PorError
    from merkle_por.errors import UsageError as UsageError
    from merkle_por.reserves.api import reserves as reserves
    from merkle_por.reserves.report import ReservesReport as ReservesReport
    from merkle_por.solvency import SolvencyReport as SolvencyReport
    from merkle_por.solvency import solvency as solvency
    from merkle_por.verdict import Check as Check
    from merkle_por.verdict import State as State
    from merkle_por.verdict import Verdict as Verdict

_HOMES = {
    "verify": "api",
    "audit": "api",
    "formats": "api",
    "Audit": "api",
    "Built": "build.result",
    "digest": "digests",
    "compare": "digests",
    "Comparison": "digests",
    "ReservesReport": "reserves.report",
    "SolvencyReport": "solvency",
    "Verification": "api",
    "Verdict": "verdict",
    "State": "verdict",
    "Check": "verdict",
    "PorError": "errors",
    "UsageError": "errors",
    "Malformed": "errors",
    "Invalid": "errors",
    "Incomplete": "errors",
}

_CALLABLE = ("build", "reserves", "solvency")
"""Modules that are called like the function of their name (see callable_module)."""

__all__ = ["__version__", *_CALLABLE, *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _CALLABLE:
        from importlib import import_module

        return import_module(f"merkle_por.{name}")
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(f"merkle_por.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'merkle_por' has no attribute {name!r}")
