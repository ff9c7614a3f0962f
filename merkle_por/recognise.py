"""Which scheme a file belongs to: exactly one recogniser must answer.

Recognition looks at structure only and trusts nothing. None or several answers are `malformed`,
with the nearest scheme named as a hint.
"""

from __future__ import annotations

from merkle_por.documents import Document
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges import candidates, schemes
from merkle_por.scheme import Scheme

_recognised: dict[str, Scheme] = {}
"""The schemes that a file was recognised as in this process."""


def by_id(name: str) -> Scheme:
    """The scheme of that id or alias. Raises UsageError."""
    for scheme in _recognised.values():  # spares the import of all the others
        if name == scheme.id or name in scheme.aliases:
            return scheme
    for scheme in schemes():
        if name == scheme.id or name in scheme.aliases:
            return scheme
    import difflib

    known = [scheme.id for scheme in schemes()]
    close = difflib.get_close_matches(name, known, 3)
    hint = f"did you mean: {', '.join(close)}" if close else "see: merkle-por formats"
    raise UsageError(f'"{name[:40]}" is not a format id', hint)


def recognise(document: Document) -> Scheme:
    """The one scheme whose recogniser answers. Raises Malformed."""
    answers = [scheme for scheme in candidates(document) if scheme.recognises(document)]
    if len(answers) == 1:
        _recognised[answers[0].id] = answers[0]
        return answers[0]
    if answers:
        names = ", ".join(scheme.id for scheme in answers)
        raise Malformed(
            "ambiguous-format",
            f"this could be a file of several formats: {names}",
            "name one: --format ID",
        )
    if not document.size and not document.is_folder:
        raise Malformed("empty-file", "there is nothing in the file")
    if document.looks_like_json:
        _ = document.json  # says what is wrong with the JSON, if anything is
    if document.head.startswith(b"PK\x03\x04"):
        raise Malformed(
            "unknown-format", "this is a zip archive", "unpack it, and name what is in it"
        )
    hints = [hint for scheme in schemes() if (hint := scheme.nearest(document))]
    raise Malformed(
        "unknown-format",
        "not a file of any known format",
        *hints,
        "copy the whole text again from the exchange's page, don't edit it",
        "all known formats: merkle-por formats",
    )
