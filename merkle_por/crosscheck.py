"""Several users' proofs judged together (spec cross-proof-check).

In trees whose parents bind only sums, the maker can show each user another neighbour; no single
file reveals that, two can. Files that lead to one root are compared: a node's hash always stands
for the same balances (`node-conflict`), a leaf for one user (`shared-leaf`), a place in the tree
for one hash (`conflicting-nodes`), a leaf is no inner node of another's path (`self-not-leaf`),
and the users are owed no more than the root's total (`total-exceeded`). Files that name one
audit lead to one root (`root-conflict`). Files of different audits are not compared.

Which nodes count: the user's leaf, the siblings, and the inner nodes rebuilt from them, since
a subtree may be rebuilt in one file and only shown in the other. Padding is left out. Where it
is not established how a format fills an odd level, zero against an amount is shown, not judged.
Finding no contradiction proves no more than that these files agree with each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import ZERO, Balances, add_balances, grouped, plain, stripped
from merkle_por.verdict import About, Check, CheckStatus, Inclusion, Node, State, Totals, Verdict

if TYPE_CHECKING:
    from merkle_por.report.text import Page

SHOWN = 3  # contradictions drawn on a terminal; all of them are in the JSON document
ASSETS_SHOWN = 3  # of each
TEXT_COLUMNS = 1_000  # of a check's text, which may name files and assets
ALONE = "What these files don't show: anything about customers whose files are not among them."


@dataclass(frozen=True)
class Sighting:
    """One file's view of a node.

    file: index of the file. level: 0 for leaves. role: leaf | sibling | rebuilt | root.
    key: the node's hash, or a fingerprint of it. value: anything equal exactly for equal
    balances; None where the file has none. zero: no balance above or below zero. user: anything
    equal for equal users; None where unknown. place: sides from the root down ("LR"), None where
    unknown. balances: None in fingerprints.
    """

    file: int
    level: int
    role: str
    key: str
    value: object | None
    zero: bool
    user: str | None = None
    place: str | None = None
    balances: Balances | None = None

    @property
    def words(self) -> str:
        """Whose node it is, in the reader's words."""
        return _ROLES[self.role] + (f" at level {self.level}" if self.level else "")


@dataclass(frozen=True)
class Conflict:
    """Two views that can't both be true. judged: False where the format may have an innocent
    explanation; then it is shown and proves nothing."""

    reason: str
    first: Sighting
    second: Sighting
    judged: bool = True


