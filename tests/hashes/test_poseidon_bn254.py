"""Poseidon and MiMC over BN254: the digests of the Go programs, the tables derived again, and the
kernel against the Python twin on random and on the largest inputs."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vectorfiles import file

from merkle_por._native import VARIABLE, kernel
from merkle_por.errors import Malformed, UsageError
from merkle_por.hashes import poseidon_bn254 as module
from merkle_por.hashes.mimc_bn254 import elements_of, mimc, round_constants
from merkle_por.hashes.poseidon_bn254 import (
    MODULUS,
    field_element,
    permute,
    poseidon,
    poseidon_in_python,
    poseidon_many,
)
from merkle_por.hashes.poseidon_bn254_python import GROUP, SLOT
from merkle_por.hashes.poseidon_bn254_tables import (
    DATA,
    FULL_ROUNDS,
    PARTIAL_ROUNDS,
    SHIPPED,
    Table,
    dense,
    derive,
    table_bytes,
)

SHA256 = {
    3: "39885f3f258d383817fbe433660fea7cfc8068ce0442522a0ba768dab484734d",
    5: "b275693dddac5a58b566174603c257ef05020628328a378bff9b8db58b077129",
    6: "9bc2312f0f356b02df1218cb1a04fefef7d878dd8adbaf11fea9c6e57c78897c",
    7: "162770a48d2576798a2aed46d314e23edd91ef69bff44894a58f7ed8dbbbd7b7",
    9: "85cdb4ce0353314f2d647ba4f73bc771ef9dc5df1c7726a6d932eaf1f4ea4c33",
    11: "87d307657487fcf21446ba40e832a97a981a3bad32173be4964f11fab00f754f",
    13: "67a68e0e54fc9733367bb038d70ea52f26b09021cbd3f4e0c2e0a15a33bbdb3e",
    15: "189cad035fa32c83514309a806489e813a11518997e5142be83e66576202e473",
    17: "cd76be778363bc2f04fff6644c03ec33d37c7b311578e6edea04e648b2e75502",
}
ELEMENTS = st.one_of(
    st.integers(0, MODULUS - 1),
    st.sampled_from([0, 1, MODULUS - 1, MODULUS - 2, 2**64 - 1, 2**128, MODULUS // 2]),
)


def bundle() -> Any:
    return json.loads(file("made", "zk-primitives-bn254", "hashes.json").read_text())


@pytest.fixture(params=["python", "c", "auto"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(VARIABLE, request.param)
    if request.param != "python" and kernel("poseidon_bn254") is None:
        pytest.skip("the kernel is not built")
    return str(request.param)


def permute_dense(state: list[int]) -> list[int]:
    """The permutation as the paper writes it: every round with the whole matrix."""
    width = len(state)
    constants, matrix = dense(width)
    half, partial = FULL_ROUNDS // 2, PARTIAL_ROUNDS[width]
    for index, row in enumerate(constants):
        state = [(a + b) % MODULUS for a, b in zip(state, row, strict=True)]
        boxed = 1 if half <= index < half + partial else width
        state = [pow(a, 5, MODULUS) for a in state[:boxed]] + state[boxed:]
        state = [sum(a * b for a, b in zip(line, state, strict=True)) % MODULUS for line in matrix]
    return state


def test_digests_of_the_go_programs(backend: str) -> None:
    cases = bundle()["poseidon"]
    assert {case["block"] for case in cases} == {12, 16}
    for case in cases:
        inputs = [int(value) for value in case["inputs"]]
        assert poseidon(inputs, case["block"]) == int(case["digest"], 16)


def test_lane_0_of_the_permutation_is_circomlib_and_lane_1_the_digest(backend: str) -> None:
    reference = bundle()["circomlib_reference"][0]
    assert permute([0, 1, 2])[0] == int(reference["digest"], 16)
    assert poseidon([1, 2]) == permute([0, 1, 2])[1]
    assert f"{poseidon([1, 2]):064x}" == (
        "0fca49b798923ab0239de1c9e7a4a9a2210312b6a2f616d18b5a87f9b628ae29"
    )


@pytest.mark.parametrize("width", SHIPPED)
def test_shipped_tables_are_derived_again(width: int) -> None:
    shipped = (DATA / f"poseidon_bn254_{width:02}.bin").read_bytes()
    assert hashlib.sha256(shipped).hexdigest() == SHA256[width]
    assert derive(width).to_bytes() == shipped
    assert Table.from_bytes(width, shipped).to_bytes() == shipped


def test_no_other_tables_are_shipped() -> None:
    assert sorted(SHA256) == sorted(SHIPPED)
    assert len(list(DATA.glob("poseidon_bn254_*.bin"))) == len(SHIPPED)


def states(width: int) -> tuple[list[int], ...]:
    return (
        [MODULUS - 1] * width,
        [0] * width,
        [pow(7, 100 + width + lane, MODULUS) for lane in range(width)],
    )


@pytest.mark.parametrize("width", range(2, 18))
def test_sparse_rounds_equal_dense_rounds(width: int) -> None:
    for state in states(width):
        assert permute(state) == permute_dense(state)


@pytest.mark.parametrize("width", range(2, 18))
def test_gmpy2_gives_what_plain_integers_give(width: int) -> None:
    mpz = pytest.importorskip("gmpy2").mpz
    for state in states(width):
        assert permute(state, mpz) == permute(state)
        digest = poseidon_in_python(state, width - 1, mpz)
        assert type(digest) is int
        assert digest == poseidon_in_python(state, width - 1)


@pytest.mark.parametrize("width", range(2, 18))
def test_no_slot_of_packed_numbers_can_overflow(width: int) -> None:
    """With every constant at its largest, not only the lanes: the bound that SLOT rests on."""
    groups = -(-PARTIAL_ROUNDS[width] // GROUP)
    lanes = (width - 1) * (groups + 1) * (MODULUS - 1) ** 2
    products = max(width, GROUP) * (MODULUS - 1) ** 2
    assert lanes + products < 1 << 515 < 1 << SLOT


def test_gmpy2_is_loaded_for_long_messages_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gmpy2")
    monkeypatch.setenv(VARIABLE, "auto")
    assert module._gmpy2() is not None  # kept, so that it is not initialised twice below
    with monkeypatch.context() as without:
        without.delitem(sys.modules, "gmpy2")
        assert module._number(28) is int
        assert module._number(84) is not int
    assert module._number(1) is not int  # loaded by now
    monkeypatch.setenv(VARIABLE, "python")
    assert module._number(84) is int
    monkeypatch.setenv(VARIABLE, "auto")
    monkeypatch.setattr(module, "_gmpy2", lambda: None)
    assert module._number(84) is int


def test_without_the_kernel_gmpy2_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gmpy2")
    monkeypatch.setattr(module, "kernel", lambda part: None)
    elements = list(range(800))
    digest = poseidon_in_python(elements)
    assert poseidon(elements) == digest
    joined = b"".join(value.to_bytes(32) for value in elements)
    assert poseidon_many(joined, 800) == digest.to_bytes(32)


def test_the_known_answers_are_those_of_the_twin() -> None:
    for elements, block, digest in module.KNOWN:
        assert f"{poseidon_in_python(elements, block):064x}" == digest


def test_tables_with_wrong_bytes_are_refused() -> None:
    data = table_bytes(3)
    with pytest.raises(ValueError, match="width 3"):
        Table.from_bytes(3, data[:-32])
    with pytest.raises(ValueError, match="reduced"):
        Table.from_bytes(3, MODULUS.to_bytes(32) + data[32:])


@settings(max_examples=30)
@given(st.lists(ELEMENTS, min_size=1, max_size=40), st.sampled_from([12, 16]))
def test_the_kernel_equals_its_twin(elements: list[int], block: int) -> None:
    assert poseidon(elements, block) == poseidon_in_python(elements, block)


@pytest.mark.parametrize("width", range(2, 18))
def test_the_largest_elements_in_every_width(backend: str, width: int) -> None:
    """Sums of up to 22 products of values near the modulus: random inputs would never show a
    reduction that stops too early."""
    for elements in (
        [MODULUS - 1] * (width - 1),
        [MODULUS - 1] * (2 * (width - 1)),
        [MODULUS - 1 - lane for lane in range(width - 1)],
    ):
        assert poseidon(elements, width - 1) == poseidon_in_python(elements, width - 1)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("terms", range(1, 23))
def test_the_longest_sums_of_the_largest_numbers(fast: bool, terms: int) -> None:
    """After one reduction a sum of n products is below (0.19 n + 1) q: from 16 terms on, taking
    away 2q and q is not enough, which random numbers do not show."""
    native = kernel("poseidon_bn254")
    if native is None:
        pytest.skip("the kernel is not built")
    inverse = pow(1 << 256, -1, MODULUS)
    for drop in range(40):
        left = [MODULUS - 1 - (drop if place == 0 else 0) for place in range(terms)]
        right = [MODULUS - 1 - drop * drop for _ in range(terms)]
        total = sum(a * b for a, b in zip(left, right, strict=True)) * inverse
        a, b = (b"".join(value.to_bytes(32) for value in side) for side in (left, right))
        assert int.from_bytes(native.poseidon_bn254_dot(a, b, b"", fast)) == total % MODULUS
        if terms <= 5:
            plus = MODULUS - 1 - drop
            got = native.poseidon_bn254_dot(a, b, plus.to_bytes(32), fast)
            assert int.from_bytes(got) == (total + plus) % MODULUS


@settings(max_examples=60)
@given(st.lists(st.tuples(ELEMENTS, ELEMENTS), min_size=1, max_size=22), st.booleans())
def test_sums_of_products(pairs: list[tuple[int, int]], fast: bool) -> None:
    native = kernel("poseidon_bn254")
    if native is None:
        pytest.skip("the kernel is not built")
    a, b = (b"".join(pair[side].to_bytes(32) for pair in pairs) for side in (0, 1))
    total = sum(x * y for x, y in pairs) * pow(1 << 256, -1, MODULUS) % MODULUS
    assert int.from_bytes(native.poseidon_bn254_dot(a, b, b"", fast)) == total


def test_sums_that_could_overflow_are_refused() -> None:
    native = kernel("poseidon_bn254")
    if native is None:
        pytest.skip("the kernel is not built")
    one = (1).to_bytes(32)
    for call in (
        lambda: native.poseidon_bn254_dot(one * 23, one * 23, b"", 1),
        lambda: native.poseidon_bn254_dot(one * 6, one * 6, one, 1),
        lambda: native.poseidon_bn254_dot(one, one * 2, b"", 1),
        lambda: native.poseidon_bn254_dot(b"", b"", b"", 1),
        lambda: native.poseidon_bn254_dot(one, MODULUS.to_bytes(32), b"", 1),
        lambda: native.poseidon_bn254_dot(one, one, MODULUS.to_bytes(32), 1),
    ):
        with pytest.raises(ValueError):
            call()


def test_the_engine_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    if kernel("poseidon_bn254") is None:
        pytest.skip("the kernel is not built")
    assert module.engine() in ("adx", "portable")
    monkeypatch.setenv(VARIABLE, "c")
    assert module.engine() == "portable"
    monkeypatch.setenv(VARIABLE, "python")
    assert module.engine() is None


@pytest.mark.parametrize(("length", "block"), [(1, 12), (2, 12), (12, 12), (13, 12), (30, 16)])
def test_many_messages_equal_single_ones(backend: str, length: int, block: int) -> None:
    rows = [[(17 * row + 3 * place) ** 40 % MODULUS for place in range(length)] for row in range(5)]
    joined = b"".join(value.to_bytes(32) for row in rows for value in row)
    digests = poseidon_many(joined, length, block)
    assert digests == b"".join(poseidon_in_python(row, block).to_bytes(32) for row in rows)
    assert poseidon_many(b"", length, block) == b""


def test_an_exact_block_has_no_further_one() -> None:
    elements = list(range(12))
    assert poseidon(elements) == permute([0, *elements])[1]
    first = permute([0, *elements])
    assert poseidon([*elements, 99]) == permute([first[0], 99])[1]


@pytest.mark.parametrize("value", [MODULUS, MODULUS + 1, 2**256 - 1])
def test_elements_must_be_reduced(backend: str, value: int) -> None:
    for call in (
        lambda: poseidon([1, value]),
        lambda: poseidon_many((1).to_bytes(32) + value.to_bytes(32), 2),
        lambda: field_element(value.to_bytes(32)),
        lambda: mimc([value]),
        lambda: elements_of(value.to_bytes(32)),
    ):
        with pytest.raises(Malformed) as caught:
            call()
        assert caught.value.reason == "field-element-range"


def test_negative_and_long_values_are_refused() -> None:
    for call in (
        lambda: poseidon([-1, 2]),
        lambda: mimc([-1]),
        lambda: field_element(bytes(33)),
        lambda: elements_of(bytes(33)),
    ):
        with pytest.raises(Malformed):
            call()
    assert field_element(b"") == 0
    assert field_element(b"\x01\x00") == 256


def test_shapes_that_no_format_has_are_usage_errors(backend: str) -> None:
    for call in (
        lambda: poseidon([]),
        lambda: poseidon([1], 17),
        lambda: poseidon([1], 0),
        lambda: poseidon_many(b"", 0),
        lambda: poseidon_many(bytes(33), 1),
    ):
        with pytest.raises(UsageError):
            call()


def test_the_kernel_refuses_wrong_tables() -> None:
    native = kernel("poseidon_bn254")
    if native is None:
        pytest.skip("the kernel is not built")
    good = native.poseidon_bn254_prepare(table_bytes(3), 3)
    for call in (
        lambda: native.poseidon_bn254_prepare(table_bytes(3)[:-1], 3),
        lambda: native.poseidon_bn254_prepare(table_bytes(3), 4),
        lambda: native.poseidon_bn254_prepare(table_bytes(3), 1),
        lambda: native.poseidon_bn254_prepare(table_bytes(3), 18),
        lambda: native.poseidon_bn254_prepare(MODULUS.to_bytes(32) + table_bytes(3)[32:], 3),
        lambda: native.poseidon_bn254_hash(bytes(64), 2, 12, b"", good[:-8], 0),
        lambda: native.poseidon_bn254_hash(bytes(64), 2, 12, b"", b"", 0),
        lambda: native.poseidon_bn254_hash(bytes(65), 2, 12, b"", good, 0),
        lambda: native.poseidon_bn254_hash(bytes(64), 0, 12, b"", good, 0),
        lambda: native.poseidon_bn254_hash(bytes(64), 2, 17, b"", good, 0),
        lambda: native.poseidon_bn254_hash(bytes(13 * 32), 13, 12, b"", good, 0),
    ):
        with pytest.raises(ValueError):
            call()


def test_a_kernel_with_wrong_answers_is_not_used() -> None:
    class Wrong:
        @staticmethod
        def poseidon_bn254_prepare(table: bytes, width: int) -> bytes:
            return b""

        @staticmethod
        def poseidon_bn254_hash(*arguments: object) -> bytes:
            return bytes(32)

    assert module._known_answer(Wrong) is False  # type: ignore[arg-type]
    assert module._known_answer(object()) is False  # type: ignore[arg-type]


def test_mimc_vectors() -> None:
    for case in bundle()["mimc"]:
        assert mimc(int(value) for value in case["inputs"]) == int(case["digest"], 16)
    first = [int(value) for value in bundle()["mimc_constants_first"]]
    assert list(round_constants()[: len(first)]) == first
    assert len(round_constants()) == 110


def test_mimc_of_bytes() -> None:
    assert elements_of(b"", b"\x01", b"\x00\x02") == [1, 2]
    assert mimc([]) == 0
    assert mimc([0]) != 0
