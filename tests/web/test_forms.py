"""The form reader: what it takes, what it refuses, and that nothing else ever leaves it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.web.forms import FIELD_BYTES, Form, FormError, Upload, read_form

KIND = "multipart/form-data; boundary=xyz"


def read(body: bytes, *, kind: str = KIND, step: int = 7, files: int = 3) -> Form:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    return asyncio.run(read_form(kind, chunks(), files=files))


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    head = f"--xyz\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    return head + content + b"\r\n"


END = b"--xyz--\r\n"


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.binary(max_size=60)), max_size=3),
       st.integers(1, 50))  # fmt: skip
def test_files_come_back_whole(files: list[tuple[str, bytes]], step: int) -> None:
    files = [(name, content) for name, content in files if b"--xyz" not in content]
    body = b"".join(part(name, content, "f.json") for name, content in files) + END
    form = read(body, step=step)
    for name in ("a", "b"):
        expected = [Upload("f.json", content) for found, content in files if found == name]
        assert form.files.get(name, []) == expected


def test_fields_and_empty_file_inputs() -> None:
    form = read(part("root", b" abc ") + part("files", b"", "") + END)
    assert form.text("root") == "abc"
    assert form.files == {}


@pytest.mark.parametrize(
    ("filename", "name"),
    [("C:\\\\Users\\\\me\\\\proof.json", "proof.json"), ("../../etc/passwd", "passwd"),
     ("a" * 500, "a" * 200)],
)  # fmt: skip
def test_only_the_last_part_of_a_name_is_kept(filename: str, name: str) -> None:
    assert read(part("files", b"x", filename) + END).files["files"][0].name == name


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (part("a", b"x", "f") * 4 + END, 413),
        (part("a", bytes(FIELD_BYTES + 1)) + END, 413),
        (b"".join(part(f"f{i}", b"") for i in range(70)) + END, 400),
        (part("a", b"x"), 400),
        (b"", 400),
        (b"--xyz\r\nContent-Disposition: attachment\r\n\r\nx\r\n" + END, 400),
        (b"--xyz\r\n" + b"A" * 20_000 + b": x\r\n\r\nx\r\n" + END, 400),
        (b"nonsense", 400),
    ],
)
def test_refused(body: bytes, status: int) -> None:
    with pytest.raises(FormError) as refused:
        read(body, step=65_536)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 300]
)
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(FormError):
        read(END, kind=kind)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_nothing_else_is_raised(noise: bytes, step: int) -> None:
    good = part("root", b"abc") + part("files", b"{}", "f.json") + END
    for body in (noise, b"--xyz\r\n" + noise, good[:40] + noise + good[40:]):
        with contextlib.suppress(FormError):
            read(body, step=step)
