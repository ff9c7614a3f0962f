"""Validators for the published JSON Schemas (merkle_por/schemas/)."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator


@cache
def validator(name: str) -> Draft202012Validator:
    text = files("merkle_por").joinpath(f"schemas/{name}.json").read_text()
    schema: dict[str, Any] = json.loads(text)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check(document: dict[str, Any]) -> None:
    """Fails where a document does not fit the schema it names."""
    name = document["schema"].removeprefix("merkle-por/").replace("/", "-")
    errors = sorted(validator(name).iter_errors(document), key=str)
    assert not errors, "; ".join(f"{e.json_path}: {e.message[:200]}" for e in errors[:3])
