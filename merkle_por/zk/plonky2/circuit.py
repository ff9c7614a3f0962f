"""What a verifier knows about a circuit: the parameters and commitment in its verifier data.

The bytes are those of Plonky2's `VerifierCircuitData` (little-endian, no lookups): commitment
and digest, configuration, FRI parameters, selectors, sizes, gates. `check_circuit` refuses data
that contradict themselves; whether the parameters are strong enough, and whether the circuit is
the right one, is for the caller. The digest binds only the commitment and the size, so a caller
must know the whole data from elsewhere (a pinned SHA-256).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from merkle_por.errors import Invalid
from merkle_por.hashes.poseidon_goldilocks import RATE, Digest, digest_hex, hash_words
from merkle_por.zk.goldilocks import GENERATOR, TWO_ADICITY, P
from merkle_por.zk.plonky2.gates import LARGEST_PARAMETER, Gate, GateReader
from merkle_por.zk.plonky2.reader import Reader

CONSTANT_ARITY = 1
"""Strategy: fold by one arity until at most so many degree bits are left."""

SALT_WORDS = 4  # appended to each leaf of a hiding commitment
MAX_CAP_HEIGHT = 10
MAX_FACTOR = 64  # of quotient degree; Plonky2 has 8
MAX_QUERIES = 256
MAX_CHALLENGES = 8


@dataclass(frozen=True)
class Dialect:
    """Where a fork or version of Plonky2 differs from the others.

    gates: the reader of each gate's parameters by its tag; a tag that is not there is refused.
    combination_times_x: whether the combined FRI polynomial is multiplied by x (the first
    versions and their forks) or not (0.2 and later).
    """

    gates: Mapping[int, GateReader]
    combination_times_x: bool


@dataclass(frozen=True)
class FriConfig:
    """strategy: kind of the reduction strategy, then its numbers. Heights and rates are log2."""

    rate_bits: int
    cap_height: int
    queries: int
    pow_bits: int
    strategy: tuple[int, ...]


@dataclass(frozen=True)
class CircuitConfig:
    """The parameters that a circuit was built with."""

    wires: int
    routed_wires: int
    constants: int
    security_bits: int
    challenges: int
    max_quotient_degree_factor: int
    base_arithmetic_gate: bool
    zero_knowledge: bool
    fri: FriConfig


@dataclass(frozen=True)
class Circuit:
    """Verifier data. selectors: group of each gate; groups: (first, after last) gate of each.

    cap: roots of the commitment to constants and wiring. reduction_bits: log2 of FRI's arities.
    """

    cap: tuple[Digest, ...]
    digest: Digest
    config: CircuitConfig
    fri: FriConfig
    reduction_bits: tuple[int, ...]
    degree_bits: int
    hiding: bool
    selectors: tuple[int, ...]
    groups: tuple[tuple[int, int], ...]
    quotient_degree_factor: int
    gate_constraints: int
    constants: int
    public_inputs: int
    wire_shifts: tuple[int, ...]
    partial_products: int
    gates: tuple[Gate, ...]

    @property
    def height(self) -> int:
        """log2 of the number of leaves of each committed table."""
        return self.degree_bits + self.fri.rate_bits

    @property
    def oracle_widths(self) -> tuple[int, int, int, int]:
        """Polynomials in the four tables: constants and wiring, wires, products, quotients."""
        rounds = self.config.challenges
        return (
            self.constants + self.config.routed_wires,
            self.config.wires,
            rounds * (1 + self.partial_products),
            rounds * self.quotient_degree_factor,
        )

    @property
    def salts(self) -> tuple[int, int, int, int]:
        """Trailing words of each table's leaves that hide it."""
        salt = SALT_WORDS if self.hiding else 0
        return 0, salt, salt, salt


def parse_circuit(data: bytes, dialect: Dialect) -> Circuit:
    """Verifier data from bytes. Raises Malformed: bad-verifier-data."""
    reader = Reader(data)
    cap = _cap(reader)
    digest = reader.digest()
    config = _config(reader)
    fri = _fri(reader)
    reduction_bits = reader.numbers()
    degree_bits = reader.u64()
    hiding = reader.boolean()
    selectors = reader.numbers()
    groups = tuple((reader.u64(), reader.u64()) for _ in range(reader.count(16)))
    sizes = [reader.u64() for _ in range(4)]
    shifts = reader.fields()
    partial_products = reader.u64()
    gates = tuple(_gate(reader, dialect) for _ in range(reader.count(4)))
    reader.end()
    return Circuit(
        cap,
        digest,
        config,
        fri,
        reduction_bits,
        degree_bits,
        hiding,
        selectors,
        groups,
        quotient_degree_factor=sizes[0],
        gate_constraints=sizes[1],
        constants=sizes[2],
        public_inputs=sizes[3],
        wire_shifts=shifts,
        partial_products=partial_products,
        gates=gates,
    )


def _cap(reader: Reader) -> tuple[Digest, ...]:
    height = reader.u64()
    if height > MAX_CAP_HEIGHT:
        raise reader.refuse(f"a commitment of 2^{height} roots")
    return tuple(reader.digest() for _ in range(1 << height))


def _config(reader: Reader) -> CircuitConfig:
    return CircuitConfig(  # the arguments are read in this order
        wires=reader.u64(),
        routed_wires=reader.u64(),
        constants=reader.u64(),
        security_bits=reader.u64(),
        challenges=reader.u64(),
        max_quotient_degree_factor=reader.u64(),
        base_arithmetic_gate=reader.boolean(),
        zero_knowledge=reader.boolean(),
        fri=_fri(reader),
    )


