"""Asking less often what keeps failing: after the n-th failure in a row, a pause of 2^(n-1) rounds
(at most an hour, and at least one round), so that a service in trouble is left in peace."""

from __future__ import annotations

from dataclasses import dataclass, field

LONGEST_SECONDS = 3_600.0


@dataclass
class Backoff:
    """Failures of named things. every: seconds of one round; times are monotonic seconds."""

    every: float
    _failed: dict[str, tuple[int, float, str]] = field(default_factory=dict)

    def waiting(self, name: str, now: float) -> tuple[str, float] | None:
        """Why it failed last and in how many seconds it is asked again; None: ask it now."""
        failure = self._failed.get(name)
        if failure is None or now >= failure[1]:
            return None
        return failure[2], failure[1] - now

    def failed(self, name: str, why: str, now: float) -> None:
        """Notes a failure."""
        count = self._failed[name][0] + 1 if name in self._failed else 1
        rounds = 2 ** min(count - 1, 20)
        # A little less than whole rounds: the next round begins a moment early or late.
        pause = max(min(self.every * rounds, LONGEST_SECONDS), self.every) - self.every / 2
        self._failed[name] = (count, now + pause, why)

    def answered(self, name: str) -> None:
        """Notes an answer: from here on it is asked each round."""
        self._failed.pop(name, None)
