"""Hostile okx-stark-v1 files: any edit is refused, by Malformed or Invalid and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import vectorfiles
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por.documents import Document, Number
from merkle_por.errors import Incomplete, Invalid, Malformed, UsageError
from merkle_por.exchanges.okx import stark_files
from merkle_por.exchanges.okx import stark_rules as rules

JUNK = st.sampled_from(
    [None, True, -1, 0, 1, 2**256, "", "00", "0" * 64, "f" * 64, " " + "0" * 63, "é" * 64, [], {},
     [[]], Number("1.5"), Number("-0"), {"coins": []}]
)  # fmt: skip


@dataclass
class Memory:
    """`ProofFiles` kept in memory, so that single values can be changed."""

    values: dict[str, Any]

    def batches(self) -> Iterable[str]:
        return {name.split("/")[1] for name in self.values if name.startswith("batches/")}

    def json(self, name: str) -> Any:
        if name not in self.values:
            raise Malformed("missing-file", f"{name} is missing")
        return self.values[name]


@cache
def loaded(name: str) -> Memory:
    folder = vectorfiles.file("made", "okx-stark-v1", f"{name}/sum_proof_data/config.json").parent
    return Memory(
        {
            str(path.relative_to(folder)): Document.of(path).json
            for path in sorted(folder.rglob("*.json"))
        }
    )


@cache
def inclusion(name: str = "s1/inclusion/a0_user_0_inclusion_proof.json") -> Any:
    return Document.of(vectorfiles.file("made", "okx-stark-v1", name)).json


@cache
def published() -> rules.ProofSet:
    return rules.read_proof_set(loaded("s1"))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every value inside a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, member in value.items():
            found += places(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            found += places(member, (*path, index))
    return found


@cache
def places_of_set() -> list[tuple[Any, ...]]:
    return places(loaded("s2").values)


@cache
def places_of_inclusion() -> list[tuple[Any, ...]]:
    return places(inclusion())


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with one value replaced; only the containers on the way are copied."""
    if not path:
        return new
    result = copy.copy(value)
    result[path[0]] = changed(value[path[0]], path[1:], new)
    return result


def flip(text: str, place: int) -> str:
    place %= len(text)
    return text[:place] + ("1" if text[place] != "1" else "2") + text[place + 1 :]


@settings(max_examples=40)
@given(st.data())
def test_any_changed_digit_of_a_set_is_refused(data: st.DataObject) -> None:
    values = loaded("s2").values
    path = data.draw(st.sampled_from(places_of_set()))
    old = at(values, path)
    if isinstance(old, str) and old:
        new: Any = flip(old, data.draw(st.integers(0, 10_000)))
    elif isinstance(old, int):
        new = old + data.draw(st.sampled_from([-1, 1, 2, 1 << 40]))
    else:
        return
    with pytest.raises((Invalid, Malformed)):
        rules.check_proof_set(Memory(changed(values, path, new)))


@settings(max_examples=60)
@given(st.data(), JUNK)
def test_junk_anywhere_in_a_set_is_refused_cleanly(data: st.DataObject, junk: Any) -> None:
    values = loaded("s2").values
    path = data.draw(st.sampled_from(places_of_set()))
    if at(values, path) == junk:
        return
    with pytest.raises((Invalid, Malformed)):
        rules.check_proof_set(Memory(changed(values, path, junk)))


@given(st.data(), JUNK)
def test_junk_anywhere_in_an_inclusion_file_is_refused_cleanly(
    data: st.DataObject, junk: Any
) -> None:
    path = data.draw(st.sampled_from(places_of_inclusion()))
    if at(inclusion(), path) == junk:
        return
    with pytest.raises((Invalid, Malformed)):
        rules.check_inclusion(changed(inclusion(), path, junk), published=published())


@given(st.data())
def test_any_changed_digit_of_an_inclusion_file_is_refused(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places_of_inclusion()))
    old = at(inclusion(), path)
    if isinstance(old, str):
        new: Any = flip(old, data.draw(st.integers(0, 100)))
    elif isinstance(old, int):
        new = old + data.draw(st.sampled_from([-1, 1, 16]))
    else:
        return
    with pytest.raises((Invalid, Malformed)):
        rules.check_inclusion(changed(inclusion(), path, new), published=published())


@given(JUNK)
def test_junk_instead_of_a_document(junk: Any) -> None:
    assert not stark_files.looks_like_inclusion(junk)
    with pytest.raises(Malformed):
        rules.check_inclusion(junk)


