"""Every way in which a node can fail: the row becomes unknown with the reason, never zero."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import nodes
import pytest
import vectorfiles
from chainhelpers import Handler, Reply, holder, reply, row

from merkle_por.errors import Incomplete, UsageError
from merkle_por.reserves.chains import agree, balances, http
from merkle_por.reserves.chains.evm import Evm
from merkle_por.reserves.chains.http import Call, Http, RpcError, endpoint
from merkle_por.reserves.chains.interface import Balance, Figure, Query
from merkle_por.reserves.chains.registry import chain
from merkle_por.reserves.holding import Level

Serve = Callable[[Handler], str]
RECORDED = "rpc-recordings"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_DELAY", 0.001)


def one(url: str | list[str]) -> Balance:
    [(_, balance)] = balances([row("ETH", holder(1))], {"ethereum": url})
    return balance


def client(url: str, **options: Any) -> Http:
    return Http(endpoint(url), sleep=lambda seconds: None, **options)


def block(hash: str = "0x" + "ab" * 32) -> dict[str, Any]:
    """A header that no proof can be checked against."""
    return {"number": "0x64", "hash": hash, "timestamp": "0x5"}


def node(balance: Any = "0x7", **special: Any) -> Handler:
    """A plausible node without proofs; special: method -> what it answers with."""

    def answer(call: Any) -> Any:
        known = {
            "eth_chainId": "0x1",
            "eth_getBlockByNumber": block(),
            "eth_getBalance": balance,
            **special,
        }
        found = known.get(call["method"])
        if isinstance(found, dict) and "code" in found:
            return {"jsonrpc": "2.0", "id": call["id"], "error": found}
        return {"jsonrpc": "2.0", "id": call["id"], "result": found}

    def handler(asked: Any) -> Reply:
        calls = asked.json
        return reply([answer(c) for c in calls] if isinstance(calls, list) else answer(calls))

    return handler


def test_the_plausible_node_is_believed_as_far_as_it_goes(server: Serve) -> None:
    found = one(server(node()))
    assert (found.level, found.units) == (Level.OWN_NODE, 7)


def test_node_down() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = one(f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert (found.level, found.units, found.reason) == (Level.UNKNOWN, None, "node-unreachable")
    assert found.amount is None


def test_a_node_that_drips_is_left_in_time(server: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.1)
    url = server(lambda asked: reply("x" * 1000, drip=0.05))
    start = time.monotonic()
    with pytest.raises(Incomplete, match="node-unreachable"):
        client(url, attempts=1, read_seconds=0.3).call("eth_chainId")
    assert time.monotonic() - start < 3


def test_a_node_that_says_nothing(server: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Incomplete, match="node-unreachable"):
            client(url, attempts=2, read_seconds=0.2).call("eth_chainId")


def test_wrong_chain(server: Serve) -> None:
    assert one(server(node(eth_chainId="0x38"))).reason == "chain-mismatch"


@pytest.mark.parametrize(
    "message",
    [
        "missing trie node 1234 (path ) state 0x12 is not available",
        "historical state 12 is not available",
        "distance to target block exceeds maximum proof window",
        "state already discarded: pruned",
    ],
)
def test_pruned(server: Serve, message: str) -> None:
    found = one(server(node({"code": -32000, "message": message})))
    assert (found.level, found.reason) == (Level.UNKNOWN, "history-unavailable")


@pytest.mark.parametrize(
    "balance",
    [None, "", "0x", "7", 7, "0x07", "0xzz", "0x" + "f" * 65, [], {}, True, "-0x1", "0x1 "],
)
def test_nonsense_balances(server: Serve, balance: Any) -> None:
    found = one(server(node(balance)))
    assert (found.level, found.units, found.reason) == (Level.UNKNOWN, None, "node-answer")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        "<html>busy</html>",
        '{"jsonrpc":"2.0","id":1,"result":NaN}',
        '{"jsonrpc":"2.0","id":1,"id":1,"result":"0x1"}',
        '{"jsonrpc":"2.0","id":1}',
        '{"jsonrpc":"9","id":1,"result":"0x1"}',
        "[" * 10_000,
        b"\xff\xfe",
    ],
)
def test_nonsense_answers(server: Serve, body: Any) -> None:
    found = one(server(lambda asked: reply(body)))
    assert (found.level, found.reason) == (Level.UNKNOWN, "node-answer")


@pytest.mark.parametrize("id", [99, "1", None, True, 1.0, [1]])
def test_wrong_ids(server: Serve, id: Any) -> None:
    url = server(lambda asked: reply({"jsonrpc": "2.0", "id": id, "result": "0x1"}))
    assert one(url).reason == "node-answer"


@pytest.mark.parametrize(
    "change",
    [
        lambda answers: answers[:-1],
        lambda answers: [*answers, answers[0]],
        lambda answers: [{**answers[0], "id": 10_000}, *answers[1:]],
        lambda answers: [{**a, "id": answers[0]["id"]} for a in answers],
        lambda answers: [None, *answers[1:]],
        lambda answers: "text",
    ],
)
def test_wrong_ids_in_arrays(server: Serve, change: Any) -> None:
    def handler(asked: Any) -> Reply:
        return reply(change([{"jsonrpc": "2.0", "id": c["id"], "result": 1} for c in asked.json]))

    answers = client(server(handler), attempts=1).calls([Call("a", [n]) for n in range(4)])
    assert any(isinstance(a, Incomplete) and a.reason == "node-answer" for a in answers)
    assert {a for a in answers if not isinstance(a, Incomplete)} <= {1}


def test_answers_of_an_array_may_come_in_any_order(server: Serve) -> None:
    def handler(asked: Any) -> Reply:
        answers = [{"jsonrpc": "2.0", "id": c["id"], "result": c["params"]} for c in asked.json]
        return reply(answers[::-1])

    answers = client(server(handler)).calls([Call("a", [n]) for n in range(250)])
    assert answers == [[n] for n in range(250)]


def test_huge_bodies(server: Serve) -> None:
    url = server(lambda asked: reply(b'"' + b"x" * 300_000))
    with pytest.raises(Incomplete, match="too-big"):
        client(url, answer_bytes=100_000).call("eth_chainId")


def test_compressed_bodies_are_not_unpacked(server: Serve) -> None:
    url = server(lambda asked: reply(b"\x1f\x8b", Content_Encoding="gzip"))
    assert one(url).reason == "node-answer"


def test_rate_limit_is_waited_for(server: Serve) -> None:
    times: list[int] = []
    waited: list[float] = []

    def handler(asked: Any) -> Reply:
        times.append(1)
        if len(times) < 3:
            return reply({"error": "slow down"}, status=429, Retry_After="7")
        return reply({"jsonrpc": "2.0", "id": asked.json["id"], "result": "0x1"})

    found = Http(endpoint(server(handler)), sleep=waited.append).call("eth_chainId")
    assert (found, waited) == ("0x1", [7.0, 7.0])


def test_a_date_to_wait_for(server: Serve) -> None:
    waited: list[float] = []
    url = server(lambda asked: reply("", status=503, Retry_After="Sun, 06 Nov 1994 08:49:37 GMT"))
    with pytest.raises(Incomplete, match="node-error"):
        Http(endpoint(url), sleep=waited.append).call("eth_chainId")
    assert len(waited) == 4
    assert waited == sorted(waited)


@pytest.mark.parametrize("pause", ["3600", "nonsense", "9" * 40])
def test_rate_limits_end(server: Serve, pause: str) -> None:
    url = server(lambda asked: reply("", status=429, Retry_After=pause))
    with pytest.raises(Incomplete, match="node-refused"):
        client(url).call("eth_chainId")


@pytest.mark.parametrize(
    ("status", "reason", "times"),
    [
        (301, "node-redirect", 1),
        (302, "node-redirect", 1),
        (307, "node-redirect", 1),
        (401, "node-refused", 1),
        (403, "node-refused", 1),
        (400, "node-error", 1),
        (404, "node-error", 1),
        (500, "node-error", 5),
        (502, "node-error", 5),
        (429, "node-refused", 5),
    ],
)
def test_statuses(server: Serve, status: int, reason: str, times: int) -> None:
    visits: list[str] = []
    elsewhere: list[str] = []

    def trap(asked: Any) -> Reply:
        elsewhere.append(asked.path)
        return reply({"jsonrpc": "2.0", "id": 1, "result": "0x1"})

    target = server(trap)

    def handler(asked: Any) -> Reply:
        visits.append(asked.path)
        return reply("", status=status, Location=f"{target}/trap")

    with pytest.raises(Incomplete, match=reason):
        client(server(handler)).call("eth_chainId")
    assert (len(visits), elsewhere) == (times, [])


def test_two_services_that_agree(server: Serve) -> None:
    urls = [server(node()).replace("127.0.0.1", "127.0.0.1"), server(node())]
    pinned = _others(urls)
    assert (pinned.level, pinned.units) == (Level.AGREED, 7)


def test_two_services_that_disagree(server: Serve) -> None:
    found = one([server(node("0x7")), server(node("0x8"))])
    assert (found.level, found.units, found.reason) == (Level.UNKNOWN, None, "sources-disagree")
    assert "7" in str(found.text)
    assert "8" in str(found.text)


def test_two_services_on_different_blocks(server: Serve) -> None:
    other = node(eth_getBlockByNumber=block("0x" + "cd" * 32))
    assert one([server(node()), server(other)]).reason == "sources-disagree"


def test_one_of_two_services_is_down(server: Serve) -> None:
    found = _others([server(node()), "http://127.0.0.1:9"])
    assert (found.level, found.units) == (Level.SINGLE_SOURCE, 7)


def test_one_service_twice_is_one(server: Serve) -> None:
    url = server(node())
    assert _others([url, url]).level is Level.SINGLE_SOURCE


def growing(height: int, time: int = 10_000) -> Handler:
    """A plausible service whose latest block is at this height."""

    def at(number: int) -> dict[str, Any] | None:
        if number > height:
            return None
        return {"number": hex(number), "hash": f"0x{number:064x}", "timestamp": hex(time)}

    def handler(asked: Any) -> Reply:
        calls = asked.json if isinstance(asked.json, list) else [asked.json]
        tags = [c["params"][0] for c in calls if c["method"] == "eth_getBlockByNumber"]
        found = [at(height if tag == "latest" else int(tag, 16)) for tag in tags]
        return node(eth_getBlockByNumber=found[0] if found else None)(asked)

    return handler


@pytest.mark.parametrize("order", [(1, -1), (-1, 1)])
def test_services_some_blocks_apart_are_asked_at_the_block_that_both_have(
    server: Serve, order: tuple[int, int]
) -> None:
    urls = [server(growing(100 + step)) for step in order]
    found = _others(urls)
    assert (found.level, found.height) == (Level.AGREED, 99)


def test_a_service_that_stands_still_takes_nobody_back(server: Serve) -> None:
    found = _others([server(growing(100)), server(growing(101, 20_000))])
    assert (found.level, found.height) == (Level.SINGLE_SOURCE, 101)


def test_a_service_takes_no_own_node_back(server: Serve) -> None:
    found = one([server(growing(101)), server(growing(100))])  # loopback: both are own
    assert (found.level, found.height) == (Level.OWN_NODE, 100)
    mine, other = (
        Evm(chain("ethereum"), Http(endpoint(server(growing(height))))) for height in (101, 100)
    )
    other.own = False
    pinned = agree.pin([other, mine], None)
    assert (pinned.block.height, pinned.clients) == (101, (mine,))
    assert [error.reason for error in pinned.failed] == ["block-unknown"]


def test_a_node_that_went_down_is_given_up(server: Serve) -> None:
    """However many rows there are: otherwise each would wait for its own time-outs."""
    calls: list[str] = []

    def handler(asked: Any) -> Reply:
        first = asked.json[0] if isinstance(asked.json, list) else asked.json
        if first["method"] in ("eth_chainId", "eth_getBlockByNumber") or (
            first["params"][:1] == ["0x" + "00" * 20]  # whether a block goes by its hash
        ):
            return node()(asked)
        calls.append(first["method"])
        return reply("", status=503)

    rows = [row("ETH", holder(i)) for i in range(1, 400)]
    found = [b for _, b in balances(rows, {"ethereum": server(handler)})]
    assert {b.level for b in found} == {Level.UNKNOWN}
    assert "did not answer 3 questions in a row" in (found[-1].text or "")
    assert len(calls) == http.GIVEN_UP * http.ATTEMPTS


def test_a_node_that_was_given_up_is_asked_again_later(
    server: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch keeps its clients for days."""
    status = 503

    def handler(asked: Any) -> Reply:
        body = {"jsonrpc": "2.0", "id": asked.json["id"], "result": "0x1"}
        return reply(body, status=status)

    once = client(server(handler), attempts=1)
    for _ in range(http.GIVEN_UP):
        with pytest.raises(Incomplete, match="status 503"):
            once.call("eth_chainId")
    status = 200
    with pytest.raises(Incomplete, match="in a row"):
        once.call("eth_chainId")
    monkeypatch.setattr(http, "REST_SECONDS", 0.0)
    assert once.call("eth_chainId") == "0x1"
    monkeypatch.undo()
    assert once.call("eth_chainId") == "0x1"


