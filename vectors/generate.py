"""Writes vectors/<scheme>.json: the conformance suite's index, one file for each scheme.

    python vectors/generate.py            # writes; a test holds the files to what this writes

The vectors themselves stand in vectors/made/<folder>/, each folder with a manifest.json that was
written when they were made (keys: ../README of the manifests, repeated in vectors/README.md). The
index says the same in the shape of Wycheproof (C2SP): notes, groups, tests. Three things are added
here: the verdict states, which the manifests know only as valid, invalid and malformed; one family
of class names, since the manifests were made by several hands; and for each class what bug the
test catches and what an attacker gains from it.

Needs nothing but Python and merkle_por/reasons.py.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from merkle_por.reasons import REASONS  # noqa: E402

SCHEMA = "merkle-por/vectors/1"
MADE = HERE / "made"

# Manifests that hold no files of a scheme: recorded answers of nodes, pairings and hashes.
NOT_INDEXED = {"rpc-recording", "zk-primitives-bn254"}

LISTS = {
    "binance-por-csv",
    "bitfinex-wallets",
    "bitmex-reserves",
    "bybit-por-csv",
    "cmc-exchange-assets",
    "htx-por-csv",
    "okx-aup-csv",
    "okx-por-csv",
    "okx-reserves-csv",
}
RATIOS = {"solvency"}
# What these hang on is no Merkle root: nothing more can be given to confirm them.
NO_ROOT = LISTS | RATIOS | {"evm-proof", "btc-spv"}
# Signed rows of this layout are of kinds that only a second file tells apart.
SIGNATURES_OPEN = {"okx-reserves-csv"}
ANCHORS = ("root", "verifying_keys", "vk_sha256")

# Where a manifest's invalid or malformed is not what the rule says: what shows in one field's own
# text or type, or in the structure, is malformed; what takes two fields or a hash is invalid.
BORDER = {
    "binance-por-csv/bad-duplicate.csv": "invalid",
    "bitmex-reserves/bad_custodial_twice.yaml": "malformed",
    "bitmex-reserves/bad_duplicate_address.yaml": "malformed",
    "bitmex-reserves/bad_same_founder_key_thrice.yaml": "malformed",
    "bitmex-reserves/bad_three_of_three.yaml": "malformed",
    "bitunix/bad_precisions.json": "invalid",
    "btc-spv/bad-truncated.json": "malformed",
    "cakedefi/bad_one_child.json": "malformed",
    "cmc-exchange-assets/bad-duplicate.json": "invalid",
    "mexc/bad_sibling_same_side_as_self.json": "invalid",
    "plain-path/pionex_bad_extra_level.json": "malformed",
    "solvency/bad-duplicate-address.json": "invalid",
}

# The manifests' spellings that are not the project's family (hyphens are put in before this).
FAMILY = {
    "address-script-mismatch": "script-mismatch",
    "asset-index": "index-range",
    "asset-insolvent": "debt-exceeds-equity",
    "asset-name-or-order": "asset-order",
    "bad-addr-type": "bad-row",
    "bad-balance-string": "bad-field",
    "bad-balances": "bad-field",
    "bad-base64": "bad-field",
    "bad-decimal": "bad-amount",
    "bad-index": "bad-number",
    "bad-key": "bad-public-key",
    "bad-level": "bad-height",
    "bad-nonce": "bad-field",
    "bad-number": "bad-amount",
    "bad-padding": "padding-not-zero",
    "bad-pos": "bad-side",
    "bad-role": "bad-node-type",
    "bad-type": "wrong-type",
    "bad-user": "bad-field",
    "bad-value": "bad-amount",
    "bad-xpub": "bad-public-key",
    "bad-field-count": "column-count",
    "balance-length": "bad-length",
    "batch-numbers": "index-order",
    "block-hash": "block-hash-mismatch",
    "cex-commitment": "total-mismatch",
    "chain": "chain-broken",
    "collateral": "root-inconsistent",
    "commitment-mismatch": "root-inconsistent",
    "csv-columns": "bad-keys",
    "data-on-inner-node": "bad-keys",
    "duplicate-key-bucket": "duplicate-leaf",
    "duplicate-symbol": "duplicate-asset",
    "empty": "empty-file",
    "empty-path": "bad-keys",
    "exponent": "bad-amount",
    "extra-field": "bad-keys",
    "field-alias": "field-element-range",
    "final-totals": "total-mismatch",
    "float": "wrong-type",
    "groth16": "proof-rejected",
    "hash-mismatch": "root-inconsistent",
    "height-mismatch": "bad-height",
    "index-gap": "batch-order",
    "index-out-of-range": "index-range",
    "index-out-of-tree": "bad-number",
    "json": "bad-json",
    "key-case": "bad-keys",
    "leaf-changed": "root-inconsistent",
    "leaf-hash-mismatch": "leaf-hash",
    "leaf-mismatch": "leaf-hash",
    "leaf-not-in-tree": "leaf-not-found",
    "length": "bad-hash",
    "level-order": "level-gap",
    "malformed": "bad-length",
    "missing-child": "one-child",
    "negative": "negative-balance",
    "negative-amount": "negative-balance",
    "no-assets": "missing-field",
    "no-leaves": "no-rows",
    "no-nodes": "no-rows",
    "no-proofs": "no-rows",
    "no-user-node": "bad-keys",
    "node-hash": "parent-hash",
    "not-base64": "bad-hash",
    "not-covered-by-batch-proofs": "index-range",
    "not-hex": "bad-hash",
    "not-included": "leaf-not-found",
    "not-json": "bad-json",
    "not-published-root": "root-mismatch",
    "number-format": "bad-amount",
    "overflow": "bad-number",
    "parent-mismatch": "parent-hash",
    "path-hash": "root-inconsistent",
    "path-too-short": "bad-keys",
    "point-not-on-curve": "not-on-curve",
    "position": "bad-number",
    "precomputed-tier": "tier-value",
    "proof": "proof-rejected",
    "root": "root-inconsistent",
    "root-hash-mismatch": "root-inconsistent",
    "root-mismatch-published": "root-mismatch",
    "root-sum-mismatch": "sum-mismatch",
    "script-not-multisig": "bad-script",
    "self-supplied-verifying-key": "key-not-pinned",
    "short-path": "bad-keys",
    "side-conflict": "bad-side",
    "tier-range": "bad-number",
    "total-hash": "sum-mismatch",
    "two-user-nodes": "bad-keys",
    "txid": "txid-not-found",
    "unknown-asset-set": "asset-set",
    "unknown-tier": "bad-number",
    "vk": "key-length",
    "wrong-position": "root-inconsistent",
    "wrong-root": "root-inconsistent",
}

# Where the check that fails first, in the spec's order, is not the one the maker aimed at.
_SEEN_FIRST = {
    "bad-amount": (
        "bitgo-zk/bad_balance_negative bybit/bad_excess_precision bybit/bad_shifted_digit "
        "htx-merkle-sum/bad_precision"
    ),
    "bad-hash": "easy-audit/bad_nonce",
    "bad-height": "binance-por-csv/bad-height okx-merkle-v2/bad_tree_upside_down",
    "bad-keys": (
        "bitfinex-antani/bad_truncated bitget-2022/bad_empty_path "
        "bitget-2025/bad_empty_path coinex/bad_empty_path mexc/bad_empty_path "
        "okx-merkle-v2/bad_tree_extra_coin okx-merkle-v2/bad_user_no_nodes "
        "swissborg/bad_no_witnesses.user"
    ),
    "bad-node-type": (
        "bybit/bad_last_node_not_root_type bybit/bad_sibling_type_4 "
        "bybit/bad_type4_right_sibling_consistent mexc/bad_last_node_not_root_type"
    ),
    "bad-nonce": "bitmex-liabilities/bad_nonce_short",
    "bad-number": "htx-merkle-sum/b_bad_side_value",
    "bad-row": (
        "bitfinex-wallets/bad-no-label bitmex-liabilities/bad_blank_line "
        "bitmex-liabilities/bad_extra_column bitmex-liabilities/bad_missing_column "
        "bybit-por-csv/bad-html"
    ),
    "bad-script": "bitmex-reserves/bad_same_founder_key_thrice",
    "bad-signature": "htx-por-csv/bad-signature-flipped okx-por-csv/bad-signature-flipped",
    "bad-step": "plain-path/pionex_bad_extra_level",
    "bad-yaml": "bitmex-reserves/bad_custodial_twice bitmex-reserves/bad_duplicate_address",
    "column-count": "okx-reserves-csv/bad_short_row",
    "duplicate-script": "bitmex-reserves/bad_upper_case_twin",
    "level-gap": "okx-merkle-v2/bad_tree_no_leaves",
    "missing-field": (
        "cakedefi/bad_empty_object htx-merkle-sum/b_bad_missing_field "
        "okx-merkle-v1/bad_missing_balances okx-merkle-v1/bad_missing_self "
        "okx-merkle-v2/bad_user_missing_balances"
    ),
    "nan": "cmc-exchange-assets/bad-nan",
    "no-detail-section": "okx-reserves-csv/bad_no_rows",
    "parent-hash": (
        "bitfinex-antani/bad_parent_hash_offpath bitfinex-antani/bad_swapped "
        "bitmex-liabilities/bad_1500accounts_one_nibble "
        "bitmex-liabilities/bad_offpath_leaf_hash "
        "bitmex-liabilities/bad_offpath_value_shift_sum_kept "
        "bitmex-liabilities/bad_root_hash bitmex-liabilities/bad_swapped_row1 "
        "bitmex-liabilities/bad_swapped_siblings maxwell/bad_complete_inner_hash "
        "maxwell/bad_complete_swapped river-liabilities/bad_internal_node_hash "
        "river-liabilities/bad_leaf_hash river-liabilities/bad_swapped_siblings"
    ),
    "path-length": "swissborg/bad_extra_witness.user swissborg/bad_truncated_path.user",
    "root-inconsistent": (
        "bifinance/bad_root_in_file bitbase/bad_flip bitbase/bad_truncated bitunix/bad_flip "
        "bitunix/bad_swapped htx-merkle-sum/b_bad_extra_level "
        "htx-merkle-sum/b_bad_self_balance htx-merkle-sum/b_bad_self_hash "
        "htx-merkle-sum/b_bad_sibling_hash htx-merkle-sum/b_bad_swapped_levels "
        "htx-merkle-sum/b_bad_truncated_path htx-merkle-sum/bad_balance "
        "htx-merkle-sum/bad_flip htx-merkle-sum/bad_swapped htx-merkle-sum/bad_truncated "
        "okx-merkle-v1/bad_flipped_hash okx-merkle-v1/bad_swapped "
        "swissborg/bad_negative_leaf.user swissborg/bad_negative_witness.user"
    ),
    "script-mismatch": "bitmex-reserves/bad_duplicate_script",
    "sum-mismatch": (
        "bitmex-reserves/bad_total okx-merkle-v2/bad_tree_ghost_leaf "
        "okx-merkle-v2/bad_user_ghost_leaf"
    ),
    "total-mismatch": "maxwell/bad_root_sum",
    "unexpected-message": "htx-por-csv/bad-message-changed",
    "wrong-type": (
        "bitfinex-antani/bad_float_balance bitunix/bad_type cakedefi/bad_type "
        "htx-merkle-sum/bad_type okx-merkle-v1/bad_arr okx-merkle-v1/bad_number_balance "
        "okx-merkle-v2/bad_tree_number okx-merkle-v2/bad_user_number"
    ),
}
SEEN_FIRST = {name: reason for reason, names in _SEEN_FIRST.items() for name in names.split()}

NOTES: dict[str, tuple[str, str]] = {
    "accepted-by-official": (
        "the exchange's own program lets this file through, or computes with it without complaint",
        "whatever the other flags of the test say, and with the exchange's blessing",
    ),
    "amount-text": (
        "amounts read by a lenient reader: exponents, signs, NaN, blanks, too many decimals",
        "a figure that a person and the program read differently, or a sum that is not a number",
    ),
    "chain-evidence": (
        "proofs of balances on a chain whose block, path or fields are not checked to the end",
        "a balance that no block shows, counted as reserves",
    ),
    "contradiction": (
        "several files are judged one by one only",
        "each customer is shown another, smaller neighbour: the root owes less than the customers",
    ),
    "duplicate": (
        "a key, row, user or asset that stands twice is read once, by whichever reader comes first",
        "one reader checks the first value, another shows the last",
    ),
    "hash-text": (
        "hashes are compared or hashed without looking at their length, case or characters",
        "several texts for one node: a comparison that succeeds on what was never hashed",
    ),
    "included-all-the-same": (
        "the two answers are one: a leaf that is in the tree is not told apart from totals that "
        "can't be relied on",
        "the customer believes that the file is broken, or that all is well",
    ),
    "key-not-published": (
        "a proof is verified under a key or circuit that came with it",
        "a proof of anything, made with a key of one's own",
    ),
    "leaf": (
        "the leaf is taken from the file and not rebuilt, or not looked for",
        "a customer's balance is replaced by a smaller one, or is not in the tree at all",
    ),
    "limits": (
        "sizes, counts or places are not held to what the tree or the proof can have",
        "rows that nothing covers, or a reader that runs out of memory",
    ),
    "negative": (
        "amounts below zero are added like any other",
        "a negative sibling takes other customers' money out of the total",
    ),
    "ownership": (
        "a row counts as reserves though no signature shows who controls its address",
        "other people's coins as reserves",
    ),
    "padding": (
        "padding that is neither empty nor a copy of its neighbour is taken as it is",
        "an amount hidden where nobody looks",
    ),
    "path": (
        "the path is not followed to its end, or its sides, levels and lengths are read from it",
        "a path that proves something about another tree, or nothing",
    ),
    "ratio": (
        "figures are rounded up, netted across assets, or taken as zero where they are unknown",
        "a shortfall that shows as covered",
    ),
    "root-withheld": (
        "the file's own root is taken for the published one",
        "a tree made for one customer alone",
    ),
    "structure": (
        "fields that are missing, unknown, of another type or at another place are passed over",
        "a check that is silently not run, because its field is not there",
    ),
    "totals": (
        "sums are shown and not recomputed, or not compared with the published ones",
        "a smaller total than the customers are owed",
    ),
    "valid": (
        "files that must be accepted, among them odd ones of real trees (one leaf, odd levels)",
        "nothing: a verifier that refuses them is wrong the other way",
    ),
    "wrong-root": (
        "the root that the file leads to is not compared with the published one",
        "a tree made for one customer alone",
    ),
    "zk": (
        "a step of the proof system, or the range of a field element, is not checked",
        "a proof of wrong totals, or one total shown as another",
    ),
}

_FLAG_OF = {
    "amount-text": "bad-amount bad-number precision non-canonical-amount nan",
    "chain-evidence": (
        "account-absent account-fields-mismatch block-hash-mismatch header-hash-mismatch "
        "node-hash-mismatch proof-too-short storage-value-mismatch txid-not-found untrusted-block "
        "unused-nodes wrong-address wrong-slot"
    ),
    "contradiction": (
        "audit-id-mismatch conflicting-nodes many-roots node-conflict root-conflict "
        "self-not-leaf shared-leaf"
    ),
    "duplicate": (
        "duplicate-address duplicate-asset duplicate-batch duplicate-index duplicate-key "
        "duplicate-leaf duplicate-level duplicate-owner duplicate-script duplicate-sibling "
        "duplicate-user duplicate-partition"
    ),
    "hash-text": "bad-hash",
    "key-not-published": "key-not-pinned key-length bad-key",
    "leaf": (
        "balance-mismatch leaf-hash leaf-not-found leaf-payload padding-account "
        "sibling-leaf-hash user-hash user-id"
    ),
    "limits": "level-size index-range too-deep too-big exceeds-total node-count sum-range",
    "negative": "negative-balance equity-and-debt debt-exceeds-equity",
    "ownership": (
        "address-mismatch bad-address bad-checksum bad-public-key bad-script bad-signature "
        "founder-keys high-s script-mismatch signer-not-in-script small-order-key "
        "too-few-signers unexpected-message"
    ),
    "padding": "padding-hash padding-not-zero",
    "path": (
        "bad-height bad-node-type bad-side bad-step chain-broken index-chain index-mismatch "
        "level-gap level-mismatch one-child parent-hash path-length root-inconsistent"
    ),
    "ratio": "short no-liabilities unknown-balance",
    "structure": (
        "asset-order asset-set bad-account-uid bad-field bad-header bad-json bad-keys bad-length "
        "bad-nonce bad-row "
        "bad-yaml column-count empty-file index-order keys-not-sorted missing-field missing-file "
        "no-detail-section no-header no-rows unknown-format unknown-partition wrong-type"
    ),
    "totals": "sum-mismatch total-mismatch summary-mismatch summary-without-rows group-mismatch",
    "wrong-root": "root-mismatch",
    "zk": (
        "batch-commitment batch-order config-mismatch constraint field-element-range fri-fold "
        "fri-layers fri-merkle-path not-canonical not-on-curve proof-length proof-of-work "
        "proof-rejected proof-shape tier-value uts-range"
    ),
}
FLAG_OF = {reason: flag for flag, names in _FLAG_OF.items() for reason in names.split()}


def reason_of(entry: dict[str, Any], test: str) -> str | None:
    """The class name of the manifest's reason in the project's family."""
    said = entry.get("reason")
    if said is None or entry["expect"] == "valid":
        return None
    if said == "incomplete":
        return "unknown-balance"
    name = re.sub(r" \(.*\)$", "", str(said)).replace("_", "-")
    name = SEEN_FIRST.get(test) or FAMILY.get(name, name)
    if name not in REASONS:
        raise SystemExit(f"{entry['format']} {entry['file']}: {said!r} is in no family of names")
    return name


def accepts(official: Any, root: Any) -> bool:
    """Whether the exchange's program let the file through, by what it answered.

    Programs that only print a root or a total accept whatever leads to the published one.
    """
    if isinstance(official, list):
        return bool(official) and all(accepts(answer, root) for answer in official)
    text = str(official or "").lower()
    printed = re.findall(r"[0-9a-f]{16,}", text)
    if text.startswith(("builds root", "root=", "totals {", "finds leaf; prints")):
        return "expected root" in text or not isinstance(root, str) or root in printed
    return (
        text.startswith(("accept", "prints the expected root", "rc=0: validated", "rc=0: ✅"))
        or text == "pass"
        or "path validation passed" in text
        or "compile ok" in text
        or text.endswith("verified!")
    )


def result_of(entry: dict[str, Any], folder: str) -> str:
    """The verdict state (README, "States")."""
    scheme, args = entry["format"], entry.get("args") or {}
    if entry["expect"] != "valid":
        if entry.get("reason") == "incomplete":
            return "incomplete"
        return BORDER.get(f"{folder}/{entry['file']}", str(entry["expect"]))
    if scheme in SIGNATURES_OPEN:
        return "incomplete"
    if scheme in LISTS:
        counts = entry.get("counts") or {}
        if counts.get("unsupported"):
            return "incomplete"
        return "valid" if any(name.startswith("proven") for name in counts) else "unconfirmed"
    if scheme in NO_ROOT or args.get("skip_snark"):
        return "unconfirmed"
    return "valid" if any(args.get(name) for name in ANCHORS) else "unconfirmed"


def comment_of(entry: dict[str, Any], reason: str | None, result: str) -> str:
    """One line: the maker's note, else the file's name in words and what is wrong with it."""
    if entry.get("note"):
        return str(entry["note"])
    words = re.sub(r"[_\-.]+", " ", Path(entry["file"]).stem).strip()
    if reason is not None:
        return f"{words}: {REASONS[reason]}"
    return words if result == "valid" else f"{words}: what it hangs on is confirmed by nobody"


def located(value: Any, folder: Path) -> Any:
    """Paths beside the manifest as paths below vectors/; everything else as it is."""
    if isinstance(value, list):
        return [located(item, folder) for item in value]
    if isinstance(value, str) and 0 < len(value) < 200 and (folder / value).exists():
        return below(folder / value)
    return value


def below(path: Path) -> str:
    return path.resolve().relative_to(HERE).as_posix()


def tests_of(entry: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """The test for one entry; a second one with the root given, where the first withholds it."""
    args = {k: located(v, folder) for k, v in (entry.get("args") or {}).items()}
    root = args.pop("root", None)
    files = [below(folder / name) for name in entry.get("files") or [entry["file"]]]
    suffix = f"+{len(files) - 1}" if len(files) > 1 else ""
    name = Path(files[0]).relative_to("made").with_suffix("").as_posix() + suffix
    reason, result = reason_of(entry, name), result_of(entry, folder.name)
    flags = [FLAG_OF[reason]] if reason is not None else []
    if reason is None:
        flags.append("valid" if result == "valid" else "root-withheld")
        if entry["format"] in LISTS and result != "valid":
            flags = ["ownership"]
        if entry["format"] in RATIOS:
            flags = ["ratio"]
        if entry["format"] in ("evm-proof", "btc-spv"):
            flags = ["chain-evidence"]
    if entry.get("inclusion") is True and result == "invalid":
        flags.append("included-all-the-same")
    if entry["expect"] != "valid" and accepts(entry.get("official"), root or entry.get("root")):
        flags.append("accepted-by-official")
    test = {
        "id": name,
        "comment": comment_of(entry, reason, result),
        "flags": sorted(flags),
        "file": files[0],
        "files": files,
        "root": root,
        "args": args,
        "result": result,
        "reason": reason,
    }
    yield test
    if result == "unconfirmed" and entry.get("root") and entry["format"] not in NO_ROOT:
        if args.get("skip_snark"):
            return
        yield {
            **test,
            "id": f"{test['id']}:root-given",
            "comment": f"{comment_of(entry, None, 'valid')}; the root comes from outside",
            "flags": ["valid"],
            "root": entry["root"],
            "result": "valid",
        }


def indexes() -> dict[str, dict[str, Any]]:
    """scheme -> its index, from every manifest there is."""
    schemes: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for manifest in sorted(MADE.glob("*/manifest.json")):
        for entry in json.loads(manifest.read_text(encoding="utf-8")):
            if entry["format"] in NOT_INDEXED:
                continue
            kind = str(entry.get("kind") or entry.get("dialect") or manifest.parent.name)
            if entry.get("files"):
                kind = f"{kind}, several files"
            group = schemes.setdefault(entry["format"], {}).setdefault(kind, [])
            group.extend(tests_of(entry, manifest.parent))
    return {scheme: index_of(scheme, groups) for scheme, groups in sorted(schemes.items())}


def index_of(scheme: str, groups: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    tests = [test for group in groups.values() for test in group]
    seen: dict[str, int] = {}
    for test in tests:  # the same file with other facts
        seen[test["id"]] = seen.get(test["id"], 0) + 1
        if seen[test["id"]] > 1:
            test["id"] += f"#{seen[test['id']]}"
    flags = sorted({flag for test in tests for flag in test["flags"]})
    return {
        "schema": SCHEMA,
        "scheme": scheme,
        "tests": len(tests),
        "notes": {f: {"bug": NOTES[f][0], "gain": NOTES[f][1]} for f in flags},
        "groups": [{"kind": kind, "tests": group} for kind, group in groups.items()],
    }


def text_of(index: dict[str, Any]) -> str:
    return json.dumps(index, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    wanted = indexes()
    for scheme, index in wanted.items():
        (HERE / f"{scheme}.json").write_text(text_of(index), encoding="utf-8")
    for path in HERE.glob("*.json"):
        if path.stem not in wanted and path.name != "schema.json":
            path.unlink()
    count = sum(index["tests"] for index in wanted.values())
    print(f"{count} tests of {len(wanted)} schemes")


if __name__ == "__main__":
    main()
