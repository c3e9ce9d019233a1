"""The interface of sets of sounds that are searched for copies; `EmbeddingLibrary` implements it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wavesmith.sound import Sound


class SoundFile(Protocol):
    """Metadata and format of a sound."""

    @property
    def path(self) -> str:
        """Path relative to the folder."""
        ...

    @property
    def label(self) -> str | None:
        """Its label."""
        ...

    @property
    def group(self) -> str:
        """Its source."""
        ...

    @property
    def rate(self) -> int:
        """Samples per second."""
        ...

    @property
    def seconds(self) -> float:
        """Its length."""
        ...


class SoundSet(Protocol):
    """Sounds on disk with their embeddings."""

    @property
    def root(self) -> Path:
        """The folder."""
        ...

    @property
    def files(self) -> Sequence[SoundFile]:
        """One for each sound."""
        ...

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Embeddings `[N, D]`."""
        ...

    def sound(self, index: int, /) -> Sound:
        """Read one sound."""
        ...


def spread_over_groups(groups: Sequence[str], most: int) -> list[int]:
    """Return indices of up to `most` items from as many groups as possible, in a fixed order.

    `groups` has the group of each item.
    """
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    rounds = sorted(
        (rank / len(indices), indices[0], index)  # of large groups evenly spaced members
        for indices in members.values()
        for rank, index in enumerate(indices)
    )
    return [index for _, _, index in rounds[:most]]
