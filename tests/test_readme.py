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

import click
import pytest

from merkle_por.cli.main import cli

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


def commands() -> list[str]:
    """Every command line in the README: in blocks of the shell, and in the tables' cells."""
    text = README.read_text()
    blocks = "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL))
    lines = re.findall(r"^(?:\$ )?(merkle-por .*?)(?:\s+[#>].*)?$", blocks, re.MULTILINE)
    return lines + re.findall(r"`(merkle-por [a-z]+ [^`]*)`", text)


@pytest.mark.parametrize("line", commands())
def test_every_command_is_one_with_its_options(line: str) -> None:
    command, options = command_of(line)
    known = {option for parameter in command.params for option in parameter.opts}
    assert [word for word in options if word not in known] == []


def command_of(line: str) -> tuple[click.Command, list[str]]:
    _, name, *rest = shlex.split(line)
    command = cli.get_command(click.Context(cli), name)
    if isinstance(command, click.Group):
        command = command.get_command(click.Context(command), rest[0])
    assert command is not None, name
    return command, [word for word in rest if word.startswith("--")]


def test_every_command_has_its_place_in_the_readme() -> None:
    text = README.read_text()
    for name in cli.list_commands(click.Context(cli)):
        assert re.search(rf"`{name}`|merkle-por {name}\b", text), name


def test_every_benchmark_is_described() -> None:
    text = (PROJECT / "benchmarks" / "README.md").read_text()
    named = set(re.findall(r"python benchmarks/([a-z0-9_]+\.py)", text))
    assert named == {path.name for path in (PROJECT / "benchmarks").glob("*.py")}


def test_every_room_and_file_that_contributing_names_is_there() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text()
    rooms = text.split("Rooms, from the ground up")[1]
    package = PROJECT / "merkle_por"
    for folder in package.iterdir():
        if folder.is_dir() and (folder / "__init__.py").is_file():
            assert f"`{folder.name}/`" in rooms, folder.name
    for room in re.findall(r"`([a-z_]+)/?`", rooms):
        assert (package / room).is_dir() or (package / f"{room}.py").is_file(), room
    for path in re.findall(r"(?:merkle_por|tools|tests|docs)/[a-z0-9_/]+\.py", text):
        assert (PROJECT / path).is_file() or "NAME" in path, path


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_files_that_pages_name_are_there(page: str) -> None:
    text = (PROJECT / page).read_text()
    for path in re.findall(r"`((?:docs|vectors|benchmarks|merkle_por|tools|tests)/[\w./]*)`", text):
        assert (PROJECT / path.replace("NAME/", "")).exists() or "NAME" in path, path


if __name__ == "__main__":
    text = README.read_text()
    README.write_text(BLOCK.sub(lambda m: f"```console\n$ {m[1]}\n{output_of(m[1])}```", text))
