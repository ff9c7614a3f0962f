"""OKX, proof of reserves v2 (Plonky2): the rules for the global proof (spec okx-plonky2-global).

Pure functions, as in plonky2_rules. The proof shows totals and root for the circuit in the same
file; that the circuit is the exchange's must be known from outside (`PINS`, or verifier data
handed in). Even then the totals hang on the exchange's word, see the warnings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from merkle_por.documents import LIMITS, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges.okx.plonky2_circuit import (
    DIALECT,
    KNOWN_LEVELS,
    KNOWN_ROUND,
    PINS,
    PUBLIC_INPUTS,
    ROOT_CONFIG,
    Pin,
    identify,
    load_circuit,
    parse_config,
    verifier_data_from_hex,
)
from merkle_por.exchanges.okx.plonky2_rules import (
    BRANCHOUT,
    MAX_BATCH_LEVELS,
    MAX_LEVELS,
    MAX_U64,
    RANGE,
    Named,
    decoded,
)
from merkle_por.hashes.poseidon_goldilocks import Digest, digest_hex
from merkle_por.zk.plonky2 import proof as proofs
from merkle_por.zk.plonky2.circuit import Circuit, CircuitConfig
from merkle_por.zk.plonky2.verify import verify


@dataclass(frozen=True)
class GlobalProof:
    """A global proof, read. The six public inputs are reduced mod p.

    configs: what the file states about its circuits, batch circuit first, root last; () in the
    first round's file, which states nothing. verifier_data: the root circuit's bytes, from the
    file or, where `given`, from outside.
    """

    round_num: int
    branchout: int
    batch_size: int
    token_num: int
    levels: int
    configs: tuple[CircuitConfig, ...]
    digest: Digest
    verifier_data: bytes
    given: bool
    circuit: Circuit
    proof: proofs.Proof
    public_inputs: tuple[int, ...]


@dataclass(frozen=True)
class GlobalResult:
    """A global proof that holds for its circuit.

    equity, debt: totals over all users and all tokens. pin: the known circuit that it is about,
    None where the circuit is not known. circuit_given: the caller handed in the verifier data.
    Nothing in the proof binds round_num, batch_size, token_num and levels: they hold only as far
    as the pin names them.
    """

    root: str
    equity: int
    debt: int
    round_num: int
    batch_size: int
    token_num: int
    levels: int
    branchout: int
    verifier_data_sha256: str
    circuit_digest: str
    pin: Pin | None
    circuit_given: bool
    passed: tuple[Named, ...]
    warnings: tuple[Named, ...]

    @property
    def net(self) -> int:
        """equity - debt: what the exchange owes its users."""
        return self.equity - self.debt

    @property
    def circuit_known(self) -> bool:
        """Whether the circuit is one known from outside the file."""
        return self.pin is not None or self.circuit_given


def parse_global(source: object, *, verifier_data: bytes | None = None) -> GlobalProof:
    """A global proof (bytes or decoded JSON) in its normal form.

    verifier_data: the root circuit's bytes from outside; needed for files without their own,
    compared where the file has them. Raises Malformed; Invalid where the circuit, which settles
    the proof's shape, is refused (weak-verifier-data, verifier-data-digest, -unknown, -not-pinned).
    """
    fields = Fields(decoded(source), "")
    fields.only("general", "root_vd_digest", "circuits_info", "circuit_configs", "proof")
    general = fields.object("general")
    general.only("round_num", "recursion_branchout_num", "batch_size", "token_num")
    round_num = general.integer("round_num", 0, MAX_U64)
    branchout = general.integer("recursion_branchout_num", 2, MAX_U64)
    batch_size = general.integer("batch_size", 1, 1 << MAX_BATCH_LEVELS)
    if batch_size & (batch_size - 1):
        raise Malformed(
            "bad-number", f"{batch_size} is not a power of two", where="general.batch_size"
        )
    token_num = general.integer("token_num", 1, LIMITS.assets)
    digest = proofs.digest(fields.get("root_vd_digest"), "root_vd_digest")
    configs, in_file = _circuits(fields, round_num)
    data = _choose(in_file, verifier_data)
    circuit = load_circuit(data)
    outer = fields.object("proof").only("proof", "public_inputs")
    return GlobalProof(
        round_num=round_num,
        branchout=branchout,
        batch_size=batch_size,
        token_num=token_num,
        levels=len(configs) - 1 if configs else KNOWN_LEVELS,
        configs=configs,
        digest=digest,
        verifier_data=data,
        given=verifier_data is not None,
        circuit=circuit,
        proof=proofs.parse_proof(outer.get("proof"), circuit, "proof.proof"),
        public_inputs=proofs.words(
            outer.get("public_inputs"), PUBLIC_INPUTS, "proof.public_inputs"
        ),
    )


def _circuits(fields: Fields, round_num: int) -> tuple[tuple[CircuitConfig, ...], bytes | None]:
    """What the file states about circuits, and its verifier data: three layouts (spec, 2)."""
    if "circuits_info" in fields and "circuit_configs" in fields:
        raise Malformed("bad-keys", "circuits are described twice", where="circuit_configs")
    if "circuits_info" in fields:
        info = fields.object("circuits_info")
        info.only("batch_circuit_config", "recursive_circuit_configs", "root_verifier_data_hex")
        key = "root_verifier_data_hex"
        text = info.typed(key, str, "a text")
        return _configs(info), verifier_data_from_hex(text, info.place(key))
    if "circuit_configs" in fields:
        info = fields.object("circuit_configs")
        return _configs(info.only("batch_circuit_config", "recursive_circuit_configs")), None
    if round_num != KNOWN_ROUND:
        fields.get("circuits_info")
    return (), None


def _configs(info: Fields) -> tuple[CircuitConfig, ...]:
    key = "recursive_circuit_configs"
    batch = parse_config(info.get("batch_circuit_config"), info.place("batch_circuit_config"))
    levels = info.array(key, 1, MAX_LEVELS)
    return batch, *(parse_config(v, f"{info.place(key)}[{i}]") for i, v in enumerate(levels))


def _choose(in_file: bytes | None, given: bytes | None) -> bytes:
    if in_file is not None and given is not None and in_file != given:
        raise Invalid(
            "verifier-data-not-pinned",
            "the circuit in the file is not the one given from outside",
            where="circuits_info.root_verifier_data_hex",
            expected=hashlib.sha256(given).hexdigest(),
            computed=hashlib.sha256(in_file).hexdigest(),
        )
    data = given if given is not None else in_file
    if data is None:
        raise Invalid(
            "verifier-data-unknown",
            "the file does not hold its circuit, and none was given",
            "files of September and October 2024 need the verifier data from outside",
            where="circuits_info",
        )
    return data


def check_global(
    proof: GlobalProof,
    *,
    root: str | None = None,
    branchout: int = BRANCHOUT,
    pins: Iterable[Pin] = PINS,
) -> GlobalResult:
    """Verifies a global proof.

    root: the published root, 64 hex digits, where known. branchout: children of a node, 64 in
    every published round. pins: circuits known from outside. Raises Invalid.
    """
    passed = _check_statements(proof, branchout)
    pin = _check_pin(proof, pins)
    verify(proof.circuit, DIALECT, proof.proof, proof.public_inputs)
    passed.append(("proof", "the proof holds for its circuit, these totals and this root"))
    equity, debt, *words = proof.public_inputs
    if max(equity, debt) >= RANGE or debt > equity:
        raise Invalid(
            "sum-range",
            "total equity must cover total debt, both below 2^62",
            where="proof.public_inputs",
            computed=f"{equity}, {debt}",
        )
    passed.append(("totals", "total equity covers total debt, both are in range"))
    a, b, c, d = words
    found = digest_hex((a, b, c, d))
    if root is not None:
        if found != root:
            raise Invalid(
                "root-mismatch",
                "the proof is about another root than the published one",
                expected=root,
                computed=found,
            )
        passed.append(("root", "the proof is about the published root"))
    if pin is not None:
        passed.append(("circuit", f"the circuit is known: {pin.name}"))
    elif proof.given:
        passed.append(("circuit", "the circuit is the one given from outside"))
    return GlobalResult(
        root=found,
        equity=equity,
        debt=debt,
        round_num=proof.round_num,
        batch_size=proof.batch_size,
        token_num=proof.token_num,
        levels=proof.levels,
        branchout=proof.branchout,
        verifier_data_sha256=hashlib.sha256(proof.verifier_data).hexdigest(),
        circuit_digest=digest_hex(proof.circuit.digest),
        pin=pin,
        circuit_given=proof.given,
        passed=tuple(passed),
        warnings=_global_warnings(proof, pin),
    )


def _check_statements(proof: GlobalProof, branchout: int) -> list[Named]:
    if proof.branchout != branchout:
        raise Invalid(
            "branchout",
            f"a node has {branchout} children in this scheme",
            where="general.recursion_branchout_num",
            computed=str(proof.branchout),
        )
    inner = replace(ROOT_CONFIG, zero_knowledge=False)
    for number, config in enumerate(proof.configs, 1):
        if config != (ROOT_CONFIG if number == len(proof.configs) else inner):
            raise Invalid(
                "weak-verifier-data",
                "the file states other parameters for a circuit than the scheme has",
                where="circuits_info",
            )
    if proof.digest != proof.circuit.digest:
        raise Invalid(
            "verifier-data-digest",
            "the stated digest is not that of the circuit",
            where="root_vd_digest",
            expected=digest_hex(proof.circuit.digest),
            computed=digest_hex(proof.digest),
        )
    return [("parameters", "the circuit has the parameters and the digest of the scheme")]


def _check_pin(proof: GlobalProof, pins: Iterable[Pin]) -> Pin | None:
    pin = identify(proof.verifier_data, pins)
    if pin is None:
        return None
    for what, stated, wanted in (
        ("batch size", proof.batch_size, pin.batch_size),
        ("number of tokens", proof.token_num, pin.token_num),
        ("number of levels", proof.levels, pin.levels),
        ("children of a node", proof.branchout, pin.branchout),
    ):
        if wanted is not None and stated != wanted:
            raise Invalid(
                "config-mismatch",
                f"the {what} in the file is not that of the known circuit",
                expected=str(wanted),
                computed=str(stated),
            )
    return pin


def _global_warnings(proof: GlobalProof, pin: Pin | None) -> tuple[Named, ...]:
    stated = [
        ("the batch size", pin and pin.batch_size),
        ("the number of tokens", pin and pin.token_num),
        ("the number of levels", pin and pin.levels),
    ]
    unbound = ["the round's number", *(what for what, wanted in stated if wanted is None)]
    warnings: tuple[Named, ...] = (
        (
            "prover-can-forge",
            "the recursion does not bind the inner circuits: an exchange that exchanges them can "
            "prove any total for the same root, so the totals are only as good as its word",
        ),
        (
            "gross-totals",
            "only the net total is meant to be bound: equity and debt can both be shown too "
            "small by the same amount",
        ),
        (
            "statements-not-bound",
            f"nothing in the proof binds what the file states of {', '.join(unbound)}",
        ),
    )
    if pin is not None or proof.given:
        return warnings
    return (
        (
            "circuit-not-pinned",
            "the circuit came from the proof file and is not a known one: the proof is "
            "consistent, but nothing shows that it is about the exchange's circuit",
        ),
        *warnings,
    )
