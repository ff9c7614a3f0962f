"""Whatever stands in a file: an answer, never an exception; and never two schemes for one file."""

from __future__ import annotations

import json
from typing import Any

import pytest
import vectorfiles
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import merkle_por
from merkle_por.documents import Document
from merkle_por.errors import UsageError
from merkle_por.exchanges import schemes
from merkle_por.reasons import REASONS
from merkle_por.recognise import by_id
from merkle_por.scheme import Kind, Scheme
from merkle_por.verdict import State

SCHEMES = schemes()
SMALL = 60_000  # bytes of the vectors that are mutated here; the big ones have tests of their own
EACH = 3  # vectors of each scheme


def vectors() -> list[tuple[str, bytes]]:
    """A few small files of each format: (format, bytes)."""
    found: list[tuple[str, bytes]] = []
    count: dict[tuple[str, str], int] = {}
    known = {name for scheme in SCHEMES for name in (scheme.id, *scheme.aliases)}
    for entry in vectorfiles.all_entries():
        kind = (entry.format, str(entry.data.get("kind") or entry.data["expect"]))
        path = entry.files[0]
        if entry.format not in known or count.get(kind, 0) >= EACH or not path.is_file():
            continue
        if 0 < path.stat().st_size <= SMALL:
            count[kind] = count.get(kind, 0) + 1
            found.append((entry.format, path.read_bytes()))
    return found


VECTORS = vectors()


def all_keys(data: bytes) -> set[str]:
    try:
        pending: list[Any] = [json.loads(data)]
    except ValueError:
        return set()
    keys: set[str] = set()
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            keys |= set(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item[:5])
    return {key for key in keys if len(key) < 30}


# Keys of real files, so that recognisers and parsers are reached.
KEYS = sorted(set().union(*(all_keys(data) for _, data in VECTORS)))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from(["", "0", "-1", "1.5", "1e3", "00" * 32, "ff" * 8, "NaN", "\u202e", "é"]),
    st.text(max_size=8),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=5)), inner, max_size=6),
    ),
    max_leaves=12,
)


def judge(data: bytes, scheme: str | None) -> Any:
    """The result; only UsageError may be raised, and only for facts that were not given."""
    try:
        result = merkle_por.verify(data, scheme=scheme)
    except UsageError:
        assert scheme is not None, "a recognised file needs no option to be answered"
        return None
    assert isinstance(result.state, State)
    assert result.sentence
    json.dumps(result.to_json())
    for check in result.checks:
        assert check.status != "fail" or check.id in REASONS
    return result


def mutate(draw: Any, data: bytes) -> bytes:
    """One change of the kinds that hands and transports make."""
    kind = draw(st.sampled_from(("byte", "cut", "double", "swap", "json")))
    at = draw(st.integers(0, len(data) - 1))
    if kind == "byte":
        return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
    if kind == "cut":
        return data[:at]
    if kind == "double":
        return data[:at] + data[at : at + 40] + data[at:]
    if kind == "swap":
        lines = data.split(b"\n")
        first, second = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        lines[first], lines[second] = lines[second], lines[first]
        return b"\n".join(lines)
    try:
        value = json.loads(data)
    except ValueError:
        return data[at:]
    place, steps = value, draw(st.integers(0, 4))
    for _ in range(steps):
        inner = list(place.values()) if isinstance(place, dict) else place
        inner = [item for item in inner if isinstance(item, dict | list) and item]
        if not inner:
            break
        place = draw(st.sampled_from(inner))
    if isinstance(place, dict) and place:
        place[draw(st.sampled_from(sorted(place)))] = draw(VALUES)
    elif isinstance(place, list) and place:
        place[draw(st.integers(0, len(place) - 1))] = draw(VALUES)
    return json.dumps(value).encode()


QUICK = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.id)
def test_junk_is_answered_by_every_scheme(scheme: Scheme) -> None:
    @settings(QUICK, max_examples=25)
    @given(st.one_of(st.binary(max_size=80), VALUES.map(lambda v: json.dumps(v).encode())))
    def answered(data: bytes) -> None:
        result = judge(data, scheme.id)
        assert result is None or result.state is not State.VALID

    answered()


def test_mutated_vectors_are_answered() -> None:
    pool = [(name, data) for name, data in VECTORS if by_id(name).kind is not Kind.RATIO]

    @settings(QUICK, max_examples=400)
    @given(st.data())
    def answered(source: Any) -> None:
        name, data = source.draw(st.sampled_from(pool))
        data = mutate(source.draw, data)
        for scheme in (name, None):
            result = judge(data, scheme)
            # Nothing was given from outside: a proof can't be more than unconfirmed.
            kind = by_id(name).kind
            if result is not None and kind is Kind.PROOF and hasattr(result, "proofs"):
                assert result.state is not State.VALID

    answered()


def answers(data: bytes) -> list[str]:
    document = Document.of(data)
    return [scheme.id for scheme in SCHEMES if scheme.recognises(document)]


def assert_never_guessed(data: bytes) -> None:
    """One scheme or none; where several could be meant the file is refused and says so."""
    found = answers(data)
    if len(found) > 1:
        result = merkle_por.verify(data)
        assert result.state is State.MALFORMED, found
        problem = result.proofs[0].errors[0]
        assert problem.reason == "ambiguous-format"
        assert all(name in problem.text for name in found)
        assert "--format ID" in problem.hints[0]


def test_no_vector_is_taken_by_two_schemes() -> None:
    for _, data in VECTORS:
        assert_never_guessed(data)
    assert sum(len(answers(data)) == 1 for _, data in VECTORS) > len(VECTORS) // 2


def test_no_mutated_vector_and_no_junk_is_taken_by_two_schemes() -> None:
    @settings(QUICK, max_examples=500)
    @given(st.data())
    def at_most_one(source: Any) -> None:
        if source.draw(st.booleans()):
            data = mutate(source.draw, source.draw(st.sampled_from(VECTORS))[1])
        else:
            data = json.dumps(source.draw(VALUES)).encode()
        assert_never_guessed(data)

    at_most_one()


def test_two_formats_glued_together_are_taken_by_at_most_one_scheme() -> None:
    objects = []
    for _, data in VECTORS:
        try:
            value = json.loads(data)
        except ValueError:
            continue
        if isinstance(value, dict):
            objects.append(value)

    @settings(QUICK, max_examples=200)
    @given(st.sampled_from(objects), st.sampled_from(objects))
    def at_most_one(first: dict[str, Any], second: dict[str, Any]) -> None:
        assert_never_guessed(json.dumps({**first, **second}).encode())

    at_most_one()


def test_recognisers_raise_for_nothing() -> None:
    @settings(QUICK, max_examples=300)
    @given(st.one_of(st.binary(max_size=200), VALUES.map(lambda v: json.dumps(v).encode())))
    def quiet(data: bytes) -> None:
        document = Document.of(data)
        for scheme in SCHEMES:
            assert scheme.recognises(document) in (True, False)
            hint = scheme.nearest(document)
            assert hint is None or isinstance(hint, str)

    quiet()
