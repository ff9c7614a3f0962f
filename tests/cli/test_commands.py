"""Every command: exit statuses, one line and hints for errors, JSON that fits its schema."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import jsonschemas
import pytest
import vectorfiles
from commandline import Done, run

from merkle_por.cli.common import SECRET_NAMES
from merkle_por.cli.main import COMMANDS
from merkle_por.exchanges import schemes
from merkle_por.scheme import FactKind

BYBIT = "bybit_max_instead_of_sum_a.json"
ROOT = "ad4ae4fa65e1b81de7bc7a24e424c6b588d8725b9609b1dbdf6421a4114b371f"
VERIFY_HELP = "hint: see: merkle-por verify --help"
SECRET = "e7m61fei6oNM3igrq2MGeV"


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    source = vectorfiles.file("made", "plain-cross-proof", BYBIT)
    return Path(shutil.copy(source, tmp_path / "mine.json"))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    source = vectorfiles.file("made", "plain-cross-proof", BYBIT.replace("_a.", "_b."))
    return Path(shutil.copy(source, tmp_path / "theirs.json"))


def broken(name: str = "bad_missing_asset.json") -> Path:
    return vectorfiles.file("made", "bybit", name)


def document(done: Done) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.out)
    return found


# -- exit statuses and errors --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--root", ROOT), 0),
        (("--root", f" 0x{ROOT.upper()[:30]} {ROOT[30:]}"), 0),
        (("--root", "e" * 64), 1),
        (("--root", ROOT, "--expect", "BTC=100"), 0),
        (("--root", ROOT, "--expect", "BTC=100.00000001"), 1),
        (("--root", ROOT, "--expect", "XYZ=1"), 1),
        ((), 4),
        (("--root", "abc"), 2),
        (("--root", ""), 2),
        (("--root", "none"), 2),
        (("--format", "bybit", "--root", ROOT), 0),
        (("--format", "okx-merkle-v1"), 3),
        (("--format", "nope"), 2),
        (("--given", "nope=1"), 2),
        (("--given", "root"), 2),
        (("--expect", "BTC"), 2),
        (("--expect", "BTC=1e3"), 2),
        (("--expect", "BTC=1", "--expect", "BTC=2"), 2),
        (("--nope",), 2),
        (("--given", "root=@no-such-file"), 2),
        (("--attestation", "no-such-file"), 2),
    ],
)
def test_exit_status(proof: Path, arguments: tuple[str, ...], status: int) -> None:
    done = run("verify", proof, *arguments)
    assert done.status == status, done.out + done.err
    if status in (2, 3):
        assert done.out == ""
        assert done.err.startswith("error: ")
    else:
        assert done.err == ""


def test_incomplete_is_five() -> None:
    file = vectorfiles.file("made", "okx-reserves-csv", "ok_9col.csv")
    done = run("verify", file, "--format", "okx-reserves-csv")
    assert done.status == 5
    assert done.out.startswith("INCOMPLETE  ")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("verify", "no-such.json"), ["error: no-such.json: no such file"]),
        (("verify",), ["error: missing argument 'PROOF...'", VERIFY_HELP]),
        (("verfy", "x"), ['error: no command "verfy"', "hint: did you mean: merkle-por verify"]),
        (("zzz",), ['error: no command "zzz"', "hint: see: merkle-por --help"]),
        (
            ("formats", "bybitt"),
            ['error: "bybitt" is not a format id', "hint: did you mean: bybit, bitget"],
        ),
        (("verify", "-", "-"), ['error: "-" can be given once: there is one standard input']),
        (
            ("compare", "one.json"),
            ["error: two digests are needed", "hint: merkle-por compare YOURS THEIRS"],
        ),
    ],
)
def test_errors_are_one_line_and_hints(arguments: tuple[str, ...], lines: list[str]) -> None:
    done = run(*arguments)
    assert done.status == 2
    assert done.out == ""
    found = done.err.splitlines()
    assert found == lines


@pytest.mark.parametrize(
    ("begins", "said"),
    [
        (b"PK\x03\x04", "it is an archive: unpack it, give the file in it"),
        (b"\xef\xbb\xbf <!DOCTYPE html><html>", "it is a web page: save the proof itself"),
        (b"%PDF-1.7", "it is a PDF: get the proof as text"),
        (b"\x89PNG\r\n", "it is a picture: get the proof as text"),
        (b'{"a": 1,', "copy the whole text again"),
        (b"hello", "copy the whole text again"),
        (b"", "copy the whole text again"),
    ],
)
def test_a_file_of_another_kind_gets_a_hint_of_its_own(
    tmp_path: Path, begins: bytes, said: str
) -> None:
    file = tmp_path / "saved"
    file.write_bytes(begins)
    for command in ("verify", "reserves"):
        done = run(command, file)
        assert done.status == 3
        first, hint = done.err.splitlines()[:2]
        assert first.startswith("error: saved: ")
        assert hint.startswith(f"hint: {said}")


def test_a_compressed_file_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "saved.gz"
    file.write_bytes(
        gzip.compress(vectorfiles.file("made", "bybit", "ok_v40v5_n8_i1.json").read_bytes())
    )
    assert run("verify", file).status == 4
    assert "a file of bybit, not a list of reserves" in run("reserves", file).err
    twice = tmp_path / "twice.gz"
    twice.write_bytes(gzip.compress(file.read_bytes()))
    assert "hint: it is compressed: unpack it first" in run("reserves", twice).err
    packed = tmp_path / "list.csv.gz"
    packed.write_bytes(
        gzip.compress(vectorfiles.file("made", "okx-por-csv", "valid-one-row.csv").read_bytes())
    )
    assert run("reserves", packed).status == run("verify", packed).status == 0
    file.write_bytes(file.read_bytes()[:-9])
    assert "cut short (bad-archive)" in run("verify", file).err


def test_an_empty_name_is_no_file() -> None:
    done = run("verify", "")
    assert (done.status, done.out) == (2, "")
    assert done.err == "error: a file's name is empty\n"


def test_of_several_files_the_wrong_one_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    owed = tmp_path / "owed.json"
    owed.write_text('{"liabilities": {"BTC": "1"}}')
    reserves = vectorfiles.file("made", "okx-reserves-csv", "ok_9col.csv")
    for arguments in (
        ("reserves", reserves, wrong),
        ("solvency", "--liabilities", wrong, "--reserves", reserves),
        ("compare", wrong, wrong),
    ):
        done = run(*arguments)
        assert done.status == 3
        assert done.out == ""
        assert done.err.startswith("error: wrong.json: not ")
        assert "hint: " in done.err


def test_quiet_says_the_whole_sentence_in_one_line(proof: Path) -> None:
    done = run("verify", broken(), "-q")
    assert done.out.count("\n") == 1
    assert done.out.endswith(").\n")
    narrow = run("verify", proof, proof, broken(), "-q")
    assert narrow.out.count("\n") == 1
    assert narrow.out.endswith(").\n")


def test_quiet_demo_is_its_outcome() -> None:
    assert run("demo", "-q").out == "As expected. Now: merkle-por verify YOUR_FILE\n"


def test_an_error_names_file_place_and_class(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text('{"a": 1,\n  "b" 2}')
    done = run("verify", file)
    assert done.status == 3
    first = done.err.splitlines()[0]
    assert first.startswith("error: prices.json: not JSON: ")
    assert first.endswith(", line 2, column 7 (bad-json)")


def test_an_empty_file_and_a_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.json").touch()
    done = run("verify", tmp_path / "empty.json")
    assert done.err.startswith("error: empty.json: there is nothing in the file (empty-file)\n")
    assert run("verify", tmp_path).status == 3


def test_no_fault_of_ours_shows_a_traceback(proof: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: Any, **__: Any) -> None:
        raise RuntimeError("\x1b[31mboom")

    monkeypatch.setattr("merkle_por.api.verify", fault)
    done = run("verify", proof)
    assert done.status == 70
    assert done.out == ""
    assert done.err.startswith("error: a fault in merkle-por itself: RuntimeError: \\u001b[31mboom")
    assert "Traceback" not in done.err
    with pytest.raises(RuntimeError):
        run("--debug", "verify", proof)


# -- help ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [(), *((name,) for name in COMMANDS), ("pins", "add"), ("pins", "remove")]
)
def test_help_ends_with_exit_statuses_and_one_example(command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.status == 0
    assert done.err == ""
    assert all(len(line) <= 80 for line in done.out.splitlines())
    ending = done.out[done.out.index("Exit status: 0 ") :]
    paragraphs = [" ".join(part.split()) for part in ending.split("\n\n")]
    assert paragraphs[-1].startswith("Example: merkle-por ")
    assert " ".join(command) in paragraphs[-1]
    assert done.out.count("Example:") == 1


def test_help_without_a_command_is_a_usage_error_and_lists_all() -> None:
    done = run()
    assert done.status == 2
    for name, about in COMMANDS.items():
        assert name in done.out
        assert about.split()[0] in done.out


def test_version() -> None:
    from merkle_por import __version__

    assert run("--version").out == f"merkle-por {__version__}\n"


# -- standard input, quiet, several files ----------------------------------------------------------


def test_a_dash_reads_standard_input(proof: Path) -> None:
    done = run("verify", "-", "--root", ROOT, stdin=proof.read_bytes())
    assert done.status == 0
    assert run("verify", "-", stdin=b"").status == 3
    shown = document(run("verify", "-", "--json", stdin=proof.read_bytes()))
    assert shown["proofs"][0]["file"]["name"] == "(standard input)"


def test_quiet_is_the_first_line(proof: Path, other: Path) -> None:
    for arguments in ((proof,), (proof, "--root", ROOT), (proof, other, "--root", ROOT)):
        done = run("verify", *arguments, "--quiet")
        assert done.out == run("verify", *arguments).out.splitlines()[0] + "\n"
        assert done.err == ""
    malformed = run("verify", broken(), "-q")
    assert malformed.status == 3
    assert malformed.out.startswith("MALFORMED  This can't be checked: no Bybit version has")
    assert malformed.err == ""


def test_several_files_a_line_each_worst_first(proof: Path, other: Path) -> None:
    done = run("verify", proof, broken(), other, "--root", ROOT)
    assert done.status == 3
    assert done.out.startswith("MALFORMED  1 of 3 files: ")
    names = [line for line in done.lines if ".json:" in line]
    assert "bad_missing_asset.json" in names[0]
    assert "mine.json" in done.out
    assert "theirs.json" in done.out
    assert done.err.startswith("error: bad_missing_asset.json: ")


def test_a_list_of_leaves_says_whose_root_it_has() -> None:
    file = vectorfiles.file("made", "leaf-list", "split_n5.txt")
    root = "613d6a48df5043a7ee526614f69486e59814f6861859dcc5ea333dfb1c5fc9b1"
    done = run("verify", file, "--root", root)
    assert "  root      [ok]   equals the one you gave (--root)" in done.out


def test_path_shows_root_on_top_and_you_at_the_bottom(proof: Path) -> None:
    lines = run("verify", proof, "--path").lines
    ladder = [line.split()[:2] for line in lines[-3:]]
    assert ladder == [["1", "ROOT"], ["0", "right"], ["0", "YOU"]]
    assert "BTC 100.00000000" in lines[-1]
    nodes = document(run("verify", proof, "--path", "--json"))["proofs"][0]["nodes"]
    assert [node["role"] for node in nodes] == ["leaf", "sibling", "root"]


# -- JSON ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("redact", [(), ("--redact",)])
def test_json_fits_its_schema_in_every_state(
    proof: Path, other: Path, redact: tuple[str, ...]
) -> None:
    states = set()
    reserves = vectorfiles.file("made", "okx-reserves-csv", "ok_9col.csv")
    for arguments in (
        (proof, "--root", ROOT),
        (proof, "--root", "e" * 64),
        (proof,),
        (broken(),),
        (proof, other, "--root", ROOT),
        (proof, broken()),
        (proof, "--root", ROOT, "--path"),
        (reserves, "--format", "okx-reserves-csv"),
    ):
        done = run("verify", *arguments, *redact, "--json")
        found = document(done)
        jsonschemas.check(found)
        assert found["exit"] == done.status
        assert done.err == ""
        states.add(found["state"])
    assert states == {"valid", "invalid", "unconfirmed", "malformed", "incomplete"}


def test_usage_errors_print_no_document(proof: Path) -> None:
    done = run("verify", proof, "--root", "abc", "--json")
    assert done.status == 2
    assert done.out == ""


@pytest.mark.parametrize("name", ["formats", "doctor", "demo", "start", "pins"])
def test_other_commands_answer_in_json_too(name: str) -> None:
    found = document(run(name, "--json"))
    named = "start-list" if name == "start" else name
    assert found["schema"] == f"merkle-por/{named}/1"
    jsonschemas.check(found)


# -- what must not be shown ------------------------------------------------------------------------


def private_texts(proof: dict[str, Any]) -> set[str]:
    """Account id, file name, and amounts that are not the published totals themselves."""
    account = proof["account"] or {"id": None, "balances": {}}
    found = {account["id"], proof["file"]["name"]}
    totals = set((proof["published"] or {}).values())
    for text in {*account["balances"].values()} - totals:
        if len(text.strip("0.")) > 3:
            found.add(text)
    return {text for text in found if text}


REDACTED = [
    ("bybit", "ok_v40v5_n8_i1.json"),
    ("bybit", "bad_negative_sibling.json"),
    ("bitget-2025", "ok_n9_i7_c4.json"),
    ("coinex", None),
    ("mexc", None),
    ("okx-merkle-v1", None),
    ("htx-merkle-sum", None),
    ("bitbase", "n8.json"),
    ("plain-path", None),
    ("easy-audit", None),
]


@pytest.mark.parametrize(("folder", "name"), REDACTED)
def test_redact_leaves_out_account_balances_and_name(folder: str, name: str | None) -> None:
    entries = [
        entry
        for entry in vectorfiles.manifest("made", folder)
        if (name in (None, entry.data["file"])) and "files" not in entry.data
    ][:25]
    assert entries
    hidden = 0
    for entry in entries:
        given = (entry.data.get("args") or {}).items()
        arguments: list[Any] = [
            entry.files[0],
            "--format",
            entry.format,
            "--expect",
            "BTC=7.654321",
        ]
        for key, value in given:
            arguments += [
                "--given",
                f"{key}={value if isinstance(value, str) else json.dumps(value)}",
            ]
        bare = run("verify", *arguments, "--json")
        if bare.status == 2:  # a file without balances takes no --expect
            arguments = arguments[:3] + arguments[5:]
            bare = run("verify", *arguments, "--json")
        private = private_texts(document(bare)["proofs"][0]) | {"7.654321"}
        hidden += len(private)
        for options in (("--json",), ("--json", "--path"), (), ("--path",), ("--quiet",)):
            shown = run("verify", *arguments, "--redact", *options)
            assert shown.status == bare.status
            for text in private:
                assert text not in shown.out + shown.err, (entry.name, options, text)
    assert hidden > len(entries)


def test_redacted_files_judged_together_have_numbers_for_names(proof: Path, other: Path) -> None:
    done = run("verify", proof, other, "--root", ROOT, "--redact")
    assert done.status == 1
    assert done.out.startswith("INVALID  These two proofs contradict each other (node-conflict).")
    assert "file 1" in done.out
    for text in ("mine.json", "theirs.json", "60.00000000"):
        assert text not in done.out + run("verify", proof, other, "--redact", "--json").out


HOSTILE = "\x1b[31mred\u202eevil\u200b\x9b2J\x07"


def assert_harmless(text: str) -> None:
    assert not {c for c in text if c in HOSTILE and not c.isalnum() and c not in "[31m2J"}
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_hostile_texts_in_a_file_are_never_printed_raw(tmp_path: Path, proof: Path) -> None:
    value = json.loads(proof.read_text())
    value["self"]["auditId"] = HOSTILE
    for node in value["path"]:
        node["auditId"] = HOSTILE
    file = tmp_path / "evil.json"
    file.write_text(json.dumps(value))
    for options in ((), ("--json",), ("--root", ROOT), ("--root", "e" * 64), ("--path",)):
        done = run("verify", file, *options)
        assert_harmless(done.out + done.err)
        if options == ("--json",):
            audit = document(done)["proofs"][0]["snapshot"]["id"]
            assert audit in (None, HOSTILE)


def test_hostile_asset_names_are_never_printed_raw(tmp_path: Path) -> None:
    for hostile in (HOSTILE, "a\nerror: b\nVALID  all is well"):
        texts = [
            json.dumps({hostile: 1, "x": {}}),
            f'{{"a": 1, {json.dumps(hostile)}: 2, {json.dumps(hostile)}: 3}}',
            json.dumps(
                {"self": {"balances": {hostile: "1"}, "nonce": "a"}, "path": [{hostile: 1}]}
            ),
            json.dumps([hostile]),
            f"coin,address\n{hostile},x\n",
            hostile,
        ]
        for name in ("bybit", "okx-merkle-v1", "bitget", "swissborg", "htx-por-csv", "solvency"):
            for text in texts:
                file = tmp_path / "evil"
                file.write_text(text)
                for options in (("--format", name), ("--format", name, "--json"), ()):
                    done = run("verify", file, *options)
                    assert done.status in (1, 2, 3), done
                    assert_harmless(done.out + done.err)
                    assert "\nVALID" not in done.out + done.err
                    if "--json" not in options:
                        assert all(
                            line.startswith(("error: ", "hint: ")) for line in done.err.splitlines()
                        )


@pytest.mark.skipif(sys.platform == "win32", reason="such names can't exist there")
def test_hostile_file_names_are_never_printed_raw(tmp_path: Path, proof: Path) -> None:
    name = "a\nVALID  \x1b[32mok\u202e.json"
    file = Path(shutil.copy(proof, tmp_path / name))
    for options in ((), (proof,), ("--json",), ("--root", ROOT, proof)):
        done = run("verify", file, *options)
        assert_harmless(done.out + done.err)
        assert "\nVALID  " not in done.out.replace("\nVALID  Your", "")
    empty = tmp_path / ("e" + name)
    empty.touch()
    done = run("verify", empty)
    assert_harmless(done.err)
    assert done.err.count("\n") == 2  # the error and its hint


def test_a_fact_that_is_a_file_may_be_written_with_an_at_sign(tmp_path: Path) -> None:
    user = vectorfiles.file("made", "swissborg", "ok_3assets.user.json")
    audit = vectorfiles.file("made", "swissborg", "ok_3assets.audit.json")
    key = tmp_path / "key"
    key.write_text(SECRET + "\n")
    secret = ("--given", f"credential=@{key}")
    plain = run("verify", user, "--given", f"audit={audit}", *secret)
    assert plain.status == 4
    at_sign = run("verify", user, "--given", f"audit=@{audit}", *secret)
    assert (at_sign.status, at_sign.out) == (plain.status, plain.out)
    assert run("verify", user, "--given", f"audit=@{audit}x", *secret).status == 2


def test_secrets_on_the_command_line_are_warned_of_and_never_echoed(tmp_path: Path) -> None:
    user = vectorfiles.file("made", "swissborg", "ok_3assets.user.json")
    audit = vectorfiles.file("made", "swissborg", "ok_3assets.audit.json")
    key = tmp_path / "key"
    key.write_text(SECRET + "\n")
    common = ("verify", user, "--given", f"audit={audit}")
    plain = run(*common, "--given", f"credential={SECRET}")
    assert plain.status == 4
    assert "hint: credential on the command line can be read by others" in plain.err
    assert "--given credential=@FILE" in plain.err
    quiet = run(*common, "--given", f"credential=@{key}")
    assert quiet.err == ""
    assert quiet.out == plain.out
    wrong = run(*common, "--given", f"credential=@{user}")
    for options in ((), ("--json",), ("--path",), ("--path", "--json")):
        done = run(*common, "--given", f"credential={SECRET}", *options)
        assert SECRET not in done.out + done.err
    assert wrong.status in (1, 2, 3)
    # Without its name it may be anything.
    nameless = run(*common, "--given", SECRET)
    assert nameless.status == 2
    assert SECRET not in nameless.err


def test_every_secret_that_a_scheme_takes_is_known_to_the_command_line() -> None:
    secrets = {
        name
        for scheme in schemes()
        for name, fact in scheme.facts.items()
        if fact.kind is FactKind.SECRET
    }
    assert secrets <= set(SECRET_NAMES)


# -- pins ------------------------------------------------------------------------------------------


def test_pins_are_kept_shown_used_and_forgotten(proof: Path, home: Path) -> None:
    assert run("pins").out.startswith("0 pins in ")
    added = run("pins", "add", "Bybit", "1", f"0x{ROOT.upper()}", "--seen", "bybit.com, my phone")
    assert added.out == f"pinned: bybit 1 root {ROOT}\n"
    assert (home / "pins.json").is_file()
    shown = run("pins", "show").out
    assert shown.startswith("one pin in ")
    assert ROOT in shown
    assert "bybit.com, my phone" in shown
    assert document(run("pins", "show", "--json"))["pins"][0]["value"] == ROOT
    done = run("verify", proof)
    assert done.status == 0
    assert "equals the one you pinned" in done.out
    assert document(run("verify", proof, "--json"))["proofs"][0]["root"]["source"] == "pin"
    assert run("pins", "remove", "bybit", "1").out == f"forgotten: bybit 1 root {ROOT}\n"
    assert run("verify", proof).status == 4
    assert run("pins", "remove", "bybit", "1").status == 2


def test_a_second_root_for_one_audit_is_refused_and_warned_of(proof: Path) -> None:
    assert run("pins", "add", "bybit", "1", "e" * 64, "--seen", "a friend").status == 0
    again = run("pins", "add", "bybit", "1", ROOT, "--seen", "the page")
    assert again.status == 2
    assert "another root is pinned for bybit 1" in again.err
    assert "hint: it was seen at: a friend" in again.err
    # Without a root of his own the user's pin decides; with one he is told of the conflict.
    assert run("verify", proof).status == 1
    given = run("verify", proof, "--root", ROOT)
    assert given.status == 0
    assert "You pinned another root for this audit, seen at: a friend." in " ".join(
        given.out.split()
    )
    warned = document(run("verify", proof, "--root", ROOT, "--json"))["warnings"]
    assert "pin-conflict" in {warning["class"] for warning in warned}


def test_pins_that_are_no_roots_or_a_damaged_file_are_refused(home: Path, proof: Path) -> None:
    assert run("pins", "add", "bybit", "1", "abc", "--seen", "x").status == 2
    assert run("pins", "add", "bybit", "1", ROOT).status == 2  # where was it seen?
    home.mkdir()
    (home / "pins.json").write_text("{}")
    done = run("verify", proof)
    assert done.status == 2
    assert "pins.json" in done.err
    assert done.out == ""


# -- digest and compare ----------------------------------------------------------------------------


def test_digests_contradict_where_the_files_do(proof: Path, other: Path, tmp_path: Path) -> None:
    files = []
    for name, source in (("a", proof), ("b", other)):
        done = run("digest", source, "--word", "our group", "--root", ROOT)
        assert done.status == 0
        jsonschemas.check(document(done))
        assert "100.0" not in done.out
        files.append(tmp_path / f"digest-{name}.json")
        files[-1].write_text(done.out)
    compared = run("compare", *files)
    assert compared.status == 1
    assert compared.out.startswith("INVALID  These 2 digests contradict each other (node-conflict)")
    assert all(len(line) <= 80 for line in compared.out.splitlines())
    jsonschemas.check(document(run("compare", *files, "--json")))
    alone = tmp_path / "other-word.json"
    alone.write_text(run("digest", proof).out)
    assert run("compare", files[0], alone).status == 5
    assert run("compare", files[0], proof).status == 3
    assert run("compare", *files, "-q").out == compared.out.splitlines()[0] + "\n"


def test_no_digest_of_what_does_not_hold(proof: Path) -> None:
    done = run("digest", proof, "--root", "e" * 64)
    assert done.status == 1
    assert done.out == ""
    assert done.err.startswith("error: no digest of a proof that is invalid")
    assert run("digest", broken()).status == 3


# -- formats, doctor -------------------------------------------------------------------------------


def test_formats_fit_the_page_and_name_every_scheme() -> None:
    done = run("formats")
    assert done.status == 0
    assert all(len(line) <= 80 for line in done.out.splitlines())
    words = set(done.out.split())
    assert {scheme.id for scheme in schemes()} <= words
    rows = {line.split()[0]: line for line in done.out.splitlines() if line.startswith("    ")}
    assert "UNSOUND" in rows["htx-zk"]
    assert "zk proof" in rows["okx-plonky2-user"]
    # Names of files stand in one column, also those that take a second line.
    column = rows["id"].index("file")
    files = [line for line in done.out.splitlines() if line.startswith(" " * 40)]
    assert files
    assert all(line[:column].isspace() and not line[column].isspace() for line in files)


@pytest.mark.parametrize("scheme", schemes(), ids=lambda scheme: scheme.id)
def test_a_format_is_explained_with_file_root_and_limits(scheme: Any) -> None:
    done = run("formats", scheme.id)
    assert done.status == 0
    # An address to copy is never broken.
    long = [line for line in done.out.splitlines() if len(line) > 80]
    assert all(max(map(len, line.split())) > 60 for line in long), long
    flat = " ".join(done.out.split())
    for text in (scheme.where.file, scheme.assurance.included, *scheme.assurance.cannot):
        assert " ".join(text.split()) in flat
    assert document(run("formats", scheme.id, "--json"))["formats"][0]["id"] == scheme.id


def test_an_exchanges_name_explains_all_of_its_formats() -> None:
    done = run("formats", "bybit")
    assert "bybit: Bybit" in done.out
    assert "bybit-por-csv: Bybit" in done.out


def test_the_formats_of_an_exchange_are_told_as_one_history() -> None:
    done = run("formats", "okx")
    assert done.out.startswith("OKX: 7 formats, oldest first\n")
    history = done.out.partition("\n\n")[0]
    generations = ["okx-merkle-v1", "okx-merkle-v2", "okx-stark-v1", "okx-plonky2-user"]
    places = [history.index(name) for name in generations]
    assert places == sorted(places)
    for dates in ("2022-11 to 2023-03", "2023-04 to 2024-08", "2024-09 to now"):
        assert dates in " ".join(history.split())
    assert "oldest first" not in run("formats", "okx-stark-v1").out


def test_doctor_lists_parts_with_a_mark_each() -> None:
    done = run("doctor")
    assert done.status == 0
    first, *parts = done.out.splitlines()
    assert first.startswith("merkle-por ")
    assert f"ready for {len(schemes())} formats" in first
    rows = [line for line in parts if not line.startswith("         ")]
    assert all(line.startswith(("  [ok]   ", "  [ -- ] ", "  [FAIL] ")) for line in rows)
    assert any("compiled kernel" in line for line in rows)


def test_doctor_says_what_is_missing_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gmpy2", None)
    done = run("doctor")
    flat = " ".join(done.out.split())
    assert "[ -- ] gmpy2: not installed; for fast big numbers" in flat
    # A hint stands in a line of its own, so that it can be pasted.
    assert "         hint: pip install 'merkle-por[fast]'" in done.lines
    monkeypatch.setitem(sys.modules, "starlette", None)
    without = run("doctor")
    assert "  [ -- ] web app: not installed; for merkle-por serve, in a browser" in without.lines
    assert "         hint: pip install 'merkle-por[web]'" in without.lines
    assert done.status == 0
    monkeypatch.setitem(sys.modules, "requests", None)
    missing = run("doctor")
    assert "[FAIL] requests" in missing.out
    assert missing.status == 5


def test_doctors_environment_is_left_alone() -> None:
    before = dict(os.environ)
    run("doctor")
    assert dict(os.environ) == before


def test_every_scheme_s_secret_is_one_that_the_command_line_guards() -> None:
    secrets = {
        name
        for scheme in schemes()
        for name, fact in scheme.facts.items()
        if fact.kind is FactKind.SECRET
    }
    assert secrets
    assert secrets <= set(SECRET_NAMES)
