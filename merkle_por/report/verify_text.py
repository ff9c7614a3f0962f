"""Terminal text of `verify`: one page for one proof, a line each and the worst for several."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from merkle_por.amounts import grouped
from merkle_por.clock import ago, minute
from merkle_por.recognise import by_id
from merkle_por.report.sentences import warnings_counted
from merkle_por.report.text import Page, Span, cells, padded, safe, shortened
from merkle_por.verdict import (
    WORST_FIRST,
    About,
    Check,
    CheckStatus,
    Inclusion,
    State,
    Totals,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from merkle_por.api import Verification

TYPE_IT_YOURSELF = "Type the address yourself."
BETTER = "Better: a copy of the root that somebody else sees."
_ADDRESS = re.compile(r"\w\.[a-z]{2,}")
ASSETS_IN_LINE = 4  # more assets than that are counted, not listed, in the totals line
ASSETS_IN_TABLE = 12
PATH_ASSETS = 3  # of each node in --path
OWN_NOTE = (
    "Your balances at the snapshot? They",
    "are read from the file; check them",
    "with --expect {asset}=...",
)
_HOLDING = (State.VALID, State.UNCONFIRMED)
_MEANINGS = {
    "negative-balance": "A negative amount hides as much of other customers' money.",
    "sum-mismatch": "The totals shown are not what customers are owed in this tree.",
    "node-conflict": "One part of the tree was shown with two different sums.",
}
_NEXT = {
    "leaf-hash": "Download it again. If that fails too, keep it and ask the exchange.",
    "root-inconsistent": "Download it again. If that fails too, keep it and ask the exchange.",
    "root-mismatch": "Is the root of the same audit as the file? If so, keep both and ask.",
    "balance-mismatch": "Compare the time of the snapshot; if it is right, keep the file and ask.",
}


def verification_page(
    result: Verification, page: Page, *, path: bool = False, root: bool = True
) -> Page:
    """The whole output of `merkle-por verify`; root=False leaves out the root's own lines."""
    proofs = result.proofs
    if len(proofs) == 1:
        proof_lines(proofs[0], page, path=path, root=root)
        return page
    order = sorted(proofs, key=lambda v: WORST_FIRST.index(v.state))
    page.headline(result.state.value, result.sentence)
    if len({verdict.state for verdict in proofs}) == 1 and proofs[0].state in _HOLDING:
        _alone(proofs, page)
    else:
        for verdict in order:
            status = _mark_of(verdict.state)
            text = f"{_file_name(verdict, proofs)}: {verdict.sentence}"
            page.marked("alone" if verdict is order[0] else "", status, text)
    if result.together is not None:
        result.together.lines(page)
    if len({verdict.snapshot for verdict in proofs}) == 1:
        snapshot_line(proofs[0], page)
    if len({verdict.root for verdict in proofs}) == 1:
        root_lines(proofs[0], page)
    return page


def _alone(proofs: Sequence[Verdict], page: Page) -> None:
    """Several files of which none fails alone: marks in one line where they fit."""
    names = [_file_name(verdict, proofs) for verdict in proofs]
    ending = "each passes when judged alone"
    row = "".join(f"{page.marks['pass']:<{page.mark_columns}}{padded(name, 11)}" for name in names)
    if page.stacked or page.indent + cells(row) + 1 + len(ending) > page.width:
        page.marked("alone", "pass", f"{', '.join(names)}: {ending}")
    else:
        page.add(Span(f"  {'alone':<{page.indent - 2}}", "label"), Span(f"{row} {ending}"))


def _mark_of(state: State) -> str:
    return {
        State.VALID: "pass",
        State.UNCONFIRMED: "unconfirmed",
        State.INCOMPLETE: "not-checked",
    }.get(state, "fail")


def _file_name(verdict: Verdict, proofs: Sequence[Verdict]) -> str:
    """The file's name, its number where the name is redacted."""
    number = next(i for i, other in enumerate(proofs, 1) if other is verdict)
    return safe(verdict.file.name, 40) or f"file {number}"


def _class(verdict: Verdict, check: Check) -> str:
    """The exact class in parentheses, unless the first line has said it."""
    named = f"({check.id})"
    return "" if named in verdict.sentence else f" {named}"


def proof_lines(verdict: Verdict, page: Page, *, path: bool = False, root: bool = True) -> None:
    """One proof's page, as in ux.md examples a to e. Malformed files are errors, not pages."""
    warnings = list(verdict.warnings)
    counted = warnings_counted(len(warnings)) if verdict.state is State.VALID else ""
    page.headline(verdict.state.value, f"{verdict.sentence} {counted}".strip())
    if verdict.state is State.VALID:
        for warning in warnings:
            page.warning(warning.text)
    if verdict.state in (State.VALID, State.INCOMPLETE):
        _own(verdict, page)
    _included(verdict, page)
    _totals(verdict, page)
    for about in (About.PROOF, About.LEDGER):
        _plain_checks(verdict, page, about)
    snapshot_line(verdict, page)
    if root:
        root_lines(verdict, page)
    elif verdict.scheme is not None:
        page.labelled("where", where_root(verdict))
    _after(verdict, page)
    if verdict.state is not State.VALID:
        for warning in warnings:
            if warning.id != "maxwell" or verdict.state is State.INCOMPLETE:
                page.warning(warning.text)
    if path:
        path_lines(verdict, page)