@dataclass(frozen=True)
class Together:
    """The judgement on several files. names: of the files, by index. conflicts: all of them.
    exceeded: asset -> (owed to these users, the root's total), where more is owed. bound: whether
    every leaf was rebuilt, so that no customer can have made up the pair."""

    state: State
    sentence: str
    checks: tuple[Check, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    names: tuple[str, ...] = ()
    exceeded: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    bound: bool = True

    def to_json(self, *, redact: bool = False) -> dict[str, Any]:
        """`together` of the document `merkle-por/verify/1`. redact: without names and amounts."""
        from merkle_por.report.json_document import check_document, figures

        def view(sighting: Sighting) -> dict[str, Any]:
            return {
                "file": sighting.file,
                "name": None if redact else self.names[sighting.file],
                "role": sighting.role,
                "level": sighting.level,
                "balances": None if redact else figures(sighting.balances),
            }

        shown = self.checks
        if redact:
            from merkle_por.report.redact import redacted_together

            shown = redacted_together(self).checks
        checks = [check_document(check) for check in shown]
        return {
            "state": self.state.value,
            "sentence": self.sentence,
            "checks": checks,
            "conflicts": [
                {
                    "class": conflict.reason,
                    "judged": conflict.judged,
                    "hash": conflict.first.key,
                    "other_hash": conflict.second.key,
                    "views": [view(conflict.first), view(conflict.second)],
                }
                for conflict in self.conflicts
            ],
            "exceeded": {}
            if redact
            else {
                asset: {"owed": plain(owed), "root": plain(total)}
                for asset, (owed, total) in self.exceeded.items()
            },
        }

    def lines(self, page: Page) -> None:
        """What a terminal shows below the files' own lines."""
        from merkle_por.report.text import safe

        for conflict in self.conflicts[:SHOWN]:
            self._conflict_lines(conflict, page)
        if len(self.conflicts) > SHOWN:
            page.labelled("", f"and {len(self.conflicts) - SHOWN} more (all in --json)")
        drawn = {conflict.reason for conflict in self.conflicts}
        for index, check in enumerate(c for c in self.checks if c.id not in drawn):
            label = "together" if index == 0 else ""
            page.marked(label, check.status.value, safe(check.text, TEXT_COLUMNS))
            if check.about is About.ROOT and check.expected and check.computed:
                page.whole(check.expected)
                page.whole(check.computed)
        if self.state is State.INVALID:
            self._meaning(page)
        elif self.state is State.VALID:
            page.labelled("limits", ALONE)

    def _conflict_lines(self, conflict: Conflict, page: Page) -> None:
        from merkle_por.report.text import Span, aligned, cells, padded, safe, shortened

        views = (conflict.first, conflict.second)
        names = _short_names([self.names[view.file] for view in views])
        who = [f"in {name} {view.words}" for name, view in zip(names, views, strict=True)]
        columns = max(map(cells, who))
        indent = page.indent
        rows = []
        for asset in _differing(conflict)[:ASSETS_SHOWN] or [""]:
            figures = [grouped((view.balances or {}).get(asset, ZERO)) for view in views]
            for name, figure in zip(who, aligned(figures), strict=True):
                rows.append(f"{padded(name, columns)}  {safe(asset)}  {figure}" if asset else name)
        heads = [shortened(conflict.first.key)]
        if conflict.second.key != conflict.first.key:
            heads.append(shortened(conflict.second.key))
        room = len(heads[0]) + 3
        if max(map(cells, rows)) + room + indent > page.width:
            for index, head in enumerate(heads):
                page.labelled("node" if index == 0 else "", head)
            heads, room = [], 0
        for index, row in enumerate(rows):
            label = "node" if index == 0 and heads else ""
            head = heads[index] if index < len(heads) else ""
            page.add(Span(f"  {label:<{indent - 2}}", "label"), Span(f"{head:<{room}}{row}"))

    def _meaning(self, page: Page) -> None:
        from merkle_por.report.text import safe

        reasons = {check.id for check in self.checks if check.status is CheckStatus.FAIL}
        two = len(self.names) == 2
        said = []
        if self.exceeded:
            asset, amounts = next(iter(self.exceeded.items()))
            owed, total = (grouped(Decimal(stripped(value))) for value in amounts)
            who = "two" if two else "customers"
            said.append(
                f"The root owes {total} {safe(asset)} in all, yet these {who} are owed {owed}."
            )
        elif "node-conflict" in reasons:
            said.append("One part of the tree was shown with two different sums.")
        if "root-conflict" in reasons:
            said.append("At most one of the two roots is the published one.")
        elif self.bound:
            made = "such a pair" if two else "these"
            said.append(f"Under the published root only the maker of the tree can produce {made}.")
        else:
            said.append(
                "In this format a leaf's own amount is not bound: an edited file can look like "
                "this, too."
            )
        page.labelled("meaning", " ".join(said))
        files = "both" if two else "all"
        text = f"Keep {files} files as they are, and a dated copy of the published root."
        page.labelled("next", text)


def _short_names(names: Sequence[str]) -> list[str]:
    """File names fit for a line: their beginnings, or their ends where the beginnings are alike."""
    from merkle_por.report.text import NAME_COLUMNS, safe

    shown = [safe(name) for name in names]
    if len(set(shown)) == len(set(names)):
        return shown
    return [safe(f"...{name[3 - NAME_COLUMNS :]}") for name in names]


_ROLES = {
    "leaf": "your leaf",
    "sibling": "a neighbour",
    "rebuilt": "a node above you",
    "root": "the root",
}
_SAYS = {
    "node-conflict": "stands for two different balances",
    "shared-leaf": "is shown to two users as their leaf",
    "conflicting-nodes": "is not the only hash shown for its place",
    "self-not-leaf": "is a leaf in one file and an inner node in another",
}


def _differing(conflict: Conflict) -> list[str]:
    first, second = conflict.first.balances or {}, conflict.second.balances or {}
    assets = dict.fromkeys([*first, *second])
    return [a for a in assets if first.get(a, ZERO) != second.get(a, ZERO)]


def contradictions(sightings: Iterable[Sighting], padding_known: bool = True) -> list[Conflict]:
    """All contradictions among views of one tree, one for each pair of differing values of a
    node. Judged ones come first, those of two amounts above zero before those with a zero."""
    by_key: dict[str, list[Sighting]] = {}
    by_place: dict[str, Sighting] = {}
    found: list[Conflict] = []
    for one in sightings:
        known = by_key.setdefault(one.key, [])
        found.extend(_against(one, known, padding_known))
        known.append(one)
        if one.place is not None:
            other = by_place.setdefault(one.place, one)
            if other.key != one.key:
                found.append(Conflict("conflicting-nodes", other, one))
    return sorted(found, key=lambda c: (not c.judged, c.first.zero or c.second.zero))


def _against(one: Sighting, known: list[Sighting], padding_known: bool) -> Iterator[Conflict]:
    values: set[object] = set()
    for other in known:
        differ = None not in (one.value, other.value) and one.value != other.value
        if differ and other.value not in values:
            values.add(other.value)
            judged = padding_known or not (one.zero or other.zero)
            yield Conflict("node-conflict", other, one, judged)
    leaf = next((other for other in known if other.user), None)
    if one.user and leaf is not None and leaf.user != one.user:
        yield Conflict("shared-leaf", leaf, one)
    for inner, outer in (("leaf", "rebuilt"), ("rebuilt", "leaf")):
        other_role = next((o for o in known if o.role == outer), None)
        if one.role == inner and other_role is not None:
            yield Conflict("self-not-leaf", other_role, one)


def sightings_of(verdict: Verdict, file: int) -> list[Sighting]:
    """What one file shows of its tree, padding left out. Values are the non-zero amounts."""
    # A plain hash path may name the user's balances, but its nodes carry none.
    summed = verdict.totals is not Totals.NOT_CLAIMED and any(
        node.balances for node in verdict.nodes if node.role in ("rebuilt", "root")
    )
    # A path may end in the root of a tree of its own below the published one (a currency's).
    whole = any(verdict.root and node.hash == verdict.root.value for node in verdict.nodes)
    found = []
    for node, place in zip(verdict.nodes, places(verdict.nodes), strict=True):
        if node.padding:
            continue
        amounts = {asset: value for asset, value in node.balances.items() if value}
        found.append(
            Sighting(
                file,
                node.level,
                node.role,
                node.hash,
                frozenset(amounts.items()) if summed else None,
                summed and not amounts,
                node.user,
                place if whole else None,
                node.balances if summed else None,
            )
        )
    return found


def places(nodes: Sequence[Node]) -> list[str | None]:
    """Each node's place: the sides taken from the root down to it; None where one is missing.

    None for all where the nodes are not one path up to a root, but leaves alone (one user's several
    leaves) or paths in several trees: one level then has several places.
    """
    ways = [(node.level, node.role == "sibling") for node in nodes]
    if len(set(ways)) < len(ways) or not any(node.role == "root" for node in nodes):
        return [None] * len(nodes)
    own = {node.level: node.side for node in nodes if node.role != "sibling"}
    top = max(own, default=0)
    above: dict[int, str | None] = {top: ""}
    for level in range(top - 1, -1, -1):
        side, before = own.get(level), above[level + 1]
        above[level] = None if side is None or before is None else before + side[0]
    result: list[str | None] = []
    for node in nodes:
        if node.role != "sibling":
            result.append(above.get(node.level))
            continue
        before = above.get(node.level + 1)
        result.append(None if before is None or node.side is None else before + node.side[0])
    return result


def together(verdicts: Sequence[Verdict]) -> Together:
    """Judges verdicts on several files as one set. A file that failed alone decides by itself
    (its own verdict); here it counts only if its path does lead to its root."""
    names = tuple(verdict.file.name for verdict in verdicts)
    comparable = [
        index
        for index, verdict in enumerate(verdicts)
        if verdict.root is not None and not verdict.errors and verdict.scheme is not None
    ]
    checks = differing_roots(verdicts[index] for index in comparable)
    conflicts: list[Conflict] = []
    exceeded: dict[str, tuple[Decimal, Decimal]] = {}
    compared = 0
    for group in _same_root(verdicts, comparable):
        found = _group(verdicts, group)
        if found is None:
            continue
        compared += len(group)
        conflicts += found
        exceeded |= _exceeded(verdicts, group)
        checks += _same_leaf(verdicts, group)
    checks += _checks(conflicts, exceeded, names, compared)
    failed = [check for check in checks if check.status is CheckStatus.FAIL]
    unsure = any(check.status is CheckStatus.UNCONFIRMED for check in checks)
    state = State.INVALID if failed else State.UNCONFIRMED if unsure else State.VALID
    return Together(
        state,
        _sentence(state, checks, conflicts, verdicts),
        tuple(checks),
        tuple(conflicts),
        names,
        exceeded,
        all(v.scope is None or v.scope.leaf == "recomputed" for v in verdicts),
    )


def differing_roots(verdicts: Iterable[Verdict]) -> list[Check]:
    """What is to be said about differing roots among the files of each scheme; every verdict has
    a root."""
    schemes: dict[str | None, list[Verdict]] = {}
    for verdict in verdicts:
        schemes.setdefault(verdict.scheme, []).append(verdict)
    return [check for chosen in schemes.values() for check in _roots_of_scheme(chosen)]


def _roots_of_scheme(chosen: list[Verdict]) -> Iterator[Check]:
    audits: dict[str | None, dict[str, Verdict]] = {}
    for verdict in chosen:
        assert verdict.root is not None
        audits.setdefault(verdict.snapshot.id, {}).setdefault(verdict.root.value, verdict)
    every = {root for roots in audits.values() for root in roots}
    for audit, roots in audits.items():
        if audit is not None and len(roots) > 1:
            (first, one), (second, other), *_ = roots.items()
            yield Check(
                "root-conflict",
                About.ROOT,
                CheckStatus.FAIL,
                f"{one.file.name} and {other.file.name} name one audit and lead to two roots",
                expected=first,
                computed=second,
            )
    if None in audits and len(every) > 1:
        first, second, *_ = sorted(every)
        yield Check(
            "root-not-compared",
            About.ROOT,
            CheckStatus.UNCONFIRMED,
            "two roots, and nothing says whether the files are of one audit; if they are, two "
            "customers were shown two trees",
            expected=first,
            computed=second,
        )
    named = [audit for audit in audits if audit is not None]
    if len(named) > 1 and len(every) > 1:
        yield Check(
            "different-audits",
            About.ROOT,
            CheckStatus.WARN,
            f"files of {len(named)} audits: those of different audits are not compared",
        )


def _same_root(verdicts: Sequence[Verdict], comparable: list[int]) -> list[list[int]]:
    groups: dict[tuple[str | None, str], list[int]] = {}
    for index in comparable:
        verdict = verdicts[index]
        assert verdict.root is not None
        groups.setdefault((verdict.scheme, verdict.root.value), []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def _group(verdicts: Sequence[Verdict], group: list[int]) -> list[Conflict] | None:
    """Contradictions among files of one root; None where their paths show no nodes."""
    from merkle_por.recognise import by_id

    with_nodes = [index for index in group if verdicts[index].nodes]
    if len(with_nodes) < 2:
        return None
    known = by_id(str(verdicts[group[0]].scheme)).padding_known
    views = (view for index in with_nodes for view in sightings_of(verdicts[index], index))
    return contradictions(views, known)


def _exceeded(verdicts: Sequence[Verdict], group: list[int]) -> dict[str, tuple[Decimal, Decimal]]:
    """Assets of which distinct leaves are owed more than the root's total: with no amount below
    zero, no honest tree can show that, whatever its padding."""
    leaves: dict[str, Balances] = {}
    for index in group:
        verdict = verdicts[index]
        sums = verdict.totals is Totals.BOUND and verdict.inclusion is Inclusion.HOLDS
        if sums and verdict.nodes and verdict.nodes[0].role == "leaf":
            leaves.setdefault(verdict.nodes[0].hash, verdict.nodes[0].balances)
    if len(leaves) < 2:
        return {}
    owed: Balances = {}
    for balances in leaves.values():
        owed = add_balances(owed, balances)
    total = verdicts[group[0]].published
    return {
        asset: (value, total.get(asset, ZERO))
        for asset, value in owed.items()
        if value > total.get(asset, ZERO)
    }


def _same_leaf(verdicts: Sequence[Verdict], group: list[int]) -> Iterator[Check]:
    """Files with one leaf that binds nobody's id: of one person, or one debt shown to two."""
    first: dict[str, int] = {}
    for index in group:
        verdict = verdicts[index]
        leaf = next((node for node in verdict.nodes if node.role == "leaf"), None)
        if leaf is None or leaf.user is not None:
            continue
        other = first.setdefault(leaf.hash, index)
        if other != index:
            yield Check(
                "shared-leaf",
                About.INCLUDED,
                CheckStatus.WARN,
                f"{verdicts[other].file.name} and {verdict.file.name} show the same leaf: if they "
                "are of two people, one debt was shown to both",
                where=leaf.hash,
            )


def conflict_checks(conflicts: Iterable[Conflict], names: Sequence[str]) -> Iterator[Check]:
    """One check for each contradiction; a warning where it is not judged."""
    for conflict in conflicts:
        first, second = conflict.first, conflict.second
        yield Check(
            conflict.reason,
            About.TOTALS,
            CheckStatus.FAIL if conflict.judged else CheckStatus.WARN,
            f"{first.key} {_SAYS[conflict.reason]}"
            + ("" if conflict.judged else "; it may be a filled-up level, so nothing follows"),
            where=f"{names[first.file]}: {first.words}; {names[second.file]}: {second.words}",
            expected=_listed(first),
            computed=_listed(second),
        )


def _checks(
    conflicts: list[Conflict],
    exceeded: Mapping[str, tuple[Decimal, Decimal]],
    names: tuple[str, ...],
    compared: int,
) -> Iterator[Check]:
    yield from conflict_checks(conflicts, names)
    for asset, (owed, total) in exceeded.items():
        yield Check(
            "total-exceeded",
            About.TOTALS,
            CheckStatus.FAIL,
            f"these customers are owed {grouped(owed)} {asset}, "
            f"the root's total is {grouped(total)}",
            expected=plain(total),
            computed=plain(owed),
        )
    if compared and not exceeded and not any(conflict.judged for conflict in conflicts):
        yield Check(
            "agree",
            About.TOTALS,
            CheckStatus.PASS,
            f"no contradiction among {compared} files of one root",
        )
    elif not compared:
        yield Check(
            "not-compared",
            About.TOTALS,
            CheckStatus.WARN,
            "no two of these files could be compared with each other",
        )


def _listed(sighting: Sighting) -> str | None:
    if sighting.balances is None:
        return None
    shown = [f"{grouped(v)} {asset}" for asset, v in sighting.balances.items() if v]
    return ", ".join(shown) or "0"


def _sentence(
    state: State, checks: list[Check], conflicts: list[Conflict], verdicts: Sequence[Verdict]
) -> str:
    if state is State.INVALID:
        reason = next(check.id for check in checks if check.status is CheckStatus.FAIL)
        if reason == "root-conflict":
            return "These files are of one audit, but not of one tree (root-conflict)."
        judged = {conflict.second.file for conflict in conflicts if conflict.judged}
        judged |= {conflict.first.file for conflict in conflicts if conflict.judged}
        count = len(judged) or len(verdicts)
        which = "These two" if count == len(verdicts) == 2 else f"{count} of {len(verdicts)}"
        which = f"These {count}" if count == len(verdicts) > 2 else which
        return f"{which} proofs contradict each other ({reason})."
    if state is State.UNCONFIRMED:
        return "These files lead to two roots. Are they of one audit (root-not-compared)?"
    told = {check.id for check in checks}
    if "not-compared" in told:
        return f"{len(verdicts)} files, none of which can be compared with another."
    if "different-audits" in told:
        return f"{len(verdicts)} files; those of one audit don't contradict each other."
    return f"All {len(verdicts)} proofs hold, and they don't contradict each other."
