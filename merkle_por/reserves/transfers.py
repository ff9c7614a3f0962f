"""Control of a list's addresses by transfers to themselves ("send to self"), asked of nodes.

The user has the published list, the transactions that the exchange named (a file, below), and its
announcement: from when to when, and which Bitcoin block fixes the amount. Rules of trust, in one
place (specs/ownership-signatures.md, "Bybit send to self"):
- what the transfers answer to (block, times) counts as known when it came from outside the file;
  else the list is `unconfirmed`: who writes the file could choose a block to fit old transfers;
- the block's header gives the amount, and only if it hashes to the block's hash;
- a row is `proven` when each of its addresses made such a transfer, as all named nodes of its
  chain say; `failed` when a transfer is another one; `unsupported`, and the list incomplete, where
  that is not known; `unsigned` where an address has none;
- of a transfer on a chain of the Ethereum kind the signature is checked here too, and one whose key
  is known so speaks for its address on all chains of that kind.

{"transfers": [{"chain", "address", "txid", "block"}...]}, optionally exchange, source, note, and
what the announcement says: block, header, after, until. A transfer's own block is for nodes that
find transactions by their block only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from merkle_por.amounts import plain
from merkle_por.documents import Document, Fields
from merkle_por.errors import Finding, Incomplete, Invalid, Malformed, UsageError
from merkle_por.execution import Execution
from merkle_por.merkle.spv import HEADER_BYTES, TIME, double_sha256, shown
from merkle_por.reserves import send_to_self
from merkle_por.reserves.chains import registry
from merkle_por.reserves.chains.bitcoin import Core
from merkle_por.reserves.chains.esplora import Esplora
from merkle_por.reserves.chains.evm import Evm
from merkle_por.reserves.chains.families import client
from merkle_por.reserves.chains.interface import Client, utc
from merkle_por.reserves.chains.memory import Memory
from merkle_por.reserves.chains.tron import Tron
from merkle_por.reserves.holding import TIME_FORMAT, strict_time
from merkle_por.reserves.lists.reading import Reading
from merkle_por.reserves.lists.row import Row, address_key
from merkle_por.reserves.ownership.row import Ownership
from merkle_por.reserves.ownership.row import State as Owned
from merkle_por.reserves.send_to_self import Transfer
from merkle_por.scheme import Given
from merkle_por.verdict import About, Check, CheckStatus

TRANSFERS = 100_000
DRIFT = 7200
"""Seconds that a block's time may lie ahead of the clock (Bitcoin's rule): so much earlier than its
header says a block may have been known."""
BITCOIN = "bitcoin"
CHALLENGE = ("block", "header", "after", "until")
NAMED = 3
"""Addresses that a text names."""


class Listed(NamedTuple):
    """One transfer as the file names it. made_in: hash of its block, where named."""

    chain: str
    address: str
    txid: str
    made_in: str | None


class Key(NamedTuple):
    """An address on a chain, or (EVERYWHERE) on all chains of the Ethereum kind."""

    where: str
    address: str


EVM = "evm"
EVERYWHERE = "evm, any chain"


def key_of(chain: registry.Chain, address: str) -> Key:
    return Key(chain.name, address.lower() if chain.family == EVM else address_key(address))


@dataclass(frozen=True)
class Asked:
    """What the user gave. told: what the announcement says (block, header, after, until); outside:
    which of it came from the caller and not with the transfers."""

    name: str
    transfers: tuple[Listed, ...]
    told: Mapping[str, str]
    outside: frozenset[str]


@dataclass(frozen=True)
class Challenge:
    """What the transfers must answer to. times: Unix seconds. confirmed: is it known from outside
    the file?"""

    block: str
    amount: Decimal
    after: int
    until: int
    block_time: int
    confirmed: bool

    @property
    def text(self) -> str:
        """In words."""
        block = f"{self.block[:8]}...{self.block[-8:]}"
        return f"{plain(self.amount)} by block {block}, {utc(self.after)} to {utc(self.until)}"

    @property
    def window(self) -> tuple[int, int]:
        """No answer is older than the block, as far as its time can be relied on."""
        return max(self.after, self.block_time - DRIFT), self.until


@dataclass
class Shown:
    """What came of it, for the report. rows: state of ownership -> rows."""

    name: str
    transfers: int
    challenge: Challenge | None = None
    rows: dict[str, int] = field(default_factory=dict)


# --- what the user gave --------------------------------------------------------------------------


def asked_for(given: Given) -> Asked | None:
    """The file of transfers and the announcement, None where no transfers were given.

    Raises Malformed for the file, UsageError for the rest.
    """
    document = given.file("transfers")
    outside = {name: _told(given, name) for name in CHALLENGE if name in given}
    if document is None:
        if outside:
            text = f"{next(iter(outside))} says what transfers answer to: name the transfers"
            raise UsageError(text, "add --given transfers=FILE")
        return None
    try:
        transfers, inside = _read(document)
    except Malformed as error:
        name = f"{document.name}: {error.text}"
        raise Malformed(error.reason, name, *error.hints, where=error.where) from None
    return Asked(document.name, transfers, {**inside, **outside}, frozenset(outside))


def _told(given: Given, name: str) -> str:
    if name == "block":
        found = given.hash(name)
        assert found is not None
        return found
    text = given.text(name) or ""
    try:
        return _header(text, name) if name == "header" else strict_time(text, name)
    except Malformed as error:
        raise UsageError(f"{name}: {error.text}") from None


def _header(text: str, where: str) -> str:
    try:
        if len(bytes.fromhex(text)) == HEADER_BYTES and len(text) == 2 * HEADER_BYTES:
            return text.lower()
    except ValueError:
        pass
    raise Malformed("bad-length", "not the 80 bytes of a header in hexadecimal", where=where)


def _hash(text: str, where: str) -> str:
    digits = text.removeprefix("0x").lower()
    try:
        if len(digits) == 64 and len(bytes.fromhex(digits)) == 32:
            return digits
    except ValueError:
        pass
    raise Malformed("bad-hash", "not 64 hexadecimal digits", where=where)


def _read(document: Document) -> tuple[tuple[Listed, ...], dict[str, str]]:
    top = Fields(document.json, "", document.limits)
    top.only("exchange", "source", "note", "transfers", *CHALLENGE)
    told: dict[str, str] = {}
    for name in CHALLENGE:
        if name in top:
            text, where = top.text(name, 200), top.place(name)
            if name == "block":
                told[name] = _hash(text, where)
            else:
                told[name] = _header(text, where) if name == "header" else strict_time(text, where)
    found: dict[Key, Listed] = {}
    for place, item in enumerate(top.array("transfers", low=1, high=TRANSFERS)):
        where = f"transfers[{place}]"
        row = Fields(item, where, top.limits).only("chain", "address", "txid", "block", "note")
        chain = registry.find_chain(row.text("chain", 100))
        if chain is None:
            raise Malformed("bad-row", "not a chain that can be asked", where=row.place("chain"))
        address = row.text("address", 200)
        if not address or not address.isprintable() or " " in address:
            raise Malformed("bad-row", "not an address", where=row.place("address"))
        made_in = _hash(row.text("block", 100), row.place("block")) if "block" in row else None
        one = Listed(chain.name, address, _hash(row.text("txid", 100), row.place("txid")), made_in)
        key = key_of(chain, address)
        if key in found:
            text = "an address has two transfers: name the one that answers"
            raise Malformed("duplicate-address", text, where=where)
        found[key] = one
    return tuple(found.values()), told


# --- the challenge -------------------------------------------------------------------------------


def challenge(asked: Asked, nodes: Nodes) -> Challenge:
    """What the transfers must answer to. Raises Invalid, and Incomplete for what is not known."""
    told = asked.told
    missing = [name for name in ("block", "after", "until") if name not in told]
    if missing:
        options = " ".join(f"--given {name}=..." for name in missing)
        text = f"what the transfers answer to is not known: add {options}"
        raise Incomplete("fact-not-given", text)
    block, after, until = told["block"], _seconds(told["after"]), _seconds(told["until"])
    if after > until:
        raise Invalid("wrong-time", "the time for the transfers ends before it begins")
    header = bytes.fromhex(told["header"]) if "header" in told else nodes.header(block)
    try:
        amount = send_to_self.amount_of(header, block)
    except Malformed as error:
        raise Incomplete("no-rule", f"block {block}: {error.text}") from None
    time = int.from_bytes(header[TIME], "little")
    if time + DRIFT < after:
        raise Invalid(
            "wrong-time", "the block that fixes the amount is older than the announcement"
        )
    confirmed = {"after", "until"} <= asked.outside
    if confirmed and "block" not in asked.outside:
        confirmed = nodes.is_first_after(after, header, block)
    return Challenge(block, amount, after, until, time, confirmed)


def _seconds(text: str) -> int:
    return int(datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC).timestamp())


# --- nodes ---------------------------------------------------------------------------------------


class Failure(NamedTuple):
    """Why a transfer shows nothing. state: FAILED or UNSUPPORTED."""

    state: Owned
    reason: str
    text: str


Outcome = Transfer | Failure


@dataclass(frozen=True)
class Task:
    """All transfers on one chain (a task runs on any worker)."""

    chain: str
    urls: tuple[str, ...]
    transfers: tuple[Listed, ...]
    memory: Path | None
    offline: bool


def _failure(error: Finding) -> Failure:
    state = Owned.UNSUPPORTED if isinstance(error, Incomplete) else Owned.FAILED
    return Failure(state, error.reason, error.text)


def answer(task: Task) -> tuple[list[Outcome], bool]:
    """What all nodes say of each transfer, and whether that is more than one service's word."""
    memory = Memory(task.memory, offline=task.offline) if task.memory is not None else None
    chain = registry.chain(task.chain)
    clients = [client(chain, url, memory) for url in task.urls]
    try:
        try:
            for one in clients:
                one.pin(None)  # also says when it serves another chain
        except Incomplete as error:
            return [_failure(error)] * len(task.transfers), False
        found: list[Outcome] = []
        for listed in task.transfers:
            try:
                found.append(_agreed([transfer(one, listed) for one in clients]))
            except Finding as error:
                found.append(_failure(error))
        hosts = {one.source for one in clients}
        return found, len(hosts) > 1 or any(one.own for one in clients)
    finally:
        for one in clients:
            one.close()
        if memory is not None:
            memory.close()


