"""What stands under the final name is complete or the former build; secrets are private."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import books
import pytest

from merkle_por.build import output as output_module
from merkle_por.build.api import BUILDERS, build
from merkle_por.build.output import Output
from merkle_por.errors import Invalid, Malformed, UsageError

OPTIONS: dict[str, dict[str, Any]] = {
    "bitmex-liabilities": {"height": 7},
    "silversixpence": {"audit_id": "PR1"},
}
ROWS = books.rows_of("1,BTC,1.5;2,BTC,0.25;3,BTC,7")
SCHEMES = sorted(BUILDERS)


def run(scheme: str, out: Path, rows: bytes = ROWS, **more: Any) -> Any:
    return build(rows, scheme, out, options=OPTIONS.get(scheme), **more)


def names(folder: Path) -> list[str]:
    """All that stands in a folder, hidden ones too."""
    return sorted(os.listdir(folder))


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_private_files_are_for_the_owner_only(scheme: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mask = os.umask(0)
    try:
        run(scheme, out)
    finally:
        os.umask(mask)
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (out / "private").rglob("*")}
    assert stat.S_IMODE((out / "private").stat().st_mode) == 0o700
    assert {mode for p, mode in modes.items() if p.is_dir()} == {0o700}
    assert {mode for p, mode in modes.items() if p.is_file()} == {0o600}
    assert len(list(books.users(out))) == 3
    assert all(path.is_file() for _, path in books.users(out))
    public = list((out / "published").iterdir())
    assert {stat.S_IMODE(p.stat().st_mode) for p in public} == {0o644}
    assert sorted(f"published/{p.name}" for p in public) == sorted(
        file["name"] for file in books.summary(out)["published"]
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_secret_is_published(scheme: str, tmp_path: Path) -> None:
    """No nonce, salt, id or record of a user's file stands in a public one."""
    out = tmp_path / "out"
    run(scheme, out)
    public = b"".join(p.read_bytes() for p in (out / "published").iterdir())
    public += (out / "build.json").read_bytes()
    for _, path in books.users(out):
        record = path.with_suffix(".record.json") if path.suffix == ".csv" else path
        value = json.loads(record.read_text())
        own = value.get("self", value)
        secrets = [own.get("nonce"), own.get("salt"), value.get("snapshot_nonce")]
        secrets += [value.get("given", {}).get("account_nonce"), value.get("id")]
        found = [s for s in secrets if s]
        assert found
        assert all(re.fullmatch("[0-9a-f]{32,64}", s) and s.encode() not in public for s in found)


def test_an_earlier_build_is_replaced_only_by_force(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("okx-merkle-v1", out)
    before = files(out)
    with pytest.raises(UsageError, match="earlier build"):
        run("okx-merkle-v1", out)
    assert files(out) == before
    run("tnf-ledger", out, force=True)
    assert books.summary(out)["scheme"] == "tnf-ledger"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("force", [True, False])
def test_other_files_are_never_replaced(tmp_path: Path, force: bool) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("ten years")
    file = tmp_path / "file"
    file.write_text("x")
    (tmp_path / "link").symlink_to(home)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for out in (home, file, tmp_path / "link", tmp_path / "dangling", tmp_path / "no" / "out"):
        with pytest.raises(UsageError):
            run("okx-merkle-v1", out, force=force)
    assert (home / "thesis.txt").read_text() == "ten years"
    assert names(tmp_path) == ["dangling", "file", "home", "link"]


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    run("okx-merkle-v1", tmp_path)
    assert names(tmp_path) == ["build.json", "private", "published"]


@pytest.mark.parametrize("rows", [b"", books.rows_of("1,BTC,-1"), books.rows_of("1,BTC,1;1,BTC,1")])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_refused_rows_leave_nothing(scheme: str, rows: bytes, tmp_path: Path) -> None:
    with pytest.raises((Malformed, Invalid)):
        run(scheme, tmp_path / "out", rows)
    assert names(tmp_path) == []


class FullDisk:
    """A file on a disk with room for so many more bytes, then no space left on device."""

    room = 0

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *error: Any) -> None:
        self.stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, data: bytes) -> None:
        FullDisk.room -= len(data)
        if FullDisk.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.stream.write(data)


