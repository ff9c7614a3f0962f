"""What the tests of chains share: rows, replies of made servers, a token on a local node."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nodes

CONTRACTS = json.loads((Path(__file__).parent / "contracts" / "contracts.json").read_text())
TOKEN = "0x00000000000000000000000000000000000070e4"
MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
Handler = Callable[["Asked"], "Reply"]


class Asked(SimpleNamespace):
    """One request: method, path, headers, body (bytes), json (parsed body or None)."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    json: Any


class Reply(SimpleNamespace):
    """status, body (bytes, text, or a JSON value), headers, drip (seconds between bytes)."""


def reply(body: Any = b"", status: int = 200, drip: float = 0.0, **headers: str) -> Reply:
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body=body, status=status, headers=named, drip=drip)


def holder(number: int) -> str:
    return "0x" + f"{number:040x}"


def mined(node: nodes.Node, **balances: int) -> None:
    """Sets balances (by decimal account numbers a1, a2, ...) and mines: see local-nodes.md."""
    for name, value in balances.items():
        node.call("anvil_setBalance", holder(0xA000 + int(name[1:])), hex(value))
    node.call("anvil_mine")


def mint(node: nodes.Node, to: str, value: int) -> None:
    data = "0x40c10f19" + to[2:].rjust(64, "0") + f"{value:064x}"
    sender = node.call("eth_accounts")[0]
    node.call("eth_sendTransaction", {"from": sender, "to": TOKEN, "data": data})


def row(coin: str, *addresses: str, **more: Any) -> Any:
    """A row of a list, as far as `balances` looks at it."""
    fields = {"network": None, "amount": None, "height": None, **more}
    return SimpleNamespace(coin=coin, addresses=addresses, **fields)
