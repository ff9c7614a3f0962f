"""Plonky2 (Polygon Zero, 2022): verifying a proof over Goldilocks, Poseidon and FRI.

Files in reading order: circuit (what a verifier knows about a circuit, from its bytes), gates,
proof (the normal form of a proof, from its JSON), transcript, vanishing, fri, verify. Forks of
Plonky2 differ in details of the byte formats and of FRI: those are values in `Dialect`.
Lookup tables are not supported; a circuit that has some is refused.
"""
