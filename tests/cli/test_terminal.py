"""On a real terminal: the root question, marks, colours, widths (ux.md rules and example e)."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import vectorfiles
from commandline import COLOURS, on_terminal, run, subprocess_environment
from test_examples import E_AFTER, E_BEFORE, PAIR_ROOT, pair

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
QUESTION = "Paste the root shown there (Enter: leave unconfirmed): "


def proof() -> Path:
    return vectorfiles.file("made", "plain-cross-proof", "bybit_max_instead_of_sum_a.json")


@pytest.fixture
def plain() -> list[str]:
    """What a pipe shows of the file, words only."""
    return run("verify", proof()).out.split()


def test_the_question_comes_before_the_files_own_root() -> None:
    done = on_terminal("verify", proof(), answers=[""])
    assert done.status == 4
    before, after = done.text.split(QUESTION)
    assert PAIR_ROOT not in before
    assert before.startswith("UNCONFIRMED  The file agrees with itself.")
    assert "where     bybit.com > Proof of Reserves > audit 1." in before
    assert after.count(PAIR_ROOT) == 1
    assert "in the file, confirmed by nobody:" in after
    assert done.text.count("where") == 1
    assert done.text.count("UNCONFIRMED") == 1


def test_the_end_of_input_is_no_answer() -> None:
    done = on_terminal("verify", proof(), answers=["\x04"])  # Ctrl-D
    assert done.status == 4
    assert PAIR_ROOT in done.text.split(QUESTION)[1]
    assert "stopped" not in done.text


def test_example_e_on_a_terminal_word_for_word() -> None:
    file = vectorfiles.file("peer", "bybit", "mock_user_merkle_tree_path_40_v5.json")
    # A terminal without UTF-8 shows the ASCII marks of the design.
    done = on_terminal("verify", file, answers=[""], PYTHONIOENCODING="ascii")
    before, after = done.out.split(QUESTION)
    before = re.sub(r"[0-9,]+ days ago", "AGE", before)
    assert before == E_BEFORE + "\n" or before.replace("\n\n", "\n") == E_BEFORE
    assert after.strip("\n") == E_AFTER.strip("\n")
    assert done.status == 4


def test_the_right_root_is_valid_and_may_be_kept() -> None:
    pasted = f"  0x{PAIR_ROOT.upper()} "
    done = on_terminal("verify", proof(), answers=[pasted])
    assert done.status == 0
    after = done.text.split(QUESTION)[1]
    assert "\nVALID  Your account is in Bybit's tree (audit 1). One warning.\n" in after
    assert "equals the one you pasted" in after
    assert f"merkle-por pins add bybit 1 {PAIR_ROOT} --seen WHERE" in after


def test_another_root_is_invalid() -> None:
    done = on_terminal("verify", proof(), answers=["f" * 64])
    assert done.status == 1
    after = done.text.split(QUESTION)[1]
    assert "INVALID" in after
    assert "(root-mismatch)" in after
    assert "pins add" not in after


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("y", "error: paste the root itself: the program compares, not the eye"),
        ("abc", "error: root: 3 hexadecimal digits, this scheme's has 64"),
        (PAIR_ROOT[:-1], "error: root: 63 hexadecimal digits, this scheme's has 64"),
    ],
)
def test_what_is_no_root_is_asked_for_again(answer: str, said: str) -> None:
    done = on_terminal("verify", proof(), answers=[answer, ""])
    assert done.status == 4
    assert said in done.text
    assert done.text.count(QUESTION) == 2
    assert PAIR_ROOT not in done.text.rsplit(QUESTION, 1)[0].replace(answer, "")


def test_nobody_is_asked_who_gave_the_root_or_wants_no_question() -> None:
    assert QUESTION not in on_terminal("verify", proof(), "--root", PAIR_ROOT).text
    for option in ("--quiet", "--json"):
        done = on_terminal("verify", proof(), option)
        assert QUESTION not in done.text
        assert done.status == 4


def marks_as_ascii(text: str) -> list[str]:
    """The words of a terminal's page with the marks of a pipe."""
    for symbol, ascii_ in (
        ("✓ ok", "[ok]"),
        ("✗ failed", "[FAIL]"),
        ("! warning", "[warn]"),
        ("? unconfirmed", "[ ? ]"),
        ("– not checked  ", "[ -- ] not checked, "),
    ):
        text = text.replace(symbol, ascii_)
    return text.split()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--root", PAIR_ROOT),
        ("--root", "e" * 64),
        ("--no-input",),
    ],
)
def test_colour_codes_stripped_the_text_is_the_same(arguments: tuple[str, ...]) -> None:
    coloured = on_terminal("verify", proof(), *arguments)
    assert "\x1b[" in coloured.out
    bare = on_terminal("verify", proof(), *arguments, "--no-color")
    assert "\x1b" not in bare.out
    assert coloured.text == bare.out
    piped = run("verify", proof(), *arguments)
    # A root too: 64 digits unbroken on a line of their own.
    assert marks_as_ascii(bare.out) == piped.out.split()


def test_no_colour_when_told_so() -> None:
    done = on_terminal("verify", proof(), "--root", PAIR_ROOT, NO_COLOR="1")
    assert "\x1b" not in done.out
    assert done.status == 0


def test_a_dumb_terminal_and_one_without_utf8_get_ascii() -> None:
    for settings in ({"TERM": "dumb"}, {"PYTHONIOENCODING": "latin-1"}):
        done = on_terminal("verify", proof(), "--root", PAIR_ROOT, **settings)
        assert done.out.isascii()
        assert "[ok]" in done.out


