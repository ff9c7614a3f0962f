"""Chains of the Ethereum kind over JSON-RPC: coins and tokens at a block, proven where possible.

Source: specs/onchain-balances.md; EIP-1474 (methods), EIP-1898 (block by hash), EIP-1186 (proofs).
Reads run in arrays, or through Multicall3 where it is deployed. With a header whose fields hash to
the block's hash, each account (and each token balance whose slot is known) is proven by its path in
the state trie: then the node's word is not needed, only the block's hash. A token's slot comes from
the registry, or is found by comparing with balanceOf for two holders; a found one counts as proven
only on a node of the user's own, because somebody else's could point at any mapping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from merkle_por.errors import Finding, Incomplete, Invalid, Malformed
from merkle_por.merkle import evm_state
from merkle_por.reserves.chains import abi, registry
from merkle_por.reserves.chains.http import Call, Http, RestError, RpcError, first_error
from merkle_por.reserves.chains.interface import Answer, Block, Figure, Query
from merkle_por.reserves.chains.plain import Endpoint
from merkle_por.reserves.ownership.addresses import evm_text

MULTICALL_FROM = 20
"""Fewer reads are not worth a contract."""
MULTICALL_SIZE = 300
SLOTS_IN_A_PROOF = 100
SLOTS_TRIED = 61
"""Mappings stand among the first slots; proxies of known tokens go a little further."""
MAX_DECIMALS = 77
"""10^77 still fits 256 bits."""
MARK = (1 << 255) - 1
"""All of a balance but its top bit."""
_NO_HISTORY = (
    "missing trie node",
    "not available",
    "pruned",
    "historical",
    "archive",
    "distance to target block exceeds",
    "old data",
    "state is not",
    "proof window",
)
_NO_BLOCK = ("header not found", "unknown block", "outofrange", "block not found", "not found")
_METHOD_MISSING = (-32601, -32004)


class Evm(Endpoint):
    """One node or service of an EVM chain. prove: ask for proofs where that is possible."""

    def __init__(self, chain: registry.Chain, http: Http) -> None:
        super().__init__(chain, http)
        self.proving = http.node.option("prove") != "no"
        self._tag: Any = None
        self._header: evm_state.Header | None = None
        self._bases: dict[str, tuple[int, bool, bool] | None] = {}
        self._decimals: dict[str, int] = {}

    # -- block ------------------------------------------------------------------------------

    def pin(self, at: int | str | None) -> Block:
        self._check_chain()
        if isinstance(at, str):
            at = "0x" + at.removeprefix("0x")
        by_hash = isinstance(at, str)
        method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        name = at if by_hash else "latest" if at is None else hex(int(at))
        try:
            found = self.http.call(method, [name, False])
        except RpcError as error:
            raise self._explained(error) from None
        if not isinstance(found, Mapping):
            raise Incomplete("block-unknown", f"{self.source} does not have block {name}")
        try:
            block = Block(
                height=evm_state.quantity(found.get("number"), "number", 64),
                hash="0x" + evm_state.data(found.get("hash"), 32, "hash").hex(),
                time=evm_state.quantity(found.get("timestamp"), "timestamp", 64),
            )
        except Malformed as error:
            raise self._nonsense(error) from None
        if (by_hash and block.hash != at) or (isinstance(at, int) and block.height != at):
            raise self.http.nonsense("another block than the one that was asked for")
        self._header = self._checked(found)
        self._tag = self._tag_for(block)
        return block

    def _check_chain(self) -> None:
        wanted = self.http.node.option("chain_id") or self.chain.id
        try:
            id = evm_state.quantity(self.http.call("eth_chainId"), "chain id", 64)
        except Malformed as error:
            raise self._nonsense(error) from None
        if wanted is not None and str(wanted) != str(id):
            raise Incomplete(
                "chain-mismatch",
                f"{self.source} serves the chain with id {id}, {self.chain.name} has {wanted}",
            )

    def _checked(self, fields: Mapping[str, Any]) -> evm_state.Header | None:
        """The header if its fields hash to its hash; None on chains that hash other fields."""
        try:
            return evm_state.header(fields)
        except Finding:
            return None

    def _tag_for(self, block: Block) -> Any:
        """The block by its hash where the node takes that (EIP-1898), else by its number."""
        by_hash = {"blockHash": block.hash, "requireCanonical": True}
        try:
            zero = "0x" + "00" * evm_state.ADDRESS_BYTES
            self.http.call("eth_getBalance", [zero, by_hash], block=block.hash)
        except (RpcError, RestError):
            return hex(block.height)
        return by_hash

    # -- balances ---------------------------------------------------------------------------

    def ask(self, queries: Sequence[Query], block: Block) -> list[Answer]:
        answers: list[Answer | None] = [None] * len(queries)
        groups: dict[str | None, list[tuple[int, bytes]]] = {}
        for place, query in enumerate(queries):
            try:
                address = bytes.fromhex(evm_text(query.address)[2:])
            except Malformed as error:
                answers[place] = Incomplete(error.reason, error.text)
                continue
            token = query.token if query.token is None else query.token.lower()
            groups.setdefault(token, []).append((place, address))
        for token, wanted in groups.items():
            addresses = [address for _, address in wanted]
            try:
                if token is None:
                    found = self._coins(addresses, block)
                else:
                    found = self._tokens(token, addresses, block)
            except Incomplete as error:
                found = [self._explained(error)] * len(wanted)
            for (place, _), answer in zip(wanted, found, strict=True):
                answers[place] = answer
        return [answer for answer in answers if answer is not None]

    def _coins(self, addresses: list[bytes], block: Block) -> list[Answer]:
        decimals = self.chain.decimals
        if self.proving and self._header is not None:
            calls = [self._proof_call(address, []) for address in addresses]
            proofs = self.http.calls(calls, block=block.hash)
            if first_error(proofs) is None:
                return [
                    self._proven_coin(proof, address, decimals)
                    for proof, address in zip(proofs, addresses, strict=True)
                ]
        reads = [(abi.MULTICALL3, abi.of_address(abi.GET_ETH_BALANCE, a)) for a in addresses]
        values = self._multicall(reads, block)
        if values is None:
            calls = [Call("eth_getBalance", [_text(a), self._tag]) for a in addresses]
            return [self._number(v, decimals) for v in self.http.calls(calls, block=block.hash)]
        return [self._word(value, decimals) for value in values]

    def _proof_call(self, address: bytes, slots: Sequence[bytes]) -> Call:
        names = ["0x" + slot.hex() for slot in slots]
        return Call("eth_getProof", [_text(address), names, self._tag])

    def _proof(self, answer: Any, address: bytes, slots: Sequence[bytes]) -> evm_state.Proven:
        """Raises Finding where the answer proves nothing."""
        assert self._header is not None
        if isinstance(answer, Incomplete):
            raise answer
        if not isinstance(answer, Mapping):
            raise self.http.nonsense("something else than a proof")
        return evm_state.proof(answer, self._header.state_root, address, slots)

    def _proven_coin(self, answer: Any, address: bytes, decimals: int) -> Answer:
        try:
            proven = self._proof(answer, address, [])
        except (Malformed, Invalid) as error:
            return self._bad_proof(error)
        except Incomplete as error:
            return error
        return Figure(proven.account.balance, decimals, proved=True)

    def _bad_proof(self, error: Finding) -> Incomplete:
        return Incomplete(error.reason, f"{self.source} sends a proof that fails: {error.text}")

    def _number(self, value: Any, decimals: int) -> Answer:
        if isinstance(value, Incomplete):
            return self._explained(value)
        try:
            return Figure(evm_state.quantity(value, "balance"), decimals)
        except Malformed as error:
            return self._nonsense(error)

    def _word(self, value: bytes | Incomplete | None, decimals: int) -> Answer:
        if isinstance(value, Incomplete):
            return self._explained(value)
        if value is None:
            return Incomplete("node-error", f"{self.source}: the contract refuses to answer")
        if not value:
            return Incomplete("node-answer", f"{self.source}: there is no such contract")
        try:
            return Figure(abi.number(value), decimals)
        except Malformed as error:
            return self._nonsense(error)

    # -- calls of contracts -----------------------------------------------------------------

    def _eth_calls(
        self, reads: Sequence[tuple[bytes, bytes]], block: Block
    ) -> list[bytes | Incomplete | None]:
        """What each (contract, data) answers, in arrays of calls."""
        calls = [
            Call("eth_call", [{"to": _text(to), "data": "0x" + data.hex()}, self._tag])
            for to, data in reads
        ]
        results: list[bytes | Incomplete | None] = []
        for result in self.http.calls(calls, block=block.hash):
            if isinstance(result, Incomplete):
                results.append(result)
                continue
            try:
                results.append(evm_state.data(result, None, "result"))
            except Malformed as error:
                results.append(self._nonsense(error))
        return results

    def _multicall(
        self, reads: Sequence[tuple[bytes, bytes]], block: Block
    ) -> list[bytes | Incomplete | None] | None:
        """As _eth_calls through Multicall3; None where that is not deployed, or not worth it."""
        if len(reads) < MULTICALL_FROM or self.http.node.option("multicall") == "no":
            return None
        try:
            code = self.http.call(
                "eth_getCode", [_text(abi.MULTICALL3), self._tag], block=block.hash
            )
        except Incomplete:
            return None
        if not isinstance(code, str) or code in ("0x", ""):
            return None
        parts = [reads[i : i + MULTICALL_SIZE] for i in range(0, len(reads), MULTICALL_SIZE)]
        sent = [(abi.MULTICALL3, abi.aggregate3(part)) for part in parts]
        values: list[bytes | Incomplete | None] = []
        for part, answer in zip(parts, self._eth_calls(sent, block), strict=True):
            if not isinstance(answer, bytes):
                return None  # too large for this service: one by one
            try:
                values.extend(abi.aggregated(answer, len(part)))
            except Malformed:
                return None
        return values

    # -- tokens -----------------------------------------------------------------------------

    def _tokens(self, token: str, holders: list[bytes], block: Block) -> list[Answer]:
        contract = bytes.fromhex(evm_text(token)[2:])
        decimals = self._decimals_of(token, contract, block)
        known = registry.token_of(self.chain.name, token)
        reads = [(contract, abi.of_address(abi.BALANCE_OF, holder)) for holder in holders]
        values = self._multicall(reads, block) or self._eth_calls(reads, block)
        figures = [self._word(value, decimals) for value in values]
        if known.shares:
            note = "the contract computes this from shares: a storage proof can't show it"
            return [_noted(figure, note) for figure in figures]
        if not self.proving or self._header is None:
            return figures
        return self._proven_tokens(token, contract, holders, figures, known, block)

    def _decimals_of(self, token: str, contract: bytes, block: Block) -> int:
        if token not in self._decimals:
            answer = self._eth_calls([(contract, abi.DECIMALS)], block)[0]
            figure = self._word(answer, 0)
            if isinstance(figure, Incomplete):
                raise figure
            known = registry.token_of(self.chain.name, token).decimals
            if figure.units > MAX_DECIMALS or (known is not None and known != figure.units):
                raise self.http.nonsense(f"{figure.units} as the token's number of decimals")
            self._decimals[token] = figure.units
        return self._decimals[token]

    def _proven_tokens(
        self,
        token: str,
        contract: bytes,
        holders: list[bytes],
        figures: list[Answer],
        known: registry.Token,
        block: Block,
    ) -> list[Answer]:
        """The figures, proven by their slots where the slot of the token's balances is known."""
        base = self._base(token, contract, holders, figures, known, block)
        if base is None:
            return figures
        declared, key_first, certain = base
        if not (certain or self.own):
            return figures
        proven = list(figures)
        for start in range(0, len(holders), SLOTS_IN_A_PROOF):
            part = range(start, min(start + SLOTS_IN_A_PROOF, len(holders)))
            distinct = list(dict.fromkeys(holders[i] for i in part))
            slot_of = {
                holder: evm_state.mapping_slot(holder, declared, key_first=key_first)
                for holder in distinct
            }
            try:
                shown = self._slots(contract, list(slot_of.values()), block)
            except Incomplete:
                continue  # no proofs at this height: the plain figures stand
            except (Malformed, Invalid) as error:
                for i in part:
                    proven[i] = self._bad_proof(error)
                continue
            for i in part:
                value = shown[slot_of[holders[i]]]
                proven[i] = self._agreeing(figures[i], value & MARK if known.mask else value)
        return proven

    def _agreeing(self, figure: Answer, value: int) -> Answer:
        if isinstance(figure, Incomplete):
            return figure
        if figure.units != value:
            return Figure(
                figure.units,
                figure.decimals,
                note="the contract's storage holds another number than balanceOf states",
            )
        return Figure(figure.units, figure.decimals, proved=True)

    def _slots(self, contract: bytes, slots: list[bytes], block: Block) -> Mapping[bytes, int]:
        """Proven numbers in slots. Raises Finding."""
        answer = self.http.calls([self._proof_call(contract, slots)], block=block.hash)[0]
        return self._proof(answer, contract, slots).slots

    def _base(
        self,
        token: str,
        contract: bytes,
        holders: list[bytes],
        figures: list[Answer],
        known: registry.Token,
        block: Block,
    ) -> tuple[int, bool, bool] | None:
        """Where the token declares its balances: slot, key first, known from the registry."""
        if known.slot is not None:
            return known.slot, True, True
        if token not in self._bases:
            found = {
                holder: figure.units
                for holder, figure in zip(holders, figures, strict=True)
                if isinstance(figure, Figure) and figure.units
            }
            if len(found) < 2:
                return None
            self._bases[token] = self._find_base(contract, found, block)
        return self._bases[token]

    def _find_base(
        self, contract: bytes, found: Mapping[bytes, int], block: Block
    ) -> tuple[int, bool, bool] | None:
        """Tries the first slots for one holder; a second one with another amount must agree."""
        first, *others = found
        second = next((h for h in others if found[h] != found[first]), others[0])
        ways = [(base, key_first) for base in range(SLOTS_TRIED) for key_first in (True, False)]
        slots = {evm_state.mapping_slot(first, b, key_first=k): (b, k) for b, k in ways}
        try:
            for start in range(0, len(slots), SLOTS_IN_A_PROOF):
                part = list(slots)[start : start + SLOTS_IN_A_PROOF]
                for slot, value in self._slots(contract, part, block).items():
                    if value != found[first]:
                        continue
                    base, key_first = slots[slot]
                    again = evm_state.mapping_slot(second, base, key_first=key_first)
                    if self._slots(contract, [again], block)[again] == found[second]:
                        return base, key_first, False
        except Finding:
            return None
        return None

    # -- errors -----------------------------------------------------------------------------

    def _nonsense(self, error: Malformed) -> Incomplete:
        return self.http.nonsense(f"something else than an answer ({error.text[:60]})")

    def _explained(self, error: Incomplete) -> Incomplete:
        """A node's error, as history that it lacks or a block that it doesn't have."""
        if isinstance(error, RpcError):
            message = error.message.lower()
            if any(words in message for words in _NO_HISTORY):
                return Incomplete("history-unavailable", f"{error.text}; an archive node is needed")
            if any(words in message for words in _NO_BLOCK):
                return Incomplete("block-unknown", error.text)
        return error


def _text(address: bytes) -> str:
    return "0x" + address.hex()


def _noted(answer: Answer, note: str) -> Answer:
    if isinstance(answer, Incomplete):
        return answer
    return Figure(answer.units, answer.decimals, answer.proved, note)
