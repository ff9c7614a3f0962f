"""Each vector that an exchange's own program lets through is refused here, for the reason named.

accepted_elsewhere.json: vector -> class name of our refusal. What each official program answered
stands in the manifests (`official`). A new vector of this kind must get its line:
`python tests/conformance/test_accepted_elsewhere.py` prints those that are missing.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import pytest
import test_manifests
import vectorfiles

REASONS: dict[str, str] = json.loads(
    (Path(__file__).parent / "accepted_elsewhere.json").read_text()
)
# How the official programs say yes, each in words of its own; exit status 0 where they say none.
YES = re.compile(
    r"accept|pass|rc=0|true|ok|.*passed|.*valid!|finds leaf|prints the expected|.*verified",
    re.IGNORECASE,
)
NO = re.compile("fail|reject|not found|false|mismatch", re.IGNORECASE)


def accepted(entry: vectorfiles.Entry) -> bool:
    official = entry.data.get("official")
    said = " | ".join(map(str, official)) if isinstance(official, list) else str(official)
    wrong = entry.side == "made" and entry.data["expect"] != "valid"
    return wrong and YES.match(said) is not None and NO.search(said) is None


CASES = {entry.name: entry for entry in test_manifests.ENTRIES if accepted(entry)}


def reason(result: Any) -> str | None:
    """What decided against the files, alone or together."""
    found = [proof.reason for proof in getattr(result, "proofs", ()) if proof.reason]
    checks = list(result.checks)
    if getattr(result, "together", None) is not None:
        checks += result.together.checks
    found += [check.id for check in checks if check.status == "fail"]
    found += [error.reason for error in getattr(result, "errors", ())]
    return found[0] if found else None


@pytest.mark.parametrize("name", CASES)
def test_refused_where_the_official_program_accepts(name: str) -> None:
    result = test_manifests.run(CASES[name])
    assert result.state.value in ("invalid", "malformed"), result.sentence
    assert reason(result) == REASONS[name]


def test_many_are_known() -> None:
    assert len(REASONS) > 300
    assert len(CASES) > 200  # those that are in the project itself


if __name__ == "__main__":
    for name, entry in CASES.items():
        if name not in REASONS:
            print(f'"{name}": "{reason(test_manifests.run(entry))}",')
