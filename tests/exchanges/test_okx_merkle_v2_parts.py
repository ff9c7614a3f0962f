"""OKX's second generation: amounts in a user's file that no line of the tree can hold."""

from __future__ import annotations

import hashlib
import json

import pytest

import merkle_por
from merkle_por.errors import UsageError
from merkle_por.verdict import Inclusion, State, Totals

COINS = ("BTC", "ETH", "USDT")
NONCE = "ab" * 32


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def compact(amounts: dict[str, str]) -> str:
    return json.dumps(amounts, separators=(",", ":"))


def user_file(amounts: dict[str, str]) -> tuple[bytes, str]:
    """A user of one part, and its leaf."""
    user = digest(NONCE + compact(amounts))
    leaf = digest(user + "".join(amounts[coin] for coin in COINS))
    nodes = [{"hash": leaf, "balances": amounts}]
    text = json.dumps({"hash": user, "nonce": NONCE, "totalBalances": amounts, "nodes": nodes})
    return text.encode(), leaf


def tree_file(leaf: str, btc: str) -> tuple[bytes, str]:
    """A tree of that leaf and an empty one beside it, and its root."""
    other = digest("other")
    root = digest(f"{leaf}{other}{btc}002")
    rows = ((root, 2, btc), (other, 1, "0"), (leaf, 1, btc))
    lines = [f"{h},{n},{compact({'BTC': b, 'ETH': '0', 'USDT': '0'})}\n" for h, n, b in rows]
    return "".join(lines).encode(), root


@pytest.mark.parametrize("btc", ["9" * 60, str(2**128 // 10**8 + 1)])
def test_amount_beyond_128_bits_is_not_found(btc: str) -> None:
    own, _ = user_file({"BTC": btc, "ETH": "0", "USDT": "0"})
    tree, root = tree_file(digest("somebody"), "1")
    result = merkle_por.verify(own, given={"tree": tree, "root": root})
    assert result.state == "invalid"
    assert "leaf-not-found" in [check.id for check in result.checks]


def test_amount_of_more_than_28_digits_is_found() -> None:
    """Python's usual decimal context would round it, and the line would not be found."""
    btc = "123456789012345678901234567.12345678"
    own, leaf = user_file({"BTC": btc, "ETH": "0", "USDT": "0"})
    tree, root = tree_file(leaf, btc)
    assert merkle_por.verify(own, given={"tree": tree, "root": root}).state == "valid"


def test_a_missing_leaf_is_said_of_inclusion_not_of_the_totals() -> None:
    own, _ = user_file({"BTC": "2", "ETH": "0", "USDT": "0"})
    tree, root = tree_file(digest("somebody"), "1")
    verdict = merkle_por.verify(own, given={"tree": tree, "root": root}).proofs[0]
    assert verdict.reason == "leaf-not-found"
    assert verdict.inclusion is Inclusion.FAILS
    assert "totals" not in verdict.sentence


def test_a_negative_row_is_said_of_the_totals() -> None:
    tree, root = tree_file(digest("somebody"), "-1")
    verdict = merkle_por.audit(tree, root=root).verdict
    assert (verdict.state, verdict.totals) == (State.INVALID, Totals.FAILS)


def test_two_parts_without_balances_may_look_like_a_leaf_and_its_padding() -> None:
    nothing = {"BTC": "0", "ETH": "0", "USDT": "0"}
    single, leaf = user_file(nothing)
    user = json.loads(single)
    user["nodes"] *= 2
    root = digest(f"{leaf}{leaf}0002")
    row = f",1,{compact(nothing)}\n"
    tree = f"{root},2,{compact(nothing)}\n{leaf}{row}{leaf}{row}".encode()
    for nodes, state in ((1, "valid"), (2, "valid"), (3, "invalid")):
        user["nodes"] = user["nodes"][:1] * nodes
        result = merkle_por.verify(json.dumps(user).encode(), given={"tree": tree, "root": root})
        assert result.state == state


def test_a_tree_given_by_its_content_is_a_wrong_option() -> None:
    own, _ = user_file({"BTC": "2", "ETH": "0", "USDT": "0"})
    tree, _ = tree_file(digest("somebody"), "1")
    with pytest.raises(UsageError) as caught:
        merkle_por.verify(own, given={"tree": tree.decode() * 20})
    assert len(str(caught.value)) < 300
    assert "tree=FILE" in caught.value.hints[0]