def _agreed(found: Sequence[Transfer]) -> Transfer:
    if any(one != found[0] for one in found):
        raise Incomplete("sources-disagree", "the nodes tell of different transfers")
    return found[0]


def transfer(node: Client, listed: Listed) -> Transfer:
    """The transfer as one node tells it. Raises Invalid, Incomplete."""
    if isinstance(node, Evm):
        return send_to_self.evm_transfer(node.http, "0x" + listed.txid, node.chain.decimals)
    if isinstance(node, Core):
        return send_to_self.bitcoin_transfer(node, listed.txid, listed.address, listed.made_in)
    if isinstance(node, Tron):
        return send_to_self.tron_transfer(node, listed.txid)
    raise Incomplete("no-rule", f"{node.source} can't be asked about single transfers")


@dataclass(frozen=True)
class Nodes:
    """Whom to ask. urls: chain -> URLs."""

    urls: Mapping[str, Sequence[str]]
    execution: Execution
    memory: Path | None = None
    offline: bool = False

    def of(self, chain: str) -> tuple[str, ...]:
        urls = self.urls.get(chain, ())
        return (urls,) if isinstance(urls, str) else tuple(urls)

    def header(self, block: str) -> bytes:
        """The header of a Bitcoin block, which hashes to the block's hash. Raises Incomplete."""
        if not self.of(BITCOIN):
            text = "the header of the Bitcoin block is not known: add --node bitcoin=URL or "
            raise Incomplete("fact-not-given", text + "--given header=HEX")
        return self._headers([block])[0]

    def is_first_after(self, after: int, header: bytes, block: str) -> bool:
        """Whether a block is known to be the first after a moment: its own time is not before it,
        that of the block before is, and it is on the node's chain. False where nobody says so."""
        if not self.of(BITCOIN) or int.from_bytes(header[TIME], "little") < after:
            return False
        before = shown(header[4:36])
        try:
            found = self._headers([before], on_chain=block)[0]
        except Incomplete:
            return False
        return int.from_bytes(found[TIME], "little") < after

    def _headers(self, blocks: Sequence[str], on_chain: str | None = None) -> list[bytes]:
        memory = Memory(self.memory, offline=self.offline) if self.memory is not None else None
        node = client(registry.chain(BITCOIN), self.of(BITCOIN)[0], memory)
        try:
            if not isinstance(node, Core | Esplora):
                raise Incomplete("no-rule", f"{node.source} tells no headers by their hash")
            node.pin(on_chain)
            found = [node.header(block) for block in blocks]
            if any(shown(double_sha256(h)) != b for h, b in zip(found, blocks, strict=True)):
                raise node.http.nonsense("the header of another block")
            return found
        finally:
            node.close()
            if memory is not None:
                memory.close()

    def transfers(self, listed: Iterable[Listed]) -> dict[Key, tuple[Listed, Outcome, bool]]:
        """What the nodes say of each transfer; bool: more than the word of one service?"""
        by_chain: dict[str, list[Listed]] = {}
        for one in listed:
            by_chain.setdefault(one.chain, []).append(one)
        found: dict[Key, tuple[Listed, Outcome, bool]] = {}
        tasks = []
        for name, ones in by_chain.items():
            if self.of(name):
                tasks.append(Task(name, self.of(name), tuple(ones), self.memory, self.offline))
                continue
            text = f"the transfer is on the chain: add --node {name}=URL"
            why = Failure(Owned.UNSUPPORTED, "no-node", text)
            found.update((_key(one), (one, why, True)) for one in ones)
        self.execution.progress("asking nodes", 0, None, "transfers")
        for task, (outcomes, good) in zip(tasks, self.execution.map(answer, tasks), strict=True):
            for one, outcome in zip(task.transfers, outcomes, strict=True):
                found[_key(one)] = (one, outcome, good)
        return found


