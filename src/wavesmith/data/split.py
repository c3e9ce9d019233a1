"""Held-out sounds, with no near-identical sound left in training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from wavesmith.data.manifest import Entry
from wavesmith.errors import RequestError

AnyEntry = TypeVar("AnyEntry", bound=Entry)
MIN_GROUPS = 4


def split(
    entries: Sequence[AnyEntry], held_out: float = 0.1, seed: int = 0
) -> tuple[list[AnyEntry], list[AnyEntry]]:
    """Divide entries into (training, held out), in their order, by whole groups (`Entry.group`).

    About the share `held_out` of every label is held out. Groups are taken in an order drawn from `seed`;
    one that would exceed the share of a label is skipped, so a group with half of a label stays in training.
    A label that no group fits gives its smallest group, provided that at least half of every label stays in
    training. Small sets, whose shares are less than one sound, hold out one group by the same rule. With
    fewer than four groups nothing is held out.

    The result depends only on the entries, `held_out` and `seed`, not on the order of the entries.

    Raises:
        RequestError: when `held_out` is not between 0 and 0.5.
    """
    if not 0 <= held_out <= 0.5:
        raise RequestError(f"Cannot hold out a share of {held_out}; choose one between 0 and 0.5.")
    counts: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for entry in entries:
        counts[entry.group][entry.label] += 1
    if held_out == 0 or len(counts) < MIN_GROUPS:
        return list(entries), []
    totals = Counter(entry.label for entry in entries)
    share = {label: round(held_out * total) for label, total in totals.items()}
    at_most_half = {label: total // 2 for label, total in totals.items()}
    names = sorted(counts)
    drawn = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    by_size = sorted(drawn, key=lambda group: counts[group].total())

    held: set[str] = set()
    held_counts: Counter[str | None] = Counter()

    def hold(groups: Sequence[str], limits: dict[str | None, int], most: int) -> None:
        for group in groups:
            fits = all(held_counts[label] + n <= limits[label] for label, n in counts[group].items())
            if most and fits and group not in held:
                held.add(group)
                held_counts.update(counts[group])
                most -= 1

    hold(drawn, share, most=len(drawn))
    for label in sorted(totals, key=str):
        if share[label] and not held_counts[label]:
            hold([group for group in by_size if label in counts[group]], at_most_half, most=1)
    if not held:
        hold(by_size, at_most_half, most=1)
    return (
        [entry for entry in entries if entry.group not in held],
        [entry for entry in entries if entry.group in held],
    )
