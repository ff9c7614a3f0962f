"""The state rule (design, section 1), and what may be given from outside a file.

A scheme of these tests' own runs whatever steps a test names; the rule must never answer `valid`
unless the judge came to its end, every question the scheme claims was answered by a passed check,
nothing failed, was left out or open, and the root came from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from merkle_por.documents import Document
from merkle_por.errors import Incomplete, Invalid, Malformed, UsageError
from merkle_por.scheme import (
    ROOT,
    Assurance,
    Fact,
    FactKind,
    Findings,
    Given,
    Scheme,
    Where,
    normal_hash,
    run,
)
from merkle_por.verdict import (
    WORST_FIRST,
    About,
    Account,
    Inclusion,
    State,
    Totals,
    Verdict,
    worst,
)

HASH = "ab" * 32
Step = Callable[[Findings, Given], None]


def scheme(
    *steps: Step, claims: bool = True, totals: Totals = Totals.BOUND, **facts: Fact
) -> Scheme:
    def judge(document: Document, given: Given, findings: Findings) -> None:
        for step in steps:
            step(findings, given)

    return Scheme(
        id="test",
        exchange="test",
        exchange_name="Test",
        title="a test's own",
        used="never",
        file_name="x",
        recognises=lambda document: False,
        judge=judge,
        assurance=Assurance("", "", (), claims_inclusion=claims, totals_claim=totals),
        where=Where("", ""),
        facts={"root": ROOT, **facts},
    )


def verdict(*steps: Step, given: dict[str, Any] | None = None, **rules: Any) -> Verdict:
    return run(scheme(*steps, **rules), Document.of(b"x"), Given(given))


def included(findings: Findings, given: Given) -> None:
    findings.about(About.INCLUDED)
    findings.passed("leaf-hash", "leaf rebuilt")


def sums(findings: Findings, given: Given) -> None:
    findings.passed("sum-mismatch", "sums hold", about=About.TOTALS)


def root(findings: Findings, given: Given) -> None:
    findings.published_root(HASH, given)


def fails(findings: Findings, given: Given) -> None:
    findings.failed("negative-balance", "below zero", about=About.TOTALS)


def not_checked(findings: Findings, given: Given) -> None:
    findings.not_checked("no-rule", "no rule", about=About.PROOF)


def open_question(findings: Findings, given: Given) -> None:
    findings.unconfirmed("circuit-not-pinned", "circuit unknown", about=About.PROOF)


def warns(findings: Findings, given: Given) -> None:
    findings.warn("maxwell", "not complete")


def violates(findings: Findings, given: Given) -> None:
    findings.about(About.LEDGER)
    findings.violation("parent-hash", "wrong parent", "line 3")


def raises(error: Exception) -> Step:
    def step(findings: Findings, given: Given) -> None:
        raise error

    return step


MALFORMED = raises(Malformed("bad-hash", "no hash", "a hint", where="x"))
INVALID = raises(Invalid("leaf-hash", "wrong leaf", expected="a", computed="b"))
INCOMPLETE = raises(Incomplete("missing-part", "not installed"))
GIVEN = {"root": HASH}


@pytest.mark.parametrize(
    ("steps", "given", "state"),
    [
        ((included, sums, root), GIVEN, State.VALID),
        ((included, sums, root, warns), GIVEN, State.VALID),
        ((included, sums, root), {}, State.UNCONFIRMED),
        ((included, sums, root), {"root": "cd" * 32}, State.INVALID),
        ((included, sums), GIVEN, State.UNCONFIRMED),
        ((included, sums, root, open_question), GIVEN, State.UNCONFIRMED),
        ((), GIVEN, State.INCOMPLETE),
        ((root,), GIVEN, State.INCOMPLETE),
        ((included, root), GIVEN, State.INCOMPLETE),
        ((sums, root), GIVEN, State.INCOMPLETE),
        ((included, sums, root, not_checked), GIVEN, State.INCOMPLETE),
        ((included, sums, root, INCOMPLETE), GIVEN, State.INCOMPLETE),
        ((included, sums, root, fails), GIVEN, State.INVALID),
        ((included, sums, root, fails, not_checked, open_question), GIVEN, State.INVALID),
        ((included, sums, root, violates), GIVEN, State.INVALID),
        ((included, sums, root, INVALID), GIVEN, State.INVALID),
        ((INVALID,), GIVEN, State.INVALID),
        ((included, sums, root, MALFORMED), GIVEN, State.MALFORMED),
        ((included, sums, root, fails, MALFORMED), GIVEN, State.MALFORMED),
    ],
)
def test_the_state_follows_from_the_checks(
    steps: tuple[Step, ...], given: dict[str, Any], state: State
) -> None:
    assert verdict(*steps, given=given).state is state


STEPS = (
    included,
    sums,
    root,
    fails,
    not_checked,
    open_question,
    warns,
    violates,
    MALFORMED,
    INVALID,
    INCOMPLETE,
)


@hypothesis_given(
    st.lists(st.sampled_from(STEPS), max_size=7),
    st.sampled_from([{}, GIVEN, {"root": "cd" * 32}]),
    st.booleans(),
    st.sampled_from([Totals.HOLDS, Totals.BOUND, Totals.NOT_CLAIMED]),
)
def test_nothing_is_valid_without_all_that_it_takes(
    steps: list[Step], given: dict[str, Any], claims: bool, totals: Totals
) -> None:
    found = verdict(*steps, given=given, claims=claims, totals=totals)
    needed = {root} | ({included} if claims else set())
    needed |= set() if totals is Totals.NOT_CLAIMED else {sums}
    harmless = set(steps) <= {included, sums, root, warns}
    wanted = needed <= set(steps) and harmless and given == GIVEN
    assert (found.state is State.VALID) is wanted
    if found.state is State.VALID:
        assert found.root is not None
        assert found.root.confirmed
        assert found.root.source == "option"
        assert found.inclusion in (Inclusion.HOLDS, Inclusion.NOT_CLAIMED)
        assert found.totals is totals
        assert found.reason is None
    if found.state in (State.INVALID, State.MALFORMED):
        assert found.reason is not None
    assert found.to_json()["state"] == found.state.value


def test_inclusion_and_totals_are_two_answers() -> None:
    negative = verdict(included, root, fails, given=GIVEN)
    assert (negative.inclusion, negative.totals) == (Inclusion.HOLDS, Totals.FAILS)
    leaf = verdict(INVALID, given=GIVEN)
    assert (leaf.inclusion, leaf.totals) == (Inclusion.FAILS, Totals.NOT_CHECKED)
    other = verdict(included, sums, root, given={"root": "cd" * 32})
    assert (other.inclusion, other.totals) == (Inclusion.FAILS, Totals.NOT_CHECKED)
    early = verdict(included, INCOMPLETE, given=GIVEN)
    assert early.inclusion is Inclusion.NOT_CHECKED
    path = verdict(included, root, given=GIVEN, totals=Totals.NOT_CLAIMED)
    assert (path.state, path.totals) == (State.VALID, Totals.NOT_CLAIMED)


def test_a_judge_that_stops_early_never_leaves_valid() -> None:
    for error in (MALFORMED, INVALID, INCOMPLETE):
        assert verdict(included, sums, root, error, given=GIVEN).state is not State.VALID


def test_a_judges_own_fault_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        verdict(included, raises(ZeroDivisionError()))


def test_reasons_must_be_documented() -> None:
    for error in (Malformed, Invalid, Incomplete):
        with pytest.raises(KeyError):
            error("no-such-reason", "x")
    with pytest.raises(KeyError):
        verdict(lambda findings, given: findings.failed("no-such-reason", "x"))


def test_violations_are_counted_and_the_first_are_listed() -> None:
    def many(findings: Findings, given: Given) -> None:
        findings.about(About.LEDGER)
        for line in range(50):
            findings.violation("parent-hash", "wrong parent", f"line {line}")
        findings.violation("negative-balance", "below zero", "line 99", count=7)

    found = verdict(included, sums, root, many, given=GIVEN)
    assert found.state is State.INVALID
    listed = found.details["violations"]
    assert listed["counts"] == {"parent-hash": 50, "negative-balance": 7}
    assert len(listed["listed"]) + listed["more"] == 57
    assert found.reason == "parent-hash"


def test_the_worst_of_several_states() -> None:
    assert worst(WORST_FIRST) is State.MALFORMED
    assert worst([State.VALID, State.UNCONFIRMED]) is State.UNCONFIRMED
    assert worst([State.INCOMPLETE, State.INVALID]) is State.INVALID
    assert worst([State.VALID]) is State.VALID
    assert worst([]) is State.MALFORMED
    assert {state: state.exit for state in State} == {
        State.VALID: 0,
        State.INVALID: 1,
        State.MALFORMED: 3,
        State.UNCONFIRMED: 4,
        State.INCOMPLETE: 5,
    }


# -- what the user expects -------------------------------------------------------------------------


def mine(findings: Findings, given: Given) -> None:
    findings.account = Account("me", {"BTC": Decimal("1.50"), "ETH": Decimal(0)})
    findings.published = {"BTC": Decimal(100)}


@pytest.mark.parametrize(
    ("expect", "state"),
    [
        ({"BTC": "1.5"}, State.VALID),
        ({"BTC": "1.5", "ETH": "0", "XRP": "0"}, State.VALID),
        ({"BTC": "1.50000001"}, State.INVALID),
        ({"XRP": "1"}, State.INVALID),
    ],
)
def test_own_balances_are_compared_for_the_user(expect: dict[str, str], state: State) -> None:
    found = verdict(included, sums, root, mine, given={**GIVEN, "expect": expect})
    assert found.state is state
    assert found.reason == (None if state is State.VALID else "balance-mismatch")
    assert found.account is not None
    assert found.account.expected is not None


def test_published_totals_are_compared_for_the_user() -> None:
    good = verdict(included, sums, root, mine, given={**GIVEN, "totals": {"BTC": "100.0"}})
    assert good.state is State.VALID
    bad = verdict(included, sums, root, mine, given={**GIVEN, "totals": {"BTC": "99"}})
    assert (bad.state, bad.reason) == (State.INVALID, "total-mismatch")


@pytest.mark.parametrize("name", ["expect", "totals"])
def test_what_can_not_be_compared_is_the_callers_mistake(name: str) -> None:
    with pytest.raises(UsageError):
        verdict(included, sums, root, given={**GIVEN, name: {"BTC": "1"}})


# -- given facts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "digits", "wanted"),
    [
        (HASH, (64,), HASH),
        (f" 0x{HASH.upper()}\n", (64,), HASH),
        ("0XABCDEF0123456789", (16, 64), "abcdef0123456789"),
        (" ".join(HASH[i : i + 8] for i in range(0, 64, 8)), (64,), HASH),
    ],
)
def test_a_typed_root_is_read_leniently(text: str, digits: tuple[int, ...], wanted: str) -> None:
    assert normal_hash(text, "root", digits) == wanted


@pytest.mark.parametrize(
    "text", ["", "0x", "y", HASH[:-1], HASH + "0", "ａb" * 32, HASH[:-1] + "g"]
)
def test_what_is_no_root_is_the_callers_mistake(text: str) -> None:
    with pytest.raises(UsageError):
        normal_hash(text, "root")


@pytest.mark.parametrize(
    ("kind", "method", "good", "bad"),
    [
        (FactKind.TEXT, "text", ["x", ""], [1, ["x"], {}]),
        (FactKind.INTEGER, "integer", [5, "5"], ["x", "-5", "5.0", 1.5, True, "٣", "9" * 50]),
        (FactKind.FLAG, "flag", [True, "true", "false"], ["yes", 1, "True"]),
        (FactKind.AMOUNT, "amount", ["1.5", 2], ["1e3", 1.5, [], True, "x"]),
        (FactKind.AMOUNTS, "amounts", [{"A": "1"}], ["1", {"A": 1}, {"A": "x"}, ["A"]]),
        (FactKind.VALUE, "object", [{"a": 1}, '{"a": 1}'], ["x", "[1]", 5, '{"a":1,"a":2}']),
        (FactKind.FILE, "file", [b"x"], [5, "no/such/file", {}]),
        (FactKind.FILES, "files", [[b"x"], b"x", []], [[5], "no/such/file"]),
        (FactKind.HASH, "hash", [HASH], [5, "x", HASH[:-2]]),
    ],
)
def test_facts_are_read_by_their_kinds(
    kind: FactKind, method: str, good: list[Any], bad: list[Any]
) -> None:
    takes = scheme(x=Fact(kind, ""))
    for value in good:
        getattr(Given({"x": value}).for_scheme(takes), method)("x")
    for value in bad:
        with pytest.raises(UsageError):
            getattr(Given({"x": value}).for_scheme(takes), method)("x")
    absent = getattr(Given({"x": None}).for_scheme(takes), method)("x")
    assert absent in (None, False, [])


def test_unknown_facts_are_refused_with_the_known_ones_named() -> None:
    with pytest.raises(UsageError) as caught:
        Given({"rot": HASH}).for_scheme(scheme())
    assert caught.value.hints == ("it takes: expect, root, totals",)


def test_files_are_found_beside_the_proof(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text("{}")
    given = Given({"x": "audit.json"}, folder=tmp_path).for_scheme(
        scheme(x=Fact(FactKind.FILE, ""))
    )
    found = given.file("x")
    assert found is not None
    assert found.data == b"{}"


def test_where_a_root_came_from_is_told() -> None:
    for source in ("option", "prompt", "attestation", "pin"):
        given = Given(GIVEN, sources={"root": source})
        found = run(scheme(included, sums, root), Document.of(b"x"), given)
        assert found.root is not None
        assert found.root.source == source
