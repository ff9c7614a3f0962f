"""The rounds: look at every exchange, store, compare, tell; wait; again. Ends when asked to.

An exchange whose files can't be read this round has no reading (its last one stays its last one);
the others go on. Times of rounds are fixed from the start, so a slow round does not shift the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from merkle_por.clock import now
from merkle_por.errors import Finding, UsageError
from merkle_por.history import History, Reading
from merkle_por.verdict import State, worst
from merkle_por.watch.alerts import Alert, Bounds, Webhook, broken, check_bounds
from merkle_por.watch.changes import Change, changes, value_change
from merkle_por.watch.look import Ways, look
from merkle_por.watch.target import Named, Target, read_target, stamps_of

ALERT = "merkle-por/alert/1"


@dataclass(frozen=True)
class Outcome:
    """What one round found of one exchange. reading: None where its files can't be read (error).
    failed: checks of the lists that failed. said: what went wrong in telling of an alert."""

    name: str
    reading: Reading | None
    changes: dict[str, Change] = field(default_factory=dict)
    value: Change = field(default_factory=Change)
    alerts: tuple[Alert, ...] = ()
    failed: tuple[str, ...] = ()
    error: Finding | UsageError | None = None
    said: str | None = None

    @property
    def state(self) -> State:
        """A broken bound is a failed check; files that can't be read are malformed."""
        if self.reading is None:
            return State.MALFORMED
        return State.INVALID if self.alerts else State(self.reading.state)


@dataclass(frozen=True)
class Round:
    """One round over all exchanges. next: UTC time of the next one, None after the last."""

    time: str
    outcomes: tuple[Outcome, ...]
    next: str | None

    @property
    def state(self) -> State:
        return worst(outcome.state for outcome in self.outcomes)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(alert for outcome in self.outcomes for alert in outcome.alerts)


@dataclass
class Watcher:
    """Watches some exchanges. clock: monotonic seconds; moment: UTC now; wait: sleeps."""

    named: Sequence[Named]
    ways: Ways
    history: History
    every: float
    bounds: Bounds = field(default_factory=lambda: Bounds({}, {}))
    webhook: Webhook | None = None
    clock: Callable[[], float] = time.monotonic
    moment: Callable[[], str] = now
    _targets: dict[int, Target] = field(default_factory=dict)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def first(self) -> None:
        """Reads all files once. Raises Malformed, Invalid, UsageError: at the start, what is wrong
        with them ends the watch."""
        for place, named in enumerate(self.named):
            self._targets[place] = read_target(named, self.ways.tokens)
        names = [target.exchange for target in self._targets.values()]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(
                    f"two groups of lists are both {name}'s",
                    "put the exchange's name before its lists: merkle-por watch NAME LIST...",
                )

    def round(self, following: str | None) -> Round:
        """Looks at each exchange once. following: UTC time of the next round."""
        moment = self.moment()
        outcomes = []
        for place, named in enumerate(self.named):
            try:
                outcomes.append(self._one(place, named))
            except (Finding, UsageError) as error:
                outcomes.append(Outcome(self._targets[place].name, None, error=error))
        return Round(moment, tuple(outcomes), following)

    def _one(self, place: int, named: Named) -> Outcome:
        target = self._targets[place]
        if stamps_of(named) != target.stamps:
            target = self._targets[place] = read_target(named, self.ways.tokens)
        found = look(target, self.ways, self.moment(), self.clock)
        alerts = broken(found.reading, self.bounds)
        reading = replace(found.reading, alerts=tuple(alert.text for alert in alerts))
        if alerts:
            reading = replace(reading, state=State.INVALID.value)
        reading = self.history.record(reading, found.wallets)
        return Outcome(
            name=target.name,
            reading=reading,
            changes=changes(self.history, reading),
            value=value_change(self.history, reading),
            alerts=alerts,
            failed=target.failed,
            said=self._tell(reading, alerts),
        )

    def _tell(self, reading: Reading, alerts: Sequence[Alert]) -> str | None:
        """Posts each bound once when it breaks, and once when it holds again; what did not arrive
        is tried again in the next round."""
        if self.webhook is None:
            return None
        problems = []
        broken_now = {alert.what: alert for alert in alerts}
        told = {what for exchange, what in self._told if exchange == reading.exchange}
        healed = {what for what in told - set(broken_now) if _known(reading, what)}
        for what in sorted((set(broken_now) - told) | healed):
            alert = broken_now.get(what)
            problem = self.webhook.send(_message(reading, alert, what))
            if problem is not None:
                problems.append(problem)
            elif alert is not None:
                self._told.add((reading.exchange, what))
            else:
                self._told.discard((reading.exchange, what))
        return problems[0] if problems else None

    def run(
        self,
        show: Callable[[Round], None],
        wait: Callable[[float], None],
        *,
        rounds: int | None = None,
        stop_at_alert: bool = False,
    ) -> Round:
        """Rounds until `wait` (or a signal) raises, `rounds` are over, or, if so asked, an alert
        is found. Answers the last round. Raises UsageError for bounds that can't break."""
        self.first()
        start = self.clock()
        done = tick = 0
        while True:
            done += 1
            # Rounds that were missed (a slow network, a machine that slept) are not made up for.
            tick = max(tick + 1, int((self.clock() - start) / self.every) + 1)
            due = start + tick * self.every
            last = rounds is not None and done >= rounds
            result = self.round(None if last else _later(self.moment(), due - self.clock()))
            if done == 1:
                readings = [o.reading for o in result.outcomes if o.reading is not None]
                check_bounds(readings, self.bounds)
            show(result)
            if last or (stop_at_alert and result.alerts):
                return result
            wait(max(0.0, due - self.clock()))


def _later(moment: str, seconds: float) -> str:
    from merkle_por.watch.changes import ago

    return ago(moment, -round(seconds))


def _known(reading: Reading, what: str) -> bool:
    if what == "total":
        return reading.held_value is not None
    asset = reading.asset(what)
    return asset is not None and asset.held is not None


def _message(reading: Reading, alert: Alert | None, what: str) -> dict[str, Any]:
    """What a webhook is sent."""
    return {
        "schema": ALERT,
        "time": reading.time,
        "exchange": reading.exchange,
        "what": what,
        "broken": alert is not None,
        "value": None if alert is None else alert.value,
        "bound": None if alert is None else alert.bound,
        "text": f"{what} is within its bound again" if alert is None else alert.text,
    }
