"""What the small clients share: one node or service, and answers read without trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from merkle_por.documents import Number
from merkle_por.errors import Incomplete
from merkle_por.reserves.chains import registry
from merkle_por.reserves.chains.http import Http
from merkle_por.reserves.chains.interface import Answer, Block, Figure, Query

MAX_UNITS = 1 << 256
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:.")


class Endpoint:
    """One node or service that is reached over HTTP: which chain, who answers, whose it is."""

    def __init__(self, chain: registry.Chain, http: Http) -> None:
        self.chain = chain
        self.http = http
        self.source = http.node.source
        self.own = http.node.own
        self.close = http.close


class Service(Endpoint):
    """A node or service of a small client. Subclasses have `pin` and `balance` (or `ask`)."""

    def balance(self, query: Query, block: Block) -> Figure:
        """The answer to one question. Raises Incomplete."""
        raise NotImplementedError

    def ask(self, queries: Sequence[Query], block: Block) -> list[Answer]:
        """As Client.ask: one question after the other."""
        return self.each(queries, lambda query: self.balance(query, block))

    def each(self, queries: Sequence[Query], balance: Callable[[Query], Figure]) -> list[Answer]:
        """The answer to each, or why there is none."""
        answers: list[Answer] = []
        for query in queries:
            try:
                answers.append(balance(query))
            except Incomplete as error:
                answers.append(error)
        return answers

    def figure(self, value: object, decimals: int | None = None, note: str | None = None) -> Figure:
        """An amount in the smallest unit (JSON number or digits) as a figure."""
        places = self.chain.decimals if decimals is None else decimals
        return Figure(self.integer(value, "an amount"), places, note=note)

    def integer(self, value: object, what: str) -> int:
        """A whole number that is not negative, as JSON number or as digits. Raises Incomplete."""
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 80:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_UNITS:
            return value
        raise self.http.nonsense(f"something else than {what}")

    def mapping(self, value: object, *path: str) -> Mapping[str, Any]:
        """An object, or the one inside it at a path of members. Raises Incomplete."""
        for name in path:
            value = self.mapping(value).get(name)
        if not isinstance(value, Mapping):
            raise self.http.nonsense("something else than an object")
        return value

    def items(self, value: object) -> list[Any]:
        if not isinstance(value, list):
            raise self.http.nonsense("something else than a list")
        return value

    def text(self, value: object, what: str = "a text") -> str:
        if not isinstance(value, str) or not value or len(value) > 1000:
            raise self.http.nonsense(f"something else than {what}")
        return value

    def safe(self, text: str) -> str:
        """A text that may stand in a URL's path. Raises Incomplete bad-address."""
        if not text or len(text) > 200 or not _SAFE.issuperset(text) or ".." in text:
            raise Incomplete("bad-address", "the address does not decode as one of its chain")
        return text

    def same_chain(self, found: object, wanted: int | str | None = None) -> None:
        """What the service says it serves must be the chain (`#id=` names a test network)."""
        expected = self.http.node.option("id") or wanted or self.chain.id
        if expected is not None and str(found) != str(expected):
            shown = self.http.cleaned(str(found))[:60]
            text = f"{self.source} serves {shown or 'another chain'}, not {self.chain.name}"
            raise Incomplete("chain-mismatch", text)

    def no_history(self, at: int | str | None) -> None:
        """For services that know the present only."""
        if at is not None:
            text = f"{self.source} tells balances of the present only: an index is needed"
            raise Incomplete("history-unavailable", text)

    def no_token(self, query: Query) -> None:
        if query.token is not None:
            raise Incomplete("unknown-token", f"tokens on {self.chain.name} are not asked for")

    def unknown_account(self) -> Incomplete:
        """The service doesn't know the address: that is not a balance of zero."""
        return Incomplete("account-unknown", f"{self.source} does not know the address")


def digits(value: object) -> str | None:
    """The text of a JSON number or of a string."""
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) else None
