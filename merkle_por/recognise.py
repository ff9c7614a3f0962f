"""Which scheme a file belongs to: exactly one recogniser must answer.

Recognition looks at structure only and trusts nothing. None or several answers are `malformed`,
with the nearest scheme named as a hint.
"""

from __future__ import annotations

import re

from merkle_por.documents import Document
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges import MODULES, candidates, of_module, schemes
from merkle_por.scheme import Scheme

COPY_AGAIN = "copy the whole text again from the exchange's page, don't edit it"
NAMED_MISSING = 3
"""Missing names that a hint lists; of more it says so."""
SEARCHED_BYTES = 1 << 22
"""Of a larger document only the head is searched for names: a user's proof is far smaller."""
_MEMBER = re.compile(rb'"([^"\\]{1,100})"[ \t\r\n]*+:')

_OTHER_KINDS = (
    ((b"pk\x03\x04", b"7z\xbc\xaf", b"rar!"), "it is an archive: unpack it, give the file in it"),
    ((b"\x1f\x8b",), "it is compressed: unpack it first"),
    (
        (b"<!doctype html", b"<html"),
        "it is a web page: save the proof itself (its download, or its text), not the page",
    ),
    ((b"%pdf",), "it is a PDF: get the proof as text or as the exchange's own file"),
    ((b"\x89png", b"\xff\xd8\xff"), "it is a picture: get the proof as text or as a file"),
)
_recognised: dict[str, Scheme] = {}
"""The schemes that a file was recognised as in this process."""


def by_id(name: str) -> Scheme:
    """The scheme of that id or alias. Raises UsageError."""
    for scheme in _recognised.values():  # spares the import of all the others
        if name == scheme.id or name in scheme.aliases:
            return scheme
    for module in sorted(MODULES, key=lambda module: not _named_after(module, name)):
        for scheme in of_module(module):
            if name == scheme.id or name in scheme.aliases:
                return scheme
    import difflib

    known = [scheme.id for scheme in schemes()]
    close = difflib.get_close_matches(name, known, 3)
    hint = f"did you mean: {', '.join(close)}" if close else "see: merkle-por formats"
    raise UsageError(f'"{name[:40]}" is not a format id', hint)


def _named_after(module: str, name: str) -> bool:
    """Whether a module's name begins as an id does: the first to look in, which spares imports."""
    return module.split(".")[0].split("_")[0] == name.split("-")[0]


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
        raise Malformed("empty-file", "there is nothing in the file", COPY_AGAIN)
    near = _nearest(document)
    looks = "" if near is None else f"{near[0].id} ({near[0].exchange_name}, {near[0].title})"
    if document.looks_like_json:
        try:
            _ = document.json
        except Malformed as error:  # says what is wrong with the JSON
            hints = [f"it looks like {looks}"] if looks else []
            raise Malformed(
                error.reason, error.text, *error.hints, *hints, COPY_AGAIN, where=error.where
            ) from None
    hints = [hint for scheme in schemes() if (hint := scheme.nearest(document))]
    if near is not None and not hints:
        hints = [
            f"nearest is {looks}; {_difference(near[1])}",
            f"what is wrong with it as such a file: --format {near[0].id}",
        ]
    raise Malformed(
        "unknown-format",
        "not a file of any known format",
        *hints,
        _other_kind(document) or COPY_AGAIN,
        "all known formats: merkle-por formats",
    )


def _nearest(document: Document) -> tuple[Scheme, list[str]] | None:
    """The scheme most of whose usual names stand in the document, and those that don't.

    None where no scheme has more than half of its names there, and two or more.
    """
    found = {_plain(name) for name in _names(document)}

    def rank(scheme: Scheme) -> tuple[float, int]:
        matched = sum(_plain(name) in found for name in scheme.members)
        return matched / max(len(scheme.members), 1), matched

    best = max(schemes(), key=rank)
    share, matched = rank(best)
    if share <= 0.5 or matched < 2:
        return None
    return best, [name for name in best.members if _plain(name) not in found]


def _difference(missing: list[str]) -> str:
    if not missing:
        return "its members stand elsewhere or are spelt otherwise"
    listed = ", ".join(f'"{name}"' for name in missing[:NAMED_MISSING])
    more = " and others" if missing[NAMED_MISSING:] else ""
    return f"{listed}{more} {'are' if missing[1:] else 'is'} missing"


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


def _names(document: Document) -> list[str]:
    """What stands before a colon in a JSON text, whole or broken; else the first line's cells."""
    if not document.looks_like_json:
        return document.first_line.replace('"', "").replace("\t", ",").split(",")
    data = document.head if document.size > SEARCHED_BYTES else document.data
    return [name.decode("utf-8", "replace") for name in _MEMBER.findall(data)]


def _other_kind(document: Document) -> str | None:
    """What to do with a file that is something else altogether: what people save by mistake."""
    if document.is_folder:
        return (
            "a folder must hold a published set under the exchange's own file names; "
            "or give one file of it"
        )
    head = document.head[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for starts, hint in _OTHER_KINDS:
        if head.startswith(starts):
            return hint
    return None
