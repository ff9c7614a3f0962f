"""The XRP Ledger (rippled's JSON-RPC): XRP and issued tokens at any ledger that the server keeps.

rippled's HTTP answers carry no id; each connection is asked one thing at a time. A token is named
CURRENCY.ISSUER. Only validated ledgers count. Source: specs/onchain-balances.md; XRPL's API.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from merkle_por.amounts import EXACT
from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service

EPOCH = 946_684_800
"""Ripple's time begins on 2000-01-01."""
MAIN_NETWORK = 0
MOST_PAGES = 1000
MOST_DECIMALS = 96
"""Amounts of tokens have 16 digits and exponents down to -96."""


class Xrp(Service):
    """One server."""

    def _asked(self, method: str, block: str | None = None, **params: Any) -> Mapping[str, Any]:
        try:
            found = self.http.post("", {"method": method, "params": [params]}, block=block)
        except RestError as error:
            raise Incomplete("node-error", error.text) from None
        result = self.mapping(found, "result")
        if result.get("status") == "success":
            return result
        name = self.http.cleaned(result.get("error"))
        if name == "actNotFound":
            raise self.unknown_account()
        if name == "actMalformed":
            raise Incomplete("bad-address", "the address does not decode as one of its chain")
        if name == "lgrNotFound":
            text = f"{self.source} does not keep that ledger: a full-history server is needed"
            raise Incomplete("history-unavailable", text)
        raise Incomplete("node-error", f"{self.source} answers: {name or 'an error'}")

    def pin(self, at: int | str | None) -> Block:
        info = self.mapping(self._asked("server_info"), "info")
        self.same_chain(info.get("network_id", MAIN_NETWORK), str(MAIN_NETWORK))
        if isinstance(at, str):
            at = at.upper()  # servers write hashes so
        named = {"ledger_hash": at} if isinstance(at, str) else {"ledger_index": at or "validated"}
        found = self._asked("ledger", **named)
        if found.get("validated") is not True:
            raise Incomplete("block-unknown", f"{self.source} has not validated that ledger")
        height = self.integer(found.get("ledger_index"), "a ledger's number")
        hash = self.text(found.get("ledger_hash"), "a ledger's hash")
        if at not in (None, height, hash):
            raise self.http.nonsense("another ledger than the one that was asked for")
        seconds = self.integer(self.mapping(found, "ledger").get("close_time"), "a time")
        return Block(height, hash, seconds + EPOCH)

    def balance(self, query: Query, block: Block) -> Figure:
        if query.token is not None:
            return self._token(query, block)
        found = self._asked(
            "account_info", block.hash, account=query.address, ledger_hash=block.hash
        )
        self._at(found, block)
        data = self.mapping(found, "account_data")
        if data.get("Account") != query.address:
            raise self.http.nonsense("another account than was asked for")
        return self.figure(data.get("Balance"))

    def _at(self, found: Mapping[str, Any], block: Block) -> None:
        if found.get("ledger_hash") != block.hash or found.get("validated") is not True:
            raise self.http.nonsense("the balance in another ledger")

    def _token(self, query: Query, block: Block) -> Figure:
        currency, _, issuer = (query.token or "").partition(".")
        total, found_one, marker = Decimal(0), False, None
        for _ in range(MOST_PAGES):
            more: dict[str, Any] = {} if marker is None else {"marker": marker}
            page = self._asked(
                "account_lines",
                block.hash,
                account=query.address,
                peer=issuer,
                ledger_hash=block.hash,
                **more,
            )
            self._at(page, block)
            for line in self.items(page.get("lines")):
                if line.get("currency") == currency and line.get("account") == issuer:
                    total = EXACT.add(total, self._amount(line.get("balance")))
                    found_one = True
            marker = page.get("marker")
            if marker is None:
                break
        else:
            raise self.http.nonsense("more pages than there can be")
        if not found_one:
            raise self.unknown_account()
        if total < 0:
            raise Incomplete("node-answer", "the address itself owes this token")
        exponent = total.as_tuple().exponent
        decimals = max(0, -exponent) if isinstance(exponent, int) else 0
        return Figure(int(total.scaleb(decimals, EXACT)), decimals)

    def _amount(self, value: object) -> Decimal:
        """A token's amount: 16 digits at most, possibly with an exponent."""
        text = value if isinstance(value, str) and len(value) < 40 else ""
        try:
            found = Decimal(text if set(text) <= set("0123456789.-eE+") else "")
        except InvalidOperation:
            raise self.http.nonsense("something else than an amount") from None
        if not found.is_finite() or abs(found.adjusted()) > MOST_DECIMALS:
            raise self.http.nonsense("something else than an amount")
        return found
