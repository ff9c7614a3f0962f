"""What a worker does with one upload: judge it, and make the answer's text.

The page is made here too, so that the server itself never touches what stands in a file. Facts of
the form are texts or uploaded files; a text is never taken for a path (`_facts`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from merkle_por.documents import LIMITS, Document
from merkle_por.errors import UsageError
from merkle_por.web.forms import Form, Upload

if TYPE_CHECKING:
    from merkle_por.pins import Pin

PASTED = "pasted text"
FACT_ROWS = 4  # rows for other facts in the form
DEMO = "demo"


@dataclass(frozen=True)
class Job:
    """One upload to judge. page: make HTML too. path, redact: options of the JSON document.

    demo: a bundled example instead of files (see DEMOS).
    """

    files: tuple[Upload, ...] = ()
    attestation: Upload | None = None
    texts: dict[str, str] = field(default_factory=dict)
    fact_files: dict[str, list[Upload]] = field(default_factory=dict)
    scheme: str | None = None
    root: str = ""
    expect: str = ""
    pins: tuple[Pin, ...] = ()
    page: bool = True
    path: bool = False
    redact: bool = False
    demo: str = ""


@dataclass(frozen=True)
class Answer:
    """What came of it. state: of the verdict, "usage" for wrong facts. headline: the first line.
    html: the result part of the page. document: JSON bytes. wrong: the form's field that was
    wrong, "" for none; text, hints: why."""

    state: str
    headline: str = ""
    html: str = ""
    document: bytes = b""
    wrong: str = ""
    text: str = ""
    hints: tuple[str, ...] = ()


def job_of(form: Form, *, page: bool, path: bool = False, redact: bool = False) -> Job:
    """The job that a form asks for. Raises UsageError for what can't be meant."""
    files = tuple(form.files.get("files", ()))
    pasted = form.text("text")
    if pasted:
        files += (Upload(PASTED, pasted.encode("utf-8", "replace")),)
    if not files:
        raise UsageError("no file was given", "choose the file(s) that your exchange gave you")
    texts: dict[str, str] = {}
    fact_files: dict[str, list[Upload]] = {}
    for number in range(1, FACT_ROWS + 1):
        name, value = form.text(f"fact_name_{number}"), form.text(f"fact_value_{number}")
        uploads = form.files.get(f"fact_file_{number}", [])
        if not name:
            if value or uploads:
                raise UsageError("facts: name each one")
            continue
        if name in texts or (value and name in fact_files):
            raise UsageError(f"facts: {name[:40]}: give one text or files, once")
        if value and uploads:
            raise UsageError(f"facts: {name[:40]}: give a text or a file, not both")
        if not value and not uploads:
            raise UsageError(f"facts: {name[:40]} is empty")
        if value:
            texts[name] = value
        else:
            fact_files.setdefault(name, []).extend(uploads)
    attestations = form.files.get("attestation", [])
    return Job(
        files=files,
        attestation=attestations[0] if attestations else None,
        texts=texts,
        fact_files=fact_files,
        scheme=form.text("format") or None,
        root=form.text("root"),
        expect=form.text("expect"),
        page=page,
        path=path,
        redact=redact,
    )


def warm_up() -> None:
    """Imports what every verification needs, before the first one waits for it."""
    from merkle_por import api
    from merkle_por.exchanges import schemes
    from merkle_por.report import sentences, verify_text
    from merkle_por.web import view

    schemes()
    view.environment()
    _ = api, sentences, verify_text


def answer(job: Job) -> Answer:
    """Judges the files of a job; never raises for what stands in them."""
    import orjson

    from merkle_por.web import view

    try:
        result = _demo(job.demo) if job.demo else _judge(job)
    except UsageError as error:
        return Answer("usage", wrong=field_of(error.text), text=error.text, hints=error.hints)
    document = result.to_json(path=job.path, redact=job.redact)
    data = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    html = ""
    if job.page:
        redacted = orjson.dumps(result.to_json(redact=True), option=orjson.OPT_INDENT_2)
        full = orjson.dumps(result.to_json(path=True), option=orjson.OPT_INDENT_2)
        html = view.result_part(result, full, redacted)
    headline = f"{result.state.value.upper()} {view.shown(result.sentence)}"
    return Answer(result.state.value, headline, html, data)


def _judge(job: Job) -> Any:
    from merkle_por.api import verify

    documents = [_document(upload) for upload in job.files]
    given = _facts(job)
    if job.expect:
        given["expect"] = _amounts(job.expect)
    if job.root:
        given["root"] = job.root
    return verify(
        *documents,
        scheme=job.scheme,
        given=given,
        attestation=None if job.attestation is None else _document(job.attestation),
        # On a page there is no option --root: there the root was typed or pasted.
        sources_of_given={"root": "prompt"} if job.page else None,
        pins=job.pins,
    )


def _document(upload: Upload) -> Document:
    return Document(upload.name, content=upload.content, limits=LIMITS)


def _facts(job: Job) -> dict[str, Any]:
    """Facts by name as the schemes read them. Raises UsageError for a text where a file belongs."""
    from merkle_por.documents import parse_json
    from merkle_por.errors import Malformed

    files = file_facts()
    given: dict[str, Any] = {}
    for name, text in job.texts.items():
        if name in files:
            raise UsageError(f"facts: {name[:40]} is a file: choose it")
        given[name] = text
        if text[0] in '{["':
            try:
                given[name] = parse_json(text.encode())
            except Malformed as error:
                raise UsageError(f"facts: {name[:40]}: {error.text}") from None
    for name, uploads in job.fact_files.items():
        if name in files:
            documents = [_document(upload) for upload in uploads]
            given[name] = documents[0] if len(documents) == 1 else documents
            continue
        if len(uploads) > 1:
            raise UsageError(f"facts: {name[:40]} is one text, not several files")
        try:  # a secret or a long text that the user keeps in a file
            given[name] = uploads[0].content.decode("utf-8").strip("\r\n")
        except UnicodeDecodeError:
            raise UsageError(f"facts: {name[:40]}: not a text file") from None
    return given


def file_facts() -> frozenset[str]:
    """Names of facts that some scheme reads as a file."""
    from merkle_por.exchanges import schemes
    from merkle_por.scheme import read_as_file

    facts = (item for scheme in schemes() for item in scheme.facts.items())
    return frozenset(name for name, fact in facts if read_as_file(name, fact))


def _amounts(text: str) -> dict[str, str]:
    """ "BTC=1.5" pairs, apart by blanks, commas followed by a blank, or lines."""
    result: dict[str, str] = {}
    for pair in text.replace(", ", " ").split():
        asset, equals, value = pair.rstrip(",").partition("=")
        if not equals or not asset or asset in result:
            raise UsageError("expect: write ASSET=AMOUNT, each asset once, like BTC=1.5")
        result[asset] = value
    return result


def field_of(text: str) -> str:
    """The form's field that an error about what the user gave names; "" for none."""
    for name in ("root", "expect", "facts"):
        if text.startswith((f"{name}:", f"{name} ")):
            return name
    return "files" if text.startswith("no file") else ""


def _demo(name: str) -> Any:
    from merkle_por.demo import customer, two_customers, without_root

    runs = {"customer": customer, "without-root": without_root, "two-customers": two_customers}
    if name not in runs:
        raise UsageError("there is no such example")
    return runs[name]().result
