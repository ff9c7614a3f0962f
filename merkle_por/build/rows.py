"""Reading an exchange's books: `account,asset,amount` rows, strictly, into columns per asset.

    account,asset,amount
    1042,BTC,0.75000001

UTF-8 without a byte order mark, LF or CRLF, no quoting, amounts in whole coins without a minus.
Every line ends with a line end, the last one too: a file cut inside its last amount would
otherwise be read as a smaller debt. An account may have one row for each asset, rows in any order.

Memory: about 190 bytes for each account and 50 for each amount, whatever the file's length.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from merkle_por.amounts import EXACT, ZERO, amount
from merkle_por.documents import LIMITS, Document, Limits
from merkle_por.errors import Invalid, Malformed
from merkle_por.execution import Progress, silent

HEADER = ("account", "asset", "amount")
ACCOUNT_CHARS = 200
STEP = 50_000  # rows between two words to the progress bar
ABSENT = -1
_ASSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._$+-]{0,39}")
"""No character that any of the formats puts between names and amounts."""
_QUOTES = frozenset('",')

Row = tuple[str, str, str]
RowsSource = str | Path | bytes | Document | Iterable[Row]


@dataclass(frozen=True)
class Rules:
    """What a scheme's tree can hold.

    assets: the only ones, in their order, None for any. decimals: most places after the point,
    also the scale of all amounts (units of 10^-decimals). number: whether an account is a whole
    number below 2^64. most: the largest total of an asset, in units.
    """

    decimals: int
    most: int
    assets: tuple[str, ...] | None = None
    number: bool = False


@dataclass(frozen=True)
class Column:
    """One asset: units for each account in order, ABSENT where it has no row. places: most
    digits after the point in any row. total: of all accounts, units."""

    units: list[int]
    places: int
    total: int


@dataclass(frozen=True)
class Ledger:
    """The books. accounts: in the order of their first row. columns: by asset, in the scheme's
    order, or by name where it has none. rows: how many were read."""

    accounts: list[str]
    columns: dict[str, Column]
    decimals: int
    rows: int

    def units(self, asset: str, account: int) -> int:
        """What account number `account` is owed, 0 where it has no row."""
        column = self.columns.get(asset)
        return max(column.units[account], 0) if column else 0

    @property
    def totals(self) -> dict[str, Decimal]:
        """What is owed in all, whole coins."""
        return {
            asset: EXACT.scaleb(Decimal(column.total), -self.decimals).normalize(EXACT)
            for asset, column in self.columns.items()
        }


def unit_text(units: int, decimals: int) -> str:
    """Units of 10^-decimals as a plain decimal without needless zeros. 0 <= units."""
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}}".rstrip("0") if rest else str(whole)


def fixed_text(units: int, decimals: int, places: int) -> str:
    """As `unit_text`, with exactly `places` digits after the point. places <= decimals."""
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest // 10 ** (decimals - places):0{places}}" if places else str(whole)


def total_texts(ledger: Ledger) -> dict[str, str]:
    """The totals as decimal text, without exponents or needless zeros."""
    return {
        asset: unit_text(column.total, ledger.decimals) for asset, column in ledger.columns.items()
    }


def read(
    source: RowsSource, rules: Rules, *, limits: Limits = LIMITS, progress: Progress = silent
) -> Ledger:
    """The rows of a file ("-" is standard input), of bytes, or (account, asset, amount) texts.

    Raises Malformed: empty-file, no-header, bad-row, bad-utf8, bad-field (a name), bad-number (an
    account), bad-amount, too-big, asset-set; Invalid: negative-balance, duplicate-user, sum-range,
    no-liabilities (no row, or nothing owed).
    """
    accounts: dict[str, int] = {}
    units: dict[str, list[int]] = {asset: [] for asset in rules.assets or ()}
    places = dict.fromkeys(units, 0)
    rows = 0
    for where, account, asset, text in _numbered(source, limits):
        index = accounts.get(account)
        if index is None:
            _check_account(account, rules, where)
            index = accounts[account] = len(accounts)
        column = units.get(asset)
        if column is None:
            _check_asset(asset, rules, where)
            if len(units) >= limits.assets:
                raise Malformed("too-big", f"more than {limits.assets} assets", where=where)
            column = units[asset] = []
            places[asset] = 0
        value = amount(text, where, decimals=rules.decimals, max_chars=limits.number_chars)
        if value < ZERO:
            raise Invalid("negative-balance", f'"{account[:40]}" has {text[:40]}', where=where)
        if len(column) <= index:
            column.extend([ABSENT] * (index + 1 - len(column)))
        if column[index] != ABSENT:
            raise Invalid(
                "duplicate-user", f'a second row of "{account[:40]}" for {asset}', where=where
            )
        column[index] = int(EXACT.scaleb(value, rules.decimals))
        if "." in text:
            places[asset] = max(places[asset], len(text) - text.index(".") - 1)
        rows += 1
        if not rows % STEP:
            progress("reading", rows, None, "rows")
    if not rows:
        raise Invalid("no-liabilities", "there is no row")
    return _ledger(list(accounts), units, places, rules, rows)


def _ledger(
    accounts: list[str],
    units: dict[str, list[int]],
    places: dict[str, int],
    rules: Rules,
    rows: int,
) -> Ledger:
    columns = {}
    for asset in rules.assets or sorted(units):
        column = units[asset]
        column.extend([ABSENT] * (len(accounts) - len(column)))
        total = sum(column) + column.count(ABSENT)  # an absent one counts as 0
        if total > rules.most:
            raise Invalid("sum-range", f"the total of {asset} is more than this tree can hold")
        columns[asset] = Column(column, places[asset], total)
    return Ledger(accounts, columns, rules.decimals, rows)


def _check_account(account: str, rules: Rules, where: str) -> None:
    if rules.number:
        plain_number = account.isascii() and account.isdigit() and len(account) <= 20
        if not plain_number or str(int(account)) != account or int(account) >= 2**64:
            raise Malformed(
                "bad-number",
                f'account "{account[:40]}" is not a whole number below 2^64',
                where=where,
            )
    elif (
        not account
        or len(account) > ACCOUNT_CHARS
        or not account.isprintable()
        or account != account.strip()
        or _QUOTES & set(account)
    ):
        raise Malformed(
            "bad-field",
            f"an account is 1 to {ACCOUNT_CHARS} printable characters without quotes or commas",
            where=where,
        )


def _check_asset(asset: str, rules: Rules, where: str) -> None:
    if rules.assets is not None:
        names = ", ".join(rules.assets)
        raise Malformed("asset-set", f'"{asset[:40]}": this scheme has {names} only', where=where)
    if not _ASSET.fullmatch(asset):
        raise Malformed(
            "bad-field", f'"{asset[:40]}" is not the name of an asset, like BTC', where=where
        )


def _numbered(source: RowsSource, limits: Limits) -> Iterator[tuple[str, str, str, str]]:
    """Place, account, asset, amount of each row."""
    if not isinstance(source, str | Path | bytes | Document):
        for number, row in enumerate(source, start=1):
            account, asset, text = row
            yield f"row {number}", account, asset, text
        return
    with _stream(source, limits) as stream:
        yield from _lines(stream, limits)


def _stream(source: str | Path | bytes | Document, limits: Limits) -> BinaryIO:
    if isinstance(source, str) and source == "-":
        # Not through Document, which reads standard input whole.
        return io.FileIO(sys.stdin.fileno(), closefd=False)
    return Document.of(source, limits).open()


def _lines(stream: BinaryIO, limits: Limits) -> Iterator[tuple[str, str, str, str]]:
    buffered = io.BufferedReader(stream) if isinstance(stream, io.RawIOBase) else stream
    number = 0
    while raw := buffered.readline(limits.row_chars + 2):
        number += 1
        where = f"line {number}"
        if not raw.endswith(b"\n"):
            if len(raw) > limits.row_chars:
                raise Malformed("too-big", f"longer than {limits.row_chars} bytes", where=where)
            raise Malformed(
                "bad-row", "the last line has no line end: the file may have been cut", where=where
            )
        try:
            cells = raw[:-1].removesuffix(b"\r").decode().split(",")
        except UnicodeDecodeError:
            raise Malformed("bad-utf8", "not UTF-8", where=where) from None
        if number == 1:
            if tuple(cells) != HEADER:
                raise Malformed(
                    "no-header", f"the first line is not {','.join(HEADER)}", where=where
                )
            continue
        if len(cells) != len(HEADER):
            raise Malformed("bad-row", "not account,asset,amount", where=where)
        yield where, cells[0], cells[1], cells[2]
    if not number:
        raise Malformed("empty-file", "there is nothing in the file")