def test_the_verdicts_word_is_coloured_and_numbers_are_plain() -> None:
    done = on_terminal("verify", proof(), "--root", PAIR_ROOT)
    assert done.out.startswith("\x1b[1;32mVALID\x1b[0m")
    assert "100.00000000" in done.out
    failed = on_terminal("verify", proof(), "--root", "e" * 64)
    assert failed.out.startswith("\x1b[1;31mINVALID\x1b[0m")


@pytest.mark.parametrize("columns", [40, 80])
def test_no_line_is_wider_than_the_terminal(columns: int, tmp_path: Path) -> None:
    done = on_terminal(
        "verify", *pair(tmp_path), "--root", PAIR_ROOT, columns=columns, NO_COLOR="1"
    )
    for line in done.out.splitlines():
        assert len(line) <= max(columns, 46), line  # a row of figures is never broken
    single = on_terminal("verify", proof(), "--no-input", columns=columns, NO_COLOR="1")
    wide = [line for line in single.out.splitlines() if len(line) > columns]
    assert [line.strip() for line in wide] in ([], [PAIR_ROOT])


def test_a_narrow_page_puts_labels_above_their_texts() -> None:
    done = on_terminal("verify", proof(), "--root", PAIR_ROOT, columns=40, NO_COLOR="1")
    lines = done.out.splitlines()
    at = lines.index("  included  ✓ ok")
    assert lines[at + 1].startswith("    leaf rebuilt from your balances")


def test_a_secret_is_asked_for_without_echo() -> None:
    user = vectorfiles.file("made", "swissborg", "ok_3assets.user.json")
    audit = vectorfiles.file("made", "swissborg", "ok_3assets.audit.json")
    secret = "e7m61fei6oNM3igrq2MGeV"
    done = on_terminal(
        *("verify", user, "--no-input"),
        *("--given", f"audit={audit}", "--given", "credential"),
        answers=[secret],
        prompt="credential: ",
    )
    assert secret not in done.out
    assert done.status == 4
    assert "5 paths reach" in done.text


def test_the_programs_own_name_works_in_a_pipe_and_when_the_reader_leaves() -> None:
    import subprocess

    command = [sys.executable, "-m", "merkle_por", "formats"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert shutil.which(sys.executable)


@pytest.mark.parametrize(
    ("environment", "symbols"),
    [
        ({"LANG": "C"}, False),
        ({"LC_ALL": "C", "LANG": "C.UTF-8"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, True),
        ({"LANG": ""}, True),
    ],
)
def test_the_c_locale_gets_ascii(environment: dict[str, str], symbols: bool) -> None:
    cleared = {"LC_ALL": "", "LC_CTYPE": "", "LANG": "", "PYTHONIOENCODING": ""}
    done = on_terminal("verify", proof(), "--root", PAIR_ROOT, **{**cleared, **environment})
    assert ("✓ ok" in done.text) is symbols
    assert ("[ok]" in done.text) is not symbols


def test_every_second_group_of_a_root_is_dim_and_nothing_is_inserted() -> None:
    done = on_terminal("verify", proof(), "--no-input")
    row = next(line for line in done.out.splitlines() if PAIR_ROOT in COLOURS.sub("", line))
    assert f"\x1b[2m{PAIR_ROOT[8:16]}\x1b[0m" in row
    assert f"\x1b[0m{PAIR_ROOT[16:24]}\x1b[2m" in row
    assert COLOURS.sub("", row).strip() == PAIR_ROOT


NARROW = [
    ("verify", "peer", "bitget-2025", "merkel_tree_bg_2025.json"),
    ("reserves", "peer", "htx-por-csv", "huobi_por.csv"),
    ("audit", "made", "bitmex-liabilities", "bad_hidden_liabilities_subtree.csv"),
    ("verify", "made", "solvency", "valid-four-assets.json"),
    ("formats",),
    ("demo",),
    ("start", "kucoin"),
    ("doctor",),
]


@pytest.mark.parametrize("columns", [45, 60])
@pytest.mark.parametrize("arguments", NARROW, ids=" ".join)
def test_no_line_is_wider_than_a_narrow_terminal(arguments: tuple[str, ...], columns: int) -> None:
    command, *place = arguments
    file = [vectorfiles.file(*place)] if len(place) > 1 else place
    done = on_terminal(command, *file, columns=columns)
    wide = [line for line in done.text.splitlines() if len(line) > columns]
    # What is to be pasted stays in one line, and no name or hash is broken.
    pasted = ("hint: pip install", "hint: unset")
    wide = [line for line in wide if not line.strip().startswith(pasted)]
    assert all(max(map(len, line.split())) > 24 for line in wide), wide


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["verify", "pro"], ["file,pro"]),
        (["solvency", "--reserves", "li"], ["file,li"]),
        (["verify", "--format", "bitg"], ["plain,bitget", "plain,bitgo-zk"]),
        (["start", "kuc"], ["plain,kucoin"]),
        (["ver"], ["plain,verify"]),
    ],
)
def test_the_shell_completes_files_and_names(words: list[str], offered: list[str]) -> None:
    import subprocess

    line = {"COMP_WORDS": " ".join(["merkle-por", *words]), "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-m", "merkle_por"],
        capture_output=True,
        text=True,
        check=False,
        env={**subprocess_environment(), "_MERKLE_POR_COMPLETE": "bash_complete", **line},
    )
    assert done.stdout.split() == offered
