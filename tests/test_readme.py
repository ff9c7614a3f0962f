"""The README's examples are real output: each console block is run and compared.

To write them anew: python tests/test_readme.py
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
README = PROJECT / "README.md"
BLOCK = re.compile(r"```console\n\$ (merkle-por [^\n]*)\n(.*?)```", re.DOTALL)


def output_of(command: str) -> str:
    arguments = shlex.split(command)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "merkle_por", *arguments],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("block", BLOCK.findall(README.read_text()), ids=lambda block: block[0])
def test_console_block_is_real_output(block: tuple[str, str]) -> None:
    command, shown = block
    assert shown == output_of(command)


def test_first_screen_has_exactly_two_commands() -> None:
    first_screen = README.read_text().split("```console")[0]
    commands = [line for line in first_screen.splitlines() if line.startswith("    ")]
    assert len(commands) == 2
    assert "merkle-por demo" in commands[0]
    assert "pytest" in commands[1]


def test_ci_runs_the_readmes_commands() -> None:
    ci = (PROJECT / ".ci" / "run").read_text()
    for line in README.read_text().splitlines():
        if line.startswith("    ") and "&&" in line:
            for part in line.strip().split(" && "):
                assert part.replace(".venv/bin/pip install", ".venv/bin/pip install --quiet") in ci


if __name__ == "__main__":
    text = README.read_text()
    README.write_text(BLOCK.sub(lambda m: f"```console\n$ {m[1]}\n{output_of(m[1])}```", text))
