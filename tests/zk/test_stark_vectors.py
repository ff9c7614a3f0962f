"""Every entry of both okx-stark-v1 manifests, through the functions that judge the files.

Expected valid: passes, with the manifest's figures and the warnings the spec asks for. Expected
invalid or malformed: raises one of the two. Then one named test for each file that the official
validator accepts and must not (spec section 8), and for each forgery that no verifier can see.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import vectorfiles

import merkle_por
from merkle_por.documents import Document
from merkle_por.errors import Finding, Invalid, Malformed
from merkle_por.exchanges.okx import stark_rules as rules
from merkle_por.verdict import State

SCHEME = "okx-stark-v1"
ENTRIES = [
    pytest.param(
        entry,
        id=f"{side}/{entry.data['file']}",
        marks=[pytest.mark.peer] if side == "peer" else [],
    )
    for side in ("made", "peer")
    for entry in vectorfiles.manifest(side, SCHEME)
]


@cache
def proof_set(path: Path) -> rules.ProofSetResult:
    return rules.check_proof_set(path)


@cache
def published(path: Path) -> rules.ProofSet:
    return rules.read_proof_set(path)


def judge(entry: vectorfiles.Entry) -> rules.ProofSetResult | rules.InclusionResult:
    path = entry.files[0]
    if entry.data["kind"] == "sum-proof-set":
        return proof_set(path)
    args = entry.data["args"]
    facts: dict[str, Any] = {}
    if "sum_proof_data" in args:
        facts["published"] = published(entry.folder / args["sum_proof_data"])
    if "config" in args:
        facts["config"] = Document.of(entry.folder / args["config"]).json
    if "user_id" in args:
        facts["user_id"] = args["user_id"]
    return rules.check_inclusion(Document.of(path).json, **facts)


def numbers(texts: dict[str, str]) -> dict[str, int]:
    return {coin: int(text) for coin, text in texts.items()}


@pytest.mark.skipif(not ENTRIES, reason="no okx-stark-v1 vectors on this machine")
@pytest.mark.parametrize("entry", ENTRIES)
def test_manifest_entry(entry: vectorfiles.Entry) -> None:
    expected = entry.data
    if expected["expect"] != "valid":
        with pytest.raises((Invalid, Malformed)):
            judge(entry)
        return
    result = judge(entry)
    warnings = dict(result.warnings)
    assert "forgeable by its prover" in warnings["prover-can-forge"]
    assert result.root == expected["root"]
    assert result.total == int(expected["total"])
    if isinstance(result, rules.ProofSetResult):
        assert result.totals == numbers(expected["totals"])
        assert list(result.unproven) == expected["unproven"]
        assert ("unproven-coins" in warnings) == bool(expected["unproven"])
        assert result.batches == expected["batches"]
        assert result.constrained + result.unproven == tuple(result.totals)
    else:
        assert result.user_id == expected["leaf"]  # the manifest's word for the user's id
        assert result.balances == numbers(expected["balances"])
        assert result.pinned == ("unpinned" not in expected["args"])
        assert ("root-not-given" in warnings) != result.pinned


def made(name: str) -> Path:
    return vectorfiles.file("made", SCHEME, name)


def refusal_of_set(name: str) -> Finding:
    with pytest.raises((Invalid, Malformed)) as caught:
        rules.check_proof_set(made(f"{name}/sum_proof_data/config.json").parent)
    return caught.value


def refusal_of_file(name: str, data: str | None = "s1", **facts: Any) -> Finding:
    if data is not None:
        facts["published"] = published(made(f"{data}/sum_proof_data/config.json").parent)
    with pytest.raises((Invalid, Malformed)) as caught:
        rules.check_inclusion(Document.of(made(name)).json, **facts)
    return caught.value


# Accepted by the official validator, refused here.


def test_accepted_by_official_last_fri_layer_of_inner_nodes() -> None:
    assert refusal_of_set("bad_fri_last_layer_folded").reason == "fri-layers"


def test_accepted_by_official_trunk_proof_as_batch() -> None:
    assert refusal_of_set("bad_batch_is_trunk").reason == "duplicate-batch"


def test_accepted_by_official_float_total() -> None:
    assert refusal_of_set("bad_float_total").reason == "wrong-type"


def test_accepted_by_official_duplicate_key_in_totals() -> None:
    assert refusal_of_set("bad_dup_key").reason == "duplicate-key"


def test_accepted_by_official_uts_128_lets_a_negative_account_pass() -> None:
    assert refusal_of_set("forge_uts128").reason == "uts-range"


def test_accepted_by_official_inclusion_with_uts_128() -> None:
    name = "forge_uts128/inclusion/a0_user_0_inclusion_proof.json"
    assert refusal_of_file(name, data=None).reason == "uts-range"


def test_accepted_by_official_coins_of_a_user_do_not_add_up() -> None:
    name = "forge_unlinked/inclusion/a0_user_0_inclusion_proof.json"
    assert refusal_of_file(name, "forge_unlinked").reason == "sum-mismatch"
    assert refusal_of_file(name, data=None).reason == "sum-mismatch"


def test_accepted_by_official_user_owns_more_than_his_batch() -> None:
    name = "forge_fs/inclusion/a0_user_0_inclusion_proof.json"
    assert refusal_of_file(name, "forge_fs").reason == "sum-range"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_inc_total_number_float.json", "wrong-type"),
        ("bad_inc_plus_sign.json", "bad-amount"),
        ("bad_inc_underscore.json", "bad-amount"),
        ("bad_inc_id_shift.json", "bad-hash"),
        ("bad_inc_uts8.json", "sum-range"),
        ("bad_inc_dup_key.json", "duplicate-key"),
        ("bad_inc_hex_space.json", "bad-hash"),
        ("bad_inc_config_changed.json", "config-mismatch"),
        ("bad_inc_plus_p.json", "not-canonical"),
    ],
)
def test_accepted_by_official_inclusion_file(name: str, reason: str) -> None:
    assert refusal_of_file(name).reason == reason


def test_accepted_by_official_file_of_another_user() -> None:
    assert refusal_of_file("bad_inc_other_user.json", user_id="ab" * 32).reason == "user-id"


def test_accepted_by_official_tree_that_was_never_published() -> None:
    assert refusal_of_file("bad_inc_other_set.json", "s2").reason == "root-mismatch"
    result = rules.check_inclusion(Document.of(made("bad_inc_other_set.json")).json)
    assert not result.pinned
    assert "root-not-given" in dict(result.warnings)


# Forgeries that pass every check there can be: the result must say so.


@pytest.mark.parametrize("name", ["forge_fri", "forge_fs", "forge_unlinked", "moved_unproven"])
def test_undetectable_forgery_is_never_called_proven(name: str) -> None:
    result = proof_set(made(f"{name}/sum_proof_data/config.json").parent)
    warnings = dict(result.warnings)
    assert warnings["prover-can-forge"].startswith(rules.STANDING)
    assert "does not by itself exclude understated totals" in warnings["prover-can-forge"]
    assert "net-not-tied" in warnings
    said = " ".join(text for _, text in result.checks + result.warnings)
    assert "proven" not in said
    assert "solven" not in said


def test_forge_fri_published_totals_are_less_than_the_users_own() -> None:
    result = proof_set(made("forge_fri/sum_proof_data/config.json").parent)
    users = [
        rules.check_inclusion(Document.of(path).json, published=result.published)
        for path in made("forge_fri/inclusion").iterdir()
    ]
    assert sum(user.total for user in users) > result.total


def test_forge_fs_shows_in_ids_off_the_trace_that_honest_sets_lack() -> None:
    def warned(name: str) -> dict[str, str]:
        return dict(proof_set(made(f"{name}/sum_proof_data/config.json").parent).warnings)

    assert "rows of a0 carry an id" in warned("forge_fs")["off-trace-ids"]
    for honest in ("s1", "s2", "s4"):
        assert "off-trace-ids" not in warned(honest)


def test_moved_unproven_names_the_coins_without_any_constraint() -> None:
    result = proof_set(made("moved_unproven/sum_proof_data/config.json").parent)
    assert result.unproven == ("USDT", "OKB")
    assert result.constrained == ("BTC", "ETH")
    assert dict(result.warnings)["unproven-coins"].endswith("claimed only: USDT, OKB")


# Through the public face.


def given_set(name: str) -> dict[str, Any]:
    folder = made(f"{name}/sum_proof_data/config.json").parent
    return {"sum_proof_data": str(folder), "root": published(folder).trunk.root}


def test_forge_fri_shows_when_users_compare_their_files() -> None:
    """Each file passes alone; together they are owed more than the published total."""
    files = sorted(made("forge_fri/inclusion").iterdir())
    result = merkle_por.verify(*files, given=given_set("forge_fri"))
    assert {proof.state for proof in result.proofs} == {State.VALID}
    assert result.state is State.INVALID
    assert "total-exceeded" in result.sentence


def test_honest_users_do_not_contradict_each_other() -> None:
    files = sorted(made("s1/inclusion").iterdir())
    assert merkle_por.verify(*files, given=given_set("s1")).state is State.VALID


def test_a_batchs_totals_are_no_published_totals() -> None:
    """Whoever owes one batch owes all the others too."""
    file = made("s1/inclusion/a0_user_0_inclusion_proof.json")
    given = given_set("s1")
    alone = merkle_por.verify(file, given={"root": given["root"]}).proofs[0]
    assert not alone.published
    assert "batch-not-compared" in {warning.id for warning in alone.warnings}
    beside = merkle_por.verify(file, given=given).proofs[0]
    assert [int(value) for value in beside.published.values()] == [904185987576065851]
    assert "set-not-proven" in {warning.id for warning in beside.warnings}
    leaf, *siblings, root = beside.nodes
    assert (leaf.role, leaf.hash) == ("leaf", beside.details["leaf"])
    assert {node.role for node in siblings} == {"sibling"}
    assert (root.role, root.hash) == ("root", given["root"])


def test_a_set_that_does_not_add_up_confirms_nobodys_totals(tmp_path: Path) -> None:
    file = made("s1/inclusion/a0_user_0_inclusion_proof.json")
    folder = tmp_path / "sum_proof_data"
    shutil.copytree(made("s1/sum_proof_data/config.json").parent, folder)
    sums = folder / "trunk" / "sum_values.json"
    values = json.loads(sums.read_text())
    sums.chmod(0o644)
    sums.write_text(json.dumps({**values, "BTC": values["BTC"] - 1, "ETH": values["ETH"] + 1}))
    given = {**given_set("s1"), "sum_proof_data": str(folder)}
    result = merkle_por.verify(file, given=given)
    assert result.state is State.INVALID
    assert result.proofs[0].reason == "sum-mismatch"


def test_a_set_of_2023_04_has_no_config_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "sum_proof_data"
    source = made("s1/sum_proof_data/config.json")
    shutil.copytree(source.parent, folder)
    folder.chmod(0o755)
    (folder / "config.json").unlink()
    root = published(source.parent).trunk.root
    alone = merkle_por.verify(folder, given={"root": root})
    assert alone.state is State.MALFORMED
    assert alone.proofs[0].reason == "missing-file"
    result = merkle_por.verify(folder, given={"root": root, "config": str(source)})
    assert result.state is State.VALID
    other = made("s2/sum_proof_data/config.json")
    result = merkle_por.verify(source.parent, given={"root": root, "config": str(other)})
    assert result.proofs[0].reason == "config-mismatch"


def test_the_downloaded_archive_must_be_unpacked_first(tmp_path: Path) -> None:
    archive = tmp_path / "report.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.write(made("s1/sum_proof_data/config.json"), "sum_proof_data/config.json")
    result = merkle_por.verify(archive)
    assert result.state is State.MALFORMED
    assert any("unpack" in hint for hint in result.proofs[0].errors[0].hints)
