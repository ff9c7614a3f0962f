"""`merkle-por start EXCHANGE`: three steps from the exchange's own data, dated, with certainty."""

from __future__ import annotations

import json
import shlex

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
    assert swissborg.run == "merkle-por verify FILE --root HEX --given credential"
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
    assert "merkle-por verify FILE --root HEX" in out
    assert "maxwell" in out
    main(["start", "bybit", "--json"])
    check(json.loads(capfdbinary.readouterr().out))
    main(["start"])
    assert b"  bybit " in capfdbinary.readouterr().out
