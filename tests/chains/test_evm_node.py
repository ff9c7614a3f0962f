"""EVM balances against a real node (anvil): coins, tokens, past blocks, proofs, a reorg."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import nodes
import pytest
from chainhelpers import CONTRACTS, MULTICALL3, TOKEN, Handler, holder, mined, mint, reply, row

from merkle_por.execution import Execution
from merkle_por.merkle import evm_state
from merkle_por.reserves.chains import abi, balances, registry
from merkle_por.reserves.chains.evm import Evm
from merkle_por.reserves.chains.http import Http, endpoint
from merkle_por.reserves.chains.interface import Balance, Figure, Query
from merkle_por.reserves.holding import Level

TOKENS = {"TT-ERC20": ("ethereum", TOKEN)}


def asked(node: nodes.Node, *rows: Any, at: Any = None, **more: Any) -> list[Balance]:
    urls = {"ethereum": f"{node.url}#chain_id=31337"}
    height = {"ethereum": node.call("eth_blockNumber") if at is None else at}
    height["ethereum"] = int(height["ethereum"], 16) if at is None else at
    return [b for _, b in balances(rows, urls, height, tokens=TOKENS, **more)]


def client(node: nodes.Node, options: str = "", url: str | None = None) -> Evm:
    text = f"{url or node.url}#chain_id=31337&{options}"
    return Evm(registry.chain("ethereum"), Http(endpoint(text), attempts=1))


def test_coins_are_proven_against_the_block(evm: nodes.Node) -> None:
    rows = [row("ETH", holder(0xA000 + n)) for n in (1, 2, 39)]
    never = row("ETH", holder(0xBEEF))
    found = asked(evm, *rows, never)
    assert [b.level for b in found] == [Level.PROVED] * 4
    assert [b.units for b in found] == [10**18 + 1, 2 * 10**18 + 2, 39 * 10**18 + 39, 0]
    assert found[0].amount == Decimal("1.000000000000000001")
    assert found[0].block_hash is not None
    assert found[0].time is not None
    assert found[0].source == evm.url.removeprefix("http://")


def test_tokens_are_proven_by_a_slot_found_with_two_holders(evm: nodes.Node) -> None:
    found = asked(evm, *[row("TT-ERC20", holder(0xA000 + n)) for n in (1, 2, 3, 30)])
    assert [b.level for b in found] == [Level.PROVED] * 4
    assert [b.amount for b in found] == [1, 2, 3, 0]
    assert found[0].decimals == 6


def test_one_holder_is_not_enough_to_know_the_slot(evm: nodes.Node) -> None:
    [found] = asked(evm, row("TT-ERC20", holder(0xA001)))
    assert (found.level, found.units) == (Level.OWN_NODE, 1_000_000)


def test_a_found_slot_proves_nothing_on_somebody_elses_node(evm: nodes.Node) -> None:
    other = client(evm)
    block = other.pin(None)
    other.own = False
    found = other.ask([Query("ethereum", holder(0xA000 + n), TOKEN) for n in (1, 2)], block)
    assert [(f.units, f.proved) for f in found if isinstance(f, Figure)] == [
        (1_000_000, False),
        (2_000_000, False),
    ]


def test_past_blocks(evm: nodes.Node) -> None:
    before = int(evm.call("eth_blockNumber"), 16)
    evm.call("anvil_mine")
    mined(evm, a1=77)
    rows = [row("ETH", holder(0xA001))]
    assert asked(evm, *rows)[0].units == 77
    assert asked(evm, *rows, at=before)[0].units == 10**18 + 1
    assert asked(evm, row("ETH", holder(0xA001), height=before), at=before)[0].height == before
    mined(evm, a1=10**18 + 1)


def test_a_block_named_by_its_hash(evm: nodes.Node) -> None:
    block = evm.call("eth_getBlockByNumber", "latest", False)
    [found] = asked(evm, row("ETH", holder(0xA002)), at=block["hash"])
    assert (found.level, found.block_hash) == (Level.PROVED, block["hash"])
    [found] = asked(evm, row("ETH", holder(0xA002)), at="0x" + "12" * 32)
    assert (found.level, found.reason) == (Level.UNKNOWN, "block-unknown")


def test_rows_keep_their_own_heights(evm: nodes.Node) -> None:
    top = int(evm.call("eth_blockNumber"), 16)
    rows = [row("ETH", holder(0xA003), height=h) for h in (top, top - 1, None)]
    found = [b for _, b in balances(rows, {"eth": f"{evm.url}#chain_id=31337"})]
    assert [b.height for b in found] == [top, top - 1, top]


def test_all_ways_of_reading_agree(evm: nodes.Node) -> None:
    """Single calls, arrays, Multicall3, proofs: the same figures."""
    addresses = [holder(0xA000 + n) for n in range(1, 30)]
    coins = [Query("ethereum", a) for a in addresses]
    held = [Query("ethereum", a, TOKEN) for a in addresses]
    answers = []
    for options in ("", "prove=no", "prove=no&multicall=no"):
        one = client(evm, options)
        block = one.pin(None)
        answers.append(one.ask(coins + held, block))
    assert [f.proved for f in answers[0] if isinstance(f, Figure)] == [True] * 58
    assert not any(f.proved for f in answers[1] if isinstance(f, Figure))
    units = [[f.units for f in part if isinstance(f, Figure)] for part in answers]
    assert len(units[0]) == 58
    assert units[0] == units[1] == units[2]


def test_a_service_that_takes_no_arrays(evm: nodes.Node, server: Callable[[Handler], str]) -> None:
    def no_arrays(question: Any) -> Any:
        if isinstance(question.json, list):
            return reply({"error": "batch not allowed"}, status=400)
        answer = evm.call(question.json["method"], *question.json["params"])
        return reply({"jsonrpc": "2.0", "id": question.json["id"], "result": answer})

    one = client(evm, "multicall=no", server(no_arrays))
    block = one.pin(None)
    found = one.ask([Query("ethereum", holder(0xA000 + n)) for n in (1, 2, 3)], block)
    assert [f.units for f in found if isinstance(f, Figure) and f.proved] == [
        n * 10**18 + n for n in (1, 2, 3)
    ]


def test_a_token_without_code_is_unknown_not_zero(evm: nodes.Node) -> None:
    found = [
        b
        for _, b in balances(
            [row("X", holder(0xA001))],
            {"ethereum": f"{evm.url}#chain_id=31337"},
            tokens={"X": ("ethereum", holder(0x1234))},
        )
    ]
    assert [(b.level, b.units, b.reason) for b in found] == [(Level.UNKNOWN, None, "node-answer")]


def test_damaged_addresses_are_unknown(evm: nodes.Node) -> None:
    good = holder(0xA001)
    found = asked(evm, row("ETH", "0x12"), row("ETH", good[:-1] + "A"), row("ETH", good))
    assert [b.reason for b in found] == ["bad-address", "bad-checksum", None]


def test_a_row_with_several_addresses_is_their_sum(evm: nodes.Node) -> None:
    rows = [
        row("ETH", holder(0xA001), holder(0xA002), amount=Decimal("3")),
        row("ETH", holder(0xA001), holder(0xA001), amount=Decimal("1.0")),
        row("ETH", holder(0xA001), "0x12", amount=Decimal("1")),
        row("ETH", holder(0xA002), amount=Decimal("2.5")),
    ]
    found = asked(evm, *rows)
    assert [b.units for b in found] == [3 * 10**18 + 3, 10**18 + 1, None, 2 * 10**18 + 2]
    assert [b.problem and b.problem[0] for b in found] == [None, None, None, "lower-balance"]


def test_on_an_executor(evm: nodes.Node) -> None:
    rows = [row("ETH", holder(0xA000 + n)) for n in (1, 2)]
    with ThreadPoolExecutor(2) as threads:
        found = asked(evm, *rows, execution=Execution(threads))
    assert [b.level for b in found] == [Level.PROVED] * 2


def test_the_wrong_chain(evm: nodes.Node) -> None:
    found = [b for _, b in balances([row("ETH", holder(0xA001))], {"ethereum": evm.url})]
    assert [(b.level, b.reason) for b in found] == [(Level.UNKNOWN, "chain-mismatch")]


def test_a_block_beyond_the_end(evm: nodes.Node) -> None:
    [found] = asked(evm, row("ETH", holder(0xA001)), at=10**9)
    assert (found.level, found.reason) == (Level.UNKNOWN, "block-unknown")


def test_a_run_is_repeated_offline(evm: nodes.Node, tmp_path: Path) -> None:
    rows = [row("ETH", holder(0xA001)), row("TT-ERC20", holder(0xA001))]
    rows.append(row("TT-ERC20", holder(0xA002)))
    file = tmp_path / "answers.sqlite"
    top = int(evm.call("eth_blockNumber"), 16)
    first = asked(evm, *rows, at=top, memory=file)
    again = asked(evm, *rows, at=top, memory=file)
    gone = f"http://{evm.url.removeprefix('http://')}"
    offline = [
        b
        for _, b in balances(
            rows,
            {"ethereum": f"{gone}#chain_id=31337"},
            {"ethereum": top},
            tokens=TOKENS,
            memory=file,
            offline=True,
        )
    ]
    assert first == again == offline
    assert {b.level for b in first} == {Level.PROVED}
    [other] = asked(evm, row("ETH", holder(0xA009)), at=top, memory=file, offline=True)
    assert (other.level, other.reason) == (Level.UNKNOWN, "not-recorded")


def test_a_reorganisation_during_the_run() -> None:
    """The block is looked up again after the balances; another hash makes them unknown."""
    with nodes.anvil() as node:
        node.call("anvil_mine")
        start = node.call("evm_snapshot")
        mined(node, a1=5)
        height = int(node.call("eth_blockNumber"), 16)
        one = client(node)
        ask = one.ask

        def reorganised(*args: Any) -> Any:
            answers = ask(*args)
            node.call("evm_revert", start)
            mined(node, a1=6)
            return answers

        one.ask = reorganised  # type: ignore[method-assign]
        from merkle_por.reserves.chains import agree

        pinned = agree.pin([one], height)
        [found] = agree.ask(pinned, [Query("ethereum", holder(0xA001))])
        assert (found.level, found.reason) == (Level.UNKNOWN, "block-changed")


def test_a_lying_node_is_found_out_by_its_own_proofs(
    evm: nodes.Node, server: Callable[[Handler], str]
) -> None:
    """A service that states a larger balance than its proof shows."""

    def answer(call: Any) -> Any:
        result = evm.call(call["method"], *call["params"])
        if call["method"] == "eth_getProof":
            result["balance"] = hex(10**24)
        return {"jsonrpc": "2.0", "id": call["id"], "result": result}

    def lying(question: Any) -> Any:
        calls = question.json
        return reply([answer(c) for c in calls] if isinstance(calls, list) else answer(calls))

    url = f"{server(lying)}#chain_id=31337"
    for urls in (url, [url, f"{evm.url}#chain_id=31337"]):
        [(_, found)] = balances([row("ETH", holder(0xA001))], {"ethereum": urls})
        assert (found.level, found.reason) == (Level.UNKNOWN, "account-fields-mismatch")


def test_headers_with_other_fields_prove_nothing(
    evm: nodes.Node, server: Callable[[Handler], str]
) -> None:
    """A chain that hashes other header fields: own-node, not proved."""

    def answer(call: Any) -> Any:
        result = evm.call(call["method"], *call["params"])
        if call["method"].startswith("eth_getBlockBy"):
            result["extraData"] = "0x99"
        return {"jsonrpc": "2.0", "id": call["id"], "result": result}

    def other(question: Any) -> Any:
        calls = question.json
        return reply([answer(c) for c in calls] if isinstance(calls, list) else answer(calls))

    [(_, found)] = balances(
        [row("ETH", holder(0xA001))], {"ethereum": f"{server(other)}#chain_id=31337"}
    )
    assert (found.level, found.units) == (Level.OWN_NODE, 10**18 + 1)


def test_multicall_and_single_answers_are_decoded_strictly(evm: nodes.Node) -> None:
    reads = [(bytes.fromhex(TOKEN[2:]), abi.DECIMALS), (bytes.fromhex(TOKEN[2:]), b"\xde\xad")]
    data = evm.call(
        "eth_call", {"to": MULTICALL3, "data": "0x" + abi.aggregate3(reads).hex()}, "latest"
    )
    raw = bytes.fromhex(data[2:])
    assert abi.aggregated(raw, 2) == [abi.word(6), None]
    from merkle_por.errors import Malformed

    for cut in (0, 31, 64, 100, len(raw) - 33):
        with pytest.raises(Malformed):
            abi.aggregated(raw[:cut], 2)
    with pytest.raises(Malformed):
        abi.aggregated(raw, 3)


def test_the_contracts_are_the_sources() -> None:
    """Selectors of both contracts stand in their code."""
    assert abi.BALANCE_OF.hex() in CONTRACTS["Token"]
    assert abi.AGGREGATE3.hex() in CONTRACTS["Multicall"]
    assert abi.GET_ETH_BALANCE.hex() in CONTRACTS["Multicall"]


def test_usdc_marks_are_masked(evm: nodes.Node) -> None:
    """A registry token whose slot carries a mark in its top bit still agrees with balanceOf."""
    assert registry.token_of("ethereum", registry.tokens("ethereum")["USDC"].id.lower()).mask
    slot = evm_state.mapping_slot(bytes.fromhex(holder(0xA001)[2:]), 1)
    stored = evm.call("eth_getStorageAt", TOKEN, "0x" + slot.hex(), "latest")
    assert int(stored, 16) == 1_000_000
    mint(evm, holder(0xA00F), 5)