def test_an_answer_in_between_keeps_a_node(server: Serve) -> None:
    answers = iter([503, 503, 200] * 3)

    def handler(asked: Any) -> Reply:
        body = {"jsonrpc": "2.0", "id": asked.json["id"], "result": "0x1"}
        return reply(body, status=next(answers))

    once = client(server(handler), attempts=1)
    for _ in range(3):
        for _ in range(2):
            with pytest.raises(Incomplete, match="status 503"):
                once.call("eth_chainId")
        assert once.call("eth_chainId") == "0x1"


def test_a_service_that_refuses_blocks_by_hash_with_a_status(server: Serve) -> None:
    def handler(asked: Any) -> Reply:
        if isinstance(asked.json, dict) and isinstance(asked.json["params"][-1:], list):
            last = asked.json["params"][-1] if asked.json["params"] else None
            if isinstance(last, dict):
                return reply("bad request", status=400)
        return node()(asked)

    found = one(server(handler))
    assert (found.units, found.level) == (7, Level.OWN_NODE)


@pytest.mark.parametrize("text", ["0x" + "AB" * 32, "ab" * 32, "0X" + "ab" * 32])
def test_a_block_s_hash_in_any_writing(server: Serve, text: str) -> None:
    url = server(node(eth_getBlockByHash=block()))
    [(_, found)] = balances([row("ETH", holder(1))], {"ethereum": url}, {"ethereum": text})
    assert (found.units, found.block_hash) == (7, "0x" + "ab" * 32)


