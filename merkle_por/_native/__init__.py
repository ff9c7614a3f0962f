"""Finds the optional C kernel, and says why where it is not used.

`kernel()` is the one door: it answers the compiled module, or None where it was not built, was
switched off by MERKLE_POR_BACKEND=python, or failed a known-answer test. Callers keep a readable
Python twin with equal results and use it whenever the answer is None.

MERKLE_POR_BACKEND: `auto` (default), `python` (never native), `c` (portable C, no CPU-specific
code), `simd` (as auto, but an error where the CPU lacks it). Tests run every vector on each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType

VARIABLE = "MERKLE_POR_BACKEND"
BACKENDS = ("auto", "python", "c", "simd")

_known_answers: dict[str, Callable[[ModuleType], bool]] = {}


def backend() -> str:
    """The backend asked for by the environment, one of BACKENDS; unknown words count as auto."""
    asked = os.environ.get(VARIABLE, "auto")
    return asked if asked in BACKENDS else "auto"


@cache
def _load() -> tuple[ModuleType | None, str]:
    try:
        return import_module("merkle_por._native._kernel"), "built"
    except ImportError as error:
        return None, f"not built ({error})"


@cache
def _answers_right(part: str) -> bool:
    module, _ = _load()
    return module is not None and _known_answers[part](module)


def known_answer(part: str) -> Callable[[Callable[[ModuleType], bool]], None]:
    """Decorator: registers the test that `part` of the kernel must pass before its first use."""

    def register(test: Callable[[ModuleType], bool]) -> None:
        _known_answers[part] = test

    return register


def kernel(part: str) -> ModuleType | None:
    """The compiled module if `part` of it may be used, else None (use the Python twin)."""
    if backend() == "python":
        return None
    module, _ = _load()
    if module is None or not _answers_right(part):
        return None
    return module


def status() -> str:
    """One line for `doctor`: which backend runs and why."""
    if backend() == "python":
        return f"switched off ({VARIABLE}=python)"
    module, why = _load()
    if module is None:
        return why
    wrong = [part for part in sorted(_known_answers) if not _answers_right(part)]
    if wrong:
        return "wrong known answers, not used: " + ", ".join(wrong)
    return "built, known answers right"
