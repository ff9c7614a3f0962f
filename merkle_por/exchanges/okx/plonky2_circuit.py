"""OKX, proof of reserves v2: which circuits a global proof may be about (spec okx-plonky2-global).

The verifier data stand in the proof file itself, so nothing in them is believed: parameters must
be the ones below, and the whole must be a circuit known from outside (`PINS`), or the proof only
shows that somebody's circuit is satisfied. The pinned SHA-256 is that of the verifier data's
bytes; the data depend only on batch size, number of tokens, number of levels and code version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from merkle_por.documents import Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.zk.plonky2 import gates
from merkle_por.zk.plonky2.circuit import (
    CONSTANT_ARITY,
    Circuit,
    CircuitConfig,
    Dialect,
    FriConfig,
    check_circuit,
    parameter,
    parse_circuit,
)

PUBLIC_INPUTS = 6  # total equity, total debt, root (4)
MAX_VERIFIER_DATA = 1 << 16  # bytes; real ones have about 1,300

DIALECT = Dialect(
    # okx/plonky2 at 8a00c2bc: gates numbered in its own order, lookups (6, 7) never used.
    gates={
        0: lambda r: gates.Arithmetic(parameter(r)),
        1: lambda r: gates.ArithmeticExtension(parameter(r)),
        2: lambda r: gates.BaseSum(parameter(r)),
        3: lambda r: gates.CosetInterpolation(parameter(r), parameter(r), r.fields()),
        4: lambda r: gates.LowDegreeInterpolation(parameter(r)),
        5: lambda r: gates.Exponentiation(parameter(r)),
        8: lambda r: gates.MulExtension(parameter(r)),
        9: lambda r: gates.Noop(),
        10: lambda r: gates.Constant(parameter(r)),
        11: lambda r: gates.PoseidonMds(),
        12: lambda r: gates.PublicInput(),
        13: lambda r: gates.Poseidon(),
        14: lambda r: gates.RandomAccess(parameter(r), parameter(r), parameter(r)),
        15: lambda r: gates.ReducingExtension(parameter(r)),
        16: lambda r: gates.Reducing(parameter(r)),
    },
    combination_times_x=True,
)

ROOT_CONFIG = CircuitConfig(
    wires=135,
    routed_wires=80,
    constants=2,
    security_bits=100,
    challenges=2,
    max_quotient_degree_factor=8,
    base_arithmetic_gate=True,
    zero_knowledge=True,
    fri=FriConfig(
        rate_bits=3, cap_height=1, queries=28, pow_bits=16, strategy=(CONSTANT_ARITY, 4, 5)
    ),
)
"""Parameters of the root circuit (100 bits, zero knowledge); all inner circuits have the same
without zero knowledge."""


@dataclass(frozen=True)
class Pin:
    """A circuit known to be the exchange's. None: not established for this circuit."""

    sha256: str
    name: str
    batch_size: int | None = None
    token_num: int | None = None
    levels: int | None = None
    branchout: int | None = None


KNOWN_ROUND = 508787475
"""First published round (September 2024): its file may lack any statement about the circuit."""

KNOWN_LEVELS = 3  # of that round

PINS = (
    Pin(
        sha256="2adf9bedf53b7f25e0909e730e7d3f468756a45f9e22c882a93fb3c9700ac774",
        name=f"root circuit of round {KNOWN_ROUND}, a constant of the official verifier",
        batch_size=1024,
        levels=KNOWN_LEVELS,
        branchout=64,
    ),
)


def verifier_data_from_hex(text: str, where: str) -> bytes:
    """Bytes of the file's hexadecimal text. Raises Malformed bad-verifier-data."""
    if len(text) > 2 * MAX_VERIFIER_DATA:
        raise Malformed("too-big", "verifier data longer than any circuit's", where=where)
    if len(text) % 2 or not set(text) <= set("0123456789abcdef"):
        raise Malformed("bad-verifier-data", "not lower-case hexadecimal bytes", where=where)
    return bytes.fromhex(text)


def load_circuit(data: bytes) -> Circuit:
    """Verifier data of a root circuit. Raises Malformed, and Invalid for wrong parameters."""
    if len(data) > MAX_VERIFIER_DATA:
        raise Malformed("too-big", "verifier data longer than any circuit's")
    circuit = parse_circuit(data, DIALECT)
    if circuit.config != ROOT_CONFIG:
        raise Invalid(
            "weak-verifier-data",
            "the circuit's parameters are not those of the 100-bit zero-knowledge root circuit",
            where="verifier data",
        )
    tied = any(isinstance(gate, gates.PublicInput) for gate in circuit.gates)
    if circuit.public_inputs != PUBLIC_INPUTS or not tied:
        raise Invalid(
            "weak-verifier-data",
            "the circuit does not have the six public inputs",
            where="verifier data",
        )
    check_circuit(circuit)
    return circuit


def identify(data: bytes, pins: Iterable[Pin]) -> Pin | None:
    """The pin of this circuit, None where it is not known."""
    found = hashlib.sha256(data).hexdigest()
    return next((pin for pin in pins if pin.sha256 == found), None)


def parse_config(value: object, where: str) -> CircuitConfig:
    """A circuit configuration as the file states it (JSON). Raises Malformed."""
    fields = Fields(value, where).only(
        "num_wires",
        "num_routed_wires",
        "num_constants",
        "use_base_arithmetic_gate",
        "security_bits",
        "num_challenges",
        "zero_knowledge",
        "max_quotient_degree_factor",
        "fri_config",
    )
    fri = fields.object("fri_config").only(
        "rate_bits", "cap_height", "proof_of_work_bits", "reduction_strategy", "num_query_rounds"
    )
    strategy = fri.object("reduction_strategy").only("ConstantArityBits")
    arities = strategy.array("ConstantArityBits", 2, 2)
    if any(type(number) is not int for number in arities):
        raise Malformed("wrong-type", "not two integers", where=strategy.where)
    return CircuitConfig(
        wires=fields.integer("num_wires", 0),
        routed_wires=fields.integer("num_routed_wires", 0),
        constants=fields.integer("num_constants", 0),
        security_bits=fields.integer("security_bits", 0),
        challenges=fields.integer("num_challenges", 0),
        max_quotient_degree_factor=fields.integer("max_quotient_degree_factor", 0),
        base_arithmetic_gate=fields.typed("use_base_arithmetic_gate", bool, "true or false"),
        zero_knowledge=fields.typed("zero_knowledge", bool, "true or false"),
        fri=FriConfig(
            rate_bits=fri.integer("rate_bits", 0),
            cap_height=fri.integer("cap_height", 0),
            queries=fri.integer("num_query_rounds", 0),
            pow_bits=fri.integer("proof_of_work_bits", 0),
            strategy=(CONSTANT_ARITY, *arities),
        ),
    )
