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
    return write(path, page.encode())


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
    return write(path, bundle_bytes(manifest_bytes(document), page, included))


def write(path: str | Path, data: bytes) -> Path:
    """Writes beside and moves into place. Raises UsageError where that can't be done."""
    target = Path(path)
    if target.is_dir():
        raise UsageError(f"{target}: a folder stands there")
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".merkle-por-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            os.chmod(temporary, 0o644 & ~_umask())
            os.replace(temporary, target)
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
