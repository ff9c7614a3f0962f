"""Record templates of the user's own (spec public-text-notes)."""

from __future__ import annotations

import hashlib
import json

import pytest
from helpers import judged
from hypothesis import given as drawn
from hypothesis import strategies as st

from merkle_por.documents import LIMITS, Document
from merkle_por.errors import UsageError
from merkle_por.exchanges.template import Template
from merkle_por.merkle.paths import Joined, parent
from merkle_por.verdict import About, Totals

SILVER = b"""
name = "as silversixpence"
text = "{uid}{salt}{audit}{asset:amount}"
asset_separator = "="
balance_separator = "|"
"""
RECORD = {
    "uid": "18fc922081c123456eccad04cf52514942b83bb97e50b3a9f9876fa72fefd04c",
    "salt": "9713e8bd",
    "audit": "PR31DEC22",
    "balances": {"BTC": "1.0000", "ETH": "2.0000", "USDC": "3.0000", "USDT": "4.0000"},
}
LEAF = "478cdca13278b1bdb273f9dcc671bf0e6989cd7b452332485412e2eb8cfbba46"
OTHER = "e5f039b0905c0b6c82bdd7edf6f87ac7b3e983b0124acfaaeb4ed1c05302ec1f"


def proof(**more: object) -> bytes:
    members = {"scheme": "template", "record": RECORD, "path": f"l:{OTHER}"}
    return json.dumps({**members, **more}).encode()


def template(**members: object) -> Template:
    fields = {"text": "{uid},{asset:amount}", **members}
    return Template.read(Document.of(json.dumps(fields).encode()))


def test_a_published_leaf_by_template() -> None:
    root = parent(OTHER, LEAF, Joined.BYTES)
    verdict = judged(proof(), {"template": SILVER, "root": root})
    assert verdict.state == "valid"
    assert verdict.details["format_confirmed_by"] == "root match"
    assert verdict.sentence == "Your account is in the exchange's tree (audit PR31DEC22)."
    assert verdict.totals is Totals.NOT_CLAIMED
    assert "template-not-confirmed" not in [w.id for w in verdict.warnings]
    assert "as silversixpence" in verdict.lines[About.INCLUDED]


def test_another_root_confirms_no_template() -> None:
    verdict = judged(proof(), {"template": SILVER, "root": "0" * 64})
    assert verdict.reason == "root-mismatch"
    assert "format_confirmed_by" not in verdict.details
    # The template may be what is wrong.
    assert "template-not-confirmed" in [w.id for w in verdict.warnings]


def test_without_a_root_the_template_is_only_a_guess() -> None:
    verdict = judged(proof(), {"template": SILVER})
    assert verdict.state == "unconfirmed"
    assert "template-not-confirmed" in [w.id for w in verdict.warnings]


def test_without_a_template_the_file_says_nothing() -> None:
    with pytest.raises(UsageError, match="template"):
        judged(proof())


def test_template_for_rows_of_a_level_file() -> None:
    root = parent(OTHER, LEAF, Joined.BYTES)
    row = f"{root},1,{OTHER},{LEAF}\n".encode()
    given = {"template": SILVER, "record": RECORD, "root": root}
    assert judged(row, given).state == "valid"
    assert judged(row, given).details["format_confirmed_by"] == "root match"
    other = judged(row, {**given, "root": "0" * 64})
    assert "format_confirmed_by" not in other.details
    short = json.dumps({"text": "{uid}{asset:amount}", "leaf_digits": 16}).encode()
    with pytest.raises(UsageError, match="leaf_digits"):
        judged(row, {**given, "template": short})


@pytest.mark.parametrize(
    ("rule", "text", "written"),
    [
        ({"number": "verbatim"}, "1.500", "1.500"),
        ({"number": "strip-zeros"}, "1.500", "1.5"),
        ({"number": "strip-zeros"}, "100", "100"),
        ({"number": "point-zero"}, "100", "100.0"),
        ({"number": "point-zero"}, "1.500", "1.5"),
        ({"number": "fixed", "decimals": 4}, "1.5", "1.5000"),
        ({"number": "fixed", "decimals": 4}, "1.500000", "1.5000"),
        ({"number": "fixed", "decimals": 0}, "1", "1"),
    ],
)
def test_number_rules(rule: dict[str, object], text: str, written: str) -> None:
    assert template(**rule).written(text, "here", LIMITS) == written


def test_depth_and_length() -> None:
    record = {"uid": "u", "balances": {"BTC": "1"}}
    single = hashlib.sha256(b"u,BTC:1").hexdigest()
    shape = template(hash_depth=2, leaf_digits=16)
    double = hashlib.sha256(single.encode()).hexdigest()
    assert shape.leaf(shape.record(record, LIMITS)) == double[:16]


def test_what_a_field_holds_is_never_read_as_a_place() -> None:
    shape = template(text="{uid}{salt}{asset:amount}")
    owner = shape.record({"uid": "{salt}", "salt": "{uid}", "balances": {"A": "1"}}, LIMITS)
    assert shape.preimage(owner) == "{salt}{uid}A:1"


@pytest.mark.parametrize(
    "members",
    [
        {"text": "{uid}"},
        {"text": "{asset:amount}"},
        {"text": "{uid}{uid}{asset:amount}"},
        {"text": "{uid}{other}{asset:amount}"},
        {"number": "round"},
        {"leaf_digits": 32},
        {"hash_depth": 3},
        {"node": "text", "leaf_digits": 16},
        {"decimals": 100},
        {"unknown": 1},
        {"text": 5},
        {"name": "a\x1b[2J"},
    ],
)
def test_a_bad_template_is_a_usage_error(members: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        template(**members)


def test_neither_toml_nor_json() -> None:
    with pytest.raises(UsageError):
        Template.read(Document.of(b"text = "))


@pytest.mark.parametrize(
    "record",
    [
        {"uid": "u", "balances": {"BTC": "1e3"}},
        {"uid": "u", "balances": {"BTC": 1}},
        {"uid": "u", "balances": []},
        {"uid": "u"},
        {"balances": {}},
        {"uid": "u", "salt": "not in the template", "balances": {}},
    ],
)
def test_a_bad_record_is_malformed(record: dict[str, object]) -> None:
    shape = json.dumps({"text": "{uid},{asset:amount}"}).encode()
    assert judged(proof(record=record), {"template": shape}).state == "malformed"


@drawn(st.dictionaries(st.text("ABC", min_size=1), st.decimals(0, 99, places=3), min_size=1))
def test_any_record_is_bound_by_its_leaf(balances: dict[str, object]) -> None:
    shape = template()
    texts = {asset: str(value) for asset, value in balances.items()}
    owner = shape.record({"uid": "u", "balances": texts}, LIMITS)
    joined = ",".join(f"{asset}:{value}" for asset, value in texts.items())
    assert shape.leaf(owner) == hashlib.sha256(f"u,{joined}".encode()).hexdigest()