def _others(urls: list[str]) -> Balance:
    """As `one`, with services that are not the user's own (loopback counts as own)."""
    clients = []
    for url in urls:
        made = Evm(chain("ethereum"), Http(endpoint(url), sleep=lambda seconds: None))
        made.own = False
        clients.append(made)
    pinned = agree.pin(clients, None)
    [found] = agree.ask(pinned, [Query("ethereum", holder(1))])
    return found


def test_a_balance_that_changes_under_a_fixed_block(server: Serve) -> None:
    """A service that answers each time with another block hash."""
    count = iter(range(1, 1000))

    def handler(asked: Any) -> Reply:
        hash = f"0x{next(count):064x}"
        return node(eth_getBlockByNumber=block(hash))(asked)

    assert one(server(handler)).reason == "block-changed"


def test_no_node_for_the_chain() -> None:
    [(_, found)] = balances([row("BTC", "1abc")], {})
    assert (found.level, found.reason) == (Level.UNKNOWN, "no-node")
    [(_, found)] = balances([row("NOSUCH-COIN", "1abc")], {})
    assert (found.level, found.reason) == (Level.UNKNOWN, "unknown-token")


def test_what_the_user_names_wrongly() -> None:
    for named in ({"nochain": "http://x"}, {"eth": "ftp://x"}, {"eth": "x"}, {"eth": "@/no/file"}):
        with pytest.raises(UsageError):
            balances([], named)
    with pytest.raises(UsageError):
        balances([], {"eth": "https://x/${NO_SUCH_VARIABLE_HERE}"})
    with pytest.raises(UsageError):
        balances([], {"btc": "http://x#api=magic"})
    for at in ("-1", "12x", "0x12", -1, True):
        with pytest.raises(UsageError):
            balances([], {}, {"eth": at})


