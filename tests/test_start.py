"""`merkle-por start EXCHANGE`: three steps from the exchange's own data, dated, with certainty."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest
from jsonschemas import check

from merkle_por.cli.main import cli, main
from merkle_por.errors import UsageError
from merkle_por.exchange_profiles import profiles
from merkle_por.exchanges import schemes
from merkle_por.report.start_text import start_page
from merkle_por.report.text import Page
from merkle_por.scheme import FactKind, Kind
from merkle_por.start import known_exchanges, start
from merkle_por.verdict import State

IDS = [id for id, _ in known_exchanges()]


def test_every_exchange_with_a_format_or_a_profile_is_known() -> None:
    assert {profile.id for profile in profiles()} <= set(IDS)
    named = {s.exchange for s in schemes() if s.kind is Kind.PROOF and s.exchange in IDS}
    assert {"binance", "okx", "bybit", "bitget", "gate", "htx", "kucoin"} <= {*named, "kucoin"}


@pytest.mark.parametrize("exchange", IDS)
def test_each_says_what_to_fetch_run_and_see(exchange: str) -> None:
    result = start(exchange)
    check(result.to_json())
    text = start_page(result, Page()).plain()
    assert result.name in text
    assert max(map(len, text.splitlines())) <= 80
    assert {"snapshot", "sub-accounts", "earn", "loans"} <= {id for id, _ in result.differs}
    for way in result.ways:
        assert way.format in start_page(result, Page(), every=True).plain()
        _is_a_command(way.run)


def _is_a_command(line: str) -> None:
    """The line is one that the command line takes: a known command and its options."""
    program, name, *rest = shlex.split(line)
    assert program == "merkle-por"
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert all(word in known for word in rest if word.startswith("--"))


def test_what_must_be_given_stands_in_the_command_and_secrets_never_with_a_value() -> None:
    swissborg = start("swissborg").ways[0]
    assert swissborg.run == (
        "merkle-por verify user-liabilities.json --root HEX --given credential"
    )
    for exchange in IDS:
        for way in start(exchange).ways:
            scheme = next(s for s in schemes() if s.id == way.format)
            for name, fact in scheme.facts.items():
                if fact.kind is FactKind.SECRET:
                    assert (f"--given {name}", fact.text) in way.given


def test_formats_in_use_come_first_and_proofs_before_lists() -> None:
    ways = start("OKX").ways
    assert ways[0].kind is Kind.PROOF
    assert ways[0].current
    assert [way.current for way in ways] == sorted((way.current for way in ways), reverse=True)


def test_loans_are_said_as_the_profile_has_them() -> None:
    said = {id: dict(start(id).differs)["loans"].text for id in ("binance", "okx")}
    assert "taken off" in said["binance"]
    assert "not known" in said["okx"]


def test_an_exchange_goes_by_its_names_and_an_unknown_one_is_a_usage_error() -> None:
    assert start(" Bybit ").exchange == "bybit"
    assert start("okex").exchange == "okx"
    with pytest.raises(UsageError) as raised:
        start("bybti")
    assert raised.value.hints == ("did you mean: merkle-por start bybit",)


def test_the_command_prints_text_json_and_the_list(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    main(["start", "bybit"])
    out = capfdbinary.readouterr().out.decode()
    assert "merkle-por verify myProof.json --root HEX\n" in out
    assert "maxwell" in out
    main(["start", "bybit", "--json"])
    check(json.loads(capfdbinary.readouterr().out))
    main(["start"])
    assert b"  bybit " in capfdbinary.readouterr().out


def _lines(exchange: str) -> list[str]:
    return start_page(start(exchange), Page()).plain().splitlines()


def test_a_customers_own_file_comes_before_everybodys() -> None:
    first = start("okx").ways[0]
    assert first.format == "okx-plonky2-user"
    assert first.run == "merkle-por verify FILE --given global=sum_proof_data.json"
    assert start("bybit").ways[0].run == "merkle-por verify myProof.json --root HEX"


def test_a_proposal_that_nothing_is_published_of_is_not_in_use() -> None:
    """ "no published data is known" holds the letters of "now"."""
    shown = "\n".join(_lines("bitfinex"))
    assert "merkle-por reserves wallets.txt" in shown
    assert "No format of a file that its customers get today is known." in shown
    assert "balances.json" not in shown
    assert _lines("bitfinex")[-1] == "  older     bitfinex-antani, easy-audit (--all shows them)"
    assert all(way.format != "solvency" for way in start("bitfinex").ways)  # no totals published


@pytest.mark.parametrize("exchange", ["kucoin", "crypto.com"])
def test_where_no_file_is_known_what_is_said_can_be_typed_and_pasted(
    exchange: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    lines = [line.strip() for line in _lines(exchange)]
    for line in lines:
        if typed := re.fullmatch(r"into (\S+): (\{.*\})", line):
            (tmp_path / typed[1]).write_text(typed[2])
    begin = next(n for n, line in enumerate(lines) if line.startswith("2 run"))
    command = lines[begin].removeprefix("2 run").strip()
    while command.endswith("\\"):
        begin += 1
        command = command[:-1] + lines[begin]
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(command)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert program == "merkle-por"
    assert stopped.value.code == State.UNCONFIRMED.exit
    name = start(exchange).name
    said = f"UNCONFIRMED  On {name}'s own figures the one asset is covered."
    assert capfdbinary.readouterr().out.decode().startswith(said)