def _fri(reader: Reader) -> FriConfig:
    rate_bits, cap_height, queries = reader.u64(), reader.u64(), reader.u64()
    return FriConfig(rate_bits, cap_height, queries, reader.u32(), _strategy(reader))


def _strategy(reader: Reader) -> tuple[int, ...]:
    kind = reader.u8()
    if kind == 0:  # the arities, one by one
        return kind, *reader.numbers()
    if kind == CONSTANT_ARITY:
        return kind, reader.u64(), reader.u64()
    if kind == 2:  # smallest proof, perhaps with a largest arity
        return (kind, reader.u64()) if reader.boolean() else (kind,)
    raise reader.refuse(f"no reduction strategy has the number {kind}")


def _gate(reader: Reader, dialect: Dialect) -> Gate:
    tag = reader.u32()
    if tag not in dialect.gates:
        raise reader.refuse(f"no supported gate has the number {tag}")
    return dialect.gates[tag](reader)


def parameter(reader: Reader) -> int:
    """A gate's parameter, bounded by what a row can hold."""
    value = reader.u64()
    if value > LARGEST_PARAMETER:
        raise reader.refuse(f"a gate's parameter is {value}")
    return value


def _demand(holds: bool, text: str) -> None:
    if not holds:
        raise Invalid("weak-verifier-data", text, where="verifier data")


def check_circuit(circuit: Circuit) -> None:
    """Refuses verifier data that contradict themselves, and a digest that is not the cap's.

    Raises Invalid: weak-verifier-data, verifier-data-digest.
    """
    _check_fri(circuit)
    _check_selectors(circuit)
    _check_gates(circuit)
    computed = circuit_digest(circuit)
    if computed != circuit.digest:
        raise Invalid(
            "verifier-data-digest",
            "the circuit's digest is not the hash of its commitment",
            where="verifier data",
            expected=digest_hex(computed),
            computed=digest_hex(circuit.digest),
        )


def circuit_digest(circuit: Circuit) -> Digest:
    """Hash of the commitment, an empty domain separator and the number of degree bits."""
    separator = hash_words([1, *[0] * (RATE - 2), 1])  # nothing, padded to one block
    roots = [word for root in circuit.cap for word in root]
    return hash_words([*roots, *separator, circuit.degree_bits])


def reductions(degree_bits: int, fri: FriConfig) -> tuple[int, ...] | None:
    """log2 of the arities that a constant strategy yields; None for another strategy."""
    if fri.strategy[0] != CONSTANT_ARITY:
        return None
    _, arity_bits, final_bits = fri.strategy
    steps = []
    while degree_bits > final_bits and degree_bits + fri.rate_bits >= fri.cap_height + arity_bits:
        if arity_bits == 0 or arity_bits > degree_bits:
            return None
        steps.append(arity_bits)
        degree_bits -= arity_bits
    return tuple(steps)


def _check_fri(circuit: Circuit) -> None:
    fri = circuit.fri
    _demand(circuit.config.fri == fri, "two sets of FRI parameters in one circuit")
    _demand(circuit.hiding == circuit.config.zero_knowledge, "hiding does not fit the circuit")
    _demand(len(circuit.cap) == 1 << min(fri.cap_height, MAX_CAP_HEIGHT + 1), "cap of another size")
    _demand(1 <= fri.rate_bits <= 8, "rate of the code")
    _demand(1 <= fri.queries <= MAX_QUERIES, "number of FRI queries")
    _demand(fri.pow_bits <= 40, "proof of work")
    _demand(1 <= circuit.degree_bits <= TWO_ADICITY - fri.rate_bits, "size of the circuit")
    _demand(
        circuit.reduction_bits == reductions(circuit.degree_bits, fri),
        "the FRI reductions are not those of the strategy",
    )
    # Every tree must still be at least as high as its cap.
    _demand(
        circuit.height - sum(circuit.reduction_bits) >= fri.cap_height,
        "the FRI reductions leave less than a cap",
    )


def _check_selectors(circuit: Circuit) -> None:
    groups = circuit.groups
    firsts = [first for first, _ in groups]
    ends = [end for _, end in groups]
    covers = bool(groups) and [0, *ends[:-1]] == firsts and ends[-1] == len(circuit.gates)
    _demand(covers, "the selector groups do not partition the gates")
    _demand(all(first < end for first, end in groups), "an empty selector group")
    wanted = tuple(i for i, (first, end) in enumerate(groups) for _ in range(first, end))
    _demand(circuit.selectors == wanted, "a gate does not stand in its selector group")
    _demand(
        circuit.constants == len(groups) + circuit.config.constants,
        "number of constants",
    )


def _check_gates(circuit: Circuit) -> None:
    config = circuit.config
    _demand(1 <= config.challenges <= MAX_CHALLENGES, "number of challenges")
    _demand(config.routed_wires <= config.wires <= LARGEST_PARAMETER, "number of wires")
    for gate in circuit.gates:
        fits = gate.wires <= config.wires and gate.constants <= config.constants
        _demand(gate.is_sound() and fits, f"a gate that no row can hold: {type(gate).__name__}")
    largest = max(gate.constraints for gate in circuit.gates)
    _demand(circuit.gate_constraints == largest, "number of gate constraints")
    factor = circuit.quotient_degree_factor
    _demand(factor == config.max_quotient_degree_factor, "quotient degree factor")
    _demand(1 <= factor <= MAX_FACTOR, "quotient degree factor")
    chunks = -(-config.routed_wires // factor)
    _demand(circuit.partial_products == chunks - 1, "number of partial products")
    wanted = tuple(pow(GENERATOR, i, P) for i in range(config.routed_wires))
    _demand(circuit.wire_shifts == wanted, "the wires' shifts are not powers of the generator")