def _own(verdict: Verdict, page: Page) -> None:
    account = verdict.account
    if account is None or not account.balances:
        return
    balances = dict(account.balances)
    rest = 0
    if len(balances) > ASSETS_IN_TABLE:
        owned = {asset: value for asset, value in balances.items() if value}
        rest = len(balances) - min(len(owned), ASSETS_IN_TABLE)
        balances = dict(list(owned.items())[:ASSETS_IN_TABLE]) or dict(list(balances.items())[:1])
    page.blank()
    notes = [str(note) for note in verdict.details.get("own_notes", ())]
    text = [line.format(asset=safe(next(iter(balances)))) for line in OWN_NOTE]
    beside = not notes and account.expected is None and len(balances) >= len(text)
    before = len(page.lines)
    page.balances("yours", balances, text if beside else notes)
    if any(len("".join(s.text for s in line)) > page.width for line in page.lines[before:]):
        del page.lines[before:]
        page.balances("yours", balances)
        beside = False
        if notes:
            page.labelled("", "; ".join(notes))
    if rest:
        page.labelled("", f"and {rest} more assets (all in --json)")
    if not beside and not notes and account.expected is None:
        page.labelled("", " ".join(text))
    page.blank()


def _checks(verdict: Verdict, about: About) -> list[Check]:
    return [check for check in verdict.checks if check.about is about]


def _failed(verdict: Verdict, about: About) -> Check | None:
    return next((c for c in _checks(verdict, about) if c.status is CheckStatus.FAIL), None)


def _pair(check: Check, named: tuple[str, str]) -> list[str]:
    if check.expected is None or check.computed is None:
        return [] if check.where is None else [f"at {check.where}"]
    first, second = (shortened(check.expected), shortened(check.computed))
    return [f"{named[0]} {first}   {named[1]} {second}"]


def _included(verdict: Verdict, page: Page) -> None:
    failed = _failed(verdict, About.INCLUDED)
    if failed is not None:
        names = ("file", "rebuilt") if failed.id != "balance-mismatch" else ("yours", "file")
        text = f"{failed.text}{_class(verdict, failed)}"
        page.marked("included", "fail", text, _pair(failed, names))
        return
    if verdict.inclusion is Inclusion.FAILS:
        page.marked("included", "fail", "in the tree of the file's own root, not the published one")
        return
    if verdict.inclusion is Inclusion.NOT_CLAIMED:
        page.marked("included", "not-checked", "this file is not about one account")
        return
    if verdict.inclusion is Inclusion.NOT_CHECKED:
        page.marked("included", "not-checked", "not checked")
        return
    scope = verdict.scope
    parts = []
    if verdict.root is not None and not verdict.root.confirmed:
        parts.append("in the tree of the file's own root")
    elif scope is not None and scope.leaf == "recomputed":
        parts.append("leaf rebuilt from your balances")
    else:
        parts.append("leaf hash taken as given")
    if scope is not None and scope.levels is not None:
        parts.append(f"{scope.levels} level{'s' if scope.levels != 1 else ''}")
    if scope is not None and scope.hash_bits is not None:
        parts.append(f"{scope.hash_bits}-bit hashes")
    page.marked("included", "pass", verdict.lines.get(About.INCLUDED, "; ".join(parts)))


def _totals(verdict: Verdict, page: Page) -> None:
    failed = _failed(verdict, About.TOTALS)
    if failed is not None:
        _totals_failed(verdict, failed, page)
        return
    match verdict.totals:
        case Totals.NOT_CLAIMED:
            text = "not provable from this file: the tree carries no sums"
            page.marked("totals", "not-checked", verdict.lines.get(About.TOTALS, text))
        case Totals.NOT_CHECKED:
            leaf = _failed(verdict, About.INCLUDED)
            why = (
                "since the leaf is wrong"
                if leaf and leaf.id == "leaf-hash"
                else "since a check before failed"
            )
            if verdict.state is not State.INVALID:
                why = "see above"
            page.marked("totals", "not-checked", f"not checked, {why}")
        case Totals.HOLDS:
            text = "every sum on your paths adds up, no amount is negative"
            page.marked("totals", "pass", verdict.lines.get(About.TOTALS, text))
        case _:
            page.marked("totals", "warn", verdict.lines.get(About.TOTALS, _bound(verdict)))


