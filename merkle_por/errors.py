"""One error tree. Each error has a class name (the specs' "reason"), a sentence and hints.

The tree follows the verdict states: `Malformed` (not a file of the scheme), `Invalid` (well
formed, but a check failed), `Incomplete` (something could not be checked), and `UsageError`
(the caller asked for something impossible; never about what stands in a file). The class names
are documented in `reasons.py`; a name that is not in that table is a bug.
"""

from __future__ import annotations

from merkle_por.reasons import REASONS


class PorError(Exception):
    """Base of all errors raised by merkle_por."""


class UsageError(PorError, ValueError):
    """Wrong arguments: an unknown name, a root of the wrong length, a file that isn't there."""

    def __init__(self, text: str, *hints: str) -> None:
        super().__init__(text)
        self.text = text
        self.hints = hints


class Finding(PorError):
    """What is wrong with a file.

    reason: class name from the table in reasons.py, kebab-case.
    text: one sentence, lower case, no full stop, understandable without the code.
    hints: what the user can do, one line each.
    where: place in the file, e.g. "path[3].hash" or "line 288".
    expected, computed: for checks that compare two values.
    file: name of the file, put there by who reads several.
    """

    def __init__(
        self,
        reason: str,
        text: str,
        *hints: str,
        where: str | None = None,
        expected: str | None = None,
        computed: str | None = None,
    ) -> None:
        if reason not in REASONS:
            raise KeyError(f"undocumented reason {reason!r}: add it to merkle_por/reasons.py")
        super().__init__(reason, text)
        self.reason = reason
        self.text = text
        self.hints = hints
        self.where = where
        self.expected = expected
        self.computed = computed
        self.file: str | None = None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.text} ({self.reason})"


class Malformed(Finding):
    """Not a file of the scheme: a field's own text, type, key set, or the structure is wrong."""


class Invalid(Finding):
    """Well formed, but a check that takes two fields or a hash failed."""


class Incomplete(Finding):
    """Something that the scheme wants checked could not be checked."""
