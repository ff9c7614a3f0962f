"""Balances on a local EVM node (anvil, tools/install_nodes.sh): how many a second, by which way.

    python benchmarks/balances.py [addresses]

Prints, for each way of reading: seconds for all addresses, and addresses a second; then the
seconds that checking the same proofs takes without the node.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests"), str(PROJECT / "tests" / "chains")]

import nodes  # noqa: E402
from chainhelpers import CONTRACTS, MULTICALL3, holder  # noqa: E402

from merkle_por.merkle import evm_state  # noqa: E402
from merkle_por.reserves.chains import registry  # noqa: E402
from merkle_por.reserves.chains.evm import Evm  # noqa: E402
from merkle_por.reserves.chains.http import Call, Http, endpoint  # noqa: E402
from merkle_por.reserves.chains.interface import Figure, Query  # noqa: E402

WAYS = {
    "arrays of eth_getBalance": "prove=no&multicall=no",
    "Multicall3": "prove=no",
    "eth_getProof, verified": "",
}


def main(count: int) -> None:
    with nodes.anvil() as node:
        node.call("anvil_setCode", MULTICALL3, CONTRACTS["Multicall"])
        for number in range(count):
            node.call("anvil_setBalance", holder(0xA000 + number), hex(10**18 + number))
        node.call("anvil_mine")
        queries = [Query("ethereum", holder(0xA000 + number)) for number in range(count)]
        for name, options in WAYS.items():
            one = Evm(
                registry.chain("ethereum"),
                Http(endpoint(f"{node.url}#chain_id=31337&{options}")),
            )
            block = one.pin(None)
            start = time.perf_counter()
            answers = one.ask(queries, block)
            seconds = time.perf_counter() - start
            found = [a.units for a in answers if isinstance(a, Figure)]
            assert found == [10**18 + number for number in range(count)]
            print(f"{name:<28}{seconds:8.3f} s{count / seconds:12,.0f} a second")
        check_only(node, count)


def check_only(node: nodes.Node, count: int) -> None:
    http = Http(endpoint(node.url))
    header = evm_state.header(http.call("eth_getBlockByNumber", ["latest", False]))
    addresses = [holder(0xA000 + number) for number in range(count)]
    proofs = http.calls([Call("eth_getProof", [a, [], hex(header.number)]) for a in addresses])
    start = time.perf_counter()
    for address, proof in zip(addresses, proofs, strict=True):
        evm_state.proof(proof, header.state_root, bytes.fromhex(address[2:]))
    seconds = time.perf_counter() - start
    print(f"{'proofs checked, no node':<28}{seconds:8.3f} s{count / seconds:12,.0f} a second")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