def write_new(path: str, mode: int, data: bytes) -> None:
    """The small files of a full disk."""
    with FullDisk(open(path, "xb", opener=lambda p, flags: os.open(p, flags, mode))) as stream:
        stream.write(data)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_full_disk_leaves_nothing(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the disk gets full: at forty places of all that is written."""
    run(scheme, tmp_path / "whole", test_seed="disk")
    whole = files(tmp_path / "whole")
    size = sum(map(len, whole.values()))
    real = output_module.create
    monkeypatch.setattr(output_module, "create", lambda *a: FullDisk(real(*a)))
    monkeypatch.setattr(output_module, "write_new", write_new)
    out = tmp_path / "disk" / "out"
    out.parent.mkdir()
    for room in [*range(0, size, max(size // 40, 1)), size - 1]:
        FullDisk.room = room
        with pytest.raises(UsageError, match="no space left"):
            run(scheme, out, test_seed="disk")
        assert names(out.parent) == []
    FullDisk.room = size
    run(scheme, out, test_seed="disk")
    assert files(out) == whole


def test_a_full_disk_keeps_the_former_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run("okx-merkle-v2", out)
    before = files(out)
    real = output_module.create
    monkeypatch.setattr(output_module, "create", lambda *a: FullDisk(real(*a)))
    monkeypatch.setattr(output_module, "write_new", write_new)
    FullDisk.room = 500
    with pytest.raises(UsageError):
        run("okx-merkle-v2", out, force=True)
    assert files(out) == before
    assert names(tmp_path) == ["out"]


def test_the_kernel_refuses_a_long_file(tmp_path: Path) -> None:
    """A real error of the system: no file may be longer than 2000 bytes."""
    rows = books.HEAD + b"".join(b"%d,BTC,1\n" % i for i in range(100))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(UsageError, match="too large"):
            run("bitmex-liabilities", tmp_path / "out", rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


def test_a_failing_last_step_puts_the_former_build_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run("okx-merkle-v1", out)
    before = files(out)
    real = os.rename

    def rename(source: Any, target: Any) -> None:
        if ".part-" in str(source):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(UsageError):
        run("okx-merkle-v1", out, force=True)
    assert files(out) == before
    assert names(tmp_path) == ["out"]


def test_a_folder_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Output(out) as output:
        out.mkdir()
        (out / "other").write_text("x")
        with pytest.raises(UsageError):
            output.place(b"{}")
    assert names(tmp_path) == ["out"]
    assert names(out) == ["other"]


def killed(tmp_path: Path, number: signal.Signals) -> int:
    """The exit status of a build that gets a signal while it writes users' files."""
    rows = tmp_path / "rows.csv"
    rows.write_bytes(books.HEAD + b"".join(b"%d,BTC,1.5\n" % i for i in range(60_000)))
    folder = tmp_path / "here"
    folder.mkdir()
    command = [sys.executable, "-m", "merkle_por", "build", str(rows), "--scheme", "okx-merkle-v1"]
    process = subprocess.Popen([*command, "-o", str(folder / "out")], stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not list(folder.glob(".out.part-*/private/users/0000/*")):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


def test_a_terminated_build_cleans_up(tmp_path: Path) -> None:
    assert killed(tmp_path, signal.SIGTERM) == 130
    assert names(tmp_path / "here") == []


def test_a_killed_build_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    assert killed(tmp_path, signal.SIGKILL) == -signal.SIGKILL
    left = names(tmp_path / "here")
    assert len(left) == 1
    assert left[0].startswith(".out.part-")
    assert stat.S_IMODE((tmp_path / "here" / left[0]).stat().st_mode) == 0o700
    run("okx-merkle-v1", tmp_path / "here" / "out")
    assert books.summary(tmp_path / "here" / "out")["counts"]["accounts"] == 3
