"""Chains of the Bitcoin kind: an address's output script, amounts, the chain that a node serves.

Source: specs/onchain-balances.md; the ownership room's table of address versions. Test networks
have prefixes of their own; where an address doesn't decode, the node is asked for its script.
"""

from __future__ import annotations

from collections.abc import Callable

from merkle_por.amounts import EXACT, amount
from merkle_por.documents import Number
from merkle_por.errors import Finding, Incomplete
from merkle_por.reserves.chains import registry
from merkle_por.reserves.chains.http import Http
from merkle_por.reserves.ownership import scripts
from merkle_por.reserves.ownership.utxo import CHAINS, Kind, Output, decode

DECIMALS = 8
HASH_DIGITS = 64


def output_script(output: Output) -> bytes:
    """The script that pays to a decoded address."""
    match output.kind:
        case Kind.P2PKH:
            return b"\x76\xa9\x14" + output.program + b"\x88\xac"
        case Kind.P2SH:
            return b"\xa9\x14" + output.program + b"\x87"
        case Kind.P2WPKH:
            return scripts.p2wpkh(output.program)
        case Kind.P2WSH:
            return scripts.p2wsh(output.program)
        case Kind.P2TR:
            return scripts.p2tr(output.program)


def script_of(coin: str, address: str) -> bytes:
    """The output script of a main network's address. Raises Incomplete bad-address."""
    chain = CHAINS.get(coin)
    if chain is None:
        raise Incomplete("no-rule", f"addresses of {coin} can't be decoded here")
    try:
        return output_script(decode(chain, address))
    except Finding as error:
        raise Incomplete(error.reason, error.text) from None


def satoshi(value: object) -> int:
    """An amount in whole coins, as nodes write it in JSON, in satoshi.

    Raises Malformed bad-amount.
    """
    text = value.text if isinstance(value, Number) else value
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    found = amount(text, "amount", decimals=DECIMALS, negative=False)
    return int(found.scaleb(DECIMALS, EXACT))


def block_hash(value: object) -> str | None:
    """A hash as shown to people, None for anything else."""
    if isinstance(value, str) and len(value) == HASH_DIGITS:
        try:
            return bytes.fromhex(value).hex()
        except ValueError:
            return None
    return None


def check_chain(http: Http, chain: registry.Chain, hash_at: Callable[[int], str], tip: int) -> None:
    """The first block, and the one behind the fork from a twin, must be this chain's.

    Raises Incomplete chain-mismatch. The option `#genesis=HASH` names a test network.
    """
    named = http.node.option("genesis")
    wanted = [(0, named or chain.id)]
    if chain.fork is not None and named is None and tip >= chain.fork[0]:
        wanted.append(chain.fork)
    for height, hash in wanted:
        if hash_at(height) != hash:
            text = f"{http.node.source} does not serve {chain.name}: its block {height} is another"
            raise Incomplete("chain-mismatch", text)