def _totals_failed(verdict: Verdict, failed: Check, page: Page) -> None:
    negatives = verdict.details.get("negatives", ())
    label = "totals"
    if failed.id != "negative-balance" or not negatives:
        text = f"{failed.text}{_class(verdict, failed)}"
        page.marked(label, "fail", text, _pair(failed, ("root", "sum")))
        label = ""
    if negatives:
        columns = max(cells(safe(item["asset"])) for item in negatives)
        figures = [grouped(item["amount"]) for item in negatives]
        wide = max(len(figure) for figure in figures)
        more = [
            f"{item['place']}  {shortened(item['hash'])}   {padded(safe(item['asset']), columns)}"
            f"  {figure:>{wide}}"
            for item, figure in zip(negatives, figures, strict=True)
        ]
        page.marked(label, "fail", "negative amounts under the root (negative-balance)", more)


def _bound(verdict: Verdict) -> str:
    published = verdict.published
    if 0 < len(published) <= ASSETS_IN_LINE and verdict.state is not State.UNCONFIRMED:
        listed = ", ".join(f"{safe(a)} {grouped(v)}" for a, v in published.items())
        return f"add up to the root: {listed}"
    flawed = any(w.id == "maxwell" for w in verdict.warnings)
    why = "; completeness can't be shown (maxwell)" if flawed else ""
    assets = "asset adds" if len(published) == 1 else "assets add"
    return f"{len(published)} {assets} up{why}"


def _plain_checks(verdict: Verdict, page: Page, about: About) -> None:
    for index, check in enumerate(_checks(verdict, about)):
        failed = check.status is CheckStatus.FAIL
        text = f"{check.text}{_class(verdict, check)}" if failed else check.text
        page.marked(about.value if index == 0 else "", check.status.value, text)


def root_lines(verdict: Verdict, page: Page, *, where: bool = True) -> None:
    """The root and where it came from; where=False: the place to find it was said before."""
    failed = _failed(verdict, About.ROOT)
    if failed is None and (verdict.root is None or verdict.state is State.INVALID):
        return
    page.blank()
    if failed is not None:
        page.marked("root", "fail", f"{failed.text}{_class(verdict, failed)}")
        for name, value in (("published", failed.expected), ("file", failed.computed)):
            if value is not None:
                page.named(name, value)
        return
    root = verdict.root
    assert root is not None
    if root.confirmed:
        checks = [c for c in _checks(verdict, About.ROOT) if c.status is CheckStatus.PASS]
        # Whose root it equals comes before whatever else was found out about it.
        texts = [c.text for c in sorted(checks, key=lambda c: c.id != "root")]
        page.marked("root", "pass", texts[0] if texts else "equals the published one")
        return
    if verdict.scheme is not None and where:
        page.labelled("where", where_root(verdict))
    page.marked("root", "unconfirmed", "in the file, confirmed by nobody:")
    page.whole(root.value)


def _after(verdict: Verdict, page: Page) -> None:
    if verdict.state is State.INVALID and verdict.reason is not None:
        if verdict.reason in _MEANINGS:
            page.labelled("meaning", _MEANINGS[verdict.reason])
        if verdict.reason in _NEXT:
            page.labelled("next", _NEXT[verdict.reason])
    if verdict.state is State.VALID and not verdict.warnings:
        page.blank()
        page.labelled("limits", "One file can't show who was left out. Reserves: not checked here.")


def snapshot_line(verdict: Verdict, page: Page) -> None:
    """When the snapshot was and how long ago, where the file or its audit's id says it."""
    time = verdict.snapshot.time
    if time is not None and verdict.state is not State.MALFORMED:
        page.labelled("snapshot", f"{safe(minute(time), 40)}, {ago(time) or 'age unknown'}")


def where_root(verdict: Verdict) -> str:
    """Where the exchange publishes the root of this audit, and how to get there."""
    audit = f"audit {safe(verdict.snapshot.id)}" if verdict.snapshot.id else "your audit"
    place = by_id(str(verdict.scheme)).where.root.replace("{audit}", audit)
    if place.startswith("none"):
        return f"{place}."
    return (
        f"{place}. {TYPE_IT_YOURSELF} {BETTER}" if _ADDRESS.search(place) else f"{place}. {BETTER}"
    )


def path_lines(verdict: Verdict, page: Page) -> None:
    """The path as a ladder: root on top, you at the bottom (--path)."""
    for node in reversed(verdict.nodes):
        who = {"leaf": "YOU", "root": "ROOT", "rebuilt": ""}.get(node.role, node.side or "")
        owed = {asset: value for asset, value in node.balances.items() if value}
        sums = ", ".join(f"{safe(a)} {grouped(v)}" for a, v in list(owed.items())[:PATH_ASSETS])
        more = f" and {len(owed) - PATH_ASSETS} more" if len(owed) > PATH_ASSETS else ""
        nothing = "owes nothing" if node.balances else ""
        tail = "padding" if node.padding else f"{sums}{more}" or nothing
        plus = "+ " if node.role == "sibling" else "  "
        page.labelled(f"{node.level:>2} {who}", f"{plus}{shortened(node.hash)}  {tail}".rstrip())
