"""`merkle-por reserves` and `solvency` with nodes: real ones on loopback, end to end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschemas
import nodes
import pytest
import vectorfiles

from merkle_por.cli.main import main
from merkle_por.reserves import asking
from merkle_por.reserves.api import reserves
from merkle_por.reserves.chains import http
from merkle_por.reserves.chains.interface import Balance
from merkle_por.reserves.holding import Level

BTC = "bc1q82aks5ft2at48wp0sa6rr5vtzutvgzr8azts6w8nlu0dqc2dx24qvzwspk"
SIGNED = "0xb13ee9273587fe9337ccd74d4af04dc5c4420e0c"
"""The address of valid-one-row.csv, whose signature is good; it lists 1 ETH."""
BYBIT = "Coin,Height,Amount,Address\n"
BINANCE = "coin,network,address,balance,Height,Third party custodian name\n"
COIN = 10**18
Run = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """What came of one run."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        jsonschemas.check(found)
        return found

    @property
    def flat(self) -> str:
        """The text without its line breaks."""
        return " ".join(self.out.split())


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        assert isinstance(stop.value.code, int)
        return Done(stop.value.code, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_DELAY", 0.001)


def wallet(number: int) -> str:
    return f"0x{0xA000 + number:040x}"


@pytest.fixture(scope="module")
def chain() -> Iterator[nodes.Node]:
    """Ethereum as far as its id goes: wallets 1 to 3 hold as many coins at `full`; wallet 2 is
    drained two blocks later. The signed address holds 1."""
    with nodes.anvil("--chain-id", "1") as node:
        for number in (1, 2, 3):
            node.call("anvil_setBalance", wallet(number), hex(number * COIN))
        node.call("anvil_setBalance", SIGNED, hex(COIN))
        node.call(
            "anvil_mine", "0x2"
        )  # setting a balance changes the last block without its header
        node.call("anvil_setBalance", wallet(2), "0x0")
        node.call("anvil_mine")
        yield node


FULL, DRAINED = 1, 3


def bybit(tmp_path: Path, height: int, *more: str) -> Path:
    rows = [f"ETH-Ethereum,{height},{n},{wallet(n)}" for n in (1, 2, 3)]
    path = tmp_path / "bybit_por.csv"
    path.write_text(BYBIT + "\n".join(["ETH(ALL),-,6,", *rows, *more]) + "\n")
    return path


def of(node: nodes.Node) -> list[str]:
    return ["--node", f"ethereum={node.url}"]


def test_all_balances_there_but_nobodys(chain: nodes.Node, tmp_path: Path, run: Run) -> None:
    path = bybit(tmp_path, FULL)
    done = run("reserves", path, *of(chain))
    assert done.status == 4
    assert done.flat.startswith("UNCONFIRMED All 3 rows hold at least what is listed, nodes say;")
    assert "on chain ETH 6 3 rows proved" in done.flat
    assert "blocks ethereum 1, 0x" in done.flat
    document = run("reserves", path, *of(chain), "--json").document
    [asset] = document["assets"]
    assert (asset["listed"], asset["on_chain"], asset["level_rows"]) == ("6", "6", {"proved": 3})
    [read] = document["chains"]
    assert (read["chain"], read["rows"], read["unknown_rows"]) == ("ethereum", 3, 0)
    block = chain.call("eth_getBlockByNumber", hex(FULL), False)
    assert read["first"] == read["last"]
    assert (read["first"]["height"], read["first"]["hash"]) == (FULL, block["hash"])
    assert read["first"]["time"].endswith("Z")
    assert read["sources"] == [chain.url.removeprefix("http://")]


def test_binances_layout(chain: nodes.Node, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "hot.csv"
    path.write_text(BINANCE + "".join(f"ETH,ETH,{wallet(n)},{n},{FULL},\n" for n in (1, 2, 3)))
    document = run("reserves", path, *of(chain), "--exchange", "binance", "--json").document
    assert document["state"] == "unconfirmed"
    assert document["assets"][0]["levels"] == {"proved": "6"}


def test_signed_and_there_is_valid(chain: nodes.Node, run: Run) -> None:
    path = vectorfiles.file("made", "okx-por-csv", "valid-one-row.csv")
    done = run("reserves", path, *of(chain), "--at", f"ethereum={FULL}", "--exchange", "okx")
    assert done.status == 0
    assert done.flat.startswith("VALID The one signature is good; balances as the nodes say.")
    assert "100.00" in done.out


def test_a_trusted_block_hash(chain: nodes.Node, run: Run) -> None:
    path = vectorfiles.file("made", "okx-por-csv", "valid-one-row.csv")
    block = chain.call("eth_getBlockByNumber", hex(FULL), False)["hash"]
    assert run("reserves", path, *of(chain), "--at", f"ethereum={block}").status == 0
    other = run("reserves", path, *of(chain), "--at", "ethereum=0x" + "12" * 32)
    assert other.status == 5
    assert "block-unknown" in other.flat


def test_a_wallet_drained_before_the_snapshot(chain: nodes.Node, tmp_path: Path, run: Run) -> None:
    assert run("reserves", bybit(tmp_path, FULL), *of(chain)).status == 4
    done = run("reserves", bybit(tmp_path, DRAINED), *of(chain), "--json")
    assert done.status == 1
    document = done.document
    assert (document["state"], document["reason"]) == ("invalid", "lower-balance")
    [failed] = [check for check in document["checks"] if check["status"] == "fail"]
    assert failed["where"] == "line 4"
    assert wallet(2) in failed["text"]
    assert document["assets"][0]["on_chain"] == "4"


def test_one_node_of_somebody_else_is_a_single_source(
    chain: nodes.Node, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loopback address counts as the user's own; here it is told to count as another's."""
    real = http.endpoint

    def foreign(text: str) -> Any:
        from dataclasses import replace

        return replace(real(text), own=False)

    monkeypatch.setattr("merkle_por.reserves.chains.families.endpoint", foreign)
    path = vectorfiles.file("made", "okx-por-csv", "valid-one-row.csv")
    done = run("reserves", path, *of(chain), "--at", f"ethereum={FULL}")
    assert "balances as one service says" in done.flat
    assert "1 row single-source" in done.flat
    assert "1 balances hang on the word of one service (single-source)" in done.flat


def test_a_node_that_is_down(tmp_path: Path, run: Run) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    done = run("reserves", bybit(tmp_path, FULL), "--node", f"ethereum={url}", "--json")
    assert done.status == 5
    [asset] = done.document["assets"]
    assert asset["on_chain"] is None
    assert asset["unknown_rows"] == 3
    assert asset["levels"] == {}
    open_ = [check for check in done.document["checks"] if check["status"] == "not-checked"]
    assert {check["id"] for check in open_} == {"node-unreachable"}


def test_a_node_of_another_chain(tmp_path: Path, run: Run) -> None:
    with nodes.anvil("--chain-id", "5") as other:
        done = run("reserves", bybit(tmp_path, 0), *of(other))
    assert done.status == 5
    assert "unknown 3 rows unknown" in done.flat
    assert "chain-mismatch" in done.flat


def test_two_nodes_that_disagree(chain: nodes.Node, tmp_path: Path, run: Run) -> None:
    with nodes.anvil("--chain-id", "1") as other:
        other.call("anvil_mine", "0x3")
        done = run("reserves", bybit(tmp_path, FULL), *of(chain), *of(other), "--json")
    assert done.status == 5
    [asset] = done.document["assets"]
    assert (asset["on_chain"], asset["level_rows"]) == (None, {"unknown": 3})
    assert "sources-disagree" in done.out


def test_a_chain_without_a_node_stays_claimed(chain: nodes.Node, tmp_path: Path, run: Run) -> None:
    path = bybit(tmp_path, FULL, f"BTC-Bitcoin,5,2,{BTC}")
    done = run("reserves", path, *of(chain))
    assert done.status == 5
    assert "no node was named for bitcoin (no-node)" in done.flat
    assert "next --node bitcoin=URL for 1 row" in done.flat
    document = run("reserves", path, *of(chain), "--json").document
    levels = {asset["asset"]: asset["levels"] for asset in document["assets"]}
    assert levels == {"ETH": {"proved": "6"}, "BTC": {"claimed": "2"}}
    assert document["not_asked"] == [{"reason": "no-node", "name": "bitcoin", "rows": 1}]


def test_a_network_that_no_table_knows_is_not_taken_for_another(
    chain: nodes.Node, tmp_path: Path, run: Run
) -> None:
    """ETH on a chain without a name here must not be looked for on Ethereum."""
    path = tmp_path / "hot.csv"
    path.write_text(BINANCE + f"ETH,NEWCHAIN,{wallet(3)},1,{FULL},\n")
    document = run("reserves", path, *of(chain), "--json").document
    assert document["state"] == "incomplete"
    assert document["assets"][0]["level_rows"] == {"claimed": 1}
    assert document["not_asked"] == [{"reason": "unknown-token", "name": "NEWCHAIN", "rows": 1}]


def test_staked_coins_are_not_looked_for_on_the_address(chain: nodes.Node, run: Run) -> None:
    path = vectorfiles.file("made", "okx-por-csv", "valid-staking-12-columns.csv")
    document = run("reserves", path, *of(chain), "--json").document
    assert document["not_asked"] == [{"reason": "no-node", "name": "beacon", "rows": 2}]
    staked = [line for line in document["assets"][0]["coins"] if line["kind"] == "staked"]
    assert staked
    assert all(set(line["level_rows"]) == {"claimed"} for line in staked)


def test_a_validators_balance_is_asked_of_the_beacon_chain_at_a_named_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The list's height is a block of the other chain: it must not be taken for a slot."""
    questions: list[asking.Question] = []

    def answers(rows: Any, *args: Any, **more: Any) -> Iterator[Any]:
        for row in rows:
            questions.append(row)
            yield row, Balance(Level.OWN_NODE, 32 * 10**9, 9)

    monkeypatch.setattr(asking, "balances", answers)
    key = "0x" + "ab" * 48
    text = (
        "coin,Type,Network,Snapshot Height,address,amount,message,signature1,signature2,"
        "redeem script/public key,EOA1,EOA2\n"
        f"ETH,Native ETH Staking,ETH,20914735,{key},32,I am an OKX address,,,,,\n"
    )
    whom = {"beacon": "http://127.0.0.1:1"}
    without = reserves(text.encode(), nodes=whom)
    assert questions.pop().addresses == ()
    assert without.assets[0].levels == {"claimed": 1}
    report = reserves(text.encode(), nodes=whom, at={"beacon": 10_000})
    [question] = questions
    assert (question.chain, question.addresses, question.height) == ("beacon", (key,), None)
    assert report.assets[0].on_chain == 32


def test_coins_in_a_tokens_own_contract_are_warned_of() -> None:
    """WETH is made of the ETH that its contract holds: listing both counts them twice."""
    contract = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
    rows = f"ETH,Ethereum,{contract},5,1,\nWETH,Ethereum,{wallet(1)},5,1,\n"
    warnings = reserves((BINANCE + rows).encode()).warnings
    assert "double-counted" in {warning.id for warning in warnings}
    rows = f"ETH,Ethereum,{wallet(2)},5,1,\nWETH,Ethereum,{wallet(1)},5,1,\n"
    warnings = reserves((BINANCE + rows).encode()).warnings
    assert "double-counted" not in {warning.id for warning in warnings}


def test_tokens_of_the_auditors_set_are_not_counted_as_coins(
    chain: nodes.Node, tmp_path: Path, run: Run
) -> None:
    """Its network column is ETH where the asset is USDT: the coins there are no USDT."""
    path = tmp_path / "aup.csv"
    path.write_text(
        "digitalAsset,network,address,signedMessage,signedMessage2,message,publicKey\n"
        f"USDT,ETH,{wallet(3)},,,,\nETH,ETH,{wallet(3)},,,,\n"
    )
    document = run("reserves", path, *of(chain), "--at", f"ethereum={FULL}", "--json").document
    found = {asset["asset"]: asset["on_chain"] for asset in document["assets"]}
    assert found == {"USDT": None, "ETH": "3"}


def test_answers_are_kept_for_an_offline_run(tmp_path: Path, run: Run) -> None:
    path, cache = bybit(tmp_path, FULL), tmp_path / "answers.db"
    with nodes.anvil("--chain-id", "1") as node:
        for number in (1, 2, 3):
            node.call("anvil_setBalance", wallet(number), hex(number * COIN))
        node.call("anvil_mine")
        asked = [path, *of(node), "--cache", cache, "--json"]
        first = run("reserves", *asked, "--workers", 2).document
    again = run("reserves", *asked, "--offline").document
    assert {**first, "time": None} == {**again, "time": None}
    assert again["assets"][0]["levels"] == {"proved": "6"}
    without = run("reserves", *asked).document
    assert without["state"] == "incomplete"


def test_coins_borrowed_for_the_day(tmp_path: Path, run: Run) -> None:
    with nodes.anvil("--chain-id", "1") as node:
        for amount, days in ((1, 10), (9, 1), (1, 10)):  # blocks 1, 3 and 5; 3 is the snapshot
            node.call("anvil_setBalance", wallet(1), hex(amount * COIN))
            node.call("anvil_mine")
            node.call("evm_increaseTime", days * 86_400)
            node.call("anvil_mine")
        path = tmp_path / "list.csv"
        path.write_text(BYBIT + f"ETH-Ethereum,3,9,{wallet(1)}\n")
        done = run("reserves", path, *of(node), "--around", 5)
        assert "a good part of it was there only then" in done.flat
        document = run("reserves", path, *of(node), "--around", 5, "--json").document
    [course] = document["around"]
    assert course["only_for_the_day"]
    amounts = [(r["days"], int(Decimal(r["amount"]))) for r in course["readings"]]
    assert amounts == [(-5, 1), (0, 9), (5, 1)]


def test_one_address_in_the_lists_of_two_exchanges(
    chain: nodes.Node, tmp_path: Path, run: Run
) -> None:
    other = tmp_path / "binance.csv"
    other.write_text(BINANCE + f"ETH,Ethereum,{wallet(3)},3,{FULL},\n")
    done = run("reserves", bybit(tmp_path, FULL), other, *of(chain), "--json")
    assert done.document["assets"][0]["listed"] == "6"
    [overlap] = done.document["overlaps"]
    assert (overlap["first"], overlap["again"]) == ("bybit_por.csv", "binance.csv")
    assert "double-counted" in {w["class"] for w in done.document["warnings"]}


def test_one_address_claimed_by_two_exchanges_for_different_coins(tmp_path: Path) -> None:
    other = tmp_path / "binance.csv"
    other.write_text(BINANCE + f"USDT,Ethereum,{wallet(3)},3,{FULL},\n")
    report = reserves(bybit(tmp_path, FULL), other)
    [twice] = [warning.text for warning in report.warnings if warning.id == "claimed-twice"]
    assert twice == f"ethereum {wallet(3)}: claimed by Binance and Bybit"
    assert report.totals == {"ETH": 6, "USDT": 3}


def test_a_list_that_fails_beside_one_that_holds(tmp_path: Path) -> None:
    typed = {"reserves": [{"asset": "ETH", "amount": "-1", "address": wallet(9)}]}
    report = reserves(json.dumps(typed).encode(), bybit(tmp_path, FULL))
    assert report.reason == "negative-balance"
    assert report.rows == 3


# -- solvency ------------------------------------------------------------------------------------


def owed(tmp_path: Path, **amounts: str) -> Path:
    path = tmp_path / "owed.json"
    path.write_text(json.dumps({"liabilities": amounts}))
    return path


def test_the_verified_ratio_beside_the_claimed_one(
    chain: nodes.Node, tmp_path: Path, run: Run
) -> None:
    signed = vectorfiles.file("made", "okx-por-csv", "valid-one-row.csv")
    sides = ["--liabilities", owed(tmp_path, ETH="0.8"), "--reserves"]
    [before] = run("solvency", *sides, signed, "--json").document["assets"]
    assert (before["ratio"], before["verified_ratio"]) == ("1.250000", "0.000000")
    asked = [*of(chain), "--at", f"ethereum={FULL}"]
    done = run("solvency", *sides, signed, *asked, "--json").document
    [after] = done["assets"]
    assert (after["ratio"], after["verified_ratio"]) == ("1.250000", "1.250000")
    assert done["reserves"][0]["heights"] == {"ethereum": {"lowest": FULL, "highest": FULL}}
    assert done["state"] == "unconfirmed"  # what is owed was only published
    text = run("solvency", *sides, signed, *asked).flat
    assert "All of it is proven." in text
    assert "rows valid-one-row.csv: 1 proved; at ethereum 1" in text
    # The same from a saved result, without a node.
    saved = tmp_path / "reserves.json"
    saved.write_text(run("reserves", signed, *asked, "--json").out)
    [again] = run("solvency", *sides, saved, "--json").document["assets"]
    assert again == after


def test_a_shortfall_on_chain_is_one_whatever_the_list_says(
    chain: nodes.Node, tmp_path: Path, run: Run
) -> None:
    sides = ["--liabilities", owed(tmp_path, ETH="5"), "--reserves", bybit(tmp_path, DRAINED)]
    assert run("solvency", *sides).status == 4
    done = run("solvency", *sides, *of(chain), "--json")
    assert done.status == 1
    assert done.document["solvent"] is False


def test_an_unknown_balance_leaves_the_ratio_incomplete(tmp_path: Path, run: Run) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    sides = ["--liabilities", owed(tmp_path, ETH="5"), "--reserves", bybit(tmp_path, FULL)]
    done = run("solvency", *sides, "--node", f"ethereum={url}", "--json")
    assert done.status == 5
    assert done.document["assets"][0]["state"] == "incomplete"


def test_typed_words_count_only_as_the_callers_own(
    chain: nodes.Node, tmp_path: Path, run: Run
) -> None:
    path = tmp_path / "typed.json"
    row: dict[str, Any] = {
        "asset": "ETH",
        "amount": "3",
        "address": wallet(3),
        "status": "own-node",
    }
    row |= {"ownership": "proven", "chain": "ethereum", "height": FULL}
    path.write_text(json.dumps({"reserves": [row]}))
    sides = ["--liabilities", owed(tmp_path, ETH="3"), "--reserves", path]

    def stated(*more: str) -> bool:
        checks = run("solvency", *sides, *more, "--json").document["checks"]
        return any(check["id"] == "levels-stated" for check in checks)

    assert stated()
    assert not stated("--checked")
    [asset] = run("solvency", *sides, *of(chain), "--json").document["assets"]
    assert (asset["ratio"], asset["verified_ratio"]) == ("1.000000", "0.000000")


# -- a chain of the Bitcoin kind -----------------------------------------------------------------


def test_litecoin_by_the_users_own_node(tmp_path: Path, run: Run) -> None:
    with nodes.litecoind() as node:
        miner = node.call("getnewaddress", "", "legacy")
        node.call("generatetoaddress", 101, miner)
        address = node.call("getnewaddress", "", "legacy")
        node.call("sendtoaddress", address, 2)
        node.call("generatetoaddress", 1, miner)
        height = node.call("getblockcount")
        genesis = node.call("getblockhash", 0)
        whom = ["--node", f"litecoin={node.url}#genesis={genesis}"]
        path = tmp_path / "list.csv"
        path.write_text(BYBIT + f"LTC-Litecoin,{height},2,{address}\n")
        done = run("reserves", path, *whom, "--json")
        path.write_text(BYBIT + f"LTC-Litecoin,{height - 1},2,{address}\n")
        early = run("reserves", path, *whom)
    assert done.document["assets"][0]["levels"] == {"own-node": "2"}
    assert done.status == 4
    assert early.status == 1
    assert "lower-balance" in early.flat
    assert "u:p" not in done.out + early.out + early.err


# -- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--signatures-only", "--node", "ethereum=http://127.0.0.1:1"], "asks no node"),
        (["--at", "ethereum=5"], "needs a node"),
        (["--node", "ethereum"], "write CHAIN=URL"),
        (["--node", "narnia=http://127.0.0.1:1"], "not a chain"),
        (["--node", "ethereum=127.0.0.1:8545"], "must be a URL"),
        (["--node", "ethereum=http://127.0.0.1:1", "--at", "bitcoin=5"], "no node of it"),
        (["--node", "ethereum=http://127.0.0.1:1", "--at", "ethereum=latest"], "height"),
        (["--node", "ethereum=http://127.0.0.1:1", "--offline"], "--cache"),
        (["--offline"], "--offline"),
        (["--around", "3"], "around"),
        (["--exchange", "mtgox"], "no profile"),
        (["--node", "ethereum=${NO_SUCH_VARIABLE}"], "NO_SUCH_VARIABLE"),
    ],
)
def test_options_that_make_no_sense(
    tmp_path: Path, run: Run, options: list[str], says: str
) -> None:
    done = run("reserves", bybit(tmp_path, FULL), *options)
    assert done.status == 2
    assert says in done.err
    assert done.err.startswith("error: ")


def test_a_list_in_another_exchanges_layout(tmp_path: Path, run: Run) -> None:
    done = run("reserves", bybit(tmp_path, FULL), "--exchange", "OKX")
    assert done.status == 3
    assert "is laid out as bybit-por-csv; OKX publishes okx-por-csv" in done.err


def test_secrets_of_a_url_are_never_shown(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_KEY", "topsecretkey")
    named = tmp_path / "url"
    named.write_text("http://user:topsecretword@127.0.0.1:1/topsecretpath?key=topsecretquery\n")
    for value in ("http://127.0.0.1:1/${NODE_KEY}", f"@{named}"):
        for form in ([], ["--json"]):
            whom = ["--node", f"ethereum={value}"]
            done = run("reserves", bybit(tmp_path, FULL), *whom, *form)
            assert done.status == 5
            assert "topsecret" not in done.out + done.err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_it_at_once(tmp_path: Path, workers: str) -> None:
    """A node that takes the question and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "merkle_por", "reserves", str(bybit(tmp_path, FULL))]
        command += ["--node", f"ethereum={url}", "--workers", workers]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:
            connection.recv(10)
            started = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 10
    assert (process.returncode, out) == (130, "")
    assert err.strip() == "stopped"
