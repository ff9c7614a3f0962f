"""The words that spare imports never hide a scheme from a file that it recognises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import vectorfiles

from merkle_por.documents import Document
from merkle_por.exchanges import MODULES, UNSIGNED, candidates, of_module, schemes
from merkle_por.recognise import by_id


def test_every_recognised_vector_is_shown_to_its_scheme() -> None:
    recognised = 0
    for entry in vectorfiles.all_entries():
        for path in entry.files:
            if not path.exists():
                continue
            document = Document.of(path)
            answers = {scheme.id for scheme in schemes() if scheme.recognises(document)}
            shown = {scheme.id for scheme in candidates(document)}
            assert answers <= shown, path
            recognised += bool(answers)
    assert recognised > 500


def test_no_word_of_a_json_file_has_bytes_that_are_left_out_of_the_search() -> None:
    words = "".join(word for signs in MODULES.values() for word in signs.json)
    assert set(words.encode()).isdisjoint(UNSIGNED)


def test_an_escaped_letter_hides_nothing() -> None:
    document = Document.of(b'{"self": {"user\\u0048ash": 1}, "path": []}')
    shown = {scheme.id for scheme in candidates(document)}
    of_json = {name for name, signs in MODULES.items() if signs.json}
    assert shown == {scheme.id for name in of_json for scheme in of_module(name)}
    assert "bybit" in shown
    assert len(of_json) > 20


def test_a_json_proof_is_shown_to_few_modules() -> None:
    document = Document.of(vectorfiles.file("made", "bybit", "ok_v40v5_n8_i1.json"))
    shown = {scheme.id for scheme in candidates(document)}
    assert shown == {"bybit"}


def test_a_ledger_is_shown_to_few_modules() -> None:
    document = Document.of(vectorfiles.file("made", "bitmex-liabilities", "ok_2leaves.csv"))
    shown = {scheme.id for scheme in candidates(document)}
    assert "bitmex-liabilities" in shown
    assert shown.isdisjoint({"bybit", "okx-stark-v1", "binance-zk-v1", "bitgo-zk"})


def test_a_folder_is_shown_to_schemes_of_folders(tmp_path: Path) -> None:
    shown = {scheme.id for scheme in candidates(Document.of(tmp_path))}
    assert {"silversixpence-tree", "okx-stark-v1", "binance-zk-v3"} <= shown
    assert shown.isdisjoint({"bybit", "bitmex-liabilities"})


def test_a_module_gives_its_schemes() -> None:
    assert len(MODULES) > 25
    assert of_module("bybit")[0].id == "bybit"


def test_every_name_belongs_to_one_scheme() -> None:
    """`by_id` may then look in any order of modules."""
    names = [name for scheme in schemes() for name in (scheme.id, *scheme.aliases)]
    assert len(set(names)) == len(names)
    for scheme in schemes():
        assert all(by_id(name) is scheme for name in (scheme.id, *scheme.aliases))


def test_a_named_format_imports_no_other_exchange() -> None:
    code = (
        "import sys; from merkle_por.recognise import by_id; by_id('binance-zk-v2'); "
        "print('merkle_por.exchanges.binance.zk' in sys.modules, "
        "'merkle_por.exchanges.bybit' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
