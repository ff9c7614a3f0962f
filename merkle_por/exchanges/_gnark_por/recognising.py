"""Which exchange of the family a file is of: by its key set, its columns, its config.

Binance v1, Gate and HTX have proof tables with the same columns; then the config beside the table
tells whose it is. Without one every family answers, which makes the file ambiguous: the caller
names the format.
"""

from __future__ import annotations

from typing import Any

from merkle_por.documents import Document
from merkle_por.errors import Finding
from merkle_por.exchanges._gnark_por import rows, sets, user
from merkle_por.exchanges._gnark_por.config import looks_like
from merkle_por.exchanges._gnark_por.family import Assets, Family, UserKeys
from merkle_por.exchanges._gnark_por.rows import Columns


def user_items(document: Document, keys: UserKeys) -> list[Any] | None:
    """The asset list of a user's file with just these members ([] for null), else None."""
    value = document.json_or_none
    if not isinstance(value, dict) or set(value) != set(keys.all):
        return None
    items = value[keys.assets]
    if items is None:
        return []
    return items if isinstance(items, list) else None


def is_user_file(document: Document, family: Family) -> bool:
    """A user's file with this family's members; a list without assets counts as one."""
    items = user_items(document, family.keys)
    if items is None:
        return False
    return not items or (isinstance(items[0], dict) and set(items[0]) == family.keys.asset)


def leads_to_root(document: Document, family: Family) -> bool:
    """Whether a user's file leads to its root by this family's rules."""
    try:
        user.rebuild(user.parse(document, family), family)
    except Finding:
        return False
    return True


def table_columns(document: Document) -> tuple[Document, Columns] | None:
    """The proof table that a document is or holds, and its columns."""
    if document.is_folder:
        assert document.path is not None
        path = sets.table_in(document.path)
        if path is None:
            return None
        document = Document.of(path, document.limits)
    elif document.looks_like_json:
        return None
    columns = rows.columns_of(document.first_line)
    return None if columns is None else (document, columns)


def is_set(document: Document, family: Family) -> bool:
    """A proof table of this family; `tiered` columns are Binance's alone, camel case HTX's."""
    found = table_columns(document)
    if found is None:
        return False
    table, columns = found
    if columns.tiered:
        return family.assets is Assets.ROWS
    if family.assets is Assets.ROWS:
        return False
    if columns.camel:
        return family.assets is Assets.ABSOLUTE
    beside = sets.config_beside(table)
    if beside is None:
        return True
    value = Document.of(beside, document.limits).json_or_none
    return looks_like(value, family.assets, family.config_keys)


def nearest(document: Document) -> str | None:
    """A hint for tables that lack a column."""
    line = "" if document.looks_like_json else document.first_line
    if rows.near(line) and rows.columns_of(line) is None:
        return "this looks like a proof table of Binance, Gate or HTX, but its columns are others"
    return None
