"""What `build` writes is what `verify` and `audit` accept, for every user, with the root."""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import books
import jsonschemas
import pytest
from hypothesis import example, given, settings

import merkle_por
from merkle_por.errors import Invalid
from merkle_por.verdict import State

OKX = ("BTC", "ETH", "USDT")
EXAMPLES = 15


def built(rows: list[books.Triple], scheme: str, out: Path, **options: Any) -> Any:
    result = merkle_por.build(iter(rows), scheme, out, options=options)
    jsonschemas.check(json.loads(json.dumps(result.to_json())))
    assert result.to_json() == books.summary(out)
    shown = {asset: value for asset, value in result.totals.items() if value}
    assert shown == {asset: value for asset, value in books.totals(rows).items() if value}
    return result


def valid(result: Any, balances: dict[str, Decimal] | None = None) -> None:
    """The verdict is valid, on just these balances."""
    assert result.state is State.VALID, (result.state, result.sentence)
    if balances is not None:
        account = result.proofs[0].account
        assert account is not None
        shown = {asset: value for asset, value in account.balances.items() if value}
        assert shown == {asset: value for asset, value in balances.items() if value}


def told(out: Path) -> Path:
    """The attestation file: root and totals as they are published."""
    return out / "published" / "attestation.json"


@settings(max_examples=EXAMPLES)
@given(books.books(OKX, 8))
def test_okx_v1(rows: list[books.Triple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        result = built(rows, "okx-merkle-v1", out, audit_id="499930592")
        owed, paths = books.owed(rows), []
        for account, path in books.users(out):
            verdict = merkle_por.verify(path, root=result.root)
            valid(verdict, owed.pop(account))
            assert not any(w.id.startswith("sibling") for w in verdict.proofs[0].warnings)
            valid(merkle_por.verify(path, attestation=told(out)))
            paths.append(path)
        assert not owed
        if len(paths) > 1:
            valid(merkle_por.verify(*paths, root=result.root))
        wrong = ("0" if result.root[0] != "0" else "1") + result.root[1:]
        assert merkle_por.verify(paths[0], root=wrong).state is State.INVALID


@settings(max_examples=EXAMPLES)
@given(books.books(OKX, 8, accounts=40))
def test_okx_v2(rows: list[books.Triple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        result = built(rows, "okx-merkle-v2", out, parts=3)
        tree = out / "published" / "full-liabilities-merkle-tree.txt"
        valid(merkle_por.audit(tree, root=result.root))
        valid(merkle_por.verify(tree, attestation=told(out)))
        assert merkle_por.audit(tree).state is State.UNCONFIRMED
        owed = books.owed(rows)
        for account, path in books.users(out):
            given = {"tree": str(tree)}
            valid(merkle_por.verify(path, given=given, root=result.root), owed.pop(account))
        assert not owed


@settings(max_examples=EXAMPLES)
@given(books.books(("BTC",), 8, numbers=True))
@example([("0", "BTC", "0.00000001")])
def test_bitmex(rows: list[books.Triple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        satoshi = [int(Decimal(text) * 10**8) for _, _, text in rows if Decimal(text)]
        if not any(len(satoshi) <= 2**k <= sum(satoshi) for k in range(7)):
            # Nothing owed, or too few satoshi: no such tree exists.
            with pytest.raises(Invalid):
                built(rows, "bitmex-liabilities", out, height=848470)
            assert not out.exists()
            return
        result = built(rows, "bitmex-liabilities", out, height=848470)
        ledger = out / "published" / "liabilities-848470.csv"
        alone = merkle_por.audit(ledger, root=result.root)
        if sum(satoshi) == 1:
            # One leaf is the whole tree: a root binds its total only where that leaf is rebuilt.
            assert alone.state is State.UNCONFIRMED
        else:
            valid(alone)
        valid(merkle_por.verify(ledger, attestation=told(out)))
        owed = books.owed(rows)
        for account, path in books.users(out):
            given = json.loads(path.read_text())["given"]
            valid(merkle_por.audit(ledger, root=result.root, given=given), owed.pop(account))
        assert not owed


@settings(max_examples=EXAMPLES)
@given(books.books(("BTC", "ETH", "DOGE"), 20))
def test_silversixpence(rows: list[books.Triple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        result = built(rows, "silversixpence", out, audit_id="PR31DEC22", leaf_mode="double")
        valid(merkle_por.audit(out / "published", root=result.root))
        owed = books.owed(rows)
        for account, path in books.users(out):
            record = json.loads(path.with_suffix(".record.json").read_text())
            given = {"record": record}
            valid(merkle_por.verify(path, given=given, root=result.root), owed.pop(account))
            valid(merkle_por.verify(path, given=given, attestation=told(out)))
        assert not owed


@settings(max_examples=EXAMPLES)
@given(books.books(("BTC", "ETH", "DOGE"), 20))
def test_leaf_list(rows: list[books.Triple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        result = built(rows, "tnf-ledger", out)
        leaves = out / "published" / "output_merkle_tree.txt"
        owed = books.owed(rows)
        for account, path in books.users(out):
            given = {"user": json.loads(path.read_text())}
            valid(merkle_por.verify(leaves, given=given, root=result.root), owed.pop(account))
            valid(merkle_por.verify(leaves, given=given, attestation=told(out)))
        assert not owed


@settings(max_examples=EXAMPLES)
@given(books.books(("BTC", "ETH", "DOGE"), 20))
def test_tnf_ledger(rows: list[books.Triple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        result = built(rows, "tnf-ledger", out)
        given = {"scheme": "concat", "totals": books.summary(out)["totals"]}
        valid(merkle_por.audit(out / "private" / "ledger.csv", given=given, root=result.root))


def test_a_test_seed_repeats_everything(tmp_path: Path) -> None:
    rows = [("1", "BTC", "1.5"), ("2", "BTC", "2"), ("3", "BTC", "0.1")]
    for scheme, options in (
        ("okx-merkle-v1", {}),
        ("okx-merkle-v2", {}),
        ("tnf-ledger", {}),
        ("silversixpence", {"audit_id": "PR1"}),
        ("bitmex-liabilities", {"height": 1}),
    ):
        made = []
        for name, seed in (("a", "one"), ("b", "one"), ("c", "two"), ("d", None), ("e", None)):
            out = tmp_path / scheme / name
            out.parent.mkdir(exist_ok=True)
            result = merkle_por.build(rows, scheme, out, options=options, test_seed=seed)
            paths = sorted(p for p in out.rglob("*") if p.is_file())
            made.append({str(p.relative_to(out)): p.read_bytes() for p in paths})
            marked = [p for p in paths if p.name == "MADE-WITH-A-TEST-SEED.txt"]
            assert len(marked) == (2 if seed else 0)
            assert result.test_seed is bool(seed)
            assert [w.id for w in result.warnings].count("test-seed") == (1 if seed else 0)
        assert made[0] == made[1]
        roots = {json.loads(files["build.json"])["root"] for files in made[1:]}
        assert len(roots) == 4
