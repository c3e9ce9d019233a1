"""A threshold of known false-alarm rate, whatever the distribution, and the probability to fall below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Threshold(NamedTuple):
    """The `rank`-th smallest of `size` values."""

    value: float
    rank: int
    size: int

    @property
    def false_alarm(self) -> float:
        """Probability that a new value of the same distribution falls below the threshold."""
        return self.rank / (self.size + 1)

    def probability(self, hits: int, draws: int) -> float:
        """Return the probability that `hits` or more of `draws` new values fall below the threshold."""
        return at_least(hits, draws, self.rank, self.size + 1 - self.rank)


def threshold(values: Sequence[float], false_alarm: float) -> Threshold:
    """Return the threshold whose false-alarm rate is at most `false_alarm`, or else the smallest value."""
    rank = max(1, math.floor(false_alarm * (len(values) + 1)))
    return Threshold(sorted(values)[rank - 1], rank, len(values))


def at_least(hits: int, count: int, a: int, b: int) -> float:
    """Return the probability of `hits` or more among `count` in a beta-binomial distribution.

    It is that of so many of `count` new draws below the a-th smallest of a + b - 1 earlier ones, for any
    continuous distribution (Wilks 1942).
    """

    def log_beta(x: float, y: float) -> float:
        return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

    def log_probability(k: int) -> float:
        ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        return ways + log_beta(k + a, count - k + b) - log_beta(a, b)

    return min(1.0, sum(math.exp(log_probability(k)) for k in range(hits, count + 1)))
