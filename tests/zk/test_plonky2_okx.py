"""OKX's Plonky2 proofs of reserves: every vector, and tampering with single elements."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import vectorfiles

import merkle_por
from merkle_por._native import kernel
from merkle_por.documents import Number, parse_json
from merkle_por.errors import Finding, Invalid, Malformed, UsageError
from merkle_por.exchanges.okx import plonky2_circuit, plonky2_rules
from merkle_por.exchanges.okx.plonky2_circuit import Pin
from merkle_por.exchanges.okx.plonky2_global import GlobalResult, check_global, parse_global
from merkle_por.exchanges.okx.plonky2_rules import check_user, check_within_totals, parse_user
from merkle_por.hashes.poseidon_goldilocks import digest_hex
from merkle_por.verdict import About, State, Totals
from merkle_por.zk.goldilocks import P

FOLDER = "okx-plonky2"
MADE = vectorfiles.manifest("made", FOLDER)
PEER = vectorfiles.manifest("peer", FOLDER)
USERS = [entry for entry in MADE if entry.format == "okx-plonky2-user"]
GLOBALS = [entry for entry in MADE if entry.format == "okx-plonky2-global"]


def made(name: str) -> bytes:
    return vectorfiles.file("made", FOLDER, name).read_bytes()


# What OKX's own programs accept, and the reason it is refused for here.
OFFICIALLY_ACCEPTED = {
    "user_bad_index_mismatch_high.json": "index-mismatch",
    "user_bad_extra_field.json": "bad-keys",
    "user_bad_leading_zero_amount.json": "bad-amount",
    "user_bad_plus_sign_amount.json": "bad-amount",
    "user_bad_noncanonical_amount.json": "bad-amount",
    "user_bad_array_form.json": "wrong-type",
    "user_bad_extra_token_zero.json": "bad-length",
    "user_bad_equity_debt_length.json": "bad-length",
    "user_bad_uppercase_id.json": "bad-hash",
    "user_bad_long_hash.json": "bad-hash",
    "user_bad_field_wraparound.json": "bad-amount",
    "user_bad_negative_account.json": "negative-balance",
    "user_bad_equity_and_debt_same_token.json": "equity-and-debt",
    "user_bad_padding_account.json": "padding-account",
    "user_bad_noncanonical_limb.json": "not-canonical",
    "global/n4_rogue_user2_inclusion_proof.json": "exceeds-total",
    "global/n64_forged_verifier_data.json": "weak-verifier-data",
    "global/n64_forged_verifier_data.json, pinned": "verifier-data-not-pinned",
    "global/n64_honest.json, vd_pow_bits_0": "weak-verifier-data",
    "global/n64_honest.json, vd_trailing": "bad-verifier-data",
}


def case_of(entry: vectorfiles.Entry) -> str:
    args = entry.data["args"]
    more = args.get("mutation") or ("pinned" if "verifier_data_file" in args else "")
    return f"{entry.data['file']}, {more}" if more else str(entry.data["file"])


@pytest.mark.parametrize("case", OFFICIALLY_ACCEPTED)
def test_refused_where_the_official_program_accepts(case: str) -> None:
    entry = next(e for e in MADE if e.data["expect"] != "valid" and case_of(e) == case)
    given = {
        name: str(entry.folder / value) if name in ("global", "verifier_data_file") else value
        for name, value in entry.data["args"].items()
        if name not in ("mutation", "mutations_file")
    }
    data = made(entry.data["file"])
    if (name := entry.data["args"].get("mutation")) is not None:
        changes = mutations(entry.data["args"]["mutations_file"])
        data = json.dumps(patched(json.loads(data), changes[name])).encode()
    verdict = merkle_por.verify(data, scheme=entry.format, given=given).proofs[0]
    assert verdict.state in (State.INVALID, State.MALFORMED)
    assert verdict.reason == OFFICIALLY_ACCEPTED[case]


def test_every_official_acceptance_has_its_name() -> None:
    accepted = {
        case_of(entry)
        for entry in MADE
        if entry.data["expect"] != "valid" and str(entry.data.get("official")).startswith("accept")
    }
    assert accepted == set(OFFICIALLY_ACCEPTED)


@cache
def mutations(name: str) -> dict[str, list[dict[str, Any]]]:
    return {item["name"]: item["patch"] for item in json.loads(made(name))["mutations"]}


def number(value: object) -> object:
    """A patch's value as the project's reader answers it: no floats."""
    return Number(repr(value)) if isinstance(value, float) else value


def patched(value: Any, patch: list[dict[str, Any]]) -> Any:
    out = copy.deepcopy(value)
    for step in patch:
        place = out
        for key in step["path"][:-1]:
            place = place[key]
        if step["op"] == "del":
            del place[step["path"][-1]]
        else:
            place[step["path"][-1]] = number(step["value"])
    return out


@cache
def base(name: str) -> Any:
    return parse_json(made(name))


@cache
def judged(name: str, branchout: int) -> GlobalResult:
    return check_global(parse_global(made(name)), branchout=branchout)


def run_global(entry: vectorfiles.Entry) -> GlobalResult:
    args = entry.data["args"]
    source: object = entry.files[0].read_bytes()
    if "mutation" in args:
        patch = mutations(args["mutations_file"])[args["mutation"]]
        source = patched(base(entry.data["file"]), patch)
    data = None
    if "verifier_data_file" in args:
        data = bytes.fromhex(made(args["verifier_data_file"]).decode())
    proof = parse_global(source, verifier_data=data)
    return check_global(proof, branchout=args["branchout"])


@pytest.mark.parametrize("entry", GLOBALS, ids=lambda entry: entry.name)
def test_every_global_vector(entry):
    if entry.data["expect"] != "valid":
        with pytest.raises((Malformed, Invalid)):
            run_global(entry)
        return
    result = run_global(entry)
    if entry.data.get("root"):
        assert result.root == entry.data["root"]
    if "totals" in entry.data:
        totals = {"equity": str(result.equity), "debt": str(result.debt)}
        assert totals == entry.data["totals"]


@pytest.mark.parametrize("entry", USERS, ids=lambda entry: entry.name)
def test_every_user_vector(entry):
    args = entry.data["args"]
    facts = {key: args[key] for key in ("root", "batch_size", "token_num", "levels_expected")}

    def run() -> plonky2_rules.UserResult:
        user = parse_user(entry.files[0].read_bytes())
        result = check_user(user, **facts, branchout=args["branchout"])
        if "global" in args and not entry.data.get("inclusion"):
            totals = judged(args["global"], args["branchout"])
            assert (totals.root, totals.batch_size) == (args["root"], args["batch_size"])
            check_within_totals(result, equity=totals.equity, debt=totals.debt)
        return result

    if entry.data["expect"] != "valid" and not entry.data.get("inclusion"):
        with pytest.raises((Malformed, Invalid)):
            run()
        return
    result = run()
    assert result.root == entry.data["root"]
    assert result.leaf == entry.data["leaf"]
    assert {"equity": str(result.equity), "debt": str(result.debt)} == entry.data["totals"]
    balances = {f"token{i}": str(value) for i, value in enumerate(result.balances)}
    assert balances == entry.data.get("balances", balances)
    if entry.data["expect"] != "valid":
        totals = judged(args["global"], args["branchout"])
        with pytest.raises(Invalid) as caught:
            check_within_totals(result, equity=totals.equity, debt=totals.debt)
        assert caught.value.reason == entry.data["reason"]


@pytest.mark.peer
@pytest.mark.parametrize("entry", PEER, ids=lambda entry: entry.name)
def test_every_published_file(entry):
    value = parse_json(entry.files[0].read_bytes())
    if entry.format == "okx-plonky2-verifier-data":
        data = bytes.fromhex(value["root_verifier_data_hex"])
        circuit = plonky2_circuit.load_circuit(data)
        assert digest_hex(circuit.digest) == entry.data["digest"]
        pin = plonky2_circuit.identify(data, plonky2_circuit.PINS)
        assert pin is not None
        assert pin.sha256 == entry.data["sha256_of_bytes"]
        assert (circuit.degree_bits, len(circuit.gates)) == (19, 14)
        return
    assert entry.format == "okx-plonky2-prover-input"
    for wrong in (parse_user, parse_global):
        with pytest.raises(Malformed):
            wrong(value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("user_bad_wrong_root.json", "root-mismatch"),
        ("user_bad_index_mismatch_high.json", "index-mismatch"),
        ("user_bad_swapped_left_right.json", "index-mismatch"),
        ("user_bad_truncated_sum_path.json", "path-length"),
        ("user_bad_truncated_recursive.json", "path-length"),
        ("user_bad_negative_account.json", "negative-balance"),
        ("user_bad_equity_and_debt_same_token.json", "equity-and-debt"),
        ("user_bad_padding_account.json", "padding-account"),
        ("user_bad_noncanonical_limb.json", "not-canonical"),
        ("user_bad_field_wraparound.json", "bad-amount"),
        ("user_bad_bom.json", "bad-json"),
        ("user_bad_extra_field.json", "bad-keys"),
    ],
)
def test_user_reasons(name, reason):
    entry = next(entry for entry in USERS if entry.data["file"] == name)
    args = entry.data["args"]
    facts = {key: args[key] for key in ("root", "batch_size", "token_num", "levels_expected")}
    with pytest.raises(Finding) as caught:
        check_user(parse_user(made(name)), **facts)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("mutation", "reason"),
    [
        ("equity_plus_1", "constraint"),
        ("query0_oracle0_eval", "fri-fold"),
        ("query0_wires_salt", "fri-merkle-path"),
        ("query27_sibling", "fri-merkle-path"),
        ("query27_last_step_sibling", "fri-merkle-path"),
        ("final_poly", "proof-of-work"),
        ("pow_witness", "proof-of-work"),
        ("drop_step", "proof-shape"),
        ("u64_overflow", "bad-number"),
        ("float_public_input", "bad-number"),
        ("no_circuits_info", "missing-field"),
        ("branchout_32", "branchout"),
        ("vd_cap_bit", "verifier-data-digest"),
        ("root_vd_digest", "verifier-data-digest"),
        ("vd_num_queries_27", "weak-verifier-data"),
        ("vd_trailing", "bad-verifier-data"),
        ("vd_not_hex", "bad-verifier-data"),
    ],
)
def test_global_reasons(mutation, reason):
    patch = mutations("global/n64_mutations.json")[mutation]
    with pytest.raises(Finding) as caught:
        check_global(parse_global(patched(base("global/n64_honest.json"), patch)))
    assert caught.value.reason == reason


def test_a_user_path_shows_every_node_it_uses():
    user = parse_user(made("r2_users/user4_inclusion_proof.json"))
    result = check_user(user)
    assert result.index == 4
    assert result.nodes[0].hash == result.leaf
    assert result.nodes[-1] == plonky2_rules.TreeNode(3, 0, result.root)
    places = [(node.level, node.position) for node in result.nodes]
    assert len(set(places)) == len(places) == 2 * 2 + 64 + 1
    neighbour = check_user(parse_user(made("r2_users/user5_inclusion_proof.json")))
    seen = {(node.level, node.position): node.hash for node in neighbour.nodes}
    shared = [node for node in result.nodes if (node.level, node.position) in seen]
    assert len(shared) > 64
    assert all(seen[node.level, node.position] == node.hash for node in shared)


def test_a_root_is_only_confirmed_when_given():
    user = parse_user(made("user_valid_A0.json"))
    assert "root" not in dict(check_user(user).passed)
    assert "amounts-not-committed" in dict(check_user(user).warnings)


# The known circuit, and what hangs on it.


def pin_of(result: GlobalResult, **changes: Any) -> Pin:
    facts = {"batch_size": 4, "token_num": 3, "levels": 1, "branchout": 64, **changes}
    return Pin(sha256=result.verifier_data_sha256, name="test circuit", **facts)


def test_an_unknown_circuit_is_not_taken_for_a_known_one():
    result = judged("global/n64_honest.json", 64)
    assert not result.circuit_known
    assert "circuit-not-pinned" in dict(result.warnings)
    assert "circuit" not in dict(result.passed)


def test_a_pinned_circuit():
    result = judged("global/n64_honest.json", 64)
    proof = parse_global(made("global/n64_honest.json"))
    pinned = check_global(proof, pins=[pin_of(result)], root=result.root)
    assert pinned.circuit_known
    assert {"circuit", "root", "proof"} <= set(dict(pinned.passed))
    assert "circuit-not-pinned" not in dict(pinned.warnings)
    assert "prover-can-forge" in dict(pinned.warnings)


@pytest.mark.parametrize(
    "changes", [{"batch_size": 1024}, {"token_num": 4}, {"levels": 3}, {"branchout": 4}]
)
def test_the_file_must_state_what_the_pin_names(changes):
    result = judged("global/n64_honest.json", 64)
    proof = parse_global(made("global/n64_honest.json"))
    with pytest.raises(Invalid) as caught:
        check_global(proof, pins=[pin_of(result, **changes)])
    assert caught.value.reason == "config-mismatch"


def test_another_root_than_the_published_one():
    proof = parse_global(made("global/n64_honest.json"))
    with pytest.raises(Invalid) as caught:
        check_global(proof, root="00" * 32)
    assert caught.value.reason == "root-mismatch"


def test_given_verifier_data_confirm_the_circuit():
    data = bytes.fromhex(made("global/n64_verifier_data.hex").decode())
    proof = parse_global(made("global/n64_honest.json"), verifier_data=data)
    assert check_global(proof).circuit_known


def test_the_first_round_needs_no_circuit_in_its_file():
    value = dict(base("global/n64_honest_oct2024_layout.json"))
    del value["circuit_configs"]
    with pytest.raises(Malformed):
        parse_global(value)
    value["general"] = {**value["general"], "round_num": plonky2_circuit.KNOWN_ROUND}
    with pytest.raises(Invalid) as caught:
        parse_global(value)
    assert caught.value.reason == "verifier-data-unknown"
    data = bytes.fromhex(made("global/n64_verifier_data.hex").decode())
    assert check_global(parse_global(value, verifier_data=data)).levels == 3


# Tampering.


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [place for key in value for place in leaves(value[key], (*path, key))]
    if isinstance(value, list):
        return [place for i, item in enumerate(value) for place in leaves(item, (*path, i))]
    return [path]


def test_every_changed_element_is_refused():
    """One sample from each kind of place, and random ones from all of the proof."""
    name = "global/n4_honest.json"
    value = copy.deepcopy(base(name))
    places = leaves(value["proof"], ("proof",)) + leaves(
        value["root_vd_digest"], ("root_vd_digest",)
    )
    chance = random.Random(20240916)
    kinds: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for place in places:
        kinds.setdefault(tuple("" if isinstance(k, int) else k for k in place), []).append(place)
    chosen = [chance.choice(group) for group in kinds.values()]
    chosen += chance.sample(places, 150 if kernel("goldilocks") else 15)
    for place in chosen:
        holder = value
        for key in place[:-1]:
            holder = holder[key]
        before = holder[place[-1]]
        change = chance.choice([1, P - 1, 1 << chance.randrange(64), chance.randrange(1, P)])
        holder[place[-1]] = (before + change) % P
        if holder[place[-1]] == before % P:
            holder[place[-1]] = (before + 1) % P
        with pytest.raises((Malformed, Invalid)):
            check_global(parse_global(value), branchout=4)
        holder[place[-1]] = before
    check_global(parse_global(value), branchout=4)


def test_every_changed_byte_of_the_verifier_data_is_refused():
    value = copy.deepcopy(base("global/n4_honest.json"))
    data = bytes.fromhex(value["circuits_info"]["root_verifier_data_hex"])
    for at in range(len(data)):
        wrong = bytearray(data)
        wrong[at] ^= 1 << (at % 8)
        value["circuits_info"]["root_verifier_data_hex"] = wrong.hex()
        with pytest.raises((Malformed, Invalid)):
            check_global(parse_global(value), branchout=4)
    for cut in range(0, len(data), 7):
        value["circuits_info"]["root_verifier_data_hex"] = data[:cut].hex()
        with pytest.raises((Malformed, Invalid)):
            parse_global(value)


@pytest.mark.parametrize("junk", [None, True, -1, 2**64, "1", [], {}, Number("1.0"), [[[]]]])
def test_junk_anywhere_is_malformed(junk):
    value = copy.deepcopy(base("global/n4_honest.json"))
    chance = random.Random(repr(junk))
    places = leaves(value)
    prefixes = {place[:n] for place in places for n in range(1, len(place) + 1)}
    for place in chance.sample(sorted(prefixes, key=repr), 40):
        holder = value
        for key in place[:-1]:
            holder = holder[key]
        before = holder[place[-1]]
        if junk is True and isinstance(before, bool):
            continue
        holder[place[-1]] = junk
        with pytest.raises((Malformed, Invalid)):
            check_global(parse_global(value), branchout=4)
        holder[place[-1]] = before


@pytest.mark.parametrize("junk", [None, True, -1, 2**64, "1", "", [], {}, Number("1.0"), [[[]]]])
def test_junk_in_a_user_file_is_refused(junk):
    value = parse_json(made("user_valid_A0.json"))
    root = "57d46296c190ddc24e272bdd0ccc1fdfff72cc683c395187fd82bdad7ba9f8d3"
    prefixes = {path[:n] for path in leaves(value) for n in range(1, len(path) + 1)}
    for place in sorted(prefixes, key=repr):
        holder = value
        for key in place[:-1]:
            holder = holder[key]
        before = holder[place[-1]]
        holder[place[-1]] = junk
        with pytest.raises((Malformed, Invalid)):
            check_user(parse_user(value), root=root)
        holder[place[-1]] = before


# Through the public face.


ROOT_64 = "23465ff1d271ceed765b27bfa2f1333c7bfac143e9b6f58dec607a6e89f41627"


def path_of(name: str) -> str:
    return str(vectorfiles.file("made", FOLDER, name))


def sha256_64() -> str:
    return judged("global/n64_honest.json", 64).verifier_data_sha256


def test_a_circuit_named_by_the_user_must_be_the_files() -> None:
    whole, own = path_of("global/n64_honest.json"), path_of("r2_users/user4_inclusion_proof.json")
    right = {"circuit_sha256": sha256_64(), "root": ROOT_64}
    assert merkle_por.verify(whole, given=right).state is State.VALID
    assert merkle_por.verify(own, given={**right, "global": whole}).state is State.VALID
    wrong = {"circuit_sha256": "00" * 32, "root": ROOT_64}
    for result in (
        merkle_por.verify(whole, given=wrong),
        merkle_por.verify(own, given={**wrong, "global": whole}),
    ):
        assert result.state is State.INVALID
        assert result.proofs[0].reason == "verifier-data-not-pinned"


def test_totals_of_an_unknown_circuit_are_only_stated() -> None:
    """Anybody can make a circuit that proves any totals for a published root."""
    given = {"global": path_of("global/n64_honest.json"), "root": ROOT_64}
    own = path_of("r2_users/user4_inclusion_proof.json")
    unknown = merkle_por.verify(own, given=given).proofs[0]
    assert unknown.state is State.VALID
    assert unknown.totals is Totals.NOT_CLAIMED
    assert "only stated" in unknown.lines[About.TOTALS]
    known = merkle_por.verify(own, given={**given, "circuit_sha256": sha256_64()}).proofs[0]
    assert known.totals is Totals.BOUND


def test_users_together_are_owed_no_more_than_the_net_total() -> None:
    """A global proof over an exchanged inner circuit shows when enough users compare."""
    from merkle_por.crosscheck import together
    from merkle_por.exchanges.okx.plonky2 import NET

    given = {"global": path_of("global/n64_honest.json"), "circuit_sha256": sha256_64()}
    files = [path_of(f"r2_users/user{i}_inclusion_proof.json") for i in (0, 4, 5)]
    verdicts = [merkle_por.verify(path, given=given).proofs[0] for path in files]
    assert together(verdicts).state is State.VALID
    owed = [verdict.nodes[0].balances[NET] for verdict in verdicts]
    short = [replace(v, published={NET: max(owed)}) for v in verdicts]
    assert together(short).state is State.INVALID


@pytest.mark.parametrize(
    ("place", "value"),
    [(("batch_circuit_config",), True), (("recursive_circuit_configs", 0), False)],
)
def test_inner_circuits_hide_nothing_and_the_root_does(place, value):
    whole = copy.deepcopy(base("global/n64_honest.json"))
    config = whole["circuits_info"]
    for key in place:
        config = config[key]
    config["zero_knowledge"] = value
    with pytest.raises(Invalid) as caught:
        check_global(parse_global(whole))
    assert caught.value.reason == "weak-verifier-data"


def test_what_only_the_file_states_is_said_to_be():
    result = judged("global/n64_honest.json", 64)
    text = dict(result.warnings)["statements-not-bound"]
    assert "batch size" in text
    proof = parse_global(made("global/n64_honest.json"))
    pinned = dict(check_global(proof, pins=[pin_of(result)]).warnings)["statements-not-bound"]
    assert pinned.endswith("the round's number")


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text,
        lambda text: f"{text[:80]}\n{text[80:]}\n",
        lambda text: json.dumps(text),
        lambda text: json.dumps({"round_num": 1, "root_verifier_data_hex": text}),
        lambda text: json.dumps({"circuits_info": {"root_verifier_data_hex": text}}),
    ],
)
def test_forms_of_verifier_data_from_outside(form, tmp_path):
    file = tmp_path / "data"
    file.write_text(form(made("global/n64_verifier_data.hex").decode().strip()))
    given = {"verifier_data_file": str(file), "root": ROOT_64}
    for name in ("global/n64_honest_oct2024_layout.json", "global/n64_honest.json"):
        assert merkle_por.verify(path_of(name), given=given).state is State.VALID


@pytest.mark.parametrize("text", ["", "xyz", "{}", '{"circuits_info": 3}', "[]", "01 0"])
def test_what_is_no_verifier_data_is_the_callers_error(text, tmp_path):
    file = tmp_path / "data"
    file.write_text(text)
    with pytest.raises(UsageError):
        merkle_por.verify(
            path_of("global/n64_honest.json"), given={"verifier_data_file": str(file)}
        )
