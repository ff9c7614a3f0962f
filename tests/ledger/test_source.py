"""Ledgers from compressed, cut, growing and changing files; noted places of rows."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import sys
import time
import types
import zlib
from pathlib import Path
from typing import Any

import pytest
import vectorfiles
from hypothesis import given as drawn
from hypothesis import strategies as st
from ledgers import BitmexLedger

import merkle_por
from merkle_por import unpacking
from merkle_por.documents import Document, Limits
from merkle_por.errors import Incomplete, Malformed, UsageError
from merkle_por.execution import Execution, silent
from merkle_por.ledger import source
from merkle_por.verdict import State

LEDGER = BitmexLedger(64)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, so that a test sees those left behind."""
    import tempfile

    where = tmp_path / "temporary"
    where.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(where))
    return where


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_compressed_ledgers_are_recognised_and_read(
    pack: Any, tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "ledger.csv.packed"
    path.write_bytes(pack(LEDGER.text()))
    verdict = merkle_por.audit(path, root=LEDGER.root).verdict
    assert (verdict.scheme, verdict.state) == ("bitmex-liabilities", State.VALID)
    # The hash in the report is the given file's own.
    assert verdict.file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert verdict.file.bytes == path.stat().st_size
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
@pytest.mark.parametrize(
    ("folder_", "name"),
    [
        ("leaf-list", "concat_n23.txt"),
        ("maxwell", "ok_complete_11.json"),
        ("cakedefi", "n8_u0.json"),
    ],
)
def test_lists_and_whole_trees_are_read_packed_too(
    pack: Any, folder_: str, name: str, tmp_path: Path, folder: Path
) -> None:
    listed = vectorfiles.manifest("made", folder_)
    vector = next(item for item in listed if item.data.get("file") == name)
    plain, given = vector.files[0], vector.data["args"]
    path = tmp_path / "packed"
    path.write_bytes(pack(plain.read_bytes()))
    before, after = (merkle_por.audit(source, given=given).verdict for source in (plain, path))
    assert (before.scheme, before.state) == (after.scheme, after.state)
    assert after.state is State.VALID
    assert (after.root, after.published) == (before.root, before.published)
    assert after.file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert after.file.bytes == path.stat().st_size
    assert merkle_por.verify(path, scheme=before.scheme, given=given).state is State.VALID
    assert list(folder.iterdir()) == []


def test_a_packed_file_that_is_read_whole_has_a_cap() -> None:
    limits = Limits(proof_bytes=100_000)
    for text, reason in ((b" " * 200_000, "too-big"), (b" " * 50_000, "unknown-format")):
        verdict = merkle_por.audit(gzip.compress(text), limits=limits).verdict
        assert (verdict.state, verdict.reason) == (State.MALFORMED, reason)
    cut = gzip.compress(b'[{"index": 0}]')[:-3]
    assert merkle_por.audit(cut).verdict.reason == "bad-archive"


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_several_members_in_a_row_are_one_text(pack: Any, folder: Path) -> None:
    text = LEDGER.text()
    assert merkle_por.audit(pack(text[:500]) + pack(text[500:]), root=LEDGER.root).state is (
        State.VALID
    )


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_cut_or_damaged_archive_is_malformed(pack: Any, folder: Path) -> None:
    packed = pack(LEDGER.text())
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0x55
    for data in (packed[:-9], packed[: len(packed) // 2], bytes(damaged), packed + b"junk"):
        verdict = merkle_por.audit(data, scheme="bitmex-liabilities").verdict
        assert verdict.state is State.MALFORMED, verdict.sentence
        assert verdict.reason == "bad-archive"
    assert list(folder.iterdir()) == []


def test_a_bomb_is_cut_off(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(unpacking, "LEAST_CAP", 1 << 16)
    bomb = gzip.compress(b"block_height:1\n" + bytes(40 << 20))
    verdict = merkle_por.audit(bomb, scheme="bitmex-liabilities").verdict
    assert (verdict.state, verdict.reason) == (State.MALFORMED, "too-big")
    assert list(folder.iterdir()) == []


def test_an_xz_file_may_not_ask_for_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "XZ_MEMORY", 1 << 20)
    verdict = merkle_por.audit(lzma.compress(LEDGER.text()), scheme="bitmex-liabilities").verdict
    assert verdict.state is State.MALFORMED


ZSTD_HEAD = b"\x28\xb5\x2f\xfd" + bytes(40)


def test_zstd_without_its_library_is_said_not_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    verdict = merkle_por.audit(ZSTD_HEAD, scheme="bitmex-liabilities").verdict
    assert (verdict.state, verdict.checks[0].id) == (State.INCOMPLETE, "missing-part")
    with pytest.raises(UsageError, match="zstd"):
        merkle_por.audit(ZSTD_HEAD)


def test_zstd_with_a_library_is_read(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The library's place is taken by one that unpacks gzip: ours is the way there and back."""
    library = types.ModuleType("zstandard")

    class ZstdDecompressor:
        def __init__(self, max_window_size: int) -> None:
            assert max_window_size == 1 << 27

        def decompressobj(self) -> Any:
            return zlib.decompressobj(31)

    library.ZstdDecompressor = ZstdDecompressor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "zstandard", library)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setattr(unpacking, "compression", lambda head: "zstd")
    monkeypatch.setattr(source, "compression", lambda head: "zstd")
    text = LEDGER.text()
    whole = gzip.compress(text[:300]) + gzip.compress(text[300:])
    assert merkle_por.audit(whole, root=LEDGER.root).state is State.VALID
    for data in (whole[:-9], whole[:-200], whole + b"junk"):
        verdict = merkle_por.audit(data, scheme="bitmex-liabilities").verdict
        assert (verdict.state, verdict.reason) == (State.MALFORMED, "bad-archive")


def test_real_zstd() -> None:
    """The library's own stream ends a cut file without a word."""
    zstandard = pytest.importorskip("zstandard")
    pack, text = zstandard.ZstdCompressor().compress, LEDGER.text()
    whole = pack(text[:300]) + pack(text[300:])
    assert merkle_por.audit(whole, root=LEDGER.root).state is State.VALID
    for data in (whole[:-9], whole[:-200], whole + b"junk"):
        verdict = merkle_por.audit(data, scheme="bitmex-liabilities").verdict
        assert (verdict.state, verdict.reason) == (State.MALFORMED, "bad-archive")


def test_no_room_to_unpack_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    class Full:
        def __init__(self, handle: int, mode: str) -> None:
            os.close(handle)

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *error: object) -> None: ...

        def write(self, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(source.os, "fdopen", Full)
    with pytest.raises(UsageError, match="no room"):
        merkle_por.audit(gzip.compress(LEDGER.text()), scheme="bitmex-liabilities")
    assert list(folder.iterdir()) == []


def test_a_cut_standard_input_is_refused() -> None:
    document = Document("(standard input)", content=LEDGER.text(), limits=Limits(proof_bytes=100))
    verdict = merkle_por.audit(document).verdict
    assert (verdict.state, verdict.reason) == (State.MALFORMED, "too-big")


# ---- files that change ----


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 40)


def edit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    other.rename(path)


def remove(path: Path) -> None:
    path.unlink()


def edit_secretly(path: Path) -> None:
    """An edit that leaves size and times as they were: only the pieces' hashes show it."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-10, 2)
        byte = file.read(1)
        file.seek(-10, 2)
        file.write(b"1" if byte != b"1" else b"2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = [append, cut, edit, replace, remove]


@pytest.mark.parametrize(
    ("change", "when"),
    # A secret edit after the reading changes nothing that was judged.
    [(c, w) for c in CHANGES for w in ("reading", "hashing")] + [(edit_secretly, "reading")],
)
def test_a_file_that_changes_while_it_is_read_is_noticed(
    change: Any, when: str, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.csv"
    path.write_bytes(LEDGER.text())
    done = []

    def progress(what: str, count: int, total: int | None, unit: str) -> None:
        if what == when and not done:
            done.append(change(path))

    verdict = merkle_por.audit(
        path, given={"root": LEDGER.root}, execution=Execution(None, progress)
    ).verdict
    assert done
    assert verdict.state is State.INCOMPLETE, verdict.sentence
    assert verdict.checks[-1].id in ("file-changed", "missing-file")


def test_a_growing_file_is_noticed_after_the_last_row(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_bytes(LEDGER.text())
    verdict = merkle_por.audit(path, execution=Execution(None, _grow(path))).verdict
    assert verdict.checks[-1].id == "file-changed"


def _grow(path: Path) -> Any:
    def progress(what: str, done: int, total: int | None, unit: str) -> None:
        append(path)

    return progress


# ---- where rows stand ----


@drawn(
    st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), min_size=1, max_size=60),
    st.booleans(),
    st.integers(1, 5),
    st.data(),
)
def test_any_rows_are_found(
    rows: list[bytes], ended: bool, stride: int, data: st.DataObject
) -> None:
    lead = data.draw(st.integers(0, stride - 1))
    if not ended and not rows[-1]:
        ended = True
    text = b"head\n" + b"\n".join(rows) + (b"\n" if ended else b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "STRIDE", stride)
        patch.setattr(source, "BLOCK", data.draw(st.integers(6, 50)))
        document = Document.of(text)
        with source.opened(document, document.limits, shared=True) as ledger:
            lines = source.find_lines(ledger, b"head\n", longest=40, lead=lead, progress=silent)
            assert lines.rows == len(rows)
            first = data.draw(st.integers(0, len(rows) - 1))
            count = data.draw(st.integers(1, len(rows) - first))
            span = lines.span(first, count)
            found = bytes(span.read(ledger.place)).split(b"\n")
            assert found[:count] == rows[first : first + count]
            assert document.sha256 == hashlib.sha256(text).hexdigest()


def test_a_piece_that_differs_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_bytes(LEDGER.text())
    document = Document.of(path)
    with source.opened(document, document.limits, shared=True) as ledger:
        lines = source.find_lines(
            ledger, b"block_height:848470\n", longest=90, lead=1, progress=silent
        )
        assert ledger.place.identity is None
        edit(path)
        with pytest.raises(Incomplete, match="file-changed"):
            lines.span(0, lines.rows).read(ledger.place)


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    document = Document.of(tmp_path)
    with (
        pytest.raises(Malformed, match="folder"),
        source.opened(document, document.limits, shared=False),
    ):
        pass


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_empty_members_without_end_are_refused_at_once(pack: Any, folder: Path) -> None:
    for data in (pack(b"") * 200_000, pack(LEDGER.text()[:500]) + pack(b"") * 200_000):
        start = time.monotonic()
        assert merkle_por.verify(data).state is State.MALFORMED
        verdict = merkle_por.audit(data, scheme="bitmex-liabilities").verdict
        assert (verdict.state, verdict.reason) == (State.MALFORMED, "bad-archive")
        assert time.monotonic() - start < 5
    assert list(folder.iterdir()) == []


def test_a_packed_name_or_padding_without_end_costs_nothing(folder: Path) -> None:
    named = b"\x1f\x8b\x08\x08\0\0\0\0\0\3" + b"a" * 30_000_000
    padded = gzip.compress(LEDGER.text()) + bytes(30_000_000)
    start = time.monotonic()
    assert merkle_por.verify(named).state is State.MALFORMED
    assert merkle_por.audit(padded, root=LEDGER.root).state is State.VALID
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_many_full_members_are_one_text(pack: Any, folder: Path) -> None:
    """As bgzip writes them."""
    text = LEDGER.text()
    members = [pack(text[at : at + 100]) for at in range(0, len(text), 100)]
    assert merkle_por.audit(b"".join(members), root=LEDGER.root).state is State.VALID


def test_what_is_in_memory_is_unpacked_there_where_nothing_may_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    data = gzip.compress(LEDGER.text())
    verdict = merkle_por.audit(data, root=LEDGER.root).verdict
    assert verdict.state is State.VALID
    assert verdict.file.sha256 == hashlib.sha256(data).hexdigest()
    path = tmp_path / "ledger.csv.gz"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="no place to unpack"):
        merkle_por.audit(path, root=LEDGER.root)