def _key(listed: Listed) -> Key:
    return key_of(registry.chain(listed.chain), listed.address)


# --- rows ----------------------------------------------------------------------------------------


class Control:
    """Judges rows by the transfers of their addresses."""

    def __init__(self, asked: Asked, nodes: Nodes, reading: Reading) -> None:
        self.asked = asked
        self.reading = reading
        self.shown = Shown(asked.name, len(asked.transfers))
        self._open: Failure | None = None
        try:
            self.shown.challenge = challenge(asked, nodes)
        except Incomplete as error:
            self._open = _failure(error)
        self._say_challenge()
        self._found = {_key(one): one for one in asked.transfers}
        self._outcomes: dict[Key, tuple[Listed, Outcome, bool]] = {}
        self._good: dict[Key, Failure | None] = {}
        self._signed: dict[Key, Key] = {}
        self._met: set[Key] = set()
        self._nodes = nodes

    def _say_challenge(self) -> None:
        found = self.shown.challenge
        if found is None:
            return
        if found.confirmed:
            text = f"transfers of {plain(found.amount)}, as announced, are what is demanded"
            check = Check("challenge", About.OWNERSHIP, CheckStatus.PASS, text)
        else:
            missing = [n for n in ("block", "after", "until") if n not in self.asked.outside]
            text = (
                f"what they answer to is {self.asked.name}'s own word: compare it with the "
                f"announcement, then add {' '.join(f'--given {name}=...' for name in missing)}"
            )
            status = CheckStatus.UNCONFIRMED
            check = Check("challenge-unconfirmed", About.OWNERSHIP, status, text)
        self.reading.checks.append(check)

    def judged(self, rows: Iterable[Row], again: Iterable[Row]) -> Iterator[tuple[Row, Ownership]]:
        """Each row with its judgement. again: the same rows once more, for addresses that
        transfers went to."""
        found = self.shown.challenge
        if found is not None:
            self._outcomes = self._nodes.transfers(self.asked.transfers)
            announced = self._announced(again)
            for key, (listed, outcome, _) in self._outcomes.items():
                self._good[key] = why = self._judged(listed, outcome, found, announced)
                if why is None and isinstance(outcome, Transfer) and outcome.signed:
                    self._signed[Key(EVERYWHERE, key.address)] = key
            self._say_sources()
        for row in rows:
            owned = self._row(row)
            self.shown.rows[owned.state] = self.shown.rows.get(owned.state, 0) + 1
            yield row, owned
        self._say_others()

    def _announced(self, rows: Iterable[Row]) -> frozenset[str]:
        """Receivers on TRON that the list names, or that made a transfer of their own."""
        on_tron = [
            (listed, outcome)
            for listed, outcome, _ in self._outcomes.values()
            if registry.chain(listed.chain).family == "tron" and isinstance(outcome, Transfer)
        ]
        if not on_tron:
            return frozenset()
        wanted = {outcome.receiver for _, outcome in on_tron}
        named = {address for row in rows for address in row.addresses if address in wanted}
        return frozenset(named | {listed.address for listed, _ in on_tron})

    def _judged(
        self, listed: Listed, outcome: Outcome, found: Challenge, announced: Collection[str]
    ) -> Failure | None:
        if isinstance(outcome, Failure):
            return outcome
        chain = registry.chain(listed.chain)
        address = listed.address.lower() if chain.family == EVM else listed.address
        others = announced if chain.family == "tron" else ()
        try:
            send_to_self.check(outcome, address, found.amount, found.window, others)
        except Invalid as error:
            return _failure(error)
        return None

    def _row(self, row: Row) -> Ownership:
        keys = [self._key(row, address) for address in row.addresses]
        mine = [key for key in keys if key in self._found]
        self._met.update(mine)
        if mine and self._open is not None:
            return Ownership(self._open.state, self._open.reason, self._open.text)
        problems = [(key, why) for key in mine if (why := self._good[key]) is not None]
        for state in (Owned.FAILED, Owned.UNSUPPORTED):
            for key, why in problems:
                if why.state is state:
                    more = f"{key.address[:60]}: " if len(row.addresses) > 1 else ""
                    return Ownership(state, why.reason, more + why.text)
        if not keys or len(mine) < len(keys):
            some = f"{len(keys) - len(mine)} of {len(keys)} addresses have" if mine else "it has"
            return Ownership(Owned.UNSIGNED, None, f"{some} no transfer")
        text = "the address sent itself the amount that nobody could know before"
        return Ownership(Owned.PROVEN, None, text, tuple(key.address for key in keys))

    def _key(self, row: Row, address: str) -> Key:
        chain = registry.find_chain(row.network)
        if chain is None:
            try:
                chain, _ = registry.resolve(row.coin, row.network)
            except Incomplete:
                return Key("", address)  # nobody knows where it is: no transfer is its own
        key = key_of(chain, address)
        if key in self._found or chain.family != EVM:
            return key
        # The key that signed on another chain of the kind is the address's own on all of them.
        return self._signed.get(Key(EVERYWHERE, key.address), key)

    def _say_sources(self) -> None:
        alone = {one.chain for one, what, good in self._outcomes.values() if not good}
        for chain in sorted(alone):
            text = f"transfers on {chain} hang on the word of one service (single-source)"
            self.reading.warn("single-source", text)

    def _say_others(self) -> None:
        others = [one.address for key, one in self._found.items() if key not in self._met]
        if others:
            named = ", ".join(address[:60] for address in others[:NAMED])
            more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
            text = f"transfers of addresses that the list does not name: {named}{more}"
            self.reading.warn("transfers-unlisted", text)