@pytest.mark.parametrize(
    "amount", ["-0", "00", "01", "+1", " 1", "1 ", "1.0", "1e3", "", "-", "٣", "1_0", "9" * 5000]
)
def test_amounts_are_written_in_one_way(amount: str) -> None:
    path = ("batch_inclusion_proof", "BTC")
    with pytest.raises(Malformed) as caught:
        rules.check_inclusion(changed(inclusion(), path, amount))
    assert caught.value.reason == "bad-amount"


def test_numbers_as_amounts_belong_to_the_files_without_config() -> None:
    path = ("batch_inclusion_proof", "BTC")
    with pytest.raises(Malformed) as caught:
        rules.check_inclusion(changed(inclusion(), path, 100))
    assert caught.value.reason == "wrong-type"
    old = {key: value for key, value in inclusion().items() if key != "config"}
    old = changed(old, path, int(old["batch_inclusion_proof"]["BTC"]))
    assert rules.check_inclusion(old, published=published()).balances["BTC"] == 100


def test_a_file_of_2023_04_alone_needs_the_config() -> None:
    old = {key: value for key, value in inclusion().items() if key != "config"}
    with pytest.raises(Incomplete) as caught:
        rules.check_inclusion(old)
    assert caught.value.reason == "missing-config"
    config = loaded("s1").values["config.json"]
    result = rules.check_inclusion(old, config=config)
    assert not result.pinned
    assert result.unproven == ("USDT", "OKB")


def test_root_from_outside() -> None:
    root = published().trunk.root
    result = rules.check_inclusion(inclusion(), root="0x" + root.upper())
    assert result.pinned
    assert "batch-not-compared" in dict(result.warnings)
    with pytest.raises(Invalid) as caught:
        rules.check_inclusion(inclusion(), root="00" * 32)
    assert caught.value.reason == "root-mismatch"
    for wrong in ("", "00", "zz" * 32):
        with pytest.raises(UsageError):
            rules.check_inclusion(inclusion(), root=wrong)
    assert rules.check_proof_set(loaded("s1"), root=root).root == root
    with pytest.raises(Invalid) as caught:
        rules.check_proof_set(loaded("s1"), root="00" * 32)
    assert caught.value.reason == "root-mismatch"


@pytest.mark.parametrize(
    "config",
    [
        {"main_coins_num": 3, "coins": ["BTC", "ETH"]},
        {"main_coins_num": -1, "coins": ["BTC", "ETH"]},
        {"main_coins_num": 1, "coins": []},
        {"main_coins_num": 1, "coins": ["BTC", "BTC"]},
        {"main_coins_num": 1, "coins": ["BTC", "total_value"]},
        {"main_coins_num": 1, "coins": ["BTC", ""]},
        {"main_coins_num": 1, "coins": ["BTC", 5]},
        {"main_coins_num": True, "coins": ["BTC"]},
        {"main_coins_num": 1, "coins": ["BTC"], "more": 1},
        {"coins": ["BTC"]},
    ],
)
def test_configs_that_are_none(config: Any) -> None:
    with pytest.raises(Malformed):
        stark_files.parse_config(config)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], "missing-file"),
        (["a1"], "missing-file"),
        (["a0", "a2"], "missing-file"),
        (["a0", "b1"], "missing-file"),
        (["a0", "c0"], "bad-keys"),
        (["a0", "a01"], "bad-keys"),
        (["a0", "trunk"], "bad-keys"),
        (["a0", "a" + "9" * 5000], "bad-keys"),
    ],
)
def test_batch_names_without_a_gap(names: list[str], reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        stark_files.batch_order(names)
    assert caught.value.reason == reason


def test_batches_stand_by_number_and_kind() -> None:
    names = [f"{kind}{number}" for kind in "ba" for number in range(11)]
    order = [*(f"a{i}" for i in range(11)), *(f"b{i}" for i in range(11))]
    assert stark_files.batch_order(names) == order


def test_batches_in_threads_give_the_same_result() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert rules.check_proof_set(loaded("s1"), executor=pool) == rules.check_proof_set(
            loaded("s1")
        )


@pytest.mark.parametrize("backend", ["auto", "c", "python"])
def test_backends_agree(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERKLE_POR_BACKEND", backend)
    assert rules.check_proof_set(loaded("s4")).total == 1152921504875282431