def test_secrets_are_sent_and_never_shown(
    server: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    seen: list[Any] = []

    def handler(asked: Any) -> Reply:
        seen.append((asked.path, asked.headers.get("x-key"), asked.headers.get("authorization")))
        return reply({"error": {"code": 1, "message": "no key s3cretpath s3crethead"}}, status=400)

    url = server(handler)
    monkeypatch.setenv("POR_PATH", "s3cretpath")
    monkeypatch.setenv("POR_HEAD", "s3crethead")
    text = f"{url}/v2/${{POR_PATH}}#chain_id=1&header=X-Key: ${{POR_HEAD}}"
    found = one(text)
    assert seen[0][:2] == ("/v2/s3cretpath", "s3crethead")
    assert "s3cret" not in repr(found)
    assert "***" in str(found.text)
    assert "s3cret" not in repr(endpoint(text))
    file = tmp_path / "url"
    file.write_text(f"{url.replace('//', '//user:s3cretword@')}/rpc\n")
    found = one(f"@{file}")
    assert seen[-1][2] == "Basic dXNlcjpzM2NyZXR3b3Jk"
    assert "s3cretword" not in repr(found) + repr(endpoint(f"@{file}"))


def test_messages_of_servers_are_cleaned(server: Serve) -> None:
    error = {"code": -1, "message": "\x1b[31mred\x1b[0m\n" + "x" * 1000}
    with pytest.raises(RpcError) as caught:
        client(server(lambda a: reply({"id": 1, "error": error})), attempts=1).call("a")
    assert "\x1b" not in str(caught.value)
    assert len(caught.value.text) < 200


def test_nothing_is_taken_from_the_environment(
    server: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert one(server(node())).units == 7


# --- recorded answers ----------------------------------------------------------------------------


def recording(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(vectorfiles.file("made", RECORDED, name).read_text())
    return loaded


def replay(serve: Serve, exchange: dict[str, Any]) -> str:
    """A server that gives one recorded answer, with the id that was asked for."""

    def handler(asked: Any) -> Reply:
        body = exchange.get("response_text")
        if body is None:
            body = exchange["response"]
            if isinstance(body, list):
                body = [{**b, "id": q["id"]} for b, q in zip(body, asked.json, strict=True)]
            elif body.get("id") is not None:
                body = {**body, "id": asked.json["id"]}
        elif body:
            recorded = f'"id":{exchange["request"]["id"]}}}'
            body = body.replace(recorded, f'"id":{asked.json["id"]}}}')
        return reply(body, exchange["status"], **exchange.get("headers", {}))

    return serve(handler)


@pytest.mark.parametrize(
    ("file", "name", "expected"),
    [
        ("evm.json", "chain id", "0x7a69"),
        ("evm.json", "reverted call", "execution reverted"),
        ("evm.json", "block not there", "BlockOutOfRangeError"),
        ("evm.json", "unknown method", "Method not found"),
        ("bitcoin.json", "status when idle", None),
        ("bitcoin.json", "bad address", "Address is not valid"),
        ("bitcoin.json", "height not there", "Block height out of range"),
        ("bitcoin.json", "unknown method", "Method not found"),
        ("bitcoin.json", "wrong password", "node-refused"),
        ("evm.json", "rate limit (made by hand)", "node-refused"),
    ],
)
def test_recorded_answers(server: Serve, file: str, name: str, expected: str | None) -> None:
    exchange = next(e for e in recording(file)["exchanges"] if e["name"] == name)
    request = exchange["request"] or {"method": "a", "params": []}
    http = client(replay(server, exchange))
    call = lambda: http.call(request["method"], request["params"], version="1.0")  # noqa: E731
    error = (exchange.get("response") or json.loads(exchange["response_text"] or "{}")).get("error")
    if error or exchange["status"] != 200:
        with pytest.raises(Incomplete, match=expected):
            call()
    else:
        assert call() == expected


def test_a_recorded_array_with_one_error(server: Serve) -> None:
    found = recording("evm.json")
    exchange = next(e for e in found["exchanges"] if e["name"] == "batch with one error")
    calls = [Call(c["method"], c["params"]) for c in exchange["request"]]
    good, bad = client(replay(server, exchange)).calls(calls)
    assert good == "0x7"
    assert isinstance(bad, RpcError)


def test_a_recorded_run_of_balances(server: Serve) -> None:
    """All recorded answers of one chain behind one server, matched by method and parameters."""
    found = recording("evm.json")
    known: dict[str, Any] = {}
    for exchange in found["exchanges"]:
        asked, answered = exchange["request"], exchange.get("response")
        if asked is None:
            continue
        pairs = (
            zip(asked, answered, strict=True) if isinstance(asked, list) else [(asked, answered)]
        )
        for question, answer in pairs:
            known[json.dumps([question["method"], question["params"]])] = answer

    def single(call: Any) -> Any:
        answer = known.get(json.dumps([call["method"], call["params"]]))
        refused = {"error": {"code": -32601, "message": "Method not found"}, "jsonrpc": "2.0"}
        return {**(answer or refused), "id": call["id"]}

    def handler(asked: Any) -> Reply:
        calls = asked.json
        return reply([single(c) for c in calls] if isinstance(calls, list) else single(calls))

    one = Evm(chain("ethereum"), client(server(handler) + "#chain_id=31337"))
    pinned = one.pin(int(found["block"], 16))
    figures = one.ask([Query("ethereum", a) for a in found["holders"]], pinned)
    units = [f.units for f in figures if isinstance(f, Figure)]
    assert units == [7, 10**18 + 7, 2 * 10**18 + 7, 3 * 10**18 + 7, 0]


# --- the tests' own nodes ------------------------------------------------------------------------


def test_absent_nodes_skip_but_never_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match="install_nodes"):
        nodes._binary("no-such-node")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="install_nodes"):
        nodes._binary("no-such-node")
