"""Writing a report or a bundle to where the user said: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from merkle_por.errors import UsageError
from merkle_por.evidence import Ran, evidence_document, shown_result


def save_html(ran: Ran, result: Any, path: str | Path, *, with_balances: bool = False) -> Path:
    """Writes the HTML report of a result (not redacted). Raises UsageError."""
    from merkle_por.report.html import html_report

    document = evidence_document(ran, result, with_balances=with_balances)
    page = html_report(document, shown_result(result, with_balances))
    return write(path, page.encode(), private=with_balances)


def save_bundle(
    ran: Ran,
    result: Any,
    path: str | Path,
    *,
    with_balances: bool = False,
    include_file: bool = False,
) -> Path:
    """Writes the evidence bundle of a result (not redacted). Raises UsageError."""
    from merkle_por.bundle import bundle_bytes, manifest_bytes
    from merkle_por.report.html import html_report

    document = evidence_document(ran, result, with_balances=with_balances)
    page = html_report(document, shown_result(result, with_balances))
    included = ran.inputs if include_file else ()
    data = bundle_bytes(manifest_bytes(document), page, included)
    return write(path, data, private=with_balances or include_file)


def write(path: str | Path, data: bytes, *, private: bool = False) -> Path:
    """Writes beside and moves into place. private: for the user's own eyes, nobody else on this
    machine may read it. Raises UsageError where that can't be done."""
    target = Path(path)
    try:
        if target.is_dir():
            raise UsageError(f"{target}: a folder stands there")
        if target.exists() and not target.is_file():
            # A pipe or a device (/dev/stdout, /dev/null) is written into, never replaced.
            with target.open("wb") as stream:
                stream.write(data)
            return target
        place = Path(os.path.realpath(target))  # a link stays a link
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=".merkle-por-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            if not private:
                os.chmod(temporary, 0o644 & ~_umask())
            os.replace(temporary, place)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UsageError(f"{target}: {(error.strerror or 'cannot be written').lower()}") from None
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
